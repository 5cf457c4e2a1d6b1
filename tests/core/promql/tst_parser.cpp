// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/status.h"
#include "core/promql/parser.h"
#include "core/promql/printer.h"

#include <QtTest>

using namespace narthex;
using namespace narthex::promql;

namespace {

constexpr Features kAll{
    .experimentalFunctions = true, .extendedRangeSelectors = true, .binopFillModifiers = true};

QByteArray printed(const QByteArray& text, const Features& features = kAll)
{
    const auto expr = parse(text.toStdString(), features);
    return expr.ok() ? QByteArray::fromStdString(print(**expr))
                     : "error: " + QByteArray(base::messageOf(expr.status()).data(),
                                              qsizetype(base::messageOf(expr.status()).size()));
}

} // namespace

class TestParser : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void printsWhatItRead_data();
    void printsWhatItRead();
    void bindsOperatorsAsDocumented_data();
    void bindsOperatorsAsDocumented();
    void saysWhatIsWrongAndWhere_data();
    void saysWhatIsWrongAndWhere();
    void refusesWhatIsSwitchedOff_data();
    void refusesWhatIsSwitchedOff();
    void givesThePositionAsPayload();
    void readsSelectors();
    void breaksOnlyLongLines();
    void refusesDeepNesting();
    void collectsEveryError();
    void selectsNoMetricsByWordsOfTheLanguage();
};

void TestParser::printsWhatItRead_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<QByteArray>("form");
    const auto row = [](const char* text, const char* form = nullptr) {
        QTest::newRow(text) << QByteArray(text) << QByteArray(form == nullptr ? text : form);
    };
    row("5m");
    row("300", "300");
    row("-5m");
    row("1e3", "1000");
    row("nan", "NaN");
    row("-inf", "-Inf");
    row("\"a\\n'\"");
    row("'x'", "\"x\"");
    row("sum");
    row("by", "by");
    row("offset offset 5m");
    row("foo{b=\"2\", a!~\"1\",}", "foo{a!~\"1\",b=\"2\"}");
    row("{\"my.metric\", \"a.b\"='x'}", "{\"a.b\"=\"x\",__name__=\"my.metric\"}");
    row("sum(x) by (a, b)", "sum by (a, b) (x)");
    row("SUM by () (x)", "sum(x)");
    row("sum without () (x)");
    row("topk by (a) (2, x)");
    row("a / on (x, y) group_left (z) b");
    row("a > bool b");
    row("a + ignoring () group_right () b");
    row("a + ignoring () b", "a + b");
    row("a + fill (0) b", "a + fill (0) b");
    row("a + fill_right(2) fill_left(1) b", "a + fill_left (1) fill_right (2) b");
    row("foo @ 1 offset 5m", "foo @ 1.000 offset 5m");
    row("foo offset 5m @ 1", "foo @ 1.000 offset 5m");
    row("foo[5m] offset -1m", "foo[5m] offset -1m");
    row("foo[5m] @ start()", "foo[5m] @ start()");
    row("foo[300]", "foo[5m]");
    row("rate(foo[1h:])", "rate(foo[1h:])");
    row("e[1h:5m] offset -1m @ end()", "e[1h:5m] @ end() offset -1m");
    row("foo[5m*2 + step()]", "foo[5m * 2 + step()]");
    row("foo[MIN_OF(1m, -step())]", "foo[min_of(1m, -step())]");
    row("foo offset (1h - 5m)", "foo offset (1h - 5m)");
    row("foo offset -step()", "foo offset -step()");
    row("x[5m] anchored", "x[5m] anchored");
    row("-x", "-x");
    row("- (x + 1)", "-(x + 1)");
    row("a </ 5", "a </ 5");
    row("start() + end()", "start() + end()");
    row("sum by (\"l.x\") (y)", "sum by (\"l.x\") (y)");
    row("fill + fill", "fill + fill");
}

void TestParser::printsWhatItRead()
{
    QFETCH(QByteArray, text);
    QTEST(printed(text), "form");
    QCOMPARE(printed(printed(text)), printed(text));
}

