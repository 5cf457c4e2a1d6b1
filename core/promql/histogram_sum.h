// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Running sums and means of native histograms, for aggregations and windows.
// Threads: one object, one thread. Source: spec/promql.md, 7 and 10.4-10.5.
#pragma once

#include "core/promql/histogram_math.h"
#include "core/promql/notes.h"

#include <optional>

namespace narthex::promql {

class HistogramSum
{
public:
    void add(const model::FloatHistogram& histogram);
    [[nodiscard]] bool empty() const { return !sum_; }
    /// Exponential and custom buckets came together.
    [[nodiscard]] bool failed() const { return failed_; }
    /// Absent when nothing was added or the layouts do not fit; the notes say why. The sum is empty
    /// afterwards.
    std::optional<model::FloatHistogram> take(NoteBits& notes);

private:
    friend class HistogramMean;
    void track(const model::FloatHistogram& histogram);
    void finishNotes(NoteBits& notes) const;

    std::optional<model::FloatHistogram> sum_;
    model::FloatHistogram compensation_;
    AddNotes notes_;
    bool failed_ = false;
    bool resetSeen_ = false;
    bool noResetSeen_ = false;
};

class HistogramMean
{
public:
    void add(const model::FloatHistogram& histogram);
    [[nodiscard]] bool empty() const { return sum_.empty(); }
    [[nodiscard]] bool failed() const { return sum_.failed(); }
    std::optional<model::FloatHistogram> take(NoteBits& notes);

private:
    HistogramSum sum_;
    double count_ = 0;
    bool incremental_ = false;
};

} // namespace narthex::promql
