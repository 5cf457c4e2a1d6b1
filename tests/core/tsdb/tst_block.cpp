// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Blocks: their files to the byte, and how they are cut, merged, kept and deleted.
#include "core/base/codec.h"
#include "core/tsdb/block.h"
#include "core/tsdb/block_writer.h"
#include "core/tsdb/compactor.h"
#include "core/tsdb/index_reader.h"
#include "core/tsdb/ulid.h"
#include "core/tsdb/wal_format.h"
#include "core/tsdb/xor_chunk.h"
#include "support/tsdb_fixture.h"

#include <QtTest>

#include <atomic>
#include <fstream>
#include <thread>

using namespace narthex;
using namespace narthex::base::literals;
using model::MatchType;
using test::Contents;
using test::contentsOf;
using test::matcher;
using test::put;
using test::TsdbFixture;
namespace fs = std::filesystem;

namespace {

constexpr std::int64_t kHour = 3'600'000;
/// A multiple of six hours.
constexpr std::int64_t kStart = 1'699'999'200'000 / (6 * kHour) * (6 * kHour);
const tsdb::DbOptions kManual{.compactInBackground = false};

QByteArray hex(std::string_view bytes)
{
    return QByteArray(bytes.data(), static_cast<qsizetype>(bytes.size())).toHex();
}

std::vector<fs::path> blockDirectories(const fs::path& data)
{
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(data)) {
        if (tsdb::isUlid(entry.path().filename().string())) {
            found.push_back(entry.path());
        }
    }
    std::sort(found.begin(), found.end());
    return found;
}

std::vector<std::string> walEntries(const fs::path& data)
{
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(data / "wal")) {
        names.push_back(entry.path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
}

tsdb::BlockMeta meta(std::int64_t from, std::int64_t to, const std::string& ulid)
{
    tsdb::BlockMeta meta;
    meta.ulid = ulid;
    meta.minTime = from;
    meta.maxTime = to;
    return meta;
}

std::string planned(const std::vector<tsdb::BlockMeta>& blocks)
{
    std::string names;
    for (const tsdb::BlockMeta& block : tsdb::planCompaction(blocks, std::vector<std::int64_t>{2, 6, 18})) {
        names += block.ulid;
    }
    return names;
}

/// Writes `demo{job="a"}` with four samples and `demo{job="b"}` with one.
tsdb::BlockMeta writeDemo(const fs::path& parent)
{
    const std::vector<std::string> symbols{"", "__name__", "a", "b", "demo", "job"};
    const std::vector<std::int64_t> times{1700000000000, 1700000015000, 1700000030000,
                                          1700000046000};
    const auto writer = *tsdb::BlockWriter::create(parent, tsdb::makeUlid({1}), symbols);
    const tsdb::ExportedChunk four{times.front(), times.back(), tsdb::ChunkEncoding::Xor, 4,
                                   tsdb::xorEncode(times, {1, 2, 2, 3.5})};
    const tsdb::ExportedChunk one{times.front(), times.front(), tsdb::ChunkEncoding::Xor, 1,
                                  tsdb::xorEncode({times.front()}, {7})};
    const absl::Status status = writer->addSeries({{"__name__", "demo"}, {"job", "a"}}, {&four, 1});
    if (!status.ok() || !writer->addSeries({{"__name__", "demo"}, {"job", "b"}}, {&one, 1}).ok()) {
        std::abort();
    }
    return *writer->finish(meta(times.front(), times.back() + 1, ""));
}

void flip(const fs::path& path, std::uint64_t at)
{
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(at));
    const char old = static_cast<char>(file.get());
    file.seekp(static_cast<std::streamoff>(at));
    file.put(static_cast<char>(old ^ 1));
}

/// Two series every minute over [from, to), committed together.
void fill(tsdb::Db& db, std::int64_t from, std::int64_t to)
{
    for (std::int64_t time = from; time < to; time += 60'000) {
        const auto appender = db.appender();
        appender->append(*appender->seriesFor({{"__name__", "a"}}), {time},
                         static_cast<double>(time % 1000));
        appender->append(*appender->seriesFor({{"__name__", "b"}}), {time}, 1);
        base::ignore(appender->commit(), "the tests look at the contents");
    }
}

