// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Alerts on their way to people: grouping, timers, what is told and what not, failures, restarts,
// and gaps of the clock.
#include "am_world.h"

#include "core/base/status.h"

#include <QtTest>

using namespace narthex;
using namespace narthex::base::literals;
using tests::AmWorld;
using tests::Outbox;

namespace {

model::Labels alert(const char* name, const char* instance)
{
    return {{"alertname", name}, {"i", instance}};
}

const model::Labels kX = alert("A", "x");
const model::Labels kY = alert("A", "y");
const model::Labels kZ = alert("A", "z");

alertmanager::SendResult failure(bool retry, alertmanager::FailureReason reason)
{
    return {.status = base::unavailable("no"), .retry = retry, .reason = reason};
}

std::string twoBoxes()
{
    return "route: {receiver: r, group_by: [alertname]}\n"
           "receivers: [{name: r, fake_configs: [{box: one}, {box: two}]}]\n";
}

} // namespace

class TestAmDispatch : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void aGroupGathersAndThenTells();
    void anOldAlertIsToldAtOnce();
    void repeatsComeAtTheFirstFlushAfterTheInterval();
    void anAlertThatNobodyRepeatsResolves();
    void annotationsAreTheNewerOnesAndTheStartTheEarliest();
    void anExplicitLaterEndStays();
    void invalidAlertsDoNotHarmTheOthers();
    void silencedAlertsVanishWithoutAWord();
    void whatWasSilencedIsNewWhenSomethingElseWasTold();
    void withoutSendResolvedTheLogIsCleared();
    void failuresAreTriedAgainOneByOne();
    void aClientErrorIsNotTriedAgain();
    void afterAFailedFlushResolvedAlertsAreToldLater();
    void aSlowReceiverHoldsUpNoOther();
    void mutedAndActiveTimes();
    void inhibitedAlertsAreHeldBack();
    void childRoutesGetTheirOwnGroups();
    void aBrokenConfigurationChangesNothing();
    void aReloadTellsNothingTwice();
    void aRestartTellsNothingTwice();
    void theStartIsDelayed();
    void sleepResolvesNothingAndRepeatsNothing();
    void whatNobodySaysAgainAfterSleepResolves();
    void thePlaceOfAnIntegrationRemembers();
    void historyTellsWhatHappened();
    void explainsWhatHappensNext();
};

void TestAmDispatch::aGroupGathersAndThenTells()
{
    AmWorld world;
    world.fire(kX);
    world.pass(10_s);
    world.fire(kY);
    world.pass(19_s);
    QCOMPARE(world.told(), QStringList());
    world.pass(1_s);
    QCOMPARE(world.told(), QStringList{"r: first notification: firing Ax,Ay"});
    world.pass(10_s);
    world.fire(kZ);
    world.pass(289_s);
    QCOMPARE(world.told(), QStringList());
    world.fire(kX);
    world.fire(kY);
    world.pass(1_s);
    QCOMPARE(world.told(), QStringList{"r: new alerts added: firing Ax,Ay,Az"});
}

void TestAmDispatch::anOldAlertIsToldAtOnce()
{
    AmWorld world;
    world.fire(kX, world.now() - 1_h);
    world.pass(1_s);
    QCOMPARE(world.told(), QStringList{"r: first notification: firing Ax"});
}

void TestAmDispatch::repeatsComeAtTheFirstFlushAfterTheInterval()
{
    AmWorld world;
    world.passFiring(1_min, {kX});
    QCOMPARE(world.told(), QStringList{"r: first notification: firing Ax"});
    world.passFiring(4_h, {kX}); // to four hours and half a minute after the message
    QCOMPARE(world.told(), QStringList());
    world.passFiring(5_min, {kX});
    QCOMPARE(world.told(), QStringList{"r: repeat interval elapsed: firing Ax"});
}

void TestAmDispatch::anAlertThatNobodyRepeatsResolves()
{
    AmWorld world;
    const base::Timestamp start = world.now();
    world.fire(kX);
    world.pass(30_s);
    world.told();
    world.pass(5_min);
    const auto sent = Outbox::instance().take();
    QCOMPARE(sent.size(), 1U);
    QCOMPARE(sent[0].notification.reason, alertmanager::Reason::AllResolved);
    QCOMPARE(sent[0].notification.alerts.at(0).endsAt->ms, (start + 5_min).ms);
    world.pass(10_min);
    QCOMPARE(world.told(), QStringList());
}

