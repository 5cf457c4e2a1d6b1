// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The protocol in JSON. 64-bit numbers may be texts, ids are hexadecimal, names may have
// underscores. Format: OTLP/HTTP, "JSON Protobuf Encoding".
#include "core/base/json_writer.h"
#include "core/base/number.h"
#include "core/base/status.h"
#include "core/remote/otlp/json_members.h"
#include "core/remote/otlp/model.h"

#include <algorithm>

namespace narthex::remote::otlp {

namespace {

Temporality temporalityOf(const object& from)
{
    const auto found = member(from, "aggregationTemporality");
    if (!found) {
        return Temporality::Unspecified;
    }
    std::string_view name;
    if (found->get(name) == simdjson::SUCCESS) {
        return name == "AGGREGATION_TEMPORALITY_DELTA"        ? Temporality::Delta
               : name == "AGGREGATION_TEMPORALITY_CUMULATIVE" ? Temporality::Cumulative
                                                              : Temporality::Unspecified;
    }
    const std::int64_t value = integerOf(*found, "aggregationTemporality");
    return value == 1   ? Temporality::Delta
           : value == 2 ? Temporality::Cumulative
                        : Temporality::Unspecified;
}

class Reader
{
public:
    Request request(const object& from)
    {
        Request out;
        eachObject(from, "resourceMetrics", [&](const object& each) {
            take();
            out.push_back(resource(each));
        });
        return out;
    }

private:
    void take(std::size_t parts = 1)
    {
        if (!budget_.take(parts)) {
            throw WrongJson(Budget::exceeded());
        }
    }

    ResourceMetrics resource(const object& from)
    {
        ResourceMetrics out;
        if (const auto self = member(from, "resource")) {
            out.attributes = attributes(objectOf(*self, "resource"), "attributes");
        }
        eachObject(from, "scopeMetrics", [&](const object& each) {
            take();
            out.scopes.push_back(scope(each));
        });
        return out;
    }

    ScopeMetrics scope(const object& from)
    {
        ScopeMetrics out;
        if (const auto found = member(from, "scope")) {
            const object self = objectOf(*found, "scope");
            out.name = text(self, "name");
            out.version = text(self, "version");
            out.attributes = attributes(self, "attributes");
        }
        out.schemaUrl = text(from, "schemaUrl");
        eachObject(from, "metrics", [&](const object& each) {
            take(Budget::kPoint);
            out.metrics.push_back(metric(each));
        });
        return out;
    }

    template <typename Data, typename ReadPoint>
    Data points(const element& from, std::string_view name, const ReadPoint& readPoint)
    {
        Data out;
        const object self = objectOf(from, name);
        if constexpr (requires { out.temporality; }) {
            out.temporality = temporalityOf(self);
        }
        if constexpr (requires { out.isMonotonic; }) {
            out.isMonotonic = boolean(self, "isMonotonic");
        }
        eachObject(self, "dataPoints", [&](const object& each) {
            take(Budget::kPoint);
            out.points.push_back((this->*readPoint)(each));
        });
        return out;
    }

    Metric metric(const object& from)
    {
        Metric out{.name = text(from, "name"),
                   .description = text(from, "description"),
                   .unit = text(from, "unit")};
        if (const auto gauge = member(from, "gauge")) {
            out.data = points<Gauge>(*gauge, "gauge", &Reader::numberPoint);
        } else if (const auto sum = member(from, "sum")) {
            out.data = points<Sum>(*sum, "sum", &Reader::numberPoint);
        } else if (const auto histogram = member(from, "histogram")) {
            out.data = points<Histogram>(*histogram, "histogram", &Reader::histogramPoint);
        } else if (const auto exponential = member(from, "exponentialHistogram")) {
            out.data = points<ExponentialHistogram>(*exponential, "exponentialHistogram",
                                                    &Reader::exponentialPoint);
        } else if (const auto summary = member(from, "summary")) {
            out.data = points<Summary>(*summary, "summary", &Reader::summaryPoint);
        }
        return out;
    }

    void common(const object& from, Point& out)
    {
        out.attributes = attributes(from, "attributes");
        out.startNs = natural(from, "startTimeUnixNano");
        out.timeNs = natural(from, "timeUnixNano");
        out.isStale = (natural(from, "flags") & 1U) != 0;
    }

    static double value(const object& from)
    {
        if (const auto whole = member(from, "asInt")) {
            return static_cast<double>(integerOf(*whole, "asInt"));
        }
        return number(from, "asDouble").value_or(0);
    }

    NumberPoint numberPoint(const object& from)
    {
        NumberPoint out;
        common(from, out);
        out.value = value(from);
        out.exemplars = exemplars(from);
        return out;
    }

    HistogramPoint histogramPoint(const object& from)
    {
        HistogramPoint out;
        common(from, out);
        out.count = natural(from, "count");
        out.sum = number(from, "sum");
        numbers(from, "bucketCounts", out.counts, naturalOf);
        numbers(from, "explicitBounds", out.bounds, numberOf);
        out.exemplars = exemplars(from);
        return out;
    }

