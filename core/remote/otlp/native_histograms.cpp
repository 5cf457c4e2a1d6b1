// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/remote/otlp/native_histograms.h"

#include "core/base/status.h"
#include "core/model/histogram_resolution.h"
#include "core/remote/receiver/histogram_check.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace narthex::remote::otlp {
namespace {

/// OpenTelemetry does not say it yet; Prometheus' client libraries use this.
constexpr double kZeroThreshold = 1e-128;
/// Up to so many empty buckets are cheaper than a new span.
constexpr std::int64_t kGapFilled = 2;
constexpr std::int64_t kFarthest = std::int64_t{1} << 30U;
constexpr std::int32_t kMostScales = 31;

/// Writes counts that stand side by side, the first at `index`, without the empty ones.
class SpanWriter
{
public:
    SpanWriter(std::vector<model::Span>& spans, std::vector<std::int64_t>& deltas)
        : spans_(spans), deltas_(deltas)
    {}
    void add(std::int64_t index, std::uint64_t count)
    {
        if (count == 0) {
            return;
        }
        const std::int64_t gap = index - next_;
        if (spans_.empty() || gap > kGapFilled) {
            const std::int64_t offset = spans_.empty() ? index : gap;
            spans_.push_back({static_cast<std::int32_t>(offset), 0});
        } else {
            for (std::int64_t i = 0; i < gap; ++i) {
                put(0);
            }
        }
        put(static_cast<std::int64_t>(count));
        next_ = index + 1;
    }

private:
    void put(std::int64_t count)
    {
        ++spans_.back().length;
        deltas_.push_back(count - std::exchange(last_, count));
    }

    std::vector<model::Span>& spans_;
    std::vector<std::int64_t>& deltas_;
    std::int64_t next_ = 0;
    std::int64_t last_ = 0;
};

absl::Status checkCounts(const std::vector<std::uint64_t>& counts, std::int64_t first)
{
    constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    if (std::any_of(counts.begin(), counts.end(),
                    [](std::uint64_t count) { return count > kMost; })) {
        return base::failedPrecondition("a bucket of a histogram holds more than {}", kMost);
    }
    const std::int64_t last = first + static_cast<std::int64_t>(counts.size());
    return first < -kFarthest || last > kFarthest
               ? base::failedPrecondition("buckets {} to {} of a histogram lie out of range", first,
                                          last)
               : absl::OkStatus();
}

absl::Status addSide(ExponentialBuckets buckets, std::int32_t coarser,
                     std::vector<model::Span>& spans, std::vector<std::int64_t>& deltas)
{
    NARTHEX_RETURN_IF_ERROR(checkCounts(buckets.counts, buckets.offset));
    coarsen(buckets, coarser);
    SpanWriter writer(spans, deltas);
    std::int64_t index = std::int64_t{buckets.offset} + 1;
    for (const std::uint64_t count : buckets.counts) {
        writer.add(index++, count);
    }
    return absl::OkStatus();
}

absl::StatusOr<model::IntegerHistogram> finished(model::IntegerHistogram histogram,
                                                 const Point& point, std::uint64_t count,
                                                 std::optional<double> sum, bool isDelta)
{
    histogram.hint = isDelta ? model::CounterResetHint::Gauge : model::CounterResetHint::Unknown;
    histogram.count = count;
    histogram.sum = point.isStale ? model::staleMarker() : sum.value_or(0);
    if (const absl::Status status = receiver::checkHistogram(histogram); !status.ok()) {
        return base::failedPrecondition("{}", base::messageOf(status));
    }
    return histogram;
}

} // namespace

void coarsen(ExponentialBuckets& buckets, std::int32_t scales)
{
    if (scales <= 0) {
        return;
    }
    const std::int32_t shift = std::min(scales, kMostScales);
    const std::int64_t first = std::int64_t{buckets.offset} >> shift;
    std::vector<std::uint64_t> merged;
    for (std::size_t i = 0; i < buckets.counts.size(); ++i) {
        const std::int64_t index =
            (std::int64_t{buckets.offset} + static_cast<std::int64_t>(i)) >> shift;
        merged.resize(static_cast<std::size_t>(index - first) + 1, 0);
        merged.back() += buckets.counts[i];
    }
    buckets.offset = static_cast<std::int32_t>(first);
    buckets.counts = std::move(merged);
}

absl::StatusOr<model::IntegerHistogram> nativeOf(const ExponentialPoint& point, bool isDelta)
{
    if (point.scale < model::kCoarsestSchema) {
        return base::failedPrecondition("cannot convert an exponential histogram of scale {}: {} "
                                        "is the least",
                                        point.scale, model::kCoarsestSchema);
    }
    const std::int32_t coarser = std::max(0, point.scale - model::kFinestSchema);
    model::IntegerHistogram histogram{.schema = point.scale - coarser,
                                      .zeroThreshold = kZeroThreshold,
                                      .zeroCount = point.zeroCount};
    NARTHEX_RETURN_IF_ERROR(
        addSide(point.positive, coarser, histogram.positiveSpans, histogram.positiveDeltas));
    NARTHEX_RETURN_IF_ERROR(
        addSide(point.negative, coarser, histogram.negativeSpans, histogram.negativeDeltas));
    return finished(std::move(histogram), point, point.count, point.sum, isDelta);
}

absl::StatusOr<model::IntegerHistogram> customOf(const HistogramPoint& point, bool isDelta)
{
    NARTHEX_RETURN_IF_ERROR(checkCounts(point.counts, 0));
    model::IntegerHistogram histogram{.schema = model::kCustomBucketsSchema,
                                      .customValues = point.bounds};
    SpanWriter writer(histogram.positiveSpans, histogram.positiveDeltas);
    std::int64_t index = 0;
    for (const std::uint64_t count : point.counts) {
        writer.add(index++, count);
    }
    return finished(std::move(histogram), point, point.count, point.sum, isDelta);
}

} // namespace narthex::remote::otlp
