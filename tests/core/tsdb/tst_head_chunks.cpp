// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Full chunks on disk: they cost no memory, come back without the log's samples, and may be lost
// without loss.
#include "core/tsdb/head_chunk_files.h"
#include "support/tsdb_fixture.h"

#include <QtTest>

#include <cmath>
#include <fstream>

using namespace narthex;
using namespace narthex::base::literals;
using test::contentsOf;
using test::put;
using test::TsdbFixture;
namespace fs = std::filesystem;

namespace {

constexpr std::int64_t kStart = 1'699'999'200'000;

model::Labels numbered(std::size_t i) { return {{"__name__", "m"}, {"i", std::to_string(i)}}; }

/// `series` series with `samples` samples, 15 s apart.
void fill(tsdb::Db& db, std::size_t series, std::size_t samples, std::int64_t from = kStart)
{
    const auto appender = db.appender();
    std::vector<storage::SeriesRef> refs;
    for (std::size_t i = 0; i < series; ++i) {
        refs.push_back(*appender->seriesFor(numbered(i)));
    }
    for (std::size_t s = 0; s < samples; ++s) {
        for (std::size_t i = 0; i < series; ++i) {
            appender->append(refs[i], {from + static_cast<std::int64_t>(s) * 15'000},
                             static_cast<double>(s * i));
        }
        base::ignore(appender->commit(), "the test looks at what is there");
    }
}

std::size_t filesIn(const fs::path& directory)
{
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(directory), fs::directory_iterator()));
}

std::uint64_t bytesIn(const fs::path& directory)
{
    std::uint64_t bytes = 0;
    for (const auto& entry : fs::directory_iterator(directory)) {
        bytes += entry.file_size();
    }
    return bytes;
}

} // namespace

class TestHeadChunks : public QObject
{
    Q_OBJECT

private slots:
    void readsBackWhatItWrites();
    void writesEntriesAsTheFormatSays();
    void startsANewFileWhenOneIsFull();
    void removesADamagedFileAndLaterOnes();
    void removesAFileThatWasOnlyBegun();
    void refusesAGapBetweenFiles();
    void writesFullChunksOutAndReadsThemThere();
    void comesBackWithTheSameChunks();
    void readsTheLogWhenChunksAreDamaged();
    void keepsHistogramsOnDisk();
    void removesFilesThatNoChunkNeeds();
    void hidesDeletedSamplesAndKeepsThemHidden();
    void givesBackTheMemoryOfDeadSeries();
    void writesBlocksInTheNewerEncodingWhenAllowed();
    void cutsStaleSeriesEarly();

private:
    static std::unique_ptr<tsdb::HeadChunkFiles> openFiles(const fs::path& path,
                                                           std::uint64_t fileBytes = 1 << 20)
    {
        return tsdb::HeadChunkFiles::open(path, false, base::nullLogger(), fileBytes).value();
    }
    static std::vector<std::string> loadAll(tsdb::HeadChunkFiles& files)
    {
        std::vector<std::string> found;
        const absl::Status status = files.load(
            [&found](const tsdb::HeadChunkFiles::Chunk& chunk, tsdb::HeadChunkDiskRef ref) {
                found.push_back(fmt::format(
                    "{} {}..{} {} {} at {:x}: {}", chunk.seriesRef, chunk.minTime, chunk.maxTime,
                    static_cast<int>(chunk.encoding), chunk.isOutOfOrder ? "late" : "in order", ref,
                    std::string(chunk.data)));
            });
        if (!status.ok()) {
            found.push_back(status.ToString());
        }
        return found;
    }
    static tsdb::HeadChunkFiles::Chunk chunkOf(std::uint64_t ref, std::string_view data)
    {
        return {.seriesRef = ref,
                .minTime = 5,
                .maxTime = 9,
                .encoding = tsdb::ChunkEncoding::Xor,
                .data = data};
    }
};

void TestHeadChunks::readsBackWhatItWrites()
{
    const base::TemporaryDirectory directory;
    const fs::path path = directory.path() / "chunks_head";
    {
        const auto files = openFiles(path);
        const auto first = files->write(chunkOf(7, "some bytes")).value();
        tsdb::HeadChunkFiles::Chunk late = chunkOf(8, "more");
        late.isOutOfOrder = true;
        late.encoding = tsdb::ChunkEncoding::FloatHistogram;
        QVERIFY(files->write(late).ok());
        QVERIFY(files->flush().ok());
        QCOMPARE(std::string(reinterpret_cast<const char*>(first.data), 10),
                 std::string("some bytes"));
        QVERIFY(files->close().ok());
    }
    const auto files = openFiles(path);
    const std::vector<std::string> expected{"7 5..9 1 in order at 100000008: some bytes",
                                            "8 5..9 3 late at 100000030: more"};
    QCOMPARE(loadAll(*files), expected);
    QVERIFY(files->write(chunkOf(9, "x")).ok());
    QVERIFY(files->flush().ok());
    QVERIFY(fs::exists(path / "000002"));
}

