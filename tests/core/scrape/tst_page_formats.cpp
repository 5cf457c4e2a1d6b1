// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Pages in each format: what is asked for, what becomes of their samples, exemplars and metadata.
#include "scraper.h"

#include "core/scrape/content_type.h"
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
const tsdb::DbOptions kWithExemplars{.live = {.maxExemplars = 10}};

std::string delimited(const std::string& family)
{
    std::string bytes;
    base::appendUvarintString(bytes, family);
    return bytes;
}

std::string exemplar(const char* id, double value, std::int64_t seconds)
{
    ProtoMessage message;
    message.bytes(1, test::protoLabel("id", id)).real(2, value);
    if (seconds != 0) {
        message.bytes(3, ProtoMessage().number(1, static_cast<std::uint64_t>(seconds)).text());
    }
    return message.text();
}

/// A histogram with a native and a classic part; exemplars stand in the classic one.
std::string bothHistograms()
{
    const auto bucket = [](std::uint64_t count, double bound, const std::string& with) {
        ProtoMessage message;
        message.number(1, count).real(2, bound);
        return (with.empty() ? message : message.bytes(3, with)).text();
    };
    const std::string histogram =
        ProtoMessage()
            .number(1, 3)
            .real(2, 4.5)
            .bytes(3, bucket(1, 0.5, exemplar("timed", 0.4, kStart / 1000)))
            .bytes(3, bucket(2, 1, exemplar("untimed", 0.9, 0)))
            .number(5, 0)
            .real(6, 0.001)
            .bytes(12, ProtoMessage().number(1, 0).number(2, 2).text())
            .number(13, base::zigzag(1))
            .number(13, base::zigzag(1))
            .text();
    return delimited(ProtoMessage()
                         .bytes(1, "lat")
                         .bytes(2, "Latency.")
                         .number(3, 4)
                         .bytes(5, "seconds")
                         .bytes(4, ProtoMessage().bytes(7, histogram).text())
                         .text());
}

scrape::JobConfig job(bool native, bool classic)
{
    return {
        .jobName = "j", .scrapeNativeHistograms = native, .alwaysScrapeClassicHistograms = classic};
}

QByteArray exemplarsOf(Scraper& scraper, const char* metric)
{
    QByteArrayList found;
    const std::vector<model::Matchers> sets{{model::Matcher::equal(model::kMetricName, metric)}};
    const auto all =
        scraper.store_.db().exemplars(base::Timestamp::min(), base::Timestamp::max(), sets);
    for (const storage::ExemplarSeries& series : all) {
        for (const model::Exemplar& one : series.exemplars) {
            found << QByteArray::fromStdString(std::string(one.labels.get("id"))) + "@" +
                         QByteArray::number(static_cast<qint64>(one.time->ms - kStart));
        }
    }
    return found.join(' ');
}

} // namespace

class TestPageFormats : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void asksForWhatItReads_data();
    void asksForWhatItReads();
    void choosesAParserByContentType_data();
    void choosesAParserByContentType();
    void readsOpenMetrics();
    void anOpenMetricsPageWithoutItsEndStoresNothing();
    void keepsExemplarsOfOpenMetrics();
    void countsExemplarsOutOfOrder();
    void readsTheSameSeriesInTwoFormats();
    void readsProtobuf();
    void choosesTheKindOfHistogram_data();
    void choosesTheKindOfHistogram();
    void keepsExemplarsOfHistograms();
    void endsSeriesOfProtobufPages();
    void anEmptyLabelTakesTheTargetsAway();
    void aBadProtobufPageStoresNothing();
};