void TestAmDispatch::annotationsAreTheNewerOnesAndTheStartTheEarliest()
{
    AmWorld world;
    const base::Timestamp start = world.now();
    world->put({{.labels = kX, .annotations = {{"summary", "old"}}}});
    world.pass(2_min);
    world->put({{.labels = kX, .annotations = {{"summary", "new"}}}});
    const auto views = world->alerts();
    QCOMPARE(views.size(), 1U);
    QCOMPARE(views[0].alert->startsAt.ms, start.ms);
    QCOMPARE(views[0].alert->endsAt.ms, (start + 7_min).ms);
    QCOMPARE(views[0].alert->annotations.get("summary"), std::string_view("new"));
}

void TestAmDispatch::anExplicitLaterEndStays()
{
    AmWorld world;
    const base::Timestamp end = world.now() + 1_h;
    world->put({{.labels = kX, .startsAt = world.now(), .endsAt = end}});
    world.pass(1_min);
    world.fire(kX);
    QCOMPARE(world->alerts().at(0).alert->endsAt.ms, end.ms);
}

void TestAmDispatch::invalidAlertsDoNotHarmTheOthers()
{
    AmWorld world;
    const auto result =
        world->put({{.labels = {{"a", ""}}},
                    {.labels = kX},
                    {.labels = kY, .startsAt = world.now(), .endsAt = world.now() - 1_min},
                    {.labels = {{"\xff", "x"}}}});
    QCOMPARE(result.invalid.size(), 3U);
    QCOMPARE(result.invalid[0], std::string("at least one label pair required"));
    QCOMPARE(result.invalid[1], std::string("start time must be before end time"));
    QCOMPARE(world->alerts().size(), 1U);
}

void TestAmDispatch::silencedAlertsVanishWithoutAWord()
{
    AmWorld world;
    world.fire(kX);
    world.fire(kY);
    world.pass(30_s);
    QCOMPARE(world.told(), QStringList{"r: first notification: firing Ax,Ay"});
    const auto id = world->setSilence({.matcherSets = {{model::Matcher::equal("i", "x")}},
                                       .endsAt = world.now() + 1_h,
                                       .createdBy = "me"});
    QVERIFY2(id.ok(), id.status().ToString().c_str());
    world.passFiring(6_min, {kX, kY});
    QCOMPARE(world.told(), QStringList());
    world.resolve(kX);
    world.passFiring(6_min, {kY});
    QCOMPARE(world.told(), QStringList());
    QVERIFY(world->expireSilence(*id).ok());
    world.fire(kX);
    world.passFiring(10_min, {kX, kY});
    QCOMPARE(world.told(), QStringList());
}

void TestAmDispatch::whatWasSilencedIsNewWhenSomethingElseWasTold()
{
    AmWorld world;
    world.fire(kX);
    world.fire(kY);
    world.pass(30_s);
    world.told();
    const auto id = world->setSilence(
        {.matcherSets = {{model::Matcher::equal("i", "x")}}, .endsAt = world.now() + 1_h});
    world.fire(kZ);
    world.passFiring(5_min, {kX, kY, kZ});
    QCOMPARE(world.told(), QStringList{"r: new alerts added: firing Ay,Az"});
    QVERIFY(world->expireSilence(*id).ok());
    world.passFiring(5_min, {kX, kY, kZ});
    QCOMPARE(world.told(), QStringList{"r: new alerts added: firing Ax,Ay,Az"});
}

void TestAmDispatch::withoutSendResolvedTheLogIsCleared()
{
    AmWorld world("route: {receiver: r}\nreceivers: [{name: r, fake_configs: [{box: r, "
                  "send_resolved: false}]}]\n");
    world.fire(kX);
    world.pass(30_s);
    QCOMPARE(world.told(), QStringList{"r: first notification: firing Ax"});
    world.resolve(kX);
    world.pass(5_min);
    QCOMPARE(world.told(), QStringList());
    world.fire(kX);
    world.pass(5_min, 5_s);
    QCOMPARE(world.told(), QStringList{"r: first notification: firing Ax"});
}

void TestAmDispatch::failuresAreTriedAgainOneByOne()
{
    AmWorld world(twoBoxes());
    const auto bad = failure(true, alertmanager::FailureReason::ServerError);
    Outbox::instance().answer("one", {bad, bad, bad});
    world.fire(kX);
    world.pass(1_min, 100_ms);
    const auto sent = Outbox::instance().take();
    QCOMPARE(std::count_if(sent.begin(), sent.end(), [](auto& s) { return s.box == "one"; }), 4);
    QCOMPARE(std::count_if(sent.begin(), sent.end(), [](auto& s) { return s.box == "two"; }), 1);
    const auto records = world->history().notifications({});
    QVERIFY(records.ok());
    QCOMPARE(records->size(), 2U);
    QCOMPARE(records->at(1).attempts, 4U);
    QCOMPARE(records->at(1).result, std::string("sent"));
}

