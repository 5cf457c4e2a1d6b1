// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/client/http/api_answer.h"

#include "core/base/number.h"
#include "core/base/status.h"
#include "core/client/http/answer_error.h"
#include "core/client/http/histogram_answer.h"
#include "core/client/numbers.h"

#include <simdjson.h>

#include <cmath>

namespace narthex::client {
namespace {

namespace od = simdjson::ondemand;

absl::Status unexpected(std::string_view what)
{
    return base::unavailable("the answer is not that of a Prometheus-compatible server: {}", what);
}

absl::Status damaged(simdjson::error_code error)
{
    return base::unavailable("the answer breaks off or is no JSON: {}",
                             simdjson::error_message(error));
}

#define NARTHEX_JSON(expression)                                                                   \
    do {                                                                                           \
        if (const simdjson::error_code jsonError_ = (expression);                                  \
            jsonError_ != simdjson::SUCCESS) {                                                     \
            return damaged(jsonError_);                                                            \
        }                                                                                          \
    } while (false)

bool isNull(od::value& value)
{
    od::json_type type{};
    return value.type().get(type) == simdjson::SUCCESS && type == od::json_type::null;
}

/// Reads one answer; what it needs more than once is kept.
class Reader
{
public:
    explicit Reader(std::string_view query) : query_(query) {}

    /// The parts of the envelope; `onData` reads what is below "data".
    template <typename OnData>
    absl::Status envelope(std::string& body, const OnData& onData)
    {
        body.reserve(body.size() + simdjson::SIMDJSON_PADDING);
        od::document document;
        NARTHEX_JSON(parser_.iterate(body.data(), body.size(), body.capacity()).get(document));
        od::object root;
        NARTHEX_JSON(document.get_object().get(root));
        bool hasData = false;
        for (auto field : root) {
            std::string_view key;
            NARTHEX_JSON(field.unescaped_key().get(key));
            od::value value;
            NARTHEX_JSON(field.value().get(value));
            if (key == "status") {
                NARTHEX_JSON(value.get_string().get(status_));
            } else if (key == "errorType") {
                NARTHEX_JSON(value.get_string().get(errorType_));
            } else if (key == "error") {
                NARTHEX_JSON(value.get_string().get(error_));
            } else if (key == "warnings" || key == "infos") {
                NARTHEX_RETURN_IF_ERROR(notes(value, key == "infos"));
            } else if (key == "data" && !isNull(value)) {
                NARTHEX_RETURN_IF_ERROR(onData(value));
                hasData = true;
            }
        }
        // What stands behind it would show that it is something else.
        const char* rest = nullptr;
        if (document.current_location().get(rest) == simdjson::SUCCESS) {
            return unexpected("there is more behind its end");
        }
        return close(hasData);
    }

    /// "data" of a query.
    absl::Status result(od::value value)
    {
        od::object data;
        NARTHEX_JSON(value.get_object().get(data));
        std::string_view type;
        if (data.find_field_unordered("resultType").get_string().get(type) != simdjson::SUCCESS) {
            // An error has no data; what else it lacks shows at the end.
            return unexpected("no type of result");
        }
        bool empty = false;
        NARTHEX_JSON(data.reset().get(empty));
        for (auto field : data) {
            std::string_view key;
            NARTHEX_JSON(field.unescaped_key().get(key));
            od::value part;
            NARTHEX_JSON(field.value().get(part));
            if (key == "result") {
                NARTHEX_RETURN_IF_ERROR(valueOf(type, part));
            } else if (key == "stats") {
                statistics(part);
            }
        }
        return absl::OkStatus();
    }

    absl::Status seriesList(od::value value, std::vector<model::Labels>& out)
    {
        od::array list;
        NARTHEX_JSON(value.get_array().get(list));
        for (auto each : list) {
            od::value element;
            NARTHEX_JSON(each.get(element));
            NARTHEX_RETURN_IF_ERROR(labels(element, out.emplace_back()));
        }
        return absl::OkStatus();
    }

