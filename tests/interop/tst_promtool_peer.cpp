// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// narthexctl and promtool 2.42 with the same arguments, on the same server (ours) and files: the
// same output and exit code. Skipped without promtool.
#include "support/ctl_run.h"

#include <QTemporaryDir>
#include <QtTest>

using namespace narthex;
using test::RunOutput;

namespace {

constexpr const char* kStart = "1700000000";

/// Three series of a gauge and a classic histogram, a minute long.
QByteArray openMetrics()
{
    QByteArray text = "# TYPE speed gauge\n# TYPE took histogram\n";
    QByteArray buckets;
    for (int i = 0; i < 5; ++i) {
        const QByteArray time = QByteArray::number(1700000000 + 15 * i);
        for (const char* labels : {"{job=\"a\"}", "{job=\"b\",zone=\"x\"}", ""}) {
            text += QByteArray("speed") + labels + " " + QByteArray::number(i * 0.25) + " " + time +
                    "\n";
        }
    }
    for (const char* bound : {"0.1", "1.0", "+Inf"}) {
        for (int i = 0; i < 5; ++i) {
            const int count = QByteArray(bound) == "0.1" ? 0 : i + 1;
            text += QByteArray("took_bucket{job=\"a\",le=\"") + bound + "\"} " +
                    QByteArray::number(count) + " " + QByteArray::number(1700000000 + 15 * i) +
                    "\n";
        }
    }
    return text + "# EOF\n";
}

/// What promtool's linter finds fault with.
QByteArray badPage()
{
    return "# TYPE requests counter\nrequests 1\n"
           "# HELP cpu_milliseconds Time.\n# TYPE cpu_milliseconds gauge\ncpu_milliseconds 1\n"
           "# HELP queue_gauge Length.\n# TYPE queue_gauge gauge\nqueue_gauge{le=\"1\"} 1\n"
           "# HELP x_total Sum.\n# TYPE x_total gauge\nx_total 1\nx_total{camelCase=\"a\"} 1\n"
           "x_total{camelCase=\"b\"} 1\n"
           "# HELP took_ms Time.\n# TYPE took_ms histogram\ntook_ms_bucket{le=\"1\"} 1\n"
           "took_ms_bucket{le=\"+Inf\"} 2\ntook_ms_sum 3\ntook_ms_count 2\n"
           "# HELP a:b Colon.\n# TYPE a:b gauge\na:b 1\na:b{i=\"1\"} 1\na:b{i=\"2\"} 1\n"
           "a:b{i=\"3\"} 1\na:b{i=\"4\"} 1\n";
}

/// Without findings: 2.42 counts only then.
QByteArray severalPage()
{
    return "# HELP up_total Fine.\n# TYPE up_total counter\nup_total{a=\"1\"} 1\nup_total 1\n"
           "# HELP took_seconds Time.\n# TYPE took_seconds histogram\n"
           "took_seconds_bucket{le=\"1\"} 1\ntook_seconds_bucket{le=\"+Inf\"} 2\n"
           "took_seconds_sum 3\ntook_seconds_count 2\n"
           "# HELP part_ratio Shares.\n# TYPE part_ratio summary\npart_ratio{quantile=\"0.5\"} 1\n"
           "part_ratio_sum 1\npart_ratio_count 1\n# HELP plain Plain.\nplain 1\n";
}

QByteArray goodPage() { return "# HELP up_total Fine.\n# TYPE up_total counter\nup_total 1\n"; }

} // namespace

class TestPromtoolPeer : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void initTestCase();
    void queriesPrintTheSame_data();
    void queriesPrintTheSame();
    void metricsAreLintedAlike_data();
    void metricsAreLintedAlike();
    void configurationsAreCheckedAlike_data();
    void configurationsAreCheckedAlike();
    void discoveryFindsTheSame();
    void blocksAreListedAlike();

