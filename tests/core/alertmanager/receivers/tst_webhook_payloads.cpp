// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Bodies that a running Alertmanager 0.25.0 posted, made again byte for byte: but for what later
// versions added, and the digits of times below a millisecond. Skipped when the shared files are
// not there.
#include "core/base/file.h"
#include "support/receiver_world.h"
#include "support/scripted_server.h"

#include <QTest>

#include <filesystem>

namespace narthex::alertmanager {

namespace {

const std::filesystem::path kPayloads =
    std::filesystem::path(NARTHEX_SHARED_DIR) / "conformance/alertmanager/payloads";

/// 2026-11-20T15:52:26.480Z
constexpr base::Timestamp kStart{1'795'189'946'480};

NotifiedAlert diskOf(const std::string& host, const std::string& percent, std::uint64_t fingerprint,
                     const std::string& url, std::optional<base::Timestamp> end)
{
    return {.labels = {{"alertname", "DiskFull"},
                       {"instance", host + ":9100"},
                       {"job", "node"},
                       {"severity", "critical"}},
            .annotations = {{"summary", "root is " + percent + " % full"}},
            .startsAt = kStart,
            .endsAt = end,
            .generatorUrl = url,
            .fingerprint = fingerprint};
}

Notification recorded(std::vector<NotifiedAlert> alerts, Reason reason)
{
    Notification notification = tests::diskFull();
    notification.receiver = "hook";
    notification.alerts = std::move(alerts);
    notification.reason = reason;
    notification.externalUrl = "http://host-a:9093";
    return notification;
}

void removeFirst(std::string& text, const std::string& what)
{
    const std::size_t at = text.find(what);
    if (at != std::string::npos) {
        text.erase(at, what.size());
    }
}

} // namespace

class TestWebhookPayloads : public QObject
{
    Q_OBJECT

private slots:
    void bodiesAreThoseOfAnAlertmanager_data();
    void bodiesAreThoseOfAnAlertmanager();
};

void TestWebhookPayloads::bodiesAreThoseOfAnAlertmanager_data()
{
    QTest::addColumn<QString>("file");
    QTest::addColumn<int>("step");
    QTest::newRow("first") << "webhook-0.25.0-1-first.json" << 1;
    QTest::newRow("some resolved") << "webhook-0.25.0-2-some-resolved.json" << 2;
    QTest::newRow("all resolved") << "webhook-0.25.0-3-all-resolved.json" << 3;
}

void TestWebhookPayloads::bodiesAreThoseOfAnAlertmanager()
{
    QFETCH(QString, file);
    QFETCH(int, step);
    auto expected = base::readFile(kPayloads / file.toStdString());
    if (!expected.ok()) {
        QSKIP("the shared conformance files are not there");
    }
    const std::string url = "http://host-a:9090/graph?g0.expr=x";
    const base::Timestamp end{kStart.ms + 3520};
    std::vector<NotifiedAlert> alerts;
    if (step == 3) {
        alerts.push_back(
            diskOf("host-a", "97", 0x3be05e6bf91375d8, "", base::Timestamp{kStart.ms + 10'520}));
    } else {
        alerts.push_back(diskOf("host-a", "97", 0x3be05e6bf91375d8, url, std::nullopt));
        alerts.push_back(diskOf("host-b", "95", 0xdeb6cc62698b14b7, "",
                                step == 2 ? std::optional(end) : std::nullopt));
    }
    const Reason reason = step == 1   ? Reason::First
                          : step == 2 ? Reason::SomeResolved
                                      : Reason::AllResolved;
    tests::ReceiverWorld world;
    tests::ScriptedServer server;
    server.answerWith("POST /", {});
    QVERIFY(
        world.send("webhook", "url: " + server.url() + "/", recorded(alerts, reason)).status.ok());
    std::string body = server.last("POST /").body;
    removeFirst(body, "\"notification_reason\":\"" + std::string(text(reason)) + "\",");
    removeFirst(body, "\"routeLabels\":{},");
    std::size_t at = 0;
    while ((at = expected->find("480151982Z", at)) != std::string::npos) {
        expected->replace(at, 10, "48Z");
    }
    if (!expected->ends_with('\n')) {
        *expected += '\n';
    }
    QCOMPARE(QString::fromStdString(body), QString::fromStdString(*expected));
}

} // namespace narthex::alertmanager

QTEST_GUILESS_MAIN(narthex::alertmanager::TestWebhookPayloads)
#include "tst_webhook_payloads.moc"
