// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/status.h"
#include "core/promql/editor/ast_json.h"
#include "core/promql/editor/format_text.h"
#include "core/promql/parser.h"
#include "core/promql/printer.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QtTest>

using namespace narthex;
using namespace narthex::promql;

namespace {

constexpr Features kAll{
    .experimentalFunctions = true, .extendedRangeSelectors = true, .binopFillModifiers = true};

/// The formatted text; an error begins with "error: ".
QString formatted(const QByteArray& text)
{
    const auto result = editor::formatText(text.toStdString(), kAll);
    return result.ok()
               ? QString::fromStdString(result->text)
               : "error: " + QString::fromStdString(std::string(base::messageOf(result.status())));
}

QJsonObject treeOf(const char* query)
{
    const auto expr = parse(query, kAll);
    if (!expr.ok()) {
        return {};
    }
    std::string text;
    base::JsonWriter json(text);
    editor::writeTree(json, **expr);
    return QJsonDocument::fromJson(QByteArray::fromStdString(text)).object();
}

} // namespace

class TestFormat : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void keepsCommentsWithTheirNodes_data();
    void keepsCommentsWithTheirNodes();
    void keepsEveryCommentWhereverItStands();
    void breaksAt101Bytes();
    void cursorStaysOnItsToken_data();
    void cursorStaysOnItsToken();
    void formatsACompleteSelectionOnly();
    void compactsToOneLineWithCommentsBefore();
    void refusesTextWithErrors();
    void writesTreesAsJson_data();
    void writesTreesAsJson();
    void membersAreSortedByName();
};

void TestFormat::keepsCommentsWithTheirNodes_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<QByteArray>("result");
    const auto row = [](const char* name, const char* text, const char* result) {
        QTest::newRow(name) << QByteArray(text) << QByteArray(result);
    };
    row("none", "sum(x)by(a)", "sum by (a) (x)");
    row("before all", "# the total\nsum( x )", "# the total\nsum(x)");
    row("behind all", "sum(x) # total", "sum(x) # total");
    row("below all", "sum(x)\n# done", "sum(x)\n# done");
    row("two of a ratio", "errors # bad\n/\n# all of them\ntotal",
        "  errors # bad\n/\n  # all of them\n  total");
    row("in an aggregation", "sum(\n# inner\nx)", "sum(\n  # inner\n  x\n)");
    row("behind the bracket", "sum( # inner\nx)", "sum( # inner\n  x\n)");
    row("behind an argument", "clamp(x, # value\n0, 1)", "clamp(\n  x, # value\n  0,\n  1\n)");
    row("before an argument", "clamp(x,\n# low\n0, 1)", "clamp(\n  x,\n  # low\n  0,\n  1\n)");
    row("last of the arguments", "round(x, 5 # to\n)", "round(\n  x,\n  5 # to\n)");
    row("behind the operator", "a / # per\nb", "  a\n/ # per\n  b");
    row("inside braces", "x{a=\"1\", # one\nb=\"2\"}", "x{a=\"1\",b=\"2\"} # one");
    row("several inside braces", "x{a=\"1\", # one\nb=\"2\" # two\n}",
        "x{a=\"1\",b=\"2\"} # one # two");
    row("behind a sign", "- # minus\nx", "# minus\n-x");
    row("inside a subquery", "max_over_time(x # raw\n[5m:])", "max_over_time(\n  x[5m:] # raw\n)");
    row("a sum of three", "a # 1\n+ b # 2\n+ c # 3", "    a # 1\n  +\n    b # 2\n+\n  c # 3");
    row("behind the grouping", "sum by (a) # groups\n(x)", "sum by (a) ( # groups\n  x\n)");
}

void TestFormat::keepsCommentsWithTheirNodes()
{
    QFETCH(QByteArray, text);
    QFETCH(QByteArray, result);
    QCOMPARE(formatted(text), QString(result));
    QCOMPARE(formatted(result), QString(result));
}

