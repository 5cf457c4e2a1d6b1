// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/status.h"
#include "support/client_world.h"
#include "support/scripted_server.h"

#include <QtTest>

#include <atomic>

using namespace narthex;
using namespace narthex::client;
using test::await;
using tests::ScriptedServer;

namespace {

const char* const kQuery = "POST /api/v1/query";

std::string success(const std::string& data)
{
    return R"({"status":"success","data":)" + data + "}";
}

std::string oneElement()
{
    return success(R"({"resultType":"vector","result":[{"metric":{"__name__":"up"},)"
                   R"("value":[1700000000.5,"1"]}]})");
}

absl::StatusOr<QueryResult> ask(MonitoringClient& client, const std::string& query = "up")
{
    return await<QueryResult>(
        [&](auto reply) { client.query({.query = query}, {}, std::move(reply)); });
}

QString text(const absl::Status& status)
{
    return QString::fromStdString(std::string(base::messageOf(status)));
}

void thanos(ScriptedServer& server)
{
    server.json("GET /api/v1/status/buildinfo",
                success(R"({"version":"0.34.1","revision":"4cf1559","goVersion":"go1.21"})"));
    server.json("GET /api/v1/stores", success(R"({"sidecar":[]})"));
    server.json("GET /api/v1/rules", success(R"({"groups":[]})"));
    server.json("GET /api/v1/metadata", success("{}"));
    server.json("GET /api/v1/targets", success(R"({"activeTargets":[],"droppedTargets":[]})"));
    server.json("GET /api/v1/status/runtimeinfo", success("{}"));
    server.json("GET /api/v1/status/flags", success("{}"));
    server.json("GET /api/v1/query_exemplars", success("[]"));
}

void mimir(ScriptedServer& server)
{
    server.json("GET /prometheus/api/v1/status/buildinfo",
                success(R"({"application":"Grafana Mimir","version":"2.11.0","features":{}})"));
    server.json("GET /prometheus/api/v1/metadata", success("{}"));
    server.json("GET /prometheus/api/v1/rules", success(R"({"groups":[]})"));
    server.json("GET /prometheus/api/v1/query_exemplars", success("[]"));
}

std::string loginPage() { return "<!DOCTYPE html><html><body><form>Sign in</form></body></html>"; }

} // namespace

class TestHttpClient : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void classesWhatGoesWrong_data();
    void classesWhatGoesWrong();
    void saysThatNobodyListens();
    void saysThatANameIsUnknown();
    void endsAtItsTimeLimit();
    void cancelsWhenToldTo();
    void answersEveryRequestWhenItDies();
    void sendsWhoWeAre();
    void tellsWhichServerItIs_data();
    void tellsWhichServerItIs();
    void namesTheServerThatLacksAPart();
    void passesOnRemarksAndTheirPlaces();
    void marksThePlaceOfAMistake();
    void asksByGetWhereNothingElsePasses();
    void tellsThatAServerStarts();
    void pollsLessOftenWhileNobodyAnswers();
};

void TestHttpClient::classesWhatGoesWrong_data()
{
    QTest::addColumn<int>("status");
    QTest::addColumn<QString>("type");
    QTest::addColumn<QString>("body");
    QTest::addColumn<int>("code");
    QTest::addColumn<QString>("words");
    const auto row = [](const char* name, int status, const char* type, const std::string& body,
                        absl::StatusCode code, const char* words) {
        QTest::newRow(name) << status << type << QString::fromStdString(body)
                            << static_cast<int>(code) << words;
    };
    using enum absl::StatusCode;
    const char* json = "application/json";
    row("no credentials", 401, "text/plain", "Unauthorized\n", kUnauthenticated, "(401)");
    row("no tenant", 401, "text/plain", "no org id\n", kUnauthenticated, "X-Scope-OrgID");
    row("no rights", 403, "text/plain", "", kPermissionDenied, "(403)");
    row("gateway", 502, "text/html", loginPage(), kUnavailable, "the server failed (502)");
    row("login page", 200, "text/html", loginPage(), kUnavailable, "a page for people");
    row("cut off", 200, json, oneElement().substr(0, 80), kUnavailable, "breaks off");
    row("nothing", 200, json, "", kUnavailable, "0 bytes");
    row("other json", 200, json, "{\"hello\":1}", kUnavailable, "no status");
    row("more behind", 200, json, oneElement() + "{}", kUnavailable, "Prometheus-compatible");
    row("wrong query", 400, json,
        R"({"status":"error","errorType":"bad_data","error":"unknown function"})", kInvalidArgument,
        "unknown function");
    row("execution", 422, json,
        R"({"status":"error","errorType":"execution","error":"too many samples"})",
        kInvalidArgument, "too many samples");
    row("took too long", 503, json,
        R"({"status":"error","errorType":"timeout","error":"query timed out"})", kDeadlineExceeded,
        "query timed out");
    row("too many", 429, "text/plain", "too many outstanding requests", kResourceExhausted,
        "outstanding");
    row("error with success", 200, json,
        R"({"status":"error","errorType":"bad_data","error":"no","data":null})", kInvalidArgument,
        "no");
}

