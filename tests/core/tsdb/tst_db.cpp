// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The store as a whole: opening, crashing, filling up, and random work against a plain map.
#include "core/tsdb/wal_records.h"
#include "core/tsdb/wal_writer.h"
#include "support/tsdb_fixture.h"

#include <QtTest>

#include <fstream>
#include <random>

using namespace narthex;
using namespace narthex::base::literals;
using storage::AppendResult;
using test::Contents;
using test::contentsOf;
using test::put;
using test::TsdbFixture;
namespace fs = std::filesystem;

namespace {

constexpr std::int64_t kStart = 1'699'999'200'000;
const model::Labels kUp{{"__name__", "up"}, {"job", "a"}};

model::Labels numbered(std::size_t i) { return {{"__name__", "m"}, {"i", std::to_string(i)}}; }

/// Files whose writes fail from a byte count on, leaving a part behind, as a full disk does.
class FullDisk final : public tsdb::FileLayer
{
public:
    std::uint64_t roomBytes = UINT64_MAX;
    bool truncateFails = false;

    absl::StatusOr<std::unique_ptr<tsdb::AppendFile>> create(const fs::path& path) override
    {
        NARTHEX_ASSIGN_OR_RETURN(std::unique_ptr<tsdb::AppendFile> file, system_.create(path));
        return std::make_unique<LimitedFile>(*this, std::move(file));
    }

private:
    class LimitedFile final : public tsdb::AppendFile
    {
    public:
        LimitedFile(FullDisk& disk, std::unique_ptr<tsdb::AppendFile> file)
            : disk_(disk), file_(std::move(file))
        {}
        absl::Status append(std::string_view bytes) override
        {
            const std::size_t fits = std::min<std::uint64_t>(bytes.size(), disk_.roomBytes);
            NARTHEX_RETURN_IF_ERROR(file_->append(bytes.substr(0, fits)));
            disk_.roomBytes -= disk_.roomBytes == UINT64_MAX ? 0 : fits;
            return fits == bytes.size() ? absl::OkStatus() : base::errnoStatus(ENOSPC, "write");
        }
        absl::Status truncate(std::uint64_t size) override
        {
            return disk_.truncateFails ? base::errnoStatus(EIO, "truncate") : file_->truncate(size);
        }
        absl::Status sync() override { return file_->sync(); }
        absl::Status close() override { return file_->close(); }

    private:
        FullDisk& disk_;
        std::unique_ptr<tsdb::AppendFile> file_;
    };
    tsdb::SystemFileLayer system_;
};

Contents afterCrash(TsdbFixture& fixture, const std::string& name)
{
    fs::copy(fixture.path(), fixture.other(name), fs::copy_options::recursive);
    const auto copy = fixture.tryOpen(fixture.other(name));
    return copy.ok() ? contentsOf(**copy) : Contents{{copy.status().ToString(), {}}};
}

fs::path lastSegment(const fs::path& directory)
{
    fs::path last;
    for (const auto& entry : fs::directory_iterator(directory / "wal")) {
        if (entry.is_regular_file() && entry.file_size() > 0) {
            last = std::max(last, entry.path());
        }
    }
    return last;
}

} // namespace

class TestDb : public QObject
{
    Q_OBJECT

private slots:
    void opensAnEmptyDirectory();
    void comesBackAfterAnOrderlyClose();
    void comesBackAfterACrash();
    void logsASeriesBeforeTheSamplesOfWhoeverCommitsFirst();
    void refusesASecondOpenerAndNamesTheProcess();
    void acceptsALockFileThatNobodyHolds();
    void cutsATornTailAndKeepsTheRest();
    void appliesDeletionsOfTheLog();
    void reportsAFullDiskAndGoesOnWhenThereIsRoom();
    void staysReadableWhenTheTailCannotBeCutAtOnce();
    void refusesCommitsAfterClose();
    void canStopALongReplay();
    void agreesWithAMap();
    void cutsTheHeadAfterADelay();
    void keepsTheStateOfSeriesTrue();
    void refusesUnreasonableOptions();
};

void TestDb::opensAnEmptyDirectory()
{
    TsdbFixture fixture;
    const auto db = fixture.open();
    QVERIFY(contentsOf(*db).empty());
    QVERIFY(!db->stats().minTime);
    QVERIFY(db->writeStatus().ok());
    QCOMPARE(db->directory(), fixture.path());
    QVERIFY(db->close().ok());
    QVERIFY(db->close().ok());
    QVERIFY(!fs::exists(fixture.path() / "lock"));
}

