// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/net/http_server.h"
#include "support/http_ask.h"
#include "support/raw_server.h"

#include <absl/synchronization/blocking_counter.h>
#include <absl/synchronization/notification.h>

#include <QtTest>

using namespace narthex;
using namespace narthex::net;
using namespace narthex::tests;

/// What peers can do to us.
class TestHttpFailures : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void failsInItsOwnWay_data();
    void failsInItsOwnWay();
    void asksAnewWhenAKeptConnectionIsGone();
    void usesConnectionsAgain();
    void endsWhileRequestsAreUnderWay();
    void cancelsWithinRedirectsAndStreams();
    void answersManyAtOnce();

private:
    IoLoop loop_;
    HttpClient client_{loop_, "Narthex/test"};
};

void TestHttpFailures::failsInItsOwnWay_data()
{
    QTest::addColumn<QByteArray>("answer");
    QTest::addColumn<QString>("end");
    QTest::addColumn<int>("error");
    QTest::newRow("closed without a word") << QByteArray() << "close" << int(TransportError::Other);
    QTest::newRow("reset") << QByteArray() << "reset" << int(TransportError::Other);
    QTest::newRow("reset in the body")
        << QByteArray("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf") << "reset"
        << int(TransportError::Other);
    QTest::newRow("closed in the body")
        << QByteArray("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf") << "close"
        << int(TransportError::Other);
    QTest::newRow("silent") << QByteArray() << "wait" << int(TransportError::Timeout);
    QTest::newRow("slow body") << QByteArray("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
                               << "wait" << int(TransportError::Timeout);
    QTest::newRow("endless body") << QByteArray(
                                         "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                                  << "endless" << int(TransportError::BodyLimit);
    QTest::newRow("bad gzip")
        << QByteArray("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\ngzip")
        << "close" << int(TransportError::Other);
    QTest::newRow("no HTTP") << QByteArray("220 mail.example ESMTP\r\n\r\n") << "close"
                             << int(TransportError::Other);
    QTest::newRow("bad chunk") << QByteArray(
                                      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
                               << "close" << int(TransportError::Other);
}

void TestHttpFailures::failsInItsOwnWay()
{
    QFETCH(QByteArray, answer);
    QFETCH(QString, end);
    QFETCH(int, error);
    const RawServer server([&](RawConnection& connection) {
        connection.readHead();
        (void)connection.send(answer.toStdString());
        if (end == "wait") {
            connection.waitForHangUp();
        }
        while (end == "endless" && connection.send("4\r\nabcd\r\n")) {
        }
        if (end == "reset") {
            connection.resetOnClose();
        }
    });
    const base::Duration timeout = end == "wait" ? 100_ms : 20_s;
    const auto result =
        ask(client_, {.url = server.url(), .timeout = timeout, .bodyLimitBytes = 10'000});
    QVERIFY(!result.ok());
    QCOMPARE(int(transportErrorOf(result.status())), error);
    QVERIFY(!base::messageOf(result.status()).empty());
}

void TestHttpFailures::asksAnewWhenAKeptConnectionIsGone()
{
    // Says keep-alive and hangs up all the same.
    const RawServer server([](RawConnection& connection) {
        connection.readHead();
        (void)connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    });
    const auto config = std::make_shared<const HttpClientConfig>();
    for (int i = 0; i < 5; ++i) {
        const auto answer = ask(client_, {.url = server.url()}, *config);
        QVERIFY2(answer.ok(), answer.status().ToString().c_str());
    }
    QCOMPARE(server.connections(), 5);
}

void TestHttpFailures::usesConnectionsAgain()
{
    const RawServer server([](RawConnection& connection) {
        while (!connection.readHead().empty() &&
               connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")) {
        }
    });
    for (int i = 0; i < 20; ++i) {
        QCOMPARE(ask(client_, {.url = server.url()})->body, std::string("ok"));
    }
    QCOMPARE(server.connections(), 1);
}

void TestHttpFailures::endsWhileRequestsAreUnderWay()
{
    const RawServer server([](RawConnection& connection) { connection.waitForHangUp(); });
    std::atomic<int> cancelled = 0;
    {
        HttpClient client(loop_, "Narthex/test");
        for (int i = 0; i < 10; ++i) {
            client.send({.url = server.url(), .idleTimeout = 5_s},
                        std::make_shared<const HttpClientConfig>(),
                        [&](const absl::StatusOr<HttpResponse>& answer) {
                            cancelled += absl::IsCancelled(answer.status()) ? 1 : 0;
                        });
        }
    }
    QCOMPARE(cancelled.load(), 10);
}

void TestHttpFailures::cancelsWithinRedirectsAndStreams()
{
    absl::Notification streaming;
    const RawServer server([](RawConnection& connection) {
        const std::string head = connection.readHead();
        if (head.starts_with("GET /from")) {
            (void)connection.send(
                "HTTP/1.1 302 Found\r\nLocation: /to\r\nContent-Length: 0\r\n\r\n");
            connection.readHead();
        }
        (void)connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n");
        connection.waitForHangUp();
    });
    absl::Notification done;
    absl::Status status;
    const RequestId id = client_.send({.url = server.url() + "/from",
                                       .timeout = {},
                                       .onData = [&](std::string_view) { streaming.Notify(); }},
                                      std::make_shared<const HttpClientConfig>(),
                                      [&](const absl::StatusOr<HttpResponse>& answer) {
                                          status = answer.status();
                                          done.Notify();
                                      });
    streaming.WaitForNotification();
    client_.cancel(id);
    done.WaitForNotification();
    QVERIFY(absl::IsCancelled(status));
    client_.cancel(id); // nothing is left to be cancelled
}

void TestHttpFailures::answersManyAtOnce()
{
    const auto server = HttpServer::start(loop_, {}, [](ServerRequest, Responder respond) {
        respond({.body = std::string(20'000, 'x')});
    });
    QVERIFY(server.ok());
    constexpr int kCount = 300;
    absl::BlockingCounter left(kCount);
    std::atomic<int> fine = 0;
    for (int i = 0; i < kCount; ++i) {
        client_.send({.url = "http://" + (*server)->address() + "/"},
                     std::make_shared<const HttpClientConfig>(),
                     [&](const absl::StatusOr<HttpResponse>& answer) {
                         fine += answer.ok() && answer->body.size() == 20'000 ? 1 : 0;
                         left.DecrementCount();
                     });
    }
    left.Wait();
    QCOMPARE(fine.load(), kCount);
}

QTEST_GUILESS_MAIN(TestHttpFailures)
#include "tst_http_failures.moc"
