// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
// A day of history, a sample every 15 s, replayed through an alerting rule at an interval of 15 s:
// wall time of the whole backtest.
#include "core/rules/backtest.h"
#include "support/store_fixture.h"

#include <absl/synchronization/mutex.h>
#include <benchmark/benchmark.h>
#include <fmt/format.h>

namespace {

using namespace narthex;
using namespace narthex::base::literals;

constexpr std::int64_t kStepMs = 15'000;
constexpr std::int64_t kStartMs = 1'700'006'400'000;
constexpr std::size_t kSteps = 5'760; // 24 h

void dayOfHistory(benchmark::State& state)
{
    const auto series = static_cast<std::size_t>(state.range(0));
    base::ManualClock clock{{kStartMs}};
    test::StoreFixture store{clock, {.compactInBackground = false}};
    const auto appender = store.db().appender();
    std::vector<storage::SeriesRef> refs;
    for (std::size_t i = 0; i < series; ++i) {
        refs.push_back(appender
                           ->seriesFor({{"__name__", "load"},
                                        {"instance", fmt::format("host-{}:9100", i)},
                                        {"job", "node"}})
                           .value());
    }
    std::vector<storage::AppendResult> results(series);
    std::vector<double> values(series);
    for (std::size_t step = 0; step < kSteps; ++step) {
        const std::vector<base::Timestamp> times(
            series, {kStartMs + static_cast<std::int64_t>(step) * kStepMs});
        for (std::size_t i = 0; i < series; ++i) {
            // Above the threshold for half an hour out of four, each at another time.
            values[i] = (step + i * 40) % 960 < 120 ? 2.0 : 0.5;
        }
        appender->appendBatch(refs, times, values, results);
    }
    NARTHEX_CHECK(appender->commit().ok());
    const auto file = rules::parseRuleFile(
        "b.yml",
        "groups:\n- name: g\n  rules:\n  - alert: Busy\n    expr: load > 1\n    for: 5m\n"
        "    annotations: {summary: '{{ $labels.instance }} is at {{ $value }}'}\n",
        {});
    NARTHEX_CHECK(file.ok());
    const promql::Engine engine({}, store.pool(), clock);
    for (auto _ : state) {
        const auto result =
            rules::backtest(file->groups[0].rules[0],
                            {.from = {kStartMs},
                             .to = {kStartMs + static_cast<std::int64_t>(kSteps - 1) * kStepMs},
                             .interval = 15_s},
                            engine, store.db(), {});
        NARTHEX_CHECK(result.ok() && result->alerts.size() == series);
        NARTHEX_CHECK(result->firings >= 6 * series);
    }
}

BENCHMARK(dayOfHistory)->Arg(1)->Arg(10)->Arg(100)->Unit(benchmark::kMillisecond)->UseRealTime();

} // namespace

int main(int argc, char** argv)
{
    // As the programs do.
    absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
    benchmark::Initialize(&argc, argv);
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}
