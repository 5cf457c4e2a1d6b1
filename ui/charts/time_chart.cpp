// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/charts/time_chart.h"

#include "ui/charts/layer_item.h"
#include "ui/format/time_text.h"

#include <QChart>
#include <QKeyEvent>
#include <QMouseEvent>
#include <QtConcurrent/QtConcurrentRun>

#include <cmath>

namespace narthex::ui::charts {
namespace {

constexpr double kLeftMargin = 48;
constexpr double kRightMargin = 16;
constexpr double kTopMargin = 24;
constexpr double kBottomMargin = 36;
/// "Nearest series by pixel distance within 32 px" (spec/ui.md, "Charts", readout).
constexpr double kReach = 32;
/// A drag shorter than this is a click.
constexpr double kDragThreshold = 5;
constexpr std::int64_t kShortestViewMs = 1000;

} // namespace

TimeChart::TimeChart(const theme::Theme& theme, const QString& name, QWidget* parent)
    : QChartView(parent), theme_(theme), zone_(QTimeZone::systemTimeZone())
{
    setObjectName(name);
    setAccessibleName(tr("Chart"));
    setFrameShape(QFrame::NoFrame);
    setFocusPolicy(Qt::StrongFocus);
    setMouseTracking(true);
    setRubberBand(QChartView::NoRubberBand);
    setViewportUpdateMode(QGraphicsView::FullViewportUpdate);
    setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    setVerticalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    setMinimumSize(200, 120);
    worker_.setMaxThreadCount(1);
    setupLayers();
}

TimeChart::~TimeChart() { worker_.waitForDone(); }

void TimeChart::setupLayers()
{
    QChart* plot = chart();
    plot->setBackgroundVisible(false);
    plot->setMargins({});
    plot->setContentsMargins(0, 0, 0, 0);
    plot->legend()->hide();
    setBackgroundBrush(Qt::NoBrush);
    viewport()->setAutoFillBackground(false);
    axesLayer_ = new LayerItem(plot, 1, [this](QPainter& painter) { paintAxes(painter); });
    curvesLayer_ = new LayerItem(plot, 2, [this](QPainter& painter) { paintCurves(painter); });
    overlayLayer_ = new LayerItem(plot, 3, [this](QPainter& painter) { paintOverlay(painter); });
}

void TimeChart::setSeries(SeriesList series, base::Duration step)
{
    series_ = std::make_shared<const SeriesList>(std::move(series));
    step_ = step;
    nearest_.reset();
    requestFrame();
}

void TimeChart::setRange(base::Timestamp from, base::Timestamp to, bool keepZoom)
{
    if (keepZoom) {
        views_.moveBase({from, to});
    } else {
        views_.reset({from, to});
    }
    requestFrame();
    viewport()->update();
}

void TimeChart::setZone(const QTimeZone& zone)
{
    zone_ = zone;
    viewport()->update();
}

void TimeChart::setUnits(format::Unit left, std::optional<format::Unit> right)
{
    unit_ = left;
    rightUnit_ = right;
    requestFrame();
}

void TimeChart::setMode(Mode mode)
{
    mode_ = mode;
    requestFrame();
}

void TimeChart::setHidden(std::set<std::string> keys)
{
    hidden_ = std::move(keys);
    nearest_.reset();
    requestFrame();
}

void TimeChart::setInlineLegend(bool shown)
{
    inlineLegend_ = shown;
    viewport()->update();
}

void TimeChart::setEmphasis(const std::string& key)
{
    if (key != emphasis_) {
        emphasis_ = key;
        viewport()->update();
    }
}

QRectF TimeChart::viewRange() const
{
    const View& view = views_.current();
    return {double(view.from.ms), frame_.axis.min, double(view.to.ms - view.from.ms),
            frame_.axis.max - frame_.axis.min};
}

PlotMap TimeChart::plotMap() const
{
    return {views_.current(), frame_.axis.min, frame_.axis.max, plot_};
}

PlotMap TimeChart::mapFor(const ChartSeries& series) const
{
    PlotMap map = plotMap();
    if (frame_.rightAxis && rightUnit_ && series.unit == *rightUnit_) {
        map.yMin = frame_.rightAxis->min;
        map.yMax = frame_.rightAxis->max;
    }
    return map;
}

void TimeChart::layoutPlot()
{
    const QRectF whole(QPointF(0, 0), QSizeF(viewport()->size()));
    double left = kLeftMargin;
    const QFontMetricsF metrics(theme_.font(theme::TextSize::Axis));
    for (const QString& label : frame_.axis.labels) {
        left = std::max(left, std::ceil(metrics.horizontalAdvance(label)) + 20);
    }
    double right = kRightMargin;
    if (frame_.rightAxis) {
        for (const QString& label : frame_.rightAxis->labels) {
            right = std::max(right, std::ceil(metrics.horizontalAdvance(label)) + 20);
        }
    }
    plot_ = whole.adjusted(left, kTopMargin, -right, -kBottomMargin);
    chart()->setPlotArea(plot_);
    for (LayerItem* layer : {axesLayer_, curvesLayer_, overlayLayer_}) {
        layer->setBounds(whole);
    }
}

void TimeChart::requestFrame()
{
    if (rendering_) {
        stale_ = true;
        return;
    }
    layoutPlot();
    if (plot_.width() < 10 || plot_.height() < 10) {
        return;
    }
    FrameRequest request{series_,
                         hidden_,
                         {},
                         views_.current(),
                         plot_.size(),
                         devicePixelRatioF(),
                         step_,
                         mode_,
                         unit_,
                         rightUnit_,
                         std::max(2, int(plot_.height() / 56))};
    request.colours.reserve(series_->size());
    for (const SeriesPtr& series : *series_) {
        request.colours.push_back(theme_.seriesColour(series->slot));
    }
    rendering_ = true;
    QtConcurrent::run(&worker_, renderFrame, std::move(request)).then(this, [this](Frame frame) {
        takeFrame(std::move(frame));
    });
}

void TimeChart::takeFrame(Frame frame)
{
    rendering_ = false;
    frame_ = std::move(frame);
    layoutPlot();
    if (std::exchange(stale_, false)) {
        requestFrame();
    }
    updateAccessibleText();
    viewport()->update();
    Q_EMIT rendered();
}

void TimeChart::viewChanged()
{
    nearest_.reset();
    requestFrame();
    viewport()->update();
    if (views_.zoomed()) {
        Q_EMIT zoomed(views_.current().from, views_.current().to);
    } else {
        Q_EMIT zoomReset();
    }
}

void TimeChart::zoomTo(View view)
{
    if (view.to.ms - view.from.ms < kShortestViewMs) {
        return;
    }
    views_.push(view);
    viewChanged();
}

void TimeChart::zoomBack()
{
    if (views_.back()) {
        viewChanged();
    }
}

void TimeChart::zoomForward()
{
    if (views_.forward()) {
        viewChanged();
    }
}

void TimeChart::zoomHome()
{
    if (views_.zoomed()) {
        views_.home();
        viewChanged();
    }
}

std::optional<TimeChart::Nearest> TimeChart::nearestTo(QPointF position) const
{
    const PlotMap map = plotMap();
    const base::Timestamp time = map.time(position.x());
    const std::int64_t reachMs =
        std::max<std::int64_t>(step_.ms() * 5 / 4, map.time(kReach).ms - map.time(0).ms);
    std::optional<Nearest> best;
    double bestDistance = kReach;
    for (std::size_t i = 0; i < series_->size(); ++i) {
        const ChartSeries& series = *(*series_)[i];
        if (series.points.empty() || hidden_.contains(series.key)) {
            continue;
        }
        auto it =
            std::lower_bound(series.points.begin(), series.points.end(), time,
                             [](const promql::Point& p, base::Timestamp t) { return p.time < t; });
        if (it == series.points.end() ||
            (it != series.points.begin() && time.ms - (it - 1)->time.ms < it->time.ms - time.ms)) {
            --it;
        }
        if (std::abs(it->time.ms - time.ms) > reachMs || !std::isfinite(it->value)) {
            continue;
        }
        const double distance = std::abs(mapFor(series).y(it->value) - position.y());
        if (distance <= bestDistance) {
            bestDistance = distance;
            best = Nearest{i, std::size_t(it - series.points.begin())};
        }
    }
    return best;
}

void TimeChart::setCursorAt(std::optional<QPointF> position)
{
    if (!position || !plot_.contains(*position)) {
        if (cursor_) {
            cursor_.reset();
            nearest_.reset();
            viewport()->update();
            Q_EMIT cursorMoved({});
        }
        return;
    }
    nearest_ = nearestTo(*position);
    cursor_ = nearest_ ? (*series_)[nearest_->series]->points[nearest_->point].time
                       : nearestTime(plotMap().time(position->x()));
    viewport()->update();
    Q_EMIT cursorMoved(cursor_);
}

base::Timestamp TimeChart::nearestTime(base::Timestamp time) const
{
    std::optional<base::Timestamp> best;
    for (const SeriesPtr& series : *series_) {
        if (series->points.empty() || hidden_.contains(series->key)) {
            continue;
        }
        auto it =
            std::lower_bound(series->points.begin(), series->points.end(), time,
                             [](const promql::Point& p, base::Timestamp t) { return p.time < t; });
        it = it == series->points.end() ? it - 1 : it;
        if (!best || std::abs(it->time.ms - time.ms) < std::abs(best->ms - time.ms)) {
            best = it->time;
        }
    }
    return best && std::abs(best->ms - time.ms) <= step_.ms() * 2 ? *best : time;
}

void TimeChart::moveCursorByKey(int samples, int seriesStep)
{
    std::vector<std::size_t> visible;
    for (std::size_t i = 0; i < series_->size(); ++i) {
        if (!hidden_.contains((*series_)[i]->key) && !(*series_)[i]->points.empty()) {
            visible.push_back(i);
        }
    }
    if (visible.empty()) {
        return;
    }
    if (!nearest_) {
        nearest_ = Nearest{visible.front(), (*series_)[visible.front()]->points.size() - 1};
    } else {
        const auto place =
            std::find(visible.begin(), visible.end(), nearest_->series) - visible.begin();
        const auto next =
            std::clamp<std::ptrdiff_t>(place + seriesStep, 0, std::ptrdiff_t(visible.size()) - 1);
        nearest_->series = visible[std::size_t(next)];
        const auto count = std::ptrdiff_t((*series_)[nearest_->series]->points.size());
        nearest_->point = std::size_t(
            std::clamp<std::ptrdiff_t>(std::ptrdiff_t(nearest_->point) + samples, 0, count - 1));
    }
    cursor_ = (*series_)[nearest_->series]->points[nearest_->point].time;
    updateAccessibleText();
    viewport()->update();
    Q_EMIT cursorMoved(cursor_);
}

QString TimeChart::readoutText() const
{
    if (!nearest_) {
        return {};
    }
    const ChartSeries& series = *(*series_)[nearest_->series];
    const promql::Point& point = series.points[nearest_->point];
    return tr("%1, %2 at %3")
        .arg(series.name, format::showValue(point.value, series.unit).text(),
             format::fullTime(point.time, zone_));
}

void TimeChart::updateAccessibleText()
{
    QString text = tr("%n series", nullptr, int(series_->size()));
    const SeriesPtr* highest = nullptr;
    for (const SeriesPtr& series : *series_) {
        if (std::isfinite(series->stats.max) &&
            (highest == nullptr || series->stats.max > (*highest)->stats.max)) {
            highest = &series;
        }
    }
    if (highest != nullptr) {
        text += tr(", maximum %1 of %2")
                    .arg(format::showValue((*highest)->stats.max, unit_).text(), (*highest)->name);
    }
    const QString readout = readoutText();
    setAccessibleDescription(readout.isEmpty() ? text : readout);
}

void TimeChart::resizeEvent(QResizeEvent* event)
{
    QChartView::resizeEvent(event);
    layoutPlot();
    requestFrame();
}

void TimeChart::mousePressEvent(QMouseEvent* event)
{
    if (event->button() == Qt::LeftButton && plot_.contains(event->position())) {
        pressed_ = event->position();
        dragX_.reset();
    }
    event->accept();
}

void TimeChart::mouseMoveEvent(QMouseEvent* event)
{
    if (pressed_ && std::abs(event->position().x() - pressed_->x()) >= kDragThreshold) {
        dragX_ = std::clamp(event->position().x(), plot_.left(), plot_.right());
    }
    setCursorAt(event->position());
    event->accept();
}

void TimeChart::mouseReleaseEvent(QMouseEvent* event)
{
    if (pressed_ && dragX_) {
        const double left = std::min(pressed_->x(), *dragX_);
        const double right = std::max(pressed_->x(), *dragX_);
        const PlotMap map = plotMap();
        const View view{map.time(left), map.time(right)};
        pressed_.reset();
        dragX_.reset();
        zoomTo(view);
    }
    pressed_.reset();
    dragX_.reset();
    viewport()->update();
    event->accept();
}

void TimeChart::mouseDoubleClickEvent(QMouseEvent* event)
{
    zoomBack();
    event->accept();
}

void TimeChart::wheelEvent(QWheelEvent* event)
{
    const double steps = event->angleDelta().y() / 120.0;
    if (steps == 0 || !plot_.contains(event->position())) {
        event->ignore();
        return;
    }
    const PlotMap map = plotMap();
    const View& view = views_.current();
    const base::Timestamp centre = map.time(event->position().x());
    const double factor = std::pow(0.8, steps);
    const auto scaled = [&](base::Timestamp edge) {
        return base::Timestamp{centre.ms + std::llround(double(edge.ms - centre.ms) * factor)};
    };
    zoomTo({scaled(view.from), scaled(view.to)});
    event->accept();
}

void TimeChart::keyPressEvent(QKeyEvent* event)
{
    const bool alt = event->modifiers().testFlag(Qt::AltModifier);
    switch (event->key()) {
    case Qt::Key_Left:
        alt ? zoomBack() : moveCursorByKey(-1, 0);
        return;
    case Qt::Key_Right:
        alt ? zoomForward() : moveCursorByKey(1, 0);
        return;
    case Qt::Key_Up:
        moveCursorByKey(0, -1);
        return;
    case Qt::Key_Down:
        moveCursorByKey(0, 1);
        return;
    case Qt::Key_Home:
    case Qt::Key_0:
        zoomHome();
        return;
    case Qt::Key_Plus:
    case Qt::Key_Minus: {
        const View view = views_.current();
        const base::Duration change = (view.to - view.from) / 4;
        zoomTo(event->key() == Qt::Key_Plus ? View{view.from + change, view.to - change}
                                            : View{view.from - change, view.to + change});
        return;
    }
    case Qt::Key_Escape:
        setCursorAt({});
        return;
    default:
        event->ignore();
    }
}

void TimeChart::leaveEvent(QEvent* event)
{
    setCursorAt({});
    QChartView::leaveEvent(event);
}

void TimeChart::changeEvent(QEvent* event)
{
    QChartView::changeEvent(event);
    if (event->type() == QEvent::PaletteChange || event->type() == QEvent::StyleChange) {
        requestFrame();
    }
}

} // namespace narthex::ui::charts