std::int64_t samplesOfA(const tsdb::Db& db)
{
    const Contents contents = contentsOf(db, {matcher(MatchType::Equal, "__name__", "a")});
    return contents.empty() ? 0 : static_cast<std::int64_t>(contents.begin()->second.size());
}

} // namespace

class TestBlock : public QObject
{
    Q_OBJECT

private slots:
    void writesTheGoldenIndexAndChunks();
    void readsBackItsIndexWithManyValues();
    void findsDamageAndServesTheRest();
    void writesMetaThatItReads();
    void keepsTombstones();
    void cutsABlockWhenTheHeadSpansThreeHours();
    void answersTheSameBeforeAndAfterTheCut();
    void writesACheckpointAtTheFourthSegment();
    void collectsSeriesThatEnded();
    void plansLikePrometheus();
    void mergesThreeBlocksIntoOne();
    void mergesOverlappingBlocks();
    void deletesBlocksBeyondRetention();
    void cleansUpAfterACrash();
    void skipsABlockWithEmptyMeta();
    void keepsHistogramsInBlocks();
    void cutsBlocksWhileSamplesComeAndQueriesRun();
};

void TestBlock::writesTheGoldenIndexAndChunks()
{
    const base::TemporaryDirectory directory;
    const tsdb::BlockMeta written = writeDemo(directory.path());
    QCOMPARE(written.stats.samples, std::uint64_t{5});
    const fs::path block = directory.path() / written.ulid;
    const std::string index = *base::readFile(block / "index");
    QCOMPARE(hex(index.substr(0, 5)), QByteArray("baaad70002"));
    QCOMPARE(hex(index.substr(5, 35)),
             QByteArray("0000001b0000000600085f5f6e616d655f5f016101620464656d6f036a6f62199cd5be"));
    QCOMPARE(hex(index.substr(0x30, 21)), QByteArray("10020104050201"
                                                     "80a0abfef962"
                                                     "b0e702"
                                                     "08"
                                                     "886d5281"));
    QCOMPARE(hex(index.substr(0x50, 19)), QByteArray("0e020104050301"
                                                     "80a0abfef962"
                                                     "00"
                                                     "28"
                                                     "c05171f4"));
    QVERIFY(hex(index).contains("0000000c000000020000000300000005bb33cbd4"));
    const std::string chunks = *base::readFile(block / "chunks" / "000001");
    QCOMPARE(hex(chunks.substr(0, 8)), QByteArray("85bd40dd01000000"));
    QCOMPARE(hex(chunks.substr(8, 32)),
             QByteArray("1a01000480a0abfef9623ff00000000000009875c25fff20fa36058068225b1a"));
    QCOMPARE(hex(*base::readFile(block / "tombstones")), QByteArray("0130ba300100000000"));
}

void TestBlock::readsBackItsIndexWithManyValues()
{
    const base::TemporaryDirectory directory;
    std::vector<std::string> symbols{"i"};
    std::vector<model::Labels> series;
    for (int i = 0; i < 100; ++i) {
        symbols.push_back("v" + std::to_string(1000 + i));
        series.push_back({{"i", symbols.back()}});
    }
    std::sort(symbols.begin(), symbols.end());
    const std::vector<std::string_view> views(symbols.begin(), symbols.end());
    const auto writer = *tsdb::IndexWriter::create(directory.path() / "index", views);
    for (std::size_t i = 0; i < series.size(); ++i) {
        const auto time = static_cast<std::int64_t>(i);
        const std::vector<tsdb::ChunkMeta> chunks{{-time, time, tsdb::ChunkRef{8 + i}},
                                                  {time + 1, time + 1, tsdb::ChunkRef{9 + i}}};
        QVERIFY(writer->addSeries(series[i], chunks).ok());
    }
    QVERIFY(!writer->addSeries(series[0], std::span<const tsdb::ChunkMeta>()).ok());
    QVERIFY(writer->finish().ok());
    const auto reader = tsdb::IndexReader::open(directory.path() / "index");
    QVERIFY2(reader.ok(), reader.status().ToString().c_str());
    tsdb::Postings scratch;
    QCOMPARE(reader->all(scratch)->size(), std::size_t{100});
    for (std::size_t i = 0; i < series.size(); ++i) {
        const auto found = reader->withLabel("i", series[i].get("i"), scratch);
        QCOMPARE(found->size(), std::size_t{1});
        model::Labels labels;
        std::vector<tsdb::ChunkMeta> chunks;
        QVERIFY(reader->series((*found)[0], labels, chunks).ok());
        QCOMPARE(labels.toString(), series[i].toString());
        QCOMPARE(chunks.size(), std::size_t{2});
        QCOMPARE(chunks[1].minTime, static_cast<std::int64_t>(i) + 1);
        QCOMPARE(chunks[1].ref, tsdb::ChunkRef{9 + i});
    }
    for (const char* absent : {"", "a", "v1031x", "v0", "w"}) {
        QVERIFY(reader->withLabel("i", absent, scratch)->empty());
    }
    QVERIFY(reader->withLabel("nothing", "v1000", scratch)->empty());
    int visited = 0;
    QVERIFY(reader->eachValue("i", "v103", [&visited](std::string_view) { return ++visited > 0; })
                .ok());
    QCOMPARE(visited, 10);
    QCOMPARE(reader->labelNames(), std::vector<std::string>{"i"});
}

