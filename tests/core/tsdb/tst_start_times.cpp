// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Start times of samples: kept in the open chunk, in full ones, in the log, in snapshots and in
// blocks, for floats and histograms, in order and late.
#include "support/tsdb_fixture.h"

#include <QtTest>

using namespace narthex;
using namespace narthex::base::literals;
using test::TsdbFixture;

namespace {

constexpr std::int64_t kStart = 1'699'999'200'000;
constexpr std::int64_t kStep = 15'000;

tsdb::DbOptions started()
{
    tsdb::DbOptions options;
    options.readableBy242 = false;
    options.floatEncoding = tsdb::FloatEncoding::Xor2;
    options.startTimes = true;
    return options;
}

std::int64_t timeOf(std::size_t i) { return kStart + static_cast<std::int64_t>(i) * kStep; }

/// The counter begins anew every 100 samples, and nothing is known of the first ten.
std::int64_t startOf(std::size_t i) { return i < 10 ? 0 : timeOf(i / 100 * 100) - 1000; }

model::IntegerHistogram histogram(std::size_t i)
{
    return {.count = i + 1,
            .sum = static_cast<double>(i),
            .positiveSpans = {{0, 1}},
            .positiveDeltas = {static_cast<std::int64_t>(i + 1)}};
}

/// Samples [from, to) of the series: "f" floats, "h" histograms, "p" floats without starts.
void fill(tsdb::Db& db, std::size_t from, std::size_t to)
{
    const auto appender = db.appender();
    for (std::size_t i = from; i < to; ++i) {
        const std::vector<storage::SeriesRef> refs{*appender->seriesFor({{"__name__", "f"}}),
                                                   *appender->seriesFor({{"__name__", "p"}})};
        const std::vector<base::Timestamp> times(2, base::Timestamp{timeOf(i)});
        const std::vector<double> values(2, static_cast<double>(i));
        const std::vector<std::int64_t> starts{startOf(i), 0};
        std::vector<storage::AppendResult> results(2);
        appender->useStartTimes(starts);
        appender->appendBatch(refs, times, values, results);
        QCOMPARE(results[0], storage::AppendResult::Appended);
        appender->useStartTimes({starts.data(), 1});
        QCOMPARE(appender->appendHistogram(*appender->seriesFor({{"__name__", "h"}}), {timeOf(i)},
                                           histogram(i)),
                 storage::AppendResult::Appended);
        if (i % 7 == 0) {
            QVERIFY(appender->commit().ok());
        }
    }
    QVERIFY(appender->commit().ok());
}

/// Start times by series and time; series without any are left out.
using Starts = std::map<std::string, std::map<std::int64_t, std::int64_t>>;

Starts startsOf(const tsdb::Db& db)
{
    Starts starts;
    const auto querier = db.querier(base::Timestamp::min(), base::Timestamp::max()).value();
    const auto set = querier->select({}, {}, {}).value();
    const auto all = storage::collect(*set, 1000).value();
    for (const auto& series : all) {
        storage::SampleColumns columns;
        if (!series->read(base::Timestamp::min(), base::Timestamp::max(), columns).ok()) {
            return {};
        }
        columns.padStartTimes();
        auto& out = starts[series->labels().toString()];
        for (std::size_t i = 0; i < columns.startTimes.size(); ++i) {
            out[columns.times[i]] = columns.startTimes[i];
        }
        for (std::size_t i = 0; i < columns.histogramStartTimes.size(); ++i) {
            out[columns.histogramTimes[i]] = columns.histogramStartTimes[i];
        }
        if (out.empty()) {
            starts.erase(series->labels().toString());
        }
    }
    return starts;
}

Starts expected(std::size_t samples)
{
    std::map<std::int64_t, std::int64_t> each;
    for (std::size_t i = 0; i < samples; ++i) {
        each[timeOf(i)] = startOf(i);
    }
    return {{"f", each}, {"h", each}};
}

} // namespace

class TestStartTimes : public QObject
{
    Q_OBJECT

private slots:
    void standInTheHead();
    void comeBackFromTheLog();
    void comeBackFromASnapshot();
    void goIntoBlocks();
    void goThroughCheckpoints();
    void stayWithLateSamples();
    void stayWhenSamplesAroundAreDeleted();
    void areForgottenByAStoreThatKeepsNone();
    void wantTheNewerEncoding();
};

void TestStartTimes::standInTheHead()
{
    TsdbFixture fixture;
    const auto db = fixture.open(started());
    fill(*db, 0, 5);
    QCOMPARE(startsOf(*db), Starts{});
    fill(*db, 5, 1000);
    QCOMPARE(startsOf(*db), expected(1000));
}

