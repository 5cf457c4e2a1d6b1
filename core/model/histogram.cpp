// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/histogram.h"

#include <algorithm>
#include <bit>

namespace narthex::model {
namespace {

bool same(double a, double b)
{
    return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

bool same(const std::vector<double>& a, const std::vector<double>& b)
{
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](double x, double y) { return same(x, y); });
}

std::vector<double> absoluteCounts(const std::vector<std::int64_t>& deltas)
{
    std::vector<double> counts;
    counts.reserve(deltas.size());
    // Sums of a foreign file may overflow: unsigned arithmetic wraps.
    std::uint64_t sum = 0;
    for (const std::int64_t delta : deltas) {
        sum += static_cast<std::uint64_t>(delta);
        counts.push_back(static_cast<double>(static_cast<std::int64_t>(sum)));
    }
    return counts;
}

} // namespace

FloatHistogram toFloat(const IntegerHistogram& histogram)
{
    return {.schema = histogram.schema,
            .hint = histogram.hint,
            .zeroThreshold = histogram.zeroThreshold,
            .zeroCount = static_cast<double>(histogram.zeroCount),
            .count = static_cast<double>(histogram.count),
            .sum = histogram.sum,
            .positiveSpans = histogram.positiveSpans,
            .negativeSpans = histogram.negativeSpans,
            .positiveBuckets = absoluteCounts(histogram.positiveDeltas),
            .negativeBuckets = absoluteCounts(histogram.negativeDeltas),
            .customValues = histogram.customValues};
}

bool sameBits(const FloatHistogram& a, const FloatHistogram& b)
{
    return a.schema == b.schema && same(a.zeroThreshold, b.zeroThreshold) &&
           same(a.zeroCount, b.zeroCount) && same(a.count, b.count) && same(a.sum, b.sum) &&
           a.positiveSpans == b.positiveSpans && a.negativeSpans == b.negativeSpans &&
           same(a.positiveBuckets, b.positiveBuckets) &&
           same(a.negativeBuckets, b.negativeBuckets) && same(a.customValues, b.customValues);
}

bool sameBits(const IntegerHistogram& a, const IntegerHistogram& b)
{
    return a.schema == b.schema && same(a.zeroThreshold, b.zeroThreshold) &&
           a.zeroCount == b.zeroCount && a.count == b.count && same(a.sum, b.sum) &&
           a.positiveSpans == b.positiveSpans && a.negativeSpans == b.negativeSpans &&
           a.positiveDeltas == b.positiveDeltas && a.negativeDeltas == b.negativeDeltas &&
           same(a.customValues, b.customValues);
}

} // namespace narthex::model
