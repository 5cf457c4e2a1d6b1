// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/file.h"
#include "core/base/number.h"
#include "core/base/status.h"
#include "core/exposition/text_parser.h"
#include "core/exposition/text_writer.h"
#include "core/exposition/value.h"

#include <QtTest>

#include <cmath>
#include <filesystem>
#include <random>

using namespace narthex;
using exposition::EntryKind;
using exposition::TextParser;

namespace {

struct Line
{
    std::string labels;
    std::string value;
    friend bool operator==(const Line&, const Line&) = default;
};

struct Page
{
    std::vector<Line> lines;
    std::string error;
};

Page read(std::string_view text)
{
    TextParser parser(text);
    Page page;
    model::LabelsBuilder builder;
    while (true) {
        const auto kind = parser.next();
        if (!kind.ok()) {
            page.error = base::messageOf(kind.status());
            return page;
        }
        if (*kind == EntryKind::End) {
            return page;
        }
        if (*kind == EntryKind::Series) {
            const absl::Status status = parser.labels(builder);
            if (!status.ok()) {
                page.error = base::messageOf(status);
                return page;
            }
            std::string value = base::formatFloat(parser.value());
            if (parser.timestampMs()) {
                value += "@" + std::to_string(*parser.timestampMs());
            }
            page.lines.push_back({builder.build().toString(), value});
        }
    }
}

} // namespace

class TestTextParser : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void readsSamples_data();
    void readsSamples();
    void refusesBadLinesWithTheirPlace_data();
    void refusesBadLinesWithTheirPlace();
    void namesTheLineOfAnError();
    void reportsMetadata();
    void theFastPathAgreesWithTheParser();
    void parsesValuesLikeTheGeneralParser();
    void readsWhatTheWriterWrote();
    void readsPagesOfRealPrograms_data();
    void readsPagesOfRealPrograms();
};

void TestTextParser::readsSamples_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<QString>("labels");
    QTest::addColumn<QString>("value");
    QTest::newRow("plain") << QByteArray("up 1\n") << "up"
                           << "1";
    QTest::newRow("no last newline") << QByteArray("up 1") << "up"
                                     << "1";
    QTest::newRow("labels") << QByteArray("a{b=\"c\",d=\"e\"} 2.5\n") << "a{b=\"c\", d=\"e\"}"
                            << "2.5";
    QTest::newRow("trailing comma") << QByteArray("a{b=\"c\",} 1\n") << "a{b=\"c\"}"
                                    << "1";
    QTest::newRow("missing comma") << QByteArray("a{b=\"c\"d=\"e\"} 1\n") << "a{b=\"c\", d=\"e\"}"
                                   << "1";
    QTest::newRow("blanks") << QByteArray("a \t{ b = \"c\" , }\t 1 \n") << "a{b=\"c\"}"
                            << "1";
    QTest::newRow("no blank before the value") << QByteArray("a{b=\"c\"}1\n") << "a{b=\"c\"}"
                                               << "1";
    QTest::newRow("escapes") << QByteArray("a{b=\"x\\\"\\\\\\n\\t\"} 1\n")
                             << "a{b=\"x\\\"\\\\\\n\\\\t\"}"
                             << "1";
    QTest::newRow("brace in a value") << QByteArray("a{b=\"}\"} 1\n") << "a{b=\"}\"}"
                                      << "1";
    QTest::newRow("timestamp") << QByteArray("a 1 1500\n") << "a"
                               << "1@1500";
    QTest::newRow("infinity") << QByteArray("a -inf\n") << "a"
                              << "-Inf";
    QTest::newRow("not a number") << QByteArray("a NaN\n") << "a"
                                  << "NaN";
    QTest::newRow("quoted name") << QByteArray("{\"my.metric\",\"l.x\"=\"v\"} 1\n")
                                 << "{\"my.metric\", \"l.x\"=\"v\"}"
                                 << "1";
    QTest::newRow("comment before") << QByteArray("# EOF\n\n  \n#HELP\na 1\n") << "a"
                                    << "1";
    QTest::newRow("le is normalised")
        << QByteArray("# TYPE h histogram\nh_bucket{le=\"1\"} 2\n") << "h_bucket{le=\"1.0\"}"
        << "2";
    QTest::newRow("le stays without a type")
        << QByteArray("h_bucket{le=\"1\"} 2\n") << "h_bucket{le=\"1\"}"
        << "2";
}

