// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "front_world.h"

#include "core/net/crypto.h"
#include "core/net/http_client.h"

#include <QtTest>

#include <filesystem>
#include <sys/stat.h>

using namespace narthex;
using namespace narthex::test;

namespace {

std::string bodyOf(const std::string& answer) { return FrontWorld::bodyOf(answer); }
int statusOf(const std::string& answer) { return FrontWorld::statusOf(answer); }
std::string headerOf(const std::string& answer, const std::string& name)
{
    return FrontWorld::headerOf(answer, name);
}

const std::string kQuery = "GET /api/v1/query?query=1";
const std::string kUsers = "basic_auth_users:\n  alice: " + kSecretHash + "\n";

std::string login(const std::string& text)
{
    return "Authorization: Basic " + net::base64(text) + "\r\n";
}

} // namespace

class TestFront : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void answersManagementRoutes_data();
    void answersManagementRoutes();
    void quitsOnce();
    void aBrokenReloadIsTold();
    void isNotReadyYet();
    void crossOrigin_data();
    void crossOrigin();
    void compressesAnswers();
    void answersAsGrafanaAsks();
    void standsBehindAPrefix();
    void servesFilesOfItsFolderOnly_data();
    void servesFilesOfItsFolderOnly();
    void asksForPasswordsEverywhere();
    void pushesMayShowATokenInstead();
    void takesChangesOfTheWebConfiguration();
    void limitsTheRate();
    void refusesToStartWithAWrongConfiguration();
    void countsRequests();
    void listsThreads();
};

void TestFront::answersManagementRoutes_data()
{
    QTest::addColumn<QByteArray>("request");
    QTest::addColumn<bool>("lifecycle");
    QTest::addColumn<int>("status");
    QTest::addColumn<QByteArray>("body");
    const auto row = [](const char* request, bool lifecycle, int status, const char* body) {
        QTest::addRow("%s%s", request, lifecycle ? ", enabled" : "")
            << QByteArray(request) << lifecycle << status << QByteArray(body);
    };
    row("GET /-/healthy", false, 200, "Narthex is Healthy.\n");
    row("HEAD /-/healthy", false, 200, "");
    row("POST /-/healthy", false, 405, "Method Not Allowed\n");
    row("GET /-/ready", false, 200, "Narthex is Ready.\n");
    row("GET /-/reload", false, 405, "Only POST or PUT requests allowed");
    row("POST /-/reload", false, 403, "Lifecycle API is not enabled.");
    row("PUT /-/quit", false, 403, "Lifecycle API is not enabled.");
    row("GET /-/quit", true, 405, "Only POST or PUT requests allowed");
    row("POST /-/reload", true, 200, "");
    row("GET /nowhere", false, 404, "404 page not found\n");
    row("GET /api/v1/nowhere", false, 404, "404 page not found\n");
    row("DELETE /api/v1/query", false, 405, "Method Not Allowed\n");
    row("GET /debug/pprof/heap", false, 404, nullptr);
    row("POST /debug/pprof/symbol", false, 404, nullptr);
    row("GET /consoles/node.html", false, 501, nullptr);
    row("GET /user/a.css", false, 404, "404 page not found\n");
    row("GET /version", false, 200, nullptr);
    row("GET /query", false, 200, nullptr);
    row("GET /metrics", false, 200, nullptr);
    row("GET /", false, 302, "");
    row("GET /graph", false, 302, "");
}

void TestFront::answersManagementRoutes()
{
    QFETCH(const QByteArray, request);
    QFETCH(const bool, lifecycle);
    QFETCH(const int, status);
    QFETCH(const QByteArray, body);
    FrontWorld front({.enableLifecycle = lifecycle});
    QVERIFY(front.world().isReady());
    const std::string answer = front.ask(request.toStdString());
    QVERIFY2(statusOf(answer) == status, answer.c_str());
    if (!body.isNull()) {
        QCOMPARE(bodyOf(answer), body.toStdString());
    }
    if (status == 405) {
        QVERIFY(!headerOf(answer, "Allow").empty());
    }
    if (status == 302) {
        QCOMPARE(headerOf(answer, "Location"), std::string("/query"));
        QCOMPARE(headerOf(front.ask(request.toStdString() + "?g0.expr=up%20%3E0"), "Location"),
                 std::string("/query?g0.expr=up%20%3E0"));
    }
}

