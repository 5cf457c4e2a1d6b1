// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What needs data: advice, matching explained; over a store in memory.
#include "core/base/status.h"
#include "core/promql/editor/explain.h"
#include "core/promql/editor/hints.h"
#include "core/promql/editor/hover.h"
#include "core/promql/editor/lint.h"
#include "core/promql/editor/matching.h"
#include "core/promql/editor/signature.h"
#include "core/promql/engine.h"
#include "core/promql/parser.h"
#include "support/memory_store.h"

#include <QtTest>

#include <algorithm>
#include <cmath>

using namespace narthex;
using namespace narthex::promql;
using namespace narthex::promql::editor;
using model::Labels;

namespace {

constexpr Features kAll{
    .experimentalFunctions = true, .extendedRangeSelectors = true, .binopFillModifiers = true};

} // namespace

class TestExplain : public QObject, private LintData
{
    Q_OBJECT
private Q_SLOTS:
    void initTestCase();
    void findsInData_data();
    void findsInData();
    void correctionsFitTheData_data();
    void correctionsFitTheData();
    void saysNothingAboutBrokenTexts();
    void groupsShowPartnersAndResults();
    void errorsOfMatchingHaveWorkingFixes_data();
    void errorsOfMatchingHaveWorkingFixes();
    void unmatchedRowsNameTheNearest();
    void setOperatorsShowWhatStays();
    void fillsAreMarked();
    void filteredRowsAreMarked();
    void agreesWithTheEngine_data();
    void agreesWithTheEngine();
    void hoverTells_data();
    void hoverTells();
    void signatureFollowsTheCursor_data();
    void signatureFollowsTheCursor();
    void nodesAreExplained_data();
    void nodesAreExplained();
    void ratesAreExplainedToTheLastBit_data();
    void ratesAreExplainedToTheLastBit();
    void quantilesShowWhereTheRankFalls();
    void hintsFollowTheResult_data();
    void hintsFollowTheResult();

private:
    [[nodiscard]] std::optional<Vector> evaluate(std::string_view query) const override;
    [[nodiscard]] std::span<const std::string> metricNames() const override { return names_; }
    [[nodiscard]] std::optional<base::Duration>
    scrapeInterval(std::string_view selector) const override
    {
        return base::Duration::fromMs(selector.starts_with("slow") ? 600'000 : 60'000);
    }
    [[nodiscard]] MatchExplanation explained(const char* query) const;

    test::MemoryStore store_;
    base::WorkerPool pool_{2};
    base::ManualClock clock_{base::Timestamp{0}};
    Engine engine_{EngineOptions{.features = kAll}, pool_, clock_};
    std::vector<std::string> names_ = {"a", "b", "errors_total", "info", "requests_total", "slow"};
};

