// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Sums, scaling, resets, text.
#include "core/promql/histogram_math.h"

#include "core/base/number.h"
#include "core/promql/float_math.h"
#include "core/promql/histogram_buckets.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace narthex::promql {

using model::CounterResetHint;
using model::FloatHistogram;

std::vector<HistogramBucket> bucketsOf(const FloatHistogram& histogram)
{
    std::vector<HistogramBucket> result;
    const bool custom = histogram.usesCustomBuckets();
    const IndexedBuckets negative = expand(histogram.negativeSpans, histogram.negativeBuckets);
    for (auto it = negative.rbegin(); it != negative.rend(); ++it) {
        result.push_back({-upperBound(it->first, histogram), -upperBound(it->first - 1, histogram),
                          true, false, it->second});
    }
    if (histogram.zeroCount > 0) {
        result.push_back(
            {-histogram.zeroThreshold, histogram.zeroThreshold, true, true, histogram.zeroCount});
    }
    for (const auto& [index, count] : expand(histogram.positiveSpans, histogram.positiveBuckets)) {
        result.push_back({upperBound(index - 1, histogram), upperBound(index, histogram),
                          custom && index == 0, true, count});
    }
    return result;
}

std::string histogramText(const FloatHistogram& histogram)
{
    std::string out = fmt::format("{{count:{}, sum:{}", base::formatFloatG(histogram.count),
                                  base::formatFloatG(histogram.sum));
    for (const HistogramBucket& bucket : bucketsOf(histogram)) {
        if (bucket.count != 0) {
            out += fmt::format(", {}{},{}{}:{}", bucket.lowerInclusive ? '[' : '(',
                               base::formatFloatG(bucket.lower), base::formatFloatG(bucket.upper),
                               bucket.upperInclusive ? ']' : ')', base::formatFloatG(bucket.count));
        }
    }
    return out + "}";
}

FloatHistogram compacted(const FloatHistogram& histogram)
{
    FloatHistogram result = histogram;
    pack(expand(histogram.positiveSpans, histogram.positiveBuckets), result.positiveSpans,
         result.positiveBuckets);
    pack(expand(histogram.negativeSpans, histogram.negativeBuckets), result.negativeSpans,
         result.negativeBuckets);
    return result;
}

namespace {

bool sameBits(double a, double b)
{
    return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

bool sameBits(const std::vector<double>& a, const std::vector<double>& b)
{
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](double x, double y) { return sameBits(x, y); });
}

CounterResetHint reconcileHints(CounterResetHint a, CounterResetHint b, AddNotes& notes)
{
    if (a == b) {
        return a;
    }
    if (a == CounterResetHint::Gauge || b == CounterResetHint::Gauge) {
        return CounterResetHint::Gauge;
    }
    if (a != CounterResetHint::Unknown && b != CounterResetHint::Unknown) {
        notes.resetConflict = true;
    }
    return CounterResetHint::Unknown;
}

void lowerTo(FloatHistogram& histogram, std::int32_t schema)
{
    if (histogram.schema <= schema) {
        return;
    }
    const int steps = histogram.schema - schema;
    const auto reduce = [&](std::vector<model::Span>& spans, std::vector<double>& counts) {
        pack(lowerResolution(expand(spans, counts), steps), spans, counts);
    };
    reduce(histogram.positiveSpans, histogram.positiveBuckets);
    reduce(histogram.negativeSpans, histogram.negativeBuckets);
    histogram.schema = schema;
}

/// Makes the layouts of both the same. False if that is impossible.
bool align(FloatHistogram& a, FloatHistogram& b, AddNotes& notes)
{
    if (a.usesCustomBuckets() != b.usesCustomBuckets()) {
        return false;
    }
    if (a.usesCustomBuckets()) {
        if (!sameBits(a.customValues, b.customValues)) {
            notes.boundsReconciled = true;
            const std::vector<double> bounds = commonBounds(a.customValues, b.customValues);
            for (FloatHistogram* side : {&a, &b}) {
                pack(mapToBounds(expand(side->positiveSpans, side->positiveBuckets),
                                 side->customValues, bounds),
                     side->positiveSpans, side->positiveBuckets);
                side->customValues = bounds;
            }
        }
        return true;
    }
    while (a.zeroThreshold != b.zeroThreshold) {
        FloatHistogram& narrower = a.zeroThreshold < b.zeroThreshold ? a : b;
        const double wanted = std::max(a.zeroThreshold, b.zeroThreshold);
        const auto [count, threshold] = zeroCountForThreshold(narrower, wanted);
        widenZeroBucket(narrower, threshold, count);
    }
    const std::int32_t schema = std::min(a.schema, b.schema);
    lowerTo(a, schema);
    lowerTo(b, schema);
    return true;
}

