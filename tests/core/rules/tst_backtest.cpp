// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "rule_world.h"

#include "core/rules/backtest.h"

#include <QtTest>

#include <random>

using namespace narthex;
using namespace narthex::base::literals;
using rules::AlertState;
using rules::BacktestOptions;
using rules::BacktestResult;
using rules::StateSpan;
using test::minute;
using test::RuleWorld;

namespace {

QString text(const std::string& value) { return QString::fromStdString(value); }

rules::Rule rule(const std::string& fields)
{
    return RuleWorld::files("groups:\n- name: g\n  rules:\n  - {" + fields + "}\n")[0]
        .groups[0]
        .rules[0];
}

BacktestOptions until(std::int64_t end) { return {.from = minute(0), .to = minute(end)}; }

QString spansOf(const rules::AlertHistory& history)
{
    QStringList parts;
    for (const StateSpan& span : history.spans) {
        parts << QString("%1 %2-%3")
                     .arg(text(std::string(rules::alertStateText(span.state))))
                     .arg(span.from.ms / 60'000)
                     .arg(span.to.ms / 60'000);
    }
    return parts.join(", ");
}

} // namespace

class TestBacktest : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void tellsSpansAndNotifications();
    void keepsFiringAsTheRuleDoes();
    void agreesWithTheLiveRule_data();
    void agreesWithTheLiveRule();
    void findsFlapping();
    void tellsWhatFails();
    void recordsSeries();
    void edgesOfTheRangeAreThoseOfTheRule();
    void comparesTwoVersions();
    void canBeStoppedAndIsBounded();
};

void TestBacktest::tellsSpansAndNotifications()
{
    RuleWorld world;
    world.put("up{job=\"a\"}", 0, 9, 0);
    world.put("up{job=\"a\"}", 10, 30, 1);
    world.put("up{job=\"b\"}", 0, 1, 0);
    world.put("up{job=\"b\"}", 2, 30, 1);
    const auto result =
        backtest(rule("alert: Down, expr: 'up == 0', for: 5m, annotations: {s: 'job {{ "
                      "$labels.job }}'}"),
                 until(30), world.engine, world.store, {});
    QVERIFY2(result.ok(), result.status().ToString().c_str());
    QCOMPARE(result->evaluations, std::size_t{31});
    QCOMPARE(result->alerts.size(), std::size_t{2});
    const rules::AlertHistory& a = result->alerts[0];
    QCOMPARE(spansOf(a), "pending 0-4, firing 5-9");
    QCOMPARE(text(std::string(a.annotations.get("s"))), "job a");
    QCOMPARE(a.firings, std::size_t{1});
    QVERIFY(a.firstFiring == minute(5) && a.lastFiring == minute(9));
    QVERIFY(a.firingTime == 5_min && a.pendingTime == 5_min);
    // Sent at 5, 7, 9; resolved at 10, then every second minute until it is forgotten at 26.
    QCOMPARE(a.notificationCount, std::size_t{11});
    QVERIFY((a.notifications[2] == rules::Notification{minute(9), false}));
    QVERIFY((a.notifications[3] == rules::Notification{minute(10), true}));
    QVERIFY((a.notifications[10] == rules::Notification{minute(24), true}));
    const rules::AlertHistory& b = result->alerts[1];
    QCOMPARE(spansOf(b), "pending 0-1");
    QCOMPARE(b.falseStarts, std::size_t{1});
    QCOMPARE(b.notificationCount, std::size_t{0});
    QCOMPARE(result->notifications, std::size_t{11});
    QCOMPARE(text(world.samples("ALERTS")), ""); // nothing was written
}

void TestBacktest::keepsFiringAsTheRuleDoes()
{
    RuleWorld world;
    world.put("up", 0, 9, 0);
    world.put("up", 10, 20, 1);
    const auto result = backtest(rule("alert: Down, expr: 'up == 0', keep_firing_for: 3m"),
                                 until(20), world.engine, world.store, {});
    QCOMPARE(spansOf(result->alerts[0]), "firing 0-12");
}

void TestBacktest::agreesWithTheLiveRule_data()
{
    QTest::addColumn<QByteArray>("fields");
    for (const char* fields : {"alert: A, expr: m > 0.5", "alert: A, expr: m > 0.3, for: 3m",
                               "alert: A, expr: m > 0.5, for: 2m, keep_firing_for: 4m",
                               "alert: A, expr: sum by (g) (m) > 2, labels: {v: '{{ $value }}'}"}) {
        QTest::newRow(fields) << QByteArray(fields);
    }
}

void TestBacktest::agreesWithTheLiveRule()
{
    QFETCH(QByteArray, fields);
    RuleWorld world;
    std::mt19937 random(7); // NOLINT: the same every time
    constexpr int kEnd = 120;
    for (int i = 0; i <= kEnd; ++i) {
        for (int s = 0; s < 6; ++s) {
            world.store.add(test::labelsOf(fmt::format("m{{s=\"{}\",g=\"{}\"}}", s, s % 2)),
                            minute(i), static_cast<double>(random() % 100) / 100);
        }
    }
    const auto result =
        backtest(rule(fields.toStdString()), until(kEnd), world.engine, world.store, {});
    QVERIFY2(result.ok(), result.status().ToString().c_str());
    const auto group = world.group("  - {" + fields.toStdString() + "}\n");
    std::size_t sent = 0;
    for (int i = 0; i <= kEnd; ++i) {
        static_cast<void>(group->evaluate(minute(i)));
        sent += world.takeSent().size();
        const auto& live = dynamic_cast<const rules::AlertingRule&>(*group->rules().rules()[0]);
        std::map<model::Labels, AlertState> states;
        for (const rules::AlertHistory& history : result->alerts) {
            for (const StateSpan& span : history.spans) {
                if (span.from <= minute(i) && minute(i) <= span.to) {
                    states[history.labels] = span.state;
                }
            }
        }
        std::map<model::Labels, AlertState> expected;
        for (const rules::ActiveAlert& alert : live.alerts()) {
            expected[alert.labels] = alert.state;
        }
        QVERIFY(states == expected);
    }
    QCOMPARE(result->notifications, sent);
}

void TestBacktest::findsFlapping()
{
    RuleWorld world;
    for (int i = 0; i < 60; ++i) {
        world.put("up", i, i, i % 4 == 0 ? 0 : 1);
    }
    const auto result =
        backtest(rule("alert: Down, expr: 'up == 0'"), until(59), world.engine, world.store, {});
    QCOMPARE(result->alerts[0].firings, std::size_t{15});
    QVERIFY(result->alerts[0].flapping);
    QCOMPARE(result->flapping, std::size_t{1});
}

void TestBacktest::tellsWhatFails()
{
    RuleWorld world;
    world.put("up{a=\"1\"}", 0, 9);
    world.put("up{a=\"2\"}", 5, 9);
    BacktestOptions options = until(9);
    options.limit = 1;
    const auto result =
        backtest(rule("alert: A, expr: up"), options, world.engine, world.store, {});
    QCOMPARE(result->failures, std::size_t{5});
    QCOMPARE(text(result->firstFailure), "exceeded limit of 1 with 2 alerts");
    QVERIFY(result->firstFailureTime == minute(5));
    QCOMPARE(spansOf(result->alerts[0]), "firing 0-4");
    const auto bad =
        backtest(rule("alert: A, expr: 'up * on () up'"), until(9), world.engine, world.store, {});
    QCOMPARE(bad.status().code(), absl::StatusCode::kInvalidArgument);
}

void TestBacktest::recordsSeries()
{
    RuleWorld world;
    world.put("up{a=\"1\"}", 0, 3, 2);
    const auto result = backtest(rule("record: x, expr: up * 2, labels: {l: v}"), until(3),
                                 world.engine, world.store, {});
    QCOMPARE(result->series.size(), std::size_t{1});
    QCOMPARE(text(result->series[0].labels.toString()), "x{a=\"1\", l=\"v\"}");
    QCOMPARE(result->series[0].points.size(), std::size_t{4});
}

void TestBacktest::edgesOfTheRangeAreThoseOfTheRule()
{
    RuleWorld world;
    for (int i = 0; i <= 5; ++i) {
        world.put("m", i, i, i);
    }
    const auto result =
        backtest(rule("alert: A, expr: 'm @ end() == 2'"), until(5), world.engine, world.store, {});
    QCOMPARE(spansOf(result->alerts[0]), "firing 2-2");
}

void TestBacktest::comparesTwoVersions()
{
    RuleWorld world;
    world.put("m{s=\"a\"}", 0, 9, 5);
    world.put("m{s=\"b\"}", 0, 9, 15);
    const auto run = [&](const char* fields) {
        return *backtest(rule(fields), until(9), world.engine, world.store, {});
    };
    const auto comparison = rules::compareBacktests(run("alert: A, expr: m > 1"),
                                                    run("alert: A, expr: m > 10, for: 2m"));
    QCOMPARE(comparison.onlyBefore.size(), std::size_t{1});
    QVERIFY(comparison.onlyBefore[0].get("s") == "a");
    QVERIFY(comparison.onlyAfter.empty());
    QCOMPARE(comparison.different.size(), std::size_t{1});
}

void TestBacktest::canBeStoppedAndIsBounded()
{
    RuleWorld world;
    world.put("m", 0, 9, 5);
    std::stop_source stop;
    stop.request_stop();
    QCOMPARE(
        backtest(rule("alert: A, expr: m"), until(9), world.engine, world.store, stop.get_token())
            .status()
            .code(),
        absl::StatusCode::kCancelled);
    BacktestOptions options = until(1'000'000);
    options.interval = 1_s;
    QCOMPARE(
        backtest(rule("alert: A, expr: m"), options, world.engine, world.store, {}).status().code(),
        absl::StatusCode::kResourceExhausted);
    options.interval = 0_s;
    QVERIFY(!backtest(rule("alert: A, expr: m"), options, world.engine, world.store, {}).ok());
}

QTEST_GUILESS_MAIN(TestBacktest)
#include "tst_backtest.moc"
