// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "rule_world.h"

#include "core/exposition/text_writer.h"

#include <QtTest>

#include <filesystem>
#include <fstream>

using namespace narthex;
using namespace narthex::base::literals;
using rules::AlertState;
using rules::Change;
using test::labelsOf;
using test::minute;
using test::RuleWorld;

namespace {

QString text(const std::string& value) { return QString::fromStdString(value); }

constexpr base::Timestamp kStart{1'700'000'000'000};

const std::string kDown = "  - {alert: Down, expr: 'up == 0', for: 5m}\n";

std::string oneGroup(const std::string& lines, const std::string& head = {})
{
    return "groups:\n- name: g\n" + head + "  rules:\n" + lines;
}

/// A manager over the world; its runs are waited for after each move of time.
class ManagedWorld : public RuleWorld
{
public:
    ManagedWorld()
        : RuleWorld(kStart),
          manager({}, {.queries = engine,
                       .reading = store,
                       .writing = store,
                       .timers = timers,
                       .pool = pool,
                       .sink = [this](model::Alerts alerts) { receive(std::move(alerts)); },
                       .log = base::nullLogger()})
    {}
    ~ManagedWorld() { manager.stop(); }

    void apply(const std::string& yaml) { manager.apply(files(yaml), defaults); }
    [[nodiscard]] std::uint64_t iterations() const
    {
        std::uint64_t count = 0;
        for (const auto& group : manager.snapshot(false)) {
            count += group.stats.iterations;
        }
        return count;
    }
    /// Moves to the next slot of the first group and waits for its evaluation.
    void nextSlot(const std::string& series = {}, double value = 0)
    {
        const base::Timestamp slot = *manager.snapshot(false).front().nextSlot;
        if (!series.empty()) {
            store.add(labelsOf(series), slot, value);
        }
        timers.advance(slot - timers.clock().now());
        settle();
    }
    /// Until every run has ended and the next ones are scheduled.
    void settle()
    {
        const std::size_t groups = manager.groups().size();
        if (!QTest::qWaitFor([&] { return timers.pending() >= groups; }, 10'000)) {
            throw std::runtime_error("a run does not end");
        }
    }
    const rules::AlertingRule& alerting(std::size_t index = 0) const
    {
        return dynamic_cast<const rules::AlertingRule&>(
            *manager.groups().front()->rules().rules()[index]);
    }
    QString state() const { return text(std::string(alertStateText(alerting().state()))); }

    rules::RuleManager manager;
};

} // namespace

class TestRuleManager : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void slotsAreStableAndExact();
    void nothingRunsBeforeTheStoreIsReady();
    void runsAtItsSlots();
    void countsMissedIterations();
    void anUnchangedGroupRunsOnUntouched();
    void aChangedExpressionKeepsTheState();
    void aChangedLabelLosesTheState();
    void raisingTheHoldMakesAlertsPending();
    void aRenamedGroupEndsItsOldSeriesAfterTwoIntervals();
    void aGroupThatComesBackEndsItsSeriesAtOnce();
    void stoppingWritesNoMarkers();
    void newExternalLabelsRenewTheGroup();
    void oneBadFileKeepsAllGroups();
    void restoresAlertsAfterARestart_data();
    void restoresAlertsAfterARestart();
    void writesNoAlertSeriesBeforeRestoring();
    void sleepingIsAGapInWhichNothingFires();
    void aClockThatIsSetBackIsAGap();
    void aLateTickIsAGap();
    void tellsWhatAReloadWouldDo();
    void writesItsMetrics();
};

void TestRuleManager::slotsAreStableAndExact()
{
    RuleWorld world;
    const auto group = world.group(kDown);
    const base::Timestamp slot = rules::slotAt(group->spec(), kStart);
    QVERIFY(slot <= kStart && kStart - slot < 1_min);
    QVERIFY(rules::slotAt(group->spec(), slot) == slot);
    QVERIFY(rules::slotAt(group->spec(), slot - 1_ms) == slot - 1_min);
    QVERIFY(rules::slotAt(group->spec(), slot + 59999_ms) == slot);
    QVERIFY(rules::slotAt(group->spec(), {-1}).ms < 0);
}

