// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/exposition/family_protobuf.h"

#include "core/base/status.h"
#include "core/base/utf8.h"
#include "core/exposition/openmetrics_parser.h"
#include "core/model/matcher.h"

#include <protozero/pbf_writer.hpp>

#include <cmath>

namespace narthex::exposition {
namespace {

using model::MetricType;
using protozero::pbf_writer;

// Numbers of the fields of io.prometheus.client.
enum MetricField : std::uint32_t
{
    kLabel = 1,
    kGauge = 2,
    kCounter = 3,
    kSummary = 4,
    kUntyped = 5,
    kTimestamp = 6,
    kHistogram = 7
};

std::int32_t typeNumber(MetricType type)
{
    switch (type) {
    case MetricType::Counter:
        return 0;
    case MetricType::Gauge:
        return 1;
    case MetricType::Summary:
        return 2;
    case MetricType::Histogram:
        return 4;
    case MetricType::GaugeHistogram:
        return 5;
    default:
        return 3;
    }
}

bool isWhole(double value) { return value >= 0 && value < 0x1p63 && std::floor(value) == value; }

void writeSpans(pbf_writer& out, std::uint32_t field, const std::vector<model::Span>& spans)
{
    for (const model::Span& span : spans) {
        pbf_writer message(out, field);
        message.add_sint32(1, span.offset);
        message.add_uint32(2, span.length);
    }
}

void writeNative(pbf_writer& out, const model::IntegerHistogram& h)
{
    out.add_uint64(1, h.count);
    out.add_double(2, h.sum);
    out.add_sint32(5, h.schema);
    out.add_double(6, h.zeroThreshold);
    out.add_uint64(7, h.zeroCount);
    writeSpans(out, 9, h.negativeSpans);
    out.add_packed_sint64(10, h.negativeDeltas.begin(), h.negativeDeltas.end());
    writeSpans(out, 12, h.positiveSpans);
    out.add_packed_sint64(13, h.positiveDeltas.begin(), h.positiveDeltas.end());
}

void writeNative(pbf_writer& out, const model::FloatHistogram& h)
{
    out.add_double(4, h.count);
    out.add_double(2, h.sum);
    out.add_sint32(5, h.schema);
    out.add_double(6, h.zeroThreshold);
    out.add_double(8, h.zeroCount);
    writeSpans(out, 9, h.negativeSpans);
    out.add_packed_double(11, h.negativeBuckets.begin(), h.negativeBuckets.end());
    writeSpans(out, 12, h.positiveSpans);
    out.add_packed_double(14, h.positiveBuckets.begin(), h.positiveBuckets.end());
}

void writeHistogram(pbf_writer& out, const FamilyMetric& metric)
{
    if (const auto* integer = std::get_if<model::IntegerHistogram>(&metric.native)) {
        writeNative(out, *integer);
    } else if (const auto* floats = std::get_if<model::FloatHistogram>(&metric.native)) {
        writeNative(out, *floats);
    } else {
        if (isWhole(metric.sampleCount)) {
            out.add_uint64(1, static_cast<std::uint64_t>(metric.sampleCount));
        } else {
            out.add_double(4, metric.sampleCount);
        }
        out.add_double(2, metric.sampleSum);
    }
    for (const FamilyBucket& bucket : metric.buckets) {
        pbf_writer message(out, 3);
        if (isWhole(bucket.cumulativeCount)) {
            message.add_uint64(1, static_cast<std::uint64_t>(bucket.cumulativeCount));
        } else {
            message.add_double(4, bucket.cumulativeCount);
        }
        message.add_double(2, bucket.upperBound);
    }
}

void writeSummary(pbf_writer& out, const FamilyMetric& metric)
{
    out.add_uint64(1, isWhole(metric.sampleCount) ? static_cast<std::uint64_t>(metric.sampleCount)
                                                  : 0);
    out.add_double(2, metric.sampleSum);
    for (const ProtobufQuantile& each : metric.quantiles) {
        pbf_writer message(out, 3);
        message.add_double(1, each.quantile);
        message.add_double(2, each.value);
    }
}

void writeMetric(pbf_writer& out, MetricType type, const FamilyMetric& metric)
{
    for (const auto& [name, value] : metric.labels) {
        pbf_writer pair(out, kLabel);
        pair.add_string(1, name);
        pair.add_string(2, value);
    }
    switch (type) {
    case MetricType::Summary: {
        pbf_writer message(out, kSummary);
        writeSummary(message, metric);
        break;
    }
    case MetricType::Histogram:
    case MetricType::GaugeHistogram: {
        pbf_writer message(out, kHistogram);
        writeHistogram(message, metric);
        break;
    }
    default: {
        const std::uint32_t field = type == MetricType::Counter ? kCounter
                                    : type == MetricType::Gauge ? kGauge
                                                                : kUntyped;
        pbf_writer message(out, field);
        message.add_double(1, metric.value);
    }
    }
    if (metric.timestampMs) {
        out.add_int64(kTimestamp, *metric.timestampMs);
    }
}

absl::StatusOr<FamilyMetric> convert(const ProtobufFamily& family, const ProtobufMetric& metric)
{
    FamilyMetric result{.timestampMs = metric.timestampMs,
                        .value = metric.value,
                        .sampleCount = metric.sampleCount,
                        .sampleSum = metric.sampleSum,
                        .quantiles = metric.quantiles};
    for (const model::LabelView& label : metric.labels) {
        if (!base::isValidUtf8(label.name) || !base::isValidUtf8(label.value)) {
            return base::invalidArgument("family {}: label {} is not valid UTF-8",
                                         model::quote(family.name), model::quote(label.name));
        }
        result.labels.emplace_back(label.name, label.value);
    }
    for (const ProtobufBucket& bucket : metric.buckets) {
        result.buckets.push_back({bucket.upperBound, bucket.cumulativeCount});
    }
    if (metric.isNative && metric.hasFloatCounts) {
        result.native = metric.floats;
    } else if (metric.isNative) {
        result.native = metric.integer;
    }
    return result;
}

} // namespace

void appendFamilyMessage(std::string& out, const MetricFamily& family)
{
    pbf_writer message(out);
    message.add_string(1, family.name);
    if (!family.help.empty()) {
        message.add_string(2, family.help);
    }
    message.add_enum(3, typeNumber(family.type));
    for (const FamilyMetric& metric : family.metrics) {
        pbf_writer inner(message, 4);
        writeMetric(inner, family.type, metric);
    }
    if (!family.unit.empty()) {
        message.add_string(5, family.unit);
    }
}

void appendProtobufFamily(std::string& out, const MetricFamily& family)
{
    std::string message;
    appendFamilyMessage(message, family);
    protozero::write_varint(std::back_inserter(out), message.size());
    out += message;
}

absl::StatusOr<std::vector<MetricFamily>> parseProtobufFamilies(std::string_view page)
{
    std::vector<MetricFamily> families;
    ProtobufParser parser(page);
    while (true) {
        NARTHEX_ASSIGN_OR_RETURN(const bool more, parser.nextFamily());
        if (!more) {
            return families;
        }
        const ProtobufFamily& source = parser.family();
        MetricFamily& family = families.emplace_back(MetricFamily{.name = std::string(source.name),
                                                                  .help = std::string(source.help),
                                                                  .unit = std::string(source.unit),
                                                                  .type = source.type});
        while (true) {
            NARTHEX_ASSIGN_OR_RETURN(const bool another, parser.nextMetric());
            if (!another) {
                break;
            }
            NARTHEX_ASSIGN_OR_RETURN(FamilyMetric metric, convert(source, parser.metric()));
            family.metrics.push_back(std::move(metric));
        }
    }
}

} // namespace narthex::exposition