void TestHttpClient::classesWhatGoesWrong()
{
    QFETCH(int, status);
    QFETCH(QString, type);
    QFETCH(QString, body);
    QFETCH(int, code);
    QFETCH(QString, words);
    test::ClientWorld world;
    ScriptedServer server;
    server.answerWith(
        kQuery, {.status = status, .contentType = type.toStdString(), .body = body.toStdString()});
    const auto client = world.client(server.url());
    const auto result = ask(*client);
    QCOMPARE(static_cast<int>(result.status().code()), code);
    QVERIFY2(text(result.status()).contains(words), result.status().ToString().c_str());
}

void TestHttpClient::saysThatNobodyListens()
{
    test::ClientWorld world;
    std::string url;
    {
        const ScriptedServer gone;
        url = gone.url();
    }
    const auto client = world.client(url);
    const auto result = ask(*client);
    QCOMPARE(result.status().code(), absl::StatusCode::kUnavailable);
    QCOMPARE(net::transportErrorOf(result.status()), net::TransportError::Refused);
    QVERIFY(text(result.status()).contains("check the port"));
}

void TestHttpClient::saysThatANameIsUnknown()
{
    test::ClientWorld world;
    const auto client = world.client("http://no-such-host.invalid:9090");
    const auto result = ask(*client);
    QCOMPARE(result.status().code(), absl::StatusCode::kUnavailable);
    QVERIFY2(text(result.status()).contains("no-such-host.invalid"),
             result.status().ToString().c_str());
}

void TestHttpClient::endsAtItsTimeLimit()
{
    test::ClientWorld world;
    absl::Notification goOn;
    ScriptedServer server;
    server.handle(kQuery, [&](const net::ServerRequest&) {
        goOn.WaitForNotification();
        return net::ServerResponse{.body = "late"};
    });
    const auto client = world.client(server.url(), {.timeout = base::Duration::fromMs(200)});
    const auto result = ask(*client);
    goOn.Notify();
    QCOMPARE(result.status().code(), absl::StatusCode::kDeadlineExceeded);
    QVERIFY(text(result.status()).contains("no answer in time"));
}

void TestHttpClient::cancelsWhenToldTo()
{
    test::ClientWorld world;
    absl::Notification arrived;
    absl::Notification goOn;
    ScriptedServer server;
    server.handle(kQuery, [&](const net::ServerRequest&) {
        arrived.Notify();
        goOn.WaitForNotification();
        return net::ServerResponse{.body = "late"};
    });
    const auto client = world.client(server.url());
    std::stop_source stop;
    const auto result = await<QueryResult>([&](auto reply) {
        client->query({.query = "up"}, stop.get_token(), std::move(reply));
        arrived.WaitForNotification();
        stop.request_stop();
    });
    goOn.Notify();
    QCOMPARE(result.status().code(), absl::StatusCode::kCancelled);
}

