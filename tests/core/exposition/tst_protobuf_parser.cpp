// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/status.h"
#include "core/exposition/protobuf_parser.h"
#include "support/protobuf_page.h"

#include <QtTest>

using namespace narthex;
using namespace narthex::exposition;
using test::ProtoMessage;

namespace {

std::string page(const std::string& family)
{
    std::string bytes;
    base::appendUvarintString(bytes, family);
    return bytes;
}

std::string time(std::int64_t seconds, std::int32_t nanoseconds)
{
    return ProtoMessage()
        .number(1, static_cast<std::uint64_t>(seconds))
        .number(2, static_cast<std::uint64_t>(nanoseconds))
        .text();
}

std::string exemplar(double value, bool hasTime)
{
    ProtoMessage message;
    message.bytes(1, test::protoLabel("trace_id", "abc")).real(2, value);
    if (hasTime) {
        message.bytes(3, time(7, 500'000'000));
    }
    return message.text();
}

std::string span(std::int32_t offset, std::uint32_t length)
{
    return ProtoMessage().number(1, base::zigzag(offset)).number(2, length).text();
}

QByteArray errorOf(const std::string& bytes)
{
    ProtobufParser parser(bytes);
    for (auto more = parser.nextFamily();; more = parser.nextFamily()) {
        if (!more.ok() || !*more) {
            return QByteArray::fromStdString(std::string(base::messageOf(more.status())));
        }
        for (auto metric = parser.nextMetric();; metric = parser.nextMetric()) {
            if (!metric.ok()) {
                return QByteArray::fromStdString(std::string(base::messageOf(metric.status())));
            }
            if (!*metric) {
                break;
            }
        }
    }
}

} // namespace

class TestProtobufParser : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void readsCountersAndGauges();
    void readsSummaries();
    void readsClassicHistograms();
    void readsNativeHistograms();
    void readsFloatHistograms();
    void passesOverWhatItDoesNotKnow();
    void refusesWhatIsWrong_data();
    void refusesWhatIsWrong();
    void endsAtEveryCut();
};

void TestProtobufParser::readsCountersAndGauges()
{
    const std::string metric = ProtoMessage()
                                   .bytes(1, test::protoLabel("code", "200"))
                                   .bytes(3, ProtoMessage()
                                                 .real(1, 5.5)
                                                 .bytes(2, exemplar(0.25, true))
                                                 .bytes(3, time(3, 1'000'000))
                                                 .text())
                                   .number(6, 1234)
                                   .text();
    const std::string family = ProtoMessage()
                                   .bytes(1, "requests_total")
                                   .bytes(2, "Requests.")
                                   .number(3, 0)
                                   .bytes(5, "requests")
                                   .bytes(4, metric)
                                   .text();
    const std::string bytes = page(ProtoMessage().bytes(1, "empty").text()) + page(family) +
                              test::protoGauge("temp", "a", -2);
    ProtobufParser parser(bytes);
    QVERIFY(*parser.nextFamily());
    QCOMPARE(parser.family().name, "requests_total"); // the one without metrics is passed over
    QCOMPARE(parser.family().help, "Requests.");
    QCOMPARE(parser.family().unit, "requests");
    QCOMPARE(parser.family().type, model::MetricType::Counter);
    QVERIFY(*parser.nextMetric());
    const ProtobufMetric& counter = parser.metric();
    QCOMPARE(counter.value, 5.5);
    QCOMPARE(counter.labels.size(), 1U);
    QCOMPARE(counter.labels[0].value, "200");
    QCOMPARE(counter.timestampMs, std::optional<std::int64_t>(1234));
    QCOMPARE(counter.startTimestampMs, 3001);
    QCOMPARE(counter.exemplars.size(), 1U);
    QCOMPARE(counter.exemplars[0].value, 0.25);
    QCOMPARE(counter.exemplars[0].time, std::optional(base::Timestamp{7500}));
    QCOMPARE(counter.exemplars[0].labels.get("trace_id"), "abc");
    QVERIFY(!*parser.nextMetric());
    QVERIFY(*parser.nextFamily());
    QCOMPARE(parser.family().type, model::MetricType::Gauge);
    QVERIFY(*parser.nextMetric());
    QCOMPARE(parser.metric().value, -2.0);
    QVERIFY(!parser.metric().timestampMs); // nothing is left of the metric before
    QVERIFY(parser.metric().exemplars.empty());
    QVERIFY(!*parser.nextFamily());
    QVERIFY(!*parser.nextFamily());
}

