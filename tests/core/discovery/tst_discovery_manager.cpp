// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/file.h"
#include "core/discovery/manager.h"
#include "core/exposition/text_writer.h"
#include "support/discovery_world.h"

#include <absl/synchronization/notification.h>

#include <QtTest>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

using namespace narthex;
using namespace narthex::tests;
using namespace narthex::base::literals;

namespace {

constexpr const char* kTwoGroups = "[{\"targets\":[\"a:1\",\"b:1\"]},{\"targets\":[\"c:1\"]}]";

/// What a FakeConfig's provider does, from the test's side.
struct Script
{
    std::function<void(const std::stop_token&, const discovery::Watcher::Send&)> run;
    std::atomic<int> made{0};
    std::atomic<bool> fails{false};
};

class FakeWatcher final : public discovery::Watcher
{
public:
    explicit FakeWatcher(std::shared_ptr<Script> script) : script_(std::move(script)) {}
    void run(const std::stop_token& stop, const Send& send) override { script_->run(stop, send); }

private:
    const std::shared_ptr<Script> script_;
};

struct FakeConfig final : discovery::MechanismOf<FakeConfig>
{
    static constexpr std::string_view kMechanism = "fake";
    std::shared_ptr<Script> script = std::make_shared<Script>();

    void describe(yaml::Fields&) override {}
    absl::StatusOr<discovery::Provider>
    makeProvider(const discovery::ProviderEnvironment&) const override
    {
        ++script->made;
        if (script->fails) {
            return base::invalidArgument("no such certificate");
        }
        return std::make_unique<FakeWatcher>(script);
    }
    friend bool operator==(const FakeConfig&, const FakeConfig&) = default;
};

std::shared_ptr<FakeConfig>
fake(std::function<void(const std::stop_token&, const discovery::Watcher::Send&)> run)
{
    auto config = std::make_shared<FakeConfig>();
    config->script->run = std::move(run);
    return config;
}

/// Sends these groups once and stays.
std::shared_ptr<FakeConfig> sending(const std::vector<std::string>& sources)
{
    return fake([sources](const std::stop_token& stop, const discovery::Watcher::Send& send) {
        discovery::TargetGroups groups;
        for (const std::string& source : sources) {
            groups.push_back(
                {.source = source, .entries = {model::Labels{{"__address__", source}}}});
        }
        send(groups);
        discovery::waitFor(1_h, stop);
    });
}

discovery::ServiceDiscovery with(std::shared_ptr<const discovery::MechanismConfig> config)
{
    return {.configs = {std::move(config)}};
}

discovery::ServiceDiscovery staticOf(const std::string& address)
{
    return {
        .staticGroups = {{.source = "0", .entries = {model::Labels{{"__address__", address}}}}}};
}

/// The addresses of a set, sorted; "absent" when the set is not there.
std::string addresses(const discovery::TargetSets& sets, const std::string& set)
{
    const auto found = sets.find(set);
    if (found == sets.end()) {
        return "absent";
    }
    std::vector<std::string> all;
    for (const auto& group : found->second) {
        for (const model::Labels& entry : group->entries) {
            all.emplace_back(entry.get("__address__"));
        }
    }
    std::sort(all.begin(), all.end());
    return fmt::format("{}", fmt::join(all, " "));
}

/// A manager with what it published.
class World
{
public:
    World()
        : manager_(
              "scrape", discovery.environment(),
              [this](std::shared_ptr<const discovery::TargetSets> sets) { take(std::move(sets)); })
    {}

