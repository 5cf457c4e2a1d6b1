// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a keystroke costs: a query of 10 kB coloured, checked and formatted; completion among
// 200,000 names of metrics. Run: cmake --build --preset release --target bench_editor &&
// build/release/bin/bench_editor
#include "core/promql/editor.h"
#include "core/promql/editor/completion.h"
#include "core/promql/editor/format_text.h"
#include "core/promql/editor/lint.h"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdlib>

using namespace narthex;
using namespace narthex::promql;
using namespace narthex::promql::editor;

namespace {

/// At least 10 kB; `broken`: with an error near the end.
std::string longQuery(bool broken)
{
    std::string text;
    for (int i = 0; text.size() < 10'000; ++i) {
        text += i == 0 ? "" : "\n  + # next\n";
        text += "sum by (job, instance) (rate(http_requests_total{job=\"api\",path=~\"/v" +
                std::to_string(i) + "/.*\"}[5m])) / 2";
    }
    return broken ? text + " + sum(rate(" : text;
}

class ManyNames final : public CompletionSource
{
public:
    ManyNames()
    {
        for (int i = 0; i < 200'000; ++i) {
            names_.push_back("service_" + std::to_string(i % 977) + "_requests_" +
                             std::to_string(i) + "_total");
        }
        std::sort(names_.begin(), names_.end());
    }
    [[nodiscard]] std::span<const std::string> metricNames() const override { return names_; }
    [[nodiscard]] std::optional<model::Metadata> metadata(std::string_view) const override
    {
        return std::nullopt;
    }
    [[nodiscard]] std::vector<std::string> labelNames(std::string_view) const override
    {
        return {};
    }
    [[nodiscard]] std::vector<std::string> labelValues(std::string_view,
                                                       std::string_view) const override
    {
        return {};
    }

private:
    std::vector<std::string> names_;
};

void BM_Highlight(benchmark::State& state)
{
    const std::string text = longQuery(false);
    for (auto unused : state) {
        if (highlight(text).size() < 1000) {
            std::abort();
        }
    }
}
BENCHMARK(BM_Highlight)->Unit(benchmark::kMillisecond);

void BM_Lint(benchmark::State& state)
{
    const bool broken = state.range(0) != 0;
    const std::string text = longQuery(broken);
    for (auto unused : state) {
        if (lint(text, {}).empty() == broken) {
            std::abort();
        }
    }
}
BENCHMARK(BM_Lint)->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);

void BM_Format(benchmark::State& state)
{
    const std::string text = longQuery(false);
    for (auto unused : state) {
        if (!formatText(text, {}, text.size() / 2).ok()) {
            std::abort();
        }
    }
}
BENCHMARK(BM_Format)->Unit(benchmark::kMillisecond);

void BM_Complete(benchmark::State& state)
{
    static const ManyNames source;
    constexpr const char* kTexts[] = {"", "sum(req", "rate(service_1_re", "sum(zzz"};
    const std::string text = kTexts[state.range(0)];
    for (auto unused : state) {
        benchmark::DoNotOptimize(complete(text, text.size(), source, {.requested = true}));
    }
}
BENCHMARK(BM_Complete)->DenseRange(0, 3)->Unit(benchmark::kMillisecond);

void BM_CompleteInLongText(benchmark::State& state)
{
    static const ManyNames source;
    const std::string text = longQuery(true) + "serv";
    for (auto unused : state) {
        if (complete(text, text.size(), source, {}).items.empty()) {
            std::abort();
        }
    }
}
BENCHMARK(BM_CompleteInLongText)->Unit(benchmark::kMillisecond);

} // namespace

BENCHMARK_MAIN();
