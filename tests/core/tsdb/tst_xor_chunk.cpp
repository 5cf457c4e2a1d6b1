// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The XOR chunk against golden bytes of Prometheus 2.42 and against plain columns.
#include "core/model/sample.h"
#include "core/tsdb/xor_chunk.h"

#include <QtTest>

#include <bit>
#include <random>

using namespace narthex;

namespace {

struct Columns
{
    std::vector<std::int64_t> times;
    std::vector<double> values;
};

QByteArray hex(const std::string& bytes) { return QByteArray::fromStdString(bytes).toHex(); }

Columns decode(const std::string& chunk, std::int64_t from = INT64_MIN, std::int64_t to = INT64_MAX)
{
    Columns columns;
    const absl::Status status = tsdb::xorDecode(chunk, from, to, columns.times, columns.values);
    if (!status.ok()) {
        qWarning("%s", status.ToString().c_str());
    }
    return columns;
}

bool sameBits(const std::vector<double>& a, const std::vector<double>& b)
{
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](double x, double y) {
        return std::bit_cast<std::uint64_t>(x) == std::bit_cast<std::uint64_t>(y);
    });
}

bool roundTrips(const Columns& columns)
{
    const Columns back = decode(tsdb::xorEncode(columns.times, columns.values));
    return back.times == columns.times && sameBits(back.values, columns.values);
}

} // namespace

class TestXorChunk : public QObject
{
    Q_OBJECT

private slots:
    void writesTheGoldenBytes();
    void readsOneSampleWithAndWithoutTheTrailingZeroByte();
    void roundTripsTheEdgesOfEveryCode();
    void roundTripsRandomColumns();
    void readsOnlyTheRange();
    void refusesChunksThatEndEarly();
};

void TestXorChunk::writesTheGoldenBytes()
{
    const Columns columns{{1700000000000, 1700000015000, 1700000030000, 1700000046000},
                          {1, 2, 2, 3.5}};
    QCOMPARE(hex(tsdb::xorEncode(columns.times, columns.values)),
             QByteArray("000480a0abfef9623ff00000000000009875c25fff20fa360580"));
    QVERIFY(roundTrips(columns));
}

void TestXorChunk::readsOneSampleWithAndWithoutTheTrailingZeroByte()
{
    const std::string chunk = tsdb::xorEncode({1700000000000}, {7});
    QCOMPARE(chunk.size(), std::size_t{16});
    QCOMPARE(decode(chunk).times, std::vector<std::int64_t>{1700000000000});
    QCOMPARE(decode(chunk + std::string(1, '\0')).values, std::vector<double>{7});
}

void TestXorChunk::roundTripsTheEdgesOfEveryCode()
{
    for (const std::int64_t change :
         {0L,      1L,      -1L,      8191L,    8192L,     8193L,       -8191L,
          -8192L,  65535L,  65536L,   65537L,   -65535L,   -65536L,     524287L,
          524288L, 524289L, -524287L, -524288L, 1L << 40U, -(1L << 40U)}) {
        const std::int64_t delta = 1L << 41U;
        QVERIFY2(roundTrips({{5, 5 + delta, 5 + 2 * delta + change, 5 + 3 * delta + change},
                             {1, 1, 1, 1}}),
                 std::to_string(change).c_str());
    }
    // All 64 bits change: the field for their number holds 0.
    const double all = std::bit_cast<double>(~std::bit_cast<std::uint64_t>(1.5));
    QVERIFY(roundTrips({{1, 2, 3, 4}, {1.5, all, 1.5, all}}));
    QVERIFY(
        roundTrips({{1, 2, 3}, {model::staleMarker(), model::normalNan(), model::staleMarker()}}));
    QVERIFY(roundTrips({{INT64_MIN, 0, INT64_MAX}, {0, -0.0, 0}}));
    // 8192 fits the 14-bit code, -8192 does not: one needs 4 bits more, which shows in the length
    // after some samples.
    const auto sizeWith = [](std::int64_t change) {
        Columns columns{{0, 20000}, {0, 0}};
        for (int i = 0; i < 16; ++i) {
            const std::int64_t delta =
                columns.times.back() - columns.times[columns.times.size() - 2];
            columns.times.push_back(columns.times.back() + delta + (i % 2 == 0 ? change : 0));
            columns.values.push_back(0);
        }
        return tsdb::xorEncode(columns.times, columns.values).size();
    };
    QCOMPARE(sizeWith(-8192) - sizeWith(8192), std::size_t{4});
}

void TestXorChunk::roundTripsRandomColumns()
{
    const unsigned seed = std::random_device{}();
    qInfo("seed %u", seed);
    std::mt19937_64 random(seed);
    for (int round = 0; round < 500; ++round) {
        Columns columns;
        std::int64_t time = static_cast<std::int64_t>(random() % 2'000'000'000'000);
        double value = 0;
        const std::size_t count = 1 + random() % 240;
        for (std::size_t i = 0; i < count; ++i) {
            time += static_cast<std::int64_t>(random() % 10 == 0 ? 1 + random() % 10'000'000
                                                                 : 15000 + random() % 3);
            switch (random() % 4) {
            case 0:
                value = std::bit_cast<double>(random());
                break;
            case 1:
                value += static_cast<double>(random() % 1000);
                break;
            case 2:
                value = static_cast<double>(random() % 100) / 100;
                break;
            default:
                break;
            }
            columns.times.push_back(time);
            columns.values.push_back(value);
        }
        QVERIFY(roundTrips(columns));
    }
}

void TestXorChunk::readsOnlyTheRange()
{
    const std::string chunk = tsdb::xorEncode({10, 20, 30, 40}, {1, 2, 3, 4});
    QCOMPARE(decode(chunk, 20, 30).values, (std::vector<double>{2, 3}));
    QCOMPARE(decode(chunk, 41, 100).values, std::vector<double>{});
    QCOMPARE(decode(chunk, 0, 9).values, std::vector<double>{});
    QCOMPARE(decode(chunk, 15, 15).values, std::vector<double>{});
}

void TestXorChunk::refusesChunksThatEndEarly()
{
    const std::string chunk = tsdb::xorEncode({10, 20, 35, 40}, {1, 2.25, 3, 4.125});
    for (std::size_t size = 0; size + 1 < chunk.size(); ++size) {
        std::vector<std::int64_t> times{1};
        std::vector<double> values{1};
        QCOMPARE(tsdb::xorDecode(chunk.substr(0, size), 0, 100, times, values).code(),
                 absl::StatusCode::kDataLoss);
        QCOMPARE(times.size(), std::size_t{1});
        QCOMPARE(values.size(), std::size_t{1});
    }
}

QTEST_GUILESS_MAIN(TestXorChunk)
#include "tst_xor_chunk.moc"
