// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the head accepts, how it cuts chunks, who sees what, and which series a list of matchers
// means.
#include "core/model/sample.h"
#include "support/hash_collision.h"
#include "support/tsdb_fixture.h"

#include <QtTest>

#include <thread>

using namespace narthex;
using namespace narthex::base::literals;
using model::MatchType;
using storage::AppendResult;
using test::contentsOf;
using test::matcher;
using test::put;
using test::TsdbFixture;

namespace {

constexpr std::int64_t kHour = 3'600'000;
/// A multiple of two hours.
constexpr std::int64_t kStart = 1'699'999'200'000 / (2 * kHour) * (2 * kHour);
const model::Labels kUp{{"__name__", "up"}, {"job", "a"}};

std::size_t sampleCount(const tsdb::Db& db)
{
    std::size_t count = 0;
    for (const auto& [name, samples] : contentsOf(db)) {
        count += samples.size();
    }
    return count;
}

/// Samples every `step`, one commit each; the chunks that result.
std::uint64_t chunksAfter(std::int64_t start, std::int64_t step, int samples)
{
    TsdbFixture fixture;
    const auto db = fixture.open();
    const auto appender = db->appender();
    const storage::SeriesRef ref = *appender->seriesFor(kUp);
    for (int i = 0; i < samples; ++i) {
        appender->append(ref, {start + i * step}, i * 1.1);
        base::ignore(appender->commit(), "counted below");
    }
    return db->stats().samplesAppended == static_cast<std::uint64_t>(samples) ? db->stats().chunks
                                                                              : 0;
}

} // namespace

class TestHead : public QObject
{
    Q_OBJECT

private slots:
    void judgesSamplesByTheirTime();
    void judgesRepetitionsWithinABatch();
    void refusesLabelsThatNameNothing();
    void refusesALabelThatIsTooLong();
    void splitsABatchWhereASeriesChangesItsKind();
    void aReferenceOfNobodyIsUnknown();
    void keepsSeriesOfTheSameHashApart();
    void cutsChunksEvenly();
    void neverCrossesABlockBoundary();
    void showsNothingBeforeCommit();
    void aReaderKeepsItsViewWhileCommitsGoOn();
    void aBatchIsSeenWholeOrNotAtAll();
    void rolledBackSamplesNeverAppear();
    void findsSeriesByMatchers_data();
    void findsSeriesByMatchers();
    void listsLabelNamesAndValues();
    void keepsHistograms();
    void needsLessThanAKibibyteASeries();
};

void TestHead::judgesSamplesByTheirTime()
{
    TsdbFixture fixture;
    const auto db = fixture.open();
    QCOMPARE(put(*db, kUp, kStart, 1), AppendResult::Appended);
    QCOMPARE(put(*db, kUp, kStart, 1), AppendResult::SameAgain);
    QCOMPARE(put(*db, kUp, kStart, 2), AppendResult::DuplicateTimestamp);
    QCOMPARE(put(*db, kUp, kStart - 1, 1), AppendResult::OutOfOrder);
    QCOMPARE(put(*db, kUp, kStart - kHour - 1, 1), AppendResult::OutOfBounds);
    QCOMPARE(put(*db, {{"__name__", "other"}}, kStart - kHour, 1), AppendResult::Appended);
    QCOMPARE(put(*db, {{"__name__", "other2"}}, kStart - kHour - 1, 1), AppendResult::OutOfBounds);
    QCOMPARE(put(*db, kUp, kStart + 1, model::normalNan()), AppendResult::Appended);
    QCOMPARE(put(*db, kUp, kStart + 1, model::normalNan()), AppendResult::SameAgain);
    QCOMPARE(put(*db, kUp, kStart + 1, model::staleMarker()), AppendResult::DuplicateTimestamp);
    QCOMPARE(sampleCount(*db), std::size_t{3});
    QCOMPARE(db->stats().samplesDuplicate, std::uint64_t{2});
    QCOMPARE(db->stats().samplesOutOfOrder, std::uint64_t{1});
    QCOMPARE(db->stats().samplesOutOfBounds, std::uint64_t{2});
}

