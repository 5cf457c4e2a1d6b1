// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Whole pages: what the strict text format takes and refuses, and that every format says the same
// again.
#include "core/base/json_writer.h"
#include "core/exposition/family_writer.h"

#include <QtTest>

using namespace narthex;
using exposition::MetricFamily;
using exposition::PageFormat;

namespace {

std::string textOf(const std::vector<MetricFamily>& families)
{
    return exposition::writePage(families, PageFormat::Text);
}

const char kPage[] = "# HELP a_total Counts \\\\ and\\nlines.\n"
                     "# TYPE a_total counter\n"
                     "a_total{code=\"200\",path=\"/a\\\"b\"} 12\n"
                     "# TYPE h histogram\n"
                     "h_bucket{k=\"\",le=\"0.5\"} 1\n"
                     "h_bucket{k=\"\",le=\"+Inf\"} 3\n"
                     "h_sum{k=\"\"} 4.5\n"
                     "h_count{k=\"\"} 3\n"
                     "# TYPE s summary\n"
                     "s{quantile=\"0.5\"} NaN\n"
                     "s_sum 1e+07\n"
                     "s_count 2\n"
                     "# TYPE u untyped\n"
                     "u -Inf 1700000000000\n";

} // namespace

class TestMetricFamily : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void aPageSaysTheSameAgain();
    void partsOfAHistogramFindTogether();
    void refuses_data();
    void refuses();
    void namesInQuotesNeedPermission();
    void protobufKeepsNativeHistograms();
    void openMetricsHasItsOwnNames();
    void openMetricsIsReadWithoutCreated();
    void clientsChooseTheFormat_data();
    void clientsChooseTheFormat();
    void jsonIsThatOfProtobuf();
};

void TestMetricFamily::aPageSaysTheSameAgain()
{
    const auto families = exposition::parseTextFamilies(kPage);
    QVERIFY2(families.ok(), families.status().ToString().c_str());
    QCOMPARE(textOf(*families), std::string(kPage));
    const auto again =
        exposition::parseProtobufFamilies(exposition::writePage(*families, PageFormat::Protobuf));
    QVERIFY2(again.ok(), again.status().ToString().c_str());
    QCOMPARE(textOf(*again), std::string(kPage));
}

void TestMetricFamily::partsOfAHistogramFindTogether()
{
    const auto families = exposition::parseTextFamilies("# TYPE h histogram\n"
                                                        "h_bucket{le=\"1\",b=\"x\"} 1\n"
                                                        "h_bucket{b=\"y\",le=\"1\"} 7\n"
                                                        "h_count{b=\"x\"} 2\n"
                                                        "h_count{b=\"y\"} 8\n"
                                                        "h_sum{b=\"x\"} 3\n\n"
                                                        "  # EOF\n");
    QVERIFY2(families.ok(), families.status().ToString().c_str());
    QCOMPARE(families->size(), 1U);
    const auto& metrics = families->at(0).metrics;
    QCOMPARE(metrics.size(), 2U);
    QCOMPARE(metrics[0].sampleCount, 2.0);
    QCOMPARE(metrics[0].sampleSum, 3.0);
    QCOMPARE(metrics[1].buckets.at(0).cumulativeCount, 7.0);
    QVERIFY(exposition::parseTextFamilies("# TYPE unused counter\n")->empty());
}

