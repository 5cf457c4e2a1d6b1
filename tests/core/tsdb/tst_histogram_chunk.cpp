// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Chunks of native histograms against golden bytes of Prometheus 2.42 and, where it says so, of the
// chunk encoder of 3.14 (commit d15adb9a), and every row of the table of appends
// (spec/tsdb.md, 3.5).
#include "histogram_samples.h"

#include "core/tsdb/varbit.h"
#include "support/tsdb_fixture.h"

#include <QtTest>

#include <random>

using namespace narthex;
using namespace narthex::tests;

class TestHistogramChunk : public QObject
{
    Q_OBJECT

private slots:
    void writesTheGoldenFloatChunk();
    void readsTheGoldenIntegerChunk();
    void writesTheGoldenIntegerChunk();
    void keepsIntegersIntegers();
    void writesTheZeroThresholdAsShortAsItCan();
    void decidesByTheTable_data();
    void decidesByTheTable();
    void neverCutsAGaugeForFallingCounts();
    void decidesByTheLastSampleWhenAChunkIsCut();
    void widensTheChunkForNewBuckets();
    void widensTheSampleForEmptyBucketsThatItLacks();
    void widensBothInAGauge();
    void writesWhatPrometheusWrites_data();
    void writesWhatPrometheusWrites();
    void readsStartTimes_data();
    void readsStartTimes();
    void writesStartTimes_data();
    void writesStartTimes();
    void readsWhatItWrites();
    void startsAChunkWhereACounterGoesBack();
};

void TestHistogramChunk::writesTheGoldenFloatChunk()
{
    const auto chunks = encode(
        {sample(kTime, 6, 2, 18.5, {1.5, 2.5}), sample(kTime + 15000, 9, 3, 25.5, {2.5, 3.5})});
    QCOMPARE(chunks.size(), std::size_t{1});
    QCOMPARE(QByteArray::fromStdString(chunks[0].bytes).toHex(),
             QByteArray("000200744647f0000c5e7f2b400200c0000000000002000000000000000201940000000000"
                        "01ffc00000000000020"
                        "020000000000007c1d4c6a17bb01ec12f09bfffd80c"));
}

void TestHistogramChunk::readsTheGoldenIntegerChunk()
{
    const std::string bytes =
        QByteArray::fromHex(
            "000300744a48c5fc0003179fcad0016920193333333333334637f83a989c76677ccccccccccce2bad78c00"
            "0000000005d2")
            .toStdString();
    const Decoded decoded = decode(tsdb::ChunkEncoding::Histogram, bytes);
    QVERIFY2(decoded.status.ok(), decoded.status.ToString().c_str());
    QCOMPARE(decoded.times, (std::vector<std::int64_t>{kTime, kTime + 15000, kTime + 30000}));
    QVERIFY((decoded.histograms[0]->positiveSpans == std::vector<model::Span>{{0, 2}, {1, 1}}));
    QCOMPARE(decoded.histograms[0]->zeroThreshold, 0x1p-128);
    QCOMPARE(decoded.histograms[0]->positiveBuckets, (std::vector<double>{1, 2, 1}));
    QCOMPARE(decoded.histograms[1]->positiveBuckets, (std::vector<double>{2, 3, 1}));
    QCOMPARE(decoded.histograms[2]->positiveBuckets, (std::vector<double>{2, 3, 2}));
    QCOMPARE(decoded.histograms[0]->sum, 18.4);
    QCOMPARE(decoded.histograms[1]->count, 9.0);
    QCOMPARE(decoded.histograms[2]->count, 10.0);
    QCOMPARE(decoded.histograms[2]->zeroCount, 3.0);
}

void TestHistogramChunk::readsWhatItWrites()
{
    std::vector<tsdb::HistogramSample> samples;
    for (int i = 0; i < 300; ++i) {
        samples.push_back(
            sample(kTime + i * 15000 + i % 7, 6 + i * 3, i, i * 0.3, {1.5 + i, 2.5, i / 7.0}));
    }
    const auto chunks = encode(samples);
    QVERIFY(chunks.size() >= 3);
    std::size_t at = 0;
    for (const tsdb::ExportedChunk& chunk : chunks) {
        const Decoded decoded = decode(chunk.encoding, chunk.bytes);
        QVERIFY2(decoded.status.ok(), decoded.status.ToString().c_str());
        QCOMPARE(decoded.times.size(), std::size_t{chunk.samples});
        for (std::size_t i = 0; i < decoded.times.size(); ++i, ++at) {
            QCOMPARE(decoded.times[i], samples[at].time);
            QCOMPARE(decoded.histograms[i]->sum, samples[at].value.floats->sum);
            QCOMPARE(decoded.histograms[i]->positiveBuckets,
                     samples[at].value.floats->positiveBuckets);
        }
    }
    QCOMPARE(at, samples.size());
}