void TestRuleManager::nothingRunsBeforeTheStoreIsReady()
{
    ManagedWorld world;
    world.apply(oneGroup(kDown));
    world.timers.advance(10_min);
    QCOMPARE(world.iterations(), std::uint64_t{0});
    QVERIFY(!world.manager.snapshot(false).front().nextSlot);
    world.manager.start();
    world.nextSlot();
    QCOMPARE(world.iterations(), std::uint64_t{1});
}

void TestRuleManager::runsAtItsSlots()
{
    ManagedWorld world;
    world.apply(oneGroup("  - {record: x, expr: time()}\n"));
    world.manager.start();
    const base::Timestamp first = *world.manager.snapshot(false).front().nextSlot;
    QVERIFY(first > kStart && first - kStart <= 1_min);
    world.nextSlot();
    QCOMPARE(text(world.at("x", first)), text(fmt::format("x {}", first.seconds())));
    QVERIFY(*world.manager.snapshot(false).front().nextSlot == first + 1_min);
    world.nextSlot();
    QCOMPARE(text(world.at("x", first + 1_min)),
             text(fmt::format("x {}", (first + 1_min).seconds())));
    QCOMPARE(world.iterations(), std::uint64_t{2});
}

void TestRuleManager::countsMissedIterations()
{
    ManagedWorld world;
    world.apply(oneGroup("  - {record: x, expr: 1}\n", "  interval: 10s\n"));
    world.manager.start();
    world.nextSlot();
    world.timers.manualClock().advance(30_s); // nobody looked: three slots, the last one is run
    world.timers.advance(0_s);
    world.settle();
    const rules::GroupStats stats = world.manager.snapshot(false).front().stats;
    QCOMPARE(stats.missed, std::uint64_t{2});
    QCOMPARE(stats.iterations, std::uint64_t{4});
    QVERIFY(world.manager.gaps().empty());
}

void TestRuleManager::anUnchangedGroupRunsOnUntouched()
{
    ManagedWorld world;
    world.apply(oneGroup(kDown));
    const auto before = world.manager.groups().front();
    world.apply(oneGroup("  - {alert: Down, expr: 'up==0', for: 300s}\n")); // the same, otherwise
    QVERIFY(world.manager.groups().front() == before);
    world.apply(oneGroup(kDown, "  interval: 30s\n"));
    QVERIFY(world.manager.groups().front() != before);
}

void TestRuleManager::aChangedExpressionKeepsTheState()
{
    ManagedWorld world;
    world.apply(oneGroup(kDown));
    world.manager.start();
    world.nextSlot("up");
    const base::Timestamp active = world.alerting().alerts().front().activeAt;
    world.nextSlot("up");
    world.apply(oneGroup("  - {alert: Down, expr: 'up < 1', for: 5m}\n"));
    world.nextSlot("up");
    QVERIFY(world.alerting().alerts().front().activeAt == active);
    QCOMPARE(world.iterations(), std::uint64_t{3}); // counts go on
}

void TestRuleManager::aChangedLabelLosesTheState()
{
    ManagedWorld world;
    world.apply(oneGroup(kDown));
    world.manager.start();
    for (int i = 0; i < 3; ++i) { // the first two come before restoring and leave no series
        world.nextSlot("up");
    }
    const base::Timestamp active = world.alerting().alerts().front().activeAt;
    world.apply(oneGroup("  - {alert: Down, expr: 'up == 0', for: 5m, labels: {s: x}}\n"));
    world.nextSlot("up");
    QVERIFY(world.alerting().alerts().front().activeAt > active);
    // The old rule's series end with the first run of the new one.
    QVERIFY(text(world.samples("ALERTS{alertname=\"Down\",alertstate=\"pending\"}"))
                .endsWith(":stale"));
}

void TestRuleManager::raisingTheHoldMakesAlertsPending()
{
    ManagedWorld world;
    world.apply(oneGroup("  - {alert: Down, expr: 'up == 0', for: 1m}\n"));
    world.manager.start();
    for (int i = 0; i <= 5; ++i) {
        world.nextSlot("up");
    }
    QCOMPARE(world.state(), "firing");
    const base::Timestamp active = world.alerting().alerts().front().activeAt;
    static_cast<void>(world.takeSent());
    world.apply(oneGroup("  - {alert: Down, expr: 'up == 0', for: 10m}\n"));
    for (int i = 6; i <= 9; ++i) {
        world.nextSlot("up");
        QCOMPARE(world.state(), "pending");
    }
    QVERIFY(world.takeSent().empty());
    world.nextSlot("up");
    QCOMPARE(world.state(), "firing");
    QVERIFY(world.alerting().alerts().front().activeAt == active);
}

