// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The parts of the sender that need no store and no wire: numbers of shards, meanings of answers,
// bytes of requests. Source: spec/remote.md, 2.5 to 2.7; Held cases 17 to 19.
#include "core/net/parameters.h"
#include "core/remote/receiver/write_receiver.h"
#include "core/remote/sender/series_table.h"
#include "core/remote/sender/shard_count.h"
#include "core/remote/sender/write_client.h"
#include "core/storage/memory_store.h"
#include "support/tsdb_fixture.h"

#include <QtTest>

#include <bit>

namespace narthex::remote {
namespace {

using model::Labels;

net::HttpResponse response(int status, std::string reason, std::string body = {},
                           net::Parameters headers = {})
{
    return {.status = status,
            .reason = std::move(reason),
            .headers = std::move(headers),
            .body = std::move(body)};
}

constexpr PayloadCounts kThree{.samples = 3};
constexpr std::int64_t kTime = 1'700'000'000'000;

SentSeries sentSeries(const Labels& labels)
{
    return {.labels = labels, .encodedLabels = encodeLabels(labels)};
}

Pending sampleOf(const SentSeries& series, std::int64_t time, double value, std::int64_t start = 0)
{
    return {.series = &series,
            .time = time,
            .valueBits = std::bit_cast<std::uint64_t>(value),
            .start = start};
}

model::IntegerHistogram someHistogram()
{
    return {.schema = 1,
            .zeroThreshold = 0.001,
            .zeroCount = 2,
            .count = 8,
            .sum = 12.5,
            .positiveSpans = {{-2, 2}, {3, 1}},
            .positiveDeltas = {1, 1, 1}};
}

} // namespace

class TestWriteRules : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void theNumberOfShardsFollowsTheFlow_data();
    void theNumberOfShardsFollowsTheFlow();
    void theFormulaOfShards();
    void nothingSentChangesNothing();
    void aRateBeginsWithItsFirstTick();
    void anAnswerMeans_data();
    void anAnswerMeans();
    void aDateMaySayWhenToComeAgain();
    void theMessageHoldsAKibibyteOfTheBody();
    void whatIsEncodedIsWhatAReceiverReads_data();
    void whatIsEncodedIsWhatAReceiverReads();
    void symbolsStandOnceInARequest();
    void aSeriesLivesAsLongAsABatchHoldsIt();
    void oldItemsLeaveABatch();
};

void TestWriteRules::theNumberOfShardsFollowsTheFlow_data()
{
    QTest::addColumn<double>("desired");
    QTest::addColumn<int>("current");
    QTest::addColumn<double>("delay");
    QTest::addColumn<int>("expected");
    QTest::newRow("far more") << 40.0 << 10 << 60.0 << 40;
    QTest::newRow("a little more is no change") << 12.1 << 10 << 0.0 << 10;
    QTest::newRow("more than three tenths") << 13.2 << 10 << 0.0 << 14;
    QTest::newRow("a little less is no change") << 6.5 << 10 << 0.0 << 10;
    QTest::newRow("less") << 6.0 << 10 << 0.0 << 6;
    QTest::newRow("less, but behind") << 2.0 << 10 << 11.0 << 10;
    QTest::newRow("less, and not far behind") << 2.0 << 10 << 10.0 << 2;
    QTest::newRow("above the most") << 400.0 << 10 << 0.0 << 50;
    QTest::newRow("below the fewest") << 0.1 << 10 << 0.0 << 1;
}

void TestWriteRules::theNumberOfShardsFollowsTheFlow()
{
    QFETCH(double, desired);
    QFETCH(int, current);
    QFETCH(double, delay);
    QFETCH(int, expected);
    QCOMPARE(nextShardCount(desired, current, delay, 1, 50), expected);
}

void TestWriteRules::theFormulaOfShards()
{
    const auto desired =
        desiredShards({.in = 10'000, .out = 5'000, .dropped = 0, .outSeconds = 5}, 60);
    QVERIFY(desired.has_value());
    QCOMPARE(*desired, 40.0);
}

