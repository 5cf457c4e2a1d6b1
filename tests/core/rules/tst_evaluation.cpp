// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "rule_world.h"

#include "core/rules/try_rule.h"

#include <QtTest>

using namespace narthex;
using namespace narthex::base::literals;
using rules::AlertState;
using rules::RuleHealth;
using test::minute;
using test::RuleWorld;

namespace {

QString text(const std::string& value) { return QString::fromStdString(value); }

const rules::AlertingRule& alerting(const rules::Group& group, std::size_t index = 0)
{
    return dynamic_cast<const rules::AlertingRule&>(*group.rules().rules()[index]);
}

QString stateOf(const rules::Group& group)
{
    return text(std::string(rules::alertStateText(alerting(group).state())));
}

void run(rules::Group& group, std::int64_t from, std::int64_t to)
{
    for (std::int64_t i = from; i <= to; ++i) {
        static_cast<void>(group.evaluate(minute(i)));
    }
}

rules::RuleStatus statusOf(const rules::Group& group, std::size_t index = 0)
{
    return group.rules().rules()[index]->status();
}

const std::string kDown = "  - {alert: Down, expr: 'up == 0', for: 5m}\n";

} // namespace

class TestEvaluation : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void recordsVectorsAndScalars();
    void labelsOfTheRuleWinOverThoseOfTheGroup();
    void refusesTwoElementsThatBecomeOneSeries();
    void limitsSeriesAndAlerts();
    void endsSeriesThatVanish();
    void aFailedRunLeavesNoMark();
    void queryOffsetMovesQueriesAndSamples();
    void laterRulesSeeWhatEarlierOnesWrote();
    void recordsHistograms();
    void refusesResultsThatAreNoVector();
    void countsRefusedSamples();
    void holdsAlertsBeforeTheyFire();
    void firesAtOnceWithoutAHold();
    void forgetsPendingAlerts();
    void keepsFiringForAWhile();
    void sendsEverySecondEvaluation();
    void repeatsResolvedAlertsUntilTheyAreForgotten();
    void endTimesFollowTheInterval();
    void elementsThatDifferInNameAloneAreOneAlert();
    void externalLabelsAreNotOnAlerts();
    void aTemplateThatFailsLeavesItsError();
    void afterAGapNothingFiresOrResolves();
    void rulesThatDependRunInBatches_data();
    void rulesThatDependRunInBatches();
    void aSelectorWithoutNameMakesTheGroupSequential();
    void concurrentRulesGiveTheSame();
    void triesARuleWithoutConsequences();
};

void TestEvaluation::recordsVectorsAndScalars()
{
    RuleWorld world;
    world.put("up{job=\"a\"}", 0, 0, 3);
    const auto group = world.group("  - {record: x, expr: 'up * 2', labels: {l: v}}\n"
                                   "  - {record: five, expr: 5}\n");
    run(*group, 0, 0);
    QCOMPARE(text(world.at("x", minute(0))), "x{job=\"a\", l=\"v\"} 6");
    QCOMPARE(text(world.at("five", minute(0))), "five 5");
    QVERIFY(statusOf(*group).health == RuleHealth::Ok);
    QCOMPARE(statusOf(*group).samples, std::size_t{1});
}

void TestEvaluation::labelsOfTheRuleWinOverThoseOfTheGroup()
{
    RuleWorld world;
    world.put("up", 0, 0);
    const auto group = world.group("  - {record: x, expr: up, labels: {team: b}}\n"
                                   "  - {alert: A, expr: up, labels: {team: b}}\n",
                                   "  labels: {team: a, tier: t}\n");
    run(*group, 0, 0);
    QCOMPARE(text(world.at("x", minute(0))), "x{team=\"b\", tier=\"t\"} 1");
    QCOMPARE(text(alerting(*group, 1).alerts().front().labels.toString()),
             "{alertname=\"A\", team=\"b\", tier=\"t\"}");
}

