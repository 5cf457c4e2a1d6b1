// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/lexer.h"

#include <QtTest>

#include <cmath>

using namespace narthex::promql;

class TestLexer : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void readsNumbers_data();
    void readsNumbers();
    void saysWhatIsWrongAndWhere_data();
    void saysWhatIsWrongAndWhere();
    void takesFillAsKeywordOnlyBeforeABracket();
    void readsEscapesOfStrings_data();
    void readsEscapesOfStrings();
    void goesOnBehindErrorsWhenTolerant();
};

void TestLexer::readsNumbers_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<double>("value");
    const auto row = [](const char* text, double value) {
        QTest::newRow(text) << QByteArray(text) << value;
    };
    row("5", 5);
    row("5.", 5);
    row(".5", 0.5);
    row(".5e1", 5);
    row("5E-1", 0.5);
    row("0755", 493);
    row("08", 8);
    row("0x1F", 31);
    row("0x_1F", 31);
    row("1_000", 1000);
    row("0.000_1", 0.0001);
    row("Inf", HUGE_VAL);
    row("1e-400", 0);
}

void TestLexer::readsNumbers()
{
    QFETCH(QByteArray, text);
    const LexResult result = lex(text.toStdString());
    QCOMPARE(result.tokens.size(), std::size_t{2});
    QCOMPARE(result.tokens[0].kind, TokenKind::Number);
    const auto value = parseNumberToken(text.toStdString());
    QVERIFY(value.ok());
    QTEST(*value, "value");
}

void TestLexer::saysWhatIsWrongAndWhere_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<uint>("begin");
    QTest::addColumn<QByteArray>("message");
    const auto row = [](const char* text, uint begin, const char* message) {
        QTest::newRow(text) << QByteArray(text) << begin << QByteArray(message);
    };
    row("1__0", 0, "bad number or duration syntax");
    row("1_", 0, "bad number or duration syntax");
    row("0x1.8", 0, "bad number or duration syntax");
    row("0deadbeef", 0, "bad number or duration syntax: \"0de\"");
    row("foo[5mm]", 4, "bad number or duration syntax: \"5mm\"");
    row("0b1", 0, "bad number or duration syntax");
    row("((1)", 4, "unclosed left parenthesis");
    row("1)", 1, "unexpected right parenthesis");
    row("some}", 4, "unexpected right brace");
    row("some{", 5, "unexpected end of input inside braces");
    row("foo]", 3, "unexpected right bracket");
    row("foo =~ bar", 4, "unexpected character after '='");
    row("\"abc", 0, "unterminated quoted string");
    row("`abc", 0, "unterminated raw string");
    row("\"\\q\"", 0, "unknown escape sequence");
    row("\"\\xg0\"", 0, "illegal character");
    row("\"\\ud800\"", 0, "invalid Unicode code point");
    row("\"a\xff\"", 0, "invalid UTF-8 rune");
    row("foo \xff", 4, "invalid UTF-8 rune");
    row("foo[x]", 4, "unexpected character in duration expression");
}

void TestLexer::saysWhatIsWrongAndWhere()
{
    QFETCH(QByteArray, text);
    QFETCH(uint, begin);
    QFETCH(QByteArray, message);
    const LexResult result = lex(text.toStdString());
    QCOMPARE(result.tokens.back().kind, TokenKind::Error);
    QCOMPARE(result.tokens.back().begin, begin);
    QCOMPARE(result.tokens.back().end, static_cast<uint>(text.size()));
    QVERIFY2(QByteArray::fromStdString(result.error).contains(message), result.error.c_str());
}

void TestLexer::takesFillAsKeywordOnlyBeforeABracket()
{
    QCOMPARE(lex("fill").tokens[0].kind, TokenKind::Identifier);
    QCOMPARE(lex("fill_left (1)").tokens[0].kind, TokenKind::FillLeft);
    QCOMPARE(lex("SUM").tokens[0].kind, TokenKind::Sum);
    QCOMPARE(lex("a</b").tokens[1].kind, TokenKind::TrimUpper);
    QCOMPARE(lex("a:b").tokens[0].kind, TokenKind::MetricIdentifier);
    QCOMPARE(lex("{sum").tokens[1].kind, TokenKind::Identifier);
}

void TestLexer::readsEscapesOfStrings_data()
{
    QTest::addColumn<QByteArray>("token");
    QTest::addColumn<QByteArray>("value");
    QTest::newRow("plain") << QByteArray("\"ab\"") << QByteArray("ab");
    QTest::newRow("named") << QByteArray("'\\n\\t\\''") << QByteArray("\n\t'");
    QTest::newRow("octal and hex are bytes") << QByteArray("\"\\101\\x42\"") << QByteArray("AB");
    QTest::newRow("rune") << QByteArray("\"\\u00e9\"") << QByteArray("\xc3\xa9");
    QTest::newRow("long rune") << QByteArray("\"\\U0001F600\"") << QByteArray("\xf0\x9f\x98\x80");
    QTest::newRow("raw") << QByteArray("`a\\n\n`") << QByteArray("a\\n\n");
}

void TestLexer::readsEscapesOfStrings()
{
    QFETCH(QByteArray, token);
    const auto value = unquoteString(token.toStdString());
    QVERIFY(value.ok());
    QTEST(QByteArray::fromStdString(*value), "value");
}

void TestLexer::goesOnBehindErrorsWhenTolerant()
{
    const LexResult result = lex("foo $ bar # end", LexMode::Tolerant);
    QCOMPARE(result.tokens.size(), std::size_t{5});
    QCOMPARE(result.tokens[1].kind, TokenKind::Error);
    QCOMPARE(result.tokens[1].end, 5U);
    QCOMPARE(result.tokens[2].kind, TokenKind::Identifier);
    QCOMPARE(result.tokens[3].kind, TokenKind::Comment);
    QVERIFY(!result.error.empty());
}

QTEST_GUILESS_MAIN(TestLexer)
#include "tst_lexer.moc"
