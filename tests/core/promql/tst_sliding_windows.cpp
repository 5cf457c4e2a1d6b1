// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Windows that slide, sums that stream and the best of each step against their definitions, bit for
// bit; and answers that do not depend on how many threads there are. The seed is printed;
// NARTHEX_SEED gives it back.
#include "core/promql/best_of_steps.h"
#include "core/promql/engine.h"
#include "core/promql/float_math.h"
#include "core/promql/matrix_input.h"
#include "core/promql/window.h"
#include "core/promql/window_columns.h"
#include "support/memory_store.h"

#include <QtTest>

#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <map>
#include <random>

using namespace narthex;
using namespace narthex::promql;
using namespace narthex::base::literals;

namespace {

constexpr std::int64_t kScrape = 15'000;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Of NaN, which one is not part of an answer.
QByteArray bitsOf(double value)
{
    return std::isnan(value) ? QByteArray("nan")
                             : QByteArray::number(std::bit_cast<quint64>(value), 16);
}

enum class Kind
{
    Counter,
    Gauge,
    Odd, // NaN, infinities, zeros of both signs, few different values
    Huge // sums overflow
};

class Source
{
public:
    explicit Source(std::uint64_t seed) : random_(seed) {}

    std::size_t below(std::size_t limit) { return random_() % limit; }

    double next(Kind kind, double before)
    {
        switch (kind) {
        case Kind::Counter:
            return below(20) == 0 ? static_cast<double>(below(5))
                                  : before + double(below(1000)) / 7;
        case Kind::Gauge:
            return (static_cast<double>(below(2'000'000)) - 1'000'000) / 1001;
        case Kind::Odd: {
            const std::array<double, 9> values = {
                0.0, -0.0, 1, -1, 2, kInfinity, -kInfinity, model::normalNan(), model::normalNan()};
            return values[below(values.size())];
        }
        case Kind::Huge:
            return (below(4) == 0 ? -1 : 1) * 1e308 * (1 + double(below(700)) / 1000);
        }
        return 0;
    }

