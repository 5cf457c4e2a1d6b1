// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Acknowledgements of this Alertmanager on external ones: against scripted servers, and against
// Debian's.
#include "ack_sync_world.h"

#include "support/alertmanager_peer.h"

#include <QtTest>

using namespace narthex;
using namespace narthex::base::literals;
using alertmanager::AckExporter;
using alertmanager::AckSync;
using tests::AmWorld;
using tests::kDelete;
using tests::kPost;
using tests::kX;
using tests::script;
using tests::ScriptedServer;
using World = tests::AckWorld;

namespace {

constexpr const char kPeers[] = "{\"name\":\"b\"},{\"name\":\"a\"}";
constexpr const char kPeersTurned[] = "{\"name\":\"a\"},{\"name\":\"b\"}";
constexpr const char kReplica[] = ",\"replica\":\"1\"";

} // namespace

class TestAmAckSync : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void anAcknowledgementIsCarriedOutAndTakenBack();
    void oneMemberOfAClusterGetsIt();
    void onlyServersThatShowTheAlertGetIt();
    void itHasTheLabelsThatTheServerKnows();
    void aServerThatWasAwayCatchesUp();
    void whatEndsWhileTheProgramIsClosedIsTakenBack();
    void exportsOfOthersAreLeftAlone();
    void othersAcknowledgementsAreListed();
    void theInstanceKeepsItsName();
    void againstDebiansAlertmanager();
};

void TestAmAckSync::anAcknowledgementIsCarriedOutAndTakenBack()
{
    ScriptedServer server;
    script(server);
    World world;
    world.targets = {server.url()};
    world.am.fire(kX);
    const auto ack =
        world.am.acknowledge(kX, {.author = "anna", .comment = "on it", .expiresIn = 10_min});
    world.look();
    QCOMPARE(server.count(kPost), 1U);
    const QString body = QString::fromStdString(server.last(kPost).body);
    QVERIFY2(body.contains("ACK! on it") && body.contains("\"createdBy\":\"anna\""),
             qPrintable(body));
    QCOMPARE(world.exporter->exports()[0].endsAt.ms, (world.am.now() + 10_min).ms);
    QVERIFY2(world.listed().contains("\"exports\":[{\"target\":\""), qPrintable(world.listed()));
    QVERIFY(world.listed().contains("\"silence_id\":\"s1\""));
    world.poll();
    world.poll();
    QCOMPARE(server.count(kPost), 1U);
    QVERIFY(world.am->withdraw(ack.id, "anna").ok());
    world.look();
    QCOMPARE(server.count(kDelete), 1U);
    QVERIFY(world.exporter->exports().empty());
    // Expiry and the end of the alert do the same.
    world.am.acknowledge(kX, {.author = "anna", .expiresIn = 1_min});
    world.look();
    QCOMPARE(server.count(kPost), 2U);
    world.am.passFiring(2_min, {kX});
    world.look();
    // The exporter knows the time, too: both may say so, which does no harm.
    const std::size_t deleted = server.count(kDelete);
    QVERIFY(deleted >= 2);
    QVERIFY(world.exporter->exports().empty());
    world.am.acknowledge(kX);
    world.look();
    world.am.resolve(kX);
    world.look();
    QCOMPARE(server.count(kPost), 3U);
    QCOMPARE(server.count(kDelete), deleted + 1);
}

void TestAmAckSync::oneMemberOfAClusterGetsIt()
{
    ScriptedServer one;
    ScriptedServer two;
    ScriptedServer alone;
    script(one, kPeers);
    script(two, kPeersTurned);
    script(alone);
    World world;
    world.targets = {one.url(), two.url(), alone.url()};
    world.am.fire(kX);
    world.am.acknowledge(kX);
    world.look();
    world.poll();
    QCOMPARE(one.count(kPost) + two.count(kPost), 1U);
    QCOMPARE(alone.count(kPost), 1U);
    QCOMPARE(world.exporter->exports().size(), 2U);
}

void TestAmAckSync::onlyServersThatShowTheAlertGetIt()
{
    ScriptedServer server;
    script(server);
    server.json("GET /api/v2/alerts", "[]");
    World world;
    world.targets = {server.url()};
    const model::Labels secret{{"alertname", "A"}, {"i", "private"}};
    world.am.fire(kX);
    world.am.fire(secret);
    world.am.acknowledge(kX);
    world.am.acknowledge(secret);
    world.look();
    QCOMPARE(server.count(kPost), 0U);
    QCOMPARE(QString::fromStdString(server.last("GET /api/v2/alerts").parameters.at(0).second),
             QString("alertname=\"A\""));
    script(server);
    world.look();
    QCOMPARE(server.count(kPost), 1U);
}

