// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/status.h"
#include "core/base/timers.h"
#include "core/net/http_server.h"
#include "core/scrape/manager.h"
#include "support/store_fixture.h"

#include <QJsonDocument>
#include <QJsonObject>
#include <QTemporaryDir>
#include <QtTest>

#include <atomic>

using namespace narthex;
using namespace narthex::base::literals;

namespace {

constexpr base::Timestamp kStart{1700000000000};

std::shared_ptr<const scrape::JobConfig>
job(const std::string& name, std::vector<std::string> addresses, std::uint64_t targetLimit = 0)
{
    scrape::JobConfig config{
        .jobName = name, .interval = 10_s, .timeout = 5_s, .targetLimit = targetLimit};
    discovery::TargetGroup group{.source = "0"};
    for (const std::string& address : addresses) {
        group.entries.push_back(model::Labels{{"__address__", address}});
    }
    config.discovery.staticGroups = {group};
    return std::make_shared<const scrape::JobConfig>(std::move(config));
}

} // namespace

/// A manager on stopped time, scraping a server of its own on loopback.
class World
{
public:
    World()
        : timers_(kStart),
          store_(timers_.clock()),
          client_(loop_, "Narthex/test"),
          manager_({.timers = timers_,
                    .pool = store_.pool(),
                    .store = store_.db(),
                    .counters = counters_,
                    .log = base::nullLogger(),
                    .onScraped = [this] { ++scrapes_; }},
                   client_)
    {
        server_ =
            net::HttpServer::start(loop_, {}, [this](net::ServerRequest, net::Responder respond) {
                ++requests_;
                respond({.status = status_.load(), .body = body_});
            }).value();
    }
    ~World() { manager_.stop(); }

    /// Lets time pass and waits for the scrapes that fell due.
    bool pass(base::Duration by, int expectedScrapes)
    {
        const int wanted = scrapes_ + expectedScrapes;
        timers_.advance(by);
        return QTest::qWaitFor([&] { return scrapes_ >= wanted; }, 5000);
    }

    base::ManualTimers timers_;
    test::StoreFixture store_;
    net::IoLoop loop_;
    net::HttpClient client_;
    scrape::ScrapeCounters counters_;
    std::atomic<int> scrapes_{0};
    std::atomic<int> requests_{0};
    std::atomic<int> status_{200};
    std::string body_ = "a 1\n";
    scrape::ScrapeManager manager_;
    std::unique_ptr<net::HttpServer> server_;
};

class TestScrapeLoop : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void scrapesOncePerInterval();
    void anHttpErrorShowsAtTheTarget();
    void aRefusedConnectionShowsAtTheTarget();
    void aTargetThatLeavesEndsStale();
    void aTargetThatComesBackHasNoGap();
    void shuttingDownWritesNoMarkers();
    void anotherIntervalKeepsTheCache();
    void otherRulesForSamplesStartANewCache();
    void targetsFromDiscoveryComeAtMostOncePerReloadInterval();
    void failedFetchesAreLogged();
    void anEqualConfigurationKeepsItsLoops();
    void targetLimitFailsWithoutARequest();
    void scrapeNowComesBesidesTheSchedule();
    void targetsThatDifferInHiddenLabelsAreBothScraped();
};

void TestScrapeLoop::scrapesOncePerInterval()
{
    World world;
    QVERIFY(world.manager_.apply({job("j", {world.server_->address()})}, {}, 0).ok());
    QVERIFY(world.pass(10_s, 1));
    for (int i = 0; i < 3; ++i) {
        QVERIFY(world.pass(10_s, 1));
    }
    QCOMPARE(world.scrapes_.load(), 4);
    const auto up = world.store_.content("up");
    QCOMPARE(up.size(), std::size_t{1});
    QCOMPARE(QString::fromStdString(up.begin()->second).count("1@"), 4);
    const scrape::PoolStatus status = world.manager_.status();
    QCOMPARE(int(status.active.at(0).health), int(scrape::Health::Up));
    QCOMPARE(status.active.at(0).history.size(), std::size_t{4});
}

void TestScrapeLoop::anHttpErrorShowsAtTheTarget()
{
    World world;
    world.status_ = 500;
    QVERIFY(world.manager_.apply({job("j", {world.server_->address()})}, {}, 0).ok());
    QVERIFY(world.pass(10_s, 1));
    const scrape::TargetStatus target = world.manager_.status().active.at(0);
    QCOMPARE(int(target.health), int(scrape::Health::Down));
    QCOMPARE(target.lastError,
             std::string("server returned HTTP status 500 Internal Server Error"));
    QCOMPARE(int(target.errorClass), int(scrape::ErrorClass::HttpStatus));
}

void TestScrapeLoop::aRefusedConnectionShowsAtTheTarget()
{
    World world;
    QVERIFY(
        world.manager_.apply({job("j", {"127.0.0.1:1", world.server_->address()})}, {}, 0).ok());
    QVERIFY(world.pass(10_s, 2));
    const auto summary = world.manager_.summary();
    QCOMPARE(summary.down, 1U);
    QCOMPARE(summary.up, 1U);
}

