// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Answers of servers elsewhere, from JSON to columns: a matrix of about 50 MB.
// Run by hand: taskset -c 0 build/release/bin/bench_client
#include "core/base/status.h"
#include "core/client/http/api_answer.h"

#include <benchmark/benchmark.h>
#include <fmt/format.h>

namespace {

using namespace narthex;

constexpr int kSeries = 200;
constexpr int kPoints = 10'000;

std::string matrixText()
{
    std::string text = "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[";
    for (int s = 0; s < kSeries; ++s) {
        text += fmt::format("{}{{\"metric\":{{\"__name__\":\"node_example_seconds_total\","
                            "\"instance\":\"10.0.0.1:9100\",\"number\":\"{}\"}},\"values\":[",
                            s == 0 ? "" : ",", s);
        for (int p = 0; p < kPoints; ++p) {
            text += fmt::format("{}[{}.781,\"{}\"]", p == 0 ? "" : ",", 1'700'000'000 + p * 15,
                                s + p * 0.2503);
        }
        text += "]}";
    }
    return text + "]}}";
}

void decodeMatrix(benchmark::State& state)
{
    std::string text = matrixText();
    const std::size_t size = text.size();
    for (auto _ : state) {
        const auto result = client::parseQueryAnswer(text, "x");
        NARTHEX_CHECK(result.ok());
        const auto& matrix = std::get<promql::Matrix>(result->value);
        NARTHEX_CHECK(matrix.size() == kSeries && matrix.back().points.size() == kPoints);
    }
    state.counters["MB"] = static_cast<double>(size) / 1e6;
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(size));
    state.SetItemsProcessed(state.iterations() * kSeries * kPoints);
}
BENCHMARK(decodeMatrix)->Unit(benchmark::kMillisecond);

} // namespace

BENCHMARK_MAIN();
