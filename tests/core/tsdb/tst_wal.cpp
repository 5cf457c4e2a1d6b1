// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The write-ahead log: fragments, pages, segments, damage, and what the records hold.
#include "core/base/codec.h"
#include "core/base/file.h"
#include "core/base/hash.h"
#include "core/tsdb/wal_compression.h"
#include "core/tsdb/wal_format.h"
#include "core/tsdb/wal_reader.h"
#include "core/tsdb/wal_records.h"
#include "core/tsdb/wal_writer.h"

#include <QtTest>

#include <filesystem>
#include <fstream>
#include <random>

using namespace narthex;
namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t kSegmentBytes = 4 * tsdb::kWalPageBytes;

struct Log
{
    base::TemporaryDirectory directory;
    tsdb::SystemFileLayer files;
    std::unique_ptr<tsdb::WalWriter> writer;

    Log()
    {
        writer = *tsdb::WalWriter::create(files, directory.path(), 0, kSegmentBytes,
                                          [](const std::shared_ptr<tsdb::AppendFile>&) {});
    }
    void write(std::string_view record, tsdb::WalCompression compress = tsdb::WalCompression::None)
    {
        std::string buffer;
        const tsdb::WalRecord framed = tsdb::makeWalRecord(record, compress, buffer);
        const absl::Status status = writer->log({&framed, 1});
        QVERIFY2(status.ok(), status.ToString().c_str());
    }
    [[nodiscard]] std::string bytes(std::uint32_t segment) const
    {
        return *base::readFile(directory.path() / tsdb::walSegmentName(segment));
    }
};

struct ReadBack
{
    std::vector<std::string> records;
    absl::Status status;
    std::uint64_t validEnd = 0;
};

ReadBack readAll(const std::string& segment)
{
    ReadBack result;
    tsdb::WalReader reader(segment);
    while (true) {
        const absl::StatusOr<bool> found = reader.next();
        result.validEnd = reader.validEnd();
        if (!found.ok() || !*found) {
            result.status = found.status();
            return result;
        }
        result.records.emplace_back(reader.record());
    }
}

std::string noise(std::size_t size, unsigned seed = 1)
{
    std::mt19937 random(seed);
    std::string bytes(size, '\0');
    for (char& c : bytes) {
        c = static_cast<char>(random());
    }
    return bytes;
}

std::string fromHex(const char* text) { return QByteArray::fromHex(text).toStdString(); }

} // namespace

class TestWal : public QObject
{
    Q_OBJECT

private slots:
    void splitsALongRecordOverPages();
    void setsTheSnappyBitOnEveryFragment();
    void readsBackWhatItWroteWhateverTheSizes();
    void compressesInBothWays_data();
    void compressesInBothWays();
    void readsZstdFramesWithoutTheirLength();
    void refusesDamagedCompression();
    void padsAPageThatHasNoRoomForAHeader();
    void startsTheNextSegmentWhenARecordDoesNotFit();
    void refusesABatchLargerThanASegment();
    void keepsRecordsBeforeATornPage();
    void findsAFlippedByte();
    void readsFragmentsOfPrometheus();
    void decodesWhatItEncodes();
    void refusesDamagedRecords();
};

void TestWal::splitsALongRecordOverPages()
{
    Log log;
    const std::string record = noise(70000);
    log.write(record);
    const std::string bytes = log.bytes(0);
    std::vector<int> types;
    for (std::size_t at = 0; at < bytes.size();) {
        types.push_back(bytes[at] & 7);
        at += tsdb::kWalHeaderBytes + base::loadBigEndian<std::uint16_t>(bytes.data() + at + 1);
    }
    QCOMPARE(types, (std::vector<int>{2, 3, 4}));
    QCOMPARE(readAll(bytes).records, std::vector<std::string>{record});
}

