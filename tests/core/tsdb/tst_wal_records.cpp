// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the log's records hold. The golden bytes are what the record encoder of Prometheus 3.14
// (commit d15adb9a) made of the same entries.
#include "core/base/codec.h"
#include "core/tsdb/wal_records.h"

#include <QtTest>

#include <numbers>

using namespace narthex;
using tsdb::WalRecordType;

namespace {

QByteArray hex(const std::string& bytes) { return QByteArray::fromStdString(bytes).toHex(); }
std::string fromHex(const char* text) { return QByteArray::fromHex(text).toStdString(); }

model::IntegerHistogram gauge()
{
    return {.schema = 3,
            .hint = model::CounterResetHint::Gauge,
            .zeroThreshold = 0.001,
            .zeroCount = 2,
            .count = 300,
            .sum = 18.5,
            .positiveSpans = {{-2, 2}, {4, 1}},
            .negativeSpans = {{1, 1}},
            .positiveDeltas = {1, 200, -3},
            .negativeDeltas = {4}};
}

model::IntegerHistogram custom()
{
    return {.schema = model::kCustomBucketsSchema,
            .count = 3,
            .sum = 4,
            .positiveSpans = {{0, 2}},
            .positiveDeltas = {1, 1},
            .customValues = {0.5, std::numbers::pi}};
}

tsdb::HistogramValue integers(const model::IntegerHistogram& histogram)
{
    return {nullptr, std::make_shared<const model::IntegerHistogram>(histogram)};
}

tsdb::HistogramValue floats(const model::IntegerHistogram& histogram)
{
    return {std::make_shared<const model::FloatHistogram>(model::toFloat(histogram)), nullptr};
}

bool same(const tsdb::HistogramValue& a, const tsdb::HistogramValue& b)
{
    if (a.integers && b.integers) {
        return a.integers->hint == b.integers->hint && sameBits(*a.integers, *b.integers);
    }
    return a.floats && b.floats && a.floats->hint == b.floats->hint &&
           sameBits(*a.floats, *b.floats);
}

/// One record of every type: what it is made of is in the functions that make it.
constexpr const char* kSeries = "01000000000000000702085f5f6e616d655f5f027570036a6f620161";
constexpr const char* kSamples =
    "02000000000000000500000000000003e800003ff800000000000003c701c000000000000000";
constexpr const char* kSamplesV2 = "0b0ad00fe8073ff800000000000003c70101c0000000000000000cc80100"
                                   "400800000000000002c8010290034010000000000000";
constexpr const char* kExemplars =
    "04000000000000000500000000000003e800003ff8000000000000010874726163655f696403616263"
    "0201400000000000000000";
constexpr const char* kMarkers =
    "05000000000000027f000000000000000000000000000000010000000100000008";
constexpr const char* kMetadata = "06ac02040204554e495401730448454c500554696d652e";
constexpr const char* kHistograms =
    "07000000000000000500000000000003e8000003063f50624dd2f1a9fc02ac0240328000000000000203020801"
    "01020103029003050108020203063f50624dd2f1a9fc02ac024032800000000000020302080101020103029003"
    "050108";
constexpr const char* kCustomHistograms =
    "09000000000000000400000000000003840000006900000000000000000003401000000000000001000200020202"
    "00023fe0000000000000400921fb54442d18";
constexpr const char* kFloatHistograms =
    "08000000000000000500000000000003e8000003063f50624dd2f1a9fc40000000000000004072c0000000000040"
    "328000000000000203020801010201033ff000000000000040692000000000004068c0000000000001401000000000"
    "0000020203063f50624dd2f1a9fc40000000000000004072c000000000004032800000000000020302080101020103"
    "3ff000000000000040692000000000004068c00000000000014010000000000000";
constexpr const char* kCustomFloatHistograms =
    "0a00000000000000040000000000000384000000690000000000000000000000000000000040080000000000004010"
    "00"
    "000000000001000200023ff0000000000000400000000000000000023fe0000000000000400921fb54442d18";
constexpr const char* kHistogramsV2 =
    "0c0ad00fe80703063f50624dd2f1a9fc02ac0240328000000000000203020801010201030290030501080202010306"
    "3f50624dd2f1a9fc02ac024032800000000000020302080101020103029003050108";
constexpr const char* kFloatHistogramsV2 =
    "0d0ad00fe80703063f50624dd2f1a9fc40000000000000004072c00000000000403280000000000002030208010102"
    "01"
    "033ff000000000000040692000000000004068c00000000000014010000000000000020201"
    "03063f50624dd2f1a9fc40000000000000004072c0000000000040328000000000000203020801010201033ff00000"
    "00"
    "00000040692000000000004068c00000000000014010000000000000";

std::string histogramRecord(const std::vector<tsdb::WalHistogram>& samples)
{
    std::string record;
    tsdb::beginHistograms(record, tsdb::walHistogramType(samples[0].value), samples[0].ref,
                          samples[0].time);
    for (const tsdb::WalHistogram& sample : samples) {
        tsdb::appendHistogramEntry(record, samples[0].ref, samples[0].time, sample);
    }
    return record;
}

template <typename Sample>
std::string recordV2(WalRecordType type, const std::vector<std::pair<Sample, std::int64_t>>& all)
{
    std::string record;
    tsdb::WalRecordV2 builder(record, type);
    for (const auto& [sample, start] : all) {
        if constexpr (std::is_same_v<Sample, tsdb::WalHistogram>) {
            builder.add({sample.ref, sample.time, sample.value, start});
        } else {
            builder.add(sample, start);
        }
    }
    return record;
}

std::uint64_t bits(double value) { return std::bit_cast<std::uint64_t>(value); }

/// Decodes whatever the type of the record is; how many entries it gave.
std::size_t decodeAny(const std::string& record, absl::Status& status)
{
    std::vector<tsdb::WalSample> samples;
    std::vector<tsdb::WalHistogram> histograms;
    std::vector<tsdb::WalTombstone> tombstones;
    std::vector<tsdb::WalExemplar> exemplars;
    std::vector<tsdb::WalMmapMarker> markers;
    std::vector<tsdb::WalMetadata> metadata;
    std::size_t series = 0;
    switch (tsdb::walRecordType(record)) {
    case WalRecordType::Series:
        status = tsdb::decodeSeries(record, [&](std::uint64_t, std::string_view) { ++series; });
        return series;
    case WalRecordType::Samples:
    case WalRecordType::SamplesV2:
        status = tsdb::decodeSamples(record, samples);
        return samples.size();
    case WalRecordType::Tombstones:
        status = tsdb::decodeTombstones(record, tombstones);
        return tombstones.size();
    case WalRecordType::Exemplars:
        status = tsdb::decodeExemplars(record, exemplars);
        return exemplars.size();
    case WalRecordType::MmapMarkers:
        status = tsdb::decodeMmapMarkers(record, markers);
        return markers.size();
    case WalRecordType::Metadata:
        status = tsdb::decodeMetadata(record, metadata);
        return metadata.size();
    case WalRecordType::Histograms:
    case WalRecordType::FloatHistograms:
    case WalRecordType::CustomHistograms:
    case WalRecordType::CustomFloatHistograms:
    case WalRecordType::HistogramsV2:
    case WalRecordType::FloatHistogramsV2:
        status = tsdb::decodeHistograms(record, histograms);
        return histograms.size();
    case WalRecordType::Unknown:
        break;
    }
    return 0;
}

} // namespace