void TestHistogramChunk::startsAChunkWhereACounterGoesBack()
{
    const auto chunks =
        encode({sample(kTime, 6, 2, 1, {1, 2}), sample(kTime + 1, 7, 2, 1, {0.5, 2})});
    QCOMPARE(chunks.size(), std::size_t{2});
    QCOMPARE(static_cast<unsigned char>(chunks[1].bytes[2]), static_cast<unsigned char>(0x80));
}

void TestHistogramChunk::writesTheGoldenIntegerChunk()
{
    tsdb::HistogramChunkWriter writer(ChunkHeader::Unknown, {kTime, integers(counter())});
    writer.append({kTime + 15000, integers(changed(counter(), [](auto& h) {
                       h.count = 9;
                       h.zeroCount = 3;
                       h.sum = 25.5;
                       h.positiveDeltas = {2, 1, -2};
                   }))});
    writer.append({kTime + 30000, integers(changed(counter(), [](auto& h) {
                       h.count = 10;
                       h.zeroCount = 3;
                       h.sum = 26.5;
                       h.positiveDeltas = {2, 1, -1};
                   }))});
    QCOMPARE(QByteArray::fromStdString(std::string(writer.bytes())).toHex(),
             QByteArray("000300744a48c5fc0003179fcad0016920193333333333334637f83a989c76677ccccccccc"
                        "cce2bad78c000000000005d2"));
    QCOMPARE(writer.samples(), std::uint16_t{3});
    QCOMPARE(writer.firstTime(), kTime);
    QCOMPARE(writer.lastTime(), kTime + 30000);
    QCOMPARE(writer.encoding(), tsdb::ChunkEncoding::Histogram);
}

void TestHistogramChunk::keepsIntegersIntegers()
{
    const tsdb::HistogramSample one{kTime, integers(counter())};
    const auto chunks = encode({one});
    QCOMPARE(chunks.size(), std::size_t{1});
    QCOMPARE(chunks[0].encoding, tsdb::ChunkEncoding::Histogram);
    std::vector<tsdb::HistogramSample> read;
    QVERIFY(tsdb::decodeHistogramSamples(chunks[0].encoding, chunks[0].bytes, INT64_MIN, INT64_MAX,
                                         read)
                .ok());
    QCOMPARE(read.size(), std::size_t{1});
    QVERIFY(read[0].value.integers != nullptr && read[0].value.floats == nullptr);
    QVERIFY(model::sameBits(*read[0].value.integers, counter()));
}

void TestHistogramChunk::writesTheZeroThresholdAsShortAsItCan()
{
    const auto written = [](double threshold) {
        const tsdb::HistogramChunkWriter writer(
            ChunkHeader::Unknown,
            {0,
             integers(changed(counter(), [threshold](auto& h) { h.zeroThreshold = threshold; }))});
        return QByteArray::fromStdString(std::string(writer.bytes().substr(3, 9))).toHex();
    };
    QCOMPARE(written(0x1p-128).left(2), QByteArray("74"));
    QCOMPARE(written(0).left(2), QByteArray("00"));
    QCOMPARE(written(0.001), QByteArray("ff3f50624dd2f1a9fc"));
    QCOMPARE(written(0x1p-243).left(2), QByteArray("01"));
    QCOMPARE(written(0x1p10).left(2), QByteArray("fe"));
    QCOMPARE(written(0x1p11), QByteArray("ff40a0000000000000"));
    for (const double threshold : {0.0, 0x1p-128, 0.001, 0x1p-243, 0x1p-244, 0x1p10, 0x1p11}) {
        const tsdb::HistogramSample sample{
            1, integers(changed(counter(), [&](auto& h) { h.zeroThreshold = threshold; }))};
        const auto chunk = encode({sample})[0];
        QCOMPARE(decode(chunk.encoding, chunk.bytes).histograms[0]->zeroThreshold, threshold);
    }
}

