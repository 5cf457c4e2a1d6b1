// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Any bytes as an XOR2 chunk: decoding ends, stays inside, and what it gives can be encoded and
// read again.
#include "core/tsdb/xor2_chunk.h"

#include <bit>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <vector>

using namespace narthex;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();
    constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    std::vector<std::int64_t> times;
    std::vector<double> values;
    std::vector<std::int64_t> starts;
    const bool isOk = tsdb::xor2Decode(bytes, kMin, kMax, times, values, &starts).ok();
    if (times.size() != values.size() || times.size() != starts.size() ||
        (!isOk && !times.empty())) {
        std::abort();
    }
    std::vector<std::int64_t> timesAgain;
    std::vector<double> valuesAgain;
    std::vector<std::int64_t> startsAgain;
    if (!tsdb::xor2Decode(tsdb::xor2Encode(times, values, starts), kMin, kMax, timesAgain,
                          valuesAgain, &startsAgain)
             .ok() ||
        timesAgain != times || startsAgain != starts || valuesAgain.size() != values.size()) {
        std::abort();
    }
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (std::bit_cast<std::uint64_t>(values[i]) !=
            std::bit_cast<std::uint64_t>(valuesAgain[i])) {
            std::abort();
        }
    }
    return 0;
}
