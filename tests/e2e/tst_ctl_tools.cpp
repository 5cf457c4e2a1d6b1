// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The tools of narthexctl as people call them, on files and against a server of ours: what is
// printed, and exit codes.
#include "support/ctl_run.h"

#include <QRegularExpression>
#include <QStandardPaths>
#include <QTcpSocket>
#include <QTemporaryDir>
#include <QtTest>

using namespace narthex;
using test::runCtl;
using test::RunOutput;

namespace {

QByteArray page()
{
    return "# HELP done_total Done.\n# TYPE done_total counter\ndone_total{job=\"x\",a=\"b\"} 5\n"
           "# HELP took Time.\n# TYPE took histogram\ntook_bucket{le=\"1\"} 1\ntook_sum 3\n"
           "took_count 2\n# HELP part Shares.\n# TYPE part summary\npart{quantile=\"0.5\"} 7\n"
           "part_sum 8\npart_count 9\n";
}

} // namespace

class TestCtlTools : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void initTestCase();
    void serversAreChecked_data();
    void serversAreChecked();
    void discoveryReadsFiles();
    void storesAreMeasuredAndLookedInto();
    void storesOfPrometheus3AreTold();
    void queriesAreChanged_data();
    void queriesAreChanged();
    void changingQueriesIsExperimental();
    void wrongUseIsOneFailure_data();
    void wrongUseIsOneFailure();
    void metricsAreCounted();
    void pagesAreSentByRemoteWrite_data();
    void pagesAreSentByRemoteWrite();
    void pagesThatCannotBeSentAreTold();
    void groupsArePushed();
    void histogramsAreAnalyzed();
    void rangesWithoutFlagsAreFiveMinutes();
    void headersAndCredentialsAreSent();
    void resultsComeInEveryForm();
    void aServerTellsOfItself();
    void bashCompletes_data();
    void bashCompletes();
    void everyShellHasAScript();
    void helpTeaches_data();
    void helpTeaches();

private:
    QString write(const QString& name, const QByteArray& text)
    {
        QFile file(folder_.filePath(name));
        if (file.open(QIODevice::WriteOnly)) {
            file.write(text);
        }
        return folder_.filePath(name);
    }
    [[nodiscard]] test::Requests requests() const { return test::Requests(port_); }

    QTemporaryDir folder_;
    int port_ = 0;
    QString url_;
    test::Program server_;
};

void TestCtlTools::initTestCase()
{
    port_ = test::freePort();
    url_ = QString("http://127.0.0.1:%1").arg(port_);
    write("empty.yml", "scrape_configs: []\n");
    QVERIFY(server_.start(test::ownProgram("narthexctl"),
                          {"serve", "--config.file=" + folder_.filePath("empty.yml"),
                           "--storage.tsdb.path=" + folder_.filePath("data"),
                           "--web.enable-remote-write-receiver",
                           "--web.remote-write-receiver.accepted-protobuf-messages="
                           "prometheus.WriteRequest,io.prometheus.write.v2.Request",
                           QString("--web.listen-address=127.0.0.1:%1").arg(port_)}));
    QVERIFY2(requests().waitReady(), qPrintable(server_.output()));
}

void TestCtlTools::serversAreChecked_data()
{
    QTest::addColumn<QString>("command");
    QTest::addColumn<QString>("url");
    QTest::addColumn<int>("exitCode");
    QTest::addColumn<QByteArray>("told");
    QTest::newRow("healthy") << "healthy" << url_ << 0 << QByteArray("  SUCCESS:  ");
    QTest::newRow("ready") << "ready" << url_ + "/" << 0 << QByteArray("  SUCCESS:  ");
    QTest::newRow("not there") << "ready" << url_ + "/nothing" << 1
                               << QByteArray("check failed: URL=" + url_.toUtf8() +
                                             "/nothing, status=404\n");
    QTest::newRow("nobody listens")
        << "healthy"
        << "http://127.0.0.1:1" << 1 << QByteArray("Get \"http://127.0.0.1:1/-/healthy\"");
}

void TestCtlTools::serversAreChecked()
{
    QFETCH(QString, command);
    QFETCH(QString, url);
    QFETCH(int, exitCode);
    QFETCH(QByteArray, told);
    const RunOutput output = runCtl({"check", command, "--url", url});
    QVERIFY2(output.exitCode == exitCode, output.text());
    QVERIFY2(output.errors.startsWith(told), output.text());
    QCOMPARE(output.out, QByteArray());
}

