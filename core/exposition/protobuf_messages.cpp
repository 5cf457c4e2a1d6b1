// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/exposition/protobuf_messages.h"

#include "core/model/histogram_compact.h"

#include <fmt/format.h>

#include <limits>
#include <utility>

namespace narthex::exposition {

using protozero::pbf_reader;

std::int64_t millisecondsOf(pbf_reader message)
{
    constexpr std::int64_t kMostSeconds = std::numeric_limits<std::int64_t>::max() / 1000 - 1;
    std::int64_t seconds = 0;
    std::int32_t nanoseconds = 0;
    while (message.next()) {
        switch (message.tag_and_type()) {
        case asVarint(1):
            seconds = message.get_int64();
            break;
        case asVarint(2):
            nanoseconds = message.get_int32();
            break;
        default:
            message.skip();
        }
    }
    if (seconds > kMostSeconds || seconds < -kMostSeconds) {
        return 0;
    }
    return seconds * 1000 + nanoseconds / 1'000'000;
}

model::LabelView labelPairOf(pbf_reader message)
{
    model::LabelView label;
    while (message.next()) {
        switch (message.tag_and_type()) {
        case asBytes(1):
            label.name = viewOf(message.get_view());
            break;
        case asBytes(2):
            label.value = viewOf(message.get_view());
            break;
        default:
            message.skip();
        }
    }
    return label;
}

model::Exemplar exemplarOf(pbf_reader message)
{
    model::Exemplar exemplar;
    model::LabelsBuilder labels;
    while (message.next()) {
        switch (message.tag_and_type()) {
        case asBytes(1): {
            const model::LabelView label = labelPairOf(message.get_message());
            labels.set(label.name, label.value);
            break;
        }
        case asDouble(2):
            exemplar.value = message.get_double();
            break;
        case asBytes(3):
            exemplar.time = base::Timestamp{millisecondsOf(message.get_message())};
            break;
        default:
            message.skip();
        }
    }
    exemplar.labels = labels.build();
    return exemplar;
}

namespace {

ProtobufBucket bucketOf(pbf_reader message)
{
    ProtobufBucket bucket;
    double floatCount = 0;
    while (message.next()) {
        switch (message.tag_and_type()) {
        case asVarint(1):
            bucket.cumulativeCount = static_cast<double>(message.get_uint64());
            break;
        case asDouble(2):
            bucket.upperBound = message.get_double();
            break;
        case asBytes(3):
            bucket.exemplar = exemplarOf(message.get_message());
            break;
        case asDouble(4):
            floatCount = message.get_double();
            break;
        default:
            message.skip();
        }
    }
    if (floatCount > 0) {
        bucket.cumulativeCount = floatCount;
    }
    return bucket;
}

model::Span spanOf(pbf_reader message)
{
    model::Span span;
    while (message.next()) {
        switch (message.tag_and_type()) {
        case asVarint(1):
            span.offset = message.get_sint32();
            break;
        case asVarint(2):
            span.length = message.get_uint32();
            break;
        default:
            message.skip();
        }
    }
    return span;
}

/// Repeated numbers come packed or one by one.
template <typename Packed, typename One, typename Out>
void readNumbers(pbf_reader& message, Packed packed, One one, Out& out)
{
    if (message.wire_type() == protozero::pbf_wire_type::length_delimited) {
        for (const auto value : (message.*packed)()) {
            out.push_back(value);
        }
    } else {
        out.push_back((message.*one)());
    }
}

/// True when the field was one of a native histogram's buckets.
bool readBuckets(pbf_reader& message, RawHistogram& raw)
{
    switch (message.tag_and_type()) {
    case asBytes(9):
        raw.negativeSpans.push_back(spanOf(message.get_message()));
        return true;
    case asBytes(10):
    case asVarint(10):
        readNumbers(message, &pbf_reader::get_packed_sint64, &pbf_reader::get_sint64,
                    raw.negativeDeltas);
        return true;
    case asBytes(11):
    case asDouble(11):
        readNumbers(message, &pbf_reader::get_packed_double, &pbf_reader::get_double,
                    raw.negativeCounts);
        return true;
    case asBytes(12):
        raw.positiveSpans.push_back(spanOf(message.get_message()));
        return true;
    case asBytes(13):
    case asVarint(13):
        readNumbers(message, &pbf_reader::get_packed_sint64, &pbf_reader::get_sint64,
                    raw.positiveDeltas);
        return true;
    case asBytes(14):
    case asDouble(14):
        readNumbers(message, &pbf_reader::get_packed_double, &pbf_reader::get_double,
                    raw.positiveCounts);
        return true;
    default:
        return false;
    }
}

/// What is wrong with the spans of one side; empty if nothing is.
std::string spanProblem(const std::vector<model::Span>& spans, std::size_t buckets)
{
    constexpr std::int64_t kFarthest = std::int64_t{1} << 30;
    std::uint64_t required = 0;
    std::int64_t index = 0;
    for (std::size_t i = 0; i < spans.size(); ++i) {
        if (i > 0 && spans[i].offset < 0) {
            return fmt::format("span number {} has the negative offset {}", i + 1, spans[i].offset);
        }
        required += spans[i].length;
        index += spans[i].offset + static_cast<std::int64_t>(spans[i].length);
        if (index > kFarthest || index < -kFarthest) {
            return fmt::format("span number {} lies out of range", i + 1);
        }
    }
    return required == buckets
               ? std::string()
               : fmt::format("spans require {} buckets, have {}", required, buckets);
}

/// The same of whole counts, given as differences.
std::string deltaProblem(const std::vector<std::int64_t>& deltas)
{
    std::int64_t count = 0;
    for (std::size_t i = 0; i < deltas.size(); ++i) {
        if (__builtin_add_overflow(count, deltas[i], &count) || count < 0) {
            return fmt::format("bucket number {} has a negative count", i + 1);
        }
    }
    return {};
}

std::string sideProblem(std::string_view side, const std::vector<model::Span>& spans,
                        const std::vector<std::int64_t>& deltas, const std::vector<double>& counts,
                        bool hasFloatCounts)
{
    std::string problem = spanProblem(spans, hasFloatCounts ? counts.size() : deltas.size());
    if (problem.empty() && !hasFloatCounts) {
        problem = deltaProblem(deltas);
    }
    return problem.empty() ? problem : fmt::format("{} side: {}", side, problem);
}

} // namespace

void readHistogram(pbf_reader message, RawHistogram& raw, ProtobufMetric& metric)
{
    while (message.next()) {
        switch (message.tag_and_type()) {
        case asVarint(1):
            raw.count = message.get_uint64();
            break;
        case asDouble(2):
            raw.sum = message.get_double();
            break;
        case asBytes(3):
            metric.buckets.push_back(bucketOf(message.get_message()));
            break;
        case asDouble(4):
            raw.floatCount = message.get_double();
            break;
        case asVarint(5):
            raw.schema = message.get_sint32();
            break;
        case asDouble(6):
            raw.zeroThreshold = message.get_double();
            break;
        case asVarint(7):
            raw.zeroCount = message.get_uint64();
            break;
        case asDouble(8):
            raw.floatZeroCount = message.get_double();
            break;
        case asBytes(15):
            metric.startTimestampMs = millisecondsOf(message.get_message());
            break;
        case asBytes(16):
            metric.exemplars.push_back(exemplarOf(message.get_message()));
            break;
        default:
            if (!readBuckets(message, raw)) {
                message.skip();
            }
        }
    }
    metric.sampleCount = raw.floatCount > 0 ? raw.floatCount : static_cast<double>(raw.count);
    metric.sampleSum = raw.sum;
}

std::string problemOf(const RawHistogram& raw)
{
    const bool floats = raw.hasFloatCounts();
    const std::string positive =
        sideProblem("positive", raw.positiveSpans, raw.positiveDeltas, raw.positiveCounts, floats);
    return positive.empty() ? sideProblem("negative", raw.negativeSpans, raw.negativeDeltas,
                                          raw.negativeCounts, floats)
                            : positive;
}

void makeNative(RawHistogram& raw, bool isGauge, ProtobufMetric& metric)
{
    const auto hint = isGauge ? model::CounterResetHint::Gauge : model::CounterResetHint::Unknown;
    metric.isNative = true;
    metric.hasFloatCounts = raw.hasFloatCounts();
    if (metric.hasFloatCounts) {
        metric.floats = {.schema = raw.schema,
                         .hint = hint,
                         .zeroThreshold = raw.zeroThreshold,
                         .zeroCount = raw.floatZeroCount,
                         .count = raw.floatCount,
                         .sum = raw.sum,
                         .positiveSpans = std::move(raw.positiveSpans),
                         .negativeSpans = std::move(raw.negativeSpans),
                         .positiveBuckets = std::move(raw.positiveCounts),
                         .negativeBuckets = std::move(raw.negativeCounts)};
        model::compact(metric.floats, 0);
        return;
    }
    metric.integer = {.schema = raw.schema,
                      .hint = hint,
                      .zeroThreshold = raw.zeroThreshold,
                      .zeroCount = raw.zeroCount,
                      .count = raw.count,
                      .sum = raw.sum,
                      .positiveSpans = std::move(raw.positiveSpans),
                      .negativeSpans = std::move(raw.negativeSpans),
                      .positiveDeltas = std::move(raw.positiveDeltas),
                      .negativeDeltas = std::move(raw.negativeDeltas)};
    model::compact(metric.integer, 0);
}

} // namespace narthex::exposition
