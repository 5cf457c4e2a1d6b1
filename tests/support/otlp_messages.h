// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Requests of OpenTelemetry for tests: a resource with a scope with metrics, each of one point.
// Owner: a test. Threads: one at a time. Format: opentelemetry-proto, metrics/v1.
#pragma once

#include <fmt/format.h>
#include <protozero/pbf_writer.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace narthex::test {

enum class OtlpTemporality : std::int32_t
{
    Unspecified = 0,
    Delta = 1,
    Cumulative = 2
};

using AttributeList = std::vector<std::pair<std::string, std::string>>;

inline void addAttributes(protozero::pbf_writer& writer, std::uint32_t field,
                          const AttributeList& attributes)
{
    for (const auto& [key, value] : attributes) {
        protozero::pbf_writer attribute(writer, field);
        attribute.add_string(1, key);
        protozero::pbf_writer any(attribute, 2);
        any.add_string(1, value);
    }
}

/// Of the points of a request.
struct OtlpPoint
{
    std::int64_t timeMs = 0;
    std::int64_t startMs = 0;
    AttributeList attributes;
    bool isStale = false;
};

class OtlpRequest
{
public:
    AttributeList resource = {{"service.name", "cart"},
                              {"service.namespace", "shop"},
                              {"service.instance.id", "i1"},
                              {"cloud.region", "eu"}};
    std::string scopeName;
    std::string scopeVersion;
    AttributeList scopeAttributes;

