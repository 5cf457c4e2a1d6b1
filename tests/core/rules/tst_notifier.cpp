// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/exposition/text_writer.h"
#include "core/rules/notifier.h"
#include "support/process.h"
#include "support/raw_server.h"
#include "support/scripted_server.h"

#include <QtTest>

#include <fstream>

using namespace narthex;
using namespace narthex::base::literals;

namespace {

const std::string kPush = "POST /api/v2/alerts";
constexpr int kPatienceMs = 20'000;

model::Alert alert(const std::string& name, std::initializer_list<model::LabelView> more = {})
{
    model::LabelsBuilder labels;
    labels.set("alertname", name);
    for (const model::LabelView label : more) {
        labels.set(label.name, label.value);
    }
    return {.labels = labels.build(),
            .annotations = {{"summary", "it is \"down\""}},
            .startsAt = base::Timestamp{1'700'000'000'123},
            .endsAt = base::Timestamp{1'700'000'240'000},
            .generatorUrl = "http://n:9090/graph?g0.expr=up&g0.tab=1"};
}

rules::AlertmanagersConfig managers(const std::vector<std::string>& addresses)
{
    rules::AlertmanagersConfig config;
    discovery::TargetGroup group{.source = "0", .entries = {}, .labels = {}};
    for (const std::string& address : addresses) {
        group.entries.push_back(model::Labels{{"__address__", address}});
    }
    config.discovery.staticGroups.push_back(group);
    return config;
}

relabel::Rule rule(relabel::Rule rule)
{
    if (!relabel::validate(rule, relabel::NameScheme::Utf8).ok()) {
        throw std::runtime_error("the rule is not valid");
    }
    return rule;
}

net::ServerResponse ok() { return {.status = 200, .contentType = "", .body = ""}; }

/// The names of the alerts of a request's body, in order.
QString namesIn(const std::string& body)
{
    QStringList names;
    const QJsonArray all = QJsonDocument::fromJson(QByteArray::fromStdString(body)).array();
    for (const QJsonValue& value : all) {
        names << value["labels"]["alertname"].toString();
    }
    return names.join(',');
}

struct World
{
    explicit World(rules::NotifierOptions options = {})
        : notifier(options, {.client = client,
                             .pool = pool,
                             .clock = clock,
                             .log = base::nullLogger(),
                             .aws = nullptr})
    {}
    void apply(const rules::AlertingConfig& config, const model::Labels& external = {})
    {
        notifier.apply(config, external);
    }
    bool waitSent(std::uint64_t count)
    {
        return QTest::qWaitFor(
            [&] {
                std::uint64_t sent = 0;
                for (const auto& queue : notifier.status().active) {
                    sent += queue.sent + queue.errors;
                }
                return sent >= count;
            },
            kPatienceMs);
    }

    base::SystemClock clock;
    base::WorkerPool pool{2};
    net::IoLoop loop;
    net::HttpClient client{loop, "Narthex/test"};
    rules::Notifier notifier;
};

} // namespace

class TestNotifier : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void postsAlertsAsTheApiWantsThem();
    void externalLabelsFillWhatIsMissing();
    void relabelingDropsAndChangesAlerts();
    void aFullQueueLosesTheOldest();
    void aFailedBatchIsDroppedAndTheNextGoesOn();
    void oneThatIsDownDelaysNobody();
    void discoveredOnesFollowTheirRules();
    void unchangedConfigurationsKeepTheirQueues();
    void stoppingSendsWhatWaits();
    void stoppingIsBoundedWhenNobodyAnswers();
    void usesCredentials();
    void writesItsMetrics();
    void aRealAlertmanagerTakesThem();
};

void TestNotifier::postsAlertsAsTheApiWantsThem()
{
    tests::ScriptedServer server;
    server.answerWith("POST /am/api/v2/alerts", ok());
    rules::AlertingConfig config;
    config.alertmanagers.push_back(managers({server.address()}));
    config.alertmanagers[0].pathPrefix = "/am/";
    World world;
    world.apply(config);
    world.notifier.send({alert("Down", {{"job", "x"}})});
    QVERIFY(world.waitSent(1));
    const net::ServerRequest request = server.last("POST /am/api/v2/alerts");
    QCOMPARE(QString::fromStdString(request.body),
             QString("[{\"annotations\":{\"summary\":\"it is \\\"down\\\"\"},"
                     "\"endsAt\":\"2023-11-14T22:17:20Z\","
                     "\"startsAt\":\"2023-11-14T22:13:20.123Z\","
                     "\"generatorURL\":\"http://n:9090/graph?g0.expr=up&g0.tab=1\","
                     "\"labels\":{\"alertname\":\"Down\",\"job\":\"x\"}}]"));
    QVERIFY(request.header("Content-Type") == "application/json");
}