bool addSigned(FloatHistogram& a, const FloatHistogram& b, double sign, AddNotes& notes)
{
    FloatHistogram other = b;
    if (!align(a, other, notes)) {
        return false;
    }
    a.zeroCount += sign * other.zeroCount;
    a.count += sign * other.count;
    a.sum += sign * other.sum;
    pack(combine(expand(a.positiveSpans, a.positiveBuckets),
                 expand(other.positiveSpans, other.positiveBuckets), sign),
         a.positiveSpans, a.positiveBuckets);
    pack(combine(expand(a.negativeSpans, a.negativeBuckets),
                 expand(other.negativeSpans, other.negativeBuckets), sign),
         a.negativeSpans, a.negativeBuckets);
    return true;
}

void addField(double& sum, double& compensation, double x)
{
    CompensatedSum running{sum, compensation};
    running.add(x);
    sum = running.sum;
    compensation = running.compensation;
}

void addSide(std::vector<model::Span>& spans, std::vector<double>& counts,
             std::vector<model::Span>& lostSpans, std::vector<double>& lostCounts,
             const IndexedBuckets& other)
{
    IndexedBuckets sum = combine(expand(spans, counts), other, 0.0);
    // The same indices on both sides, so that the lists can be walked together.
    IndexedBuckets lost = combine(expand(lostSpans, lostCounts), sum, 0.0);
    sum = combine(sum, lost, 0.0);
    std::size_t at = 0;
    for (std::size_t i = 0; i < sum.size() && at < other.size(); ++i) {
        if (sum[i].first == other[at].first) {
            addField(sum[i].second, lost[i].second, other[at++].second);
        }
    }
    pack(sum, spans, counts);
    pack(lost, lostSpans, lostCounts);
}

} // namespace

bool sameHistogram(const FloatHistogram& left, const FloatHistogram& right)
{
    const FloatHistogram a = compacted(left);
    const FloatHistogram b = compacted(right);
    return a.schema == b.schema && sameBits(a.count, b.count) && sameBits(a.sum, b.sum) &&
           a.zeroThreshold == b.zeroThreshold && sameBits(a.zeroCount, b.zeroCount) &&
           a.positiveSpans == b.positiveSpans && a.negativeSpans == b.negativeSpans &&
           sameBits(a.positiveBuckets, b.positiveBuckets) &&
           sameBits(a.negativeBuckets, b.negativeBuckets) &&
           sameBits(a.customValues, b.customValues);
}

bool add(FloatHistogram& a, const FloatHistogram& b, AddNotes& notes)
{
    if (!addSigned(a, b, 1, notes)) {
        return false;
    }
    a.hint = reconcileHints(a.hint, b.hint, notes);
    return true;
}

bool subtract(FloatHistogram& a, const FloatHistogram& b, AddNotes& notes)
{
    if (!addSigned(a, b, -1, notes)) {
        return false;
    }
    reconcileHints(a.hint, b.hint, notes);
    a.hint = CounterResetHint::Gauge;
    return true;
}

bool addCompensated(FloatHistogram& sum, FloatHistogram& compensation, const FloatHistogram& b,
                    AddNotes& notes)
{
    FloatHistogram other = b;
    if (!align(sum, other, notes)) {
        return false;
    }
    AddNotes ignored;
    if (compensation.count == 0 && compensation.positiveBuckets.empty() &&
        compensation.negativeBuckets.empty()) {
        compensation.schema = sum.schema;
        compensation.zeroThreshold = sum.zeroThreshold;
        compensation.customValues = sum.customValues;
    } else {
        FloatHistogram layout = sum;
        align(compensation, layout, ignored);
    }
    addField(sum.zeroCount, compensation.zeroCount, other.zeroCount);
    addField(sum.count, compensation.count, other.count);
    addField(sum.sum, compensation.sum, other.sum);
    addSide(sum.positiveSpans, sum.positiveBuckets, compensation.positiveSpans,
            compensation.positiveBuckets, expand(other.positiveSpans, other.positiveBuckets));
    addSide(sum.negativeSpans, sum.negativeBuckets, compensation.negativeSpans,
            compensation.negativeBuckets, expand(other.negativeSpans, other.negativeBuckets));
    sum.hint = reconcileHints(sum.hint, b.hint, notes);
    return true;
}

