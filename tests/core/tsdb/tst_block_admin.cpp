// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What is done to blocks after they are written: planned, merged, deleted from, cleaned, copied,
// given up, and set aside when they are damaged.
#include "block_samples.h"

#include "core/base/file.h"
#include "core/exposition/text_writer.h"
#include "core/tsdb/block_admin.h"
#include "core/tsdb/block_merge.h"
#include "core/tsdb/block_plan.h"
#include "core/tsdb/merged_querier.h"
#include "core/tsdb/metrics.h"

#include <QtTest>

#include <fstream>
#include <random>
#include <set>

using namespace narthex;
using model::MatchType;
using test::contentsOf;
using test::matcher;
using test::timesOf;
using test::writeTable;
using Table = test::TableSource::Table;
using Times = std::vector<std::int64_t>;
namespace fs = std::filesystem;

namespace {

const std::vector<std::int64_t> kRanges{20, 60, 180};

tsdb::BlockMeta meta(std::int64_t from, std::int64_t to, const std::string& ulid,
                     tsdb::BlockStats stats = {}, std::vector<std::string> hints = {})
{
    tsdb::BlockMeta meta;
    meta.ulid = ulid;
    meta.minTime = from;
    meta.maxTime = to;
    meta.stats = stats;
    meta.hints = std::move(hints);
    return meta;
}

tsdb::BlockStats stones(std::uint64_t series, std::uint64_t tombstones)
{
    return {.samples = 1, .series = series, .chunks = 1, .tombstones = tombstones};
}

std::string planned(const std::vector<tsdb::BlockMeta>& blocks)
{
    std::string names;
    for (const tsdb::BlockMeta& block : tsdb::planCompaction(blocks, kRanges)) {
        names += block.ulid;
    }
    return names;
}

/// A data directory of blocks without a store around it.
struct Folder
{
    base::TemporaryDirectory temporary;
    base::ManualClock clock{base::Timestamp{1'700'000'000'000}};
    [[nodiscard]] fs::path path() const { return temporary.path() / "data"; }
    Folder() { fs::create_directories(path()); }
    [[nodiscard]] std::unique_ptr<tsdb::BlockList> load() const
    {
        auto list = std::make_unique<tsdb::BlockList>(path(), base::nullLogger());
        if (!list->load().ok()) {
            std::abort();
        }
        return list;
    }
};

test::Contents contentsOfAll(const tsdb::BlockList& list)
{
    test::Contents all;
    const auto blocks = list.blocks();
    for (const auto& block : *blocks) {
        for (auto& [name, samples] : contentsOf(*block)) {
            auto& to = all[name];
            to.insert(to.end(), samples.begin(), samples.end());
        }
    }
    return all;
}

void overwrite(const fs::path& path, std::uint64_t at, char value)
{
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(at));
    file.put(value);
}

void flip(const fs::path& path, std::uint64_t at)
{
    const std::string bytes = *base::readFile(path);
    overwrite(path, at, static_cast<char>(bytes[at] ^ 1));
}

const model::Matchers kJobA{model::Matcher::equal("job", "a")};

} // namespace

class TestBlockAdmin : public QObject
{
    Q_OBJECT

private slots:
    void plansRewritesWhereMuchIsDeleted_data();
    void plansRewritesWhereMuchIsDeleted();
    void plansEarlyCutsApart();
    void neverClaimsMoreThanItsSamplesInOrder();
    void passesOverAChainThatFailed();
    void limitsTheRangesOfBlocks();
    void givesUpBlocksBySize();
    void addsIntervals();
    void deletesInBlocks();
    void mergesWithoutWhatIsDeleted();
    void mergesOverlapsOnce();
    void copiesChunksByteByByte();
    void cleansTombstones();
    void linksSnapshots();
    void setsDamagedBlocksAside();
    void leavesForeignFormatsAlone();
    void repairsTheIndexVersionOfOldBlocks();
    void deletesWhatIsMarkedDeletable();
    void writesEveryMetric();
    void selectsWhatTheMatchersSay();
    void readsOnlyWhatTheHintsAskFor();
    void mergesSeriesOfManySources();
    void isReadByPrometheus();
};

void TestBlockAdmin::plansRewritesWhereMuchIsDeleted_data()
{
    QTest::addColumn<int>("lengthMs");
    QTest::addColumn<int>("deletedOf100");
    QTest::addColumn<QString>("expected");
    QTest::newRow("six per cent of a long block") << 60 << 6 << "a";
    QTest::newRow("four per cent of a long block") << 60 << 4 << "";
    QTest::newRow("six per cent of a short block") << 20 << 6 << "";
    QTest::newRow("all of a short block") << 20 << 100 << "a";
}

