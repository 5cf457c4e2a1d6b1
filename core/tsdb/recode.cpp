// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/recode.h"

#include "core/base/status.h"
#include "core/tsdb/block.h"
#include "core/tsdb/histogram_chunk.h"
#include "core/tsdb/xor2_chunk.h"
#include "core/tsdb/xor_chunk.h"

#include <algorithm>
#include <limits>

namespace narthex::tsdb {
namespace {

constexpr std::size_t kLongestRun = kXorEncodeMaxSamples;

} // namespace

absl::Status recodeChunk(const StoredChunk& chunk, std::int64_t fromMs, std::int64_t toMs,
                         const TimeIntervals& deleted, std::vector<ExportedChunk>& out)
{
    if (chunk.encoding == ChunkEncoding::Xor || chunk.encoding == ChunkEncoding::Xor2) {
        storage::SampleColumns columns;
        NARTHEX_RETURN_IF_ERROR(decodeChunk(chunk, fromMs, toMs, columns));
        removeDeleted(deleted, 0, 0, columns); // start times: none, or one for each
        for (std::size_t begin = 0; begin < columns.times.size(); begin += kLongestRun) {
            const std::size_t end = std::min(begin + kLongestRun, columns.times.size());
            const auto from = static_cast<std::ptrdiff_t>(begin);
            const auto to = static_cast<std::ptrdiff_t>(end);
            const std::vector<std::int64_t> times(columns.times.begin() + from,
                                                  columns.times.begin() + to);
            const std::vector<double> values(columns.values.begin() + from,
                                             columns.values.begin() + to);
            std::vector<std::int64_t> starts;
            if (!columns.startTimes.empty()) {
                starts.assign(columns.startTimes.begin() + from, columns.startTimes.begin() + to);
            }
            out.push_back(encodeFloats(times, values, starts));
        }
        return absl::OkStatus();
    }
    std::vector<HistogramSample> samples;
    NARTHEX_RETURN_IF_ERROR(
        decodeHistogramSamples(chunk.encoding, chunk.data, fromMs, toMs, samples));
    std::erase_if(samples, [&deleted](const HistogramSample& sample) {
        return std::any_of(deleted.begin(), deleted.end(), [&sample](const TimeInterval& i) {
            return sample.time >= i.minTime && sample.time <= i.maxTime;
        });
    });
    encodeHistograms(samples, out);
    return absl::OkStatus();
}

ExportedChunk encodeFloats(const std::vector<std::int64_t>& times,
                           const std::vector<double>& values,
                           const std::vector<std::int64_t>& starts)
{
    const bool isStarted =
        std::any_of(starts.begin(), starts.end(), [](std::int64_t start) { return start != 0; });
    return {times.front(), times.back(), isStarted ? ChunkEncoding::Xor2 : ChunkEncoding::Xor,
            static_cast<std::uint32_t>(times.size()),
            isStarted ? xor2Encode(times, values, starts) : xorEncode(times, values)};
}

absl::Status encodeAsXor2(std::vector<ExportedChunk>& chunks, std::size_t from)
{
    constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();
    constexpr std::int64_t kGreatest = std::numeric_limits<std::int64_t>::max();
    for (std::size_t i = from; i < chunks.size(); ++i) {
        ExportedChunk& chunk = chunks[i];
        if (chunk.encoding != ChunkEncoding::Xor) {
            continue;
        }
        std::vector<std::int64_t> times;
        std::vector<double> values;
        NARTHEX_RETURN_IF_ERROR(
            xorDecode(chunk.bytes, chunk.samples, kLeast, kGreatest, times, values));
        chunk.bytes = xor2Encode(times, values);
        chunk.encoding = ChunkEncoding::Xor2;
    }
    return absl::OkStatus();
}

} // namespace narthex::tsdb
