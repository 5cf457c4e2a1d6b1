// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "rule_world.h"

#include "core/rules/explain.h"
#include "core/rules/lint.h"

#include <QtTest>

using namespace narthex;
using namespace narthex::base::literals;
using test::minute;
using test::RuleWorld;

namespace {

QString text(const std::string& value) { return QString::fromStdString(value); }

class NoSeries final : public rules::RuleLintData
{
public:
    [[nodiscard]] std::optional<std::size_t>
    seriesCount(const model::Matchers& matchers) const override
    {
        return matchers.front().value() == "gone" ? std::size_t{0} : std::size_t{3};
    }
};

QString sentences(const rules::RuleExplanation& explanation)
{
    QStringList all;
    for (const std::string& sentence : explanation.sentences) {
        all << text(sentence);
    }
    return all.join(' ');
}

} // namespace

class TestRuleLint : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void findsDuplicates();
    void findsWhatIsProbablyWrong_data();
    void findsWhatIsProbablyWrong();
    void readsNamesOfChecks();
    void looksAtWhatRuns();
    void explainsWhyNothingFires();
    void explainsWhichMatcherFindsNothing();
    void explainsHowLongAlertsWait();
    void explainsErrorsAndLimits();
    void explainsComparisonsOfVectors();

private:
    static rules::RuleExplanation explain(RuleWorld& world, const rules::Group& group,
                                          std::int64_t at)
    {
        world.timers.manualClock().jump(minute(at) - world.timers.clock().now());
        return rules::explainRule(
            group.snapshot(true), 0, group.spec().definition.rules[0],
            {.engine = world.engine, .store = world.store, .now = minute(at), .gaps = {}}, {}, {});
    }
};

void TestRuleLint::findsDuplicates()
{
    const auto file = RuleWorld::files("groups:\n"
                                       "- name: a\n"
                                       "  labels: {t: x}\n"
                                       "  rules:\n"
                                       "  - {alert: A, expr: up, labels: {s: p}}\n"
                                       "  - {alert: A, expr: up, labels: {s: q}}\n"
                                       "- name: b\n"
                                       "  rules:\n"
                                       "  - {alert: A, expr: down, labels: {s: p, t: x}}\n"
                                       "  - {alert: A, expr: down, labels: {s: p, t: x}}\n")[0];
    const auto findings = rules::lintRules(file, {});
    QCOMPARE(findings.size(), std::size_t{1}); // reported once
    QCOMPARE(text(duplicatesText(findings)),
             "1 duplicate rule(s) found.\nMetric: A\nLabel(s):\n\ts: p\n\tt: x\n"
             "Might cause inconsistency while recording expressions\n");
    QVERIFY(rules::lintRules(file, {.checks = {}}).empty());
}

void TestRuleLint::findsWhatIsProbablyWrong_data()
{
    QTest::addColumn<QByteArray>("rule");
    QTest::addColumn<QString>("lint"); // empty: nothing
    const auto row = [](const char* name, const char* rule, std::string_view lint) {
        QTest::newRow(name) << QByteArray(rule) << text(std::string(lint));
    };
    const char* const kSound = "{alert: A, expr: 'up == 0', labels: {severity: page}}";
    row("sound alert", kSound, "");
    row("sound record", "{record: 'job:up:sum', expr: sum by (job) (up)}", "");
    row("for", "{alert: A, expr: 'up == 0', for: 30s, labels: {severity: page}}",
        rules::kLintForInterval);
    row("severity", "{alert: A, expr: 'up == 0'}", rules::kLintSeverity);
    row("comparison", "{alert: A, expr: up, labels: {severity: page}}", rules::kLintComparison);
    row("and is enough", "{alert: A, expr: up and down, labels: {severity: page}}", "");
    row("absent", "{alert: A, expr: 'absent(up{job=~\"a.*\"})', labels: {severity: page}}",
        rules::kLintAbsent);
    row("lost label",
        "{alert: A, expr: 'sum by (job) (up) == 0', labels: {severity: page}, annotations: {s: "
        "'{{ $labels.instance }}'}}",
        rules::kLintLostLabel);
    row("kept label",
        "{alert: A, expr: 'sum by (job) (up) == 0', labels: {severity: page}, annotations: {s: "
        "'{{ $labels.job }}'}}",
        "");
    row("recording name", "{record: up_sum, expr: sum(up)}", rules::kLintRecordingName);
    row("rate of a sum", "{record: 'a:b:c', expr: 'rate(sum(x_total)[5m:])'}", rules::kLintQuery);
    row("rate of a gauge", "{record: 'a:b:c', expr: 'rate(node_memory_free_bytes[5m])'}",
        rules::kLintQuery);
    row("quantile without le",
        "{record: 'a:b:c', expr: 'histogram_quantile(0.9, sum by (job) (rate(x_bucket[5m])))'}",
        rules::kLintQuery);
}