void TestHistogramChunk::decidesByTheTable_data()
{
    using Histogram = model::IntegerHistogram;
    QTest::addColumn<int>("header"); // -1: appended
    QTest::addColumn<int>("chunkHeader");
    QTest::addColumn<std::function<Histogram()>>("last");
    QTest::addColumn<std::function<Histogram()>>("now");
    const auto row = [](const char* name, ChunkHeader chunk, int header, const Histogram& last,
                        const Histogram& now) {
        QTest::newRow(name) << header << static_cast<int>(chunk)
                            << std::function([last] { return last; })
                            << std::function([now] { return now; });
    };
    const auto with = [](const std::function<void(Histogram&)>& change) {
        return changed(counter(), change);
    };
    constexpr int kAppended = -1;
    constexpr auto kUnknown = static_cast<int>(ChunkHeader::Unknown);
    constexpr auto kNoReset = static_cast<int>(ChunkHeader::NoReset);
    constexpr auto kReset = static_cast<int>(ChunkHeader::Reset);
    constexpr auto kGauge = static_cast<int>(ChunkHeader::Gauge);
    const Histogram gauge = with([](auto& h) { h.hint = model::CounterResetHint::Gauge; });
    const Histogram custom = with([](auto& h) {
        h.schema = model::kCustomBucketsSchema;
        h.customValues = {1, 2, 3, 4};
    });
    const ChunkHeader counters = ChunkHeader::Unknown;
    row("the same again", counters, kAppended, counter(), counter());
    row("counter into gauges", ChunkHeader::Gauge, kNoReset, gauge, counter());
    row("gauge into counters", counters, kGauge, counter(), gauge);
    row("explicit reset", counters, kReset, counter(),
        with([](auto& h) { h.hint = model::CounterResetHint::Reset; }));
    row("stale", counters, kAppended, counter(), stale());
    row("after stale", counters, kUnknown, stale(), counter());
    row("stale after stale", counters, kAppended, stale(), stale());
    row("count falls", counters, kReset, counter(), with([](auto& h) { h.count = 5; }));
    row("schema", counters, kUnknown, counter(), with([](auto& h) { h.schema = 1; }));
    row("zero threshold", counters, kUnknown, counter(),
        with([](auto& h) { h.zeroThreshold = 0.5; }));
    row("custom bounds", counters, kReset, custom,
        changed(custom, [](auto& h) { h.customValues[1] = 2.5; }));
    row("zero count falls", counters, kReset, counter(), with([](auto& h) { h.zeroCount = 1; }));
    row("bucket falls", counters, kReset, counter(), with([](auto& h) {
            h.positiveDeltas = {1, 0, 0};
        }));
    row("bucket in use goes missing", counters, kReset, counter(), with([](auto& h) {
            h.positiveSpans = {{0, 2}};
            h.positiveDeltas = {3, 1};
        }));
    row("empty bucket goes missing", counters, kAppended, with([](auto& h) {
            h.positiveDeltas = {1, 1, -2};
        }),
        with([](auto& h) {
            h.positiveSpans = {{0, 2}};
            h.positiveDeltas = {3, 1};
        }));
    row("new bucket", counters, kAppended, counter(), with([](auto& h) {
            h.positiveSpans = {{-3, 1}, {2, 2}, {1, 1}};
            h.positiveDeltas = {5, -4, 1, -1};
        }));
    row("new negative bucket", counters, kAppended, counter(), with([](auto& h) {
            h.negativeSpans = {{1, 1}};
            h.negativeDeltas = {5};
        }));
    row("gauge falls", ChunkHeader::Gauge, kAppended, gauge, changed(gauge, [](auto& h) {
            h.count = 1;
            h.zeroCount = 0;
            h.positiveSpans = {{7, 1}};
            h.positiveDeltas = {1};
        }));
    row("schema of gauges", ChunkHeader::Gauge, kGauge, gauge,
        changed(gauge, [](auto& h) { h.schema = 1; }));
}

