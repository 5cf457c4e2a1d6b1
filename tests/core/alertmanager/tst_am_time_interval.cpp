// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// When time intervals hold, and what is refused.
#include "core/alertmanager/time_interval.h"
#include "core/base/status.h"
#include "core/yaml/field_printer.h"
#include "core/yaml/field_reader.h"

#include <QtTest>

using namespace narthex;

namespace {

struct Read
{
    alertmanager::TimeInterval interval;
    QString error;
};

Read read(const QString& spec)
{
    const std::string text = "name: x\ntime_intervals:\n- " + spec.toStdString() + "\n";
    auto document = yaml::Document::parse("intervals.yml", text);
    Read result;
    if (!document.ok()) {
        result.error = QString::fromStdString(document.status().ToString());
        return result;
    }
    result.interval = yaml::readStruct<alertmanager::TimeInterval>((*document)->root(),
                                                                   "timeinterval.TimeInterval", {});
    result.error = QString::fromStdString(std::string(base::messageOf((*document)->status())));
    return result;
}

} // namespace

class TestAmTimeInterval : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void holds_data();
    void holds();
    void isRefused_data();
    void isRefused();
    void isPrintedAsItIsRead();
};

void TestAmTimeInterval::holds_data()
{
    QTest::addColumn<QString>("spec");
    QTest::addColumn<QString>("time");
    QTest::addColumn<bool>("expected");
    const QString office = "{times: [{start_time: '09:00', end_time: '17:00'}], weekdays: "
                           "['monday:friday'], location: Europe/Paris}";
    const auto row = [](const char* name, const QString& spec, const char* time, bool expected) {
        QTest::newRow(name) << spec << QString(time) << expected;
    };
    row("the last minute of the office, in winter", office, "2023-01-04T15:59:59Z", true);
    row("the office closes", office, "2023-01-04T16:00:00Z", false);
    row("summer time moves it", office, "2023-07-05T14:59:00Z", true);
    row("summer time moves its end", office, "2023-07-05T15:00:00Z", false);
    row("the start is in it", office, "2023-01-04T08:00:00Z", true);
    row("no office on Sunday", office, "2023-01-08T12:00:00Z", false);
    row("the last day of February", "{days_of_month: ['-1']}", "2023-02-28T12:00:00Z", true);
    row("not the last day", "{days_of_month: ['-1']}", "2024-02-28T12:00:00Z", false);
    row("no 31 in April", "{days_of_month: ['31']}", "2023-04-30T12:00:00Z", false);
    row("cut to the month", "{days_of_month: ['28:31']}", "2023-02-28T12:00:00Z", true);
    row("the last three", "{days_of_month: ['-3:-1']}", "2023-02-26T12:00:00Z", true);
    row("before the last three", "{days_of_month: ['-3:-1']}", "2023-02-25T12:00:00Z", false);
    row("months by name", "{months: ['january:march']}", "2023-03-31T23:59:59Z", true);
    row("months by number", "{months: ['1:3']}", "2023-04-01T00:00:00Z", false);
    row("years", "{years: ['2024:2026']}", "2024-01-01T00:00:00Z", true);
    row("another year", "{years: ['2024']}", "2025-01-01T00:00:00Z", false);
    row("until midnight", "{times: [{start_time: '17:00', end_time: '24:00'}]}",
        "2023-01-01T23:59:59Z", true);
    row("names have no case", "{weekdays: ['SUNDAY']}", "2023-01-08T12:00:00Z", true);
    row("nothing given holds always", "{}", "2023-01-08T12:00:00Z", true);
}

void TestAmTimeInterval::holds()
{
    QFETCH(QString, spec);
    QFETCH(QString, time);
    QFETCH(bool, expected);
    const Read result = read(spec);
    QVERIFY2(result.error.isEmpty(), qPrintable(result.error));
    QCOMPARE(result.interval.contains(base::parseTimestamp(time.toStdString()).value()), expected);
}

void TestAmTimeInterval::isRefused_data()
{
    QTest::addColumn<QString>("spec");
    QTest::addColumn<QString>("error");
    const auto row = [](const char* spec, const char* error) {
        QTest::newRow(spec) << QString(spec) << QString(error);
    };
    row("{weekdays: ['friday:monday']}", "start day cannot be before end day");
    row("{weekdays: ['funday']}", "funday is not a valid weekday");
    row("{times: [{start_time: '09:00'}]}", "both start and end times must be provided");
    row("{times: [{start_time: '09:00', end_time: '08:00'}]}",
        "start time cannot be equal or greater than end time");
    row("{times: [{start_time: '9', end_time: '10:00'}]}", "couldn't parse timestamp 9");
    row("{times: [{start_time: '00:00', end_time: '24:01'}]}", "couldn't parse timestamp 24:01");
    row("{days_of_month: ['0']}", "0 is not a valid day of the month: out of range");
    row("{days_of_month: ['32']}", "32 is not a valid day of the month: out of range");
    row("{days_of_month: ['-1:5']}", "end day must be negative if start day is negative");
    row("{months: ['march:january']}", "end month january is before start month march");
    row("{months: ['13']}", "13 is not a valid month");
    row("{years: ['2026:2024']}", "end year 2024 is before start year 2026");
    row("{location: Mars/Base}", "unknown time zone Mars/Base");
    row("{hours: [1]}", "field hours not found");
}

void TestAmTimeInterval::isRefused()
{
    QFETCH(QString, spec);
    QFETCH(QString, error);
    const Read result = read(spec);
    QVERIFY2(result.error.contains(error), qPrintable(result.error));
    QVERIFY2(result.error.startsWith("intervals.yml:3:"), qPrintable(result.error));
}

void TestAmTimeInterval::isPrintedAsItIsRead()
{
    const Read first =
        read("{times: [{start_time: '09:00', end_time: '24:00'}], weekdays: ['monday:friday', "
             "sunday], days_of_month: ['-3:-1', '5'], months: ['1:3', may], years: ['2024'], "
             "location: Europe/Paris}");
    QVERIFY2(first.error.isEmpty(), qPrintable(first.error));
    const std::string printed = yaml::printStruct(first.interval);
    auto document = yaml::Document::parse("again.yml", printed);
    QVERIFY(document.ok());
    const auto again = yaml::readStruct<alertmanager::TimeInterval>((*document)->root(), "x", {});
    QVERIFY2((*document)->status().ok(), printed.c_str());
    QVERIFY2(again == first.interval, printed.c_str());
}

QTEST_GUILESS_MAIN(TestAmTimeInterval)
#include "tst_am_time_interval.moc"
