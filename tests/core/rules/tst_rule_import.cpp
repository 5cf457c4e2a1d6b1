// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/status.h"
#include "core/rules/rule_file.h"
#include "core/rules/v1/import.h"

#include <QtTest>

using namespace narthex;
using namespace narthex::base::literals;
using rules::v1::ImportResult;
using rules::v1::NoteKind;

namespace {

QString text(const std::string& value) { return QString::fromStdString(value); }

absl::StatusOr<ImportResult> import(const std::string& old)
{
    return rules::v1::importRules("dir/old.rules", old, {.scrapeInterval = 15_s});
}

QStringList notes(const ImportResult& result, NoteKind kind)
{
    QStringList all;
    for (const auto& note : result.notes) {
        if (note.kind == kind) {
            all << text(noteText("old.rules", note));
        }
    }
    return all;
}

std::vector<rules::Rule> rulesOf(const ImportResult& result)
{
    const auto file =
        rules::parseRuleFile("new.yml", result.yaml, {.features = {.experimentalFunctions = true}});
    if (!file.ok()) {
        throw std::runtime_error(file.status().ToString());
    }
    return file->groups.at(0).rules;
}

} // namespace

class TestRuleImport : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void convertsBothKinds();
    void takesRecordedNamesWithoutLabelsApart();
    void keepsComments();
    void changesExpressions_data();
    void changesExpressions();
    void keepsWhatHasNoEquivalentAsAComment();
    void takesTheFormOfBefore10();
    void reportsShortWindows();
    void refusesWithTheirPlace_data();
    void refusesWithTheirPlace();
    void survivesDamage();
};

void TestRuleImport::convertsBothKinds()
{
    const auto result =
        import("ALERT A IF x > 1 FOR 5m LABELS {s=\"p\",} ANNOTATIONS {d=\"{{$value}}'s\"} "
               "job:x:sum{a=\"b\"} = sum(x) by (job)");
    QVERIFY2(result.ok(), result.status().ToString().c_str());
    QCOMPARE(text(result->yaml), "groups:\n"
                                 "- name: 'old'\n"
                                 "  rules:\n"
                                 "  - alert: A\n"
                                 "    expr: 'x > 1'\n"
                                 "    for: 5m\n"
                                 "    labels:\n"
                                 "      s: 'p'\n"
                                 "    annotations:\n"
                                 "      d: '{{$value}}''s'\n"
                                 "  - record: job:x:sum\n"
                                 "    expr: 'sum by (job) (x)'\n"
                                 "    labels:\n"
                                 "      a: 'b'\n");
    const auto rules = rulesOf(*result);
    QCOMPARE(rules.size(), std::size_t{2});
    QVERIFY(rules[0].holdFor == 5_min);
    QCOMPARE(text(rules[0].annotations.at("d")), "{{$value}}'s");
    QVERIFY(!result->hasErrors());
    QCOMPARE(text(result->rules[1].before), "job:x:sum{a=\"b\"} = sum(x) by (job)");
}

void TestRuleImport::takesRecordedNamesWithoutLabelsApart()
{
    const auto result =
        import("a = b c = d\ne = rate(f[5m] offset 1h) * on (x) group_left g{h='i'}\n"
               "alert if a if alert or b");
    // The last line is an alert by the name of `if`: its IF follows.
    QVERIFY(!result.ok());
    const auto good = import("a = b c = d\ne = rate(f[5m] offset 1h) * on (x) group_left g{h='i'}");
    QVERIFY2(good.ok(), good.status().ToString().c_str());
    const auto rules = rulesOf(*good);
    QCOMPARE(rules.size(), std::size_t{3});
    QCOMPARE(text(rules[0].expressionText), "b");
    QCOMPARE(text(rules[1].name), "c");
    QCOMPARE(text(rules[2].expressionText),
             "rate(f[5m] offset 1h) * on (x) group_left () g{h=\"i\"}");
}

void TestRuleImport::keepsComments()
{
    const auto result = import("# first\n# of two\na = b # behind\n# second\nc = d\n");
    QVERIFY2(result.ok(), result.status().ToString().c_str());
    QVERIFY2(text(result->yaml).contains("  # first\n  # of two\n  - record: a\n"),
             result->yaml.c_str());
    QVERIFY(text(result->yaml).contains("  # behind\n  # second\n  - record: c\n"));
}

void TestRuleImport::changesExpressions_data()
{
    QTest::addColumn<QByteArray>("old");
    QTest::addColumn<QString>("now");
    QTest::addColumn<QString>("note");
    const auto row = [](const char* old, const char* now, const char* note) {
        QTest::newRow(old) << QByteArray(old) << now << note;
    };
    row("count_scalar(up == 1) / 2", "scalar(count(up == 1) or vector(0)) / 2", "count_scalar");
    row("holt_winters(x[1h], 0.5, 0.5)", "double_exponential_smoothing(x[1h], 0.5, 0.5)",
        "experimental");
    row("-a ^ b", "(-a) ^ b", "sign");
    row("c - a ^ b", "c - a ^ b", "");
    row("2 * (-a{x=\"y\"} ^ 2)", "2 * ((-a{x=\"y\"}) ^ 2)", "sign");
    row("sum(x) by (a, b)", "sum by (a, b) (x)", "");
    row("atan2 + 1", "{__name__=\"atan2\"} + 1", "keyword");
    row("rate(on{a=\"b\"}[1h])", "rate({__name__=\"on\",a=\"b\"}[1h])", "keyword");
    row("a > bool 1", "a > bool 1", "");
    row("a and on (x) b", "a and on (x) b", "");
    row("topk(3, sum without (i) (x))", "topk(3, sum without (i) (x))", "");
    row("group + start", "group + start", "");
}