void TestHistogramChunk::decidesByTheTable()
{
    QFETCH(int, header);
    QFETCH(int, chunkHeader);
    QFETCH(std::function<model::IntegerHistogram()>, last);
    QFETCH(std::function<model::IntegerHistogram()>, now);
    for (const bool isInteger : {true, false}) {
        const auto valueOf = [isInteger](const model::IntegerHistogram& h) {
            return isInteger ? integers(h) : floats(h);
        };
        tsdb::HistogramChunkWriter writer(static_cast<ChunkHeader>(chunkHeader),
                                          {kTime, valueOf(last())});
        const auto needed = writer.needsNewChunk({0, valueOf(now())});
        QCOMPARE(needed ? static_cast<int>(*needed) : -1, header);
        if (!needed) {
            writer.append({kTime + 1, valueOf(now())});
            QVERIFY(writer.lastIs(valueOf(now())));
            QCOMPARE(writer.samples(), std::uint16_t{2});
        }
        // The other kind never fits.
        const auto other = isInteger ? floats(now()) : integers(now());
        QCOMPARE(*writer.needsNewChunk({0, other}), tsdb::HistogramChunkWriter::firstHeader(other));
    }
}

void TestHistogramChunk::neverCutsAGaugeForFallingCounts()
{
    auto high = sample(kTime, 6, 2, 1, {4, 2});
    auto low = sample(kTime + 1, 3, 1, 1, {1, 1});
    for (auto* one : {&high, &low}) {
        model::FloatHistogram h = *one->value.floats;
        h.hint = model::CounterResetHint::Gauge;
        one->value.floats = std::make_shared<const model::FloatHistogram>(h);
    }
    const auto chunks = encode({high, low, high});
    QCOMPARE(chunks.size(), std::size_t{1});
    QCOMPARE(static_cast<unsigned char>(chunks[0].bytes[2]), static_cast<unsigned char>(0xC0));
}

void TestHistogramChunk::decidesByTheLastSampleWhenAChunkIsCut()
{
    const tsdb::HistogramChunkWriter writer(ChunkHeader::Unknown, {kTime, integers(counter())});
    QCOMPARE(writer.headerAfter({0, integers(counter())}), ChunkHeader::NoReset);
    QCOMPARE(writer.headerAfter({0, integers(changed(counter(), [](auto& h) { h.count = 1; }))}),
             ChunkHeader::Reset);
    const auto gauge =
        integers(changed(counter(), [](auto& h) { h.hint = model::CounterResetHint::Gauge; }));
    const tsdb::HistogramChunkWriter gauges(ChunkHeader::Gauge, {kTime, gauge});
    QCOMPARE(gauges.headerAfter({0, gauge}), ChunkHeader::Gauge);
}

void TestHistogramChunk::widensTheChunkForNewBuckets()
{
    for (const bool isInteger : {true, false}) {
        const auto valueOf = [isInteger](const model::IntegerHistogram& h) {
            return isInteger ? integers(h) : floats(h);
        };
        tsdb::HistogramChunkWriter writer(ChunkHeader::Reset, {kTime, valueOf(counter())});
        writer.append({kTime + 1, valueOf(counter())});
        writer.append({kTime + 2, valueOf(changed(counter(), [](auto& h) {
                           h.count = 20;
                           h.positiveSpans = {{-3, 1}, {2, 5}};
                           h.positiveDeltas = {5, -4, 1, 1, -2, 4};
                       }))});
        QCOMPARE(writer.samples(), std::uint16_t{3});
        QCOMPARE(static_cast<unsigned char>(writer.bytes()[2]), static_cast<unsigned char>(0x80));
        const Decoded decoded = decode(writer.encoding(), std::string(writer.bytes()));
        QVERIFY2(decoded.status.ok(), decoded.status.ToString().c_str());
        QCOMPARE(decoded.times, (std::vector<std::int64_t>{kTime, kTime + 1, kTime + 2}));
        QVERIFY((countsOf(*decoded.histograms[1]) ==
                 std::map<std::int64_t, double>{{-3, 0}, {0, 1}, {1, 2}, {2, 0}, {3, 1}, {4, 0}}));
        QVERIFY((countsOf(*decoded.histograms[2]) ==
                 std::map<std::int64_t, double>{{-3, 5}, {0, 1}, {1, 2}, {2, 3}, {3, 1}, {4, 5}}));
        QCOMPARE(decoded.histograms[0]->sum, 18.4);
    }
}