void TestMetricFamily::refuses_data()
{
    QTest::addColumn<QByteArray>("page");
    QTest::addColumn<QString>("error");
    const auto row = [](const char* name, const QByteArray& page, const char* error) {
        QTest::newRow(name) << page << QString("text format parsing error in line ") + error;
    };
    row("no end of line", "x 1", "1: unexpected end of input stream");
    row("ends in a label", "a 1\nx{k=\"v", "2: unexpected end of input stream");
    row("carriage return", "x 3.14\r\n", "1: expected float as value, got \"3.14\\r\"");
    row("no value", "x\n", "1: expected float as value, got \"\"");
    row("hexadecimal", "x 0x1p3\n", "1: expected float as value, got \"0x1p3\"");
    row("timestamp", "x 1 1.5\n", "1: expected integer as timestamp, got \"1.5\"");
    row("behind the timestamp", "x 1 1 y\n", "1: spurious string after timestamp: \" y\"");
    row("name", "9x 1\n", "1: invalid metric name");
    row("label name", "x{9=\"v\"} 1\n", "1: invalid label name for metric \"x\"");
    row("no equals sign", "x{k:\"v\"} 1\n", "1: expected '=' after label name, found ':'");
    row("no quotes", "x{k=v} 1\n", "1: expected '\"' at start of label value, found 'v'");
    row("behind a value", "x{k=\"v\";} 1\n", "1: unexpected end of label value \"v\"");
    row("escape", "x{k=\"\\t\"} 1\n", "1: invalid escape sequence '\\t'");
    row("bytes", "x{k=\"\xff\"} 1\n", "1: invalid label value \"\\xff\"");
    row("twice", "x{k=\"1\",k=\"2\"} 1\n", "1: duplicate label names for metric \"x\"");
    row("reserved", "x{__name__=\"y\"} 1\n", "1: label name \"__name__\" is reserved");
    row("second type", "# TYPE x gauge\n# TYPE x gauge\n",
        "2: second TYPE line for metric name \"x\", or TYPE reported after samples");
    row("late type", "x 1\n# TYPE x gauge\n",
        "2: second TYPE line for metric name \"x\", or TYPE reported after samples");
    row("second help", "# HELP x a\n# HELP x b\n", "2: second HELP line for metric name \"x\"");
    row("type", "# TYPE x bar\n", "1: unknown metric type \"bar\"");
    row("bound", "# TYPE h histogram\nh_bucket{le=\"a\"} 1\n",
        "2: expected float as value for 'le' label, got \"a\"");
    row("negative", "# TYPE h histogram\nh_count -1\n", "2: negative count for histogram \"h\"");
    row("utf-8", "{\"my.metric\"} 1\n", "1: invalid metric name \"my.metric\"");
}

void TestMetricFamily::refuses()
{
    QFETCH(QByteArray, page);
    QFETCH(QString, error);
    const auto families = exposition::parseTextFamilies(page.toStdString());
    QVERIFY(!families.ok());
    QCOMPARE(QString::fromStdString(std::string(families.status().message())), error);
    // Nothing that ends early is read past its end.
    for (qsizetype size = 0; size < page.size(); ++size) {
        const std::string part = page.left(size).toStdString();
        (void)exposition::parseTextFamilies(part);
    }
}

void TestMetricFamily::namesInQuotesNeedPermission()
{
    const char page[] = "# TYPE \"my.metric\" gauge\n{\"my.metric\",\"k.1\"=\"v\"} 1\n";
    const auto families = exposition::parseTextFamilies(page, {.utf8Names = true});
    QVERIFY2(families.ok(), families.status().ToString().c_str());
    QCOMPARE(textOf(*families), std::string(page));
    QVERIFY(!exposition::parseTextFamilies(page).ok());
}

void TestMetricFamily::protobufKeepsNativeHistograms()
{
    model::IntegerHistogram native{.schema = 3,
                                   .zeroThreshold = 1e-3,
                                   .zeroCount = 1,
                                   .count = 4,
                                   .sum = 2.5,
                                   .positiveSpans = {{-2, 2}},
                                   .positiveDeltas = {1, 1}};
    const MetricFamily family{
        .name = "n",
        .type = model::MetricType::Histogram,
        .metrics = {{.labels = {{"k", ""}}, .sampleCount = 4, .sampleSum = 2.5, .native = native}}};
    const auto again =
        exposition::parseProtobufFamilies(exposition::writePage({family}, PageFormat::Protobuf));
    QVERIFY2(again.ok(), again.status().ToString().c_str());
    const auto& metric = again->at(0).metrics.at(0);
    QCOMPARE(metric.labels.at(0).first, std::string("k"));
    const auto* read = std::get_if<model::IntegerHistogram>(&metric.native);
    QVERIFY(read != nullptr);
    QVERIFY(model::sameBits(*read, native));
    QCOMPARE(textOf(*again), std::string("# TYPE n histogram\nn_bucket{k=\"\",le=\"+Inf\"} 4\n"
                                         "n_sum{k=\"\"} 2.5\nn_count{k=\"\"} 4\n"));
}