void TestAmDispatch::aClientErrorIsNotTriedAgain()
{
    AmWorld world;
    Outbox::instance().answer("r", {failure(false, alertmanager::FailureReason::ClientError)});
    world.fire(kX);
    world.pass(2_min);
    QCOMPARE(world.told().size(), 1);
    const auto records = world->history().notifications({});
    QCOMPARE(records->at(0).result, std::string("clientError"));
    QCOMPARE(records->at(0).error, std::string("no"));
}

void TestAmDispatch::afterAFailedFlushResolvedAlertsAreToldLater()
{
    AmWorld world;
    world.fire(kX);
    world.pass(30_s);
    world.told();
    world.resolve(kX);
    std::deque<alertmanager::SendResult> many(
        200, failure(true, alertmanager::FailureReason::ServerError));
    Outbox::instance().answer("r", many);
    world.pass(300_s);
    QVERIFY(!world.told().isEmpty());
    world.pass(299_s);
    QVERIFY(!world.told().isEmpty());
    Outbox::instance().answer("r", {});
    world.pass(30_s);
    QCOMPARE(world.told(), QStringList{"r: all alerts resolved: firing ; resolved Ax"});
    world.pass(10_min);
    QCOMPARE(world.told(), QStringList());
}

void TestAmDispatch::aSlowReceiverHoldsUpNoOther()
{
    AmWorld world(twoBoxes());
    Outbox::instance().block("one", true);
    world.fire(kX, world.now() - 1_h);
    world.timers.advance(1_s);
    QTRY_COMPARE(Outbox::instance().count("two"), 1U);
    QTRY_COMPARE(Outbox::instance().count("one"), 1U);
    // Another group of the same receiver is told meanwhile.
    world.fire(alert("B", "x"), world.now() - 1_h);
    world.timers.advance(1_s);
    QTRY_COMPARE(Outbox::instance().count("two"), 2U);
    QTRY_COMPARE(Outbox::instance().count("one"), 2U);
    Outbox::instance().block("one", false);
    world->settle();
    QCOMPARE(world->history().notifications({})->size(), 4U);
}

void TestAmDispatch::mutedAndActiveTimes()
{
    // The world begins on a Monday at noon.
    AmWorld world("route:\n  receiver: r\n  group_wait: 0s\n  routes:\n"
                  "  - {matchers: [alertname=M], mute_time_intervals: [noon]}\n"
                  "  - {matchers: [alertname=N], active_time_intervals: [later]}\n"
                  "time_intervals:\n"
                  "- {name: noon, time_intervals: [{times: [{start_time: '12:00', end_time: "
                  "'12:10'}]}]}\n"
                  "- {name: later, time_intervals: [{times: [{start_time: '12:10', end_time: "
                  "'24:00'}]}]}\n"
                  "receivers: [{name: r, fake_configs: [{box: r}]}]\n");
    const model::Labels muted = alert("M", "x");
    const model::Labels inactive = alert("N", "x");
    world.passFiring(9_min, {muted, inactive});
    QCOMPARE(world.told(), QStringList());
    const auto groups = world->groups();
    QCOMPARE(groups.size(), 2U);
    QCOMPARE(groups[0].alerts[0].state, alertmanager::AlertState::Suppressed);
    QCOMPARE(groups[0].alerts[0].mutedBy, std::vector<std::string>{"noon"});
    QCOMPARE(groups[1].alerts[0].mutedBy, std::vector<std::string>{"later"});
    world.passFiring(6_min, {muted, inactive});
    QStringList told = world.told();
    told.sort();
    QCOMPARE(told,
             (QStringList{"r: first notification: firing Mx", "r: first notification: firing Nx"}));
    QVERIFY(world->groups()[0].alerts[0].mutedBy.empty());
}

void TestAmDispatch::inhibitedAlertsAreHeldBack()
{
    AmWorld world("route: {receiver: r, group_by: [alertname]}\n"
                  "inhibit_rules: [{source_matchers: [alertname=S], target_matchers: "
                  "[alertname=A], equal: [i]}]\n"
                  "receivers: [{name: r, fake_configs: [{box: r}]}]\n");
    world.fire(alert("S", "x"));
    world.fire(kX);
    world.fire(kY);
    world.pass(30_s);
    QStringList told = world.told();
    told.sort();
    QCOMPARE(told,
             (QStringList{"r: first notification: firing Ay", "r: first notification: firing Sx"}));
    for (const auto& view : world->alerts()) {
        QCOMPARE(view.state == alertmanager::AlertState::Suppressed, view.alert->labels == kX);
    }
    world.resolve(alert("S", "x"));
    world.passFiring(5_min, {kX, kY});
    told = world.told();
    told.sort();
    QCOMPARE(told, (QStringList{"r: all alerts resolved: firing ; resolved Sx",
                                "r: new alerts added: firing Ax,Ay"}));
}

