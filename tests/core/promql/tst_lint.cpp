// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/editor/lint.h"
#include "core/promql/parser.h"
#include "core/promql/testscript/script.h"

#include <QDir>
#include <QFile>
#include <QtTest>

#include <algorithm>
#include <map>

using namespace narthex;
using namespace narthex::promql;
using namespace narthex::promql::editor;

namespace {

constexpr Features kAll{
    .experimentalFunctions = true, .extendedRangeSelectors = true, .binopFillModifiers = true};

class Facts final : public LintFacts
{
public:
    [[nodiscard]] std::optional<model::Metadata> metadata(std::string_view metric) const override
    {
        using model::MetricType;
        static const std::map<std::string, MetricType, std::less<>> kTypes = {
            {"node_memory_free_bytes", MetricType::Gauge},
            {"odd_counter", MetricType::Counter},
            {"queue_total", MetricType::Gauge},
            {"native_seconds", MetricType::Histogram},
            {"request_seconds", MetricType::Summary}};
        const auto found = kTypes.find(metric);
        return found == kTypes.end() ? std::nullopt
                                     : std::optional(model::Metadata{.type = found->second});
    }
    [[nodiscard]] bool knowsFunction(std::string_view name) const override
    {
        return name != "ts_of_max_over_time";
    }
};

/// "id begin-end" of each finding.
QByteArray findingsOf(const QByteArray& text, const LintOptions& options)
{
    const Facts facts;
    QByteArrayList result;
    for (const Finding& finding : lint(text.toStdString(), options, &facts)) {
        result << QByteArray::fromStdString(finding.id) + " " +
                      QByteArray::number(finding.range.begin) + "-" +
                      QByteArray::number(finding.range.end);
    }
    return result.join("; ");
}

QStringList queriesOf(const QString& folder)
{
    QStringList queries;
    const QDir dir(folder);
    for (const QString& name : dir.entryList({QStringLiteral("*.test")}, QDir::Files)) {
        QFile file(dir.filePath(name));
        if (!file.open(QIODevice::ReadOnly)) {
            continue;
        }
        const auto commands = testscript::parseScript(file.readAll().toStdString(), kAll);
        if (!commands.ok()) {
            continue;
        }
        for (const testscript::Command& command : *commands) {
            if (const auto* eval = std::get_if<testscript::Eval>(&command.what)) {
                queries << QString::fromStdString(eval->query);
            }
        }
    }
    return queries;
}

std::size_t errorCount(const std::vector<Finding>& findings)
{
    return static_cast<std::size_t>(
        std::count_if(findings.begin(), findings.end(),
                      [](const Finding& finding) { return finding.severity == Severity::Error; }));
}

} // namespace

class TestLint : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void finds_data();
    void finds();
    void findsInGraphs_data();
    void findsInGraphs();
    void findsSeveralErrorsOfOneText_data();
    void findsSeveralErrorsOfOneText();
    void correctionsGiveTheWantedText_data();
    void correctionsGiveTheWantedText();
    void waitsForTheEndWhileTyping_data();
    void waitsForTheEndWhileTyping();
    void saysThatAParenthesisIsOpen();
    void namesTheFeatureThatIsOff();
    void checksCanBeSwitchedOff();
    void validQueriesHaveNoErrors_data();
    void validQueriesHaveNoErrors();
    void whatTheParserRefusesHasAnError();
    void everyFindingLiesInTheText();
};

