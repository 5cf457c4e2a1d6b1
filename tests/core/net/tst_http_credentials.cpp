// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/file.h"
#include "support/http_ask.h"
#include "support/scripted_server.h"

#include <QtTest>

using namespace narthex;
using namespace narthex::net;
using namespace narthex::tests;

namespace {

std::vector<std::string> valuesOf(const ServerRequest& request, std::string_view name)
{
    std::vector<std::string> values;
    for (const auto& [header, value] : request.headers) {
        if (sameHeaderName(header, name)) {
            values.push_back(value);
        }
    }
    return values;
}

ServerResponse redirectTo(const std::string& url, int status = 302)
{
    return {.status = status, .headers = {{"Location", url}}};
}

HttpClientConfig withBasic()
{
    return {.basicAuth = BasicAuth{.username = "u", .password = base::Secret("p")},
            .headers = {{"Cookie", {.values = {"c=1"}}}, {"X-Kept", {.values = {"yes"}}}}};
}

} // namespace

class TestHttpCredentials : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void init();
    void readsFilesForEveryRequest();
    void namesUnreadableFiles_data();
    void namesUnreadableFiles();
    void leavesTheRequestsOwnCredentialsAlone();
    void takesCredentialsOutOfTheUrl();
    void addsConfiguredHeadersToOthers();
    void sendsNothingNobodyAskedFor();
    void refusesLineBreaksInHeaders();
    void followsTenRedirectsAtMost();
    void returnsRedirectsWhenToldNotToFollow();
    void repeatsOrDropsTheBody_data();
    void repeatsOrDropsTheBody();
    void keepsCredentialsOnTheSameHost();
    void dropsCredentialsForGoodWhenTheHostIsLeft();
    void namesUrlAndMethodInFailuresButNoPassword();

private:
    [[nodiscard]] std::string file(const std::string& name) const
    {
        return folder_.path().string() + "/" + name;
    }
    IoLoop loop_;
    HttpClient client_{loop_, "Narthex/test"};
    ScriptedServer server_;
    base::TemporaryDirectory folder_;
};

void TestHttpCredentials::init()
{
    server_.forget();
    server_.answerWith("GET /x", {.body = "fine"});
    server_.answerWith("POST /x", {.body = "fine"});
}

void TestHttpCredentials::readsFilesForEveryRequest()
{
    const HttpClientConfig config{
        .authorization = Authorization{.type = "Token", .credentialsFile = file("token")}};
    const auto shared = std::make_shared<const HttpClientConfig>(config);
    QVERIFY(base::writeFileAtomically(file("token"), " one\n").ok());
    QVERIFY(ask(client_, {.url = server_.url() + "/x"}, config).ok());
    QCOMPARE(std::string(server_.last("GET /x").header("Authorization")), std::string("Token one"));
    QVERIFY(base::removePath(file("token")).ok());
    const std::string message =
        messageOfFailure(ask(client_, {.url = server_.url() + "/x"}, config));
    QVERIFY2(message.starts_with("unable to read authorization credentials: unable to read file " +
                                 file("token") + ": "),
             message.c_str());
    QVERIFY(base::writeFileAtomically(file("token"), "two").ok());
    QVERIFY(ask(client_, {.url = server_.url() + "/x"}, config).ok());
    QCOMPARE(std::string(server_.last("GET /x").header("Authorization")), std::string("Token two"));
}

void TestHttpCredentials::namesUnreadableFiles_data()
{
    QTest::addColumn<int>("kind");
    QTest::addColumn<QString>("message");
    QTest::newRow("username") << 0 << "unable to read basic auth username: unable to read file /no";
    QTest::newRow("password") << 1 << "unable to read basic auth password: unable to read file /no";
    QTest::newRow("header") << 2 << "unable to read headers file /no/h: ";
    QTest::newRow("CA") << 3 << "unable to read CA cert: unable to read file /no/ca: ";
    QTest::newRow("oauth2") << 4 << "unable to read oauth2 client secret: unable to read file /no";
    QTest::newRow("folder") << 6
                            << "unable to read basic auth password: unable to read file /tmp: "
                               "/tmp is no regular file";
    QTest::newRow("no oauth2 secret") << 5 << "oauth2 client secret is required";
}