void TestBlock::findsDamageAndServesTheRest()
{
    const base::TemporaryDirectory directory;
    const fs::path block = directory.path() / writeDemo(directory.path()).ulid;
    const auto read = [&](const char* job) {
        const auto opened = tsdb::Block::open(block);
        if (!opened.ok()) {
            return std::string("cannot open");
        }
        const Contents found = contentsOf(*tsdb::makeBlockQuerier(*opened, INT64_MIN, INT64_MAX),
                                          {matcher(MatchType::Equal, "job", job)});
        return found.empty() ? std::string() : found.begin()->first;
    };
    QCOMPARE(read("a"), std::string("demo{job=\"a\"}"));
    flip(block / "index", 0x30 + 3);
    QVERIFY(read("a").starts_with("error: DATA_LOSS"));
    QCOMPARE(read("b"), std::string("demo{job=\"b\"}"));
    flip(block / "index", 0x30 + 3);
    flip(block / "chunks" / "000001", 20);
    QVERIFY(read("a").find("DATA_LOSS") != std::string::npos || read("a").starts_with("demo"));
    const auto opened = *tsdb::Block::open(block);
    QVERIFY(contentsOf(*tsdb::makeBlockQuerier(opened, INT64_MIN, INT64_MAX))
                    .begin()
                    ->first.find("error") == 0 ||
            contentsOf(*tsdb::makeBlockQuerier(opened, INT64_MIN, INT64_MAX))
                    .rbegin()
                    ->first.find("error") == 0);
    flip(block / "index", fs::file_size(block / "index") - 20);
    QCOMPARE(read("b"), std::string("cannot open"));
}

void TestBlock::writesMetaThatItReads()
{
    tsdb::BlockMeta full = meta(-5, 100, "01J00000000000000000000000");
    full.stats = {5, 2, 3, 0};
    full.level = 2;
    full.sources = {"01J00000000000000000000001", "01J00000000000000000000002"};
    full.parents = {{"01J00000000000000000000001", -5, 50}};
    full.hints = {"from-out-of-order"};
    full.failed = true;
    QVERIFY(*tsdb::parseBlockMeta(tsdb::toJson(full)) == full);
    QVERIFY(tsdb::toJson(full).starts_with(
        "{\n\t\"ulid\": \"01J00000000000000000000000\",\n\t\"minTime\": -5,\n"));
    QCOMPARE(tsdb::parseBlockMeta("{}").status().code(), absl::StatusCode::kDataLoss);
    QCOMPARE(tsdb::parseBlockMeta("").status().code(), absl::StatusCode::kDataLoss);
}

