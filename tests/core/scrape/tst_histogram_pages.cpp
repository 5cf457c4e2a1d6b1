// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Histograms of pages: classic ones that become native ones, limits of buckets; and when counters
// began.
#include "scraper.h"

#include "core/base/status.h"
#include "support/protobuf_page.h"

#include <QtTest>

using namespace narthex;
using test::kStart;
using test::page;
using test::ProtoMessage;
using test::Scraper;

namespace {

const std::string kOpenMetrics = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const std::string kProtobuf = "application/vnd.google.protobuf; "
                              "proto=io.prometheus.client.MetricFamily; encoding=delimited";

const tsdb::DbOptions kStore{.readableBy242 = false};

scrape::JobConfig converting(bool alwaysClassic = false)
{
    return {.jobName = "j",
            .alwaysScrapeClassicHistograms = alwaysClassic,
            .convertClassicHistograms = true};
}

/// Buckets up to 1, 2 and +Inf with these cumulative counts, a sum of 9.5.
std::string classicPage(double one, double two, double all)
{
    std::string text = "# TYPE lat histogram\n";
    const auto line = [&text](const std::string& series, double value) {
        text += series + " " + std::to_string(value) + "\n";
    };
    line("lat_bucket{le=\"1\"}", one);
    line("lat_bucket{le=\"2\"}", two);
    line("lat_bucket{le=\"+Inf\"}", all);
    line("lat_sum", 9.5);
    line("lat_count", all);
    return text;
}

std::shared_ptr<const model::FloatHistogram> histogramOf(Scraper& scraper, const char* name)
{
    const auto querier =
        scraper.store_.db().querier(base::Timestamp::min(), base::Timestamp::max()).value();
    const auto set = querier
                         ->select({.from = base::Timestamp::min(), .to = base::Timestamp::max()},
                                  {model::Matcher::equal(model::kMetricName, name)}, {})
                         .value();
    const auto all = storage::collect(*set, 10).value();
    storage::SampleColumns columns;
    if (all.empty() ||
        !all[0]->read(base::Timestamp::min(), base::Timestamp::max(), columns).ok() ||
        columns.histograms.empty()) {
        return nullptr;
    }
    return columns.histograms.back();
}

std::string delimited(const std::string& family)
{
    std::string bytes;
    base::appendUvarintString(bytes, family);
    return bytes;
}

/// A native histogram of this schema with one observation in each of `buckets` buckets.
std::string nativePage(std::int32_t schema, std::uint64_t buckets)
{
    ProtoMessage histogram;
    histogram.number(1, buckets).real(2, 1).number(5, base::zigzag(schema)).real(6, 0.001);
    histogram.bytes(12, ProtoMessage().number(1, base::zigzag(1)).number(2, buckets).text());
    for (std::uint64_t i = 0; i < buckets; ++i) {
        histogram.number(13, base::zigzag(i == 0 ? 1 : 0));
    }
    return delimited(ProtoMessage()
                         .bytes(1, "lat")
                         .number(3, 4)
                         .bytes(4, ProtoMessage().bytes(7, histogram.text()).text())
                         .text());
}

} // namespace

class TestHistogramPages : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void classicBecomesCustomBuckets();
    void classicStaysBesidesWhenAskedFor();
    void whatIsNotCumulativeIsNotConverted();
    void fractionsGiveFloatHistograms();
    void histogramsOfTwoLabelSetsStayApart();
    void endsWithTheFamily();
    void exemplarsGoToTheHistogram();
    void convertsProtobuf();
    void joinsBucketsDownToTheLimit();
    void refusesWhatCannotBeLimited();
    void keepsBucketsAsWideAsTheFactor();
    void createdLinesAreSeriesUnlessAskedFor();
    void startsOfCountersBecomeZeros();
    void aStartIsWrittenOnce();
    void countsFromTheFirstSampleWithoutAStart();
    void histogramsCountFromTheFirstSampleWithoutAStart();
    void startsAreStored();
    void typeAndUnitStandOnSeries();
    void emptiesTheCacheWhenFailuresFillIt();
};

