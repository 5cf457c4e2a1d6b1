// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The XOR2 chunk against bytes of the chunk encoder of Prometheus 3.14 (commit d15adb9a) and
// against plain columns.
#include "core/model/sample.h"
#include "core/tsdb/block.h"
#include "core/tsdb/merged_querier.h"
#include "core/tsdb/tombstones.h"
#include "core/tsdb/xor2_chunk.h"

#include <QtTest>

#include <bit>
#include <random>

using namespace narthex;

namespace {

struct Columns
{
    std::vector<std::int64_t> times;
    std::vector<double> values;
    std::vector<std::int64_t> starts;

    void add(std::int64_t time, std::uint64_t bits, std::int64_t start)
    {
        times.push_back(time);
        values.push_back(std::bit_cast<double>(bits));
        starts.push_back(start);
    }
};

Columns decode(const std::string& chunk, std::int64_t from = INT64_MIN, std::int64_t to = INT64_MAX)
{
    Columns columns;
    const absl::Status status =
        tsdb::xor2Decode(chunk, from, to, columns.times, columns.values, &columns.starts);
    if (!status.ok()) {
        qWarning("%s", status.ToString().c_str());
    }
    return columns;
}

bool same(const Columns& a, const Columns& b)
{
    return a.times == b.times && a.starts == b.starts &&
           std::equal(a.values.begin(), a.values.end(), b.values.begin(), b.values.end(),
                      [](double x, double y) {
                          return std::bit_cast<std::uint64_t>(x) == std::bit_cast<std::uint64_t>(y);
                      });
}

bool roundTrips(const Columns& columns)
{
    return same(decode(tsdb::xor2Encode(columns.times, columns.values, columns.starts)), columns);
}

QByteArray hex(const Columns& columns)
{
    return QByteArray::fromStdString(
               tsdb::xor2Encode(columns.times, columns.values, columns.starts))
        .toHex();
}

} // namespace

class TestXor2Chunk : public QObject
{
    Q_OBJECT

private slots:
    void handsOutStartTimes();
    void writesWhatPrometheusWrites();
    void roundTripsTheEdgesOfEveryCode();
    void roundTripsRandomColumns();
    void beginsStartTimesAtTheLastIndexThatTheHeaderHolds();
    void leavesOutStartTimesThatNobodyAsksFor();
    void isReadFromBlocksLikeEveryEncoding();
    void readsOnlyTheRange();
    void refusesChunksThatEndEarly();
};

void TestXor2Chunk::writesWhatPrometheusWrites()
{
    Columns jitter;
    jitter.add(1700000016350, 4607182418800017408, 0);
    jitter.add(1700000030597, 4605341919881173233, 0);
    jitter.add(1700000045597, 4605341919881173233, 0);
    jitter.add(1700000060597, 4605341919881173233, 0);
    jitter.add(1700000075597, 4589759478266459551, 0);
    jitter.add(1700000086857, 4589759478266459551, 0);
    QCOMPARE(hex(jitter), QByteArray("000600bc9fadfef9623ff0000000000000a76fcbd72ec26e77731e385e254"
                                     "ed6dbffbe4d9b5be8b200"));
    QVERIFY(roundTrips(jitter));
    Columns starts; // from the second sample on, with a stale marker
    starts.add(1700000015000, 4634063279075885056, 0);
    starts.add(1700000030000, 15602947206129094277U, 1699999980286);
    starts.add(1700000045000, 15602947206129094277U, 1699999980286);
    starts.add(1700000055990, 15602947206129094277U, 1699999980286);
    starts.add(1700000836337, model::kStaleBits, 1699999980286);
    starts.add(1700000851337, 17836944063146511552U, 1699999980286);
    QCOMPARE(hex(starts), QByteArray("000601b08aadfef962404f8000000000009875c002631d374399fe3a17e21"
                                     "e69f07531a0acf83a98f000000000005dea6ff82aeef7ffffffffffa292ec"
                                     "5e02879fd847848bf817d076"));
    QVERIFY(roundTrips(starts));
    Columns late; // known for the first sample, another at the last
    late.add(1700000015000, 4599534822295225244, 1699999995000);
    late.add(1700000030000, 4599534822295225244, 1699999995000);
    late.add(1700000045000, 4599534822295225244, 1699999995000);
    late.add(1700000701992, model::kStaleBits, 1699999995000);
    late.add(1700000716992, 4601807406724030700, 1699999995000);
    late.add(1700000731992, 4617824004636983823, 1700000665362);
    QCOMPARE(hex(late),
             QByteArray("000685b08aadfef9623fd4d48d2ef2439cc0b80298753c0000000000139791fd"
                        "ffffffffffec6871998419fcaa3f31bd0ffff24a40cf4938b8fe326b80"));
    QVERIFY(roundTrips(late));
}