void TestNotifier::externalLabelsFillWhatIsMissing()
{
    tests::ScriptedServer server;
    server.answerWith(kPush, ok());
    rules::AlertingConfig config;
    config.alertmanagers.push_back(managers({server.address()}));
    World world;
    world.apply(config, {{"cluster", "x"}});
    world.notifier.send({alert("A", {{"cluster", "y"}}), alert("B")});
    QVERIFY(world.waitSent(2));
    const auto body =
        QJsonDocument::fromJson(QByteArray::fromStdString(server.last(kPush).body)).array();
    QCOMPARE(body[0]["labels"]["cluster"].toString(), "y");
    QCOMPARE(body[1]["labels"]["cluster"].toString(), "x");
}

void TestNotifier::relabelingDropsAndChangesAlerts()
{
    tests::ScriptedServer first;
    tests::ScriptedServer second;
    first.answerWith(kPush, ok());
    second.answerWith(kPush, ok());
    rules::AlertingConfig config;
    config.alertRelabelRules.push_back(
        rule({.sourceLabels = {"severity"}, .regex = "info", .action = relabel::Action::Drop}));
    config.alertmanagers = {managers({first.address()}), managers({second.address()})};
    config.alertmanagers[1].alertRelabelRules.push_back(
        rule({.targetLabel = "alertname", .replacement = "Other"}));
    World world;
    world.apply(config);
    world.notifier.send({alert("A", {{"severity", "info"}})});
    world.notifier.send({alert("A", {{"severity", "info"}}), alert("B", {{"severity", "page"}})});
    QVERIFY(world.waitSent(2));
    QCOMPARE(first.count(kPush), std::size_t{1});
    QCOMPARE(namesIn(first.last(kPush).body), "B");
    QCOMPARE(namesIn(second.last(kPush).body), "Other");
}

void TestNotifier::aFullQueueLosesTheOldest()
{
    tests::ScriptedServer server;
    server.answerWith(kPush, ok());
    rules::AlertingConfig config;
    config.alertmanagers.push_back(managers({server.address()}));
    World world({.queues = {.capacity = 3, .batchSize = 2}});
    world.apply(config);
    world.notifier.send({alert("1"), alert("2"), alert("3"), alert("4"), alert("5")});
    QVERIFY(world.waitSent(3));
    QCOMPARE(server.requests().size(), std::size_t{2});
    QCOMPARE(namesIn(server.requests()[0].body), "3,4");
    QCOMPARE(namesIn(server.requests()[1].body), "5");
    QCOMPARE(world.notifier.status().active[0].dropped, std::uint64_t{2});
}

void TestNotifier::aFailedBatchIsDroppedAndTheNextGoesOn()
{
    tests::ScriptedServer server;
    server.sequence(kPush, {{.status = 500, .body = "out of order\nmore"}, ok()});
    rules::AlertingConfig config;
    config.alertmanagers.push_back(managers({server.address()}));
    World world({.queues = {.capacity = 10, .batchSize = 2}});
    world.apply(config);
    world.notifier.send({alert("1"), alert("2"), alert("3")});
    QVERIFY(world.waitSent(3));
    const rules::QueueStatus status = world.notifier.status().active[0];
    QCOMPARE(status.errors, std::uint64_t{2});
    QCOMPARE(status.dropped, std::uint64_t{2});
    QCOMPARE(status.sent, std::uint64_t{1});
    QVERIFY(status.lastError.empty()); // the newest request was fine
    server.answerWith(kPush, {.status = 400, .body = "bad alert"});
    world.notifier.send({alert("4")});
    QVERIFY(world.waitSent(4));
    const QString error = QString::fromStdString(world.notifier.status().active[0].lastError);
    QVERIFY2(error.contains("400") && error.contains("bad alert"), qPrintable(error));
}

