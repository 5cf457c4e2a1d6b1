// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Chunks of native histograms against golden bytes of Prometheus 2.42 and, where it says so, of the
// chunk encoder of 3.14 (commit d15adb9a). One file, though long: every row of the table of appends
// (spec/tsdb.md, 3.5) is tried for both kinds with the same builders.
#include "core/model/sample.h"
#include "core/tsdb/histogram_chunk.h"
#include "core/tsdb/varbit.h"
#include "support/tsdb_fixture.h"

#include <QtTest>

#include <functional>
#include <map>
#include <random>

using namespace narthex;

namespace {

constexpr std::int64_t kTime = 1700000000000;

struct Decoded
{
    absl::Status status;
    std::vector<std::int64_t> times;
    std::vector<std::shared_ptr<const model::FloatHistogram>> histograms;
};

Decoded decode(tsdb::ChunkEncoding encoding, const std::string& bytes)
{
    Decoded result;
    result.status = tsdb::decodeHistogramChunk(encoding, bytes, INT64_MIN, INT64_MAX, result.times,
                                               result.histograms);
    return result;
}

tsdb::HistogramSample sample(std::int64_t time, double count, double zeroCount, double sum,
                             std::vector<double> buckets)
{
    model::FloatHistogram h;
    h.zeroThreshold = 0x1p-128;
    h.count = count;
    h.zeroCount = zeroCount;
    h.sum = sum;
    h.positiveSpans = {{0, static_cast<std::uint32_t>(buckets.size())}};
    h.positiveBuckets = std::move(buckets);
    return {time, {std::make_shared<const model::FloatHistogram>(std::move(h)), nullptr}};
}

using tsdb::ChunkHeader;

tsdb::HistogramValue integers(model::IntegerHistogram h)
{
    return {nullptr, std::make_shared<const model::IntegerHistogram>(std::move(h))};
}

tsdb::HistogramValue floats(const model::IntegerHistogram& h)
{
    return {std::make_shared<const model::FloatHistogram>(model::toFloat(h)), nullptr};
}

/// Count 6, bucket counts 1, 2, 1 at the indexes 0, 1 and 3.
model::IntegerHistogram counter()
{
    return {.zeroThreshold = 0x1p-128,
            .zeroCount = 2,
            .count = 6,
            .sum = 18.4,
            .positiveSpans = {{0, 2}, {1, 1}},
            .positiveDeltas = {1, 1, -1}};
}

model::IntegerHistogram changed(model::IntegerHistogram h,
                                const std::function<void(model::IntegerHistogram&)>& change)
{
    change(h);
    return h;
}

model::IntegerHistogram stale() { return {.sum = model::staleMarker()}; }

/// Counts by index, of either kind.
std::map<std::int64_t, double> countsOf(const model::FloatHistogram& h)
{
    std::map<std::int64_t, double> counts;
    std::int64_t index = 0;
    std::size_t at = 0;
    for (const model::Span& span : h.positiveSpans) {
        index += span.offset;
        for (std::uint32_t i = 0; i < span.length; ++i) {
            counts[index++] = h.positiveBuckets[at++];
        }
    }
    return counts;
}

std::vector<tsdb::ExportedChunk> encode(const std::vector<tsdb::HistogramSample>& samples)
{
    std::vector<tsdb::ExportedChunk> chunks;
    tsdb::encodeHistograms(samples, chunks);
    return chunks;
}

} // namespace

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
    void readsFineSchemasAsSchemaEight();
    void acceptsOnlyWhatCanBeKept();
    void keepsOthersOutOfTheStore();
    void refusesUnknownSchemas();
    void refusesLayoutsThatCannotBe();
    void giveHintsByHeaderAndPlace();
    void knowsItsLastSample();
    void endsChunksBySize();
    void readsOnlyTheRange();
    void bridgesGapsThatNoOffsetHolds();
    void readsWhatItWrites();
    void startsAChunkWhereACounterGoesBack();
    void endsASeriesWithAStaleSample();
    void refusesChunksThatEndEarly();
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

