// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The script runner itself: what it must fail on, pass and refuse. Source: spec/promqltest.md, 12
// and 17.
#include "core/promql/testscript/compare.h"
#include "core/promql/testscript/junit.h"
#include "core/promql/testscript/rewrite.h"
#include "core/promql/testscript/runner.h"

#include <QXmlStreamReader>
#include <QtTest>

using namespace narthex;
using namespace narthex::promql;

namespace {

const QByteArray kLoad = "load 1m\n"
                         "  m{i=\"a\"} 1 2 3\n"
                         "  m{i=\"b\"} 4 5 6\n"
                         "  odd NaN\n"
                         "  h {{count:3 sum:4 buckets:[1 2]}} {{count:3 sum:4 buckets:[1 2]}}\n"
                         "\n";

} // namespace

class TestTestscript : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void judgesEvaluations_data();
    void judgesEvaluations();
    void refusesBadScripts_data();
    void refusesBadScripts();
    void readsSequences_data();
    void readsSequences();
    void endsABlockAtAComment();
    void keepsWhatALoadAddsUntilCleared();
    void turnsClassicHistogramsIntoNativeOnes();
    void keepsStartTimes();
    void saysWhereAQueryDoesNotParse();
    void reportsInTheNotationOfScripts();
    void runsOnlyWhatIsAskedFor();
    void stopsAtTheFirstFailure();
    void bringsValuesUpToDate();
    void writesReportsForBuildServers();
    void wantsMatricesSorted();

private:
    testscript::Report run(const QByteArray& script, const testscript::RunOptions& options = {})
    {
        return testscript::Runner(engine_).run(script.toStdString(), options);
    }

    base::WorkerPool pool_{1};
    base::SystemClock clock_;
    Engine engine_{testscript::scriptOptions(), pool_, clock_};
};