void TestRuleManager::aRenamedGroupEndsItsOldSeriesAfterTwoIntervals()
{
    ManagedWorld world;
    world.apply(oneGroup("  - {record: x, expr: 1}\n"));
    world.manager.start();
    world.nextSlot();
    world.apply("groups:\n- name: other\n  rules:\n  - {record: y, expr: 1}\n");
    world.timers.advance(119_s);
    world.settle();
    QVERIFY(!text(world.samples("x")).contains("stale"));
    world.timers.advance(1_s);
    QVERIFY(QTest::qWaitFor([&] { return text(world.samples("x")).endsWith(":stale"); }));
}

void TestRuleManager::aGroupThatComesBackEndsItsSeriesAtOnce()
{
    ManagedWorld world;
    world.apply(oneGroup("  - {record: x, expr: 1}\n"));
    world.manager.start();
    world.nextSlot();
    world.apply("groups: []\n");
    world.apply(oneGroup("  - {record: y, expr: 1}\n"));
    world.nextSlot();
    QVERIFY(text(world.samples("x")).endsWith(":stale"));
    world.timers.advance(2_min);
    world.settle();
    QCOMPARE(text(world.samples("x")).count("stale"), 1);
}

void TestRuleManager::stoppingWritesNoMarkers()
{
    ManagedWorld world;
    world.apply(oneGroup("  - {record: x, expr: 1}\n"));
    world.manager.start();
    world.nextSlot();
    world.apply("groups: []\n");
    world.manager.stop();
    world.timers.advance(10_min);
    QVERIFY(!text(world.samples("x")).contains("stale"));
}

void TestRuleManager::newExternalLabelsRenewTheGroup()
{
    ManagedWorld world;
    world.apply(oneGroup(kDown));
    const auto before = world.manager.groups().front();
    world.defaults.surroundings.externalLabels = {{"cluster", "x"}};
    world.apply(oneGroup(kDown));
    QVERIFY(world.manager.groups().front() != before);
}

void TestRuleManager::oneBadFileKeepsAllGroups()
{
    QTemporaryDir folder;
    std::vector<std::string> paths;
    for (const char* name : {"a.yml", "b.yml", "c.yml"}) {
        paths.push_back(folder.filePath(name).toStdString());
        std::ofstream(paths.back()) << oneGroup("  - {record: x, expr: 1}\n");
    }
    ManagedWorld world;
    QVERIFY(world.manager.load(paths, world.defaults).ok());
    QCOMPARE(world.manager.groups().size(), std::size_t{3});
    std::ofstream(paths[1]) << oneGroup("  - {record: x, expr: 'sum('}\n");
    std::ofstream(paths[2]) << oneGroup("  - {record: x}\n");
    const absl::Status status = world.manager.load(paths, world.defaults);
    QCOMPARE(status.code(), absl::StatusCode::kInvalidArgument);
    const QString told = text(std::string(base::messageOf(status)));
    QVERIFY2(told.contains("b.yml:4:") && told.contains("c.yml:4:"), qPrintable(told));
    QCOMPARE(world.manager.groups().size(), std::size_t{3});
}

void TestRuleManager::restoresAlertsAfterARestart_data()
{
    QTest::addColumn<int>("activeBefore"); // minutes before the stop
    QTest::addColumn<int>("down");
    QTest::addColumn<int>("holdFor");
    QTest::addColumn<int>("firesAfter"); // minutes after restoring
    QTest::newRow("the outage does not count") << 19 << 5 << 30 << 11;
    QTest::newRow("less than the grace period is left") << 25 << 5 << 30 << 10;
    QTest::newRow("it fired before") << 40 << 5 << 30 << 1;
    QTest::newRow("out of tolerance") << 20 << 120 << 30 << 29;
    QTest::newRow("short ones are not restored") << 4 << 1 << 5 << 4;
}

