// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/api/context.h"
#include "core/base/number.h"
#include "core/base/sample_text.h"
#include "core/base/status.h"
#include "core/promql/histogram_math.h"
#include "core/promql/parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace narthex::api {
namespace {

struct ErrorWords
{
    std::string_view text;
    int status;
};

ErrorWords wordsOf(ErrorType type)
{
    switch (type) {
    case ErrorType::BadData:
        return {"bad_data", 400};
    case ErrorType::Execution:
        return {"execution", 422};
    case ErrorType::Canceled:
        return {"canceled", 499};
    case ErrorType::Timeout:
        return {"timeout", 503};
    case ErrorType::Internal:
        return {"internal", 500};
    case ErrorType::Unavailable:
        return {"unavailable", 500};
    case ErrorType::NotFound:
        return {"not_found", 404};
    }
    return {"internal", 500};
}

ErrorType typeOf(const absl::Status& status, ErrorType invalid)
{
    switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
        return invalid;
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kFailedPrecondition:
        return ErrorType::Execution;
    case absl::StatusCode::kDeadlineExceeded:
        return ErrorType::Timeout;
    case absl::StatusCode::kCancelled:
        return ErrorType::Canceled;
    case absl::StatusCode::kUnavailable:
        return ErrorType::Unavailable;
    case absl::StatusCode::kNotFound:
        return ErrorType::NotFound;
    default:
        return ErrorType::Internal;
    }
}

void writeNotes(base::JsonWriter& json, std::string_view key, std::vector<std::string> notes,
                std::string_view kind)
{
    if (notes.empty()) {
        return;
    }
    constexpr std::size_t kShown = 10;
    std::sort(notes.begin(), notes.end());
    json.key(key).beginArray();
    for (std::size_t i = 0; i < std::min(notes.size(), kShown); ++i) {
        json.string(notes[i]);
    }
    if (notes.size() > kShown) {
        json.string(fmt::format("{} more {} annotations omitted", notes.size() - kShown, kind));
    }
    json.endArray();
}

absl::Status parameterError(std::string_view name, const absl::Status& status)
{
    return base::invalidArgument("invalid parameter \"{}\": {}", name, base::messageOf(status));
}

/// 0: open left, closed right; 1: closed left, open right; 2: open both; 3: closed both.
int boundaryCode(const promql::HistogramBucket& bucket)
{
    if (bucket.lowerInclusive) {
        return bucket.upperInclusive ? 3 : 1;
    }
    return bucket.upperInclusive ? 0 : 2;
}

/// [time, {"count":…,"sum":…,"buckets":[[code,"lower","upper","count"],…]}]; empty buckets are left
/// out.
void writeHistogramPoint(base::JsonWriter& json, base::Timestamp time,
                         const model::FloatHistogram& histogram)
{
    json.beginArray().seconds(time).beginObject();
    json.key("count").sampleValue(histogram.count).key("sum").sampleValue(histogram.sum);
    bool started = false;
    for (const promql::HistogramBucket& bucket : promql::bucketsOf(histogram)) {
        if (bucket.count == 0) {
            continue;
        }
        if (!std::exchange(started, true)) {
            json.key("buckets").beginArray();
        }
        json.beginArray().integer(boundaryCode(bucket)).sampleValue(bucket.lower);
        json.sampleValue(bucket.upper).sampleValue(bucket.count).endArray();
    }
    if (started) {
        json.endArray();
    }
    json.endObject().endArray();
}

std::optional<bool> parseGoBool(std::string_view text)
{
    for (const std::string_view yes : {"1", "t", "T", "TRUE", "true", "True"}) {
        if (text == yes) {
            return true;
        }
    }
    for (const std::string_view no : {"0", "f", "F", "FALSE", "false", "False"}) {
        if (text == no) {
            return false;
        }
    }
    return std::nullopt;
}

} // namespace

net::ServerResponse errorResponse(ErrorType type, std::string_view message)
{
    const ErrorWords words = wordsOf(type);
    net::ServerResponse response{.status = words.status, .contentType = "application/json"};
    base::JsonWriter json(response.body);
    json.beginObject()
        .member("status", "error")
        .member("errorType", words.text)
        .member("error", message)
        .endObject();
    return response;
}

net::ServerResponse errorResponse(const absl::Status& status, ErrorType invalid)
{
    return errorResponse(typeOf(status, invalid), base::messageOf(status));
}

void beginSuccess(base::JsonWriter& json)
{
    json.beginObject().member("status", "success").key("data");
}

void endSuccess(base::JsonWriter& json, const std::vector<std::string>& warnings,
                const std::vector<std::string>& infos)
{
    writeNotes(json, "warnings", warnings, "warning");
    writeNotes(json, "infos", infos, "info");
    json.endObject();
}

net::ServerResponse success(std::string_view dataJson, const std::vector<std::string>& warnings,
                            const std::vector<std::string>& infos)
{
    net::ServerResponse response{.contentType = "application/json"};
    response.body.reserve(dataJson.size() + 64);
    base::JsonWriter json(response.body);
    beginSuccess(json);
    json.raw(dataJson);
    endSuccess(json, warnings, infos);
    return response;
}