void TestHistogramChunk::widensTheSampleForEmptyBucketsThatItLacks()
{
    tsdb::HistogramChunkWriter writer(ChunkHeader::Unknown,
                                      {kTime, integers(changed(counter(), [](auto& h) {
                                           h.positiveDeltas = {0, 2, -1};
                                       }))});
    const std::size_t before = writer.bytes().size();
    writer.append({kTime + 1, integers(changed(counter(), [](auto& h) {
                       h.positiveSpans = {{1, 1}, {1, 1}};
                       h.positiveDeltas = {2, 0};
                   }))});
    QVERIFY(writer.bytes().size() < before + 10);
    const Decoded decoded = decode(writer.encoding(), std::string(writer.bytes()));
    QVERIFY((countsOf(*decoded.histograms[1]) ==
             std::map<std::int64_t, double>{{0, 0}, {1, 2}, {3, 2}}));
}

void TestHistogramChunk::widensBothInAGauge()
{
    const auto gauge = [](std::int32_t first, std::int64_t count) {
        return integers(changed(counter(), [=](auto& h) {
            h.hint = model::CounterResetHint::Gauge;
            h.positiveSpans = {{first, 1}};
            h.positiveDeltas = {count};
        }));
    };
    tsdb::HistogramChunkWriter writer(ChunkHeader::Gauge, {kTime, gauge(5, 7)});
    for (int i = 0; i < 5; ++i) {
        QVERIFY(!writer.needsNewChunk({0, gauge(4 - i, 6 - i)}));
        writer.append({kTime + 1 + i, gauge(4 - i, 6 - i)});
    }
    const Decoded decoded = decode(writer.encoding(), std::string(writer.bytes()));
    QVERIFY2(decoded.status.ok(), decoded.status.ToString().c_str());
    QVERIFY((decoded.histograms[0]->positiveSpans == std::vector<model::Span>{{0, 6}}));
    for (std::size_t i = 0; i < 6; ++i) {
        std::vector<double> expected(6, 0);
        expected[5 - i] = 7 - static_cast<double>(i);
        QCOMPARE(decoded.histograms[i]->positiveBuckets, expected);
        QCOMPARE(decoded.histograms[i]->hint, model::CounterResetHint::Gauge);
    }
}

void TestHistogramChunk::writesWhatPrometheusWrites_data()
{
    QTest::addColumn<QByteArray>("golden");
    QTest::addColumn<QByteArray>("written");
    const auto row = [](const char* name, const std::vector<tsdb::HistogramValue>& values,
                        const char* golden) {
        tsdb::HistogramChunkWriter writer(ChunkHeader::Unknown, {kTime, values[0]});
        for (std::size_t i = 1; i < values.size(); ++i) {
            writer.append({kTime + static_cast<std::int64_t>(i) * 15000, values[i]});
        }
        QTest::newRow(name) << QByteArray(golden)
                            << QByteArray::fromStdString(std::string(writer.bytes())).toHex();
    };
    const auto wide = changed(counter(), [](auto& h) {
        h.count = 20;
        h.positiveSpans = {{-3, 1}, {2, 5}};
        h.positiveDeltas = {5, -4, 1, 1, -2, 4};
        h.negativeSpans = {{1, 1}};
        h.negativeDeltas = {2};
    });
    row("integers widened", {integers(counter()), integers(counter()), integers(wide)},
        "000300744a35aca318ff0000c5e7f2b4005a48064cccccccccccc8c6d1bbe0ea6000638c2eed3ae164");
    row("floats widened", {floats(counter()), floats(counter()), floats(wide)},
        "000300744a35aca318ff0000c5e7f2b400200c0000000000002000000000000000201933333333333300000000"
        "000000001ff8000000000000200000000000000000000000000000001ff8000000000000000000000000000000"
        "00"
        "0000000000007c1d4c000d425984d802984c801613600b8418");
    const model::IntegerHistogram custom{
        .schema = model::kCustomBucketsSchema,
        .count = 3,
        .sum = 4,
        .positiveSpans = {{0, 2}},
        .positiveDeltas = {1, 1},
        .customValues = {-1.5, 0, 0.005, 1.0 / 3, 33554.430, 33554.431, 1e10}};
    row("integers with custom bounds", {integers(custom), integers(custom)},
        "00020000ee5c645d7ff00000000000011b0ff55555555555557f7fffffc81c0c49b958106244202a05f20000"
        "000fe00018bcfe5680099004000000000000231f83a98000");
    row("floats with custom bounds", {floats(custom), floats(custom)},
        "00020000ee5c645d7ff00000000000011b0ff55555555555557f7fffffc81c0c49b958106244202a05f20000"
        "000fe00018bcfe568004008000000000000000000000000000040100000000000003ff00000000000004000"
        "000000000000f83a98000");
}

