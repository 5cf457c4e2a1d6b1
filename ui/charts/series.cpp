// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/charts/series.h"

#include <absl/container/flat_hash_map.h>

#include <QCoreApplication>

#include <algorithm>
#include <limits>
#include <set>

namespace narthex::ui::charts {
namespace {

struct Tr
{
    Q_DECLARE_TR_FUNCTIONS(charts::Series)
};

QString text(std::string_view view)
{
    return QString::fromUtf8(view.data(), qsizetype(view.size()));
}

/// Labels whose values are not the same in all series.
std::set<std::string> differingLabels(const promql::Matrix& matrix)
{
    std::set<std::string> names;
    for (const promql::MatrixSeries& series : matrix) {
        for (const model::LabelView label : series.labels) {
            if (matrix.front().labels.get(label.name) != label.value) {
                names.emplace(label.name);
            }
        }
        for (const model::LabelView label : matrix.front().labels) {
            if (series.labels.get(label.name) != label.value) {
                names.emplace(label.name);
            }
        }
    }
    return names;
}

void describe(ChartSeries& series, const std::set<std::string>& differing, const QString& query)
{
    QStringList names;
    int common = 0;
    for (const model::LabelView label : series.labels) {
        const bool isName = label.name == model::kMetricName;
        if (differing.contains(std::string(label.name))) {
            names << text(label.value);
            if (!isName) {
                series.chips << kit::Chip{text(label.name), text(label.value)};
            }
        } else if (!isName) {
            ++common;
        }
    }
    if (names.isEmpty()) {
        const QString metric = text(series.labels.metricName());
        names << (metric.isEmpty() ? query.simplified() : metric);
    }
    series.name = names.join(QStringLiteral(" · "));
    if (series.chips.isEmpty()) {
        for (const model::LabelView label : series.labels) {
            if (label.name != model::kMetricName) {
                series.chips << kit::Chip{text(label.name), text(label.value)};
            }
        }
    } else if (common > 0) {
        series.chips << kit::Chip{{}, Tr::tr("%n common", nullptr, common)};
    }
}

SeriesStats statistics(const std::vector<promql::Point>& points)
{
    SeriesStats stats{.last = std::numeric_limits<double>::quiet_NaN(),
                      .min = std::numeric_limits<double>::infinity(),
                      .mean = 0,
                      .max = -std::numeric_limits<double>::infinity()};
    double sum = 0;
    std::size_t count = 0;
    for (const promql::Point& point : points) {
        if (!std::isfinite(point.value)) {
            continue;
        }
        stats.min = std::min(stats.min, point.value);
        stats.max = std::max(stats.max, point.value);
        stats.last = point.value;
        sum += point.value;
        ++count;
    }
    if (count == 0) {
        const double none = std::numeric_limits<double>::quiet_NaN();
        return {none, none, none, none};
    }
    stats.mean = sum / double(count);
    return stats;
}

void prepareAnswer(const QueryAnswer& answer, std::size_t limit, PreparedSeries& out)
{
    const auto* matrix =
        answer.result ? std::get_if<promql::Matrix>(&answer.result->value) : nullptr;
    if (matrix == nullptr || matrix->empty()) {
        return;
    }
    const std::set<std::string> differing = differingLabels(*matrix);
    const format::Unit unit = format::unitOfQuery(answer.query.toStdString());
    for (const promql::MatrixSeries& source : *matrix) {
        ++out.total;
        out.samples += source.points.size();
        if (out.series.size() >= limit) {
            continue;
        }
        auto series = std::make_shared<ChartSeries>();
        series->letter = answer.letter;
        series->labels = source.labels;
        series->key = answer.letter.toStdString() + '\x1f' + source.labels.bytes();
        series->hash = source.labels.hash() + answer.letter.at(0).unicode() * 0x9E3779B97F4A7C15ULL;
        series->unit = unit;
        series->points = source.points;
        series->stats = statistics(source.points);
        describe(*series, differing, answer.query);
        out.series.push_back(std::move(series));
    }
}

} // namespace

PreparedSeries prepareSeries(const std::vector<QueryAnswer>& answers, std::size_t limit)
{
    PreparedSeries out;
    for (const QueryAnswer& answer : answers) {
        prepareAnswer(answer, limit, out);
    }
    return out;
}

std::shared_ptr<const promql::Result> joinTail(const promql::Result& a, const promql::Result& tail,
                                               base::Timestamp from)
{
    const auto* older = std::get_if<promql::Matrix>(&a.value);
    const auto* newer = std::get_if<promql::Matrix>(&tail.value);
    if (older == nullptr || newer == nullptr) {
        return std::make_shared<promql::Result>(tail);
    }
    auto result = std::make_shared<promql::Result>(
        promql::Result{promql::Matrix{}, tail.annotations, tail.statistics});
    auto& matrix = std::get<promql::Matrix>(result->value);
    absl::flat_hash_map<std::string, std::size_t> places;
    for (const promql::MatrixSeries& series : *older) {
        promql::MatrixSeries copy{series.labels, {}, {}};
        const auto begin =
            std::lower_bound(series.points.begin(), series.points.end(), from,
                             [](const promql::Point& p, base::Timestamp t) { return p.time < t; });
        copy.points.assign(begin, series.points.end());
        places.emplace(series.labels.bytes(), matrix.size());
        matrix.push_back(std::move(copy));
    }
    for (const promql::MatrixSeries& series : *newer) {
        const auto it = places.find(series.labels.bytes());
        if (it == places.end()) {
            matrix.push_back(series);
            continue;
        }
        auto& points = matrix[it->second].points;
        // The newest steps may have changed since: samples arrive late.
        while (!points.empty() && !series.points.empty() &&
               points.back().time >= series.points.front().time) {
            points.pop_back();
        }
        points.insert(points.end(), series.points.begin(), series.points.end());
    }
    std::erase_if(matrix, [](const promql::MatrixSeries& s) {
        return s.points.empty() && s.histograms.empty();
    });
    return result;
}

} // namespace narthex::ui::charts