void TestProtobufParser::readsSummaries()
{
    const std::string summary = ProtoMessage()
                                    .number(1, 10)
                                    .real(2, 2.5)
                                    .bytes(3, ProtoMessage().real(1, 0.5).real(2, 0.2).text())
                                    .bytes(3, ProtoMessage().real(1, 0.99).real(2, 0.9).text())
                                    .text();
    const std::string bytes = page(ProtoMessage()
                                       .bytes(1, "s")
                                       .number(3, 2)
                                       .bytes(4, ProtoMessage().bytes(4, summary).text())
                                       .text());
    ProtobufParser parser(bytes);
    QVERIFY(*parser.nextFamily());
    QVERIFY(*parser.nextMetric());
    QCOMPARE(parser.metric().sampleCount, 10.0);
    QCOMPARE(parser.metric().sampleSum, 2.5);
    QCOMPARE(parser.metric().quantiles.size(), 2U);
    QCOMPARE(parser.metric().quantiles[1].value, 0.9);
}

void TestProtobufParser::readsClassicHistograms()
{
    const std::string histogram =
        ProtoMessage()
            .number(1, 4)
            .real(2, 9)
            .bytes(3, ProtoMessage().number(1, 3).real(2, 1).bytes(3, exemplar(0.5, false)).text())
            .bytes(3, ProtoMessage().number(1, 3).real(2, 2).real(4, 3.5).text())
            .text();
    const std::string bytes = page(ProtoMessage()
                                       .bytes(1, "h")
                                       .number(3, 4)
                                       .bytes(4, ProtoMessage().bytes(7, histogram).text())
                                       .text());
    ProtobufParser parser(bytes);
    QVERIFY(*parser.nextFamily());
    QVERIFY(*parser.nextMetric());
    const ProtobufMetric& metric = parser.metric();
    QVERIFY(!metric.isNative);
    QCOMPARE(metric.sampleCount, 4.0);
    QCOMPARE(metric.buckets.size(), 2U);
    QCOMPARE(metric.buckets[0].upperBound, 1.0);
    QCOMPARE(metric.buckets[0].cumulativeCount, 3.0);
    QVERIFY(metric.buckets[0].exemplar && !metric.buckets[0].exemplar->time);
    QCOMPARE(metric.buckets[1].cumulativeCount, 3.5); // a float count wins
}

void TestProtobufParser::readsNativeHistograms()
{
    const std::string histogram =
        ProtoMessage()
            .number(1, 6)
            .real(2, 3.5)
            .number(5, base::zigzag(2))
            .real(6, 0.001)
            .number(7, 1)
            .bytes(9, span(0, 1))
            .number(10, base::zigzag(2))
            .bytes(12, span(-1, 2))
            .bytes(12, span(2, 2))
            // Packed, with an empty bucket in front.
            .bytes(13, std::string({0, 4, static_cast<char>(base::zigzag(-1)),
                                    static_cast<char>(base::zigzag(1))}))
            .text();
    const std::string bytes = page(ProtoMessage()
                                       .bytes(1, "h")
                                       .number(3, 5)
                                       .bytes(4, ProtoMessage().bytes(7, histogram).text())
                                       .text());
    ProtobufParser parser(bytes);
    QVERIFY(*parser.nextFamily());
    QVERIFY(*parser.nextMetric());
    const ProtobufMetric& metric = parser.metric();
    QVERIFY(metric.isNative && !metric.hasFloatCounts);
    QCOMPARE(metric.integer.hint, model::CounterResetHint::Gauge);
    QCOMPARE(metric.integer.schema, 2);
    QCOMPARE(metric.integer.count, 6U);
    QCOMPARE(metric.integer.positiveSpans, (std::vector<model::Span>{{0, 1}, {2, 2}}));
    QCOMPARE(metric.integer.positiveDeltas, (std::vector<std::int64_t>{2, -1, 1}));
    QCOMPARE(metric.integer.negativeDeltas, (std::vector<std::int64_t>{2}));
}

void TestProtobufParser::readsFloatHistograms()
{
    const std::string histogram = ProtoMessage()
                                      .real(4, 2.5)
                                      .real(2, 1)
                                      .real(8, 0.5)
                                      .bytes(12, span(3, 1))
                                      .real(14, 2)
                                      .text();
    const std::string bytes = page(ProtoMessage()
                                       .bytes(1, "h")
                                       .number(3, 4)
                                       .bytes(4, ProtoMessage().bytes(7, histogram).text())
                                       .text());
    ProtobufParser parser(bytes);
    QVERIFY(*parser.nextFamily());
    QVERIFY(*parser.nextMetric());
    QVERIFY(parser.metric().isNative && parser.metric().hasFloatCounts);
    QCOMPARE(parser.metric().floats.count, 2.5);
    QCOMPARE(parser.metric().floats.zeroCount, 0.5);
    QCOMPARE(parser.metric().floats.positiveBuckets, std::vector<double>{2});
}