void TestHeadChunks::writesEntriesAsTheFormatSays()
{
    const base::TemporaryDirectory directory;
    const auto files = openFiles(directory.path());
    QVERIFY(files->write(chunkOf(1, "ab")).ok());
    QVERIFY(files->close().ok());
    const QByteArray bytes =
        QByteArray::fromStdString(base::readFile(directory.path() / "000001").value());
    QCOMPARE(bytes.left(8).toHex(), QByteArray("0130bc9101000000"));
    QCOMPARE(bytes.mid(8, 28).toHex(),
             QByteArray("0000000000000001000000000000000500000000000000090102") +
                 QByteArray("6162"));
    QCOMPARE(bytes.size(), qsizetype{8 + 28 + 4});
}

void TestHeadChunks::startsANewFileWhenOneIsFull()
{
    const base::TemporaryDirectory directory;
    const auto files = openFiles(directory.path(), 4096);
    const std::string data(900, 'x');
    for (std::uint64_t i = 1; i <= 10; ++i) {
        QVERIFY(files->write(chunkOf(i, data)).ok());
    }
    QVERIFY(files->close().ok());
    QCOMPARE(filesIn(directory.path()), std::size_t{3});
    QCOMPARE(loadAll(*openFiles(directory.path())).size(), std::size_t{10});
    QVERIFY(files->removeBelow(3).ok());
    QCOMPARE(filesIn(directory.path()), std::size_t{1});
}

void TestHeadChunks::removesADamagedFileAndLaterOnes()
{
    const base::TemporaryDirectory directory;
    for (std::uint64_t i = 1; i <= 3; ++i) {
        const auto files = openFiles(directory.path());
        QVERIFY(files->write(chunkOf(i, "data of it")).ok());
        QVERIFY(files->close().ok());
    }
    std::fstream(directory.path() / "000002", std::ios::in | std::ios::out | std::ios::binary)
        .seekp(40)
        .put('!');
    const auto files = openFiles(directory.path());
    QCOMPARE(loadAll(*files).size(), std::size_t{1});
    QCOMPARE(files->corruptions(), std::uint64_t{1});
    QCOMPARE(filesIn(directory.path()), std::size_t{1});
}

void TestHeadChunks::removesAFileThatWasOnlyBegun()
{
    const base::TemporaryDirectory directory;
    {
        const auto files = openFiles(directory.path());
        QVERIFY(files->write(chunkOf(1, "data of it")).ok());
        QVERIFY(files->close().ok());
    }
    std::ofstream(directory.path() / "000002") << "\x01";
    const auto files = openFiles(directory.path());
    QCOMPARE(loadAll(*files).size(), std::size_t{1});
    QCOMPARE(files->corruptions(), std::uint64_t{0});
    QVERIFY(!fs::exists(directory.path() / "000002"));
}

void TestHeadChunks::refusesAGapBetweenFiles()
{
    const base::TemporaryDirectory directory;
    std::ofstream(directory.path() / "000001") << "x";
    std::ofstream(directory.path() / "000003") << "x";
    const auto files = tsdb::HeadChunkFiles::open(directory.path(), false, base::nullLogger());
    QVERIFY(files.status().ToString().find("000002 is missing") != std::string::npos);
}