    OtlpRequest& gauge(std::string_view name, std::string_view unit, const OtlpPoint& point,
                       double value)
    {
        return add(name, unit, 5, numberPoint(point, value), std::nullopt, false);
    }
    OtlpRequest& sum(std::string_view name, std::string_view unit, const OtlpPoint& point,
                     double value, OtlpTemporality temporality, bool isMonotonic = true,
                     const std::string& exemplar = {})
    {
        std::string bytes = numberPoint(point, value);
        if (!exemplar.empty()) {
            protozero::pbf_writer(bytes).add_message(5, exemplar);
        }
        return add(name, unit, 7, bytes, temporality, isMonotonic);
    }
    OtlpRequest& histogram(std::string_view name, const OtlpPoint& point,
                           const std::vector<std::uint64_t>& counts,
                           const std::vector<double>& bounds, double sum,
                           OtlpTemporality temporality = OtlpTemporality::Cumulative)
    {
        std::string bytes;
        protozero::pbf_writer writer(bytes);
        common(writer, point, 9, 10);
        std::uint64_t all = 0;
        for (const std::uint64_t count : counts) {
            all += count;
        }
        writer.add_fixed64(4, all);
        writer.add_double(5, sum);
        writer.add_packed_fixed64(6, counts.begin(), counts.end());
        writer.add_packed_double(7, bounds.begin(), bounds.end());
        return add(name, "s", 9, bytes, temporality, false);
    }
    OtlpRequest& exponential(std::string_view name, const OtlpPoint& point, std::int32_t scale,
                             std::int32_t offset, const std::vector<std::uint64_t>& counts,
                             double sum, OtlpTemporality temporality = OtlpTemporality::Cumulative)
    {
        std::string bytes;
        protozero::pbf_writer writer(bytes);
        common(writer, point, 1, 10);
        std::uint64_t all = 0;
        for (const std::uint64_t count : counts) {
            all += count;
        }
        writer.add_fixed64(4, all);
        writer.add_double(5, sum);
        writer.add_sint32(6, scale);
        {
            protozero::pbf_writer buckets(writer, 8);
            buckets.add_sint32(1, offset);
            buckets.add_packed_uint64(2, counts.begin(), counts.end());
        }
        return add(name, "", 10, bytes, temporality, false);
    }
    OtlpRequest& summary(std::string_view name, const OtlpPoint& point, std::uint64_t count,
                         double sum, const std::vector<std::pair<double, double>>& quantiles)
    {
        std::string bytes;
        protozero::pbf_writer writer(bytes);
        common(writer, point, 7, 8);
        writer.add_fixed64(4, count);
        writer.add_double(5, sum);
        for (const auto& [quantile, value] : quantiles) {
            protozero::pbf_writer each(writer, 6);
            each.add_double(1, quantile);
            each.add_double(2, value);
        }
        return add(name, "", 11, bytes, std::nullopt, false);
    }
    static std::string exemplar(std::int64_t timeMs, double value, const std::string& traceId)
    {
        std::string bytes;
        protozero::pbf_writer writer(bytes);
        writer.add_fixed64(2, static_cast<std::uint64_t>(timeMs) * 1'000'000U);
        writer.add_double(3, value);
        writer.add_bytes(5, traceId);
        return bytes;
    }
    [[nodiscard]] std::string bytes() const
    {
        std::string request;
        protozero::pbf_writer writer(request);
        {
            protozero::pbf_writer all(writer, 1);
            {
                protozero::pbf_writer self(all, 1);
                addAttributes(self, 1, resource);
            }
            protozero::pbf_writer scope(all, 2);
            {
                protozero::pbf_writer self(scope, 1);
                self.add_string(1, scopeName);
                self.add_string(2, scopeVersion);
                addAttributes(self, 3, scopeAttributes);
            }
            for (const std::string& metric : metrics_) {
                scope.add_message(2, metric);
            }
        }
        return request;
    }

private:
    static void common(protozero::pbf_writer& writer, const OtlpPoint& point,
                       std::uint32_t attributes, std::uint32_t flags)
    {
        addAttributes(writer, attributes, point.attributes);
        writer.add_fixed64(2, static_cast<std::uint64_t>(point.startMs) * 1'000'000U);
        writer.add_fixed64(3, static_cast<std::uint64_t>(point.timeMs) * 1'000'000U);
        if (point.isStale) {
            writer.add_uint32(flags, 1);
        }
    }
    static std::string numberPoint(const OtlpPoint& point, double value)
    {
        std::string bytes;
        protozero::pbf_writer writer(bytes);
        common(writer, point, 7, 8);
        writer.add_double(4, value);
        return bytes;
    }
    OtlpRequest& add(std::string_view name, std::string_view unit, std::uint32_t kind,
                     const std::string& point, std::optional<OtlpTemporality> temporality,
                     bool isMonotonic)
    {
        std::string& bytes = metrics_.emplace_back();
        protozero::pbf_writer metric(bytes);
        metric.add_string(1, std::string(name));
        metric.add_string(2, "what it is");
        metric.add_string(3, std::string(unit));
        protozero::pbf_writer data(metric, kind);
        data.add_message(1, point);
        if (temporality) {
            data.add_enum(2, static_cast<std::int32_t>(*temporality));
        }
        if (isMonotonic) {
            data.add_bool(3, true);
        }
        return *this;
    }

    std::vector<std::string> metrics_;
};

inline std::string otlpSum(std::string_view name, std::int64_t timeMs, double value,
                           OtlpTemporality temporality)
{
    return OtlpRequest().sum(name, "", {.timeMs = timeMs}, value, temporality).bytes();
}

inline std::string otlpJsonGauge(std::string_view name, std::int64_t timeMs)
{
    return fmt::format(
        R"({{"resourceMetrics":[{{"resource":{{"attributes":[
            {{"key":"service.name","value":{{"stringValue":"json"}}}}]}},
           "scopeMetrics":[{{"scope":{{"name":"s"}},"metrics":[{{"name":"{}","unit":"Cel",
            "gauge":{{"dataPoints":[{{"timeUnixNano":"{}000000","asDouble":21.5,
              "attributes":[{{"key":"room","value":{{"intValue":"7"}}}},
                            {{"key":"open","value":{{"boolValue":true}}}},
                            {{"key":"list","value":{{"arrayValue":{{"values":[
                               {{"intValue":1}},{{"stringValue":"a"}}]}}}}}}]}}]}}}}]}}]}}]}})",
        name, timeMs);
}

} // namespace narthex::test
