// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Units, ticks, the map between pixels and time, zooms, reduction.
#include "ui/charts/frame.h"
#include "ui/charts/time_chart.h"
#include "ui/charts/view.h"
#include "ui/format/units.h"

#include <QSignalSpy>
#include <QTest>

#include <cmath>

using namespace narthex;
using namespace narthex::ui;
using namespace narthex::ui::charts;

namespace {

base::Timestamp at(const char* iso) { return *base::parseTimestamp(iso); }

SeriesPtr makeSeries(const char* name, double base, int count, std::int64_t stepMs = 1000)
{
    auto series = std::make_shared<ChartSeries>();
    series->key = name;
    series->name = QLatin1String(name);
    series->letter = QStringLiteral("A");
    for (int i = 0; i < count; ++i) {
        series->points.push_back({{i * stepMs}, base + std::sin(i / 10.0)});
    }
    return series;
}

} // namespace

class TestCharts : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void guessesUnits_data();
    void guessesUnits();
    void showsValues_data();
    void showsValues();
    void timeTicksAreRoundAndNameTheDay();
    void timeTicksNameTheHourThatOccursTwice();
    void timeTicksStayOnLocalHoursAcrossTheChange();
    void valueTicksAreNice_data();
    void valueTicksAreNice();
    void pixelsAndTimesAgree();
    void zoomsGoBackAndForward();
    void reductionKeepsExtremesAndIsBounded();
    void gapsBreakTheLine();
    void tailsJoin();
    void chartZoomsByDragAndGoesBackByDoubleClick();
    void chartReadsOutByKeyboard();
    void aThousandSeriesAreDrawnInReasonableTime();
};

void TestCharts::guessesUnits_data()
{
    QTest::addColumn<QString>("query");
    QTest::addColumn<int>("quantity");
    QTest::addColumn<bool>("perSecond");
    using format::Quantity;
    QTest::newRow("gauge of bytes") << "node_memory_MemFree_bytes" << int(Quantity::Bytes) << false;
    QTest::newRow("rate of bytes") << "sum by (x) (rate(node_network_receive_bytes_total[5m]))"
                                   << int(Quantity::Bytes) << true;
    QTest::newRow("seconds per second is a ratio")
        << "rate(node_cpu_seconds_total[5m])" << int(Quantity::Ratio) << false;
    QTest::newRow("percent")
        << "100 * (1 - avg by (instance) (rate(node_cpu_seconds_total{mode=\"idle\"}[5m])))"
        << int(Quantity::Percent) << false;
    QTest::newRow("quotient of equals")
        << "node_filesystem_avail_bytes / node_filesystem_size_bytes" << int(Quantity::Ratio)
        << false;
    QTest::newRow("difference") << "node_memory_MemTotal_bytes - node_memory_MemAvailable_bytes"
                                << int(Quantity::Bytes) << false;
    QTest::newRow("quantile")
        << "histogram_quantile(0.9, sum by (le) (rate(x_duration_seconds_bucket[5m])))"
        << int(Quantity::Seconds) << false;
    QTest::newRow("nothing") << "up" << int(Quantity::None) << false;
    QTest::newRow("names in matchers do not count")
        << "up{a=\"x_bytes\"}" << int(Quantity::None) << false;
}

void TestCharts::guessesUnits()
{
    QFETCH(QString, query);
    QFETCH(int, quantity);
    QFETCH(bool, perSecond);
    const format::Unit unit = format::unitOfQuery(query.toStdString());
    QCOMPARE(int(unit.quantity), quantity);
    QCOMPARE(unit.perSecond, perSecond);
}

