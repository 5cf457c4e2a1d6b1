// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/yaml/edit.h"

#include <QtTest>

#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>

using namespace narthex;
using yaml::Path;
using yaml::Where;

namespace {

/// A file as people write it: comments everywhere, anchors, both kinds of lists, quotes.
const char kFile[] = "# the whole thing\n"
                     "global:\n"
                     "  scrape_interval: 15s # often\n"
                     "  external_labels: {site: 'home', \"n\": \"1\"}\n"
                     "\n"
                     "# jobs\n"
                     "scrape_configs:\n"
                     "  # this one\n"
                     "  - job_name: node   # us\n"
                     "    tls_config: &tls\n"
                     "      ca_file: /ca.pem\n"
                     "    static_configs:\n"
                     "      - targets: [\"a:9100\", 'b:9100']\n"
                     "        labels:\n"
                     "          env: prod\n"
                     "\n"
                     "  # the other one\n"
                     "  # in two lines\n"
                     "  - job_name: db\n"
                     "    tls_config: *tls\n"
                     "    metrics_path:\n"
                     "    static_configs:\n"
                     "    - targets:\n"
                     "      - d:9187  # first\n"
                     "      # second\n"
                     "      - e:9187\n"
                     "# end\n";

using Edit = std::function<absl::StatusOr<yaml::TextEdit>(std::string_view)>;

const Path kNode{"scrape_configs", Where{"job_name", "node"}};
const Path kDb{"scrape_configs", Where{"job_name", "db"}};

Path in(Path path, std::initializer_list<yaml::PathPart> more)
{
    path.insert(path.end(), more);
    return path;
}

/// The lines that differ, as `-old` and `+new`.
QString difference(const std::string& before, const std::string& after)
{
    const QStringList a = QString::fromStdString(before).split('\n');
    const QStringList b = QString::fromStdString(after).split('\n');
    int begin = 0;
    while (begin < a.size() && begin < b.size() && a[begin] == b[begin]) {
        ++begin;
    }
    int tail = 0;
    while (tail < a.size() - begin && tail < b.size() - begin &&
           a[a.size() - 1 - tail] == b[b.size() - 1 - tail]) {
        ++tail;
    }
    QStringList result;
    for (int i = begin; i < a.size() - tail; ++i) {
        result << "-" + a[i];
    }
    for (int i = begin; i < b.size() - tail; ++i) {
        result << "+" + b[i];
    }
    return result.join('\n');
}

void add(const char* name, Edit edit, const char* expected)
{
    QTest::newRow(name) << edit << QString(expected);
}

} // namespace

Q_DECLARE_METATYPE(Edit)

class TestEdit : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void changesOnlyWhatIsMeant_data();
    void changesOnlyWhatIsMeant();
    void refusesWhatTouchesMore_data();
    void refusesWhatTouchesMore();
    void fillsAnEmptyFile();
    void editsTextOfOtherScripts();
    void quotesWhatWouldBeReadOtherwise_data();
    void quotesWhatWouldBeReadOtherwise();
    void everyKeyOfRealFilesCanBeRemoved();
};