void TestTestscript::judgesEvaluations_data()
{
    QTest::addColumn<QByteArray>("eval");
    QTest::addColumn<bool>("passes");
    const auto row = [](const char* name, const char* eval, bool passes) {
        QTest::newRow(name) << QByteArray(eval) << passes;
    };
    row("right values", "eval instant at 0 m\n m{i=\"a\"} 1\n m{i=\"b\"} 4", true);
    row("missing series", "eval instant at 0 m{i=\"a\"}\n m{i=\"a\"} 1\n m{i=\"b\"} 4", false);
    row("extra series", "eval instant at 0 m\n m{i=\"a\"} 1", false);
    row("no lines expect an empty vector", "eval instant at 0 m", false);
    row("empty vector", "eval instant at 0 nothing", true);
    row("just outside the tolerance", "eval instant at 0 m{i=\"a\"}\n m{i=\"a\"} 1.00001", false);
    row("just inside the tolerance", "eval instant at 0 m{i=\"a\"}\n m{i=\"a\"} 1.0000005", true);
    row("value of another time", "eval instant at 1m m{i=\"a\"}\n m{i=\"a\"} 1", false);
    row("zero is not almost zero", "eval instant at 0 vector(0)\n {} 1e-300", false);
    row("minus zero is zero", "eval instant at 0 vector(-0)\n {} 0", true);
    row("large values", "eval instant at 0 vector(1e308)\n {} 1.0000001e308", true);
    row("NaN for NaN", "eval instant at 0 odd\n odd NaN", true);
    row("number for NaN", "eval instant at 0 odd\n odd 1", false);
    row("stale is no ordinary NaN", "eval instant at 0 odd\n odd stale", false);
    row("wrong order", "eval instant at 0 sort(m)\n expect ordered\n m{i=\"b\"} 4\n m{i=\"a\"} 1",
        false);
    row("right order",
        "eval instant at 0 sort_desc(m)\n expect ordered\n m{i=\"b\"} 4\n m{i=\"a\"} 1", true);
    row("order does not matter", "eval instant at 0 sort(m)\n m{i=\"b\"} 4\n m{i=\"a\"} 1", true);
    row("missing warning", "eval instant at 0 vector(1)\n expect warn\n {} 1", false);
    row("any warning", "eval instant at 0 quantile(2, m)\n expect warn\n {} +Inf", true);
    row("another warning", "eval instant at 0 quantile(2, m)\n expect warn regex: got 3\n {} +Inf",
        false);
    row("unwanted warning", "eval instant at 0 quantile(2, m)\n expect no_warn\n {} +Inf", false);
    row("other kinds are not looked at",
        "eval instant at 0 quantile(2, m)\n expect no_info\n {} +Inf", true);
    row("position of a warning",
        "eval instant at 0 quantile(2, m)\n expect warn msg: PromQL warning: quantile value should "
        "be "
        "between 0 and 1, got 2 (1:10)\n {} +Inf",
        true);
    row("position off by one",
        "eval instant at 0 quantile(2, m)\n expect warn msg: PromQL warning: quantile value should "
        "be "
        "between 0 and 1, got 2 (1:11)\n {} +Inf",
        false);
    row("unexpected error", "eval instant at 0 topk(NaN, m)", false);
    row("expected error",
        "eval instant at 0 topk(NaN, m)\n expect fail msg: Parameter value is NaN", true);
    row("another error", "eval instant at 0 topk(NaN, m)\n expect fail msg: NaN", false);
    row("success instead of an error", "eval instant at 0 m\n expect fail", false);
    row("error of the query's kind", "eval range from 0 to 1m step 1m \"a\"\n expect fail", true);
    row("old form of failing",
        "eval_fail instant at 0 topk(NaN, m)\n expected_fail_message Parameter value is NaN", true);
    row("float for a histogram", "eval instant at 0 m{i=\"a\"}\n m{i=\"a\"} {{}}", false);
    row("histogram for a float", "eval instant at 0 h\n h 1", false);
    row("same histogram", "eval instant at 0 h\n h {{count:3 sum:4 buckets:[1 2 0]}}", true);
    row("one bucket off", "eval instant at 0 h\n h {{count:3 sum:4 buckets:[1 3]}}", false);
    row("other zero threshold",
        "eval instant at 0 h\n h {{count:3 sum:4 z_bucket_w:1 buckets:[1 2]}}", false);
    row("other hint when one is given",
        "eval instant at 0 h\n h {{count:3 sum:4 counter_reset_hint:gauge buckets:[1 2]}}", false);
    row("hint as given by the store",
        "eval instant at 1m h\n h {{count:3 sum:4 counter_reset_hint:not_reset buckets:[1 2]}}",
        true);
    row("scalar", "eval instant at 0 1 + 1\n 2", true);
    row("wrong scalar", "eval instant at 0 1 + 1\n 3", false);
    row("scalar for a vector", "eval instant at 0 vector(1)\n 1", false);
    row("string", "eval instant at 0 \"a\"\n expect string `a`", true);
    row("other string", "eval instant at 0 \"a\"\n expect string \"b\"", false);
    row("range", "eval range from 0 to 2m step 1m m{i=\"a\"} > 1\n m{i=\"a\"} _ 2 3", true);
    row("point where none is expected",
        "eval range from 0 to 2m step 1m m{i=\"a\"}\n m{i=\"a\"} _ 2 3", false);
    row("missing values mean no points",
        "eval range from 0 to 10m step 1m m{i=\"a\"} < 3\n m{i=\"a\"} 1 2", true);
    row("later points", "eval range from 0 to 2m step 1m m{i=\"a\"}\n m{i=\"a\"} 1 2", false);
    row("range vector",
        "eval instant at 1m m{i=\"a\"}[1m]\n expect range vector from 1m to 1m step 1m\n "
        "m{i=\"a\"} 2",
        true);
    row("one more warning than expected",
        "eval instant at 0 quantile(2, m) + on() quantile(3, m)\n expect warn regex: got 2\n "
        "{} +Inf",
        false);
    row("both warnings",
        "eval instant at 0 quantile(2, m) + on() quantile(3, m)\n expect warn regex: got 2\n "
        "expect warn regex: got 3\n {} +Inf",
        true);
    row("no info and a warning",
        "eval instant at 0 quantile(2, m)\n expect no_info\n expect warn regex: got 2\n {} +Inf",
        true);
    row("old form of warning", "eval_warn instant at 0 quantile(2, m)\n {} +Inf", true);
    row("old form of info", "eval_info instant at 1m rate(odd[5m])", false);
    row("old form of order", "eval_ordered instant at 0 sort(m)\n m{i=\"b\"} 4\n m{i=\"a\"} 1",
        false);
    row("any error", "eval_fail instant at 0 topk(NaN, m)", true);
    row("error by pattern", "eval_fail instant at 0 topk(NaN, m)\n expected_fail_regexp .*is NaN",
        true);
    row("matrix with order", "eval range from 0 to 1m step 1m m\n expect ordered", false);
    row("any hint when none is given", "eval instant at 1m h\n h {{count:3 sum:4 buckets:[1 2]}}",
        true);
    row("time has no pinned form", "eval instant at 1m time()\n 60", true);
    row("start runs only as it stands", "eval instant at 1m start()\n 60", true);
    row("pinned selectors stay as they are", "eval instant at 2m m{i=\"a\"} @ 60\n m{i=\"a\"} 2",
        true);
    row("pinned subquery", "eval instant at 2m sum_over_time(m{i=\"a\"}[2m:1m])\n {i=\"a\"} 5",
        true);
    row("labels in any order", "eval instant at 0 m{i=\"a\"}\n {i=\"a\",__name__=\"m\"} 1", true);
    row("name as a lone string", "eval instant at 0 m{i=\"a\"}\n {\"m\",i=\"a\"} 1", true);
    row("scalar in range mode", "eval instant at 0 scalar(m{i=\"a\"})\n 1", true);
    row("string for a vector", "eval instant at 0 m\n expect string \"a\"", false);
}