void TestAmAckSync::itHasTheLabelsThatTheServerKnows()
{
    ScriptedServer server;
    script(server, "", kReplica);
    World world;
    world.targets = {server.url()};
    world.external = "1";
    world.am.fire(kX);
    world.am.acknowledge(kX);
    world.look();
    QCOMPARE(server.count(kPost), 1U);
    const QString body = QString::fromStdString(server.last(kPost).body);
    QVERIFY2(body.contains("\"name\":\"replica\""), qPrintable(body));
}

void TestAmAckSync::aServerThatWasAwayCatchesUp()
{
    ScriptedServer server;
    server.answerWith("GET /api/v2/status", {.status = 503});
    World world;
    world.targets = {server.url()};
    world.am.fire(kX);
    world.am.acknowledge(kX);
    world.look();
    QVERIFY(world.exporter->exports().empty());
    script(server);
    world.am.timers.advance(45_s);
    world.settle();
    QCOMPARE(server.count(kPost), 1U);
}

void TestAmAckSync::whatEndsWhileTheProgramIsClosedIsTakenBack()
{
    ScriptedServer server;
    script(server);
    World world;
    world.targets = {server.url()};
    world.am.fire(kX);
    const auto ack = world.am.acknowledge(kX);
    world.look();
    world.close();
    QVERIFY(world.am->withdraw(ack.id, "anna").ok());
    world.open();
    QCOMPARE(server.count(kDelete), 1U);
}

void TestAmAckSync::exportsOfOthersAreLeftAlone()
{
    ScriptedServer server;
    script(server);
    World world;
    world.targets = {server.url()};
    const std::vector<model::Labels> alerts{kX};
    QVERIFY(
        world.exporter->acknowledge(server.url(), alerts, {"elsewhere"}, {.author = "bob"}).ok());
    world.look();
    QCOMPARE(server.count(kDelete), 0U);
    QCOMPARE(world.exporter->exports().size(), 1U);
}

void TestAmAckSync::othersAcknowledgementsAreListed()
{
    ScriptedServer server;
    script(server);
    server.json("GET /api/v2/silences",
                "[{\"id\":\"k1\",\"startsAt\":\"2026-03-02T11:00:00Z\",\"endsAt\":"
                "\"2026-03-02T13:00:00Z\",\"comment\":\"ACK! karma\",\"createdBy\":\"karl\","
                "\"status\":{\"state\":\"active\"}}]");
    World world;
    world.targets = {server.url()};
    world.look();
    world.poll();
    QVERIFY2(world.listed().contains("\"author\":\"karl\""), qPrintable(world.listed()));
    QVERIFY(world.listed().contains("\"source\":\"external\""));
    // A server that is no longer found is forgotten.
    world.targets.clear();
    world.look();
    QCOMPARE(world.listed(), QString("[]"));
}

void TestAmAckSync::theInstanceKeepsItsName()
{
    AmWorld world;
    const auto first = alertmanager::instanceId(&world.database());
    QVERIFY2(first.ok(), first.status().ToString().c_str());
    QCOMPARE(alertmanager::instanceId(&world.database()).value(), *first);
    QVERIFY(alertmanager::isUuid(*first));
}

void TestAmAckSync::againstDebiansAlertmanager()
{
    if (const QString missing = test::AlertmanagerPeer::missing(); !missing.isEmpty()) {
        QSKIP(qPrintable(missing));
    }
    base::TemporaryDirectory folder;
    test::AlertmanagerPeer peer;
    QVERIFY2(peer.start(folder.path(), "route: {receiver: r}\nreceivers: [{name: r}]\n"),
             qPrintable(peer.output()));
    World world(base::SystemClock().now());
    world.targets = {peer.url()};
    std::atomic<int> status = 0;
    world.http.send({.method = "POST",
                     .url = peer.url() + "/api/v2/alerts",
                     .headers = {{"Content-Type", "application/json"}},
                     .body = "[{\"labels\":{\"alertname\":\"A\",\"i\":\"x\"}}]"},
                    std::make_shared<const net::HttpClientConfig>(),
                    [&](absl::StatusOr<net::HttpResponse> response) {
                        status = response.ok() ? response->status : -1;
                    });
    QTRY_COMPARE(status.load(), 200);
    const auto state = [&] {
        const auto alerts =
            QJsonDocument::fromJson(peer.requests().get("/api/v2/alerts").body).array();
        return alerts[0]["status"]["state"].toString();
    };
    world.am.fire(kX);
    const auto ack = world.am.acknowledge(kX);
    world.look();
    QCOMPARE(world.exporter->exports().size(), 1U);
    QTRY_COMPARE(state(), QString("suppressed"));
    QVERIFY(world.am->withdraw(ack.id, "anna").ok());
    world.look();
    QTRY_VERIFY(state() != "suppressed");
}

QTEST_GUILESS_MAIN(TestAmAckSync)
#include "tst_am_ack_sync.moc"
