// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/file.h"
#include "core/base/number.h"
#include "core/base/status.h"
#include "core/exposition/openmetrics_parser.h"

#include <QtTest>

#include <filesystem>
#include <map>

using namespace narthex;
using exposition::EntryKind;
using exposition::OpenMetricsParser;

namespace {

struct Page
{
    std::vector<std::string> lines;
    absl::Status status;
};

std::string exemplarText(const OpenMetricsParser& parser)
{
    model::Exemplar exemplar;
    parser.exemplar(exemplar);
    std::string text = " # " + exemplar.labels.toString() + " " + base::formatFloat(exemplar.value);
    return exemplar.time ? text + "@" + std::to_string(exemplar.time->ms) : text;
}

/// Every entry as a line.
Page read(std::string_view text)
{
    OpenMetricsParser parser(text);
    Page page;
    model::LabelsBuilder builder;
    while (true) {
        const auto kind = parser.next();
        if (!kind.ok()) {
            page.status = kind.status();
            return page;
        }
        switch (*kind) {
        case EntryKind::End:
            return page;
        case EntryKind::Type:
            page.lines.push_back("TYPE " + parser.name() + " " +
                                 std::string(model::metricTypeText(parser.type())));
            break;
        case EntryKind::Help:
            page.lines.push_back("HELP " + parser.name() + " " + parser.help());
            break;
        case EntryKind::Unit:
            page.lines.push_back("UNIT " + parser.name() + " " + std::string(parser.unit()));
            break;
        case EntryKind::Series: {
            page.status = parser.labels(builder);
            if (!page.status.ok()) {
                return page;
            }
            std::string line = builder.build().toString() + " " + base::formatFloat(parser.value());
            if (parser.timestampMs()) {
                line += "@" + std::to_string(*parser.timestampMs());
            }
            page.lines.push_back(parser.hasExemplar() ? line + exemplarText(parser) : line);
            break;
        }
        }
    }
}

std::string place(const absl::Status& status)
{
    const auto position = base::positionOf(status);
    return position && position->line && position->column
               ? fmt::format("{}:{}", *position->line, *position->column)
               : "none";
}

const std::string kConformance = NARTHEX_SHARED_DIR "/conformance/exposition/";

} // namespace

class TestOpenMetricsParser : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void readsLines_data();
    void readsLines();
    void refusesBadPagesWithTheirPlace_data();
    void refusesBadPagesWithTheirPlace();
    void staysAtItsEndAfterAnError();
    void refusesRepeatedLabels();
    void theFastPathsAgreeWithTheParser();
    void readsThePageOfARealProgram();
};

void TestOpenMetricsParser::readsLines_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<QString>("line");
    const auto row = [](const char* name, const char* text, const char* line) {
        QTest::newRow(name) << QByteArray(text) << line;
    };
    row("plain", "up 1\n", "up 1");
    row("labels", "a{b=\"c\",d=\"e\"} 2.5\n", "a{b=\"c\", d=\"e\"} 2.5");
    row("trailing comma", "a{b=\"c\",} 1\n", "a{b=\"c\"} 1");
    row("empty braces", "a{} 1\n", "a 1");
    row("escapes", "a{b=\"x\\\"\\\\\\n\\t\"} 1\n", "a{b=\"x\\\"\\\\\\n\\\\t\"} 1");
    row("brace in a value", "a{b=\"}\"} 1\n", "a{b=\"}\"} 1");
    row("quoted name", "{\"my.metric\",\"l.x\"=\"v\"} 1\n", "{\"my.metric\", \"l.x\"=\"v\"} 1");
    row("quoted name behind", "{a=\"b\",\"my.metric\"} 1\n", "{\"my.metric\", a=\"b\"} 1");
    row("time in seconds", "a 1 1.5\n", "a 1@1500");
    row("time without point", "a 1 1609954636\n", "a 1@1609954636000");
    row("time with all decimals", "a 1 1609954636.129\n", "a 1@1609954636129");
    row("time is truncated", "a 1 1.0019\n", "a 1@1001");
    row("time as exponent", "a 1 1.520879607789e+09\n", "a 1@1520879607789");
    row("negative time", "a 1 -0.5\n", "a 1@-500");
    row("infinity", "a -Inf\n", "a -Inf");
    row("not a number", "a nan\n", "a NaN");
    row("exemplar", "a 1 # {t=\"x\"} 0.5\n", "a 1 # {t=\"x\"} 0.5");
    row("exemplar with time", "a 1 2 # {t=\"x\"} 0.5 3.25\n", "a 1@2000 # {t=\"x\"} 0.5@3250");
    row("exemplar without labels", "a 1 # {} 0.5\n", "a 1 # {} 0.5");
    row("exemplar is not unescaped", "a 1 # {t=\"\\\\\"} 1\n", "a 1 # {t=\"\\\\\\\\\"} 1");
    row("help", "# HELP a b \\\\ \\\" \\n\n", "HELP a b \\ \" \n");
    row("help of a quoted name", "# HELP \"a.b\" c\n", "HELP a.b c");
    row("type", "# TYPE a stateset\n", "TYPE a stateset");
    row("unknown type", "# TYPE a unknown\n", "TYPE a unknown");
    row("unit", "# UNIT a_seconds seconds\n", "UNIT a_seconds seconds");
    row("empty unit", "# UNIT a \n", "UNIT a ");
    row("created is a series", "a_created 1.5\n", "a_created 1.5");
}