void TestCharts::showsValues_data()
{
    QTest::addColumn<double>("value");
    QTest::addColumn<int>("quantity");
    QTest::addColumn<QString>("text");
    using format::Quantity;
    const QString space = QStringLiteral("\u202f");
    QTest::newRow("plain") << 74.213 << int(Quantity::None) << "74.21";
    QTest::newRow("whole") << 3.0 << int(Quantity::None) << "3";
    QTest::newRow("percent") << 74.213 << int(Quantity::Percent) << "74.21" + space + "%";
    QTest::newRow("binary bytes") << 10.0 * 1024 * 1024 * 1024 << int(Quantity::Bytes)
                                  << "10" + space + "GiB";
    QTest::newRow("milliseconds") << 0.0124 << int(Quantity::Seconds) << "12.4" + space + "ms";
    QTest::newRow("long seconds stay seconds")
        << 5000.0 << int(Quantity::Seconds) << "5,000" + space + "s";
    QTest::newRow("not a number") << std::nan("") << int(Quantity::Bytes) << "–";
    QTest::newRow("infinite") << HUGE_VAL << int(Quantity::Bytes) << "∞";
}

void TestCharts::showsValues()
{
    QFETCH(double, value);
    QFETCH(int, quantity);
    QFETCH(QString, text);
    QLocale::setDefault(QLocale::c());
    QLocale english(QLocale::English, QLocale::UnitedStates);
    QLocale::setDefault(english);
    QCOMPARE(format::showValue(value, {format::Quantity(quantity), false}).text(), text);
}

