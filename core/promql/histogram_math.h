// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Arithmetic on native histograms: bounds, sums, scaling, resets, quantiles, trimming.
// Threads: pure functions. Results are compact: no empty buckets, no empty spans.
// Source: spec/promql.md, Native histograms, Histogram functions.
#pragma once

#include "core/model/histogram.h"

#include <optional>
#include <string>
#include <vector>

namespace narthex::promql {

struct HistogramBucket
{
    double lower = 0;
    double upper = 0;
    bool lowerInclusive = false;
    bool upperInclusive = true;
    double count = 0;
};

/// As the API writes it: 0 open left, closed right; 1 closed left, open right; 2 open both; 3
/// closed both.
inline int boundaryRule(const HistogramBucket& bucket)
{
    if (bucket.lowerInclusive) {
        return bucket.upperInclusive ? 3 : 1;
    }
    return bucket.upperInclusive ? 0 : 2;
}

/// All buckets of the spans in ascending order, the zero bucket in its place if it has
/// observations.
std::vector<HistogramBucket> bucketsOf(const model::FloatHistogram& histogram);

/// `{count:10, sum:3.5, (0.5,1]:4}`; empty buckets are left out.
std::string histogramText(const model::FloatHistogram& histogram);

/// Without empty buckets and with the fewest spans.
model::FloatHistogram compacted(const model::FloatHistogram& histogram);

/// Layout and values are the same, floats by their bits, hints aside.
bool sameHistogram(const model::FloatHistogram& a, const model::FloatHistogram& b);

/// Between `previous` and `current` the counter started anew.
bool detectReset(const model::FloatHistogram& current, const model::FloatHistogram& previous);

struct AddNotes
{
    bool resetConflict = false;
    bool boundsReconciled = false;
};

/// a += b, or a -= b; false (and `a` untouched) if one has exponential and the other custom
/// buckets.
bool add(model::FloatHistogram& a, const model::FloatHistogram& b, AddNotes& notes);
bool subtract(model::FloatHistogram& a, const model::FloatHistogram& b, AddNotes& notes);

/// Like add, but with the lost low-order parts kept in `compensation` (same layout rules, starts as
/// an empty histogram of the first one's schema). sum + compensation is the result.
bool addCompensated(model::FloatHistogram& sum, model::FloatHistogram& compensation,
                    const model::FloatHistogram& b, AddNotes& notes);

/// Multiplies everything; a negative factor makes a gauge.
void scale(model::FloatHistogram& histogram, double factor);
/// Divides everything; 0 removes the buckets.
void divide(model::FloatHistogram& histogram, double divisor);

/// To a lower resolution; the same if `schema` is not lower.
model::FloatHistogram withSchema(const model::FloatHistogram& histogram, std::int32_t schema);

/// Some field is ±Inf.
bool hasInfinity(const model::FloatHistogram& histogram);

/// Observations up to `bound` (keepBelow), or from `bound` on.
model::FloatHistogram trim(const model::FloatHistogram& histogram, double bound, bool keepBelow);

struct QuantileNotes
{
    bool nanResult = false;
    bool skewed = false;
};
double quantileOf(double q, const model::FloatHistogram& histogram, QuantileNotes& notes);
/// Share of observations in [lower, upper]. `nanExcluded`: NaN observations were left out.
double fractionOf(double lower, double upper, const model::FloatHistogram& histogram,
                  bool& nanExcluded);
double varianceOf(const model::FloatHistogram& histogram);

} // namespace narthex::promql