void TestPageFormats::asksForWhatItReads_data()
{
    QTest::addColumn<scrape::JobConfig>("job");
    QTest::addColumn<QString>("header");
    QTest::newRow("default") << scrape::JobConfig{}
                             << "application/openmetrics-text;version=1.0.0;"
                                "escaping=allow-utf-8;q=0.6,"
                                "application/openmetrics-text;version=0.0.1;q=0.5,"
                                "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
                                "text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
    QTest::newRow("underscores") << scrape::JobConfig{.escapingScheme = "underscores"}
                                 << "application/openmetrics-text;version=1.0.0;"
                                    "escaping=underscores;q=0.6,"
                                    "application/openmetrics-text;version=0.0.1;q=0.5,"
                                    "text/plain;version=1.0.0;escaping=underscores;q=0.4,"
                                    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
    QTest::newRow("native")
        << job(true, false)
        << "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"
           "encoding=delimited;q=0.6,"
           "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
           "application/openmetrics-text;version=0.0.1;q=0.4,"
           "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,"
           "text/plain;version=0.0.4;q=0.2,*/*;q=0.1";
    QTest::newRow("chosen") << scrape::JobConfig{.scrapeProtocols = {"PrometheusText0.0.4"},
                                                 .scrapeNativeHistograms = true}
                            << "text/plain;version=0.0.4;q=0.6,*/*;q=0.5";
}

void TestPageFormats::asksForWhatItReads()
{
    QFETCH(const scrape::JobConfig, job);
    QFETCH(const QString, header);
    QCOMPARE(QString::fromStdString(scrape::acceptHeader(job)), header);
}

void TestPageFormats::choosesAParserByContentType_data()
{
    QTest::addColumn<QByteArray>("contentType");
    QTest::addColumn<QByteArray>("fallback");
    QTest::addColumn<int>("format"); // -1: an error
    QTest::addColumn<QByteArray>("error");
    const int text = static_cast<int>(scrape::PageFormat::Text);
    const int open = static_cast<int>(scrape::PageFormat::OpenMetrics);
    const int proto = static_cast<int>(scrape::PageFormat::Protobuf);
    const auto row = [](const char* type, const char* fallback, int format,
                        const char* error = "") {
        QTest::addRow("%s %s", type, fallback)
            << QByteArray(type) << QByteArray(fallback) << format << QByteArray(error);
    };
    row("text/plain; version=9.9", "", text);
    row("Text/Plain", "", text);
    row(kOpenMetrics.c_str(), "PrometheusText0.0.4", open);
    row(kProtobuf.c_str(), "", proto);
    row("text/html", "PrometheusText0.0.4", text);
    row("text/html", "OpenMetricsText1.0.0", open);
    row("", "PrometheusProto", proto);
    row("text/html", "", -1, "received unsupported Content-Type \"text/html\"");
    row("", "", -1, "blank Content-Type");
    row("what", "", -1, "cannot parse Content-Type \"what\"");
}

void TestPageFormats::choosesAParserByContentType()
{
    QFETCH(const QByteArray, contentType);
    QFETCH(const QByteArray, fallback);
    QFETCH(const int, format);
    QFETCH(const QByteArray, error);
    const auto found = scrape::pageFormat(contentType.toStdString(), fallback.toStdString());
    QCOMPARE(found.ok() ? static_cast<int>(*found) : -1, format);
    QVERIFY(QByteArray::fromStdString(std::string(found.status().message())).contains(error));
}

void TestPageFormats::readsOpenMetrics()
{
    Scraper scraper;
    const std::string body = "# TYPE a counter\n# UNIT a_seconds seconds\n"
                             "# HELP a_seconds \\\"Time\\\".\n"
                             "a_total 1\nb{x=\"y\"} 2.5\n# EOF\n";
    for (int i = 0; i < 3; ++i) {
        const auto outcome = scraper.scrape(page(body, kOpenMetrics));
        QVERIFY2(outcome.status.ok(), outcome.status.ToString().c_str());
        QCOMPARE(outcome.samplesScraped, 2U);
        QCOMPARE(outcome.seriesAdded, i == 0 ? 2U : 0U);
    }
    QCOMPARE(scraper.series("a_total"), "1@0 1@1 1@2");
    const auto metadata = scraper.appender_.metadata();
    QCOMPARE(metadata.size(), 2U);
    QCOMPARE(metadata[0].metadata.type, model::MetricType::Counter);
    QCOMPARE(metadata[1].family, "a_seconds");
    QCOMPARE(metadata[1].metadata.unit, "seconds");
    QCOMPARE(metadata[1].metadata.help, "\"Time\".");
}