void TestHead::judgesRepetitionsWithinABatch()
{
    TsdbFixture fixture;
    const auto db = fixture.open();
    const auto appender = db->appender();
    const storage::SeriesRef ref = *appender->seriesFor(kUp);
    QCOMPARE(appender->append(ref, {kStart}, 1), AppendResult::Appended);
    QCOMPARE(appender->append(ref, {kStart}, 1), AppendResult::SameAgain);
    QCOMPARE(appender->append(ref, {kStart}, 2), AppendResult::DuplicateTimestamp);
    QCOMPARE(appender->append(ref, {kStart - 1}, 2), AppendResult::OutOfOrder);
    QCOMPARE(appender->append(ref, {kStart + 1}, 2), AppendResult::Appended);
    QVERIFY(appender->commit().ok());
    QCOMPARE(sampleCount(*db), std::size_t{2});
}

void TestHead::refusesLabelsThatNameNothing()
{
    TsdbFixture fixture;
    const auto db = fixture.open();
    const auto appender = db->appender();
    QCOMPARE(appender->seriesFor({}).status().code(), absl::StatusCode::kInvalidArgument);
    std::string twice;
    model::appendPackedLabel(twice, "a", "1");
    model::appendPackedLabel(twice, "a", "2");
    QCOMPARE(appender->seriesFor(model::Labels::fromBytes(twice)).status().code(),
             absl::StatusCode::kInvalidArgument);
}

void TestHead::refusesALabelThatIsTooLong()
{
    TsdbFixture fixture;
    const auto db = fixture.open();
    const auto appender = db->appender();
    const auto ref =
        appender->seriesFor({{"__name__", "up"}, {"query", std::string(2U << 20U, 'x')}});
    QVERIFY(ref.status().message().find("the longest is \"query\" with 20971") !=
            std::string::npos);
    QCOMPARE(db->stats().oversizedLabels, std::uint64_t{1});
    // The others of the batch are kept.
    QCOMPARE(appender->append(*appender->seriesFor(kUp), {kStart}, 1), AppendResult::Appended);
    QVERIFY(appender->commit().ok());
    QCOMPARE(contentsOf(*db).size(), std::size_t{1});
}

void TestHead::splitsABatchWhereASeriesChangesItsKind()
{
    TsdbFixture fixture;
    {
        const auto db = fixture.open();
        const auto appender = db->appender();
        const auto ref = *appender->seriesFor(kUp);
        const model::FloatHistogram h{
            .count = 1, .sum = 1, .positiveSpans = {{0, 1}}, .positiveBuckets = {1}};
        QCOMPARE(appender->append(ref, {kStart}, 1), AppendResult::Appended);
        QCOMPARE(appender->appendHistogram(ref, {kStart + 1}, h), AppendResult::Appended);
        QCOMPARE(appender->append(ref, {kStart + 2}, 2), AppendResult::Appended);
        QCOMPARE(appender->appendHistogram(ref, {kStart + 2}, h), AppendResult::DuplicateTimestamp);
        QCOMPARE(appender->appendHistogram(ref, {kStart + 3}, h), AppendResult::Appended);
        QVERIFY(appender->commit().ok());
    }
    const auto db = fixture.open();
    const auto querier = db->querier({INT64_MIN}, {INT64_MAX}).value();
    const auto set = querier->select({}, {}, {}).value();
    const auto series = storage::collect(*set, 10).value();
    storage::SampleColumns columns;
    QVERIFY(series.at(0)->read({INT64_MIN}, {INT64_MAX}, columns).ok());
    const std::vector<std::int64_t> floats{kStart, kStart + 2};
    const std::vector<std::int64_t> histograms{kStart + 1, kStart + 3};
    QVERIFY(columns.times == floats);
    QVERIFY(columns.histogramTimes == histograms);
}

void TestHead::aReferenceOfNobodyIsUnknown()
{
    TsdbFixture fixture;
    const auto db = fixture.open();
    const auto appender = db->appender();
    for (const std::uint64_t ref : {0ULL, 1ULL, 1000000ULL, 1ULL << 40U, ~0ULL}) {
        QCOMPARE(appender->append(storage::SeriesRef{ref}, {kStart}, 1),
                 AppendResult::UnknownSeries);
    }
}

