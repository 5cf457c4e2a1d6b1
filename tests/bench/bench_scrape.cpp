// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
// From a page to the log and the head, and from a socket to there: time a sample, first scrape and
// steady state. Figures are CPU time of the whole process: parsing, series cache, appending,
// write-ahead log.
#include "core/net/http_server.h"
#include "core/scrape/page_appender.h"
#include "support/store_fixture.h"

#include <absl/synchronization/notification.h>
#include <benchmark/benchmark.h>

#include <ctime>
#include <pthread.h>

namespace {

using namespace narthex;
using namespace narthex::base::literals;

/// A page of a node_exporter's kind: families of `seriesPerFamily` series, some two dozen bytes of
/// labels, half counters.
std::string makePage(std::size_t series, std::uint64_t round)
{
    constexpr std::size_t kPerFamily = 8;
    std::string page;
    for (std::size_t i = 0; i < series; ++i) {
        const std::size_t family = i / kPerFamily;
        if (i % kPerFamily == 0) {
            page += fmt::format(
                "# HELP node_example_{}_seconds_total Seconds the CPUs spent in each mode.\n"
                "# TYPE node_example_{}_seconds_total counter\n",
                family, family);
        }
        // As on the recorded pages some three quarters of the values stay the same between two
        // scrapes.
        const std::uint64_t moving = i % 4 == 0 ? round * 15 : 0;
        page += fmt::format("node_example_{}_seconds_total{{cpu=\"{}\",mode=\"system\",device="
                            "\"nvme0n1\"}} {}.{:02}\n",
                            family, i % kPerFamily, 1000 + i + moving, i % 100);
    }
    return page;
}

struct World
{
    base::ManualClock clock{{1700000000000}};
    test::StoreFixture store{clock};
    scrape::ScrapeCounters counters;
    std::shared_ptr<const scrape::JobConfig> job =
        std::make_shared<const scrape::JobConfig>(scrape::JobConfig{.jobName = "j"});
    std::shared_ptr<const scrape::Target> target = std::make_shared<const scrape::Target>(
        scrape::Target{.job = "node",
                       .labels = model::Labels{{"instance", "127.0.0.1:9100"}, {"job", "node"}}});
    scrape::PageAppender appender{{.job = job, .target = target}, store.db(), counters};
    std::int64_t time = 1700000000000;

    void append(std::string body)
    {
        time += 15000;
        clock.advance(15_s);
        const auto outcome =
            appender.append({.page = {.body = std::move(body), .contentType = "text/plain"}},
                            {time}, 10_s, [] { return base::Duration{}; });
        NARTHEX_CHECK(outcome.status.ok());
    }
};

void reportPerSample(benchmark::State& state, std::size_t series)
{
    state.counters["ns/sample"] = benchmark::Counter(
        static_cast<double>(state.iterations()) * static_cast<double>(series) / 1e9,
        benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void firstScrape(benchmark::State& state)
{
    const auto series = static_cast<std::size_t>(state.range(0));
    const std::string page = makePage(series, 0);
    for (auto _ : state) {
        state.PauseTiming();
        auto world = std::make_unique<World>();
        state.ResumeTiming();
        world->append(page);
        state.PauseTiming();
        world.reset();
        state.ResumeTiming();
    }
    reportPerSample(state, series);
}

void steadyState(benchmark::State& state)
{
    const auto series = static_cast<std::size_t>(state.range(0));
    World world;
    std::vector<std::string> pages;
    for (std::uint64_t round = 0; round < 8; ++round) {
        pages.push_back(makePage(series, round));
    }
    world.append(pages[0]);
    std::size_t round = 0;
    for (auto _ : state) {
        std::string body = world.appender.takeBuffer();
        body.assign(pages[++round % pages.size()]);
        world.append(std::move(body));
    }
    reportPerSample(state, series);
    const tsdb::DbStats stats = world.store.db().stats();
    state.counters["head bytes/series"] =
        static_cast<double>(stats.headBytes) / static_cast<double>(stats.series);
}

/// The whole way: a server on loopback (its own CPU time counts, too), the HTTP client, gzip or
/// not, parse, append, commit.
base::Duration cpuTime(clockid_t clock)
{
    timespec time{};
    ::clock_gettime(clock, &time);
    return {time.tv_sec * 1'000'000'000 + time.tv_nsec};
}

void fromSocket(benchmark::State& state)
{
    const auto series = static_cast<std::size_t>(state.range(0));
    World world;
    std::vector<std::string> pages;
    for (std::uint64_t round = 0; round < 8; ++round) {
        pages.push_back(makePage(series, round));
    }
    net::IoLoop serverLoop;
    net::IoLoop loop;
    net::HttpClient client(loop, "Narthex/bench");
    std::atomic<std::size_t> round = 0;
    const bool gzip = state.range(1) != 0;
    // Compressed answers are made once, so that the exporter's own work does not count as ours.
    std::vector<std::string> bodies;
    for (const std::string& page : pages) {
        bodies.push_back(gzip ? net::deflateGzip(page) : page);
    }
    const auto server =
        net::HttpServer::start(serverLoop, {}, [&](net::ServerRequest, net::Responder respond) {
            net::ServerResponse response{.contentType = "text/plain",
                                         .body = bodies[++round % bodies.size()]};
            if (gzip) {
                response.headers.emplace_back("Content-Encoding", "gzip");
            }
            respond(std::move(response));
        }).value();
    const auto config = std::make_shared<const net::HttpClientConfig>();
    const std::string url = "http://" + server->address() + "/metrics";
    const auto scrape = [&] {
        absl::Notification done;
        std::string body;
        client.send({.url = url, .buffer = world.appender.takeBuffer()}, config,
                    [&](absl::StatusOr<net::HttpResponse> response) {
                        NARTHEX_CHECK(response.ok());
                        body = std::move(response->body);
                        done.Notify();
                    });
        done.WaitForNotification();
        world.append(std::move(body));
    };
    // The server stands for the exporter: what its thread uses is not ours.
    clockid_t serverClock{};
    serverLoop.run([&] { ::pthread_getcpuclockid(::pthread_self(), &serverClock); });
    scrape();
    const base::Duration serverBefore = cpuTime(serverClock);
    const base::Duration before = cpuTime(CLOCK_PROCESS_CPUTIME_ID);
    for (auto _ : state) {
        scrape();
    }
    const base::Duration ours =
        (cpuTime(CLOCK_PROCESS_CPUTIME_ID) - before) - (cpuTime(serverClock) - serverBefore);
    state.counters["ns/sample ours"] =
        static_cast<double>(ours.ns) /
        (static_cast<double>(state.iterations()) * static_cast<double>(series));
    reportPerSample(state, series);
}

BENCHMARK(firstScrape)->Arg(1000)->Arg(50000)->Unit(benchmark::kMillisecond)->Iterations(5);
BENCHMARK(steadyState)
    ->Arg(1000)
    ->Arg(50000)
    ->Unit(benchmark::kMicrosecond)
    ->MeasureProcessCPUTime();
BENCHMARK(fromSocket)
    ->Args({1000, 0})
    ->Args({1000, 1})
    ->Args({50000, 0})
    ->Args({50000, 1})
    ->Unit(benchmark::kMicrosecond)
    ->MeasureProcessCPUTime();

} // namespace

int main(int argc, char** argv)
{
    // As the programs do.
    absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
    benchmark::Initialize(&argc, argv);
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}