void TestXor2Chunk::roundTripsTheEdgesOfEveryCode()
{
    for (const std::int64_t change : {0L, 1L, -1L, 4095L, 4096L, -4096L, -4097L, 524287L, 524288L,
                                      -524288L, -524289L, 1L << 40U, -(1L << 40U)}) {
        const std::int64_t delta = 1L << 41U;
        Columns columns;
        for (const std::uint64_t bits : {std::bit_cast<std::uint64_t>(1.0),
                                         std::bit_cast<std::uint64_t>(1.5), model::kStaleBits}) {
            columns = {};
            columns.add(5, std::bit_cast<std::uint64_t>(1.0), 0);
            columns.add(5 + delta, std::bit_cast<std::uint64_t>(1.0), 0);
            columns.add(5 + 2 * delta + change, bits, 0);
            columns.add(5 + 3 * delta + 2 * change, bits, 0);
            QVERIFY2(roundTrips(columns), std::to_string(change).c_str());
        }
    }
    Columns columns;
    columns.add(INT64_MIN, ~std::uint64_t{0}, INT64_MAX);
    columns.add(0, 0, INT64_MIN);
    columns.add(INT64_MAX, ~std::uint64_t{0}, 0);
    columns.add(INT64_MIN, 0, 1);
    QVERIFY(roundTrips(columns));
    for (int i = 0; i < 3; ++i) {
        Columns stale;
        for (int k = 0; k <= i; ++k) {
            stale.add(k, model::kStaleBits, 0);
        }
        QVERIFY(roundTrips(stale));
    }
}

void TestXor2Chunk::roundTripsRandomColumns()
{
    const unsigned seed = std::random_device{}();
    qInfo("seed %u", seed);
    std::mt19937_64 random(seed);
    for (int round = 0; round < 300; ++round) {
        Columns columns;
        auto time = static_cast<std::int64_t>(random() % 2'000'000'000'000);
        double value = 0;
        std::int64_t start = random() % 2 == 0 ? 0 : time - 1000;
        const std::size_t count = 1 + random() % 300;
        for (std::size_t i = 0; i < count; ++i) {
            time += static_cast<std::int64_t>(random() % 10 == 0 ? random() % 10'000'000
                                                                 : 15000 + random() % 3);
            value = random() % 4 == 0 ? std::bit_cast<double>(random())
                                      : value + static_cast<double>(random() % 5);
            if (random() % 100 == 0) {
                start = time - static_cast<std::int64_t>(random() % 100000);
            }
            columns.add(
                time, random() % 20 == 0 ? model::kStaleBits : std::bit_cast<std::uint64_t>(value),
                start);
        }
        QVERIFY(roundTrips(columns));
    }
}

void TestXor2Chunk::beginsStartTimesAtTheLastIndexThatTheHeaderHolds()
{
    for (const std::size_t changeAt : {126U, 127U, 128U, 200U, 1000U}) {
        Columns columns;
        for (std::size_t i = 0; i < 240; ++i) {
            columns.add(static_cast<std::int64_t>(i) * 15000, 0, i < changeAt ? 7 : 1000);
        }
        QVERIFY(roundTrips(columns));
        const std::string chunk = tsdb::xor2Encode(columns.times, columns.values, columns.starts);
        QCOMPARE(static_cast<unsigned char>(chunk[2]),
                 static_cast<unsigned char>(0x80U | std::min<std::size_t>(changeAt, 127)));
    }
}

void TestXor2Chunk::leavesOutStartTimesThatNobodyAsksFor()
{
    std::vector<std::int64_t> times;
    std::vector<double> values;
    const std::string chunk = tsdb::xor2Encode({10, 20, 30}, {1, 2, 3}, {5, 6, 7});
    QVERIFY(tsdb::xor2Decode(chunk, 0, 100, times, values).ok());
    QCOMPARE(times, (std::vector<std::int64_t>{10, 20, 30}));
    QCOMPARE(values, (std::vector<double>{1, 2, 3}));
}

