// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The records of a chunk snapshot, byte by byte as the specification has them.
#include "core/tsdb/snapshot_records.h"

#include <QtTest>

using namespace narthex;
using tsdb::ChunkEncoding;

namespace {

QByteArray hex(const std::string& bytes) { return QByteArray::fromStdString(bytes).toHex(); }

tsdb::HistogramValue histogram()
{
    model::IntegerHistogram h;
    h.count = 3;
    h.positiveSpans = {{0, 2}};
    h.positiveDeltas = {1, 1};
    return {nullptr, std::make_shared<const model::IntegerHistogram>(h)};
}

tsdb::SnapshotSeries series(std::optional<tsdb::SnapshotChunk> chunk)
{
    return {639, model::Labels{{"__name__", "up"}}, std::move(chunk)};
}

tsdb::SnapshotChunk floatChunk()
{
    return {.minTime = 1,
            .maxTime = 258,
            .encoding = ChunkEncoding::Xor,
            .bytes = "abc",
            .lastValue = 1.5};
}

constexpr const char* kSeriesStart = "01000000000000027f"
                                     "0108"
                                     "5f5f6e616d655f5f"
                                     "027570"
                                     "0000000000000000";

} // namespace

class TestSnapshotRecords : public QObject
{
    Q_OBJECT

private slots:
    void writesSeriesAsTheFormatHasThem();
    void readsSeriesOfEveryEncoding_data();
    void readsSeriesOfEveryEncoding();
    void keepsTombstones();
    void keepsTombstonesAtTheEndsOfTime();
    void keepsExemplars();
    void refusesDamagedRecords();
};

void TestSnapshotRecords::writesSeriesAsTheFormatHasThem()
{
    std::string record;
    tsdb::encodeSnapshotSeries(record, series(std::nullopt));
    QCOMPARE(hex(record), QByteArray(kSeriesStart) + "00");
    tsdb::encodeSnapshotSeries(record, series(floatChunk()));
    const QByteArray dummies(3 * 32, '0');
    QCOMPARE(hex(record), QByteArray(kSeriesStart) + "01" + "0000000000000001" +
                              "0000000000000102" + "01" + "03" + "616263" + dummies +
                              "0000000000000000" + "3ff8000000000000");
    QCOMPARE(tsdb::snapshotRecordType(record), tsdb::SnapshotRecordType::Series);
}

void TestSnapshotRecords::readsSeriesOfEveryEncoding_data()
{
    QTest::addColumn<int>("encoding");
    for (int encoding = 1; encoding <= 6; ++encoding) {
        QTest::addRow("encoding %d", encoding) << encoding;
    }
}

void TestSnapshotRecords::readsSeriesOfEveryEncoding()
{
    QFETCH(int, encoding);
    tsdb::SnapshotChunk chunk = floatChunk();
    chunk.encoding = static_cast<ChunkEncoding>(encoding);
    const bool isFloat =
        chunk.encoding == ChunkEncoding::Xor || chunk.encoding == ChunkEncoding::Xor2;
    const bool isInteger =
        chunk.encoding == ChunkEncoding::Histogram || chunk.encoding == ChunkEncoding::HistogramSt;
    if (!isFloat) {
        chunk.lastHistogram =
            isInteger ? histogram() : tsdb::HistogramValue{histogram().asFloat(), nullptr};
    }
    std::string record;
    tsdb::encodeSnapshotSeries(record, series(chunk));
    const auto read = tsdb::decodeSnapshotSeries(record);
    QVERIFY2(read.ok(), read.status().ToString().c_str());
    QCOMPARE(read->ref, std::uint64_t{639});
    QCOMPARE(read->labels.toString(), std::string("up"));
    QVERIFY(read->chunk.has_value());
    QCOMPARE(read->chunk->minTime, std::int64_t{1});
    QCOMPARE(read->chunk->maxTime, std::int64_t{258});
    QCOMPARE(read->chunk->encoding, chunk.encoding);
    QCOMPARE(std::string(read->chunk->bytes), std::string("abc"));
    QCOMPARE(read->chunk->lastValue, isFloat ? 1.5 : 0.0);
    QCOMPARE(read->chunk->lastHistogram.has_value(), !isFloat);
    if (!isFloat) {
        QCOMPARE(read->chunk->lastHistogram->integers != nullptr, isInteger);
        QVERIFY(model::sameBits(*read->chunk->lastHistogram->asFloat(), *histogram().asFloat()));
    }
    for (std::size_t size = 1; size < record.size(); ++size) {
        QCOMPARE(tsdb::decodeSnapshotSeries(record.substr(0, size)).status().code(),
                 absl::StatusCode::kDataLoss);
    }
}