void TestHead::keepsSeriesOfTheSameHashApart()
{
    const auto pair = test::labelsWithTheSameHash();
    QVERIFY(pair);
    QVERIFY(pair->first != pair->second);
    QCOMPARE(pair->first.hash(), pair->second.hash());
    TsdbFixture fixture;
    auto db = fixture.open();
    const std::int64_t start = fixture.clock().now().ms;
    QCOMPARE(test::put(*db, pair->first, start, 1), AppendResult::Appended);
    QCOMPARE(test::put(*db, pair->second, start, 2), AppendResult::Appended);
    QCOMPARE(test::put(*db, pair->first, start + 1, 3), AppendResult::Appended);
    const auto check = [&] {
        for (const auto& [labels, samples] : {std::pair{pair->first, 2}, {pair->second, 1}}) {
            const auto found = contentsOf(
                *db, {test::matcher(model::MatchType::Equal, "name", labels.get("name"))});
            QCOMPARE(found.size(), 1U);
            QCOMPARE(found.begin()->first, labels.toString());
            QCOMPARE(found.begin()->second.size(), static_cast<std::size_t>(samples));
        }
    };
    check();
    QVERIFY(db->close().ok());
    db = fixture.open();
    check();
}

void TestHead::cutsChunksEvenly()
{
    // 15 s: 480 samples in two hours, 120 a chunk.
    QCOMPARE(chunksAfter(kStart, 15000, 480), std::uint64_t{4});
    QCOMPARE(chunksAfter(kStart, 15000, 481), std::uint64_t{5});
    // 60 s: 120 samples fill the two hours.
    QCOMPARE(chunksAfter(kStart, 60000, 120), std::uint64_t{1});
    // 1 s: 7200 samples, never more than 240 a chunk.
    const std::uint64_t chunks = chunksAfter(kStart, 1000, 7200);
    QVERIFY2(chunks >= 30 && chunks <= 70, std::to_string(chunks).c_str());
}

void TestHead::neverCrossesABlockBoundary()
{
    QCOMPARE(chunksAfter(kStart - 1000, 1000, 1), std::uint64_t{1});
    QCOMPARE(chunksAfter(kStart - 1000, 1000, 2), std::uint64_t{2});
    QCOMPARE(chunksAfter(-1000, 1000, 2), std::uint64_t{2});
}

void TestHead::showsNothingBeforeCommit()
{
    TsdbFixture fixture;
    const auto db = fixture.open();
    const auto appender = db->appender();
    appender->append(*appender->seriesFor(kUp), {kStart}, 1);
    QVERIFY(contentsOf(*db).empty());
    QVERIFY(appender->commit().ok());
    QCOMPARE(sampleCount(*db), std::size_t{1});
}

void TestHead::aReaderKeepsItsViewWhileCommitsGoOn()
{
    TsdbFixture fixture;
    const auto db = fixture.open();
    put(*db, kUp, kStart, 0);
    std::vector<std::unique_ptr<storage::Querier>> queriers;
    constexpr int kCommits = 300; // chunks are cut meanwhile
    for (int i = 1; i <= kCommits; ++i) {
        queriers.push_back(*db->querier({INT64_MIN}, {INT64_MAX}));
        put(*db, kUp, kStart + i * 15000, i);
    }
    for (std::size_t i = 0; i < queriers.size(); ++i) {
        QCOMPARE(contentsOf(*queriers[i]).begin()->second.size(), i + 1);
    }
    queriers.clear();
    put(*db, kUp, kStart + (kCommits + 1) * 15000, 1);
    QCOMPARE(sampleCount(*db), std::size_t{kCommits + 2});
}

void TestHead::aBatchIsSeenWholeOrNotAtAll()
{
    TsdbFixture fixture;
    const auto db = fixture.open();
    constexpr std::size_t kSeries = 600; // three pages
    std::vector<storage::SeriesRef> refs;
    const auto appender = db->appender();
    for (std::size_t i = 0; i < kSeries; ++i) {
        refs.push_back(*appender->seriesFor({{"__name__", "m"}, {"i", std::to_string(i)}}));
    }
    std::atomic<bool> done = false;
    std::jthread writer([&] {
        std::vector<AppendResult> results(kSeries);
        for (int round = 0; round < 200; ++round) {
            const std::vector<base::Timestamp> times(kSeries, {kStart + round * 1000});
            const std::vector<double> values(kSeries, round);
            appender->appendBatch(refs, times, values, results);
            base::ignore(appender->commit(), "seen by the reader");
        }
        done = true;
    });
    bool whole = true;
    while (!done) {
        const test::Contents contents = contentsOf(*db);
        for (const auto& [name, samples] : contents) {
            whole = whole && samples.size() == contents.begin()->second.size();
        }
        whole = whole && (contents.empty() || contents.size() == kSeries);
    }
    writer.join();
    QVERIFY(whole);
    QCOMPARE(sampleCount(*db), kSeries * 200);
}

