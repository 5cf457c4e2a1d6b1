// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/codec.h"
#include "core/base/hash.h"
#include "core/tsdb/block_meta.h"
#include "core/tsdb/tombstones.h"
#include "core/tsdb/verify.h"
#include "core/tsdb/xor_chunk.h"
#include "support/directory_state.h"
#include "support/tsdb_fixture.h"

#include <QtTest>

#include <filesystem>
#include <fstream>

using namespace narthex;
using test::TsdbFixture;
namespace fs = std::filesystem;

namespace {

constexpr std::int64_t kHour = 3'600'000;
constexpr std::int64_t kStart = 1'699'999'200'000 / (2 * kHour) * (2 * kHour);
const tsdb::DbOptions kManual{.compactInBackground = false};

/// Floats and a histogram over four hours: a block, and a log.
void makeDirectory(TsdbFixture& fixture)
{
    const auto db = fixture.open(kManual);
    for (std::int64_t time = kStart; time < kStart + 4 * kHour; time += 600'000) {
        const auto appender = db->appender();
        for (const char* job : {"x", "y", "z"}) {
            appender->append(*appender->seriesFor({{"__name__", "counts"}, {"job", job}}), {time},
                             static_cast<double>(time % 7'000'000));
        }
        model::FloatHistogram histogram;
        histogram.positiveSpans = {{-3, 2}};
        histogram.positiveBuckets = {1.0, 2.0};
        histogram.count = 3;
        histogram.sum = 4.5;
        appender->appendHistogram(*appender->seriesFor({{"__name__", "h"}}), {time}, histogram);
        base::ignore(appender->commit(), "verified");
    }
    base::ignore(db->compact(), "verified");
}

tsdb::VerifyReport verify(const TsdbFixture& fixture)
{
    return tsdb::verifyDirectory(fixture.path(), {}).value();
}

fs::path blockOf(const TsdbFixture& fixture)
{
    for (const auto& entry : fs::directory_iterator(fixture.path())) {
        if (entry.path().filename().string().size() == 26) {
            return entry.path();
        }
    }
    return {};
}

std::string bytesOf(const fs::path& path) { return *base::readFile(path); }

void write(const fs::path& path, const std::string& bytes)
{
    std::ofstream(path, std::ios::binary) << bytes;
}

std::string text(const tsdb::VerifyReport& report)
{
    std::string out;
    for (const tsdb::Damage& damage : report.damages) {
        out += damage.path.string() + ": " + damage.what + "\n";
    }
    return out;
}

/// One bit turned in each byte of the file, one after another: offsets at which nobody noticed.
std::string unnoticed(const TsdbFixture& fixture, const fs::path& path, std::size_t from,
                      std::size_t to)
{
    const std::string sound = bytesOf(path);
    std::string offsets;
    for (std::size_t i = from; i < std::min(to, sound.size()); ++i) {
        std::string damaged = sound;
        damaged[i] = static_cast<char>(damaged[i] ^ 1);
        write(path, damaged);
        const tsdb::VerifyReport report = verify(fixture);
        if (report.damageCount == 0 || report.damages.front().path.parent_path().empty()) {
            offsets += std::to_string(i) + " ";
        }
    }
    write(path, sound);
    return offsets;
}

std::string headFile()
{
    std::string bytes("\x01\x30\xBC\x91\x01\0\0\0", 8);
    const std::size_t start = bytes.size();
    const std::string data = tsdb::xorEncode({1000, 2000, 3000}, {1, 2, 3});
    base::appendBigEndian(bytes, std::uint64_t{7});
    base::appendBigEndian(bytes, std::uint64_t{1000});
    base::appendBigEndian(bytes, std::uint64_t{3000});
    bytes.push_back(1);
    base::appendUvarintString(bytes, data);
    base::appendBigEndian(bytes, base::crc32c(std::string_view(bytes).substr(start)));
    return bytes;
}

} // namespace

class TestVerify : public QObject
{
    Q_OBJECT

private slots:
    void findsNothingInASoundDirectoryAndChangesNothing();
    void noticesEveryByteOfAnIndex();
    void noticesEveryByteOfAChunkFile();
    void noticesEveryByteOfTombstones();
    void noticesDamagedMeta();
    void noticesTheBytesOfALogRecord();
    void noticesEveryByteOfAHeadChunkFile();
    void takesPreallocatedHeadFilesAndUnfinishedFolders();
    void noticesMissingSegments();
    void refusesAMissingDirectory();
};

void TestVerify::findsNothingInASoundDirectoryAndChangesNothing()
{
    TsdbFixture fixture;
    makeDirectory(fixture);
    const std::string before = test::stateOf(fixture.path());
    const tsdb::VerifyReport report = verify(fixture);
    QVERIFY2(report.damageCount == 0, text(report).c_str());
    QCOMPARE(report.counts.blocks, std::uint64_t{1});
    QCOMPARE(report.counts.series, std::uint64_t{4});
    QCOMPARE(report.counts.samples, std::uint64_t{48});
    QVERIFY(report.counts.logSegments > 0 && report.counts.logRecords > 0);
    QCOMPARE(test::stateOf(fixture.path()), before);
}

