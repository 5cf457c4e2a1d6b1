// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Many acknowledgements that one silence stands for on an external Alertmanager, and changes of
// single ones, against scripted servers. Source: spec/acknowledge.md, 5.
#include "ack_sync_world.h"

#include <QtTest>

using namespace narthex;
using namespace narthex::base::literals;
using tests::kDelete;
using tests::kPost;
using tests::kX;
using tests::script;
using tests::ScriptedServer;
using World = tests::AckWorld;

namespace {

/// Alerts that differ in `i`, and in `second` if it is not empty.
std::vector<model::Labels> many(int count, const std::string& second)
{
    std::vector<model::Labels> alerts;
    for (int i = 0; i < count; ++i) {
        model::LabelsBuilder builder;
        builder.set("alertname", "A").set("i", "n" + std::to_string(i) + ".x");
        alerts.push_back(second.empty() ? builder.build()
                                        : builder.set(second, std::to_string(i)).build());
    }
    return alerts;
}

/// A server that shows them all, silenced.
void scriptMany(ScriptedServer& server, const std::vector<model::Labels>& alerts)
{
    script(server);
    std::string json;
    for (const model::Labels& labels : alerts) {
        json += json.empty() ? "[{\"labels\":{" : ",{\"labels\":{";
        for (const model::LabelView label : labels) {
            json += "\"" + std::string(label.name) + "\":\"" + std::string(label.value) + "\",";
        }
        json.pop_back();
        json += "},\"status\":{\"silencedBy\":[\"s1\"]}}";
    }
    server.json("GET /api/v2/alerts", json + "]");
}

/// In one request; the ids.
std::vector<std::string> acknowledgeAll(World& world, const std::vector<model::Labels>& alerts)
{
    std::vector<alertmanager::Fingerprint> fingerprints;
    for (const model::Labels& labels : alerts) {
        world.am.fire(labels);
        fingerprints.push_back(alertmanager::fingerprintOf(labels));
    }
    std::vector<std::string> ids;
    for (const auto& ack : world.am->acknowledge(fingerprints, {.author = "anna"})) {
        ids.push_back(ack.value().id);
    }
    return ids;
}

} // namespace

class TestAmAckSharing : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void manyAlertsThatDifferInOneLabelShareASilence();
    void aSharedSilenceIsMadeAnewWhenOneOfThemEnds();
    void sharedSilencesSurviveARestart();
    void alertsThatDifferInTwoLabelsAreNotCarried();
    void anotherEndReachesTheServerAtOnce();
};

void TestAmAckSharing::manyAlertsThatDifferInOneLabelShareASilence()
{
    ScriptedServer server;
    World world;
    world.targets = {server.url()};
    const auto alerts = many(25, "");
    scriptMany(server, alerts);
    const auto acks = acknowledgeAll(world, alerts);
    world.look();
    QCOMPARE(server.count(kPost), 1U);
    const QString body = QString::fromStdString(server.last(kPost).body);
    QVERIFY2(body.contains("{\"name\":\"i\",\"value\":\"(n0\\\\.x|n1\\\\.x|n10\\\\.x|"),
             qPrintable(body));
    QVERIFY2(body.contains("\"name\":\"alertname\",\"value\":\"A\",\"isRegex\":false"),
             qPrintable(body));
    QCOMPARE(world.exporter->exports().at(0).ackIds.size(), 25U);
    // Each of them is said to be carried.
    QCOMPARE(world.listed().count("\"silence_id\":\"s1\""), 25);
    // Nothing more is asked for as long as nothing changes; then all ends at once.
    world.poll();
    world.poll();
    QCOMPARE(server.count(kPost), 1U);
    for (const std::string& id : acks) {
        QVERIFY(world.am->withdraw(id, "anna").ok());
    }
    world.look();
    QCOMPARE(server.count(kDelete), 1U);
    QVERIFY(world.exporter->exports().empty());
}

void TestAmAckSharing::aSharedSilenceIsMadeAnewWhenOneOfThemEnds()
{
    ScriptedServer server;
    World world;
    world.targets = {server.url()};
    const auto alerts = many(22, "");
    scriptMany(server, alerts);
    const auto acks = acknowledgeAll(world, alerts);
    world.look();
    server.json(kPost, "{\"silenceID\":\"s2\"}");
    server.json("DELETE /api/v2/silence/s2", "");
    QVERIFY(world.am->withdraw(acks[0], "anna").ok());
    world.look();
    // The new one is there before the old one goes.
    std::vector<std::string> writes;
    for (const net::ServerRequest& request : server.requests()) {
        if (request.method != "GET") {
            writes.push_back(request.method);
        }
    }
    QCOMPARE(writes, (std::vector<std::string>{"POST", "POST", "DELETE"}));
    QCOMPARE(world.exporter->exports().size(), 1U);
    QCOMPARE(world.exporter->exports()[0].silenceId, std::string("s2"));
    QCOMPARE(world.exporter->exports()[0].ackIds.size(), 21U);
    QVERIFY(!QString::fromStdString(server.last(kPost).body).contains("(n0"));
}

void TestAmAckSharing::sharedSilencesSurviveARestart()
{
    ScriptedServer server;
    World world;
    world.targets = {server.url()};
    const auto alerts = many(25, "");
    scriptMany(server, alerts);
    const auto acks = acknowledgeAll(world, alerts);
    world.look();
    world.close();
    QVERIFY(world.am->flushState().ok());
    world.open();
    world.look();
    QCOMPARE(server.count(kPost), 1U);
    QCOMPARE(world.exporter->exports().at(0).ackIds.size(), 25U);
}

void TestAmAckSharing::alertsThatDifferInTwoLabelsAreNotCarried()
{
    ScriptedServer server;
    World world;
    world.targets = {server.url()};
    const auto alerts = many(25, "d");
    scriptMany(server, alerts);
    const auto acks = acknowledgeAll(world, alerts);
    world.look();
    QCOMPARE(server.count(kPost), 0U);
    QVERIFY(world.exporter->exports().empty());
    std::vector<std::string> ids(acks.begin(), acks.end());
    const auto refused = world.exporter->acknowledge(server.url(), alerts, ids, {.author = "anna"});
    const QString message = QString::fromStdString(refused.status().ToString());
    QVERIFY2(message.contains("25 alerts differ in d and i") && message.contains("write a silence"),
             qPrintable(message));
}

void TestAmAckSharing::anotherEndReachesTheServerAtOnce()
{
    ScriptedServer server;
    script(server);
    World world;
    world.targets = {server.url()};
    world.am.fire(kX);
    const auto ack = world.am.acknowledge(kX, {.author = "anna", .comment = "on it"});
    world.look();
    QCOMPARE(world.exporter->exports().at(0).endsAt.ms, (world.am.now() + 15_min).ms);
    const auto changed = world.am->changeAcknowledgement(
        ack.id, "nearly done", std::optional(std::optional(base::Duration(5_min))), "anna");
    QVERIFY(changed.ok());
    world.look();
    QCOMPARE(server.count(kPost), 2U);
    const QString body = QString::fromStdString(server.last(kPost).body);
    QVERIFY2(body.contains("\"id\":\"s1\"") && body.contains("ACK! nearly done"), qPrintable(body));
    QCOMPARE(world.exporter->exports().at(0).endsAt.ms, (world.am.now() + 5_min).ms);
    world.look();
    QCOMPARE(server.count(kPost), 2U);
}

QTEST_GUILESS_MAIN(TestAmAckSharing)
#include "tst_am_ack_sharing.moc"
