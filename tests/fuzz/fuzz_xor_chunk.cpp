// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Any bytes as a chunk: decoding ends, stays inside, and what it gives can be encoded and read
// again.
#include "core/tsdb/histogram_chunk.h"
#include "core/tsdb/xor_chunk.h"

#include <bit>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <memory>
#include <vector>

using namespace narthex;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();
    constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    std::vector<std::int64_t> times;
    std::vector<double> values;
    if (tsdb::xorDecode(bytes, kMin, kMax, times, values).ok() &&
        times.size() <= tsdb::kXorEncodeMaxSamples) {
        std::vector<std::int64_t> timesAgain;
        std::vector<double> valuesAgain;
        const std::string again = tsdb::xorEncode(times, values);
        if (!tsdb::xorDecode(again, kMin, kMax, timesAgain, valuesAgain).ok() ||
            timesAgain != times) {
            std::abort();
        }
        for (std::size_t i = 0; i < values.size(); ++i) {
            if (std::bit_cast<std::uint64_t>(values[i]) !=
                std::bit_cast<std::uint64_t>(valuesAgain[i])) {
                std::abort();
            }
        }
    }
    for (const auto encoding :
         {tsdb::ChunkEncoding::Histogram, tsdb::ChunkEncoding::FloatHistogram}) {
        std::vector<std::int64_t> histogramTimes;
        std::vector<std::shared_ptr<const model::FloatHistogram>> histograms;
        const absl::Status status =
            tsdb::decodeHistogramChunk(encoding, bytes, kMin, kMax, histogramTimes, histograms);
        if (histogramTimes.size() != histograms.size()) {
            std::abort();
        }
        static_cast<void>(status.ok());
    }
    return 0;
}