void TestXor2Chunk::isReadFromBlocksLikeEveryEncoding()
{
    using tsdb::ChunkEncoding;
    const auto bytes = [](const char* text) { return QByteArray::fromHex(text).toStdString(); };
    const std::vector<std::pair<ChunkEncoding, std::string>> chunks{
        {ChunkEncoding::Xor, bytes("000480a0abfef9623ff00000000000009875c25fff20fa360580")},
        {ChunkEncoding::Histogram,
         bytes(
             "000300744a48c5fc0003179fcad0016920193333333333334637f83a989c76677ccccccccccce2bad78c"
             "000000000005d2")},
        {ChunkEncoding::FloatHistogram,
         bytes("000200744647f0000c5e7f2b400200c0000000000002000000000000000201940000000000"
               "01ffc00000000000020020000000000007c1d4c6a17bb01ec12f09bfffd80c")},
        {ChunkEncoding::Xor2, tsdb::xor2Encode({10, 20}, {1, 2})},
        {ChunkEncoding::HistogramSt,
         bytes("000482744a48c5fc0003179fcad0016920193333333333334637d00ff83a980007df63c00f813880")},
        {ChunkEncoding::FloatHistogramSt,
         bytes("000482744a48c5fc0003179fcad000803000000000000080000000000000008064cccccccccccc7fe00"
               "000"
               "0000000080000000000000007fe0000000000001a01ff07530000fbec7801f027100")}};
    storage::SampleColumns columns;
    for (const auto& [encoding, data] : chunks) {
        const std::size_t before = columns.size();
        const absl::Status status =
            tsdb::decodeChunk({encoding, data}, INT64_MIN, INT64_MAX, columns);
        QVERIFY2(status.ok(), status.ToString().c_str());
        QVERIFY(columns.size() > before);
    }
    QCOMPARE(columns.times.size(), std::size_t{6});
    QCOMPARE(columns.histogramTimes.size(), std::size_t{13});
    for (const int unknown : {0, 7, 255}) {
        const auto encoding = static_cast<ChunkEncoding>(unknown);
        const absl::Status status =
            tsdb::decodeChunk({encoding, "abcdef"}, INT64_MIN, INT64_MAX, columns);
        QCOMPARE(status.code(), absl::StatusCode::kDataLoss);
        QVERIFY(status.message().find("encoding") != absl::string_view::npos);
    }
}

void TestXor2Chunk::readsOnlyTheRange()
{
    const std::string chunk = tsdb::xor2Encode({10, 20, 30, 40}, {1, 2, 3, 4}, {5, 5, 6, 7});
    const Columns some = decode(chunk, 20, 30);
    QCOMPARE(some.values, (std::vector<double>{2, 3}));
    QCOMPARE(some.starts, (std::vector<std::int64_t>{5, 6}));
    QVERIFY(decode(chunk, 41, 100).times.empty());
    QVERIFY(decode(chunk, 0, 9).times.empty());
}

void TestXor2Chunk::refusesChunksThatEndEarly()
{
    const std::string chunk = tsdb::xor2Encode({10, 20, 35, 40}, {1, 2.25, 3, 4.125}, {5, 5, 6, 7});
    for (std::size_t size = 0; size < chunk.size(); ++size) {
        std::vector<std::int64_t> times{1};
        std::vector<double> values{1};
        std::vector<std::int64_t> starts{1};
        QCOMPARE(tsdb::xor2Decode(chunk.substr(0, size), 0, 100, times, values, &starts).code(),
                 absl::StatusCode::kDataLoss);
        QCOMPARE(times.size() + values.size() + starts.size(), std::size_t{3});
    }
}

void TestXor2Chunk::handsOutStartTimes()
{
    using Times = std::vector<std::int64_t>;
    const std::string plain = tsdb::xor2Encode({10, 20}, {1, 2});
    const std::string started = tsdb::xor2Encode({30, 40, 50}, {3, 4, 5}, {25, 0, 45});
    storage::SampleColumns columns;
    const auto decode = [](const std::string& chunk, storage::SampleColumns& out) {
        return tsdb::decodeChunk({tsdb::ChunkEncoding::Xor2, chunk}, 0, 100, out).ok();
    };
    QVERIFY(decode(plain, columns));
    QVERIFY(columns.startTimes.empty());
    // Behind samples without one they stand in their places.
    QVERIFY(decode(started, columns));
    QCOMPARE(columns.startTimes, (Times{0, 0, 25, 0, 45}));
    // Merging keeps them, also where the other source has none.
    storage::SampleColumns late;
    late.times = {15, 40, 60};
    late.values = {9, 9, 9};
    tsdb::mergeColumns(columns, 0, 0, late);
    QCOMPARE(columns.times, (Times{10, 15, 20, 30, 40, 50, 60}));
    QCOMPARE(columns.startTimes, (Times{0, 0, 0, 25, 0, 45, 0}));
    QCOMPARE(columns.values, (std::vector<double>{1, 9, 2, 3, 4, 5, 9}));
    tsdb::removeDeleted({{.minTime = 15, .maxTime = 30}}, 0, 0, columns);
    QCOMPARE(columns.startTimes, (Times{0, 0, 45, 0}));
    storage::SampleColumns other;
    QVERIFY(decode(started, other));
    storage::SampleColumns early;
    early.times = {1, 2};
    early.values = {1, 2};
    tsdb::mergeColumns(early, 0, 0, other);
    QCOMPARE(early.startTimes, (Times{0, 0, 25, 0, 45}));
}

QTEST_GUILESS_MAIN(TestXor2Chunk)
#include "tst_xor2_chunk.moc"