void TestTextParser::readsSamples()
{
    QFETCH(QByteArray, text);
    const Page page = read({text.data(), static_cast<std::size_t>(text.size())});
    QCOMPARE(page.error, std::string());
    QCOMPARE(page.lines.size(), std::size_t{1});
    QTEST(QString::fromStdString(page.lines[0].labels), "labels");
    QTEST(QString::fromStdString(page.lines[0].value), "value");
}

void TestTextParser::refusesBadLinesWithTheirPlace_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<QString>("error");
    QTest::newRow("underscore in a value")
        << QByteArray("foo 1_2\n") << "unsupported character in float while parsing: \"foo 1_2\"";
    QTest::newRow("word")
        << QByteArray("a true\n")
        << "strconv.ParseFloat: parsing \"true\": invalid syntax while parsing: \"a true\"";
    QTest::newRow("out of range")
        << QByteArray("a 1e999\n")
        << "strconv.ParseFloat: parsing \"1e999\": value out of range while parsing: \"a 1e999\"";
    QTest::newRow("no equal sign")
        << QByteArray("{A}0") << "expected equal, got \"}0\" (\"BCLOSE\") while parsing: \"{A}0\"";
    QTest::newRow("single quotes")
        << QByteArray("a{b='c'} 1")
        << "expected label value, got \"'\" (\"INVALID\") while parsing: \"a{b='\"";
    QTest::newRow("no name") << QByteArray("{a=\"ok\"} 1")
                             << "metric name not set while parsing: \"{a=\\\"ok\\\"} 1\"";
    QTest::newRow("negative time")
        << QByteArray("a 1 -5\n")
        << "expected timestamp or new record, got \"-\" (\"INVALID\") while parsing: \"a 1 -\"";
    QTest::newRow("unknown type") << QByteArray("# TYPE a weird\n")
                                  << "invalid metric type \"weird\"";
    QTest::newRow("no type") << QByteArray("# TYPE a\n") << "invalid metric type \"\"";
    QTest::newRow("carriage return")
        << QByteArray("a 1\r\n")
        << "strconv.ParseFloat: parsing \"1\\r\": invalid syntax while parsing: \"a 1\\r\"";
    QTest::newRow("double comma")
        << QByteArray("a{b=\"c\",,} 1\n")
        << "expected label name, got \",}\" (\"COMMA\") while parsing: \"a{b=\\\"c\\\",,}\"";
    QTest::newRow("repeated label") << QByteArray("a{b=\"c\",b=\"d\"} 1\n")
                                    << "label name \"b\" is not unique: a{b=\"c\",b=\"d\"}";
    QTest::newRow("no value")
        << QByteArray("a\n")
        << "expected value after metric, got \"\\n\" (\"LINEBREAK\") while parsing: \"a\\n\"";
}

void TestTextParser::refusesBadLinesWithTheirPlace()
{
    QFETCH(QByteArray, text);
    const Page page = read({text.data(), static_cast<std::size_t>(text.size())});
    QTEST(QString::fromStdString(page.error), "error");
}

void TestTextParser::namesTheLineOfAnError()
{
    TextParser parser("a 1\n# comment\nb x\n");
    QVERIFY(parser.next().ok());
    const auto failed = parser.next();
    QVERIFY(!failed.ok());
    QCOMPARE(base::positionOf(failed.status())->line.value(), 3U);
    QCOMPARE(int(parser.next().value()), int(EntryKind::End));
}

void TestTextParser::reportsMetadata()
{
    TextParser parser("# HELP a  two\\nlines \\\\ \n# TYPE a counter\n# TYPE b untyped\n");
    QCOMPARE(int(parser.next().value()), int(EntryKind::Help));
    QCOMPARE(parser.name(), std::string("a"));
    QCOMPARE(parser.help(), std::string(" two\nlines \\ "));
    QCOMPARE(int(parser.next().value()), int(EntryKind::Type));
    QCOMPARE(int(parser.type()), int(model::MetricType::Counter));
    QCOMPARE(int(parser.next().value()), int(EntryKind::Type));
    QCOMPARE(int(parser.type()), int(model::MetricType::Unknown));
}

