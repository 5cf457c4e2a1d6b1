// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/json_writer.h"
#include "core/base/number.h"
#include "core/exposition/family_writer.h"
#include "core/promql/histogram_math.h"
#include "core/push/push_store.h"

#include <map>

namespace narthex::push {
namespace {

using exposition::FamilyMetric;
using model::MetricType;

std::string number(double value) { return base::formatFloat(value); }

void writeMap(base::JsonWriter& json, std::string_view key,
              const std::map<std::string, std::string>& pairs)
{
    json.key(key).beginObject();
    for (const auto& [name, value] : pairs) {
        json.member(name, value);
    }
    json.endObject();
}

/// `[[rule, "lower", "upper", "count"], …]`
void writeNative(base::JsonWriter& json, const FamilyMetric& metric)
{
    const auto* integer = std::get_if<model::IntegerHistogram>(&metric.native);
    const model::FloatHistogram histogram = integer != nullptr
                                                ? model::toFloat(*integer)
                                                : std::get<model::FloatHistogram>(metric.native);
    json.key("buckets").beginArray();
    for (const promql::HistogramBucket& bucket : promql::bucketsOf(histogram)) {
        if (bucket.count != 0) {
            json.beginArray().integer(promql::boundaryRule(bucket));
            json.string(number(bucket.lower)).string(number(bucket.upper));
            json.string(number(bucket.count)).endArray();
        }
    }
    json.endArray();
}

void writeMetric(base::JsonWriter& json, MetricType type, const FamilyMetric& metric)
{
    json.beginObject().key("labels").beginObject();
    for (const auto& [name, value] : metric.labels) {
        json.member(name, value);
    }
    json.endObject();
    std::map<std::string, std::string> parts;
    switch (type) {
    case MetricType::Summary:
        for (const auto& each : metric.quantiles) {
            parts[number(each.quantile)] = number(each.value);
        }
        writeMap(json, "quantiles", parts);
        break;
    case MetricType::Histogram:
    case MetricType::GaugeHistogram:
        if (metric.isNative()) {
            writeNative(json, metric);
            break;
        }
        for (const auto& each : metric.buckets) {
            parts[number(each.upperBound)] = number(each.cumulativeCount);
        }
        writeMap(json, "buckets", parts);
        break;
    default:
        json.member("value", number(metric.value)).endObject();
        return;
    }
    json.member("count", number(metric.sampleCount))
        .member("sum", number(metric.sampleSum))
        .endObject();
}

void writeFamily(base::JsonWriter& json, const MetricFamily& family, base::Timestamp time)
{
    json.key(family.name)
        .beginObject()
        .member("time_stamp", base::formatTimestamp(time))
        .member("type", exposition::protobufTypeText(family.type))
        .member("help", family.help)
        .key("metrics")
        .beginArray();
    for (const FamilyMetric& metric : family.metrics) {
        writeMetric(json, family.type, metric);
    }
    json.endArray().endObject();
}

} // namespace

std::string groupsJson(const std::vector<PushGroup>& groups)
{
    std::string text;
    base::JsonWriter json(text, base::JsonEscape::Html);
    json.beginArray();
    for (const PushGroup& group : groups) {
        json.beginObject();
        writeMap(json, "labels", group.key);
        json.key("last_push_successful").boolean(group.lastPushSucceeded());
        for (const auto& [name, stored] : group.families) {
            writeFamily(json, stored.family, stored.time);
        }
        const base::Timestamp last = std::max(group.pushed.value_or(base::Timestamp{}),
                                              group.failed.value_or(base::Timestamp{}));
        for (const MetricFamily& family : timeFamilies(group)) {
            writeFamily(json, family, last);
        }
        if (!group.error.empty()) {
            // Ours: why the last one failed.
            json.member("last_push_error", group.error);
        }
        json.endObject();
    }
    json.endArray();
    return text;
}

} // namespace narthex::push
