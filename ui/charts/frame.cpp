// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/charts/frame.h"

#include "ui/theme/theme.h"

#include <QElapsedTimer>
#include <QPainter>

#include <algorithm>
#include <limits>

namespace narthex::ui::charts {
namespace {

/// Smoothing of a thousand curves costs seconds in software; above this many they are drawn with
/// hard edges.
constexpr std::size_t kSmoothLimit = 120;
/// "Points appear by themselves when spacing > 8 px" (spec/ui.md, "Charts", modes).
constexpr double kPointSpacing = 8;

/// First, lowest, highest and last point of one pixel column.
class Column
{
public:
    void add(QPointF point)
    {
        if (count_ == 0) {
            first_ = low_ = high_ = point;
        }
        // Pixels grow downwards; which is called low does not matter.
        low_ = point.y() < low_.y() ? point : low_;
        high_ = point.y() > high_.y() ? point : high_;
        last_ = point;
        ++count_;
    }
    void flush(QPolygonF& out)
    {
        if (count_ == 0) {
            return;
        }
        out << first_;
        if (count_ > 2) {
            const bool lowFirst = low_.x() <= high_.x();
            out << (lowFirst ? low_ : high_) << (lowFirst ? high_ : low_);
        }
        if (count_ > 1) {
            out << last_;
        }
        count_ = 0;
    }

private:
    QPointF first_, low_, high_, last_;
    int count_ = 0;
};

struct Extent
{
    double min = std::numeric_limits<double>::infinity();
    double max = -std::numeric_limits<double>::infinity();
};

bool onRight(const FrameRequest& request, const ChartSeries& series)
{
    return request.rightUnit && series.unit == *request.rightUnit;
}

Extent visibleExtent(const FrameRequest& request, bool right)
{
    Extent extent;
    for (const SeriesPtr& series : *request.series) {
        if (request.hidden.contains(series->key) || onRight(request, *series) != right) {
            continue;
        }
        for (const promql::Point& point : series->points) {
            if (point.time >= request.view.from && point.time <= request.view.to &&
                std::isfinite(point.value)) {
                extent.min = std::min(extent.min, point.value);
                extent.max = std::max(extent.max, point.value);
            }
        }
    }
    return extent;
}

void drawRuns(QPainter& painter, const std::vector<QPolygonF>& runs, const FrameRequest& request,
              const QColor& colour, std::size_t slot, const PlotMap& map, bool smooth)
{
    QPen pen(colour, smooth ? 1.5 : 1.0, Qt::SolidLine, Qt::FlatCap, Qt::RoundJoin);
    if (const QList<qreal> dashes = theme::Theme::seriesDashes(slot); !dashes.isEmpty() && smooth) {
        pen.setDashPattern(dashes);
    }
    const double zero = std::clamp(map.y(0), 0.0, request.size.height());
    QColor area = colour;
    area.setAlphaF(0.16F);
    for (const QPolygonF& run : runs) {
        if (request.mode == Mode::Area && run.size() > 1) {
            QPolygonF filled = run;
            filled << QPointF(run.last().x(), zero) << QPointF(run.first().x(), zero);
            painter.setPen(Qt::NoPen);
            painter.setBrush(area);
            painter.drawPolygon(filled);
        }
        painter.setBrush(Qt::NoBrush);
        painter.setPen(pen);
        if (request.mode != Mode::Points && run.size() > 1) {
            painter.drawPolyline(run);
        }
        const bool sparse =
            run.size() == 1 ||
            (run.last().x() - run.first().x()) / double(run.size() - 1) > kPointSpacing * 3;
        if (request.mode == Mode::Points || (sparse && smooth)) {
            painter.setPen(Qt::NoPen);
            painter.setBrush(colour);
            for (const QPointF& point : run) {
                painter.drawEllipse(point, 2, 2);
            }
        }
    }
}

ValueAxis axisFor(const FrameRequest& request, bool right)
{
    Extent extent = visibleExtent(request, right);
    if (request.mode == Mode::Area) {
        // A filled area stands on zero, or its size lies.
        extent.min = std::min(extent.min, 0.0);
        extent.max = std::max(extent.max, 0.0);
    }
    return valueAxis(extent.min, extent.max, right ? *request.rightUnit : request.unit,
                     request.valueTicks);
}

} // namespace

std::vector<QPolygonF> reduce(const std::vector<promql::Point>& points, const PlotMap& map,
                              base::Duration step)
{
    std::vector<QPolygonF> runs;
    QPolygonF run;
    Column column;
    std::int64_t columnAt = std::numeric_limits<std::int64_t>::min();
    std::optional<base::Timestamp> previous;
    const std::int64_t gapMs =
        step.ns > 0 ? step.ms() * 5 / 2 : std::numeric_limits<std::int64_t>::max();
    const auto endRun = [&] {
        column.flush(run);
        if (!run.isEmpty()) {
            runs.push_back(std::move(run));
        }
        run = {};
        columnAt = std::numeric_limits<std::int64_t>::min();
    };
    // One point outside on each side, so that lines leave the plot instead of ending in it.
    auto begin =
        std::lower_bound(points.begin(), points.end(), map.view.from,
                         [](const promql::Point& p, base::Timestamp t) { return p.time < t; });
    begin = begin == points.begin() ? begin : begin - 1;
    for (auto it = begin; it != points.end(); ++it) {
        if (!std::isfinite(it->value)) {
            endRun();
            previous.reset();
            continue;
        }
        if (previous && it->time.ms - previous->ms > gapMs) {
            endRun();
        }
        const QPointF point(map.x(it->time), map.y(it->value));
        const auto at = std::int64_t(std::floor(point.x()));
        if (at != columnAt) {
            column.flush(run);
            columnAt = at;
        }
        column.add(point);
        previous = it->time;
        if (it->time > map.view.to) {
            break;
        }
    }
    endRun();
    return runs;
}

Frame renderFrame(const FrameRequest& request)
{
    QElapsedTimer timer;
    timer.start();
    Frame frame{request.view, axisFor(request, false), {}, request.size, {}, 0, 0};
    const QRectF plot(QPointF(0, 0), request.size);
    const PlotMap leftMap{request.view, frame.axis.min, frame.axis.max, plot};
    PlotMap rightMap = leftMap;
    if (request.rightUnit) {
        frame.rightAxis = axisFor(request, true);
        rightMap.yMin = frame.rightAxis->min;
        rightMap.yMax = frame.rightAxis->max;
    }
    frame.image = QImage((request.size * request.pixelRatio).toSize().expandedTo({1, 1}),
                         QImage::Format_ARGB32_Premultiplied);
    frame.image.setDevicePixelRatio(request.pixelRatio);
    frame.image.fill(Qt::transparent);
    QPainter painter(&frame.image);
    const bool smooth = request.series->size() <= kSmoothLimit;
    painter.setRenderHint(QPainter::Antialiasing, smooth);
    for (std::size_t i = request.series->size(); i-- > 0;) {
        const ChartSeries& series = *(*request.series)[i];
        if (request.hidden.contains(series.key)) {
            continue;
        }
        const PlotMap& map = onRight(request, series) ? rightMap : leftMap;
        const std::vector<QPolygonF> runs = reduce(series.points, map, request.step);
        for (const QPolygonF& run : runs) {
            frame.pointCount += int(run.size());
        }
        drawRuns(painter, runs, request, request.colours[i], series.slot, map, smooth);
    }
    painter.end();
    frame.renderMs = double(timer.nsecsElapsed()) / 1e6;
    return frame;
}

} // namespace narthex::ui::charts
