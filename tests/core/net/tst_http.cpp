// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/status.h"
#include "core/net/http_client.h"
#include "core/net/http_server.h"

#include <QtTest>

#include <semaphore>

using namespace narthex;
using namespace narthex::net;

namespace {

const auto kPlain = std::make_shared<const HttpClientConfig>();

absl::StatusOr<HttpResponse> ask(HttpClient& client, HttpRequest request,
                                 const std::shared_ptr<const HttpClientConfig>& config = kPlain)
{
    std::binary_semaphore done(0);
    absl::StatusOr<HttpResponse> result;
    client.send(std::move(request), config, [&](absl::StatusOr<HttpResponse> response) {
        result = std::move(response);
        done.release();
    });
    done.acquire();
    return result;
}

void answer(const ServerRequest& request, Responder respond, std::vector<Responder>& held)
{
    if (request.path == "/echo") {
        std::string body = request.method + " " + request.body;
        for (const auto& [name, value] : request.parameters) {
            body += " " + name + "=" + value;
        }
        respond({.body = body + " auth=" + std::string(request.header("authorization"))});
    } else if (request.path == "/large") {
        respond({.body = deflateGzip(std::string(100000, 'x')),
                 .headers = {{"Content-Encoding", "gzip"}}});
    } else if (request.path == "/redirect") {
        respond({.status = 302, .headers = {{"Location", "/echo"}}});
    } else if (request.path == "/never") {
        held.push_back(std::move(respond));
    } else {
        respond({.status = 404, .body = "nothing here"});
    }
}

} // namespace

class TestHttp : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void initTestCase();
    void sendsParametersAndBodies();
    void followsRedirectsUnlessToldOtherwise();
    void sendsCredentials();
    void inflatesGzipAndKeepsTheLimit();
    void classifiesFailures();
    void cancelsARunningRequest();
    void aTakenPortNamesItsOwner();
    void refusesLargeBodies();
    void gzipRefusesDamage();
    void readsAddresses();

private:
    [[nodiscard]] std::string url(const std::string& path) const
    {
        return "http://" + server_->address() + path;
    }
    IoLoop loop_;
    HttpClient client_{loop_, "Narthex/test"};
    std::vector<Responder> held_; // of requests that are never answered
    std::unique_ptr<HttpServer> server_;
};

void TestHttp::initTestCase()
{
    auto server = HttpServer::start(loop_, {.bodyLimitBytes = 1000},
                                    [this](ServerRequest request, Responder respond) {
                                        answer(request, std::move(respond), held_);
                                    });
    QVERIFY(server.ok());
    server_ = *std::move(server);
}

void TestHttp::sendsParametersAndBodies()
{
    const auto get = ask(client_, {.url = url("/echo?a=1%202&b=x+y")});
    QVERIFY(get.ok());
    QCOMPARE(get->status, 200);
    QCOMPARE(get->body, std::string("GET  a=1 2 b=x y auth="));
    const auto post =
        ask(client_, {.method = "POST",
                      .url = url("/echo?c=3"),
                      .headers = {{"Content-Type", "application/x-www-form-urlencoded"}},
                      .body = "a=1"});
    QCOMPARE(post->body, std::string("POST a=1 a=1 c=3 auth="));
}

void TestHttp::followsRedirectsUnlessToldOtherwise()
{
    QCOMPARE(ask(client_, {.url = url("/redirect")})->status, 200);
    HttpClientConfig config;
    config.followRedirects = false;
    QCOMPARE(
        ask(client_, {.url = url("/redirect")}, std::make_shared<const HttpClientConfig>(config))
            ->status,
        302);
}