void TestLint::finds_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<QByteArray>("findings");
    const auto row = [](const char* text, const char* findings) {
        QTest::newRow(text) << QByteArray(text) << QByteArray(findings);
    };
    row("up", "");
    row("1 == 1", "syntax 2-3");
    row("rate(up)", "syntax 5-7");
    row("rate(node_memory_free_bytes[5m])", "rate-on-gauge 0-4");
    row("rate(queue_total[5m])", "rate-on-gauge 0-4");
    row("rate(odd_counter[5m])", "");
    row("rate(native_seconds[5m])", "");
    row("rate(x_total[5m])", "");
    row("increase(something[5m])", "rate-on-gauge 0-8");
    row("delta(x_total[5m])", "delta-on-counter 0-5");
    row("deriv(odd_counter[5m])", "delta-on-counter 0-5");
    row("delta(node_memory_free_bytes[5m])", "");
    row("x_total", "counter-without-rate 0-7");
    row("sum(x_total)", "counter-without-rate 4-11");
    row("count(x_total)", "");
    row("x_total > 0", "");
    row("changes(x_total[5m])", "");
    row("rate(sum(x_total)[5m:1m])", "sum-before-rate 5-24");
    row("histogram_quantile(0.9, sum(rate(x_bucket[5m])))", "le-dropped 24-47");
    row("histogram_quantile(0.9, sum by (le) (rate(x_bucket[5m])))", "");
    row("histogram_quantile(0.9, sum by (job) (rate(x_bucket[5m])))", "le-dropped 24-57");
    row("histogram_quantile(0.9, sum without (le) (rate(x_bucket[5m])))", "le-dropped 24-61");
    row("histogram_quantile(0.9, sum without (pod) (rate(x_bucket[5m])))", "");
    row("histogram_quantile(0.9, sum(rate(native_seconds[5m])))", "");
    row("histogram_quantile(95, x_bucket)", "quantile-range 19-21");
    row("quantile(-1, x)", "quantile-range 9-11");
    row("quantile_over_time(1.5, x[5m])", "quantile-range 19-22");
    row("avg(histogram_quantile(0.9, x_bucket))", "avg-of-quantiles 0-3");
    row("sum(x{quantile=\"0.9\"})", "sum-of-quantiles 0-3");
    row("avg(request_seconds)", "avg-of-quantiles 0-3");
    row("x{a=~\".*\"}", "empty-matcher 2-9");
    row("x{a=\"1\",a!=\"\"}", "empty-matcher 8-13");
    row("x{a=~\"abc\"}", "empty-matcher 3-5");
    row("x{a!~\"abc\"}", "empty-matcher 3-5");
    row("x{a=~\"^abc.*$\"}", "empty-matcher 5-14");
    row("x{a=~\"a|b\"}", "");
    row("sum by (a) (x) / on (b) y", "label-missing-after-agg 21-22");
    row("sum by (job) (sum by (instance) (x))", "label-missing-after-agg 8-11");
    row("sum by (a) (x) / on (a) y", "");
    row("sum by (c) (label_replace(sum by (a) (x), \"c\", \"$1\", \"a\", \"(.*)\"))", "");
    row("topk(1, x) / on (z) y", "");
    row("(a > bool 1) == 1", "comparison-of-bool 1-11");
    row("x == NaN", "nan-compare 0-8");
    row("a / b offset 5m", "offset-mismatch 0-15");
    row("a / a offset 1w", "");
    row("x or x", "or-shadow 5-6");
    row("max_over_time(x[1h:range()])", "range-as-step 14-27");
    row("holt_winters(x[5m], 0.1, 0.1)", "deprecated 0-12");
    row("ts_of_max_over_time(x[5m])", "unknown-to-server 0-19");
    row("Rate(x[5m])", "syntax 0-4");
}

void TestLint::finds()
{
    QFETCH(QByteArray, text);
    QTEST(findingsOf(text, {.features = kAll}), "findings");
}

void TestLint::findsInGraphs_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<QByteArray>("findings");
    const auto row = [](const char* text, const char* findings) {
        QTest::newRow(text) << QByteArray(text) << QByteArray(findings);
    };
    row("sort(x)", "sort-in-range 0-4");
    row("topk(5, x)", "topk-in-range 0-4");
    row("rate(x_total[1m])", "step-vs-range 5-16");
    row("rate(x_total[5m])", "");
}

