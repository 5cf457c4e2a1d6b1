// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/read_only_db.h"
#include "support/directory_state.h"
#include "support/tsdb_fixture.h"

#include <QtTest>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

using namespace narthex;
using test::Contents;
using test::contentsOf;
using test::TsdbFixture;
namespace fs = std::filesystem;

namespace {

constexpr std::int64_t kHour = 3'600'000;
constexpr std::int64_t kStart = 1'699'999'200'000 / (2 * kHour) * (2 * kHour);
const tsdb::DbOptions kManual{.compactInBackground = false};

void fill(tsdb::Db& db, std::int64_t from, std::int64_t to)
{
    for (std::int64_t time = from; time < to; time += 60'000) {
        const auto appender = db.appender();
        for (const char* job : {"x", "y"}) {
            appender->append(*appender->seriesFor({{"__name__", "counts"}, {"job", job}}), {time},
                             static_cast<double>((time - kStart) / 60'000));
        }
        base::ignore(appender->commit(), "the test looks at what is there");
    }
}

absl::StatusOr<std::unique_ptr<tsdb::ReadOnlyDb>> openReadOnly(TsdbFixture& fixture,
                                                               bool withHead = true)
{
    return tsdb::ReadOnlyDb::open(fixture.path(), {.withHead = withHead},
                                  {fixture.pool(), base::nullLogger()}, {});
}

Contents readOnlyContents(const tsdb::ReadOnlyDb& db)
{
    return contentsOf(**db.querier({INT64_MIN}, {INT64_MAX}));
}

fs::path firstBlock(const fs::path& directory)
{
    std::set<fs::path> blocks;
    for (const auto& entry : fs::directory_iterator(directory)) {
        if (entry.path().filename().string().size() == 26) {
            blocks.insert(entry.path());
        }
    }
    return *blocks.begin();
}

void overwrite(const fs::path& path, std::int64_t offset, const std::string& bytes)
{
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(offset);
    file << bytes;
}

} // namespace

class TestReadOnlyDb : public QObject
{
    Q_OBJECT

private slots:
    void answersAsTheStoreThatIsOpenBesideIt();
    void seesBlocksOnlyWithoutTheHead();
    void changesNothingInTheDirectory();
    void readsADamagedLogUpToTheDamage();
    void leavesParentsOfABlockOut();
    void namesABrokenBlockAndARemedy();
    void passesOverABlockWithoutMeta();
    void refusesAMissingDirectory();
    void refusesADamagedCheckpointByName();
    void seesOneMomentWhileBlocksAreCutAndMerged();
};

void TestReadOnlyDb::answersAsTheStoreThatIsOpenBesideIt()
{
    TsdbFixture fixture;
    const auto db = fixture.open(kManual);
    fill(*db, kStart, kStart + 9 * kHour);
    QVERIFY(db->compact().ok());
    QVERIFY(db->stats().blocks > 0);
    const auto reader = openReadOnly(fixture);
    QVERIFY2(reader.ok(), reader.status().ToString().c_str());
    QVERIFY(readOnlyContents(**reader) == contentsOf(*db));
    QCOMPARE((*reader)->blocks().size(), static_cast<std::size_t>(db->stats().blocks));
    QCOMPARE((*reader)->logCorruptions(), std::uint64_t{0});
    // The store goes on undisturbed.
    fill(*db, kStart + 9 * kHour, kStart + 10 * kHour);
    QVERIFY(db->writeStatus().ok());
}

void TestReadOnlyDb::seesBlocksOnlyWithoutTheHead()
{
    TsdbFixture fixture;
    const auto db = fixture.open(kManual);
    fill(*db, kStart, kStart + 5 * kHour);
    QVERIFY(db->compact().ok());
    const auto reader = openReadOnly(fixture, false);
    QVERIFY(reader.ok());
    QVERIFY((*reader)->head() == nullptr);
    const std::int64_t end = (*reader)->blocks().back()->meta().maxTime;
    QVERIFY(readOnlyContents(**reader) == contentsOf(*db, {}, INT64_MIN, end - 1));
}

void TestReadOnlyDb::changesNothingInTheDirectory()
{
    TsdbFixture fixture;
    {
        const auto db = fixture.open(kManual);
        fill(*db, kStart, kStart + 9 * kHour);
        QVERIFY(db->compact().ok());
    }
    // Everything that a server would clear away, cut off or finish.
    fs::create_directories(fixture.path() / "01HF0000000000000000000000.tmp-for-creation");
    fs::create_directories(fixture.path() / "wal/checkpoint.00000099.tmp");
    const fs::path segment = fixture.path() / "wal/00000000";
    QVERIFY(fs::exists(segment));
    fs::resize_file(segment, fs::file_size(segment) / 2 / 32768 * 32768 + 9); // within a record
    const std::string before = test::stateOf(fixture.path());
    {
        const auto reader = openReadOnly(fixture);
        QVERIFY2(reader.ok(), reader.status().ToString().c_str());
        QVERIFY(readOnlyContents(**reader).size() == 2);
        QCOMPARE((*reader)->logCorruptions(), std::uint64_t{1});
    }
    QCOMPARE(test::stateOf(fixture.path()), before);
}

void TestReadOnlyDb::readsADamagedLogUpToTheDamage()
{
    TsdbFixture fixture;
    {
        const auto db = fixture.open(kManual);
        fill(*db, kStart, kStart + kHour);
    }
    const fs::path segment = fixture.path() / "wal/00000000";
    overwrite(segment, static_cast<std::int64_t>(fs::file_size(segment)) / 2, "damage");
    const auto reader = openReadOnly(fixture);
    QVERIFY(reader.ok());
    QCOMPARE((*reader)->logCorruptions(), std::uint64_t{1});
    const Contents found = readOnlyContents(**reader);
    QCOMPARE(found.size(), std::size_t{2});
    for (const auto& [name, samples] : found) {
        QVERIFY(!samples.empty() && samples.size() < 60);
        QCOMPARE(samples.front().first, kStart);
    }
}

void TestReadOnlyDb::leavesParentsOfABlockOut()
{
    TsdbFixture fixture;
    Contents expected;
    {
        const auto db = fixture.open(kManual);
        fill(*db, kStart, kStart + 9 * kHour);
        QVERIFY(db->compact().ok());
        expected = contentsOf(*db);
    }
    // A copy that says it replaces the block: as after a crash before the parent was deleted.
    const fs::path parent = firstBlock(fixture.path());
    auto meta = tsdb::readBlockMeta(parent);
    QVERIFY(meta.ok());
    const std::string child = "7ZZZZZZZZZZZZZZZZZZZZZZZZZ";
    fs::copy(parent, fixture.path() / child, fs::copy_options::recursive);
    meta->parents = {{meta->ulid, meta->minTime, meta->maxTime}};
    meta->ulid = child;
    QVERIFY(tsdb::writeBlockMeta(fixture.path() / child, *meta).ok());
    const auto reader = openReadOnly(fixture);
    QVERIFY(reader.ok());
    for (const auto& block : (*reader)->blocks()) {
        QVERIFY(block->directory() != parent);
    }
    QVERIFY(readOnlyContents(**reader) == expected);
    QVERIFY(fs::exists(parent));
}

void TestReadOnlyDb::namesABrokenBlockAndARemedy()
{
    TsdbFixture fixture;
    {
        const auto db = fixture.open(kManual);
        fill(*db, kStart, kStart + 4 * kHour);
        QVERIFY(db->compact().ok());
    }
    const fs::path block = firstBlock(fixture.path());
    const fs::path index = block / "index";
    overwrite(index, static_cast<std::int64_t>(fs::file_size(index)) - 10, "x");
    const auto reader = openReadOnly(fixture);
    QCOMPARE(reader.status().code(), absl::StatusCode::kDataLoss);
    const std::string message(base::messageOf(reader.status()));
    QVERIFY2(message.find(block.string()) != std::string::npos, message.c_str());
    QVERIFY2(message.find("tsdb verify") != std::string::npos, message.c_str());
}

void TestReadOnlyDb::passesOverABlockWithoutMeta()
{
    TsdbFixture fixture;
    {
        const auto db = fixture.open(kManual);
        fill(*db, kStart, kStart + 4 * kHour);
        QVERIFY(db->compact().ok());
    }
    fs::resize_file(firstBlock(fixture.path()) / "meta.json", 0);
    const auto reader = openReadOnly(fixture);
    QVERIFY2(reader.ok(), reader.status().ToString().c_str());
    QVERIFY((*reader)->blocks().empty());
}

void TestReadOnlyDb::refusesAMissingDirectory()
{
    TsdbFixture fixture;
    QCOMPARE(openReadOnly(fixture).status().code(), absl::StatusCode::kNotFound);
    QVERIFY(!fs::exists(fixture.path()));
}

void TestReadOnlyDb::refusesADamagedCheckpointByName()
{
    TsdbFixture fixture;
    for (int run = 0; run < 5; ++run) { // segments enough for a checkpoint
        const auto db = fixture.open(kManual);
        fill(*db, kStart + run * 2 * kHour, kStart + (run + 1) * 2 * kHour);
        QVERIFY(db->compact().ok());
    }
    fs::path checkpoint;
    for (const auto& entry : fs::directory_iterator(fixture.path() / "wal")) {
        if (entry.is_directory()) {
            checkpoint = entry.path();
        }
    }
    QVERIFY(!checkpoint.empty());
    overwrite(checkpoint / "00000000", 10, "damage");
    const auto reader = openReadOnly(fixture);
    QCOMPARE(reader.status().code(), absl::StatusCode::kDataLoss);
    const std::string message(base::messageOf(reader.status()));
    QVERIFY2(message.find(checkpoint.string()) != std::string::npos, message.c_str());
}

void TestReadOnlyDb::seesOneMomentWhileBlocksAreCutAndMerged()
{
    TsdbFixture fixture;
    const auto db = fixture.open(kManual);
    constexpr std::int64_t kRounds = 12;
    std::atomic<std::int64_t> written{kStart};
    std::atomic<int> reads = 0;
    std::jthread writer([&](const std::stop_token& stop) {
        for (std::int64_t round = 0; round < kRounds; ++round) {
            // A round for each read: a slow reader is not outrun.
            while (reads < round && !stop.stop_requested()) {
                std::this_thread::yield();
            }
            const std::int64_t end = kStart + (round + 1) * 2 * kHour;
            fill(*db, end - 2 * kHour, end);
            written = end;
            base::ignore(db->compact(), "the reader looks at what is there");
        }
    });
    // Whatever moment it is, samples are there without a hole from the first to the last.
    for (bool last = false; !last; ++reads) {
        const std::int64_t before = written;
        last = before == kStart + kRounds * 2 * kHour;
        const auto reader = openReadOnly(fixture);
        QVERIFY2(reader.ok(), reader.status().ToString().c_str());
        for (const auto& [name, samples] : readOnlyContents(**reader)) {
            QVERIFY2(!name.starts_with("error"), name.c_str());
            std::int64_t expected = kStart;
            for (const auto& [time, bits] : samples) {
                QCOMPARE(time, expected);
                expected += 60'000;
            }
            QVERIFY(expected >= before);
        }
    }
    QVERIFY(reads > 1);
}

QTEST_GUILESS_MAIN(TestReadOnlyDb)
#include "tst_read_only_db.moc"
