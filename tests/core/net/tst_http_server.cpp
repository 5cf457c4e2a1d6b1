// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/status.h"
#include "core/net/http_server.h"
#include "support/raw_client.h"

#include <absl/synchronization/mutex.h>

#include <QtTest>

#include <atomic>
#include <deque>
#include <semaphore>
#include <thread>

using namespace narthex;
using namespace narthex::net;
using namespace narthex::tests;

namespace {

std::string get(const std::string& target)
{
    return "GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n";
}

QByteArray bytes(const std::string& text)
{
    return {text.data(), static_cast<qsizetype>(text.size())};
}

/// A server with the answers that tests ask for by path.
class World
{
public:
    explicit World(HttpServerOptions options = {})
        : server_(
              HttpServer::start(loop_, options, [this](ServerRequest request, Responder respond) {
                  handle(std::move(request), std::move(respond));
              }).value())
    {}
    ~World() { server_.reset(); }

    [[nodiscard]] std::uint16_t port() const { return server_->port(); }
    [[nodiscard]] RawClient client() const { return RawClient(port()); }
    HttpServer& server() { return *server_; }

    /// Answers the oldest request that is held.
    void release(ServerResponse response)
    {
        Responder responder;
        QVERIFY(QTest::qWaitFor([&] { return held() > 0; }, 10'000));
        {
            const absl::MutexLock lock(&mutex_);
            responder = std::move(held_.front());
            held_.pop_front();
        }
        responder(std::move(response));
    }
    [[nodiscard]] std::size_t held() const
    {
        const absl::MutexLock lock(&mutex_);
        return held_.size();
    }
    std::atomic<int> gone = 0;   // requests whose peer went
    std::atomic<int> pieces = 0; // of streams, asked for
    std::atomic<int> streamsEnded = 0;
    std::atomic<int> requests = 0;

private:
    struct StreamEnd
    {
        explicit StreamEnd(std::atomic<int>& count) : ended(count) {}
        StreamEnd(const StreamEnd&) = delete;
        StreamEnd& operator=(const StreamEnd&) = delete;
        ~StreamEnd() { ++ended; }
        std::atomic<int>& ended;
    };

    /// `count` pieces of `size` bytes, then the end or an error.
    BodyStream stream(int count, std::size_t size, bool broken = false)
    {
        auto end = std::make_shared<StreamEnd>(streamsEnded);
        auto left = std::make_shared<int>(count);
        return [this, end, left, size, broken](BodyPiece take) {
            ++pieces;
            if (*left == 0) {
                take(broken ? absl::StatusOr<std::string>(base::internalError("broken"))
                            : std::string());
                return;
            }
            --*left;
            take(std::string(size, 'x'));
        };
    }

    void handle(ServerRequest request, Responder respond)
    {
        ++requests;
        const std::string& path = request.path;
        if (path == "/hold") {
            const absl::MutexLock lock(&mutex_);
            watches_.push_back(std::make_unique<Watch>(request.gone, [this] { ++gone; }));
            held_.push_back(std::move(respond));
        } else if (path == "/stream") {
            respond({.body = "begin ", .stream = stream(3, 5)});
        } else if (path == "/endless") {
            respond({.stream = stream(1'000'000'000, 65536)});
        } else if (path == "/broken") {
            respond({.stream = stream(1, 5, true)});
        } else if (path == "/drop") {
            // Nobody answers.
        } else if (path == "/throw") {
            throw std::runtime_error("a bug");
        } else if (path == "/inject") {
            respond({.contentType = "text/plain\r\nX-A: 1",
                     .body = "x",
                     .headers = {{"X-B", "1\r\nX-C: 2"}, {"X-D\r\nX-E", "3"}}});
        } else if (path == "/large") {
            respond({.body = std::string(50'000'000, 'x')});
        } else {
            std::string body =
                request.method + " " + path + " [" + request.query + "] " + request.body;
            for (const auto& [name, value] : request.parameters) {
                body += " " + name + "=" + value;
            }
            respond({.body = body});
        }
    }

    using Watch = std::stop_callback<std::function<void()>>;

    mutable absl::Mutex mutex_;
    std::deque<Responder> held_ ABSL_GUARDED_BY(mutex_);
    std::deque<std::unique_ptr<Watch>> watches_ ABSL_GUARDED_BY(mutex_);
    IoLoop loop_;
    std::unique_ptr<HttpServer> server_;
};

bool eventually(const std::function<bool()>& condition)
{
    return QTest::qWaitFor(condition, 10'000);
}

} // namespace

class TestHttpServer : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void refusesOrUnderstands_data();
    void refusesOrUnderstands();
    void keepsTheOrderOfPipelinedRequests();
    void takesNoMoreAheadThanItHolds();
    void streamsInChunks();
    void streamsUntilTheEndForHttp10();
    void aHeadRequestGetsNoBody();
    void aBrokenStreamHasNoLastChunk();
    void aSlowReaderHoldsTheStreamBack();
    void endsTheStreamWhenThePeerIsGone();
    void tellsTheHandlerThatThePeerIsGone();
    void aHalfClosedPeerGetsItsAnswer();
    void sendsContinueBeforeTheBody();
    void refusesTooLongHeaders();
    void refusesTooLongBodies_data();
    void refusesTooLongBodies();
    void answersForHandlersThatDoNot();
    void letsNoHeaderBeInjected();
    void closesIdleConnections();
    void closesConnectionsThatSendTooSlowly();
    void closesConnectionsThatReadTooSlowly();
    void furtherConnectionsWait();
    void servesAThousandConnections();
    void listensOnSeveralAddresses();
};

void TestHttpServer::refusesOrUnderstands_data()
{
    QTest::addColumn<QByteArray>("request");
    QTest::addColumn<int>("status");
    QTest::addColumn<QByteArray>("text");
    const auto row = [](const char* name, const std::string& request, int status,
                        const char* text) {
        QTest::newRow(name) << bytes(request) << status << QByteArray(text);
    };
    const std::string post = "POST /p HTTP/1.1\r\nHost: a\r\nConnection: close\r\n";
    row("a path with a query", get("/a%20b?x=1&y=%41"), 200, "GET /a b [x=1&y=%41]  x=1 y=A");
    row("an absolute target", get("http://a:9090/q?x=1"), 200, "GET /q [x=1]  x=1");
    row("an absolute target without path", get("http://a"), 200, "GET / [] ");
    row("a target that is no path", get("a/b"), 400, "the target must be a path");
    row("a damaged escape", get("/%zz"), 400, "damaged %-escape");
    row("an escape cut short", get("/%4"), 400, "damaged %-escape");
    row("dots stay what they are", get("/a/../b"), 200, "GET /a/../b []");
    row("two slashes stay what they are", get("//a//b"), 200, "GET //a//b []");
    row("empty lines first", "\r\n\r\n" + get("/a"), 200, "GET /a");
    row("no host", "GET / HTTP/1.1\r\n\r\n", 400, "missing required Host header");
    row("two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "more than one Host");
    row("an old peer needs no host", "GET /a HTTP/1.0\r\n\r\n", 200, "GET /a");
    row("a newer version", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505, "HTTP/1.1 is spoken here");
    row("no HTTP at all", "\x16\x03\x01 hello\r\n\r\n", 400, "bad request");
    row("a blank before the colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400, "bad request");
    row("a length", post + "Content-Length: 3\r\n\r\nabc", 200, "POST /p [] abc");
    row("a length that is none", post + "Content-Length: 3x\r\n\r\nabc", 400, "bad request");
    row("a negative length", post + "Content-Length: -3\r\n\r\nabc", 400, "bad request");
    row("two lengths", post + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400,
        "more than one Content-Length");
    row("a list of lengths", post + "Content-Length: 3, 3\r\n\r\nabc", 400, "more than one length");
    row("chunks", post + "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", 200,
        "POST /p [] abc");
    row("chunks with a trailer",
        post + "Transfer-Encoding: chunked\r\n\r\n1\r\nc\r\n0\r\nHost: b\r\n\r\n", 200,
        "POST /p [] c");
    row("a chunk with a bad size", post + "Transfer-Encoding: chunked\r\n\r\nxyz\r\n", 400,
        "bad request");
    row("length, then chunks",
        post + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400,
        "bad request");
    row("chunks, then length",
        post + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", 400,
        "bad request");
    row("another coding", post + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501,
        "only \"chunked\"");
    row("chunked twice",
        post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400,
        "bad request");
    row("chunks in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400,
        "in HTTP/1.0");
    row("another expectation", post + "Expect: wonders\r\n\r\n", 417, "100-continue");
    const std::string form =
        post + "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 7\r\n\r\n";
    row("a form", form + "a=1&a=2", 200, " a=1 a=2");
    row("the form's values come first",
        "POST /p?a=0 HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded; "
        "charset=utf-8\r\nContent-Length: 3\r\n\r\na=1",
        200, " a=1 a=0");
}

void TestHttpServer::refusesOrUnderstands()
{
    QFETCH(const QByteArray, request);
    QFETCH(const int, status);
    QFETCH(const QByteArray, text);
    World world;
    RawClient client = world.client();
    // Every way in which the bytes may arrive.
    client.send(request.toStdString());
    const std::string answer = client.readAnswer();
    QVERIFY2(answer.starts_with(fmt::format("HTTP/1.1 {} ", status)), answer.c_str());
    QVERIFY2(answer.find(text.toStdString()) != std::string::npos, answer.c_str());
    RawClient slow = world.client();
    for (const char c : request) {
        slow.send({&c, 1});
    }
    const std::string again = slow.readAnswer();
    QVERIFY2(again.starts_with(fmt::format("HTTP/1.1 {} ", status)), again.c_str());
    if (status >= 400) {
        QVERIFY2(slow.readAll().empty(), "the connection is closed, and nothing follows");
    }
}

void TestHttpServer::keepsTheOrderOfPipelinedRequests()
{
    World world;
    RawClient client = world.client();
    client.send(get("/hold") + get("/second") + get("/third"));
    world.release({.body = "first"});
    QVERIFY(client.readAnswer().ends_with("first"));
    QVERIFY(client.readAnswer().ends_with("GET /second [] "));
    QVERIFY(client.readAnswer().ends_with("GET /third [] "));
}

void TestHttpServer::takesNoMoreAheadThanItHolds()
{
    World world;
    RawClient client = world.client();
    client.send(get("/hold"));
    QVERIFY(eventually([&] { return world.held() == 1; }));
    constexpr int kMany = 20'000;
    std::string many;
    for (int i = 0; i < kMany; ++i) {
        many += get("/x");
    }
    std::thread sender([&] { client.send(many); });
    world.release({.body = "first"});
    QVERIFY(client.readAnswer().ends_with("first"));
    for (int i = 0; i < kMany; ++i) {
        if (!client.readAnswer().ends_with("GET /x [] ")) {
            client.hangUp();
            sender.join();
            QFAIL("an answer is missing");
        }
    }
    sender.join();
}

void TestHttpServer::streamsInChunks()
{
    World world;
    RawClient client = world.client();
    client.send(get("/stream") + get("/next"));
    const std::string head = client.readTo("\r\n\r\n");
    QVERIFY(head.find("Transfer-Encoding: chunked\r\n") != std::string::npos);
    QVERIFY(head.find("Content-Length") == std::string::npos);
    QCOMPARE(client.readTo("0\r\n\r\n"),
             std::string("6\r\nbegin \r\n5\r\nxxxxx\r\n5\r\nxxxxx\r\n5\r\nxxxxx\r\n0\r\n\r\n"));
    QVERIFY(client.readAnswer().ends_with("GET /next [] "));
    QCOMPARE(world.streamsEnded.load(), 1);
}

void TestHttpServer::streamsUntilTheEndForHttp10()
{
    World world;
    RawClient client = world.client();
    client.send("GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    const std::string head = client.readTo("\r\n\r\n");
    QVERIFY(head.find("Transfer-Encoding") == std::string::npos);
    QVERIFY(head.find("Connection: close\r\n") != std::string::npos);
    QCOMPARE(client.readAll(), std::string("begin xxxxxxxxxxxxxxx"));
}

void TestHttpServer::aHeadRequestGetsNoBody()
{
    World world;
    RawClient client = world.client();
    client.send("HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n");
    QVERIFY(client.readTo("\r\n\r\n").find("Content-Length: 11\r\n") != std::string::npos);
    client.send("HEAD /stream HTTP/1.1\r\nHost: a\r\n\r\n");
    QVERIFY(client.readTo("\r\n\r\n").find("Transfer-Encoding: chunked") != std::string::npos);
    client.send(get("/next"));
    QVERIFY(client.readAnswer().starts_with("HTTP/1.1 200 OK"));
    QCOMPARE(world.pieces.load(), 0);
    QCOMPARE(world.streamsEnded.load(), 1);
}

void TestHttpServer::aBrokenStreamHasNoLastChunk()
{
    World world;
    RawClient client = world.client();
    client.send(get("/broken"));
    client.readTo("\r\n\r\n");
    QCOMPARE(client.readAll(), std::string("5\r\nxxxxx\r\n"));
}

void TestHttpServer::aSlowReaderHoldsTheStreamBack()
{
    World world;
    RawClient client = world.client();
    client.send(get("/endless"));
    int before = -1;
    // The kernel's buffers fill up, then nobody asks for more.
    QVERIFY(eventually([&] {
        const int now = world.pieces.load();
        QTest::qWait(50);
        return now > 0 && std::exchange(before, now) == now && now == world.pieces.load();
    }));
    QVERIFY2(world.pieces < 1000, "some megabytes at most");
    const int held = world.pieces;
    (void)client.read(std::size_t{64} << 20U);
    QVERIFY(world.pieces > held);
}

void TestHttpServer::endsTheStreamWhenThePeerIsGone()
{
    World world;
    {
        RawClient client = world.client();
        client.send(get("/endless"));
        (void)client.read(100'000);
    }
    QVERIFY(eventually([&] { return world.streamsEnded == 1; }));
}

void TestHttpServer::tellsTheHandlerThatThePeerIsGone()
{
    World world;
    RawClient client = world.client();
    client.send(get("/hold"));
    QVERIFY(eventually([&] { return world.held() == 1; }));
    QCOMPARE(world.gone.load(), 0);
    client.hangUp();
    QVERIFY(eventually([&] { return world.gone == 1; }));
    world.release({.body = "too late"}); // harmless
    const ConnectionCounts counts = world.server().connections();
    QCOMPARE(counts.accepted, 1U);
    QCOMPARE(counts.closed, 1U);
}

void TestHttpServer::aHalfClosedPeerGetsItsAnswer()
{
    World world;
    RawClient client = world.client();
    client.send(get("/hold"));
    QVERIFY(eventually([&] { return world.held() == 1; }));
    client.sayNoMore();
    QCOMPARE(client.readTo("\r\n\r\n"), std::string("HTTP/1.1 100 Continue\r\n\r\n"));
    QCOMPARE(world.gone.load(), 0);
    world.release({.body = "the answer"});
    QVERIFY(client.readAnswer().ends_with("the answer"));
    QCOMPARE(client.readAll(), std::string()); // and the connection ends
}

void TestHttpServer::sendsContinueBeforeTheBody()
{
    World world;
    RawClient client = world.client();
    client.send("POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
    QCOMPARE(client.readTo("\r\n\r\n"), std::string("HTTP/1.1 100 Continue\r\n\r\n"));
    client.send("abc");
    QVERIFY(client.readAnswer().ends_with("POST /p [] abc"));
    // Without need it is left out.
    client.send(
        "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\nx");
    QVERIFY(client.readAnswer().starts_with("HTTP/1.1 200 OK"));
}

void TestHttpServer::refusesTooLongHeaders()
{
    World world;
    RawClient client = world.client();
    const std::string endless(100'000, 'a');
    client.send("GET /" + endless + " HTTP/1.1\r\n");
    QVERIFY(client.readAnswer().starts_with("HTTP/1.1 431 "));
    RawClient other = world.client();
    other.send("GET / HTTP/1.1\r\nHost: a\r\nX: " + endless + "\r\n\r\n");
    QVERIFY(other.readAnswer().starts_with("HTTP/1.1 431 "));
    QCOMPARE(world.requests.load(), 0);
}

void TestHttpServer::refusesTooLongBodies_data()
{
    QTest::addColumn<QByteArray>("rest");
    QTest::newRow("it says so") << QByteArray("Content-Length: 1001\r\n\r\n");
    QTest::newRow("it says so and waits")
        << QByteArray("Content-Length: 1001\r\nExpect: 100-continue\r\n\r\n");
    QTest::newRow("a lie") << QByteArray("Content-Length: 18446744073709551615\r\n\r\n");
    QTest::newRow("it just comes")
        << "Transfer-Encoding: chunked\r\n\r\n3e9\r\n" + QByteArray(1001, 'x') + "\r\n0\r\n\r\n";
}

void TestHttpServer::refusesTooLongBodies()
{
    QFETCH(const QByteArray, rest);
    World world({.bodyLimitBytes = 1000});
    RawClient client = world.client();
    client.send("POST / HTTP/1.1\r\nHost: a\r\n" + rest.toStdString());
    const std::string answer = client.readAnswer();
    QVERIFY2(answer.starts_with("HTTP/1.1 413 "), answer.c_str());
    QVERIFY(answer.find("Connection: close\r\n") != std::string::npos);
    QCOMPARE(world.requests.load(), 0);
}

void TestHttpServer::answersForHandlersThatDoNot()
{
    World world;
    RawClient client = world.client();
    client.send(get("/drop"));
    QVERIFY(client.readAnswer().starts_with("HTTP/1.1 500 "));
    client.send(get("/throw"));
    QVERIFY(client.readAnswer().starts_with("HTTP/1.1 500 "));
    client.send(get("/alive"));
    QVERIFY(client.readAnswer().starts_with("HTTP/1.1 200 "));
}

void TestHttpServer::letsNoHeaderBeInjected()
{
    World world;
    RawClient client = world.client();
    client.send(get("/inject"));
    const std::string head = client.readTo("\r\n\r\n");
    QVERIFY(head.find("Content-Type: text/plain  X-A: 1\r\n") != std::string::npos);
    QVERIFY(head.find("X-B: 1  X-C: 2\r\n") != std::string::npos);
    QVERIFY(head.find("X-D") == std::string::npos);
    QVERIFY(head.find("\r\nX-E") == std::string::npos);
}

void TestHttpServer::closesIdleConnections()
{
    World world({.idleTimeout = 100_ms});
    RawClient never = world.client();
    RawClient once = world.client();
    once.send(get("/a"));
    QVERIFY(once.readAnswer().starts_with("HTTP/1.1 200 "));
    QCOMPARE(never.readAll(), std::string());
    QCOMPARE(once.readAll(), std::string());
}

void TestHttpServer::closesConnectionsThatSendTooSlowly()
{
    World world({.readTimeout = 100_ms});
    RawClient head = world.client();
    head.send("GET / HTTP/1.1\r\nHo");
    RawClient body = world.client();
    body.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
    QVERIFY(head.readAll().starts_with("HTTP/1.1 408 "));
    QVERIFY(body.readAll().starts_with("HTTP/1.1 408 "));
    QCOMPARE(world.requests.load(), 0);
}

void TestHttpServer::closesConnectionsThatReadTooSlowly()
{
    World world({.writeTimeout = 100_ms});
    RawClient client = world.client();
    RawClient streaming = world.client();
    client.send(get("/large"));
    streaming.send(get("/endless"));
    QVERIFY(eventually([&] { return world.server().connections().closed == 2; }));
    QCOMPARE(world.streamsEnded.load(), 1);
    QVERIFY(client.readAll().size() < 50'000'000);
}

void TestHttpServer::furtherConnectionsWait()
{
    World world({.maxConnections = 2});
    RawClient first = world.client();
    RawClient second = world.client();
    first.send(get("/1"));
    QVERIFY(first.readAnswer().starts_with("HTTP/1.1 200 "));
    second.send(get("/2"));
    QVERIFY(second.readAnswer().starts_with("HTTP/1.1 200 "));
    RawClient third = world.client();
    third.send(get("/3"));
    second.send(get("/2"));
    QVERIFY(second.readAnswer().starts_with("HTTP/1.1 200 "));
    QCOMPARE(world.requests.load(), 3);
    first.hangUp();
    QVERIFY(third.readAnswer().ends_with("GET /3 [] "));
}

void TestHttpServer::servesAThousandConnections()
{
    World world({.maxConnections = 1100});
    std::vector<RawClient> idle;
    for (int i = 0; i < 1000; ++i) {
        idle.push_back(world.client());
    }
    RawClient busy = world.client();
    busy.send(get("/a"));
    QVERIFY(busy.readAnswer().starts_with("HTTP/1.1 200 "));
    for (RawClient& client : idle) {
        client.send(get("/b"));
    }
    for (RawClient& client : idle) {
        QVERIFY(client.readAnswer().ends_with("GET /b [] "));
    }
    QVERIFY(eventually([&] { return world.server().connections().accepted == 1001; }));
}

void TestHttpServer::listensOnSeveralAddresses()
{
    World world({.moreAddresses = {{"127.0.0.1", 0}, {"127.0.0.2", 0}}});
    const std::vector<std::string> addresses = world.server().addresses();
    QCOMPARE(addresses.size(), std::size_t{3});
    QVERIFY(addresses[2].starts_with("127.0.0.2:"));
    RawClient client(
        static_cast<std::uint16_t>(std::stoul(addresses[1].substr(addresses[1].find(':') + 1))));
    client.send(get("/a"));
    QVERIFY(client.readAnswer().starts_with("HTTP/1.1 200 "));
    IoLoop loop;
    const auto taken = HttpServer::start(loop, {.moreAddresses = {{"127.0.0.1", world.port()}}},
                                         [](ServerRequest, Responder) {});
    QVERIFY(absl::IsAlreadyExists(taken.status()));
}

QTEST_GUILESS_MAIN(TestHttpServer)
#include "tst_http_server.moc"
