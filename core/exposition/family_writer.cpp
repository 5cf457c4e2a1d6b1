// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/exposition/family_writer.h"

#include "core/base/codec.h"
#include "core/base/number.h"
#include "core/exposition/text_writer.h"

#include <fmt/format.h>
#include <protozero/pbf_writer.hpp>

#include <cstdlib>
#include <limits>

namespace narthex::exposition {

using protozero::pbf_writer;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Field numbers and values of io.prometheus.client; see spec/scrape.md, Protobuf.
enum class MessageType : std::int32_t
{
    Counter = 0,
    Gauge = 1,
    Summary = 2,
    Untyped = 3,
    Histogram = 4,
    GaugeHistogram = 5
};

MessageType messageTypeOf(model::MetricType type)
{
    switch (type) {
    case model::MetricType::Counter:
        return MessageType::Counter;
    case model::MetricType::Gauge:
    case model::MetricType::Info:
    case model::MetricType::StateSet:
        return MessageType::Gauge;
    case model::MetricType::Histogram:
        return MessageType::Histogram;
    case model::MetricType::GaugeHistogram:
        return MessageType::GaugeHistogram;
    case model::MetricType::Summary: // its quantiles are untyped samples here
    case model::MetricType::Unknown:
        break;
    }
    return MessageType::Untyped;
}

/// In which field of a Metric the value stands.
std::uint32_t valueFieldOf(MessageType type)
{
    constexpr std::uint32_t kGauge = 2;
    constexpr std::uint32_t kCounter = 3;
    constexpr std::uint32_t kUntyped = 5;
    return type == MessageType::Counter ? kCounter : type == MessageType::Gauge ? kGauge : kUntyped;
}

void addSpans(pbf_writer& histogram, std::uint32_t field, const std::vector<model::Span>& spans)
{
    for (const model::Span& span : spans) {
        pbf_writer message(histogram, field);
        message.add_sint32(1, span.offset);
        message.add_uint32(2, span.length);
    }
}

void addNative(pbf_writer& metric, const model::FloatHistogram& native)
{
    pbf_writer message(metric, 7);
    message.add_double(2, native.sum);
    message.add_double(4, native.count);
    message.add_sint32(5, native.schema);
    message.add_double(6, native.zeroThreshold);
    message.add_double(8, native.zeroCount);
    addSpans(message, 9, native.negativeSpans);
    message.add_packed_double(11, native.negativeBuckets.begin(), native.negativeBuckets.end());
    addSpans(message, 12, native.positiveSpans);
    message.add_packed_double(14, native.positiveBuckets.begin(), native.positiveBuckets.end());
}

void addClassic(pbf_writer& metric, const ClassicBuckets& classic)
{
    pbf_writer message(metric, 7);
    message.add_double(2, classic.sum);
    for (const auto& [bound, count] : classic.buckets) {
        pbf_writer bucket(message, 3);
        bucket.add_double(2, bound);
        bucket.add_double(4, count);
    }
    message.add_double(4, classic.count);
}

} // namespace

void FamilyWriter::write(const WrittenFamily& family)
{
    if (format_ == PageFormat::Protobuf) {
        writeMessage(family);
    } else {
        writeText(family);
    }
}

void FamilyWriter::finish()
{
    if (format_ == PageFormat::OpenMetrics) {
        out_ += "# EOF\n";
    }
}

void FamilyWriter::writeName(std::string_view name)
{
    const std::string escaped = escapeName(name, escaping_);
    if (model::isLegacyMetricName(escaped)) {
        out_ += escaped;
        return;
    }
    out_ += '"';
    appendEscaped(out_, escaped, true);
    out_ += '"';
}