void TestFront::quitsOnce()
{
    std::atomic<int> quits = 0;
    FrontWorld front({.enableLifecycle = true, .onQuit = [&] { ++quits; }});
    QCOMPARE(bodyOf(front.ask("POST /-/quit")), std::string("Requesting termination... Goodbye!"));
    QCOMPARE(bodyOf(front.ask("PUT /-/quit")), std::string("Termination already in progress."));
    QCOMPARE(quits.load(), 1);
}

void TestFront::aBrokenReloadIsTold()
{
    const base::TemporaryDirectory folder;
    const auto file = folder.path() / "prometheus.yml";
    QVERIFY(base::writeFileAtomically(file, "global: {}\n").ok());
    ApiWorld world(false, [&](engine::EngineOptions& options) { options.configFile = file; });
    QVERIFY(world.isReady());
    api::Management management(*world.engine, {.enableLifecycle = true});
    QVERIFY(base::writeFileAtomically(file, "globl: {}\n").ok());
    const auto answer = management.answer("/-/reload", {.method = "POST", .path = "/-/reload"});
    QCOMPARE(answer.status, 500);
    QVERIFY(answer.body.starts_with("failed to reload config: "));
    const std::string metrics = world.call("GET", "/metrics").body;
    QVERIFY(metrics.find("prometheus_config_last_reload_successful 0\n") != std::string::npos);
}

void TestFront::isNotReadyYet()
{
    // An engine that was never started stands for one that replays.
    ApiWorld world;
    engine::Engine engine(
        {.dataDirectory = world.folder.path() / "other"},
        {.loop = world.loop, .pool = world.pool, .timers = world.timers, .log = world.log});
    api::Management management(engine, {});
    const auto ready = management.answer("/-/ready", {.method = "GET", .path = "/-/ready"});
    QCOMPARE(ready.status, 503);
    QCOMPARE(ready.body, std::string("Service Unavailable"));
    QCOMPARE(ready.headers.at(0).second, std::string("false"));
    QCOMPARE(management.answer("/-/healthy", {.method = "GET", .path = "/-/healthy"}).status, 200);
}

void TestFront::crossOrigin_data()
{
    QTest::addColumn<QByteArray>("pattern");
    QTest::addColumn<QByteArray>("origin");
    QTest::addColumn<QByteArray>("allowed");
    QTest::newRow("any") << QByteArray(".*") << QByteArray("http://x") << QByteArray("*");
    QTest::newRow("the one") << QByteArray("https://a") << QByteArray("https://a")
                             << QByteArray("https://a");
    QTest::newRow("another") << QByteArray("https://a") << QByteArray("https://b") << QByteArray();
    QTest::newRow("the whole has to match")
        << QByteArray("https://a") << QByteArray("https://a.evil") << QByteArray();
    QTest::newRow("one of two") << QByteArray("https://a|https://b") << QByteArray("https://b")
                                << QByteArray("https://b");
    QTest::newRow("no origin") << QByteArray(".*") << QByteArray() << QByteArray();
}

void TestFront::crossOrigin()
{
    QFETCH(const QByteArray, pattern);
    QFETCH(const QByteArray, origin);
    QFETCH(const QByteArray, allowed);
    FrontWorld front({.corsOrigin = pattern.toStdString()});
    QVERIFY(front.world().isReady());
    const std::string header = origin.isEmpty() ? "" : "Origin: " + origin.toStdString() + "\r\n";
    for (const std::string& request :
         {kQuery, std::string("OPTIONS /api/v1/query"), std::string("OPTIONS /api/v1/anything")}) {
        const std::string answer = front.ask(request, header);
        QCOMPARE(statusOf(answer), request.starts_with("OPTIONS") ? 204 : 200);
        QVERIFY(headerOf(answer, "Vary").starts_with("Origin"));
        QCOMPARE(headerOf(answer, "Access-Control-Allow-Origin"), allowed.toStdString());
        QCOMPARE(headerOf(answer, "Access-Control-Allow-Methods"),
                 std::string(origin.isEmpty() ? "" : "GET, POST, OPTIONS"));
        QCOMPARE(headerOf(answer, "Access-Control-Expose-Headers"),
                 std::string(origin.isEmpty() ? "" : "Date"));
    }
    QVERIFY(headerOf(front.ask("GET /-/healthy", header), "Vary").empty());
}