void TestBlockAdmin::plansRewritesWhereMuchIsDeleted()
{
    QFETCH(const int, lengthMs);
    QFETCH(const int, deletedOf100);
    QFETCH(const QString, expected);
    const auto deleted = stones(100, static_cast<std::uint64_t>(deletedOf100));
    QCOMPARE(QString::fromStdString(
                 planned({meta(0, lengthMs, "a", deleted), meta(180, 200, "newest")})),
             expected);
    // The newest one may still get more.
    QCOMPARE(planned({meta(0, lengthMs, "a", deleted)}), std::string());
}

void TestBlockAdmin::plansEarlyCutsApart()
{
    const std::vector<std::string> stale{std::string(tsdb::kStaleHint)};
    // Overlap with the others is no reason to merge; overlap among themselves is.
    QCOMPARE(planned({meta(0, 20, "a"), meta(10, 20, "s", {}, stale)}), std::string());
    QCOMPARE(planned({meta(0, 20, "a"), meta(5, 20, "s", {}, stale), meta(10, 20, "t", {}, stale)}),
             std::string("st"));
}

void TestBlockAdmin::neverClaimsMoreThanItsSamplesInOrder()
{
    const std::vector<std::string> late{std::string(tsdb::kLateHint)};
    // The head still holds what came in order after 20.
    QCOMPARE(planned({meta(0, 20, "a"), meta(10, 40, "l", {}, late)}), std::string());
    QCOMPARE(planned({meta(0, 20, "a"), meta(0, 20, "l", {}, late)}), std::string("al"));
}

void TestBlockAdmin::passesOverAChainThatFailed()
{
    std::vector<tsdb::BlockMeta> blocks{meta(0, 20, "a"), meta(10, 20, "b"), meta(60, 80, "c"),
                                        meta(70, 80, "d")};
    QCOMPARE(planned(blocks), std::string("ab"));
    blocks[1].failed = true;
    QCOMPARE(planned(blocks), std::string("cd"));
}

void TestBlockAdmin::limitsTheRangesOfBlocks()
{
    constexpr std::int64_t kHour = 3'600'000;
    QCOMPARE(tsdb::compactionRanges(2 * kHour, 15 * 24 * kHour),
             (Times{2 * kHour, 6 * kHour, 18 * kHour}));
    QCOMPARE(tsdb::compactionRanges(2 * kHour, 15 * 24 * kHour, 6 * kHour),
             (Times{2 * kHour, 6 * kHour}));
    QCOMPARE(tsdb::compactionRanges(2 * kHour, 0).back(), 486 * kHour);
    QCOMPARE(tsdb::compactionRanges(2 * kHour, kHour), Times{2 * kHour});
    QCOMPARE(tsdb::alignedStart(-1, 20), std::int64_t{-20});
    QCOMPARE(tsdb::alignedStart(-20, 20), std::int64_t{-20});
    QCOMPARE(tsdb::alignedStart(39, 20), std::int64_t{20});
}

void TestBlockAdmin::givesUpBlocksBySize()
{
    constexpr std::uint64_t kMb = 1'000'000;
    const std::vector<tsdb::SizedBlock> blocks{
        {"1", 10, kMb}, {"2", 20, kMb}, {"4", 40, kMb}, {"3", 30, kMb}};
    QCOMPARE(tsdb::beyondSize(blocks, kMb / 2, 3 * kMb), (std::vector<std::string>{"2", "1"}));
    QCOMPARE(tsdb::beyondSize(blocks, kMb / 2, kMb).size(), std::size_t{4});
    QVERIFY(tsdb::beyondSize(blocks, kMb / 2, 0).empty());
    QCOMPARE(tsdb::byteLimit({.bytes = 5, .percent = 0}, 1000), std::uint64_t{5});
    QCOMPARE(tsdb::byteLimit({.bytes = 5, .percent = 25}, 1000), std::uint64_t{250});
    QCOMPARE(tsdb::byteLimit({.bytes = 0, .percent = 0.001}, 10), std::uint64_t{1});
    constexpr std::int64_t kDay = 86'400'000;
    const std::vector<tsdb::BlockMeta> aged{meta(0, 5 * kDay, "old"), meta(0, 5 * kDay + 1, "kept"),
                                            meta(0, 20 * kDay, "newest")};
    QCOMPARE(tsdb::beyondRetention(aged, 15 * kDay), std::vector<std::string>{"old"});
    QVERIFY(tsdb::beyondRetention(aged, 0).empty());
}