void TestNotifier::oneThatIsDownDelaysNobody()
{
    tests::RawServer silent([](tests::RawConnection& connection) {
        while (!connection.readHead().empty()) {
        }
    });
    tests::ScriptedServer server;
    server.answerWith(kPush, ok());
    rules::AlertingConfig config;
    config.alertmanagers.push_back(managers({silent.address(), server.address()}));
    config.alertmanagers[0].timeout = 60_s;
    World world({.drainLimit = 0_s});
    world.apply(config);
    for (int i = 0; i < 5; ++i) {
        world.notifier.send({alert(std::to_string(i))});
        QVERIFY(world.waitSent(static_cast<std::uint64_t>(i) + 1));
    }
    QCOMPARE(server.count(kPush), std::size_t{5});
    world.notifier.stop();
}

void TestNotifier::discoveredOnesFollowTheirRules()
{
    rules::AlertingConfig config;
    config.alertmanagers.push_back(managers({}));
    config.alertmanagers[0].scheme = "https";
    config.alertmanagers[0].relabelRules = {
        rule({.sourceLabels = {"__meta_role"}, .regex = "db", .action = relabel::Action::Drop}),
        rule({.sourceLabels = {"__meta_path"}, .regex = "(.+)", .targetLabel = "__alerts_path__"}),
        rule({.sourceLabels = {"__meta_role"},
              .regex = "plain",
              .targetLabel = "__scheme__",
              .replacement = "http"})};
    QCOMPARE(rules::alertmanagerSets(config).count("config-0"), std::size_t{1});
    World world;
    world.apply(config);
    QVERIFY(world.notifier.status().active.empty());
    auto group = std::make_shared<discovery::TargetGroup>();
    group->source = "s";
    group->entries = {{{"__address__", "a:1"}},
                      {{"__address__", "a:1"}, {"x", "the same"}},
                      {{"__address__", "b:1"}, {"__meta_role", "db"}},
                      {{"__address__", "c:1"}, {"__meta_role", "plain"}, {"__meta_path", "/p"}},
                      {{"__address__", ""}},
                      {{"__address__", "d:1/path"}}};
    world.notifier.update({{"config-0", {group}}});
    QStringList urls;
    for (const auto& queue : world.notifier.status().active) {
        urls << QString::fromStdString(queue.url);
    }
    QCOMPARE(urls.join(' '), "http://c:1/p https://a:1/api/v2/alerts");
    QCOMPARE(world.notifier.status().dropped,
             std::vector<std::string>{"https://b:1/api/v2/alerts"});
}

void TestNotifier::unchangedConfigurationsKeepTheirQueues()
{
    tests::ScriptedServer server;
    server.answerWith(kPush, ok());
    rules::AlertingConfig config;
    config.alertmanagers.push_back(managers({server.address()}));
    World world;
    world.apply(config);
    world.notifier.send({alert("A")});
    QVERIFY(world.waitSent(1));
    rules::AlertingConfig more = config;
    more.alertmanagers.insert(more.alertmanagers.begin(), managers({"127.0.0.1:1"}));
    world.apply(more);
    const auto active = world.notifier.status().active;
    QCOMPARE(active.size(), std::size_t{2});
    QCOMPARE(active[1].sent, std::uint64_t{1});
    config.alertmanagers[0].timeout = 3_s;
    world.apply(config);
    QCOMPARE(world.notifier.status().active.size(), std::size_t{1});
    QCOMPARE(world.notifier.status().active[0].sent, std::uint64_t{0});
}

void TestNotifier::stoppingSendsWhatWaits()
{
    for (const bool drain : {true, false}) {
        tests::ScriptedServer server;
        server.answerWith(kPush, ok());
        rules::AlertingConfig config;
        config.alertmanagers.push_back(managers({server.address()}));
        World world({.queues = {.capacity = 1000, .batchSize = 1}, .drainOnShutdown = drain});
        world.apply(config);
        model::Alerts alerts(200, alert("A"));
        world.notifier.send(alerts);
        world.notifier.stop();
        const rules::QueueStatus status = world.notifier.status().active[0];
        QCOMPARE(status.sent + status.dropped, std::uint64_t{200});
        QCOMPARE(status.sent == 200, drain);
        world.notifier.send(alerts); // nothing happens any more
        QCOMPARE(world.notifier.status().active[0].waiting, std::size_t{0});
    }
}