void TestFront::compressesAnswers()
{
    FrontWorld front;
    QVERIFY(front.world().isReady());
    front.world().fill(50, 300);
    const std::string gzip = front.ask(kQuery, "Accept-Encoding: br, gzip\r\n");
    QCOMPARE(headerOf(gzip, "Content-Encoding"), std::string("gzip"));
    QCOMPARE(headerOf(gzip, "Vary"), std::string("Origin|Accept-Encoding"));
    std::string out;
    QVERIFY(net::inflateGzip(bodyOf(gzip), 0, out).ok());
    QVERIFY(out.starts_with(R"({"status":"success")"));
    QVERIFY(
        bodyOf(front.ask(kQuery, "Accept-Encoding: gzip;q=1.0\r\n")).starts_with(R"({"status")"));
    const std::string deflate = front.ask(kQuery, "Accept-Encoding: deflate\r\n");
    QCOMPARE(headerOf(deflate, "Content-Encoding"), std::string("deflate"));
    QCOMPARE(static_cast<unsigned char>(bodyOf(deflate).at(0)), 0x78);
    QCOMPARE(
        headerOf(front.ask("GET /metrics", "Accept-Encoding: gzip;q=0.5\r\n"), "Content-Encoding"),
        std::string("gzip"));
    QVERIFY(headerOf(front.ask("GET /api/v1/status/walreplay", "Accept-Encoding: gzip\r\n"),
                     "Content-Encoding")
                .empty());
}

void TestFront::answersAsGrafanaAsks()
{
    FrontWorld front({}, kUsers);
    QVERIFY(front.world().isReady());
    front.world().fill(50, 3000);
    const std::string form = fmt::format("query=requests_total&start={}&end={}&step=1",
                                         kStart / 1000, kStart / 1000 + 2999);
    const std::string answer = front.ask(
        "POST /api/v1/query_range",
        login("alice:secret") +
            "Accept-Encoding: gzip\r\nContent-Type: application/x-www-form-urlencoded\r\n",
        form);
    QCOMPARE(statusOf(answer), 200);
    QCOMPARE(headerOf(answer, "Content-Encoding"), std::string("gzip"));
    QCOMPARE(headerOf(answer, "Transfer-Encoding"), std::string("chunked"));
    std::string chunks = bodyOf(answer);
    std::string body;
    while (true) {
        const std::size_t line = chunks.find("\r\n");
        const std::size_t size = std::stoul(chunks.substr(0, line), nullptr, 16);
        if (size == 0) {
            break;
        }
        body += chunks.substr(line + 2, size);
        chunks.erase(0, line + 2 + size + 2);
    }
    std::string json;
    QVERIFY(net::inflateGzip(body, 0, json).ok());
    const auto document = QJsonDocument::fromJson(QByteArray::fromStdString(json));
    QCOMPARE(document["status"].toString(), QString("success"));
    const QJsonArray series = document["data"]["result"].toArray();
    QCOMPARE(series.size(), 50);
    for (const auto& each : series) {
        const QJsonArray values = each.toObject()["values"].toArray();
        QCOMPARE(values.size(), 3000);
        QCOMPARE(values[2999].toArray()[0].toDouble(), double(kStart / 1000 + 2999));
        QCOMPARE(values[2999].toArray()[1].toString(), QString("2999"));
    }
}

void TestFront::standsBehindAPrefix()
{
    FrontWorld front({.externalUrl = "https://example.org/prom/"});
    QVERIFY(front.world().isReady());
    QCOMPARE(headerOf(front.ask("GET /"), "Location"), std::string("/prom"));
    QCOMPARE(headerOf(front.ask("GET /prom"), "Location"), std::string("/prom/query"));
    QCOMPARE(headerOf(front.ask("GET /prom/graph?a=1"), "Location"),
             std::string("/prom/query?a=1"));
    QCOMPARE(statusOf(front.ask("GET /prom/api/v1/query?query=1")), 200);
    QCOMPARE(statusOf(front.ask("GET /prom/-/ready")), 200);
    QCOMPARE(statusOf(front.ask("GET /api/v1/query?query=1")), 404);
    QCOMPARE(statusOf(front.ask("GET /prometheus/-/ready")), 404);
    // A proxy that cuts the path off.
    FrontWorld cut({.externalUrl = "https://example.org/prom", .routePrefix = "/"});
    QCOMPARE(statusOf(cut.ask("GET /-/healthy")), 200);
    QCOMPARE(headerOf(cut.ask("GET /"), "Location"), std::string("/prom/query"));
}