class TestWalRecords : public QObject
{
    Q_OBJECT

private slots:
    void writesWhatPrometheusWrites_data();
    void writesWhatPrometheusWrites();
    void readsSamplesOfBothVersions();
    void readsHistogramsOfEveryType_data();
    void readsHistogramsOfEveryType();
    void readsExemplarsMarkersAndMetadata();
    void skipsUnknownFieldsOfMetadata();
    void putsForeignLabelsIntoTheBytesOfOurs();
    void readsFineSchemasAsSchemaEight();
    void leavesOutHistogramsThatCannotBeKept();
    void readsStaleHistogramsWithoutTheirBuckets();
    void refusesRecordsThatEndEarly_data();
    void refusesRecordsThatEndEarly();
    void putsCustomBucketsIntoRecordsOfTheirOwn();
};

void TestWalRecords::writesWhatPrometheusWrites_data()
{
    QTest::addColumn<QByteArray>("written");
    QTest::addColumn<QByteArray>("golden");
    const auto row = [](const char* name, const std::string& written, const char* golden) {
        QTest::newRow(name) << hex(written) << QByteArray(golden);
    };
    std::string record;
    tsdb::beginRecord(record, WalRecordType::Series);
    tsdb::appendSeriesEntry(record, 7, model::Labels{{"__name__", "up"}, {"job", "a"}}.bytes());
    row("series", record, kSeries);

    record.clear();
    tsdb::beginSamples(record, 5, 1000);
    tsdb::appendSampleEntry(record, 5, 1000, {5, 1000, bits(1.5)});
    tsdb::appendSampleEntry(record, 5, 1000, {3, 900, bits(-2)});
    row("samples", record, kSamples);

    row("samples with start times",
        recordV2<tsdb::WalSample>(WalRecordType::SamplesV2, {{{5, 1000, bits(1.5)}, 500},
                                                             {{3, 900, bits(-2)}, 500},
                                                             {{9, 1100, bits(3)}, 0},
                                                             {{10, 1100, bits(4)}, 700}}),
        kSamplesV2);

    record.clear();
    tsdb::beginExemplars(record, 5, 1000);
    tsdb::appendExemplarEntry(record, 5, 1000, 5, 1000, 1.5,
                              model::Labels{{"trace_id", "abc"}}.bytes());
    tsdb::appendExemplarEntry(record, 5, 1000, 6, 999, 2, {});
    row("exemplars", record, kExemplars);

    tsdb::beginRecord(record, WalRecordType::MmapMarkers);
    tsdb::appendMmapMarkerEntry(record, {639, 0});
    tsdb::appendMmapMarkerEntry(record, {1, 0x100000008});
    row("m-map markers", record, kMarkers);

    tsdb::beginRecord(record, WalRecordType::Metadata);
    tsdb::appendMetadataEntry(record, {300, {model::MetricType::GaugeHistogram, "Time.", "s"}});
    row("metadata", record, kMetadata);

    row("integer histograms",
        histogramRecord({{5, 1000, integers(gauge())}, {6, 1001, integers(gauge())}}), kHistograms);
    row("float histograms",
        histogramRecord({{5, 1000, floats(gauge())}, {6, 1001, floats(gauge())}}),
        kFloatHistograms);
    row("integer histograms with custom buckets", histogramRecord({{4, 900, integers(custom())}}),
        kCustomHistograms);
    row("float histograms with custom buckets", histogramRecord({{4, 900, floats(custom())}}),
        kCustomFloatHistograms);
    row("integer histograms with start times",
        recordV2<tsdb::WalHistogram>(
            WalRecordType::HistogramsV2,
            {{{5, 1000, integers(gauge())}, 500}, {{6, 1001, integers(gauge())}, 500}}),
        kHistogramsV2);
    row("float histograms with start times",
        recordV2<tsdb::WalHistogram>(
            WalRecordType::FloatHistogramsV2,
            {{{5, 1000, floats(gauge())}, 500}, {{6, 1001, floats(gauge())}, 500}}),
        kFloatHistogramsV2);
}