void TestRuleLint::findsWhatIsProbablyWrong()
{
    QFETCH(QByteArray, rule);
    QFETCH(QString, lint);
    std::vector<std::string> unknown;
    const auto file =
        RuleWorld::files("groups:\n- name: g\n  rules:\n  - " + rule.toStdString() + "\n")[0];
    const auto findings =
        rules::lintRules(file, {.checks = rules::parseLintNames("strict", unknown)});
    QStringList found;
    for (const rules::RuleFinding& finding : findings) {
        found << text(finding.lint);
        QVERIFY(text(findingText(finding)).startsWith("r.yml:4: group \"g\", rule \""));
    }
    QCOMPARE(found.join(' '), lint);
}

void TestRuleLint::readsNamesOfChecks()
{
    std::vector<std::string> unknown;
    QCOMPARE(rules::parseLintNames("all", unknown).size(), std::size_t{2});
    QVERIFY(rules::parseLintNames("none", unknown).empty());
    QVERIFY(rules::parseLintNames("no-severity,duplicate-rules", unknown).contains("no-severity"));
    QVERIFY(unknown.empty());
    QVERIFY(rules::parseLintNames("nosuch", unknown).empty());
    QVERIFY(unknown == std::vector<std::string>{"nosuch"});
}

void TestRuleLint::looksAtWhatRuns()
{
    RuleWorld world;
    const auto group = world.group("  - {record: x, expr: gone + here}\n");
    rules::GroupSnapshot snapshot = group->snapshot(false);
    snapshot.rules[0].status.evaluationTime = 2_min;
    const NoSeries data;
    const auto findings =
        rules::lintRunning(snapshot, group->spec().definition, {"no-series", "slow-rule"}, &data);
    QCOMPARE(findings.size(), std::size_t{2});
    QVERIFY(findings[0].lint == rules::kLintSlowRule);
    QVERIFY(findings[1].message.find("gone") != std::string::npos);
}

void TestRuleLint::explainsWhyNothingFires()
{
    RuleWorld world;
    world.put("load{i=\"a\"}", 0, 0, 0.25);
    world.put("load{i=\"b\"}", 0, 0, 0.75);
    const auto group = world.group("  - {alert: Busy, expr: load > 0.9}\n");
    QVERIFY(sentences(explain(world, *group, 0)).startsWith("The rule has not been evaluated yet"));
    static_cast<void>(group->evaluate(minute(0)));
    const auto explanation = explain(world, *group, 0);
    QVERIFY2(sentences(explanation)
                 .contains("holds for none of 2 elements; the nearest is "
                           "load{i=\"b\"} with 0.75 against 0.9"),
             qPrintable(sentences(explanation)));
    QCOMPARE(explanation.comparison->total, std::size_t{2});
    QCOMPARE(*explanation.comparison->values[0].left, 0.75);
    QCOMPARE(explanation.selectors[0].series, std::size_t{2});
}