void TestExplain::initTestCase()
{
    const auto add = [this](const Labels& labels, double value) {
        store_.add(labels, base::Timestamp{0}, value);
    };
    add({{"__name__", "a"}, {"job", "x"}, {"i", "1"}}, 1);
    add({{"__name__", "a"}, {"job", "x"}, {"i", "2"}}, 2);
    add({{"__name__", "a"}, {"job", "y"}, {"i", "1"}}, 3);
    add({{"__name__", "b"}, {"job", "x"}, {"i", "1"}}, 10);
    add({{"__name__", "b"}, {"job", "x"}, {"i", "2"}}, 0);
    add({{"__name__", "b"}, {"job", "z"}, {"i", "1"}}, 30);
    add({{"__name__", "info"}, {"job", "x"}, {"version", "1"}}, 1);
    add({{"__name__", "requests_total"}, {"job", "x"}}, 5);
    add({{"__name__", "errors_total"}, {"job", "x"}}, 1);
    add({{"__name__", "slow"}}, 1);
    add({{"__name__", "h_bucket"}, {"le", "1"}}, 10);
    add({{"__name__", "h_bucket"}, {"le", "2"}}, 9);
    add({{"__name__", "h_bucket"}, {"le", "+Inf"}}, 20);
    add({{"__name__", "clash"}, {"job", "s"}, {"exported_job", "t"}}, 1);
    for (int i = 0; i < 30; ++i) {
        const Labels labels{{"__name__", "many_total"},
                            {"pod", std::to_string(i)},
                            {"zone", i % 2 == 0 ? "a" : "b"}};
        for (int minute = 0; minute < 3; ++minute) {
            store_.add(labels, base::Timestamp{minute * 60'000}, minute * 10);
        }
    }
}

std::optional<Vector> TestExplain::evaluate(std::string_view query) const
{
    auto result = engine_.instant(store_, query, base::Timestamp{0}, {}, {});
    if (!result.ok() || std::get_if<Vector>(&result->value) == nullptr) {
        return std::nullopt;
    }
    return std::get<Vector>(std::move(result->value));
}

MatchExplanation TestExplain::explained(const char* query) const
{
    const auto expr = parse(query, kAll);
    const auto& node = *(*expr)->as<Binary>();
    const std::string_view text = query;
    const auto part = [&](const Expr& side) {
        return *evaluate(text.substr(side.range.begin, side.range.end - side.range.begin));
    };
    return explainMatching(**expr, part(*node.lhs), part(*node.rhs));
}

void TestExplain::findsInData_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<QByteArray>("findings");
    const auto row = [](const char* text, const char* findings) {
        QTest::newRow(text) << QByteArray(text) << QByteArray(findings);
    };
    row("a", "");
    row("missing", "missing-series 0-7");
    row("a{job=\"x\",i=\"9\"}", "missing-series 10-15");
    row("a{job=\"q\",i=\"9\"}", "missing-series 0-16");
    row("a{job=~\"x|q\"}", "regex-alternatives 7-12");
    row("rate(requests_total[1m])", "range-too-short 5-23");
    row("rate(requests_total[5m])", "");
    row("slow", "lookback 0-4");
    row("a / b", "division-by-zero 4-5");
    row("a * on (job) b", "many-to-one 2-12");
    row("a * on (job) group_left () info", "");
    row("a or a", "or-shadow 5-6");
    row("a or b", "");
}

void TestExplain::findsInData()
{
    QFETCH(QByteArray, text);
    QByteArrayList found;
    for (const Finding& finding : lintWithData(text.toStdString(), {.features = kAll}, *this)) {
        found << QByteArray::fromStdString(finding.id) + " " +
                     QByteArray::number(finding.range.begin) + "-" +
                     QByteArray::number(finding.range.end);
    }
    QTEST(found.join("; "), "findings");
    const auto big = lintWithData("a", {.features = kAll, .maxSamples = 1000, .steps = 100}, *this);
    QCOMPARE(big.at(0).id, std::string("big-query"));
}

void TestExplain::correctionsFitTheData_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<QByteArray>("result");
    const auto row = [](const char* text, const char* result) {
        QTest::newRow(text) << QByteArray(text) << QByteArray(result);
    };
    row("sum(request_total)", "sum(requests_total)");
    row("sum(requests)", "sum(requests_total)");
    row("a{job=\"x\",i=\"9\"}", "a{job=\"x\"}");
    row("rate(requests_total[1m])", "rate(requests_total[4m])");
    row("info * on (job) a", "info * on (job) group_right () a");
    row("a * on (job) b", "a * on (job, i) b");
}

void TestExplain::correctionsFitTheData()
{
    QFETCH(QByteArray, text);
    QFETCH(QByteArray, result);
    QByteArrayList offered;
    for (const Finding& finding : lintWithData(text.toStdString(), {.features = kAll}, *this)) {
        for (const Fix& fix : finding.fixes) {
            offered << QByteArray::fromStdString(applyEdits(text.toStdString(), fix.edits));
        }
    }
    QVERIFY2(offered.contains(result), offered.join(" | ").constData());
}

void TestExplain::saysNothingAboutBrokenTexts()
{
    QVERIFY(lintWithData("sum(", {}, *this).empty());
}