void TestParser::bindsOperatorsAsDocumented_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<QByteArray>("same");
    const auto row = [](const char* text, const char* same) {
        QTest::newRow(text) << QByteArray(text) << QByteArray(same);
    };
    row("-1^2", "-(1^2)");
    row("2^3^2", "2^(3^2)");
    row("1 - 2 - 3", "(1 - 2) - 3");
    row("-a*b", "(-a)*b");
    row("-a^b", "-(a^b)");
    row("2 ^ -a * c", "(2 ^ (-a)) * c");
    row("a or b and c", "a or (b and c)");
    row("a + b offset 5m", "a + (b offset 5m)");
    row("foo offset 2 ^ 2", "(foo offset 2) ^ 2");
    row("foo offset -2 ^ 2", "(foo offset -2) ^ 2");
    row("a == b + c * d", "a == (b + (c * d))");
    row("a </ 1 + 2", "a </ (1 + 2)");
}

void TestParser::bindsOperatorsAsDocumented()
{
    QFETCH(QByteArray, text);
    QFETCH(QByteArray, same);
    // Outlines without parentheses nodes and positions tell whether the trees agree.
    const auto shape = [](const QByteArray& source) {
        const auto expr = parse(source.toStdString(), kAll);
        QStringList kinds;
        const auto walk = [&kinds](const auto& self, const Expr& node) -> void {
            const Expr& inner = unwrapParens(node);
            kinds << QString::number(inner.node.index());
            kinds << QStringLiteral("<");
            for (const Expr* child : childrenOf(inner)) {
                self(self, *child);
            }
            kinds << QStringLiteral(">");
        };
        if (expr.ok()) {
            walk(walk, **expr);
        }
        return kinds.join(QChar(' '));
    };
    QVERIFY(!shape(text).isEmpty());
    QCOMPARE(shape(text), shape(same));
}