    [[nodiscard]] promql::Result take() { return std::move(result_); }
    /// What the server says is wrong: type, words. Empty: nothing.
    [[nodiscard]] const std::string& errorType() const { return failedType_; }
    [[nodiscard]] const std::string& error() const { return failed_; }

private:
    absl::Status close(bool hasData)
    {
        if (status_ == "error") {
            if (errorType_.empty() || error_.empty()) {
                return unexpected("an error without words");
            }
            failedType_ = errorType_;
            failed_ = error_;
            return apiProblem(errorType_, error_, 200, query_);
        }
        if (status_ != "success") {
            return unexpected("no status");
        }
        return hasData ? absl::OkStatus() : unexpected("no data");
    }

    absl::Status notes(od::value value, bool infos)
    {
        od::array list;
        if (value.get_array().get(list) != simdjson::SUCCESS) {
            return absl::OkStatus(); // null
        }
        for (auto each : list) {
            std::string_view text;
            NARTHEX_JSON(each.get_string().get(text));
            result_.annotations.push_back(annotation(text, infos));
        }
        return absl::OkStatus();
    }

    /// "… (1:7)": the place becomes one of the query again.
    [[nodiscard]] promql::Annotation annotation(std::string_view text, bool info) const
    {
        promql::Annotation note{.kind = info ? promql::AnnotationKind::Info
                                             : promql::AnnotationKind::Warning};
        const std::size_t open = text.rfind(" (");
        if (open != std::string_view::npos && text.ends_with(')')) {
            const std::string_view place = text.substr(open + 2, text.size() - open - 3);
            const std::size_t colon = place.find(':');
            const auto line = base::parseUint(place.substr(0, colon));
            const auto column = colon == std::string_view::npos
                                    ? std::nullopt
                                    : base::parseUint(place.substr(colon + 1));
            std::size_t offset = 0;
            for (std::uint64_t i = 1; line && i < *line && offset != std::string_view::npos; ++i) {
                offset = query_.find('\n', offset);
                offset += offset == std::string_view::npos ? 0 : 1;
            }
            if (line && column && *column > 0 && offset < query_.size() &&
                offset + *column - 1 <= query_.size()) {
                note.begin = static_cast<std::uint32_t>(offset + *column - 1);
                text = text.substr(0, open);
            }
        }
        note.text = text;
        return note;
    }

    absl::Status valueOf(std::string_view type, od::value value)
    {
        od::array list;
        NARTHEX_JSON(value.get_array().get(list));
        if (type == "matrix") {
            auto& matrix = result_.value.emplace<promql::Matrix>();
            for (auto each : list) {
                od::object object;
                NARTHEX_JSON(each.get_object().get(object));
                NARTHEX_RETURN_IF_ERROR(matrixSeries(object, matrix.emplace_back()));
            }
            return absl::OkStatus();
        }
        if (type == "vector") {
            auto& vector = result_.value.emplace<promql::Vector>();
            for (auto each : list) {
                od::object object;
                NARTHEX_JSON(each.get_object().get(object));
                NARTHEX_RETURN_IF_ERROR(vectorElement(object, vector.emplace_back()));
            }
            return absl::OkStatus();
        }
        if (type == "scalar") {
            promql::Point point;
            NARTHEX_RETURN_IF_ERROR(sample(list, point));
            result_.value = promql::Scalar{.time = point.time, .value = point.value};
            return absl::OkStatus();
        }
        return type == "string" ? text(list) : unexpected("an unknown type of result");
    }

    absl::Status text(od::array list)
    {
        promql::String result;
        std::size_t at = 0;
        for (auto each : list) {
            if (at++ == 0) {
                NARTHEX_RETURN_IF_ERROR(time(each, result.time));
            } else {
                std::string_view words;
                NARTHEX_JSON(each.get_string().get(words));
                result.value = words;
            }
        }
        result_.value = std::move(result);
        return at == 2 ? absl::OkStatus() : unexpected("a text is not a time and a text");
    }

    absl::Status labels(od::value value, model::Labels& out)
    {
        od::object metric;
        NARTHEX_JSON(value.get_object().get(metric));
        labels_.clear();
        for (auto field : metric) {
            model::LabelView label;
            NARTHEX_JSON(field.unescaped_key().get(label.name));
            if (field.value().get_string().get(label.value) != simdjson::SUCCESS) {
                return unexpected("the value of a label is no text");
            }
            labels_.push_back(label);
        }
        out = model::Labels::fromPairs(labels_);
        return absl::OkStatus();
    }