absl::StatusOr<std::optional<base::Timestamp>> timeParameter(const net::ServerRequest& request,
                                                             std::string_view name)
{
    const auto text = request.parameter(name);
    if (!text || text->empty()) {
        return std::optional<base::Timestamp>();
    }
    const auto time = base::parseTimestamp(*text);
    if (!time.ok()) {
        return parameterError(name, time.status());
    }
    return std::optional(*time);
}

absl::StatusOr<std::optional<base::Duration>> durationParameter(const net::ServerRequest& request,
                                                                std::string_view name)
{
    const auto text = request.parameter(name);
    if (!text || text->empty()) {
        return std::optional<base::Duration>();
    }
    if (const auto seconds = base::parseFloat(*text)) {
        const double ns = *seconds * 1e9;
        if (!std::isfinite(ns) || std::abs(ns) >= 9.2e18) {
            return base::invalidArgument("invalid parameter \"{}\": cannot parse \"{}\" to a valid "
                                         "duration. It overflows int64",
                                         name, *text);
        }
        return std::optional(base::Duration{static_cast<std::int64_t>(ns)});
    }
    const auto duration = base::parseDuration(*text);
    if (!duration.ok()) {
        return base::invalidArgument(
            "invalid parameter \"{}\": cannot parse \"{}\" to a valid duration", name, *text);
    }
    return std::optional(*duration);
}

absl::StatusOr<std::size_t> limitParameter(const net::ServerRequest& request)
{
    const auto text = request.parameter("limit");
    if (!text || text->empty()) {
        return std::size_t{0};
    }
    const auto limit = base::parseInt(*text);
    if (!limit) {
        return base::invalidArgument("invalid parameter \"limit\": cannot parse \"{}\" as a number",
                                     *text);
    }
    if (*limit < 0) {
        return base::invalidArgument("invalid parameter \"limit\": limit must be non-negative");
    }
    return static_cast<std::size_t>(*limit);
}

absl::StatusOr<bool> booleanParameter(const net::ServerRequest& request, std::string_view name)
{
    const auto text = request.parameter(name);
    if (!text || text->empty()) {
        return false;
    }
    const std::optional<bool> value = parseGoBool(*text);
    if (!value) {
        return base::invalidArgument("invalid parameter \"{}\": unable to parse boolean: "
                                     "strconv.ParseBool: parsing \"{}\": invalid syntax",
                                     name, *text);
    }
    return *value;
}

absl::StatusOr<std::vector<model::Matchers>> selectors(const net::ServerRequest& request)
{
    std::vector<model::Matchers> result;
    for (const std::string& text : request.parameterValues("match[]")) {
        auto matchers = promql::parseSelector(text);
        if (!matchers.ok()) {
            return parameterError("match[]", matchers.status());
        }
        if (promql::matchesAnything(*matchers)) {
            return base::invalidArgument("match[] must contain at least one non-empty matcher");
        }
        result.push_back(*std::move(matchers));
    }
    return result;
}

void writeLabels(base::JsonWriter& json, const model::Labels& labels)
{
    json.beginObject();
    for (const model::LabelView label : labels) {
        json.member(label.name, label.value);
    }
    json.endObject();
}

void writeSeries(base::JsonWriter& json, const promql::MatrixSeries& series)
{
    json.beginObject().key("metric");
    writeLabels(json, series.labels);
    if (!series.points.empty()) {
        json.key("values").beginArray();
        for (const promql::Point& point : series.points) {
            json.raw(base::SampleText(point.time, point.value).view());
        }
        json.endArray();
    }
    if (!series.histograms.empty()) {
        json.key("histograms").beginArray();
        for (const promql::HistogramPoint& point : series.histograms) {
            writeHistogramPoint(json, point.time, *point.histogram);
        }
        json.endArray();
    }
    json.endObject();
}

void writeValue(base::JsonWriter& json, const promql::Value& value)
{
    if (const auto* scalar = std::get_if<promql::Scalar>(&value)) {
        json.beginArray()
            .seconds(scalar->time)
            .string(base::formatFloatPlain(scalar->value))
            .endArray();
    } else if (const auto* string = std::get_if<promql::String>(&value)) {
        json.beginArray().seconds(string->time).string(string->value).endArray();
    } else if (const auto* vector = std::get_if<promql::Vector>(&value)) {
        json.beginArray();
        for (const promql::VectorElement& element : *vector) {
            json.beginObject().key("metric");
            writeLabels(json, element.labels);
            if (element.histogram) {
                json.key("histogram");
                writeHistogramPoint(json, element.time, *element.histogram);
            } else {
                json.key("value");
                json.raw(base::SampleText(element.time, element.value).view());
            }
            json.endObject();
        }
        json.endArray();
    } else if (const auto* matrix = std::get_if<promql::Matrix>(&value)) {
        json.beginArray();
        for (const promql::MatrixSeries& series : *matrix) {
            writeSeries(json, series);
        }
        json.endArray();
    }
}

} // namespace narthex::api
