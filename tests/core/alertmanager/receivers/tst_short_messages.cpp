// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Short messages that everything in a group is acknowledged, in chats and webhooks.
#include "support/receiver_world.h"
#include "support/scripted_server.h"

#include <QtTest>

namespace narthex::alertmanager {

using tests::diskFull;
using tests::ReceiverWorld;
using tests::ScriptedServer;

class TestShortMessages : public QObject
{
    Q_OBJECT

private slots:
    void chatsGetAShortMessageOnRequest_data();
    void chatsGetAShortMessageOnRequest();
};

void TestShortMessages::chatsGetAShortMessageOnRequest_data()
{
    QTest::addColumn<QString>("kind");
    QTest::addColumn<QString>("settings"); // %1: the server
    QTest::addColumn<QString>("title");
    const auto row = [](const char* kind, const char* settings, const char* title) {
        QTest::newRow(kind) << kind << settings << title;
    };
    row("discord", "{webhook_url: '%1/x', content: long}",
        "\"title\":\"[ACKNOWLEDGED:1] DiskFull\"");
    row("slack",
        "{api_url: '%1/x', channel: c, pretext: long, fields: [{title: long, value: long}], "
        "actions: [{type: button, text: long, url: 'http://long'}]}",
        "\"title\":\"[ACKNOWLEDGED:1] DiskFull\"");
    row("mattermost", "{webhook_url: '%1/x', text: long, attachments: [{title: long, text: long}]}",
        "\"title\":\"[ACKNOWLEDGED:1] DiskFull\"");
    row("msteams", "{webhook_url: '%1/x', text: long}", "\"title\":\"[ACKNOWLEDGED:1] DiskFull\"");
    row("msteamsv2", "{webhook_url: '%1/x', text: long}", "[ACKNOWLEDGED:1] DiskFull");
    row("webhook", "{url: '%1/x'}", "\"acknowledged\"");
}

void TestShortMessages::chatsGetAShortMessageOnRequest()
{
    QFETCH(QString, kind);
    QFETCH(QString, settings);
    QFETCH(QString, title);
    ReceiverWorld world;
    ScriptedServer server;
    server.answerWith("POST /x", {.contentType = "text/plain", .body = "ok"});
    Notification notification = diskFull();
    const AcknowledgementNote note{
        .author = "ann", .comment = "on it", .createdAt = notification.now};
    notification.alerts[0].acknowledgement = note;
    notification.reason = Reason::Acknowledged;
    const auto result =
        world
            .integration(kind.toStdString(),
                         settings.arg(QString::fromStdString(server.url())).toStdString())
            ->acknowledge(notification, note, {20'000'000'000}, {});
    QVERIFY2(result && result->status.ok(), result ? result->status.ToString().c_str() : "");
    const QString body = QString::fromStdString(server.last("POST /x").body);
    QVERIFY2(body.contains(title), qPrintable(body));
    QVERIFY2(body.contains(kind == "webhook" ? "\"author\":\"ann\""
                                             : "Acknowledged by ann 0s ago: on it"),
             qPrintable(body));
    QVERIFY2(!body.contains("long"), qPrintable(body));
}

} // namespace narthex::alertmanager

QTEST_GUILESS_MAIN(narthex::alertmanager::TestShortMessages)
#include "tst_short_messages.moc"