void TestParser::saysWhatIsWrongAndWhere_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<uint>("begin");
    QTest::addColumn<uint>("end");
    QTest::addColumn<QByteArray>("message");
    const auto row = [](const char* text, uint begin, uint end, const char* message) {
        QTest::newRow(text) << QByteArray(text) << begin << end << QByteArray(message);
    };
    row("", 0, 0, "no expression found in input");
    row("# nothing", 0, 0, "no expression found in input");
    row("1+", 2, 2, "unexpected end of input");
    row("*1", 0, 1, "unexpected <op:*>");
    row("((1)", 4, 4, "unclosed left parenthesis");
    row("some}", 4, 5, "unexpected right brace");
    row("some{", 5, 5, "unexpected end of input inside braces");
    row("0deadbeef", 0, 9, "bad number or duration syntax: \"0de\"");
    row("foo[5mm]", 4, 8, "bad number or duration syntax");
    row("foo[5m1h]", 4, 8, "not a valid duration string");
    row("30m1h", 0, 5, "not a valid duration string: \"30m1h\"");
    row("foo[0m]", 4, 6, "duration must be greater than 0");
    row("foo[-1]", 4, 6, "duration must be greater than 0");
    row("foo[9.5e10]", 4, 10, "duration out of range");
    row("foo offset 9.5e10", 11, 17, "duration out of range");
    row("foo[5s/0d]", 6, 7, "division by zero");
    row("foo[5s%0d]", 6, 7, "modulo by zero");
    row("{x=~\".*\"}", 0, 9, "vector selector must contain at least one non-empty matcher");
    row("foo{__name__=\"bar\"}", 0, 19, "metric name must not be set twice: \"foo\" or \"bar\"");
    row("foo{\"bar\"}", 0, 10, "metric name must not be set twice");
    row("foo{a=~\"(\"}", 4, 10, "missing");
    row("(foo + bar)[5m]", 11, 15, "ranges only allowed for vector selectors");
    row("foo offset 1m [5m]", 14, 18, "no offset modifiers allowed before range");
    row("foo @ 1 [5m]", 8, 12, "no @ modifiers allowed before range");
    row("1[5m:1m]", 0, 8, "subquery is only allowed on instant vector, got scalar instead");
    row("1 offset 1d", 0, 1, "offset modifier must be preceded by");
    row("1 @ 1", 0, 1, "@ modifier must be preceded by");
    row("foo offset 1s offset 2s", 0, 13, "offset may not be set multiple times");
    row("foo @ NaN", 0, 3, "timestamp out of bounds");
    row("foo @ 1 @ 2", 0, 7, "@ <timestamp> may not be set multiple times");
    row("sum()", 0, 5, "no arguments for aggregate expression provided");
    row("topk(x)", 0, 7, "expected 2, got 1");
    row("sum(x, y)", 0, 9, "expected 1, got 2");
    row("sum(1)", 4, 5, "expected type instant vector in aggregation expression, got scalar");
    row("topk(x, y)", 5, 6, "expected type scalar in aggregation parameter, got instant vector");
    row("Rate(x[1m])", 0, 4, "unknown function with name \"Rate\"");
    row("rate()", 0, 6, "expected 1 argument(s) in call to \"rate\", got 0");
    row("round(x, 1, 2)", 0, 14, "expected at most 2 argument(s)");
    row("label_join(x)", 0, 13, "expected at least 3 argument(s)");
    row("rate(x)", 5, 6,
        "expected type range vector in call to function \"rate\", got instant vector");
    row("abs(x,)", 5, 6, "trailing commas not allowed in function call args");
    row("sum(x,)", 5, 6, "trailing commas not allowed in function call args");
    row("-\"a\"", 0, 4, "unary expression only allowed");
    row("1 + \"a\"", 4, 7, "binary expression must contain only scalar and instant vector types");
    row("1 == 1", 2, 3, "comparisons between scalars must use BOOL modifier");
    row("foo + bool bar", 4, 9, "bool modifier can only be used on comparison operators");
    row("foo + on(a) 1", 0, 13, "vector matching only allowed between instant vectors");
    row("foo and 1", 0, 9, "set operator \"and\" not allowed in binary scalar expression");
    row("foo + on(a) group_left(a) bar", 4, 24,
        "label \"a\" must not occur in ON and GROUP clause at once");
    row("foo and on(a) group_left(b) bar", 0, 31, "no grouping allowed for \"and\" operation");
    row("foo + fill(1) 1", 0, 15, "filling in missing series only allowed");
    row("sum without (a) (x) by (a)", 20, 22, "unexpected <by>");
    row("foo @ bar", 6, 9, "unexpected identifier \"bar\" in @");
    row("foo offset bar", 11, 14, "in offset");
    row("foo[5m:1m:1m]", 9, 10, "in subquery selector");
    row("x[5m] anchored smoothed", 0, 14, "cannot be used together");
    row("x[5m:] anchored", 0, 6, "not supported for subqueries");
    row("info(x, y)", 8, 9, "expected label selectors only");
    row("foo group_left bar", 4, 14, "unexpected <group_left>");
    row("on", 0, 2, "unexpected <on>");
    row("foo\n + \n *", 9, 10, "3:2: parse error");
    // Numbers.
    row("1__0", 0, 4, "bad number or duration syntax");
    row("0x1.8", 0, 5, "bad number or duration syntax");
    row("1e1000", 0, 6, "error parsing number");
    row(".", 0, 1, "unexpected character");
    row("5hs", 0, 3, "unknown unit \"hs\" in duration \"5hs\"");
    row("300y", 0, 4, "out of range");
    // Strings end the input.
    row("foo{a=\"b", 6, 8, "unterminated quoted string");
    row("foo{a='b\n'}", 6, 11, "unterminated quoted string");
    row("`abc", 0, 4, "unterminated raw string");
    row("'\\q'", 0, 4, "unknown escape sequence");
    row("'\\xg1'", 0, 6, "illegal character");
    row("'\\UFFFFFFFF'", 0, 12, "invalid Unicode code point");
    row("'\\x1", 0, 4, "escape sequence not terminated");
    row("'\xff'", 0, 3, "invalid UTF-8 rune");
    // Brackets.
    row("(1", 2, 2, "unclosed left parenthesis");
    row("foo[5m", 6, 6, "unexpected end of input in duration expression");
    row("foo]", 3, 4, "unexpected right bracket");
    row("1)", 1, 2, "unexpected right parenthesis");
    // Contexts.
    row("sum by foo (x)", 7, 10, "in grouping opts");
    row("sum foo", 4, 7, "unexpected identifier \"foo\"");
    row("foo{1}", 4, 6, "unexpected character inside braces: '1'");
    row("foo{a}", 5, 6, "in label matching");
    row("foo{a=b}", 6, 7, "in label matching");
    row("foo =~ 'a'", 4, 10, "unexpected");
    row("a < / b", 4, 5, "unexpected <op:/>");
    row("foo[5m:1m", 9, 9, "unexpected end of input in duration expression");
    // Modifiers.
    row("sum(x) offset 5m", 0, 6, "offset modifier must be preceded by");
    row("foo @ Inf", 0, 3, "timestamp out of bounds");
    row("foo @ 1e300", 0, 3, "timestamp out of bounds");
    row("foo anchored smoothed", 0, 12, "cannot be used together");
    // Types.
    row("histogram_quantiles(x, \"q\")", 0, 27, "expected at least 3 argument(s)");
    row("time(1)", 0, 7, "expected 0 argument(s) in call to \"time\", got 1");
    row("label_replace(x, 1, \"\", \"\", \"\")", 17, 18, "expected type string in call");
    row("count_values(1, x)", 13, 14, "expected type string in aggregation parameter, got scalar");
    row("sum(x[5m])", 4, 9, "in aggregation expression, got range vector");
    row("x[5m] + 1", 0, 5, "binary expression must contain only scalar and instant vector types");
    row("-x[5m]", 0, 6, "unary expression only allowed");
    row("1 and 1", 0, 7, "set operator \"and\" not allowed in binary scalar expression");
    row("a or fill(1) b", 0, 14, "not allowed for set operators");
    row("x[5m][5m:]", 0, 10, "subquery is only allowed on instant vector, got matrix instead");
    row("info(x, up{a=\"b\"})", 8, 17, "expected label selectors only");
    row("limitk(x)", 0, 9, "expected 2, got 1");
}