void TestRuleLint::explainsWhichMatcherFindsNothing()
{
    RuleWorld world;
    world.put("up{job=\"a\",i=\"1\"}", 0, 0, 0);
    const auto group = world.group("  - {alert: A, expr: 'up{job=\"b\",i=\"1\"} == 0'}\n"
                                   "  - {alert: B, expr: absent(up)}\n");
    static_cast<void>(group->evaluate(minute(0)));
    const auto explanation = explain(world, *group, 0);
    QVERIFY2(sentences(explanation).contains("No series match up{i=\"1\",job=\"b\"} now") ||
                 sentences(explanation).contains("No series match up{job=\"b\",i=\"1\"} now"),
             qPrintable(sentences(explanation)));
    QVERIFY(explanation.selectors[0].matchers.has_value());
    QVERIFY(!explanation.selectors[0].matchers->rows.empty());
    const auto absent = rules::explainRule(
        group->snapshot(true), 1, group->spec().definition.rules[1],
        {.engine = world.engine, .store = world.store, .now = minute(0), .gaps = {}}, {}, {});
    QVERIFY(sentences(absent).contains("absent() gives nothing"));
}

void TestRuleLint::explainsHowLongAlertsWait()
{
    RuleWorld world;
    world.put("up", 0, 9, 0);
    const auto group = world.group("  - {alert: A, expr: 'up == 0', for: 5m, keep_firing_for: "
                                   "10m}\n");
    for (int i = 0; i <= 2; ++i) {
        static_cast<void>(group->evaluate(minute(i)));
    }
    auto explanation = explain(world, *group, 2);
    QCOMPARE(explanation.alerts.size(), std::size_t{1});
    QVERIFY(explanation.alerts[0].untilFiring >= 3_min);
    QVERIFY(text(explanation.alerts[0].sentence).startsWith("The condition has held for 2m of 5m"));
    QVERIFY(sentences(explanation).contains("The next one fires in"));
    for (int i = 3; i <= 6; ++i) {
        static_cast<void>(group->evaluate(minute(i)));
    }
    QVERIFY(sentences(explain(world, *group, 6)).contains("1 alert is firing, 0 pending"));
    world.put("up", 7, 7, 1);
    static_cast<void>(group->evaluate(minute(7)));
    explanation = explain(world, *group, 7);
    QVERIFY(explanation.alerts[0].untilResolved >= 10_min);
    QVERIFY(text(explanation.alerts[0].sentence).contains("keep_firing_for"));
}

void TestRuleLint::explainsErrorsAndLimits()
{
    RuleWorld world;
    world.put("up{a=\"1\"}", 0, 0);
    world.put("up{a=\"2\"}", 0, 0);
    const auto group = world.group("  - {alert: A, expr: up}\n", "  limit: 1\n");
    static_cast<void>(group->evaluate(minute(0)));
    const auto explanation = explain(world, *group, 0);
    QCOMPARE(text(explanation.lastError), "exceeded limit of 1 with 2 alerts");
    QVERIFY(sentences(explanation).contains("The group allows 1 by its field limit"));
}

void TestRuleLint::explainsComparisonsOfVectors()
{
    RuleWorld world;
    world.put("used{i=\"a\"}", 0, 0, 5);
    world.put("used{i=\"b\"}", 0, 0, 5);
    world.put("size{i=\"a\"}", 0, 0, 4);
    world.put("size{i=\"c\"}", 0, 0, 4);
    const auto group = world.group("  - {alert: A, expr: used > on (i) size}\n");
    static_cast<void>(group->evaluate(minute(0)));
    const auto explanation = explain(world, *group, 0);
    QCOMPARE(explanation.comparison->total, std::size_t{3});
    QCOMPARE(explanation.comparison->holding, std::size_t{1});
    const rules::ComparedValues& first = explanation.comparison->values[0];
    QVERIFY(first.holds && *first.left == 5 && *first.right == 4);
    QVERIFY(sentences(explanation).contains("holds for 1 of 3 elements"));
}

QTEST_GUILESS_MAIN(TestRuleLint)
#include "tst_rule_lint.moc"