void TestHeadChunks::writesFullChunksOutAndReadsThemThere()
{
    TsdbFixture fixture;
    const auto db = fixture.open();
    fill(*db, 50, 300);
    const auto before = contentsOf(*db);
    const std::uint64_t memory = db->stats().headBytes;
    QVERIFY(db->compact().ok());
    QVERIFY(bytesIn(fixture.path() / "chunks_head") > 50 * 2 * 100);
    QVERIFY(contentsOf(*db) == before);
    fill(*db, 50, 1, kStart + 300 * 15'000);
    QVERIFY(db->stats().headBytes <= memory);
}

void TestHeadChunks::comesBackWithTheSameChunks()
{
    TsdbFixture fixture;
    test::Contents before;
    std::uint64_t chunks = 0;
    {
        const auto db = fixture.open();
        fill(*db, 30, 400);
        QVERIFY(db->compact().ok());
        fill(*db, 30, 40, kStart + 400 * 15'000);
        before = contentsOf(*db);
        chunks = db->stats().chunks;
    }
    {
        const auto db = fixture.open();
        QVERIFY(contentsOf(*db) == before);
        QCOMPARE(db->stats().chunks, chunks);
    }
    // A chunk that was open at the first close is full and written out now.
    const auto db = fixture.open();
    fill(*db, 30, 130, kStart + 440 * 15'000);
    QVERIFY(db->compact().ok());
    for (auto& [name, samples] : contentsOf(*db)) {
        QCOMPARE(samples.size(), std::size_t{570});
    }
}

void TestHeadChunks::readsTheLogWhenChunksAreDamaged()
{
    TsdbFixture fixture;
    test::Contents before;
    {
        const auto db = fixture.open();
        fill(*db, 20, 300);
        before = contentsOf(*db);
    }
    const fs::path file = fixture.path() / "chunks_head" / "000001";
    std::fstream(file, std::ios::in | std::ios::out | std::ios::binary).seekp(200).put('!');
    {
        const auto db = fixture.open();
        QVERIFY(contentsOf(*db) == before);
    }
    // The chunks that were read from the log are written anew, without the damage.
    const auto files = openFiles(fixture.path() / "chunks_head");
    QVERIFY(!loadAll(*files).empty());
    QCOMPARE(files->corruptions(), std::uint64_t{0});
}

void TestHeadChunks::keepsHistogramsOnDisk()
{
    TsdbFixture fixture;
    const auto countOf = [](const tsdb::Db& db) {
        const auto querier = db.querier({INT64_MIN}, {INT64_MAX}).value();
        const auto set = querier->select({}, {}, {}).value();
        const auto series = storage::collect(*set, 10).value();
        storage::SampleColumns columns;
        const absl::Status status = series.at(0)->read({INT64_MIN}, {INT64_MAX}, columns);
        return status.ok() ? columns.histogramTimes.size() + columns.times.size() * 1000 : 0;
    };
    {
        const auto db = fixture.open();
        const auto appender = db->appender();
        const auto ref = *appender->seriesFor({{"__name__", "latency"}});
        for (int i = 0; i < 600; ++i) {
            model::IntegerHistogram h{.zeroThreshold = 0x1p-128,
                                      .count = static_cast<std::uint64_t>(3 * i),
                                      .sum = 1000 * std::sin(i),
                                      .positiveSpans = {{0, 3}},
                                      .positiveDeltas = {i, 0, 0}};
            QCOMPARE(appender->appendHistogram(ref, {kStart + i * 5'000}, h),
                     storage::AppendResult::Appended);
            QVERIFY(appender->commit().ok());
        }
        QVERIFY(db->stats().chunks > 2);
        QCOMPARE(countOf(*db), std::size_t{600});
        // A stale marker of a scrape ends the series with a histogram.
        QCOMPARE(appender->append(ref, {kStart + 600 * 5'000}, model::staleMarker()),
                 storage::AppendResult::Appended);
        QVERIFY(appender->commit().ok());
        QVERIFY(db->compact().ok());
        QCOMPARE(countOf(*db), std::size_t{601});
    }
    QCOMPARE(countOf(*fixture.open()), std::size_t{601});
}

void TestHeadChunks::removesFilesThatNoChunkNeeds()
{
    TsdbFixture fixture;
    const auto db = fixture.open();
    for (int hour = 0; hour < 10; ++hour) {
        fill(*db, 5, 240, kStart + hour * 3'600'000);
        QVERIFY(db->compact().ok());
    }
    QVERIFY(db->stats().blocks > 0);
    // Files of the last two or three hours are left.
    QVERIFY2(filesIn(fixture.path() / "chunks_head") <= 4,
             std::to_string(filesIn(fixture.path() / "chunks_head")).c_str());
    for (const auto& [name, samples] : contentsOf(*db)) {
        QCOMPARE(samples.size(), std::size_t{2400});
    }
}

void TestHeadChunks::hidesDeletedSamplesAndKeepsThemHidden()
{
    TsdbFixture fixture;
    const std::vector<model::Matchers> sets{{test::matcher(model::MatchType::Equal, "i", "1")}};
    const std::string name = numbered(1).toString();
    {
        const auto db = fixture.open();
        fill(*db, 3, 200);
        QVERIFY(db->deleteSeries({kStart + 15'000}, {kStart + 150 * 15'000}, sets).ok());
        QCOMPARE(contentsOf(*db).at(name).size(), std::size_t{50});
        QCOMPARE(contentsOf(*db).at(numbered(2).toString()).size(), std::size_t{200});
    }
    const auto db = fixture.open();
    QCOMPARE(contentsOf(*db).at(name).size(), std::size_t{50});
    // The block that is cut does not have them, either.
    fill(*db, 3, 900, kStart + 200 * 15'000);
    QVERIFY(db->compact().ok());
    QVERIFY(db->stats().blocks > 0);
    QCOMPARE(contentsOf(*db).at(name).size(), std::size_t{950});
}

void TestHeadChunks::givesBackTheMemoryOfDeadSeries()
{
    TsdbFixture fixture;
    const auto db = fixture.open();
    const auto appender = db->appender();
    // Churn: every hour other series, 2,000 at a time.
    std::uint64_t afterThree = 0;
    for (std::int64_t hour = 0; hour < 24; ++hour) {
        for (std::int64_t i = 0; i < 2'000; ++i) {
            const auto ref =
                *appender->seriesFor(numbered(static_cast<std::size_t>(hour * 100'000 + i)));
            appender->append(ref, {kStart + hour * 3'600'000}, 1);
        }
        QVERIFY(appender->commit().ok());
        QVERIFY(db->compact().ok());
        if (hour == 5) {
            afterThree = db->stats().headBytes;
        }
    }
    QVERIFY(db->stats().seriesRemoved > 35'000);
    QVERIFY2(db->stats().headBytes < afterThree * 3 / 2,
             fmt::format("{} then {}", afterThree, db->stats().headBytes).c_str());
}

void TestHeadChunks::writesBlocksInTheNewerEncodingWhenAllowed()
{
    TsdbFixture fixture;
    tsdb::DbOptions options;
    options.floatEncoding = tsdb::FloatEncoding::Xor2;
    QVERIFY(fixture.tryOpen(fixture.path(), options).status().ToString().find("2.42") !=
            std::string::npos);
    options.readableBy242 = false;
    test::Contents before;
    {
        const auto db = fixture.open(options);
        fill(*db, 5, 1000);
        before = contentsOf(*db);
        QVERIFY(db->compact().ok());
        QVERIFY(db->stats().blocks > 0);
        QVERIFY(contentsOf(*db) == before);
    }
    // Length of the chunk, then its encoding: the first chunk of the first block.
    for (const auto& entry : fs::directory_iterator(fixture.path())) {
        if (fs::exists(entry.path() / "chunks")) {
            const std::string bytes = base::readFile(entry.path() / "chunks" / "000001").value();
            const bool isLong = (static_cast<unsigned char>(bytes[8]) & 0x80U) != 0;
            QCOMPARE(static_cast<int>(bytes[isLong ? 10 : 9]), 4);
        }
    }
    QVERIFY(contentsOf(*fixture.open()) == before);
}

void TestHeadChunks::cutsStaleSeriesEarly()
{
    TsdbFixture fixture;
    tsdb::DbOptions options;
    options.live.staleSeriesThreshold = 0.5;
    test::Contents before;
    {
        const auto db = fixture.open(options);
        fill(*db, 10, 100);
        // Seven of ten end.
        const auto appender = db->appender();
        for (std::size_t i = 0; i < 7; ++i) {
            appender->append(*appender->seriesFor(numbered(i)), {kStart + 100 * 15'000},
                             model::staleMarker());
        }
        QVERIFY(appender->commit().ok());
        before = contentsOf(*db);
        QVERIFY(db->compact().ok());
        QCOMPARE(db->stats().series, std::uint64_t{3});
        QCOMPARE(db->blocks().size(), std::size_t{1});
        QVERIFY(contentsOf(*db) == before);
        // One comes back.
        put(*db, numbered(2), kStart + 101 * 15'000, 5);
        before[numbered(2).toString()].emplace_back(kStart + 101 * 15'000,
                                                    std::bit_cast<std::uint64_t>(5.0));
        QVERIFY(contentsOf(*db) == before);
    }
    QVERIFY(contentsOf(*fixture.open(options)) == before);
}

QTEST_GUILESS_MAIN(TestHeadChunks)
#include "tst_head_chunks.moc"