void TestExplain::groupsShowPartnersAndResults()
{
    const auto explanation = explained("a + b");
    QCOMPARE(explanation.groupCount, std::size_t{4});
    QCOMPARE(explanation.matched, std::size_t{2});
    QCOMPARE(explanation.leftOnly, std::size_t{1});
    QCOMPARE(explanation.rightOnly, std::size_t{1});
    const MatchGroup& group = explanation.groups[0];
    QCOMPARE(group.labels.toString(), std::string("{i=\"1\", job=\"x\"}"));
    QCOMPARE(group.results.at(0).element.value, 11.0);
    QCOMPARE(group.results[0].source, std::optional<std::size_t>(0));
    QVERIFY(!explanation.sentences.empty());
}

void TestExplain::errorsOfMatchingHaveWorkingFixes_data()
{
    QTest::addColumn<QByteArray>("query");
    for (const char* query : {"a * on (job) b", "info * on (job) a", "a > on (job) info",
                              "info * on (job) group_left () a"}) {
        QTest::newRow(query) << QByteArray(query);
    }
}

void TestExplain::errorsOfMatchingHaveWorkingFixes()
{
    QFETCH(QByteArray, query);
    QVERIFY(!evaluate(query.toStdString()));
    const auto explanation = explained(query.constData());
    QVERIFY(explanation.errors > 0);
    QVERIFY(!explanation.groups[0].error.empty());
    QVERIFY(explanation.groups[0].left[0].mark == RowMark::Error);
    const bool works =
        std::any_of(explanation.fixes.begin(), explanation.fixes.end(),
                    [this](const MatchFix& fix) { return evaluate(fix.query).has_value(); });
    QVERIFY(works);
}

void TestExplain::unmatchedRowsNameTheNearest()
{
    const auto explanation = explained("a + b");
    const auto group = std::find_if(explanation.groups.begin(), explanation.groups.end(),
                                    [](const MatchGroup& g) { return g.right.empty(); });
    QVERIFY(group != explanation.groups.end());
    const MatchedRow& row = group->left[0];
    QVERIFY(row.mark == RowMark::NoPartner);
    QCOMPARE(row.nearest->label, std::string("job"));
    QCOMPARE(row.nearest->here, std::string("y"));
    QCOMPARE(row.nearest->there, std::string("x"));
}

void TestExplain::setOperatorsShowWhatStays()
{
    const auto both = explained("a and on (job) b");
    QVERIFY(both.groups[0].left[0].mark == RowMark::Result);
    QVERIFY(both.groups[1].left[0].mark == RowMark::NoPartner);
    const auto either = explained("a or on (job) b");
    QVERIFY(either.groups[0].right[0].mark == RowMark::Filtered);
    QVERIFY(either.groups[2].right[0].mark == RowMark::Result);
    const auto less = explained("a unless on (job) b");
    QVERIFY(less.groups[0].left[0].mark == RowMark::Filtered);
    QCOMPARE(less.groups[1].results.size(), std::size_t{1});
}

void TestExplain::fillsAreMarked()
{
    const auto explanation = explained("a + fill_right (100) b");
    for (const MatchGroup& group : explanation.groups) {
        if (group.right.empty()) {
            QVERIFY(group.left[0].mark == RowMark::Filled);
            QCOMPARE(group.results.at(0).element.value, 103.0);
        }
    }
}

void TestExplain::filteredRowsAreMarked()
{
    const auto explanation = explained("a > b");
    QVERIFY(explanation.groups[0].left[0].mark == RowMark::Filtered);
    QVERIFY(explanation.groups[2].left[0].mark == RowMark::Result);
}

void TestExplain::agreesWithTheEngine_data()
{
    QTest::addColumn<QByteArray>("query");
    for (const char* query :
         {"a + b", "a > b", "a > bool b", "a and b", "a or b", "a unless b", "a + on (job, i) b",
          "a * on (job) group_left (version) info", "info * on (job) group_right () a",
          "a + ignoring (zone) b", "a + fill (7) b", "a </ b", "a and on (job) info",
          "a + on (job) group_left () fill_right (1) info"}) {
        QTest::newRow(query) << QByteArray(query);
    }
}

