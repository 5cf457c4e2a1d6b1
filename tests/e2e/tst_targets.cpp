// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Targets as they are: the pages of real programs, and every way in which a target can fail. What
// fails says what and since when, and disturbs nobody else.
#include "support/engine_run.h"
#include "support/network_peer.h"
#include "support/raw_server.h"
#include "support/scripted_server.h"

#include <QtTest>

using namespace narthex;
using namespace narthex::tests;

namespace {

QByteArray answer(const QByteArray& headers, const QByteArray& body)
{
    return "HTTP/1.1 200 OK\r\n" + headers + "Content-Length: " + QByteArray::number(body.size()) +
           "\r\n\r\n" + body;
}

const QByteArray kText = "Content-Type: text/plain\r\n";

/// The state of the target with this instance.
scrape::TargetStatus targetOf(EngineRun& run, std::string_view instance)
{
    for (const auto& target : run.engine().scraping().status().active) {
        if (target.target->labels.get("instance") == instance) {
            return target;
        }
    }
    return {};
}

bool scrapeBoth(EngineRun& run)
{
    for (const auto& target : run.engine().scraping().status().active) {
        base::ignore(run.engine().scraping().scrapeNow(target.id, [] {}), "waited for");
    }
    return QTest::qWaitFor([&run] { return run.engine().scraping().summary().unknown == 0; },
                           15000);
}

} // namespace

class TestTargets : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void aFailingTargetSaysWhyAndDisturbsNobody_data();
    void aFailingTargetSaysWhyAndDisturbsNobody();
    void oddSamplesAreSkippedAndCounted_data();
    void oddSamplesAreSkippedAndCounted();
    void nobodyListensOrIsKnown_data();
    void nobodyListensOrIsKnown();
    void realProgramsAreScraped_data();
    void realProgramsAreScraped();
};

void TestTargets::aFailingTargetSaysWhyAndDisturbsNobody_data()
{
    QTest::addColumn<QByteArray>("bytes");
    QTest::addColumn<QString>("end");
    QTest::addColumn<int>("errorClass");
    QTest::addColumn<QString>("error");
    const auto row = [](const char* name, const QByteArray& bytes, const char* end,
                        scrape::ErrorClass errorClass, const char* error) {
        QTest::newRow(name) << bytes << QString(end) << int(errorClass) << QString(error);
    };
    using enum scrape::ErrorClass;
    row("reset", "", "reset", Other, "Get \"http://127.0.0.1");
    row("closed in the body", "HTTP/1.1 200 OK\r\n" + kText + "Content-Length: 100\r\n\r\nbad 1\n",
        "close", Other, "Get \"http://127.0.0.1");
    row("silent", "", "wait", Timeout, "context deadline exceeded");
    row("slow", "HTTP/1.1 200 OK\r\n" + kText + "Content-Length: 100\r\n\r\nbad 1\n", "wait",
        Timeout, "context deadline exceeded");
    row("endless", "HTTP/1.1 200 OK\r\n" + kText + "Transfer-Encoding: chunked\r\n\r\n", "endless",
        LimitExceeded, "body size limit exceeded");
    row("a page for people", answer("Content-Type: text/html\r\n", "<html></html>"), "close", Parse,
        "received unsupported Content-Type \"text/html\" and no fallback_scrape_protocol");
    row("no type", answer("", "bad 1\n"), "close", Parse, "blank Content-Type");
    row("damaged gzip", answer(kText + "Content-Encoding: gzip\r\n", "gzip"), "close", Other,
        "gzip");
    row("not found", "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "close", NotFound,
        "server returned HTTP status 404 Not Found");
    row("no content", "HTTP/1.1 204 No Content\r\n\r\n", "close", HttpStatus,
        "server returned HTTP status 204 No Content");
    row("broken server", "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", "close",
        HttpStatus, "server returned HTTP status 503 Service Unavailable");
    row("wants a password", "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", "close",
        Unauthorized, "server returned HTTP status 401 Unauthorized");
    row("damaged page", answer(kText, "good_line 1\nbad{ 1\n"), "close", Parse, "line 2: expected");
    row("value that is none", answer(kText, "bad one\n"), "close", Parse, "parsing \"one\"");
    row("damaged characters", answer(kText, "bad{a=\"\xff\"} 1\n"), "close", Parse,
        "invalid UTF-8 label value");
    row("page without its end", answer("Content-Type: application/openmetrics-text\r\n", "bad 1\n"),
        "close", Parse, "data does not end with # EOF");
    row("damaged protobuf", answer("Content-Type: application/vnd.google.protobuf\r\n", "\x7f\x01"),
        "close", Parse, "");
    row("too many samples", answer(kText, QByteArray("a 1\nb 1\nc 1\nd 1\ne 1\nf 1\n")), "close",
        LimitExceeded, "sample limit exceeded");
    row("label too long", answer(kText, "bad{a=\"" + QByteArray(200, 'x') + "\"} 1\n"), "close",
        LimitExceeded, "label_value_length_limit exceeded");
}