void TestEvaluation::refusesTwoElementsThatBecomeOneSeries()
{
    RuleWorld world;
    world.put("up{a=\"1\"}", 0, 0);
    const auto group = world.group("  - {record: x, expr: up, labels: {a: ''}}\n");
    run(*group, 0, 0);
    world.put("up{a=\"1\"}", 1, 1);
    world.put("up{a=\"2\"}", 1, 1);
    run(*group, 1, 1);
    QVERIFY(statusOf(*group).health == RuleHealth::Error);
    QVERIFY(text(statusOf(*group).lastError).contains("same labelset after applying rule labels"));
    QCOMPARE(text(world.samples("x")), "0:1"); // no marker, either
    QCOMPARE(group->stats().failures, std::uint64_t{1});
}

void TestEvaluation::limitsSeriesAndAlerts()
{
    RuleWorld world;
    world.put("up{a=\"1\"}", 0, 5);
    world.put("up{a=\"2\"}", 0, 1);
    world.stale("up{a=\"2\"}", 2);
    const auto group = world.group("  - {record: x, expr: up}\n"
                                   "  - {alert: A, expr: up, for: 1m}\n",
                                   "  limit: 1\n");
    run(*group, 0, 0);
    QCOMPARE(text(statusOf(*group).lastError), "exceeded limit of 1 with 2 series");
    QCOMPARE(text(statusOf(*group, 1).lastError), "exceeded limit of 1 with 2 alerts");
    QCOMPARE(text(world.at("x", minute(0))), "none");
    QCOMPARE(alerting(*group, 1).activeCount(), std::size_t{0});
    run(*group, 2, 2);
    QCOMPARE(text(world.at("x", minute(2))), "x{a=\"1\"} 1");
    QVERIFY(alerting(*group, 1).state() == AlertState::Pending);
    QVERIFY(alerting(*group, 1).alerts().front().activeAt == minute(2));
}

void TestEvaluation::endsSeriesThatVanish()
{
    RuleWorld world;
    world.put("up", 0, 1);
    world.stale("up", 2);
    const auto group = world.group("  - {record: x, expr: up}\n");
    run(*group, 0, 4);
    QCOMPARE(text(world.samples("x")), "0:1 1:1 2:stale");
    QCOMPARE(text(world.at("x", minute(2))), "none");
}

void TestEvaluation::aFailedRunLeavesNoMark()
{
    RuleWorld world;
    world.put("a{i=\"1\"}", 0, 6);
    world.put("b{i=\"1\"}", 0, 6);
    world.put("b{i=\"1\",j=\"2\"}", 5, 5);
    world.stale("b{i=\"1\",j=\"2\"}", 6);
    const auto group = world.group("  - {record: x, expr: a * on (i) b}\n");
    run(*group, 4, 6);
    QCOMPARE(text(world.samples("x{i=\"1\"}")), "4:1 6:1");
    QVERIFY(statusOf(*group).health == RuleHealth::Ok);
    QCOMPARE(group->stats().failures, std::uint64_t{1});
}

void TestEvaluation::queryOffsetMovesQueriesAndSamples()
{
    RuleWorld world;
    world.put("up", 9, 9, 9);
    const auto group = world.group("  - {record: x, expr: up}\n"
                                   "  - {alert: A, expr: up, for: 1m}\n",
                                   "  query_offset: 1m\n");
    run(*group, 10, 10);
    QCOMPARE(text(world.samples("x")), "9:9");
    QCOMPARE(text(world.samples("ALERTS{alertname=\"A\",alertstate=\"pending\"}")), "9:1");
    QVERIFY(alerting(*group, 1).alerts().front().activeAt == minute(10));
}

void TestEvaluation::laterRulesSeeWhatEarlierOnesWrote()
{
    RuleWorld world;
    world.put("up", 0, 0, 3);
    const auto group = world.group("  - {record: x, expr: up + 1}\n"
                                   "  - {record: y, expr: x + 1}\n");
    run(*group, 0, 0);
    QCOMPARE(text(world.at("y", minute(0))), "y 5");
    QVERIFY(group->snapshot(true).rules[1].reads == std::vector<std::size_t>{0});
}

