// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/editor/paste.h"
#include "core/promql/editor/refactor.h"
#include "core/promql/parser.h"
#include "core/promql/printer.h"

#include <QtTest>

using namespace narthex::promql;
using namespace narthex::promql::editor;

namespace {

constexpr Features kAll{
    .experimentalFunctions = true, .extendedRangeSelectors = true, .binopFillModifiers = true};

/// The text after the edits, or "error".
QByteArray after(const std::string& text, const absl::StatusOr<Edits>& edits)
{
    if (!edits.ok()) {
        return "error";
    }
    const std::string changed = applyEdits(text, *edits);
    return parse(changed, kAll).ok() ? QByteArray::fromStdString(changed)
                                     : "broken: " + QByteArray::fromStdString(changed);
}

/// Takes the marks < and > out of the text.
SourceRange selectionOf(QByteArray& text)
{
    const auto begin = text.indexOf('<');
    text.remove(begin, 1);
    const auto end = text.indexOf('>');
    text.remove(end, 1);
    return {static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end)};
}

} // namespace

class TestRefactor : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void wrapsSelections_data();
    void wrapsSelections();
    void swapsOperands_data();
    void swapsOperands();
    void movesGroupings_data();
    void movesGroupings();
    void removesParenthesesThatChangeNothing_data();
    void removesParenthesesThatChangeNothing();
    void renamesLabelsEverywhere();
    void extractsRules();
    void inlinesRules();
    void cleansWhatIsPasted_data();
    void cleansWhatIsPasted();
};

void TestRefactor::wrapsSelections_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<QByteArray>("function");
    QTest::addColumn<QByteArray>("result");
    const auto row = [](const char* text, const char* function, const char* result) {
        QTest::newRow(text) << QByteArray(text) << QByteArray(function) << QByteArray(result);
    };
    row("sum(<x>)", "rate", "sum(rate(x[5m]))");
    row("<x{a=\"b\"} offset 1h>", "rate", "rate(x{a=\"b\"}[5m] offset 1h)");
    row("< x > / 2", "abs", " abs(x)  / 2");
    row("<x / y>", "max_over_time", "max_over_time((x / y)[5m:])");
    row("<sum(x)>", "max_over_time", "max_over_time(sum(x)[5m:])");
    row("sum(<rate(x[5m])>)", "ceil", "sum(ceil(rate(x[5m])))");
    row("<a + b> * c", "abs", "error");
}

void TestRefactor::wrapsSelections()
{
    QFETCH(QByteArray, text);
    QFETCH(QByteArray, function);
    const SourceRange range = selectionOf(text);
    const std::string query = text.toStdString();
    QTEST(after(query, wrapSelection(query, range, function.toStdString(), kAll)), "result");
}

void TestRefactor::swapsOperands_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<QByteArray>("result");
    const auto row = [](const char* text, const char* result) {
        QTest::newRow(text) << QByteArray(text) << QByteArray(result);
    };
    row("a +| b", "b + a");
    row("a *| on (x) group_left (y) b", "b * on (x) group_right (y) a");
    row("a +| fill_left (1) b", "b + fill_right (1) a");
    row("x >| 2", "2 < x");
    row("2 >=| x", "x <= 2");
    row("a >| b", "error");
    row("a -| b", "error");
    row("a >| bool b", "b < bool a");
    row("a and| b", "error");
    row("x|", "error");
    row("a *| b + c", "b * a + c");
    row("a + b +| c", "c + (a + b)");
}

void TestRefactor::swapsOperands()
{
    QFETCH(QByteArray, text);
    const auto at = static_cast<std::size_t>(text.indexOf('|'));
    text.remove(text.indexOf('|'), 1);
    const std::string query = text.toStdString();
    QTEST(after(query, swapOperands(query, at, kAll)), "result");
}

void TestRefactor::movesGroupings_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<QByteArray>("result");
    const auto row = [](const char* text, const char* result) {
        QTest::newRow(text) << QByteArray(text) << QByteArray(result);
    };
    row("sum|(x) by (a)", "sum by (a) (x)");
    row("su|m by (a) (x)", "sum(x) by (a)");
    row("topk|(5, x) without (a, b) / 2", "topk without (a, b) (5, x) / 2");
    row("max(sum|(x) by (a))", "max(sum by (a) (x))");
    row("sum|(x)", "error");
    row("x|", "error");
}

