// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/http_ask.h"
#include "support/raw_server.h"

#include <absl/synchronization/notification.h>

#include <QtTest>

using namespace narthex;
using namespace narthex::net;
using namespace narthex::tests;

namespace {

constexpr std::string_view kStreamHead =
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: application/json\r\n\r\n";

std::string chunk(std::string_view text)
{
    return fmt::format("{:x}\r\n{}\r\n", text.size(), text);
}

} // namespace

class TestHttpStreaming : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void handsOverPiecesAsTheyCome();
    void collectsTheBodyOfOtherStatuses();
    void asksForNoCompression();
    void failsWhenNothingComesForTooLong();
    void anIdleLimitIsNoLimitOfTheWhole();
    void limitsTheWholeStream();

private:
    IoLoop loop_;
    HttpClient client_{loop_, "Narthex/test"};
};

void TestHttpStreaming::handsOverPiecesAsTheyCome()
{
    absl::Notification firstSeen;
    const RawServer server([&](RawConnection& connection) {
        connection.readHead();
        (void)connection.send(std::string(kStreamHead) + chunk("one "));
        // The second piece leaves only after the first was handed over.
        firstSeen.WaitForNotification();
        (void)connection.send(chunk("two") + chunk(""));
        connection.waitForHangUp();
    });
    std::string seen;
    const auto answer = ask(client_, {.url = server.url(),
                                      .timeout = {},
                                      .idleTimeout = 20_s,
                                      .onData = [&](std::string_view data) {
                                          if (seen.empty()) {
                                              firstSeen.Notify();
                                          }
                                          seen += data;
                                      }});
    QVERIFY2(answer.ok(), answer.status().ToString().c_str());
    QCOMPARE(answer->status, 200);
    QCOMPARE(seen, std::string("one two"));
    QCOMPARE(answer->body, std::string());
    QCOMPARE(std::string(answer->header("content-type")), std::string("application/json"));
}

void TestHttpStreaming::collectsTheBodyOfOtherStatuses()
{
    const RawServer server([](RawConnection& connection) {
        connection.readHead();
        (void)connection.send("HTTP/1.1 410 Gone\r\nContent-Length: 7\r\n\r\ntoo old");
    });
    std::string seen;
    const auto answer =
        ask(client_, {.url = server.url(), .onData = [&](std::string_view data) { seen += data; }});
    QCOMPARE(answer->status, 410);
    QCOMPARE(answer->body, std::string("too old"));
    QCOMPARE(seen, std::string());
}

void TestHttpStreaming::asksForNoCompression()
{
    std::string head;
    const RawServer server([&](RawConnection& connection) {
        head = connection.readHead();
        (void)connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    });
    QVERIFY(ask(client_, {.url = server.url(),
                          .headers = {{"accept-encoding", "gzip"}, {"X-Other", "1"}},
                          .onData = [](std::string_view) {}})
                .ok());
    QVERIFY2(head.find("ncoding") == std::string::npos, head.c_str());
    QVERIFY2(head.find("X-Other: 1") != std::string::npos, head.c_str());
}

void TestHttpStreaming::failsWhenNothingComesForTooLong()
{
    const RawServer server([](RawConnection& connection) {
        connection.readHead();
        (void)connection.send(std::string(kStreamHead) + chunk("one"));
        connection.waitForHangUp();
    });
    std::string seen;
    const auto answer = ask(client_, {.url = server.url(),
                                      .timeout = {},
                                      .idleTimeout = 50_ms,
                                      .onData = [&](std::string_view data) { seen += data; }});
    QVERIFY(absl::IsDeadlineExceeded(answer.status()));
    QCOMPARE(int(transportErrorOf(answer.status())), int(TransportError::Timeout));
    QCOMPARE(seen, std::string("one"));
}

void TestHttpStreaming::anIdleLimitIsNoLimitOfTheWhole()
{
    // Longer than the idle limit altogether, each gap shorter by far.
    const RawServer server([](RawConnection& connection) {
        connection.readHead();
        (void)connection.send(kStreamHead);
        for (int i = 0; i < 6; ++i) {
            std::this_thread::sleep_for(std::chrono::milliseconds(100));
            (void)connection.send(chunk("x"));
        }
        (void)connection.send(chunk(""));
        connection.waitForHangUp();
    });
    std::string seen;
    const auto answer = ask(client_, {.url = server.url(),
                                      .timeout = {},
                                      .idleTimeout = 500_ms,
                                      .onData = [&](std::string_view data) { seen += data; }});
    QVERIFY2(answer.ok(), answer.status().ToString().c_str());
    QCOMPARE(seen, std::string("xxxxxx"));
    QVERIFY(answer->timing.total.ms() >= 550);
}

void TestHttpStreaming::limitsTheWholeStream()
{
    const RawServer server([](RawConnection& connection) {
        connection.readHead();
        (void)connection.send(kStreamHead);
        while (connection.send(chunk("0123456789"))) {
        }
    });
    const auto answer = ask(
        client_, {.url = server.url(), .bodyLimitBytes = 1000, .onData = [](std::string_view) {}});
    QCOMPARE(int(transportErrorOf(answer.status())), int(TransportError::BodyLimit));
}

QTEST_GUILESS_MAIN(TestHttpStreaming)
#include "tst_http_streaming.moc"