void TestBlockAdmin::addsIntervals()
{
    std::mt19937_64 random(3);
    for (int round = 0; round < 500; ++round) {
        constexpr std::int64_t kTimes = 40;
        std::vector<bool> covered(kTimes + 1);
        tsdb::TimeIntervals intervals;
        for (int i = 0; i < 8; ++i) {
            const auto from = static_cast<std::int64_t>(random() % kTimes);
            const auto to = std::min(from + static_cast<std::int64_t>(random() % 6), kTimes - 1);
            tsdb::addInterval(intervals, {from, to});
            std::fill(covered.begin() + from, covered.begin() + to + 1, true);
            tsdb::TimeIntervals expected;
            for (std::int64_t time = 0; time < kTimes; ++time) {
                const auto at = static_cast<std::size_t>(time);
                if (covered[at] && (time == 0 || !covered[at - 1])) {
                    expected.push_back({time, time});
                } else if (covered[at]) {
                    expected.back().maxTime = time;
                }
            }
            QVERIFY(intervals == expected);
        }
    }
    tsdb::TimeIntervals all{{INT64_MIN, INT64_MIN}};
    tsdb::addInterval(all, {INT64_MAX, INT64_MAX});
    QCOMPARE(all.size(), std::size_t{2});
    tsdb::addInterval(all, {INT64_MIN, INT64_MAX});
    QVERIFY((all == tsdb::TimeIntervals{{INT64_MIN, INT64_MAX}}));
}

void TestBlockAdmin::deletesInBlocks()
{
    Folder folder;
    const Table table{{"m/a", {10, 20, 30, 40, 50}}, {"m/b", {10, 20}}, {"n/a", {70}}};
    const std::string ulid = writeTable(folder.path(), table, 0, 100);
    const auto list = folder.load();
    const auto before = (*list->blocks())[0];
    const auto reader = tsdb::makeBlockQuerier(before, 0, 100);
    const test::Contents all = contentsOf(*reader);

    QVERIFY(tsdb::deleteInBlocks(*list, 15, 1000, {{kJobA}}, {}).ok());
    const Table left{{"m{job=\"a\"}", {10}}, {"m{job=\"b\"}", {10, 20}}};
    QCOMPARE(timesOf(contentsOfAll(*list)), left);
    QCOMPARE(contentsOf(*reader), all); // it was there before
    const auto after = (*list->blocks())[0];
    QCOMPARE(after->meta().stats.tombstones, std::uint64_t{2});
    QCOMPARE(after->tombstones().begin()->second, (tsdb::TimeIntervals{{15, 50}}));
    QVERIFY(tsdb::readBlockMeta(folder.path() / ulid)->stats.tombstones == 2);
    // Adjacent, absent and outside.
    QVERIFY(tsdb::deleteInBlocks(*list, 11, 14, {{kJobA}}, {}).ok());
    QVERIFY(tsdb::deleteInBlocks(*list, 0, 1000, {{{model::Matcher::equal("job", "x")}}}, {}).ok());
    QVERIFY(tsdb::deleteInBlocks(*list, 200, 1000, {{kJobA}}, {}).ok());
    QCOMPARE((*list->blocks())[0]->tombstones().begin()->second, (tsdb::TimeIntervals{{11, 50}}));
    QCOMPARE(timesOf(contentsOfAll(*folder.load())), left);
}

void TestBlockAdmin::mergesWithoutWhatIsDeleted()
{
    Folder folder;
    Table one;
    Table two;
    for (std::int64_t i = 0; i < 40; ++i) {
        one["m/a"].push_back(i);
        one["m/b"].push_back(i);
        two["m/a"].push_back(40 + i);
        two["m/c"].push_back(40 + i);
    }
    writeTable(folder.path(), one, 0, 40);
    writeTable(folder.path(), two, 40, 80);
    const auto list = folder.load();
    QVERIFY(tsdb::deleteInBlocks(*list, 5, 61, {{kJobA}}, {}).ok());
    const test::Contents expected = contentsOfAll(*list);
    const std::string ulid = tsdb::makeUlid({1'000'000});
    const auto merged = tsdb::writeMergedBlock(folder.path(), *list->blocks(), {.ulid = ulid}, {});
    QVERIFY2(merged.ok() && *merged, merged.status().ToString().c_str());
    const auto block = *tsdb::Block::open(folder.path() / ulid);
    QCOMPARE(contentsOf(*block), expected);
    QVERIFY(block->tombstones().empty());
    QCOMPARE(block->meta().level, 2);
    QCOMPARE(block->meta().stats.series, std::uint64_t{3});
    QCOMPARE(block->meta().stats.samples, std::uint64_t{5 + 18 + 40 + 40});
}