    bool until(const std::string& set, const std::string& expected, double seconds = 10)
    {
        const absl::MutexLock lock(&mutex_);
        const absl::Time deadline = absl::Now() + absl::Seconds(seconds);
        while (!newest_ || addresses(*newest_, set) != expected) {
            if (published_.WaitWithDeadline(&mutex_, deadline)) {
                return newest_ && addresses(*newest_, set) == expected;
            }
        }
        return true;
    }
    std::size_t publishes() const
    {
        const absl::MutexLock lock(&mutex_);
        return count_;
    }
    std::shared_ptr<const discovery::TargetSets> newest() const
    {
        const absl::MutexLock lock(&mutex_);
        return newest_;
    }
    double metric(const std::string& name, const std::string& config = {}) const
    {
        const std::string full = "prometheus_sd_" + name;
        return discovery.metrics.value(
            full, config.empty() ? model::Labels{{"name", "scrape"}}
                                 : model::Labels{{"config", config}, {"name", "scrape"}});
    }

    DiscoveryWorld discovery;
    std::function<void()> busy; // called at each publish; set before the first apply()

private:
    void take(std::shared_ptr<const discovery::TargetSets> sets)
    {
        {
            const absl::MutexLock lock(&mutex_);
            ++count_;
            newest_ = std::move(sets);
            published_.SignalAll();
        }
        if (busy) {
            busy();
        }
    }

    mutable absl::Mutex mutex_;
    absl::CondVar published_;
    std::shared_ptr<const discovery::TargetSets> newest_ ABSL_GUARDED_BY(mutex_);
    std::size_t count_ ABSL_GUARDED_BY(mutex_) = 0;

public:
    discovery::Manager manager_;
};

} // namespace

class TestDiscoveryManager : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void equalConfigsShareOneProvider();
    void aReloadKeepsWhatStays();
    void jobsWithoutDiscoveryArePublishedEmpty();
    void aThousandUpdatesGiveFewPublishes();
    void aRepliedGroupThatIsEmptyRemovesItsSource();
    void countsConfigsThatCannotStartAndTriesThemAgain();
    void keepsGroupsOfAFailedRefresh();
    void aStuckProviderBlocksNobody();
    void aProviderThatThrowsHarmsNobody();
    void saysWhichPartOfAWatcherFails();
    void countsUpdatesThatWaitForABusyConsumer();
    void metricsFollowTheSets();
    void writesItsMetrics();
    void groupsComeInAFixedOrder();
};

void TestDiscoveryManager::equalConfigsShareOneProvider()
{
    ScriptedServer server;
    server.json("GET /sd", kTwoGroups);
    World world;
    const std::string yaml = "url: " + server.url() + "/sd\nrefresh_interval: 1h\n";
    const auto first = with(DiscoveryWorld::read("http", yaml).value());
    const auto second = with(DiscoveryWorld::read("http", yaml).value());
    world.manager_.apply({{"one", first}, {"two", second}});
    QVERIFY(world.until("one", "a:1 b:1 c:1"));
    QVERIFY(world.until("two", "a:1 b:1 c:1"));
    QCOMPARE(server.count("GET /sd"), std::size_t{1});
    const auto status = world.manager_.status();
    QCOMPARE(status.size(), std::size_t{1});
    QCOMPARE(status[0].name, std::string("http/0"));
    QCOMPARE(status[0].sets, (std::vector<std::string>{"one", "two"}));
    QCOMPARE(status[0].targets, std::size_t{3});
}

void TestDiscoveryManager::aReloadKeepsWhatStays()
{
    ScriptedServer server;
    server.json("GET /sd", kTwoGroups);
    World world;
    const auto config =
        with(DiscoveryWorld::read("http", "url: " + server.url() + "/sd\nrefresh_interval: 50ms\n")
                 .value());
    const auto slow =
        with(DiscoveryWorld::read("http", "url: " + server.url() + "/sd\nrefresh_interval: 1h\n")
                 .value());
    world.manager_.apply({{"one", slow}, {"two", slow}});
    QVERIFY(world.until("two", "a:1 b:1 c:1"));
    world.manager_.apply({{"one", slow}, {"three", slow}, {"two", slow}});
    QVERIFY(world.until("three", "a:1 b:1 c:1", 1));
    QCOMPARE(server.count("GET /sd"), std::size_t{1});

    world.manager_.apply({{"one", config}});
    QTRY_VERIFY(server.count("GET /sd") > 4);
    QCOMPARE(world.manager_.status().at(0).name, std::string("http/1"));
    world.manager_.apply({});
    QVERIFY(world.until("one", "absent"));
    QVERIFY(world.manager_.status().empty());
    // One request may have been under way.
    const std::size_t asked = server.count("GET /sd");
    QTest::qWait(200);
    QVERIFY(server.count("GET /sd") <= asked + 1);
}

