// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What finding one series of a million costs, in a block and in the head: argument 0 three
// equalities, 1 with a regular expression of literals, 2 with a prefix, 3 with what must not be.
// Run: cmake --build --preset release --target bench_select && build/release/bin/bench_select
#include "core/tsdb/block_cut.h"
#include "core/tsdb/block_list.h"
#include "core/tsdb/ulid.h"
#include "core/tsdb/xor_chunk.h"
#include "support/tsdb_fixture.h"

#include <absl/synchronization/mutex.h>
#include <benchmark/benchmark.h>

#include <cstdlib>

using namespace narthex;
using model::MatchType;

namespace {

constexpr std::int64_t kStart = 1'699'999'200'000;
constexpr std::size_t kSeries = 1'000'000;

model::Labels labelsOf(std::size_t i)
{
    return {{"__name__", "node_metric_" + std::to_string(i % 1000) + "_total"},
            {"instance", "host-" + std::to_string(i / 1000) + ".example.org:9100"},
            {"job", i % 2 == 0 ? "node" : "other"}};
}

std::vector<model::Matchers> questions()
{
    const auto name = model::Matcher::equal("__name__", "node_metric_444_total");
    const auto job = model::Matcher::equal("job", "node");
    const auto one = model::Matcher::equal("instance", "host-777.example.org:9100");
    return {{name, one, job},
            {name, test::matcher(MatchType::Regex, "instance", "host-(777|9999).example.org:9100"),
             job},
            {name, test::matcher(MatchType::Regex, "instance", "host-777\\..*"), job},
            {name, one, test::matcher(MatchType::NotEqual, "job", "other")}};
}

class ManySeries final : public tsdb::BlockSource
{
public:
    absl::StatusOr<std::vector<Entry>> series(std::int64_t /*from*/, std::int64_t /*to*/) override
    {
        std::vector<Entry> entries;
        for (std::size_t i = 0; i < kSeries; ++i) {
            entries.push_back({labelsOf(i), i});
        }
        return entries;
    }
    absl::Status chunks(std::uint64_t /*ref*/, std::int64_t from, std::int64_t /*to*/,
                        std::vector<tsdb::ExportedChunk>& out) override
    {
        out.push_back({from, from, tsdb::ChunkEncoding::Xor, 1, tsdb::xorEncode({from}, {1})});
        return absl::OkStatus();
    }
};

void ask(benchmark::State& state, const storage::Querier& querier)
{
    const model::Matchers matchers = questions()[static_cast<std::size_t>(state.range(0))];
    for (auto unused : state) {
        const auto set = *querier.select({}, matchers, {});
        if (storage::collect(*set, 10)->size() != 1) {
            std::abort();
        }
    }
}

void BM_SelectInBlock(benchmark::State& state)
{
    static const base::TemporaryDirectory folder;
    static const std::shared_ptr<const tsdb::Block> block = [] {
        ManySeries source;
        const tsdb::NewBlock target{.directory = folder.path(),
                                    .ulid = tsdb::makeUlid({kStart}),
                                    .fromMs = kStart,
                                    .endMs = kStart + 1000};
        if (!tsdb::writeBlock(source, target, {}).ok()) {
            std::abort();
        }
        return *tsdb::Block::open(folder.path() / target.ulid);
    }();
    ask(state, *tsdb::makeBlockQuerier(block, INT64_MIN, INT64_MAX));
}
BENCHMARK(BM_SelectInBlock)->DenseRange(0, 3)->Unit(benchmark::kMicrosecond);

void BM_SelectInHead(benchmark::State& state)
{
    static test::TsdbFixture fixture;
    static const std::unique_ptr<tsdb::Db> db = [] {
        auto made = fixture.open({.compactInBackground = false});
        const auto appender = made->appender();
        for (std::size_t i = 0; i < kSeries; ++i) {
            appender->append(*appender->seriesFor(labelsOf(i)), {kStart}, 1);
        }
        if (!appender->commit().ok()) {
            std::abort();
        }
        return made;
    }();
    ask(state, **db->querier({INT64_MIN}, {INT64_MAX}));
}
BENCHMARK(BM_SelectInHead)->DenseRange(0, 3)->Unit(benchmark::kMicrosecond);

} // namespace

int main(int argc, char** argv)
{
    // Debian's Abseil looks for lock cycles unless told otherwise; the programs turn it off, too.
    absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
    benchmark::Initialize(&argc, argv);
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}