void TestBlockAdmin::mergesOverlapsOnce()
{
    Folder folder;
    const Table one{{"m/a", {0, 10, 20, 30, 40, 50, 60, 70}}, {"m/b", {0, 10}}};
    const Table two{{"m/a", {5, 10, 45, 75}}, {"m/c", {1}}};
    const std::string first = writeTable(folder.path(), one, 0, 80);
    const std::string second = writeTable(folder.path(), two, 1, 80, 1000);
    const auto list = folder.load();
    const std::string ulid = tsdb::makeUlid({1'000'000});
    QVERIFY(*tsdb::writeMergedBlock(folder.path(), *list->blocks(), {.ulid = ulid}, {}));
    const auto block = *tsdb::Block::open(folder.path() / ulid);
    const test::Contents contents = contentsOf(*block);
    QCOMPARE(timesOf(contents).at("m{job=\"a\"}"),
             (Times{0, 5, 10, 20, 30, 40, 45, 50, 60, 70, 75}));
    // Of equal times the first source's value.
    QCOMPARE(std::bit_cast<double>(contents.at("m{job=\"a\"}")[2].second), 1.0);
    QCOMPARE(block->meta().parents.size(), std::size_t{2});
    QCOMPARE(block->meta().parents[0].ulid, first);
    QCOMPARE(block->meta().parents[1].ulid, second);
    QCOMPARE(block->meta().sources, (std::vector<std::string>{first, second}));
}

void TestBlockAdmin::copiesChunksByteByByte()
{
    Folder folder;
    const Table table{{"m/a", {0, 10, 20, 30, 40}}, {"m/b", {0, 10}}};
    const std::string first = writeTable(folder.path(), table, 0, 80);
    writeTable(folder.path(), table, 0, 80); // the same again: every chunk stands twice
    const auto list = folder.load();
    const std::string ulid = tsdb::makeUlid({1'000'000});
    QVERIFY(*tsdb::writeMergedBlock(folder.path(), *list->blocks(), {.ulid = ulid}, {}));
    QVERIFY(*base::readFile(folder.path() / ulid / "chunks" / "000001") ==
            *base::readFile(folder.path() / first / "chunks" / "000001"));
    QVERIFY(*base::readFile(folder.path() / ulid / "index") ==
            *base::readFile(folder.path() / first / "index"));
}

void TestBlockAdmin::cleansTombstones()
{
    Folder folder;
    const Table table{{"m/a", {10, 20}}, {"m/b", {10, 20}}};
    const std::string old =
        writeTable(folder.path(), table, 0, 100, 0, {std::string(tsdb::kStaleHint)});
    const std::string untouched = writeTable(folder.path(), {{"m/b", {110}}}, 100, 200);
    const std::string whole = writeTable(folder.path(), {{"m/a", {210}}}, 200, 300);
    const auto list = folder.load();
    QVERIFY(tsdb::deleteInBlocks(*list, 0, 1000, {{kJobA}}, {}).ok());
    QVERIFY(tsdb::cleanTombstones(*list, folder.clock, {}).ok());
    const auto blocks = list->blocks();
    QCOMPARE(blocks->size(), std::size_t{2});
    const tsdb::BlockMeta& cleaned = (*blocks)[0]->meta();
    QVERIFY(cleaned.ulid != old);
    QCOMPARE(cleaned.stats.series, std::uint64_t{1});
    QCOMPARE(cleaned.stats.tombstones, std::uint64_t{0});
    QCOMPARE(cleaned.level, 1);
    QCOMPARE(cleaned.sources, std::vector<std::string>{cleaned.ulid});
    QCOMPARE(cleaned.parents.size(), std::size_t{1});
    QCOMPARE(cleaned.parents[0].ulid, old);
    QCOMPARE(cleaned.hints, std::vector<std::string>{std::string(tsdb::kStaleHint)});
    QCOMPARE(cleaned.maxTime, std::int64_t{100});
    QCOMPARE((*blocks)[1]->meta().ulid, untouched);
    QVERIFY(!fs::exists(folder.path() / old));
    QVERIFY(!fs::exists(folder.path() / whole));
    QCOMPARE(timesOf(contentsOfAll(*folder.load())), (Table{{"m{job=\"b\"}", {10, 20, 110}}}));
}