void TestDb::comesBackAfterAnOrderlyClose()
{
    TsdbFixture fixture;
    Contents before;
    {
        const auto db = fixture.open();
        for (int i = 0; i < 500; ++i) {
            put(*db, numbered(static_cast<std::size_t>(i % 7)), kStart + i * 1000, i);
        }
        before = contentsOf(*db);
        QVERIFY(db->close().ok());
    }
    for (int round = 0; round < 3; ++round) {
        const auto db = fixture.open();
        QCOMPARE(contentsOf(*db), before);
        QCOMPARE(db->stats().series, std::uint64_t{7});
        QCOMPARE(db->stats().maxTime->ms, kStart + 499 * 1000);
        QCOMPARE(put(*db, numbered(0), kStart + 1000, 0), AppendResult::OutOfOrder);
    }
}

void TestDb::comesBackAfterACrash()
{
    TsdbFixture fixture;
    const auto db = fixture.open();
    for (int i = 0; i < 50; ++i) {
        put(*db, numbered(static_cast<std::size_t>(i % 3)), kStart + i * 1000, i);
    }
    const auto appender = db->appender();
    appender->append(*appender->seriesFor(kUp), {kStart}, 1);
    QCOMPARE(afterCrash(fixture, "one"), contentsOf(*db));
    QVERIFY(appender->commit().ok());
    QCOMPARE(afterCrash(fixture, "two"), contentsOf(*db));
}

void TestDb::logsASeriesBeforeTheSamplesOfWhoeverCommitsFirst()
{
    TsdbFixture fixture;
    const auto db = fixture.open();
    const auto slow = db->appender();
    slow->append(*slow->seriesFor(kUp), {kStart}, 1);
    put(*db, kUp, kStart + 1, 2);
    slow->rollback();
    QCOMPARE(contentsOf(*db).begin()->second.size(), std::size_t{1});
    QCOMPARE(afterCrash(fixture, "copy"), contentsOf(*db));
}

void TestDb::refusesASecondOpenerAndNamesTheProcess()
{
    TsdbFixture fixture;
    auto db = fixture.open();
    const auto second = fixture.tryOpen(fixture.path());
    QCOMPARE(second.status().code(), absl::StatusCode::kFailedPrecondition);
    const std::string expected =
        "is in use by process " + std::to_string(QCoreApplication::applicationPid());
    QVERIFY2(second.status().ToString().find(expected) != std::string::npos,
             second.status().ToString().c_str());
    db.reset();
    QVERIFY(fixture.tryOpen(fixture.path()).ok());
}

void TestDb::acceptsALockFileThatNobodyHolds()
{
    TsdbFixture fixture;
    fs::create_directories(fixture.path());
    std::ofstream(fixture.path() / "lock") << "";
    QVERIFY(fixture.tryOpen(fixture.path()).ok());
}

void TestDb::cutsATornTailAndKeepsTheRest()
{
    TsdbFixture fixture;
    Contents before;
    {
        const auto db = fixture.open();
        put(*db, kUp, kStart, 1);
        before = contentsOf(*db);
        put(*db, kUp, kStart + 1, 2);
    }
    const fs::path segment = lastSegment(fixture.path());
    fs::resize_file(segment, fs::file_size(segment) - 3);
    {
        const auto db = fixture.open();
        QCOMPARE(contentsOf(*db), before);
        QCOMPARE(db->stats().walCorruptions, std::uint64_t{1});
        put(*db, kUp, kStart + 2, 3);
        before = contentsOf(*db);
    }
    const auto db = fixture.open();
    QCOMPARE(contentsOf(*db), before);
    QCOMPARE(db->stats().walCorruptions, std::uint64_t{0});
}