void TestCtlTools::discoveryReadsFiles()
{
    write("t.json", "[{\"targets\": [\"c:1\"], \"labels\": {\"from\": \"file\"}}]\n");
    const QString config =
        write("sd.yml", "scrape_configs:\n- job_name: node\n  static_configs:\n"
                        "  - {targets: ['a:1', 'b:2']}\n  file_sd_configs: [{files: [t.json]}]\n"
                        "  relabel_configs:\n"
                        "  - {source_labels: [__address__], regex: 'b.*', action: drop}\n");
    const RunOutput output = runCtl({"check", "service-discovery", config, "node"});
    QVERIFY2(output.exitCode == 0, output.text());
    const QJsonArray targets = QJsonDocument::fromJson(output.out).array();
    QCOMPARE(targets.size(), 3);
    int kept = 0;
    int fromFile = 0;
    for (const QJsonValue& target : targets) {
        kept += target["labels"]["instance"].isString() ? 1 : 0;
        fromFile += target["discoveredLabels"]["from"].toString() == "file" ? 1 : 0;
    }
    QCOMPARE(kept, 2);
    QCOMPARE(fromFile, 1);
}

void TestCtlTools::storesAreMeasuredAndLookedInto()
{
    const QString out = folder_.filePath("bench");
    const RunOutput measured =
        runCtl({"tsdb", "bench", "write", "--out", out, "--metrics=250", "--scrapes=120"});
    QVERIFY2(measured.exitCode == 0, measured.text());
    for (const char* told :
         {">> start stage=readData\n", ">> completed stage=ingestScrapes ",
          " > total samples: 30000\n", " > samples/sec: ", ">> completed stage=stopStorage "}) {
        QVERIFY2(measured.out.contains(told), measured.text());
    }
    const RunOutput series = runCtl({"tsdb", "dump", "--format=seriesjson", out + "/storage"});
    QVERIFY2(series.exitCode == 0, series.text());
    QCOMPARE(series.out.count('\n'), 250);
    QVERIFY2(series.out.contains("{\"__name__\":\"bench_metric_0_total\",\"instance\":"),
             series.text().left(500));
    // What was printed can be written again.
    const QString file = write("series.json", series.out);
    const RunOutput again =
        runCtl({"tsdb", "bench", "write", "--out", out, "--metrics=100", "--scrapes=150", file});
    QVERIFY2(again.out.contains(" > total samples: 15000\n"), again.text());
    QCOMPARE(runCtl({"tsdb", "bench", "write", "--out", out, write("no.json", "[\n")}).exitCode, 1);

    const RunOutput readable = runCtl({"tsdb", "compat", out + "/storage"});
    QVERIFY2(readable.exitCode == 0, readable.text());
    QVERIFY2(readable.out.contains("Prometheus 2.42 can read all of it"), readable.text());
    const QString page = write("page.om", "a{b=\"x\"} 1 1700000000\na{b=\"yy\"} 1 1700000000\n"
                                          "c 1 1700000000\n# EOF\n");
    const QString blocks = folder_.filePath("blocks");
    QCOMPARE(runCtl({"tsdb", "create-blocks-from", "openmetrics", "-q", page, blocks}).exitCode, 0);
    const RunOutput chosen = runCtl({"tsdb", "analyze", "--match={b=~\".+\"}", blocks});
    QVERIFY2(chosen.exitCode == 0, chosen.text());
    QVERIFY2(chosen.out.contains("Matcher: {b=~\".+\"}\nMatched series: 2\nLabel names: 2\n"),
             chosen.text());
    QVERIFY2(chosen.out.contains("cumulative label value length:\n3 b\n1 __name__\n"),
             chosen.text());
    QVERIFY2(chosen.out.contains("Highest cardinality metric names:\n2 a\n"), chosen.text());
}

