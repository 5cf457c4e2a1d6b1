// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/custom_buckets.h"

#include "core/base/status.h"
#include "core/model/histogram_compact.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace narthex::model {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

bool isWhole(double count)
{
    constexpr double kExact = 9007199254740992.0; // 2^53
    return count >= 0 && count <= kExact && count == std::floor(count);
}

} // namespace

void ClassicHistogram::clear()
{
    buckets.clear();
    count.reset();
    sum = 0;
}

absl::StatusOr<FloatHistogram> toCustomFloatBuckets(const ClassicHistogram& classic)
{
    auto buckets = classic.buckets;
    std::stable_sort(buckets.begin(), buckets.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    buckets.erase(std::unique(buckets.begin(), buckets.end(),
                              [](const auto& a, const auto& b) { return a.first == b.first; }),
                  buckets.end());
    const double highest = buckets.empty() ? 0 : buckets.back().second;
    const double count = classic.count.value_or(highest);
    if (!(count >= 0)) {
        return base::invalidArgument("the count is negative");
    }
    if (buckets.empty() || buckets.back().first != kInfinity) {
        buckets.emplace_back(kInfinity, count);
    } else if (highest != count) {
        return base::invalidArgument("count does not match the +Inf bucket");
    }
    FloatHistogram result;
    result.schema = kCustomBucketsSchema;
    result.count = count;
    result.sum = classic.sum;
    double before = 0;
    for (const auto& [bound, cumulative] : buckets) {
        if (!(cumulative >= before)) {
            return cumulative < 0 ? base::invalidArgument("a bucket has a negative count")
                                  : base::invalidArgument("buckets are not cumulative");
        }
        if (bound != kInfinity) {
            result.customValues.push_back(bound);
        }
        result.positiveBuckets.push_back(cumulative - before);
        before = cumulative;
    }
    result.positiveSpans = {{0, static_cast<std::uint32_t>(result.positiveBuckets.size())}};
    return result;
}

absl::StatusOr<NativeHistogram> toCustomBuckets(const ClassicHistogram& classic)
{
    NARTHEX_ASSIGN_OR_RETURN(FloatHistogram floats, toCustomFloatBuckets(classic));
    const bool whole = isWhole(floats.count) &&
                       std::all_of(classic.buckets.begin(), classic.buckets.end(),
                                   [](const auto& bucket) { return isWhole(bucket.second); });
    if (!whole) {
        compact(floats, 0);
        return NativeHistogram(std::move(floats));
    }
    IntegerHistogram result;
    result.schema = kCustomBucketsSchema;
    result.count = static_cast<std::uint64_t>(floats.count);
    result.sum = floats.sum;
    result.customValues = std::move(floats.customValues);
    result.positiveSpans = std::move(floats.positiveSpans);
    std::int64_t before = 0;
    for (const double bucket : floats.positiveBuckets) {
        const auto own = static_cast<std::int64_t>(bucket);
        result.positiveDeltas.push_back(own - before);
        before = own;
    }
    constexpr std::int32_t kEmptyKept = 2;
    compact(result, kEmptyKept);
    return NativeHistogram(std::move(result));
}

} // namespace narthex::model