void TestDiscoveryManager::jobsWithoutDiscoveryArePublishedEmpty()
{
    World world;
    world.manager_.apply({{"bare", {}}, {"fixed", staticOf("s:1")}});
    QVERIFY(world.until("fixed", "s:1"));
    QVERIFY(world.until("bare", ""));
    world.manager_.apply({{"bare", {}}, {"fixed", {}}});
    QVERIFY(world.until("fixed", ""));
}

void TestDiscoveryManager::aThousandUpdatesGiveFewPublishes()
{
    World world;
    const auto config = fake([](const std::stop_token& stop, const discovery::Watcher::Send& send) {
        for (int i = 1; i <= 1000 && discovery::waitFor(1_ms, stop); ++i) {
            const std::string address = "h:" + std::to_string(i);
            send({{.source = "x", .entries = {model::Labels{{"__address__", address}}}}});
        }
        discovery::waitFor(1_h, stop);
    });
    world.manager_.apply({{"job", with(config)}});
    QVERIFY(world.until("job", "h:1000"));
    QVERIFY2(world.publishes() <= 10, qPrintable(QString::number(world.publishes())));
    QCOMPARE(world.metric("received_updates_total"), 1000.0);
    QCOMPARE(world.metric("updates_total"), static_cast<double>(world.publishes()));
}

void TestDiscoveryManager::aRepliedGroupThatIsEmptyRemovesItsSource()
{
    World world;
    absl::Notification next;
    const auto config =
        fake([&next](const std::stop_token& stop, const discovery::Watcher::Send& send) {
            send({{.source = "a", .entries = {model::Labels{{"__address__", "a:1"}}}},
                  {.source = "b", .entries = {model::Labels{{"__address__", "b:1"}}}}});
            next.WaitForNotification();
            send({{.source = "a"}});
            discovery::waitFor(1_h, stop);
        });
    world.manager_.apply({{"job", with(config)}});
    QVERIFY(world.until("job", "a:1 b:1"));
    const auto before = world.newest()->at("job").at(1);
    next.Notify();
    QVERIFY(world.until("job", "b:1"));
    // What did not change is the same object.
    QCOMPARE(world.newest()->at("job").at(0), before);
}

void TestDiscoveryManager::countsConfigsThatCannotStartAndTriesThemAgain()
{
    World world;
    const auto config = sending({"x"});
    config->script->fails = true;
    world.manager_.apply({{"bad", with(config)}, {"good", staticOf("s:1")}});
    QVERIFY(world.until("good", "s:1"));
    QVERIFY(world.until("bad", ""));
    QCOMPARE(world.metric("failed_configs"), 1.0);
    QCOMPARE(world.manager_.status().at(0).lastError, std::string("no such certificate"));
    config->script->fails = false;
    world.manager_.apply({{"bad", with(config)}});
    QVERIFY(world.until("bad", "x"));
    QCOMPARE(world.metric("failed_configs"), 0.0);
    QCOMPARE(config->script->made.load(), 2);
}