void TestTestscript::judgesEvaluations()
{
    QFETCH(QByteArray, eval);
    QFETCH(bool, passes);
    const auto report = run(kLoad + eval + "\n");
    QCOMPARE(report.evaluations, std::size_t{1});
    const QByteArray text =
        report.failures.empty() ? "" : QByteArray::fromStdString(report.failures[0].text);
    QVERIFY2(report.failures.empty() == passes, text.constData());
}

void TestTestscript::refusesBadScripts_data()
{
    QTest::addColumn<QByteArray>("script");
    const auto row = [](const char* name, const char* script) {
        QTest::newRow(name) << QByteArray(script);
    };
    row("unknown command", "laod 1m");
    row("load without step", "load");
    row("bad step", "load 1q");
    row("unquoted label", "load 1m\n m{a=b} 1");
    row("bad item", "load 1m\n m 1 two");
    row("repetition without count", "load 1m\n m 1x");
    row("negative repetition", "load 1m\n m 1x-2");
    row("bad schema", "load 1m\n m {{schema:x}}");
    row("unknown key", "load 1m\n m {{foo:1}}");
    row("key without colon", "load 1m\n m {{sum 1}}");
    row("repeated key", "load 1m\n m {{sum:1 sum:2}}");
    row("schemas that cannot be merged", "load 1m\n m {{schema:1}}+{{schema:0}}x1");
    row("start times without a follower", "load 1m\n m@st -1m");
    row("start times before a comment", "load 1m\n m@st -1m\n # m\n m 1");
    row("start times of another series", "load 1m\n m@st -1m\n n 1");
    row("start times of other labels", "load 1m\n m{a=\"1\"}@st -1m\n m 1");
    row("too few start times", "load 1m\n m@st -1m\n m 1 2");
    row("too many start times", "load 1m\n m@st -1mx2\n m 1 2");
    row("bad start time", "load 1m\n m@st soon\n m 1");
    row("start time without unit", "load 1m\n m@st 5\n m 1");
    row("stepped start time without count", "load 1m\n m@st -1m+1s\n m 1");
    row("no start times at all", "load 1m\n m@st _x0\n m 1");
    row("no form", "eval at 5m x");
    row("bad time", "eval instant at soon x");
    row("end before start", "eval range from 5m to 1m step 1m x");
    row("bad query", "eval instant at 0 sum(");
    row("unknown expectation", "eval instant at 0 x\n expect maybe");
    row("bad text", "eval instant at 0 x\n expect warn text: x");
    row("contradiction", "eval instant at 0 x\n expect warn\n expect no_warn");
    row("two fail lines", "eval instant at 0 x\n expect fail\n expect fail");
    row("bad regex", "eval instant at 0 x\n expect fail regex: (");
    row("unquoted string", "eval instant at 0 x\n expect string foo");
    row("several values", "eval instant at 0 m\n m 1 2");
    row("more values than steps", "eval range from 0 to 1m step 1m m\n m 1 2 3");
}