void TestHttpCredentials::namesUnreadableFiles()
{
    QFETCH(int, kind);
    QFETCH(QString, message);
    HttpClientConfig config;
    const OAuth2Config oauth{.clientId = "id", .tokenUrl = server_.url() + "/token"};
    switch (kind) {
    case 0:
        config.basicAuth = BasicAuth{.usernameFile = "/no/user"};
        break;
    case 1:
        config.basicAuth = BasicAuth{.username = "u", .passwordFile = "/no/password"};
        break;
    case 2:
        config.headers["X-A"].files = {"/no/h"};
        break;
    case 3:
        config.tls.caFile = "/no/ca";
        break;
    case 6:
        config.basicAuth = BasicAuth{.username = "u", .passwordFile = "/tmp"};
        break;
    case 4:
        config.oauth2 = oauth;
        config.oauth2->clientSecretFile = "/no/secret";
        break;
    default:
        config.oauth2 = oauth;
    }
    const auto answer = ask(client_, {.url = server_.url() + "/x"}, config);
    const auto text = QString::fromStdString(messageOfFailure(answer));
    QVERIFY2(text.startsWith(message), qPrintable(text));
    QCOMPARE(server_.requests().size(), std::size_t{0});
    QCOMPARE(int(transportErrorOf(answer.status())), int(TransportError::Other));
}

void TestHttpCredentials::leavesTheRequestsOwnCredentialsAlone()
{
    QVERIFY(ask(client_, {.url = server_.url() + "/x", .headers = {{"authorization", "Mine 1"}}},
                withBasic())
                .ok());
    QCOMPARE(valuesOf(server_.last("GET /x"), "Authorization"), std::vector<std::string>{"Mine 1"});
}

void TestHttpCredentials::takesCredentialsOutOfTheUrl()
{
    const std::string url = "http://us:pa%3As@" + server_.address() + "/x";
    QVERIFY(ask(client_, {.url = url}, withBasic()).ok());
    QCOMPARE(valuesOf(server_.last("GET /x"), "Authorization"),
             std::vector<std::string>{"Basic dXM6cGE6cw=="});
}

void TestHttpCredentials::addsConfiguredHeadersToOthers()
{
    QVERIFY(base::writeFileAtomically(file("h"), "\n from file \n").ok());
    HttpClientConfig config;
    config.headers["Accept"] = {
        .values = {"one", ""}, .secrets = {base::Secret("two")}, .files = {file("h")}};
    QVERIFY(
        ask(client_, {.url = server_.url() + "/x", .headers = {{"Accept", "zero"}}}, config).ok());
    const std::vector<std::string> expected{"zero", "one", "", "two", "from file"};
    QCOMPARE(valuesOf(server_.last("GET /x"), "accept"), expected);
}

void TestHttpCredentials::sendsNothingNobodyAskedFor()
{
    QVERIFY(ask(client_, {.url = server_.url() + "/x"}).ok());
    std::vector<std::string> names;
    const ServerRequest request = server_.last("GET /x");
    for (const auto& header : request.headers) {
        names.push_back(header.first);
    }
    const std::vector<std::string> expected{"Host", "User-Agent"};
    QCOMPARE(names, expected);
    QCOMPARE(std::string(request.header("User-Agent")), std::string("Narthex/test"));
    QVERIFY(
        ask(client_,
            {.method = "POST", .url = server_.url() + "/x", .body = std::string(2'000'000, 'a')})
            .ok());
    QCOMPARE(std::string(server_.last("POST /x").header("Expect")), std::string());
    QCOMPARE(std::string(server_.last("POST /x").header("Content-Type")), std::string());
}

void TestHttpCredentials::refusesLineBreaksInHeaders()
{
    HttpClientConfig config;
    config.headers["X-A"].values = {"a\r\nX-B: c"};
    QCOMPARE(messageOfFailure(ask(client_, {.url = server_.url() + "/x"}, config)),
             std::string("invalid header field value for \"X-A\": it has a control character or a "
                         "line break"));
    QVERIFY(messageOfFailure(ask(client_, {.url = server_.url() + "/x", .headers = {{"a b", "c"}}}))
                .starts_with("invalid header field name"));
    QCOMPARE(server_.requests().size(), std::size_t{0});
}

