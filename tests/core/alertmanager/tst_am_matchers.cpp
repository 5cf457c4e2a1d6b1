// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The two grammars of matchers and how they are run side by side.
#include "core/alertmanager/matchers.h"
#include "core/base/status.h"

#include <QtTest>

using namespace narthex;
using alertmanager::MatcherMode;

namespace {

/// The matchers as text, or "error: …".
QString read(const absl::StatusOr<model::Matchers>& result)
{
    return QString::fromStdString(result.ok()
                                      ? alertmanager::toText(*result)
                                      : "error: " + std::string(base::messageOf(result.status())));
}

} // namespace

class TestAmMatchers : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void bothGrammars_data();
    void bothGrammars();
    void theNewGrammarSaysWhereItStopped_data();
    void theNewGrammarSaysWhereItStopped();
    void fallbackTakesTheOldResultAndWarns();
    void filtersHoldExactlyOneMatcherWithoutBraces();
    void keysAreSorted();
};

void TestAmMatchers::bothGrammars_data()
{
    QTest::addColumn<QString>("text");
    QTest::addColumn<QString>("modern");
    QTest::addColumn<QString>("classic");
    const auto row = [](const char* text, const char* modern, const char* classic) {
        QTest::newRow(text) << QString::fromUtf8(text) << QString::fromUtf8(modern)
                            << QString::fromUtf8(classic);
    };
    row("foo=bar", "{foo=\"bar\"}", "{foo=\"bar\"}");
    row("{foo=\"bar\",baz!~\"x.*\"}", "{foo=\"bar\",baz!~\"x.*\"}", "{foo=\"bar\",baz!~\"x.*\"}");
    row("foo=", "error", "{foo=\"\"}");
    row("foo=\"\"", "{foo=\"\"}", "{foo=\"\"}");
    row("foo=\"a\\d\"", "error", "{foo=\"a\\\\d\"}");
    row("\"foo bar\"=\"x\"", "{\"foo bar\"=\"x\"}", "error");
    row("foo=bär", "{foo=\"bär\"}", "{foo=\"bär\"}");
    row("foo=[a-z]+", "{foo=\"[a-z]+\"}", "{foo=\"[a-z]+\"}");
    row("{foo=~[a-z]+}", "{foo=~\"[a-z]+\"}", "{foo=~\"[a-z]+\"}");
    row("foo={bar}", "error", "{foo=\"{bar\"}");
    row("{foo=bar,}", "{foo=\"bar\"}", "{foo=\"bar\"}");
    row("🙂=x", "{\"🙂\"=\"x\"}", "error");
    row("foo=\"a,b\",c!=d", "{foo=\"a,b\",c!=\"d\"}", "{foo=\"a,b\",c!=\"d\"}");
    row("foo=\"line\\nfeed\"", "{foo=\"line\\nfeed\"}", "{foo=\"line\\nfeed\"}");
    row("foo=a\"b", "error", "error");
    row("foo=~\"(\"", "error", "error");
    row("{foo=bar", "error", "{foo=\"bar\"}");
    row("foo=bar}", "error", "{foo=\"bar\"}");
}

void TestAmMatchers::bothGrammars()
{
    QFETCH(QString, text);
    QFETCH(QString, modern);
    QFETCH(QString, classic);
    const std::string bytes = text.toStdString();
    const QString newResult = read(alertmanager::parseUtf8Matchers(bytes));
    const QString oldResult = read(alertmanager::parseClassicMatchers(bytes));
    QVERIFY2(modern == "error" ? newResult.startsWith("error") : newResult == modern,
             qPrintable(newResult));
    QVERIFY2(classic == "error" ? oldResult.startsWith("error") : oldResult == classic,
             qPrintable(oldResult));
}

void TestAmMatchers::theNewGrammarSaysWhereItStopped_data()
{
    QTest::addColumn<QString>("text");
    QTest::addColumn<QString>("error");
    const auto row = [](const char* text, const char* error) {
        QTest::newRow(text) << QString::fromUtf8(text) << QString::fromUtf8(error);
    };
    row("", "no matchers");
    row("foo=bar baz", "8:11: baz: expected a comma or close brace");
    row("{=bar}", "1:2: =: expected label name");
    row("foo=", "4:4: end of input: expected label value");
    row("foo bar", "4:7: bar: expected an operator such as '=', '!=', '=~' or '!~'");
    row("{foo=bar", "expected close brace");
    row("foo=bar}", "expected opening brace");
    row("🙂🙂 x", "3:4: x: expected an operator");
}

void TestAmMatchers::theNewGrammarSaysWhereItStopped()
{
    QFETCH(QString, text);
    QFETCH(QString, error);
    const QString result = read(alertmanager::parseUtf8Matchers(text.toStdString()));
    QVERIFY2(result.contains(error), qPrintable(result));
}

void TestAmMatchers::fallbackTakesTheOldResultAndWarns()
{
    std::vector<std::string> warnings;
    auto result = alertmanager::parseMatchers("foo=\"a\\d\"", MatcherMode::Fallback, &warnings);
    QCOMPARE(read(result), QString("{foo=\"a\\\\d\"}"));
    QCOMPARE(warnings.size(), 1U);
    QVERIFY(QString::fromStdString(warnings[0]).contains("{foo=\"a\\\\d\"}"));
    QVERIFY(!alertmanager::parseMatchers("foo=\"a\\d\"", MatcherMode::Utf8Strict).ok());
    QVERIFY(!alertmanager::parseMatchers("🙂=x", MatcherMode::Classic).ok());
    QVERIFY(alertmanager::parseMatchers("🙂=x", MatcherMode::Fallback).ok());
    warnings.clear();
    result = alertmanager::parseMatchers("foo=\"\\u0061\"", MatcherMode::Fallback, &warnings);
    QCOMPARE(read(result), QString("{foo=\"\\\\u0061\"}"));
    QVERIFY(QString::fromStdString(warnings.at(0)).contains("disagree"));
    result = alertmanager::parseMatchers("\"x\"y", MatcherMode::Fallback);
    QCOMPARE(read(result), QString("error: bad matcher format: \"x\"y"));
}

void TestAmMatchers::filtersHoldExactlyOneMatcherWithoutBraces()
{
    const auto error = [](std::string_view text) {
        const auto result = alertmanager::parseMatcher(text, MatcherMode::Fallback);
        return QString::fromStdString(result.ok() ? std::string("none")
                                                  : std::string(base::messageOf(result.status())));
    };
    QCOMPARE(error("{foo=\"bar\"}"), QString("unexpected open or close brace: {foo=\"bar\"}"));
    QCOMPARE(error("foo"), QString("bad matcher format: foo"));
    QVERIFY(error("a=b,c=d").contains("1 matcher"));
    QCOMPARE(error("alertname=\"A\""), QString("none"));
}

void TestAmMatchers::keysAreSorted()
{
    auto matchers = alertmanager::parseMatchers("{b=\"2\",a=~\"1\"}", MatcherMode::Fallback);
    QVERIFY(matchers.ok());
    alertmanager::sortMatchers(*matchers);
    QCOMPARE(QString::fromStdString(alertmanager::toText(*matchers)),
             QString("{a=~\"1\",b=\"2\"}"));
}

QTEST_GUILESS_MAIN(TestAmMatchers)
#include "tst_am_matchers.moc"
