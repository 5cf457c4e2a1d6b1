// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/histogram_sum.h"

namespace narthex::promql {

using model::CounterResetHint;
using model::FloatHistogram;

void HistogramSum::track(const FloatHistogram& histogram)
{
    resetSeen_ = resetSeen_ || histogram.hint == CounterResetHint::Reset;
    noResetSeen_ = noResetSeen_ || histogram.hint == CounterResetHint::NoReset;
}

void HistogramSum::add(const FloatHistogram& histogram)
{
    track(histogram);
    if (!sum_) {
        sum_ = histogram;
        return;
    }
    failed_ = failed_ || !addCompensated(*sum_, compensation_, histogram, notes_);
}

void HistogramSum::finishNotes(NoteBits& notes) const
{
    if (resetSeen_ && noResetSeen_) {
        notes.add(Note::ResetConflictAggregation);
    }
    if (notes_.boundsReconciled) {
        notes.add(Note::BoundsAggregation);
    }
}

std::optional<FloatHistogram> HistogramSum::take(NoteBits& notes)
{
    if (!sum_) {
        return std::nullopt;
    }
    if (failed_) {
        notes.add(Note::MixedSchemas);
        return std::nullopt;
    }
    finishNotes(notes);
    const CounterResetHint hint = sum_->hint;
    AddNotes ignored;
    if (compensation_.count != 0 || compensation_.sum != 0 || compensation_.zeroCount != 0 ||
        !compensation_.positiveBuckets.empty() || !compensation_.negativeBuckets.empty()) {
        promql::add(*sum_, compensation_, ignored);
    }
    sum_->hint = hint;
    auto result = compacted(*sum_);
    sum_.reset();
    return result;
}

void HistogramMean::add(const FloatHistogram& histogram)
{
    count_ += 1;
    if (!incremental_) {
        HistogramSum next = sum_;
        next.add(histogram);
        if (count_ == 1 || next.failed_ || !hasInfinity(*next.sum_)) {
            sum_ = std::move(next);
            return;
        }
        incremental_ = true;
        divide(*sum_.sum_, count_ - 1);
        divide(sum_.compensation_, count_ - 1);
    }
    const double q = (count_ - 1) / count_;
    scale(*sum_.sum_, q);
    scale(sum_.compensation_, q);
    FloatHistogram part = histogram;
    divide(part, count_);
    sum_.add(part);
}

std::optional<FloatHistogram> HistogramMean::take(NoteBits& notes)
{
    if (sum_.sum_ && !incremental_) {
        divide(*sum_.sum_, count_);
        divide(sum_.compensation_, count_);
    }
    return sum_.take(notes);
}

} // namespace narthex::promql