void TestVerify::noticesEveryByteOfAnIndex()
{
    TsdbFixture fixture;
    makeDirectory(fixture);
    QCOMPARE(unnoticed(fixture, blockOf(fixture) / "index", 0, SIZE_MAX), std::string());
}

void TestVerify::noticesEveryByteOfAChunkFile()
{
    TsdbFixture fixture;
    makeDirectory(fixture);
    QCOMPARE(unnoticed(fixture, blockOf(fixture) / "chunks/000001", 0, SIZE_MAX), std::string());
}

void TestVerify::noticesEveryByteOfTombstones()
{
    TsdbFixture fixture;
    makeDirectory(fixture);
    const fs::path path = blockOf(fixture) / "tombstones";
    write(path, tsdb::encodeTombstones({{3, {{kStart, kStart + 1000}}}}));
    const tsdb::VerifyReport report = verify(fixture);
    QVERIFY2(report.damageCount == 0, text(report).c_str());
    QCOMPARE(report.counts.tombstones, std::uint64_t{1});
    QCOMPARE(unnoticed(fixture, path, 0, SIZE_MAX), std::string());
}

void TestVerify::noticesDamagedMeta()
{
    TsdbFixture fixture;
    makeDirectory(fixture);
    const fs::path path = blockOf(fixture) / "meta.json";
    const std::string sound = bytesOf(path);
    write(path, "");
    QCOMPARE(verify(fixture).damageCount, std::uint64_t{1});
    auto meta = tsdb::parseBlockMeta(sound);
    QVERIFY(meta.ok());
    meta->stats.samples += 1;
    write(path, tsdb::toJson(*meta));
    QVERIFY2(text(verify(fixture)).find("says 49 samples, and there are 48") != std::string::npos,
             text(verify(fixture)).c_str());
    meta->stats.samples -= 1;
    meta->maxTime = kStart + 1000;
    write(path, tsdb::toJson(*meta));
    QCOMPARE(verify(fixture).damageCount, std::uint64_t{1});
    meta->ulid = "7ZZZZZZZZZZZZZZZZZZZZZZZZZ";
    write(path, tsdb::toJson(*meta));
    QVERIFY(text(verify(fixture)).find("says block 7ZZZ") != std::string::npos);
}

void TestVerify::noticesTheBytesOfALogRecord()
{
    TsdbFixture fixture;
    makeDirectory(fixture);
    const fs::path path = fixture.path() / "wal/00000000";
    QVERIFY(fs::exists(path));
    QCOMPARE(unnoticed(fixture, path, 0, 500), std::string());
    const std::string sound = bytesOf(path);
    // In the middle of the second record.
    const auto first = base::loadBigEndian<std::uint16_t>(sound.data() + 1);
    write(path, sound.substr(0, 7U + first + 9U));
    const tsdb::VerifyReport report = verify(fixture);
    QCOMPARE(report.damageCount, std::uint64_t{1});
    QVERIFY(report.damages.front().remedy.find("cuts off") != std::string::npos);
}

void TestVerify::noticesEveryByteOfAHeadChunkFile()
{
    TsdbFixture fixture;
    makeDirectory(fixture);
    fs::create_directories(fixture.path() / "chunks_head");
    const fs::path path = fixture.path() / "chunks_head/000001";
    write(path, headFile());
    write(fixture.path() / "chunks_head/000002", headFile());
    const tsdb::VerifyReport report = verify(fixture);
    QVERIFY2(report.damageCount == 0, text(report).c_str());
    QCOMPARE(report.counts.headChunks, std::uint64_t{2});
    QCOMPARE(unnoticed(fixture, path, 0, SIZE_MAX), std::string());
}

void TestVerify::takesPreallocatedHeadFilesAndUnfinishedFolders()
{
    TsdbFixture fixture;
    makeDirectory(fixture);
    fs::create_directories(fixture.path() / "chunks_head");
    write(fixture.path() / "chunks_head/000001", headFile() + std::string(1000, '\0'));
    write(fixture.path() / "chunks_head/000002", std::string(128, '\0'));
    fs::create_directories(fixture.path() / "01HF0000000000000000000000.tmp-for-creation");
    const tsdb::VerifyReport report = verify(fixture);
    QVERIFY2(report.damageCount == 0, text(report).c_str());
    QCOMPARE(report.notes.size(), std::size_t{2});
}

void TestVerify::noticesMissingSegments()
{
    TsdbFixture fixture;
    makeDirectory(fixture);
    fs::copy_file(fixture.path() / "wal/00000000", fixture.path() / "wal/00000007");
    QVERIFY(text(verify(fixture)).find("not consecutive") != std::string::npos);
    fs::remove(fixture.path() / "wal/00000007");
    fs::remove(blockOf(fixture) / "chunks/000001");
    QVERIFY(text(verify(fixture)).find("the index names file 000001") != std::string::npos);
    fs::remove(blockOf(fixture) / "index");
    QVERIFY(text(verify(fixture)).find("index") != std::string::npos);
}

void TestVerify::refusesAMissingDirectory()
{
    TsdbFixture fixture;
    QCOMPARE(tsdb::verifyDirectory(fixture.path(), {}).status().code(),
             absl::StatusCode::kNotFound);
}

QTEST_GUILESS_MAIN(TestVerify)
#include "tst_verify.moc"