private:
    QString write(const QString& name, const QByteArray& text)
    {
        QFile file(folder_.filePath(name));
        if (file.open(QIODevice::WriteOnly)) {
            file.write(text);
        }
        return folder_.filePath(name);
    }
    /// URL stands for the server's.
    [[nodiscard]] QStringList withUrl(QStringList arguments) const
    {
        return arguments.replaceInStrings("URL", url_);
    }
    [[nodiscard]] RunOutput theirs(const QStringList& arguments, const QByteArray& input = {}) const
    {
        return test::runOnce(promtool_, arguments, input, folder_.path());
    }
    [[nodiscard]] RunOutput ours(const QStringList& arguments, const QByteArray& input = {}) const
    {
        return test::runCtl(arguments, input, folder_.path());
    }

    QTemporaryDir folder_;
    QString promtool_;
    QString url_;
    test::Program server_;
};

void TestPromtoolPeer::initTestCase()
{
    promtool_ = test::peer("promtool");
    if (promtool_.isEmpty()) {
        QSKIP("promtool is not there");
    }
    const QString page = write("page.om", openMetrics());
    const QString data = folder_.filePath("data");
    const RunOutput made = ours({"tsdb", "create-blocks-from", "openmetrics", page, data});
    QVERIFY2(made.exitCode == 0, made.text());
    const int port = test::freePort();
    url_ = QString("http://127.0.0.1:%1").arg(port);
    write("empty.yml", "scrape_configs: []\n");
    QVERIFY(server_.start(test::ownProgram("narthexctl"),
                          {"serve", "--config.file=" + folder_.filePath("empty.yml"),
                           "--storage.tsdb.path=" + data, "--storage.tsdb.retention.time=100y",
                           QString("--web.listen-address=127.0.0.1:%1").arg(port)}));
    test::Requests requests(port);
    QVERIFY2(requests.waitReady(), qPrintable(server_.output()));
}

void TestPromtoolPeer::queriesPrintTheSame_data()
{
    QTest::addColumn<QStringList>("arguments");
    QTest::addColumn<int>("exitCode");
    const auto row = [](const QStringList& arguments, int exitCode = 0) {
        QTest::addRow("%s", qPrintable(arguments.join(' '))) << arguments << exitCode;
    };
    const QString at = QString("--time=%1").arg(kStart);
    const QStringList span{"--start=1700000000", "--end=1700000060"};
    for (const char* query :
         {"speed", "sum(speed)", "1+0.5", "1e21", "nothing", "speed[30s]", "-speed/0", "time()"}) {
        row({"query", "instant", at, "URL", QString("(%1)").arg(query)});
        row({"query", "instant", "-o", "json", at, "URL", QString("(%1)").arg(query)});
    }
    row({"query", "instant", "--time=2023-11-14T22:13:30Z", "URL", "speed"});
    row({"query", "instant", "--time=1700000030.5", "URL", "speed"});
    row({"query", "instant", "URL", "speed +"}, 1);
    row({"query", "instant", "--time=soon", "URL", "speed"}, 1);
    row(QStringList{"query", "range", "--step=15s", "URL", "speed"} + span);
    row(QStringList{"query", "range", "URL", "sum by (job) (speed)"} + span);
    row(QStringList{"query", "range", "-o", "json", "--step=30s", "URL", "speed"} + span);
    row({"query", "range", "--start=1700000060", "--end=1700000000", "URL", "speed"}, 1);
    row(QStringList{"query", "range", "URL", "speed["} + span, 1);
    row(QStringList{"query", "series", "--match=speed", "URL"} + span);
    row({"query", "series", "--match=speed{job=\"a\"}", "--match=took_bucket", "URL"});
    row({"query", "series", "--match=nothing", "URL"});
    row({"query", "series", "--match={", "URL"}, 1);
    row(QStringList{"query", "labels", "URL", "job"} + span);
    row({"query", "labels", "--match=took_bucket", "URL", "le"});
    row({"query", "labels", "-o", "json", "URL", "job"});
    row({"query", "labels", "URL", "nothing"});
    row({"query", "instant", "--unknown", "URL", "speed"}, 1);
}