void TestWal::setsTheSnappyBitOnEveryFragment()
{
    Log log;
    std::string record;
    for (unsigned i = 0; i < 2000; ++i) {
        record += noise(40, i) + std::string(30, 'x');
    }
    log.write(record, tsdb::WalCompression::Snappy);
    const std::string bytes = log.bytes(0);
    QVERIFY(bytes.size() < record.size());
    for (std::size_t at = 0; at < bytes.size();) {
        QVERIFY((bytes[at] & tsdb::kWalSnappyBit) != 0);
        at += tsdb::kWalHeaderBytes + base::loadBigEndian<std::uint16_t>(bytes.data() + at + 1);
    }
    QCOMPARE(readAll(bytes).records, std::vector<std::string>{record});
}

void TestWal::readsBackWhatItWroteWhateverTheSizes()
{
    const unsigned seed = std::random_device{}();
    qInfo("seed %u", seed);
    std::mt19937 random(seed);
    Log log;
    std::vector<std::string> written;
    for (int i = 0; i < 300; ++i) {
        written.push_back(
            noise(random() % 4 == 0 ? random() % 40000 : random() % 300, static_cast<unsigned>(i)));
        log.write(written.back(), static_cast<tsdb::WalCompression>(random() % 3));
    }
    QVERIFY(log.writer->close().ok());
    std::vector<std::string> read;
    const std::vector<tsdb::WalSegmentFile> segments = *tsdb::listWalSegments(log.directory.path());
    QVERIFY(segments.size() > 3);
    for (const tsdb::WalSegmentFile& segment : segments) {
        QVERIFY(segment.sizeBytes <= kSegmentBytes);
        ReadBack back = readAll(*base::readFile(segment.path));
        QVERIFY2(back.status.ok(), back.status.ToString().c_str());
        std::move(back.records.begin(), back.records.end(), std::back_inserter(read));
    }
    QCOMPARE(read.size(), written.size());
    QVERIFY(read == written);
}

void TestWal::compressesInBothWays_data()
{
    QTest::addColumn<int>("compression");
    QTest::addColumn<int>("flag");
    QTest::newRow("snappy") << static_cast<int>(tsdb::WalCompression::Snappy) << 0x08;
    QTest::newRow("zstd") << static_cast<int>(tsdb::WalCompression::Zstd) << 0x10;
}

void TestWal::compressesInBothWays()
{
    QFETCH(int, compression);
    QFETCH(int, flag);
    Log log;
    const std::string text(5000, 'x');
    log.write(text, static_cast<tsdb::WalCompression>(compression));
    const std::string bytes = log.bytes(0);
    QVERIFY(bytes.size() < text.size() / 2);
    QCOMPARE(bytes[0] & 0x18, flag);
    // What does not become smaller stays as it is.
    const std::string random = noise(500);
    log.write(random, static_cast<tsdb::WalCompression>(compression));
    QCOMPARE(log.bytes(0)[bytes.size()] & 0x18, 0);
    QCOMPARE(readAll(log.bytes(0)).records, (std::vector<std::string>{text, random}));
}

void TestWal::readsZstdFramesWithoutTheirLength()
{
    // Made by the zstd program (1.5.4) from its standard input.
    const std::string frame = fromHex("28b52ffd04586d000038616268656c6c6f01001beab065637cf7");
    std::string expected;
    for (int i = 0; i < 40; ++i) {
        expected += "ab";
    }
    std::string buffer;
    QCOMPARE(std::string(*tsdb::decompressRecord(frame, tsdb::WalCompression::Zstd, buffer)),
             expected + "hello");
}