void TestPageFormats::anOpenMetricsPageWithoutItsEndStoresNothing()
{
    Scraper scraper;
    const auto outcome = scraper.scrape(page("a 1\n", kOpenMetrics));
    QVERIFY(outcome.status.message().find("data does not end with # EOF") !=
            std::string_view::npos);
    QCOMPARE(scraper.series("a"), "nothing");
    QCOMPARE(scraper.series("up"), "0@0");
}

void TestPageFormats::keepsExemplarsOfOpenMetrics()
{
    Scraper scraper({.jobName = "j"}, kWithExemplars);
    const auto body = [](const char* id) {
        return page(std::string("# TYPE a counter\na_total 1 # {id=\"") + id +
                        "\"} 0.5\nb 1 # {id=\"timed\"} 1 " + std::to_string(kStart / 1000 + 3) +
                        "\n# EOF\n",
                    kOpenMetrics);
    };
    QVERIFY(scraper.scrape(body("one")).status.ok());
    QVERIFY(scraper.scrape(body("two")).status.ok()); // not the line of before
    QCOMPARE(exemplarsOf(scraper, "a_total"), "one@0 two@15000");
    QCOMPARE(exemplarsOf(scraper, "b"), "timed@3000");
    QCOMPARE(scraper.series("a_total"), "1@0 1@1");
}

void TestPageFormats::countsExemplarsOutOfOrder()
{
    Scraper scraper({.jobName = "j"}, kWithExemplars);
    for (const char* time : {"100", "99"}) {
        QVERIFY(scraper
                    .scrape(page(std::string("a_total 1 # {id=\"x\"} 0.5 ") + time + "\n# EOF\n",
                                 kOpenMetrics))
                    .status.ok());
    }
    QCOMPARE(scraper.counters_.exemplarOutOfOrder.load(), 1U);
}

void TestPageFormats::readsTheSameSeriesInTwoFormats()
{
    // A target that is replaced by one of another version in mid-flight.
    Scraper scraper;
    const std::string lines = "a 1\nb 2\nc 3\n";
    QVERIFY(scraper.scrape(page(lines)).status.ok());
    QVERIFY(scraper.scrape(page("b 4\na 5\n# EOF\n", kOpenMetrics)).status.ok());
    QVERIFY(scraper.scrape(page("c 6\nd 7\n")).status.ok());
    QVERIFY(scraper.scrape(page(lines)).status.ok());
    QCOMPARE(scraper.series("a"), "1@0 5@1 stale@2 1@3");
    QCOMPARE(scraper.series("b"), "2@0 4@1 stale@2 2@3");
    QCOMPARE(scraper.series("c"), "3@0 stale@1 6@2 3@3");
    QCOMPARE(scraper.series("d"), "7@2 stale@3");
}

void TestPageFormats::readsProtobuf()
{
    Scraper scraper;
    const std::string summary = ProtoMessage()
                                    .number(1, 10)
                                    .real(2, 2.5)
                                    .bytes(3, ProtoMessage().real(1, 0.5).real(2, 0.2).text())
                                    .text();
    const std::string body = test::protoGauge("temp", "inside", 21.5) +
                             delimited(ProtoMessage()
                                           .bytes(1, "s")
                                           .number(3, 2)
                                           .bytes(4, ProtoMessage().bytes(4, summary).text())
                                           .text());
    for (int i = 0; i < 2; ++i) {
        const auto outcome = scraper.scrape(page(body, kProtobuf));
        QVERIFY2(outcome.status.ok(), outcome.status.ToString().c_str());
        QCOMPARE(outcome.samplesScraped, 4U);
    }
    QCOMPARE(scraper.series("temp", "instance=\"i\", job=\"j\", which=\"inside\""),
             "21.5@0 21.5@1");
    QCOMPARE(scraper.series("s", "instance=\"i\", job=\"j\", quantile=\"0.5\""), "0.2@0 0.2@1");
    QCOMPARE(scraper.series("s_count"), "10@0 10@1");
    QCOMPARE(scraper.series("s_sum"), "2.5@0 2.5@1");
}