void TestEdit::changesOnlyWhatIsMeant_data()
{
    QTest::addColumn<Edit>("edit");
    QTest::addColumn<QString>("expected");
    using sv = std::string_view;
    add(
        "plain value",
        [](sv t) {
            return yaml::setValue(t, {"global", "scrape_interval"}, "30s");
        },
        "-  scrape_interval: 15s # often\n+  scrape_interval: 30s # often");
    add(
        "single quotes stay",
        [](sv t) {
            return yaml::setValue(t, {"global", "external_labels", "site"}, "it's");
        },
        "-  external_labels: {site: 'home', \"n\": \"1\"}\n"
        "+  external_labels: {site: 'it''s', \"n\": \"1\"}");
    add(
        "double quotes stay",
        [](sv t) {
            return yaml::setValue(t, {"global", "external_labels", "n"}, "2");
        },
        "-  external_labels: {site: 'home', \"n\": \"1\"}\n"
        "+  external_labels: {site: 'home', \"n\": \"2\"}");
    add(
        "new key in braces",
        [](sv t) {
            return yaml::setValue(t, {"global", "external_labels", "x"}, "yes");
        },
        "-  external_labels: {site: 'home', \"n\": \"1\"}\n"
        "+  external_labels: {site: 'home', \"n\": \"1\", x: yes}");
    add(
        "new key in a block",
        [](sv t) {
            return yaml::setValue(t, {"global", "evaluation_interval"}, "1m");
        },
        "+  evaluation_interval: 1m");
    add(
        "empty value gets one",
        [](sv t) { return yaml::setValue(t, in(kDb, {"metrics_path"}), "/m"); },
        "-    metrics_path:\n+    metrics_path: /m");
    add(
        "label deep inside",
        [](sv t) {
            return yaml::setValue(t, in(kNode, {"static_configs", std::size_t{0}, "labels", "env"}),
                                  "test");
        },
        "-          env: prod\n+          env: test");
    add(
        "new label",
        [](sv t) {
            return yaml::setValue(t, in(kNode, {"static_configs", std::size_t{0}, "labels", "a"}),
                                  "b");
        },
        "+          a: b");
    add(
        "new labels section",
        [](sv t) {
            return yaml::setYaml(t, in(kDb, {"static_configs", std::size_t{0}, "labels"}),
                                 "env: prod\ntier: db");
        },
        "+      labels:\n+        env: prod\n+        tier: db");
    add(
        "target in brackets",
        [](sv t) {
            return yaml::insertElement(t, in(kNode, {"static_configs", std::size_t{0}, "targets"}),
                                       9, "c:9100");
        },
        "-      - targets: [\"a:9100\", 'b:9100']\n+      - targets: [\"a:9100\", 'b:9100', "
        "c:9100]");
    add(
        "target in a block",
        [](sv t) {
            return yaml::insertElement(t, in(kDb, {"static_configs", std::size_t{0}, "targets"}), 9,
                                       "f:9187");
        },
        "+      - f:9187");
    add(
        "target between, above its comment",
        [](sv t) {
            return yaml::insertElement(t, in(kDb, {"static_configs", std::size_t{0}, "targets"}), 1,
                                       "m:9187");
        },
        "+      - m:9187");
    add(
        "target away, with its comment",
        [](sv t) {
            return yaml::removeAt(
                t, in(kDb, {"static_configs", std::size_t{0}, "targets", std::size_t{1}}));
        },
        "-      # second\n-      - e:9187");
    add(
        "first target away",
        [](sv t) {
            return yaml::removeAt(
                t, in(kDb, {"static_configs", std::size_t{0}, "targets", std::size_t{0}}));
        },
        "-      - d:9187  # first");
    add(
        "first target in brackets away",
        [](sv t) {
            return yaml::removeAt(
                t, in(kNode, {"static_configs", std::size_t{0}, "targets", std::size_t{0}}));
        },
        "-      - targets: [\"a:9100\", 'b:9100']\n+      - targets: ['b:9100']");
    add(
        "new job, apart as the others are",
        [](sv t) {
            return yaml::insertElement(t, {"scrape_configs"}, 9,
                                       "job_name: new\nstatic_configs:\n  - targets: [x]");
        },
        "+\n+  - job_name: new\n+    static_configs:\n+      - targets: [x]");
    add(
        "job before all",
        [](sv t) { return yaml::insertElement(t, {"scrape_configs"}, 0, "job_name: new"); },
        "+  - job_name: new\n+");
    add(
        "job away, with its comments", [](sv t) { return yaml::removeAt(t, kDb); },
        "-  # the other one\n-  # in two lines\n-  - job_name: db\n-    tls_config: *tls\n"
        "-    metrics_path:\n-    static_configs:\n-    - targets:\n-      - d:9187  # first\n"
        "-      # second\n-      - e:9187");
    add(
        "key that begins its element",
        [](sv t) { return yaml::removeAt(t, in(kDb, {"job_name"})); },
        "-  - job_name: db\n-    tls_config: *tls\n+  - tls_config: *tls");
    add(
        "last label leaves braces",
        [](sv t) {
            return yaml::removeAt(t,
                                  in(kNode, {"static_configs", std::size_t{0}, "labels", "env"}));
        },
        "-        labels:\n-          env: prod\n+        labels: {}");
    add(
        "new rules where none are",
        [](sv t) {
            return yaml::insertElement(t, in(kNode, {"relabel_configs"}), 0,
                                       "action: drop\nregex: x");
        },
        "+    relabel_configs:\n+      - action: drop\n+        regex: x");
    add(
        "block for a plain value",
        [](sv t) {
            return yaml::setYaml(t, {"global", "scrape_interval"}, "a: 1\nb: 2");
        },
        "-  scrape_interval: 15s # often\n+  scrape_interval: # often\n+    a: 1\n+    b: 2");
}