void TestPromtoolPeer::queriesPrintTheSame()
{
    QFETCH(QStringList, arguments);
    QFETCH(int, exitCode);
    const RunOutput mine = ours(withUrl(arguments));
    const RunOutput peer = theirs(withUrl(arguments));
    QVERIFY2(mine.exitCode == exitCode, mine.text());
    QCOMPARE(mine.out, peer.out);
    QCOMPARE(peer.exitCode, exitCode);
    if (peer.errors.startsWith("query error: bad_data")) {
        QCOMPARE(mine.errors, peer.errors);
    }
}

void TestPromtoolPeer::metricsAreLintedAlike_data()
{
    QTest::addColumn<QByteArray>("page");
    QTest::addColumn<QStringList>("options");
    QTest::addColumn<int>("exitCode");
    QTest::newRow("fine") << goodPage() << QStringList() << 0;
    QTest::newRow("findings") << badPage() << QStringList() << 3;
    QTest::newRow("counted") << severalPage() << QStringList{"--extended"} << 0;
    QTest::newRow("fine, counted") << goodPage() << QStringList{"--extended"} << 0;
    QTest::newRow("no page") << QByteArray("a{b\n") << QStringList() << 1;
}

void TestPromtoolPeer::metricsAreLintedAlike()
{
    QFETCH(QByteArray, page);
    QFETCH(QStringList, options);
    QFETCH(int, exitCode);
    const RunOutput mine = ours(QStringList{"check", "metrics"} + options, page);
    const RunOutput peer = theirs(QStringList{"check", "metrics"} + options, page);
    QVERIFY2(mine.exitCode == exitCode, mine.text());
    QCOMPARE(peer.exitCode, exitCode);
    QByteArrayList theirLines = peer.out.split('\n');
    QByteArrayList ourLines = mine.out.split('\n');
    // Metrics of the same size come in any order there.
    std::sort(theirLines.begin(), theirLines.end());
    std::sort(ourLines.begin(), ourLines.end());
    QCOMPARE(ourLines, theirLines);
    if (exitCode != 1) {
        QCOMPARE(mine.errors, peer.errors);
    }
}

void TestPromtoolPeer::configurationsAreCheckedAlike_data()
{
    QTest::addColumn<QByteArray>("config");
    QTest::addColumn<QStringList>("options");
    QTest::addColumn<int>("exitCode");
    const auto row = [](const char* name, const QByteArray& config, int exitCode,
                        const QStringList& options = {}) {
        QTest::newRow(name) << config << options << exitCode;
    };
    const QByteArray job = "scrape_configs: [{job_name: a, ";
    row("fine", "global: {scrape_interval: 15s}\n", 0);
    row("rules", "rule_files: [good.yml]\n", 0);
    row("rules of a pattern that matches nothing", "rule_files: ['no*.yml']\n", 0);
    row("a rule file is missing", "rule_files: [missing.yml]\n", 1);
    row("only the syntax", "rule_files: [missing.yml]\n", 0, {"--syntax-only"});
    row("duplicates", "rule_files: [double.yml]\n", 0);
    row("duplicates are fatal", "rule_files: [double.yml]\n", 3, {"--lint-fatal"});
    row("duplicates are passed over", "rule_files: [double.yml]\n", 0,
        {"--lint-fatal", "--lint=none"});
    row("bad rules", "rule_files: [bad.yml]\n", 1);
    row("target files are missing", job + "file_sd_configs: [{files: [missing.json]}]}]\n", 0);
    row("target files are fine", job + "file_sd_configs: [{files: ['targets*.json']}]}]\n", 0);
    row("a target file is broken", job + "file_sd_configs: [{files: [broken.json]}]}]\n", 1);
    row("a broken target file does not matter",
        job + "file_sd_configs: [{files: [broken.json]}]}]\n", 0, {"--syntax-only"});
    row("credentials are missing",
        job + "authorization: {credentials_file: missing}, static_configs: []}]\n", 1);
    row("a key without a certificate", job + "tls_config: {key_file: missing}}]\n", 1);
    row("unknown key", "global: {scrape_intervall: 15s}\n", 1);
    row("agent", "rule_files: [good.yml]\n", 1, {"--agent"});
    row("fine for an agent", "remote_write: [{url: 'http://x/y'}]\n", 0, {"--agent"});
}