void TestBlock::keepsTombstones()
{
    QCOMPARE(hex(tsdb::encodeTombstones({})), QByteArray("0130ba300100000000"));
    const tsdb::DeletedRanges golden{{3, {{1700000010000, 1700000030000}}}};
    QCOMPARE(hex(tsdb::encodeTombstones(golden)).mid(10, 26),
             QByteArray("03a0bcacfef962e0f4aefef962"));
    QVERIFY(*tsdb::decodeTombstonesFile(tsdb::encodeTombstones(golden)) == golden);
    tsdb::TimeIntervals intervals;
    tsdb::addInterval(intervals, {1, 5});
    tsdb::addInterval(intervals, {20, 30});
    tsdb::addInterval(intervals, {6, 9});
    QVERIFY((intervals == tsdb::TimeIntervals{{1, 9}, {20, 30}}));
    storage::SampleColumns columns;
    columns.times = {0, 1, 9, 10, 25, 31};
    columns.values = {0, 1, 2, 3, 4, 5};
    tsdb::removeDeleted(intervals, 1, 0, columns);
    QCOMPARE(columns.times, (std::vector<std::int64_t>{0, 10, 31}));
    QCOMPARE(columns.values, (std::vector<double>{0, 3, 5}));
}

void TestBlock::cutsABlockWhenTheHeadSpansThreeHours()
{
    TsdbFixture fixture;
    const auto db = fixture.open(kManual);
    put(*db, {{"__name__", "a"}}, kStart + 1, 1);
    put(*db, {{"__name__", "a"}}, kStart + 2 * kHour, 2);
    put(*db, {{"__name__", "a"}}, kStart + 1 + 3 * kHour, 3);
    QVERIFY(db->compact().ok());
    QCOMPARE(db->stats().blocks, std::uint64_t{0});
    put(*db, {{"__name__", "a"}}, kStart + 2 + 3 * kHour, 4);
    const absl::Status status = db->compact();
    QVERIFY2(status.ok(), status.ToString().c_str());
    const std::vector<fs::path> blocks = blockDirectories(fixture.path());
    QCOMPARE(blocks.size(), std::size_t{1});
    const tsdb::BlockMeta cut = *tsdb::readBlockMeta(blocks[0]);
    QCOMPARE(cut.minTime, kStart + 1);
    QCOMPARE(cut.maxTime, kStart + 2 * kHour);
    QCOMPARE(cut.stats.samples, std::uint64_t{1});
    QCOMPARE(cut.sources, std::vector<std::string>{cut.ulid});
    QCOMPARE(db->stats().minTime->ms, kStart + 2 * kHour);
    QCOMPARE(samplesOfA(*db), 4);
}

void TestBlock::answersTheSameBeforeAndAfterTheCut()
{
    TsdbFixture fixture;
    Contents before;
    {
        const auto db = fixture.open(kManual);
        fill(*db, kStart + 7000, kStart + 9 * kHour);
        before = contentsOf(*db);
        const auto early = *db->querier({INT64_MIN}, {kStart + kHour});
        QVERIFY(contentsOf(*db) == before);
    }
    {
        const auto db = fixture.open(kManual);
        QVERIFY(db->compact().ok());
        QCOMPARE(db->stats().blocks, std::uint64_t{3});
        QVERIFY(contentsOf(*db) == before);
        QCOMPARE((*db->querier({INT64_MIN}, {INT64_MAX}))->labelValues("__name__", {}, 0)->size(),
                 std::size_t{2});
        QVERIFY(contentsOf(*db, {}, kStart + kHour, kStart + 5 * kHour) != before);
        QCOMPARE(put(*db, {{"__name__", "old"}}, kStart + kHour, 1),
                 storage::AppendResult::OutOfBounds);
        const auto limited = contentsOf(**db->querier({kStart + kHour}, {kStart + 2 * kHour}));
        QCOMPARE(limited.size(), std::size_t{2});
    }
    for (int round = 0; round < 2; ++round) {
        const auto db = fixture.open(kManual);
        QVERIFY(contentsOf(*db) == before);
        QCOMPARE(db->stats().walUnknownRefs, std::uint64_t{0});
    }
}

