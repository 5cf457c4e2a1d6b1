// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/json_writer.h"
#include "core/base/number.h"
#include "core/exposition/family_writer.h"

#include <fmt/format.h>

#include <cmath>

namespace narthex::exposition {
namespace {

using model::MetricType;

/// protojson: what is no finite number is a text.
void writeDouble(base::JsonWriter& json, std::string_view key, double value)
{
    json.key(key);
    if (std::isfinite(value)) {
        json.number(value);
    } else if (std::isnan(value)) {
        json.string("NaN");
    } else {
        json.string(value > 0 ? "Infinity" : "-Infinity");
    }
}

/// protojson: 64-bit integers are texts.
void writeCount(base::JsonWriter& json, std::string_view key, double value)
{
    json.member(key, fmt::format("{:.0f}", value));
}

void writeHistogram(base::JsonWriter& json, const FamilyMetric& metric)
{
    json.key("histogram").beginObject();
    writeCount(json, "sampleCount", metric.sampleCount);
    writeDouble(json, "sampleSum", metric.sampleSum);
    json.key("bucket").beginArray();
    for (const FamilyBucket& bucket : metric.buckets) {
        json.beginObject();
        writeCount(json, "cumulativeCount", bucket.cumulativeCount);
        writeDouble(json, "upperBound", bucket.upperBound);
        json.endObject();
    }
    json.endArray().endObject();
}

void writeSummary(base::JsonWriter& json, const FamilyMetric& metric)
{
    json.key("summary").beginObject();
    writeCount(json, "sampleCount", metric.sampleCount);
    writeDouble(json, "sampleSum", metric.sampleSum);
    json.key("quantile").beginArray();
    for (const ProtobufQuantile& each : metric.quantiles) {
        json.beginObject();
        writeDouble(json, "quantile", each.quantile);
        writeDouble(json, "value", each.value);
        json.endObject();
    }
    json.endArray().endObject();
}

void writeMetric(base::JsonWriter& json, MetricType type, const FamilyMetric& metric)
{
    json.beginObject().key("label").beginArray();
    for (const auto& [name, value] : metric.labels) {
        json.beginObject().member("name", name).member("value", value).endObject();
    }
    json.endArray();
    if (type == MetricType::Histogram || type == MetricType::GaugeHistogram) {
        writeHistogram(json, metric);
    } else if (type == MetricType::Summary) {
        writeSummary(json, metric);
    } else {
        json.key(type == MetricType::Counter ? "counter"
                 : type == MetricType::Gauge ? "gauge"
                                             : "untyped")
            .beginObject();
        writeDouble(json, "value", metric.value);
        json.endObject();
    }
    if (metric.timestampMs) {
        json.member("timestampMs", fmt::format("{}", *metric.timestampMs));
    }
    json.endObject();
}

} // namespace

std::string_view protobufTypeText(MetricType type)
{
    switch (type) {
    case MetricType::Counter:
        return "COUNTER";
    case MetricType::Gauge:
        return "GAUGE";
    case MetricType::Summary:
        return "SUMMARY";
    case MetricType::Histogram:
        return "HISTOGRAM";
    case MetricType::GaugeHistogram:
        return "GAUGE_HISTOGRAM";
    default:
        return "UNTYPED";
    }
}

void writeFamilyJson(base::JsonWriter& json, const MetricFamily& family)
{
    json.beginObject().member("name", family.name);
    if (!family.help.empty()) {
        json.member("help", family.help);
    }
    json.member("type", protobufTypeText(family.type)).key("metric").beginArray();
    for (const FamilyMetric& metric : family.metrics) {
        writeMetric(json, family.type, metric);
    }
    json.endArray();
    if (!family.unit.empty()) {
        json.member("unit", family.unit);
    }
    json.endObject();
}

} // namespace narthex::exposition