    /// With gaps and uneven times, as scrapes have them.
    storage::SampleColumns series(Kind kind, std::size_t samples)
    {
        storage::SampleColumns columns;
        double value = 0;
        std::int64_t time = 0;
        for (std::size_t i = 0; i < samples; ++i) {
            time += kScrape;
            if (below(12) == 0) {
                time += kScrape * static_cast<std::int64_t>(below(40));
            }
            value = next(kind, std::isfinite(value) ? value : 0);
            const bool uneven = below(5) == 0;
            columns.times.push_back(time + (uneven ? static_cast<std::int64_t>(below(900)) : 0));
            columns.values.push_back(value);
        }
        return columns;
    }

private:
    std::mt19937_64 random_;
};

std::uint64_t seed()
{
    const std::uint64_t given = qEnvironmentVariable("NARTHEX_SEED").toULongLong();
    const std::uint64_t used = given != 0 ? given : 20'260'117;
    qInfo("seed %llu", static_cast<unsigned long long>(used));
    return used;
}

struct Steps
{
    std::int64_t range = 0;
    std::int64_t step = 0;
    std::size_t count = 0;
};

constexpr std::array<Steps, 9> kSteps = {{{300'000, 15'000, 400},
                                          {3'600'000, 15'000, 400},
                                          {3'600'000, 60'000, 120},
                                          {60'000, 60'000, 120},
                                          {30'000, 300'000, 40},
                                          {1, 15'000, 100},
                                          {600'000, 7'777, 300},
                                          {100'000'000, 1'000'000, 9},
                                          {900'000, 0, 3}}};

/// The definition: every window alone.
Row oneByOne(const WindowFunctionInfo& info, const storage::SampleColumns& columns,
             const Steps& steps, double argument)
{
    Row row;
    row.resize(steps.count);
    WindowSlider slider(columns);
    NoteBits notes;
    for (std::size_t i = 0; i < steps.count; ++i) {
        const std::int64_t end = 100'000 + static_cast<std::int64_t>(i) * steps.step;
        Window window = slider.next(end - steps.range, end);
        window.arguments[0] = argument;
        if (window.size() > 0) {
            info.function(window, notes).put(row, i);
        }
    }
    return row;
}

Row allAtOnce(ColumnFunction function, const storage::SampleColumns& columns, const Steps& steps,
              double argument, WindowScratch& scratch)
{
    const std::vector<double> arguments(steps.count, argument);
    WindowColumn column{.times = columns.times,
                        .values = columns.values,
                        .firstEnd = 100'000,
                        .stepMs = steps.step,
                        .rangeMs = steps.range,
                        .argument = arguments};
    findWindows(column, steps.count, scratch);
    Row row;
    row.resizeForOverwrite(steps.count);
    function(column, scratch, row);
    return row;
}

QByteArray cellText(const Row& row, std::size_t step)
{
    return row.cells[step] == Cell::Float ? bitsOf(row.values[step]) : QByteArray("none");
}

/// Every series and point of an answer, values as bits.
QByteArray bitsOf(const absl::StatusOr<Result>& result)
{
    if (!result.ok()) {
        return QByteArray::fromStdString(result.status().ToString());
    }
    QByteArray text;
    for (const MatrixSeries& series : std::get<Matrix>(result->value)) {
        text += QByteArray::fromStdString(series.labels.toString());
        for (const Point& point : series.points) {
            text += ' ' + QByteArray::number(qint64{point.time.ms}) + ':' + bitsOf(point.value);
        }
        for (const HistogramPoint& point : series.histograms) {
            text += " h" + QByteArray::number(qint64{point.time.ms}) + ':' +
                    bitsOf(point.histogram->sum) + '/' + bitsOf(point.histogram->count);
        }
        text += '\n';
    }
    return text;
}

model::FloatHistogram histogramOf(double count)
{
    model::FloatHistogram histogram;
    histogram.schema = 0;
    histogram.count = count;
    histogram.sum = count * 1.5;
    histogram.positiveSpans = {{0, 1}};
    histogram.positiveBuckets = {count};
    return histogram;
}

} // namespace

class TestSlidingWindows : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void initTestCase();
    void columnsGiveWhatEachWindowGivesAlone_data();
    void columnsGiveWhatEachWindowGivesAlone();
    void bestOfStepsIsTheFrontOfTheSortedOnes();
    void answersDoNotDependOnThreads_data();
    void answersDoNotDependOnThreads();
    void streamedSumsAddInOrderOfLabels();
    void streamedMeansAddInOrderOfLabels();

private:
    absl::StatusOr<Result> ask(const QByteArray& query, std::size_t threads) const;

    std::uint64_t seed_ = 0;
    test::MemoryStore store_;
    base::SystemClock clock_;
};

void TestSlidingWindows::initTestCase()
{
    seed_ = seed();
    Source source(seed_);
    for (std::size_t i = 0; i < 600; ++i) {
        const auto kind = i % 50 == 0 ? Kind::Odd : i % 60 == 1 ? Kind::Huge : Kind::Counter;
        const storage::SampleColumns columns = source.series(kind, 100);
        const std::string group = "g" + std::to_string(i % 7);
        const std::string number = std::to_string(i);
        const model::Labels labels = {{"__name__", "x_total"}, {"group", group}, {"i", number}};
        for (std::size_t k = 0; k < columns.times.size(); ++k) {
            const base::Timestamp time{columns.times[k]};
            if (i % 90 == 17 && k > 40) {
                store_.add(labels, time, histogramOf(static_cast<double>(k)));
            } else {
                store_.add(labels, time,
                           source.below(40) == 0 ? model::staleMarker() : columns.values[k]);
            }
        }
    }
    for (std::size_t i = 0; i < 7; ++i) {
        const std::string group = "g" + std::to_string(i);
        const std::string version = "v" + std::to_string(i % 3);
        for (std::int64_t time = 0; time < 2'400'000; time += kScrape) {
            store_.add({{"__name__", "info"}, {"group", group}, {"version", version}},
                       base::Timestamp{time}, 1 + static_cast<double>(i));
        }
    }
}

absl::StatusOr<Result> TestSlidingWindows::ask(const QByteArray& query, std::size_t threads) const
{
    base::WorkerPool pool(threads);
    const Engine engine({.features = {.experimentalFunctions = true}}, pool, clock_);
    return engine.range(store_, query.toStdString(), base::Timestamp{600'000},
                        base::Timestamp{2'400'000}, 5_s, {}, {});
}

void TestSlidingWindows::columnsGiveWhatEachWindowGivesAlone_data()
{
    QTest::addColumn<QByteArray>("function");
    QTest::addColumn<double>("argument");
    for (const char* name :
         {"avg_over_time", "changes", "count_over_time", "delta", "first_over_time", "increase",
          "last_over_time", "mad_over_time", "max_over_time", "min_over_time", "present_over_time",
          "rate", "resets", "stddev_over_time", "stdvar_over_time", "sum_over_time",
          "ts_of_max_over_time", "ts_of_min_over_time"}) {
        QTest::newRow(name) << QByteArray(name) << 0.0;
    }
    for (const double q : {0.0, 0.3, 0.5, 0.99, 1.0, -1.0, 2.0, model::normalNan()}) {
        QTest::addRow("quantile_over_time %g", q) << QByteArray("quantile_over_time") << q;
    }
}

void TestSlidingWindows::columnsGiveWhatEachWindowGivesAlone()
{
    QFETCH(const QByteArray, function);
    QFETCH(const double, argument);
    const WindowFunctionInfo* const alone = findWindowFunction(function.toStdString());
    const ColumnFunction together = findColumnFunction(function.toStdString());
    QVERIFY(alone != nullptr && together != nullptr);
    Source source(seed_ + qHash(function));
    WindowScratch scratch;
    for (const Kind kind : {Kind::Counter, Kind::Gauge, Kind::Odd, Kind::Huge}) {
        for (const Steps& steps : kSteps) {
            for (const std::size_t samples : {0U, 1U, 2U, 300U}) {
                const storage::SampleColumns columns = source.series(kind, samples);
                const Row expected = oneByOne(*alone, columns, steps, argument);
                const Row actual = allAtOnce(together, columns, steps, argument, scratch);
                for (std::size_t i = 0; i < steps.count; ++i) {
                    if (cellText(actual, i) != cellText(expected, i)) {
                        qInfo("kind %d, range %lld, step %lld, %zu samples, step number %zu",
                              static_cast<int>(kind), static_cast<long long>(steps.range),
                              static_cast<long long>(steps.step), samples, i);
                    }
                    QCOMPARE(cellText(actual, i), cellText(expected, i));
                }
            }
        }
    }
}

void TestSlidingWindows::bestOfStepsIsTheFrontOfTheSortedOnes()
{
    Source source(seed_);
    constexpr std::size_t kRows = 200;
    const std::vector<std::uint32_t> wanted = {0, 1, 2, 5, 9, 40, 199, 200, 400};
    for (const bool largest : {true, false}) {
        Rows rows(kRows);
        BestOfSteps best(largest, wanted);
        for (std::size_t i = 0; i < kRows; ++i) {
            rows[i].resize(wanted.size());
            for (std::size_t step = 0; step < wanted.size(); ++step) {
                if (source.below(10) != 0) {
                    rows[i].setFloat(step, source.next(Kind::Odd, 0));
                }
            }
            best.expectRow();
            best.add(rows[i], static_cast<std::uint32_t>(i), 0, 4);
            best.add(rows[i], static_cast<std::uint32_t>(i), 4, wanted.size());
        }
        for (std::size_t step = 0; step < wanted.size(); ++step) {
            std::vector<std::size_t> sorted;
            for (std::size_t i = 0; i < kRows; ++i) {
                if (rows[i].has(step)) {
                    sorted.push_back(i);
                }
            }
            std::stable_sort(sorted.begin(), sorted.end(), [&](std::size_t a, std::size_t b) {
                const double x = rows[a].values[step];
                const double y = rows[b].values[step];
                if (std::isnan(x) || std::isnan(y)) {
                    return !std::isnan(x) && std::isnan(y);
                }
                return largest ? x > y : x < y;
            });
            sorted.resize(std::min<std::size_t>(sorted.size(), wanted[step]));
            std::vector<std::size_t> found;
            for (const BestOfSteps::Entry& entry : best.take(step)) {
                found.push_back(entry.row);
                QCOMPARE(bitsOf(entry.value), bitsOf(rows[entry.row].values[step]));
            }
            QVERIFY(found == sorted);
        }
    }
}

void TestSlidingWindows::answersDoNotDependOnThreads_data()
{
    QTest::addColumn<QByteArray>("query");
    for (const char* query : {"x_total",
                              "rate(x_total[5m])",
                              "sum by (group) (rate(x_total[5m]))",
                              "sum(x_total)",
                              "avg by (group) (x_total)",
                              "avg without (i) (rate(x_total[1m]))",
                              "stddev by (group) (x_total)",
                              "min(x_total)",
                              "max by (group) (x_total)",
                              "count by (group) (x_total)",
                              "group(x_total)",
                              "topk(3, x_total)",
                              "bottomk by (group) (2, rate(x_total[2m]))",
                              "topk(5000, x_total)",
                              "quantile by (group) (0.7, x_total)",
                              "limitk(2, x_total)",
                              "count_values(\"v\", resets(x_total[5m]))",
                              "max_over_time(rate(x_total[5m])[10m:1m])",
                              "quantile_over_time(0.4, x_total[10m])",
                              "x_total * on (group) group_left (version) info",
                              "sum by (version) (x_total * on (group) group_left (version) info)",
                              "x_total - on (group, i) x_total offset 1m",
                              "x_total > bool 100",
                              "x_total > 100",
                              "x_total and on (group) info",
                              "x_total unless x_total offset 5m",
                              "sum(rate(x_total[5m])) / sum(rate(x_total[5m]))",
                              "sum by (group) (rate({__name__=~\"x_total|info\"}[5m]))",
                              "absent(x_total)",
                              "changes(x_total[5m]) + ignoring (nothing) resets(x_total[5m])"}) {
        QTest::newRow(query) << QByteArray(query);
    }
}

void TestSlidingWindows::answersDoNotDependOnThreads()
{
    QFETCH(const QByteArray, query);
    const QByteArray one = bitsOf(ask(query, 1));
    QVERIFY(!one.contains("narthex/") && !one.startsWith("INTERNAL"));
    QCOMPARE(bitsOf(ask(query, 4)), one);
}

namespace {

/// Folds the series of an answer, in order, group by group and step by step.
template <typename State>
std::map<std::string, std::map<std::int64_t, State>> folded(const Matrix& matrix)
{
    std::map<std::string, std::map<std::int64_t, State>> groups;
    for (const MatrixSeries& series : matrix) {
        auto& group = groups[std::string(series.labels.get("group"))];
        for (const Point& point : series.points) {
            group[point.time.ms].add(point.value);
        }
    }
    return groups;
}

template <typename State>
void compareWithFold(const Matrix& parts, const Matrix& whole)
{
    const auto expected = folded<State>(parts);
    QVERIFY(whole.size() == expected.size());
    for (const MatrixSeries& series : whole) {
        const auto& group = expected.at(std::string(series.labels.get("group")));
        QVERIFY(series.points.size() == group.size());
        for (const Point& point : series.points) {
            QCOMPARE(bitsOf(point.value), bitsOf(group.at(point.time.ms).value()));
        }
    }
}

} // namespace

void TestSlidingWindows::streamedSumsAddInOrderOfLabels()
{
    const auto parts = ask("max_over_time(x_total[5m])", 1);
    const auto whole = ask("sum by (group) (max_over_time(x_total[5m]))", 4);
    QVERIFY(parts.ok() && whole.ok());
    compareWithFold<CompensatedSum>(std::get<Matrix>(parts->value), std::get<Matrix>(whole->value));
}

void TestSlidingWindows::streamedMeansAddInOrderOfLabels()
{
    const auto parts = ask("max_over_time(x_total[5m])", 1);
    const auto whole = ask("avg by (group) (max_over_time(x_total[5m]))", 4);
    QVERIFY(parts.ok() && whole.ok());
    compareWithFold<RunningMean>(std::get<Matrix>(parts->value), std::get<Matrix>(whole->value));
}

QTEST_GUILESS_MAIN(TestSlidingWindows)
#include "tst_sliding_windows.moc"
