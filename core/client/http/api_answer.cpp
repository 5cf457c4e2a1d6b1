// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/client/http/api_answer.h"

#include "core/base/number.h"
#include "core/base/status.h"

#include <simdjson.h>

#include <cmath>

namespace narthex::client {
namespace {

namespace dom = simdjson::dom;

absl::Status unexpected(std::string_view what)
{
    return base::unavailable("the answer is not that of a Prometheus-compatible server: {}", what);
}

absl::StatusOr<model::Labels> labelsOf(const dom::element& series)
{
    dom::object metric;
    if (series["metric"].get(metric) != simdjson::SUCCESS) {
        return unexpected("a series has no metric");
    }
    model::LabelsBuilder labels;
    for (const auto& [name, value] : metric) {
        std::string_view text;
        if (value.get(text) != simdjson::SUCCESS) {
            return unexpected("the value of a label is no text");
        }
        labels.set(name, text);
    }
    return labels.build();
}

absl::StatusOr<promql::Point> pointOf(const dom::element& sample)
{
    constexpr double kLimitSeconds = 9e15; // of 64 bits of milliseconds
    double seconds = 0;
    std::string_view text;
    if (sample.at(0).get(seconds) != simdjson::SUCCESS ||
        sample.at(1).get(text) != simdjson::SUCCESS) {
        return unexpected("a sample is not a time and a text");
    }
    const auto value = base::parseFloat(text);
    if (!value || !(std::fabs(seconds) < kLimitSeconds)) {
        return unexpected(fmt::format("sample {} at {}", text, seconds));
    }
    return promql::Point{{std::llround(seconds * 1000)},
                         std::isnan(*value) ? model::normalNan() : *value};
}

absl::StatusOr<promql::MatrixSeries> seriesOf(const dom::element& element)
{
    promql::MatrixSeries series;
    NARTHEX_ASSIGN_OR_RETURN(series.labels, labelsOf(element));
    dom::array histograms;
    if (element["histograms"].get(histograms) == simdjson::SUCCESS && histograms.size() > 0) {
        return base::unimplemented("series {} has native histograms, which cannot be read from "
                                   "this interface without loss",
                                   series.labels.toString());
    }
    dom::array values;
    if (element["values"].get(values) == simdjson::SUCCESS) {
        series.points.reserve(values.size());
        for (const dom::element sample : values) {
            NARTHEX_ASSIGN_OR_RETURN(const promql::Point point, pointOf(sample));
            series.points.push_back(point);
        }
    }
    return series;
}

} // namespace

absl::StatusOr<promql::Matrix> parseMatrixAnswer(std::string_view json)
{
    dom::parser parser;
    dom::element root;
    if (parser.parse(json.data(), json.size()).get(root) != simdjson::SUCCESS) {
        return unexpected("no JSON");
    }
    std::string_view status;
    if (root["status"].get(status) != simdjson::SUCCESS) {
        return unexpected("no status");
    }
    if (status != "success") {
        std::string_view kind;
        std::string_view message;
        if (root["errorType"].get(kind) != simdjson::SUCCESS ||
            root["error"].get(message) != simdjson::SUCCESS) {
            return unexpected("an error without words");
        }
        return base::invalidArgument("{}: {}", kind, message);
    }
    std::string_view type;
    dom::array result;
    if (root["data"]["resultType"].get(type) != simdjson::SUCCESS || type != "matrix" ||
        root["data"]["result"].get(result) != simdjson::SUCCESS) {
        return unexpected("no matrix");
    }
    promql::Matrix matrix;
    for (const dom::element element : result) {
        NARTHEX_ASSIGN_OR_RETURN(promql::MatrixSeries series, seriesOf(element));
        matrix.push_back(std::move(series));
    }
    return matrix;
}

} // namespace narthex::client
