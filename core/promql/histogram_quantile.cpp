// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Estimates from native histograms: quantiles, fractions, variance, and trimming.
#include "core/promql/float_math.h"
#include "core/promql/histogram_buckets.h"
#include "core/promql/histogram_math.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace narthex::promql {

using model::FloatHistogram;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

bool containsZero(const HistogramBucket& bucket) { return bucket.lower < 0 && bucket.upper > 0; }

/// The zero bucket reaches only to the side that has observations.
void narrowZeroBucket(const FloatHistogram& histogram, HistogramBucket& bucket)
{
    if (histogram.usesCustomBuckets() || !containsZero(bucket)) {
        return;
    }
    if (histogram.negativeBuckets.empty() && !histogram.positiveBuckets.empty()) {
        bucket.lower = 0;
    } else if (histogram.positiveBuckets.empty() && !histogram.negativeBuckets.empty()) {
        bucket.upper = 0;
    }
}

bool isLinear(const FloatHistogram& histogram, const HistogramBucket& bucket)
{
    return histogram.usesCustomBuckets() || (bucket.lower <= 0 && bucket.upper >= 0);
}

/// The value below which `fraction` of the bucket lies.
double interpolate(const FloatHistogram& histogram, const HistogramBucket& bucket, double fraction)
{
    if (isLinear(histogram, bucket)) {
        return bucket.lower + (bucket.upper - bucket.lower) * fraction;
    }
    const double low = std::log2(std::abs(bucket.lower));
    const double high = std::log2(std::abs(bucket.upper));
    if (bucket.lower > 0) {
        return std::exp2(low + (high - low) * fraction);
    }
    return -std::exp2(high + (low - high) * (1 - fraction));
}

/// The share of a finite bucket that lies below `bound`, which is inside.
double fractionBelow(const FloatHistogram& histogram, const HistogramBucket& bucket, double bound)
{
    if (isLinear(histogram, bucket)) {
        return (bound - bucket.lower) / (bucket.upper - bucket.lower);
    }
    const double low = std::log2(std::abs(bucket.lower));
    const double high = std::log2(std::abs(bucket.upper));
    const double at = std::log2(std::abs(bound));
    return bucket.lower > 0 ? (at - low) / (high - low) : 1 - (at - high) / (low - high);
}

double totalOf(const std::vector<HistogramBucket>& buckets)
{
    double total = 0;
    for (const HistogramBucket& bucket : buckets) {
        total += bucket.count;
    }
    return total;
}

} // namespace

double quantileOf(double q, const FloatHistogram& histogram, QuantileNotes& notes)
{
    if (q < 0) {
        return -kInfinity;
    }
    if (q > 1) {
        return kInfinity;
    }
    if (histogram.count == 0 || std::isnan(q)) {
        return model::normalNan();
    }
    std::vector<HistogramBucket> buckets = bucketsOf(histogram);
    const double total = totalOf(buckets);
    const bool nanSum = std::isnan(histogram.sum);
    const bool upward = nanSum || q < 0.5;
    const double rank = (upward ? q : 1 - q) * histogram.count;
    if (!upward) {
        std::reverse(buckets.begin(), buckets.end());
    }
    HistogramBucket bucket{};
    double cumulative = 0;
    for (const HistogramBucket& candidate : buckets) {
        if (candidate.count == 0) {
            continue;
        }
        bucket = candidate;
        cumulative += bucket.count;
        if (cumulative >= rank) {
            break;
        }
    }
    narrowZeroBucket(histogram, bucket);
    if (histogram.usesCustomBuckets()) {
        if (bucket.lower == -kInfinity) {
            if (bucket.upper <= 0) {
                return bucket.upper;
            }
            bucket.lower = 0;
        } else if (bucket.upper == kInfinity) {
            return bucket.lower;
        }
    }
    cumulative = std::min(cumulative, histogram.count);
    if (cumulative < rank) {
        notes.nanResult = nanSum;
        return nanSum ? model::normalNan() : bucket.upper;
    }
    notes.skewed = nanSum && total < histogram.count;
    const double within = upward ? rank - (cumulative - bucket.count) : cumulative - rank;
    return interpolate(histogram, bucket, within / bucket.count);
}

namespace {

/// Observations up to `bound`; absent when every bucket lies below it.
double rankOf(double bound, const FloatHistogram& histogram,
              const std::vector<HistogramBucket>& buckets, double total)
{
    double rank = 0;
    for (HistogramBucket bucket : buckets) {
        narrowZeroBucket(histogram, bucket);
        if (histogram.usesCustomBuckets() && bucket.lower == -kInfinity && bucket.upper > 0) {
            bucket.lower = 0;
        }
        if (bucket.lower >= bound) {
            return std::min(rank, total);
        }
        if (bucket.upper > bound) {
            if (bucket.lower == -kInfinity) {
                return std::min(rank + bucket.count, total);
            }
            if (bucket.upper == kInfinity) {
                return std::min(rank, total);
            }
            return std::min(rank + bucket.count * fractionBelow(histogram, bucket, bound), total);
        }
        rank += bucket.count;
    }
    return total;
}

} // namespace

double fractionOf(double lower, double upper, const FloatHistogram& histogram, bool& nanExcluded)
{
    if (histogram.count == 0 || std::isnan(lower) || std::isnan(upper)) {
        return model::normalNan();
    }
    if (lower >= upper) {
        return 0;
    }
    const std::vector<HistogramBucket> buckets = bucketsOf(histogram);
    double total = histogram.count;
    if (std::isnan(histogram.sum)) {
        total = totalOf(buckets);
        nanExcluded = total < histogram.count;
    }
    return (rankOf(upper, histogram, buckets, total) - rankOf(lower, histogram, buckets, total)) /
           histogram.count;
}