void TestHttp::sendsCredentials()
{
    HttpClientConfig basic;
    basic.basicAuth = BasicAuth{.username = "user", .password = base::Secret("pass")};
    QVERIFY(ask(client_, {.url = url("/echo")}, std::make_shared<const HttpClientConfig>(basic))
                ->body.ends_with("auth=Basic dXNlcjpwYXNz"));
    HttpClientConfig bearer;
    bearer.authorization = Authorization{.credentials = base::Secret("token")};
    QVERIFY(ask(client_, {.url = url("/echo")}, std::make_shared<const HttpClientConfig>(bearer))
                ->body.ends_with("auth=Bearer token"));
    HttpClientConfig missing;
    missing.authorization = Authorization{.credentialsFile = "/nowhere/token"};
    const auto failed =
        ask(client_, {.url = url("/echo")}, std::make_shared<const HttpClientConfig>(missing));
    QVERIFY(std::string(base::messageOf(failed.status()))
                .starts_with("unable to read authorization credentials"));
}

void TestHttp::inflatesGzipAndKeepsTheLimit()
{
    HttpRequest request{.url = url("/large"), .headers = {{"Accept-Encoding", "gzip"}}};
    const auto large = ask(client_, request);
    QCOMPARE(large->body.size(), std::size_t{100000});
    QCOMPARE(std::string(large->header("content-encoding")), std::string("gzip"));
    request.bodyLimitBytes = 99999;
    const auto limited = ask(client_, request);
    QCOMPARE(int(transportErrorOf(limited.status())), int(TransportError::BodyLimit));
}

void TestHttp::classifiesFailures()
{
    const auto refused = ask(client_, {.url = "http://127.0.0.1:1/"});
    QCOMPARE(int(transportErrorOf(refused.status())), int(TransportError::Refused));
    const auto unknown = ask(client_, {.url = "http://host.invalid/"});
    QCOMPARE(int(transportErrorOf(unknown.status())), int(TransportError::NameResolution));
    const auto slow = ask(client_, {.url = url("/never"), .timeout = 50_ms});
    QCOMPARE(int(transportErrorOf(slow.status())), int(TransportError::Timeout));
    QCOMPARE(ask(client_, {.url = url("/missing")})->status, 404);
}

void TestHttp::cancelsARunningRequest()
{
    std::binary_semaphore done(0);
    absl::Status status;
    const RequestId id =
        client_.send({.url = url("/never")}, kPlain, [&](absl::StatusOr<HttpResponse> response) {
            status = response.status();
            done.release();
        });
    client_.cancel(id);
    done.acquire();
    QVERIFY(absl::IsCancelled(status));
}

void TestHttp::aTakenPortNamesItsOwner()
{
    const auto second =
        HttpServer::start(loop_, {.port = server_->port()}, [](ServerRequest, Responder) {});
    QVERIFY(!second.ok());
    const std::string message(base::messageOf(second.status()));
    QVERIFY2(message.find("already in use by process") != std::string::npos, message.c_str());
    QVERIFY2(message.find("tst_http") != std::string::npos, message.c_str());
}

void TestHttp::refusesLargeBodies()
{
    const auto refused =
        ask(client_, {.method = "POST", .url = url("/echo"), .body = std::string(2000, 'a')});
    QVERIFY(refused.ok());
    QCOMPARE(refused->status, 413);
}

void TestHttp::gzipRefusesDamage()
{
    std::string out;
    const std::string packed = deflateGzip("hello hello hello");
    QVERIFY(inflateGzip(packed, 0, out).ok());
    QCOMPARE(out, std::string("hello hello hello"));
    QVERIFY(!inflateGzip(packed.substr(0, packed.size() - 3), 0, out).ok());
    QVERIFY(!inflateGzip("not gzip", 0, out).ok());
    std::string bomb = deflateGzip(std::string(10'000'000, 'a'));
    QVERIFY(absl::IsResourceExhausted(inflateGzip(bomb, 1000, out)));
}

void TestHttp::readsAddresses()
{
    QCOMPARE(splitHostPort("localhost:9090")->first, std::string("127.0.0.1"));
    QCOMPARE(splitHostPort("[::1]:80")->first, std::string("::1"));
    QCOMPARE(int(splitHostPort(":9090")->second), 9090);
    QVERIFY(!splitHostPort("9090").ok());
    QVERIFY(!splitHostPort("a:99999").ok());
}

QTEST_GUILESS_MAIN(TestHttp)
#include "tst_http.moc"
