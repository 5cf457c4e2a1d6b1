// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a chart shows: series prepared from query results, immutable and shared with the worker that
// draws them. Threads: values; prepareSeries on a worker. Units: Timestamp; values as the query
// gave them.
#pragma once

#include "core/client/monitoring_client.h"
#include "ui/format/units.h"
#include "ui/kit/chips.h"

#include <QString>

#include <memory>
#include <vector>

namespace narthex::ui::charts {

enum class Mode : std::uint8_t
{
    Line,
    Area,
    Points
};

struct SeriesStats
{
    double last = 0;
    double min = 0;
    double mean = 0;
    double max = 0;
};

struct ChartSeries
{
    /// Letter of the query and packed labels: stable over updates.
    std::string key;
    QString letter;
    /// What tells it from its siblings.
    QString name;
    QList<kit::Chip> chips;
    model::Labels labels;
    std::vector<promql::Point> points;
    SeriesStats stats;
    format::Unit unit;
    std::uint64_t hash = 0;
    /// Colour slot; given on the GUI thread.
    std::size_t slot = 0;
};
using SeriesPtr = std::shared_ptr<const ChartSeries>;
using SeriesList = std::vector<SeriesPtr>;

/// One query row's answer.
struct QueryAnswer
{
    QString letter;
    QString query;
    std::shared_ptr<const promql::Result> result;
};

struct PreparedSeries
{
    std::vector<std::shared_ptr<ChartSeries>> series;
    /// Before the limit.
    std::size_t total = 0;
    std::size_t samples = 0;
};

/// Names, chips and statistics for the matrices in `answers`; at most `limit` series.
PreparedSeries prepareSeries(const std::vector<QueryAnswer>& answers, std::size_t limit);

/// `a` with newer points of `tail` after its own, and without those before `from`. For live charts
/// that fetch the end alone.
std::shared_ptr<const promql::Result> joinTail(const promql::Result& a, const promql::Result& tail,
                                               base::Timestamp from);

} // namespace narthex::ui::charts
