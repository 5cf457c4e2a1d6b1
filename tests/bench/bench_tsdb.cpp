// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the store costs: a sample in, a series new, a sample out, a matcher, a restart.
// Run: cmake --build --preset release --target bench_tsdb && build/release/bin/bench_tsdb
#include "support/tsdb_fixture.h"

#include <absl/synchronization/mutex.h>
#include <benchmark/benchmark.h>

#include <cmath>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <malloc.h>
#include <random>
#include <unistd.h>

using namespace narthex;
using storage::AppendResult;

namespace {

constexpr std::int64_t kStart = 1'699'999'200'000;
constexpr std::size_t kSeriesATarget = 1000;

/// Looks like node_exporter behind `target`.
model::Labels nodeLabels(std::size_t target, std::size_t i)
{
    return {{"__name__", "node_metric_of_usual_length_" + std::to_string(i / 8) + "_total"},
            {"instance", "host-" + std::to_string(target) + ".example.org:9100"},
            {"job", "node"},
            {"device", "nvme" + std::to_string(i % 8)}};
}

/// Moves like a node_exporter's page, of which on an idle machine 70 % stands still, 13 % counts
/// and 17 % goes up and down (measured over a minute): here 12, 5 and 3 of 20.
void nextValues(std::vector<double>& values, std::mt19937_64& random)
{
    for (std::size_t i = 0; i < values.size(); ++i) {
        switch (i % 20) {
        case 12:
        case 13:
        case 14:
        case 15:
            values[i] += static_cast<double>(random() % 100); // packets, bytes
            break;
        case 16:
            values[i] = std::round(values[i] * 100 + static_cast<double>(random() % 1500)) / 100;
            break; // CPU seconds
        case 17:
        case 18:
            values[i] = 4096.0 * static_cast<double>(1'000'000 + random() % 5'000); // memory
            break;
        case 19:
            values[i] = static_cast<double>(random() % 400) / 100; // load
            break;
        default:
            break;
        }
    }
}

/// A store with `series` series, scraped target by target.
struct Store
{
    test::TsdbFixture fixture;
    std::unique_ptr<tsdb::Db> db;
    std::vector<std::vector<storage::SeriesRef>> targets;
    std::vector<std::unique_ptr<storage::Appender>> appenders;
    std::vector<double> values = std::vector<double>(kSeriesATarget);
    std::vector<AppendResult> results = std::vector<AppendResult>(kSeriesATarget);
    std::mt19937_64 random{1};
    std::int64_t now = kStart;

    explicit Store(std::size_t series) : Store(series, {}) {}
    /// In `directory` instead of a temporary one, unless that is empty.
    Store(std::size_t series, const std::filesystem::path& directory)
        : db(directory.empty() ? fixture.open() : fixture.tryOpen(directory).value())
    {
        for (std::size_t target = 0; target < series / kSeriesATarget; ++target) {
            appenders.push_back(db->appender());
            auto& refs = targets.emplace_back();
            for (std::size_t i = 0; i < kSeriesATarget; ++i) {
                refs.push_back(*appenders.back()->seriesFor(nodeLabels(target, i)));
            }
        }
    }
    void scrape(std::size_t target)
    {
        const std::vector<base::Timestamp> times(kSeriesATarget, {now});
        appenders[target]->appendBatch(targets[target], times, values, results);
        if (!appenders[target]->commit().ok() || results.back() != AppendResult::Appended) {
            std::abort();
        }
    }
    void round()
    {
        nextValues(values, random);
        for (std::size_t target = 0; target < targets.size(); ++target) {
            scrape(target);
        }
        now += 15000;
    }
};

void perSample(benchmark::State& state, std::size_t samples)
{
    state.counters["ns_a_sample"] = benchmark::Counter(
        static_cast<double>(samples) * static_cast<double>(state.iterations()) / 1e9,
        benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

/// All targets once: append and commit, log included.
void BM_AppendCommit(benchmark::State& state)
{
    const auto series = static_cast<std::size_t>(state.range(0));
    Store store(series);
    for (int i = 0; i < 5; ++i) {
        store.round();
    }
    for (auto unused : state) {
        state.PauseTiming();
        nextValues(store.values, store.random);
        state.ResumeTiming();
        for (std::size_t target = 0; target < store.targets.size(); ++target) {
            store.scrape(target);
        }
        store.now += 15000;
    }
    perSample(state, series);
    const tsdb::DbStats stats = store.db->stats();
    state.counters["wal_bytes_a_sample"] =
        static_cast<double>(stats.walBytes) / static_cast<double>(stats.samplesAppended);
}
BENCHMARK(BM_AppendCommit)->Arg(1000)->Arg(100000)->Unit(benchmark::kMicrosecond)->UseRealTime();

void BM_FirstAppend(benchmark::State& state)
{
    constexpr std::size_t kSeries = 10000;
    for (auto unused : state) {
        state.PauseTiming();
        auto store = std::make_unique<Store>(0);
        std::vector<model::Labels> labels;
        for (std::size_t i = 0; i < kSeries; ++i) {
            labels.push_back(nodeLabels(i / kSeriesATarget, i % kSeriesATarget));
        }
        state.ResumeTiming();
        const auto appender = store->db->appender();
        for (const model::Labels& one : labels) {
            appender->append(*appender->seriesFor(one), {kStart}, 1);
        }
        if (!appender->commit().ok()) {
            std::abort();
        }
        state.PauseTiming();
        store.reset();
        state.ResumeTiming();
    }
    perSample(state, kSeries);
}
BENCHMARK(BM_FirstAppend)->Unit(benchmark::kMillisecond)->UseRealTime();

/// What the system counts for this process, in bytes.
double residentBytes()
{
    const auto status = base::readFile("/proc/self/statm");
    double pages = 0;
    base::ignore(status.status(), "read anew each time");
    std::sscanf(status->c_str(), "%*f %lf", &pages);
    return pages * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

/// One hour at 15 s, the store looking after itself once a minute: all of the process.
void BM_ProcessMemory(benchmark::State& state)
{
    constexpr std::size_t kSeries = 100'000;
    for (auto unused : state) {
        Store store(kSeries);
        for (int i = 0; i < 240; ++i) {
            store.round();
            if (i % 4 == 3 && !store.db->compact().ok()) {
                std::abort();
            }
        }
        ::malloc_trim(0);
        state.counters["resident_bytes_a_series"] = residentBytes() / kSeries;
        state.counters["head_bytes_a_series"] =
            static_cast<double>(store.db->stats().headBytes) / kSeries;
    }
}
BENCHMARK(BM_ProcessMemory)->Iterations(1)->Unit(benchmark::kMillisecond);

void BM_ReadSeries(benchmark::State& state)
{
    Store store(kSeriesATarget);
    constexpr std::size_t kRounds = 480;
    for (std::size_t i = 0; i < kRounds; ++i) {
        store.round();
    }
    const auto querier = *store.db->querier({INT64_MIN}, {INT64_MAX});
    const auto set = *querier->select({}, {}, {});
    const auto series = *storage::collect(*set, kSeriesATarget);
    storage::SampleColumns columns;
    for (auto unused : state) {
        for (const auto& one : series) {
            columns.clear();
            base::ignore(one->read({INT64_MIN}, {INT64_MAX}, columns), "checked by the count");
            if (columns.times.size() != kRounds) {
                std::abort();
            }
        }
    }
    perSample(state, kSeriesATarget * kRounds);
}
BENCHMARK(BM_ReadSeries)->Unit(benchmark::kMicrosecond);

void BM_Select(benchmark::State& state)
{
    Store store(50000);
    store.round();
    const model::Matchers all[] = {
        {model::Matcher::equal("__name__", "node_metric_of_usual_length_7_total")},
        {model::Matcher::equal("__name__", "node_metric_of_usual_length_7_total"),
         test::matcher(model::MatchType::Regex, "instance", "host-1.*")},
        {test::matcher(model::MatchType::Regex, "__name__",
                       "node_metric_of_usual_length_(7|8|9)_total")},
    };
    const model::Matchers& matchers = all[state.range(0)];
    const auto querier = *store.db->querier({INT64_MIN}, {INT64_MAX});
    std::size_t found = 0;
    for (auto unused : state) {
        const auto set = *querier->select({}, matchers, {});
        found = storage::collect(*set, 100000)->size();
    }
    state.counters["series"] = static_cast<double>(found);
}
BENCHMARK(BM_Select)->DenseRange(0, 2)->Unit(benchmark::kMicrosecond);

/// A crash after an hour: CPU time of all threads for each sample of the log. 0: no chunk was
/// written out before; 1: chunks were, once a minute.
void BM_Replay(benchmark::State& state)
{
    constexpr std::size_t kSeries = 50000;
    constexpr std::size_t kRounds = 240;
    Store store(kSeries);
    for (std::size_t i = 0; i < kRounds; ++i) {
        store.round();
        if (state.range(0) == 1 && i % 4 == 3 && !store.db->compact().ok()) {
            std::abort();
        }
    }
    const std::filesystem::path copy = store.fixture.other("crashed");
    for (auto unused : state) {
        state.PauseTiming();
        std::filesystem::remove_all(copy);
        std::filesystem::copy(store.fixture.path(), copy, std::filesystem::copy_options::recursive);
        state.ResumeTiming();
        auto db = store.fixture.tryOpen(copy);
        state.PauseTiming();
        if (!db.ok() || (*db)->stats().series != kSeries) {
            std::abort();
        }
        db->reset();
        state.ResumeTiming();
    }
    state.counters["cpu_ns_a_sample"] = benchmark::Counter(
        static_cast<double>(kSeries * kRounds) * static_cast<double>(state.iterations()) / 1e9,
        benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(BM_Replay)
    ->Arg(0)
    ->Arg(1)
    ->Iterations(2)
    ->Unit(benchmark::kMillisecond)
    ->MeasureProcessCPUTime();

} // namespace

/// Writes a data directory as one hour of scrapes leaves it: for tests/bench/compare_prometheus.
int makeDirectory(const std::filesystem::path& directory, std::size_t series)
{
    Store store(series, directory);
    // The newest sample is of now: other programs do not take the future, nor what is too old.
    store.now = std::time(nullptr) * std::int64_t{1000} - 240 * 15000;
    for (int i = 0; i < 240; ++i) {
        store.round();
    }
    return 0;
}

int main(int argc, char** argv)
{
    if (argc == 4 && std::string_view(argv[1]) == "--make-directory") {
        return makeDirectory(argv[2], std::stoul(argv[3]));
    }
    // Debian's Abseil looks for lock cycles unless told otherwise; the programs turn it off, too.
    absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
    benchmark::Initialize(&argc, argv);
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}
