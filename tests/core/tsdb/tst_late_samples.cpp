// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Samples out of order: which are taken, that they survive a crash, and that they end in blocks.
#include "core/tsdb/block_meta.h"
#include "core/tsdb/wal_reader.h"
#include "core/tsdb/wal_records.h"
#include "support/tsdb_fixture.h"

#include <QtTest>

using namespace narthex;
using namespace narthex::base::literals;
using storage::AppendResult;
using test::contentsOf;
using test::put;
using test::TsdbFixture;
namespace fs = std::filesystem;

namespace {

constexpr std::int64_t kStart = 1'699'999'200'000;
constexpr std::int64_t kMinute = 60'000;
const model::Labels kUp{{"__name__", "up"}, {"job", "a"}};
const model::Labels kOther{{"__name__", "up"}, {"job", "b"}};

tsdb::DbOptions window(base::Duration duration)
{
    tsdb::DbOptions options;
    options.live.outOfOrderWindow = duration;
    return options;
}

/// Records of the write-behind log: "marker REF CHUNK", "sample REF TIME".
std::vector<std::string> recordsOf(const fs::path& segment)
{
    std::vector<std::string> text;
    const auto bytes = base::readFile(segment).value();
    tsdb::WalReader reader(bytes);
    while (reader.next().value_or(false)) {
        std::vector<tsdb::WalMmapMarker> markers;
        std::vector<tsdb::WalSample> samples;
        if (tsdb::walRecordType(reader.record()) == tsdb::WalRecordType::MmapMarkers) {
            base::ignore(tsdb::decodeMmapMarkers(reader.record(), markers), "checked by content");
        } else {
            base::ignore(tsdb::decodeSamples(reader.record(), samples), "checked by content");
        }
        for (const auto& marker : markers) {
            text.push_back(fmt::format("marker {} {:x}", marker.ref, marker.chunkRef));
        }
        for (const auto& sample : samples) {
            text.push_back(fmt::format("sample {} {}", sample.ref, sample.time - kStart));
        }
    }
    return text;
}

fs::path copyOf(TsdbFixture& fixture, const std::string& name)
{
    fs::copy(fixture.path(), fixture.other(name), fs::copy_options::recursive);
    return fixture.other(name);
}

} // namespace

class TestLateSamples : public QObject
{
    Q_OBJECT

private slots:
    void takesNothingLateWithoutAWindow();
    void takesWhatIsInsideTheWindow();
    void writesNoLogBeforeItIsNeeded();
    void marksFirstSamplesAndFullLists();
    void showsLateSamplesAmongTheOthers();
    void comesBackAfterACrash();
    void comesBackWithChunksOnDisk();
    void keepsOneOfTwoSamplesOfATime();
    void takesLateHistograms();
    void opensTheWindowWhileRunning();
    void cutsBlocksOfLateSamples();
    void aBatchMayBeLateAndInOrder();
};

void TestLateSamples::takesNothingLateWithoutAWindow()
{
    TsdbFixture fixture;
    const auto db = fixture.open();
    QCOMPARE(put(*db, kUp, kStart, 1), AppendResult::Appended);
    QCOMPARE(put(*db, kUp, kStart - 1, 1), AppendResult::OutOfOrder);
    QCOMPARE(put(*db, kUp, kStart - 61 * kMinute, 1), AppendResult::OutOfBounds);
    QCOMPARE(put(*db, kUp, kStart, 1), AppendResult::SameAgain);
    QCOMPARE(put(*db, kUp, kStart, 2), AppendResult::DuplicateTimestamp);
}

void TestLateSamples::takesWhatIsInsideTheWindow()
{
    TsdbFixture fixture;
    const auto db = fixture.open(window(30_min));
    QCOMPARE(put(*db, kUp, kStart, 1), AppendResult::Appended);
    QCOMPARE(put(*db, kUp, kStart - 30 * kMinute, 1), AppendResult::Appended);
    QCOMPARE(put(*db, kUp, kStart - 30 * kMinute - 1, 1), AppendResult::TooOld);
    QCOMPARE(put(*db, kUp, kStart, 2), AppendResult::DuplicateTimestamp);
    // A new series inside the bounds is in order, however late.
    QCOMPARE(put(*db, kOther, kStart - 50 * kMinute, 1), AppendResult::Appended);
    QCOMPARE(db->stats().samplesTooOld, std::uint64_t{1});
    QCOMPARE(contentsOf(*db).at(kUp.toString()).size(), std::size_t{2});
}