void TestTestscript::refusesBadScripts()
{
    QFETCH(QByteArray, script);
    const auto report = run(script);
    QCOMPARE(report.commands, std::size_t{0});
    QCOMPARE(report.failures.size(), std::size_t{1});
    QVERIFY(report.failures[0].line > 0);
}

void TestTestscript::readsSequences_data()
{
    QTest::addColumn<QByteArray>("line");
    QTest::addColumn<QByteArray>("values");
    const auto row = [](const char* line, const char* values) {
        QTest::newRow(line) << QByteArray(line) << QByteArray(values);
    };
    row("m 1 _ 3", "1 _ 3");
    row("m 1x3", "1 1 1 1");
    row("m 0+10x3", "0 10 20 30");
    row("m 5-2x2", "5 3 1");
    row("m -1+1x2", "-1 0 1");
    row("m 1e3 .5 1m", "1000 0.5 60");
    row("m _x3 7", "_ _ _ 7");
    row("m 0+0x2 1", "0 0 0 1");
    row("m NaN Inf -Inf", "nan inf -inf");
    row("m 1 stale 2", "1 stale 2");
    row("{\"m\",a=\"1\"} 5x0", "5");
}

void TestTestscript::readsSequences()
{
    QFETCH(QByteArray, line);
    const auto series = parseSeriesDescription(line.toStdString());
    QVERIFY(series.ok());
    QByteArrayList texts;
    for (const SequenceValue& value : series->values) {
        texts << (value.omitted                 ? QByteArray("_")
                  : model::isStale(value.value) ? QByteArray("stale")
                                                : QByteArray::number(value.value));
    }
    QTEST(texts.join(' '), "values");
    QCOMPARE(series->labels.metricName(), std::string_view("m"));
}

void TestTestscript::endsABlockAtAComment()
{
    const auto report = run(kLoad + "eval instant at 0 m\n m{i=\"a\"} 1\n # here\n m{i=\"b\"} 4\n");
    QCOMPARE(report.commands, std::size_t{0});
    QVERIFY(report.failures[0].text.find("invalid command") != std::string::npos);
}

void TestTestscript::keepsWhatALoadAddsUntilCleared()
{
    const auto both = run("load 1m\n m 1\n\nload 2m\n m _ 3\n n 5\n\n"
                          "eval range from 0 to 2m step 1m m\n m 1 1 3\n\n"
                          "clear\n\nload 1m\n m 7\n\neval instant at 0 {__name__=~\".+\"}\n m 7\n");
    QVERIFY2(both.failures.empty(), both.failures.empty() ? "" : both.failures[0].text.c_str());
    QCOMPARE(both.commands, std::size_t{6});
    // A series repeated inside of one load replaces the line before.
    QVERIFY(run("load 1m\n m 1\n m 2\n\neval instant at 0 m\n m 2\n").failures.empty());
    const auto refused = run("load 1m\n m 1\n\nload 1m\n m 2\n\neval instant at 0 m\n");
    QCOMPARE(refused.failures.size(), std::size_t{1});
    QVERIFY(refused.failures[0].text.find("refused") != std::string::npos);
}

