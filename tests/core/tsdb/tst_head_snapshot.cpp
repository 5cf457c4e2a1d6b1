// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A snapshot at close: the next start has everything, reads little of the log, and does without a
// snapshot that is damaged.
#include "support/tsdb_fixture.h"

#include <QtTest>

#include <fstream>

using namespace narthex;
using namespace narthex::base::literals;
using test::contentsOf;
using test::put;
using test::TsdbFixture;
namespace fs = std::filesystem;

namespace {

constexpr std::int64_t kStart = 1'699'999'200'000;

model::Labels numbered(int i) { return {{"__name__", "m"}, {"i", std::to_string(i)}}; }

tsdb::DbOptions withSnapshot()
{
    tsdb::DbOptions options;
    options.snapshotOnClose = true;
    options.live.maxExemplars = 100;
    return options;
}

std::vector<fs::path> snapshotsIn(const fs::path& directory)
{
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(directory)) {
        if (entry.path().filename().string().starts_with("chunk_snapshot.")) {
            found.push_back(entry.path());
        }
    }
    return found;
}

void fill(tsdb::Db& db, int from, int to)
{
    for (int s = from; s < to; ++s) {
        for (int i = 0; i < 20; ++i) {
            put(db, numbered(i), kStart + s * 15'000, s * i);
        }
    }
}

} // namespace

class TestHeadSnapshot : public QObject
{
    Q_OBJECT

private slots:
    void comesBackFromASnapshot();
    void replaysWhatWasLoggedAfterIt();
    void doesWithoutADamagedOne();
    void ignoresOneBeyondTheLog();
    void keepsOnlyTheNewest();
    void keepsHistogramsDeletionsAndExemplars();
};

void TestHeadSnapshot::comesBackFromASnapshot()
{
    TsdbFixture fixture;
    test::Contents before;
    {
        const auto db = fixture.open(withSnapshot());
        fill(*db, 0, 150);
        before = contentsOf(*db);
    }
    QCOMPARE(snapshotsIn(fixture.path()).size(), std::size_t{1});
    // Without the log's samples: the snapshot and the full chunks have everything.
    std::ofstream(fixture.path() / "wal" / "00000000", std::ios::trunc);
    const auto db = fixture.open(withSnapshot());
    QVERIFY(contentsOf(*db) == before);
    fill(*db, 150, 160);
    QCOMPARE(contentsOf(*db).at(numbered(3).toString()).size(), std::size_t{160});
}

void TestHeadSnapshot::replaysWhatWasLoggedAfterIt()
{
    TsdbFixture fixture;
    {
        const auto db = fixture.open(withSnapshot());
        fill(*db, 0, 50);
    }
    const auto db = fixture.open(withSnapshot());
    fill(*db, 50, 60);
    // A crash: the snapshot is older than the log.
    fs::copy(fixture.path(), fixture.other("crashed"), fs::copy_options::recursive);
    const auto crashed = fixture.tryOpen(fixture.other("crashed"), withSnapshot());
    QVERIFY(contentsOf(**crashed) == contentsOf(*db));
}

void TestHeadSnapshot::doesWithoutADamagedOne()
{
    TsdbFixture fixture;
    test::Contents before;
    {
        const auto db = fixture.open(withSnapshot());
        fill(*db, 0, 50);
        before = contentsOf(*db);
    }
    const fs::path file = snapshotsIn(fixture.path()).at(0) / "00000000";
    std::fstream(file, std::ios::in | std::ios::out | std::ios::binary).seekp(100).put('!');
    const auto db = fixture.open(withSnapshot());
    QVERIFY(contentsOf(*db) == before);
}

void TestHeadSnapshot::ignoresOneBeyondTheLog()
{
    TsdbFixture fixture;
    {
        const auto db = fixture.open(withSnapshot());
        fill(*db, 0, 5);
    }
    fs::rename(snapshotsIn(fixture.path()).at(0),
               fixture.path() / "chunk_snapshot.000099.0000000000");
    const auto db = fixture.open(withSnapshot());
    QCOMPARE(contentsOf(*db).size(), std::size_t{20});
}

void TestHeadSnapshot::keepsOnlyTheNewest()
{
    TsdbFixture fixture;
    for (int i = 0; i < 3; ++i) {
        const auto db = fixture.open(withSnapshot());
        fill(*db, i * 10, i * 10 + 10);
    }
    QCOMPARE(snapshotsIn(fixture.path()).size(), std::size_t{1});
    QCOMPARE(contentsOf(*fixture.open(withSnapshot())).at(numbered(3).toString()).size(),
             std::size_t{30});
}

void TestHeadSnapshot::keepsHistogramsDeletionsAndExemplars()
{
    TsdbFixture fixture;
    const std::vector<model::Matchers> sets{{test::matcher(model::MatchType::Equal, "i", "1")}};
    {
        const auto db = fixture.open(withSnapshot());
        fill(*db, 0, 10);
        const auto appender = db->appender();
        const auto ref = *appender->seriesFor({{"__name__", "h"}});
        const model::IntegerHistogram h{
            .count = 3, .sum = 1.5, .positiveSpans = {{0, 2}}, .positiveDeltas = {1, 1}};
        QCOMPARE(appender->appendHistogram(ref, {kStart}, h), storage::AppendResult::Appended);
        QCOMPARE(
            appender->appendExemplar(
                ref, {.labels = {{"trace", "abc"}}, .value = 7, .time = base::Timestamp{kStart}}),
            storage::ExemplarResult::Appended);
        QVERIFY(appender->commit().ok());
        QVERIFY(db->deleteSeries({kStart}, {kStart + 30'000}, sets).ok());
    }
    std::ofstream(fixture.path() / "wal" / "00000000", std::ios::trunc);
    const auto db = fixture.open(withSnapshot());
    QCOMPARE(contentsOf(*db).at(numbered(1).toString()).size(), std::size_t{7});
    QCOMPARE(contentsOf(*db).count(model::Labels{{"__name__", "h"}}.toString()), std::size_t{1});
    const std::vector<model::Matchers> all{
        {test::matcher(model::MatchType::Equal, "__name__", "h")}};
    const auto exemplars = db->exemplars({INT64_MIN}, {INT64_MAX}, all);
    QCOMPARE(exemplars.size(), std::size_t{1});
    QCOMPARE(exemplars[0].exemplars.at(0).value, 7.0);
}

QTEST_GUILESS_MAIN(TestHeadSnapshot)
#include "tst_head_snapshot.moc"