void TestLateSamples::writesNoLogBeforeItIsNeeded()
{
    TsdbFixture fixture;
    {
        const auto db = fixture.open();
        put(*db, kUp, kStart, 1);
    }
    QVERIFY(!fs::exists(fixture.path() / "wbl"));
}

void TestLateSamples::marksFirstSamplesAndFullLists()
{
    TsdbFixture fixture;
    {
        const auto db = fixture.open(window(30_min));
        put(*db, kUp, kStart, 1);
        for (int i = 0; i < 33; ++i) {
            put(*db, kUp, kStart - 1000 + i, i);
        }
    }
    const std::vector<std::string> records = recordsOf(fixture.path() / "wbl" / "00000000");
    QCOMPARE(records.size(), std::size_t{2 + 33});
    QCOMPARE(records.at(0), std::string("marker 1 0"));
    QCOMPARE(records.at(1), std::string("sample 1 -1000"));
    QCOMPARE(records.at(33), std::string("marker 1 100000008"));
    QCOMPARE(records.at(34), std::string("sample 1 -968"));
}

void TestLateSamples::showsLateSamplesAmongTheOthers()
{
    TsdbFixture fixture;
    const auto db = fixture.open(window(1_h));
    for (int i = 0; i < 200; ++i) {
        put(*db, kUp, kStart + i * 15'000, i);
    }
    // Every other one between, newest first.
    for (int i = 199; i >= 0; --i) {
        QCOMPARE(put(*db, kUp, kStart + i * 15'000 - 7'000, -i), AppendResult::Appended);
    }
    const auto samples = contentsOf(*db).at(kUp.toString());
    QCOMPARE(samples.size(), std::size_t{400});
    for (std::size_t i = 1; i < samples.size(); ++i) {
        QVERIFY(samples[i - 1].first < samples[i].first);
    }
}

void TestLateSamples::comesBackAfterACrash()
{
    TsdbFixture fixture;
    const auto db = fixture.open(window(1_h));
    for (int i = 0; i < 20; ++i) {
        put(*db, kUp, kStart + i * 15'000, i);
    }
    for (int i = 0; i < 20; ++i) {
        put(*db, kUp, kStart + i * 15'000 - 7'000, -i);
    }
    const auto copy = fixture.tryOpen(copyOf(fixture, "crash"), window(1_h));
    QVERIFY(contentsOf(**copy) == contentsOf(*db));
    // Without a window the log that is there is read all the same.
    const auto second = fixture.tryOpen(copyOf(fixture, "second"));
    QVERIFY(contentsOf(**second) == contentsOf(*db));
}

void TestLateSamples::comesBackWithChunksOnDisk()
{
    TsdbFixture fixture;
    test::Contents before;
    {
        const auto db = fixture.open(window(2_h));
        put(*db, kUp, kStart + 3'600'000, 1);
        for (int i = 0; i < 150; ++i) {
            put(*db, kUp, kStart + (i * 37 % 150) * 15'000, i);
        }
        before = contentsOf(*db);
        QCOMPARE(before.at(kUp.toString()).size(), std::size_t{151});
        const auto crashed = fixture.tryOpen(copyOf(fixture, "crash"), window(2_h));
        QVERIFY(contentsOf(**crashed) == before);
    }
    {
        const auto db = fixture.open(window(2_h));
        QVERIFY(contentsOf(*db) == before);
        put(*db, kUp, kStart + 7, 1);
        before = contentsOf(*db);
    }
    QVERIFY(contentsOf(*fixture.open()) == before);
}

void TestLateSamples::keepsOneOfTwoSamplesOfATime()
{
    TsdbFixture fixture;
    const auto db = fixture.open(window(30_min));
    put(*db, kUp, kStart, 1);
    put(*db, kUp, kStart - 10, 5);
    put(*db, kUp, kStart - 10, 6);
    QCOMPARE(contentsOf(*db).at(kUp.toString()).size(), std::size_t{2});
}

void TestLateSamples::takesLateHistograms()
{
    TsdbFixture fixture;
    const auto read = [](const tsdb::Db& db) {
        std::vector<std::int64_t> times;
        const auto querier = db.querier({INT64_MIN}, {INT64_MAX}).value();
        const auto set = querier->select({}, {}, {}).value();
        const auto series = storage::collect(*set, 10).value();
        storage::SampleColumns columns;
        base::ignore(series.at(0)->read({INT64_MIN}, {INT64_MAX}, columns), "counted");
        return columns.histogramTimes;
    };
    std::vector<std::int64_t> expected;
    {
        const auto db = fixture.open(window(1_h));
        const auto appender = db->appender();
        const auto ref = *appender->seriesFor(kUp);
        for (int i = 99; i >= 0; --i) {
            const model::FloatHistogram h{.count = 2.0 + i,
                                          .sum = 3,
                                          .positiveSpans = {{0, 1}},
                                          .positiveBuckets = {2.0 + i}};
            QCOMPARE(appender->appendHistogram(ref, {kStart + i * 1000}, h),
                     AppendResult::Appended);
            QVERIFY(appender->commit().ok());
        }
        for (int i = 0; i < 100; ++i) {
            expected.push_back(kStart + i * 1000);
        }
        QVERIFY(read(*db) == expected);
    }
    QVERIFY(read(*fixture.open()) == expected);
}

void TestLateSamples::opensTheWindowWhileRunning()
{
    TsdbFixture fixture;
    const auto db = fixture.open();
    put(*db, kUp, kStart, 1);
    QCOMPARE(put(*db, kUp, kStart - 10, 5), AppendResult::OutOfOrder);
    QVERIFY(db->reconfigure(window(10_min).live).ok());
    QCOMPARE(put(*db, kUp, kStart - 10, 5), AppendResult::Appended);
    QVERIFY(fs::exists(fixture.path() / "wbl" / "00000000"));
    QVERIFY(db->reconfigure(window(base::Duration{}).live).ok());
    QCOMPARE(put(*db, kUp, kStart - 9, 5), AppendResult::OutOfOrder);
    QCOMPARE(contentsOf(*db).at(kUp.toString()).size(), std::size_t{2});
}

void TestLateSamples::cutsBlocksOfLateSamples()
{
    TsdbFixture fixture;
    constexpr std::int64_t kHour = 3'600'000;
    const std::int64_t begin = 1'699'999'200'000 / (2 * kHour) * (2 * kHour);
    test::Contents before;
    {
        const auto db = fixture.open(window(12_h));
        for (std::int64_t t = begin; t < begin + 6 * kHour; t += kMinute) {
            put(*db, kUp, t, 1);
        }
        // Late ones over the whole range, and far before it.
        for (std::int64_t t = begin - 4 * kHour; t < begin + 5 * kHour; t += 5 * kMinute) {
            QCOMPARE(put(*db, kUp, t + 1, 2), AppendResult::Appended);
        }
        before = contentsOf(*db);
        QVERIFY(db->compact().ok());
        QVERIFY(contentsOf(*db) == before);
        QVERIFY(db->stats().blocks > 1);
        put(*db, kUp, begin + 5 * kHour + 2, 3);
        before = contentsOf(*db);
    }
    // What stands in blocks is not in the log any more.
    QVERIFY(recordsOf(fixture.path() / "wbl" / "00000001").size() <= 3);
    QVERIFY(!fs::exists(fixture.path() / "wbl" / "00000000"));
    QVERIFY(contentsOf(*fixture.open()) == before);
}

void TestLateSamples::aBatchMayBeLateAndInOrder()
{
    TsdbFixture fixture;
    const auto db = fixture.open(window(1_h));
    put(*db, kUp, kStart, 1);
    const auto appender = db->appender();
    const auto ref = *appender->seriesFor(kUp);
    QCOMPARE(appender->append(ref, {kStart + 10}, 1), AppendResult::Appended);
    QCOMPARE(appender->append(ref, {kStart + 5}, 2), AppendResult::Appended);
    QCOMPARE(appender->append(ref, {kStart + 20}, 3), AppendResult::Appended);
    appender->rollback();
    QCOMPARE(contentsOf(*db).at(kUp.toString()).size(), std::size_t{1});
    QCOMPARE(appender->append(ref, {kStart + 10}, 1), AppendResult::Appended);
    QCOMPARE(appender->append(ref, {kStart + 5}, 2), AppendResult::Appended);
    QVERIFY(appender->commit().ok());
    QCOMPARE(contentsOf(*db).at(kUp.toString()).size(), std::size_t{3});
}

QTEST_GUILESS_MAIN(TestLateSamples)
#include "tst_late_samples.moc"
