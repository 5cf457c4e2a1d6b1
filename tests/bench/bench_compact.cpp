// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What merging blocks costs: three blocks of two hours into one of six, 10 million samples in all.
// Prints CPU time (user and system) and the bytes of chunks and index before and after. With
// NARTHEX_BENCH_BLOCKS=<folder> the three blocks are written there and kept, so that another
// program can merge the same ones.
// Run: cmake --build --preset release --target bench_compact && build/release/bin/bench_compact
#include "core/tsdb/block_cut.h"
#include "core/tsdb/block_list.h"
#include "core/tsdb/block_merge.h"
#include "core/tsdb/ulid.h"
#include "core/tsdb/xor_chunk.h"
#include "support/tsdb_fixture.h"

#include <benchmark/benchmark.h>

#include <cstdlib>
#include <random>
#include <sys/resource.h>

using namespace narthex;
namespace fs = std::filesystem;

namespace {

constexpr std::int64_t kHour = 3'600'000;
constexpr std::int64_t kStart = 1'699'999'200'000 / (18 * kHour) * (18 * kHour);
constexpr std::int64_t kInterval = 15'000;
constexpr std::size_t kSamplesABlock = 2 * kHour / kInterval;
constexpr std::size_t kSeries = 6944; // times 1440 samples: 10 million
constexpr std::size_t kSamplesAChunk = 120;

/// Looks like node_exporter on a few hosts: a third never changes, a third counts, a third moves.
class NodeSource final : public tsdb::BlockSource
{
public:
    absl::StatusOr<std::vector<Entry>> series(std::int64_t /*from*/, std::int64_t /*to*/) override
    {
        std::vector<Entry> entries;
        for (std::size_t i = 0; i < kSeries; ++i) {
            const std::size_t metric = i % 868;
            entries.push_back(
                {{{"__name__",
                   "node_metric_of_usual_length_" + std::to_string(metric / 8) + "_total"},
                  {"instance", "host-" + std::to_string(i / 868) + ".example.org:9100"},
                  {"job", "node"},
                  {"device", "nvme" + std::to_string(metric % 8)}},
                 i});
        }
        return entries;
    }
    absl::Status chunks(std::uint64_t ref, std::int64_t from, std::int64_t to,
                        std::vector<tsdb::ExportedChunk>& out) override
    {
        std::mt19937_64 random(ref * 1000 + static_cast<std::uint64_t>(from / kHour));
        double value = static_cast<double>(ref);
        std::vector<std::int64_t> times;
        std::vector<double> values;
        for (std::int64_t time = from; time <= to; time += kInterval) {
            if (ref % 3 == 1) {
                value += static_cast<double>(random() % 100);
            } else if (ref % 3 == 2) {
                value = static_cast<double>(random() % 100000) / 1000;
            }
            times.push_back(time);
            values.push_back(value);
            if (times.size() == kSamplesAChunk || time + kInterval > to) {
                out.push_back({times.front(), times.back(), tsdb::ChunkEncoding::Xor,
                               static_cast<std::uint32_t>(times.size()),
                               tsdb::xorEncode(times, values)});
                times.clear();
                values.clear();
            }
        }
        return absl::OkStatus();
    }
};

double cpuSeconds()
{
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double megabytes(const tsdb::BlockList::Blocks& blocks)
{
    std::uint64_t bytes = 0;
    for (const auto& block : blocks) {
        bytes += block->index().sizeBytes() + block->chunks().sizeBytes();
    }
    return static_cast<double>(bytes) / 1e6;
}

void makeBlocks(const fs::path& folder)
{
    NodeSource source;
    for (std::int64_t i = 0; i < 3; ++i) {
        const std::int64_t from = kStart + 2 * kHour * i;
        const auto written = tsdb::writeBlock(source,
                                              {.directory = folder,
                                               .ulid = tsdb::makeUlid({1'700'000'000'000 + i}),
                                               .fromMs = from,
                                               .endMs = from + 2 * kHour},
                                              {});
        if (!written.ok() || (*written)->stats.samples != kSeries * kSamplesABlock) {
            std::abort();
        }
    }
}

void BM_MergeThreeBlocks(benchmark::State& state)
{
    const base::TemporaryDirectory temporary;
    const char* kept = std::getenv("NARTHEX_BENCH_BLOCKS");
    const fs::path folder = kept != nullptr ? fs::path(kept) : temporary.path() / "data";
    fs::create_directories(folder);
    makeBlocks(folder);
    tsdb::BlockList list(folder, base::nullLogger());
    if (!list.load().ok()) {
        std::abort();
    }
    const auto parents = list.blocks();
    double cpu = 0;
    double after = 0;
    for (auto unused : state) {
        const fs::path target = temporary.path() / "merged";
        fs::create_directories(target);
        const std::string ulid = tsdb::makeUlid({1'700'000'001'000});
        const double begun = cpuSeconds();
        const auto merged = tsdb::writeMergedBlock(target, *parents, {.ulid = ulid}, {});
        cpu += cpuSeconds() - begun;
        state.PauseTiming();
        const auto block = *tsdb::Block::open(target / ulid);
        if (!merged.ok() || block->meta().stats.samples != 3 * kSeries * kSamplesABlock ||
            block->meta().stats.series != kSeries) {
            std::abort();
        }
        after = megabytes({block});
        fs::remove_all(target);
        state.ResumeTiming();
    }
    const auto runs = static_cast<double>(state.iterations());
    state.counters["cpu_s"] = cpu / runs;
    state.counters["Msamples"] = static_cast<double>(3 * kSeries * kSamplesABlock) / 1e6;
    state.counters["MB_before"] = megabytes(*parents);
    state.counters["MB_after"] = after;
}
BENCHMARK(BM_MergeThreeBlocks)->Iterations(3)->Unit(benchmark::kMillisecond)->UseRealTime();

/// 200 blocks of 2000 series each: what a start pays for them.
void BM_OpenBlocks(benchmark::State& state)
{
    const base::TemporaryDirectory temporary;
    NodeSource source;
    const tsdb::NewBlock first{.directory = temporary.path(),
                               .ulid = tsdb::makeUlid({1'700'000'000'000}),
                               .fromMs = kStart,
                               .endMs = kStart + 60 * kInterval};
    if (!tsdb::writeBlock(source, first, {}).ok()) {
        std::abort();
    }
    for (std::int64_t i = 1; i < 200; ++i) {
        const std::string ulid = tsdb::makeUlid({1'700'000'000'000 + i});
        fs::copy(temporary.path() / first.ulid, temporary.path() / ulid,
                 fs::copy_options::recursive);
        auto meta = *tsdb::readBlockMeta(temporary.path() / ulid);
        meta.ulid = ulid;
        if (!tsdb::writeBlockMeta(temporary.path() / ulid, meta).ok()) {
            std::abort();
        }
    }
    base::WorkerPool pool;
    for (auto unused : state) {
        tsdb::BlockList list(temporary.path(), base::nullLogger());
        if (!list.load(&pool).ok() || list.blocks()->size() != 200) {
            std::abort();
        }
    }
}
BENCHMARK(BM_OpenBlocks)->Unit(benchmark::kMillisecond)->UseRealTime();

} // namespace

BENCHMARK_MAIN();
