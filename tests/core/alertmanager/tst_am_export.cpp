// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Acknowledgements on external Alertmanagers: against a scripted server, and against Debian's.
#include "core/alertmanager/ack_export.h"
#include "core/alertmanager/api.h"
#include "core/alertmanager/export_plan.h"
#include "core/alertmanager/silences.h"
#include "core/base/file.h"
#include "core/base/status.h"
#include "support/alertmanager_peer.h"
#include "support/scripted_server.h"

#include <QtTest>

using namespace narthex;
using namespace narthex::base::literals;
using alertmanager::AckExporter;
using tests::ScriptedServer;

namespace {

const model::Labels kX{{"alertname", "A"}, {"i", "x"}};
const model::Labels kOdd{{"alertname", "A"}, {"i", "say \"hi\"\nbüro"}};

QJsonObject bodyOf(const net::ServerRequest& request)
{
    return QJsonDocument::fromJson(QByteArray::fromStdString(request.body)).object();
}

/// A server of this version that has one alert, held by the silence "s1".
void script(ScriptedServer& server, const char* version = "0.25.0")
{
    server.json("GET /api/v2/status",
                QString("{\"versionInfo\":{\"version\":\"%1\"}}").arg(version).toStdString());
    server.json("POST /api/v2/silences", "{\"silenceID\":\"s1\"}");
    server.json("GET /api/v2/alerts", "[{\"status\":{\"silencedBy\":[\"s1\"]}}]");
    server.json("GET /api/v2/silences", "[]");
    server.json("DELETE /api/v2/silence/s1", "");
}

/// The silence "s1" as the server lists it.
void listSilence(ScriptedServer& server, base::Timestamp start, base::Timestamp end)
{
    server.json("GET /api/v2/silences",
                QString("[{\"id\":\"s1\",\"startsAt\":\"%1\",\"endsAt\":\"%2\",\"comment\":\"ACK! "
                        "x\",\"createdBy\":\"anna\",\"status\":{\"state\":\"active\"}}]")
                    .arg(QString::fromStdString(base::formatTimestamp(start)),
                         QString::fromStdString(base::formatTimestamp(end)))
                    .toStdString());
}

class World
{
public:
    ScriptedServer server;
    const base::Timestamp start;
    explicit World(const char* version = "0.25.0", base::Timestamp from = {1'772'000'000'000})
        : start(from), timers(start)
    {
        script(server, version);
        open();
    }
    void open()
    {
        exporter.reset();
        database.reset();
        database =
            state::Database::open(folder.path() / "state.db", alertmanager::migrations()).value();
        exporter =
            std::make_unique<AckExporter>(alertmanager::AckSettings{}, "here",
                                          AckExporter::Environment{.http = http,
                                                                   .timers = timers,
                                                                   .database = database.get(),
                                                                   .log = base::nullLogger(),
                                                                   .metrics = metrics});
        if (!exporter->start().ok()) {
            throw std::runtime_error("the exporter does not start");
        }
    }
    auto acknowledge(const std::string& target, std::vector<model::Labels> alerts,
                     alertmanager::AckRequest request = {.author = "anna", .comment = "on it"})
    {
        return exporter->acknowledge(target, alerts, {"ack1"}, request);
    }
    void pass(base::Duration by)
    {
        while (by.ns > 0) {
            timers.advance(45_s);
            exporter->settle();
            by = by - 45_s;
        }
    }

    base::ManualTimers timers;
    alertmanager::Metrics metrics;
    base::TemporaryDirectory folder;
    net::IoLoop loop;
    net::HttpClient http{loop, "Narthex/test"};
    std::unique_ptr<state::Database> database;
    std::unique_ptr<AckExporter> exporter;
};

} // namespace

class TestAmExport : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void manyAlertsArePutTogether();
    void aSilenceSaysAllLabelsAndWhoItIs();
    void newerServersGetAnnotations();
    void itIsExtendedInPlaceShortlyBeforeItsEnd();
    void aNewIdIsKept();
    void aSilenceThatIsGoneIsMadeAnew();
    void itEndsWhenTheAlertIsGoneForTwoPolls();
    void itEndsWhenItExpiresOrIsWithdrawn();
    void nothingHappensWhenTheServerIsAway();
    void othersAreShownAndLeftAlone();
    void aRestartGoesOnWithThem();
    void againstDebiansAlertmanager();
};

