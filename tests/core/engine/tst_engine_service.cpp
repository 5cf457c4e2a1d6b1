// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/file.h"
#include "core/base/status.h"
#include "core/client/embedded/embedded_client.h"
#include "core/engine/engine.h"

#include <QtTest>

#include <csignal>
#include <sys/resource.h>

using namespace narthex;
using namespace narthex::base::literals;
using engine::State;

namespace {

/// Everything an engine runs on, over a folder of its own.
struct World
{
    explicit World(const std::string& config = {}, bool requireConfig = false)
    {
        options.dataDirectory = folder.path() / "data";
        options.collectHost = true;
        options.hostInterval = 100_ms;
        options.requireConfig = requireConfig;
        if (!config.empty()) {
            options.configFile = folder.path() / "prometheus.yml";
            write(config);
        }
        make();
    }

    void make()
    {
        engine = std::make_unique<engine::Engine>(
            options,
            engine::Engine::Environment{.loop = loop, .pool = pool, .timers = timers, .log = log});
    }
    void write(const std::string& config) const
    {
        base::ignore(base::writeFileAtomically(folder.path() / "prometheus.yml", config),
                     "a missing file fails the test");
    }
    bool waitFor(State state) const
    {
        return QTest::qWaitFor([&] { return engine->state() == state; }, 15000);
    }
    [[nodiscard]] std::string problem(std::string_view source) const
    {
        for (const engine::Problem& each : engine->status().problems) {
            if (each.source == source) {
                return each.message;
            }
        }
        return {};
    }
    [[nodiscard]] std::uint64_t samples() const { return engine->status().store.samplesAppended; }

    base::TemporaryDirectory folder;
    base::LogSetup log = base::LogSetup::create("error").value();
    net::IoLoop loop;
    base::WorkerPool pool{2};
    base::SystemTimers timers;
    engine::EngineOptions options;
    std::unique_ptr<engine::Engine> engine;
};

/// While it lives, no file of this process grows beyond a size: the nearest thing to a full disk.
class FullDisk
{
public:
    FullDisk()
    {
        std::signal(SIGXFSZ, SIG_IGN);
        ::getrlimit(RLIMIT_FSIZE, &before_);
        rlimit full = before_;
        full.rlim_cur = 1;
        ::setrlimit(RLIMIT_FSIZE, &full);
    }
    ~FullDisk() { ::setrlimit(RLIMIT_FSIZE, &before_); }
    FullDisk(const FullDisk&) = delete;
    FullDisk& operator=(const FullDisk&) = delete;

private:
    rlimit before_{};
};

template <typename T, typename Start>
absl::StatusOr<T> ask(const Start& start)
{
    std::atomic<bool> done = false;
    absl::StatusOr<T> result;
    start([&](absl::StatusOr<T> answer) {
        result = std::move(answer);
        done = true;
    });
    return QTest::qWaitFor([&] { return done.load(); }, 10000)
               ? std::move(result)
               : absl::DeadlineExceededError("no reply");
}

} // namespace

class TestEngineService : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void startsCollectsAndStops();
    void aMistakeInTheConfigurationKeepsTheOldOne();
    void aRequiredConfigurationMustLoad();
    void waitsForADirectoryThatIsInUse();
    void saysThatTheDiskIsFullAndGoesOnByItself();
    void aTargetThatIsDownIsAProblem();
    void theClientAnswersWhatAWindowAsks();
};

void TestEngineService::startsCollectsAndStops()
{
    World world;
    QVERIFY(world.engine->start().ok());
    QVERIFY(world.waitFor(State::Collecting));
    QTRY_VERIFY_WITH_TIMEOUT(world.samples() > 500, 10000);
    QCOMPARE(world.engine->status().targets.up, 1U);
    QElapsedTimer stopping;
    stopping.start();
    world.engine->stop();
    world.engine->stop();
    QVERIFY2(stopping.elapsed() < 5000, "stopping is bounded");
    QCOMPARE(int(world.engine->state()), int(State::Off));
    world.make();
    QVERIFY(world.engine->start().ok());
    QVERIFY(world.waitFor(State::Collecting));
    QVERIFY2(world.engine->status().store.series > 100, "what was collected before is there again");
}

void TestEngineService::aMistakeInTheConfigurationKeepsTheOldOne()
{
    World world("scrape_configs:\n- job_name: a\n  static_configs: [{targets: ['127.0.0.1:1']}]\n");
    QVERIFY(world.engine->start().ok());
    QVERIFY(world.waitFor(State::Collecting));
    world.write("scrape_configs:\n- job_name: b\n  scrape_interval: often\n");
    QVERIFY(!world.engine->reload().ok());
    QCOMPARE(world.engine->configuration()->jobs.at(0)->jobName, std::string("a"));
    const std::string problem = world.problem("configuration");
    QVERIFY2(problem.find("prometheus.yml:3:20: not a valid duration string: \"often\"") !=
                 std::string::npos,
             problem.c_str());
    world.write("scrape_configs:\n- job_name: b\n");
    QVERIFY(world.engine->reload().ok());
    QCOMPARE(world.problem("configuration"), std::string());
    QCOMPARE(world.engine->configuration()->jobs.at(0)->jobName, std::string("b"));
}

