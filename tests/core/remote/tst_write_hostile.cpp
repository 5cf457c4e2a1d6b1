// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Write requests that mean harm, or were cut short: always an error, never much memory.
// Source: spec/remote.md, 3.
#include "write_world.h"

#include "core/base/codec.h"

#include <QtTest>

namespace narthex::remote::receiver {
namespace {

std::string wideRequest(std::size_t labels)
{
    const std::string empty("\x0a\x00", 2); // a label without anything
    std::string series;
    for (std::size_t i = 0; i < labels; ++i) {
        series += empty;
    }
    std::string request;
    protozero::pbf_writer(request).add_message(1, series);
    return request;
}

std::string largeLabelRequest(std::size_t bytes)
{
    return requestV1(
        {SeriesV1(LabelList{{"__name__", "m"}, {"l", std::string(bytes, 'x')}}).sample(kNow, 1)});
}

} // namespace

class TestWriteHostile : public QObject
{
    Q_OBJECT
private slots:
    void refusesBombsBeforeTakingMemory();
    void survivesRequestsCutShort_data();
    void survivesRequestsCutShort();
    void refusesOddWireTypes_data();
    void refusesOddWireTypes();
    void refusesHugeLabelsAndCounts();
    void aClosedStoreIsNotTheSendersFault();
};

void TestWriteHostile::refusesBombsBeforeTakingMemory()
{
    World world;
    std::string bomb;
    base::appendUvarint(bomb, 3'000'000'000U); // what it claims to become
    bomb += std::string(1000, '\0');
    const WriteResult result = world.raw(bomb);
    QVERIFY(absl::IsInvalidArgument(result.status));
    QVERIFY(says(result.status, "exceeds the limit"));
    std::string claim;
    base::appendUvarint(claim, 30U << 20U);
    QVERIFY(says(world.raw(claim + "xx").status, "which cannot be"));
    QVERIFY(absl::IsInvalidArgument(world.raw("").status));
    QVERIFY(absl::IsInvalidArgument(world.raw("no snappy at all").status));
}

void TestWriteHostile::survivesRequestsCutShort_data()
{
    QTest::addColumn<int>("version");
    QTest::newRow("version 1") << 1;
    QTest::newRow("version 2") << 2;
}

void TestWriteHostile::survivesRequestsCutShort()
{
    QFETCH(int, version);
    RequestV2 second;
    second.begin(named("a"))
        .sample(kNow, 1, kNow - 5)
        .histogram(kNow + 1, someHistogram())
        .exemplar({{"trace_id", "1"}}, kNow, 1)
        .metadata(1, "help", "seconds");
    const std::string bytes = version == 1 ? requestV1({SeriesV1(named("a"))
                                                            .sample(kNow, 1)
                                                            .exemplar({{"t", "1"}}, kNow, 1)
                                                            .histogram(kNow + 1, someHistogram())})
                                           : second.bytes();
    World world;
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        const std::string part = bytes.substr(0, size);
        const WriteResult result = version == 1 ? world.plainV1(part) : world.plainV2(part);
        QVERIFY(result.status.ok() || absl::IsInvalidArgument(result.status));
        QCOMPARE(result.written.samples, 0U);
        std::string damaged = bytes;
        damaged[size] = static_cast<char>(damaged[size] ^ 0x55);
        const WriteResult other = version == 1 ? world.plainV1(damaged) : world.plainV2(damaged);
        QVERIFY(other.status.ok() || absl::IsInvalidArgument(other.status));
    }
}

void TestWriteHostile::refusesOddWireTypes_data()
{
    QTest::addColumn<QByteArray>("body");
    QTest::newRow("a group") << QByteArray("\x0b\x0c", 2);
    QTest::newRow("series as number") << QByteArray("\x08\x01", 2);
    QTest::newRow("field 0") << QByteArray("\x02\x00", 2);
    QTest::newRow("length behind the end") << QByteArray("\x0a\xff\xff\xff\xff\x7f", 6);
    QTest::newRow("endless varint") << QByteArray::fromStdString("\x7a" + std::string(12, '\xff'));
    QTest::newRow("sample with a text as time")
        << QByteArray("\x0a\x0f\x0a\x09\x0a\x08__name__\x12\x02\x12\x00", 17);
}

void TestWriteHostile::refusesOddWireTypes()
{
    QFETCH(QByteArray, body);
    World world;
    const WriteResult result = world.plainV1(body.toStdString());
    QVERIFY(absl::IsInvalidArgument(result.status));
    QVERIFY(says(result.status, "byte"));
}

void TestWriteHostile::refusesHugeLabelsAndCounts()
{
    World world;
    const WriteResult large = world.plainV1(largeLabelRequest(10U << 20U));
    QVERIFY(absl::IsInvalidArgument(large.status));
    QVERIFY(says(large.status, "exceeds the limit"));
    QVERIFY(base::messageOf(large.status).size() < 4096);
    const WriteResult many = world.plainV1(wideRequest(5'000'000));
    QVERIFY(many.status.ok()); // labels that cannot be are left out
    QCOMPARE(many.invalidLabels, 1U);
    std::string symbols;
    for (int i = 0; i < 2'000'000; ++i) {
        symbols += std::string("\x22\x00", 2);
    }
    const WriteResult table = world.plainV2(symbols);
    QVERIFY(absl::IsInvalidArgument(table.status));
    QVERIFY(says(table.status, "symbols"));
}

void TestWriteHostile::aClosedStoreIsNotTheSendersFault()
{
    World world;
    QVERIFY(world.db().close().ok());
    const WriteResult result = world.v1({SeriesV1(named("a")).sample(kNow, 1)});
    QVERIFY(!result.status.ok());
    QVERIFY(!absl::IsInvalidArgument(result.status));
}

} // namespace narthex::remote::receiver

QTEST_GUILESS_MAIN(narthex::remote::receiver::TestWriteHostile)
#include "tst_write_hostile.moc"