void TestHistogramPages::classicBecomesCustomBuckets()
{
    Scraper scraper(converting(), kStore);
    for (int i = 0; i < 3; ++i) {
        const auto outcome = scraper.scrape(classicPage(1, 3, 4 + i));
        QVERIFY2(outcome.status.ok(), outcome.status.ToString().c_str());
        QCOMPARE(outcome.samplesScraped, std::uint64_t{1});
    }
    QCOMPARE(scraper.series("lat"), std::string("{4,9.5}@0 {5,9.5}@1 {6,9.5}@2"));
    QCOMPARE(scraper.series("lat_bucket"), std::string("nothing"));
    QCOMPARE(scraper.series("lat_count"), std::string("nothing"));
    const auto histogram = histogramOf(scraper, "lat");
    QVERIFY(histogram);
    QCOMPARE(histogram->schema, model::kCustomBucketsSchema);
    QVERIFY((histogram->customValues == std::vector<double>{1, 2}));
    QVERIFY((histogram->positiveBuckets == std::vector<double>{1, 2, 3}));
}

void TestHistogramPages::classicStaysBesidesWhenAskedFor()
{
    Scraper scraper(converting(true), kStore);
    QVERIFY(scraper.scrape(classicPage(1, 3, 4)).status.ok());
    QVERIFY(scraper.scrape(classicPage(1, 3, 5)).status.ok());
    QCOMPARE(scraper.series("lat"), std::string("{4,9.5}@0 {5,9.5}@1"));
    QCOMPARE(scraper.series("lat_count"), std::string("4@0 5@1"));
}

void TestHistogramPages::whatIsNotCumulativeIsNotConverted()
{
    Scraper lost(converting(), kStore);
    QVERIFY(lost.scrape(classicPage(3, 1, 4)).status.ok());
    QCOMPARE(lost.series("lat"), std::string("nothing"));
    QCOMPARE(lost.series("lat_count"), std::string("nothing"));
    QCOMPARE(lost.series("up"), std::string("1@0"));
    Scraper kept(converting(true), kStore);
    QVERIFY(kept.scrape(classicPage(3, 1, 4)).status.ok());
    QCOMPARE(kept.series("lat"), std::string("nothing"));
    QCOMPARE(kept.series("lat_count"), std::string("4@0"));
}

void TestHistogramPages::fractionsGiveFloatHistograms()
{
    Scraper scraper(converting(), kStore);
    QVERIFY(scraper.scrape(classicPage(0.5, 3, 4)).status.ok());
    const auto histogram = histogramOf(scraper, "lat");
    QVERIFY(histogram);
    QVERIFY((histogram->positiveBuckets == std::vector<double>{0.5, 2.5, 1}));
}

void TestHistogramPages::histogramsOfTwoLabelSetsStayApart()
{
    Scraper scraper(converting(), kStore);
    QVERIFY(scraper
                .scrape("# TYPE lat histogram\n"
                        "lat_bucket{p=\"a\",le=\"1\"} 1\nlat_bucket{p=\"a\",le=\"+Inf\"} 2\n"
                        "lat_sum{p=\"a\"} 3\nlat_count{p=\"a\"} 2\n"
                        "lat_bucket{p=\"b\",le=\"+Inf\"} 7\nlat_bucket{le=\"1\",p=\"b\"} 5\n"
                        "lat_bucket{p=\"b\"} 1\nlat_bucket{p=\"b\",le=\"x\"} 1\n")
                .status.ok());
    QCOMPARE(scraper.series("lat", "instance=\"i\", job=\"j\", p=\"a\""), std::string("{2,3}@0"));
    QCOMPARE(scraper.series("lat", "instance=\"i\", job=\"j\", p=\"b\""), std::string("{7,0}@0"));
    // A bucket without a usable bound is a series as before.
    QCOMPARE(scraper.series("lat_bucket", "instance=\"i\", job=\"j\", p=\"b\""),
             std::string("1@0"));
}