void TestEvaluation::recordsHistograms()
{
    RuleWorld world;
    const auto described =
        promql::parseSeriesDescription("h {{schema:0 sum:5 count:4 buckets:[1 2 1]}}");
    QVERIFY(described.ok());
    world.store.add(described->labels, minute(0), *described->values.front().histogram);
    const auto group = world.group("  - {record: x, expr: h}\n");
    run(*group, 0, 0);
    QCOMPARE(text(world.at("histogram_count(x)", minute(0))), "{} 4");
}

void TestEvaluation::refusesResultsThatAreNoVector()
{
    RuleWorld world;
    const auto group = world.group("  - {record: x, expr: 'up[5m]'}\n");
    run(*group, 0, 0);
    QVERIFY(text(statusOf(*group).lastError).contains("not a vector or scalar"));
}

void TestEvaluation::countsRefusedSamples()
{
    RuleWorld world;
    world.put("up", 0, 3);
    world.put("x", 2, 2, 7); // somebody else writes the same series ahead of us
    const auto group = world.group("  - {record: x, expr: up}\n");
    run(*group, 1, 1);
    QVERIFY(statusOf(*group).health == RuleHealth::Error);
    QVERIFY(text(statusOf(*group).lastError).contains("1 out of order"));
    run(*group, 3, 3);
    QVERIFY(statusOf(*group).health == RuleHealth::Ok);
}

void TestEvaluation::holdsAlertsBeforeTheyFire()
{
    RuleWorld world;
    world.put("up", 0, 8, 0);
    const auto group = world.group(kDown);
    QCOMPARE(stateOf(*group), "unknown");
    run(*group, 0, 4);
    QCOMPARE(stateOf(*group), "pending");
    QVERIFY(world.takeSent().empty());
    run(*group, 5, 6);
    QCOMPARE(stateOf(*group), "firing");
    QCOMPARE(text(world.samples("ALERTS{alertname=\"Down\",alertstate=\"pending\"}")),
             "0:1 1:1 2:1 3:1 4:1 5:stale");
    QCOMPARE(text(world.samples("ALERTS{alertname=\"Down\",alertstate=\"firing\"}")), "5:1 6:1");
    QCOMPARE(text(world.samples("ALERTS_FOR_STATE{alertname=\"Down\"}")),
             "0:0 1:0 2:0 3:0 4:0 5:0 6:0");
}

void TestEvaluation::firesAtOnceWithoutAHold()
{
    RuleWorld world;
    world.put("up", 0, 0, 0);
    const auto group = world.group("  - {alert: Down, expr: 'up == 0'}\n");
    run(*group, 0, 0);
    QCOMPARE(stateOf(*group), "firing");
    QVERIFY(alerting(*group).alerts().front().firedAt == minute(0));
}

void TestEvaluation::forgetsPendingAlerts()
{
    RuleWorld world;
    world.put("up", 0, 2, 0);
    world.put("up", 3, 3, 1);
    world.put("up", 4, 4, 0);
    const auto group = world.group(kDown);
    run(*group, 0, 3);
    QCOMPARE(stateOf(*group), "inactive");
    QCOMPARE(alerting(*group).alerts(true).size(), std::size_t{0});
    QVERIFY(text(world.samples("ALERTS{alertname=\"Down\",alertstate=\"pending\"}"))
                .endsWith("2:1 3:stale"));
    run(*group, 4, 4);
    QVERIFY(alerting(*group).alerts().front().activeAt == minute(4));
    QVERIFY(world.takeSent().empty());
}