void TestMetricFamily::openMetricsHasItsOwnNames()
{
    const auto families = exposition::parseTextFamilies(
        "# HELP a_total Say \"a\".\n# TYPE a_total counter\na_total 1 1500\n"
        "# TYPE b counter\nb 2\n# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_count 1\nh_sum 1\n");
    QVERIFY(families.ok());
    QCOMPARE(exposition::writePage(*families, PageFormat::OpenMetrics100),
             std::string("# HELP a Say \\\"a\\\".\n# TYPE a counter\na_total 1.0 1.5\n"
                         "# TYPE b unknown\nb 2.0\n# TYPE h histogram\nh_bucket{le=\"1.0\"} 1\n"
                         "h_bucket{le=\"+Inf\"} 1\nh_sum 1.0\nh_count 1\n# EOF\n"));
}

void TestMetricFamily::openMetricsIsReadWithoutCreated()
{
    const auto families = exposition::parseOpenMetricsFamilies(
        "# TYPE a counter\n# HELP a Help.\na_total{k=\"v\"} 1 # {trace_id=\"x\"} 1\n"
        "a_created{k=\"v\"} 1\n# TYPE i info\ni_info{v=\"1\"} 1\n# TYPE h histogram\n"
        "h_bucket{le=\"+Inf\"} 2\nh_count 2\nh_sum 3\nh_created 1\n# EOF\n");
    QVERIFY2(families.ok(), families.status().ToString().c_str());
    QCOMPARE(textOf(*families),
             std::string("# HELP a_total Help.\n# TYPE a_total counter\na_total{k=\"v\"} 1\n"
                         "# TYPE i_info gauge\ni_info{v=\"1\"} 1\n# TYPE h histogram\n"
                         "h_bucket{le=\"+Inf\"} 2\nh_sum 3\nh_count 2\n"));
}

void TestMetricFamily::clientsChooseTheFormat_data()
{
    QTest::addColumn<QByteArray>("accept");
    QTest::addColumn<int>("format");
    const auto row = [](const QByteArray& accept, PageFormat format) {
        QTest::newRow(accept.isEmpty() ? "nothing" : accept.constData())
            << accept << static_cast<int>(format);
    };
    row("", PageFormat::Text);
    row("*/*", PageFormat::Text);
    row("application/openmetrics-text", PageFormat::OpenMetrics001);
    row("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.4",
        PageFormat::OpenMetrics100);
    row("application/openmetrics-text; version=9, text/plain", PageFormat::Text);
    row("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding="
        "delimited;q=0.6,application/openmetrics-text;version=1.0.0;q=0.5,*/*;q=0.1",
        PageFormat::Protobuf);
    row("application/openmetrics-text;version=\"1.0.0\";q=0", PageFormat::Text);
}

void TestMetricFamily::clientsChooseTheFormat()
{
    QFETCH(QByteArray, accept);
    QFETCH(int, format);
    QCOMPARE(static_cast<int>(exposition::negotiateFormat(accept.toStdString())), format);
}

void TestMetricFamily::jsonIsThatOfProtobuf()
{
    const auto families = exposition::parseTextFamilies(
        "# HELP a Help.\n# TYPE a gauge\na{k=\"v\"} +Inf\n# TYPE h histogram\n"
        "h_bucket{le=\"1\"} 1\nh_count 2\nh_sum 3\n");
    QVERIFY(families.ok());
    std::string text;
    base::JsonWriter json(text);
    json.beginArray();
    for (const MetricFamily& family : *families) {
        exposition::writeFamilyJson(json, family);
    }
    json.endArray();
    QCOMPARE(text,
             std::string(
                 "[{\"name\":\"a\",\"help\":\"Help.\",\"type\":\"GAUGE\",\"metric\":[{\"label\":[{"
                 "\"name\":\"k\",\"value\":\"v\"}],\"gauge\":{\"value\":\"Infinity\"}}]},{\"name\":"
                 "\"h\",\"type\":\"HISTOGRAM\",\"metric\":[{\"label\":[],\"histogram\":{"
                 "\"sampleCount\":\"2\",\"sampleSum\":3,\"bucket\":[{\"cumulativeCount\":\"1\","
                 "\"upperBound\":1}]}}]}]"));
}

QTEST_GUILESS_MAIN(TestMetricFamily)
#include "tst_metric_family.moc"
