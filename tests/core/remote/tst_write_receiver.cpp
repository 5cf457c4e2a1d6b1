// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Receiving by remote write, both versions, into a real store: what is stored, what is refused and
// how. Source: spec/remote.md, 3; Held cases 4 to 9.
#include "write_world.h"

#include <QtTest>

namespace narthex::remote::receiver {

class TestWriteReceiver : public QObject
{
    Q_OBJECT
private slots:
    void contentTypesNameTheMessage_data();
    void contentTypesNameTheMessage();
    void storesSamplesOfVersion1();
    void storesTheSameSeriesAgainWithoutAskingForItsLabels();
    void takesLabelsInAnyOrderAndPlace();
    void rollsBackAllOfVersion1AtTheFirstError();
    void leavesOutSeriesWithImpossibleLabels_data();
    void leavesOutSeriesWithImpossibleLabels();
    void refusesWhatLiesTooFarAhead();
    void sameSampleAgainIsNoError();
    void exemplarsNeverFailVersion1();
    void storesHistogramsOfBothKinds();
    void reducesFineSchemas();
    void refusesHistogramsThatDoNotFit_data();
    void refusesHistogramsThatDoNotFit();
    void storesWhatItCanOfVersion2();
    void refusesSeriesOfVersion2WithWrongRefs();
    void wantsASampleOrAHistogramInVersion2();
    void countsWhatVersion2Stored();
    void saysOutOfOrderExemplarsInVersion2();
    void limitsTheListOfProblems();
    void writesZerosWhereCountersBegan();
    void putsTypesAndUnitsOnSeries();
    void customBucketsNeedTheNewerFormats();
    void asksAnewForSeriesThatHaveDied();
};

void TestWriteReceiver::contentTypesNameTheMessage_data()
{
    QTest::addColumn<QString>("type");
    QTest::addColumn<int>("message"); // 0: refused
    QTest::newRow("none") << "" << 1;
    QTest::newRow("plain") << "application/x-protobuf" << 1;
    QTest::newRow("version 1") << "application/x-protobuf;proto=prometheus.WriteRequest" << 1;
    QTest::newRow("version 2") << "application/x-protobuf;proto=io.prometheus.write.v2.Request"
                               << 2;
    QTest::newRow("blanks") << "application/x-protobuf; proto=io.prometheus.write.v2.Request" << 2;
    QTest::newRow("other parameter") << "application/x-protobuf;charset=utf-8" << 1;
    QTest::newRow("text") << "text/plain" << 0;
    QTest::newRow("json") << "application/json" << 0;
    QTest::newRow("unknown message") << "application/x-protobuf;proto=other" << 0;
    QTest::newRow("no value") << "application/x-protobuf;proto" << 0;
}

void TestWriteReceiver::contentTypesNameTheMessage()
{
    QFETCH(QString, type);
    QFETCH(int, message);
    const auto found = writeMessageOf(type.toStdString());
    QCOMPARE(found.ok(), message != 0);
    if (message != 0) {
        QVERIFY(*found == (message == 1 ? WriteMessage::V1 : WriteMessage::V2));
    }
}

void TestWriteReceiver::storesSamplesOfVersion1()
{
    World world;
    const WriteResult result = world.v1({SeriesV1(named("a")).sample(kNow, 1).sample(kNow + 1, 2),
                                         SeriesV1(named("b")).sample(kNow, 3)});
    QVERIFY(result.status.ok());
    QCOMPARE(result.written.samples, 3U);
    QCOMPARE(world.contents(), std::string("a{job=\"j\"} 0=1 1=2\nb{job=\"j\"} 0=3\n"));
}

void TestWriteReceiver::storesTheSameSeriesAgainWithoutAskingForItsLabels()
{
    World world;
    for (int round = 0; round < 5; ++round) {
        QVERIFY(world.v1({SeriesV1(named("a")).sample(kNow + round, round)}).status.ok());
    }
    QCOMPARE(world.contents(), std::string("a{job=\"j\"} 0=0 1=1 2=2 3=3 4=4\n"));
    QCOMPARE(world.db().stats().series, 1U);
}

void TestWriteReceiver::takesLabelsInAnyOrderAndPlace()
{
    World world;
    SeriesV1 split(LabelList{{"job", "j"}});
    split.sample(kNow + 1, 2).addLabels({{"__name__", "a"}});
    QVERIFY(world
                .v1({SeriesV1(LabelList{{"job", "j"}, {"__name__", "a"}, {"empty", ""}})
                         .sample(kNow, 1),
                     split})
                .status.ok());
    QCOMPARE(world.contents(), std::string("a{job=\"j\"} 0=1 1=2\n"));
}

void TestWriteReceiver::rollsBackAllOfVersion1AtTheFirstError()
{
    World world;
    QVERIFY(world.v1({SeriesV1(named("b")).sample(kNow, 1)}).status.ok());
    const WriteResult result =
        world.v1({SeriesV1(named("a")).sample(kNow, 1), SeriesV1(named("b")).sample(kNow - 1, 1),
                  SeriesV1(named("c")).sample(kNow, 1)});
    QVERIFY(absl::IsInvalidArgument(result.status));
    QVERIFY(says(result.status, "out of order sample"));
    QVERIFY(says(result.status, "b{job=\"j\"}"));
    QCOMPARE(result.written.samples, 0U);
    QCOMPARE(world.contents(), std::string("b{job=\"j\"} 0=1\n"));
}

void TestWriteReceiver::leavesOutSeriesWithImpossibleLabels_data()
{
    QTest::addColumn<QByteArray>("name");
    QTest::addColumn<QByteArray>("second");
    QTest::newRow("no name") << QByteArray("job") << QByteArray("x");
    QTest::newRow("empty label name") << QByteArray("__name__") << QByteArray("");
    QTest::newRow("name twice") << QByteArray("__name__") << QByteArray("__name__");
    QTest::newRow("not UTF-8") << QByteArray("__name__") << QByteArray("\xff\xfe");
}

void TestWriteReceiver::leavesOutSeriesWithImpossibleLabels()
{
    QFETCH(QByteArray, name);
    QFETCH(QByteArray, second);
    World world;
    const LabelList labels = {{name.toStdString(), "v"}, {second.toStdString(), "w"}};
    const WriteResult result =
        world.v1({SeriesV1(labels).sample(kNow, 1), SeriesV1(named("good")).sample(kNow, 2)});
    QVERIFY(result.status.ok());
    QCOMPARE(result.invalidLabels, 1U);
    QCOMPARE(world.contents(), std::string("good{job=\"j\"} 0=2\n"));
    QVERIFY(world.metrics().find("prometheus_api_remote_write_invalid_labels_samples_total 1\n") !=
            std::string::npos);
}

void TestWriteReceiver::refusesWhatLiesTooFarAhead()
{
    World world;
    const WriteResult far = world.v1({SeriesV1(named("a")).sample(kNow + 11 * kMinute, 1)});
    QVERIFY(absl::IsInvalidArgument(far.status));
    QVERIFY(says(far.status, "out of bounds"));
    QVERIFY(world.v1({SeriesV1(named("a")).sample(kNow + 9 * kMinute, 1)}).status.ok());
}

void TestWriteReceiver::sameSampleAgainIsNoError()
{
    World world;
    QVERIFY(world.v1({SeriesV1(named("a")).sample(kNow, 1)}).status.ok());
    QVERIFY(world.v1({SeriesV1(named("a")).sample(kNow, 1)}).status.ok());
    const WriteResult other = world.v1({SeriesV1(named("a")).sample(kNow, 2)});
    QVERIFY(absl::IsInvalidArgument(other.status));
    QVERIFY(says(other.status, "duplicate sample for timestamp"));
}

void TestWriteReceiver::exemplarsNeverFailVersion1()
{
    World world;
    const LabelList tooLong = {{"trace_id", std::string(200, 'x')}};
    QVERIFY(world
                .v1({SeriesV1(named("a"))
                         .sample(kNow, 1)
                         .exemplar({{"trace_id", "1"}}, kNow, 1)
                         .exemplar({{"trace_id", "2"}}, kNow - 1, 1)
                         .exemplar(tooLong, kNow + 1, 1)
                         .exemplar({{"trace_id", "3"}}, kNow + 20 * kMinute, 1)})
                .status.ok());
    QCOMPARE(world.exemplars(), std::size_t{1});
}

void TestWriteReceiver::storesHistogramsOfBothKinds()
{
    World world;
    const WriteResult result =
        world.v1({SeriesV1(named("a")).histogram(kNow, someHistogram()),
                  SeriesV1(named("b")).histogram(kNow, model::toFloat(someHistogram()))});
    QVERIFY(result.status.ok());
    QCOMPARE(result.written.histograms, 2U);
    QCOMPARE(world.histograms(), std::size_t{2});
}

void TestWriteReceiver::reducesFineSchemas()
{
    World world;
    model::IntegerHistogram fine = someHistogram();
    fine.schema = 20;
    QVERIFY(world.v1({SeriesV1(named("a")).histogram(kNow, fine)}).status.ok());
    const auto querier = *world.db().querier({0}, {kNow});
    const auto set = *querier->select({}, {}, {});
    storage::SampleColumns columns;
    QVERIFY((*storage::collect(*set, 10))[0]->read({0}, {kNow}, columns).ok());
    QCOMPARE(columns.histograms[0]->schema, 8);
    QCOMPARE(columns.histograms[0]->count, 8.0);
}

void TestWriteReceiver::refusesHistogramsThatDoNotFit_data()
{
    QTest::addColumn<int>("damage");
    QTest::addColumn<QString>("problem");
    QTest::newRow("too few buckets") << 0 << "spans need 3 buckets, there are 2";
    QTest::newRow("negative count") << 1 << "bucket number 2";
    QTest::newRow("counts do not add up") << 2 << "buckets hold 8 observations, the count says 9";
    QTest::newRow("unknown schema") << 3 << "schema -9 is not known";
    QTest::newRow("span goes back") << 4 << "negative offset -3";
    QTest::newRow("custom bounds on others") << 5 << "custom bounds stand only with";
}

void TestWriteReceiver::refusesHistogramsThatDoNotFit()
{
    QFETCH(int, damage);
    QFETCH(QString, problem);
    model::IntegerHistogram histogram = someHistogram();
    switch (damage) {
    case 0:
        histogram.positiveDeltas.pop_back();
        break;
    case 1:
        histogram.positiveDeltas[1] = -5;
        break;
    case 2:
        histogram.count = 9;
        break;
    case 3:
        histogram.schema = -9;
        break;
    case 4:
        histogram.positiveSpans[1].offset = -3;
        break;
    default:
        histogram.customValues = {1};
    }
    World world;
    const WriteResult first = world.v1({SeriesV1(named("a")).histogram(kNow, histogram)});
    QVERIFY(absl::IsInvalidArgument(first.status));
    QVERIFY2(says(first.status, problem.toStdString()), first.status.ToString().c_str());
    RequestV2 request;
    request.begin(named("a")).histogram(kNow, histogram).sample(kNow + 1, 1);
    const WriteResult second = world.v2(request);
    QVERIFY(absl::IsInvalidArgument(second.status));
    QCOMPARE(second.written.samples, 1U);
    QCOMPARE(second.written.histograms, 0U);
}

void TestWriteReceiver::storesWhatItCanOfVersion2()
{
    World world;
    RequestV2 request;
    request.begin(named("a")).sample(kNow, 1).sample(kNow - 1, 2).sample(kNow + 1, 3);
    request.begin(named("b")).sample(kNow - 50LL * 24 * 60 * kMinute, 1).sample(kNow, 4);
    request.begin({{"job", "nameless"}}).sample(kNow, 1);
    const WriteResult result = world.v2(request);
    QVERIFY(absl::IsInvalidArgument(result.status));
    QVERIFY(says(result.status, "out of order sample"));
    QVERIFY(says(result.status, "there is no metric name"));
    QCOMPARE(result.invalidLabels, 1U);
    QVERIFY(world.contents().find("a{job=\"j\"} 0=1 1=3\n") != std::string::npos);
    QVERIFY(world.contents().find("0=4") != std::string::npos);
}

void TestWriteReceiver::refusesSeriesOfVersion2WithWrongRefs()
{
    World world;
    RequestV2 request;
    request.begin(named("good")).sample(kNow, 1);
    request.beginRefs({1, 99}).sample(kNow, 1);
    request.beginRefs({1, 2, 3}).sample(kNow, 1);
    const WriteResult result = world.v2(request);
    QVERIFY(absl::IsInvalidArgument(result.status));
    QVERIFY(says(result.status, "label ref 99 lies outside of the table of 5 symbols"));
    QVERIFY(says(result.status, "3 label refs, an odd number"));
    QCOMPARE(result.written.samples, 1U);
    QCOMPARE(world.contents(), std::string("good{job=\"j\"} 0=1\n"));
}

void TestWriteReceiver::wantsASampleOrAHistogramInVersion2()
{
    World world;
    RequestV2 request;
    request.begin(named("a")).exemplar({{"trace_id", "1"}}, kNow, 1);
    const WriteResult result = world.v2(request);
    QVERIFY(absl::IsInvalidArgument(result.status));
    QVERIFY(says(result.status, "at least one sample or histogram"));
    QCOMPARE(result.written.exemplars, 0U);
}

void TestWriteReceiver::countsWhatVersion2Stored()
{
    World world;
    RequestV2 request;
    request.begin(named("a"))
        .sample(kNow, 1)
        .sample(kNow + 1, 2)
        .exemplar({{"trace_id", "1"}}, kNow, 1);
    request.begin(named("h")).histogram(kNow, someHistogram());
    const WriteResult result = world.v2(request);
    QVERIFY2(result.status.ok(), result.status.ToString().c_str());
    QCOMPARE(result.written.samples, 2U);
    QCOMPARE(result.written.histograms, 1U);
    QCOMPARE(result.written.exemplars, 1U);
}

void TestWriteReceiver::saysOutOfOrderExemplarsInVersion2()
{
    World world;
    RequestV2 request;
    request.begin(named("a")).sample(kNow, 1).exemplar({{"trace_id", "1"}}, kNow, 1);
    QVERIFY(world.v2(request).status.ok());
    RequestV2 later;
    later.begin(named("a")).sample(kNow + 1, 1).exemplar({{"trace_id", "2"}}, kNow - 5, 1);
    const WriteResult result = world.v2(later);
    QVERIFY(says(result.status, "out of order exemplar"));
    QCOMPARE(result.written.samples, 1U);
}

void TestWriteReceiver::limitsTheListOfProblems()
{
    World world;
    RequestV2 request;
    for (int i = 0; i < 1000; ++i) {
        request.beginRefs({1, 99}).sample(kNow, 1);
    }
    const WriteResult result = world.v2(request);
    QVERIFY(says(result.status, "and 900 more"));
}

void TestWriteReceiver::writesZerosWhereCountersBegan()
{
    World world({.writeStartZero = true});
    RequestV2 request;
    request.begin(named("a")).sample(kNow, 5, kNow - 100).sample(kNow + 10, 6, kNow - 100);
    QVERIFY(world.v2(request).status.ok());
    RequestV2 later;
    later.begin(named("a")).sample(kNow + 20, 7, kNow - 100).sample(kNow + 40, 1, kNow + 30);
    const WriteResult result = world.v2(later);
    QVERIFY(result.status.ok());
    QCOMPARE(result.written.samples, 2U);
    QCOMPARE(world.contents(), std::string("a{job=\"j\"} -100=0 0=5 10=6 20=7 30=0 40=1\n"));
}

void TestWriteReceiver::putsTypesAndUnitsOnSeries()
{
    World world({.typeAndUnitLabels = true});
    RequestV2 request;
    request.begin({{"__name__", "a"}, {"__type__", "gauge"}})
        .sample(kNow, 1)
        .metadata(1, "help", "seconds");
    request.begin({{"__name__", "b"}, {"__type__", "gauge"}}).sample(kNow, 1);
    QVERIFY(world.v2(request).status.ok());
    QCOMPARE(world.contents(), std::string("a{__type__=\"counter\", __unit__=\"seconds\"} 0=1\n"
                                           "b{__type__=\"gauge\"} 0=1\n"));
}

void TestWriteReceiver::customBucketsNeedTheNewerFormats()
{
    RequestV2 request;
    request.begin(named("a")).histogram(kNow, customHistogram());
    World older;
    const WriteResult refused = older.v2(request);
    QVERIFY(absl::IsInvalidArgument(refused.status));
    QVERIFY(says(refused.status, "--storage.prometheus3-formats"));
    World newer({}, {.readableBy242 = false});
    QVERIFY(newer.v2(request).status.ok());
    QCOMPARE(newer.histograms(), std::size_t{1});
}

void TestWriteReceiver::asksAnewForSeriesThatHaveDied()
{
    World world({}, {.compactInBackground = false});
    QVERIFY(world.v1({SeriesV1(named("a")).sample(kNow - 20 * 60 * kMinute, 1)}).status.ok());
    // Another series moves the head on; the first is collected with its range.
    const std::int64_t step = 60 * kMinute;
    for (std::int64_t time = kNow - 19 * step; time <= kNow; time += step) {
        QVERIFY(world.v1({SeriesV1(named("b")).sample(time, 1)}).status.ok());
    }
    QVERIFY(world.db().compact().ok());
    QCOMPARE(world.db().stats().seriesRemoved, 1U);
    QVERIFY(world.v1({SeriesV1(named("a")).sample(kNow + 1, 2)}).status.ok());
    QVERIFY(world.contents().find("1=2") != std::string::npos);
}

} // namespace narthex::remote::receiver

QTEST_GUILESS_MAIN(narthex::remote::receiver::TestWriteReceiver)
#include "tst_write_receiver.moc"