void TestOpenMetricsParser::readsLines()
{
    QFETCH(QByteArray, text);
    QFETCH(QString, line);
    for (const char* end : {"# EOF\n", "# EOF"}) {
        const std::string whole = text.toStdString() + end;
        const Page page = read(whole);
        QVERIFY2(page.status.ok(), page.status.ToString().c_str());
        QCOMPARE(page.lines.size(), std::size_t{1});
        QCOMPARE(QString::fromStdString(page.lines.front()), line);
    }
}

void TestOpenMetricsParser::refusesBadPagesWithTheirPlace_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<QString>("message");
    QTest::addColumn<QString>("where");
    const auto row = [](const char* name, const char* text, const char* message,
                        const char* where) {
        QTest::newRow(name) << QByteArray(text) << message << where;
    };
    row("nothing", "", "data does not end with # EOF", "1:1");
    row("no end", "a 1\n", "data does not end with # EOF", "2:1");
    row("no end and no newline", "a 1", "data does not end with # EOF", "1:4");
    row("end in a comment", "a 1\n# EOFF\n", "expected a valid start token", "2:1");
    row("line behind the end", "a 1\n# EOF\n\n", "unexpected data after # EOF", "2:7");
    row("sample behind the end", "# EOF\na 1\n", "unexpected data after # EOF", "1:7");
    row("carriage return behind the end", "# EOF\r\n", "expected a valid start token", "1:1");
    row("empty line", "a 1\n\n# EOF\n", "expected a valid start token", "2:1");
    row("comment", "# hello\n# EOF\n", "expected a valid start token", "1:1");
    row("blank before a name", " a 1\n# EOF\n", "expected a valid start token", "1:1");
    row("blank in braces", "a{ b=\"c\"} 1\n# EOF\n", "expected label name", "1:3");
    row("blank behind a comma", "a{b=\"c\", d=\"e\"} 1\n# EOF\n", "expected label name", "1:9");
    row("missing comma", "a{b=\"c\"d=\"e\"} 1\n# EOF\n", "expected comma or brace close", "1:8");
    row("two commas", "a{b=\"c\",,} 1\n# EOF\n", "expected label name", "1:9");
    row("newline in a value", "a{b=\"c\nd\"} 1\n# EOF\n", "expected label value", "1:7");
    row("label without value", "a{b} 1\n# EOF\n", "expected equal", "1:4");
    row("two names", "a{\"b\"} 1\n# EOF\n", "metric name already set", "1:3");
    row("no name", "{a=\"b\"} 1\n# EOF\n", "metric name not set", "1:1");
    row("two blanks", "a  1\n# EOF\n", "expected value after metric", "1:3");
    row("tab", "a\t1\n# EOF\n", "expected value after metric", "1:2");
    row("no blank", "a{b=\"c\"}1\n# EOF\n", "expected value after metric", "1:9");
    row("no value", "a\n# EOF\n", "expected value after metric", "1:2");
    row("word as value", "a true\n# EOF\n", "strconv.ParseFloat: parsing \"true\": invalid syntax",
        "1:3");
    row("hexadecimal", "a 0x1p3\n# EOF\n", "unsupported character in float", "1:3");
    row("too large", "a 1e999\n# EOF\n", "value out of range", "1:3");
    row("time is no number", "a 1 NaN\n# EOF\n", "invalid timestamp NaN", "1:5");
    row("time is infinite", "a 1 +Inf\n# EOF\n", "invalid timestamp +Inf", "1:5");
    row("time beyond 64 bits", "a 1 1e300\n# EOF\n", "invalid timestamp 1e300", "1:5");
    row("three numbers", "a 1 2 3\n# EOF\n", "expected next entry after timestamp", "1:6");
    row("blank at the end", "a 1 2 \n# EOF\n", "expected next entry after timestamp", "1:6");
    row("exemplar without value", "a 1 # {b=\"c\"}\n# EOF\n",
        "expected value after exemplar labels", "1:14");
    row("exemplar time", "a 1 # {b=\"c\"} 1 NaN\n# EOF\n", "invalid exemplar timestamp NaN",
        "1:17");
    row("name in an exemplar", "a 1 # {\"b\"} 1\n# EOF\n", "metric name in exemplar labels", "1:8");
    row("help without text", "# HELP a\n# EOF\n", "expected text in HELP", "1:9");
    row("untyped", "# TYPE a untyped\n# EOF\n", "invalid metric type \"untyped\"", "1:10");
    row("two blanks before the type", "# TYPE a  counter\n# EOF\n",
        "invalid metric type \" counter\"", "1:10");
    row("unit", "a 1\n# UNIT m suffix\n# EOF\n", "unit \"suffix\" not a suffix of metric \"m\"",
        "2:10");
    row("unit without underscore", "# UNIT aseconds seconds\n# EOF\n", "not a suffix", "1:17");
    row("no name behind TYPE", "# TYPE 5 counter\n# EOF\n", "expected metric name after TYPE",
        "1:8");
    row("not UTF-8", "a{b=\"\xff\"} 1\n# EOF\n", "invalid UTF-8 label value", "1:5");
}

