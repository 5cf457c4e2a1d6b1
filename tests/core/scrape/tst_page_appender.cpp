// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "scraper.h"

#include "core/base/status.h"
#include "core/scrape/content_type.h"
#include "core/scrape/page_appender.h"
#include "core/scrape/series_cache.h"

#include <QtTest>

#include <filesystem>

using namespace narthex;
using scrape::FetchResult;
using test::failure;
using test::kStart;
using test::page;
using test::Scraper;

class TestPageAppender : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void forgetsFamiliesThatAreGone();
    void storesSamplesWithTargetLabelsAndSyntheticSeries();
    void aSeriesThatVanishesGetsAMarker();
    void aFailedFetchEndsAllSeries();
    void anEmptyPageIsASuccessfulScrape();
    void keepsUpWithReorderedAndChangedPages();
    void aParseErrorStoresNothingOfThePage();
    void anOverflowingSampleLimitFailsTheWholeScrape();
    void countsASeriesThatIsThereTwice();
    void exposedLabelsMoveAsideOrStay();
    void ownTimestampsAreNotTracked();
    void futureSamplesAreSkipped();
    void aPageCannotSendAMarker();
    void metricRelabelingDropsSeries();
    void aSeriesWithoutANameFailsTheScrape();
    void labelLimitsFailTheScrape();
    void refusesUnknownContentTypes();
    void endOfRunEndsUpToo();
    void remembersMetadata();
    void theRecordedPairDiffersByOneSeries();
};

void TestPageAppender::storesSamplesWithTargetLabelsAndSyntheticSeries()
{
    Scraper scraper;
    const auto outcome = scraper.scrape("a 1\nb{x=\"y\"} 2.5\n");
    QVERIFY(outcome.status.ok());
    QCOMPARE(outcome.samplesScraped, std::uint64_t{2});
    QCOMPARE(outcome.seriesAdded, std::uint64_t{2});
    QCOMPARE(scraper.series("a"), std::string("1@0"));
    QCOMPARE(scraper.series("b", "instance=\"i\", job=\"j\", x=\"y\""), std::string("2.5@0"));
    QCOMPARE(scraper.series("up"), std::string("1@0"));
    QCOMPARE(scraper.series("scrape_duration_seconds"), std::string("0.005@0"));
    QCOMPARE(scraper.series("scrape_samples_scraped"), std::string("2@0"));
    QCOMPARE(scraper.series("scrape_samples_post_metric_relabeling"), std::string("2@0"));
    QCOMPARE(scraper.series("scrape_series_added"), std::string("2@0"));
}

void TestPageAppender::aSeriesThatVanishesGetsAMarker()
{
    Scraper scraper;
    scraper.scrape("a 1\nb 1\nc 1\n");
    const auto outcome = scraper.scrape("a 2\nc 2\n");
    QCOMPARE(outcome.seriesAdded, std::uint64_t{0});
    scraper.scrape("a 3\nb 3\nc 3\n");
    QCOMPARE(scraper.series("a"), std::string("1@0 2@1 3@2"));
    QCOMPARE(scraper.series("b"), std::string("1@0 stale@1 3@2"));
    QCOMPARE(scraper.series("c"), std::string("1@0 2@1 3@2"));
}

void TestPageAppender::aFailedFetchEndsAllSeries()
{
    Scraper scraper;
    scraper.scrape("a 1\nb 1\n");
    const auto outcome = scraper.scrape(failure());
    QCOMPARE(int(outcome.errorClass), int(scrape::ErrorClass::ConnectionRefused));
    scraper.scrape(failure());
    scraper.scrape("a 4\nb 4\n");
    QCOMPARE(scraper.series("a"), std::string("1@0 stale@1 4@3"));
    QCOMPARE(scraper.series("up"), std::string("1@0 0@1 0@2 1@3"));
}

void TestPageAppender::anEmptyPageIsASuccessfulScrape()
{
    Scraper scraper;
    scraper.scrape("a 1\n");
    QVERIFY(scraper.scrape(FetchResult{}).status.ok());
    QCOMPARE(scraper.series("a"), std::string("1@0 stale@1"));
    QCOMPARE(scraper.series("up"), std::string("1@0 1@1"));
}

void TestPageAppender::keepsUpWithReorderedAndChangedPages()
{
    Scraper scraper;
    scraper.scrape("# HELP a text\n# TYPE a counter\na{n=\"1\"} 1\na{n=\"2\"} 1\na{n=\"3\"} 1\n");
    scraper.scrape("# HELP a other\n# TYPE a counter\na{n=\"3\"} 2\na{n=\"1\"} 2\n\n# "
                   "comment\na{n=\"2\"} 2\n");
    scraper.scrape("a{n=\"1\"} 3\na{n=\"4\"} 3\na{n=\"2\"} 3\na{n=\"3\"} 3");
    scraper.scrape("a{n=\"1\"} 4\na{n=\"4\"} 4\na{n=\"2\"} 4\na{n=\"3\"} 45");
    for (const char* n : {"1", "2"}) {
        QCOMPARE(scraper.series("a", std::string("instance=\"i\", job=\"j\", n=\"") + n + "\""),
                 std::string("1@0 2@1 3@2 4@3"));
    }
    QCOMPARE(scraper.series("a", "instance=\"i\", job=\"j\", n=\"3\""),
             std::string("1@0 2@1 3@2 45@3"));
    QCOMPARE(scraper.series("a", "instance=\"i\", job=\"j\", n=\"4\""), std::string("3@2 4@3"));
}