    absl::Status matrixSeries(od::object object, promql::MatrixSeries& series)
    {
        bool hasMetric = false;
        for (auto field : object) {
            std::string_view key;
            NARTHEX_JSON(field.unescaped_key().get(key));
            od::value value;
            NARTHEX_JSON(field.value().get(value));
            if (key == "metric") {
                NARTHEX_RETURN_IF_ERROR(labels(value, series.labels));
                hasMetric = true;
                continue;
            }
            if (key != "values" && key != "histograms") {
                continue;
            }
            od::array list;
            NARTHEX_JSON(value.get_array().get(list));
            // Series of a matrix are about as long as the one before.
            if (key == "values") {
                series.points.reserve(lastLength_);
            }
            for (auto each : list) {
                od::array pair;
                NARTHEX_JSON(each.get_array().get(pair));
                NARTHEX_RETURN_IF_ERROR(key == "values"
                                            ? sample(pair, series.points.emplace_back())
                                            : histogram(pair, series.histograms.emplace_back()));
            }
            lastLength_ = key == "values" ? series.points.size() : lastLength_;
        }
        return hasMetric ? absl::OkStatus() : unexpected("a series has no metric");
    }

    absl::Status vectorElement(od::object object, promql::VectorElement& element)
    {
        for (auto field : object) {
            std::string_view key;
            NARTHEX_JSON(field.unescaped_key().get(key));
            od::value value;
            NARTHEX_JSON(field.value().get(value));
            if (key == "metric") {
                NARTHEX_RETURN_IF_ERROR(labels(value, element.labels));
                continue;
            }
            if (key != "value" && key != "histogram") {
                continue;
            }
            od::array pair;
            NARTHEX_JSON(value.get_array().get(pair));
            if (key == "value") {
                promql::Point point;
                NARTHEX_RETURN_IF_ERROR(sample(pair, point));
                element.time = point.time;
                element.value = point.value;
            } else {
                promql::HistogramPoint point;
                NARTHEX_RETURN_IF_ERROR(histogram(pair, point));
                element.time = point.time;
                element.histogram = std::move(point.histogram);
            }
        }
        return absl::OkStatus();
    }

    template <typename Value>
    absl::Status time(Value&& value, base::Timestamp& out)
    {
        constexpr double kLimitSeconds = 9e15; // of 64 bits of milliseconds
        double seconds = 0;
        NARTHEX_JSON(value.get_double().get(seconds));
        if (!(std::fabs(seconds) < kLimitSeconds)) {
            return unexpected(fmt::format("a sample at {}", seconds));
        }
        out.ms = std::llround(seconds * 1000);
        return absl::OkStatus();
    }

    template <typename Value>
    absl::Status number(Value&& value, double& out)
    {
        std::string_view words;
        NARTHEX_JSON(value.get_string().get(words));
        const auto parsed = base::parseFloat(words);
        if (!parsed) {
            return unexpected(fmt::format("the value \"{}\"", words));
        }
        out = std::isnan(*parsed) ? model::normalNan() : *parsed;
        return absl::OkStatus();
    }

    absl::Status sample(od::array pair, promql::Point& point)
    {
        std::size_t at = 0;
        for (auto each : pair) {
            NARTHEX_RETURN_IF_ERROR(at++ == 0 ? time(each, point.time) : number(each, point.value));
        }
        return at == 2 ? absl::OkStatus() : unexpected("a sample is not a time and a text");
    }

    absl::Status histogram(od::array pair, promql::HistogramPoint& point)
    {
        std::size_t at = 0;
        for (auto each : pair) {
            if (at++ == 0) {
                NARTHEX_RETURN_IF_ERROR(time(each, point.time));
                continue;
            }
            od::object object;
            NARTHEX_JSON(each.get_object().get(object));
            NARTHEX_RETURN_IF_ERROR(buckets(object, point));
        }
        return at == 2 ? absl::OkStatus() : unexpected("a histogram is not a time and an object");
    }