void TestCtlTools::storesOfPrometheus3AreTold()
{
    const int port = test::freePort();
    const QString data = folder_.filePath("zstd");
    test::Program server;
    QVERIFY(server.start(test::ownProgram("narthexctl"),
                         {"serve", "--config.file=" + folder_.filePath("empty.yml"),
                          "--storage.tsdb.path=" + data, "--storage.prometheus3-formats",
                          "--storage.tsdb.wal-compression-type=zstd",
                          "--web.enable-remote-write-receiver",
                          QString("--web.listen-address=127.0.0.1:%1").arg(port)}));
    test::Requests requests(port);
    QVERIFY2(requests.waitReady(), qPrintable(server.output()));
    QByteArray text;
    for (int i = 0; i < 300; ++i) {
        text +=
            "speed{name=\"a long and boring name\",number=\"" + QByteArray::number(i) + "\"} 1\n";
    }
    const RunOutput sent =
        runCtl({"push", "metrics", QString("http://127.0.0.1:%1").arg(port)}, text);
    QVERIFY2(sent.exitCode == 0, sent.text());
    QCOMPARE(server.terminate(), 0);
    const RunOutput told = runCtl({"tsdb", "compat", data});
    QVERIFY2(told.exitCode == 1, told.text());
    QVERIFY2(told.out.contains("wal/00000000: log record compressed with zstd ("), told.text());
    QCOMPARE(runCtl({"tsdb", "compat", folder_.filePath("missing")}).exitCode, 1);
}

void TestCtlTools::queriesAreChanged_data()
{
    QTest::addColumn<QStringList>("arguments");
    QTest::addColumn<int>("exitCode");
    QTest::addColumn<QByteArray>("out");
    const auto row = [](const QStringList& arguments, const QByteArray& out, int exitCode = 0) {
        QTest::addRow("%s", qPrintable(arguments.join(' '))) << arguments << exitCode << out;
    };
    row({"format", "sum by(job)(rate(x[5m]))>0"}, "sum by (job) (rate(x[5m])) > 0\n");
    row({"format", "sum("}, "", 1);
    const QStringList set{"label-matchers", "set"};
    row(set + QStringList{"up", "job", "node"}, "up{job=\"node\"}\n");
    row(set + QStringList{"-t", "=~", "rate(a{job=\"x\"}[5m]) / b", "job", "n.*"},
        "rate(a{job=~\"n.*\"}[5m]) / b{job=~\"n.*\"}\n");
    row(set + QStringList{"-t", "!=", "max_over_time(up[1h:5m])", "a", "b"},
        "max_over_time(up{a!=\"b\"}[1h:5m])\n");
    row(set + QStringList{"up", "__name__", "down"}, "{__name__=\"down\"}\n");
    row(set + QStringList{"-t", "=~", "up", "job", "("}, "", 1);
    const QStringList remove{"label-matchers", "delete"};
    row(remove + QStringList{"up{job=\"a\",job!=\"b\",c=\"d\"}", "job"}, "up{c=\"d\"}\n");
    row(remove + QStringList{"up", "job"}, "up\n");
}

void TestCtlTools::queriesAreChanged()
{
    QFETCH(QStringList, arguments);
    QFETCH(int, exitCode);
    QFETCH(QByteArray, out);
    const RunOutput output = runCtl(QStringList{"--experimental", "promql"} + arguments);
    QVERIFY2(output.exitCode == exitCode, output.text());
    QCOMPARE(output.out, out);
    QCOMPARE(output.errors.isEmpty(), exitCode == 0);
    const RunOutput behind =
        runCtl(QStringList{"promql"} + arguments + QStringList{"--experimental"});
    QCOMPARE(behind.out, out);
}

void TestCtlTools::changingQueriesIsExperimental()
{
    const RunOutput output = runCtl({"promql", "format", "up"});
    QCOMPARE(output.exitCode, 1);
    QVERIFY2(output.errors.contains("requires the --experimental flag"), output.text());
}

void TestCtlTools::wrongUseIsOneFailure_data()
{
    QTest::addColumn<QStringList>("arguments");
    QTest::addColumn<int>("exitCode");
    QTest::newRow("unknown flag of a tool") << QStringList{"check", "rules", "--nothing"} << 1;
    QTest::newRow("unknown command") << QStringList{"nothing"} << 1;
    QTest::newRow("unknown flag of the server") << QStringList{"serve", "--nothing"} << 2;
    QTest::newRow("no linting at all") << QStringList{"check", "metrics", "--lint=none"} << 1;
    QTest::newRow("a job is missing") << QStringList{"push"} << 1;
    QTest::newRow("a bad label") << QStringList{"push", "--job=a", "--label=b"} << 1;
    QTest::newRow("help") << QStringList{"--help"} << 0;
    QTest::newRow("version") << QStringList{"--version"} << 0;
}

