// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Native histograms to put into chunks, and what comes out of them. Threads: the test's own.
#pragma once

#include "core/model/sample.h"
#include "core/tsdb/histogram_chunk.h"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace narthex::tests {

constexpr std::int64_t kTime = 1700000000000;

struct Decoded
{
    absl::Status status;
    std::vector<std::int64_t> times;
    std::vector<std::shared_ptr<const model::FloatHistogram>> histograms;
};

inline Decoded decode(tsdb::ChunkEncoding encoding, const std::string& bytes)
{
    Decoded result;
    result.status = tsdb::decodeHistogramChunk(encoding, bytes, INT64_MIN, INT64_MAX, result.times,
                                               result.histograms);
    return result;
}

inline tsdb::HistogramSample sample(std::int64_t time, double count, double zeroCount, double sum,
                                    std::vector<double> buckets)
{
    model::FloatHistogram h;
    h.zeroThreshold = 0x1p-128;
    h.count = count;
    h.zeroCount = zeroCount;
    h.sum = sum;
    h.positiveSpans = {{0, static_cast<std::uint32_t>(buckets.size())}};
    h.positiveBuckets = std::move(buckets);
    return {time, {std::make_shared<const model::FloatHistogram>(std::move(h)), nullptr}};
}

using tsdb::ChunkHeader;

inline tsdb::HistogramValue integers(model::IntegerHistogram h)
{
    return {nullptr, std::make_shared<const model::IntegerHistogram>(std::move(h))};
}

inline tsdb::HistogramValue floats(const model::IntegerHistogram& h)
{
    return {std::make_shared<const model::FloatHistogram>(model::toFloat(h)), nullptr};
}

/// Count 6, bucket counts 1, 2, 1 at the indexes 0, 1 and 3.
inline model::IntegerHistogram counter()
{
    return {.zeroThreshold = 0x1p-128,
            .zeroCount = 2,
            .count = 6,
            .sum = 18.4,
            .positiveSpans = {{0, 2}, {1, 1}},
            .positiveDeltas = {1, 1, -1}};
}

inline model::IntegerHistogram changed(model::IntegerHistogram h,
                                       const std::function<void(model::IntegerHistogram&)>& change)
{
    change(h);
    return h;
}

inline model::IntegerHistogram stale() { return {.sum = model::staleMarker()}; }

/// Counts by index, of either kind.
inline std::map<std::int64_t, double> countsOf(const model::FloatHistogram& h)
{
    std::map<std::int64_t, double> counts;
    std::int64_t index = 0;
    std::size_t at = 0;
    for (const model::Span& span : h.positiveSpans) {
        index += span.offset;
        for (std::uint32_t i = 0; i < span.length; ++i) {
            counts[index++] = h.positiveBuckets[at++];
        }
    }
    return counts;
}

inline std::vector<tsdb::ExportedChunk> encode(const std::vector<tsdb::HistogramSample>& samples)
{
    std::vector<tsdb::ExportedChunk> chunks;
    tsdb::encodeHistograms(samples, chunks);
    return chunks;
}

} // namespace narthex::tests