void TestBlock::writesACheckpointAtTheFourthSegment()
{
    TsdbFixture fixture;
    for (int run = 0; run < 4; ++run) {
        const auto db = fixture.open(kManual); // starts segment `run`
        put(*db, {{"__name__", "m"}, {"run", std::to_string(run)}}, kStart + run * kHour, run);
        if (run == 3) {
            put(*db, {{"__name__", "m"}, {"run", "0"}}, kStart + 3 * kHour + 1, 5);
            const Contents before = contentsOf(*db);
            const absl::Status status = db->compact();
            QVERIFY2(status.ok(), status.ToString().c_str());
            QVERIFY(contentsOf(*db) == before);
            QCOMPARE(walEntries(fixture.path()),
                     (std::vector<std::string>{"00000002", "00000003", "00000004",
                                               "checkpoint.00000001"}));
        }
    }
    Contents expected;
    {
        const auto db = fixture.open(kManual);
        expected = contentsOf(*db);
        QCOMPARE(expected.size(), std::size_t{4});
        QCOMPARE(db->stats().walUnknownRefs, std::uint64_t{0});
    }
    // A damaged checkpoint is no torn tail: the store does not guess.
    const fs::path segment = fixture.path() / "wal" / "checkpoint.00000001" / "00000000";
    flip(segment, fs::file_size(segment) - 1);
    const auto damaged = fixture.tryOpen(fixture.path(), kManual);
    QCOMPARE(damaged.status().code(), absl::StatusCode::kDataLoss);
    QVERIFY(damaged.status().ToString().find("checkpoint.00000001") != std::string::npos);
}

void TestBlock::collectsSeriesThatEnded()
{
    TsdbFixture fixture;
    const auto db = fixture.open(kManual);
    const auto appender = db->appender();
    const storage::SeriesRef ended =
        *appender->seriesFor({{"__name__", "ended"}, {"only", "here"}});
    appender->append(ended, {kStart}, 1);
    QVERIFY(appender->commit().ok());
    fill(*db, kStart, kStart + 4 * kHour);
    QVERIFY(db->compact().ok());
    QCOMPARE(db->stats().series, std::uint64_t{2});
    QCOMPARE(db->stats().seriesRemoved, std::uint64_t{1});
    QCOMPARE(appender->append(ended, {kStart + 4 * kHour}, 1),
             storage::AppendResult::UnknownSeries);
    const storage::SeriesRef again =
        *appender->seriesFor({{"__name__", "ended"}, {"only", "here"}});
    QVERIFY(again != ended);
    QCOMPARE(appender->append(again, {kStart + 4 * kHour}, 2), storage::AppendResult::Appended);
    QVERIFY(appender->commit().ok());
    QCOMPARE(contentsOf(*db, {matcher(MatchType::Equal, "only", "here")}).begin()->second.size(),
             std::size_t{2});
}

void TestBlock::plansLikePrometheus()
{
    const std::vector<tsdb::BlockMeta> three{meta(0, 2, "a"), meta(2, 4, "b"), meta(4, 6, "c")};
    QCOMPARE(planned(three), std::string());
    std::vector<tsdb::BlockMeta> four = three;
    four.push_back(meta(6, 8, "d"));
    QCOMPARE(planned(four), std::string("abc"));
    four[1].failed = true;
    QCOMPARE(planned(four), std::string());
    QCOMPARE(planned({meta(0, 6, "a"), meta(6, 12, "b"), meta(12, 18, "c"), meta(18, 20, "d")}),
             std::string("abc"));
    // Two of three, when the time of the third has passed.
    QCOMPARE(planned({meta(0, 2, "a"), meta(4, 6, "c"), meta(6, 8, "d"), meta(8, 10, "e")}),
             std::string("ac"));
    // Overlaps first.
    QCOMPARE(planned({meta(0, 2, "a"), meta(1, 4, "b"), meta(3, 6, "c"), meta(6, 8, "d")}),
             std::string("abc"));
    QCOMPARE(tsdb::compactionRanges(2 * kHour, 15 * 24 * kHour),
             (std::vector<std::int64_t>{2 * kHour, 6 * kHour, 18 * kHour}));
}