void TestTestscript::turnsClassicHistogramsIntoNativeOnes()
{
    const auto report = run("load_with_nhcb 1m\n m_bucket{le=\"1\"} 2\n m_bucket{le=\"+Inf\"} 3\n\n"
                            "eval instant at 0 m\n"
                            " m {{schema:-53 count:3 custom_values:[1] buckets:[2 1]}}\n");
    QVERIFY2(report.failures.empty(),
             report.failures.empty() ? "" : report.failures[0].text.c_str());
}

void TestTestscript::keepsStartTimes()
{
    const auto report = run("load 1m\n c_total@st -1m -1m+5sx1 _ 0s\n c_total 1 2 3 4 5\n\n"
                            "eval range from 0 to 4m step 1m start_timestamp(c_total)\n"
                            " {} -60 0 65 0 240\n");
    QVERIFY2(report.failures.empty(),
             report.failures.empty() ? "" : report.failures[0].text.c_str());
}

void TestTestscript::saysWhereAQueryDoesNotParse()
{
    const auto report = run("clear\n\n  eval instant at 0 sum(\n");
    QCOMPARE(report.failures.size(), std::size_t{1});
    QCOMPARE(report.failures[0].line, 3U);
    QCOMPARE(report.failures[0].text, std::string("3:25: parse error: unclosed left parenthesis"));
    const auto values = run("load 1m\n m 1 2 two\n");
    QCOMPARE(values.failures[0].line, 2U);
    QVERIFY2(values.failures[0].text.find("1:7: parse error: number or \"stale\" expected") !=
                 std::string::npos,
             values.failures[0].text.c_str());
}

void TestTestscript::reportsInTheNotationOfScripts()
{
    const auto report = run(kLoad + "eval range from 0 to 2m step 1m m > 1\n m{i=\"a\"} 9 2\n");
    QCOMPARE(report.failures.size(), std::size_t{1});
    const testscript::Failure& failure = report.failures[0];
    QCOMPARE(failure.line, 7U);
    QCOMPARE(failure.query, std::string("m > 1"));
    QCOMPARE(failure.expected, std::vector<std::string>{"m{i=\"a\"} 9 2"});
    QCOMPARE(failure.found, (std::vector<std::string>{"m{i=\"a\"} _ 2 3", "m{i=\"b\"} 4 5 6"}));
    const auto histogram = run(kLoad + "eval instant at 1m h\n");
    QCOMPARE(
        histogram.failures[0].found,
        std::vector<std::string>{"h {{count:3 sum:4 counter_reset_hint:not_reset buckets:[1 2]}}"});
    // The pinned variant says which it is.
    const auto pinned =
        run(kLoad + "eval instant at 1m quantile(2, m offset 0s)\n expect warn msg: "
                    "PromQL warning: quantile value should be between 0 and 1, got "
                    "2 (1:10)\n {} Inf\n");
    QVERIFY(pinned.failures.empty());
}

void TestTestscript::runsOnlyWhatIsAskedFor()
{
    const QByteArray script = kLoad + "eval instant at 0 count(m)\n {} 2\n\n"
                                      "eval instant at 0 sum(m)\n {} 9\n";
    const auto report = run(script, {.filter = "sum("});
    QCOMPARE(report.evaluations, std::size_t{1});
    QCOMPARE(report.cases.size(), std::size_t{1});
    QCOMPARE(report.cases[0].query, std::string("sum(m)"));
    QVERIFY(!report.failures.empty());
    QVERIFY(run(script, {.filter = "count("}).failures.empty());
}

