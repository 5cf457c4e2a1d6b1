// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/histogram_buckets.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace narthex::promql {
namespace {

double exponentialBound(std::int32_t index, std::int32_t schema)
{
    constexpr int kBeyondLargest = 1024;
    if (schema <= 0) {
        const std::int64_t exponent =
            static_cast<std::int64_t>(index) * (std::int64_t{1} << -schema);
        if (exponent == kBeyondLargest) {
            return std::numeric_limits<double>::max();
        }
        return std::ldexp(1.0, static_cast<int>(std::clamp<std::int64_t>(exponent, -5000, 5000)));
    }
    const std::int32_t perOctave = std::int32_t{1} << schema;
    const std::int32_t within = index & (perOctave - 1);
    const int octave = index >> schema;
    if (within == 0 && octave == kBeyondLargest) {
        return std::numeric_limits<double>::max();
    }
    return std::ldexp(std::exp2(static_cast<double>(within) / perOctave), octave);
}

} // namespace

IndexedBuckets expand(std::span<const model::Span> spans, std::span<const double> counts)
{
    IndexedBuckets result;
    result.reserve(counts.size());
    std::int32_t index = 0;
    std::size_t next = 0;
    for (const model::Span& span : spans) {
        index += span.offset;
        for (std::uint32_t i = 0; i < span.length && next < counts.size(); ++i) {
            result.emplace_back(index++, counts[next++]);
        }
    }
    return result;
}

void pack(const IndexedBuckets& buckets, std::vector<model::Span>& spans,
          std::vector<double>& counts)
{
    spans.clear();
    counts.clear();
    std::int32_t behindLast = 0;
    for (const auto& [index, count] : buckets) {
        if (count == 0) {
            continue;
        }
        if (spans.empty() || index != behindLast) {
            spans.push_back({index - behindLast, 0});
        }
        ++spans.back().length;
        counts.push_back(count);
        behindLast = index + 1;
    }
}

double upperBound(std::int32_t index, const model::FloatHistogram& histogram)
{
    if (!histogram.usesCustomBuckets()) {
        return exponentialBound(index, histogram.schema);
    }
    if (index < 0) {
        return -std::numeric_limits<double>::infinity();
    }
    const auto at = static_cast<std::size_t>(index);
    return at < histogram.customValues.size() ? histogram.customValues[at]
                                              : std::numeric_limits<double>::infinity();
}

IndexedBuckets lowerResolution(const IndexedBuckets& buckets, int steps)
{
    IndexedBuckets result;
    for (const auto& [index, count] : buckets) {
        const std::int32_t target = ((index - 1) >> steps) + 1;
        if (!result.empty() && result.back().first == target) {
            result.back().second += count;
        } else {
            result.emplace_back(target, count);
        }
    }
    return result;
}

IndexedBuckets combine(const IndexedBuckets& a, const IndexedBuckets& b, double sign)
{
    IndexedBuckets result;
    result.reserve(a.size() + b.size());
    // Zero times infinity is no number: a sign of 0 only takes over the indices.
    const auto signedCount = [sign](double count) { return sign == 0 ? 0.0 : sign * count; };
    std::size_t i = 0;
    std::size_t j = 0;
    while (i < a.size() || j < b.size()) {
        if (j == b.size() || (i < a.size() && a[i].first < b[j].first)) {
            result.push_back(a[i++]);
        } else if (i == a.size() || b[j].first < a[i].first) {
            result.emplace_back(b[j].first, signedCount(b[j].second));
            ++j;
        } else {
            result.emplace_back(a[i].first, a[i].second + signedCount(b[j].second));
            ++i;
            ++j;
        }
    }
    return result;
}

std::pair<double, double> zeroCountForThreshold(const model::FloatHistogram& histogram,
                                                double threshold)
{
    const IndexedBuckets positive = expand(histogram.positiveSpans, histogram.positiveBuckets);
    const IndexedBuckets negative = expand(histogram.negativeSpans, histogram.negativeBuckets);
    while (true) {
        double count = histogram.zeroCount;
        const double before = threshold;
        for (const IndexedBuckets* side : {&positive, &negative}) {
            for (const auto& [index, bucket] : *side) {
                if (upperBound(index - 1, histogram) >= threshold) {
                    break;
                }
                count += bucket;
                const double upper = upperBound(index, histogram);
                if (upper > threshold) {
                    threshold = bucket != 0 ? upper : threshold;
                    break;
                }
            }
        }
        // The positive side was counted with a threshold that the negative side has moved.
        if (threshold == before) {
            return {count, threshold};
        }
    }
}

void widenZeroBucket(model::FloatHistogram& histogram, double threshold, double count)
{
    const auto cut = [&](std::vector<model::Span>& spans, std::vector<double>& counts) {
        IndexedBuckets buckets = expand(spans, counts);
        std::erase_if(buckets, [&](const auto& bucket) {
            return upperBound(bucket.first - 1, histogram) < threshold;
        });
        pack(buckets, spans, counts);
    };
    cut(histogram.positiveSpans, histogram.positiveBuckets);
    cut(histogram.negativeSpans, histogram.negativeBuckets);
    histogram.zeroCount = count;
    histogram.zeroThreshold = threshold;
}

std::vector<double> commonBounds(const std::vector<double>& a, const std::vector<double>& b)
{
    std::vector<double> result;
    std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(result));
    return result;
}

IndexedBuckets mapToBounds(const IndexedBuckets& buckets, const std::vector<double>& from,
                           const std::vector<double>& to)
{
    IndexedBuckets result;
    for (const auto& [index, count] : buckets) {
        auto target = static_cast<std::int32_t>(to.size());
        if (const auto at = static_cast<std::size_t>(index); at < from.size()) {
            target = static_cast<std::int32_t>(std::lower_bound(to.begin(), to.end(), from[at]) -
                                               to.begin());
        }
        if (!result.empty() && result.back().first == target) {
            result.back().second += count;
        } else {
            result.emplace_back(target, count);
        }
    }
    return result;
}

} // namespace narthex::promql