void TestExplain::agreesWithTheEngine()
{
    QFETCH(QByteArray, query);
    const auto expected = evaluate(query.toStdString());
    QVERIFY(expected.has_value());
    QStringList wanted;
    for (const VectorElement& element : *expected) {
        wanted << QString::fromStdString(element.labels.toString()) + " " +
                      QString::number(element.value);
    }
    QStringList shown;
    for (const MatchGroup& group : explained(query.constData()).groups) {
        for (const ResultRow& row : group.results) {
            if (row.mark == RowMark::Result) {
                shown << QString::fromStdString(row.element.labels.toString()) + " " +
                             QString::number(row.element.value);
            }
        }
    }
    wanted.sort();
    shown.sort();
    QCOMPARE(shown, wanted);
}

void TestExplain::hoverTells_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<QByteArray>("line");
    const auto row = [](const char* text, const char* line) {
        QTest::newRow(text) << QByteArray(text) << QByteArray(line);
    };
    row("sum(|a)", "3 series");
    row("|nothing", "no series at this time");
    row("a{|job=\"x\"}", "2 values");
    row("a{|job=\"x\"}", "x: 2 series");
    row("sum by (|job) (a)", "2 values");
    row("a{job=~\"|x|y\"}", "matches 2: x, y");
    row("a{job=~\"|x\"}", "does not match 1: y");
    row("a{job=\"|x\"}", "job is exactly \"x\"");
    row("|rate(a[5m])", "rate(v range-vector) instant vector");
    row("|SUM(a)", "");
    row("|sum(a)", "Example: sum by (job) (rate(http_requests_total[5m]))");
    row("rate(a[|5m])", "5m = 300 seconds");
    row("rate(a[|5m])", "from 1969-12-31T23:55:00Z (not included) to 1970-01-01T00:00:00Z");
    row("a @ |1700000000", "2023-11-14T22:13:20Z");
    row("free_bytes > |1073741824", "1 GiB");
    row("wait_seconds > |90", "1m30s");
    row("a |+ b", "2 groups matched, 1 on the left only, 1 on the right only");
    row("a + |on (job) b", "on: match on labels");
    row("sum |by (job) (a)", "by: keep labels");
    row("a |offset 5m", "offset: look back");
    row("a|{}", "");
    row("# not|e", "");
}

void TestExplain::hoverTells()
{
    QFETCH(QByteArray, text);
    QFETCH(QByteArray, line);
    const auto at = text.indexOf('|');
    text.remove(at, 1);
    const auto hover =
        hoverAt(text.toStdString(), static_cast<std::size_t>(at), {.features = kAll, .data = this});
    if (line.isEmpty()) {
        QVERIFY(!hover || hover->lines.size() == 1);
        return;
    }
    QVERIFY(hover.has_value());
    QByteArrayList lines;
    for (const std::string& shown : hover->lines) {
        lines << QByteArray::fromStdString(shown);
    }
    QVERIFY2(lines.contains(line), lines.join(" / ").constData());
}

void TestExplain::signatureFollowsTheCursor_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<QByteArray>("parameter");
    QTest::addColumn<QByteArray>("given");
    const auto row = [](const char* text, const char* parameter, const char* given) {
        QTest::newRow(text) << QByteArray(text) << QByteArray(parameter) << QByteArray(given);
    };
    row("clamp(|", "v instant-vector", "");
    row("clamp(x, |1, 2)", "min scalar", "1");
    row("clamp(x, 1, 2|)", "max scalar", "2");
    row("clamp(sum(x, y)|, 1, 2)", "v instant-vector", "sum(x, y)");
    row("topk(5, |x)", "v instant-vector", "x");
    row("sum(rate((x|", "v range-vector", "(x");
    row("x|", "", "");
    row("label_join(x, \"d\", \",\", \"a\", \"b\", |", "", "");
}

void TestExplain::signatureFollowsTheCursor()
{
    QFETCH(QByteArray, text);
    QFETCH(QByteArray, parameter);
    const auto at = text.indexOf('|');
    text.remove(at, 1);
    const auto help = signatureHelp(text.toStdString(), static_cast<std::size_t>(at));
    if (parameter.isEmpty()) {
        QVERIFY(!help || help->active == help->parameters.size() - 1);
        return;
    }
    QVERIFY(help && help->active);
    const SignatureParameter& active = help->parameters[*help->active];
    QCOMPARE(QByteArray::fromStdString(active.text), parameter);
    QTEST(QByteArray::fromStdString(active.given), "given");
    QCOMPARE(help->signature.substr(active.range.begin, active.range.end - active.range.begin),
             active.text);
}