void TestParser::saysWhatIsWrongAndWhere()
{
    QFETCH(QByteArray, text);
    QFETCH(QByteArray, message);
    const auto expr = parse(text.toStdString(), kAll);
    QVERIFY(!expr.ok());
    const auto position = base::positionOf(expr.status());
    QVERIFY(position.has_value());
    const std::string actual(base::messageOf(expr.status()));
    QVERIFY2(actual.find(message.toStdString()) != std::string::npos, actual.c_str());
    QTEST(uint(position->begin.value_or(99999)), "begin");
    QTEST(uint(position->end.value_or(99999)), "end");
}

void TestParser::refusesWhatIsSwitchedOff_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<QByteArray>("message");
    QTest::newRow("function") << QByteArray("info(x)")
                              << QByteArray("function \"info\" is not enabled");
    QTest::newRow("aggregation") << QByteArray("limitk(1, x)")
                                 << QByteArray("limitk() is experimental");
    QTest::newRow("anchored") << QByteArray("x[5m] anchored") << QByteArray("not enabled");
    QTest::newRow("fill") << QByteArray("a + fill(1) b")
                          << QByteArray("binop fill modifiers are experimental");
}

void TestParser::refusesWhatIsSwitchedOff()
{
    QFETCH(QByteArray, text);
    QFETCH(QByteArray, message);
    const QByteArray actual = printed(text, Features{});
    QVERIFY2(actual.contains(message), actual.constData());
    QVERIFY(!printed(text).startsWith("error"));
}