void TestHistogramChunk::writesWhatPrometheusWrites()
{
    QFETCH(QByteArray, golden);
    QFETCH(QByteArray, written);
    QCOMPARE(written, golden);
}

void TestHistogramChunk::readsStartTimes_data()
{
    QTest::addColumn<int>("encoding");
    QTest::addColumn<QByteArray>("golden");
    QTest::newRow("integers") << static_cast<int>(tsdb::ChunkEncoding::HistogramSt)
                              << QByteArray("000482744a48c5fc0003179fcad001692019333333333333463"
                                            "7d00ff83a980007df63c00f813880");
    QTest::newRow("floats") << static_cast<int>(tsdb::ChunkEncoding::FloatHistogramSt)
                            << QByteArray("000482744a48c5fc0003179fcad000803000000000000080000000"
                                          "000000008064cccccccccccc7fe0000000000000800000000000000"
                                          "07fe0000000000001a01ff07530000fbec7801f027100");
}

void TestHistogramChunk::writesStartTimes_data() { readsStartTimes_data(); }

void TestHistogramChunk::writesStartTimes()
{
    QFETCH(int, encoding);
    QFETCH(QByteArray, golden);
    const auto kind = static_cast<tsdb::ChunkEncoding>(encoding);
    std::vector<tsdb::HistogramSample> samples;
    QVERIFY(tsdb::decodeHistogramSamples(kind, QByteArray::fromHex(golden).toStdString(), INT64_MIN,
                                         INT64_MAX, samples)
                .ok());
    std::vector<tsdb::ExportedChunk> chunks;
    tsdb::encodeHistograms(samples, chunks);
    QCOMPARE(chunks.size(), std::size_t{1});
    QCOMPARE(chunks[0].encoding, kind);
    QCOMPARE(QByteArray::fromStdString(chunks[0].bytes).toHex(), golden);
    // The first start time of a series is worth a chunk of its own; a later lack of one is not.
    std::vector<tsdb::HistogramSample> more = samples;
    more[0].start = more[1].start = more[3].start = 0;
    chunks.clear();
    tsdb::encodeHistograms(more, chunks);
    QCOMPARE(chunks.size(), std::size_t{2});
    QCOMPARE(chunks[1].encoding, kind);
    QCOMPARE(chunks[1].samples, 2U);
}

void TestHistogramChunk::readsStartTimes()
{
    QFETCH(int, encoding);
    QFETCH(QByteArray, golden);
    const auto kind = static_cast<tsdb::ChunkEncoding>(encoding);
    const std::string bytes = QByteArray::fromHex(golden).toStdString();
    std::vector<tsdb::HistogramSample> samples;
    const absl::Status status =
        tsdb::decodeHistogramSamples(kind, bytes, INT64_MIN, INT64_MAX, samples);
    QVERIFY2(status.ok(), status.ToString().c_str());
    QCOMPARE(samples.size(), std::size_t{4});
    constexpr std::array kStarts{kTime - 1000, kTime - 1000, kTime + 20000, kTime + 30000};
    for (std::size_t i = 0; i < samples.size(); ++i) {
        QCOMPARE(samples[i].start, kStarts[i]);
        QCOMPARE(samples[i].time, kTime + static_cast<std::int64_t>(i) * 15000);
        QVERIFY(model::sameBits(*samples[i].value.asFloat(), model::toFloat(counter())));
    }
    const Decoded decoded = decode(kind, bytes);
    QVERIFY(decoded.status.ok());
    QCOMPARE(decoded.times.size(), std::size_t{4});
}

QTEST_GUILESS_MAIN(TestHistogramChunk)
#include "tst_histogram_chunk.moc"