void TestStartTimes::comeBackFromTheLog()
{
    TsdbFixture fixture;
    for (const std::size_t samples : {30U, 700U}) {
        const std::size_t before = samples == 30 ? 0 : 30;
        {
            const auto db = fixture.open(started());
            fill(*db, before, samples);
        }
        const auto db = fixture.open(started());
        QCOMPARE(startsOf(*db), expected(samples));
    }
}

void TestStartTimes::comeBackFromASnapshot()
{
    TsdbFixture fixture;
    tsdb::DbOptions options = started();
    options.snapshotOnClose = true;
    {
        const auto db = fixture.open(options);
        fill(*db, 0, 330);
        QVERIFY(db->close().ok());
    }
    const auto db = fixture.open(options);
    QCOMPARE(startsOf(*db), expected(330));
    fill(*db, 330, 350);
    QCOMPARE(startsOf(*db), expected(350));
}

void TestStartTimes::goIntoBlocks()
{
    TsdbFixture fixture;
    {
        const auto db = fixture.open(started());
        fill(*db, 0, 2000); // more than eight hours
        QVERIFY(db->compact().ok());
        QVERIFY(db->stats().blocks > 0);
        QCOMPARE(startsOf(*db), expected(2000));
    }
    // Whoever does not store them can read them.
    const auto db = fixture.open();
    QCOMPARE(startsOf(*db), expected(2000));
}

void TestStartTimes::goThroughCheckpoints()
{
    TsdbFixture fixture;
    for (std::size_t round = 0; round < 8; ++round) {
        const auto db = fixture.open(started());
        fill(*db, round * 500, round * 500 + 500);
        QVERIFY(db->compact().ok());
    }
    const auto db = fixture.open(started());
    QCOMPARE(startsOf(*db), expected(4000));
    // Not all of it stays in the log: what is in blocks leaves with the checkpoints.
    std::uintmax_t logBytes = 0;
    bool hasCheckpoint = false;
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(fixture.path() / "wal")) {
        logBytes += entry.is_regular_file() ? entry.file_size() : 0;
        hasCheckpoint =
            hasCheckpoint || entry.path().filename().string().starts_with("checkpoint.");
    }
    QVERIFY(hasCheckpoint);
    QVERIFY2(logBytes < 250'000, std::to_string(logBytes).c_str());
}

void TestStartTimes::stayWithLateSamples()
{
    TsdbFixture fixture;
    tsdb::DbOptions options = started();
    options.live.outOfOrderWindow = 6_h;
    {
        const auto db = fixture.open(options);
        fill(*db, 400, 800);
        fill(*db, 0, 400);
        QCOMPARE(startsOf(*db), expected(800));
    }
    {
        const auto db = fixture.open(options);
        QCOMPARE(startsOf(*db), expected(800));
        QVERIFY(db->compact().ok());
        QCOMPARE(startsOf(*db), expected(800));
    }
    QCOMPARE(startsOf(*fixture.open(options)), expected(800));
}

void TestStartTimes::stayWhenSamplesAroundAreDeleted()
{
    TsdbFixture fixture;
    const auto db = fixture.open(started());
    fill(*db, 0, 600);
    const std::vector<model::Matchers> all{
        {test::matcher(model::MatchType::NotEqual, "__name__", "")}};
    QVERIFY(db->deleteSeries({timeOf(50)}, {timeOf(260)}, all).ok());
    Starts rest = expected(600);
    for (auto& [name, starts] : rest) {
        std::erase_if(starts, [](const auto& entry) {
            return entry.first >= timeOf(50) && entry.first <= timeOf(260);
        });
    }
    QCOMPARE(startsOf(*db), rest);
    QVERIFY(db->compact().ok());
    QCOMPARE(startsOf(*db), rest);
}

void TestStartTimes::areForgottenByAStoreThatKeepsNone()
{
    TsdbFixture fixture;
    const auto db = fixture.open();
    fill(*db, 0, 300);
    QCOMPARE(startsOf(*db), Starts{});
}

void TestStartTimes::wantTheNewerEncoding()
{
    TsdbFixture fixture;
    tsdb::DbOptions options = started();
    options.floatEncoding = tsdb::FloatEncoding::Xor;
    const absl::Status status = fixture.tryOpen(fixture.path(), options).status();
    QVERIFY2(status.message().find("chunk_encoding.floats to xor2") != std::string_view::npos,
             status.ToString().c_str());
}

QTEST_GUILESS_MAIN(TestStartTimes)
#include "tst_start_times.moc"