void TestFront::servesFilesOfItsFolderOnly_data()
{
    QTest::addColumn<QByteArray>("path");
    QTest::addColumn<int>("status");
    QTest::newRow("a file") << QByteArray("/user/a.css") << 200;
    QTest::newRow("below a folder") << QByteArray("/user/sub/b.txt") << 200;
    QTest::newRow("with a blank") << QByteArray("/user/c%20d.txt") << 200;
    QTest::newRow("a folder") << QByteArray("/user/sub") << 404;
    QTest::newRow("the folder") << QByteArray("/user/") << 404;
    QTest::newRow("above") << QByteArray("/user/../secret.txt") << 404;
    QTest::newRow("above, encoded") << QByteArray("/user/%2e%2e/secret.txt") << 404;
    QTest::newRow("above, all encoded") << QByteArray("/user/%2e%2e%2fsecret.txt") << 404;
    QTest::newRow("above from below") << QByteArray("/user/sub/../../secret.txt") << 404;
    QTest::newRow("encoded twice") << QByteArray("/user/%252e%252e/secret.txt") << 404;
    QTest::newRow("absolute") << QByteArray("/user//etc/passwd") << 404;
    QTest::newRow("backslash") << QByteArray("/user/..%5csecret.txt") << 404;
    QTest::newRow("NUL") << QByteArray("/user/a.css%00.txt") << 404;
    QTest::newRow("a pipe") << QByteArray("/user/pipe") << 404;
}

void TestFront::servesFilesOfItsFolderOnly()
{
    QFETCH(const QByteArray, path);
    QFETCH(const int, status);
    const base::TemporaryDirectory folder;
    const auto assets = folder.path() / "assets";
    std::filesystem::create_directories(assets / "sub");
    for (const auto& [name, text] : {std::pair{"secret.txt", "secret"},
                                     {"assets/a.css", "text"},
                                     {"assets/sub/b.txt", "text"},
                                     {"assets/c d.txt", "text"}}) {
        QVERIFY(base::writeFileAtomically(folder.path() / name, text).ok());
    }
    QCOMPARE(::mkfifo((assets / "pipe").c_str(), 0600), 0);
    FrontWorld front({.userAssets = assets});
    const std::string answer = front.ask("GET " + path.toStdString());
    QVERIFY2(statusOf(answer) == status, answer.c_str());
    if (status == 200) {
        QVERIFY(answer.find("text\r\n0\r\n") != std::string::npos);
        QVERIFY(headerOf(answer, "Content-Type").starts_with("text/"));
    }
    QVERIFY(answer.find("secret") == std::string::npos);
}

void TestFront::asksForPasswordsEverywhere()
{
    FrontWorld front({}, kUsers + "http_server_config:\n  headers:\n    X-Frame-Options: deny\n");
    QVERIFY(front.world().isReady());
    QVERIFY(front.front().authenticates());
    for (const char* path : {"/", "/-/ready", "/-/healthy", "/metrics", "/api/v1/query?query=1",
                             "/api/v2/status", "/version", "/nowhere", "/debug/threads"}) {
        const std::string request = std::string("GET ") + path;
        for (const std::string& header : {std::string(), login("alice:wrong"), login("bob:secret"),
                                          std::string("Authorization: Bearer x\r\n")}) {
            const std::string answer = front.ask(request, header);
            QCOMPARE(statusOf(answer), 401);
            QCOMPARE(bodyOf(answer), std::string("Unauthorized\n"));
            QCOMPARE(headerOf(answer, "WWW-Authenticate"), std::string("Basic"));
            QCOMPARE(headerOf(answer, "X-Frame-Options"), std::string("deny"));
        }
        const std::string answer = front.ask(request, login("alice:secret"));
        QVERIFY(statusOf(answer) != 401);
        QCOMPARE(headerOf(answer, "X-Frame-Options"), std::string("deny"));
    }
}

void TestFront::pushesMayShowATokenInstead()
{
    base::TemporaryDirectory folder;
    const auto file = folder.path() / "token";
    QVERIFY(base::writeFileAtomically(file, "open-sesame\n").ok());
    FrontWorld front({.pushTokenFile = file.string()}, kUsers);
    QVERIFY(front.world().isReady());
    const std::string token = "Authorization: Bearer open-sesame\r\n";
    QCOMPARE(statusOf(front.ask("DELETE /metrics/job/a", token)), 202);
    QCOMPARE(statusOf(front.ask("DELETE /metrics/job/a", "Authorization: Bearer open\r\n")), 401);
    QCOMPARE(statusOf(front.ask("DELETE /metrics/job/a")), 401);
    QCOMPARE(statusOf(front.ask("GET /metrics", token)), 401);
    QCOMPARE(statusOf(front.ask("GET /api/v1/query?query=1", token)), 401);
    std::filesystem::remove(file);
    QCOMPARE(statusOf(front.ask("DELETE /metrics/job/a", token)), 401);
}