void TestDb::appliesDeletionsOfTheLog()
{
    TsdbFixture fixture;
    {
        const auto db = fixture.open();
        for (int i = 0; i < 300; ++i) {
            put(*db, kUp, kStart + i * 1000, i);
        }
    }
    {
        tsdb::SystemFileLayer files;
        const auto writer =
            *tsdb::WalWriter::create(files, fixture.path() / "wal", 1, 10U << 20U,
                                     [](const std::shared_ptr<tsdb::AppendFile>&) {});
        std::string bytes(1, static_cast<char>(tsdb::WalRecordType::Tombstones));
        tsdb::appendTombstoneEntry(bytes, {1, kStart + 10'000, kStart + 19'999});
        const tsdb::WalRecord record{bytes, tsdb::WalCompression::None};
        QVERIFY(writer->log({&record, 1}).ok());
    }
    const auto db = fixture.open();
    const auto samples = contentsOf(*db).begin()->second;
    QCOMPARE(samples.size(), std::size_t{290});
    QCOMPARE(samples[9].first, kStart + 9000);
    QCOMPARE(samples[10].first, kStart + 20'000);
    QCOMPARE(put(*db, kUp, kStart + 300'000, 1), AppendResult::Appended);
}

void TestDb::reportsAFullDiskAndGoesOnWhenThereIsRoom()
{
    for (std::uint64_t room = 0; room < 40; room += 3) {
        TsdbFixture fixture;
        FullDisk disk;
        const auto db = fixture.open({}, &disk);
        put(*db, kUp, kStart, 1);
        const Contents before = contentsOf(*db);
        disk.roomBytes = room;
        const auto appender = db->appender();
        const storage::SeriesRef ref = *appender->seriesFor(kUp);
        const storage::SeriesRef fresh = *appender->seriesFor(numbered(1));
        appender->append(ref, {kStart + 1}, 2);
        appender->append(fresh, {kStart + 1}, 2);
        QCOMPARE(appender->commit().code(), absl::StatusCode::kResourceExhausted);
        QCOMPARE(db->writeStatus().code(), absl::StatusCode::kResourceExhausted);
        QCOMPARE(contentsOf(*db), before);
        QCOMPARE(afterCrash(fixture, "full"), before);
        QCOMPARE(db->stats().walWritesFailed, std::uint64_t{1});

        disk.roomBytes = UINT64_MAX;
        QCOMPARE(appender->append(ref, {kStart + 1}, 2), AppendResult::Appended);
        QCOMPARE(appender->append(fresh, {kStart + 1}, 2), AppendResult::Appended);
        QVERIFY(appender->commit().ok());
        QVERIFY(db->writeStatus().ok());
        QCOMPARE(contentsOf(*db).size(), std::size_t{2});
        QCOMPARE(afterCrash(fixture, "roomy"), contentsOf(*db));
    }
}

void TestDb::staysReadableWhenTheTailCannotBeCutAtOnce()
{
    TsdbFixture fixture;
    FullDisk disk;
    const auto db = fixture.open({}, &disk);
    put(*db, kUp, kStart, 1);
    disk.roomBytes = 10;
    disk.truncateFails = true;
    put(*db, kUp, kStart + 1, 2);
    QVERIFY(!db->writeStatus().ok());
    disk.roomBytes = UINT64_MAX;
    put(*db, kUp, kStart + 1, 2);
    QVERIFY(!db->writeStatus().ok());
    QCOMPARE(contentsOf(*db).begin()->second.size(), std::size_t{1});
    disk.truncateFails = false;
    put(*db, kUp, kStart + 1, 2);
    QVERIFY(db->writeStatus().ok());
    QCOMPARE(afterCrash(fixture, "copy"), contentsOf(*db));
}

void TestDb::refusesCommitsAfterClose()
{
    TsdbFixture fixture;
    const auto db = fixture.open();
    const auto appender = db->appender();
    appender->append(*appender->seriesFor(kUp), {kStart}, 1);
    QVERIFY(db->close().ok());
    QCOMPARE(appender->commit().code(), absl::StatusCode::kUnavailable);
    QVERIFY(contentsOf(*db).empty());
}

void TestDb::canStopALongReplay()
{
    TsdbFixture fixture;
    {
        const auto db = fixture.open();
        put(*db, kUp, kStart, 1);
    }
    std::stop_source stop;
    stop.request_stop();
    const auto db = tsdb::Db::open(
        fixture.path(), {}, {fixture.pool(), fixture.clock(), base::nullLogger(), {}, nullptr},
        stop.get_token());
    QCOMPARE(db.status().code(), absl::StatusCode::kCancelled);
    QVERIFY(fixture.tryOpen(fixture.path()).ok());
}

void TestDb::agreesWithAMap()
{
    const unsigned seed = qEnvironmentVariableIsSet("NARTHEX_SEED")
                              ? static_cast<unsigned>(qEnvironmentVariableIntValue("NARTHEX_SEED"))
                              : std::random_device{}();
    qInfo("seed %u (NARTHEX_SEED gives it back)", seed);
    std::mt19937_64 random(seed);
    TsdbFixture fixture;
    Contents model;
    std::int64_t now = kStart;
    auto db = fixture.open();
    for (int round = 0; round < 400; ++round) {
        now += static_cast<std::int64_t>(random() % 60000);
        const auto appender = db->appender();
        Contents batch = model;
        const std::size_t count = random() % 300;
        for (std::size_t i = 0; i < count; ++i) {
            const model::Labels labels = numbered(random() % 700);
            const double value = random() % 2 == 0 ? 1 : static_cast<double>(random() % 1000);
            auto& samples = batch[labels.toString()];
            // A batch at one time, mostly.
            const std::int64_t time =
                random() % 20 == 0 ? now - static_cast<std::int64_t>(random() % 5000) : now;
            const AppendResult result =
                appender->append(*appender->seriesFor(labels), {time}, value);
            const auto bits = std::bit_cast<std::uint64_t>(value);
            AppendResult expected = AppendResult::Appended;
            if (!samples.empty() && time < samples.back().first) {
                expected = AppendResult::OutOfOrder;
            } else if (!samples.empty() && time == samples.back().first) {
                expected = bits == samples.back().second ? AppendResult::SameAgain
                                                         : AppendResult::DuplicateTimestamp;
            } else {
                samples.emplace_back(time, bits);
            }
            QCOMPARE(result, expected);
            if (samples.empty()) {
                batch.erase(labels.toString());
            }
        }
        if (random() % 5 == 0) {
            appender->rollback();
        } else {
            QVERIFY(appender->commit().ok());
            model = std::move(batch);
        }
        if (random() % 40 == 0) {
            QVERIFY(contentsOf(*db) == model);
            db.reset();
            db = fixture.open();
            QVERIFY(contentsOf(*db) == model);
        }
    }
    QVERIFY(contentsOf(*db) == model);
    // Any range, too.
    for (int i = 0; i < 50; ++i) {
        const auto from =
            kStart + static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(now - kStart));
        const auto to = from + static_cast<std::int64_t>(random() % 600000);
        Contents expected;
        for (const auto& [name, samples] : model) {
            for (const auto& sample : samples) {
                if (sample.first >= from && sample.first <= to) {
                    expected[name].push_back(sample);
                }
            }
        }
        Contents found = contentsOf(*db, {}, from, to);
        std::erase_if(found, [](const auto& series) { return series.second.empty(); });
        QVERIFY(found == expected);
    }
}

void TestDb::cutsTheHeadAfterADelay()
{
    constexpr std::uint32_t kPercent = 10;
    constexpr int kDirectories = 6;
    const model::Labels labels{{"__name__", "up"}};
    int waited = 0; // minutes, all together; each directory draws its own delay
    for (int i = 0; i < kDirectories; ++i) {
        TsdbFixture fixture;
        const auto db =
            fixture.open({.compactInBackground = false, .maxCutDelayPercent = kPercent});
        const std::int64_t start = fixture.clock().now().ms / 7'200'000 * 7'200'000;
        for (int quarter = 0; quarter <= 12; ++quarter) {
            QCOMPARE(put(*db, labels, start + quarter * 900'000, 1), AppendResult::Appended);
        }
        QVERIFY(db->compact().ok());
        QVERIFY(db->blocks().empty()); // three hours exactly: not due
        QCOMPARE(put(*db, labels, start + 3 * 3'600'000 + 1, 1), AppendResult::Appended);
        int minutes = 0;
        for (; minutes <= 12; ++minutes) {
            QVERIFY(db->compact().ok());
            if (!db->blocks().empty()) {
                break;
            }
            fixture.clock().advance(1_min);
        }
        QVERIFY(minutes <= 12); // a tenth of the range at the latest
        waited += minutes;
    }
    QVERIFY(waited > 0);
}

void TestDb::keepsTheStateOfSeriesTrue()
{
    TsdbFixture fixture;
    const fs::path file = fixture.path() / "wal" / "series_state.json";
    const std::int64_t start = fixture.clock().now().ms;
    auto db = fixture.open();
    QVERIFY(!fs::exists(file)); // not asked for
    QVERIFY(db->close().ok());
    db = fixture.open({.seriesState = true});
    put(*db, {{"__name__", "a"}}, start, 1);
    put(*db, {{"__name__", "b"}}, start, 1);
    QCOMPARE(*base::readFile(file),
             "{\"last_series_id\":0,\"last_wal_segment\":1,\"clean_shutdown\":false}\n");
    QVERIFY(db->close().ok());
    QCOMPARE(*base::readFile(file),
             "{\"last_series_id\":2,\"last_wal_segment\":1,\"clean_shutdown\":true}\n");
    // Whoever comes next must not leave it behind as it was.
    db = fixture.open();
    put(*db, {{"__name__", "c"}}, start, 1);
    QVERIFY(base::readFile(file)->find("\"clean_shutdown\":false") != std::string::npos);
    QVERIFY(db->close().ok());
    QCOMPARE(*base::readFile(file),
             "{\"last_series_id\":3,\"last_wal_segment\":2,\"clean_shutdown\":true}\n");
}

void TestDb::refusesUnreasonableOptions()
{
    TsdbFixture fixture;
    const auto code = [&](const tsdb::DbOptions& options) {
        return fixture.tryOpen(fixture.path(), options).status().code();
    };
    QCOMPARE(code({.walSegmentBytes = 1000}), absl::StatusCode::kInvalidArgument);
    QCOMPARE(code({.headShards = 3}), absl::StatusCode::kInvalidArgument);
    QCOMPARE(code({.blockRange = base::Duration{}}), absl::StatusCode::kInvalidArgument);
}

QTEST_GUILESS_MAIN(TestDb)
#include "tst_db.moc"
