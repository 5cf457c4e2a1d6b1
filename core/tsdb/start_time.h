// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The start timestamps of samples inside a chunk: written only from the sample on where they
// change. Threads: values. Units: milliseconds; 0 is no start time.
// Format: spec/tsdb.md, 3.6 (ST), 3.7.
#pragma once

#include "core/tsdb/varbit.h"

#include <cstdint>

namespace narthex::tsdb {

/// The header byte: bit 7 = the first sample has one; bits 0 to 6 = the index of the sample from
/// which on each has a field, 0 = none.
inline constexpr std::uint8_t kFirstStartBit = 0x80;
inline constexpr std::uint32_t kStartIndexMax = 0x7F;

class StartTimeReader
{
public:
    void open(std::uint8_t header)
    {
        firstKnown_ = (header & kFirstStartBit) != 0;
        changeIndex_ = header & kStartIndexMax;
    }
    /// The field behind sample `index`, if it has one.
    void read(BitReader& in, std::uint32_t index, std::int64_t time, std::int64_t timeBefore)
    {
        if (index == 0) {
            if (firstKnown_) {
                value_ = wrappingMinus(time, in.varint());
            }
            return;
        }
        if (changeIndex_ == 0 || index < changeIndex_) {
            return;
        }
        const std::int64_t field = getVarbitInt(in);
        distance_ = index == changeIndex_ ? field : wrappingPlus(distance_, field);
        value_ = wrappingMinus(timeBefore, distance_);
    }
    [[nodiscard]] std::int64_t value() const { return value_; }

private:
    bool firstKnown_ = false;
    std::uint32_t changeIndex_ = 0;
    std::int64_t distance_ = 0; // the time before minus the start time
    std::int64_t value_ = 0;
};

class StartTimeWriter
{
public:
    /// Writes what sample `index` needs; true if header() changed.
    bool put(BitWriter& out, std::uint32_t index, std::int64_t time, std::int64_t timeBefore,
             std::int64_t start)
    {
        const std::uint8_t before = header_;
        if (index == 0) {
            if (start != 0) {
                out.putVarint(wrappingMinus(time, start));
                header_ = kFirstStartBit;
            }
        } else if ((header_ & kStartIndexMax) != 0) {
            const std::int64_t distance = wrappingMinus(timeBefore, start);
            out.putVarbitInt(wrappingMinus(distance, distance_));
            distance_ = distance;
        } else if (start != value_ || index == kStartIndexMax) {
            // The header has no room for a later index: it is taken now, whether needed or not.
            distance_ = wrappingMinus(timeBefore, start);
            out.putVarbitInt(distance_);
            header_ = static_cast<std::uint8_t>(header_ | index);
        }
        value_ = start;
        return header_ != before;
    }
    [[nodiscard]] std::uint8_t header() const { return header_; }

private:
    std::uint8_t header_ = 0;
    std::int64_t distance_ = 0;
    std::int64_t value_ = 0;
};

} // namespace narthex::tsdb
