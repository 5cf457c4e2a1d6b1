// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The XOR chunk: float samples as delta-of-delta times and XORed values.
// Owner: whoever holds the bytes; functions work on buffers of the caller. Threads: values.
// Units: times in milliseconds, values as IEEE bits. Errors: DataLoss (bytes end early).
// Format: spec/tsdb.md, 3.1 XOR.
#pragma once

#include <absl/status/status.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::tsdb {

/// A chunk above this size takes no more samples (1024 minus the largest sample).
inline constexpr std::size_t kXorFullBytes = 1005;
/// The most that one sample adds, rounded up.
inline constexpr std::size_t kXorSampleMaxBytes = 19;
inline constexpr std::uint8_t kNoWindow = 0xFF;

/// Where the writing of a chunk stands: all that the next sample needs besides the buffer. The
/// count is not in the buffer until xorFinish: it would cost the append a second cache line.
struct XorState
{
    std::int64_t lastTime = 0;
    std::uint64_t lastValue = 0;
    std::int64_t lastDelta = 0;
    std::uint16_t bitCount = 0;
    std::uint16_t samples = 0;
    std::uint8_t leading = kNoWindow;
    std::uint8_t trailing = 0;

    [[nodiscard]] std::size_t sizeBytes() const { return (bitCount + 7U) / 8U; }
};

/// Appends a sample. `data` has room for kXorSampleMaxBytes + kBitSlackBytes behind sizeBytes().
void xorAppend(XorState& state, std::uint8_t* data, std::int64_t time, std::uint64_t valueBits);

/// Writes the sample count into the first two bytes.
void xorFinish(const XorState& state, std::uint8_t* data);

/// Time of the first sample of a chunk with at least one.
std::int64_t xorFirstTime(const std::uint8_t* data, std::size_t sizeBytes);

/// Decodes `samples` samples of a chunk (its first two bytes are not looked at) and appends those
/// in [from, to] to the columns. Errors: DataLoss when the bytes end before the samples do; the
/// columns then keep what they had.
absl::Status xorDecode(std::string_view chunk, std::uint32_t samples, std::int64_t from,
                       std::int64_t to, std::vector<std::int64_t>& times,
                       std::vector<double>& values);

/// The same with the count taken from the chunk.
absl::Status xorDecode(std::string_view chunk, std::int64_t from, std::int64_t to,
                       std::vector<std::int64_t>& times, std::vector<double>& values);

inline constexpr std::size_t kXorEncodeMaxSamples = 400;
/// A whole chunk out of columns of equal length, at most kXorEncodeMaxSamples.
std::string xorEncode(const std::vector<std::int64_t>& times, const std::vector<double>& values);

} // namespace narthex::tsdb