void TestExplain::nodesAreExplained_data()
{
    QTest::addColumn<QByteArray>("query");
    QTest::addColumn<int>("node");
    QTest::addColumn<QByteArray>("text");
    const auto row = [](const char* query, int node, const char* text) {
        QTest::addRow("%s %d", query, node) << QByteArray(query) << node << QByteArray(text);
    };
    row("a{job!=\"y\"} offset 5m", 0, "job is not \"y\"");
    row("a{job!=\"y\"} offset 5m", 0, "5m before.");
    row("a offset -5m", 0, "5m after.");
    row("a{job=~\"x|y\"}", 0, "job matches \"x|y\" as a whole");
    row("rate(many_total[5m] @ 60)", 1, "Always at 1970-01-01T00:01:00Z.");
    row("sum by (job) (a)", 0, "Only job remain.");
    row("sum by (job) (a)", 0, "{job=\"x\"} | 2 | 3");
    row("sum by (job) (a)", 0, "{job=\"y\"} | 1 | 3");
    row("quantile(0.9, a)", 0, "90 % of the values lie below the result");
    row("a > 1", 0, "a{i=\"1\", job=\"x\"} | 1 | 1 > 1 |  (dropped)");
    row("a * 2", 0, "a{i=\"1\", job=\"y\"} | 3 | 3 * 2 | 6");
    row("2 - a", 0, "a{i=\"1\", job=\"y\"} | 3 | 2 - 3 | -1");
    row("1 + 2", 0, "The result is 3.");
    row("-a", 0, "The sign of every value changes");
    row("(a)", 0, "Parentheses");
    row("1h", 0, "Written as a duration: 1h.");
    row("max_over_time(a[10m:3m])", 1, "4 evaluations, every 3m.");
    row("max_over_time(a[10m:3m])", 1, "From 1969-12-31T23:51:00Z to 1970-01-01T00:00:00Z");
    row("label_replace(a, \"n\", \"$1\", \"job\", \"(x)\")", 0,
        "a{i=\"1\", job=\"y\"} | a{i=\"1\", job=\"y\"} (dropped)");
    row("histogram_quantile(0.9, h_bucket)", 0, "the rank is 18 of 20 observations");
    row("histogram_quantile(0.9, h_bucket)", 0, "2 | 10 | 50.0 % |  (count raised)");
    row("info * on (job) a", 0, "This failed: found duplicate series");
    row("sum(info * on (job) a)", 0, "This was not evaluated");
}

void TestExplain::nodesAreExplained()
{
    QFETCH(QByteArray, query);
    QFETCH(int, node);
    QFETCH(QByteArray, text);
    const auto result =
        engine_.instant(store_, query.toStdString(), base::Timestamp{0}, {.trace = true}, {});
    QVERIFY(result.ok());
    const auto expr = parse(query.toStdString(), kAll);
    const Explanation shown =
        explainNode(**expr, result->nodes, static_cast<std::size_t>(node),
                    {.span = {.lookbackMs = 300'000, .subqueryStepMs = 60'000}});
    QByteArray all;
    for (const std::string& sentence : shown.sentences) {
        all += QByteArray::fromStdString(sentence) + "\n";
    }
    for (const ExplainTable& table : shown.tables) {
        for (const auto& row : table.rows) {
            QByteArrayList cells;
            for (const std::string& cell : row.cells) {
                cells << QByteArray::fromStdString(cell);
            }
            all += cells.join(" | ") + (row.dropped ? " (dropped)" : "") + "\n";
        }
    }
    QVERIFY2(all.contains(text), all.constData());
}