void TestNotifier::stoppingIsBoundedWhenNobodyAnswers()
{
    tests::RawServer silent([](tests::RawConnection& connection) {
        while (!connection.readHead().empty()) {
        }
    });
    rules::AlertingConfig config;
    config.alertmanagers.push_back(managers({silent.address()}));
    config.alertmanagers[0].timeout = 600_s;
    World world({.queues = {.capacity = 10, .batchSize = 1}, .drainLimit = 50_ms});
    world.apply(config);
    world.notifier.send({alert("A"), alert("B"), alert("C")});
    QElapsedTimer timer;
    timer.start();
    world.notifier.stop();
    QVERIFY(timer.elapsed() < 10'000);
    QCOMPARE(world.notifier.status().active[0].dropped, std::uint64_t{3});
}

void TestNotifier::usesCredentials()
{
    tests::ScriptedServer server;
    server.answerWith(kPush, ok());
    rules::AlertingConfig config;
    config.alertmanagers.push_back(managers({server.address()}));
    config.alertmanagers[0].http.basicAuth = net::BasicAuth{.username = "u"};
    config.alertmanagers[0].http.basicAuth->password = base::Secret("p");
    World world;
    world.apply(config);
    world.notifier.send({alert("A")});
    QVERIFY(world.waitSent(1));
    QVERIFY(server.last(kPush).header("Authorization") == "Basic dTpw");
}

void TestNotifier::writesItsMetrics()
{
    tests::ScriptedServer server;
    server.answerWith(kPush, ok());
    rules::AlertingConfig config;
    config.alertmanagers.push_back(managers({server.address()}));
    World world;
    world.apply(config);
    world.notifier.send({alert("A"), alert("B")});
    QVERIFY(world.waitSent(2));
    std::string page;
    exposition::TextWriter writer(page);
    world.notifier.writeMetrics(writer);
    const std::string label = "{alertmanager=\"" + server.url() + "/api/v2/alerts\"}";
    for (const std::string& line :
         {"prometheus_notifications_sent_total" + label + " 2\n",
          "prometheus_notifications_errors_total" + label + " 0\n",
          "prometheus_notifications_dropped_total" + label + " 0\n",
          "prometheus_notifications_queue_length" + label + " 0\n",
          "prometheus_notifications_latency_seconds_count" + label + " 1\n",
          "prometheus_notifications_latency_histogram_seconds_count" + label + " 1\n",
          std::string("prometheus_notifications_queue_capacity 10000\n"),
          std::string("prometheus_notifications_alertmanagers_discovered 1\n")}) {
        QVERIFY2(page.find(line) != std::string::npos, (line + page).c_str());
    }
}

void TestNotifier::aRealAlertmanagerTakesThem()
{
    const QString program = test::peer("prometheus-alertmanager");
    if (program.isEmpty()) {
        QSKIP("prometheus-alertmanager is not there");
    }
    QTemporaryDir folder;
    std::ofstream(folder.filePath("am.yml").toStdString())
        << "route: {receiver: none}\nreceivers: [{name: none}]\n";
    const int port = test::freePort();
    test::Program alertmanager;
    const QStringList arguments = test::withPeerFiles(
        program,
        {"--config.file=" + folder.filePath("am.yml"), "--storage.path=" + folder.filePath("data"),
         "--cluster.listen-address=", QString("--web.listen-address=127.0.0.1:%1").arg(port)});
    if (arguments.isEmpty()) {
        QSKIP("name spaces cannot be made here");
    }
    QVERIFY(alertmanager.start("unshare", arguments));
    test::Requests requests(port);
    QVERIFY(QTest::qWaitFor([&] { return requests.get("/-/ready").status == 200; }, kPatienceMs));
    rules::AlertingConfig config;
    config.alertmanagers.push_back(managers({"127.0.0.1:" + std::to_string(port)}));
    World world;
    world.apply(config, {{"cluster", "c"}});
    model::Alert firing = alert("Down", {{"job", "x"}});
    firing.startsAt = world.clock.now() - 60_s;
    firing.endsAt = world.clock.now() + 240_s;
    world.notifier.send({firing});
    QVERIFY(world.waitSent(1));
    QCOMPARE(world.notifier.status().active[0].sent, std::uint64_t{1});
    const QJsonArray found = QJsonDocument::fromJson(requests.get("/api/v2/alerts").body).array();
    QCOMPARE(found.size(), 1);
    QCOMPARE(found[0]["labels"]["alertname"].toString(), "Down");
    QCOMPARE(found[0]["labels"]["cluster"].toString(), "c");
    QCOMPARE(found[0]["annotations"]["summary"].toString(), "it is \"down\"");
    QCOMPARE(found[0]["status"]["state"].toString(), "active");
    alertmanager.terminate();
}

QTEST_GUILESS_MAIN(TestNotifier)
#include "tst_notifier.moc"
