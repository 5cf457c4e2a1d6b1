// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Answering remote read out of a store in TMPDIR: all samples of a thousand series, as a whole and
// streamed; and the labels and samples of OpenTelemetry's points. CPU time a million samples.
// Run by hand: TMPDIR=build taskset -c 0 build/release/bin/bench_remote_read
#include "core/base/status.h"
#include "core/remote/otlp/otlp_receiver.h"
#include "core/remote/read_server.h"
#include "core/remote/snappy_block.h"
#include "support/otlp_messages.h"
#include "support/tsdb_fixture.h"

#include <benchmark/benchmark.h>
#include <fmt/format.h>

namespace {

using namespace narthex;

constexpr std::int64_t kStart = 1'700'000'000'000;
constexpr std::size_t kSeries = 1000;
constexpr std::int64_t kSamples = 1000;

void fill(tsdb::Db& db)
{
    const auto appender = db.appender();
    std::vector<storage::SeriesRef> refs;
    for (std::size_t i = 0; i < kSeries; ++i) {
        refs.push_back(*appender->seriesFor({{"__name__", "node_example_seconds_total"},
                                             {"instance", "10.0.0.1:9100"},
                                             {"number", fmt::format("{}", i)}}));
    }
    for (std::int64_t s = 0; s < kSamples; ++s) {
        for (std::size_t i = 0; i < kSeries; ++i) {
            appender->append(refs[i], {kStart + s * 15'000},
                             static_cast<double>(i) + static_cast<double>(s) * 0.25);
        }
    }
    NARTHEX_CHECK(appender->commit().ok());
}

void read(benchmark::State& state, remote::ReadResponseType type)
{
    test::TsdbFixture fixture;
    const auto db = fixture.open({.live = {.retention = {}}});
    fill(*db);
    remote::ReadRequest request{.accepted = {type}};
    request.queries.push_back(
        {.from = {kStart},
         .to = {kStart + kSamples * 15'000},
         .matchers = {model::Matcher::equal("__name__", "node_example_seconds_total")}});
    const std::string body = remote::compressBlock(remote::encodeReadRequest(request));
    remote::ReadServer server({});
    const remote::ExternalLabels external{{"dc", "x"}};
    std::size_t bytes = 0;
    for (auto _ : state) {
        auto answer = server.answer(body, {.store = *db, .externalLabels = external});
        NARTHEX_CHECK(answer.ok());
        if (const auto* const whole = std::get_if<std::string>(&*answer)) {
            bytes += whole->size();
            continue;
        }
        auto& stream = std::get<std::unique_ptr<remote::ReadStream>>(*answer);
        for (auto frame = stream->next(); !frame->empty(); frame = stream->next()) {
            bytes += frame->size();
        }
    }
    NARTHEX_CHECK(bytes > kSeries * kSamples);
    const auto samples = static_cast<std::int64_t>(kSeries) * kSamples;
    state.SetItemsProcessed(state.iterations() * samples);
    state.counters["cpu_s_per_million"] =
        benchmark::Counter(static_cast<double>(state.iterations() * samples) / 1e6,
                           benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void BM_ReadSamples(benchmark::State& state) { read(state, remote::ReadResponseType::Samples); }
void BM_ReadStreamed(benchmark::State& state)
{
    read(state, remote::ReadResponseType::StreamedXorChunks);
}

void BM_Otlp(benchmark::State& state)
{
    constexpr std::int64_t kPoints = 5000;
    constexpr std::int64_t kRounds = 50;
    test::TsdbFixture fixture;
    const auto db = fixture.open({.live = {.retention = {}}});
    remote::otlp::OtlpReceiver receiver({.lookback = base::Duration::fromMs(300'000)});
    std::vector<std::string> bodies;
    for (std::int64_t round = 0; round < kRounds; ++round) {
        test::OtlpRequest request;
        for (std::int64_t i = 0; i < kPoints; ++i) {
            request.sum(fmt::format("http.server.requests.{}", i / 50), "",
                        {.timeMs = kStart + round * 15'000,
                         .attributes = {{"http.route", fmt::format("/api/{}", i)},
                                        {"http.request.method", "GET"},
                                        {"http.response.status_code", "200"}}},
                        static_cast<double>(round), test::OtlpTemporality::Cumulative);
        }
        bodies.push_back(request.bytes());
    }
    std::size_t round = 0;
    for (auto _ : state) {
        NARTHEX_CHECK(receiver
                          .receive({.contentType = "application/x-protobuf", .body = bodies[round]},
                                   {}, *db, {kStart + static_cast<std::int64_t>(round) * 15'000})
                          .ok());
        ++round;
    }
    state.SetItemsProcessed(state.iterations() * kPoints);
    state.counters["cpu_s_per_million"] =
        benchmark::Counter(static_cast<double>(state.iterations() * kPoints) / 1e6,
                           benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

BENCHMARK(BM_ReadSamples)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_ReadStreamed)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_Otlp)->Unit(benchmark::kMillisecond)->Iterations(50);

} // namespace

BENCHMARK_MAIN();