void TestHistogramPages::endsWithTheFamily()
{
    Scraper scraper(converting(), kStore);
    for (int i = 0; i < 2; ++i) {
        QVERIFY(scraper
                    .scrape("# TYPE lat histogram\nlat_bucket{le=\"+Inf\"} 2\nlat_count 2\n"
                            "latency 5\n# TYPE other counter\nother_total 1\n"
                            "# TYPE size histogram\nsize_bucket{le=\"1\"} 1\n")
                    .status.ok());
    }
    QCOMPARE(scraper.series("lat"), std::string("{2,0}@0 {2,0}@1"));
    QCOMPARE(scraper.series("latency"), std::string("5@0 5@1"));
    QCOMPARE(scraper.series("size"), std::string("{1,0}@0 {1,0}@1"));
    QVERIFY(scraper.scrape("x 1\n").status.ok());
    QCOMPARE(scraper.series("lat"), std::string("{2,0}@0 {2,0}@1 stale@2"));
}

void TestHistogramPages::exemplarsGoToTheHistogram()
{
    Scraper scraper(converting(), {.live = {.maxExemplars = 10}});
    const auto outcome =
        scraper.scrape(page("# TYPE lat histogram\n"
                            "lat_bucket{le=\"1\"} 1 # {id=\"timed\"} 0.5 " +
                                std::to_string(kStart / 1000) +
                                "\nlat_bucket{le=\"+Inf\"} 2 # {id=\"untimed\"} 3\n"
                                "lat_count 2\nlat_sum 3.5\n# EOF\n",
                            kOpenMetrics));
    QVERIFY2(outcome.status.ok(), outcome.status.ToString().c_str());
    const std::vector<model::Matchers> sets{{model::Matcher::equal(model::kMetricName, "lat")}};
    const auto all =
        scraper.store_.db().exemplars(base::Timestamp::min(), base::Timestamp::max(), sets);
    QCOMPARE(all.size(), std::size_t{1});
    QCOMPARE(all[0].exemplars.size(), std::size_t{1});
    QCOMPARE(std::string(all[0].exemplars[0].labels.get("id")), std::string("timed"));
}

void TestHistogramPages::convertsProtobuf()
{
    const auto bucket = [](std::uint64_t count, double bound) {
        return ProtoMessage().number(1, count).real(2, bound).text();
    };
    const auto body = [&](std::uint64_t first) {
        const std::string histogram = ProtoMessage()
                                          .number(1, 4)
                                          .real(2, 9.5)
                                          .bytes(3, bucket(first, 1))
                                          .bytes(3, bucket(3, 2))
                                          .text();
        return delimited(ProtoMessage()
                             .bytes(1, "lat")
                             .number(3, 4)
                             .bytes(4, ProtoMessage().bytes(7, histogram).text())
                             .text());
    };
    Scraper scraper(converting(), kStore);
    QVERIFY(scraper.scrape(page(body(1), kProtobuf)).status.ok());
    QCOMPARE(scraper.series("lat"), std::string("{4,9.5}@0"));
    QCOMPARE(scraper.series("lat_count"), std::string("nothing"));
    // Here a histogram that is none fails the scrape.
    const auto bad = scraper.scrape(page(body(4), kProtobuf));
    QVERIFY(!bad.status.ok());
    QVERIFY(bad.status.message().find("histogram \"lat\"") != std::string::npos);
    Scraper both(converting(true), kStore);
    QVERIFY(both.scrape(page(body(1), kProtobuf)).status.ok());
    QCOMPARE(both.series("lat"), std::string("{4,9.5}@0"));
    QCOMPARE(both.series("lat_count"), std::string("4@0"));
}

void TestHistogramPages::joinsBucketsDownToTheLimit()
{
    scrape::JobConfig job{.jobName = "j", .scrapeNativeHistograms = true, .bucketLimit = 3};
    Scraper scraper(job);
    QVERIFY(scraper.scrape(page(nativePage(3, 8), kProtobuf)).status.ok());
    const auto histogram = histogramOf(scraper, "lat");
    QVERIFY(histogram);
    // Buckets 1 to 8: two and two, and again.
    QCOMPARE(histogram->schema, 1);
    QVERIFY((histogram->positiveBuckets == std::vector<double>{4, 4}));
    QCOMPARE(histogram->count, 8.0);
}