void TestCtlTools::wrongUseIsOneFailure()
{
    QFETCH(QStringList, arguments);
    QFETCH(int, exitCode);
    const RunOutput output = runCtl(arguments);
    QVERIFY2(output.exitCode == exitCode, output.text());
    QVERIFY((exitCode == 0 ? output.out : output.errors).size() > 10);
}

void TestCtlTools::metricsAreCounted()
{
    const RunOutput table = runCtl({"check", "metrics", "--extended", "--lint=none"}, page());
    QVERIFY2(table.exitCode == 0, table.text());
    QCOMPARE(table.out, QByteArray("Metric        Cardinality    Percentage    \n"
                                   "part          3              42.86%        \n"
                                   "took          3              42.86%        \n"
                                   "done_total    1              14.29%        \n"
                                   "Total         7              100%          \n"));
    const RunOutput csv =
        runCtl({"check", "metrics", "--extended", "--lint=none", "--format=csv"}, page());
    QVERIFY2(csv.out.startsWith("Metric,Cardinality,Percentage\npart,3,42.86%\n"), csv.text());
    const RunOutput json =
        runCtl({"check", "metrics", "--extended", "--lint=none", "--format=json"}, page());
    QCOMPARE(QJsonDocument::fromJson(json.out)[0]["metric"].toString(), QString("part"));
}

void TestCtlTools::pagesAreSentByRemoteWrite_data()
{
    QTest::addColumn<QString>("message");
    QTest::addColumn<QString>("job");
    QTest::newRow("version 1") << "prometheus.WriteRequest"
                               << "one";
    QTest::newRow("version 2") << "io.prometheus.write.v2.Request"
                               << "two";
}

void TestCtlTools::pagesAreSentByRemoteWrite()
{
    QFETCH(QString, message);
    QFETCH(QString, job);
    const RunOutput sent = runCtl({"push", "metrics", "--protobuf_message", message, "--label",
                                   "job=" + job, "--label", "by=test", url_},
                                  page());
    QVERIFY2(sent.exitCode == 0, sent.text());
    QVERIFY2(sent.out.contains("SUCCESS: metrics pushed to remote write"), sent.text());
    test::Requests server = requests();
    const QString at = QString("{job=\"%1\",by=\"test\"").arg(job);
    QCOMPARE(server.value("done_total" + at + ",exported_job=\"x\",a=\"b\"}"), 5.0);
    QCOMPARE(server.value("took_bucket" + at + ",le=~\"1|1.0\"}"), 1.0);
    QCOMPARE(server.value("took_bucket" + at + ",le=\"+Inf\"}"), 2.0);
    QCOMPARE(server.value("part" + at + ",quantile=\"0.5\"}"), 7.0);
    QCOMPARE(server.value("part_count" + at + "}"), 9.0);
}

void TestCtlTools::pagesThatCannotBeSentAreTold()
{
    const QString good = write("good.prom", "a 1\n");
    const QString bad = write("bad.prom", "a{ 1\n");
    const RunOutput mixed = runCtl({"push", "metrics", url_, bad, good});
    QCOMPARE(mixed.exitCode, 1);
    QVERIFY2(mixed.errors.contains("  FAILED: text format parsing error in line 1"), mixed.text());
    QVERIFY2(mixed.out.contains("SUCCESS: metrics file " + good.toUtf8()), mixed.text());
    QCOMPARE(runCtl({"push", "metrics", url_, folder_.filePath("missing")}).exitCode, 1);
    const RunOutput path = runCtl({"push", "metrics", "--remote-write.path=/no", url_, good});
    QCOMPARE(path.exitCode, 1);
    QVERIFY2(path.errors.contains("404"), path.text());
    QCOMPARE(runCtl({"push", "metrics", "--protobuf_message=x", url_, good}).exitCode, 1);
    QCOMPARE(runCtl({"push", "metrics", "http://127.0.0.1:1", good}).exitCode, 1);
}

