// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/exposition/protobuf_parser.h"

#include "core/base/status.h"
#include "core/base/utf8.h"
#include "core/exposition/protobuf_messages.h"

#include <array>

namespace narthex::exposition {
namespace {

using protozero::pbf_reader;

/// A message with a value alone: gauge, untyped, counter.
void readValue(pbf_reader message, ProtobufMetric& metric)
{
    while (message.next()) {
        switch (message.tag_and_type()) {
        case asDouble(1):
            metric.value = message.get_double();
            break;
        case asBytes(2):
            metric.exemplars.push_back(exemplarOf(message.get_message()));
            break;
        case asBytes(3):
            metric.startTimestampMs = millisecondsOf(message.get_message());
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
        switch (message.tag_and_type()) {
        case asDouble(1):
            quantile.quantile = message.get_double();
            break;
        case asDouble(2):
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
        switch (message.tag_and_type()) {
        case asVarint(1):
            metric.sampleCount = static_cast<double>(message.get_uint64());
            break;
        case asDouble(2):
            metric.sampleSum = message.get_double();
            break;
        case asBytes(3):
            metric.quantiles.push_back(quantileOf(message.get_message()));
            break;
        case asBytes(4):
            metric.startTimestampMs = millisecondsOf(message.get_message());
            break;
        default:
            message.skip();
        }
    }
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
        switch (reader.tag_and_type()) {
        case asBytes(1):
            family_.name = viewOf(reader.get_view());
            break;
        case asBytes(2):
            family_.help = viewOf(reader.get_view());
            break;
        case asVarint(3):
            type = reader.get_enum();
            break;
        case asBytes(4):
            metrics_.push_back(viewOf(reader.get_view()));
            break;
        case asBytes(5):
            family_.unit = viewOf(reader.get_view());
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
        switch (reader.tag_and_type()) {
        case asBytes(1):
            metric_.labels.push_back(labelPairOf(reader.get_message()));
            break;
        case asBytes(2):
        case asBytes(3):
        case asBytes(5):
            readValue(reader.get_message(), metric_);
            break;
        case asBytes(4):
            readSummary(reader.get_message(), metric_);
            break;
        case asVarint(6): {
            const std::int64_t time = reader.get_int64();
            metric_.timestampMs = time == 0 ? std::nullopt : std::optional(time);
            break;
        }
        case asBytes(7):
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