void TestEvaluation::keepsFiringForAWhile()
{
    RuleWorld world;
    world.put("up", 0, 9, 0);
    world.put("up", 10, 11, 1);
    const auto group = world.group("  - {alert: Down, expr: 'up == 0', keep_firing_for: 3m}\n");
    run(*group, 0, 11);
    QCOMPARE(stateOf(*group), "firing");
    QVERIFY(alerting(*group).alerts().front().keepFiringSince == minute(10));
    world.put("up", 12, 12, 0);
    run(*group, 12, 12);
    QVERIFY(!alerting(*group).alerts().front().keepFiringSince);
    world.put("up", 13, 16, 1);
    run(*group, 13, 15);
    QCOMPARE(stateOf(*group), "firing");
    run(*group, 16, 16);
    QCOMPARE(stateOf(*group), "inactive");
    QVERIFY(alerting(*group).alerts(true).front().resolvedAt == minute(16));
}

void TestEvaluation::sendsEverySecondEvaluation()
{
    RuleWorld world;
    world.put("up", 0, 10, 0);
    const auto group = world.group(kDown);
    QStringList sent;
    for (int i = 0; i <= 10; ++i) {
        run(*group, i, i);
        for (const model::Alert& alert : world.takeSent()) {
            sent << QString::number(i);
            QVERIFY(alert.startsAt == minute(5));
            QVERIFY(alert.endsAt == minute(i + 4));
            QCOMPARE(text(alert.generatorUrl), "/graph?g0.expr=up+%3D%3D+0&g0.tab=1");
        }
    }
    QCOMPARE(sent.join(' '), "5 7 9");
}

void TestEvaluation::repeatsResolvedAlertsUntilTheyAreForgotten()
{
    RuleWorld world;
    world.put("up", 0, 19, 0);
    world.put("up", 20, 40, 1);
    const auto group = world.group("  - {alert: Down, expr: 'up == 0'}\n");
    run(*group, 0, 19);
    static_cast<void>(world.takeSent());
    QStringList sent;
    for (int i = 20; i <= 40; ++i) {
        run(*group, i, i);
        for (const model::Alert& alert : world.takeSent()) {
            sent << QString::number(i);
            QVERIFY(alert.endsAt == minute(20));
        }
        QCOMPARE(alerting(*group).alerts(true).size(), i <= 35 ? std::size_t{1} : std::size_t{0});
    }
    QCOMPARE(sent.join(' '), "20 22 24 26 28 30 32 34");
}

void TestEvaluation::endTimesFollowTheInterval()
{
    RuleWorld world;
    world.put("up", 0, 0, 0);
    const auto group = world.group("  - {alert: Down, expr: 'up == 0'}\n", "  interval: 5m\n");
    run(*group, 0, 0);
    QVERIFY(world.takeSent().front().endsAt == minute(20));
}

void TestEvaluation::elementsThatDifferInNameAloneAreOneAlert()
{
    RuleWorld world;
    world.put("a{i=\"1\"}", 0, 1);
    const auto group = world.group("  - {alert: A, expr: '{i=\"1\"}'}\n");
    run(*group, 0, 0);
    world.put("b{i=\"1\"}", 1, 1);
    run(*group, 1, 1);
    QVERIFY(text(statusOf(*group).lastError).contains("same labelset after applying alert labels"));
    QCOMPARE(stateOf(*group), "firing"); // as it was
}

void TestEvaluation::externalLabelsAreNotOnAlerts()
{
    RuleWorld world;
    world.defaults.surroundings = {.externalLabels = {{"cluster", "x"}},
                                   .externalUrl = "http://n:9090"};
    world.put("up", 0, 0, 0);
    const auto group = world.group("  - {alert: Down, expr: 'up == 0'}\n");
    run(*group, 0, 0);
    const model::Alert sent = world.takeSent().front();
    QCOMPARE(text(sent.labels.toString()), "{alertname=\"Down\"}");
    QVERIFY(text(sent.generatorUrl).startsWith("http://n:9090/graph?"));
    QCOMPARE(text(world.at("ALERTS", minute(0))),
             "ALERTS{alertname=\"Down\", alertstate=\"firing\"} 1");
}

