// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "server_world.h"

#include <QtTest>

#include <thread>

using namespace narthex;
using namespace narthex::base::literals;
using namespace narthex::tests;

namespace {

QByteArray bytes(const std::string& text)
{
    return {text.data(), static_cast<qsizetype>(text.size())};
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
    void answersOfOtherThreadsKeepTheirOrder();
    void aLargeAnswerOfAnotherThreadArrivesWhole();
    void anAnswerOfAnotherThreadFreesTheConnection();
    void streamsInChunks();
    void streamsUntilTheEndForHttp10();
    void aHeadRequestGetsNoBody();
    void aBrokenStreamHasNoLastChunk();
    void aSlowReaderHoldsTheStreamBack();
    void endsTheStreamWhenThePeerIsGone();
    void tellsTheHandlerThatThePeerIsGone();
    void aHalfClosedPeerGetsItsAnswer();
    void answersForHandlersThatDoNot();
    void letsNoHeaderBeInjected();
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
    ServerWorld world;
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
    ServerWorld world;
    RawClient client = world.client();
    client.send(get("/hold") + get("/second") + get("/third"));
    world.release({.body = "first"});
    QVERIFY(client.readAnswer().ends_with("first"));
    QVERIFY(client.readAnswer().ends_with("GET /second [] "));
    QVERIFY(client.readAnswer().ends_with("GET /third [] "));
}

void TestHttpServer::takesNoMoreAheadThanItHolds()
{
    ServerWorld world;
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

void TestHttpServer::answersOfOtherThreadsKeepTheirOrder()
{
    ServerWorld world;
    RawClient client = world.client();
    int next = 0;
    // One after the other, and several at once that arrive in pieces.
    for (int round = 0; round < 300; ++round) {
        std::string burst;
        const int count = round % 3 == 0 ? 5 : 1;
        for (int i = 0; i < count; ++i) {
            burst += get(fmt::format("/pool/{}", next + i));
        }
        const std::size_t half = burst.size() / 2;
        client.send(std::string_view(burst).substr(0, half));
        client.send(std::string_view(burst).substr(half));
        for (int i = 0; i < count; ++i) {
            const std::string answer = client.readAnswer();
            QVERIFY2(answer.ends_with(fmt::format("\r\n\r\n/pool/{}", next)), answer.c_str());
            ++next;
        }
    }
    client.sayNoMore();
    QCOMPARE(client.readAll(), std::string());
}

void TestHttpServer::aLargeAnswerOfAnotherThreadArrivesWhole()
{
    ServerWorld world;
    RawClient client = world.client();
    client.send(get("/pool-large"));
    const std::string answer = client.readAnswer();
    QVERIFY(answer.ends_with("\r\n\r\n" + std::string(5'000'000, 'y')));
    client.send(get("/pool/1"));
    QVERIFY(client.readAnswer().ends_with("/pool/1"));
}

void TestHttpServer::anAnswerOfAnotherThreadFreesTheConnection()
{
    ServerWorld world({.idleTimeout = 100_ms});
    RawClient client = world.client();
    client.send(get("/pool/1"));
    QVERIFY(client.readAnswer().ends_with("/pool/1"));
    QCOMPARE(client.readAll(), std::string()); // idle, and closed as idle ones are
    QVERIFY(eventually([&] { return world.server().connections().closed == 1; }));
    // A peer that leaves after its answer is nobody that did not get one.
    {
        RawClient other = world.client();
        other.send(get("/hold"));
        world.release({.body = "x"});
        QVERIFY(other.readAnswer().ends_with("x"));
    }
    QVERIFY(eventually([&] { return world.server().connections().closed == 2; }));
    QCOMPARE(world.gone.load(), 0);
}

void TestHttpServer::streamsInChunks()
{
    ServerWorld world;
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
    ServerWorld world;
    RawClient client = world.client();
    client.send("GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    const std::string head = client.readTo("\r\n\r\n");
    QVERIFY(head.find("Transfer-Encoding") == std::string::npos);
    QVERIFY(head.find("Connection: close\r\n") != std::string::npos);
    QCOMPARE(client.readAll(), std::string("begin xxxxxxxxxxxxxxx"));
}

void TestHttpServer::aHeadRequestGetsNoBody()
{
    ServerWorld world;
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
    ServerWorld world;
    RawClient client = world.client();
    client.send(get("/broken"));
    client.readTo("\r\n\r\n");
    QCOMPARE(client.readAll(), std::string("5\r\nxxxxx\r\n"));
}

void TestHttpServer::aSlowReaderHoldsTheStreamBack()
{
    ServerWorld world;
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
    ServerWorld world;
    {
        RawClient client = world.client();
        client.send(get("/endless"));
        (void)client.read(100'000);
    }
    QVERIFY(eventually([&] { return world.streamsEnded == 1; }));
}

void TestHttpServer::tellsTheHandlerThatThePeerIsGone()
{
    ServerWorld world;
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
    ServerWorld world;
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

void TestHttpServer::answersForHandlersThatDoNot()
{
    ServerWorld world;
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
    ServerWorld world;
    RawClient client = world.client();
    client.send(get("/inject"));
    const std::string head = client.readTo("\r\n\r\n");
    QVERIFY(head.find("Content-Type: text/plain  X-A: 1\r\n") != std::string::npos);
    QVERIFY(head.find("X-B: 1  X-C: 2\r\n") != std::string::npos);
    QVERIFY(head.find("X-D") == std::string::npos);
    QVERIFY(head.find("\r\nX-E") == std::string::npos);
}

void TestHttpServer::listensOnSeveralAddresses()
{
    ServerWorld world({.moreAddresses = {{"127.0.0.1", 0}, {"127.0.0.2", 0}}});
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
