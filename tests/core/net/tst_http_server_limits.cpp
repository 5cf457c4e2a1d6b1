// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "server_world.h"

#include <QtTest>

using namespace narthex;
using namespace narthex::tests;

class TestHttpServerLimits : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void sendsContinueBeforeTheBody();
    void refusesTooLongHeaders();
    void refusesTooLongBodies_data();
    void refusesTooLongBodies();
    void closesIdleConnections();
    void closesConnectionsThatSendTooSlowly();
    void closesConnectionsThatReadTooSlowly();
    void furtherConnectionsWait();
    void idleConnectionsMakeRoom();
    void servesAThousandConnections();
};

void TestHttpServerLimits::sendsContinueBeforeTheBody()
{
    ServerWorld world;
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

void TestHttpServerLimits::refusesTooLongHeaders()
{
    ServerWorld world;
    RawClient client = world.client();
    const std::string endless(100'000, 'a');
    client.send("GET /" + endless + " HTTP/1.1\r\n");
    QVERIFY(client.readAnswer().starts_with("HTTP/1.1 431 "));
    RawClient other = world.client();
    other.send("GET / HTTP/1.1\r\nHost: a\r\nX: " + endless + "\r\n\r\n");
    QVERIFY(other.readAnswer().starts_with("HTTP/1.1 431 "));
    QCOMPARE(world.requests.load(), 0);
}

void TestHttpServerLimits::refusesTooLongBodies_data()
{
    QTest::addColumn<QByteArray>("rest");
    QTest::newRow("it says so") << QByteArray("Content-Length: 1001\r\n\r\n");
    QTest::newRow("it says so and waits")
        << QByteArray("Content-Length: 1001\r\nExpect: 100-continue\r\n\r\n");
    QTest::newRow("a lie") << QByteArray("Content-Length: 18446744073709551615\r\n\r\n");
    QTest::newRow("it just comes")
        << "Transfer-Encoding: chunked\r\n\r\n3e9\r\n" + QByteArray(1001, 'x') + "\r\n0\r\n\r\n";
}

void TestHttpServerLimits::refusesTooLongBodies()
{
    QFETCH(const QByteArray, rest);
    ServerWorld world({.bodyLimitBytes = 1000});
    RawClient client = world.client();
    client.send("POST / HTTP/1.1\r\nHost: a\r\n" + rest.toStdString());
    const std::string answer = client.readAnswer();
    QVERIFY2(answer.starts_with("HTTP/1.1 413 "), answer.c_str());
    QVERIFY(answer.find("Connection: close\r\n") != std::string::npos);
    QCOMPARE(world.requests.load(), 0);
}

void TestHttpServerLimits::closesIdleConnections()
{
    ServerWorld world({.idleTimeout = 100_ms});
    RawClient never = world.client();
    RawClient once = world.client();
    once.send(get("/a"));
    QVERIFY(once.readAnswer().starts_with("HTTP/1.1 200 "));
    QCOMPARE(never.readAll(), std::string());
    QCOMPARE(once.readAll(), std::string());
}

void TestHttpServerLimits::closesConnectionsThatSendTooSlowly()
{
    ServerWorld world({.readTimeout = 100_ms});
    RawClient head = world.client();
    head.send("GET / HTTP/1.1\r\nHo");
    RawClient body = world.client();
    body.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
    QVERIFY(head.readAll().starts_with("HTTP/1.1 408 "));
    QVERIFY(body.readAll().starts_with("HTTP/1.1 408 "));
    QCOMPARE(world.requests.load(), 0);
}

void TestHttpServerLimits::closesConnectionsThatReadTooSlowly()
{
    ServerWorld world({.writeTimeout = 100_ms});
    RawClient client = world.client();
    RawClient streaming = world.client();
    client.send(get("/large"));
    streaming.send(get("/endless"));
    QVERIFY(eventually([&] { return world.server().connections().closed == 2; }));
    QCOMPARE(world.streamsEnded.load(), 1);
    QVERIFY(client.readAll().size() < 50'000'000);
}

void TestHttpServerLimits::furtherConnectionsWait()
{
    ServerWorld world({.maxConnections = 2});
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

void TestHttpServerLimits::idleConnectionsMakeRoom()
{
    ServerWorld world({.maxConnections = 40, .idleGrace = 100_ms});
    std::vector<RawClient> idle;
    for (int i = 0; i < 1000; ++i) {
        idle.push_back(world.client());
    }
    // The last of a thousand gets its answer, though all before it keep their connections.
    idle.back().send(get("/a"));
    QVERIFY(idle.back().readAnswer().starts_with("HTTP/1.1 200 "));
    const ConnectionCounts counts = world.server().connections();
    QVERIFY(counts.accepted - counts.closed <= 40);
    QCOMPARE(idle.front().readAll(), std::string());
}

void TestHttpServerLimits::servesAThousandConnections()
{
    ServerWorld world({.maxConnections = 1100});
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

QTEST_GUILESS_MAIN(TestHttpServerLimits)
#include "tst_http_server_limits.moc"
