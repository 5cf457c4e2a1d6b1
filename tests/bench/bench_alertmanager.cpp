// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The Alertmanager with 50,000 active alerts: taking a batch of 1,000 (merge, inhibition's index,
// routing), asking what is inhibited and silenced, and what an alert costs in memory.
// Run by hand: taskset -c 0 build/release/bin/bench_alertmanager
#include "core/alertmanager/alertmanager.h"
#include "core/base/file.h"
#include "core/base/status.h"

#include <benchmark/benchmark.h>

#include <malloc.h>

namespace {

using namespace narthex;
using namespace narthex::base::literals;

constexpr std::size_t kAlerts = 50'000;
constexpr std::size_t kBatch = 1'000;

model::Alert makeAlert(std::size_t i)
{
    const std::string host = fmt::format("host{:05}.example.org:9100", i / 5);
    const std::string name = fmt::format("Alert{:02}", i % 50);
    return {.labels = {{"alertname", name},
                       {"cluster", i % 3 == 0 ? "eu" : "us"},
                       {"instance", host},
                       {"job", "node"},
                       {"severity", i % 5 == 0 ? "critical" : "warning"}},
            .annotations = {{"summary", "Something is wrong on " + host},
                            {"description", "It has been so for more than ten minutes."}},
            .generatorUrl = "http://prometheus.example.org/graph?g0.expr=up&g0.tab=1"};
}

std::string configuration()
{
    std::string text = "route:\n  receiver: r\n  group_by: [alertname, cluster]\n  routes:\n";
    for (int i = 0; i < 50; ++i) {
        text += fmt::format("  - {{receiver: r, matchers: [alertname=Alert{:02}, "
                            "severity=~\"critical|page\"], continue: {}}}\n",
                            i, i % 2 == 0);
    }
    text += "inhibit_rules:\n- {source_matchers: [severity=critical], target_matchers: "
            "[severity=warning], equal: [instance]}\n"
            "- {source_matchers: [alertname=Alert07], target_matchers: [alertname=Alert08], "
            "equal: [cluster]}\nreceivers: [{name: r}]\n";
    return text;
}

/// An Alertmanager with all alerts, made once.
class World
{
public:
    World()
    {
        auto config = alertmanager::parseConfig("/am.yml", configuration());
        NARTHEX_CHECK(config.ok() && manager.start().ok() &&
                      manager.apply(*std::move(config)).ok());
        for (std::size_t begin = 0; begin < kAlerts; begin += kBatch) {
            manager.put(batch(begin));
        }
        NARTHEX_CHECK(manager.alerts().size() == kAlerts);
    }
    static model::Alerts batch(std::size_t begin)
    {
        model::Alerts alerts;
        for (std::size_t i = begin; i < begin + kBatch; ++i) {
            alerts.push_back(makeAlert(i));
        }
        return alerts;
    }

    base::ManualTimers timers{{1'700'000'000'000}};
    net::IoLoop loop;
    net::HttpClient http{loop, "bench"};
    alertmanager::Alertmanager manager{{.startDelay = {}},
                                       {.loop = loop,
                                        .http = http,
                                        .timers = timers,
                                        .database = nullptr,
                                        .log = base::nullLogger()}};
};

void takeABatch(benchmark::State& state)
{
    World world;
    std::size_t begin = 0;
    for (auto _ : state) {
        state.PauseTiming();
        const model::Alerts batch = World::batch(begin);
        begin = (begin + kBatch) % kAlerts;
        state.ResumeTiming();
        world.manager.put(batch);
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kBatch));
}
BENCHMARK(takeABatch)->Unit(benchmark::kMillisecond);

void listAllWithTheirState(benchmark::State& state)
{
    World world;
    for (int i = 0; i < 1000; ++i) {
        const auto silence = world.manager.setSilence(
            {.matcherSets =
                 {{model::Matcher::equal("instance", fmt::format("host{:05}.example.org:9100", i)),
                   model::Matcher::create(model::MatchType::Regex, "job", "no.*").value()}},
             .endsAt = world.timers.clock().now() + 1_h});
        NARTHEX_CHECK(silence.ok());
    }
    std::size_t suppressed = 0;
    for (auto _ : state) {
        suppressed = 0;
        for (const auto& view : world.manager.alerts()) {
            suppressed += view.state == alertmanager::AlertState::Suppressed ? 1 : 0;
        }
    }
    NARTHEX_CHECK(suppressed > kAlerts / 2);
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kAlerts));
}
BENCHMARK(listAllWithTheirState)->Unit(benchmark::kMillisecond);

void memoryOfAnAlert(benchmark::State& state)
{
    for (auto _ : state) {
        const std::size_t before = ::mallinfo2().uordblks;
        const auto world = std::make_unique<World>();
        ::malloc_trim(0);
        const std::size_t after = ::mallinfo2().uordblks;
        state.counters["bytes_per_alert"] =
            static_cast<double>(after - before) / static_cast<double>(kAlerts);
    }
}
BENCHMARK(memoryOfAnAlert)->Iterations(1)->Unit(benchmark::kMillisecond);

} // namespace

BENCHMARK_MAIN();