void TestBlock::mergesThreeBlocksIntoOne()
{
    TsdbFixture fixture;
    const auto db = fixture.open(kManual);
    fill(*db, kStart, kStart + 11 * kHour);
    const Contents before = contentsOf(*db);
    QVERIFY(db->compact().ok());
    QCOMPARE(db->stats().blocks, std::uint64_t{2}); // one of 6 h, one of 2 h
    QVERIFY(contentsOf(*db) == before);
    std::vector<tsdb::BlockMeta> metas;
    for (const fs::path& path : blockDirectories(fixture.path())) {
        metas.push_back(*tsdb::readBlockMeta(path));
    }
    const auto merged = std::find_if(metas.begin(), metas.end(),
                                     [](const tsdb::BlockMeta& m) { return m.level == 2; });
    QVERIFY(merged != metas.end());
    QCOMPARE(merged->parents.size(), std::size_t{3});
    QCOMPARE(merged->sources.size(), std::size_t{3});
    QCOMPARE(merged->minTime, kStart);
    QCOMPARE(merged->maxTime, kStart + 6 * kHour);
    QCOMPARE(merged->stats.samples, std::uint64_t{2 * 6 * 60});
}

void TestBlock::mergesOverlappingBlocks()
{
    TsdbFixture fixture;
    fs::create_directories(fixture.path());
    writeDemo(fixture.path());
    writeDemo(fixture.path());
    const auto db = fixture.open(kManual);
    QCOMPARE(db->stats().blocks, std::uint64_t{2});
    const Contents before = contentsOf(*db);
    QCOMPARE(before.begin()->second.size(), std::size_t{4});
    QVERIFY(db->compact().ok());
    QCOMPARE(db->stats().blocks, std::uint64_t{1});
    QVERIFY(contentsOf(*db) == before);
}

void TestBlock::deletesBlocksBeyondRetention()
{
    constexpr std::int64_t kDay = 24 * kHour;
    const std::vector<tsdb::BlockMeta> blocks{
        meta(0, 5 * kDay, "old"), meta(0, 5 * kDay + 1, "kept"), meta(0, 20 * kDay, "newest")};
    QCOMPARE(tsdb::beyondRetention(blocks, 15 * kDay), std::vector<std::string>{"old"});
    TsdbFixture fixture;
    tsdb::DbOptions options = kManual;
    options.live.retention = 4_h;
    const auto db = fixture.open(options);
    fill(*db, kStart, kStart + 11 * kHour);
    QVERIFY(db->compact().ok());
    QCOMPARE(blockDirectories(fixture.path()).size(), std::size_t{2});
    QCOMPARE(contentsOf(*db).begin()->second.front().first, kStart + 4 * kHour);
}

void TestBlock::cleansUpAfterACrash()
{
    TsdbFixture fixture;
    Contents before;
    {
        const auto db = fixture.open(kManual);
        fill(*db, kStart, kStart + 7 * kHour);
        QVERIFY(db->compact().ok());
        before = contentsOf(*db);
        // Between the merged block's rename and the deletion of its parents.
        fs::copy(fixture.path(), fixture.other("parents"), fs::copy_options::recursive);
        fill(*db, kStart + 7 * kHour, kStart + 11 * kHour);
        QVERIFY(db->compact().ok());
        before = contentsOf(*db);
    }
    for (const fs::path& parent : blockDirectories(fixture.other("parents"))) {
        const fs::path back = fixture.path() / parent.filename();
        if (!fs::exists(back)) {
            fs::copy(parent, back, fs::copy_options::recursive);
        }
    }
    QVERIFY(blockDirectories(fixture.path()).size() > 3);
    const fs::path unfinished = fixture.path() / "01J00000000000000000000000.tmp-for-creation";
    fs::create_directories(unfinished / "chunks");
    fs::create_directories(fixture.path() / "wal" / "checkpoint.00000009.tmp");
    const auto db = fixture.open(kManual);
    QVERIFY(contentsOf(*db) == before);
    QCOMPARE(blockDirectories(fixture.path()).size(), std::size_t{2});
    QVERIFY(!fs::exists(unfinished));
    QVERIFY(!fs::exists(fixture.path() / "wal" / "checkpoint.00000009.tmp"));
}