void TestEvaluation::aTemplateThatFailsLeavesItsError()
{
    RuleWorld world;
    world.put("up{job=\"j\"}", 0, 0, 0);
    const auto group = world.group("  - alert: Down\n    expr: up == 0\n    annotations:\n"
                                   "      good: '{{ $labels.job }} is {{ $value }}'\n"
                                   "      bad: '{{ first (query \"absent_metric\") }}'\n");
    run(*group, 0, 0);
    const model::Labels annotations = alerting(*group).alerts().front().annotations;
    QCOMPARE(text(std::string(annotations.get("good"))), "j is 0");
    QVERIFY(annotations.get("bad").starts_with("<error expanding template: "));
    QCOMPARE(stateOf(*group), "firing");
}

void TestEvaluation::afterAGapNothingFiresOrResolves()
{
    rules::AlertTable table;
    const auto element = [](const char* name) {
        return rules::AlertElement{.labels = {{"alertname", name}}, .annotations = {}};
    };
    const rules::AlertPolicy policy{.holdFor = 5_min, .keepFiringFor = 0_s, .limit = 0};
    const auto stateOfAlert = [&table](std::string_view name) {
        AlertState state = AlertState::Unknown;
        static_cast<const rules::AlertTable&>(table).forEach(
            [&](const rules::AlertTable::Entry& entry) {
                state = entry.alert.labels.get("alertname") == name ? entry.alert.state : state;
            });
        return state;
    };
    QVERIFY(table.apply({element("old")}, policy, minute(0)).ok());
    QVERIFY(table.apply({element("old"), element("young")}, policy, minute(3)).ok());
    QVERIFY(table.apply({element("old"), element("young")}, policy, minute(5)).ok());
    QVERIFY(stateOfAlert("old") == AlertState::Firing);
    table.skip(60_min);
    // Nothing was scraped yet: the results are empty.
    QVERIFY(table.apply({}, policy, minute(65), true).ok());
    QVERIFY(stateOfAlert("old") == AlertState::Firing);
    QVERIFY(stateOfAlert("young") == AlertState::Pending);
    QVERIFY(table.apply({element("old"), element("young")}, policy, minute(67)).ok());
    QVERIFY(stateOfAlert("young") == AlertState::Pending); // active for 4 minutes that were seen
    QVERIFY(table.apply({element("old"), element("young")}, policy, minute(68)).ok());
    QVERIFY(stateOfAlert("young") == AlertState::Firing);
    QVERIFY(table.apply({}, policy, minute(69)).ok());
    QVERIFY(stateOfAlert("old") == AlertState::Inactive);
}

void TestEvaluation::rulesThatDependRunInBatches_data()
{
    QTest::addColumn<QByteArray>("rules");
    QTest::addColumn<QString>("batches");
    QTest::newRow("independent") << QByteArray("  - {record: a, expr: up}\n"
                                               "  - {record: b, expr: up}\n")
                                 << "0,1";
    QTest::newRow("chain") << QByteArray("  - {record: a, expr: up}\n"
                                         "  - {record: b, expr: a}\n"
                                         "  - {record: c, expr: b}\n"
                                         "  - {record: d, expr: b}\n"
                                         "  - {record: e, expr: up}\n")
                           << "0,4 1 2,3";
    QTest::newRow("by expression") << QByteArray("  - {record: a1, expr: up}\n"
                                                 "  - {record: b, expr: '{__name__=~\"a.\"}'}\n")
                                   << "0 1";
    QTest::newRow("excluded") << QByteArray(
                                     "  - {record: a1, expr: up}\n"
                                     "  - {record: b, expr: '{__name__!=\"a1\",job=\"x\"}'}\n")
                              << "0,1";
    QTest::newRow("alerts") << QByteArray("  - {alert: A, expr: up}\n"
                                          "  - {alert: B, expr: up}\n"
                                          "  - {record: b, expr: 'ALERTS{alertname=\"B\"}'}\n")
                            << "0,1 2";
    QTest::newRow("later ones do not count") << QByteArray("  - {record: b, expr: a}\n"
                                                           "  - {record: a, expr: up}\n")
                                             << "0,1";
}