void TestWalRecords::writesWhatPrometheusWrites()
{
    QFETCH(QByteArray, written);
    QFETCH(QByteArray, golden);
    QCOMPARE(written, golden);
}

void TestWalRecords::readsSamplesOfBothVersions()
{
    for (const char* record : {kSamples, kSamplesV2}) {
        std::vector<tsdb::WalSample> samples;
        QVERIFY(tsdb::decodeSamples(fromHex(record), samples).ok());
        QVERIFY(samples.size() >= 2);
        QCOMPARE(samples[0].ref, std::uint64_t{5});
        QCOMPARE(samples[0].time, std::int64_t{1000});
        QCOMPARE(samples[0].valueBits, bits(1.5));
        QCOMPARE(samples[1].ref, std::uint64_t{3});
        QCOMPARE(samples[1].time, std::int64_t{900});
        QCOMPARE(samples[1].valueBits, bits(-2));
    }
    std::vector<tsdb::WalSample> samples;
    QVERIFY(tsdb::decodeSamples(fromHex(kSamplesV2), samples).ok());
    QCOMPARE(samples.size(), std::size_t{4});
    QCOMPARE(samples[3].ref, std::uint64_t{10});
    QCOMPARE(samples[3].time, std::int64_t{1100});
    QCOMPARE(samples[3].valueBits, bits(4));
}