void scale(FloatHistogram& histogram, double factor)
{
    histogram.zeroCount *= factor;
    histogram.count *= factor;
    histogram.sum *= factor;
    for (auto* side : {&histogram.positiveBuckets, &histogram.negativeBuckets}) {
        for (double& count : *side) {
            count *= factor;
        }
    }
    if (factor < 0) {
        histogram.hint = CounterResetHint::Gauge;
    }
}

void divide(FloatHistogram& histogram, double divisor)
{
    histogram.zeroCount /= divisor;
    histogram.count /= divisor;
    histogram.sum /= divisor;
    if (divisor == 0) {
        histogram.positiveSpans.clear();
        histogram.positiveBuckets.clear();
        histogram.negativeSpans.clear();
        histogram.negativeBuckets.clear();
        return;
    }
    for (auto* side : {&histogram.positiveBuckets, &histogram.negativeBuckets}) {
        for (double& count : *side) {
            count /= divisor;
        }
    }
    if (divisor < 0) {
        histogram.hint = CounterResetHint::Gauge;
    }
}

FloatHistogram withSchema(const FloatHistogram& histogram, std::int32_t schema)
{
    FloatHistogram result = histogram;
    lowerTo(result, schema);
    return result;
}

bool hasInfinity(const FloatHistogram& histogram)
{
    const auto infinite = [](double x) { return std::isinf(x); };
    return infinite(histogram.zeroCount) || infinite(histogram.count) || infinite(histogram.sum) ||
           std::any_of(histogram.positiveBuckets.begin(), histogram.positiveBuckets.end(),
                       infinite) ||
           std::any_of(histogram.negativeBuckets.begin(), histogram.negativeBuckets.end(),
                       infinite);
}

namespace {

/// Some bucket of `previous` has more than the same one of `current`.
bool anyBucketFell(const IndexedBuckets& current, const IndexedBuckets& previous)
{
    std::size_t at = 0;
    for (const auto& [index, count] : previous) {
        while (at < current.size() && current[at].first < index) {
            ++at;
        }
        const double now =
            at < current.size() && current[at].first == index ? current[at].second : 0;
        if (now < count) {
            return true;
        }
    }
    return false;
}

bool customReset(const FloatHistogram& current, const FloatHistogram& previous)
{
    const std::vector<double> bounds = commonBounds(current.customValues, previous.customValues);
    return anyBucketFell(mapToBounds(expand(current.positiveSpans, current.positiveBuckets),
                                     current.customValues, bounds),
                         mapToBounds(expand(previous.positiveSpans, previous.positiveBuckets),
                                     previous.customValues, bounds));
}

} // namespace

bool detectReset(const FloatHistogram& current, const FloatHistogram& previous)
{
    if (current.hint == CounterResetHint::Reset) {
        return true;
    }
    if (current.hint == CounterResetHint::NoReset) {
        return false;
    }
    if (current.count < previous.count ||
        current.usesCustomBuckets() != previous.usesCustomBuckets()) {
        return true;
    }
    if (current.usesCustomBuckets()) {
        return customReset(current, previous);
    }
    if (current.schema > previous.schema || current.zeroThreshold < previous.zeroThreshold) {
        return true;
    }
    const auto [zeroCount, threshold] = zeroCountForThreshold(previous, current.zeroThreshold);
    if (threshold != current.zeroThreshold || current.zeroCount < zeroCount) {
        return true;
    }
    FloatHistogram mapped = previous;
    widenZeroBucket(mapped, threshold, zeroCount);
    lowerTo(mapped, current.schema);
    return anyBucketFell(expand(current.positiveSpans, current.positiveBuckets),
                         expand(mapped.positiveSpans, mapped.positiveBuckets)) ||
           anyBucketFell(expand(current.negativeSpans, current.negativeBuckets),
                         expand(mapped.negativeSpans, mapped.negativeBuckets));
}

} // namespace narthex::promql