void TestCtlTools::groupsArePushed()
{
    const QString gateway = test::peer("prometheus-pushgateway");
    if (gateway.isEmpty()) {
        QSKIP("prometheus-pushgateway is not there");
    }
    const int port = test::freePort();
    test::Program peer;
    QVERIFY(peer.start(gateway, {QString("--web.listen-address=127.0.0.1:%1").arg(port)}));
    test::Requests asked(port);
    QVERIFY2(asked.waitReady(), qPrintable(peer.output()));
    const QString where = QString("--url=http://127.0.0.1:%1").arg(port);
    const auto push = [&where](const QStringList& options, const QByteArray& input = {}) {
        return runCtl(QStringList{"push", where, "--job=a/b", "--label=empty=", "--label=path=/x"} +
                          options,
                      input);
    };
    const RunOutput first = push({}, "speed 1\nweight 2\n");
    QVERIFY2(first.exitCode == 0, first.text());
    const auto has = [&asked](const QByteArray& text) {
        return asked.get("/metrics").body.contains(text);
    };
    QVERIFY2(has("speed{empty=\"\",instance=\"\",job=\"a/b\",path=\"/x\"} 1"),
             asked.get("/metrics").body);
    QCOMPARE(push({"--post"}, "speed 3\n").exitCode, 0);
    QVERIFY(has("path=\"/x\"} 2"));
    QCOMPARE(push({"--put"}, "speed 4\n").exitCode, 0);
    QVERIFY(has("path=\"/x\"} 4"));
    QVERIFY(!has("weight{"));
    const RunOutput refused = push({}, "speed{\n");
    QCOMPARE(refused.exitCode, 1);
    QVERIFY2(refused.errors.contains("HTTP status 400"), refused.text());
    QCOMPARE(push({"--delete"}).exitCode, 0);
    QVERIFY(!has("speed{"));
    QCOMPARE(push({"--delete", "--put"}).exitCode, 1);
}

void TestCtlTools::histogramsAreAnalyzed()
{
    for (int i = 1; i <= 3; ++i) {
        const QByteArray time = QByteArray::number(QDateTime::currentMSecsSinceEpoch() - 40000 + i);
        const QByteArray count = QByteArray::number(i);
        const RunOutput sent =
            runCtl({"push", "metrics", "--label=job=h", url_},
                   "# TYPE lap histogram\nlap_bucket{le=\"1\"} 0 " + time +
                       "\nlap_bucket{le=\"2\"} " + count + " " + time + "\nlap_sum 1 " + time +
                       "\nlap_count " + count + " " + time + "\n");
        QVERIFY2(sent.exitCode == 0, sent.text());
    }
    const RunOutput output = runCtl({"query", "analyze", "--server", url_, "--type=histogram",
                                     "--match=lap_bucket", "--duration=10m"});
    QVERIFY2(output.exitCode == 0, output.text());
    QVERIFY2(output.out.contains("- lap_bucket{job=\"h\"} (classic): 1/1.000/1/3\n"),
             output.text());
    QVERIFY2(output.out.contains("Classic histogram series (1 in total):\n- min populated: "
                                 "1/1.000/1\n"),
             output.text());
    QCOMPARE(runCtl({"query", "analyze", "--server", url_, "--type=summary", "--match=x"}).exitCode,
             1);
}

void TestCtlTools::rangesWithoutFlagsAreFiveMinutes()
{
    const RunOutput output = runCtl({"query", "range", "-o", "json", url_, "vector(1)"});
    QVERIFY2(output.exitCode == 0, output.text());
    const QJsonArray values = QJsonDocument::fromJson(output.out)[0]["values"].toArray();
    QCOMPARE(values.size(), 301);
    QCOMPARE(values[1][0].toDouble() - values[0][0].toDouble(), 1.0);
}

void TestCtlTools::headersAndCredentialsAreSent()
{
    QTcpServer listener;
    QVERIFY(listener.listen(QHostAddress::LocalHost));
    const QString http = write("http.yml", "basic_auth: {username: u, password: p}\n");
    QProcess process;
    process.start(test::ownProgram("narthexctl"),
                  {"query", "instant", "--header=X-One=1", "--header", "X-Two=a=b",
                   "--http.config.file=" + http, QString("127.0.0.1:%1").arg(listener.serverPort()),
                   "up"});
    QTRY_VERIFY(listener.hasPendingConnections());
    QTcpSocket* const socket = listener.nextPendingConnection();
    QByteArray asked;
    QTRY_VERIFY((asked += socket->readAll()).contains("query=up"));
    socket->write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno");
    socket->flush();
    QVERIFY(process.waitForFinished());
    QCOMPARE(process.exitCode(), 1);
    const QByteArray errors = process.readAllStandardError();
    QVERIFY2(errors.startsWith("query error: bad_response"), errors);
    QVERIFY2(asked.startsWith("POST /api/v1/query "), asked);
    QVERIFY2(asked.contains("X-One: 1\r\n") && asked.contains("X-Two: a=b\r\n"), asked);
    QVERIFY2(asked.contains("Authorization: Basic dTpw\r\n"), asked);
    QVERIFY(runCtl({"query", "instant", "--http.config.file=/missing", url_, "up"}).exitCode == 1);
}