void TestHistogramPages::refusesWhatCannotBeLimited()
{
    scrape::JobConfig job = converting();
    job.bucketLimit = 2;
    Scraper scraper(job);
    const auto outcome = scraper.scrape(classicPage(1, 3, 4));
    QCOMPARE(std::string(base::messageOf(outcome.status)),
             std::string("histogram bucket limit exceeded"));
    QCOMPARE(scraper.counters_.bucketLimit.load(), std::uint64_t{1});
    QCOMPARE(scraper.series("lat"), std::string("nothing"));
    QCOMPARE(scraper.series("up"), std::string("0@0"));
}

void TestHistogramPages::keepsBucketsAsWideAsTheFactor()
{
    scrape::JobConfig job{.jobName = "j", .scrapeNativeHistograms = true, .minBucketFactor = 1.4};
    Scraper scraper(job);
    QVERIFY(scraper.scrape(page(nativePage(3, 8), kProtobuf)).status.ok());
    const auto histogram = histogramOf(scraper, "lat");
    QVERIFY(histogram);
    QCOMPARE(histogram->schema, 1); // buckets grow by 2^(1/2), the last that is above 1.4
}

const std::string kCreatedPage =
    "# TYPE x counter\nx_total 5\nx_created " + std::to_string(kStart / 1000 - 60) + ".5\n# EOF\n";

void TestHistogramPages::createdLinesAreSeriesUnlessAskedFor()
{
    Scraper scraper;
    QVERIFY(scraper.scrape(page(kCreatedPage, kOpenMetrics)).status.ok());
    QCOMPARE(scraper.series("x_total"), std::string("5@0"));
    QVERIFY(scraper.series("x_created") != "nothing");
}