void TestHttpClient::answersEveryRequestWhenItDies()
{
    test::ClientWorld world;
    absl::Notification arrived;
    absl::Notification goOn;
    ScriptedServer server;
    server.handle(kQuery, [&](const net::ServerRequest&) {
        if (!arrived.HasBeenNotified()) {
            arrived.Notify();
        }
        goOn.WaitForNotification();
        return net::ServerResponse{.body = "late"};
    });
    auto client = world.client(server.url());
    std::atomic<int> replies = 0;
    for (int i = 0; i < 20; ++i) {
        client->query({.query = "up"}, {}, [&](const absl::StatusOr<QueryResult>& result) {
            replies += absl::IsCancelled(result.status()) ? 1 : 0;
        });
    }
    arrived.WaitForNotification();
    client.reset();
    goOn.Notify();
    QCOMPARE(replies.load(), 20);
}

void TestHttpClient::sendsWhoWeAre()
{
    test::ClientWorld world;
    ScriptedServer server;
    server.json("POST /prometheus/api/v1/query", oneElement());
    LinkSettings link{.headers = {{"X-Scope-OrgID", "team-a"}}};
    link.http.basicAuth = net::BasicAuth{.username = "ann", .password = base::Secret("secret")};
    const auto client = world.client(server.url() + "/prometheus/", link);
    const auto result = ask(*client);
    QVERIFY2(result.ok(), result.status().ToString().c_str());
    const net::ServerRequest request = server.last("POST /prometheus/api/v1/query");
    QCOMPARE(std::string(request.header("X-Scope-OrgID")), std::string("team-a"));
    QCOMPARE(std::string(request.header("Authorization")), std::string("Basic YW5uOnNlY3JldA=="));
    const auto& vector = std::get<promql::Vector>((*result)->value);
    QCOMPARE(vector.size(), std::size_t{1});
    QCOMPARE(vector[0].time.ms, std::int64_t{1'700'000'000'500});
    QCOMPARE(vector[0].value, 1.0);
}

void TestHttpClient::tellsWhichServerItIs_data()
{
    QTest::addColumn<QString>("path");
    QTest::addColumn<int>("kind");
    QTest::addColumn<QString>("version");
    QTest::addColumn<int>("missing");
    QTest::newRow("Thanos") << "" << static_cast<int>(ServerKind::Thanos) << "0.34.1"
                            << static_cast<int>(Part::Configuration);
    QTest::newRow("Mimir") << "/prometheus" << static_cast<int>(ServerKind::Mimir) << "2.11.0"
                           << static_cast<int>(Part::Targets);
}

void TestHttpClient::tellsWhichServerItIs()
{
    QFETCH(QString, path);
    QFETCH(int, kind);
    QFETCH(QString, version);
    QFETCH(int, missing);
    test::ClientWorld world;
    ScriptedServer server;
    path.isEmpty() ? thanos(server) : mimir(server);
    const auto client = world.client(server.url() + path.toStdString());
    const auto offers = await<Offers>([&](auto reply) { client->offers({}, std::move(reply)); });
    QVERIFY2(offers.ok(), offers.status().ToString().c_str());
    QCOMPARE(static_cast<int>(offers->kind), kind);
    QCOMPARE(QString::fromStdString(offers->version), version);
    QVERIFY(!offers->has(static_cast<Part>(missing)));
    QVERIFY(!offers->has(Part::DeleteSeries));
    QVERIFY(offers->has(Part::Rules));
    QVERIFY(offers->has(Part::Queries));
    // The second time nobody is asked.
    server.forget();
    QVERIFY(await<Offers>([&](auto reply) { client->offers({}, std::move(reply)); }).ok());
    QVERIFY(server.requests().empty());
}

void TestHttpClient::namesTheServerThatLacksAPart()
{
    test::ClientWorld world;
    ScriptedServer server;
    mimir(server);
    const auto client = world.client(server.url() + "/prometheus");
    const auto targets = await<Targets>([&](auto reply) { client->targets({}, std::move(reply)); });
    QCOMPARE(targets.status().code(), absl::StatusCode::kUnimplemented);
    QCOMPARE(text(targets.status()), QString("Mimir does not offer the list of targets"));
}