void TestPageAppender::aParseErrorStoresNothingOfThePage()
{
    Scraper scraper;
    scraper.scrape("a 1\nb 1\n");
    const auto outcome = scraper.scrape("a 2\nthis is no metric\nb 2\n");
    QCOMPARE(int(outcome.errorClass), int(scrape::ErrorClass::Parse));
    const std::string message(base::messageOf(outcome.status));
    QVERIFY2(message.starts_with("line 2: "), message.c_str());
    // a was accepted before the failing line: neither a sample nor a marker. b was not reached: a
    // marker.
    QCOMPARE(scraper.series("a"), std::string("1@0"));
    QCOMPARE(scraper.series("b"), std::string("1@0 stale@1"));
    QCOMPARE(scraper.series("up"), std::string("1@0 0@1"));
}

void TestPageAppender::anOverflowingSampleLimitFailsTheWholeScrape()
{
    Scraper scraper({.jobName = "j", .sampleLimit = 3});
    scraper.scrape("a 1\nb 1\nc 1\n");
    const auto outcome = scraper.scrape("a 2\nb 2\nc 2\nd 2\ne 2\n");
    QCOMPARE(std::string(base::messageOf(outcome.status)), std::string("sample limit exceeded"));
    QCOMPARE(outcome.samplesScraped, std::uint64_t{5});
    QCOMPARE(scraper.series("a"), std::string("1@0"));
    QCOMPARE(scraper.series("e"), std::string("nothing"));
    QCOMPARE(scraper.series("up"), std::string("1@0 0@1"));
    QCOMPARE(scraper.counters_.sampleLimit.load(), std::uint64_t{1});
}

void TestPageAppender::countsASeriesThatIsThereTwice()
{
    Scraper scraper;
    const auto outcome = scraper.scrape("m 1\nm 2\n");
    QVERIFY(outcome.status.ok());
    QCOMPARE(outcome.samplesScraped, std::uint64_t{2});
    QCOMPARE(outcome.samplesAfterRelabeling, std::uint64_t{2});
    QCOMPARE(scraper.counters_.duplicate.load(), std::uint64_t{1});
    QCOMPARE(scraper.series("m"), std::string("1@0"));
}

void TestPageAppender::exposedLabelsMoveAsideOrStay()
{
    Scraper moved;
    moved.scrape("a{instance=\"x\",exported_instance=\"y\"} 1\n");
    QCOMPARE(
        moved.series(
            "a",
            "exported_exported_instance=\"x\", exported_instance=\"y\", instance=\"i\", job=\"j\""),
        std::string("1@0"));
    Scraper kept({.jobName = "j", .honorLabels = true});
    kept.scrape("a{instance=\"x\"} 1\n");
    QCOMPARE(kept.series("a", "instance=\"x\", job=\"j\""), std::string("1@0"));
    // An empty one takes the target's away.
    kept.scrape("b{instance=\"\"} 1\n");
    QCOMPARE(kept.series("b", "job=\"j\""), std::string("1@1"));
}

void TestPageAppender::ownTimestampsAreNotTracked()
{
    Scraper scraper;
    scraper.scrape("m 1 1699999999000\nm 2 1700000000000\n");
    scraper.scrape("x 1\n");
    QCOMPARE(scraper.series("m"), std::string("1@1699999999000 2@0"));
}

void TestPageAppender::futureSamplesAreSkipped()
{
    Scraper scraper;
    const auto outcome = scraper.scrape("m 1 " + std::to_string(kStart + 11 * 60 * 1000) + "\n");
    QVERIFY(outcome.status.ok());
    QCOMPARE(scraper.counters_.outOfBounds.load(), std::uint64_t{1});
    QCOMPARE(scraper.series("m"), std::string("nothing"));
}

void TestPageAppender::aPageCannotSendAMarker()
{
    Scraper scraper;
    scraper.scrape("m NaN\n");
    QCOMPARE(scraper.series("m"), std::string("NaN@0"));
}

void TestPageAppender::metricRelabelingDropsSeries()
{
    scrape::JobConfig job{.jobName = "j"};
    relabel::Rule rule{
        .sourceLabels = {"__name__"}, .regex = "secret_.*", .action = relabel::Action::Drop};
    QVERIFY(relabel::validate(rule, relabel::NameScheme::Utf8).ok());
    job.metricRelabelRules = {rule};
    Scraper scraper(job);
    const auto first = scraper.scrape("secret_a 1\nb 1\n");
    const auto second = scraper.scrape("secret_a 2\nb 2\n");
    QCOMPARE(first.samplesScraped, std::uint64_t{2});
    QCOMPARE(second.samplesAfterRelabeling, std::uint64_t{1});
    QCOMPARE(scraper.series("secret_a"), std::string("nothing"));
    QCOMPARE(scraper.series("b"), std::string("1@0 2@1"));
}