void TestWalRecords::readsHistogramsOfEveryType_data()
{
    QTest::addColumn<QByteArray>("record");
    QTest::addColumn<bool>("areIntegers");
    QTest::addColumn<bool>("areCustom");
    QTest::newRow("integers") << QByteArray(kHistograms) << true << false;
    QTest::newRow("floats") << QByteArray(kFloatHistograms) << false << false;
    QTest::newRow("custom integers") << QByteArray(kCustomHistograms) << true << true;
    QTest::newRow("custom floats") << QByteArray(kCustomFloatHistograms) << false << true;
    QTest::newRow("integers with start times") << QByteArray(kHistogramsV2) << true << false;
    QTest::newRow("floats with start times") << QByteArray(kFloatHistogramsV2) << false << false;
}

void TestWalRecords::readsHistogramsOfEveryType()
{
    QFETCH(QByteArray, record);
    QFETCH(bool, areIntegers);
    QFETCH(bool, areCustom);
    std::vector<tsdb::WalHistogram> samples;
    QVERIFY(tsdb::decodeHistograms(fromHex(record.constData()), samples).ok());
    QCOMPARE(samples.size(), std::size_t{areCustom ? 1U : 2U});
    const model::IntegerHistogram expected = areCustom ? custom() : gauge();
    for (const tsdb::WalHistogram& sample : samples) {
        QVERIFY(same(sample.value, areIntegers ? integers(expected) : floats(expected)));
    }
    QCOMPARE(samples[0].ref, std::uint64_t{areCustom ? 4U : 5U});
    QCOMPARE(samples[0].time, std::int64_t{areCustom ? 900 : 1000});
    if (!areCustom) {
        QCOMPARE(samples[1].ref, std::uint64_t{6});
        QCOMPARE(samples[1].time, std::int64_t{1001});
    }
}

