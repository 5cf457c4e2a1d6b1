// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a query says of the samples it looked at, in all and step by step.
#include "core/promql/engine.h"
#include "support/memory_store.h"

#include <QtTest>

using namespace narthex;
using namespace narthex::promql;
using namespace narthex::base::literals;

namespace {

QByteArray text(const std::vector<StepCount>& steps)
{
    QByteArrayList parts;
    for (const StepCount& step : steps) {
        parts << QByteArray::number(qlonglong(step.time.ms / 1000)) + ":" +
                     QByteArray::number(qulonglong(step.samples));
    }
    return parts.join(' ');
}

} // namespace

class TestStatistics : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void initTestCase();
    void countsSamples_data();
    void countsSamples();
    void staysSilentWithoutTheSwitch();
    void countsInstantQueries_data();
    void countsInstantQueries();
    void countsNativeHistogramsByTheirRoom();
    void releasesWhatAResultReplaces();

private:
    [[nodiscard]] absl::StatusOr<Result> range(const Engine& engine, const QByteArray& query,
                                               bool perStep) const
    {
        QueryOptions options;
        options.perStepStatistics = perStep;
        return engine.range(store_, query.toStdString(), base::Timestamp{600'000},
                            base::Timestamp{720'000}, 1_min, options, {});
    }

    test::MemoryStore store_;
    base::WorkerPool pool_{2};
    base::ManualClock clock_{base::Timestamp{0}};
    const EngineOptions options_{.features = {.perStepStats = true}};
    const Engine engine_{options_, pool_, clock_};
};

/// x every 15s from 0 to 20m, y the same but ended at 11m.
void TestStatistics::initTestCase()
{
    for (std::int64_t time = 0; time <= 1'200'000; time += 15'000) {
        store_.add({{"__name__", "x"}}, base::Timestamp{time}, 1);
        if (time <= 660'000) {
            store_.add({{"__name__", "y"}}, base::Timestamp{time}, 1);
        }
    }
    model::FloatHistogram histogram;
    histogram.positiveSpans = {{0, 2}};
    histogram.positiveBuckets = {1, 1};
    for (const std::int64_t minute : {9, 10, 11}) {
        store_.add({{"__name__", "h"}}, base::Timestamp{minute * 60'000}, histogram);
    }
}

void TestStatistics::countsSamples_data()
{
    QTest::addColumn<QByteArray>("query");
    QTest::addColumn<QByteArray>("queryable");
    QTest::addColumn<QByteArray>("read");
    const auto row = [](const char* query, const char* queryable, const char* read) {
        QTest::newRow(query) << QByteArray(query) << QByteArray(queryable) << QByteArray(read);
    };
    row("x", "600:1 660:1 720:1", "600:1 660:1 720:1");
    row("x + x", "600:2 660:2 720:2", "600:2 660:2 720:2");
    row("1", "600:0 660:0 720:0", "600:0 660:0 720:0");
    row("timestamp(x)", "600:1 660:1 720:1", "600:1 660:1 720:1");
    // Each window has 20 samples, four of them new.
    row("sum_over_time(x[5m])", "600:20 660:20 720:20", "600:20 660:4 720:4");
    row("rate(x[5m])", "600:20 660:20 720:20", "600:20 660:4 720:4");
    row("sum(rate(x[5m]))", "600:20 660:20 720:20", "600:20 660:4 720:4");
    // At 12m the window (10m, 12m] of y ends at 11m.
    row("count_over_time(y[2m])", "600:8 660:8 720:4", "600:8 660:4 720:0");
    row("max_over_time(x[30s])", "600:2 660:2 720:2", "600:2 660:2 720:2");
    // The same at every step: seen by all of them, read once.
    row("x @ 600", "600:1 660:1 720:1", "600:1 660:0 720:0");
    row("rate(x[5m] @ 600)", "600:20 660:20 720:20", "600:20 660:0 720:0");
    row("predict_linear(x[5m] @ 600, 60)", "600:20 660:20 720:20", "600:20 660:0 720:0");
    // The steps inside read one sample each; the windows over them see what belongs to them.
    row("max_over_time(x[3m:1m])", "600:3 660:3 720:3", "600:3 660:1 720:1");
    row("max_over_time(sum_over_time(x[2m])[3m:1m])", "600:3 660:3 720:3", "600:16 660:4 720:4");
    // Between two windows nobody looks.
    row("max_over_time(x[30s:10s])", "600:3 660:3 720:3", "600:3 660:3 720:3");
    row("max_over_time(x[1m:1m] offset 1m)", "600:1 660:1 720:1", "600:1 660:1 720:1");
}

void TestStatistics::countsSamples()
{
    QFETCH(QByteArray, query);
    const auto result = range(engine_, query, true);
    QVERIFY(result.ok());
    const Statistics& statistics = result->statistics;
    QTEST(text(statistics.totalQueryableSamplesPerStep), "queryable");
    QTEST(text(statistics.samplesReadPerStep), "read");
    std::uint64_t queryable = 0;
    for (const StepCount& step : statistics.totalQueryableSamplesPerStep) {
        queryable += step.samples;
    }
    std::uint64_t read = 0;
    for (const StepCount& step : statistics.samplesReadPerStep) {
        read += step.samples;
    }
    QCOMPARE(statistics.totalQueryableSamples, queryable);
    QCOMPARE(statistics.samplesRead, read);
    // Without steps the sums are the same.
    const auto total = range(engine_, query, false);
    QCOMPARE(total->statistics.totalQueryableSamples, queryable);
    QCOMPARE(total->statistics.samplesRead, read);
    QVERIFY(total->statistics.totalQueryableSamplesPerStep.empty());
}

void TestStatistics::staysSilentWithoutTheSwitch()
{
    const Engine engine({}, pool_, clock_);
    const auto result = range(engine, "x", true);
    QVERIFY(result->statistics.totalQueryableSamplesPerStep.empty());
    QCOMPARE(result->statistics.totalQueryableSamples, std::uint64_t{3});
}

void TestStatistics::countsInstantQueries_data()
{
    QTest::addColumn<QByteArray>("query");
    QTest::addColumn<int>("queryable");
    QTest::addColumn<int>("read");
    QTest::newRow("selector") << QByteArray("x") << 1 << 1;
    QTest::newRow("range") << QByteArray("x[1m]") << 4 << 4;
    QTest::newRow("window") << QByteArray("rate(x[1m])") << 4 << 4;
    QTest::newRow("subquery") << QByteArray("x[3m:1m]") << 3 << 3;
    QTest::newRow("subquery of windows") << QByteArray("rate(x[1m])[3m:1m]") << 12 << 12;
    QTest::newRow("over a subquery") << QByteArray("sum_over_time(rate(x[1m])[3m:1m])") << 3 << 12;
}

void TestStatistics::countsInstantQueries()
{
    QFETCH(QByteArray, query);
    const auto result =
        engine_.instant(store_, query.toStdString(), base::Timestamp{600'000}, {}, {});
    QTEST(int(result->statistics.totalQueryableSamples), "queryable");
    QTEST(int(result->statistics.samplesRead), "read");
}

void TestStatistics::countsNativeHistogramsByTheirRoom()
{
    // 176 bytes, one span, two buckets: 12 samples of 16 bytes.
    const auto one = engine_.instant(store_, "h", base::Timestamp{600'000}, {}, {});
    QCOMPARE(one->statistics.totalQueryableSamples, std::uint64_t{12});
    const auto two = range(engine_, "sum_over_time(h[2m])", true);
    QCOMPARE(text(two->statistics.totalQueryableSamplesPerStep),
             QByteArray("600:24 660:24 720:12"));
    QCOMPARE(text(two->statistics.samplesReadPerStep), QByteArray("600:24 660:12 720:0"));
    EngineOptions tight;
    tight.maxSamples = 11;
    const auto refused =
        Engine(tight, pool_, clock_).instant(store_, "h", base::Timestamp{600'000}, {}, {});
    QCOMPARE(refused.status().code(), absl::StatusCode::kResourceExhausted);
}

void TestStatistics::releasesWhatAResultReplaces()
{
    const auto sums = range(engine_, "sum(x) + sum(x) + sum(x) + sum(x)", false);
    // A selector's three points, and those of the results so far; never all four selectors.
    QVERIFY(sums->statistics.peakSamples >= 3);
    QVERIFY(sums->statistics.peakSamples < 12);
}

QTEST_GUILESS_MAIN(TestStatistics)
#include "tst_statistics.moc"
