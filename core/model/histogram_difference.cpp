// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/histogram_difference.h"

#include "core/model/histogram_deltas.h"

#include <vector>

namespace narthex::model {
namespace {

std::vector<std::int32_t> indexesOf(const std::vector<Span>& spans)
{
    std::vector<std::int32_t> indexes;
    std::int32_t next = 0;
    for (const Span& span : spans) {
        next += span.offset;
        for (std::uint32_t i = 0; i < span.length; ++i) {
            indexes.push_back(next++);
        }
    }
    return indexes;
}

/// Takes the counts of `before` away. False: one went back, or is filled and not in `now`.
template <typename Number>
bool subtract(const std::vector<Span>& spans, std::vector<Number>& now,
              const std::vector<Span>& spansBefore, const std::vector<Number>& before)
{
    const std::vector<std::int32_t> indexes = indexesOf(spans);
    const std::vector<std::int32_t> old = indexesOf(spansBefore);
    std::size_t at = 0;
    for (std::size_t i = 0; i < old.size(); ++i) {
        while (at < indexes.size() && indexes[at] < old[i]) {
            ++at;
        }
        const bool isThere = at < indexes.size() && indexes[at] == old[i];
        if (isThere ? now[at] < before[i] : before[i] != 0) {
            return false;
        }
        if (isThere) {
            now[at] -= before[i];
        }
    }
    return true;
}

bool subtractBuckets(FloatHistogram& now, const FloatHistogram& before)
{
    return subtract(now.positiveSpans, now.positiveBuckets, before.positiveSpans,
                    before.positiveBuckets) &&
           subtract(now.negativeSpans, now.negativeBuckets, before.negativeSpans,
                    before.negativeBuckets);
}

std::vector<std::int64_t> countsOf(const std::vector<std::int64_t>& deltas)
{
    std::vector<std::int64_t> counts = deltas;
    std::int64_t count = 0;
    for (std::int64_t& each : counts) {
        each = count += each;
    }
    return counts;
}

bool subtractBuckets(IntegerHistogram& now, const IntegerHistogram& before)
{
    bool grows = true;
    changeCounts(now.positiveDeltas, [&](std::vector<std::int64_t>& counts) {
        grows = subtract(now.positiveSpans, counts, before.positiveSpans,
                         countsOf(before.positiveDeltas));
    });
    changeCounts(now.negativeDeltas, [&](std::vector<std::int64_t>& counts) {
        grows = grows && subtract(now.negativeSpans, counts, before.negativeSpans,
                                  countsOf(before.negativeDeltas));
    });
    return grows;
}

template <typename Histogram>
std::optional<Histogram> differenceOf(const Histogram& now, const Histogram& before)
{
    if (now.schema != before.schema || now.zeroThreshold != before.zeroThreshold ||
        now.customValues != before.customValues || now.count < before.count ||
        now.zeroCount < before.zeroCount) {
        return std::nullopt;
    }
    Histogram result = now;
    if (!subtractBuckets(result, before)) {
        return std::nullopt;
    }
    result.count -= before.count;
    result.zeroCount -= before.zeroCount;
    result.sum -= before.sum;
    return result;
}

} // namespace

std::optional<FloatHistogram> difference(const FloatHistogram& now, const FloatHistogram& before)
{
    return differenceOf(now, before);
}

std::optional<IntegerHistogram> difference(const IntegerHistogram& now,
                                           const IntegerHistogram& before)
{
    return differenceOf(now, before);
}

} // namespace narthex::model