void TestParser::givesThePositionAsPayload()
{
    const auto expr = parse("foo +\n bar)", Features{});
    const auto position = base::positionOf(expr.status());
    QVERIFY(position.has_value());
    QCOMPARE(position->line.value_or(0), 2U);
    QCOMPARE(position->column.value_or(0), 5U);
    const std::string message(base::messageOf(expr.status()));
    QCOMPARE(message, std::string("2:5: parse error: unexpected right parenthesis ')'"));
}

void TestParser::readsSelectors()
{
    const auto matchers = parseSelector("up{job=~\"a|b\"}");
    QVERIFY(matchers.ok());
    QCOMPARE(matchers->size(), std::size_t{2});
    QVERIFY(!matchesAnything(*matchers));
    const auto anything = parseSelector("{a=~\".*\"}");
    QVERIFY(anything.ok() && matchesAnything(*anything));
    QVERIFY(!parseSelector("up offset 5m").ok());
    QVERIFY(!parseSelector("sum(up)").ok());
    QVERIFY(!parseSelector("").ok());
}

void TestParser::breaksOnlyLongLines()
{
    const std::string label(84, 'l');
    // abs(…) with 100 and 101 bytes.
    const std::string fits = "abs(" + label + "{a=\"12345\"})";
    const std::string tooLong = "abs(" + label + "{a=\"123456\"})";
    QCOMPARE(fits.size(), std::size_t{100});
    QCOMPARE(format(**parse(fits, kAll)), fits);
    const std::string broken = format(**parse(tooLong, kAll));
    QCOMPARE(broken, "abs(\n  " + label + "{a=\"123456\"}\n)");
    QCOMPARE(format(**parse(broken, kAll)), broken);
    const std::string binary = format(**parse("topk(3, " + label + ") / on (job) -" + label, kAll));
    QCOMPARE(binary, "  topk(3, " + label + ")\n/ on (job)\n  -" + label);
}

void TestParser::refusesDeepNesting()
{
    QVERIFY(!parse(std::string(100000, '(') + "1" + std::string(100000, ')'), kAll).ok());
    QVERIFY(!parse(std::string(100000, '-') + "1", kAll).ok());
    std::string chain = "1";
    for (int i = 0; i < 100000; ++i) {
        chain += "+1";
    }
    QVERIFY(!parse(chain, kAll).ok());
    QVERIFY(!parse("x[" + std::string(100000, '(') + "1", kAll).ok());
}

void TestParser::collectsEveryError()
{
    // Of the types, both: no grouping for sets, and no other cardinality than many to many.
    const ParseOutcome sets = parseAll("foo and on(a) group_left(b) bar", kAll);
    QCOMPARE(sets.errors.size(), std::size_t{2});
    QVERIFY(sets.errors[1].text.find("set operations must always be many-to-many") !=
            std::string::npos);
    // Types are looked at only when the syntax is right.
    const ParseOutcome syntax = parseAll("sum(1) + foo[0m]", kAll);
    QCOMPARE(syntax.errors.size(), std::size_t{1});
    QVERIFY(syntax.errors[0].text.find("greater than 0") != std::string::npos);
    const ParseOutcome types = parseAll("sum(1) + rate(x)", kAll);
    QCOMPARE(types.errors.size(), std::size_t{2});
}

void TestParser::selectsNoMetricsByWordsOfTheLanguage()
{
    for (const char* word : {"bool", "on", "ignoring", "group_left", "group_right", "atan2"}) {
        QVERIFY2(!parse(word, kAll).ok(), word);
    }
    for (const char* word : {"inf", "nan"}) {
        QVERIFY2((*parse(word, kAll))->as<NumberLiteral>() != nullptr, word);
    }
    for (const char* word : {"sum", "by", "offset", "and", "start", "fill", "anchored"}) {
        QVERIFY2((*parse(word, kAll))->as<VectorSelector>() != nullptr, word);
    }
    QVERIFY((*parse("SUM(x)", kAll))->as<Aggregation>() != nullptr);
}

QTEST_GUILESS_MAIN(TestParser)
#include "tst_parser.moc"
