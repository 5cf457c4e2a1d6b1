// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What chunks of native histograms hold and what they refuse: schemas, layouts, sizes, ranges,
// hints, bytes that end early.
#include "histogram_samples.h"

#include "core/tsdb/varbit.h"
#include "support/tsdb_fixture.h"

#include <QtTest>

#include <random>

using namespace narthex;
using namespace narthex::tests;

class TestHistogramLimits : public QObject
{
    Q_OBJECT

private slots:
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
    void endsASeriesWithAStaleSample();
    void refusesChunksThatEndEarly();
};

void TestHistogramLimits::endsASeriesWithAStaleSample()
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

void TestHistogramLimits::refusesChunksThatEndEarly()
{
    const std::string bytes =
        encode({sample(kTime, 6, 2, 1, {1, 2.25}), sample(kTime + 1, 7, 2, 1.5, {3, 4})})[0].bytes;
    for (std::size_t size = 0; size + 1 < bytes.size(); ++size) {
        QCOMPARE(decode(tsdb::ChunkEncoding::FloatHistogram, bytes.substr(0, size)).status.code(),
                 absl::StatusCode::kDataLoss);
    }
}

void TestHistogramLimits::readsFineSchemasAsSchemaEight()
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

void TestHistogramLimits::acceptsOnlyWhatCanBeKept()
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

void TestHistogramLimits::keepsOthersOutOfTheStore()
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

void TestHistogramLimits::refusesUnknownSchemas()
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

void TestHistogramLimits::refusesLayoutsThatCannotBe()
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

void TestHistogramLimits::giveHintsByHeaderAndPlace()
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

void TestHistogramLimits::knowsItsLastSample()
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

void TestHistogramLimits::endsChunksBySize()
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

void TestHistogramLimits::readsOnlyTheRange()
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

void TestHistogramLimits::bridgesGapsThatNoOffsetHolds()
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

QTEST_GUILESS_MAIN(TestHistogramLimits)
#include "tst_histogram_limits.moc"