void TestTestscript::stopsAtTheFirstFailure()
{
    const QByteArray script = kLoad + "eval instant at 0 count(m)\n {} 3\n\n"
                                      "eval instant at 0 sum(m)\n {} 9\n";
    QCOMPARE(run(script).evaluations, std::size_t{2});
    QCOMPARE(run(script, {.stopAtFirst = true}).evaluations, std::size_t{1});
}

void TestTestscript::bringsValuesUpToDate()
{
    const QByteArray script = kLoad + "# sums\n"
                                      "eval instant at 0 sum by (i) (m)\n"
                                      "  expect no_warn\n"
                                      "  {i=\"a\"} 9\n"
                                      "\n"
                                      "eval instant at 0 scalar(m{i=\"a\"})\n"
                                      "  7\n"
                                      "\n"
                                      "eval range from 0 to 1m step 1m m{i=\"b\"}\n"
                                      "\n"
                                      "eval instant at 0 \"a\"\n"
                                      "  expect string \"b\"\n"
                                      "\n"
                                      "eval instant at 0 m{i=\"a\"}\n"
                                      "  m{i=\"a\"} 1\n";
    const auto report = run(script);
    QVERIFY(!report.failures.empty());
    const std::string updated = testscript::withFoundValues(script.toStdString(), report);
    QCOMPARE(QByteArray::fromStdString(updated).mid(kLoad.size()),
             QByteArray("# sums\n"
                        "eval instant at 0 sum by (i) (m)\n"
                        "  expect no_warn\n"
                        "  {i=\"a\"} 1\n"
                        "  {i=\"b\"} 4\n"
                        "\n"
                        "eval instant at 0 scalar(m{i=\"a\"})\n"
                        "  1\n"
                        "\n"
                        "eval range from 0 to 1m step 1m m{i=\"b\"}\n"
                        "  m{i=\"b\"} 4 5\n"
                        "\n"
                        "eval instant at 0 \"a\"\n"
                        "  expect string \"a\"\n"
                        "\n"
                        "eval instant at 0 m{i=\"a\"}\n"
                        "  m{i=\"a\"} 1\n"));
    QVERIFY(run(QByteArray::fromStdString(updated)).failures.empty());
}

void TestTestscript::writesReportsForBuildServers()
{
    const auto good = run(kLoad + "eval instant at 0 sum(m) < 9\n {} 5\n");
    const auto bad = run("eval instant at 0 sum(\n");
    const std::vector<testscript::FileReport> files = {{"a&b.test", good}, {"bad.test", bad}};
    const QByteArray xml = QByteArray::fromStdString(testscript::junitXml(files));
    QXmlStreamReader reader(xml);
    QStringList elements;
    while (!reader.atEnd()) {
        if (reader.readNext() == QXmlStreamReader::StartElement) {
            elements << reader.name().toString() + ":" +
                            reader.attributes().value(QStringLiteral("name")).toString();
        }
    }
    QVERIFY2(!reader.hasError(), qPrintable(reader.errorString()));
    QCOMPARE(elements,
             (QStringList{"testsuites:", "testsuite:a&b.test", "testcase:line 7: sum(m) < 9",
                          "testsuite:bad.test", "testcase:line 1: ", "failure:"}));
    QVERIFY(xml.contains("tests=\"1\" failures=\"1\""));
}

void TestTestscript::wantsMatricesSorted()
{
    testscript::Eval eval;
    eval.instant = false;
    eval.series = {*parseSeriesDescription("a 1"), *parseSeriesDescription("b 1")};
    Matrix matrix = {{.labels = {{"__name__", "a"}}, .points = {{{0}, 1}}},
                     {.labels = {{"__name__", "b"}}, .points = {{{0}, 1}}}};
    QVERIFY(testscript::compareMatrix(eval, eval.range, matrix).ok());
    std::swap(matrix[0], matrix[1]);
    QVERIFY(!testscript::compareMatrix(eval, eval.range, matrix).ok());
}

QTEST_GUILESS_MAIN(TestTestscript)
#include "tst_testscript.moc"