void TestWal::refusesDamagedCompression()
{
    for (const auto compression : {tsdb::WalCompression::Snappy, tsdb::WalCompression::Zstd}) {
        std::string buffer;
        std::string text;
        for (unsigned i = 0; i < 50; ++i) {
            text += noise(20, i) + std::string(20, 'x');
        }
        const std::string packed(*tsdb::compressRecord(text, compression, buffer));
        std::string out;
        QCOMPARE(std::string(*tsdb::decompressRecord(packed, compression, out)), text);
        for (std::size_t size = 1; size < packed.size(); ++size) {
            QCOMPARE(
                tsdb::decompressRecord(std::string_view(packed).substr(0, size), compression, out)
                    .status()
                    .code(),
                absl::StatusCode::kDataLoss);
        }
        QCOMPARE(tsdb::decompressRecord(packed + "x", compression, out).status().code(),
                 absl::StatusCode::kDataLoss);
    }
    Log log;
    log.write("first");
    log.write("not compressed at all");
    const std::size_t second = tsdb::kWalHeaderBytes + 5;
    for (const int flag : {0x08, 0x10, 0x18}) {
        std::string bytes = log.bytes(0);
        bytes[second] = static_cast<char>(bytes[second] | flag);
        const ReadBack back = readAll(bytes);
        QCOMPARE(back.status.code(), absl::StatusCode::kDataLoss);
        QVERIFY(back.status.message().find("offset") != absl::string_view::npos);
        QCOMPARE(back.validEnd, std::uint64_t{second});
    }
}

void TestWal::padsAPageThatHasNoRoomForAHeader()
{
    for (std::size_t left = 0; left <= 9; ++left) {
        Log log;
        const std::string first = noise(tsdb::kWalPageBytes - tsdb::kWalHeaderBytes - left);
        log.write(first);
        log.write("second");
        QCOMPARE(readAll(log.bytes(0)).records, (std::vector<std::string>{first, "second"}));
    }
}

void TestWal::startsTheNextSegmentWhenARecordDoesNotFit()
{
    Log log;
    const std::string record = noise(3 * tsdb::kWalPageBytes);
    log.write(record);
    log.write(record);
    QCOMPARE(log.writer->segment(), 1U);
    QCOMPARE(log.bytes(0).size() % tsdb::kWalPageBytes, std::size_t{0});
    QCOMPARE(readAll(log.bytes(0)).records.size(), std::size_t{1});
    QCOMPARE(readAll(log.bytes(1)).records.size(), std::size_t{1});
}

void TestWal::refusesABatchLargerThanASegment()
{
    Log log;
    log.write("before");
    const std::string record = noise(kSegmentBytes);
    const tsdb::WalRecord framed{record};
    QCOMPARE(log.writer->log({&framed, 1}).code(), absl::StatusCode::kResourceExhausted);
    log.write("after");
    QVERIFY(log.writer->close().ok());
}

void TestWal::keepsRecordsBeforeATornPage()
{
    Log log;
    log.write("first");
    const std::size_t end = log.bytes(0).size();
    log.write(noise(70000));
    const std::string bytes = log.bytes(0);
    for (const std::size_t cut :
         {end + 1, end + 6, end + 100, std::size_t{40000}, bytes.size() - 1}) {
        const ReadBack back = readAll(bytes.substr(0, cut));
        QCOMPARE(back.status.code(), absl::StatusCode::kDataLoss);
        QCOMPARE(back.records, std::vector<std::string>{"first"});
        QCOMPARE(back.validEnd, std::uint64_t{end});
    }
    QVERIFY(readAll(bytes.substr(0, end)).status.ok());
    QVERIFY(readAll(bytes.substr(0, end) + std::string(500, '\0')).status.ok());
}

void TestWal::findsAFlippedByte()
{
    Log log;
    log.write("first");
    const std::size_t end = log.bytes(0).size();
    log.write(noise(200));
    log.write("third");
    const std::string bytes = log.bytes(0);
    for (std::size_t at = end; at < end + 207; ++at) {
        std::string damaged = bytes;
        damaged[at] = static_cast<char>(damaged[at] ^ 0x04);
        const ReadBack back = readAll(damaged);
        // The unused bits of the first byte carry nothing; all else must be found.
        QVERIFY2(back.status.code() == absl::StatusCode::kDataLoss, std::to_string(at).c_str());
        QCOMPARE(back.records, std::vector<std::string>{"first"});
    }
}

