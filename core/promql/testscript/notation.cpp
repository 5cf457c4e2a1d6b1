// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/testscript/notation.h"

#include "core/base/number.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace narthex::promql::testscript {
namespace {

/// A series called like the keyword must not begin with it.
std::string seriesText(const model::Labels& labels)
{
    std::string text = labels.toString();
    return text == "expect" ? "expect{}" : text;
}

std::vector<std::string> ordered(const Eval& eval, std::vector<std::string> lines)
{
    if (!eval.has(ExpectKind::Ordered)) {
        std::sort(lines.begin(), lines.end());
    }
    return lines;
}

std::string sequenceLine(const SeriesDescription& series)
{
    std::string line = seriesText(series.labels);
    for (const SequenceValue& value : series.values) {
        line += ' ';
        line += value.omitted ? "_" : valueNotation(value.value, value.histogram);
    }
    return line;
}

std::string pointsLine(const MatrixSeries& series, const TimeRange& range, bool& exact)
{
    std::map<std::int64_t, std::string> points;
    for (const Point& point : series.points) {
        points[point.time.ms] = valueNotation(point.value, nullptr);
    }
    for (const HistogramPoint& point : series.histograms) {
        points[point.time.ms] = valueNotation(0, point.histogram);
    }
    std::string line = seriesText(series.labels);
    std::int64_t next = range.from;
    for (const auto& [time, text] : points) {
        const bool onStep =
            time >= range.from && time <= range.to && (time - range.from) % range.step == 0;
        if (!onStep) {
            exact = false;
            line += fmt::format(" {}@{}", text, base::formatFloat(base::Timestamp{time}.seconds()));
            continue;
        }
        for (; next < time; next += range.step) {
            line += " _";
        }
        line += ' ';
        line += text;
        next = time + range.step;
    }
    return line;
}

} // namespace

std::string valueNotation(double value, const HistogramPtr& histogram)
{
    if (histogram) {
        return histogramNotation(*histogram);
    }
    return model::isStale(value) ? "stale" : base::formatFloat(value);
}

std::vector<std::string> expectedLines(const Eval& eval)
{
    if (eval.scalar) {
        return {valueNotation(*eval.scalar, nullptr)};
    }
    if (eval.string) {
        return {"expect string " + model::quote(*eval.string)};
    }
    std::vector<std::string> lines;
    for (const SeriesDescription& series : eval.series) {
        lines.push_back(sequenceLine(series));
    }
    return ordered(eval, std::move(lines));
}

Found foundLines(const Eval& eval, const Value& value)
{
    if (const auto* scalar = std::get_if<Scalar>(&value)) {
        return {{valueNotation(scalar->value, nullptr)}};
    }
    if (const auto* string = std::get_if<String>(&value)) {
        return {{"expect string " + model::quote(string->value)}};
    }
    Found found;
    if (const auto* vector = std::get_if<Vector>(&value)) {
        for (const VectorElement& element : *vector) {
            found.lines.push_back(seriesText(element.labels) + " " +
                                  valueNotation(element.value, element.histogram));
        }
    }
    if (const auto* matrix = std::get_if<Matrix>(&value)) {
        found.exact = !eval.instant || eval.rangeVector.has_value();
        for (const MatrixSeries& series : *matrix) {
            found.lines.push_back(
                pointsLine(series, eval.rangeVector.value_or(eval.range), found.exact));
        }
    }
    found.lines = ordered(eval, std::move(found.lines));
    return found;
}

} // namespace narthex::promql::testscript
