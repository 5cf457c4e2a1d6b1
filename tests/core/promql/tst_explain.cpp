// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What needs data: advice, matching explained; over a store in memory.
#include "core/base/status.h"
#include "core/promql/editor/lint.h"
#include "core/promql/editor/matching.h"
#include "core/promql/engine.h"
#include "core/promql/parser.h"
#include "support/memory_store.h"

#include <QtTest>

#include <algorithm>

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

QTEST_GUILESS_MAIN(TestExplain)
#include "tst_explain.moc"