void TestScrapeLoop::aTargetThatLeavesEndsStale()
{
    World world;
    QVERIFY(world.manager_.apply({job("j", {world.server_->address()})}, {}, 0).ok());
    QVERIFY(world.pass(10_s, 1));
    QVERIFY(world.manager_.apply({}, {}, 0).ok());
    QVERIFY(world.manager_.status().active.empty());
    const auto isStale = [&world](const std::string& name) {
        return world.store_.content(name).begin()->second.find("stale") != std::string::npos;
    };
    // The next tick, one more and a tenth of the interval: a target that comes back is untouched
    // till then.
    world.timers_.advance(10_s);
    QVERIFY(!isStale("a"));
    world.timers_.advance(11100_ms);
    QVERIFY(QTest::qWaitFor([&] { return isStale("a") && isStale("up"); }, 5000));
    QCOMPARE(world.timers_.pending(), std::size_t{0});
}

void TestScrapeLoop::aTargetThatComesBackHasNoGap()
{
    World world;
    QVERIFY(world.manager_.apply({job("j", {world.server_->address()})}, {}, 0).ok());
    QVERIFY(world.pass(10_s, 1));
    QVERIFY(world.manager_.apply({job("j", {})}, {}, 0).ok());
    QVERIFY(world.manager_.apply({job("j", {world.server_->address()})}, {}, 0).ok());
    QVERIFY(world.pass(10_s, 1));
    QVERIFY(world.pass(10_s, 1));
    QVERIFY(world.pass(10_s, 1));
    const std::string samples = world.store_.content("a").begin()->second;
    QVERIFY2(samples.find("stale") == std::string::npos, samples.c_str());
}

void TestScrapeLoop::shuttingDownWritesNoMarkers()
{
    World world;
    QVERIFY(world.manager_.apply({job("j", {world.server_->address()})}, {}, 0).ok());
    QVERIFY(world.pass(10_s, 1));
    QVERIFY(world.manager_.apply({job("j", {})}, {}, 0).ok());
    world.manager_.stop();
    world.timers_.advance(60_s);
    const std::string samples = world.store_.content("a").begin()->second;
    QVERIFY2(samples.find("stale") == std::string::npos, samples.c_str());
}

void TestScrapeLoop::anotherIntervalKeepsTheCache()
{
    World world;
    const auto withInterval = [&world](base::Duration interval) {
        scrape::JobConfig config = *job("j", {world.server_->address()});
        config.interval = interval;
        return std::make_shared<const scrape::JobConfig>(config);
    };
    QVERIFY(world.manager_.apply({withInterval(10_s)}, {}, 0).ok());
    QVERIFY(world.pass(10_s, 1));
    QVERIFY(world.manager_.apply({withInterval(5_s)}, {}, 0).ok());
    QVERIFY(world.pass(5_s, 1));
    QVERIFY(world.pass(5_s, 1));
    world.timers_.advance(4_s);
    // Health and history are known, and the second scrape found no new series.
    const scrape::TargetStatus target = world.manager_.status().active.at(0);
    QVERIFY(target.history.size() >= 3);
    QCOMPARE(target.seriesAdded, std::uint64_t{0});
    const auto added = world.store_.content("scrape_series_added");
    QCOMPARE(QString::fromStdString(added.begin()->second).count("1@"), 1);
    QVERIFY(world.store_.content("a").begin()->second.find("stale") == std::string::npos);
}

void TestScrapeLoop::otherRulesForSamplesStartANewCache()
{
    World world;
    QVERIFY(world.manager_.apply({job("j", {world.server_->address()})}, {}, 0).ok());
    QVERIFY(world.pass(10_s, 1));
    scrape::JobConfig changed = *job("j", {world.server_->address()});
    changed.honorLabels = true;
    QVERIFY(world.manager_.apply({std::make_shared<const scrape::JobConfig>(changed)}, {}, 0).ok());
    QVERIFY(world.pass(10_s, 1));
    QCOMPARE(world.manager_.status().active.at(0).seriesAdded, std::uint64_t{1});
    world.timers_.advance(9_s);
    QVERIFY(world.store_.content("a").begin()->second.find("stale") == std::string::npos);
}

void TestScrapeLoop::targetsFromDiscoveryComeAtMostOncePerReloadInterval()
{
    World world;
    QVERIFY(world.manager_.apply({job("j", {})}, {}, 0).ok());
    const auto sets = [&world](int targets) {
        discovery::TargetGroup group{.source = "x"};
        for (int i = 0; i < targets; ++i) {
            group.entries.push_back(model::Labels{{"__address__", world.server_->address()},
                                                  {"__tmp_n", std::to_string(i)}});
        }
        auto result = std::make_shared<discovery::TargetSets>();
        (*result)["j"] = {std::make_shared<const discovery::TargetGroup>(group)};
        return result;
    };
    world.manager_.update(sets(1));
    world.manager_.update(sets(2));
    QCOMPARE(world.manager_.status().active.size(), std::size_t{0});
    world.manager_.update(sets(3));
    world.timers_.advance(5_s);
    QTRY_COMPARE(world.manager_.status().active.size(), std::size_t{3});
    world.timers_.advance(5_s);
    world.manager_.update(sets(1));
    QTRY_COMPARE(world.manager_.status().active.size(), std::size_t{1});
}

