// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Inhibition: the cases of the specification, and random alerts against comparing all with all.
#include "core/alertmanager/inhibitor.h"

#include <QtTest>

#include <map>
#include <random>

using namespace narthex;
using namespace narthex::base::literals;
using alertmanager::Alert;
using alertmanager::AlertPtr;
using alertmanager::Inhibitor;
using alertmanager::InhibitRule;

namespace {

constexpr base::Timestamp kNow{1'700'000'000'000};

InhibitRule rule(const char* source, const char* target, std::vector<std::string> equal)
{
    const auto parse = [](const char* text) {
        return *text == '\0' ? model::Matchers() : alertmanager::parseClassicMatchers(text).value();
    };
    return {.equal = std::move(equal), .source = parse(source), .target = parse(target)};
}

AlertPtr alert(const model::Labels& labels, bool firing = true)
{
    return std::make_shared<const Alert>(Alert{.labels = labels,
                                               .startsAt = kNow - 1_h,
                                               .endsAt = firing ? kNow + 1_h : kNow - 1_min,
                                               .fingerprint = alertmanager::fingerprintOf(labels)});
}

} // namespace

class TestAmInhibition : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void missingLabelsAreEqual();
    void whatMatchesBothSidesDoesNotInhibitEachOther();
    void aOneSidedSourceCountsBesideATwoSidedOne();
    void aSourceThatEndsStopsAtOnce();
    void findsWhatComparingAllFinds();
};

void TestAmInhibition::missingLabelsAreEqual()
{
    Inhibitor inhibitor({rule("severity=critical", "severity=warning", {"alertname", "cluster"})});
    const AlertPtr target = alert({{"alertname", "A"}, {"severity", "warning"}});
    inhibitor.update(alert({{"alertname", "A"}, {"severity", "critical"}, {"cluster", "a"}}), kNow);
    QVERIFY(!inhibitor.causeOf(*target, kNow));
    const AlertPtr source = alert({{"alertname", "A"}, {"severity", "critical"}});
    inhibitor.update(source, kNow);
    const auto cause = inhibitor.causeOf(*target, kNow);
    QVERIFY(cause);
    QCOMPARE(cause->source->fingerprint, source->fingerprint);
    QCOMPARE(cause->rule, 0U);
}

void TestAmInhibition::whatMatchesBothSidesDoesNotInhibitEachOther()
{
    Inhibitor inhibitor({rule("team=x", "team=x", {}), rule("role=source", "team=x", {})});
    const AlertPtr one = alert({{"team", "x"}, {"n", "1"}});
    const AlertPtr two = alert({{"team", "x"}, {"n", "2"}});
    inhibitor.update(one, kNow);
    inhibitor.update(two, kNow);
    QVERIFY(!inhibitor.causeOf(*one, kNow));
    QVERIFY(!inhibitor.causeOf(*two, kNow));
    inhibitor.update(alert({{"role", "source"}}), kNow);
    QCOMPARE(inhibitor.causeOf(*one, kNow)->rule, 1U);
    QCOMPARE(inhibitor.causeOf(*two, kNow)->rule, 1U);
}

void TestAmInhibition::aOneSidedSourceCountsBesideATwoSidedOne()
{
    Inhibitor inhibitor({rule("s=1", "t=1", {"c"})});
    const AlertPtr target = alert({{"s", "1"}, {"t", "1"}, {"c", "c"}, {"n", "target"}});
    inhibitor.update(target, kNow);
    inhibitor.update(alert({{"s", "1"}, {"t", "1"}, {"c", "c"}, {"n", "two-sided"}}), kNow);
    QVERIFY(!inhibitor.causeOf(*target, kNow));
    const AlertPtr oneSided = alert({{"s", "1"}, {"c", "c"}});
    inhibitor.update(oneSided, kNow);
    QCOMPARE(inhibitor.causeOf(*target, kNow)->source->fingerprint, oneSided->fingerprint);
}

void TestAmInhibition::aSourceThatEndsStopsAtOnce()
{
    Inhibitor inhibitor({rule("s=1", "t=1", {})});
    const AlertPtr target = alert({{"t", "1"}});
    const model::Labels source{{"s", "1"}};
    inhibitor.update(alert(source), kNow);
    QVERIFY(inhibitor.causeOf(*target, kNow));
    QVERIFY(!inhibitor.causeOf(*target, kNow + 1_h)); // timed out
    QVERIFY(!inhibitor.causeOf(*target, kNow));
    inhibitor.update(alert(source), kNow);
    QVERIFY(inhibitor.causeOf(*target, kNow));
    inhibitor.update(alert(source, false), kNow);
    QVERIFY(!inhibitor.causeOf(*target, kNow));
}

void TestAmInhibition::findsWhatComparingAllFinds()
{
    const std::vector<InhibitRule> rules = {
        rule("a=1", "b=1", {"c", "d"}), rule("a=~\"1|2\"", "b!=1", {"d"}), rule("d=2", "", {"c"})};
    Inhibitor inhibitor(rules);
    std::mt19937 random(11);
    std::map<std::uint64_t, AlertPtr> all;
    for (int round = 0; round < 300; ++round) {
        model::LabelsBuilder builder;
        for (const char* name : {"a", "b", "c", "d"}) {
            builder.set(name, std::array<const char*, 3>{"", "1", "2"}[random() % 3]);
        }
        const AlertPtr next = alert(builder.build(), random() % 3 != 0);
        all[next->fingerprint] = next;
        inhibitor.update(next, kNow);
        for (const auto& [fingerprint, target] : all) {
            bool expected = false;
            for (const InhibitRule& each : rules) {
                for (const auto& [other, source] : all) {
                    const bool bothSided = model::matchesAll(each.source, target->labels) &&
                                           model::matchesAll(each.target, source->labels);
                    expected = expected ||
                               (other != fingerprint && !source->resolvedAt(kNow) && !bothSided &&
                                model::matchesAll(each.source, source->labels) &&
                                model::matchesAll(each.target, target->labels) &&
                                std::all_of(each.equal.begin(), each.equal.end(), [&](auto& name) {
                                    return source->labels.get(name) == target->labels.get(name);
                                }));
                }
            }
            QCOMPARE(inhibitor.causeOf(*target, kNow).has_value(), expected);
        }
    }
}

QTEST_GUILESS_MAIN(TestAmInhibition)
#include "tst_am_inhibition.moc"