void TestTargets::aFailingTargetSaysWhyAndDisturbsNobody()
{
    QFETCH(QByteArray, bytes);
    QFETCH(QString, end);
    QFETCH(int, errorClass);
    QFETCH(QString, error);
    RawServer bad([&](RawConnection& connection) {
        if (connection.readHead().empty()) {
            return;
        }
        bool alive = connection.send(bytes.toStdString());
        while (end == "endless" && alive) {
            alive = connection.send("a\r\n" + std::string(10, 'x') + "\r\n");
        }
        if (end == "wait") {
            connection.waitForHangUp();
        } else if (end == "reset") {
            connection.resetOnClose();
        }
    });
    ScriptedServer good;
    good.answerWith("GET /metrics", {.contentType = "text/plain", .body = "good 1\n"});
    EngineRun run;
    run.start(
        QString("scrape_configs:\n- job_name: j\n  scrape_interval: 1h\n"
                "  scrape_timeout: 500ms\n  body_size_limit: 64KB\n  sample_limit: 5\n"
                "  label_value_length_limit: 100\n"
                "  static_configs: [{targets: ['%1', '%2']}]\n")
            .arg(QString::fromStdString(bad.address()), QString::fromStdString(good.address())));
    QTRY_COMPARE(run.engine().scraping().status().active.size(), std::size_t{2});
    QVERIFY(scrapeBoth(run));
    const scrape::TargetStatus target = targetOf(run, bad.address());
    QCOMPARE(int(target.health), int(scrape::Health::Down));
    QVERIFY2(QString::fromStdString(target.lastError).contains(error), target.lastError.c_str());
    QCOMPARE(int(target.errorClass), errorClass);
    QCOMPARE(int(targetOf(run, good.address()).health), int(scrape::Health::Up));
    const auto failures = run.engine().scraping().failures();
    QCOMPARE(failures.size(), std::size_t{1});
    QCOMPARE(failures[0].instance, bad.address());
    QVERIFY(std::abs(failures[0].since.ms - QDateTime::currentMSecsSinceEpoch()) < 60'000);
}

void TestTargets::oddSamplesAreSkippedAndCounted_data()
{
    QTest::addColumn<QByteArray>("page");
    QTest::addColumn<int>("duplicates");
    QTest::addColumn<int>("outOfBounds");
    const auto now = QDateTime::currentMSecsSinceEpoch();
    QTest::newRow("a series twice") << QByteArray("a 1\na 2\nb 1\n") << 1 << 0;
    QTest::newRow("from the future") << "a 1 " + QByteArray::number(now + 3'600'000) + "\nb 1\n"
                                     << 0 << 1;
    QTest::newRow("a year old") << "a 1 " + QByteArray::number(now - 365LL * 86'400'000) + "\nb 1\n"
                                << 0 << 1;
}

void TestTargets::oddSamplesAreSkippedAndCounted()
{
    QFETCH(QByteArray, page);
    QFETCH(int, duplicates);
    QFETCH(int, outOfBounds);
    ScriptedServer target;
    target.answerWith("GET /metrics", {.contentType = "text/plain", .body = page.toStdString()});
    ScriptedServer first;
    first.answerWith("GET /metrics", {.contentType = "text/plain", .body = "x 1\n"});
    EngineRun run;
    run.start(QString("scrape_configs:\n- job_name: j\n  scrape_interval: 1h\n"
                      "  static_configs: [{targets: ['%1', '%2']}]\n")
                  .arg(QString::fromStdString(target.address()),
                       QString::fromStdString(first.address())));
    QTRY_COMPARE(run.engine().scraping().status().active.size(), std::size_t{2});
    // The store has a newest time before the odd one comes.
    base::ignore(run.engine().scraping().scrapeNow(targetOf(run, first.address()).id, [] {}),
                 "waited for");
    QTRY_COMPARE(int(targetOf(run, first.address()).health), int(scrape::Health::Up));
    QVERIFY(scrapeBoth(run));
    QCOMPARE(int(targetOf(run, target.address()).health), int(scrape::Health::Up));
    QCOMPARE(int(run.engine().counters().duplicate.load()), duplicates);
    QCOMPARE(int(run.engine().counters().outOfBounds.load()), outOfBounds);
}

void TestTargets::nobodyListensOrIsKnown_data()
{
    QTest::addColumn<QString>("address");
    QTest::addColumn<int>("errorClass");
    QTest::newRow("nobody listens") << QString("127.0.0.1:%1").arg(test::freePort())
                                    << int(scrape::ErrorClass::ConnectionRefused);
    QTest::newRow("no such name") << "no-such-host.invalid:9100"
                                  << int(scrape::ErrorClass::NameResolution);
}

void TestTargets::nobodyListensOrIsKnown()
{
    QFETCH(QString, address);
    QFETCH(int, errorClass);
    EngineRun run;
    run.start("scrape_configs:\n- job_name: j\n  scrape_interval: 1h\n"
              "  static_configs: [{targets: ['" +
              address + "']}]\n");
    QTRY_COMPARE(run.engine().scraping().status().active.size(), std::size_t{1});
    QVERIFY(scrapeBoth(run));
    QCOMPARE(int(targetOf(run, address.toStdString()).errorClass), errorClass);
}

void TestTargets::realProgramsAreScraped_data()
{
    QTest::addColumn<QString>("program");
    QTest::addColumn<QStringList>("arguments");
    QTest::addColumn<QString>("series");
    QTest::newRow("node_exporter")
        << "prometheus-node-exporter" << QStringList{"--web.listen-address=127.0.0.1:PORT"}
        << "node_cpu_seconds_total";
    QTest::newRow("pushgateway") << "prometheus-pushgateway"
                                 << QStringList{"--web.listen-address=127.0.0.1:PORT"}
                                 << "pushgateway_build_info";
    QTest::newRow("alertmanager") << "prometheus-alertmanager"
                                  << QStringList{"--web.listen-address=127.0.0.1:PORT",
                                                 "--cluster.listen-address=",
                                                 "--config.file=FOLDER/am.yml",
                                                 "--storage.path=FOLDER/am"}
                                  << "alertmanager_build_info";
    QTest::newRow("prometheus") << "prometheus"
                                << QStringList{"--web.listen-address=127.0.0.1:PORT",
                                               "--config.file=FOLDER/empty.yml",
                                               "--storage.tsdb.path=FOLDER/prometheus"}
                                << "prometheus_build_info";
    QTest::newRow("victoria-metrics")
        << "victoria-metrics"
        << QStringList{"-httpListenAddr=127.0.0.1:PORT", "-storageDataPath=FOLDER/vm"}
        << "vm_app_version";
}

void TestTargets::realProgramsAreScraped()
{
    QFETCH(QString, program);
    QFETCH(QStringList, arguments);
    QFETCH(QString, series);
    QString path = test::peer(program);
    if (path.isEmpty()) {
        QSKIP("the program cannot be had");
    }
    QTemporaryDir folder;
    QFile config(folder.filePath("am.yml"));
    QVERIFY(config.open(QIODevice::WriteOnly));
    config.write("route: {receiver: none}\nreceivers: [{name: none}]\n");
    config.close();
    QVERIFY(QFile(folder.filePath("empty.yml")).open(QIODevice::WriteOnly));
    const QString port = QString::number(test::freePort());
    arguments.replaceInStrings("PORT", port).replaceInStrings("FOLDER", folder.path());
    test::Program peer;
    if (program == "prometheus-alertmanager") {
        arguments = test::withPeerFiles(path, arguments);
        if (arguments.isEmpty()) {
            QSKIP("name spaces cannot be made here");
        }
        path = "unshare";
    }
    QVERIFY(peer.start(path, arguments, folder.path()));
    const auto answers = [&port] {
        QTcpSocket socket;
        socket.connectToHost(QHostAddress::LocalHost, port.toUShort());
        return socket.waitForConnected(200);
    };
    QVERIFY2(QTest::qWaitFor(answers, 30000), qPrintable(peer.output()));
    EngineRun run;
    run.start("scrape_configs:\n- job_name: j\n  scrape_interval: 1h\n"
              "  scrape_native_histograms: true\n"
              "  static_configs: [{targets: ['127.0.0.1:" +
              port + "']}]\n");
    QTRY_COMPARE(run.engine().scraping().status().active.size(), std::size_t{1});
    QVERIFY2(run.scrapes(1), qPrintable(run.targets() + peer.output()));
    const auto target = run.engine().scraping().status().active.at(0);
    QVERIFY2(target.samplesScraped > 30, qPrintable(QString::number(target.samplesScraped)));
    QCOMPARE(target.samplesScraped, target.samplesAfterRelabeling);
    QCOMPARE(run.engine().counters().duplicate.load(), std::uint64_t{0});
    // One of them says nothing of types and helps.
    const auto names = run.engine().scraping().metadata();
    QVERIFY2(program == "victoria-metrics" ? target.seriesAdded > 100
                                           : names.contains(series.toStdString()),
             qPrintable(series));
}

QTEST_GUILESS_MAIN(TestTargets)
#include "tst_targets.moc"
