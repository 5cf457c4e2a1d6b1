// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Sending by remote write, all of it: samples committed into a store in TMPDIR, read from its log,
// spread over shards, encoded, compressed and sent to a server on loopback that throws them away.
// `CatchUp` is the way after an outage: everything is in the log already. CPU time of the process
// (the server's included) a million samples and samples a second are the figures.
// Run by hand: TMPDIR=build build/release/bin/bench_remote_write
#include "core/base/file.h"
#include "core/base/status.h"
#include "core/exposition/text_writer.h"
#include "core/remote/remote_storage.h"
#include "core/remote/sender/payload.h"
#include "core/tsdb/db.h"
#include "support/raw_server.h"

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <chrono>
#include <ctime>
#include <thread>

namespace {

using namespace narthex;
using namespace narthex::base::literals;

constexpr std::size_t kSeries = 20'000;
constexpr std::size_t kRounds = 100;
constexpr std::size_t kCommit = 2'000;

/// The labels of a node exporter behind a Kubernetes discovery.
model::Labels labelsOf(std::size_t number)
{
    return model::Labels{
        {"__name__", fmt::format("node_example_{}_seconds_total", number / 64 % 300)},
        {"cpu", fmt::format("{}", number % 8)},
        {"container", "node-exporter"},
        {"endpoint", "http-metrics"},
        {"instance", fmt::format("10.0.{}.{}:9100", number / 5000, number / 1000 % 5)},
        {"job", "node-exporter"},
        {"mode", fmt::format("mode{}", number / 8 % 8)},
        {"namespace", "monitoring"},
        {"pod", fmt::format("node-exporter-{}", number / 1000)},
        {"service", "monitoring-node-exporter"}};
}

double cpuSeconds()
{
    timespec time{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

/// Answers every request with 204, as cheaply as can be: what is measured is the sender. While
/// `isDown` it answers 503.
class Sink
{
public:
    [[nodiscard]] std::string url() const { return server_.url() + "/write"; }
    std::atomic<bool> isDown{false};

private:
    void serve(tests::RawConnection& connection) const
    {
        while (true) {
            const std::string head = connection.readHead();
            const std::size_t at = head.find("Content-Length: ");
            if (at == std::string::npos) {
                return;
            }
            const std::size_t size = std::stoul(head.substr(at + 16));
            if (connection.read(size).size() < size) {
                return;
            }
            const char* const answer =
                isDown ? "HTTP/1.1 503 Away\r\nContent-Length: 0\r\n\r\n"
                       : "HTTP/1.1 204 No Content\r\n"
                         "X-Prometheus-Remote-Write-Samples-Written: 2000\r\n\r\n";
            if (!connection.send(answer)) {
                return;
            }
        }
    }
    tests::RawServer server_{[this](tests::RawConnection& connection) { serve(connection); }};
};

class World
{
public:
    explicit World(bool isV2)
    {
        auto db = tsdb::Db::open(directory_.path() / "data", {},
                                 {.pool = pool_,
                                  .clock = timers_.clock(),
                                  .log = base::nullLogger(),
                                  .onCommit = [this] { remote_.notify(); }},
                                 {});
        db_ = *std::move(db);
        remote::RemoteWriteConfig config;
        config.url = sink_.url();
        config.queue.maxBackoff = 100_ms;
        config.queue.minShards = 2;
        if (isV2) {
            config.protobufMessage = "io.prometheus.write.v2.Request";
        }
        base::ignore(remote_.apply({config}, model::Labels{{"cluster", "one"}}), "it is right");
        start_ = timers_.clock().now().ms + 1;
        for (std::size_t i = 0; i < kSeries; ++i) {
            refs_.push_back(*db_->appender()->seriesFor(labelsOf(i)));
        }
    }
    ~World()
    {
        remote_.stop();
        base::ignore(db_->close(), "the end");
    }

    /// A round of all series, committed in pieces.
    void store(std::size_t round)
    {
        std::vector<base::Timestamp> times(kCommit,
                                           {start_ + static_cast<std::int64_t>(round) * 15});
        std::vector<double> values(kCommit);
        std::vector<storage::AppendResult> results(kCommit);
        for (std::size_t first = 0; first < kSeries; first += kCommit) {
            for (std::size_t i = 0; i < kCommit; ++i) {
                values[i] = static_cast<double>(first + i) + 0.25 * static_cast<double>(round);
            }
            const auto appender = db_->appender();
            appender->appendBatch(std::span(refs_).subspan(first, kCommit), times, values, results);
            base::ignore(appender->commit(), "it is counted at the end");
            stored_ += kCommit;
        }
    }
    /// Until the pieces that are full are away.
    void waitUntilSent() const
    {
        while (remote_.status()[0].pending > 0 || delivered() < stored_) {
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
    }
    Sink& sink() { return sink_; }

private:
    std::uint64_t delivered() const
    {
        std::string page;
        exposition::TextWriter out(page);
        remote_.writeMetrics(out, {});
        const auto value = [&page](const std::string& name) {
            const std::size_t at = page.find("\n" + name + "{");
            const std::size_t space = page.find("} ", at);
            return std::stod(page.substr(space + 2));
        };
        return static_cast<std::uint64_t>(value("prometheus_remote_storage_samples_total") -
                                          value("prometheus_remote_storage_samples_retried_total"));
    }

    base::TemporaryDirectory directory_;
    base::SystemTimers timers_;
    base::WorkerPool pool_;
    net::IoLoop loop_;
    Sink sink_;
    net::HttpClient client_{loop_, "Narthex/bench"};
    remote::RemoteStorage remote_{{},
                                  {.client = client_,
                                   .pool = pool_,
                                   .timers = timers_,
                                   .log = base::nullLogger(),
                                   .walDirectory = directory_.path() / "data" / "wal"}};
    std::unique_ptr<tsdb::Db> db_;
    std::vector<model::SeriesRef> refs_;
    std::int64_t start_ = 0;
    std::uint64_t stored_ = 0;
};

void report(benchmark::State& state, double cpu, double seconds)
{
    const double samples =
        static_cast<double>(kSeries * kRounds) * static_cast<double>(state.iterations());
    state.counters["samples/s"] = samples / seconds;
    state.counters["CPU s/million"] = cpu / samples * 1e6;
}

void StoreAndSend(benchmark::State& state)
{
    double cpu = 0;
    double seconds = 0;
    for (auto _ : state) {
        World world(state.range(0) == 2);
        const double before = cpuSeconds();
        const auto begun = std::chrono::steady_clock::now();
        for (std::size_t round = 0; round < kRounds; ++round) {
            world.store(round);
        }
        world.waitUntilSent();
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
        cpu += cpuSeconds() - before;
        seconds += took.count();
        state.SetIterationTime(took.count());
    }
    report(state, cpu, seconds);
}

void CatchUp(benchmark::State& state)
{
    double cpu = 0;
    double seconds = 0;
    for (auto _ : state) {
        World world(state.range(0) == 2);
        world.sink().isDown = true;
        for (std::size_t round = 0; round < kRounds; ++round) {
            world.store(round);
        }
        world.sink().isDown = false;
        const double before = cpuSeconds();
        const auto begun = std::chrono::steady_clock::now();
        world.waitUntilSent();
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
        cpu += cpuSeconds() - before;
        seconds += took.count();
        state.SetIterationTime(took.count());
    }
    report(state, cpu, seconds);
}

/// Encoding and compressing alone, a batch of 2000.
void Encode(benchmark::State& state)
{
    std::vector<remote::SentSeries> series(2000);
    remote::Batch batch;
    for (std::size_t i = 0; i < series.size(); ++i) {
        series[i].labels = labelsOf(i);
        series[i].encodedLabels = remote::encodeLabels(series[i].labels);
        batch.items.push_back(
            {.series = &series[i], .time = 1'700'000'000'000, .valueBits = 0x4059000000000000 + i});
    }
    remote::PayloadEncoder encoder(state.range(0) == 2 ? remote::WriteVersion::V2
                                                       : remote::WriteVersion::V1);
    const bool compress = state.range(1) == 1;
    std::string body;
    for (auto _ : state) {
        if (compress) {
            encoder.encodeCompressed(batch, body);
        } else {
            benchmark::DoNotOptimize(encoder.encode(batch));
        }
    }
    state.SetItemsProcessed(state.iterations() * 2000);
    state.counters["bytes"] = static_cast<double>(compress ? body.size() : encoder.rawBytes());
}

} // namespace

BENCHMARK(Encode)->ArgNames({"version", "snappy"})->ArgsProduct({{1, 2}, {0, 1}});
BENCHMARK(StoreAndSend)->ArgName("version")->Arg(1)->Arg(2)->UseManualTime()->Iterations(2);
BENCHMARK(CatchUp)->ArgName("version")->Arg(1)->Arg(2)->UseManualTime()->Iterations(2);
BENCHMARK_MAIN();