void TestSnapshotRecords::keepsTombstones()
{
    const tsdb::DeletedRanges deleted{{7, {{1, 5}, {10, 20}}}, {639, {{-4, INT64_MAX}}}};
    std::string record;
    tsdb::encodeSnapshotTombstones(record, deleted);
    QCOMPARE(hex(record).left(10), QByteArray("021401"
                                              "07"
                                              "02"));
    const auto read = tsdb::decodeSnapshotTombstones(record);
    QVERIFY2(read.ok(), read.status().ToString().c_str());
    QVERIFY(*read == deleted);
    tsdb::encodeSnapshotTombstones(record, {});
    QCOMPARE(hex(record), QByteArray("020101"));
    QVERIFY(tsdb::decodeSnapshotTombstones(record)->empty());
}

void TestSnapshotRecords::keepsTombstonesAtTheEndsOfTime()
{
    const tsdb::DeletedRanges deleted{
        {7, {{INT64_MIN, INT64_MIN}, {0, 0}, {INT64_MAX, INT64_MAX}}}};
    std::string record;
    tsdb::encodeSnapshotTombstones(record, deleted);
    QVERIFY(*tsdb::decodeSnapshotTombstones(record) == deleted);
}

void TestSnapshotRecords::keepsExemplars()
{
    const std::vector<tsdb::WalExemplar> exemplars{
        {5, 1000, 1.5, model::Labels{{"trace_id", "abc"}}}, {6, 999, 2, {}}};
    std::string record;
    tsdb::encodeSnapshotExemplars(record, exemplars);
    QCOMPARE(tsdb::snapshotRecordType(record), tsdb::SnapshotRecordType::Exemplars);
    std::vector<tsdb::WalExemplar> read;
    QVERIFY(tsdb::decodeSnapshotExemplars(record, read).ok());
    QCOMPARE(read.size(), exemplars.size());
    for (std::size_t i = 0; i < read.size(); ++i) {
        QCOMPARE(read[i].ref, exemplars[i].ref);
        QCOMPARE(read[i].time, exemplars[i].time);
        QCOMPARE(read[i].value, exemplars[i].value);
        QVERIFY(read[i].labels == exemplars[i].labels);
    }
}

void TestSnapshotRecords::refusesDamagedRecords()
{
    std::string record;
    tsdb::SnapshotChunk chunk = floatChunk();
    tsdb::encodeSnapshotSeries(record, series(chunk));
    const std::size_t encodingAt = QByteArray(kSeriesStart).size() / 2 + 1 + 16;
    record[encodingAt] = 7;
    QCOMPARE(tsdb::decodeSnapshotSeries(record).status().code(), absl::StatusCode::kDataLoss);
    tsdb::encodeSnapshotTombstones(record, {{7, {{1, 5}}}});
    for (std::size_t size = 1; size < record.size(); ++size) {
        QCOMPARE(tsdb::decodeSnapshotTombstones(record.substr(0, size)).status().code(),
                 absl::StatusCode::kDataLoss);
    }
    record[2] = 2; // another version
    QCOMPARE(tsdb::decodeSnapshotTombstones(record).status().code(), absl::StatusCode::kDataLoss);
    QCOMPARE(tsdb::snapshotRecordType(""), tsdb::SnapshotRecordType::Unknown);
    QCOMPARE(tsdb::snapshotRecordType("\x04"), tsdb::SnapshotRecordType::Unknown);
}

QTEST_GUILESS_MAIN(TestSnapshotRecords)
#include "tst_snapshot_records.moc"