void TestOpenMetricsParser::refusesBadPagesWithTheirPlace()
{
    QFETCH(QByteArray, text);
    QFETCH(QString, message);
    QFETCH(QString, where);
    const Page page =
        read(std::string_view(text.constData(), static_cast<std::size_t>(text.size())));
    QCOMPARE(page.status.code(), absl::StatusCode::kInvalidArgument);
    const QString told = QString::fromStdString(std::string(base::messageOf(page.status)));
    QVERIFY2(told.contains(message), qPrintable(told));
    QCOMPARE(QString::fromStdString(place(page.status)), where);
}

void TestOpenMetricsParser::staysAtItsEndAfterAnError()
{
    OpenMetricsParser parser("a x\nb 1\n# EOF\n");
    QVERIFY(!parser.next().ok());
    for (int i = 0; i < 2; ++i) {
        const auto kind = parser.next();
        QVERIFY(kind.ok());
        QVERIFY(*kind == EntryKind::End);
    }
}

void TestOpenMetricsParser::refusesRepeatedLabels()
{
    const Page page = read("a 1\na{b=\"c\",b=\"d\"} 1\n# EOF\n");
    QVERIFY(std::string(base::messageOf(page.status)).find("label name \"b\" is not unique") !=
            std::string::npos);
    QCOMPARE(QString::fromStdString(place(page.status)), QString("2:1"));
}

void TestOpenMetricsParser::theFastPathsAgreeWithTheParser()
{
    const std::string text = "# TYPE a counter\na_total{b=\"c\"} 1\na_total{b=\"d\"} 2 3\nx 4\n"
                             "y 5 # {} 1\n# EOF\n";
    OpenMetricsParser parser(text);
    QVERIFY(parser.tryMetadataLine("# TYPE a counter\n", model::MetricType::Counter));
    QVERIFY(!parser.trySeries("a_total"));
    QVERIFY(parser.trySeries("a_total{b=\"c\"}"));
    QCOMPARE(parser.value(), 1.0);
    QVERIFY(!parser.trySeries("a_total{b=\"d\"}")); // has a time
    const auto kind = parser.next();
    QVERIFY(kind.ok());
    QVERIFY(*kind == EntryKind::Series);
    QCOMPARE(*parser.timestampMs(), std::int64_t{3000});
    QVERIFY(!parser.trySameLine("x 5\n", 1, 5));
    QVERIFY(parser.trySameLine("x 4\n", 1, 4));
    QVERIFY(!parser.timestampMs());
    QCOMPARE(QString::fromStdString(std::string(parser.seriesText())), QString("x"));
    QVERIFY(!parser.trySeries("y"));
    const auto last = parser.next();
    QVERIFY(last.ok());
    QVERIFY(parser.hasExemplar());
    QVERIFY(!parser.trySeries("z"));
    const auto end = parser.next();
    QVERIFY(end.ok());
    QVERIFY(*end == EntryKind::End);
}

void TestOpenMetricsParser::readsThePageOfARealProgram()
{
    const std::string path = kConformance + "client_python-0.16.0.openmetrics";
    if (!std::filesystem::exists(path)) {
        QSKIP("the conformance pages are not there");
    }
    const std::string text = *base::readFile(path);
    const Page page = read(text);
    QVERIFY2(page.status.ok(), page.status.ToString().c_str());
    std::map<std::string, int> counts;
    int exemplars = 0;
    for (const std::string& line : page.lines) {
        const std::string word = line.substr(0, 5);
        ++counts[word == "TYPE " || word == "HELP " || word == "UNIT " ? word : "sample"];
        exemplars += line.find(" # {") != std::string::npos ? 1 : 0;
    }
    // The counts of the page's description.
    QCOMPARE(counts["TYPE "], 12);
    QCOMPARE(counts["sample"], 32);
    QVERIFY(counts["UNIT "] >= 1);
    QCOMPARE(exemplars, 4);
}

QTEST_GUILESS_MAIN(TestOpenMetricsParser)
#include "tst_openmetrics_parser.moc"
