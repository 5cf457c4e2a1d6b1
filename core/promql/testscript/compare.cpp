// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/testscript/compare.h"

#include "core/base/number.h"
#include "core/base/status.h"
#include "core/promql/histogram_math.h"
#include "core/promql/parser.h"
#include "core/promql/testscript/notation.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

namespace narthex::promql::testscript {
namespace {

bool matches(const Expectation& expectation, std::string_view text)
{
    switch (expectation.match) {
    case Expectation::Match::Any:
        return true;
    case Expectation::Match::Text:
        return text == expectation.text;
    case Expectation::Match::Regex:
        return re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), expectation.text);
    }
    return false;
}

bool sameLists(const std::vector<double>& a, const std::vector<double>& b)
{
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](double x, double y) { return nearlyEqual(x, y); });
}

bool sameCell(const SequenceValue& expected, double value, const HistogramPtr& histogram)
{
    if (static_cast<bool>(expected.histogram) != static_cast<bool>(histogram)) {
        return false;
    }
    return histogram ? nearlyEqual(*expected.histogram, *histogram, expected.hintGiven)
                     : nearlyEqual(expected.value, value);
}

absl::Status compareVector(const Eval& eval, const Vector& vector)
{
    std::vector<bool> used(vector.size(), false);
    std::string problems;
    for (std::size_t k = 0; k < eval.series.size(); ++k) {
        const SeriesDescription& expected = eval.series[k];
        const SequenceValue& value = expected.values[0];
        const auto it =
            std::find_if(vector.begin(), vector.end(), [&](const VectorElement& element) {
                return element.labels == expected.labels;
            });
        if (it == vector.end()) {
            problems += fmt::format("missing {} {}\n", expected.labels.toString(),
                                    valueNotation(value.value, value.histogram));
            continue;
        }
        const auto at = static_cast<std::size_t>(it - vector.begin());
        used[at] = true;
        if (eval.has(ExpectKind::Ordered) && at != k) {
            problems += fmt::format("{} expected at position {}, found at {}\n",
                                    expected.labels.toString(), k + 1, at + 1);
        }
        if (!sameCell(value, it->value, it->histogram)) {
            problems += fmt::format("{}: expected {}, found {}\n", expected.labels.toString(),
                                    valueNotation(value.value, value.histogram),
                                    valueNotation(it->value, it->histogram));
        }
    }
    for (std::size_t i = 0; i < vector.size(); ++i) {
        if (!used[i]) {
            problems += fmt::format("unexpected {} {}\n", vector[i].labels.toString(),
                                    valueNotation(vector[i].value, vector[i].histogram));
        }
    }
    return problems.empty() ? absl::OkStatus() : base::invalidArgument("{}", problems);
}

/// Time to value and histogram.
using Points = std::map<std::int64_t, std::pair<double, HistogramPtr>>;

Points pointsOf(const MatrixSeries& series)
{
    Points points;
    for (const Point& point : series.points) {
        points[point.time.ms] = {point.value, nullptr};
    }
    for (const HistogramPoint& point : series.histograms) {
        points[point.time.ms] = {0, point.histogram};
    }
    return points;
}

std::string comparePoints(const SeriesDescription& expected, const TimeRange& range,
                          const MatrixSeries& found)
{
    Points points = pointsOf(found);
    std::string problems;
    const auto complain = [&](std::int64_t time, std::string_view want, std::string_view got) {
        problems += fmt::format("{} at {}: expected {}, found {}\n", expected.labels.toString(),
                                base::formatFloat(static_cast<double>(time) / 1000), want, got);
    };
    for (std::size_t i = 0; i < expected.values.size(); ++i) {
        const SequenceValue& value = expected.values[i];
        const std::int64_t time = range.from + static_cast<std::int64_t>(i) * range.step;
        if (value.omitted) {
            continue;
        }
        const auto it = points.find(time);
        if (it == points.end()) {
            complain(time, valueNotation(value.value, value.histogram), "nothing");
            continue;
        }
        if (!sameCell(value, it->second.first, it->second.second)) {
            complain(time, valueNotation(value.value, value.histogram),
                     valueNotation(it->second.first, it->second.second));
        }
        points.erase(it);
    }
    for (const auto& [time, point] : points) {
        complain(time, "nothing", valueNotation(point.first, point.second));
    }
    return problems;
}

} // namespace

bool nearlyEqual(double a, double b)
{
    constexpr double kTolerance = 1e-6;
    constexpr double kSmallest = std::numeric_limits<double>::min();
    if (model::isStale(a) || model::isStale(b)) {
        return model::isStale(a) && model::isStale(b);
    }
    if (std::isnan(a) && std::isnan(b)) {
        return true;
    }
    if (a == b) {
        return true;
    }
    const double sum = std::abs(a) + std::abs(b);
    const double difference = std::abs(a - b);
    if (a == 0 || b == 0 || sum < kSmallest) {
        return difference < kTolerance * kSmallest;
    }
    return difference / std::min(sum, std::numeric_limits<double>::max()) < kTolerance;
}

bool nearlyEqual(const model::FloatHistogram& expected, const model::FloatHistogram& found,
                 bool hint)
{
    const model::FloatHistogram a = compacted(expected);
    const model::FloatHistogram b = compacted(found);
    return a.schema == b.schema && nearlyEqual(a.count, b.count) && nearlyEqual(a.sum, b.sum) &&
           nearlyEqual(a.zeroCount, b.zeroCount) && a.zeroThreshold == b.zeroThreshold &&
           a.positiveSpans == b.positiveSpans && a.negativeSpans == b.negativeSpans &&
           sameLists(a.positiveBuckets, b.positiveBuckets) &&
           sameLists(a.negativeBuckets, b.negativeBuckets) && a.customValues == b.customValues &&
           (!hint || a.hint == b.hint);
}