void TestBlockAdmin::linksSnapshots()
{
    Folder folder;
    const std::string ulid = writeTable(folder.path(), {{"m/a", {10}}}, 0, 100);
    const auto list = folder.load();
    const fs::path target = folder.path() / "snapshots" / "one";
    QVERIFY(tsdb::prepareSnapshot(folder.path(), target).ok());
    QVERIFY(tsdb::snapshotBlocks(*list, target, {}).ok());
    for (const char* file : {"index", "meta.json", "tombstones", "chunks/000001"}) {
        QVERIFY(fs::equivalent(target / ulid / file, folder.path() / ulid / file));
    }
    // What is deleted later stays in the snapshot.
    QVERIFY(tsdb::deleteInBlocks(*list, 0, 1000, {{kJobA}}, {}).ok());
    QCOMPARE(contentsOf(**tsdb::Block::open(target / ulid)).size(), std::size_t{1});
    const auto code = [&](const fs::path& to) {
        return tsdb::prepareSnapshot(folder.path(), to).code();
    };
    QCOMPARE(code(folder.path()), absl::StatusCode::kInvalidArgument);
    QCOMPARE(code(target), absl::StatusCode::kInvalidArgument); // not empty
    QCOMPARE(code(folder.temporary.path() / "01J00000000000000000000000"),
             absl::StatusCode::kInvalidArgument);
}

void TestBlockAdmin::setsDamagedBlocksAside()
{
    Folder folder;
    const std::string toc = writeTable(folder.path(), {{"m/a", {10}}}, 0, 100);
    const std::string stone = writeTable(folder.path(), {{"m/a", {110}}}, 100, 200);
    const std::string gone = writeTable(folder.path(), {{"m/a", {210}}}, 200, 300);
    const std::string empty = writeTable(folder.path(), {{"m/a", {310}}}, 300, 400);
    writeTable(folder.path(), {{"m/a", {410}}}, 400, 500);
    flip(folder.path() / toc / "index", fs::file_size(folder.path() / toc / "index") - 20);
    flip(folder.path() / stone / "tombstones", 6);
    fs::remove(folder.path() / gone / "index");
    fs::resize_file(folder.path() / empty / "meta.json", 0);
    for (int run = 0; run < 2; ++run) {
        const auto list = folder.load();
        QCOMPARE(timesOf(contentsOfAll(*list)), (Table{{"m{job=\"a\"}", {410}}}));
        const std::vector<tsdb::SetAsideBlock> aside = list->setAside();
        QCOMPARE(aside.size(), std::size_t{4});
        for (const std::string& ulid : {toc, stone, gone}) {
            const auto found = std::find_if(aside.begin(), aside.end(),
                                            [&](const auto& b) { return b.ulid == ulid; });
            QVERIFY(found != aside.end());
            QCOMPARE(found->path, folder.path() / "narthex.d" / "damaged" / ulid);
            QVERIFY(fs::exists(found->path / "meta.json"));
            QVERIFY(!found->reason.empty());
            QVERIFY(!fs::exists(folder.path() / ulid));
        }
        QVERIFY(fs::exists(folder.path() / empty)); // without meta.json nobody knows what it is
    }
}

void TestBlockAdmin::leavesForeignFormatsAlone()
{
    Folder folder;
    const std::string index = writeTable(folder.path(), {{"m/a", {10}}}, 0, 100);
    const std::string chunk = writeTable(folder.path(), {{"m/a", {110}}}, 100, 200);
    const std::string version = writeTable(folder.path(), {{"m/a", {210}}}, 200, 300);
    writeTable(folder.path(), {{"m/a", {310}}}, 300, 400);
    overwrite(folder.path() / index / "index", 4, 3);
    overwrite(folder.path() / chunk / "chunks" / "000001", 4, 2);
    std::string json = *base::readFile(folder.path() / version / "meta.json");
    json.replace(json.find("\"version\": 1"), 12, "\"version\": 3");
    std::ofstream(folder.path() / version / "meta.json", std::ios::binary) << json;
    const auto list = folder.load();
    QCOMPARE(timesOf(contentsOfAll(*list)), (Table{{"m{job=\"a\"}", {310}}}));
    QCOMPARE(list->setAside().size(), std::size_t{3});
    for (const tsdb::SetAsideBlock& block : list->setAside()) {
        QCOMPARE(block.path, folder.path() / block.ulid);
        QVERIFY(fs::exists(block.path));
        QVERIFY2(block.reason.find("version") != std::string::npos, block.reason.c_str());
    }
}

void TestBlockAdmin::repairsTheIndexVersionOfOldBlocks()
{
    Folder folder;
    const std::string ulid = writeTable(folder.path(), {{"m/a", {10}}}, 0, 100);
    overwrite(folder.path() / ulid / "index", 4, 1);
    std::string json = *base::readFile(folder.path() / ulid / "meta.json");
    json.replace(json.find("\"version\": 1"), 12, "\"version\": 2");
    std::ofstream(folder.path() / ulid / "meta.json", std::ios::binary) << json;
    const auto list = folder.load();
    QCOMPARE(timesOf(contentsOfAll(*list)), (Table{{"m{job=\"a\"}", {10}}}));
    QVERIFY(base::readFile(folder.path() / ulid / "meta.json")->find("\"version\": 1") !=
            std::string::npos);
}

