// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Remote write and remote read as the engine runs them: from the configuration to the wire, and
// what the user is told. Source: spec/remote.md, 2.8 and 5.
#include "core/engine/remote.h"
#include "core/exposition/text_writer.h"
#include "support/engine_run.h"
#include "support/scripted_server.h"

#include <QtTest>

using namespace narthex;
using tests::EngineRun;
using tests::ScriptedServer;

namespace {

QString pageOf(engine::Engine& engine)
{
    std::string page;
    exposition::TextWriter out(page);
    engine.remote().writeMetrics(out);
    return QString::fromStdString(page);
}

QString problemOf(engine::Engine& engine, const std::string& source)
{
    for (const engine::Problem& each : engine.status().problems) {
        if (each.source == source) {
            return QString::fromStdString(each.message);
        }
    }
    return {};
}

QString configFor(const ScriptedServer& server)
{
    const QString text = QStringLiteral("global: {scrape_interval: 1h, external_labels: {dc: x}}\n"
                                        "scrape_configs:\n"
                                        "- {job_name: j, static_configs: [{targets: ['SERVER']}]}\n"
                                        "remote_write:\n"
                                        "- url: http://u:hidden@SERVER/write\n"
                                        "  name: far\n"
                                        "  queue_config: {batch_send_deadline: 50ms}\n");
    return QString(text).replace("SERVER", QString::fromStdString(server.address()));
}

} // namespace

class TestRemoteEngine : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void samplesOfTargetsGoToTheReceiver();
    void aRefusalIsAProblemThatClearsByItself();
    void theEndSendsWhatWaits();
    void twoEqualSectionsDoNotLoad();
    void serversOfRemoteReadAnswerQueries();
};

void TestRemoteEngine::samplesOfTargetsGoToTheReceiver()
{
    ScriptedServer server;
    server.answerWith("GET /metrics", {.contentType = "text/plain", .body = "a 1\n"});
    server.answerWith("POST /write", {.status = 204});
    EngineRun run;
    run.start(configFor(server));
    QVERIFY(run.scrapes(1));
    QTRY_VERIFY_WITH_TIMEOUT(server.count("POST /write") > 0, 10000);
    QTRY_VERIFY_WITH_TIMEOUT(
        pageOf(run.engine())
            .contains("prometheus_remote_storage_samples_pending{remote_name=\"far\""),
        5000);
    const QString page = pageOf(run.engine());
    QVERIFY(!page.contains("hidden"));
    QVERIFY(page.contains("prometheus_remote_storage_shards{"));
    QVERIFY(page.contains("prometheus_remote_storage_samples_in_total"));
    QVERIFY(page.contains("prometheus_wal_watcher_current_segment{consumer=\"far\"}"));
    run.engine().stop();
}

void TestRemoteEngine::aRefusalIsAProblemThatClearsByItself()
{
    ScriptedServer server;
    server.answerWith("GET /metrics", {.contentType = "text/plain", .body = "a 1\n"});
    server.answerWith("POST /write", {.status = 400, .body = "not like this"});
    EngineRun run;
    run.start(configFor(server));
    QVERIFY(run.scrapes(1));
    QTRY_VERIFY_WITH_TIMEOUT(!problemOf(run.engine(), "remote").isEmpty(), 10000);
    const QString problem = problemOf(run.engine(), "remote");
    QVERIFY2(problem.startsWith("remote write to http://u:xxxxx@"), qPrintable(problem));
    QVERIFY(problem.contains("400 Bad Request: not like this"));
    server.answerWith("POST /write", {.status = 204});
    QVERIFY(run.scrapes(1));
    QTRY_VERIFY_WITH_TIMEOUT(problemOf(run.engine(), "remote").isEmpty(), 10000);
    run.engine().stop();
}

void TestRemoteEngine::theEndSendsWhatWaits()
{
    ScriptedServer server;
    server.answerWith("GET /metrics", {.contentType = "text/plain", .body = "a 1\n"});
    server.answerWith("POST /write", {.status = 204});
    EngineRun run;
    run.start(configFor(server).replace("50ms", "1h"));
    QVERIFY(run.scrapes(1));
    QCOMPARE(server.count("POST /write"), std::size_t{0});
    run.engine().stop();
    QCOMPARE(server.count("POST /write"), std::size_t{1});
}

void TestRemoteEngine::twoEqualSectionsDoNotLoad()
{
    const ScriptedServer server;
    EngineRun run;
    run.start(configFor(server));
    QTRY_VERIFY_WITH_TIMEOUT(run.engine().ready(), 10000);
    run.write("prometheus.yml", "remote_read: [{url: 'http://h/r'}, {url: 'http://h/r'}]\n");
    const absl::Status status = run.engine().reload();
    QVERIFY(!status.ok());
    QVERIFY(QString::fromStdString(std::string(status.message()))
                .contains("duplicate remote read configs are not allowed, found duplicate for "
                          "URL: http://h/r"));
    QVERIFY(pageOf(run.engine()).contains("remote_name=\"far\""));
    run.engine().stop();
}

void TestRemoteEngine::serversOfRemoteReadAnswerQueries()
{
    ScriptedServer server;
    server.answerWith("POST /read", {.status = 503, .body = "asleep"});
    EngineRun run;
    run.start(QStringLiteral("remote_read: [{url: 'http://SERVER/read', read_recent: true}]\n")
                  .replace("SERVER", QString::fromStdString(server.address())));
    QTRY_VERIFY_WITH_TIMEOUT(run.engine().ready(), 10000);
    const auto result = run.engine().queries().instant(run.engine().queryable(), "up",
                                                       run.engine().clock().now(), {}, {});
    QVERIFY2(result.ok(), result.status().ToString().c_str());
    QCOMPARE(result->annotations.size(), std::size_t{1});
    QVERIFY(QString::fromStdString(result->annotations[0].text).contains("503"));
    QCOMPARE(server.count("POST /read"), std::size_t{1});
    run.engine().stop();
}

QTEST_GUILESS_MAIN(TestRemoteEngine)
#include "tst_remote_engine.moc"
