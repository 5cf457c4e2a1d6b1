// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The chart of time series: QChart gives scene and plot area; axes, curves and readout are three
// scene items. Curves are drawn by a worker; until its picture comes the last one is shown, moved
// and stretched, so panning never waits. Owner: the parent widget. Threads: GUI thread; one drawing
// at a time on the chart's own worker.
#pragma once

#include "ui/charts/frame.h"
#include "ui/theme/theme.h"

#include <QChartView>
#include <QRubberBand>
#include <QThreadPool>

#include <optional>

namespace narthex::ui::charts {

class LayerItem;

class TimeChart final : public QChartView
{
    Q_OBJECT
    Q_PROPERTY(int seriesCount READ seriesCount NOTIFY rendered)
    Q_PROPERTY(int pointCount READ pointCount NOTIFY rendered)
    Q_PROPERTY(double lastFrameMs READ lastFrameMs NOTIFY rendered)
    Q_PROPERTY(QRectF viewRange READ viewRange NOTIFY rendered)

public:
    TimeChart(const theme::Theme& theme, const QString& name, QWidget* parent);
    ~TimeChart() override;

    /// Same subject, newer data, or a new subject: zooms stay either way.
    void setSeries(SeriesList series, base::Duration step);
    /// The page's range. Leaves a zoom only when `keepZoom` is false.
    void setRange(base::Timestamp from, base::Timestamp to, bool keepZoom);
    void setZone(const QTimeZone& zone);
    /// `right`: series of that unit get a second axis.
    void setUnits(format::Unit left, std::optional<format::Unit> right = {});
    void setMode(Mode mode);
    void setHidden(std::set<std::string> keys);
    /// Names and samples in the margin above the plot, for charts without a legend table.
    void setInlineLegend(bool shown);
    /// Drawn thicker on top; empty: none.
    void setEmphasis(const std::string& key);

    [[nodiscard]] int seriesCount() const { return int(series_->size()); }
    [[nodiscard]] int pointCount() const { return frame_.pointCount; }
    [[nodiscard]] double lastFrameMs() const { return frame_.renderMs; }
    /// x in milliseconds since the epoch.
    [[nodiscard]] QRectF viewRange() const;
    [[nodiscard]] const ViewStack& views() const { return views_; }
    /// Of the left axis.
    [[nodiscard]] PlotMap plotMap() const;
    [[nodiscard]] PlotMap mapFor(const ChartSeries& series) const;
    /// What the readout says now; empty when nothing is under the cursor.
    [[nodiscard]] QString readoutText() const;

    void zoomTo(View view);
    void zoomBack();
    void zoomForward();
    void zoomHome();

Q_SIGNALS:
    void rendered();
    /// The user zoomed or stepped through zooms; the page may load finer data.
    void zoomed(narthex::base::Timestamp from, narthex::base::Timestamp to);
    /// Back at the page's own range.
    void zoomReset();
    /// A point of time under the cursor, or none.
    void cursorMoved(std::optional<narthex::base::Timestamp> time);

protected:
    void resizeEvent(QResizeEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void mouseReleaseEvent(QMouseEvent* event) override;
    void mouseDoubleClickEvent(QMouseEvent* event) override;
    void wheelEvent(QWheelEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void leaveEvent(QEvent* event) override;
    void changeEvent(QEvent* event) override;

private:
    struct Nearest
    {
        std::size_t series = 0;
        std::size_t point = 0;
    };

    void setupLayers();
    void layoutPlot();
    void requestFrame();
    void takeFrame(Frame frame);
    void viewChanged();
    void setCursorAt(std::optional<QPointF> position);
    [[nodiscard]] std::optional<Nearest> nearestTo(QPointF position) const;
    /// The sample time nearest to `time`, when there is one within two steps.
    [[nodiscard]] base::Timestamp nearestTime(base::Timestamp time) const;
    void moveCursorByKey(int samples, int series);
    void updateAccessibleText();

    void paintAxes(QPainter& painter) const;
    void paintCurves(QPainter& painter) const;
    void paintOverlay(QPainter& painter) const;
    void paintInlineLegend(QPainter& painter) const;
    void paintValueAxis(QPainter& painter, const PlotMap& map) const;
    void paintRightAxis(QPainter& painter) const;
    void paintTimeAxis(QPainter& painter, const PlotMap& map) const;
    void paintCrosshair(QPainter& painter, const PlotMap& map) const;
    void paintReadout(QPainter& painter, const PlotMap& map) const;
    void paintEmpty(QPainter& painter) const;
    void paintTimeLabel(QPainter& painter, double x) const;

    const theme::Theme& theme_;
    std::shared_ptr<const SeriesList> series_ = std::make_shared<SeriesList>();
    std::set<std::string> hidden_;
    std::string emphasis_;
    base::Duration step_;
    Mode mode_ = Mode::Line;
    format::Unit unit_;
    std::optional<format::Unit> rightUnit_;
    QTimeZone zone_;
    ViewStack views_;
    QRectF plot_;
    Frame frame_;
    bool rendering_ = false;
    bool stale_ = false;
    bool inlineLegend_ = false;
    std::optional<base::Timestamp> cursor_;
    std::optional<Nearest> nearest_;
    std::optional<QPointF> pressed_;
    std::optional<double> dragX_;
    LayerItem* axesLayer_ = nullptr;
    LayerItem* curvesLayer_ = nullptr;
    LayerItem* overlayLayer_ = nullptr;
    QThreadPool worker_;
};

} // namespace narthex::ui::charts
