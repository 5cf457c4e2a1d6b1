// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Turns series into a picture: at most a minimum and a maximum per pixel column, drawn on a worker
// into an image. Threads: pure functions, run on a worker. Units: logical pixels relative to the
// plot; milliseconds.
#pragma once

#include "ui/charts/series.h"
#include "ui/charts/ticks.h"
#include "ui/charts/view.h"

#include <QColor>
#include <QImage>
#include <QPolygonF>

#include <set>

namespace narthex::ui::charts {

struct FrameRequest
{
    std::shared_ptr<const SeriesList> series;
    std::set<std::string> hidden;
    /// One per series.
    std::vector<QColor> colours;
    View view;
    QSizeF size;
    double pixelRatio = 1;
    /// Longer gaps than 2.5 of it break a line.
    base::Duration step;
    Mode mode = Mode::Line;
    format::Unit unit;
    /// Series of this unit belong to a second axis at the right.
    std::optional<format::Unit> rightUnit;
    int valueTicks = 6;
};

struct Frame
{
    View view;
    ValueAxis axis;
    std::optional<ValueAxis> rightAxis;
    QSizeF size;
    QImage image;
    /// Drawn after reduction.
    int pointCount = 0;
    double renderMs = 0;
};

/// The runs of one series without gaps, in pixels of `map`; at most four points a pixel column.
std::vector<QPolygonF> reduce(const std::vector<promql::Point>& points, const PlotMap& map,
                              base::Duration step);

Frame renderFrame(const FrameRequest& request);

} // namespace narthex::ui::charts