void TestPromtoolPeer::configurationsAreCheckedAlike()
{
    QFETCH(QByteArray, config);
    QFETCH(QStringList, options);
    QFETCH(int, exitCode);
    write("good.yml", "groups: [{name: g, rules: [{record: a, expr: up}]}]\n");
    write("double.yml",
          "groups: [{name: g, rules: [{record: a, expr: up}, {record: a, expr: down}]}]\n");
    write("bad.yml", "groups: [{name: g, rules: [{record: a, expr: 'up +'}]}]\n");
    write("targets1.json", "[{\"targets\": [\"a:1\"], \"labels\": {\"b\": \"c\"}}]\n");
    write("broken.json", "[{\"targets\"\n");
    write("c.yml", config);
    const QStringList arguments = QStringList{"check", "config"} + options + QStringList{"c.yml"};
    const RunOutput mine = ours(arguments);
    const RunOutput peer = theirs(arguments);
    QVERIFY2(mine.exitCode == exitCode, mine.text());
    QVERIFY2(peer.exitCode == exitCode, peer.text());
    QCOMPARE(mine.errors.contains("  FAILED:"), peer.errors.contains("  FAILED:"));
    if (exitCode != 1) {
        // File names in warnings are absolute there, too.
        QCOMPARE(mine.out, peer.out);
    }
}

void TestPromtoolPeer::discoveryFindsTheSame()
{
    // 2.42 falls over a job with two mechanisms.
    write("sd.yml", "scrape_configs:\n- job_name: node\n  static_configs:\n"
                    "  - {targets: ['a:1', 'b:2', 'a:1'], labels: {zone: x}}\n"
                    "  relabel_configs:\n"
                    "  - {source_labels: [__address__], regex: 'b.*', action: drop}\n"
                    "  - {source_labels: [__address__], target_label: host}\n");
    const QStringList arguments{"check", "service-discovery", "--timeout=2s", "sd.yml"};
    const RunOutput mine = ours(arguments + QStringList{"node"});
    const RunOutput peer = theirs(arguments + QStringList{"node"});
    QVERIFY2(mine.exitCode == 0, mine.text());
    QCOMPARE(peer.exitCode, 0);
    const auto targets = [](const QByteArray& text) {
        QStringList list;
        const QJsonArray all = QJsonDocument::fromJson(text).array();
        for (const QJsonValue& target : all) {
            QJsonObject object = target.toObject();
            for (const char* key : {"discoveredLabels", "labels"}) {
                QJsonObject labels = object[key].toObject();
                // Those that 2.42 does not know.
                for (const char* name :
                     {"__always_scrape_classic_histograms__",
                      "__convert_classic_histograms_to_nhcb__", "__scrape_native_histograms__"}) {
                    labels.remove(name);
                }
                object[key] = labels;
            }
            list << QString::fromUtf8(QJsonDocument(object).toJson(QJsonDocument::Compact));
        }
        list.sort();
        return list;
    };
    QCOMPARE(targets(mine.out).size(), 2);
    QCOMPARE(targets(mine.out).join('\n'), targets(peer.out).join('\n'));
    const RunOutput unknown = ours(arguments + QStringList{"nodes"});
    const RunOutput unknownThere = theirs(arguments + QStringList{"nodes"});
    QCOMPARE(unknown.exitCode, 1);
    QCOMPARE(unknownThere.exitCode, 1);
    QCOMPARE(unknown.errors, unknownThere.errors);
}

void TestPromtoolPeer::blocksAreListedAlike()
{
    const QString data = folder_.filePath("data");
    for (const QStringList& options : {QStringList(), QStringList{"-r"}}) {
        const QStringList arguments = QStringList{"tsdb", "list"} + options + QStringList{data};
        QCOMPARE(ours(arguments).out, theirs(arguments).out);
    }
}

QTEST_GUILESS_MAIN(TestPromtoolPeer)
#include "tst_promtool_peer.moc"
