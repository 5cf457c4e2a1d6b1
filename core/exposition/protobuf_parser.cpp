// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/exposition/protobuf_parser.h"

#include "core/base/status.h"
#include "core/base/utf8.h"
#include "core/model/histogram_compact.h"

#include <protozero/pbf_message.hpp>

#include <array>
#include <limits>
#include <utility>

namespace narthex::exposition {
namespace {

using protozero::data_view;
using protozero::pbf_reader;

std::string_view view(data_view bytes) { return {bytes.data(), bytes.size()}; }

std::int64_t milliseconds(pbf_reader message)
{
    constexpr std::int64_t kMostSeconds = std::numeric_limits<std::int64_t>::max() / 1000 - 1;
    std::int64_t seconds = 0;
    std::int32_t nanoseconds = 0;
    while (message.next()) {
        switch (message.tag()) {
        case 1:
            seconds = message.get_int64();
            break;
        case 2:
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

model::LabelView labelPair(pbf_reader message)
{
    model::LabelView label;
    while (message.next()) {
        switch (message.tag()) {
        case 1:
            label.name = view(message.get_view());
            break;
        case 2:
            label.value = view(message.get_view());
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
        switch (message.tag()) {
        case 1: {
            const model::LabelView label = labelPair(message.get_message());
            labels.set(label.name, label.value);
            break;
        }
        case 2:
            exemplar.value = message.get_double();
            break;
        case 3:
            exemplar.time = base::Timestamp{milliseconds(message.get_message())};
            break;
        default:
            message.skip();
        }
    }
    exemplar.labels = labels.build();
    return exemplar;
}

/// A message with a value alone: gauge, untyped, counter.
void readValue(pbf_reader message, ProtobufMetric& metric)
{
    while (message.next()) {
        switch (message.tag()) {
        case 1:
            metric.value = message.get_double();
            break;
        case 2:
            metric.exemplars.push_back(exemplarOf(message.get_message()));
            break;
        case 3:
            metric.startTimestampMs = milliseconds(message.get_message());
            break;
        default:
            message.skip();
        }
    }
}

ProtobufQuantile quantileOf(pbf_reader message)
{
    ProtobufQuantile quantile;
    while (message.next()) {
        switch (message.tag()) {
        case 1:
            quantile.quantile = message.get_double();
            break;
        case 2:
            quantile.value = message.get_double();
            break;
        default:
            message.skip();
        }
    }
    return quantile;
}

void readSummary(pbf_reader message, ProtobufMetric& metric)
{
    while (message.next()) {
        switch (message.tag()) {
        case 1:
            metric.sampleCount = static_cast<double>(message.get_uint64());
            break;
        case 2:
            metric.sampleSum = message.get_double();
            break;
        case 3:
            metric.quantiles.push_back(quantileOf(message.get_message()));
            break;
        case 4:
            metric.startTimestampMs = milliseconds(message.get_message());
            break;
        default:
            message.skip();
        }
    }
}

ProtobufBucket bucketOf(pbf_reader message)
{
    ProtobufBucket bucket;
    double floatCount = 0;
    while (message.next()) {
        switch (message.tag()) {
        case 1:
            bucket.cumulativeCount = static_cast<double>(message.get_uint64());
            break;
        case 2:
            bucket.upperBound = message.get_double();
            break;
        case 3:
            bucket.exemplar = exemplarOf(message.get_message());
            break;
        case 4:
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
        switch (message.tag()) {
        case 1:
            span.offset = message.get_sint32();
            break;
        case 2:
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

/// What a histogram's message says, before it is known of which kind it is.
struct RawHistogram
{
    std::uint64_t count = 0;
    double floatCount = 0;
    std::int32_t schema = 0;
    double zeroThreshold = 0;
    std::uint64_t zeroCount = 0;
    double floatZeroCount = 0;
    double sum = 0;
    std::vector<model::Span> negativeSpans;
    std::vector<model::Span> positiveSpans;
    std::vector<std::int64_t> negativeDeltas;
    std::vector<std::int64_t> positiveDeltas;
    std::vector<double> negativeCounts;
    std::vector<double> positiveCounts;

    [[nodiscard]] bool isNative() const
    {
        return !negativeSpans.empty() || !positiveSpans.empty() || zeroThreshold > 0 ||
               zeroCount > 0 || floatZeroCount > 0;
    }
    [[nodiscard]] bool hasFloatCounts() const { return floatCount > 0 || floatZeroCount > 0; }
};

/// True when the field was one of a native histogram's buckets.
bool readBuckets(pbf_reader& message, RawHistogram& raw)
{
    switch (message.tag()) {
    case 9:
        raw.negativeSpans.push_back(spanOf(message.get_message()));
        return true;
    case 10:
        readNumbers(message, &pbf_reader::get_packed_sint64, &pbf_reader::get_sint64,
                    raw.negativeDeltas);
        return true;
    case 11:
        readNumbers(message, &pbf_reader::get_packed_double, &pbf_reader::get_double,
                    raw.negativeCounts);
        return true;
    case 12:
        raw.positiveSpans.push_back(spanOf(message.get_message()));
        return true;
    case 13:
        readNumbers(message, &pbf_reader::get_packed_sint64, &pbf_reader::get_sint64,
                    raw.positiveDeltas);
        return true;
    case 14:
        readNumbers(message, &pbf_reader::get_packed_double, &pbf_reader::get_double,
                    raw.positiveCounts);
        return true;
    default:
        return false;
    }
}

void readHistogram(pbf_reader message, RawHistogram& raw, ProtobufMetric& metric)
{
    while (message.next()) {
        switch (message.tag()) {
        case 1:
            raw.count = message.get_uint64();
            break;
        case 2:
            raw.sum = message.get_double();
            break;
        case 3:
            metric.buckets.push_back(bucketOf(message.get_message()));
            break;
        case 4:
            raw.floatCount = message.get_double();
            break;
        case 5:
            raw.schema = message.get_sint32();
            break;
        case 6:
            raw.zeroThreshold = message.get_double();
            break;
        case 7:
            raw.zeroCount = message.get_uint64();
            break;
        case 8:
            raw.floatZeroCount = message.get_double();
            break;
        case 15:
            metric.startTimestampMs = milliseconds(message.get_message());
            break;
        case 16:
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

/// What is wrong with the spans of one side; empty if nothing is.
std::string spanProblem(const std::vector<model::Span>& spans, std::size_t buckets)
{
    constexpr std::int64_t kFarthest = std::int64_t{1} << 30;
    std::uint64_t required = 0;
    std::int64_t index = 0;
    for (std::size_t i = 0; i < spans.size(); ++i) {
        if (i > 0 && spans[i].offset < 0) {
            return fmt::format("span number {} has the negative offset {}", i + 1,
                               spans[i].offset);
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

std::optional<model::MetricType> typeOf(std::int32_t number)
{
    constexpr std::array kTypes{model::MetricType::Counter,   model::MetricType::Gauge,
                                model::MetricType::Summary,   model::MetricType::Unknown,
                                model::MetricType::Histogram, model::MetricType::GaugeHistogram};
    return number >= 0 && number < static_cast<std::int32_t>(kTypes.size())
               ? std::optional(kTypes[static_cast<std::size_t>(number)])
               : std::nullopt;
}

void clear(ProtobufMetric& metric)
{
    metric.labels.clear();
    metric.timestampMs.reset();
    metric.startTimestampMs = 0;
    metric.value = 0;
    metric.sampleCount = 0;
    metric.sampleSum = 0;
    metric.quantiles.clear();
    metric.buckets.clear();
    metric.exemplars.clear();
    metric.isNative = false;
    metric.hasFloatCounts = false;
}

} // namespace

absl::Status ProtobufParser::fail(std::string_view what)
{
    at_ = page_.size();
    metrics_.clear();
    nextMetric_ = 0;
    return base::invalidArgument("protobuf: {} (message at byte {})", what, familyStart_);
}

absl::Status ProtobufParser::readFamily(std::string_view message)
{
    family_ = {};
    metrics_.clear();
    nextMetric_ = 0;
    std::int32_t type = 0;
    pbf_reader reader(message.data(), message.size());
    while (reader.next()) {
        switch (reader.tag()) {
        case 1:
            family_.name = view(reader.get_view());
            break;
        case 2:
            family_.help = view(reader.get_view());
            break;
        case 3:
            type = reader.get_enum();
            break;
        case 4:
            metrics_.push_back(view(reader.get_view()));
            break;
        case 5:
            family_.unit = view(reader.get_view());
            break;
        default:
            reader.skip();
        }
    }
    if (metrics_.empty()) {
        return absl::OkStatus();
    }
    if (family_.name.empty() || !base::isValidUtf8(family_.name)) {
        return fail(fmt::format("invalid metric name: {}", family_.name));
    }
    if (!base::isValidUtf8(family_.help)) {
        return fail(fmt::format("invalid help for metric {}: {}", model::quote(family_.name),
                                family_.help));
    }
    const auto known = typeOf(type);
    if (!known) {
        return fail(
            fmt::format("unknown metric type for metric {}: {}", model::quote(family_.name), type));
    }
    family_.type = *known;
    return absl::OkStatus();
}

absl::StatusOr<bool> ProtobufParser::nextFamily()
{
    try {
        do {
            if (at_ >= page_.size()) {
                return false;
            }
            familyStart_ = at_;
            const char* position = page_.data() + at_;
            const char* const end = page_.data() + page_.size();
            const std::uint64_t length = protozero::decode_varint(&position, end);
            if (length > static_cast<std::uint64_t>(end - position)) {
                return fail("the page ends within a message");
            }
            at_ = static_cast<std::size_t>(position - page_.data()) + length;
            NARTHEX_RETURN_IF_ERROR(readFamily({position, length}));
        } while (metrics_.empty());
    } catch (const protozero::exception& error) {
        return fail(fmt::format("malformed message: {}", error.what()));
    }
    return true;
}

absl::Status ProtobufParser::readMetric(std::string_view message)
{
    clear(metric_);
    RawHistogram raw;
    pbf_reader reader(message.data(), message.size());
    while (reader.next()) {
        switch (reader.tag()) {
        case 1:
            metric_.labels.push_back(labelPair(reader.get_message()));
            break;
        case 2:
        case 3:
        case 5:
            readValue(reader.get_message(), metric_);
            break;
        case 4:
            readSummary(reader.get_message(), metric_);
            break;
        case 6: {
            const std::int64_t time = reader.get_int64();
            metric_.timestampMs = time == 0 ? std::nullopt : std::optional(time);
            break;
        }
        case 7:
            readHistogram(reader.get_message(), raw, metric_);
            break;
        default:
            reader.skip();
        }
    }
    for (const model::LabelView& label : metric_.labels) {
        if (!base::isValidUtf8(label.name) || !base::isValidUtf8(label.value)) {
            return fail(
                fmt::format("a label of metric {} is not valid UTF-8", model::quote(family_.name)));
        }
    }
    if (raw.isNative()) {
        if (const std::string problem = problemOf(raw); !problem.empty()) {
            return fail(fmt::format("histogram {}: {}", model::quote(family_.name), problem));
        }
        makeNative(raw, family_.type == model::MetricType::GaugeHistogram, metric_);
    }
    return absl::OkStatus();
}

absl::StatusOr<bool> ProtobufParser::nextMetric()
{
    if (nextMetric_ >= metrics_.size()) {
        return false;
    }
    try {
        NARTHEX_RETURN_IF_ERROR(readMetric(metrics_[nextMetric_]));
    } catch (const protozero::exception& error) {
        return fail(fmt::format("malformed message: {}", error.what()));
    }
    ++nextMetric_;
    return true;
}

} // namespace narthex::exposition
