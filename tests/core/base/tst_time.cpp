// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/status.h"
#include "core/base/time.h"

#include <QtTest>

using namespace narthex::base;

class TestTime : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void readsAndPrintsDurations_data();
    void readsAndPrintsDurations();
    void refusesBadDurations_data();
    void refusesBadDurations();
    void readsTimestampsOfTheApi();
};

void TestTime::readsAndPrintsDurations_data()
{
    QTest::addColumn<QString>("text");
    QTest::addColumn<qint64>("ms");
    QTest::addColumn<QString>("printed");
    QTest::newRow("zero") << "0" << qint64{0} << "0s";
    QTest::newRow("minutes") << "5m" << qint64{300000} << "5m";
    QTest::newRow("mixed") << "1h30m" << qint64{5400000} << "1h30m";
    QTest::newRow("milliseconds") << "1s500ms" << qint64{1500} << "1s500ms";
    QTest::newRow("week") << "7d" << qint64{604800000} << "1w";
    QTest::newRow("ten days are no weeks") << "10d" << qint64{864000000} << "10d";
    QTest::newRow("year") << "1y" << qint64{31536000000} << "1y";
}

void TestTime::readsAndPrintsDurations()
{
    QFETCH(QString, text);
    const auto duration = parseDuration(text.toStdString());
    QVERIFY(duration.ok());
    QTEST(qint64{duration->ms()}, "ms");
    QTEST(QString::fromStdString(formatDuration(*duration)), "printed");
}

void TestTime::refusesBadDurations_data()
{
    QTest::addColumn<QString>("text");
    QTest::addColumn<QString>("error");
    QTest::newRow("wrong order") << "5m1h"
                                 << "not a valid duration string: \"5m1h\"";
    QTest::newRow("twice") << "5m1m"
                           << "not a valid duration string: \"5m1m\"";
    QTest::newRow("unknown unit") << "5hs"
                                  << "unknown unit \"hs\" in duration \"5hs\"";
    QTest::newRow("no unit") << "5"
                             << "not a valid duration string: \"5\"";
    QTest::newRow("fraction") << "1.5s"
                              << "unknown unit \".\" in duration \"1.5s\"";
    QTest::newRow("empty") << ""
                           << "empty duration string";
    QTest::newRow("too long") << "300y"
                              << "duration out of range";
    QTest::newRow("sign") << "-1s"
                          << "not a valid duration string: \"-1s\"";
}

void TestTime::refusesBadDurations()
{
    QFETCH(QString, text);
    const auto duration = parseDuration(text.toStdString());
    QVERIFY(!duration.ok());
    const std::string_view message = messageOf(duration.status());
    QTEST(QString::fromUtf8(message.data(), qsizetype(message.size())), "error");
}

void TestTime::readsTimestampsOfTheApi()
{
    QCOMPARE(parseTimestamp("1435781451.781")->ms, 1435781451781);
    QCOMPARE(parseTimestamp("2015-07-01T20:10:51.781Z")->ms, 1435781451781);
    QCOMPARE(parseTimestamp("2015-07-01T22:10:51.781+02:00")->ms, 1435781451781);
    QCOMPARE(QString::fromStdString(formatTimestamp({1435781451781})),
             QStringLiteral("2015-07-01T20:10:51.781Z"));
    for (const char* bad :
         {"yesterday", "2015-13-01T00:00:00Z", "2015-07-01 20:10:51Z", "NaN", "1e300"}) {
        QVERIFY2(!parseTimestamp(bad).ok(), bad);
    }
}

QTEST_GUILESS_MAIN(TestTime)
#include "tst_time.moc"