void TestScrapeLoop::failedFetchesAreLogged()
{
    World world;
    QTemporaryDir folder;
    const std::string path = folder.filePath("failures.log").toStdString();
    scrape::JobConfig config = *job("j", {world.server_->address()});
    config.failureLogFile = path;
    QVERIFY(world.manager_.apply({std::make_shared<const scrape::JobConfig>(config)}, {}, 0).ok());
    world.status_ = 503;
    QVERIFY(world.pass(10_s, 1));
    world.status_ = 200;
    world.body_ = "no page";
    QVERIFY(world.pass(10_s, 1));
    QFile file(QString::fromStdString(path));
    QVERIFY(file.open(QIODevice::ReadOnly));
    const QByteArray text = file.readAll();
    QCOMPARE(text.count('\n'), 1);
    const auto line = QJsonDocument::fromJson(text).object();
    QCOMPARE(line["level"].toString(), "ERROR");
    QCOMPARE(line["msg"].toString(), "server returned HTTP status 503 Service Unavailable");
    QCOMPARE(line["job_name"].toString(), "j");
    QCOMPARE(line["target"].toString(),
             QString::fromStdString("http://" + world.server_->address() + "/metrics"));
    // A log that cannot be opened is an error, and the job runs on.
    config.failureLogFile = "/nowhere/at/all.log";
    QVERIFY(!world.manager_.apply({std::make_shared<const scrape::JobConfig>(config)}, {}, 0).ok());
    QVERIFY(world.pass(10_s, 1));
}

void TestScrapeLoop::anEqualConfigurationKeepsItsLoops()
{
    World world;
    QVERIFY(world.manager_.apply({job("j", {world.server_->address()})}, {}, 0).ok());
    QVERIFY(world.pass(10_s, 1));
    QVERIFY(
        world.manager_.apply({job("j", {world.server_->address(), "127.0.0.1:1"})}, {}, 0).ok());
    const scrape::PoolStatus status = world.manager_.status();
    QCOMPARE(status.active.size(), std::size_t{2});
    const bool kept = std::any_of(status.active.begin(), status.active.end(),
                                  [](const auto& target) { return target.history.size() == 1; });
    QVERIFY(kept);
    QVERIFY(world.store_.content("a").begin()->second.find("stale") == std::string::npos);
}

void TestScrapeLoop::targetLimitFailsWithoutARequest()
{
    World world;
    QVERIFY(
        world.manager_.apply({job("j", {world.server_->address(), "127.0.0.1:1"}, 1)}, {}, 0).ok());
    QVERIFY(world.pass(10_s, 2));
    QCOMPARE(world.requests_.load(), 0);
    QCOMPARE(world.manager_.status().active.at(0).lastError,
             std::string("target_limit exceeded (number of targets: 2, limit: 1)"));
}

void TestScrapeLoop::scrapeNowComesBesidesTheSchedule()
{
    World world;
    QVERIFY(world.manager_.apply({job("j", {world.server_->address()})}, {}, 0).ok());
    const std::string id = world.manager_.status().active.at(0).id;
    std::atomic<bool> done = false;
    QVERIFY(world.manager_.scrapeNow(id, [&] { done = true; }).ok());
    QTRY_VERIFY(done);
    QCOMPARE(world.scrapes_.load(), 1);
    QVERIFY(absl::IsNotFound(world.manager_.scrapeNow("nothing", [] {})));
}

void TestScrapeLoop::targetsThatDifferInHiddenLabelsAreBothScraped()
{
    World world;
    scrape::JobConfig config{.jobName = "j", .interval = 10_s, .timeout = 5_s};
    discovery::TargetGroup group{.source = "0"};
    for (const char* hidden : {"1", "2"}) {
        group.entries.push_back(
            model::Labels{{"__address__", world.server_->address()}, {"__tmp_z", hidden}});
    }
    config.discovery.staticGroups = {group, group}; // the same again is the same target
    QVERIFY(
        world.manager_.apply({std::make_shared<const scrape::JobConfig>(std::move(config))}, {}, 0)
            .ok());
    QCOMPARE(world.manager_.status().active.size(), std::size_t{2});
    QVERIFY(world.pass(10_s, 2));
    QCOMPARE(world.requests_.load(), 2);
    const auto samples = world.store_.content("a");
    QCOMPARE(samples.size(), std::size_t{1});
    QCOMPARE(QString::fromStdString(samples.begin()->second).count("1@"), 2);
}

QTEST_GUILESS_MAIN(TestScrapeLoop)
#include "tst_scrape_loop.moc"