void TestHistogramChunk::endsASeriesWithAStaleSample()
{
    model::FloatHistogram stale;
    stale.sum = model::staleMarker();
    const tsdb::HistogramSample end{
        kTime + 1, {std::make_shared<const model::FloatHistogram>(stale), nullptr}};
    const auto chunks =
        encode({sample(kTime, 6, 2, 1, {1, 2}), end, sample(kTime + 2, 7, 2, 1, {1, 2})});
    QCOMPARE(chunks.size(), std::size_t{2});
    const Decoded decoded = decode(chunks[0].encoding, chunks[0].bytes);
    QCOMPARE(decoded.times.size(), std::size_t{2});
    QVERIFY(decoded.histograms[1]->isStale());
    QVERIFY(decode(tsdb::ChunkEncoding::FloatHistogram, encode({end})[0].bytes)
                .histograms[0]
                ->isStale());
}

void TestHistogramChunk::refusesChunksThatEndEarly()
{
    const std::string bytes =
        encode({sample(kTime, 6, 2, 1, {1, 2.25}), sample(kTime + 1, 7, 2, 1.5, {3, 4})})[0].bytes;
    for (std::size_t size = 0; size + 1 < bytes.size(); ++size) {
        QCOMPARE(decode(tsdb::ChunkEncoding::FloatHistogram, bytes.substr(0, size)).status.code(),
                 absl::StatusCode::kDataLoss);
    }
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

void TestHistogramChunk::readsFineSchemasAsSchemaEight()
{
    const Decoded integer =
        decode(tsdb::ChunkEncoding::Histogram,
               QByteArray::fromHex("00010074c4ca718cdfc0003179fcad0016920193333333333334631900")
                   .toStdString());
    const Decoded floating = decode(
        tsdb::ChunkEncoding::FloatHistogram,
        QByteArray::fromHex("00010074c4ca718cdfc0003179fcad0008030000000000000800000000000000"
                            "08064cccccccccccc7fe00000000000008000000000000000801000000000000"
                            "080280000000000000")
            .toStdString());
    for (const Decoded& decoded : {integer, floating}) {
        QVERIFY2(decoded.status.ok(), decoded.status.ToString().c_str());
        QCOMPARE(decoded.histograms[0]->schema, 8);
        QVERIFY((decoded.histograms[0]->positiveSpans == std::vector<model::Span>{{1, 2}, {1, 1}}));
        QCOMPARE(decoded.histograms[0]->positiveBuckets, (std::vector<double>{3, 3, 5}));
    }
}

void TestHistogramChunk::acceptsOnlyWhatCanBeKept()
{
    const auto with = [](const std::function<void(model::IntegerHistogram&)>& change) {
        return changed(counter(), change);
    };
    for (const bool isInteger : {true, false}) {
        const auto accepted = [isInteger](const model::IntegerHistogram& h) {
            if (isInteger) {
                return tsdb::acceptHistogram(integers(h));
            }
            return tsdb::acceptHistogram(floats(h));
        };
        QVERIFY(model::sameBits(*accepted(counter())->asFloat(), model::toFloat(counter())));
        QVERIFY(accepted(stale()).has_value());
        QVERIFY(!accepted(with([](auto& h) { h.schema = 60; })));
        QVERIFY(!accepted(with([](auto& h) { h.schema = -5; })));
        QVERIFY(!accepted(with([](auto& h) { h.positiveDeltas.pop_back(); })));
        QVERIFY(!accepted(with([](auto& h) { h.positiveSpans[1].offset = -1; })));
        QVERIFY(!accepted(with([](auto& h) { h.negativeSpans = {{0, 1}}; })));
        QVERIFY(!accepted(with([](auto& h) { h.positiveSpans[0].length = UINT32_MAX; })));
        const auto fine = accepted(with([](auto& h) { h.schema = 10; }))->asFloat();
        QCOMPARE(fine->schema, 8);
        // Index 0 of schema 10 lies in index 0 of schema 8; 1 and 3 lie in 1.
        QVERIFY((fine->positiveSpans == std::vector<model::Span>{{0, 2}}));
        QCOMPARE(fine->positiveBuckets, (std::vector<double>{1, 3}));
    }
}

void TestHistogramChunk::keepsOthersOutOfTheStore()
{
    test::TsdbFixture fixture;
    const auto db = fixture.open();
    const auto appender = db->appender();
    const auto ref = *appender->seriesFor(model::Labels{{"__name__", "h"}});
    const auto append = [&](std::int64_t time, const model::IntegerHistogram& h) {
        return appender->appendHistogram(ref, {kTime + time}, h);
    };
    using storage::AppendResult;
    QCOMPARE(append(0, changed(counter(), [](auto& h) { h.positiveDeltas.clear(); })),
             AppendResult::Unsupported);
    QCOMPARE(append(0, changed(counter(), [](auto& h) { h.schema = 60; })),
             AppendResult::Unsupported);
    QCOMPARE(append(0, counter()), AppendResult::Appended);
    QVERIFY(appender->commit().ok());
    QCOMPARE(append(0, changed(counter(), [](auto& h) { h.positiveDeltas.clear(); })),
             AppendResult::Unsupported);
    QCOMPARE(append(1, changed(counter(), [](auto& h) { h.schema = 10; })), AppendResult::Appended);
    QVERIFY(appender->commit().ok());
}

void TestHistogramChunk::refusesUnknownSchemas()
{
    for (const std::int32_t schema : {-5, 53, -52, -54}) {
        const tsdb::HistogramChunkWriter writer(
            ChunkHeader::Unknown,
            {kTime, integers(changed(counter(), [schema](auto& h) { h.schema = schema; }))});
        const Decoded decoded = decode(writer.encoding(), std::string(writer.bytes()));
        QCOMPARE(decoded.status.code(), absl::StatusCode::kDataLoss);
        QVERIFY(decoded.status.message().find("unknown schema") != absl::string_view::npos);
    }
}

void TestHistogramChunk::refusesLayoutsThatCannotBe()
{
    const auto withSpans = [](const std::vector<std::pair<std::uint64_t, std::int64_t>>& spans) {
        tsdb::BitWriter bits;
        bits.put(1, 16);
        bits.put(0, 16); // header, zero threshold
        bits.putVarbitInt(0);
        bits.putVarbitUint(spans.size());
        for (const auto& [length, offset] : spans) {
            bits.putVarbitUint(length);
            bits.putVarbitInt(offset);
        }
        bits.put(0, 64);
        bits.put(0, 64);
        return decode(tsdb::ChunkEncoding::Histogram, std::string(bits.bytes())).status;
    };
    QVERIFY(withSpans({{1, 0}, {2, 1}}).ok());
    QCOMPARE(withSpans({{UINT64_MAX, 0}}).code(), absl::StatusCode::kDataLoss);
    QCOMPARE(withSpans({{300, 0}}).code(), absl::StatusCode::kDataLoss);
    QCOMPARE(withSpans({{150, 0}, {150, 0}}).code(), absl::StatusCode::kDataLoss);
    QCOMPARE(withSpans({{1, 0}, {1, -1}}).code(), absl::StatusCode::kDataLoss);
    QCOMPARE(withSpans({{1, std::int64_t{1} << 40U}}).code(), absl::StatusCode::kDataLoss);
    // 65535 samples that each repeat a long list of bounds.
    tsdb::HistogramChunkWriter writer(ChunkHeader::Unknown,
                                      {kTime, integers(changed(counter(), [](auto& h) {
                                           h.schema = model::kCustomBucketsSchema;
                                           h.customValues.assign(100000, 1);
                                       }))});
    std::string bytes(writer.bytes());
    bytes[0] = bytes[1] = '\xff';
    const Decoded decoded = decode(tsdb::ChunkEncoding::Histogram, bytes);
    QCOMPARE(decoded.status.code(), absl::StatusCode::kDataLoss);
}

void TestHistogramChunk::giveHintsByHeaderAndPlace()
{
    using Hint = model::CounterResetHint;
    for (const ChunkHeader header :
         {ChunkHeader::Unknown, ChunkHeader::NoReset, ChunkHeader::Reset}) {
        tsdb::HistogramChunkWriter writer(header, {kTime, integers(counter())});
        writer.append({kTime + 1, integers(counter())});
        const Decoded decoded = decode(writer.encoding(), std::string(writer.bytes()));
        QCOMPARE(decoded.histograms[0]->hint, Hint::Unknown);
        QCOMPARE(decoded.histograms[1]->hint, Hint::NoReset);
    }
}

void TestHistogramChunk::knowsItsLastSample()
{
    tsdb::HistogramChunkWriter writer(ChunkHeader::Unknown, {kTime, integers(counter())});
    QVERIFY(writer.lastIs(integers(counter())));
    QVERIFY(!writer.lastIs(floats(counter())));
    QVERIFY(!writer.lastIs(integers(stale())));
    // The hint does not count, nor do buckets that are empty.
    QVERIFY(writer.lastIs(integers(changed(counter(), [](auto& h) {
        h.hint = model::CounterResetHint::NoReset;
        h.positiveSpans = {{0, 5}};
        h.positiveDeltas = {1, 1, -2, 1, -1};
    }))));
    const std::vector<std::function<void(model::IntegerHistogram&)>> changes{
        [](auto& h) { ++h.count; },
        [](auto& h) { ++h.zeroCount; },
        [](auto& h) { h.sum = -h.sum; },
        [](auto& h) { h.schema = 1; },
        [](auto& h) { h.zeroThreshold = 0; },
        [](auto& h) { h.positiveDeltas[2] = 0; },
        [](auto& h) { h.positiveSpans[1].offset = 2; },
        [](auto& h) {
            h.negativeSpans = {{0, 1}};
            h.negativeDeltas = {1};
        }};
    for (const auto& change : changes) {
        QVERIFY(!writer.lastIs(integers(changed(counter(), change))));
    }
    writer.append({kTime + 1, integers(stale())});
    QVERIFY(writer.lastIs(integers(stale())));
    QVERIFY(!writer.lastIs(integers(counter())));
}

void TestHistogramChunk::endsChunksBySize()
{
    std::mt19937_64 random(1);
    std::vector<tsdb::HistogramSample> samples;
    double total = 0;
    for (int i = 0; i < 500; ++i) {
        total += static_cast<double>(random() % 1000) / 7;
        samples.push_back(sample(kTime + i * 15000, total, 0, total * 3, {total, total / 3}));
    }
    const auto chunks = encode(samples);
    std::size_t counted = 0;
    for (std::size_t i = 0; i < chunks.size(); ++i) {
        counted += chunks[i].samples;
        QVERIFY(chunks[i].bytes.size() < 2048 + 100);
        QVERIFY(chunks[i].samples <= 120);
        QVERIFY(i + 1 == chunks.size() || chunks[i].bytes.size() >= 2048 ||
                chunks[i].samples == 120);
        QCOMPARE(static_cast<unsigned char>(chunks[i].bytes[2]),
                 static_cast<unsigned char>(i == 0 ? 0x00 : 0x40));
    }
    QCOMPARE(counted, samples.size());
    // Large samples still come at least ten to a chunk.
    std::vector<tsdb::HistogramSample> large;
    for (int i = 0; i < 40; ++i) {
        std::vector<double> buckets;
        for (int b = 0; b < 200; ++b) {
            buckets.push_back(i + b / 7.0);
        }
        large.push_back(sample(kTime + i, 1e6 + i, 0, 1, buckets));
    }
    for (const tsdb::ExportedChunk& chunk : encode(large)) {
        QCOMPARE(chunk.samples, 10U);
    }
}

void TestHistogramChunk::readsOnlyTheRange()
{
    std::vector<tsdb::HistogramSample> samples;
    for (int i = 0; i < 10; ++i) {
        samples.push_back(sample(kTime + i, i, 0, i, {i / 1.0}));
    }
    const auto chunk = encode(samples)[0];
    std::vector<tsdb::HistogramSample> read;
    QVERIFY(
        tsdb::decodeHistogramSamples(chunk.encoding, chunk.bytes, kTime + 3, kTime + 5, read).ok());
    QCOMPARE(read.size(), std::size_t{3});
    QCOMPARE(read[0].time, kTime + 3);
    QCOMPARE(read[2].value.floats->count, 5.0);
}

void TestHistogramChunk::bridgesGapsThatNoOffsetHolds()
{
    const auto gauge = [](std::int32_t index) {
        return integers(changed(counter(), [index](auto& h) {
            h.hint = model::CounterResetHint::Gauge;
            h.positiveSpans = {{index, 1}};
            h.positiveDeltas = {1};
        }));
    };
    tsdb::HistogramChunkWriter writer(ChunkHeader::Gauge, {kTime, gauge(INT32_MIN)});
    writer.append({kTime + 1, gauge(INT32_MAX)});
    const Decoded decoded = decode(writer.encoding(), std::string(writer.bytes()));
    QVERIFY2(decoded.status.ok(), decoded.status.ToString().c_str());
    QVERIFY((countsOf(*decoded.histograms[1]) ==
             std::map<std::int64_t, double>{{INT32_MIN, 0}, {INT32_MAX, 1}}));
    QVERIFY(writer.lastIs(gauge(INT32_MAX)));
}

QTEST_GUILESS_MAIN(TestHistogramChunk)
#include "tst_histogram_chunk.moc"