void TestAmDispatch::childRoutesGetTheirOwnGroups()
{
    AmWorld world("route:\n  receiver: r\n  routes:\n"
                  "  - {receiver: one, matchers: [alertname=A], group_by: [i], continue: true}\n"
                  "  - {receiver: two, matchers: [alertname=A]}\n"
                  "receivers: [{name: r, fake_configs: [{box: r}]}, {name: one, fake_configs: "
                  "[{box: one}]}, {name: two, fake_configs: [{box: two}]}]\n");
    world.fire(kX);
    world.fire(kY);
    world.fire(alert("B", "x"));
    world.pass(30_s);
    QStringList told = world.told();
    told.sort();
    QCOMPARE(
        told,
        (QStringList{"one: first notification: firing Ax", "one: first notification: firing Ay",
                     "r: first notification: firing Bx", "two: first notification: firing Ax,Ay"}));
    QCOMPARE(world->alerts().size(), 3U);
    QCOMPARE(world->groups().size(), 4U);
}

void TestAmDispatch::aBrokenConfigurationChangesNothing()
{
    AmWorld world;
    world.fire(kX);
    QVERIFY(!world.tryApply("route: {receiver: nobody}\nreceivers: [{name: r}]").ok());
    const absl::Status status = world.tryApply(
        "route: {receiver: r}\nreceivers: [{name: r, fake_configs: [{broken: true}]}]");
    QVERIFY(QString::fromStdString(status.ToString()).contains("receiver r, fake[0]: unable"));
    world.pass(30_s);
    QCOMPARE(world.told(), QStringList{"r: first notification: firing Ax"});
}

void TestAmDispatch::aReloadTellsNothingTwice()
{
    AmWorld world;
    world.fire(kX);
    world.pass(31_s);
    world.told();
    world.apply(AmWorld::kPlain);
    world.passFiring(6_min, {kX});
    QCOMPARE(world.told(), QStringList());
    world.resolve(kX);
    world.apply(AmWorld::kPlain);
    world.pass(6_min);
    QCOMPARE(world.told(), QStringList{"r: all alerts resolved: firing ; resolved Ax"});
}

void TestAmDispatch::aRestartTellsNothingTwice()
{
    AmWorld world;
    world.fire(kX);
    world.pass(31_s);
    world.told();
    world.timers.advance(2_h); // nobody looks meanwhile: the program is not there
    world.restart(AmWorld::kPlain);
    QCOMPARE(world->alerts().size(), 1U);
    world.passFiring(10_min, {kX});
    QCOMPARE(world.told(), QStringList());
    world.resolve(kX);
    world.pass(5_min);
    QCOMPARE(world.told(), QStringList{"r: all alerts resolved: firing ; resolved Ax"});
}

void TestAmDispatch::theStartIsDelayed()
{
    AmWorld world(AmWorld::kPlain, {.startDelay = 1_min, .seed = 1});
    world.fire(kX, world.now() - 1_h);
    world.pass(59_s);
    QCOMPARE(world.told(), QStringList());
    world.pass(1_s);
    QCOMPARE(world.told(), QStringList{"r: first notification: firing Ax"});
}

void TestAmDispatch::sleepResolvesNothingAndRepeatsNothing()
{
    AmWorld world;
    world.passFiring(2_min, {kX});
    world.told();
    world.timers.manualClock().jump(8_h);
    world.pass(4_min + 30_s); // the senders wake up late
    QCOMPARE(world.told(), QStringList());
    world.passFiring(30_min, {kX});
    QCOMPARE(world.told(), QStringList());
    const auto transitions = world->history().transitions({});
    QVERIFY(transitions.ok());
    QVERIFY(std::any_of(transitions->begin(), transitions->end(),
                        [](const auto& each) { return each.kind == "gap"; }));
}

void TestAmDispatch::whatNobodySaysAgainAfterSleepResolves()
{
    AmWorld world;
    world.passFiring(2_min, {kX});
    world.told();
    world.timers.manualClock().jump(8_h);
    world.pass(11_min, 5_s);
    QCOMPARE(world.told(), QStringList{"r: all alerts resolved: firing ; resolved Ax"});
}