void TestHistogramPages::startsOfCountersBecomeZeros()
{
    Scraper scraper({.jobName = "j"}, {}, {.writeZero = true});
    const auto outcome = scraper.scrape(page(kCreatedPage, kOpenMetrics));
    QVERIFY2(outcome.status.ok(), outcome.status.ToString().c_str());
    QCOMPARE(outcome.samplesScraped, std::uint64_t{1});
    QCOMPARE(scraper.series("x_total"), "0@" + std::to_string(kStart - 60'000 + 500) + " 5@0");
    QCOMPARE(scraper.series("x_created"), std::string("nothing"));
}

void TestHistogramPages::aStartIsWrittenOnce()
{
    Scraper scraper({.jobName = "j"},
                    {.live = {.outOfOrderWindow = base::Duration::fromMs(600'000)}},
                    {.writeZero = true});
    QVERIFY(scraper.scrape(page(kCreatedPage, kOpenMetrics)).status.ok());
    QVERIFY(scraper.scrape(page(kCreatedPage, kOpenMetrics)).status.ok());
    QCOMPARE(QString::fromStdString(scraper.series("x_total")).count("0@1"), 1);
    // The counter begins anew between two scrapes.
    const std::string again = "# TYPE x counter\nx_total 1\nx_created " +
                              std::to_string(kStart / 1000 + 20) + "\n# EOF\n";
    QVERIFY(scraper.scrape(page(again, kOpenMetrics)).status.ok());
    QVERIFY(QString::fromStdString(scraper.series("x_total"))
                .endsWith(QString("5@0 5@1 0@%1 1@2").arg(kStart + 20'000)));
}

void TestHistogramPages::countsFromTheFirstSampleWithoutAStart()
{
    Scraper scraper({.jobName = "j"}, {}, {.synthesize = true});
    const auto body = [](int counter, int gauge) {
        return "# TYPE c_total counter\nc_total " + std::to_string(counter) +
               "\n# TYPE g gauge\ng " + std::to_string(gauge) + "\n";
    };
    for (const int value : {100, 103, 110, 4}) {
        QVERIFY(scraper.scrape(body(value, value)).status.ok());
    }
    QCOMPARE(scraper.series("c_total"), std::string("3@1 10@2 4@3"));
    QCOMPARE(scraper.series("g"), std::string("100@0 103@1 110@2 4@3"));
}

void TestHistogramPages::histogramsCountFromTheFirstSampleWithoutAStart()
{
    Scraper scraper(converting(), kStore, {.synthesize = true});
    for (const auto& [one, two, all] : {std::tuple{1, 2, 3}, {2, 4, 8}, {1, 1, 2}}) {
        QVERIFY(scraper.scrape(classicPage(one, two, all)).status.ok());
    }
    QCOMPARE(scraper.series("lat"), std::string("{5,0}@1 {2,9.5}@2"));
    QCOMPARE(histogramOf(scraper, "lat")->positiveBuckets, (std::vector<double>{1, 0, 1}));
}

void TestHistogramPages::startsAreStored()
{
    tsdb::DbOptions options;
    options.readableBy242 = false;
    options.floatEncoding = tsdb::FloatEncoding::Xor2;
    options.startTimes = true;
    Scraper scraper({.jobName = "j"}, options, {.synthesize = true, .store = true});
    const auto body = [](int value) {
        return "# TYPE x counter\nx_total 5\nx_created " + std::to_string(kStart / 1000 - 60) +
               "\n# TYPE y counter\ny_total " + std::to_string(value) + "\n# EOF\n";
    };
    for (const int value : {7, 9, 2}) {
        QVERIFY(scraper.scrape(page(body(value), kOpenMetrics)).status.ok());
    }
    const auto querier =
        scraper.store_.db().querier(base::Timestamp::min(), base::Timestamp::max()).value();
    const auto set = querier->select({}, {}, {}).value();
    std::map<std::string, std::vector<std::int64_t>> starts;
    const auto all = storage::collect(*set, 100).value();
    for (const auto& series : all) {
        storage::SampleColumns columns;
        QVERIFY(series->read(base::Timestamp::min(), base::Timestamp::max(), columns).ok());
        starts[std::string(series->labels().metricName())] = columns.startTimes;
    }
    using Times = std::vector<std::int64_t>;
    QCOMPARE(starts["x_total"], Times(3, kStart - 60'000));
    QCOMPARE(starts["y_total"], (Times{kStart, kStart + 30'000 - 1}));
}

void TestHistogramPages::typeAndUnitStandOnSeries()
{
    const auto job = std::make_shared<const scrape::JobConfig>(scrape::JobConfig{.jobName = "j"});
    base::ManualClock clock({kStart});
    test::StoreFixture store(clock);
    scrape::ScrapeCounters counters;
    scrape::PageAppender appender(
        {.job = job, .target = Scraper::targetOf(*job), .typeAndUnitLabels = true}, store.db(),
        counters);
    const auto outcome = appender.append(
        page("# TYPE t_seconds counter\n# UNIT t_seconds seconds\n"
             "t_seconds_total{__type__=\"gauge\"} 1\n# TYPE u unknown\nu 1\n# EOF\n",
             kOpenMetrics),
        {kStart}, job->timeout, [] { return base::Duration{}; });
    QVERIFY2(outcome.status.ok(), outcome.status.ToString().c_str());
    QCOMPARE(store.content("t_seconds_total").begin()->first,
             std::string("t_seconds_total{__type__=\"counter\", __unit__=\"seconds\", "
                         "instance=\"i\", job=\"j\"}"));
    QCOMPARE(store.content("u").begin()->first, std::string("u{instance=\"i\", job=\"j\"}"));
}

void TestHistogramPages::emptiesTheCacheWhenFailuresFillIt()
{
    Scraper scraper;
    QVERIFY(scraper.scrape("a 1\n").status.ok());
    for (int page = 0; page < 5; ++page) {
        std::string body;
        for (int i = 0; i < 400; ++i) {
            body += "s" + std::to_string(page) + "_" + std::to_string(i) + " 1\n";
        }
        QVERIFY(!scraper.scrape(body + "broken\n").status.ok());
    }
    QVERIFY(scraper.counters_.cacheFlushForced.load() >= 1);
}

QTEST_GUILESS_MAIN(TestHistogramPages)
#include "tst_histogram_pages.moc"