void TestBlock::skipsABlockWithEmptyMeta()
{
    TsdbFixture fixture;
    {
        const auto db = fixture.open(kManual);
        fill(*db, kStart, kStart + 6 * kHour);
        QVERIFY(db->compact().ok());
    }
    const std::vector<fs::path> blocks = blockDirectories(fixture.path());
    QCOMPARE(blocks.size(), std::size_t{2});
    fs::resize_file(blocks[0] / "meta.json", 0);
    const auto db = fixture.open(kManual);
    QCOMPARE(db->stats().blocks, std::uint64_t{1});
}

void TestBlock::keepsHistogramsInBlocks()
{
    model::FloatHistogram histogram;
    histogram.sum = 4.5;
    histogram.zeroThreshold = 0.001;
    histogram.positiveSpans = {{-3, 2}, {1, 1}};
    TsdbFixture fixture;
    const auto db = fixture.open(kManual);
    const auto appender = db->appender();
    const storage::SeriesRef ref = *appender->seriesFor({{"__name__", "h"}});
    for (int i = 0; i < 240; ++i) {
        histogram.positiveBuckets = {1.0 + i, 2.5, 3.0 * i};
        histogram.count = 3.5 + 4.0 * i;
        QCOMPARE(appender->appendHistogram(ref, {kStart + i * 60'000}, histogram),
                 storage::AppendResult::Appended);
        QVERIFY(appender->commit().ok());
    }
    const auto read = [&] {
        storage::SampleColumns columns;
        const auto querier = *db->querier({INT64_MIN}, {INT64_MAX});
        const auto set = *querier->select({}, {}, {});
        const auto series = *storage::collect(*set, 10);
        const absl::Status status = series.at(0)->read({INT64_MIN}, {INT64_MAX}, columns);
        if (!status.ok()) {
            qWarning("%s", status.ToString().c_str());
        }
        return columns;
    };
    const auto check = [&](const storage::SampleColumns& columns) {
        QCOMPARE(columns.histogramTimes.size(), std::size_t{240});
        for (std::size_t i = 0; i < 240; ++i) {
            const model::FloatHistogram& h = *columns.histograms[i];
            const auto number = static_cast<double>(i);
            QCOMPARE(h.positiveBuckets, (std::vector<double>{1.0 + number, 2.5, 3.0 * number}));
            QVERIFY(h.positiveSpans == histogram.positiveSpans);
            QCOMPARE(h.count, 3.5 + 4.0 * number);
            QCOMPARE(h.zeroThreshold, 0.001);
        }
    };
    check(read());
    const absl::Status status = db->compact();
    QVERIFY2(status.ok(), status.ToString().c_str());
    QCOMPARE(db->stats().blocks, std::uint64_t{1});
    check(read());
}

void TestBlock::cutsBlocksWhileSamplesComeAndQueriesRun()
{
    TsdbFixture fixture;
    const auto db = fixture.open(kManual);
    std::atomic<std::int64_t> committed = 0;
    std::atomic<bool> done = false;
    std::atomic<bool> whole = true;
    constexpr std::int64_t kMinutes = 16 * 60;
    std::jthread writer([&] {
        for (std::int64_t i = 0; i < kMinutes; ++i) {
            fill(*db, kStart + i * 60'000, kStart + (i + 1) * 60'000);
            committed = i + 1;
        }
        done = true;
    });
    std::jthread compactor([&] {
        while (!done) {
            whole = whole && db->compact().ok();
        }
    });
    while (!done) {
        const std::int64_t before = committed;
        const Contents contents = contentsOf(*db);
        if (before == 0) {
            continue;
        }
        // Both series were committed together; every sample is there once, wherever it lives now.
        whole = whole && contents.size() == 2 &&
                contents.begin()->second.size() == contents.rbegin()->second.size();
        const auto& samples = contents.begin()->second;
        whole = whole && static_cast<std::int64_t>(samples.size()) >= before;
        for (std::size_t i = 0; i < samples.size(); ++i) {
            whole = whole && samples[i].first == kStart + static_cast<std::int64_t>(i) * 60'000;
        }
    }
    writer.join();
    compactor.join();
    QVERIFY(whole);
    QCOMPARE(samplesOfA(*db), kMinutes);
}

QTEST_GUILESS_MAIN(TestBlock)
#include "tst_block.moc"
