// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/matcher.h"

#include <QtTest>

using namespace narthex::model;

class TestMatcher : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void regexesAreAnchored_data();
    void regexesAreAnchored();
    void findsLiteralsAndPrefixes();
    void refusesABadRegex();
};

void TestMatcher::regexesAreAnchored_data()
{
    QTest::addColumn<QString>("pattern");
    QTest::addColumn<QString>("text");
    QTest::addColumn<bool>("matches");
    QTest::newRow("whole") << "ab+"
                           << "abb" << true;
    QTest::newRow("not a part") << "ab+"
                                << "xabb" << false;
    QTest::newRow("alternation of literals") << "a|b|c"
                                             << "b" << true;
    QTest::newRow("alternation is anchored") << "a|b"
                                             << "bb" << false;
    QTest::newRow("anything") << ".*"
                              << "" << true;
    QTest::newRow("something") << ".+"
                               << "" << false;
    QTest::newRow("dot matches a newline") << "a.b"
                                           << "a\nb" << true;
    QTest::newRow("escaped dot") << "1\\.5"
                                 << "1.5" << true;
    QTest::newRow("escaped dot is literal") << "1\\.5"
                                            << "1x5" << false;
    QTest::newRow("optional last letter of a prefix") << "colou?r"
                                                      << "color" << true;
    QTest::newRow("empty alternative") << "x|"
                                       << "" << true;
    QTest::newRow("optional letter of two bytes") << "fü?"
                                                  << "f" << true;
}

void TestMatcher::regexesAreAnchored()
{
    QFETCH(QString, pattern);
    QFETCH(QString, text);
    const auto matcher = Matcher::create(MatchType::Regex, "l", pattern.toStdString());
    QVERIFY(matcher.ok());
    QTEST(matcher->matches(text.toStdString()), "matches");
    QTEST(!matcher->inverse().matches(text.toStdString()), "matches");
}

void TestMatcher::findsLiteralsAndPrefixes()
{
    QCOMPARE(Regex::create("b|a|b")->literals(), (std::vector<std::string>{"a", "b"}));
    QVERIFY(Regex::create("a.*")->literals().empty());
    QCOMPARE(Regex::create("node_cpu.*")->prefix(), std::string("node_cpu"));
    QCOMPARE(Regex::create("abc?")->prefix(), std::string("ab"));
}

void TestMatcher::refusesABadRegex()
{
    QVERIFY(!Matcher::create(MatchType::Regex, "l", "a(").ok());
}

QTEST_GUILESS_MAIN(TestMatcher)
#include "tst_matcher.moc"