absl::Status compareInstant(const Eval& eval, const Value& value)
{
    if (const auto* scalar = std::get_if<Scalar>(&value)) {
        if (!eval.scalar) {
            return base::invalidArgument("a scalar {} was not expected",
                                         base::formatFloat(scalar->value));
        }
        if (!nearlyEqual(*eval.scalar, scalar->value)) {
            return base::invalidArgument("expected scalar {}, found {}",
                                         base::formatFloat(*eval.scalar),
                                         base::formatFloat(scalar->value));
        }
        return absl::OkStatus();
    }
    if (const auto* string = std::get_if<String>(&value)) {
        if (!eval.string || *eval.string != string->value) {
            return base::invalidArgument("found string {}", model::quote(string->value));
        }
        return absl::OkStatus();
    }
    if (eval.scalar || eval.string) {
        return base::invalidArgument("expected a {}, found a {}", eval.scalar ? "scalar" : "string",
                                     valueTypeText(typeOf(value)));
    }
    if (eval.rangeVector) {
        return compareMatrix(eval, *eval.rangeVector, value);
    }
    if (const auto* vector = std::get_if<Vector>(&value)) {
        return compareVector(eval, *vector);
    }
    return base::invalidArgument("a range vector was not expected");
}

absl::Status compareMatrix(const Eval& eval, const TimeRange& range, const Value& value)
{
    const auto* matrix = std::get_if<Matrix>(&value);
    if (matrix == nullptr) {
        return base::invalidArgument("expected a matrix, found a {}", valueTypeText(typeOf(value)));
    }
    if (eval.has(ExpectKind::Ordered)) {
        return base::invalidArgument("expected ordered result, but query returned a matrix");
    }
    if (!std::is_sorted(matrix->begin(), matrix->end(),
                        [](const auto& a, const auto& b) { return a.labels < b.labels; })) {
        return base::invalidArgument("series are not sorted by labels");
    }
    std::string problems;
    std::vector<bool> used(matrix->size(), false);
    for (const SeriesDescription& expected : eval.series) {
        const auto it =
            std::find_if(matrix->begin(), matrix->end(), [&](const MatrixSeries& series) {
                return series.labels == expected.labels;
            });
        const bool wanted = std::any_of(expected.values.begin(), expected.values.end(),
                                        [](const SequenceValue& v) { return !v.omitted; });
        if (it == matrix->end()) {
            problems +=
                wanted ? fmt::format("missing {}\n", expected.labels.toString()) : std::string();
            continue;
        }
        used[static_cast<std::size_t>(it - matrix->begin())] = true;
        problems += comparePoints(expected, range, *it);
    }
    for (std::size_t i = 0; i < matrix->size(); ++i) {
        if (!used[i]) {
            problems +=
                comparePoints({.labels = (*matrix)[i].labels, .values = {}}, range, (*matrix)[i]);
        }
    }
    return problems.empty() ? absl::OkStatus() : base::invalidArgument("{}", problems);
}

namespace {

absl::Status compareKind(const Eval& eval, ExpectKind kind, ExpectKind none,
                         const std::vector<std::string>& texts)
{
    const std::string_view name = kind == ExpectKind::Warn ? "warning" : "info";
    if (eval.has(none) && !texts.empty()) {
        return base::invalidArgument("unexpected {}: {}", name, fmt::join(texts, " | "));
    }
    if (!eval.has(kind)) {
        return absl::OkStatus();
    }
    for (const Expectation& expectation : eval.expectations) {
        const bool met = std::any_of(texts.begin(), texts.end(), [&](const std::string& text) {
            return matches(expectation, text);
        });
        if (expectation.kind == kind && !met) {
            return base::invalidArgument("expected {} {}, found: {}", name, expectation.text,
                                         fmt::join(texts, " | "));
        }
    }
    for (const std::string& text : texts) {
        const bool wanted =
            std::any_of(eval.expectations.begin(), eval.expectations.end(),
                        [&](const Expectation& expectation) {
                            return expectation.kind == kind && matches(expectation, text);
                        });
        if (!wanted) {
            return base::invalidArgument("unexpected {}: {}", name, text);
        }
    }
    return absl::OkStatus();
}

} // namespace

absl::Status compareAnnotations(const Eval& eval, std::string_view query,
                                const std::vector<Annotation>& annotations)
{
    std::vector<std::string> warnings;
    std::vector<std::string> infos;
    for (const Annotation& annotation : annotations) {
        (annotation.kind == AnnotationKind::Warning ? warnings : infos)
            .push_back(annotationText(annotation, query));
    }
    NARTHEX_RETURN_IF_ERROR(compareKind(eval, ExpectKind::Warn, ExpectKind::NoWarn, warnings));
    return compareKind(eval, ExpectKind::Info, ExpectKind::NoInfo, infos);
}

absl::Status compareError(const Eval& eval, const absl::Status& status)
{
    for (const Expectation& expectation : eval.expectations) {
        if (expectation.kind != ExpectKind::Fail) {
            continue;
        }
        if (status.ok()) {
            return base::invalidArgument("an error was expected");
        }
        return matches(expectation, base::messageOf(status))
                   ? absl::OkStatus()
                   : base::invalidArgument("expected error {}, found: {}", expectation.text,
                                           base::messageOf(status));
    }
    return status.ok() ? absl::OkStatus()
                       : base::invalidArgument("unexpected error: {}", base::messageOf(status));
}

} // namespace narthex::promql::testscript
