// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
// Evaluating rules against a real store, one thread: 10,000 rules in 500 groups, and one rule with
// 50,000 alerts. "share of 15 s" is the processor time of one round of all groups over their
// interval.
#include "core/rules/manager.h"
#include "support/store_fixture.h"

#include <absl/synchronization/mutex.h>
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <ctime>

namespace {

using namespace narthex;
using namespace narthex::base::literals;

constexpr std::int64_t kStepMs = 15'000;
constexpr std::int64_t kStartMs = 1'700'006'400'000;
constexpr std::size_t kGroups = 500;
constexpr std::size_t kRulesOfGroup = 20;
constexpr std::size_t kInstances = 10;
constexpr std::size_t kHistory = 24; // six minutes

base::Duration cpuTime()
{
    timespec now{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return {now.tv_sec * 1'000'000'000 + now.tv_nsec};
}

struct World
{
    base::ManualTimers timers{{kStartMs}};
    test::StoreFixture store{timers.clock(), {.compactInBackground = false}};
    base::WorkerPool pool{1};
    promql::Engine engine{{}, pool, timers.clock()};
    rules::RuleMetrics metrics;
    std::size_t sent = 0;
    rules::RuleEnvironment environment{.queries = engine,
                                       .reading = store.db(),
                                       .writing = store.db(),
                                       .clock = timers.clock(),
                                       .sink = [this](const model::Alerts& a) { sent += a.size(); },
                                       .log = base::nullLogger(),
                                       .metrics = &metrics};
    rules::ConcurrencyLimit limit{0};
    rules::GapLog gaps{timers.clock()};
    std::vector<storage::SeriesRef> refs;
    std::int64_t now = kStartMs;

    std::vector<std::shared_ptr<rules::Group>> groups(const std::string& text)
    {
        const auto file = rules::parseRuleFile("bench.yml", text, {});
        NARTHEX_CHECK(file.ok());
        std::vector<std::shared_ptr<rules::Group>> result;
        for (auto& [key, spec] : rules::groupSpecs({*file}, {.interval = 15_s})) {
            result.push_back(
                std::make_shared<rules::Group>(spec, rules::GroupOptions{},
                                               rules::GroupEnvironment{.rules = environment,
                                                                       .timers = timers,
                                                                       .pool = pool,
                                                                       .concurrency = limit,
                                                                       .gaps = gaps,
                                                                       .metrics = metrics},
                                               false));
        }
        return result;
    }
    void scrape(const std::function<double(std::size_t)>& value)
    {
        now += kStepMs;
        timers.manualClock().advance(base::Duration::fromMs(kStepMs));
        const auto appender = store.db().appender();
        std::vector<base::Timestamp> times(refs.size(), base::Timestamp{now});
        std::vector<double> values(refs.size());
        for (std::size_t i = 0; i < refs.size(); ++i) {
            values[i] = value(i);
        }
        std::vector<storage::AppendResult> results(refs.size());
        appender->appendBatch(refs, times, values, results);
        NARTHEX_CHECK(appender->commit().ok());
    }
    void addSeries(const std::vector<model::Labels>& all)
    {
        const auto appender = store.db().appender();
        for (const model::Labels& labels : all) {
            refs.push_back(appender->seriesFor(labels).value());
            NARTHEX_CHECK(appender->append(refs.back(), {now}, 0) ==
                          storage::AppendResult::Appended);
        }
        NARTHEX_CHECK(appender->commit().ok());
    }
};

/// Half of the rules record rates and sums, half are alerts that do not fire, as it mostly is.
std::string manyRules()
{
    std::string text = "groups:\n";
    for (std::size_t g = 0; g < kGroups; ++g) {
        text += fmt::format("- name: g{}\n  rules:\n", g);
        for (std::size_t r = 0; r < kRulesOfGroup; r += 4) {
            text +=
                fmt::format("  - record: job:requests:rate5m_{0}\n"
                            "    expr: sum by (job) (rate(requests_total{{group=\"g{1}\"}}[5m]))\n"
                            "  - record: instance:load:max_{0}\n"
                            "    expr: max by (instance) (load{{group=\"g{1}\"}})\n"
                            "  - alert: Down{0}\n"
                            "    expr: up{{group=\"g{1}\"}} == 0\n"
                            "    for: 5m\n"
                            "    labels: {{severity: page}}\n"
                            "    annotations: {{summary: '{{{{ $labels.instance }}}} is down'}}\n"
                            "  - alert: Slow{0}\n"
                            "    expr: rate(requests_total{{group=\"g{1}\"}}[5m]) > 1e9\n",
                            r, g);
        }
    }
    return text;
}

void tenThousandRules(benchmark::State& state)
{
    World world;
    std::vector<model::Labels> series;
    for (std::size_t g = 0; g < kGroups; ++g) {
        const std::string group = fmt::format("g{}", g);
        for (std::size_t i = 0; i < kInstances; ++i) {
            const std::string instance = fmt::format("10.0.{}.{}:9100", g % 256, i);
            for (const char* metric : {"requests_total", "load", "up"}) {
                series.push_back({{"__name__", metric},
                                  {"group", group},
                                  {"instance", instance},
                                  {"job", "node"}});
            }
        }
    }
    world.addSeries(series);
    std::size_t round = 0;
    const auto value = [&round](std::size_t i) {
        return i % 3 == 0 ? static_cast<double>(round * 15) : 1.0;
    };
    for (std::size_t i = 0; i < kHistory; ++i, ++round) {
        world.scrape(value);
    }
    const auto groups = world.groups(manyRules());
    base::Duration spent;
    std::size_t samples = 0;
    for (auto _ : state) {
        state.PauseTiming();
        world.scrape(value);
        ++round;
        state.ResumeTiming();
        const base::Duration before = cpuTime();
        for (const auto& group : groups) {
            const rules::EvaluationReport report = group->evaluate({world.now});
            NARTHEX_CHECK(report.failures == 0);
            samples += report.samples;
        }
        spent = spent + (cpuTime() - before);
    }
    const auto rounds = static_cast<double>(state.iterations());
    NARTHEX_CHECK(samples == static_cast<std::size_t>(state.iterations()) * kGroups *
                                 (kRulesOfGroup / 4) * (1 + kInstances));
    state.counters["share of 15 s"] = spent.seconds() / rounds / 15;
    state.counters["us/rule"] = spent.seconds() * 1e6 / rounds / (kGroups * kRulesOfGroup);
}

void fiftyThousandAlerts(benchmark::State& state)
{
    constexpr std::size_t kAlerts = 50'000;
    World world;
    std::vector<model::Labels> series;
    for (std::size_t i = 0; i < kAlerts; ++i) {
        series.push_back(
            {{"__name__", "up"}, {"instance", fmt::format("host-{}:9100", i)}, {"job", "node"}});
    }
    world.addSeries(series);
    const auto value = [](std::size_t) { return 0.0; };
    const auto groups = world.groups("groups:\n- name: g\n  rules:\n"
                                     "  - alert: Down\n    expr: up == 0\n"
                                     "    labels: {severity: page}\n"
                                     "    annotations: {summary: '{{ $labels.instance }} is "
                                     "down: {{ $value }}'}\n");
    base::Duration spent;
    for (auto _ : state) {
        state.PauseTiming();
        world.scrape(value);
        state.ResumeTiming();
        const base::Duration before = cpuTime();
        NARTHEX_CHECK(groups[0]->evaluate({world.now}).samples == 2 * kAlerts);
        spent = spent + (cpuTime() - before);
    }
    state.counters["share of 15 s"] =
        spent.seconds() / static_cast<double>(state.iterations()) / 15;
}

BENCHMARK(tenThousandRules)->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime();
BENCHMARK(fiftyThousandAlerts)->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime();

} // namespace

int main(int argc, char** argv)
{
    // As the programs do.
    absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
    benchmark::Initialize(&argc, argv);
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}
