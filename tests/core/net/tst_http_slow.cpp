// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/http_ask.h"
#include "support/raw_server.h"

#include <QElapsedTimer>
#include <QtTest>

using namespace narthex;
using namespace narthex::net;
using namespace narthex::tests;

/// Limits that take their time to be seen.
class TestHttpSlow : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void givesUpOnASilentHandshake();
};

void TestHttpSlow::givesUpOnASilentHandshake()
{
    IoLoop loop;
    HttpClient client(loop, "Narthex/test");
    const RawServer silent([](RawConnection& connection) { connection.waitForHangUp(); });
    QElapsedTimer timer;
    timer.start();
    const auto answer = ask(client, {.url = "https://" + silent.address() + "/", .timeout = {}});
    QCOMPARE(int(transportErrorOf(answer.status())), int(TransportError::Timeout));
    QVERIFY2(timer.elapsed() > 9900 && timer.elapsed() < 20000,
             qPrintable(QString::number(timer.elapsed())));
}

QTEST_GUILESS_MAIN(TestHttpSlow)
#include "tst_http_slow.moc"