    absl::Status buckets(od::object object, promql::HistogramPoint& point)
    {
        double count = 0;
        double sum = 0;
        buckets_.clear();
        for (auto field : object) {
            std::string_view key;
            NARTHEX_JSON(field.unescaped_key().get(key));
            if (key == "count") {
                NARTHEX_RETURN_IF_ERROR(number(field.value(), count));
            } else if (key == "sum") {
                NARTHEX_RETURN_IF_ERROR(number(field.value(), sum));
            } else if (key == "buckets") {
                od::array list;
                NARTHEX_JSON(field.value().get_array().get(list));
                for (auto each : list) {
                    od::array parts;
                    NARTHEX_JSON(each.get_array().get(parts));
                    NARTHEX_RETURN_IF_ERROR(bucket(parts, buckets_.emplace_back()));
                }
            }
        }
        point.histogram =
            std::make_shared<const model::FloatHistogram>(histogramOf(count, sum, buckets_));
        return absl::OkStatus();
    }

    absl::Status bucket(od::array parts, AnswerBucket& out)
    {
        double* const numbers[] = {&out.lower, &out.upper, &out.count};
        std::size_t at = 0;
        for (auto each : parts) {
            if (at == 0) {
                NARTHEX_JSON(each.get_int64().get(out.rule));
            } else if (at <= std::size(numbers)) {
                NARTHEX_RETURN_IF_ERROR(number(each, *numbers[at - 1]));
            }
            ++at;
        }
        return at == 4 ? absl::OkStatus() : unexpected("a bucket does not have four parts");
    }

    /// As far as they are there: other servers have others.
    void statistics(od::value value)
    {
        promql::Statistics& out = result_.statistics;
        const auto duration = [&](const char* name, base::Duration& target) {
            double seconds = 0;
            if (value["timings"][name].get_double().get(seconds) == simdjson::SUCCESS) {
                target = durationOf(seconds);
            }
        };
        duration("evalTotalTime", out.evalTotalTime);
        duration("resultSortTime", out.resultSortTime);
        duration("queryPreparationTime", out.queryPreparationTime);
        duration("innerEvalTime", out.innerEvalTime);
        duration("execQueueTime", out.execQueueTime);
        duration("execTotalTime", out.execTotalTime);
        const auto count = [&](const char* name, std::uint64_t& target) {
            std::uint64_t samples = 0;
            if (value["samples"][name].get_uint64().get(samples) == simdjson::SUCCESS) {
                target = samples;
            }
        };
        count("totalQueryableSamples", out.totalQueryableSamples);
        count("samplesRead", out.samplesRead);
        count("peakSamples", out.peakSamples);
    }

    const std::string_view query_;
    od::parser parser_;
    promql::Result result_;
    std::string_view status_;
    std::string_view errorType_;
    std::string_view error_;
    std::string failedType_;
    std::string failed_;
    std::size_t lastLength_ = 0;
    std::vector<model::LabelView> labels_;
    std::vector<AnswerBucket> buckets_;
};

#undef NARTHEX_JSON

} // namespace

absl::StatusOr<promql::Result> parseQueryAnswer(std::string& body, std::string_view query)
{
    Reader reader(query);
    NARTHEX_RETURN_IF_ERROR(
        reader.envelope(body, [&reader](od::value data) { return reader.result(data); }));
    return reader.take();
}

absl::StatusOr<std::vector<model::Labels>> parseSeriesAnswer(std::string& body)
{
    std::vector<model::Labels> result;
    Reader reader({});
    NARTHEX_RETURN_IF_ERROR(
        reader.envelope(body, [&](od::value data) { return reader.seriesList(data, result); }));
    return result;
}

absl::StatusOr<promql::Matrix> parseMatrixAnswer(std::string_view json)
{
    std::string body(json);
    Reader reader({});
    const absl::Status status =
        reader.envelope(body, [&reader](od::value data) { return reader.result(data); });
    if (!reader.error().empty()) {
        return base::invalidArgument("{}: {}", reader.errorType(), reader.error());
    }
    NARTHEX_RETURN_IF_ERROR(status);
    promql::Result result = reader.take();
    auto* matrix = std::get_if<promql::Matrix>(&result.value);
    if (matrix == nullptr) {
        return unexpected("no matrix");
    }
    for (const promql::MatrixSeries& series : *matrix) {
        if (!series.histograms.empty()) {
            return base::unimplemented(
                "series {} has native histograms, which cannot be read from this interface "
                "without loss",
                series.labels.toString());
        }
    }
    return std::move(*matrix);
}

} // namespace narthex::client