void TestHead::rolledBackSamplesNeverAppear()
{
    TsdbFixture fixture;
    const auto db = fixture.open();
    {
        const auto appender = db->appender();
        const storage::SeriesRef ref = *appender->seriesFor(kUp);
        appender->append(ref, {kStart}, 1);
        appender->rollback();
        appender->append(ref, {kStart + 1}, 2);
        QVERIFY(appender->commit().ok());
        appender->append(ref, {kStart + 2}, 3);
    }
    const test::Contents contents = contentsOf(*db);
    QCOMPARE(contents.begin()->second.size(), std::size_t{1});
    QCOMPARE(contents.begin()->second[0].first, kStart + 1);
}

void TestHead::findsSeriesByMatchers_data()
{
    QTest::addColumn<QString>("matchers");
    QTest::addColumn<QString>("found");
    const auto row = [](const char* matchers, const char* found) {
        QTest::newRow(matchers) << matchers << found;
    };
    row("", "none x y z ab");
    row("a=x", "x");
    row("a=nothing", "");
    row("a!=x", "none y z ab");
    row("a=", "none");
    row("a!=", "x y z ab");
    row("a=~.*", "none x y z ab");
    row("a!~.*", "");
    row("a=~.+", "x y z ab");
    row("a!~.+", "none");
    row("a=~x|y", "x y");
    row("a!~x|y", "none z ab");
    row("a=~x|", "none x");
    row("a!~x|", "y z ab");
    row("a=~[xy]", "x y");
    row("a=~a.*", "ab");
    row("a!~a.*", "none x y z");
    row("a!=x a=~.+", "y z ab");
    row("a=~.+ a!~[xy]", "z ab");
    row("n=1 a!=", "x z");
    row("n=1 a!=x", "none z");
    row("missing= n=2", "y ab");
    row("missing!=", "");
    row("missing=~.*", "none x y z ab");
    row("a=x n=2", "");
    row("=", "none x y z ab");
}

void TestHead::findsSeriesByMatchers()
{
    TsdbFixture fixture;
    const auto db = fixture.open();
    put(*db, {{"id", "none"}, {"n", "1"}}, kStart, 1);
    put(*db, {{"id", "x"}, {"a", "x"}, {"n", "1"}}, kStart, 1);
    put(*db, {{"id", "y"}, {"a", "y"}, {"n", "2"}}, kStart, 1);
    put(*db, {{"id", "z"}, {"a", "z"}, {"n", "1"}}, kStart, 1);
    put(*db, {{"id", "ab"}, {"a", "ab"}, {"n", "2"}}, kStart, 1);

    QFETCH(QString, matchers);
    QFETCH(QString, found);
    model::Matchers list;
    for (const QString& text : matchers.split(' ', Qt::SkipEmptyParts)) {
        MatchType type = MatchType::Equal;
        qsizetype length = 1;
        for (const auto& [mark, kind] :
             {std::pair{"!=", MatchType::NotEqual}, std::pair{"=~", MatchType::Regex},
              std::pair{"!~", MatchType::NotRegex}}) {
            if (text.contains(mark)) {
                type = kind;
                length = 2;
            }
        }
        const qsizetype at =
            text.indexOf(length == 1 ? '=' : (type == MatchType::Regex ? '=' : '!'));
        list.push_back(
            matcher(type, text.left(at).toStdString(), text.mid(at + length).toStdString()));
    }
    QStringList names;
    for (const char* id : {"none", "x", "y", "z", "ab"}) {
        model::Matchers one = list;
        one.push_back(matcher(MatchType::Equal, "id", id));
        const bool alone = !contentsOf(*db, one).empty();
        if (alone) {
            names.append(id);
        }
    }
    QCOMPARE(names.join(' '), found);
    QCOMPARE(contentsOf(*db, list).size(), static_cast<std::size_t>(names.size()));
}