void TestWal::readsFragmentsOfPrometheus()
{
    const ReadBack back =
        readAll(fromHex("0100115dfb48e105000000000000027f0000000000000000"
                        "01001b7410bec902000000000000027f000001a1f96ed17900000000000000000000"));
    QVERIFY2(back.status.ok(), back.status.ToString().c_str());
    QCOMPARE(back.records.size(), std::size_t{2});
    QCOMPARE(tsdb::walRecordType(back.records[0]), tsdb::WalRecordType::MmapMarkers);
    std::vector<tsdb::WalSample> samples;
    QVERIFY(tsdb::decodeSamples(back.records[1], samples).ok());
    QCOMPARE(samples.size(), std::size_t{1});
    QCOMPARE(samples[0].ref, std::uint64_t{639});
    QCOMPARE(samples[0].time, std::int64_t{0x01a1f96ed179});
    QCOMPARE(samples[0].valueBits, std::uint64_t{0});
}

void TestWal::decodesWhatItEncodes()
{
    std::string record(1, static_cast<char>(tsdb::WalRecordType::Series));
    const model::Labels labels{{"__name__", "up"}, {"job", "a"}};
    tsdb::appendSeriesEntry(record, 7, labels.bytes());
    // Foreign writers may leave empty values and another order.
    base::appendBigEndian(record, std::uint64_t{8});
    base::appendUvarint(record, 3);
    for (const char* text : {"job", "b", "empty", "", "__name__", "up"}) {
        base::appendUvarintString(record, text);
    }
    std::vector<std::pair<std::uint64_t, std::string>> series;
    QVERIFY(tsdb::decodeSeries(record, [&series](std::uint64_t ref, std::string_view packed) {
                series.emplace_back(ref, model::Labels::fromBytes(std::string(packed)).toString());
            }).ok());
    QCOMPARE(series.size(), std::size_t{2});
    QCOMPARE(series[0].second, std::string("up{job=\"a\"}"));
    QCOMPARE(series[1].second, std::string("up{job=\"b\"}"));

    model::FloatHistogram histogram;
    histogram.schema = 3;
    histogram.count = 6;
    histogram.sum = 18.5;
    histogram.zeroThreshold = 0.001;
    histogram.positiveSpans = {{-2, 2}, {4, 1}};
    histogram.positiveBuckets = {1.5, 2.5, 2};
    record.clear();
    tsdb::beginFloatHistograms(record, 5, 1000);
    tsdb::appendFloatHistogramEntry(record, 5, 1000, 4, 900, histogram);
    std::vector<tsdb::WalHistogram> histograms;
    QVERIFY(tsdb::decodeHistograms(record, histograms).ok());
    QCOMPARE(histograms.size(), std::size_t{1});
    QCOMPARE(histograms[0].ref, std::uint64_t{4});
    QCOMPARE(histograms[0].time, std::int64_t{900});
    QVERIFY(histograms[0].value.floats->positiveSpans == histogram.positiveSpans);
    QVERIFY(histograms[0].value.floats->positiveBuckets == histogram.positiveBuckets);
}

void TestWal::refusesDamagedRecords()
{
    std::string record;
    tsdb::beginSamples(record, 5, 1000);
    tsdb::appendSampleEntry(record, 5, 1000, {5, 1000, 42});
    for (std::size_t size = 2; size < record.size(); ++size) {
        std::vector<tsdb::WalSample> samples;
        const bool headOnly = size == 17;
        QCOMPARE(tsdb::decodeSamples(record.substr(0, size), samples).ok(), headOnly);
        QVERIFY(samples.empty());
    }
}

QTEST_GUILESS_MAIN(TestWal)
#include "tst_wal.moc"