void TestLint::findsInGraphs()
{
    QFETCH(QByteArray, text);
    QTEST(findingsOf(text, {.features = kAll, .step = base::Duration::fromMs(120'000)}),
          "findings");
    QVERIFY(findingsOf("topk(5, x)", {.features = kAll}).isEmpty());
}

void TestLint::findsSeveralErrorsOfOneText_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<QByteArray>("findings");
    const auto row = [](const char* text, const char* findings) {
        QTest::newRow(text) << QByteArray(text) << QByteArray(findings);
    };
    row("sum(x)) + foo[5mm]", "syntax 6-7; syntax 14-17");
    row("nothing(x) + other(y)", "syntax 0-7; syntax 13-18");
    row("(a + ) * rate(x[0m]) + $", "syntax 5-6; syntax 16-18; syntax 23-24");
    row("sum(rate(x[5m]) + nothing(", "syntax 18-25; syntax 26-26");
    row("1 == 1 or 2 == 2", "syntax 2-3; syntax 12-13; syntax 0-16");
}

void TestLint::findsSeveralErrorsOfOneText()
{
    QFETCH(QByteArray, text);
    QFETCH(QByteArray, findings);
    const QByteArray found = findingsOf(text, {.features = kAll});
    for (const QByteArray& wanted : findings.split(';')) {
        QVERIFY2(found.contains(wanted.trimmed()), found.constData());
    }
    QCOMPARE(found.split(';').size(), findings.split(';').size());
}

void TestLint::correctionsGiveTheWantedText_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<QByteArray>("result");
    const auto row = [](const char* text, const char* result) {
        QTest::newRow(text) << QByteArray(text) << QByteArray(result);
    };
    row("1 == 1", "1 == bool 1");
    row("rate(up)", "rate(up[5m])");
    row("rate(up{a=\"b\"} offset 5m)", "rate(up{a=\"b\"}[5m] offset 5m)");
    row("rate(sum(x))", "sum(rate(x[5m]))");
    row("rate(sum by (a) (x)) / 2", "sum by (a) (rate(x[5m])) / 2");
    row("rate(node_memory_free_bytes[5m])", "deriv(node_memory_free_bytes[5m])");
    row("delta(x_total[5m])", "increase(x_total[5m])");
    row("x_total{a=\"b\"} offset 1h", "rate(x_total{a=\"b\"}[5m] offset 1h)");
    row("x_total", "rate(x_total[5m])");
    row("histogram_quantile(0.9, sum(rate(x_bucket[5m])))",
        "histogram_quantile(0.9, sum by (le) (rate(x_bucket[5m])))");
    row("histogram_quantile(0.9, sum by (job) (rate(x_bucket[5m])))",
        "histogram_quantile(0.9, sum by (le, job) (rate(x_bucket[5m])))");
    row("histogram_quantile(0.9, sum(rate(x_bucket[5m])) by (job))",
        "histogram_quantile(0.9, sum(rate(x_bucket[5m])) by (le, job))");
    row("histogram_quantile(0.9, sum without (le, a) (rate(x_bucket[5m])))",
        "histogram_quantile(0.9, sum without (a) (rate(x_bucket[5m])))");
    row("histogram_quantile(95, x_bucket)", "histogram_quantile(0.95, x_bucket)");
    row("x{a=~\"abc\"}", "x{a=\"abc\"}");
    row("x{a=~\".*\",b=\"c\"}", "x{b=\"c\"}");
    row("Rate(x_total[5m])", "rate(x_total[5m])");
    row("holt_winters(x[5m], 0.1, 0.1)", "double_exponential_smoothing(x[5m], 0.1, 0.1)");
    row("sum(rate(x[5m]", "sum(rate(x[5m]))");
    row("sum(x # note", "sum(x # note\n)");
    row("foo{a=\"b\"", "foo{a=\"b\"}");
    row("my.metric", "{\"my.metric\"}");
    row("sum(my.metric{a=\"b\"})", "sum({\"my.metric\",a=\"b\"})");
    row("up{job=\u201capi\u201d}", "up{job=\"api\"}");
    row("a\u00a0+ b", "a + b");
    row("clamp(x, 1, 2,)", "clamp(x, 1, 2)");
    row("label_replace(x, \"a", "label_replace(x, \"a\"");
}

void TestLint::correctionsGiveTheWantedText()
{
    QFETCH(QByteArray, text);
    QFETCH(QByteArray, result);
    const Facts facts;
    const auto findings = lint(text.toStdString(), {.features = kAll}, &facts);
    QByteArrayList offered;
    for (const Finding& finding : findings) {
        for (const Fix& fix : finding.fixes) {
            QVERIFY(!fix.title.empty());
            offered << QByteArray::fromStdString(applyEdits(text.toStdString(), fix.edits));
        }
    }
    QVERIFY2(offered.contains(result), offered.join(" | ").constData());
}

void TestLint::waitsForTheEndWhileTyping_data()
{
    QTest::addColumn<QByteArray>("text");
    for (const char* text : {"sum(|", "sum(rate(x[5m|", "foo + |", "foo{|", "foo{a=\"b|", "|",
                             "sum(x) b|", "sum(|)", "rate(|)", "foo[|]", "foo[5|]", "foo{a|}"}) {
        QTest::newRow(text) << QByteArray(text);
    }
}

void TestLint::waitsForTheEndWhileTyping()
{
    QFETCH(QByteArray, text);
    const auto cursor = static_cast<std::size_t>(text.indexOf('|'));
    text.remove(text.indexOf('|'), 1);
    const auto findings = lint(text.toStdString(), {.features = kAll, .typingAt = cursor});
    QCOMPARE(errorCount(findings), std::size_t{0});
    const auto asked = lint(text.toStdString(), {.features = kAll});
    QCOMPARE(errorCount(asked) > 0, !parse(text.toStdString(), kAll).ok());
}

void TestLint::saysThatAParenthesisIsOpen()
{
    const auto findings = lint("sum(", {});
    QVERIFY(!findings.empty());
    QVERIFY(findings[0].message.starts_with("unclosed left parenthesis"));
    QCOMPARE(findings[0].range.begin, 4U);
}

void TestLint::namesTheFeatureThatIsOff()
{
    const auto findings = lint("info(x)", {});
    QCOMPARE(findings.at(0).id, std::string("feature-off"));
    QVERIFY(findings[0].message.find("promql-experimental-functions") != std::string::npos);
    QVERIFY(lint("info(x)", {.features = kAll}).empty());
}

void TestLint::checksCanBeSwitchedOff()
{
    QVERIFY(findingsOf("x_total", {.disabled = {"counter-without-rate"}}).isEmpty());
    QVERIFY(!findingsOf("1 == 1", {.disabled = {"syntax"}}).isEmpty());
}

void TestLint::validQueriesHaveNoErrors_data()
{
    QTest::addColumn<QString>("folder");
    QTest::newRow("own") << QStringLiteral(NARTHEX_TEST_DATA "/promql");
    QTest::newRow("shared") << QStringLiteral(NARTHEX_SHARED_DIR "/conformance/promqltest");
}

void TestLint::validQueriesHaveNoErrors()
{
    QFETCH(QString, folder);
    if (!QDir(folder).exists()) {
        QSKIP("these scripts are not on this machine");
    }
    const QStringList queries = queriesOf(folder);
    QVERIFY(queries.size() > 20);
    for (const QString& query : queries) {
        const std::string text = query.toStdString();
        const bool valid = parse(text, kAll).ok();
        QCOMPARE(errorCount(lint(text, {.features = kAll})) == 0, valid);
    }
}

void TestLint::whatTheParserRefusesHasAnError()
{
    const std::string text = "sum by(a)(rate(x{a=\"\\x41\",b=~`q`}[5m:1m] @ end() offset "
                             "-(1h+step()))) > bool on(c) group_left(d) -{\"n\"} # c\n";
    for (std::size_t begin = 0; begin < text.size(); ++begin) {
        for (std::size_t length = 0; begin + length <= text.size(); ++length) {
            const std::string part = text.substr(begin, length);
            const auto findings = lint(part, {.features = kAll});
            QCOMPARE(errorCount(findings) > 0, !parse(part, kAll).ok());
            for (const Finding& finding : findings) {
                QVERIFY(finding.range.begin <= finding.range.end);
                QVERIFY(finding.range.end <= part.size());
            }
        }
    }
}

void TestLint::everyFindingLiesInTheText()
{
    for (const char* text : {")]}{$\"", "sum((((", "a b c d e f", "{{{{", "[[[", "\xff\xfe", ",,,,",
                             "x{a=,b=}", "1 2 3", "sum by by by (x)", "offset offset offset",
                             "a + + + ) ) )", "\"", "`", "# only a comment"}) {
        const auto findings = lint(text, {});
        QVERIFY(errorCount(findings) > 0);
        QVERIFY(findings.size() <= 25);
        for (const Finding& finding : findings) {
            QVERIFY(finding.range.end <= std::string_view(text).size());
            for (const Fix& fix : finding.fixes) {
                for (const TextEdit& edit : fix.edits) {
                    QVERIFY(edit.begin <= edit.end && edit.end <= std::string_view(text).size());
                }
            }
        }
    }
}

QTEST_GUILESS_MAIN(TestLint)
#include "tst_lint.moc"