void TestEdit::changesOnlyWhatIsMeant()
{
    QFETCH(Edit, edit);
    QFETCH(QString, expected);
    const std::string before = kFile;
    const auto result = edit(before);
    QVERIFY2(result.ok(), result.status().ToString().c_str());
    const std::string after = result->apply(before);
    QCOMPARE(difference(before, after), expected);
    QCOMPARE(result->inverse().apply(after), before);
}

void TestEdit::refusesWhatTouchesMore_data()
{
    QTest::addColumn<Edit>("edit");
    QTest::addColumn<QString>("expected");
    using sv = std::string_view;
    add(
        "what an alias needs", [](sv t) { return yaml::removeAt(t, in(kNode, {"tls_config"})); },
        "change it by hand");
    add(
        "what others share",
        [](sv t) {
            return yaml::setValue(t, in(kNode, {"tls_config", "ca_file"}), "/x");
        },
        "refers to it by its anchor");
    add(
        "below an alias",
        [](sv t) {
            return yaml::setValue(t, in(kDb, {"tls_config", "ca_file"}), "/x");
        },
        "line 20: *tls stands for what is defined at &tls");
    add(
        "no such job",
        [](sv t) {
            return yaml::removeAt(t, {"scrape_configs", Where{"job_name", "no"}});
        },
        "there is no job_name=no");
    add(
        "no such key",
        [](sv t) {
            return yaml::removeAt(t, {"global", "no"});
        },
        "there is no no");
    add(
        "key of a value",
        [](sv t) {
            return yaml::setValue(t, {"global", "scrape_interval", "x"}, "1");
        },
        "line 3: no mapping");
    add(
        "element of a mapping", [](sv t) { return yaml::insertElement(t, {"global"}, 0, "x"); },
        "global is no list");
    add(
        "damaged value",
        [](sv t) {
            return yaml::setYaml(t, {"global", "x"}, "[1");
        },
        "yaml:");
}

void TestEdit::refusesWhatTouchesMore()
{
    QFETCH(Edit, edit);
    QFETCH(QString, expected);
    const auto result = edit(kFile);
    QVERIFY(!result.ok());
    const auto message = QString::fromStdString(std::string(result.status().message()));
    QVERIFY2(message.contains(expected), qPrintable(message));
}

void TestEdit::fillsAnEmptyFile()
{
    std::string text = "# nothing yet\n";
    const auto apply = [&text](const absl::StatusOr<yaml::TextEdit>& edit) {
        QVERIFY2(edit.ok(), edit.status().ToString().c_str());
        text = edit->apply(text);
    };
    apply(yaml::setYaml(text, {"global"}, "scrape_interval: 5s"));
    apply(yaml::insertElement(text, {"scrape_configs"}, 0, "job_name: a"));
    apply(yaml::insertElement(text, {"scrape_configs"}, 1, "job_name: b"));
    apply(yaml::insertElement(text, {"scrape_configs", std::size_t{1}, "static_configs"}, 0,
                              "targets: ['h:1']"));
    QCOMPARE(QString::fromStdString(text),
             QString("# nothing yet\nglobal:\n  scrape_interval: 5s\nscrape_configs:\n"
                     "  - job_name: a\n  - job_name: b\n    static_configs:\n"
                     "      - targets: ['h:1']\n"));
    apply(yaml::removeAt(text, {"scrape_configs", std::size_t{0}}));
    apply(yaml::removeAt(text, {"scrape_configs", std::size_t{0}}));
    QCOMPARE(QString::fromStdString(text),
             QString("# nothing yet\nglobal:\n  scrape_interval: 5s\nscrape_configs: []\n"));
    apply(yaml::insertElement(text, {"scrape_configs"}, 0, "job_name: c\nscheme: https"));
    QCOMPARE(QString::fromStdString(text),
             QString("# nothing yet\nglobal:\n  scrape_interval: 5s\nscrape_configs:\n"
                     "  - job_name: c\n    scheme: https\n"));
}