void TestWalRecords::readsExemplarsMarkersAndMetadata()
{
    std::vector<tsdb::WalExemplar> exemplars;
    QVERIFY(tsdb::decodeExemplars(fromHex(kExemplars), exemplars).ok());
    QCOMPARE(exemplars.size(), std::size_t{2});
    QCOMPARE(exemplars[0].ref, std::uint64_t{5});
    QCOMPARE(exemplars[0].time, std::int64_t{1000});
    QCOMPARE(exemplars[0].value, 1.5);
    QCOMPARE(exemplars[0].labels.toString(), std::string("{trace_id=\"abc\"}"));
    QCOMPARE(exemplars[1].ref, std::uint64_t{6});
    QCOMPARE(exemplars[1].time, std::int64_t{999});
    QVERIFY(exemplars[1].labels.empty());

    std::vector<tsdb::WalMmapMarker> markers;
    QVERIFY(tsdb::decodeMmapMarkers(fromHex(kMarkers), markers).ok());
    QCOMPARE(markers.size(), std::size_t{2});
    QCOMPARE(markers[0].ref, std::uint64_t{639});
    QCOMPARE(markers[0].chunkRef, std::uint64_t{0});
    QCOMPARE(markers[1].chunkRef, std::uint64_t{0x100000008});

    std::vector<tsdb::WalMetadata> metadata;
    QVERIFY(tsdb::decodeMetadata(fromHex(kMetadata), metadata).ok());
    QCOMPARE(metadata.size(), std::size_t{1});
    QCOMPARE(metadata[0].ref, std::uint64_t{300});
    QCOMPARE(metadata[0].metadata.type, model::MetricType::GaugeHistogram);
    QCOMPARE(metadata[0].metadata.unit, std::string("s"));
    QCOMPARE(metadata[0].metadata.help, std::string("Time."));
}

void TestWalRecords::skipsUnknownFieldsOfMetadata()
{
    std::string record;
    tsdb::beginRecord(record, WalRecordType::Metadata);
    base::appendUvarint(record, 1);
    record.push_back(99); // a type that this version does not know
    base::appendUvarint(record, 2);
    for (const char* text : {"COLOUR", "blue", "HELP", "Text."}) {
        base::appendUvarintString(record, text);
    }
    std::vector<tsdb::WalMetadata> metadata;
    QVERIFY(tsdb::decodeMetadata(record, metadata).ok());
    QCOMPARE(metadata.size(), std::size_t{1});
    QCOMPARE(metadata[0].metadata.type, model::MetricType::Unknown);
    QCOMPARE(metadata[0].metadata.help, std::string("Text."));
    QVERIFY(metadata[0].metadata.unit.empty());
}

void TestWalRecords::putsForeignLabelsIntoTheBytesOfOurs()
{
    const model::Labels labels{{"__name__", "up"}, {"job", "a"}};
    std::string record;
    tsdb::beginRecord(record, WalRecordType::Series);
    const auto addSeries = [&record](std::string_view packed) {
        base::appendBigEndian(record, std::uint64_t{7});
        base::appendUvarint(record, 2);
        record += packed;
    };
    // Another order; a length in two bytes where one does.
    addSeries(std::string("\x03job\x01"
                          "a\x08__name__\x02up"));
    addSeries(std::string("\x88\x00__name__\x02up\x03job\x01"
                          "a",
                          19));
    std::vector<std::string> read;
    QVERIFY(tsdb::decodeSeries(record, [&read](std::uint64_t, std::string_view packed) {
                read.emplace_back(packed);
            }).ok());
    QCOMPARE(read.size(), std::size_t{2});
    QCOMPARE(read[0], labels.bytes());
    QCOMPARE(read[1], labels.bytes());
}

void TestWalRecords::readsFineSchemasAsSchemaEight()
{
    model::IntegerHistogram fine = gauge();
    fine.schema = 9;
    // Indexes 1 and 2 are bucket 1 of schema 8, 3 is 2, 7 is 4.
    fine.positiveSpans = {{1, 3}, {3, 1}};
    fine.positiveDeltas = {1, 1, 1, 2};
    fine.negativeSpans = {{0, 1}};
    for (const bool isInteger : {true, false}) {
        std::vector<tsdb::WalHistogram> samples;
        QVERIFY(tsdb::decodeHistograms(
                    histogramRecord({{1, 1, isInteger ? integers(fine) : floats(fine)}}), samples)
                    .ok());
        QCOMPARE(samples.size(), std::size_t{1});
        const auto read = samples[0].value.asFloat();
        QCOMPARE(read->schema, 8);
        QVERIFY((read->positiveSpans == std::vector<model::Span>{{1, 2}, {1, 1}}));
        QCOMPARE(read->positiveBuckets, (std::vector<double>{3, 3, 5}));
        QVERIFY((read->negativeSpans == std::vector<model::Span>{{0, 1}}));
    }
}

