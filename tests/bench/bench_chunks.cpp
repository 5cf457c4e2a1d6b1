// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a sample costs in a chunk: XOR, XOR2, integer and float histograms, written and read. One
// thread, chunks of 120 samples, enough of them that their bytes come from the cache's outer
// levels. Run: cmake --build --preset release --target bench_chunks &&
// build/release/bin/bench_chunks
#include "core/tsdb/histogram_chunk.h"
#include "core/tsdb/xor2_chunk.h"
#include "core/tsdb/xor_chunk.h"

#include <benchmark/benchmark.h>

#include <array>
#include <cmath>
#include <cstdlib>
#include <random>

using namespace narthex;

namespace {

constexpr std::int64_t kStart = 1'699'999'200'000;
constexpr std::int64_t kMin = INT64_MIN;
constexpr std::int64_t kMax = INT64_MAX;
constexpr std::size_t kChunks = 500;
constexpr std::size_t kSamples = 120;

enum Kind
{
    Constant,    // never changes, scraped on time
    Counter,     // whole numbers that grow
    CounterFast, // the same in the thousands of millions
    Gauge,       // two digits behind the point, moves about its mean
    Noise,       // all bits of the fraction change
    Jittered,    // a counter that is scraped some milliseconds early or late
    Mixed,       // one of the above after the other, as the series of a target are
};
constexpr const char* kNames[] = {"constant", "counter",  "fast counter", "gauge",
                                  "noise",    "jittered", "mixed"};

struct Columns
{
    std::vector<std::int64_t> times;
    std::vector<double> values;
};

Columns columnsOf(int kind, std::mt19937_64& random)
{
    Columns columns;
    std::int64_t time = kStart + static_cast<std::int64_t>(random() % 15000);
    double value = static_cast<double>(random() % 1000000);
    double level = 50;
    for (std::size_t i = 0; i < kSamples; ++i) {
        const std::int64_t late =
            kind == Jittered ? static_cast<std::int64_t>(random() % 7) - 3 : 0;
        columns.times.push_back(time + late);
        columns.values.push_back(value);
        time += 15000;
        switch (kind) {
        case Counter:
        case Jittered:
            value += static_cast<double>(random() % 100);
            break;
        case CounterFast:
            value += static_cast<double>(random() % 100'000'000);
            break;
        case Gauge:
            level += static_cast<double>(random() % 200) / 100 - 1;
            value = std::round(level * 100) / 100;
            break;
        case Noise:
            value = static_cast<double>(random()) / 7;
            break;
        default:
            break;
        }
    }
    return columns;
}

std::vector<Columns> allColumns(int kind)
{
    std::mt19937_64 random(1);
    std::vector<Columns> all;
    for (std::size_t i = 0; i < kChunks; ++i) {
        all.push_back(columnsOf(kind == Mixed ? static_cast<int>(i % Mixed) : kind, random));
    }
    return all;
}

void report(benchmark::State& state, std::size_t samples, std::size_t bytes)
{
    const double done = static_cast<double>(samples) * static_cast<double>(state.iterations());
    state.counters["samples/s"] = benchmark::Counter(done, benchmark::Counter::kIsRate);
    state.counters["bytes/sample"] = static_cast<double>(bytes) / static_cast<double>(samples);
}

template <typename Encode>
std::vector<std::string> encodeAll(int kind, Encode encode, std::size_t& bytes)
{
    std::vector<std::string> chunks;
    for (const Columns& columns : allColumns(kind)) {
        chunks.push_back(encode(columns));
        bytes += chunks.back().size();
    }
    return chunks;
}

void BM_XorDecode(benchmark::State& state)
{
    std::size_t bytes = 0;
    const auto chunks = encodeAll(
        static_cast<int>(state.range(0)),
        [](const Columns& c) { return tsdb::xorEncode(c.times, c.values); }, bytes);
    // Each series has columns of its own in a query; the memory is reused from query to query.
    std::vector<std::int64_t> times;
    std::vector<double> values;
    for (auto unused : state) {
        for (const std::string& chunk : chunks) {
            times.clear();
            values.clear();
            if (!tsdb::xorDecode(chunk, kMin, kMax, times, values).ok() ||
                times.size() != kSamples) {
                std::abort();
            }
            benchmark::DoNotOptimize(times.data());
            benchmark::DoNotOptimize(values.data());
        }
    }
    report(state, kChunks * kSamples, bytes);
    state.SetLabel(kNames[state.range(0)]);
}
BENCHMARK(BM_XorDecode)->DenseRange(Constant, Mixed);

/// A query that begins and ends within the chunk.
void BM_XorDecodeRange(benchmark::State& state)
{
    std::size_t bytes = 0;
    const auto chunks = encodeAll(
        Mixed, [](const Columns& c) { return tsdb::xorEncode(c.times, c.values); }, bytes);
    std::vector<std::int64_t> times;
    std::vector<double> values;
    std::size_t found = 0;
    for (auto unused : state) {
        found = 0;
        for (const std::string& chunk : chunks) {
            times.clear();
            values.clear();
            if (!tsdb::xorDecode(chunk, kStart + 600'000, kStart + 1'200'000, times, values).ok()) {
                std::abort();
            }
            found += times.size();
        }
    }
    if (found != kChunks * 40 && found != kChunks * 41) {
        benchmark::DoNotOptimize(found);
    }
    report(state, found, bytes);
}
BENCHMARK(BM_XorDecodeRange);

void BM_XorAppend(benchmark::State& state)
{
    const std::vector<Columns> all = allColumns(static_cast<int>(state.range(0)));
    std::size_t bytes = 0;
    std::array<std::uint8_t, kSamples * tsdb::kXorSampleMaxBytes + 64> buffer{};
    for (auto unused : state) {
        bytes = 0;
        for (const Columns& columns : all) {
            tsdb::XorState chunk;
            for (std::size_t i = 0; i < kSamples; ++i) {
                tsdb::xorAppend(chunk, buffer.data(), columns.times[i],
                                std::bit_cast<std::uint64_t>(columns.values[i]));
            }
            bytes += chunk.sizeBytes();
        }
        benchmark::DoNotOptimize(buffer);
    }
    report(state, kChunks * kSamples, bytes);
    state.SetLabel(kNames[state.range(0)]);
}
BENCHMARK(BM_XorAppend)->Arg(Counter)->Arg(Gauge)->Arg(Mixed);

void BM_Xor2Decode(benchmark::State& state)
{
    std::size_t bytes = 0;
    const auto chunks = encodeAll(
        Mixed, [](const Columns& c) { return tsdb::xor2Encode(c.times, c.values); }, bytes);
    std::vector<std::int64_t> times;
    std::vector<double> values;
    for (auto unused : state) {
        for (const std::string& chunk : chunks) {
            times.clear();
            values.clear();
            if (!tsdb::xor2Decode(chunk, kMin, kMax, times, values).ok()) {
                std::abort();
            }
        }
    }
    report(state, kChunks * kSamples, bytes);
}
BENCHMARK(BM_Xor2Decode);

/// A request duration with 20 buckets in use.
std::vector<tsdb::HistogramValue> histograms(bool areIntegers)
{
    std::mt19937_64 random(1);
    model::IntegerHistogram h;
    h.schema = 3;
    h.zeroThreshold = 0x1p-128;
    h.positiveSpans = {{-10, 12}, {3, 8}};
    std::array<std::int64_t, 20> counts{};
    std::vector<tsdb::HistogramValue> values;
    for (std::size_t i = 0; i < kSamples; ++i) {
        for (std::int64_t& count : counts) {
            const auto more = static_cast<std::int64_t>(random() % 5);
            count += more;
            h.count += static_cast<std::uint64_t>(more);
            h.sum += static_cast<double>(more) * 0.0375;
        }
        h.positiveDeltas.clear();
        std::int64_t before = 0;
        for (const std::int64_t count : counts) {
            h.positiveDeltas.push_back(count - before);
            before = count;
        }
        if (areIntegers) {
            values.push_back({nullptr, std::make_shared<const model::IntegerHistogram>(h)});
        } else {
            values.push_back(
                {std::make_shared<const model::FloatHistogram>(model::toFloat(h)), nullptr});
        }
    }
    return values;
}

std::string histogramChunk(const std::vector<tsdb::HistogramValue>& values,
                           tsdb::ChunkEncoding& encoding)
{
    tsdb::HistogramChunkWriter writer(tsdb::ChunkHeader::Unknown, {kStart, values[0]});
    for (std::size_t i = 1; i < values.size(); ++i) {
        writer.append({kStart + static_cast<std::int64_t>(i) * 15000, values[i]});
    }
    encoding = writer.encoding();
    return std::string(writer.bytes());
}

/// With the question whether the sample fits, as the head asks it.
void BM_HistogramAppend(benchmark::State& state)
{
    const auto values = histograms(state.range(0) != 0);
    std::size_t bytes = 0;
    for (auto unused : state) {
        tsdb::HistogramChunkWriter writer(tsdb::ChunkHeader::Unknown, {kStart, values[0]});
        for (std::size_t i = 1; i < values.size(); ++i) {
            if (writer.needsNewChunk({0, values[i]})) {
                std::abort();
            }
            writer.append({kStart + static_cast<std::int64_t>(i) * 15000, values[i]});
        }
        bytes = writer.bytes().size();
    }
    report(state, values.size(), bytes);
    state.SetLabel(state.range(0) != 0 ? "integers, 20 buckets" : "floats, 20 buckets");
}
BENCHMARK(BM_HistogramAppend)->Arg(1)->Arg(0);

/// As queries read: floats.
void BM_HistogramDecode(benchmark::State& state)
{
    const auto values = histograms(state.range(0) != 0);
    tsdb::ChunkEncoding encoding{};
    const std::string chunk = histogramChunk(values, encoding);
    std::vector<std::int64_t> times;
    std::vector<std::shared_ptr<const model::FloatHistogram>> out;
    for (auto unused : state) {
        times.clear();
        out.clear();
        if (!tsdb::decodeHistogramChunk(encoding, chunk, kMin, kMax, times, out).ok() ||
            out.size() != values.size()) {
            std::abort();
        }
    }
    report(state, values.size(), chunk.size());
    state.SetLabel(state.range(0) != 0 ? "integers, 20 buckets" : "floats, 20 buckets");
}
BENCHMARK(BM_HistogramDecode)->Arg(1)->Arg(0);

} // namespace

BENCHMARK_MAIN();