void TestEdit::editsTextOfOtherScripts()
{
    const std::string text = "name: 測試 # 註\nlabels: {ключ: значение}\nlast: ü\n";
    const auto edit = yaml::setValue(text, {"labels", "ключ"}, "другое");
    QVERIFY2(edit.ok(), edit.status().ToString().c_str());
    QCOMPARE(edit->apply(text), std::string("name: 測試 # 註\nlabels: {ключ: другое}\nlast: ü\n"));
    const auto other = yaml::setValue(text, {"name"}, "x");
    QVERIFY2(other.ok(), other.status().ToString().c_str());
    QCOMPARE(other->apply(text), std::string("name: x # 註\nlabels: {ключ: значение}\nlast: ü\n"));
}

void TestEdit::quotesWhatWouldBeReadOtherwise_data()
{
    QTest::addColumn<QString>("value");
    for (const char* const value :
         {"plain", "a b", "",   "yes", "1",  "1.5", "null", "~",   "a: b", "a #b",   "- x",
          "[x]",   "{x}", "*x", "&x",  "!x", "%x",  "@x",   "`x",  "'x'",  "\"x\"",  "a\nb",
          "a\tb",  " x ", "x:", "?",   "|",  ">",   "#x",   "a,b", "\\d+", "$1:${2}"}) {
        QTest::newRow(value) << QString(value);
    }
}

void TestEdit::quotesWhatWouldBeReadOtherwise()
{
    QFETCH(QString, value);
    for (const std::string text :
         {"k: v\nl: m\n", "{k: v, l: m}\n", "k: \"v\"\nl: m\n", "k: 'v'\nl: m\n"}) {
        const auto edit = yaml::setValue(text, {"k"}, value.toStdString());
        QVERIFY2(edit.ok(), (edit.status().ToString() + " in " + text).c_str());
    }
}

// Whatever key is taken away from the shared files, the rest stays, or it is refused with a reason.
void TestEdit::everyKeyOfRealFilesCanBeRemoved()
{
    const auto folder = std::filesystem::path(NARTHEX_SHARED_DIR) / "conformance/config";
    if (!std::filesystem::exists(folder)) {
        QSKIP("the conformance files are not here");
    }
    int removed = 0;
    for (const char* const name : {"conf.good.yml", "roundtrip.good.yml"}) {
        std::ifstream file(folder / name);
        std::stringstream stream;
        stream << file.rdbuf();
        const std::string text = stream.str();
        for (std::size_t job = 0; job < 60; ++job) {
            const Path path{"scrape_configs", job};
            const auto whole = yaml::removeAt(text, path);
            if (!whole.ok()) {
                QVERIFY2(absl::IsNotFound(whole.status()), whole.status().ToString().c_str());
                break;
            }
            for (const char* const key :
                 {"job_name", "relabel_configs", "tls_config", "static_configs", "basic_auth",
                  "scrape_interval", "metrics_path", "ec2_sd_configs", "dns_sd_configs"}) {
                const auto edit = yaml::removeAt(text, in(path, {key}));
                QVERIFY2(edit.ok() || absl::IsNotFound(edit.status()),
                         (edit.status().ToString() + key).c_str());
                removed += edit.ok() ? 1 : 0;
                const auto set = yaml::setValue(text, in(path, {key}), "x");
                QVERIFY2(set.ok(), (set.status().ToString() + key).c_str());
                const auto block = yaml::insertElement(text, in(path, {"file_sd_configs"}), 0,
                                                       "files: [x.json]\nrefresh_interval: 1m");
                QVERIFY2(block.ok(), block.status().ToString().c_str());
            }
        }
    }
    QVERIFY2(removed > 30, qPrintable(QString::number(removed)));
}

QTEST_GUILESS_MAIN(TestEdit)
#include "tst_edit.moc"