void TestAmExport::manyAlertsArePutTogether()
{
    std::vector<model::Labels> alerts;
    for (int i = 0; i < 25; ++i) {
        const std::string host = "h.st" + std::to_string(i);
        alerts.push_back({{"alertname", "A"}, {"instance", host}});
    }
    const auto plan = alertmanager::planSilences(alerts);
    QVERIFY2(plan.ok(), plan.status().ToString().c_str());
    QCOMPARE(plan->size(), 1U);
    QCOMPARE(plan->at(0).matchers.size(), 2U);
    QVERIFY(
        QString::fromStdString(plan->at(0).matchers[1].value()).startsWith("(h\\.st0|h\\.st1|"));
    QCOMPARE(plan->at(0).alerts.size(), 25U);
    for (const model::Labels& labels : alerts) {
        QVERIFY(model::matchesAll(plan->at(0).matchers, labels));
    }
    QVERIFY(!model::matchesAll(plan->at(0).matchers, {{"alertname", "A"}, {"instance", "hxst0"}}));
    QCOMPARE(alertmanager::planSilences(std::span(alerts).first(20))->size(), 20U);
    for (std::size_t i = 0; i < alerts.size(); ++i) {
        model::LabelsBuilder builder(alerts[i]);
        alerts[i] = builder.set("device", "d" + std::to_string(i % 3)).build();
    }
    const auto refused = alertmanager::planSilences(alerts);
    QVERIFY(QString::fromStdString(refused.status().ToString()).contains("device and instance"));
}