void TestEvaluation::rulesThatDependRunInBatches()
{
    QFETCH(QByteArray, rules);
    QFETCH(QString, batches);
    const auto files = RuleWorld::files("groups:\n- name: g\n  rules:\n" + rules.toStdString());
    QStringList found;
    for (const auto& batch : narthex::rules::batchesOf(files[0].groups[0].rules, true)) {
        QStringList numbers;
        for (const std::size_t rule : batch) {
            numbers << QString::number(rule);
        }
        found << numbers.join(',');
    }
    QCOMPARE(found.join(' '), batches);
}

void TestEvaluation::aSelectorWithoutNameMakesTheGroupSequential()
{
    const auto files = RuleWorld::files("groups:\n- name: g\n  rules:\n"
                                        "  - {record: a, expr: up}\n"
                                        "  - {record: b, expr: '{job=\"x\"}'}\n"
                                        "  - {record: c, expr: up}\n");
    QCOMPARE(rules::batchesOf(files[0].groups[0].rules, true).size(), std::size_t{3});
}

void TestEvaluation::concurrentRulesGiveTheSame()
{
    RuleWorld world;
    world.options.concurrent = true;
    world.put("up", 0, 0, 1);
    std::string lines;
    for (int i = 0; i < 50; ++i) {
        lines += fmt::format("  - {{record: r{}, expr: up + {}}}\n", i, i);
    }
    lines += "  - {record: total, expr: 'sum({__name__=~\"r.*\"})'}\n";
    const auto group = world.group(lines);
    run(*group, 0, 0);
    QCOMPARE(text(world.at("total", minute(0))), "total 1275");
    QCOMPARE(group->stats().lastSamples, std::size_t{51});
    QCOMPARE(world.limit.acquire(10), std::size_t{4}); // all places were given back
}

void TestEvaluation::triesARuleWithoutConsequences()
{
    RuleWorld world;
    world.put("up{job=\"a\",i=\"1\"}", 0, 0, 0);
    world.put("up{job=\"a\",i=\"2\"}", 0, 0, 0);
    const auto attempt = [&](const std::string& fields, std::int64_t limit) {
        const auto files = RuleWorld::files("groups:\n- name: g\n  rules:\n  - {" + fields + "}\n");
        return rules::tryRule(files[0].groups[0].rules[0], minute(0), minute(0), limit, {},
                              world.engine, world.store, {});
    };
    const auto alert = attempt("alert: A, expr: 'up == 0', annotations: {s: '{{ $labels.i }}'}", 0);
    QVERIFY2(alert.ok(), alert.status().ToString().c_str());
    QCOMPARE(alert->elements.size(), std::size_t{2});
    QCOMPARE(text(alert->elements[1].labels.toString()), "{alertname=\"A\", i=\"2\", job=\"a\"}");
    QVERIFY(alert->elements[1].annotations.get("s") == "2");
    QVERIFY(alert->failure.ok());
    const auto same = attempt("alert: A, expr: up, labels: {i: ''}", 0);
    QVERIFY(same->elements[0].isRepeated);
    QVERIFY(text(std::string(base::messageOf(same->failure))).contains("same labelset"));
    QCOMPARE(text(std::string(base::messageOf(attempt("record: x, expr: up", 1)->failure))),
             "exceeded limit of 1 with 2 series");
    QVERIFY(!attempt("record: x, expr: 'up[1m]'", 0).ok());
    QCOMPARE(text(world.samples("x")), "");
}

QTEST_GUILESS_MAIN(TestEvaluation)
#include "tst_evaluation.moc"