void TestPageAppender::aSeriesWithoutANameFailsTheScrape()
{
    scrape::JobConfig job{.jobName = "j"};
    relabel::Rule rule{.regex = "__name__", .action = relabel::Action::LabelDrop};
    QVERIFY(relabel::validate(rule, relabel::NameScheme::Utf8).ok());
    job.metricRelabelRules = {rule};
    Scraper scraper(job);
    const auto outcome = scraper.scrape("a 1\n");
    QVERIFY(outcome.status.message().find("missing metric name (__name__ label)") !=
            std::string_view::npos);
    QCOMPARE(scraper.series("up"), std::string("0@0"));
}

void TestPageAppender::labelLimitsFailTheScrape()
{
    Scraper scraper({.jobName = "j", .labelLimit = 2});
    const auto outcome = scraper.scrape("m{a=\"1\"} 1\n");
    QVERIFY(std::string(base::messageOf(outcome.status))
                .find("label_limit exceeded (metric: m, number of labels: 4, limit: 2)") !=
            std::string::npos);
    QCOMPARE(scraper.series("up"), std::string("0@0"));
}

void TestPageAppender::refusesUnknownContentTypes()
{
    QVERIFY(scrape::pageFormat("text/plain; version=9.9", "").ok());
    QVERIFY(scrape::pageFormat("text/html", "PrometheusText0.0.4").ok());
    QVERIFY(!scrape::pageFormat("text/html", "").ok());
    QVERIFY(!scrape::pageFormat("", "").ok());
}

void TestPageAppender::endOfRunEndsUpToo()
{
    Scraper scraper;
    scraper.scrape("a 1\n");
    scraper.count_ = 2;
    QVERIFY(scraper.appender_.endRun({kStart + 15000}).ok());
    QCOMPARE(scraper.series("a"), std::string("1@0 stale@1"));
    QCOMPARE(scraper.series("up"), std::string("1@0 stale@1"));
}

void TestPageAppender::remembersMetadata()
{
    Scraper scraper;
    scraper.scrape("# HELP a_total Counts.\n# TYPE a_total counter\na_total 1\n");
    const auto metadata = scraper.appender_.metadata();
    QCOMPARE(metadata.size(), std::size_t{1});
    QCOMPARE(metadata[0].metadata.help, std::string("Counts."));
    QCOMPARE(int(metadata[0].metadata.type), int(model::MetricType::Counter));
}

void TestPageAppender::forgetsFamiliesThatAreGone()
{
    scrape::SeriesCache cache;
    const std::uint32_t old = cache.family("old");
    const std::uint32_t kept = cache.family("kept");
    const std::uint32_t series = cache.add("old_total");
    cache.at(series).family = old;
    cache.familyAt(kept).seen = 5;
    cache.forgetFamilies(5);
    QCOMPARE(cache.familyCount(), std::size_t{1});
    QCOMPARE(cache.family("kept"), kept);
    QCOMPARE(cache.at(series).family, scrape::CachedSeries::kNoFamily);
    QCOMPARE(cache.family("new"), old); // the place is used again
    // Names that change with each page: what is remembered stays small.
    Scraper scraper;
    for (int i = 0; i < 60; ++i) {
        const std::string name = "m" + std::to_string(i);
        QVERIFY(scraper.scrape("# TYPE " + name + " gauge\n" + name + " 1\n").status.ok());
    }
    QVERIFY(scraper.appender_.metadata().size() <= 11);
    QCOMPARE(scraper.appender_.metadata().back().family.substr(0, 1), std::string("m"));
}

void TestPageAppender::theRecordedPairDiffersByOneSeries()
{
    const auto folder = std::filesystem::path(NARTHEX_SHARED_DIR) / "conformance/exposition";
    const auto first = base::readFile(folder / "node_exporter-1.5.0-all.prom");
    const auto next = base::readFile(folder / "node_exporter-1.5.0-all.next.prom");
    if (!first.ok() || !next.ok()) {
        QSKIP("the captured pages are not here");
    }
    Scraper scraper;
    QCOMPARE(scraper.scrape(*first).samplesScraped, std::uint64_t{1000});
    const auto outcome = scraper.scrape(*next);
    QVERIFY2(outcome.status.ok(), std::string(base::messageOf(outcome.status)).c_str());
    QCOMPARE(outcome.samplesScraped, std::uint64_t{999});
    QCOMPARE(outcome.seriesAdded, std::uint64_t{0});
    int markers = 0;
    for (const auto& [labels, samples] : scraper.store_.content("node_processes_state")) {
        markers += samples.find("stale") != std::string::npos ? 1 : 0;
    }
    QCOMPARE(markers, 1);
    QCOMPARE(scraper.store_.db().stats().samplesAppended, std::uint64_t{1000 + 999 + 1 + 10});
}

QTEST_GUILESS_MAIN(TestPageAppender)
#include "tst_page_appender.moc"
