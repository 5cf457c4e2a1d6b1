// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/histogram_resolution.h"

#include "core/base/status.h"
#include "core/model/histogram_deltas.h"

#include <algorithm>
#include <cmath>

namespace narthex::model {
namespace {

/// `counts` are absolute, one for each bucket of the spans.
template <typename Count>
void joinSide(std::vector<Span>& spans, std::vector<Count>& counts, std::int32_t steps)
{
    std::vector<Span> joinedSpans;
    std::vector<Count> joined;
    std::int64_t index = 0;
    std::int64_t last = 0; // index of the newest joined bucket
    std::size_t at = 0;
    for (const Span& span : spans) {
        index += span.offset;
        for (std::uint32_t i = 0; i < span.length && at < counts.size(); ++i, ++index, ++at) {
            // Bucket i ends at 2^(i·2^-schema): bucket 1 and 2 become bucket 1.
            const std::int64_t target = ((index - 1) >> steps) + 1;
            if (!joined.empty() && target == last) {
                joined.back() += counts[at];
                continue;
            }
            if (joined.empty()) {
                joinedSpans.push_back({static_cast<std::int32_t>(target), 1});
            } else if (target == last + 1) {
                ++joinedSpans.back().length;
            } else {
                joinedSpans.push_back({static_cast<std::int32_t>(target - last - 1), 1});
            }
            joined.push_back(counts[at]);
            last = target;
        }
    }
    spans = std::move(joinedSpans);
    counts = std::move(joined);
}

void joinDeltas(std::vector<Span>& spans, std::vector<std::int64_t>& deltas, std::int32_t steps)
{
    changeCounts(deltas,
                 [&](std::vector<std::int64_t>& counts) { joinSide(spans, counts, steps); });
}

void join(FloatHistogram& histogram, std::int32_t steps)
{
    joinSide(histogram.positiveSpans, histogram.positiveBuckets, steps);
    joinSide(histogram.negativeSpans, histogram.negativeBuckets, steps);
}

void join(IntegerHistogram& histogram, std::int32_t steps)
{
    joinDeltas(histogram.positiveSpans, histogram.positiveDeltas, steps);
    joinDeltas(histogram.negativeSpans, histogram.negativeDeltas, steps);
}

template <typename Histogram>
void reduce(Histogram& histogram, std::int32_t schema)
{
    if (!histogram.usesCustomBuckets() && histogram.schema > schema) {
        join(histogram, histogram.schema - schema);
        histogram.schema = schema;
    }
}

std::size_t bucketCount(const FloatHistogram& histogram)
{
    return histogram.positiveBuckets.size() + histogram.negativeBuckets.size();
}

std::size_t bucketCount(const IntegerHistogram& histogram)
{
    return histogram.positiveDeltas.size() + histogram.negativeDeltas.size();
}

template <typename Histogram>
absl::Status limit(Histogram& histogram, std::uint64_t most)
{
    while (bucketCount(histogram) > most) {
        if (histogram.usesCustomBuckets() || histogram.schema <= kCoarsestSchema) {
            return base::resourceExhausted("histogram bucket limit exceeded");
        }
        reduce(histogram, histogram.schema - 1);
    }
    return absl::OkStatus();
}

} // namespace

std::int32_t schemaForFactor(double factor)
{
    if (!(factor > 0)) {
        return kFinestSchema;
    }
    constexpr double kSmallest = 1.00271;
    const double schema = std::floor(-std::log2(std::log2(std::max(factor, kSmallest))));
    return static_cast<std::int32_t>(std::clamp<double>(schema, kCoarsestSchema, kFinestSchema));
}

void reduceTo(FloatHistogram& histogram, std::int32_t schema) { reduce(histogram, schema); }
void reduceTo(IntegerHistogram& histogram, std::int32_t schema) { reduce(histogram, schema); }

absl::Status limitBuckets(FloatHistogram& histogram, std::uint64_t most)
{
    return limit(histogram, most);
}

absl::Status limitBuckets(IntegerHistogram& histogram, std::uint64_t most)
{
    return limit(histogram, most);
}

} // namespace narthex::model