void TestWriteRules::nothingSentChangesNothing()
{
    QVERIFY(!desiredShards({.in = 10'000}, 60).has_value());
}

void TestWriteRules::aRateBeginsWithItsFirstTick()
{
    SmoothedRate rate;
    rate.tick(100, 10);
    QCOMPARE(rate.perSecond(), 10.0);
    rate.tick(300, 10);
    QCOMPARE(rate.perSecond(), 12.0);
}

void TestWriteRules::anAnswerMeans_data()
{
    QTest::addColumn<int>("status");
    QTest::addColumn<bool>("isV2");
    QTest::addColumn<bool>("retryOn429");
    QTest::addColumn<QString>("written");
    QTest::addColumn<int>("result");
    QTest::addColumn<int>("samples");
    const int delivered = static_cast<int>(WriteResult::Delivered);
    const int retry = static_cast<int>(WriteResult::Retry);
    const int refused = static_cast<int>(WriteResult::Refused);
    QTest::newRow("204") << 204 << false << false << "" << delivered << 3;
    QTest::newRow("200") << 200 << false << false << "" << delivered << 3;
    QTest::newRow("204 of version 2") << 204 << true << false << "3" << delivered << 3;
    QTest::newRow("204 of version 2, less") << 204 << true << false << "2" << delivered << 2;
    QTest::newRow("204 of version 2, more") << 204 << true << false << "9" << delivered << 3;
    QTest::newRow("204 of version 2, silent") << 204 << true << false << "" << refused << 0;
    QTest::newRow("400 of version 2") << 400 << true << false << "1" << refused << 1;
    QTest::newRow("500") << 500 << false << false << "" << retry << 0;
    QTest::newRow("503") << 503 << false << false << "" << retry << 0;
    QTest::newRow("429") << 429 << false << false << "" << refused << 0;
    QTest::newRow("429, asked for") << 429 << false << true << "" << retry << 0;
    for (const int status : {301, 400, 401, 404, 409, 413, 415}) {
        QTest::addRow("%d", status) << status << false << true << "" << refused << 0;
    }
}

void TestWriteRules::anAnswerMeans()
{
    QFETCH(int, status);
    QFETCH(bool, isV2);
    QFETCH(bool, retryOn429);
    QFETCH(QString, written);
    QFETCH(int, result);
    QFETCH(int, samples);
    net::Parameters headers;
    if (!written.isEmpty()) {
        headers.emplace_back("x-prometheus-remote-write-samples-written", written.toStdString());
    }
    const WriteOutcome outcome =
        outcomeOf(response(status, "Word", "text", headers),
                  isV2 ? WriteVersion::V2 : WriteVersion::V1, kThree, retryOn429, {kTime});
    QCOMPARE(static_cast<int>(outcome.result), result);
    QCOMPARE(outcome.written.samples, static_cast<std::uint64_t>(samples));
}

void TestWriteRules::aDateMaySayWhenToComeAgain()
{
    // 1700000000 is Tue, 14 Nov 2023 22:13:20 GMT.
    const net::Parameters headers{{"Retry-After", "Tue, 14 Nov 2023 22:14:00 GMT"}};
    const WriteOutcome outcome =
        outcomeOf(response(503, "Busy", {}, headers), WriteVersion::V1, kThree, false, {kTime});
    QCOMPARE(outcome.retryAfter.ms(), std::int64_t{40'000});
    const WriteOutcome nonsense = outcomeOf(response(503, "Busy", {}, {{"Retry-After", "soon"}}),
                                            WriteVersion::V1, kThree, false, {kTime});
    QCOMPARE(nonsense.retryAfter.ms(), std::int64_t{0});
}

void TestWriteRules::theMessageHoldsAKibibyteOfTheBody()
{
    const WriteOutcome outcome = outcomeOf(response(400, "Bad Request", std::string(5000, 'x')),
                                           WriteVersion::V1, kThree, false, {kTime});
    QCOMPARE(outcome.error,
             "server returned HTTP status 400 Bad Request: " + std::string(1024, 'x'));
}

void TestWriteRules::whatIsEncodedIsWhatAReceiverReads_data()
{
    QTest::addColumn<bool>("isV2");
    QTest::newRow("version 1") << false;
    QTest::newRow("version 2") << true;
}

void TestWriteRules::whatIsEncodedIsWhatAReceiverReads()
{
    QFETCH(bool, isV2);
    const WriteVersion version = isV2 ? WriteVersion::V2 : WriteVersion::V1;
    const SentSeries a = sentSeries(Labels{{"__name__", "a"}, {"job", "one"}, {"zone", "z"}});
    const SentSeries b = sentSeries(Labels{{"__name__", "b"}, {"job", "one"}});
    const SentSeries h = sentSeries(Labels{{"__name__", "h"}, {"le", "job"}});
    Batch batch;
    batch.items = {sampleOf(a, kTime, 1.5), sampleOf(b, kTime, 0),
                   sampleOf(a, kTime + 1, model::staleMarker())};
    batch.histograms.push_back(
        {.floats = nullptr,
         .integers = std::make_shared<const model::IntegerHistogram>(someHistogram())});
    batch.items.push_back(
        {.series = &h, .time = kTime, .extra = 0, .kind = PendingKind::Histogram});
    batch.exemplarLabels.push_back(Labels{{"trace_id", "abc"}});
    batch.items.push_back({.series = &a,
                           .time = kTime,
                           .valueBits = std::bit_cast<std::uint64_t>(2.0),
                           .extra = 0,
                           .kind = PendingKind::Exemplar});
    if (isV2) {
        // An exemplar alone is no series there.
        batch.items.pop_back();
    }
    PayloadEncoder encoder(version);
    std::string body;
    encoder.encodeCompressed(batch, body);
    receiver::WriteReceiver receiver{receiver::WriteOptions{}};
    storage::MemoryStore store;
    const receiver::WriteResult result = receiver.write(
        isV2 ? receiver::WriteMessage::V2 : receiver::WriteMessage::V1, body, store, {kTime + 5});
    QVERIFY2(result.status.ok(), result.status.ToString().c_str());
    QCOMPARE(result.written.samples, std::uint64_t{3});
    QCOMPARE(result.written.histograms, std::uint64_t{1});
    const auto querier = store.querier({INT64_MIN}, {INT64_MAX});
    const test::Contents contents = test::contentsOf(**querier);
    QCOMPARE(contents.size(), std::size_t{3});
    const auto& first = contents.begin()->second;
    QCOMPARE(first.size(), std::size_t{2});
    QCOMPARE(first[0].second, std::bit_cast<std::uint64_t>(1.5));
    QCOMPARE(first[1].second, model::kStaleBits);
}

void TestWriteRules::symbolsStandOnceInARequest()
{
    const SentSeries a = sentSeries(Labels{{"__name__", "metric_a"}, {"job", "same_job"}});
    const SentSeries b = sentSeries(Labels{{"__name__", "metric_b"}, {"job", "same_job"}});
    const model::Metadata metadata{.type = model::MetricType::Counter, .help = "what it counts"};
    Batch batch;
    for (int i = 0; i < 50; ++i) {
        batch.items.push_back(sampleOf(i % 2 == 0 ? a : b, kTime + i, i, kTime));
        batch.items.back().metadata = &metadata;
    }
    PayloadEncoder encoder(WriteVersion::V2);
    const std::string& raw = encoder.encode(batch);
    const QByteArray bytes = QByteArray::fromStdString(raw);
    QCOMPARE(bytes.count("same_job"), 1);
    QCOMPARE(bytes.count("metric_a"), 1);
    QCOMPARE(bytes.count("metric_b"), 1);
    QCOMPARE(bytes.count("what it counts"), 1);
}

void TestWriteRules::aSeriesLivesAsLongAsABatchHoldsIt()
{
    Batch batch;
    {
        SeriesTable table({}, {}, relabel::NameScheme::Utf8, WriteVersion::V2);
        const Labels labels{{"__name__", "gone"}};
        table.store(7, labels.bytes(), 3);
        table.setMetadata(7, {.help = "first"});
        batch.keepAlive = table.keepAlive();
        batch.items = {sampleOf(*table.find(7), kTime, 1)};
        batch.items[0].metadata = table.find(7)->metadata;
        table.setMetadata(7, {.help = "second"});
        table.store(7, Labels{{"__name__", "other"}}.bytes(), 4);
        QCOMPARE(table.find(7)->labels.metricName(), "other");
        table.forgetBefore(5);
        QVERIFY(table.find(7) == nullptr);
        QCOMPARE(table.size(), std::size_t{0});
    }
    QCOMPARE(batch.items[0].series->labels.metricName(), "gone");
    QCOMPARE(batch.items[0].metadata->help, "first");
}

void TestWriteRules::oldItemsLeaveABatch()
{
    const SentSeries a = sentSeries(Labels{{"__name__", "a"}});
    Batch batch;
    batch.items = {sampleOf(a, 10, 1), sampleOf(a, 20, 2), sampleOf(a, 30, 3)};
    QCOMPARE(batch.dropBefore(20), (PayloadCounts{.samples = 1}));
    QCOMPARE(batch.size(), std::size_t{2});
    QCOMPARE(batch.highestTime(), std::int64_t{30});
}

} // namespace narthex::remote

QTEST_GUILESS_MAIN(narthex::remote::TestWriteRules)
#include "tst_write_rules.moc"