double varianceOf(const FloatHistogram& histogram)
{
    const double mean = histogram.sum / histogram.count;
    CompensatedSum squares;
    for (const HistogramBucket& bucket : bucketsOf(histogram)) {
        if (bucket.count == 0) {
            continue;
        }
        double middle = 0;
        if (histogram.usesCustomBuckets()) {
            middle = (bucket.upper + bucket.lower) / 2;
        } else if (!(bucket.lower <= 0 && bucket.upper >= 0)) {
            middle = std::copysign(std::sqrt(bucket.upper * bucket.lower), bucket.upper);
        }
        const double delta = middle - mean;
        squares.add(bucket.count * delta * delta);
    }
    return (squares.sum + squares.compensation) / histogram.count;
}

namespace {

struct Kept
{
    double count = 0;
    double middle = 0;
};

/// Of a part of a bucket; `linear` is a property of the whole bucket.
double middleOf(bool linear, double lower, double upper)
{
    return linear ? (lower + upper) / 2 : std::copysign(std::sqrt(lower * upper), upper);
}

/// The middle of a bucket that is kept whole.
double wholeMiddle(const FloatHistogram& histogram, const HistogramBucket& bucket)
{
    if (bucket.lower == -kInfinity) {
        return bucket.upper > 0 ? bucket.upper / 2 : bucket.upper;
    }
    return bucket.upper == kInfinity
               ? bucket.lower
               : middleOf(isLinear(histogram, bucket), bucket.lower, bucket.upper);
}

Kept trimOpenBelow(const HistogramBucket& bucket, double bound, bool keepBelow)
{
    const bool finite = bucket.upper != kInfinity;
    if (keepBelow) {
        if (finite && bound > 0 && bound < bucket.upper) {
            return {bucket.count * bound / bucket.upper, bound / 2};
        }
        return bucket.upper <= 0 ? Kept{bucket.count, bound} : Kept{};
    }
    if (bound == -kInfinity) {
        return {bucket.count, wholeMiddle({}, bucket)};
    }
    if (finite && bound >= 0 && bound < bucket.upper) {
        return {bucket.count * (1 - bound / bucket.upper), (bound + bucket.upper) / 2};
    }
    return {};
}

Kept trimBucket(const FloatHistogram& histogram, const HistogramBucket& bucket, double bound,
                bool keepBelow)
{
    const bool keptWhole = keepBelow ? bucket.upper <= bound : bucket.lower >= bound;
    const bool dropped = keepBelow ? bucket.lower >= bound : bucket.upper <= bound;
    if (keptWhole) {
        return {bucket.count, wholeMiddle(histogram, bucket)};
    }
    if (dropped) {
        return {};
    }
    if (bucket.lower == -kInfinity) {
        return trimOpenBelow(bucket, bound, keepBelow);
    }
    if (bucket.upper == kInfinity) {
        return keepBelow ? Kept{} : Kept{bucket.count, bound};
    }
    const double below = fractionBelow(histogram, bucket, bound);
    const bool linear = isLinear(histogram, bucket);
    return keepBelow ? Kept{bucket.count * below, middleOf(linear, bucket.lower, bound)}
                     : Kept{bucket.count * (1 - below), middleOf(linear, bound, bucket.upper)};
}

class Trimmer
{
public:
    Trimmer(const FloatHistogram& histogram, double bound, bool keepBelow)
        : source_(histogram), bound_(bound), keepBelow_(keepBelow), result_(histogram)
    {}

    FloatHistogram run()
    {
        trimSide(source_.positiveSpans, source_.positiveBuckets, 1, result_.positiveSpans,
                 result_.positiveBuckets);
        trimSide(source_.negativeSpans, source_.negativeBuckets, -1, result_.negativeSpans,
                 result_.negativeBuckets);
        if (source_.zeroCount > 0) {
            HistogramBucket zero{-source_.zeroThreshold, source_.zeroThreshold, true, true,
                                 source_.zeroCount};
            narrowZeroBucket(source_, zero);
            result_.zeroCount = keep(zero);
        }
        if (!changed_) {
            return compacted(source_);
        }
        result_.count = count_;
        result_.sum = sum_;
        return result_;
    }

private:
    double keep(const HistogramBucket& bucket)
    {
        const Kept kept = trimBucket(source_, bucket, bound_, keepBelow_);
        changed_ = changed_ || kept.count != bucket.count;
        count_ += kept.count;
        sum_ += kept.count == 0 ? 0 : kept.count * kept.middle;
        return kept.count;
    }

    void trimSide(const std::vector<model::Span>& spans, const std::vector<double>& counts,
                  int sign, std::vector<model::Span>& outSpans, std::vector<double>& outCounts)
    {
        IndexedBuckets buckets = expand(spans, counts);
        for (auto& [index, count] : buckets) {
            HistogramBucket bucket{upperBound(index - 1, source_), upperBound(index, source_),
                                   false, true, count};
            if (sign < 0) {
                bucket = {-bucket.upper, -bucket.lower, true, false, count};
            }
            count = count == 0 ? 0 : keep(bucket);
        }
        pack(buckets, outSpans, outCounts);
    }

    const FloatHistogram& source_;
    const double bound_;
    const bool keepBelow_;
    FloatHistogram result_;
    double count_ = 0;
    double sum_ = 0;
    bool changed_ = false;
};

} // namespace

FloatHistogram trim(const FloatHistogram& histogram, double bound, bool keepBelow)
{
    return Trimmer(histogram, bound, keepBelow).run();
}

} // namespace narthex::promql