void TestCtlTools::resultsComeInEveryForm()
{
    QCOMPARE(runCtl({"query", "instant", url_, "\"a\\nb\""}).out, QByteArray("a\nb\n"));
    const QString query = "label_replace(vector(2), \"a\", \"x,\\\"y\\\"\", \"\", \"\")";
    const auto ask = [&](const QString& format) {
        return runCtl({"query", "instant", "--format", format, "--time=1700000000", url_, query})
            .out;
    };
    QCOMPARE(ask("promql"), QByteArray("{a=\"x,\\\"y\\\"\"} => 2 @[1700000000]\n"));
    QCOMPARE(ask("csv"), QByteArray("a,time,value\n\"x,\"\"y\"\"\",1700000000,2\n"));
    QCOMPARE(ask("table"), QByteArray("a      time        value\nx,\"y\"  1700000000  2\n"));
    QCOMPARE(QJsonDocument::fromJson(ask("json"))[0]["value"][1].toString(), QString("2"));
    QCOMPARE(runCtl({"query", "labels", "--format=csv", url_, "nothing"}).out,
             QByteArray("nothing\n"));
    QCOMPARE(runCtl({"alert", "--alertmanager.url", url_, "--format=csv"}).out,
             QByteArray("Alertname,Starts At,Summary,State\n"));
    QCOMPARE(runCtl({"tsdb", "list", "--format=json", folder_.filePath("data")}).out,
             QByteArray("[]\n"));
}

void TestCtlTools::aServerTellsOfItself()
{
    const RunOutput output = runCtl({"debug", "all", url_}, {}, folder_.path());
    QVERIFY2(output.exitCode == 0, output.text());
    QVERIFY2(output.out.contains("collecting: " + url_.toUtf8() + "/metrics\n"), output.text());
    const RunOutput names = test::runOnce("tar", {"-tzf", "debug.tar.gz"}, {}, folder_.path());
    for (const char* name : {"metrics.txt", "config.json", "flags.json", "tsdb.json"}) {
        QVERIFY2(names.out.contains(name), names.text());
    }
    const RunOutput metrics =
        test::runOnce("tar", {"-xzOf", "debug.tar.gz", "metrics.txt"}, {}, folder_.path());
    QVERIFY2(metrics.out.startsWith("# "), metrics.text());
    QCOMPARE(runCtl({"debug", "metrics", "http://127.0.0.1:1"}, {}, folder_.path()).exitCode, 1);
}

void TestCtlTools::bashCompletes_data()
{
    QTest::addColumn<QStringList>("words");
    QTest::addColumn<QByteArray>("proposals");
    const auto row = [](const QStringList& words, const QByteArray& proposals) {
        QTest::addRow("%s", qPrintable(words.join(' '))) << words << proposals;
    };
    row({"que"}, "query");
    row({"check", "he"}, "healthy");
    row({"query", "instant", "--ti"}, "--time");
    row({"query", "range", "-o", "j"}, "json");
    row({"query", "range", "--format", "=", "c"}, "csv");
    row({"completion", ""}, "");
    row({"promql", "label-matchers", ""}, "delete set");
    row({"tsdb", "create-blocks-from", "r"}, "rules");
}

