// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Acknowledgements of this Alertmanager on external ones: against scripted servers, and against
// Debian's.
#include "am_world.h"

#include "core/alertmanager/ack_sync.h"
#include "core/alertmanager/api.h"
#include "support/alertmanager_peer.h"
#include "support/scripted_server.h"

#include <QtTest>

using namespace narthex;
using namespace narthex::base::literals;
using alertmanager::AckExporter;
using alertmanager::AckSync;
using alertmanager::AlertServer;
using tests::AmWorld;
using tests::ScriptedServer;

namespace {

const model::Labels kX{{"alertname", "A"}, {"i", "x"}};
const std::string kPost = "POST /api/v2/silences";
const std::string kDelete = "DELETE /api/v2/silence/s1";

/// A member of the cluster with these peers that shows the alert, as these labels say.
void script(ScriptedServer& server, const char* peers = "", const char* more = "")
{
    server.json("GET /api/v2/status",
                std::string("{\"versionInfo\":{\"version\":\"0.25.0\"},\"cluster\":{\"peers\":[") +
                    peers + "]}}");
    server.json("GET /api/v2/alerts", std::string("[{\"labels\":{\"alertname\":\"A\",\"i\":\"x\"") +
                                          more + "},\"status\":{\"silencedBy\":[\"s1\"]}}]");
    server.json("GET /api/v2/silences", "[]");
    server.json(kPost, "{\"silenceID\":\"s1\"}");
    server.json(kDelete, "");
}

constexpr const char kPeers[] = "{\"name\":\"b\"},{\"name\":\"a\"}";
constexpr const char kPeersTurned[] = "{\"name\":\"a\"},{\"name\":\"b\"}";
constexpr const char kReplica[] = ",\"replica\":\"1\"";

class World
{
public:
    explicit World(base::Timestamp start = tests::timeAt("2026-03-02T12:00:00Z"))
        : am(AmWorld::kPlain, {.startDelay = {}, .seed = 1}, start)
    {
        open();
    }
    ~World() { close(); }
    World(const World&) = delete;
    World& operator=(const World&) = delete;

    void open()
    {
        exporter =
            std::make_unique<AckExporter>(am->options().acknowledgements, "here",
                                          AckExporter::Environment{.http = http,
                                                                   .timers = am.timers,
                                                                   .database = &am.database(),
                                                                   .log = base::nullLogger(),
                                                                   .metrics = am->metrics()});
        sync = std::make_unique<AckSync>(AckSync::Environment{
            .exporter = *exporter,
            .timers = am.timers,
            .interval = 45_s,
            .acknowledgements = [this] { return am->acknowledgements(); },
            .servers = [this](const model::Labels& labels) { return serversFor(labels); },
            .log = base::nullLogger()});
        if (!exporter->start().ok()) {
            throw std::runtime_error("the exporter does not start");
        }
        sync->start();
        settle();
    }
    void close()
    {
        sync.reset();
        exporter.reset();
    }
    void settle() const
    {
        sync->settle();
        exporter->settle();
    }
    void look() const
    {
        sync->changed();
        settle();
    }
    /// Everybody looks once, as after the interval.
    void poll()
    {
        exporter->poll();
        look();
    }
    std::vector<AlertServer> serversFor(const model::Labels& labels) const
    {
        std::vector<AlertServer> servers;
        for (const std::string& target : targets) {
            AlertServer& server = servers.emplace_back(AlertServer{.target = target});
            if (labels.get("i") != "private") {
                model::LabelsBuilder builder(labels);
                server.labels =
                    external.empty() ? labels : builder.set("replica", external).build();
            }
        }
        return servers;
    }
    [[nodiscard]] QString listed()
    {
        return QString::fromStdString(alertmanager::ApiAcks(*am, exporter.get()).list({}).body);
    }

    AmWorld am;
    std::vector<std::string> targets;
    std::string external;
    net::IoLoop loop;
    net::HttpClient http{loop, "Narthex/test"};
    std::unique_ptr<AckExporter> exporter;
    std::unique_ptr<AckSync> sync;
};

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
    void manyAlertsThatDifferInOneLabelShareASilence();
    void aSharedSilenceIsMadeAnewWhenOneOfThemEnds();
    void sharedSilencesSurviveARestart();
    void alertsThatDifferInTwoLabelsAreNotCarried();
    void anotherEndReachesTheServerAtOnce();
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

void TestAmAckSync::manyAlertsThatDifferInOneLabelShareASilence()
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

void TestAmAckSync::aSharedSilenceIsMadeAnewWhenOneOfThemEnds()
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

void TestAmAckSync::sharedSilencesSurviveARestart()
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

void TestAmAckSync::alertsThatDifferInTwoLabelsAreNotCarried()
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

void TestAmAckSync::anotherEndReachesTheServerAtOnce()
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