void TestBlockAdmin::deletesWhatIsMarkedDeletable()
{
    Folder folder;
    const std::string ulid = writeTable(folder.path(), {{"m/a", {10}}}, 0, 100);
    const std::string other = writeTable(folder.path(), {{"m/a", {110}}}, 100, 200);
    {
        const auto list = folder.load();
        QVERIFY((*list->blocks())[0]->withMarks(false, true).ok());
        QVERIFY((*list->blocks())[1]->withMarks(true, false).ok());
    }
    const auto list = folder.load();
    QCOMPARE(list->blocks()->size(), std::size_t{1});
    QCOMPARE((*list->blocks())[0]->meta().ulid, other);
    QVERIFY((*list->blocks())[0]->meta().failed);
    QVERIFY(!fs::exists(folder.path() / ulid));
}

void TestBlockAdmin::writesEveryMetric()
{
    const char* const kNames =
        "blocks_loaded symbol_table_size_bytes reloads_total reloads_failures_total "
        "compactions_triggered_total compactions_failed_total compactions_skipped_total "
        "time_retentions_total size_retentions_total lowest_timestamp lowest_timestamp_seconds "
        "tombstone_cleanup_seconds storage_blocks_bytes retention_limit_bytes "
        "retention_limit_seconds retention_limit_percentage "
        "stale_series_compactions_triggered_total stale_series_compactions_failed_total "
        "stale_series_compaction_duration_seconds selected_series_compactions_triggered_total "
        "selected_series_compactions_failed_total selected_series_compaction_duration_seconds "
        "compactions_total compaction_populating_block vertical_compactions_total "
        "compaction_duration_seconds compaction_chunk_size_bytes compaction_chunk_samples "
        "compaction_chunk_range_seconds head_active_appenders head_appenders_created_total "
        "head_series head_stale_series head_native_histogram_series head_native_histogram_buckets "
        "head_series_created_total head_series_removed_total head_series_not_found_total "
        "head_chunks head_chunks_created_total head_chunks_removed_total head_gc_duration_seconds "
        "head_min_time head_max_time head_min_time_seconds head_max_time_seconds "
        "head_samples_appended_total head_out_of_order_samples_appended_total "
        "out_of_bound_samples_total out_of_order_samples_total too_old_samples_total "
        "head_truncations_total head_truncations_failed_total checkpoint_creations_total "
        "checkpoint_creations_failed_total checkpoint_deletions_total "
        "checkpoint_deletions_failed_total mmap_chunks_total mmap_chunk_corruptions_total "
        "snapshot_replay_error_total sample_ooo_delta isolation_low_watermark "
        "isolation_high_watermark head_chunks_storage_size_bytes wal_truncate_duration_seconds "
        "wal_corruptions_total data_replay_duration_seconds wal_replay_unknown_refs_total "
        "wbl_replay_unknown_refs_total clean_start wal_reader_corruption_errors_total "
        "exemplar_exemplars_appended_total exemplar_exemplars_in_storage "
        "exemplar_series_with_exemplars_in_storage exemplar_last_exemplars_timestamp_seconds "
        "exemplar_out_of_order_exemplars_total exemplar_max_exemplars";
    const char* const kLogNames =
        "fsync_duration_seconds page_flushes_total completed_pages_total truncations_total "
        "truncations_failed_total segment_current writes_failed_total storage_size_bytes "
        "record_part_writes_total record_parts_bytes_written_total record_bytes_saved_total";
    QStringList names = QString(kNames).split(' ');
    for (const QString& name : QString(kLogNames).split(' ')) {
        names << "wal_" + name << "out_of_order_wbl_" + name;
    }
    tsdb::StoreMetrics metrics;
    metrics.chunkBytes.observe(40);
    metrics.chunkBytes.observe(1e9);
    metrics.wal.fsyncSeconds.observe(base::Duration::fromMs(0), 100);
    for (int i = 1; i <= 100; ++i) {
        metrics.wal.fsyncSeconds.observe(base::Duration::fromMs(500'000), i / 100.0);
    }
    std::string page;
    exposition::TextWriter writer(page);
    metrics.write(writer, {.loaded = 3}, {.samplesAppended = {7, 8}},
                  base::Duration::fromMs(700'000));
    const QString text = QString::fromStdString(page);
    for (const QString& name : names) {
        QVERIFY2(text.contains("# TYPE prometheus_tsdb_" + name + " "), qPrintable(name));
        QVERIFY2(text.contains("# HELP prometheus_tsdb_" + name + " "), qPrintable(name));
    }
    QCOMPARE(text.count("# TYPE "), names.size());
    QVERIFY(text.contains("prometheus_tsdb_blocks_loaded 3\n"));
    QVERIFY(text.contains("prometheus_tsdb_head_samples_appended_total{type=\"histogram\"} 8\n"));
    QVERIFY(text.contains("prometheus_tsdb_compaction_chunk_size_bytes_bucket{le=\"32\"} 0\n"));
    QVERIFY(text.contains("prometheus_tsdb_compaction_chunk_size_bytes_bucket{le=\"48\"} 1\n"));
    QVERIFY(text.contains("prometheus_tsdb_compaction_chunk_size_bytes_bucket{le=\"+Inf\"} 2\n"));
    // The one of eleven minutes ago does not count.
    QVERIFY(text.contains("prometheus_tsdb_wal_fsync_duration_seconds{quantile=\"0.99\"} 0.99\n"));
    QVERIFY(text.contains("prometheus_tsdb_wal_fsync_duration_seconds_count 101\n"));
}

void TestBlockAdmin::selectsWhatTheMatchersSay()
{
    Folder folder;
    Table table;
    for (int i = 0; i < 200; ++i) {
        const std::string name = "m" + std::to_string(i % 20);
        const std::string job = i < 20 ? "" : "/j" + std::to_string(i / 20);
        table[name + job] = {10};
    }
    const std::string ulid = writeTable(folder.path(), table, 0, 100);
    const auto block = *tsdb::Block::open(folder.path() / ulid);
    const std::vector<std::string> plain{"", "m1", "m19", "j3", "j9", "nothing"};
    const std::vector<std::string> expressions{"",   ".*",   ".+",     "m1|m2|j3", "m1.*", "j[2-4]",
                                               "x|", "j.*|", "(?i)J3", ".*1",      "m.?",  "j3|j4"};
    std::mt19937_64 random(11);
    const auto randomMatcher = [&] {
        const auto type = static_cast<MatchType>(random() % 4);
        const bool isRegex = type == MatchType::Regex || type == MatchType::NotRegex;
        const auto& values = isRegex ? expressions : plain;
        const char* const names[] = {"__name__", "job", "absent"};
        return matcher(type, names[random() % 3], values[random() % values.size()]);
    };
    for (int round = 0; round < 3000; ++round) {
        model::Matchers matchers;
        std::string text;
        for (std::size_t i = random() % 4; i > 0; --i) {
            matchers.push_back(randomMatcher());
            text += matchers.back().toString() + " ";
        }
        Table expected;
        for (const auto& [name, times] : table) {
            const model::Labels labels = test::TableSource::labelsOf(name);
            if (model::matchesAll(matchers, labels)) {
                expected[labels.toString()] = times;
            }
        }
        QVERIFY2(timesOf(contentsOf(*block, matchers)) == expected, text.c_str());
        std::set<std::string> jobs;
        for (const auto& [name, times] : expected) {
            const std::size_t at = name.find("job=\"");
            if (at != std::string::npos) {
                jobs.insert(name.substr(at + 5, 2));
            }
        }
        const auto querier = tsdb::makeBlockQuerier(block, INT64_MIN, INT64_MAX);
        QVERIFY2(*querier->labelValues("job", matchers, 0) ==
                     std::vector<std::string>(jobs.begin(), jobs.end()),
                 text.c_str());
        QVERIFY(querier->labelValues("job", matchers, 2)->size() ==
                std::min<std::size_t>(jobs.size(), 2));
    }
}

void TestBlockAdmin::readsOnlyWhatTheHintsAskFor()
{
    Folder folder;
    const std::string ulid =
        writeTable(folder.path(), {{"m/a", {10, 20, 30, 40, 50}}, {"n/a", {80}}}, 0, 100);
    const auto block = *tsdb::Block::open(folder.path() / ulid);
    const auto querier = tsdb::makeBlockQuerier(block, 0, 99);
    const auto read = [&](const storage::SelectHints& hints) {
        const auto set = *querier->select(hints, {}, {});
        const auto series = *storage::collect(*set, 10);
        storage::SampleColumns columns;
        for (const auto& one : series) {
            if (!one->read({0}, {99}, columns).ok()) {
                std::abort();
            }
        }
        return std::pair(series.size(), columns.times.size());
    };
    using Counts = std::pair<std::size_t, std::size_t>;
    QVERIFY((read({}) == Counts{2, 6}));
    QVERIFY((read({.from = {0}, .to = {99}, .function = "series"}) == Counts{2, 0}));
    // The first chunk is that of 10 to 40.
    QVERIFY((read({.from = {45}, .to = {60}}) == Counts{1, 1}));
    QVERIFY((read({.from = {60}, .to = {70}}) == Counts{0, 0}));
}

void TestBlockAdmin::mergesSeriesOfManySources()
{
    Folder folder;
    std::vector<std::unique_ptr<storage::Querier>> parts;
    Table expected;
    for (std::int64_t block = 0; block < 40; ++block) {
        Table table;
        for (std::int64_t i = 0; i < 30; ++i) {
            const std::string name = "m" + std::to_string((block * 7 + i) % 50);
            table[name] = {block * 10, block * 10 + 10}; // the last one stands in the next, too
            auto& times = expected[name];
            if (times.empty() || times.back() != block * 10) {
                times.push_back(block * 10);
            }
            times.push_back(block * 10 + 10);
        }
        const std::string ulid = writeTable(folder.path(), table, block * 10, block * 10 + 11);
        parts.push_back(
            tsdb::makeBlockQuerier(*tsdb::Block::open(folder.path() / ulid), INT64_MIN, INT64_MAX));
    }
    const auto merged = tsdb::mergeQueriers(std::move(parts));
    QCOMPARE(timesOf(contentsOf(*merged)), expected);
    // In order, and in batches of any size.
    const auto set = *merged->select({}, {}, {});
    std::vector<std::shared_ptr<const storage::Series>> series;
    for (std::size_t before = 1; before != series.size();) {
        before = series.size();
        QVERIFY(set->next(3, series).ok());
    }
    QCOMPARE(series.size(), expected.size());
    for (std::size_t i = 1; i < series.size(); ++i) {
        QVERIFY(series[i - 1]->labels() < series[i]->labels());
    }
}

void TestBlockAdmin::isReadByPrometheus()
{
    const QString promtool = QStringLiteral(NARTHEX_PEERS_DIR "/usr/bin/promtool");
    if (!QFileInfo::exists(promtool)) {
        QSKIP("promtool of Debian 12 was not unpacked below build/peers");
    }
    Folder folder;
    writeTable(folder.path(), {{"demo/a", {10, 20, 30, 40}}, {"demo/b", {10}}}, 0, 100);
    writeTable(folder.path(), {{"demo/a", {110}}, {"more/c", {120, 130}}}, 100, 200);
    const auto list = folder.load();
    const std::string ulid = tsdb::makeUlid({1'000'000});
    QVERIFY(*tsdb::writeMergedBlock(folder.path(), *list->blocks(), {.ulid = ulid}, {}));
    std::vector<std::string> parents;
    for (const auto& block : *list->blocks()) {
        parents.push_back(block->meta().ulid);
    }
    QVERIFY(list->replace(*tsdb::Block::open(folder.path() / ulid), parents).ok());
    QVERIFY(tsdb::deleteInBlocks(*list, 30, 130, {{kJobA}}, {}).ok());
    const fs::path snapshot = folder.temporary.path() / "snapshot";
    QVERIFY(tsdb::prepareSnapshot(folder.path(), snapshot).ok());
    QVERIFY(tsdb::snapshotBlocks(*list, snapshot, {}).ok());
    fs::create_directories(snapshot / "wal"); // promtool wants one
    const auto run = [&](const QStringList& arguments) {
        QProcess process;
        process.start(promtool, QStringList{"tsdb"} + arguments +
                                    QStringList{QString::fromStdString(snapshot.string())});
        process.waitForFinished(20000);
        return process.exitCode() == 0 ? QString::fromUtf8(process.readAllStandardOutput())
                                       : QString::fromUtf8(process.readAllStandardError());
    };
    const QString listed = run({"list"}).simplified();
    QVERIFY2(listed.contains(QString::fromStdString(ulid)), qPrintable(listed));
    QVERIFY2(listed.contains(" 8 4 3 "), qPrintable(listed)); // samples, chunks, series
    const QString dumped = run({"dump"});
    QCOMPARE(dumped.count('\n'), 5);
    QVERIFY2(dumped.contains("{__name__=\"demo\", job=\"a\"} 2 20\n"), qPrintable(dumped));
    QVERIFY2(dumped.contains("{__name__=\"more\", job=\"c\"} 13 130\n"), qPrintable(dumped));
    const QString analyzed = run({"analyze"});
    QVERIFY2(analyzed.contains("Series: 3"), qPrintable(analyzed));
}

QTEST_GUILESS_MAIN(TestBlockAdmin)
#include "tst_block_admin.moc"