void TestFormat::keepsEveryCommentWhereverItStands()
{
    const QByteArray query =
        "sum by (a, b) (rate(x{a=\"1\"}[5m] offset 1m)) / on (a) group_left (c) "
        "max_over_time((-y)[1h:5m]) > bool clamp(z, 0, 1) or label_replace(v, \"a\", \"b\", "
        "\"c\", \"d\")";
    const auto plain = parse(query.toStdString(), kAll);
    QVERIFY(plain.ok());
    for (qsizetype i = 0; i <= query.size(); ++i) {
        for (const char* comment : {" # note\n", "\n# note\n"}) {
            QByteArray text = query;
            text.insert(i, comment);
            if (!parse(text.toStdString(), kAll).ok()) {
                continue; // inside a word, a string or a bracket
            }
            const auto expr = parse(text.toStdString(), kAll);
            if (print(**expr) != print(**plain)) {
                continue; // it split a name
            }
            const QString once = formatted(text);
            QCOMPARE(once.count("# note"), 1);
            QCOMPARE(formatted(once.toUtf8()), once);
            const auto again = parse(once.toStdString(), kAll);
            QVERIFY(again.ok());
            QCOMPARE(print(**again), print(**plain));
        }
    }
}

void TestFormat::breaksAt101Bytes()
{
    const QByteArray shorter = "abs(" + QByteArray(95, 'a') + ")";
    QCOMPARE(shorter.size(), 100);
    QCOMPARE(formatted(shorter), QString(shorter));
    const QByteArray longer = "abs(" + QByteArray(96, 'a') + ")";
    QCOMPARE(formatted(longer), QString("abs(\n  " + QByteArray(96, 'a') + "\n)"));
}

void TestFormat::cursorStaysOnItsToken_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<QByteArray>("result");
    const auto row = [](const char* text, const char* result) {
        QTest::newRow(text) << QByteArray(text) << QByteArray(result);
    };
    row("sum(fo|o)by(a)", "sum by (a) (fo|o)");
    row("sum(foo)by(a|)", "sum by (a|) (foo)");
    row("a+b+|a", "a + b + |a");
    row("a  +  b|", "a + b|");
    row("|a+b", "|a + b");
    row("x{b='|1',a=\"2\"}", "x{a=\"2\",b=\"|1\"}");
}

void TestFormat::cursorStaysOnItsToken()
{
    QFETCH(QByteArray, text);
    QFETCH(QByteArray, result);
    const auto cursor = text.indexOf('|');
    text.remove(cursor, 1);
    const auto outcome =
        editor::formatText(text.toStdString(), kAll, static_cast<std::size_t>(cursor));
    QVERIFY(outcome.ok());
    std::string shown = outcome->text;
    shown.insert(outcome->cursor, "|");
    QCOMPARE(QByteArray::fromStdString(shown), result);
}

void TestFormat::formatsACompleteSelectionOnly()
{
    const std::string text = "sum(x)by(a)+b*c";
    const auto part = editor::formatSelection(text, 0, 11, kAll);
    QVERIFY(part.ok());
    QCOMPARE(part->text, std::string("sum by (a) (x)+b*c"));
    QVERIFY(!editor::formatSelection(text, 0, 13, kAll).ok());
    QVERIFY(!editor::formatSelection(text, 3, 3, kAll).ok());
}

void TestFormat::compactsToOneLineWithCommentsBefore()
{
    const auto result = editor::compactText("sum(\n  x # inner\n)\n/ 2", kAll);
    QVERIFY(result.ok());
    QCOMPARE(result->text, std::string("# inner\nsum(x) / 2"));
    const auto same = editor::compactText("a + b", kAll);
    QVERIFY(same.ok() && !same->changed);
}

void TestFormat::refusesTextWithErrors()
{
    QVERIFY(formatted("sum(").startsWith("error: 1:5: parse error"));
    QVERIFY(formatted("").startsWith("error: "));
}

