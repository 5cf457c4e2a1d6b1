// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/status.h"
#include "core/base/timers.h"
#include "core/net/http_server.h"
#include "core/scrape/manager.h"
#include "support/store_fixture.h"

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
                respond({.status = status_.load(), .body = "a 1\n"});
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
    void anEqualConfigurationKeepsItsLoops();
    void targetLimitFailsWithoutARequest();
    void scrapeNowComesBesidesTheSchedule();
};

void TestScrapeLoop::scrapesOncePerInterval()
{
    World world;
    world.manager_.apply({job("j", {world.server_->address()})}, {}, 0);
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
    world.manager_.apply({job("j", {world.server_->address()})}, {}, 0);
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
    world.manager_.apply({job("j", {"127.0.0.1:1", world.server_->address()})}, {}, 0);
    QVERIFY(world.pass(10_s, 2));
    const auto summary = world.manager_.summary();
    QCOMPARE(summary.down, 1U);
    QCOMPARE(summary.up, 1U);
}

void TestScrapeLoop::aTargetThatLeavesEndsStale()
{
    World world;
    world.manager_.apply({job("j", {world.server_->address()})}, {}, 0);
    QVERIFY(world.pass(10_s, 1));
    world.manager_.apply({}, {}, 0);
    QVERIFY(world.store_.content("a").begin()->second.find("stale") != std::string::npos);
    QVERIFY(world.manager_.status().active.empty());
    QCOMPARE(world.timers_.pending(), std::size_t{0});
}

void TestScrapeLoop::anEqualConfigurationKeepsItsLoops()
{
    World world;
    world.manager_.apply({job("j", {world.server_->address()})}, {}, 0);
    QVERIFY(world.pass(10_s, 1));
    world.manager_.apply({job("j", {world.server_->address(), "127.0.0.1:1"})}, {}, 0);
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
    world.manager_.apply({job("j", {world.server_->address(), "127.0.0.1:1"}, 1)}, {}, 0);
    QVERIFY(world.pass(10_s, 2));
    QCOMPARE(world.requests_.load(), 0);
    QCOMPARE(world.manager_.status().active.at(0).lastError,
             std::string("target_limit exceeded (number of targets: 2, limit: 1)"));
}

void TestScrapeLoop::scrapeNowComesBesidesTheSchedule()
{
    World world;
    world.manager_.apply({job("j", {world.server_->address()})}, {}, 0);
    const std::string id = world.manager_.status().active.at(0).id;
    std::atomic<bool> done = false;
    QVERIFY(world.manager_.scrapeNow(id, [&] { done = true; }).ok());
    QTRY_VERIFY(done);
    QCOMPARE(world.scrapes_.load(), 1);
    QVERIFY(absl::IsNotFound(world.manager_.scrapeNow("nothing", [] {})));
}

QTEST_GUILESS_MAIN(TestScrapeLoop)
#include "tst_scrape_loop.moc"