void TestAmExport::aSilenceSaysAllLabelsAndWhoItIs()
{
    World world;
    const auto made = world.acknowledge(world.server.url(), {kOdd});
    QVERIFY2(made.ok(), made.status().ToString().c_str());
    QCOMPARE(made->at(0).silenceId, std::string("s1"));
    const QJsonObject body = bodyOf(world.server.last("POST /api/v2/silences"));
    QCOMPARE(body["comment"].toString(), QString("ACK! on it [narthex:ack1]"));
    QCOMPARE(body["createdBy"].toString(), QString("anna"));
    QVERIFY(!body.contains("annotations") && !body.contains("id"));
    QCOMPARE(body["matchers"].toArray().size(), 2);
    const QJsonObject matcher = body["matchers"].toArray()[1].toObject();
    QCOMPARE(matcher["value"].toString(), QString::fromUtf8("say \"hi\"\nbüro"));
    QVERIFY(matcher["isEqual"].toBool() && !matcher["isRegex"].toBool());
    const auto start = base::parseTimestamp(body["startsAt"].toString().toStdString());
    const auto end = base::parseTimestamp(body["endsAt"].toString().toStdString());
    QCOMPARE((*end - *start).ms(), 900'000);
}

void TestAmExport::newerServersGetAnnotations()
{
    World world("0.34.0");
    QVERIFY(world.acknowledge(world.server.url(), {kX}).ok());
    const QJsonObject body = bodyOf(world.server.last("POST /api/v2/silences"));
    QCOMPARE(body["comment"].toString(), QString("ACK! on it"));
    QCOMPARE(body["annotations"].toObject()["narthex_ack"].toString(), QString("ack1"));
    QCOMPARE(body["annotations"].toObject()["narthex_instance"].toString(), QString("here"));
}

void TestAmExport::itIsExtendedInPlaceShortlyBeforeItsEnd()
{
    World world;
    QVERIFY(world.acknowledge(world.server.url(), {kX}).ok());
    listSilence(world.server, world.start + 1_ms, world.start + 15_min);
    world.pass(9_min);
    QCOMPARE(world.server.count("POST /api/v2/silences"), 1U);
    world.pass(90_s);
    QCOMPARE(world.server.count("POST /api/v2/silences"), 2U);
    const QJsonObject body = bodyOf(world.server.last("POST /api/v2/silences"));
    QCOMPARE(body["id"].toString(), QString("s1"));
    // As the server reported it, to the letter.
    QCOMPARE(body["startsAt"].toString().toStdString(), base::formatTimestamp(world.start + 1_ms));
    const auto end = base::parseTimestamp(body["endsAt"].toString().toStdString());
    QVERIFY(*end > world.start + 25_min && *end < world.start + 27_min);
}

void TestAmExport::aNewIdIsKept()
{
    World world;
    QVERIFY(world.acknowledge(world.server.url(), {kX}).ok());
    listSilence(world.server, world.start, world.start + 3_min);
    world.server.json("POST /api/v2/silences", "{\"silenceID\":\"s2\"}");
    world.pass(45_s);
    QCOMPARE(world.exporter->exports().size(), 1U);
    QCOMPARE(world.exporter->exports()[0].silenceId, std::string("s2"));
    world.server.json("GET /api/v2/alerts", "[{\"status\":{\"silencedBy\":[\"s2\"]}}]");
    world.server.json("GET /api/v2/silences", "[]");
    world.pass(5_min);
    QCOMPARE(world.server.count("POST /api/v2/silences"), 2U);
}

void TestAmExport::aSilenceThatIsGoneIsMadeAnew()
{
    World world;
    QVERIFY(world.acknowledge(world.server.url(), {kX}).ok());
    listSilence(world.server, world.start, world.start + 3_min);
    world.server.sequence("POST /api/v2/silences",
                          {{.status = 404, .body = "\"silence not found\""},
                           {.contentType = "application/json", .body = "{\"silenceID\":\"s3\"}"}});
    world.pass(45_s);
    QCOMPARE(world.exporter->exports()[0].silenceId, std::string("s3"));
    QVERIFY(!bodyOf(world.server.last("POST /api/v2/silences")).contains("id"));
}

void TestAmExport::itEndsWhenTheAlertIsGoneForTwoPolls()
{
    World world;
    QVERIFY(world.acknowledge(world.server.url(), {kX}).ok());
    world.server.json("GET /api/v2/alerts", "[]");
    world.pass(45_s);
    QCOMPARE(world.server.count("DELETE /api/v2/silence/s1"), 0U);
    world.pass(45_s);
    QCOMPARE(world.server.count("DELETE /api/v2/silence/s1"), 1U);
    QVERIFY(world.exporter->exports().empty());
}

void TestAmExport::itEndsWhenItExpiresOrIsWithdrawn()
{
    World world;
    QVERIFY(
        world.acknowledge(world.server.url(), {kX}, {.author = "anna", .expiresIn = 5_min}).ok());
    const QJsonObject body = bodyOf(world.server.last("POST /api/v2/silences"));
    const auto end = base::parseTimestamp(body["endsAt"].toString().toStdString());
    QCOMPARE((*end - world.timers.clock().now()).ms(), 300'000);
    world.pass(6_min);
    QCOMPARE(world.server.count("DELETE /api/v2/silence/s1"), 1U);
    QVERIFY(world.acknowledge(world.server.url(), {kX}).ok());
    QVERIFY(world.exporter->withdraw("ack1").ok());
    QCOMPARE(world.server.count("DELETE /api/v2/silence/s1"), 2U);
    QVERIFY(world.exporter->exports().empty());
}

void TestAmExport::nothingHappensWhenTheServerIsAway()
{
    World world;
    QVERIFY(world.acknowledge(world.server.url(), {kX}).ok());
    world.server.answerWith("GET /api/v2/alerts", {.status = 503, .body = "away"});
    world.pass(3_min);
    QCOMPARE(world.exporter->exports().size(), 1U);
    QVERIFY(!world.exporter->exports()[0].lastError.empty());
    QCOMPARE(world.server.count("DELETE /api/v2/silence/s1"), 0U);
    QVERIFY(world.metrics.exportErrors > 0U);
    world.server.answerWith("POST /api/v2/silences", {.status = 500, .body = "no"});
    const auto refused = world.acknowledge(world.server.url(), {kX});
    QVERIFY(QString::fromStdString(refused.status().ToString()).contains("answers 500: no"));
    QVERIFY(!world.acknowledge("http://127.0.0.1:1", {kX}).ok());
}

void TestAmExport::othersAreShownAndLeftAlone()
{
    World world;
    listSilence(world.server, world.start, world.start + 1_min);
    world.exporter->watch(world.server.url(), nullptr);
    world.pass(10_min);
    const auto foreign = world.exporter->foreign();
    QCOMPARE(foreign.size(), 1U);
    QCOMPARE(foreign[0].author, std::string("anna"));
    QCOMPARE(foreign[0].since.ms, world.start.ms);
    QCOMPARE(world.server.count("POST /api/v2/silences"), 0U);
    QCOMPARE(world.server.count("DELETE /api/v2/silence/s1"), 0U);
}

void TestAmExport::aRestartGoesOnWithThem()
{
    World world;
    QVERIFY(world.acknowledge(world.server.url(), {kOdd}).ok());
    world.open();
    QCOMPARE(world.exporter->exports().size(), 1U);
    listSilence(world.server, world.start, world.start + 1_min);
    world.pass(45_s);
    QCOMPARE(world.server.count("POST /api/v2/silences"), 2U);
    const QJsonObject body = bodyOf(world.server.last("POST /api/v2/silences"));
    QCOMPARE(body["comment"].toString(), QString("ACK! on it [narthex:ack1]"));
    QCOMPARE(body["matchers"].toArray().size(), 2);
}

void TestAmExport::againstDebiansAlertmanager()
{
    if (const QString missing = test::AlertmanagerPeer::missing(); !missing.isEmpty()) {
        QSKIP(qPrintable(missing));
    }
    base::TemporaryDirectory folder;
    test::AlertmanagerPeer peer;
    QVERIFY2(peer.start(folder.path(), "route: {receiver: r}\nreceivers: [{name: r}]\n"),
             qPrintable(peer.output()));
    const std::string& target = peer.url();
    test::Requests& requests = peer.requests();
    World world("0.25.0", base::SystemClock().now());
    const auto post = [&](const std::string& path, const std::string& body) {
        std::atomic<int> status = 0;
        world.http.send({.method = "POST",
                         .url = target + path,
                         .headers = {{"Content-Type", "application/json"}},
                         .body = body},
                        std::make_shared<const net::HttpClientConfig>(),
                        [&](absl::StatusOr<net::HttpResponse> response) {
                            status = response.ok() ? response->status : -1;
                        });
        return QTest::qWaitFor([&] { return status != 0; }, 10000) ? status.load() : 0;
    };
    const auto states = [&] {
        QMap<QString, QString> result;
        const auto alerts = QJsonDocument::fromJson(requests.get("/api/v2/alerts").body).array();
        for (const QJsonValue& alert : alerts) {
            result[alert["labels"]["i"].toString()] = alert["status"]["state"].toString();
        }
        return result;
    };
    QCOMPARE(post("/api/v2/alerts",
                  "[{\"labels\":{\"alertname\":\"A\",\"i\":\"say \\\"hi\\\"\\nb\xc3\xbcro\"}},"
                  "{\"labels\":{\"alertname\":\"A\",\"i\":\"other\"}}]"),
             200);
    const QString odd = QString::fromUtf8("say \"hi\"\nbüro");
    const auto made = world.acknowledge(target, {kOdd});
    QVERIFY2(made.ok(), made.status().ToString().c_str());
    const std::string id = made->at(0).silenceId;
    QTRY_COMPARE(states()[odd], QString("suppressed"));
    QVERIFY(states()["other"] != "suppressed");
    // Eleven minutes later on our clock it is given a later end, in place.
    world.pass(11_min);
    const auto silences = QJsonDocument::fromJson(requests.get("/api/v2/silences").body).array();
    QCOMPARE(silences.size(), 1);
    QCOMPARE(silences[0]["id"].toString().toStdString(), id);
    const auto end = base::parseTimestamp(silences[0]["endsAt"].toString().toStdString());
    QVERIFY(*end > base::SystemClock().now() + 20_min);
    QCOMPARE(world.exporter->exports()[0].silenceId, id);
    QVERIFY(world.exporter->withdraw("ack1").ok());
    QTRY_VERIFY(states()[odd] != "suppressed");

    // What it leaves behind is read as it is.
    QCOMPARE(peer.terminate(), 0);
    const auto file = base::readFile(folder.path() / "silences");
    QVERIFY2(file.ok(), file.status().ToString().c_str());
    base::ManualTimers timers(base::SystemClock().now());
    alertmanager::Alertmanager manager({}, {.loop = world.loop,
                                            .http = world.http,
                                            .timers = timers,
                                            .database = nullptr,
                                            .log = base::nullLogger()});
    QVERIFY(manager.importSilences(*file).ok());
    const auto silence = manager.silence(id);
    QVERIFY(silence != nullptr);
    QCOMPARE(silence->stateAt(timers.clock().now()), alertmanager::SilenceState::Expired);
    QVERIFY(silence->matches(kOdd));
}

QTEST_GUILESS_MAIN(TestAmExport)
#include "tst_am_export.moc"
