// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/client/http/histogram_answer.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

namespace narthex::client {
namespace {

constexpr int kLowestSchema = -4;
constexpr int kHighestSchema = 8;

bool near(double a, double b)
{
    constexpr double kTolerance = 1e-6;
    return std::fabs(a - b) <= kTolerance * std::max(1.0, std::fabs(b));
}

/// Bounds in absolute size: lower < upper.
struct Size
{
    double lower;
    double upper;
};

Size sizeOf(const AnswerBucket& bucket)
{
    return bucket.lower < 0 ? Size{-bucket.upper, -bucket.lower} : Size{bucket.lower, bucket.upper};
}

/// upper / lower = 2^(2^-schema), and the bounds are powers of it.
std::optional<int> schemaOf(const AnswerBucket& bucket)
{
    const Size size = sizeOf(bucket);
    if (!(size.lower > 0) || !std::isfinite(size.upper)) {
        return std::nullopt;
    }
    const double exponent = std::log2(size.upper) - std::log2(size.lower);
    const double schema = -std::log2(exponent);
    const double whole = std::round(schema);
    constexpr double kSlack = 1e-3; // of the narrowest buckets, whose bounds are rounded
    if (!(exponent > 0) || std::fabs(schema - whole) > kSlack || whole < kLowestSchema ||
        whole > kHighestSchema) {
        return std::nullopt;
    }
    const double index = std::ldexp(std::log2(size.upper), static_cast<int>(whole));
    return near(index, std::round(index)) ? std::optional(static_cast<int>(whole)) : std::nullopt;
}

/// The schema of all buckets but the one around zero; absent: they have none in common.
std::optional<int> commonSchema(std::span<const AnswerBucket> buckets)
{
    std::optional<int> schema;
    for (const AnswerBucket& bucket : buckets) {
        if (bucket.rule == 3) {
            continue;
        }
        const std::optional<int> own = schemaOf(bucket);
        if (!own || (schema && *own != *schema)) {
            return std::nullopt;
        }
        schema = own;
    }
    return schema.value_or(0);
}

using Indexed = std::vector<std::pair<std::int32_t, double>>; // index, count

void fill(Indexed indexed, std::vector<model::Span>& spans, std::vector<double>& counts)
{
    std::sort(indexed.begin(), indexed.end());
    std::int32_t next = 0;
    for (const auto& [index, count] : indexed) {
        if (spans.empty() || index != next) {
            spans.push_back({.offset = index - next, .length = 0});
        }
        ++spans.back().length;
        counts.push_back(count);
        next = index + 1;
    }
}

void fillCustom(std::span<const AnswerBucket> buckets, model::FloatHistogram& histogram)
{
    histogram.schema = model::kCustomBucketsSchema;
    std::vector<double>& bounds = histogram.customValues;
    for (const AnswerBucket& bucket : buckets) {
        // A gap before the bucket is one empty bucket.
        if (std::isfinite(bucket.lower) && (bounds.empty() || bucket.lower > bounds.back())) {
            bounds.push_back(bucket.lower);
            histogram.positiveBuckets.push_back(0);
        }
        if (std::isfinite(bucket.upper)) {
            bounds.push_back(bucket.upper);
        }
        histogram.positiveBuckets.push_back(bucket.count);
    }
    histogram.positiveSpans.push_back(
        {.offset = 0, .length = static_cast<std::uint32_t>(histogram.positiveBuckets.size())});
}

} // namespace

model::FloatHistogram histogramOf(double count, double sum, std::span<const AnswerBucket> buckets)
{
    model::FloatHistogram histogram{.count = count, .sum = sum};
    if (buckets.empty()) {
        return histogram;
    }
    const std::optional<int> schema = commonSchema(buckets);
    if (!schema) {
        fillCustom(buckets, histogram);
        return histogram;
    }
    histogram.schema = *schema;
    Indexed positive;
    Indexed negative;
    for (const AnswerBucket& bucket : buckets) {
        if (bucket.rule == 3) {
            histogram.zeroThreshold = bucket.upper;
            histogram.zeroCount = bucket.count;
            continue;
        }
        const double index = std::ldexp(std::log2(sizeOf(bucket).upper), *schema);
        (bucket.lower < 0 ? negative : positive)
            .emplace_back(static_cast<std::int32_t>(std::lround(index)), bucket.count);
    }
    fill(std::move(positive), histogram.positiveSpans, histogram.positiveBuckets);
    fill(std::move(negative), histogram.negativeSpans, histogram.negativeBuckets);
    return histogram;
}

} // namespace narthex::client