void TestProtobufParser::passesOverWhatItDoesNotKnow()
{
    const std::string metric = ProtoMessage()
                                   .number(1, 7) // labels are no numbers
                                   .bytes(99, "new")
                                   .number(98, 1)
                                   .bytes(2, ProtoMessage().real(77, 3).real(1, 4).text())
                                   .text();
    const std::string bytes =
        page(ProtoMessage().bytes(1, "g").number(3, 1).real(60, 1).bytes(4, metric).text());
    ProtobufParser parser(bytes);
    QVERIFY(*parser.nextFamily());
    QVERIFY(*parser.nextMetric());
    QCOMPARE(parser.metric().value, 4.0);
}

void TestProtobufParser::refusesWhatIsWrong_data()
{
    QTest::addColumn<QByteArray>("bytes");
    QTest::addColumn<QByteArray>("error");
    const auto row = [](const char* name, const std::string& bytes, const char* error) {
        QTest::newRow(name) << QByteArray::fromStdString(bytes) << QByteArray(error);
    };
    const auto histogram = [](const ProtoMessage& message) {
        return page(ProtoMessage()
                        .bytes(1, "h")
                        .number(3, 4)
                        .bytes(4, ProtoMessage().bytes(7, message.text()).text())
                        .text());
    };
    const std::string metric = ProtoMessage().bytes(2, ProtoMessage().real(1, 1).text()).text();
    row("cut", test::protoGauge("temp", "a", 1).substr(0, 10), "ends within a message");
    row("no name", page(ProtoMessage().bytes(4, metric).text()), "invalid metric name");
    row("name", page(ProtoMessage().bytes(1, "a\xff").bytes(4, metric).text()),
        "invalid metric name");
    row("help", page(ProtoMessage().bytes(1, "a").bytes(2, "\xff").bytes(4, metric).text()),
        "invalid help for metric \"a\"");
    row("type", page(ProtoMessage().bytes(1, "a").number(3, 6).bytes(4, metric).text()),
        "unknown metric type for metric \"a\": 6");
    row("label",
        page(ProtoMessage()
                 .bytes(1, "a")
                 .number(3, 1)
                 .bytes(4, ProtoMessage().bytes(1, test::protoLabel("l", "\xff")).text())
                 .text()),
        "not valid UTF-8");
    row("too few buckets", histogram(ProtoMessage().bytes(12, span(0, 2)).number(13, 2)),
        "histogram \"h\": positive side: spans require 2 buckets, have 1");
    row("too many buckets", histogram(ProtoMessage().bytes(9, span(0, 0)).number(10, 2)),
        "negative side: spans require 0 buckets, have 1");
    row("negative count",
        histogram(ProtoMessage().bytes(12, span(0, 1)).number(13, base::zigzag(-1))),
        "bucket number 1 has a negative count");
    row("overlap",
        histogram(ProtoMessage()
                      .bytes(12, span(0, 1))
                      .bytes(12, span(-1, 1))
                      .number(13, 2)
                      .number(13, 2)),
        "negative offset");
    row("far away", histogram(ProtoMessage().bytes(12, span(0x7FFFFFFF, 1)).number(13, 2)),
        "out of range");
    row("not a message", page(std::string("\xff\xff\xff")), "malformed message");
    row("text", "up 1\n", "protobuf: ");
}

void TestProtobufParser::refusesWhatIsWrong()
{
    QFETCH(const QByteArray, bytes);
    QFETCH(const QByteArray, error);
    const QByteArray found = errorOf(bytes.toStdString());
    QVERIFY2(found.contains(error), found);
}

void TestProtobufParser::endsAtEveryCut()
{
    model::IntegerHistogram histogram;
    histogram.count = 3;
    histogram.positiveSpans = {{0, 2}};
    histogram.positiveDeltas = {1, 1};
    const std::string bytes =
        test::protoGauge("temp", "a", 1) + test::protoHistogram("h", histogram);
    QCOMPARE(errorOf(bytes), QByteArray());
    const std::size_t whole = test::protoGauge("temp", "a", 1).size();
    for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
        QCOMPARE(errorOf(bytes.substr(0, cut)).isEmpty(), cut == whole);
    }
}

QTEST_GUILESS_MAIN(TestProtobufParser)
#include "tst_protobuf_parser.moc"