void TestEngineService::aRequiredConfigurationMustLoad()
{
    World world("global: 5\n", true);
    const absl::Status status = world.engine->start();
    QVERIFY(!status.ok());
    QVERIFY(std::string(base::messageOf(status))
                .starts_with("couldn't load configuration (--config.file="));
}

void TestEngineService::waitsForADirectoryThatIsInUse()
{
    World world;
    QVERIFY(base::makeDirectories(world.options.dataDirectory).ok());
    {
        const auto other = base::FileLock::acquire(world.options.dataDirectory / "lock");
        QVERIFY(other.ok());
        QVERIFY(world.engine->start().ok());
        QVERIFY(world.waitFor(State::Failed));
        const std::string problem = world.problem("storage");
        QVERIFY2(problem.find("is in use by process") != std::string::npos, problem.c_str());
    }
    QVERIFY2(world.waitFor(State::Collecting), "it opens by itself when the other one has gone");
    QCOMPARE(world.problem("storage"), std::string());
}

void TestEngineService::saysThatTheDiskIsFullAndGoesOnByItself()
{
    World world;
    QVERIFY(world.engine->start().ok());
    QVERIFY(world.waitFor(State::Collecting));
    QTRY_VERIFY_WITH_TIMEOUT(world.samples() > 0, 10000);
    {
        const FullDisk full;
        QTRY_VERIFY_WITH_TIMEOUT(world.problem("storage").find("samples are not being stored") !=
                                     std::string::npos,
                                 10000);
    }
    QTRY_VERIFY_WITH_TIMEOUT(world.problem("storage").empty(), 10000);
    const std::uint64_t before = world.samples();
    QTRY_VERIFY_WITH_TIMEOUT(world.samples() > before + 500, 10000);
}

void TestEngineService::aTargetThatIsDownIsAProblem()
{
    World world(
        "global: {scrape_interval: 100ms, scrape_timeout: 100ms}\nscrape_configs:\n- job_name: a\n"
        "  static_configs: [{targets: ['127.0.0.1:1', '127.0.0.1:2']}]\n");
    QVERIFY(world.engine->start().ok());
    QVERIFY(world.waitFor(State::Collecting));
    QTRY_VERIFY_WITH_TIMEOUT(
        world.problem("targets").find("and 1 more are down") != std::string::npos, 10000);
    QVERIFY(world.problem("targets").find("connection refused") != std::string::npos);
}

void TestEngineService::theClientAnswersWhatAWindowAsks()
{
    World world;
    client::EmbeddedClient client(*world.engine);
    std::atomic<int> events = 0;
    const client::Subscription subscription = client.subscribe([&](client::Event) { ++events; });
    QVERIFY(world.engine->start().ok());
    QVERIFY(world.waitFor(State::Collecting));
    QTRY_VERIFY_WITH_TIMEOUT(world.samples() > 1000, 10000);
    const auto result = ask<client::QueryResult>(
        [&](auto reply) { client.query({.query = "count(node_load1)"}, {}, std::move(reply)); });
    QVERIFY2(result.ok(), std::string(base::messageOf(result.status())).c_str());
    QCOMPARE(std::get<promql::Vector>((*result)->value).at(0).value, 1.0);
    const auto bad = ask<client::QueryResult>(
        [&](auto reply) { client.query({.query = "rate("}, {}, std::move(reply)); });
    QVERIFY(absl::IsInvalidArgument(bad.status()));
    QVERIFY(base::positionOf(bad.status())->begin.has_value());
    const auto names = ask<std::vector<std::string>>([&](auto reply) {
        client.labelValues("__name__", {.selectors = {"{job=\"node\"}"}}, {}, std::move(reply));
    });
    QVERIFY(std::find(names->begin(), names->end(), "node_load1") != names->end());
    const auto targets =
        ask<client::Targets>([&](auto reply) { client.targets({}, std::move(reply)); });
    QCOMPARE(targets->active.size(), std::size_t{1});
    QVERIFY(*ask<bool>(
        [&](auto reply) { client.scrapeNow(targets->active[0].id, {}, std::move(reply)); }));
    const auto metadata = ask<std::vector<client::MetricMetadata>>(
        [&](auto reply) { client.metadata("node_load1", {}, std::move(reply)); });
    QCOMPARE(metadata->size(), std::size_t{1});
    const auto status =
        ask<client::ServerStatus>([&](auto reply) { client.status({}, std::move(reply)); });
    QCOMPARE(int(status->state), int(client::EngineState::Collecting));
    std::stop_source stopped;
    stopped.request_stop();
    const auto cancelled = ask<client::QueryResult>([&](auto reply) {
        client.query({.query = "node_load1"}, stopped.get_token(), std::move(reply));
    });
    QVERIFY(absl::IsCancelled(cancelled.status()));
    QVERIFY(events > 0);
}

QTEST_GUILESS_MAIN(TestEngineService)
#include "tst_engine_service.moc"
