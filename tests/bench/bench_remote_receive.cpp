// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Receiving by remote write: requests of 2000 series as a Prometheus sends them, decompressed,
// decoded, appended and committed into a store in TMPDIR. CPU time a million samples is the figure.
// Run by hand: TMPDIR=build taskset -c 0 build/release/bin/bench_remote_receive
#include "core/base/status.h"
#include "core/remote/receiver/write_receiver.h"
#include "support/tsdb_fixture.h"
#include "support/write_messages.h"

#include <benchmark/benchmark.h>
#include <fmt/format.h>

namespace {

using namespace narthex;

constexpr std::size_t kSeriesARequest = 2000;
constexpr std::size_t kRequests = 50;
constexpr std::size_t kRounds = 40;
constexpr std::int64_t kStart = 1'700'000'000'000;

/// The labels of a node exporter behind a Kubernetes discovery.
test::LabelList labelsOf(std::size_t number)
{
    return {{"__name__", fmt::format("node_example_{}_seconds_total", number / 64 % 300)},
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

double valueOf(std::size_t number, std::int64_t round)
{
    return static_cast<double>(number) + (number % 4 == 0 ? 0.25 * static_cast<double>(round) : 0);
}

std::string makeV1(std::size_t request, std::int64_t round)
{
    std::string bytes;
    protozero::pbf_writer writer(bytes);
    for (std::size_t i = 0; i < kSeriesARequest; ++i) {
        const std::size_t number = request * kSeriesARequest + i;
        writer.add_message(1, test::SeriesV1(labelsOf(number))
                                  .sample(kStart + round * 15'000, valueOf(number, round))
                                  .bytes());
    }
    return test::compressed(bytes);
}

std::string makeV2(std::size_t request, std::int64_t round)
{
    test::RequestV2 out;
    for (std::size_t i = 0; i < kSeriesARequest; ++i) {
        const std::size_t number = request * kSeriesARequest + i;
        out.begin(labelsOf(number)).sample(kStart + round * 15'000, valueOf(number, round));
    }
    return test::compressed(out.bytes());
}

template <typename Make>
void receive(benchmark::State& state, remote::receiver::WriteMessage message, Make make)
{
    test::TsdbFixture fixture;
    const auto db = fixture.open({.live = {.retention = {}}});
    remote::receiver::WriteReceiver receiver({});
    std::vector<std::vector<std::string>> rounds(kRounds);
    std::uint64_t bytes = 0;
    for (std::size_t round = 0; round < kRounds; ++round) {
        for (std::size_t i = 0; i < kRequests; ++i) {
            rounds[round].push_back(make(i, static_cast<std::int64_t>(round)));
            bytes += rounds[round].back().size();
        }
    }
    std::size_t round = 0;
    for (auto _ : state) {
        const base::Timestamp now{kStart + static_cast<std::int64_t>(round) * 15'000};
        for (const std::string& request : rounds[round]) {
            const auto result = receiver.write(message, request, *db, now);
            NARTHEX_CHECK(result.status.ok() && result.written.samples == kSeriesARequest);
        }
        ++round;
    }
    const auto samples = static_cast<std::int64_t>(kSeriesARequest * kRequests);
    state.SetItemsProcessed(state.iterations() * samples);
    state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
    state.counters["cpu_s_per_million"] =
        benchmark::Counter(static_cast<double>(state.iterations() * samples) / 1e6,
                           benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void BM_Version1(benchmark::State& state)
{
    receive(state, remote::receiver::WriteMessage::V1, makeV1);
}

void BM_Version2(benchmark::State& state)
{
    receive(state, remote::receiver::WriteMessage::V2, makeV2);
}

BENCHMARK(BM_Version1)->Unit(benchmark::kMillisecond)->Iterations(kRounds);
BENCHMARK(BM_Version2)->Unit(benchmark::kMillisecond)->Iterations(kRounds);

} // namespace

BENCHMARK_MAIN();
