// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Samples on their way into the head, between append and commit.
// Threads: values. Units: milliseconds, values as IEEE bits.
#pragma once

#include "core/tsdb/histogram_chunk.h"
#include "core/tsdb/series_table.h"

#include <cstdint>

namespace narthex::tsdb {

/// One sample on its way into the head.
struct PendingSample
{
    HeadRef ref = 0;
    std::int64_t time = 0;
    std::uint64_t valueBits = 0;
};

struct PendingHistogram
{
    HeadRef ref = 0;
    std::int64_t time = 0;
    HistogramValue value;
    /// When its counter began; 0: unknown.
    std::int64_t start = 0;
};

/// A sample behind the newest of its series, inside the window for such.
struct PendingLate
{
    HeadRef ref = 0;
    std::int64_t time = 0;
    std::uint64_t valueBits = 0;
    /// Set: the value is a histogram.
    HistogramValue histogram;
    /// When its counter began; 0: unknown.
    std::int64_t start = 0;

    [[nodiscard]] bool isHistogram() const { return histogram.floats || histogram.integers; }
};

} // namespace narthex::tsdb