void TestPageFormats::choosesTheKindOfHistogram_data()
{
    QTest::addColumn<bool>("native");
    QTest::addColumn<bool>("classic");
    QTest::addColumn<QByteArray>("histogram");
    QTest::addColumn<QByteArray>("infinity");
    QTest::newRow("classic only") << false << false << QByteArray("nothing") << QByteArray("3@0");
    QTest::newRow("native only") << true << false << QByteArray("{3,4.5}@0")
                                 << QByteArray("nothing");
    QTest::newRow("both") << true << true << QByteArray("{3,4.5}@0") << QByteArray("3@0");
}

void TestPageFormats::choosesTheKindOfHistogram()
{
    QFETCH(const bool, native);
    QFETCH(const bool, classic);
    QFETCH(const QByteArray, histogram);
    QFETCH(const QByteArray, infinity);
    Scraper scraper(job(native, classic));
    const auto outcome = scraper.scrape(page(bothHistograms(), kProtobuf));
    QVERIFY2(outcome.status.ok(), outcome.status.ToString().c_str());
    QCOMPARE(QByteArray::fromStdString(scraper.series("lat")), histogram);
    const auto bucket = [&](const std::string& bound) {
        return QByteArray::fromStdString(
            scraper.series("lat_bucket", "instance=\"i\", job=\"j\", le=\"" + bound + "\""));
    };
    QCOMPARE(bucket("+Inf"), infinity); // made of the count: the page has none
    QCOMPARE(bucket("1.0"), infinity == "nothing" ? QByteArray("nothing") : QByteArray("2@0"));
    QCOMPARE(scraper.series("lat_count"), infinity.toStdString());
}

void TestPageFormats::keepsExemplarsOfHistograms()
{
    Scraper native(job(true, false), kWithExemplars);
    QVERIFY(native.scrape(page(bothHistograms(), kProtobuf)).status.ok());
    QCOMPARE(exemplarsOf(native, "lat"), "timed@0"); // one without a time is dropped
    Scraper classic(job(false, false), kWithExemplars);
    QVERIFY(classic.scrape(page(bothHistograms(), kProtobuf)).status.ok());
    QCOMPARE(exemplarsOf(classic, "lat_bucket"), "timed@0 untimed@0");
}

void TestPageFormats::endsSeriesOfProtobufPages()
{
    Scraper scraper(job(true, false));
    QVERIFY(scraper.scrape(page(bothHistograms(), kProtobuf)).status.ok());
    QVERIFY(scraper.scrape(page(test::protoGauge("temp", "a", 1), kProtobuf)).status.ok());
    QVERIFY(scraper.scrape(page(bothHistograms(), kProtobuf)).status.ok());
    QCOMPARE(scraper.series("lat"), "{3,4.5}@0 stale@1 {3,4.5}@2");
}

void TestPageFormats::anEmptyLabelTakesTheTargetsAway()
{
    Scraper scraper({.jobName = "j", .honorLabels = true});
    const std::string metric = ProtoMessage()
                                   .bytes(1, test::protoLabel("instance", ""))
                                   .bytes(2, ProtoMessage().real(1, 3).text())
                                   .text();
    const std::string family =
        delimited(ProtoMessage().bytes(1, "temp").number(3, 1).bytes(4, metric).text());
    QVERIFY(scraper.scrape(page(family, kProtobuf)).status.ok());
    QCOMPARE(scraper.series("temp", "job=\"j\""), "3@0");
}

void TestPageFormats::aBadProtobufPageStoresNothing()
{
    Scraper scraper;
    const std::string good = test::protoGauge("temp", "a", 1);
    const auto outcome = scraper.scrape(page(good + "\x7f", kProtobuf));
    QVERIFY(!outcome.status.ok());
    QCOMPARE(outcome.errorClass, scrape::ErrorClass::Parse);
    QCOMPARE(scraper.series("temp"), "nothing");
    QCOMPARE(scraper.series("up"), "0@0");
}

QTEST_GUILESS_MAIN(TestPageFormats)
#include "tst_page_formats.moc"