void TestRuleManager::restoresAlertsAfterARestart()
{
    QFETCH(int, activeBefore);
    QFETCH(int, down);
    QFETCH(int, holdFor);
    QFETCH(int, firesAfter);
    ManagedWorld world;
    world.apply(oneGroup(fmt::format("  - {{alert: Down, expr: 'up == 0', for: {}m}}\n", holdFor)));
    world.manager.start();
    const base::Timestamp second = *world.manager.snapshot(false).front().nextSlot + 1_min;
    const base::Timestamp stopped = second - base::Duration(1_min) * down;
    const base::Timestamp active = stopped - base::Duration(1_min) * activeBefore;
    world.store.add(labelsOf("ALERTS_FOR_STATE{alertname=\"Down\"}"), stopped,
                    static_cast<double>(active.ms / 1000));
    world.nextSlot("up");
    world.nextSlot("up"); // restored behind this one
    for (int i = 1; i < firesAfter; ++i) {
        world.nextSlot("up");
        QCOMPARE(world.state(), "pending");
    }
    world.nextSlot("up");
    QCOMPARE(world.state(), "firing");
}

void TestRuleManager::writesNoAlertSeriesBeforeRestoring()
{
    ManagedWorld world;
    world.apply(oneGroup("  - {alert: Down, expr: 'up == 0'}\n"));
    world.manager.start();
    world.nextSlot("up");
    QCOMPARE(world.takeSent().size(), std::size_t{1}); // fires, and is sent
    world.nextSlot("up");
    QCOMPARE(text(world.samples("ALERTS{alertname=\"Down\",alertstate=\"firing\"}")), "");
    world.nextSlot("up");
    QVERIFY(!world.samples("ALERTS{alertname=\"Down\",alertstate=\"firing\"}").empty());
    // A group that a reload adds has nothing to restore.
    world.apply(oneGroup("  - {alert: Down, expr: 'up == 0'}\n") +
                "- name: new\n  rules:\n  - {alert: New, expr: 'up == 0'}\n");
    world.timers.advance(2_min);
    world.settle();
    QVERIFY(QTest::qWaitFor(
        [&] { return !world.samples("ALERTS_FOR_STATE{alertname=\"New\"}").empty(); }));
}

void TestRuleManager::sleepingIsAGapInWhichNothingFires()
{
    ManagedWorld world;
    world.apply(oneGroup("  - {alert: Down, expr: 'up == 0', for: 5m}\n"
                         "  - {alert: Gone, expr: absent(up)}\n"
                         "  - {alert: On, expr: 'up == 0'}\n"));
    world.manager.start();
    for (int i = 0; i < 3; ++i) {
        world.nextSlot("up");
    }
    const base::Timestamp active = world.alerting().alerts().front().activeAt;
    const base::Timestamp asleep = world.timers.clock().now();
    world.timers.manualClock().jump(8_h); // the machine slept
    // The timer fires when the rest of its minute is over on the steady clock.
    world.timers.advance(1_min);
    world.settle();
    QCOMPARE(world.manager.gaps().size(), std::size_t{1});
    QVERIFY(world.manager.gaps().front().length() == 8_h);
    QVERIFY(world.manager.gaps().front().from - asleep <= 1_min);
    QCOMPARE(world.state(), "pending");
    QVERIFY(world.alerting().alerts().front().activeAt == active + 8_h);
    QVERIFY(world.alerting(1).state() != AlertState::Firing); // up is only not scraped yet
    QVERIFY(world.alerting(2).state() == AlertState::Firing);
    // Targets are scraped again: the hold goes on where it was.
    world.nextSlot("up");
    QCOMPARE(world.state(), "pending"); // four minutes that were seen
    world.nextSlot("up");
    QCOMPARE(world.state(), "firing");
    QVERIFY(world.alerting(1).alerts(true).empty());
}

void TestRuleManager::aClockThatIsSetBackIsAGap()
{
    ManagedWorld world;
    world.apply(oneGroup("  - {alert: Down, expr: 'vector(0) == 0', for: 5m}\n"));
    world.manager.start();
    world.nextSlot();
    world.nextSlot();
    const base::Timestamp active = world.alerting().alerts().front().activeAt;
    world.timers.manualClock().jump(-(3_h));
    world.timers.advance(1_min);
    world.settle();
    QVERIFY(world.manager.gaps().front().length() == -(3_h));
    QVERIFY(world.alerting().alerts().front().activeAt == active - 3_h);
    for (int i = 0; i < 6; ++i) {
        world.nextSlot();
    }
    QCOMPARE(world.state(), "firing"); // not three hours later
}

