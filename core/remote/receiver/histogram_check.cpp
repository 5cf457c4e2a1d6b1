// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/remote/receiver/histogram_check.h"

#include "core/base/status.h"
#include "core/model/histogram_resolution.h"

#include <cmath>
#include <limits>

namespace narthex::remote::receiver {
namespace {

/// Finer ones are made coarser; this is the finest that anybody writes.
constexpr std::int32_t kFinestOnTheWire = 52;
/// Bucket indexes stay far from the ends of 32 bits.
constexpr std::int64_t kFarthest = std::int64_t{1} << 30U;

absl::Status checkSpans(const std::vector<model::Span>& spans, std::size_t buckets, bool fromZero)
{
    std::uint64_t needed = 0;
    std::int64_t index = 0;
    for (std::size_t i = 0; i < spans.size(); ++i) {
        if ((i > 0 || fromZero) && spans[i].offset < 0) {
            return base::invalidArgument("span number {} has the negative offset {}", i + 1,
                                         spans[i].offset);
        }
        needed += spans[i].length;
        index += spans[i].offset + static_cast<std::int64_t>(spans[i].length);
        if (index > kFarthest || index < -kFarthest) {
            return base::invalidArgument("span number {} lies out of range", i + 1);
        }
    }
    return needed == buckets
               ? absl::OkStatus()
               : base::invalidArgument("spans need {} buckets, there are {}", needed, buckets);
}

absl::Status checkBounds(const std::vector<double>& bounds, const std::vector<model::Span>& spans)
{
    for (std::size_t i = 0; i < bounds.size(); ++i) {
        if (std::isnan(bounds[i]) || bounds[i] == std::numeric_limits<double>::infinity()) {
            return base::invalidArgument("custom bound number {} is {}", i + 1, bounds[i]);
        }
        if (i > 0 && bounds[i] <= bounds[i - 1]) {
            return base::invalidArgument("custom bounds do not ascend: {} stands behind {}",
                                         bounds[i], bounds[i - 1]);
        }
    }
    std::uint64_t reach = 0;
    for (const model::Span& span : spans) {
        reach += span.length + static_cast<std::uint64_t>(span.offset);
    }
    return reach <= bounds.size() + 1
               ? absl::OkStatus()
               : base::invalidArgument("{} custom bounds do not cover spans of {} buckets",
                                       bounds.size(), reach);
}

/// Sums the buckets, each of which must not be negative.
absl::Status addBuckets(const std::vector<std::int64_t>& deltas, std::uint64_t& sum)
{
    std::int64_t count = 0;
    for (std::size_t i = 0; i < deltas.size(); ++i) {
        if (__builtin_add_overflow(count, deltas[i], &count) || count < 0 ||
            __builtin_add_overflow(sum, static_cast<std::uint64_t>(count), &sum)) {
            return base::invalidArgument("bucket number {} has a count that cannot be: {}", i + 1,
                                         count);
        }
    }
    return absl::OkStatus();
}

absl::Status addBuckets(const std::vector<double>& counts, double& sum)
{
    for (std::size_t i = 0; i < counts.size(); ++i) {
        if (counts[i] < 0) {
            return base::invalidArgument("bucket number {} has the negative count {}", i + 1,
                                         counts[i]);
        }
        sum += counts[i];
    }
    return absl::OkStatus();
}

template <typename Histogram, typename Buckets>
absl::Status checkShape(const Histogram& histogram, const Buckets& positive,
                        const Buckets& negative)
{
    if (histogram.usesCustomBuckets()) {
        NARTHEX_RETURN_IF_ERROR(checkSpans(histogram.positiveSpans, positive.size(), true));
        if (histogram.zeroCount != 0 || histogram.zeroThreshold != 0 || !negative.empty() ||
            !histogram.negativeSpans.empty()) {
            return base::invalidArgument(
                "with custom buckets there is no zero bucket and no negative one");
        }
        return checkBounds(histogram.customValues, histogram.positiveSpans);
    }
    if (histogram.schema < model::kCoarsestSchema || histogram.schema > kFinestOnTheWire) {
        return base::invalidArgument("schema {} is not known: {} to {} are, and {} for custom "
                                     "buckets",
                                     histogram.schema, model::kCoarsestSchema, kFinestOnTheWire,
                                     model::kCustomBucketsSchema);
    }
    if (!histogram.customValues.empty()) {
        return base::invalidArgument("custom bounds stand only with schema {}",
                                     model::kCustomBucketsSchema);
    }
    if (auto status = checkSpans(histogram.positiveSpans, positive.size(), false); !status.ok()) {
        return base::annotate(status, "positive side");
    }
    auto status = checkSpans(histogram.negativeSpans, negative.size(), false);
    return status.ok() ? status : base::annotate(status, "negative side");
}

template <typename Buckets, typename Sum>
absl::Status addSides(const Buckets& positive, const Buckets& negative, Sum& sum)
{
    if (auto status = addBuckets(negative, sum); !status.ok()) {
        return base::annotate(status, "negative side");
    }
    auto status = addBuckets(positive, sum);
    return status.ok() ? status : base::annotate(status, "positive side");
}

} // namespace

absl::Status checkHistogram(const model::IntegerHistogram& histogram)
{
    if (histogram.isStale()) {
        return absl::OkStatus();
    }
    NARTHEX_RETURN_IF_ERROR(
        checkShape(histogram, histogram.positiveDeltas, histogram.negativeDeltas));
    std::uint64_t sum = histogram.zeroCount;
    NARTHEX_RETURN_IF_ERROR(addSides(histogram.positiveDeltas, histogram.negativeDeltas, sum));
    // Observations that are no number are counted, but stand in no bucket.
    const bool fits = std::isnan(histogram.sum) ? sum <= histogram.count : sum == histogram.count;
    return fits ? absl::OkStatus()
                : base::invalidArgument("buckets hold {} observations, the count says {}", sum,
                                        histogram.count);
}

absl::Status checkHistogram(const model::FloatHistogram& histogram)
{
    if (histogram.isStale()) {
        return absl::OkStatus();
    }
    NARTHEX_RETURN_IF_ERROR(
        checkShape(histogram, histogram.positiveBuckets, histogram.negativeBuckets));
    if (histogram.count < 0 || histogram.zeroCount < 0) {
        return base::invalidArgument("a count is negative: {} observations, {} in the zero bucket",
                                     histogram.count, histogram.zeroCount);
    }
    double sum = 0;
    return addSides(histogram.positiveBuckets, histogram.negativeBuckets, sum);
}

} // namespace narthex::remote::receiver