void TestExplain::ratesAreExplainedToTheLastBit_data()
{
    QTest::addColumn<QList<double>>("values");
    QTest::newRow("steady") << QList<double>{0, 10, 20, 30, 40};
    QTest::newRow("a reset") << QList<double>{5, 9, 2, 4, 7};
    QTest::newRow("cut at zero") << QList<double>{1, 50, 100, 150, 200};
    QTest::newRow("constant") << QList<double>{3, 3, 3, 3, 3};
    QTest::newRow("fractions") << QList<double>{0.1, 0.7, 1.3, 2.2, 9.7};
}

void TestExplain::ratesAreExplainedToTheLastBit()
{
    QFETCH(QList<double>, values);
    test::MemoryStore store;
    std::vector<Point> points;
    for (qsizetype i = 0; i < values.size(); ++i) {
        const base::Timestamp time{100'000 + i * 50'000};
        store.add({{"__name__", "c"}}, time, values[i]);
        points.push_back({time, values[i]});
    }
    for (const char* function : {"rate", "increase", "delta"}) {
        const auto result = engine_.instant(store, std::string(function) + "(c[10m])",
                                            base::Timestamp{500'000}, {}, {});
        QVERIFY(result.ok());
        const auto steps =
            explainRate(points, base::Timestamp{-100'000}, base::Timestamp{500'000}, function);
        QVERIFY(steps.has_value());
        const double shown = steps->result;
        const double wanted = std::get<Vector>(result->value).at(0).value;
        QVERIFY(std::abs(shown - wanted) <= std::abs(wanted) * 1e-15);
        QCOMPARE(steps->samples, points.size());
    }
}

void TestExplain::quantilesShowWhereTheRankFalls()
{
    const QuantileSteps steps = explainQuantile(0.5, {{1, 2}, {2, 8}, {HUGE_VAL, 10}});
    QCOMPARE(steps.rank, 5.0);
    QCOMPARE(steps.chosen, std::optional<std::size_t>(1));
    QCOMPARE(steps.result, 1.5);
    QVERIFY(!explainQuantile(0.5, {}).chosen);
    QVERIFY(!explainQuantile(2, {{1, 2}, {HUGE_VAL, 10}}).chosen);
}

void TestExplain::hintsFollowTheResult_data()
{
    QTest::addColumn<QByteArray>("query");
    QTest::addColumn<QByteArray>("id");
    QTest::addColumn<QByteArray>("fixed");
    const auto row = [](const char* query, const char* id, const char* fixed) {
        QTest::newRow(query) << QByteArray(query) << QByteArray(id) << QByteArray(fixed);
    };
    row("errors_total", "counter-without-rate", "rate(errors_total[5m])");
    row("h_bucket{le!=\"2\"}", "raw-buckets",
        "histogram_quantile(0.9, sum by (le) (rate(h_bucket{le!=\"2\"}[5m])))");
    row("rate(many_total[5m])", "rate-without-sum", "sum by (zone) (rate(many_total[5m]))");
    row("sum(error_total)", "empty-result", "sum(errors_total)");
    row("clash", "label-clash", "");
    row("sum(a)by(job)", "recorded", "job:a:sum");
}

void TestExplain::hintsFollowTheResult()
{
    QFETCH(QByteArray, query);
    QFETCH(QByteArray, id);
    QFETCH(QByteArray, fixed);
    const auto result =
        engine_.instant(store_, query.toStdString(), base::Timestamp{120'000}, {.trace = true}, {});
    QVERIFY(result.ok());
    const auto hints = hintsAfterRunning(
        query.toStdString(), *result,
        {.features = kAll, .data = this, .recorded = {{"job:a:sum", "(sum by (job) (a))"}}});
    const auto found = std::find_if(hints.begin(), hints.end(), [&](const Finding& hint) {
        return hint.id == id.toStdString();
    });
    QVERIFY(found != hints.end());
    if (!fixed.isEmpty()) {
        QCOMPARE(
            QByteArray::fromStdString(applyEdits(query.toStdString(), found->fixes.at(0).edits)),
            fixed);
    }
    QVERIFY(hintsAfterRunning("sum(", *result, {}).empty());
}

QTEST_GUILESS_MAIN(TestExplain)
#include "tst_explain.moc"