void TestDiscoveryManager::keepsGroupsOfAFailedRefresh()
{
    ScriptedServer server;
    server.sequence("GET /sd",
                    {{.contentType = "application/json", .body = kTwoGroups}, {.status = 503}});
    World world;
    world.manager_.apply(
        {{"job", with(DiscoveryWorld::read("http",
                                           "url: " + server.url() + "/sd\nrefresh_interval: 20ms\n")
                          .value())}});
    QVERIFY(world.until("job", "a:1 b:1 c:1"));
    const model::Labels labels{{"config", "job"}, {"mechanism", "http"}};
    QTRY_VERIFY(world.discovery.metrics.value("prometheus_sd_refresh_failures_total", labels) >= 2);
    QCOMPARE(addresses(world.manager_.current(), "job"), std::string("a:1 b:1 c:1"));
    const auto status = world.manager_.status().at(0);
    QVERIFY(status.lastError.starts_with("server returned HTTP status 503"));
    QVERIFY(status.lastSuccess && status.lastAttempt && *status.lastSuccess <= *status.lastAttempt);
    world.manager_.apply({});
    QCOMPARE(world.discovery.metrics.value("prometheus_sd_refresh_failures_total", labels), 0.0);
}

void TestDiscoveryManager::aStuckProviderBlocksNobody()
{
    absl::Notification release;
    World world;
    const auto stuck =
        fake([&release](const std::stop_token&, const discovery::Watcher::Send& send) {
            send({{.source = "s", .entries = {model::Labels{{"__address__", "stuck:1"}}}}});
            release.WaitForNotification();
            send({{.source = "s", .entries = {model::Labels{{"__address__", "late:1"}}}}});
        });
    const auto fine = sending({"fine:1"});
    world.manager_.apply({{"stuck", with(stuck)}, {"fine", with(fine)}});
    QVERIFY(world.until("stuck", "stuck:1"));
    QVERIFY(world.until("fine", "fine:1"));
    const absl::Time begin = absl::Now();
    const auto other = sending({"other:1"});
    world.manager_.apply({{"fine", with(fine)}, {"other", with(other)}});
    QVERIFY(absl::Now() - begin < absl::Seconds(2));
    QVERIFY(world.until("stuck", "absent"));
    QVERIFY(world.until("other", "other:1"));
    QCOMPARE(addresses(*world.newest(), "fine"), std::string("fine:1"));
    release.Notify();
    world.manager_.stop();
    QCOMPARE(addresses(*world.newest(), "stuck"), std::string("absent"));
}

void TestDiscoveryManager::aProviderThatThrowsHarmsNobody()
{
    World world;
    const auto bad = fake([](const std::stop_token&, const discovery::Watcher::Send&) {
        throw std::runtime_error("broken");
    });
    const auto fine = sending({"fine:1"});
    world.manager_.apply({{"bad", with(bad)}, {"fine", with(fine)}});
    QVERIFY(world.until("fine", "fine:1"));
    QTRY_COMPARE(world.manager_.status().at(0).lastError, std::string("broken"));
}

void TestDiscoveryManager::saysWhichPartOfAWatcherFails()
{
    World world;
    const base::TemporaryDirectory folder;
    const std::string file = (folder.path() / "a.json").string();
    std::ofstream(file) << "[{\"targets\": [\"h:1\"]}]";
    auto config = tests::DiscoveryWorld::read("file", "files: ['" + folder.path().string() +
                                                          "/*.json']\nrefresh_interval: 1h\n");
    QVERIFY(config.ok());
    world.manager_.apply(
        {{"a", with(std::shared_ptr<const discovery::MechanismConfig>(*std::move(config)))}});
    QVERIFY(world.until("a", "h:1"));
    QCOMPARE(world.manager_.status().at(0).lastError, std::string());
    std::ofstream(file) << "[{";
    QTRY_VERIFY(world.manager_.status().at(0).lastError.find(file) != std::string::npos);
    QCOMPARE(world.manager_.status().at(0).targets, std::size_t{1});
    std::ofstream(folder.path() / "b.json") << "no list";
    QTRY_VERIFY(world.manager_.status().at(0).lastError.ends_with("(and 1 more)"));
    std::filesystem::remove(folder.path() / "b.json");
    std::ofstream(file) << "[{\"targets\": [\"h:2\"]}]";
    QTRY_COMPARE(world.manager_.status().at(0).lastError, std::string());
    QVERIFY(world.until("a", "h:2"));
}