void TestCharts::timeTicksAreRoundAndNameTheDay()
{
    const auto ticks =
        timeTicks(at("2026-11-19T22:32:10Z"), at("2026-11-20T00:32:10Z"), QTimeZone::utc(), 8);
    QCOMPARE(ticks.first().label, QStringLiteral("22:45"));
    QVERIFY(!ticks.first().date.isEmpty());
    int days = 0;
    for (const TimeTick& tick : ticks) {
        QCOMPARE(tick.time.ms % (15 * 60'000), std::int64_t(0));
        days += tick.date.isEmpty() ? 0 : 1;
    }
    QCOMPARE(days, 2);
}

void TestCharts::timeTicksNameTheHourThatOccursTwice()
{
    // Clocks go back at 01:00 UTC on 25 October 2026 in Berlin: 02:00 to 03:00 happens twice.
    const auto ticks = timeTicks(at("2026-10-24T22:30:00Z"), at("2026-10-25T03:30:00Z"),
                                 QTimeZone("Europe/Berlin"), 6);
    QStringList labels;
    for (const TimeTick& tick : ticks) {
        labels << tick.label;
    }
    QCOMPARE(labels.filter(QStringLiteral("02:00")).size(), 2);
    QVERIFY(labels.filter(QStringLiteral("02:00")).at(0) !=
            labels.filter(QStringLiteral("02:00")).at(1));
}

void TestCharts::timeTicksStayOnLocalHoursAcrossTheChange()
{
    const QTimeZone berlin("Europe/Berlin");
    const auto ticks =
        timeTicks(at("2026-03-28T00:00:00Z"), at("2026-03-30T12:00:00Z"), berlin, 10);
    for (const TimeTick& tick : ticks) {
        const QTime local = QDateTime::fromMSecsSinceEpoch(tick.time.ms, berlin).time();
        QVERIFY2(local.hour() % 6 == 0 && local.minute() == 0, qPrintable(local.toString()));
    }
    QVERIFY(ticks.size() >= 9);
}

void TestCharts::valueTicksAreNice_data()
{
    QTest::addColumn<double>("min");
    QTest::addColumn<double>("max");
    QTest::addColumn<QString>("labels");
    QTest::newRow("percent from zero") << 5.0 << 93.0 << "0 20 40 60 80 100";
    QTest::newRow("far from zero") << 101.0 << 109.0 << "100 102 104 106 108 110";
    QTest::newRow("quarters") << 0.0 << 1.2 << "0.00 0.25 0.50 0.75 1.00 1.25";
    QTest::newRow("negative") << -40.0 << 55.0 << "-40 -20 0 20 40 60";
}

void TestCharts::valueTicksAreNice()
{
    QFETCH(double, min);
    QFETCH(double, max);
    QFETCH(QString, labels);
    QCOMPARE(valueAxis(min, max, {}, 5).labels.join(QLatin1Char(' ')), labels);
}

void TestCharts::pixelsAndTimesAgree()
{
    const PlotMap map{{{1'000'000}, {4'600'000}}, 0, 10, QRectF(48, 24, 1200, 300)};
    QCOMPARE(map.x({1'000'000}), 48.0);
    QCOMPARE(map.x({4'600'000}), 1248.0);
    for (double px = 48; px <= 1248; px += 7.5) {
        QVERIFY(std::abs(map.x(map.time(px)) - px) < 0.001);
    }
    QCOMPARE(map.y(0), 324.0);
    QCOMPARE(map.value(map.y(7.25)), 7.25);
}

void TestCharts::zoomsGoBackAndForward()
{
    ViewStack stack;
    stack.reset({{0}, {100}});
    QVERIFY(!stack.back());
    stack.push({{10}, {50}});
    stack.push({{20}, {30}});
    QVERIFY(stack.back());
    QCOMPARE(stack.current(), (View{{10}, {50}}));
    stack.push({{11}, {12}});
    QVERIFY(!stack.forward());
    stack.moveBase({{5}, {105}});
    stack.home();
    QCOMPARE(stack.current(), (View{{5}, {105}}));
    for (int i = 1; i < 300; ++i) {
        stack.push({{i}, {i + 1}});
    }
    QCOMPARE(stack.depth(), std::size_t(100));
}

void TestCharts::reductionKeepsExtremesAndIsBounded()
{
    std::vector<promql::Point> points;
    for (int i = 0; i < 100'000; ++i) {
        points.push_back({{i}, i == 50'000 ? 99.0 : double(i % 3)});
    }
    const PlotMap map{{{0}, {100'000}}, 0, 100, QRectF(0, 0, 500, 100)};
    const auto runs = reduce(points, map, base::Duration::fromMs(1));
    QCOMPARE(runs.size(), std::size_t(1));
    QVERIFY(runs.front().size() <= 4 * 501);
    QVERIFY(std::any_of(runs.front().begin(), runs.front().end(),
                        [](const QPointF& p) { return std::abs(p.y() - 1.0) < 0.01; }));
}

void TestCharts::gapsBreakTheLine()
{
    const std::vector<promql::Point> points{
        {{0}, 1}, {{1000}, 2}, {{2000}, 3}, {{6000}, 4}, {{7000}, std::nan("")}, {{8000}, 5}};
    const PlotMap map{{{0}, {10'000}}, 0, 10, QRectF(0, 0, 1000, 100)};
    const auto runs = reduce(points, map, base::Duration::fromMs(1000));
    QCOMPARE(runs.size(), std::size_t(3));
    QCOMPARE(runs[0].size(), 3);
    QCOMPARE(runs[1].size(), 1);
    const std::vector<promql::Point> close{{{0}, 1}, {{2500}, 2}};
    QCOMPARE(reduce(close, map, base::Duration::fromMs(1000)).size(), std::size_t(1));
}

void TestCharts::tailsJoin()
{
    const auto make = [](int from, int to, double value) {
        promql::MatrixSeries series{model::Labels{{"a", "b"}}, {}, {}};
        for (int i = from; i <= to; ++i) {
            series.points.push_back({{i * 1000}, value});
        }
        return promql::Result{promql::Matrix{series}, {}, {}};
    };
    const auto joined = joinTail(make(0, 10, 1), make(9, 12, 2), {3000});
    const auto& points = std::get<promql::Matrix>(joined->value).front().points;
    QCOMPARE(points.front().time.ms, std::int64_t(3000));
    QCOMPARE(points.back().time.ms, std::int64_t(12'000));
    QCOMPARE(points.size(), std::size_t(10));
    QCOMPARE(points[6].value, 2.0);
}

void TestCharts::chartZoomsByDragAndGoesBackByDoubleClick()
{
    const theme::Theme theme;
    TimeChart chart(theme, QStringLiteral("chart"), nullptr);
    chart.resize(800, 300);
    chart.setRange({0}, {100'000}, false);
    chart.setSeries({makeSeries("a", 1, 100), makeSeries("b", 5, 100)},
                    base::Duration::fromMs(1000));
    chart.show();
    QSignalSpy rendered(&chart, &TimeChart::rendered);
    QTRY_VERIFY(chart.pointCount() > 0);
    QCOMPARE(chart.property("seriesCount").toInt(), 2);
    QSignalSpy zoomed(&chart, &TimeChart::zoomed);
    const PlotMap map = chart.plotMap();
    const QPoint left(qRound(map.x({20'000})), 100);
    const QPoint right(qRound(map.x({60'000})), 100);
    QTest::mousePress(chart.viewport(), Qt::LeftButton, {}, left);
    QTest::mouseMove(chart.viewport(), right);
    QTest::mouseRelease(chart.viewport(), Qt::LeftButton, {}, right);
    QCOMPARE(zoomed.count(), 1);
    QVERIFY(std::abs(chart.views().current().from.ms - 20'000) < 200);
    QVERIFY(std::abs(chart.views().current().to.ms - 60'000) < 200);
    QSignalSpy reset(&chart, &TimeChart::zoomReset);
    QTest::mouseDClick(chart.viewport(), Qt::LeftButton, {}, left);
    QCOMPARE(reset.count(), 1);
    QCOMPARE(chart.views().current(), (View{{0}, {100'000}}));
    QTest::keyClick(&chart, Qt::Key_Right, Qt::AltModifier);
    QVERIFY(chart.views().zoomed());
    QTest::keyClick(&chart, Qt::Key_Home);
    QVERIFY(!chart.views().zoomed());
}

void TestCharts::chartReadsOutByKeyboard()
{
    const theme::Theme theme;
    TimeChart chart(theme, QStringLiteral("chart"), nullptr);
    chart.resize(800, 300);
    chart.setZone(QTimeZone::utc());
    chart.setRange({0}, {100'000}, false);
    chart.setSeries({makeSeries("first", 1, 100), makeSeries("second", 5, 100)},
                    base::Duration::fromMs(1000));
    chart.show();
    QTRY_VERIFY(chart.pointCount() > 0);
    QTest::keyClick(&chart, Qt::Key_Right);
    QVERIFY(chart.readoutText().startsWith(QStringLiteral("first")));
    QTest::keyClick(&chart, Qt::Key_Down);
    QVERIFY(chart.readoutText().startsWith(QStringLiteral("second")));
    QVERIFY(chart.readoutText().contains(QStringLiteral("00:01:39")));
    QTest::keyClick(&chart, Qt::Key_Left);
    QVERIFY(chart.readoutText().contains(QStringLiteral("00:01:38")));
    QCOMPARE(chart.accessibleDescription(), chart.readoutText());
}

void TestCharts::aThousandSeriesAreDrawnInReasonableTime()
{
    FrameRequest request;
    auto list = std::make_shared<SeriesList>();
    for (int i = 0; i < 1000; ++i) {
        list->push_back(makeSeries(qPrintable(QString::number(i)), i, 1000));
        request.colours.push_back(theme::seriesColourOf(theme::Scheme::Light, std::size_t(i)));
    }
    request.series = list;
    request.view = {{0}, {1'000'000}};
    request.size = {1200, 400};
    request.step = base::Duration::fromMs(1000);
    const Frame frame = renderFrame(request);
    QVERIFY(frame.pointCount >= 900'000);
    // Far above what it takes; catches a return to smoothed lines, which take seconds.
    QVERIFY2(frame.renderMs < 3000, qPrintable(QString::number(frame.renderMs)));
}

QTEST_MAIN(TestCharts)
#include "tst_charts.moc"