void TestRefactor::movesGroupings()
{
    QFETCH(QByteArray, text);
    QFETCH(QByteArray, result);
    const auto at = static_cast<std::size_t>(text.indexOf('|'));
    text.remove(text.indexOf('|'), 1);
    const std::string query = text.toStdString();
    const QByteArray changed = after(query, moveGrouping(query, at, kAll));
    QCOMPARE(changed, result);
    if (changed != "error") {
        QCOMPARE(print(**parse(changed.toStdString(), kAll)), print(**parse(query, kAll)));
    }
}

void TestRefactor::removesParenthesesThatChangeNothing_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<QByteArray>("result");
    const auto row = [](const char* text, const char* result) {
        QTest::newRow(text) << QByteArray(text) << QByteArray(result);
    };
    row("(a)", "a");
    row("((a)) + (b * c)", "a + b * c");
    row("(a + b) * c", "(a + b) * c");
    row("a - (b - c)", "a - (b - c)");
    row("(a - b) - c", "a - b - c");
    row("sum((rate(x[5m])))", "sum(rate(x[5m]))");
    row("(a + b)[5m:]", "(a + b)[5m:]");
    row("2 ^ (3 ^ 2)", "2 ^ 3 ^ 2");
    row("(2 ^ 3) ^ 2", "(2 ^ 3) ^ 2");
    row("-(1 ^ 2)", "-1 ^ 2");
}

void TestRefactor::removesParenthesesThatChangeNothing()
{
    QFETCH(QByteArray, text);
    const std::string query = text.toStdString();
    QTEST(after(query, removeParentheses(query, kAll)), "result");
}

void TestRefactor::renamesLabelsEverywhere()
{
    const std::string query = "sum by (job, a) (x{job=\"job\",\"job\"!=\"\"}) / on (job) y";
    QCOMPARE(after(query, renameLabel(query, "job", "team", kAll)),
             QByteArray("sum by (team, a) (x{team=\"job\",team!=\"\"}) / on (team) y"));
    QCOMPARE(after("x{a=\"b\"}", renameLabel("x{a=\"b\"}", "a", "my.label", kAll)),
             QByteArray("x{\"my.label\"=\"b\"}"));
    QVERIFY(!renameLabel(query, "job", "", kAll).ok());
}

void TestRefactor::extractsRules()
{
    const std::string query = "sum(rate(x[5m])) / 2";
    const auto extraction = extractRule(query, {0, 16}, "x:rate5m:sum", kAll);
    QVERIFY(extraction.ok());
    QCOMPARE(applyEdits(query, extraction->edits), std::string("x:rate5m:sum / 2"));
    QCOMPARE(extraction->expression, std::string("sum(rate(x[5m]))"));
    QVERIFY(!extractRule(query, {9, 14}, "a", kAll).ok());
    QVERIFY(!extractRule(query, {19, 20}, "a", kAll).ok());
    QVERIFY(!extractRule(query, {0, 16}, "not a name", kAll).ok());
}

void TestRefactor::inlinesRules()
{
    const std::string query = "x:sum / x:sum offset 1h + x:sum";
    QCOMPARE(after(query, inlineRule(query, "x:sum", "sum(x)", kAll)),
             QByteArray("(sum(x)) / x:sum offset 1h + (sum(x))"));
    QVERIFY(!inlineRule(query, "x:sum", "sum(", kAll).ok());
}

void TestRefactor::cleansWhatIsPasted_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<QByteArray>("result");
    const auto row = [](const char* text, const char* result) {
        QTest::newRow(text) << QByteArray(text) << QByteArray(result);
    };
    row("up{job=\"a\"}", "up{job=\"a\"}");
    row("  sum(x)\n", "sum(x)");
    row("`up`", "up");
    row("`a` + `b`", "`a` + `b`");
    row("```promql\nsum(x)\n```", "sum(x)");
    row("expr: sum(x) > 0", "sum(x) > 0");
    row("- expr: 'up == 0'", "up == 0");
    row("expr: |\n  sum(\n    x\n  )", "sum(\n    x\n  )");
    row("> up", "up");
    row(">>> sum(\n>>> x)", "sum(\nx)");
    row("a &gt; 1 and b &lt; 2", "a > 1 and b < 2");
    row("up{job=&quot;a&quot;}", "up{job=\"a\"}");
    row("&amp;lt;", "&lt;");
    row("", "");
}

void TestRefactor::cleansWhatIsPasted()
{
    QFETCH(QByteArray, text);
    QTEST(QByteArray::fromStdString(cleanPasted(text.toStdString())), "result");
}

QTEST_GUILESS_MAIN(TestRefactor)
#include "tst_refactor.moc"