    static ExponentialBuckets buckets(const object& from, std::string_view name)
    {
        ExponentialBuckets out;
        if (const auto found = member(from, name)) {
            const object self = objectOf(*found, name);
            out.offset = smallInteger(self, "offset");
            numbers(self, "bucketCounts", out.counts, naturalOf);
        }
        return out;
    }

    ExponentialPoint exponentialPoint(const object& from)
    {
        ExponentialPoint out;
        common(from, out);
        out.count = natural(from, "count");
        out.sum = number(from, "sum");
        out.scale = smallInteger(from, "scale");
        out.zeroCount = natural(from, "zeroCount");
        out.positive = buckets(from, "positive");
        out.negative = buckets(from, "negative");
        out.exemplars = exemplars(from);
        return out;
    }

    SummaryPoint summaryPoint(const object& from)
    {
        SummaryPoint out;
        common(from, out);
        out.count = natural(from, "count");
        out.sum = number(from, "sum").value_or(0);
        eachObject(from, "quantileValues", [&](const object& each) {
            take();
            out.quantiles.emplace_back(number(each, "quantile").value_or(0),
                                       number(each, "value").value_or(0));
        });
        return out;
    }

    std::vector<ExemplarPoint> exemplars(const object& from)
    {
        std::vector<ExemplarPoint> out;
        eachObject(from, "exemplars", [&](const object& each) {
            take(Budget::kPoint);
            out.push_back({.attributes = attributes(each, "filteredAttributes"),
                           .timeNs = natural(each, "timeUnixNano"),
                           .value = value(each),
                           .traceId = bytesOfHex(each, "traceId"),
                           .spanId = bytesOfHex(each, "spanId")});
        });
        return out;
    }

    Attributes attributes(const object& from, std::string_view name)
    {
        Attributes out;
        eachObject(from, name, [&](const object& each) {
            take();
            Attribute& attribute = out.emplace_back();
            attribute.key = text(each, "key");
            if (const auto found = member(each, "value")) {
                attribute.value = attributeText(objectOf(*found, "value"));
            }
        });
        return out;
    }

    std::string attributeText(const object& from)
    {
        if (const auto written = member(from, "stringValue")) {
            return text(from, "stringValue");
        }
        std::string out;
        if (const auto bytes = member(from, "bytesValue")) {
            return text(from, "bytesValue"); // base64 already
        }
        base::JsonWriter writer(out);
        if (member(from, "boolValue") || member(from, "intValue") || member(from, "arrayValue") ||
            member(from, "kvlistValue")) {
            json(from, writer, 0);
        } else if (const auto value = number(from, "doubleValue")) {
            out = base::formatFloat(*value);
        }
        return out;
    }

    void json(const object& from, base::JsonWriter& out, int depth)
    {
        take();
        if (depth > kMostDepth) {
            throw WrongJson(
                base::invalidArgument("values stand in values more than {} deep", kMostDepth));
        }
        if (member(from, "stringValue")) {
            out.string(text(from, "stringValue"));
        } else if (member(from, "boolValue")) {
            out.boolean(boolean(from, "boolValue"));
        } else if (member(from, "intValue")) {
            out.integer(integer(from, "intValue"));
        } else if (const auto value = number(from, "doubleValue")) {
            out.number(*value);
        } else if (member(from, "bytesValue")) {
            out.string(text(from, "bytesValue"));
        } else if (const auto list = member(from, "arrayValue")) {
            out.beginArray();
            eachObject(objectOf(*list, "arrayValue"), "values",
                       [&](const object& each) { json(each, out, depth + 1); });
            out.endArray();
        } else if (const auto map = member(from, "kvlistValue")) {
            jsonMap(objectOf(*map, "kvlistValue"), out, depth);
        } else {
            out.null();
        }
    }

    void jsonMap(const object& from, base::JsonWriter& out, int depth)
    {
        std::vector<std::pair<std::string, std::optional<element>>> members;
        eachObject(from, "values", [&](const object& each) {
            take();
            members.emplace_back(text(each, "key"), member(each, "value"));
        });
        std::stable_sort(members.begin(), members.end(),
                         [](const auto& a, const auto& b) { return a.first < b.first; });
        out.beginObject();
        for (const auto& [key, value] : members) {
            out.key(key);
            if (value) {
                json(objectOf(*value, key), out, depth + 1);
            } else {
                out.null();
            }
        }
        out.endObject();
    }

    Budget budget_;
};

} // namespace

absl::StatusOr<Request> decodeJson(std::string_view text)
{
    simdjson::dom::parser parser;
    element root;
    if (const auto error = parser.parse(text.data(), text.size()).get(root)) {
        return base::invalidArgument("the {} bytes are no JSON: {}", text.size(),
                                     simdjson::error_message(error));
    }
    try {
        return Reader().request(objectOf(root, "(the whole)"));
    } catch (const WrongJson& wrong) {
        return wrong.status;
    }
}

} // namespace narthex::remote::otlp
