// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The XOR2 chunk of Prometheus 3.x: float samples whose time and value share one control code, with
// start times. Only without DbOptions::readableBy242.
// Owner: whoever holds the bytes. Threads: values. Units: times in milliseconds, values as IEEE
// bits. Errors: DataLoss (bytes end early). Format: spec/tsdb.md, 3.6.
#pragma once

#include "core/tsdb/start_time.h"
#include "core/tsdb/varbit.h"

#include <absl/status/status.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::tsdb {

/// Writes one chunk, sample by sample. At most 65535 samples.
class Xor2Writer
{
public:
    Xor2Writer();
    /// `start` 0: none.
    void append(std::int64_t time, std::uint64_t valueBits, std::int64_t start);

    [[nodiscard]] std::uint16_t samples() const { return samples_; }
    [[nodiscard]] std::int64_t lastTime() const { return time_; }
    [[nodiscard]] std::uint64_t lastValue() const { return lastValue_; }
    /// As the chunk file holds it; valid until the next append.
    [[nodiscard]] std::string_view bytes() const { return out_.bytes(); }
    [[nodiscard]] std::size_t memoryBytes() const { return out_.capacityBytes(); }

private:
    void putFirst(std::int64_t time, std::uint64_t bits);
    void putJoint(std::int64_t change, std::uint64_t bits);
    void putValue(std::uint64_t bits);
    void putWindow(std::uint64_t change, unsigned reuseCode, unsigned newCode);

    BitWriter out_;
    std::uint16_t samples_ = 0;
    std::int64_t time_ = 0;
    std::int64_t delta_ = 0;
    std::uint64_t lastValue_ = 0;
    /// The last value that is no stale marker: what the next one is compared with.
    std::uint64_t base_ = 0;
    std::uint8_t leading_;
    std::uint8_t trailing_ = 0;
    StartTimeWriter start_;
};

/// Appends the samples in [from, to]; `starts`, if given, gets the start time of each, 0 where
/// there is none. Errors: DataLoss; the columns then keep what they had.
absl::Status xor2Decode(std::string_view chunk, std::int64_t from, std::int64_t to,
                        std::vector<std::int64_t>& times, std::vector<double>& values,
                        std::vector<std::int64_t>* starts = nullptr);

/// A whole chunk out of columns of equal length; `starts` may be empty: none.
std::string xor2Encode(const std::vector<std::int64_t>& times, const std::vector<double>& values,
                       const std::vector<std::int64_t>& starts = {});

} // namespace narthex::tsdb
