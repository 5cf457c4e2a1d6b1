// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Chunks of native histograms against golden bytes of Prometheus 2.42.
#include "core/model/sample.h"
#include "core/tsdb/histogram_chunk.h"

#include <QtTest>

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
    QCOMPARE(chunks.size(), std::size_t{3});
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

QTEST_GUILESS_MAIN(TestHistogramChunk)
#include "tst_histogram_chunk.moc"
