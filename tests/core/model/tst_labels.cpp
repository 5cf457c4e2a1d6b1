// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/labels.h"

#include <QtTest>

using namespace narthex::model;

class TestLabels : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void sortsAndDropsEmptyValues();
    void looksUpNames();
    void ordersByNameThenValueThenLength();
    void printsAsPromql_data();
    void printsAsPromql();
    void buildsFromABase();
};

void TestLabels::sortsAndDropsEmptyValues()
{
    const Labels labels{{"b", "2"}, {"a", "1"}, {"c", ""}};
    QCOMPARE(labels.size(), std::size_t{2});
    QCOMPARE(labels, (Labels{{"a", "1"}, {"b", "2"}}));
    QVERIFY(labels.hash() == Labels({{"a", "1"}, {"b", "2"}}).hash());
}

void TestLabels::looksUpNames()
{
    const std::string longValue(300, 'x');
    const Labels labels{{"a", longValue}, {"job", "node"}};
    QCOMPARE(std::string(labels.get("a")), longValue);
    QCOMPARE(std::string(labels.get("job")), std::string("node"));
    QVERIFY(labels.get("b").empty());
    QVERIFY(!labels.has("zzz"));
}

void TestLabels::ordersByNameThenValueThenLength()
{
    QVERIFY((Labels{{"a", "1"}} < Labels{{"a", "2"}}));
    QVERIFY((Labels{{"a", "1"}} < Labels{{"a", "1"}, {"b", "1"}}));
    QVERIFY((Labels{{"a", "2"}} < Labels{{"b", "1"}}));
    QVERIFY((Labels{} < Labels{{"a", "1"}}));
    QVERIFY((Labels{{"a", "1"}} <=> Labels{{"a", "1"}}) == 0);
}

void TestLabels::printsAsPromql_data()
{
    QTest::addColumn<QString>("expected");
    QTest::addColumn<int>("which");
    QTest::newRow("nothing") << "{}" << 0;
    QTest::newRow("name alone") << "up" << 1;
    QTest::newRow("name and labels") << "up{a=\"1\", job=\"x\\\"y\"}" << 2;
    QTest::newRow("UTF-8 name") << "{\"my.metric\", \"a.b\"=\"c\"}" << 3;
}

void TestLabels::printsAsPromql()
{
    QFETCH(int, which);
    const std::vector<Labels> sets = {
        {},
        {{"__name__", "up"}},
        {{"__name__", "up"}, {"job", "x\"y"}, {"a", "1"}},
        {{"__name__", "my.metric"}, {"a.b", "c"}},
    };
    QTEST(QString::fromStdString(sets[static_cast<std::size_t>(which)].toString()), "expected");
}

void TestLabels::buildsFromABase()
{
    LabelsBuilder builder(Labels{{"a", "1"}, {"c", "3"}});
    builder.set("b", "2").set("a", "9").remove("c").set("d", "");
    QCOMPARE(builder.build(), (Labels{{"a", "9"}, {"b", "2"}}));
    const std::vector<std::string> names = {"b"};
    QCOMPARE(builder.build().without(names), (Labels{{"a", "9"}}));
    QCOMPARE(builder.build().keeping(names), (Labels{{"b", "2"}}));
}

QTEST_GUILESS_MAIN(TestLabels)
#include "tst_labels.moc"