void TestHead::listsLabelNamesAndValues()
{
    TsdbFixture fixture;
    const auto db = fixture.open();
    put(*db, {{"__name__", "m"}, {"a", "2"}}, kStart, 1);
    put(*db, {{"__name__", "m"}, {"a", "1"}, {"b", "x"}}, kStart, 1);
    put(*db, {{"__name__", "n"}, {"a", "3"}}, kStart, 1);
    const auto querier = *db->querier({kStart}, {kStart});
    const model::Matchers onlyM{matcher(MatchType::Equal, "__name__", "m")};
    QCOMPARE(*querier->labelNames({}, 0), (std::vector<std::string>{"__name__", "a", "b"}));
    QCOMPARE(*querier->labelNames({matcher(MatchType::Equal, "__name__", "n")}, 0),
             (std::vector<std::string>{"__name__", "a"}));
    QCOMPARE(*querier->labelValues("a", {}, 0), (std::vector<std::string>{"1", "2", "3"}));
    QCOMPARE(*querier->labelValues("a", {}, 2), (std::vector<std::string>{"1", "2"}));
    QCOMPARE(*querier->labelValues("a", onlyM, 0), (std::vector<std::string>{"1", "2"}));
    QCOMPARE(*querier->labelValues("nothing", {}, 0), std::vector<std::string>{});
}

void TestHead::keepsHistograms()
{
    TsdbFixture fixture;
    model::FloatHistogram histogram;
    histogram.count = 3;
    histogram.sum = 4.5;
    histogram.positiveSpans = {{0, 2}};
    histogram.positiveBuckets = {1, 2};
    const auto check = [&](const tsdb::Db& db) {
        const auto querier = *db.querier({INT64_MIN}, {INT64_MAX});
        const auto set = *querier->select({}, {}, {});
        const auto series = *storage::collect(*set, 10);
        QCOMPARE(series.size(), std::size_t{1});
        storage::SampleColumns columns;
        QVERIFY(series[0]->read({INT64_MIN}, {INT64_MAX}, columns).ok());
        QCOMPARE(columns.times, std::vector<std::int64_t>{kStart + 1});
        QCOMPARE(columns.histogramTimes,
                 (std::vector<std::int64_t>{kStart, kStart + 2, kStart + 3}));
        QCOMPARE(columns.histograms[0]->positiveBuckets, histogram.positiveBuckets);
        QVERIFY(columns.histograms[2]->isStale());
    };
    {
        const auto db = fixture.open();
        const auto appender = db->appender();
        const storage::SeriesRef ref = *appender->seriesFor(kUp);
        QCOMPARE(appender->appendHistogram(ref, {kStart}, histogram), AppendResult::Appended);
        QVERIFY(appender->commit().ok());
        QCOMPARE(appender->appendHistogram(ref, {kStart}, histogram), AppendResult::SameAgain);
        QCOMPARE(appender->append(ref, {kStart + 1}, 5), AppendResult::Appended);
        QVERIFY(appender->commit().ok());
        QCOMPARE(appender->appendHistogram(ref, {kStart + 2}, histogram), AppendResult::Appended);
        QVERIFY(appender->commit().ok());
        // The end of a histogram series is a stale histogram.
        QCOMPARE(appender->append(ref, {kStart + 3}, model::staleMarker()), AppendResult::Appended);
        QVERIFY(appender->commit().ok());
        check(*db);
    }
    check(*fixture.open());
}

void TestHead::needsLessThanAKibibyteASeries()
{
    TsdbFixture fixture;
    const auto db = fixture.open();
    const auto appender = db->appender();
    constexpr int kSeries = 5000;
    std::vector<storage::SeriesRef> refs;
    for (int i = 0; i < kSeries; ++i) {
        refs.push_back(
            *appender->seriesFor({{"__name__", "node_cpu_seconds_total_" + std::to_string(i % 500)},
                                  {"instance", "localhost:" + std::to_string(9100 + i / 500)},
                                  {"job", "node"},
                                  {"mode", "idle"},
                                  {"cpu", std::to_string(i % 16)}}));
    }
    std::vector<AppendResult> results(refs.size());
    std::vector<double> values(refs.size());
    for (int round = 0; round < 120; ++round) {
        for (std::size_t i = 0; i < values.size(); ++i) {
            values[i] += static_cast<double>(
                (i * 7 + static_cast<std::size_t>(round)) % 3 == 0 ? i % 100 : 0);
        }
        appender->appendBatch(refs,
                              std::vector<base::Timestamp>(refs.size(), {kStart + round * 15000}),
                              values, results);
        QVERIFY(appender->commit().ok());
    }
    const std::uint64_t bytes = db->stats().headBytes / kSeries;
    qInfo("%llu bytes a series", static_cast<unsigned long long>(bytes));
    QVERIFY(bytes < 1024);
}

QTEST_GUILESS_MAIN(TestHead)
#include "tst_head.moc"