void TestDiscoveryManager::countsUpdatesThatWaitForABusyConsumer()
{
    World world;
    std::atomic<bool> first = true;
    absl::Notification release;
    absl::Notification published;
    world.busy = [&] {
        if (first.exchange(false)) {
            published.Notify();
            release.WaitForNotification();
        }
    };
    absl::Notification sent;
    const auto config =
        fake([&](const std::stop_token& stop, const discovery::Watcher::Send& send) {
            published.WaitForNotification();
            send({{.source = "s", .entries = {model::Labels{{"__address__", "s:1"}}}}});
            sent.Notify();
            discovery::waitFor(1_h, stop);
        });
    world.manager_.apply({{"job", with(config)}});
    sent.WaitForNotification();
    QCOMPARE(world.metric("updates_delayed_total"), 0.0);
    QTest::qWait(400); // longer than the second pause
    release.Notify();
    QVERIFY(world.until("job", "s:1"));
    QCOMPARE(world.metric("updates_delayed_total"), 1.0);
}

void TestDiscoveryManager::metricsFollowTheSets()
{
    World world;
    const auto config = sending({"a:1", "b:1"});
    world.manager_.apply({{"job", with(config)}});
    QVERIFY(world.until("job", "a:1 b:1"));
    QCOMPARE(world.metric("discovered_targets", "job"), 2.0);
    QVERIFY(std::abs(world.metric("last_update_timestamp_seconds", "job") -
                     world.discovery.clock.now().seconds()) < 60);
    world.manager_.apply({});
    QVERIFY(world.until("job", "absent"));
    QCOMPARE(world.metric("discovered_targets", "job"), 0.0);
    QCOMPARE(world.metric("last_update_timestamp_seconds", "job"), 0.0);
}

void TestDiscoveryManager::writesItsMetrics()
{
    ScriptedServer server;
    server.json("GET /sd", kTwoGroups);
    World world;
    world.manager_.apply(
        {{"job", with(DiscoveryWorld::read("http", "url: " + server.url() + "/sd").value())}});
    QVERIFY(world.until("job", "a:1 b:1 c:1"));
    std::string text;
    exposition::TextWriter out(text);
    world.discovery.metrics.write(out, world.discovery.clock.monotonic());
    for (const std::string line :
         {"prometheus_sd_failed_configs{name=\"scrape\"} 0",
          "prometheus_sd_discovered_targets{config=\"job\",name=\"scrape\"} 3",
          "prometheus_sd_received_updates_total{name=\"scrape\"} 1",
          "prometheus_sd_updates_delayed_total{name=\"scrape\"} 0",
          "prometheus_sd_refresh_failures_total{config=\"job\",mechanism=\"http\"} 0",
          "prometheus_sd_refresh_duration_seconds_count{config=\"job\",mechanism=\"http\"} 1",
          "prometheus_sd_refresh_duration_histogram_seconds_bucket{mechanism=\"http\",le=\"10\"} 1",
          "# TYPE prometheus_sd_refresh_duration_histogram_seconds histogram",
          "prometheus_sd_http_failures_total 0"}) {
        QVERIFY2(text.find(line) != std::string::npos, (line + "\n" + text).c_str());
    }
}

void TestDiscoveryManager::groupsComeInAFixedOrder()
{
    World world;
    discovery::ServiceDiscovery both = staticOf("z:1");
    both.configs.push_back(sending({"c:1", "a:1", "b:1"}));
    world.manager_.apply({{"job", both}});
    QVERIFY(world.until("job", "a:1 b:1 c:1 z:1"));
    std::string order;
    for (const auto& group : world.newest()->at("job")) {
        order += group->source + " ";
    }
    QCOMPARE(order, std::string("0 a:1 b:1 c:1 "));
}

QTEST_GUILESS_MAIN(TestDiscoveryManager)
#include "tst_discovery_manager.moc"