void FamilyWriter::writeText(const WrittenFamily& family)
{
    const bool isOpen = format_ == PageFormat::OpenMetrics;
    std::string_view name = family.name;
    if (isOpen && family.type == model::MetricType::Counter && name.ends_with("_total")) {
        name.remove_suffix(std::string_view("_total").size());
    }
    if (!family.help.empty()) {
        out_ += "# HELP ";
        writeName(name);
        out_ += ' ';
        appendEscaped(out_, family.help, isOpen);
        out_ += '\n';
    }
    out_ += "# TYPE ";
    writeName(name);
    out_ += ' ';
    const bool isUnknown = family.type == model::MetricType::Unknown;
    out_ += isUnknown && !isOpen ? "untyped" : model::metricTypeText(family.type);
    out_ += '\n';
    for (const WrittenMetric& metric : family.metrics) {
        writeTextMetric(family, metric);
    }
}

void FamilyWriter::writeTextMetric(const WrittenFamily& family, const WrittenMetric& metric)
{
    if (!metric.classic) {
        writeSample(family.name, "", metric, std::nullopt, metric.value);
        return;
    }
    for (const auto& [bound, count] : metric.classic->buckets) {
        writeSample(family.name, "_bucket", metric, bound, count);
    }
    writeSample(family.name, "_bucket", metric, kInfinity, metric.classic->count);
    writeSample(family.name, "_sum", metric, std::nullopt, metric.classic->sum);
    writeSample(family.name, "_count", metric, std::nullopt, metric.classic->count);
}

void FamilyWriter::writeValue(double value)
{
    out_ += format_ == PageFormat::OpenMetrics ? base::formatOpenMetricsFloat(value)
                                               : base::formatFloatG(value);
}

void FamilyWriter::writeSample(std::string_view name, std::string_view suffix,
                               const WrittenMetric& metric, std::optional<double> bound,
                               double value)
{
    std::string whole(name);
    whole += suffix;
    const std::string escaped = escapeName(whole, escaping_);
    char separator = '{';
    if (model::isLegacyMetricName(escaped)) {
        out_ += escaped;
    } else { // a quoted name stands with the labels
        out_ += '{';
        writeName(whole);
        separator = ',';
    }
    const auto label = [&](std::string_view labelName, std::string_view labelValue) {
        out_ += separator;
        const std::string plain = escapeName(labelName, escaping_);
        if (model::isLegacyLabelName(plain)) {
            out_ += plain;
        } else {
            out_ += '"';
            appendEscaped(out_, plain, true);
            out_ += '"';
        }
        out_ += "=\"";
        appendEscaped(out_, labelValue, true);
        out_ += '"';
        separator = ',';
    };
    for (const model::LabelView& each : metric.labels) {
        label(each.name, each.value);
    }
    if (bound) {
        label("le", format_ == PageFormat::OpenMetrics ? base::formatOpenMetricsFloat(*bound)
                                                       : base::formatFloatG(*bound));
    }
    out_ += separator == ',' ? "} " : " ";
    writeValue(value);
    if (metric.time) {
        out_ += format_ == PageFormat::OpenMetrics
                    ? fmt::format(" {}{}.{:03}", *metric.time < 0 ? "-" : "",
                                  std::abs(*metric.time) / 1000, std::abs(*metric.time) % 1000)
                    : fmt::format(" {}", *metric.time);
    }
    out_ += '\n';
}

void FamilyWriter::writeMessage(const WrittenFamily& family)
{
    std::string bytes;
    pbf_writer message(bytes);
    const MessageType type = messageTypeOf(family.type);
    message.add_string(1, escapeName(family.name, escaping_));
    if (!family.help.empty()) {
        message.add_string(2, family.help);
    }
    message.add_enum(3, static_cast<std::int32_t>(type));
    for (const WrittenMetric& metric : family.metrics) {
        pbf_writer each(message, 4);
        for (const model::LabelView& label : metric.labels) {
            pbf_writer pair(each, 1);
            pair.add_string(1, escapeName(label.name, escaping_));
            pair.add_bytes(2, label.value.data(), label.value.size());
        }
        if (metric.native) {
            addNative(each, *metric.native);
        } else if (metric.classic) {
            addClassic(each, *metric.classic);
        } else {
            pbf_writer value(each, valueFieldOf(type));
            value.add_double(1, metric.value);
        }
        if (metric.time) {
            each.add_int64(6, *metric.time);
        }
    }
    base::appendUvarint(out_, bytes.size());
    out_ += bytes;
}

} // namespace narthex::exposition