void TestCtlTools::bashCompletes()
{
    QFETCH(QStringList, words);
    QFETCH(QByteArray, proposals);
    const RunOutput script = runCtl({"completion", "bash"});
    QVERIFY2(script.exitCode == 0, script.text());
    const QString file = write("completion.bash", script.out);
    QStringList quoted;
    for (const QString& word : words) {
        quoted << "'" + word + "'";
    }
    const QString ask =
        QString("source '%1'; cd /nonexistent 2>/dev/null; COMP_WORDS=(narthexctl "
                "%2); COMP_CWORD=%3; _narthexctl; printf '%s\\n' \"${COMPREPLY[@]}\" "
                "| sort | tr '\\n' ' '")
            .arg(file, quoted.join(' '))
            .arg(words.size());
    const RunOutput output = test::runOnce("bash", {"--norc", "-c", ask}, {}, "/proc/self/task");
    QCOMPARE(output.errors, QByteArray());
    if (!proposals.isEmpty()) {
        QCOMPARE(output.out.trimmed(), proposals);
    }
}

void TestCtlTools::everyShellHasAScript()
{
    const RunOutput zsh = runCtl({"completion", "zsh"});
    QVERIFY2(zsh.out.startsWith("#compdef narthexctl\n"), zsh.text());
    QVERIFY(zsh.out.contains("\" check config\""));
    const RunOutput fish = runCtl({"completion", "fish"});
    QVERIFY(fish.out.contains("-l lint-fatal"));
    QVERIFY(fish.out.contains("-x -a 'table json csv'"));
    QCOMPARE(runCtl({"completion", "csh"}).exitCode, 1);
    for (const char* shell : {"zsh", "fish"}) {
        const QString program = QStandardPaths::findExecutable(shell);
        if (program.isEmpty()) {
            continue; // not installed here: its syntax stays unchecked
        }
        const RunOutput checked =
            test::runOnce(program, {"-n", write(shell, runCtl({"completion", shell}).out)});
        QVERIFY2(checked.exitCode == 0, checked.text());
    }
}

void TestCtlTools::helpTeaches_data()
{
    QTest::addColumn<QStringList>("command");
    QTest::addColumn<QString>("page");
    const auto row = [](const QStringList& command, const QString& page) {
        QTest::addRow("%s", qPrintable(command.join(' '))) << command << page;
    };
    for (const char* name : {"instant", "range", "series", "labels", "analyze"}) {
        row({"query", name}, "narthexctl-query.1");
    }
    for (const char* name :
         {"config", "rules", "metrics", "healthy", "ready", "service-discovery"}) {
        row({"check", name}, "narthexctl-check.1");
    }
    row({"push"}, "narthexctl-push.1");
    row({"push", "metrics"}, "narthexctl-push.1");
    row({"promql", "format"}, "narthexctl-promql.1");
    row({"promql", "label-matchers", "set"}, "narthexctl-promql.1");
    row({"promql", "label-matchers", "delete"}, "narthexctl-promql.1");
    row({"debug", "all"}, "narthexctl-debug.1");
    row({"debug", "metrics"}, "narthexctl-debug.1");
    row({"completion"}, "narthexctl-completion.1");
    for (const char* name :
         {"list", "analyze", "dump", "dump-openmetrics", "verify", "snapshot", "compat"}) {
        row({"tsdb", name}, "narthexctl-tsdb.1");
    }
    row({"tsdb", "create-blocks-from", "openmetrics"}, "narthexctl-tsdb.1");
    row({"tsdb", "create-blocks-from", "rules"}, "narthexctl-tsdb.1");
    row({"tsdb", "bench", "write"}, "narthexctl-tsdb.1");
    row({"test", "rules"}, "narthexctl-test.1");
    row({"test", "promql"}, "narthexctl-test.1");
}

void TestCtlTools::helpTeaches()
{
    QFETCH(QStringList, command);
    QFETCH(QString, page);
    const RunOutput output = runCtl(command + QStringList{"--help"});
    QCOMPARE(output.exitCode, 0);
    const QString help = QString::fromUtf8(output.out);
    QVERIFY2(help.contains("Example: ") && help.contains("narthexctl "), qPrintable(help));
    QFile file(NARTHEX_TEST_DATA "/../../packaging/man/" + page);
    QVERIFY2(file.open(QIODevice::ReadOnly), qPrintable(page));
    QString manual = QString::fromUtf8(file.readAll());
    manual.remove('\\');
    const QRegularExpression option("--[a-z]+(?:[._-][a-z]+)*");
    for (auto it = option.globalMatch(help); it.hasNext();) {
        const QString name = it.next().captured();
        QVERIFY2(name == "--help" || manual.contains(name), qPrintable(name));
    }
}

QTEST_GUILESS_MAIN(TestCtlTools)
#include "tst_ctl_tools.moc"