void TestFormat::writesTreesAsJson_data()
{
    QTest::addColumn<QByteArray>("query");
    QTest::addColumn<QByteArray>("json");
    const auto row = [](const char* query, const char* json) {
        QTest::newRow(query) << QByteArray(query) << QByteArray(json).replace('\'', '"');
    };
    row("1.5", "{'type':'numberLiteral','val':'1.5'}");
    row("\"a\"", "{'type':'stringLiteral','val':'a'}");
    row("-x", "{'type':'unaryExpr','op':'-','expr':{'type':'vectorSelector','name':'x',"
              "'matchers':[{'name':'__name__','type':'=','value':'x'}],'offset':0,"
              "'offsetExpr':null,'timestamp':null,'startOrEnd':null,'anchored':false,"
              "'smoothed':false}}");
    row("(x{a!~\"b\"} offset 5m @ 10)[1h:] offset -1m",
        "{'type':'subquery','range':3600000,'rangeExpr':null,'step':0,'stepExpr':null,"
        "'offset':-60000,'offsetExpr':null,'timestamp':null,'startOrEnd':null,"
        "'expr':{'type':'parenExpr','expr':{'type':'vectorSelector','name':'x',"
        "'matchers':[{'name':'a','type':'!~','value':'b'},"
        "{'name':'__name__','type':'=','value':'x'}],"
        "'offset':300000,'offsetExpr':null,'timestamp':10000,'startOrEnd':null,"
        "'anchored':false,'smoothed':false}}}");
    row("x[5m] @ start() smoothed",
        "{'type':'matrixSelector','name':'x','range':300000,'rangeExpr':null,"
        "'matchers':[{'name':'__name__','type':'=','value':'x'}],'offset':0,"
        "'offsetExpr':null,'timestamp':null,'startOrEnd':'start','anchored':false,"
        "'smoothed':true}");
    row("count_values without (b) (\"v\", vector(1))",
        "{'type':'aggregation','op':'count_values','param':{'type':'stringLiteral','val':'v'},"
        "'grouping':['b'],'without':true,'expr':{'type':'call','func':{'name':'vector',"
        "'argTypes':['scalar'],'variadic':0,'returnType':'vector'},"
        "'args':[{'type':'numberLiteral','val':'1'}]}}");
    row("vector(1) > bool on (i) group_left (j) fill_right (0) vector(1)",
        "{'type':'binaryExpr','op':'>','bool':true,'matching':{'card':'many-to-one',"
        "'labels':['i'],'on':true,'include':['j'],'fillValues':{'lhs':null,'rhs':0}},"
        "'lhs':{'type':'call','func':{'name':'vector','argTypes':['scalar'],'variadic':0,"
        "'returnType':'vector'},'args':[{'type':'numberLiteral','val':'1'}]},"
        "'rhs':{'type':'call','func':{'name':'vector','argTypes':['scalar'],'variadic':0,"
        "'returnType':'vector'},'args':[{'type':'numberLiteral','val':'1'}]}}");
    row("1 + 2", "{'type':'binaryExpr','op':'+','bool':false,'matching':null,"
                 "'lhs':{'type':'numberLiteral','val':'1'},"
                 "'rhs':{'type':'numberLiteral','val':'2'}}");
    row("x[step() + 5m]",
        "{'type':'matrixSelector','name':'x','range':0,'rangeExpr':{'type':'durationExpr',"
        "'op':'+','wrapped':false,'lhs':{'type':'durationExpr','op':'step','lhs':null,"
        "'rhs':null,'wrapped':false},'rhs':{'type':'numberLiteral','val':'300',"
        "'duration':true}},'matchers':[{'name':'__name__','type':'=','value':'x'}],'offset':0,"
        "'offsetExpr':null,'timestamp':null,'startOrEnd':null,'anchored':false,"
        "'smoothed':false}");
    row("round(vector(1))",
        "{'type':'call','func':{'name':'round','argTypes':['vector','scalar'],'variadic':1,"
        "'returnType':'vector'},'args':[{'type':'call','func':{'name':'vector',"
        "'argTypes':['scalar'],'variadic':0,'returnType':'vector'},"
        "'args':[{'type':'numberLiteral','val':'1'}]}]}");
}

void TestFormat::writesTreesAsJson()
{
    QFETCH(QByteArray, query);
    QFETCH(QByteArray, json);
    const QJsonObject expected = QJsonDocument::fromJson(json).object();
    QVERIFY(!expected.isEmpty());
    QCOMPARE(QJsonDocument(treeOf(query.constData())).toJson(), QJsonDocument(expected).toJson());
}

void TestFormat::membersAreSortedByName()
{
    const auto expr = parse("x", kAll);
    std::string text;
    base::JsonWriter json(text);
    editor::writeTree(json, **expr);
    QVERIFY(text.starts_with("{\"anchored\":false,\"matchers\":[{\"name\":\"__name__\",\"type\":"));
}

QTEST_GUILESS_MAIN(TestFormat)
#include "tst_format.moc"