void TestAmDispatch::thePlaceOfAnIntegrationRemembers()
{
    AmWorld world;
    Outbox::instance().answer("r", {{.memory = {{"threadTs", "7"}}}});
    world.fire(kX);
    world.pass(30_s);
    world.told();
    world.passFiring(5_min, {kX, kY});
    auto sent = Outbox::instance().take();
    QCOMPARE(sent.size(), 1U);
    QCOMPARE(sent[0].notification.memory.at("threadTs"), std::string("7"));
    world.resolve(kX);
    world.resolve(kY);
    world.pass(5_min);
    sent = Outbox::instance().take();
    QCOMPARE(sent.size(), 1U);
    QCOMPARE(sent[0].notification.memory.at("threadTs"), std::string("7"));
    world.passFiring(5_min, {kX});
    sent = Outbox::instance().take();
    QCOMPARE(sent.size(), 1U);
    QVERIFY(sent[0].notification.memory.empty());
}

void TestAmDispatch::historyTellsWhatHappened()
{
    AmWorld world;
    world->put({{.labels = kX, .annotations = {{"value", "42"}}}});
    world.pass(30_s);
    world.resolve(kX);
    world.pass(5_min);
    const auto transitions =
        world->history().transitions({.fingerprint = alertmanager::fingerprintOf(kX)});
    QVERIFY(transitions.ok());
    QStringList kinds;
    for (const auto& each : *transitions) {
        kinds << QString::fromStdString(each.kind);
    }
    QCOMPARE(kinds, (QStringList{"firing", "resolved"}));
    QCOMPARE(transitions->at(0).value.value_or(0), 42.0);
    QCOMPARE(transitions->at(0).labels, kX);
    const auto records =
        world->history().notifications({.fingerprint = alertmanager::fingerprintOf(kX)});
    QCOMPARE(records->size(), 2U);
    QCOMPARE(records->at(0).reason, std::string("first notification"));
    QCOMPARE(records->at(0).groupKey, std::string("{}:{alertname=\"A\"}"));
    QCOMPARE(records->at(1).resolved, 1U);
    QVERIFY(world->history().notifications({.fingerprint = 7})->empty());
}

void TestAmDispatch::explainsWhatHappensNext()
{
    AmWorld world("route:\n  receiver: r\n  routes:\n"
                  "  - {receiver: one, matchers: [alertname=B]}\n"
                  "  - {receiver: two, matchers: [alertname=A], group_by: [i]}\n"
                  "inhibit_rules: [{name: big, source_matchers: [alertname=S], target_matchers: "
                  "[i=y]}]\n"
                  "receivers: [{name: r}, {name: one}, {name: two, fake_configs: [{box: two}]}]\n");
    world.fire(kX);
    auto explanation = world->explain(alertmanager::fingerprintOf(kX));
    QVERIFY(explanation.ok());
    QCOMPARE(explanation->route.size(), 3U);
    QVERIFY(explanation->route[0].matched);
    QCOMPARE(explanation->route[1].why,
             std::string("alertname=\"B\" does not hold: the alert has alertname=\"A\""));
    QCOMPARE(explanation->route[2].why, std::string("it takes the alert for receiver two"));
    QCOMPARE(explanation->groups.size(), 1U);
    QCOMPARE(explanation->groups[0].nextFlush.ms, (world.now() + 30_s).ms);
    QCOMPARE(explanation->groups[0].integrations[0].next,
             std::string("a message: first notification"));
    world.pass(30_s);
    world.acknowledge(kX);
    explanation = world->explain(alertmanager::fingerprintOf(kX));
    QCOMPARE(explanation->groups[0].integrations[0].last, std::string("sent: first notification"));
    QCOMPARE(explanation->groups[0].integrations[0].next,
             std::string("nothing: all that fires is acknowledged"));
    QString all;
    for (const std::string& sentence : explanation->sentences) {
        all += QString::fromStdString(sentence) + "\n";
    }
    QVERIFY2(all.contains("anna acknowledged it") && all.contains("You will be told when it"),
             qPrintable(all));
    world.fire(kY);
    world.fire(alert("S", "z"));
    explanation = world->explain(alertmanager::fingerprintOf(kY));
    QCOMPARE(explanation->inhibition->rule, std::string("big"));
    QCOMPARE(explanation->inhibition->source, alert("S", "z"));
    QVERIFY(!world->explain(7).ok());
}

QTEST_GUILESS_MAIN(TestAmDispatch)
#include "tst_am_dispatch.moc"
