// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Go's layouts and zones.
#include "core/base/status.h"
#include "core/gotemplate/time_text.h"

#include <QTest>

namespace narthex::gotemplate {

class TestTemplateTimes : public QObject
{
    Q_OBJECT

private slots:
    void layoutsAreFollowed_data();
    void layoutsAreFollowed();
    void zonesShiftTheClock();
    void textsAreReadByLayout_data();
    void textsAreReadByLayout();
    void badTextsAreRefused();
    void theZeroTimeIsTheYearOne();
    void farTimesDoNotOverflow();
    void methodsWork();
    void spansPrintAsGoDoes();
};

// Sunday, 2006-03-05, 09:04:07.080900 UTC.
static Time example() { return {.seconds = 1141549447, .nanoseconds = 80'900'000}; }

void TestTemplateTimes::layoutsAreFollowed_data()
{
    QTest::addColumn<QString>("layout");
    QTest::addColumn<QString>("text");
    const char* const rows[][2] = {
        {"2006-01-02 15:04:05", "2006-03-05 09:04:07"},
        {"Mon Jan _2 15:04:05 2006", "Sun Mar  5 09:04:07 2006"},
        {"Monday, 02-Jan-06 15:04:05 MST", "Sunday, 05-Mar-06 09:04:07 UTC"},
        {"January 2, 3:04 PM", "March 5, 9:04 AM"},
        {"1/2/06 03:4:5pm", "3/5/06 09:4:7am"},
        {"2006-01-02T15:04:05Z07:00", "2006-03-05T09:04:07Z"},
        {"-0700 -07:00 -07", "+0000 +00:00 +00"},
        {"15:04:05.000", "09:04:07.080"},
        {"15:04:05.999999999", "09:04:07.0809"},
        {"15:04:05,00", "09:04:07,08"},
        {"002 __2", "064  64"},
        {"Month Janet", "Month Janet"},
        {"_2006", "_2006"},
        {"no letters", "no letters"},
        {"20060102150405", "20060305090407"},
    };
    for (const auto& [layout, text] : rows) {
        QTest::newRow(layout) << QString::fromUtf8(layout) << QString::fromUtf8(text);
    }
}

void TestTemplateTimes::layoutsAreFollowed()
{
    QFETCH(QString, layout);
    QFETCH(QString, text);
    QCOMPARE(QString::fromStdString(formatTime(layout.toStdString(), example())), text);
}

void TestTemplateTimes::zonesShiftTheClock()
{
    const Time there = inZone(example(), "Asia/Kolkata").value();
    QCOMPARE(toText(there), std::string("2006-03-05 14:34:07.0809 +0530 IST"));
    QCOMPARE(toRfc3339(there), std::string("2006-03-05T14:34:07.0809+05:30"));
    const Time winter = inZone(example(), "America/New_York").value();
    QCOMPARE(formatTime("15:04 MST -0700", winter), std::string("04:04 EST -0500"));
    const auto unknown = inZone(example(), "Mars/Base");
    QCOMPARE(base::messageOf(unknown.status()), std::string_view("unknown time zone Mars/Base"));
}

void TestTemplateTimes::textsAreReadByLayout_data()
{
    QTest::addColumn<QString>("layout");
    QTest::addColumn<QString>("text");
    QTest::addColumn<QString>("instant");
    const char* const rows[][3] = {
        {"2006-01-02", "2024-02-29", "2024-02-29T00:00:00Z"},
        {"2006-01-02 15:04:05", "2024-02-29 01:02:03.25", "2024-02-29T01:02:03.25Z"},
        {"2006-01-02T15:04:05Z07:00", "2024-02-29T01:02:03+02:00", "2024-02-29T01:02:03+02:00"},
        {"2006-01-02T15:04:05Z07:00", "2024-02-29T01:02:03Z", "2024-02-29T01:02:03Z"},
        {"Jan 2, 2006 at 3:04pm (MST)", "feb 3, 2013 at 7:54pm (UTC)", "2013-02-03T19:54:00Z"},
        {"2006 002", "2024 060", "2024-02-29T00:00:00Z"},
        {"15:04", "23:59", "0000-01-01T23:59:00Z"},
    };
    for (const auto& [layout, text, instant] : rows) {
        QTest::newRow(text) << QString::fromUtf8(layout) << QString::fromUtf8(text)
                            << QString::fromUtf8(instant);
    }
}

void TestTemplateTimes::textsAreReadByLayout()
{
    QFETCH(QString, layout);
    QFETCH(QString, text);
    QFETCH(QString, instant);
    const auto time = parseTime(layout.toStdString(), text.toStdString(), "UTC");
    QVERIFY2(time.ok(), time.status().ToString().c_str());
    QCOMPARE(QString::fromStdString(toRfc3339(*time)), instant);
}

void TestTemplateTimes::badTextsAreRefused()
{
    QVERIFY(!parseTime("2006-01-02", "2024-13-01", "UTC").ok());
    QVERIFY(!parseTime("2006-01-02", "2023-02-29", "UTC").ok());
    QVERIFY(!parseTime("2006-01-02", "2024-01-01x", "UTC").ok());
    QVERIFY(!parseTime("2006-01-02", "", "UTC").ok());
    const auto summer = parseTime("2006-01-02 15:04", "2024-07-01 12:00", "Europe/Paris");
    QCOMPARE(formatTime("15:04 MST", inZone(*summer, "UTC").value()), std::string("10:00 UTC"));
}

void TestTemplateTimes::theZeroTimeIsTheYearOne()
{
    QVERIFY(Time{}.isZero());
    QCOMPARE(toText(Time{}), std::string("0001-01-01 00:00:00 +0000 UTC"));
    QCOMPARE(toRfc3339(Time{}), std::string("0001-01-01T00:00:00Z"));
    QCOMPARE(toText(Time::of(base::Timestamp{-1})),
             std::string("1969-12-31 23:59:59.999 +0000 UTC"));
}

void TestTemplateTimes::farTimesDoNotOverflow()
{
    for (const std::int64_t seconds : {INT64_MIN, INT64_MAX, INT64_MIN / 2, INT64_MAX / 2}) {
        QVERIFY(!toText(Time{.seconds = seconds, .zone = "Europe/Paris"}).empty());
    }
}

void TestTemplateTimes::methodsWork()
{
    const auto call = [](const std::optional<Function>& method, std::vector<Value> arguments) {
        return method ? (*method)(arguments).value().toText() : std::string("no such method");
    };
    const Time time = example();
    QCOMPARE(call(timeMethod(time, "Unix"), {}), std::string("1141549447"));
    QCOMPARE(call(timeMethod(time, "UnixMilli"), {}), std::string("1141549447080"));
    QCOMPARE(call(timeMethod(time, "Month"), {}), std::string("March"));
    QCOMPARE(call(timeMethod(time, "Weekday"), {}), std::string("Sunday"));
    QCOMPARE(call(timeMethod(time, "YearDay"), {}), std::string("64"));
    const Value later =
        (*timeMethod(time, "Add"))(std::vector{Value(Span{3'600'000'000'000})}).value();
    QCOMPARE(call(timeMethod(*later.as<Time>(), "Hour"), {}), std::string("10"));
    QCOMPARE(call(timeMethod(*later.as<Time>(), "Sub"), {Value(time)}), std::string("1h0m0s"));
    QCOMPARE(call(timeMethod(*later.as<Time>(), "After"), {Value(time)}), std::string("true"));
    QCOMPARE(call(timeMethod(*later.as<Time>(), "Before"), {Value(time)}), std::string("false"));
    QCOMPARE(call(spanMethod(Span{90'000'000'000}, "Hours"), {}), std::string("0.025"));
    QCOMPARE(call(spanMethod(Span{1'499'000'000}, "Round"), {Value(Span{1'000'000'000})}),
             std::string("1s"));
    QVERIFY(!timeMethod(time, "Nope").has_value());
}

void TestTemplateTimes::spansPrintAsGoDoes()
{
    QCOMPARE(Span{0}.toString(), std::string("0s"));
    QCOMPARE(Span{1}.toString(), std::string("1ns"));
    QCOMPARE(Span{1'500}.toString(), std::string("1.5\u00b5s"));
    QCOMPARE(Span{2'000'000}.toString(), std::string("2ms"));
    QCOMPARE(Span{1'500'000'000}.toString(), std::string("1.5s"));
    QCOMPARE(Span{5'400'000'000'000}.toString(), std::string("1h30m0s"));
    QCOMPARE(Span{-60'000'000'000}.toString(), std::string("-1m0s"));
    QCOMPARE(Span{INT64_MIN}.toString(), std::string("-2562047h47m16.854775808s"));
}

} // namespace narthex::gotemplate

QTEST_GUILESS_MAIN(narthex::gotemplate::TestTemplateTimes)
#include "tst_template_times.moc"
