// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Reads a chunk of histograms sample by sample, all four encodings.
// Owner: the caller keeps the chunk's bytes alive. Threads: one at a time. Units: milliseconds.
// Errors: DataLoss (bytes end early, sizes that cannot be, unknown schema).
// Format: spec/tsdb.md, 3.2 to 3.4, 3.7.
#pragma once

#include "core/tsdb/histogram_layout.h"
#include "core/tsdb/start_time.h"

#include <absl/status/statusor.h>

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace narthex::tsdb {

class HistogramDecoder
{
public:
    HistogramDecoder(ChunkEncoding encoding, std::string_view chunk);

    /// Reads header and layout; first.
    absl::Status open();
    /// Moves to the next sample. False at the end.
    absl::StatusOr<bool> next();

    [[nodiscard]] std::int64_t time() const { return time_.last; }
    /// 0: unknown.
    [[nodiscard]] std::int64_t startTime() const { return start_.value(); }
    [[nodiscard]] bool isStale() const { return model::isStale(sum_.value()); }
    [[nodiscard]] bool isInteger() const { return isInteger_; }
    [[nodiscard]] const HistogramLayout& layout() const { return layout_; }
    /// The sample; fine schemas as they are in the chunk.
    [[nodiscard]] std::shared_ptr<model::FloatHistogram> floats() const;
    /// Only if isInteger().
    [[nodiscard]] std::shared_ptr<model::IntegerHistogram> integers() const;

private:
    void readInteger();
    void readFloat();
    [[nodiscard]] model::CounterResetHint hint() const;

    BitReader in_;
    const std::string_view chunk_;
    const bool isInteger_;
    const bool hasStartTimes_;
    ChunkHeader header_ = ChunkHeader::Unknown;
    HistogramLayout layout_;
    std::size_t positive_ = 0; // buckets; the rest are negative
    std::uint32_t count_ = 0;
    std::uint32_t read_ = 0;
    DeltaColumn time_;
    StartTimeReader start_;
    XorColumn sum_;
    // One kind or the other is used: count, zero count, and all buckets.
    DeltaColumn integerCount_;
    DeltaColumn integerZeroCount_;
    std::vector<DeltaColumn> integerBuckets_;
    XorColumn floatCount_;
    XorColumn floatZeroCount_;
    std::vector<XorColumn> floatBuckets_;
};

} // namespace narthex::tsdb