void TestHttpClient::passesOnRemarksAndTheirPlaces()
{
    test::ClientWorld world;
    ScriptedServer server;
    server.json(kQuery, R"({"status":"success","data":{"resultType":"vector","result":[]},)"
                        R"("warnings":["store gw-1 did not answer: partial response"],)"
                        R"j("infos":["PromQL info: metric might not be a counter (1:6)"]})j");
    const auto client = world.client(server.url());
    const auto result = ask(*client, "rate(up[5m])");
    QVERIFY2(result.ok(), result.status().ToString().c_str());
    const auto& notes = (*result)->annotations;
    QCOMPARE(notes.size(), std::size_t{2});
    QCOMPARE(notes[0].kind, promql::AnnotationKind::Warning);
    QCOMPARE(notes[0].text, std::string("store gw-1 did not answer: partial response"));
    QCOMPARE(notes[1].kind, promql::AnnotationKind::Info);
    QCOMPARE(notes[1].text, std::string("PromQL info: metric might not be a counter"));
    QCOMPARE(notes[1].begin.value_or(0), 5U);
}

void TestHttpClient::marksThePlaceOfAMistake()
{
    test::ClientWorld world;
    ScriptedServer server;
    server.answerWith(kQuery, {.status = 400,
                               .contentType = "application/json",
                               .body = R"({"status":"error","errorType":"bad_data","error":)"
                                       R"("invalid parameter \"query\": 2:5: parse error: x"})"});
    const auto client = world.client(server.url());
    const auto result = ask(*client, "up\nup + )");
    const auto position = base::positionOf(result.status());
    QVERIFY(position.has_value());
    QCOMPARE(position->line.value_or(0), 2U);
    QCOMPARE(position->begin.value_or(0), 7U);
}

void TestHttpClient::asksByGetWhereNothingElsePasses()
{
    test::ClientWorld world;
    ScriptedServer server;
    server.answerWith(kQuery, {.status = 405});
    server.json("GET /api/v1/query", oneElement());
    const auto client = world.client(server.url());
    QVERIFY(ask(*client, "up{a=\"b c\"}").ok());
    QCOMPARE(std::string(server.last("GET /api/v1/query").parameter("query").value_or("")),
             std::string("up{a=\"b c\"}"));
}

void TestHttpClient::tellsThatAServerStarts()
{
    test::ClientWorld world;
    ScriptedServer server;
    server.answerWith("GET /api/v1/query", {.status = 503, .body = "Service Unavailable"});
    server.json("GET /api/v1/status/walreplay", success(R"({"min":0,"max":9,"current":5})"));
    const auto client = world.client(server.url());
    const auto status =
        await<ServerStatus>([&](auto reply) { client->status({}, std::move(reply)); });
    QVERIFY2(status.ok(), status.status().ToString().c_str());
    QCOMPARE(status->state, EngineState::Replaying);
    QCOMPARE(status->replayProgress, 0.5);
}

void TestHttpClient::pollsLessOftenWhileNobodyAnswers()
{
    using namespace base::literals;
    test::ClientWorld world;
    ScriptedServer server;
    const std::string path = "GET /api/v1/status/runtimeinfo";
    server.answerWith(path, {.status = 500});
    const auto client = world.client(server.url());
    std::atomic<int> events = 0;
    std::atomic<int> others = 0;
    auto subscription =
        client->subscribe([&](Event event) { event == Event::Status ? ++events : ++others; });
    // A poll is over when the next one is in the queue of the timers.
    const auto isWaiting = [&] { return world.timers.pending() == 1; };
    world.timers.advance(15_s);
    QVERIFY(QTest::qWaitFor([&] { return events == 1 && isWaiting(); }, 30000));
    world.timers.advance(29_s);
    QCOMPARE(server.count(path), std::size_t{1});
    world.timers.advance(1_s);
    QVERIFY(QTest::qWaitFor([&] { return server.count(path) == 2 && isWaiting(); }, 30000));
    QCOMPARE(events.load(), 1); // no news
    server.json(path, success("{}"));
    world.timers.advance(60_s);
    QVERIFY(QTest::qWaitFor([&] { return others == 3 && isWaiting(); }, 30000));
    QCOMPARE(events.load(), 2);
    world.timers.advance(15_s);
    QVERIFY(QTest::qWaitFor([&] { return others == 6 && isWaiting(); }, 30000));
    subscription.reset();
    QCOMPARE(world.timers.pending(), std::size_t{0});
}

QTEST_GUILESS_MAIN(TestHttpClient)
#include "tst_http_client.moc"