void TestWalRecords::leavesOutHistogramsThatCannotBeKept()
{
    model::IntegerHistogram unknown = gauge();
    unknown.schema = 60;
    model::IntegerHistogram wrong = gauge();
    wrong.positiveDeltas.pop_back();
    model::IntegerHistogram back = gauge();
    back.positiveSpans[1].offset = -4;
    for (const model::IntegerHistogram& bad : {unknown, wrong, back}) {
        std::vector<tsdb::WalHistogram> samples;
        QVERIFY(tsdb::decodeHistograms(histogramRecord({{5, 1000, integers(gauge())},
                                                        {6, 1000, integers(bad)},
                                                        {7, 1000, integers(gauge())}}),
                                       samples)
                    .ok());
        QCOMPARE(samples.size(), std::size_t{2});
        QCOMPARE(samples[1].ref, std::uint64_t{7});
        QVERIFY(same(samples[1].value, integers(gauge())));
    }
}

void TestWalRecords::readsStaleHistogramsWithoutTheirBuckets()
{
    model::IntegerHistogram stale = gauge();
    stale.sum = model::staleMarker();
    stale.positiveDeltas.clear();
    std::vector<tsdb::WalHistogram> samples;
    QVERIFY(tsdb::decodeHistograms(histogramRecord({{5, 1000, integers(stale)}}), samples).ok());
    QCOMPARE(samples.size(), std::size_t{1});
    QVERIFY(samples[0].value.isStale());
    QVERIFY(samples[0].value.integers->positiveSpans.empty());
}

void TestWalRecords::refusesRecordsThatEndEarly_data()
{
    QTest::addColumn<QByteArray>("record");
    for (const char* record : {kSeries, kSamples, kSamplesV2, kExemplars, kMarkers, kMetadata,
                               kHistograms, kCustomHistograms, kFloatHistograms,
                               kCustomFloatHistograms, kHistogramsV2, kFloatHistogramsV2}) {
        QTest::addRow("type %d", fromHex(record)[0]) << QByteArray(record);
    }
}

void TestWalRecords::refusesRecordsThatEndEarly()
{
    QFETCH(QByteArray, record);
    const std::string whole = fromHex(record.constData());
    absl::Status status;
    const std::size_t entries = decodeAny(whole, status);
    QVERIFY(status.ok());
    for (std::size_t size = 1; size < whole.size(); ++size) {
        const std::size_t fewer = decodeAny(whole.substr(0, size), status);
        // A record may end behind any entry, and behind its base.
        QVERIFY(fewer < entries);
        QVERIFY(status.ok() || status.code() == absl::StatusCode::kDataLoss);
    }
    decodeAny(whole.substr(0, whole.size() - 1), status);
    QCOMPARE(status.code(), absl::StatusCode::kDataLoss);
    QCOMPARE(decodeAny(std::string(1, whole[0]), status), std::size_t{0});
    QVERIFY(status.ok());
}

void TestWalRecords::putsCustomBucketsIntoRecordsOfTheirOwn()
{
    QCOMPARE(tsdb::walHistogramType(integers(gauge())), WalRecordType::Histograms);
    QCOMPARE(tsdb::walHistogramType(floats(gauge())), WalRecordType::FloatHistograms);
    QCOMPARE(tsdb::walHistogramType(integers(custom())), WalRecordType::CustomHistograms);
    QCOMPARE(tsdb::walHistogramType(floats(custom())), WalRecordType::CustomFloatHistograms);
    QCOMPARE(tsdb::walRecordType(""), WalRecordType::Unknown);
    QCOMPARE(tsdb::walRecordType("\x0e"), WalRecordType::Unknown);
}

QTEST_GUILESS_MAIN(TestWalRecords)
#include "tst_wal_records.moc"
