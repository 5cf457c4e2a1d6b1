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
        removeDeleted(deleted, 0, 0, columns);
        for (std::size_t begin = 0; begin < columns.times.size(); begin += kLongestRun) {
            const std::size_t end = std::min(begin + kLongestRun, columns.times.size());
            const auto from = static_cast<std::ptrdiff_t>(begin);
            const auto to = static_cast<std::ptrdiff_t>(end);
            const std::vector<std::int64_t> times(columns.times.begin() + from,
                                                  columns.times.begin() + to);
            const std::vector<double> values(columns.values.begin() + from,
                                             columns.values.begin() + to);
            out.push_back({times.front(), times.back(), ChunkEncoding::Xor,
                           static_cast<std::uint32_t>(times.size()), xorEncode(times, values)});
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