void TestRuleManager::aLateTickIsAGap()
{
    ManagedWorld world;
    world.apply(oneGroup(kDown));
    world.manager.start();
    world.nextSlot("up");
    world.timers.manualClock().advance(20_min); // the process stood still, both clocks went on
    world.timers.advance(0_s);
    world.settle();
    QCOMPARE(world.manager.gaps().size(), std::size_t{1});
    QVERIFY(world.manager.gaps().front().length() >= 19_min);
    QCOMPARE(world.state(), "pending");
}

void TestRuleManager::tellsWhatAReloadWouldDo()
{
    ManagedWorld world;
    world.apply(oneGroup("  - {alert: Down, expr: 'up == 0', for: 5m}\n"
                         "  - {alert: Lost, expr: 'up == 0'}\n") +
                "- name: same\n  rules:\n  - {record: x, expr: 1}\n"
                "- name: old\n  rules:\n  - {record: z, expr: 1}\n");
    world.manager.start();
    world.store.add(labelsOf("up"), kStart, 0);
    world.timers.advance(1_min);
    world.settle();
    const auto diff = world.manager.diff(
        RuleWorld::files(oneGroup("  - {alert: Down, expr: 'up < 1', for: 6m}\n"
                                  "  - {alert: Lost, expr: 'up == 0', labels: {s: x}}\n",
                                  "  interval: 30s\n") +
                         "- name: new\n  rules:\n  - {record: y, expr: 1}\n"
                         "- name: same\n  rules:\n  - {record: x, expr: 1}\n"),
        world.defaults);
    QCOMPARE(diff.groups.size(), std::size_t{4});
    const rules::GroupChange& changed = diff.groups[0];
    QVERIFY(changed.change == Change::Changed && changed.name == "g");
    QVERIFY(changed.fields == std::vector<std::string>{"interval"});
    QCOMPARE(changed.rules.size(), std::size_t{3});
    QVERIFY(changed.rules[0].change == Change::Changed);
    QVERIFY((changed.rules[0].fields == std::vector<std::string>{"expr", "for"}));
    QCOMPARE(changed.rules[0].activeAlerts, std::size_t{1});
    QVERIFY(changed.rules[1].change == Change::Added);
    QVERIFY(changed.rules[2].change == Change::Removed);
    QVERIFY(diff.groups[1].change == Change::Added && diff.groups[1].name == "new");
    QVERIFY(diff.groups[2].change == Change::Removed && diff.groups[2].name == "old");
    QVERIFY(diff.groups[3].change == Change::Unchanged);
    QCOMPARE(diff.lostAlerts(), std::size_t{1});
    QVERIFY(!diff.isEmpty());
}

void TestRuleManager::writesItsMetrics()
{
    ManagedWorld world;
    world.apply(oneGroup("  - {record: x, expr: 1}\n  - {record: y, expr: 'up[1m]'}\n"));
    world.manager.start();
    world.nextSlot();
    std::string page;
    exposition::TextWriter writer(page);
    world.manager.writeMetrics(writer);
    for (const char* line :
         {"prometheus_rule_evaluations_total{rule_group=\"r.yml;g\"} 2\n",
          "prometheus_rule_evaluation_failures_total{rule_group=\"r.yml;g\"} 1\n",
          "prometheus_rule_group_iterations_total{rule_group=\"r.yml;g\"} 1\n",
          "prometheus_rule_group_interval_seconds{rule_group=\"r.yml;g\"} 60\n",
          "prometheus_rule_group_rules{rule_group=\"r.yml;g\"} 2\n",
          "prometheus_rule_group_last_evaluation_samples{rule_group=\"r.yml;g\"}"
          " 1\n",
          "prometheus_rule_evaluation_duration_seconds_count 2\n",
          "prometheus_rule_group_duration_histogram_seconds_count 1\n"}) {
        QVERIFY2(page.find(line) != std::string::npos, page.c_str());
    }
}

QTEST_GUILESS_MAIN(TestRuleManager)
#include "tst_rule_manager.moc"