void TestRuleImport::changesExpressions()
{
    QFETCH(QByteArray, old);
    QFETCH(QString, now);
    QFETCH(QString, note);
    const auto result = import("r = " + old.toStdString());
    QVERIFY2(result.ok() && !result->hasErrors(), result.ok() ? result->yaml.c_str() : "refused");
    QCOMPARE(text(rulesOf(*result)[0].expressionText), now);
    const QString told = notes(*result, NoteKind::Warning).join('\n');
    QCOMPARE(told.isEmpty(), note.isEmpty());
    QVERIFY2(told.contains(note), qPrintable(told));
}

void TestRuleImport::keepsWhatHasNoEquivalentAsAComment()
{
    const auto result = import("a = sum(x) by (i) keep_common\nb = c\n"
                               "ALERT D IF drop_common_labels(x) > 1\nbad = sum(x,\n)\n");
    QVERIFY2(result.ok(), result.status().ToString().c_str());
    QCOMPARE(rulesOf(*result).size(), std::size_t{1});
    const QStringList errors = notes(*result, NoteKind::Error);
    QCOMPARE(errors.size(), 3);
    QVERIFY(errors[0].startsWith("old.rules:1: \"a\": keep_common has no equivalent"));
    QVERIFY(errors[1].startsWith("old.rules:3: \"D\": drop_common_labels() has no"));
    QVERIFY(errors[2].startsWith("old.rules:4: \"bad\": "));
    QVERIFY2(text(result->yaml).contains("  # a = sum(x) by (i) keep_common\n"),
             result->yaml.c_str());
    QVERIFY(!result->rules[0].isConverted && result->rules[1].isConverted);
}

void TestRuleImport::takesTheFormOfBefore10()
{
    const auto result = import(
        "alert Old if x > 1 for 5m with {s=\"p\"} summary \"S\" description 'D' runbook `R`\n"
        "next = x");
    QVERIFY2(result.ok(), result.status().ToString().c_str());
    const auto rules = rulesOf(*result);
    QCOMPARE(rules.size(), std::size_t{2});
    const std::map<std::string, std::string> expected{
        {"summary", "S"}, {"description", "D"}, {"runbook", "R"}};
    QVERIFY(rules[0].annotations == expected);
    QCOMPARE(text(rules[0].labels.at("s")), "p");
    QVERIFY(notes(*result, NoteKind::Warning).first().contains("before 1.0"));
}

void TestRuleImport::reportsShortWindows()
{
    const auto result = import("a = rate(x[30s])\nb = rate(x[31s])\n");
    const QStringList told = notes(*result, NoteKind::Warning);
    QCOMPARE(told.size(), 1);
    QVERIFY(told[0].startsWith("old.rules:1: \"a\": windows"));
}

void TestRuleImport::refusesWithTheirPlace_data()
{
    QTest::addColumn<QByteArray>("old");
    QTest::addColumn<QString>("message");
    const auto row = [](const char* name, const char* old, const char* message) {
        QTest::newRow(name) << QByteArray(old) << message;
    };
    row("FOR before IF", "ALERT A FOR 5m IF x",
        "dir/old.rules:1:9: unexpected \"FOR\", expected IF");
    row("compound duration", "ALERT A IF x FOR 5m30s", "1:18: unexpected \"5m30s\"");
    row("zero duration", "ALERT A IF x FOR 0m", "\"0m\"");
    row("milliseconds", "ALERT A IF x FOR 5ms", "\"5ms\"");
    row("name with colon", "ALERT a:b IF x", "an alert's name");
    row("order", "ALERT A IF x ANNOTATIONS {a=\"b\"} LABELS {c=\"d\"}", "order");
    row("no equals sign", "\n\na b", "3:3: unexpected \"b\", expected =");
    row("no expression", "a = ", "unexpected the end of the file, expected an expression");
    row("string", "a{b=\"c} = d", "1:5");
    row("byte", "a = b ; c = d", "unexpected character ;");
    row("regular expression", "a{b=~\"c\"} = d", "expected =");
    row("reserved name", "a = IF + 1", "expected an expression");
}

void TestRuleImport::refusesWithTheirPlace()
{
    QFETCH(QByteArray, old);
    QFETCH(QString, message);
    const auto result = import(old.toStdString());
    QCOMPARE(result.status().code(), absl::StatusCode::kInvalidArgument);
    const QString told = text(std::string(base::messageOf(result.status())));
    QVERIFY2(told.contains(message), qPrintable(told));
}

void TestRuleImport::survivesDamage()
{
    const std::string whole =
        "# c\nALERT A IF sum(x{a='b'}) by (i) > 1 FOR 5m LABELS {s=\"p\"} ANNOTATIONS {d=`v`}\n"
        "a:b{c=\"d\"} = -count_scalar(on[5m] offset 5m) ^ 2 and ignoring (x) atan2";
    for (std::size_t i = 0; i < whole.size(); ++i) {
        static_cast<void>(import(whole.substr(0, i)));
        std::string damaged = whole;
        for (const char c : {'(', ')', '{', '[', '"', '-', '=', '\n', '\0'}) {
            damaged[i] = c;
            static_cast<void>(import(damaged));
        }
    }
}

QTEST_GUILESS_MAIN(TestRuleImport)
#include "tst_rule_import.moc"