void TestTextParser::theFastPathAgreesWithTheParser()
{
    TextParser parser("a{b=\"c\"} 1.5\na{b=\"c\"} 2 77\n");
    QVERIFY(!parser.trySeries("a{b=\"x\"}"));
    QVERIFY(!parser.trySeries("a"));
    QVERIFY(parser.trySeries("a{b=\"c\"}"));
    QCOMPARE(parser.value(), 1.5);
    QCOMPARE(std::string(parser.line()), std::string("a{b=\"c\"} 1.5\n"));
    QVERIFY2(!parser.trySeries("a{b=\"c\"}"), "a line with a timestamp is left to the parser");
    QCOMPARE(int(parser.next().value()), int(EntryKind::Series));
    QCOMPARE(parser.timestampMs().value(), 77);

    TextParser same("up 1\nup 2\n");
    QVERIFY(same.trySameLine("up 1\n", 2, 1));
    QVERIFY(!same.trySameLine("up 1\n", 2, 1));
    QCOMPARE(std::string(same.seriesText()), std::string("up"));
}

void TestTextParser::parsesValuesLikeTheGeneralParser()
{
    const unsigned seed = std::random_device{}();
    qInfo("seed %u", seed);
    std::mt19937_64 random(seed);
    for (int i = 0; i < 20000; ++i) {
        double expected = std::bit_cast<double>(random());
        if (i % 2 == 0) {
            expected = static_cast<double>(random() % 100000000) / 1000.0;
        }
        if (!std::isfinite(expected)) {
            continue;
        }
        const std::string text =
            i % 3 == 0 ? base::formatFloatG(expected) : base::formatFloat(expected);
        const auto parsed = exposition::parseValue(text.data(), text.data() + text.size());
        QVERIFY2(parsed.status == exposition::ValueStatus::Ok &&
                     std::bit_cast<std::uint64_t>(parsed.value) ==
                         std::bit_cast<std::uint64_t>(expected),
                 text.c_str());
    }
}

void TestTextParser::readsWhatTheWriterWrote()
{
    std::string text;
    exposition::TextWriter writer(text);
    writer.gauge("a", "help \\ with\nbreak", 1e21);
    writer.family("b", model::MetricType::Counter, "").sample({{"l", "\"quoted\"\n"}}, 3);
    const Page page = read(text);
    QCOMPARE(page.error, std::string());
    QCOMPARE(page.lines.size(), std::size_t{2});
    QCOMPARE(page.lines[0].value, std::string("1e+21"));
    QCOMPARE(page.lines[1].labels, std::string("b{l=\"\\\"quoted\\\"\\n\"}"));
}

void TestTextParser::readsPagesOfRealPrograms_data()
{
    QTest::addColumn<QString>("file");
    QTest::addColumn<int>("samples");
    QTest::newRow("Alertmanager") << "alertmanager-0.25.0.prom" << 380;
    QTest::newRow("Pushgateway") << "pushgateway-1.5.1.prom" << 100;
    QTest::newRow("Prometheus") << "prometheus-2.42.0.prom" << 410;
    QTest::newRow("node_exporter") << "node_exporter-1.5.0.prom" << 507;
    QTest::newRow("node_exporter, all collectors") << "node_exporter-1.5.0-all.prom" << 1000;
    QTest::newRow("node_exporter, 15 s later") << "node_exporter-1.5.0-all.next.prom" << 999;
    QTest::newRow("Python client") << "client_python-0.16.0.prom" << 32;
}

void TestTextParser::readsPagesOfRealPrograms()
{
    QFETCH(QString, file);
    const auto path =
        std::filesystem::path(NARTHEX_SHARED_DIR) / "conformance/exposition" / file.toStdString();
    const auto text = base::readFile(path);
    if (!text.ok()) {
        QSKIP("the captured pages are not here");
    }
    const Page page = read(*text);
    QCOMPARE(page.error, std::string());
    QTEST(int(page.lines.size()), "samples");
}

QTEST_GUILESS_MAIN(TestTextParser)
#include "tst_text_parser.moc"