void TestFront::takesChangesOfTheWebConfiguration()
{
    FrontWorld front({}, kUsers);
    QCOMPARE(statusOf(front.ask("GET /-/healthy", login("bob:secret"))), 401);
    front.configure("basic_auth_users:\n  bob: " + kSecretHash + "\n");
    QCOMPARE(statusOf(front.ask("GET /-/healthy", login("bob:secret"))), 200);
    QCOMPARE(statusOf(front.ask("GET /-/healthy", login("alice:secret"))), 401);
    front.configure("basic_auth_users: nonsense\n");
    QCOMPARE(statusOf(front.ask("GET /-/healthy", login("bob:secret"))), 500);
    std::filesystem::remove(front.configFile());
    QCOMPARE(statusOf(front.ask("GET /-/healthy", login("bob:secret"))), 500);
    front.configure("{}\n");
    QCOMPARE(statusOf(front.ask("GET /-/healthy")), 200);
}

void TestFront::limitsTheRate()
{
    FrontWorld front({}, "rate_limit:\n  interval: 1h\n  burst: 2\n");
    QVERIFY(!front.front().authenticates());
    QCOMPARE(statusOf(front.ask("GET /-/healthy")), 200);
    QCOMPARE(statusOf(front.ask("GET /-/healthy")), 200);
    QCOMPARE(statusOf(front.ask("GET /-/healthy")), 429);
}

void TestFront::refusesToStartWithAWrongConfiguration()
{
    ApiWorld world;
    const auto file = world.folder.path() / "web.yml";
    const auto created = [&](api::FrontOptions options) {
        const auto front =
            api::Front::create(*world.engine, std::move(options), base::nullLogger());
        return std::string(base::messageOf(front.status()));
    };
    QVERIFY(created({.webConfigFile = file.string()}).starts_with("--web.config.file: "));
    QVERIFY(base::writeFileAtomically(file, "basic_auth_users:\n  bob: plain\n").ok());
    QVERIFY(created({.webConfigFile = file.string()}).find("bcrypt") != std::string::npos);
    QVERIFY(base::writeFileAtomically(
                file, "tls_server_config:\n  cert_file: none.pem\n  key_file: none.pem\n")
                .ok());
    QVERIFY(created({.webConfigFile = file.string()}).find("none.pem") != std::string::npos);
    QVERIFY(created({.corsOrigin = "("}).starts_with("--web.cors.origin: "));
}

void TestFront::countsRequests()
{
    FrontWorld front;
    QVERIFY(front.world().isReady());
    (void)front.ask("GET /api/v1/label/job/values");
    (void)front.ask("GET /api/v1/query?query=)");
    (void)front.ask("GET /nowhere");
    const std::string metrics = bodyOf(front.ask("GET /metrics"));
    for (const char* line :
         {R"(prometheus_http_requests_total{code="200",handler="/api/v1/label/:name/values"} 1)",
          R"(prometheus_http_requests_total{code="400",handler="/api/v1/query"} 1)",
          R"(prometheus_http_requests_total{code="200",handler="/api/v1/query"} 0)",
          R"(prometheus_http_requests_total{code="200",handler="/-/reload"} 0)",
          R"(prometheus_http_request_duration_seconds_bucket{handler="/api/v1/query",le="120"} 1)",
          R"(net_conntrack_listener_conn_accepted_total{listener_name="http"} 4)",
          R"(promhttp_metric_handler_requests_total{code="503"} 0)",
          R"(prometheus_http_response_size_bytes_bucket{handler="/api/v1/query",le="1e+09"} 1)"}) {
        QVERIFY2(metrics.find(std::string(line) + "\n") != std::string::npos, line);
    }
    QVERIFY(metrics.find("nowhere") == std::string::npos);
}

void TestFront::listsThreads()
{
    FrontWorld front;
    const std::string body = bodyOf(front.ask("GET /debug/threads"));
    QVERIFY(std::count(body.begin(), body.end(), '\n') >= 3);
}

QTEST_GUILESS_MAIN(TestFront)
#include "tst_front.moc"