void TestHttpCredentials::followsTenRedirectsAtMost()
{
    server_.answerWith("GET /loop", redirectTo("/loop"));
    const std::string message = messageOfFailure(ask(client_, {.url = server_.url() + "/loop"}));
    QCOMPARE(message, "Get \"" + server_.url() + "/loop\": stopped after 10 redirects");
    QCOMPARE(server_.count("GET /loop"), std::size_t{11});
}

void TestHttpCredentials::returnsRedirectsWhenToldNotToFollow()
{
    server_.answerWith("GET /from", redirectTo("/x"));
    HttpClientConfig config;
    config.followRedirects = false;
    const auto answer = ask(client_, {.url = server_.url() + "/from"}, config);
    QCOMPARE(answer->status, 302);
    QCOMPARE(std::string(answer->header("location")), std::string("/x"));
    QCOMPARE(server_.count("GET /x"), std::size_t{0});
}

void TestHttpCredentials::repeatsOrDropsTheBody_data()
{
    QTest::addColumn<int>("status");
    QTest::addColumn<QString>("method");
    QTest::addColumn<QString>("body");
    QTest::newRow("301") << 301 << "GET"
                         << "";
    QTest::newRow("302") << 302 << "GET"
                         << "";
    QTest::newRow("303") << 303 << "GET"
                         << "";
    QTest::newRow("307") << 307 << "POST"
                         << "a=1";
    QTest::newRow("308") << 308 << "POST"
                         << "a=1";
}

void TestHttpCredentials::repeatsOrDropsTheBody()
{
    QFETCH(int, status);
    QFETCH(QString, method);
    QFETCH(QString, body);
    server_.answerWith("POST /from", redirectTo("x", status));
    const auto answer = ask(client_, {.method = "POST",
                                      .url = server_.url() + "/from",
                                      .headers = {{"Content-Type", "text/x"}},
                                      .body = "a=1"});
    QCOMPARE(answer->body, std::string("fine"));
    const ServerRequest request = server_.last(method.toStdString() + " /x");
    QCOMPARE(request.body, body.toStdString());
    QCOMPARE(std::string(request.header("Content-Type")),
             std::string(body.isEmpty() ? "" : "text/x"));
}

void TestHttpCredentials::keepsCredentialsOnTheSameHost()
{
    server_.answerWith("GET /from", redirectTo("/x", 301));
    QVERIFY(ask(client_, {.url = server_.url() + "/from"}, withBasic()).ok());
    QCOMPARE(valuesOf(server_.last("GET /x"), "Authorization"),
             std::vector<std::string>{"Basic dTpw"});
    QCOMPARE(valuesOf(server_.last("GET /x"), "Cookie"), std::vector<std::string>{"c=1"});
}

void TestHttpCredentials::dropsCredentialsForGoodWhenTheHostIsLeft()
{
    const std::string other =
        "http://localhost:" + server_.address().substr(server_.address().find(':') + 1);
    server_.answerWith("GET /from", redirectTo(other + "/back"));
    server_.answerWith("GET /back", redirectTo(server_.url() + "/x"));
    QVERIFY(ask(client_, {.url = server_.url() + "/from", .headers = {{"X-Own", "1"}}}, withBasic())
                .ok());
    for (const char* const page : {"GET /back", "GET /x"}) {
        const ServerRequest request = server_.last(page);
        QCOMPARE(valuesOf(request, "Authorization"), std::vector<std::string>{});
        QCOMPARE(valuesOf(request, "Cookie"), std::vector<std::string>{});
        QCOMPARE(valuesOf(request, "X-Kept"), std::vector<std::string>{"yes"});
        QCOMPARE(valuesOf(request, "X-Own"), std::vector<std::string>{"1"});
    }
    QCOMPARE(valuesOf(server_.last("GET /from"), "Cookie"), std::vector<std::string>{"c=1"});
}

void TestHttpCredentials::namesUrlAndMethodInFailuresButNoPassword()
{
    const std::string message = messageOfFailure(
        ask(client_, {.method = "DELETE", .url = "http://u:hunter2@127.0.0.1:1/x"}));
    QVERIFY2(message.starts_with("Delete \"http://127.0.0.1:1/x\": connection refused"),
             message.c_str());
}

QTEST_GUILESS_MAIN(TestHttpCredentials)
#include "tst_http_credentials.moc"
