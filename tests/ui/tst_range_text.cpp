// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/range/range_controller.h"

#include <QSignalSpy>
#include <QTest>

using namespace narthex;
using namespace narthex::ui::range;

namespace {

/// 2026-03-05 12:30:00 UTC, a Thursday; Berlin shows 13:30.
constexpr base::Timestamp kNow{1772713800000};

base::Timestamp at(const char* iso) { return *base::parseTimestamp(iso); }

} // namespace

class TestRangeText : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void readsLengths_data();
    void readsLengths();
    void readsIntervals_data();
    void readsIntervals();
    void refusesWhatItDoesNotUnderstand_data();
    void refusesWhatItDoesNotUnderstand();
    void handlesDaysOf23Hours();
    void controllerWalksItsHistory();
    void followingAFixedRangeMakesItRelative();
};

void TestRangeText::readsLengths_data()
{
    QTest::addColumn<QString>("text");
    QTest::addColumn<qint64>("minutes");
    QTest::newRow("prometheus form") << "1h" << qint64(60);
    QTest::newRow("two units") << "1h30m" << qint64(90);
    QTest::newRow("words") << "last 3 days" << qint64(3 * 1440);
    QTest::newRow("one word") << "last hour" << qint64(60);
    QTest::newRow("spaces and capitals") << "  Last 15 MIN " << qint64(15);
    QTest::newRow("decimal") << "1.5h" << qint64(90);
    QTest::newRow("decimal comma") << "1,5 h" << qint64(90);
    QTest::newRow("week") << "2w" << qint64(14 * 1440);
}

void TestRangeText::readsLengths()
{
    QFETCH(QString, text);
    QFETCH(qint64, minutes);
    const auto spec = parseRange(text, kNow, QTimeZone::utc());
    QVERIFY(spec.has_value());
    QVERIFY(spec->relative());
    QCOMPARE(qint64(spec->length->ms()), minutes * 60'000);
    QCOMPARE(spec->to.ms, kNow.ms);
}

void TestRangeText::readsIntervals_data()
{
    QTest::addColumn<QString>("text");
    QTest::addColumn<QString>("from");
    QTest::addColumn<QString>("to");
    const auto row = [](const char* name, const char* text, const char* from, const char* to) {
        QTest::newRow(name) << text << from << to;
    };
    row("dots, time alone at the end", "2026-03-01 09:00..12:00", "2026-03-01T08:00:00Z",
        "2026-03-01T11:00:00Z");
    row("words", "2 days ago to yesterday", "2026-03-03T12:30:00Z", "2026-03-04T23:00:00Z");
    row("yesterday", "yesterday", "2026-03-03T23:00:00Z", "2026-03-04T23:00:00Z");
    row("today ends now", "today", "2026-03-04T23:00:00Z", "2026-03-05T12:30:00Z");
    row("iso interval", "2026-03-01T10:00:00Z/2026-03-01T11:30:00Z", "2026-03-01T10:00:00Z",
        "2026-03-01T11:30:00Z");
    row("iso with length", "2026-03-01T10:00:00Z/PT90M", "2026-03-01T10:00:00Z",
        "2026-03-01T11:30:00Z");
    row("epoch means half an hour around", "@1735689600", "2024-12-31T23:30:00Z",
        "2025-01-01T00:30:00Z");
    row("epoch to epoch", "1735689600..1735693200", "2025-01-01T00:00:00Z", "2025-01-01T01:00:00Z");
    row("one day", "2026-03-01", "2026-02-28T23:00:00Z", "2026-03-01T23:00:00Z");
    row("until now", "09:00..now", "2026-03-05T08:00:00Z", "2026-03-05T12:30:00Z");
    row("ago", "3h ago", "2026-03-05T09:30:00Z", "2026-03-05T12:30:00Z");
    row("offset", "2026-03-01T09:00+05:30..2026-03-01T10:00+05:30", "2026-03-01T03:30:00Z",
        "2026-03-01T04:30:00Z");
}

void TestRangeText::readsIntervals()
{
    QFETCH(QString, text);
    QFETCH(QString, from);
    QFETCH(QString, to);
    const auto spec = parseRange(text, kNow, QTimeZone("Europe/Berlin"));
    QVERIFY(spec.has_value());
    QVERIFY(!spec->relative());
    QCOMPARE(QString::fromStdString(base::formatTimestamp(spec->from)), from);
    QCOMPARE(QString::fromStdString(base::formatTimestamp(spec->to)), to);
}

void TestRangeText::refusesWhatItDoesNotUnderstand_data()
{
    QTest::addColumn<QString>("text");
    for (const char* text : {"", "abc", "1x", "12:00..11:00", "2026-13-01", "25:00..26:00", "..",
                             "last", "to", "0h"}) {
        QTest::newRow(*text != 0 ? text : "empty") << text;
    }
}

void TestRangeText::refusesWhatItDoesNotUnderstand()
{
    QFETCH(QString, text);
    QVERIFY(!parseRange(text, kNow, QTimeZone::utc()).has_value());
}

void TestRangeText::handlesDaysOf23Hours()
{
    const auto spec = parseRange(QStringLiteral("2026-03-29"), kNow, QTimeZone("Europe/Berlin"));
    QVERIFY(spec.has_value());
    QCOMPARE((spec->to - spec->from).ms(), std::int64_t(23 * 3'600'000));
}

void TestRangeText::controllerWalksItsHistory()
{
    RangeController controller;
    const QSignalSpy changed(&controller, &RangeController::changed);
    controller.setSpec({{}, at("2026-03-01T00:00:00Z"), at("2026-03-01T02:00:00Z")});
    controller.shift(1);
    QCOMPARE(controller.from(), at("2026-03-01T01:00:00Z"));
    controller.zoomOut();
    QCOMPARE((controller.to() - controller.from()).ms(), std::int64_t(4 * 3'600'000));
    controller.goBack();
    controller.goBack();
    QCOMPARE(controller.from(), at("2026-03-01T00:00:00Z"));
    QVERIFY(controller.canGoForward());
    controller.goForward();
    QCOMPARE(controller.from(), at("2026-03-01T01:00:00Z"));
    QCOMPARE(changed.count(), 6);
}

void TestRangeText::followingAFixedRangeMakesItRelative()
{
    RangeController controller;
    controller.setSpec({{}, at("2026-03-01T00:00:00Z"), at("2026-03-01T02:00:00Z")});
    QVERIFY(!controller.following());
    controller.setFollowing(true);
    QVERIFY(controller.spec().relative());
    QCOMPARE(controller.spec().length->ms(), std::int64_t(2 * 3'600'000));
}

QTEST_MAIN(TestRangeText)
#include "tst_range_text.moc"
