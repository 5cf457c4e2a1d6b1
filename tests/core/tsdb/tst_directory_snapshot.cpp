// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/directory_snapshot.h"
#include "core/tsdb/verify.h"
#include "support/directory_state.h"
#include "support/tsdb_fixture.h"

#include <QtTest>

#include <filesystem>
#include <sys/stat.h>

using namespace narthex;
using namespace narthex::base::literals;
using test::Contents;
using test::contentsOf;
using test::TsdbFixture;
namespace fs = std::filesystem;

namespace {

constexpr std::int64_t kHour = 3'600'000;
constexpr std::int64_t kStart = 1'699'999'200'000 / (2 * kHour) * (2 * kHour);
const tsdb::DbOptions kManual{.compactInBackground = false};

void fill(tsdb::Db& db)
{
    for (std::int64_t time = kStart; time < kStart + 5 * kHour; time += 60'000) {
        const auto appender = db.appender();
        for (const char* job : {"x", "y"}) {
            appender->append(*appender->seriesFor({{"__name__", "counts"}, {"job", job}}), {time},
                             static_cast<double>(time % 7'000'000));
        }
        model::IntegerHistogram histogram;
        histogram.count = 3;
        histogram.sum = 4.5;
        histogram.positiveSpans = {{0, 2}};
        histogram.positiveDeltas = {1, 1};
        appender->appendHistogram(*appender->seriesFor({{"__name__", "h"}}), {time}, histogram);
        base::ignore(appender->commit(), "compared");
    }
}

absl::StatusOr<std::unique_ptr<tsdb::ReadOnlyDb>>
openReadOnly(TsdbFixture& fixture, const fs::path& path, bool withHead = true)
{
    return tsdb::ReadOnlyDb::open(path, {.withHead = withHead},
                                  {fixture.pool(), base::nullLogger()}, {});
}

absl::StatusOr<tsdb::SnapshotReport> snapshot(TsdbFixture& fixture, const fs::path& target,
                                              bool withHead = true)
{
    NARTHEX_ASSIGN_OR_RETURN(const auto db, openReadOnly(fixture, fixture.path(), withHead));
    return tsdb::snapshotDirectory(*db, fixture.path(), target, fixture.clock());
}

Contents contentsAt(TsdbFixture& fixture, const fs::path& path)
{
    return contentsOf(**(*openReadOnly(fixture, path))->querier({INT64_MIN}, {INT64_MAX}));
}

ino_t inodeOf(const fs::path& path)
{
    struct stat info
    {};
    ::stat(path.c_str(), &info);
    return info.st_ino;
}

} // namespace

class TestDirectorySnapshot : public QObject
{
    Q_OBJECT

private slots:
    void holdsEverythingWhileTheStoreIsOpen();
    void holdsLateSamplesToo();
    void linksTheFilesOfBlocks();
    void refusesBadTargets();
};

void TestDirectorySnapshot::holdsEverythingWhileTheStoreIsOpen()
{
    TsdbFixture fixture;
    const auto db = fixture.open(kManual);
    fill(*db);
    QVERIFY(db->compact().ok());
    const auto report = snapshot(fixture, fixture.other("copy"));
    QVERIFY2(report.ok(), report.status().ToString().c_str());
    QVERIFY(report->headSamples > 0);
    QVERIFY(report->blocks == db->stats().blocks + 1);
    QVERIFY(contentsAt(fixture, fixture.other("copy")) == contentsOf(*db));
    QCOMPARE(tsdb::verifyDirectory(fixture.other("copy"), {})->damageCount, std::uint64_t{0});
    // It stays as it is when the store goes on.
    const std::string before = test::stateOf(fixture.other("copy"));
    QVERIFY(test::put(*db, {{"__name__", "new"}}, kStart + 5 * kHour, 1) ==
            storage::AppendResult::Appended);
    QVERIFY(db->close().ok());
    QCOMPARE(test::stateOf(fixture.other("copy")), before);
}

void TestDirectorySnapshot::holdsLateSamplesToo()
{
    TsdbFixture fixture;
    tsdb::DbOptions options = kManual;
    options.live.outOfOrderWindow = 2_h;
    const auto db = fixture.open(options);
    fill(*db);
    QVERIFY(test::put(*db, {{"__name__", "counts"}, {"job", "x"}}, kStart + 4 * kHour + 1, 77) ==
            storage::AppendResult::Appended);
    QVERIFY(test::put(*db, {{"__name__", "late"}}, kStart + 4 * kHour + 1, 78) ==
            storage::AppendResult::Appended);
    const Contents ours = contentsOf(*db);
    QVERIFY(contentsAt(fixture, fixture.path()) == ours); // the read-only store reads them as well
    QVERIFY(snapshot(fixture, fixture.other("copy")).ok());
    QVERIFY(contentsAt(fixture, fixture.other("copy")) == ours);
}

void TestDirectorySnapshot::linksTheFilesOfBlocks()
{
    TsdbFixture fixture;
    {
        const auto db = fixture.open(kManual);
        fill(*db);
        QVERIFY(db->compact().ok());
    }
    const auto report = snapshot(fixture, fixture.other("copy"), false);
    QVERIFY(report.ok());
    QCOMPARE(report->headSamples, std::uint64_t{0});
    int files = 0;
    for (const auto& entry : fs::recursive_directory_iterator(fixture.other("copy"))) {
        if (entry.is_regular_file()) {
            const fs::path original =
                fixture.path() / fs::relative(entry.path(), fixture.other("copy"));
            QCOMPARE(inodeOf(entry.path()), inodeOf(original));
            ++files;
        }
    }
    QVERIFY(files >= 4); // index, meta.json, tombstones, chunks
    for (const auto& entry : fs::directory_iterator(fixture.other("copy"))) {
        QVERIFY(entry.path().filename().string().size() == 26); // blocks only
    }
}

void TestDirectorySnapshot::refusesBadTargets()
{
    TsdbFixture fixture;
    {
        const auto db = fixture.open(kManual);
        fill(*db);
    }
    fs::create_directories(fixture.other("full") / "x");
    for (const fs::path& target :
         {fixture.path(), fixture.other("01HF0000000000000000000000"), fixture.other("full")}) {
        const auto report = snapshot(fixture, target);
        QCOMPARE(report.status().code(), absl::StatusCode::kInvalidArgument);
    }
}

QTEST_GUILESS_MAIN(TestDirectorySnapshot)
#include "tst_directory_snapshot.moc"
