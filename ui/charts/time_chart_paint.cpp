// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The painting of TimeChart: axes, curves, crosshair and readout.
#include "ui/charts/time_chart.h"
#include "ui/format/time_text.h"
#include "ui/theme/text.h"

#include <QPainterPath>

namespace narthex::ui::charts {

using theme::Role;
using theme::TextSize;

void TimeChart::paintAxes(QPainter& painter) const
{
    const PlotMap map = plotMap();
    painter.setRenderHint(QPainter::Antialiasing, false);
    paintValueAxis(painter, map);
    paintTimeAxis(painter, map);
    if (frame_.rightAxis) {
        paintRightAxis(painter);
    }
    if (series_->empty()) {
        paintEmpty(painter);
    }
    if (inlineLegend_) {
        paintInlineLegend(painter);
    }
}

void TimeChart::paintInlineLegend(QPainter& painter) const
{
    painter.setFont(theme_.font(TextSize::Axis));
    const QFontMetricsF metrics(painter.font());
    double x = plot_.right();
    for (auto it = series_->rbegin(); it != series_->rend(); ++it) {
        const double width = std::ceil(metrics.horizontalAdvance((*it)->name)) + 34;
        x -= width;
        if (x < plot_.left() + 40) {
            break;
        }
        painter.setPen(QPen(theme_.seriesColour((*it)->slot), 2));
        painter.drawLine(QPointF(x, plot_.top() - 13), QPointF(x + 14, plot_.top() - 13));
        painter.setPen(theme_.colour(Role::Text2));
        theme::drawText(painter, {x + 20, plot_.top() - 21, width, 16}, (*it)->name);
    }
}

void TimeChart::paintValueAxis(QPainter& painter, const PlotMap& map) const
{
    painter.setFont(theme_.font(TextSize::Axis));
    const QColor grid = theme_.colour(Role::Border);
    const QColor text = theme_.colour(Role::Text3);
    for (qsizetype i = 0; i < frame_.axis.ticks.size(); ++i) {
        const double y = std::round(map.y(frame_.axis.ticks[i]));
        painter.fillRect(QRectF(plot_.left(), y, plot_.width(), 1), grid);
        painter.setPen(text);
        theme::drawNumber(painter, {0, y - 8, plot_.left() - 8, 16}, Qt::AlignRight,
                          frame_.axis.labels[i]);
    }
    painter.setPen(text);
    theme::drawNumber(painter, {0, plot_.top() - 22, plot_.left() - 8, 14}, Qt::AlignRight,
                      frame_.axis.unit);
    painter.fillRect(QRectF(plot_.left(), std::round(plot_.bottom()), plot_.width(), 1),
                     theme_.colour(Role::ControlBorder));
}

void TimeChart::paintRightAxis(QPainter& painter) const
{
    // Ticks alone: a second grid would make neither readable.
    const ValueAxis& axis = *frame_.rightAxis;
    PlotMap map = plotMap();
    map.yMin = axis.min;
    map.yMax = axis.max;
    painter.setFont(theme_.font(TextSize::Axis));
    const double left = plot_.right() + 8;
    for (qsizetype i = 0; i < axis.ticks.size(); ++i) {
        const double y = std::round(map.y(axis.ticks[i]));
        painter.fillRect(QRectF(plot_.right(), y, 4, 1), theme_.colour(Role::ControlBorder));
        painter.setPen(theme_.colour(Role::Text3));
        theme::drawNumber(painter, {left, y - 8, 100, 16}, Qt::AlignLeft, axis.labels[i]);
    }
    theme::drawNumber(painter, {left - 40, plot_.top() - 22, viewport()->width() - left + 36, 14},
                      Qt::AlignRight, axis.unit);
}

void TimeChart::paintEmpty(QPainter& painter) const
{
    painter.setFont(theme_.font(TextSize::Table));
    painter.setPen(theme_.colour(Role::Text3));
    painter.drawText(plot_, Qt::AlignCenter, tr("No data in this range"));
}

void TimeChart::paintTimeAxis(QPainter& painter, const PlotMap& map) const
{
    const View& view = views_.current();
    const QColor grid = theme_.colour(Role::Border);
    const double bottom = std::round(plot_.bottom());
    for (const TimeTick& tick :
         timeTicks(view.from, view.to, zone_, std::max(2, int(plot_.width() / 130)))) {
        const double x = std::round(map.x(tick.time));
        painter.fillRect(QRectF(x, plot_.top(), 1, plot_.height()), grid);
        painter.fillRect(QRectF(x, bottom, 1, 4), theme_.colour(Role::ControlBorder));
        painter.setFont(theme_.font(TextSize::Axis));
        painter.setPen(theme_.colour(Role::Text3));
        theme::drawNumber(painter, {x - 60, bottom + 5, 120, 14}, Qt::AlignHCenter, tick.label);
        if (!tick.date.isEmpty()) {
            painter.setFont(theme_.font(TextSize::Axis, true));
            painter.setPen(theme_.colour(Role::Text2));
            theme::drawNumber(painter, {x - 60, bottom + 18, 120, 14}, Qt::AlignHCenter, tick.date);
        }
    }
}

void TimeChart::paintCurves(QPainter& painter) const
{
    if (frame_.image.isNull()) {
        return;
    }
    painter.save();
    painter.setClipRect(plot_.adjusted(0, -2, 0, 1));
    const PlotMap map = plotMap();
    // The picture's own view, seen through the present one.
    const double left = map.x(frame_.view.from);
    const double right = map.x(frame_.view.to);
    if (frame_.view == views_.current() && frame_.size == plot_.size()) {
        painter.drawImage(plot_.topLeft(), frame_.image);
    } else {
        painter.drawImage(QRectF(left, plot_.top(), right - left, plot_.height()), frame_.image);
    }
    if (!emphasis_.empty()) {
        for (const SeriesPtr& series : *series_) {
            if (series->key != emphasis_ || hidden_.contains(series->key)) {
                continue;
            }
            painter.setRenderHint(QPainter::Antialiasing);
            painter.setPen(QPen(theme_.seriesColour(series->slot), 2.5, Qt::SolidLine, Qt::RoundCap,
                                Qt::RoundJoin));
            for (const QPolygonF& run : reduce(series->points, mapFor(*series), step_)) {
                painter.drawPolyline(run);
            }
        }
    }
    painter.restore();
}

void TimeChart::paintOverlay(QPainter& painter) const
{
    const PlotMap map = plotMap();
    if (pressed_ && dragX_) {
        const double left = std::min(pressed_->x(), *dragX_);
        const double right = std::max(pressed_->x(), *dragX_);
        QColor fill = theme_.colour(Role::Accent);
        fill.setAlphaF(0.15F);
        painter.fillRect(QRectF(left, plot_.top(), right - left, plot_.height()), fill);
        painter.setPen(theme_.colour(Role::Accent));
        painter.drawLine(QPointF(left, plot_.top()), QPointF(left, plot_.bottom()));
        painter.drawLine(QPointF(right, plot_.top()), QPointF(right, plot_.bottom()));
    }
    if (cursor_) {
        paintCrosshair(painter, map);
        if (nearest_ && !dragX_) {
            paintReadout(painter, map);
        }
    }
    if (hasFocus()) {
        painter.setRenderHint(QPainter::Antialiasing);
        painter.setPen(QPen(theme_.colour(Role::Accent), 2));
        painter.setBrush(Qt::NoBrush);
        painter.drawRoundedRect(QRectF(viewport()->rect()).adjusted(1, 1, -1, -1), 4, 4);
    }
}

void TimeChart::paintCrosshair(QPainter& painter, const PlotMap& map) const
{
    const double x = std::round(map.x(*cursor_));
    painter.fillRect(QRectF(x, plot_.top(), 1, plot_.height()), theme_.colour(Role::Text));
    painter.setRenderHint(QPainter::Antialiasing);
    // With many series their points would hide the line.
    constexpr std::size_t kMarkedSeries = 40;
    for (std::size_t i = 0; i < series_->size(); ++i) {
        const ChartSeries& series = *(*series_)[i];
        const bool hot = nearest_ && nearest_->series == i;
        if (hidden_.contains(series.key) || (!hot && series_->size() > kMarkedSeries)) {
            continue;
        }
        const auto it =
            std::lower_bound(series.points.begin(), series.points.end(), *cursor_,
                             [](const promql::Point& p, base::Timestamp t) { return p.time < t; });
        if (it == series.points.end() || it->time != *cursor_ || !std::isfinite(it->value)) {
            continue;
        }
        const double radius = hot ? 4 : 3;
        painter.setPen(QPen(theme_.colour(Role::Surface), 1.5));
        painter.setBrush(theme_.seriesColour(series.slot));
        painter.drawEllipse(QPointF(x + 0.5, mapFor(series).y(it->value)), radius, radius);
    }
    paintTimeLabel(painter, x);
}

void TimeChart::paintTimeLabel(QPainter& painter, double x) const
{
    painter.setFont(theme_.font(TextSize::Axis, true));
    const QString text = format::clockTime(*cursor_, zone_);
    const double width = std::ceil(theme::numberWidth(QFontMetricsF(painter.font()), text)) + 12;
    QRectF box(x - width / 2, std::round(plot_.bottom()) + 4, width, 16);
    box.moveLeft(std::clamp(box.left(), 0.0, viewport()->width() - width));
    painter.setPen(Qt::NoPen);
    painter.setBrush(theme_.colour(Role::Inverse));
    painter.drawRoundedRect(box, 3, 3);
    painter.setPen(theme_.colour(Role::OnInverse));
    theme::drawNumber(painter, box, Qt::AlignHCenter, text);
}

void TimeChart::paintReadout(QPainter& painter, const PlotMap& map) const
{
    const ChartSeries& series = *(*series_)[nearest_->series];
    const promql::Point& point = series.points[nearest_->point];
    const format::ShownValue value = format::showValue(point.value, series.unit);
    QString change;
    if (nearest_->point > 0 && std::isfinite(series.points[nearest_->point - 1].value)) {
        const double delta = point.value - series.points[nearest_->point - 1].value;
        change = tr("%1 since last")
                     .arg((delta >= 0 ? QStringLiteral("+") : QString()) +
                          format::showValue(delta, series.unit).text());
    }
    const QString time = format::fullTime(point.time, zone_);
    const QFontMetricsF bold(theme_.font(TextSize::Table, true));
    const QFontMetricsF small(theme_.font(TextSize::Axis));
    const QFontMetricsF large(theme_.font(TextSize::Title, true));
    const double valueWidth = theme::numberWidth(large, value.text());
    const double inner = std::clamp(std::max({26 + bold.horizontalAdvance(series.name),
                                              valueWidth + 24 + small.horizontalAdvance(change),
                                              small.horizontalAdvance(time) + 10}),
                                    160.0, 380.0);
    QRectF box(0, 0, inner + 24, 80);
    const QPointF at(map.x(point.time), mapFor(series).y(point.value));
    box.moveLeft(at.x() + 14);
    if (box.right() > viewport()->width() - 4) {
        box.moveRight(at.x() - 14);
    }
    box.moveTop(
        std::clamp(at.y() - 90, plot_.top(), std::max(plot_.top(), plot_.bottom() - box.height())));
    painter.setPen(theme_.colour(Role::ControlBorder));
    painter.setBrush(theme_.colour(Role::Surface));
    painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 6, 6);

    const QRectF text = box.adjusted(12, 8, -12, -8);
    painter.setPen(QPen(theme_.seriesColour(series.slot), 2));
    painter.drawLine(QPointF(text.left(), text.top() + 9),
                     QPointF(text.left() + 16, text.top() + 9));
    painter.setPen(theme_.colour(Role::Text));
    painter.setFont(theme_.font(TextSize::Table, true));
    theme::drawText(painter, {text.left() + 24, text.top(), text.width() - 24, 18}, series.name);
    painter.setFont(theme_.font(TextSize::Title, true));
    theme::drawNumber(painter, {text.left(), text.top() + 20, text.width(), 26}, Qt::AlignLeft,
                      value.text());
    painter.setFont(theme_.font(TextSize::Axis));
    painter.setPen(theme_.colour(Role::Text2));
    theme::drawNumber(painter, {text.left(), text.top() + 24, text.width(), 22}, Qt::AlignRight,
                      change);
    theme::drawNumber(painter, {text.left(), text.top() + 48, text.width(), 16}, Qt::AlignLeft,
                      time);
}

} // namespace narthex::ui::charts
