// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Shapes of regular expressions: what is recognised, and that the answers are the expression's own.
#include "core/model/matcher.h"
#include "core/model/regex_shape.h"

#include <re2/re2.h>

#include <QtTest>

#include <random>

using narthex::model::Regex;
using narthex::model::RegexShape;

namespace {

std::string literalsOf(std::string_view pattern)
{
    const auto shape = RegexShape::of(pattern);
    std::string text;
    for (const std::string& literal : shape ? shape->literals() : std::vector<std::string>()) {
        text += "<" + literal + ">";
    }
    return text;
}

/// Grows a pattern out of the pieces that people use, and some that have no shape.
std::string randomPattern(std::mt19937_64& random, int depth)
{
    static const char* const kPieces[] = {
        "a", "b",  "ab",   "ba",  ".*",  ".+",    "\\.", "[ab]", "a?",  "[a-c]", "\xC3\xA9", "k",
        ".", "b*", "a{2}", "\\d", "a.b", "(?:a)", "S",   "|",    "a|b", "",      "^a",       "b$"};
    std::string pattern;
    const std::size_t count = random() % 5;
    for (std::size_t i = 0; i < count; ++i) {
        if (depth > 0 && random() % 4 == 0) {
            pattern += "(" + randomPattern(random, depth - 1) + (random() % 2 == 0 ? ")" : ")?");
        } else {
            pattern += kPieces[random() % std::size(kPieces)];
        }
    }
    return pattern;
}

std::string randomText(std::mt19937_64& random)
{
    static const char* const kPieces[] = {"a", "b", "c",  ".", "k",        "K",    "\xE2\x84\xAA",
                                          "s", "S", "\n", "A", "\xC3\xA9", "2"};
    std::string text;
    const std::size_t count = random() % 7;
    for (std::size_t i = 0; i < count; ++i) {
        text += kPieces[random() % std::size(kPieces)];
    }
    return text;
}

} // namespace

class TestRegexShape : public QObject
{
    Q_OBJECT

private slots:
    void listsLiterals();
    void findsPrefixes();
    void answersAsTheExpressionDoes();
};

void TestRegexShape::listsLiterals()
{
    QCOMPARE(literalsOf("b|a"), std::string("<a><b>"));
    QCOMPARE(literalsOf("node_(cpu|disk)_total"), std::string("<node_cpu_total><node_disk_total>"));
    QCOMPARE(literalsOf("x[1-3]?"), std::string("<x><x1><x2><x3>"));
    QCOMPARE(literalsOf("a\\.b"), std::string("<a.b>"));
    QCOMPARE(literalsOf(""), std::string("<>"));
    QCOMPARE(literalsOf("a.*"), std::string());
    QCOMPARE(literalsOf("(?i)a"), std::string());
    // 9 times 9 times 9 are too many.
    QVERIFY(!RegexShape::of("[1-9][1-9][1-9]"));
    QVERIFY(!RegexShape::of("a{3}"));
    QVERIFY(!RegexShape::of("(?s:a)"));
}

void TestRegexShape::findsPrefixes()
{
    QCOMPARE(RegexShape::of("host-1.*")->prefix(), std::string("host-1"));
    QCOMPARE(RegexShape::of("host-(12.*|13)")->prefix(), std::string("host-1"));
    QCOMPARE(RegexShape::of("(?i)host")->prefix(), std::string());
    QCOMPARE(RegexShape::of("a|b")->prefix(), std::string());
    QCOMPARE(Regex::create("ho[a-z]*")->prefix(), std::string("ho"));
}

void TestRegexShape::answersAsTheExpressionDoes()
{
    std::mt19937_64 random(7);
    re2::RE2::Options options;
    options.set_log_errors(false);
    options.set_dot_nl(true);
    int shaped = 0;
    for (int i = 0; i < 20000; ++i) {
        const std::string pattern =
            std::string(random() % 6 == 0 ? "(?i)" : "") + randomPattern(random, 2);
        const re2::RE2 plain(pattern, options);
        const auto regex = Regex::create(pattern);
        QCOMPARE(regex.ok(), plain.ok());
        if (!regex.ok()) {
            continue;
        }
        shaped += RegexShape::of(pattern) ? 1 : 0;
        for (int k = 0; k < 10; ++k) {
            const std::string text = randomText(random);
            const bool expected = re2::RE2::FullMatch(text, plain);
            QVERIFY2(regex->matches(text) == expected, (pattern + " on " + text).c_str());
            QVERIFY2(!expected || text.starts_with(regex->prefix()), pattern.c_str());
        }
    }
    QVERIFY2(shaped > 3000, qPrintable(QString::number(shaped)));
}

QTEST_GUILESS_MAIN(TestRegexShape)
#include "tst_regex_shape.moc"
