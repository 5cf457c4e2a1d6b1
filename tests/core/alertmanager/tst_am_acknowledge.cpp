// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Acknowledged alerts are quiet, not removed. The numbers are those of the cases in the
// specification.
#include "ack_cases.h"

#include "core/base/status.h"

#include <QtTest>

using namespace narthex;
using namespace narthex::base::literals;
using alertmanager::AckEnd;
using tests::ackAlert;
using tests::AmWorld;
using tests::kX;
using tests::kY;
using tests::only;
using tests::Outbox;
using tests::with;

class TestAmAcknowledge : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void case1NoRepeatsButTheEndIsTold();
    void case2BeforeTheFirstFlushNothingIsTold();
    void case3ANewAlertIsToldWithTheAcknowledgedOne();
    void case4TheGroupIsNeverReportedResolvedWhileOneFires();
    void case5RepeatsAreForTheUnacknowledged();
    void case6WithdrawingIsToldOnce();
    void case7ExpiryIsToldOnce();
    void case8AnExplicitEndEndsIt();
    void case8StickySurvivesFlapping();
    void case9TheSenderWasAway();
    void case10ARestartChangesNothing();
    void case11ASilenceWins();
    void case12TheServiceIsToldOnce();
    void case14ACommentMayBeRequired();
    void case21TheSecondReplacesTheFirst();
    void case22AnotherLabelIsAnotherAlert();
    void case24SleepKeepsIt();
    void itEndsWhenItGetsWorse();
    void itEndsWhenMoreFire();
    void theLongestTimeIsASafetyNet();
    void whatIsResolvedCannotBeAcknowledged();
    void changesAreKeptInTheHistory();
};

void TestAmAcknowledge::case1NoRepeatsButTheEndIsTold()
{
    AmWorld world;
    world.fire(kX);
    world.pass(30_s);
    QCOMPARE(world.told(), QStringList{"r: first notification: firing Ax"});
    world.acknowledge(kX);
    world.passFiring(9_h, {kX});
    QCOMPARE(world.told(), QStringList());
    world.resolve(kX);
    world.pass(5_min);
    QCOMPARE(world.told(), QStringList{"r: all alerts resolved: firing ; resolved Ax"});
    QCOMPARE(only(world).endReason, AckEnd::Resolved);
    QVERIFY(!only(world).open());
}

void TestAmAcknowledge::case2BeforeTheFirstFlushNothingIsTold()
{
    AmWorld world;
    world.fire(kX);
    world.pass(10_s);
    world.acknowledge(kX);
    world.passFiring(6_min, {kX});
    world.resolve(kX);
    world.pass(6_min);
    QCOMPARE(world.told(), QStringList());
    QVERIFY(world->history().notifications({})->empty());
}

void TestAmAcknowledge::case3ANewAlertIsToldWithTheAcknowledgedOne()
{
    AmWorld world;
    world.fire(kX);
    world.pass(30_s);
    world.told();
    world.acknowledge(kX);
    world.passFiring(6_min, {kX, kY});
    QCOMPARE(world.told(), QStringList{"r: new alerts added: firing Ax[anna],Ay"});
}

void TestAmAcknowledge::case4TheGroupIsNeverReportedResolvedWhileOneFires()
{
    AmWorld world;
    world.fire(kX);
    world.fire(kY);
    world.pass(30_s);
    world.told();
    world.acknowledge(kX);
    world.resolve(kY);
    world.passFiring(5_min, {kX});
    QCOMPARE(world.told(), QStringList{"r: some alerts resolved: firing Ax[anna]; resolved Ay"});
    world.passFiring(1_h, {kX});
    QCOMPARE(world.told(), QStringList());
}

void TestAmAcknowledge::case5RepeatsAreForTheUnacknowledged()
{
    AmWorld world;
    world.fire(kX);
    world.fire(kY);
    world.pass(30_s);
    world.told();
    world.acknowledge(kX);
    world.passFiring(4_h + 10_min, {kX, kY});
    QCOMPARE(world.told(), QStringList{"r: repeat interval elapsed: firing Ax[anna],Ay"});
    world.acknowledge(kY);
    world.passFiring(9_h, {kX, kY});
    QCOMPARE(world.told(), QStringList());
}

void TestAmAcknowledge::case6WithdrawingIsToldOnce()
{
    AmWorld world;
    world.fire(kX);
    world.pass(30_s);
    world.told();
    const auto ack = world.acknowledge(kX);
    world.passFiring(6_min, {kX});
    QVERIFY(world->withdraw(ack.id, "ben").ok());
    QCOMPARE(only(world).endedBy, std::string("ben"));
    QVERIFY(absl::IsFailedPrecondition(world->withdraw(ack.id, "ben")));
    QVERIFY(absl::IsNotFound(world->withdraw("nothing", "ben")));
    world.passFiring(30_min, {kX});
    QCOMPARE(world.told(), QStringList{"r: acknowledgement ended: firing Ax"});
}

void TestAmAcknowledge::case7ExpiryIsToldOnce()
{
    AmWorld world;
    world.fire(kX);
    world.pass(30_s);
    world.told();
    world.acknowledge(kX, {.author = "anna", .expiresIn = 30_min});
    world.passFiring(29_min, {kX});
    QCOMPARE(world.told(), QStringList());
    world.passFiring(30_min, {kX});
    QCOMPARE(world.told(), QStringList{"r: acknowledgement ended: firing Ax"});
    QCOMPARE(only(world).endReason, AckEnd::Expired);
}

void TestAmAcknowledge::case8AnExplicitEndEndsIt()
{
    AmWorld world;
    world.fire(kX);
    world.pass(30_s);
    world.told();
    const std::string first = world.acknowledge(kX).episode;
    world.resolve(kX);
    world.pass(5_min);
    QCOMPARE(world.told(), QStringList{"r: all alerts resolved: firing ; resolved Ax"});
    world.pass(1_min);
    world.fire(kX);
    QVERIFY(!world->alerts()[0].acknowledgement);
    QVERIFY(world->alerts()[0].episode->id != first);
    world.passFiring(5_min, {kX});
    QCOMPARE(world.told(), QStringList{"r: first notification: firing Ax"});
}

void TestAmAcknowledge::case8StickySurvivesFlapping()
{
    AmWorld world;
    world.fire(kX);
    world.pass(30_s);
    world.told();
    const auto ack = world.acknowledge(kX, {.author = "anna", .sticky = true});
    world.resolve(kX);
    world.pass(1_min);
    world.fire(kX);
    QVERIFY(world->alerts()[0].acknowledgement);
    QVERIFY(world->alerts()[0].acknowledgement->episode != ack.episode);
    world.passFiring(20_min, {kX});
    QCOMPARE(world.told(), QStringList());
}

void TestAmAcknowledge::case9TheSenderWasAway()
{
    for (const bool soon : {true, false}) {
        AmWorld world;
        world.fire(kX);
        world.pass(30_s);
        world.told();
        world.acknowledge(kX);
        world.pass(5_min); // timed out after five minutes
        QCOMPARE(world.told(), QStringList{"r: all alerts resolved: firing ; resolved Ax"});
        QVERIFY(only(world).waitingUntil);
        world.pass(soon ? 14_min : 16_min, 5_s);
        world.fire(kX);
        QCOMPARE(world->alerts()[0].acknowledgement.has_value(), soon);
        QCOMPARE(only(world).open(), soon);
        // People were told that it is over: its return is told, and by whom it is looked after.
        world.passFiring(10_min, {kX});
        QCOMPARE(world.told(), QStringList{soon ? "r: first notification: firing Ax[anna]"
                                                : "r: first notification: firing Ax"});
    }
}

void TestAmAcknowledge::case10ARestartChangesNothing()
{
    AmWorld world;
    world.fire(kX);
    world.pass(30_s);
    world.told();
    const auto ack = world.acknowledge(kX, {.author = "anna", .comment = "on it"});
    const std::string episode = world->alerts()[0].episode->id;
    world.restart(AmWorld::kPlain);
    QCOMPARE(world->alerts()[0].acknowledgement->id, ack.id);
    QCOMPARE(world->alerts()[0].acknowledgement->comment, std::string("on it"));
    QCOMPARE(world->alerts()[0].episode->id, episode);
    world.passFiring(1_h, {kX});
    QCOMPARE(world.told(), QStringList());
    QVERIFY(world->withdraw(ack.id, "anna").ok());
    world.restart(AmWorld::kPlain);
    world.passFiring(10_min, {kX});
    QCOMPARE(world.told(), QStringList{"r: acknowledgement ended: firing Ax"});
}

void TestAmAcknowledge::case11ASilenceWins()
{
    AmWorld world;
    world.fire(kX);
    world.pass(30_s);
    world.told();
    world.acknowledge(kX);
    QVERIFY(world
                ->setSilence({.matcherSets = {{model::Matcher::equal("i", "x")}},
                              .endsAt = world.now() + 1_h})
                .ok());
    const auto view = world->alerts()[0];
    QVERIFY(view.acknowledgement && !view.silencedBy.empty());
    world.resolve(kX);
    world.pass(10_min);
    QCOMPARE(world.told(), QStringList());
}

void TestAmAcknowledge::case12TheServiceIsToldOnce()
{
    alertmanager::AckSettings settings;
    settings.forward = {"fake"};
    AmWorld world("route: {receiver: r, group_by: [alertname]}\n"
                  "receivers: [{name: r, fake_configs: [{box: r, acknowledges: true}]}]\n",
                  with(settings));
    world.fire(kX);
    world.fire(kY);
    world.pass(30_s);
    world.told();
    world.acknowledge(kX);
    QCOMPARE(world.told(), QStringList());
    world.acknowledge(kY);
    QCOMPARE(world.told(), QStringList{"r: acknowledged by anna: firing Ax[anna],Ay[anna]"});
    world.acknowledge(kY);
    QCOMPARE(world.told(), QStringList());
    world.passFiring(5_min, {kX, kY, ackAlert("z")});
    QCOMPARE(world.told(), QStringList{"r: new alerts added: firing Ax[anna],Ay[anna],Az"});
    for (const char* name : {"x", "y", "z"}) {
        world.resolve(ackAlert(name));
    }
    world.pass(5_min);
    QCOMPARE(world.told(), QStringList{"r: all alerts resolved: firing ; resolved Ax,Ay,Az"});
}

void TestAmAcknowledge::case14ACommentMayBeRequired()
{
    alertmanager::AckSettings settings;
    settings.commentRequired = true;
    AmWorld world(AmWorld::kPlain, with(settings));
    world.fire(kX);
    const auto none = world->acknowledge(alertmanager::fingerprintOf(kX), {.author = "anna"});
    QVERIFY(absl::IsInvalidArgument(none.status()));
    QVERIFY(world->acknowledgements().empty());
    const auto long_ = world->acknowledge(alertmanager::fingerprintOf(kX),
                                          {.author = "anna", .comment = std::string(5000, 'x')});
    QVERIFY(!long_.ok());
}

void TestAmAcknowledge::case21TheSecondReplacesTheFirst()
{
    AmWorld world;
    world.fire(kX);
    const auto first = world.acknowledge(kX);
    world.pass(1_min);
    const auto second = world.acknowledge(kX, {.author = "ben"});
    QCOMPARE(second.since.ms, first.createdAt.ms);
    const auto all = world->acknowledgements();
    QCOMPARE(all.size(), 2U);
    QCOMPARE(all[0].endReason, AckEnd::Replaced);
    QVERIFY(!all[0].open() && all[1].open());
    const auto events = world->ackEvents(alertmanager::fingerprintOf(kX));
    QCOMPARE(events->size(), 3U);
    QCOMPARE(world->alerts()[0].acknowledgement->author, std::string("ben"));
}

void TestAmAcknowledge::case22AnotherLabelIsAnotherAlert()
{
    AmWorld world;
    world.fire(kX);
    world.pass(30_s);
    world.told();
    world.acknowledge(kX);
    model::LabelsBuilder builder(kX);
    const model::Labels changed = builder.set("team", "z").build();
    world.fire(changed);
    world.resolve(kX);
    for (const auto& view : world->alerts()) {
        QVERIFY(!view.acknowledgement);
    }
    QCOMPARE(only(world).endReason, AckEnd::Resolved);
    world.passFiring(5_min, {changed});
    QCOMPARE(world.told(), QStringList{"r: new alerts added: firing Ax; resolved Ax"});
}

void TestAmAcknowledge::case24SleepKeepsIt()
{
    AmWorld world;
    world.fire(kX);
    world.pass(30_s);
    world.told();
    // It would have ended meanwhile.
    world.acknowledge(kX, {.author = "anna", .expiresIn = 15_min});
    world.timers.manualClock().jump(20_min);
    world.pass(1_min);
    world.fire(kX);
    QVERIFY(world->alerts()[0].acknowledgement);
    world.passFiring(11_min, {kX});
    QVERIFY(world->alerts()[0].acknowledgement);
    QCOMPARE(world.told(), QStringList());
    // A clock that goes back ends nothing either.
    world.timers.manualClock().jump(-30_min);
    world.passFiring(10_min, {kX});
    QVERIFY(world->alerts()[0].acknowledgement);
}

void TestAmAcknowledge::itEndsWhenItGetsWorse()
{
    AmWorld world;
    const model::Labels warning = ackAlert("x", "warning");
    world.fire(warning);
    world.acknowledge(warning, {.author = "anna", .untilWorse = true});
    world.fire(ackAlert("x", "info"));
    QVERIFY(only(world).open());
    world.fire(ackAlert("x", "critical"));
    QCOMPARE(only(world).endReason, AckEnd::Worsened);
    QVERIFY(!only(world).open());
}

void TestAmAcknowledge::itEndsWhenMoreFire()
{
    AmWorld world;
    world.fire(kX);
    world.fire(kY);
    world.pass(30_s);
    world.acknowledge(kX, {.author = "anna", .untilWorse = true});
    world.passFiring(10_min, {kX, kY});
    QVERIFY(only(world).open());
    world.passFiring(10_min, {kX, kY, ackAlert("z")});
    QCOMPARE(only(world).endReason, AckEnd::Worsened);
}

void TestAmAcknowledge::theLongestTimeIsASafetyNet()
{
    AmWorld world;
    world.fire(kX);
    const base::Timestamp start = world.now();
    QCOMPARE(world.acknowledge(kX).expiresAt->ms, (start + 7_d).ms);
    QCOMPARE(world.acknowledge(kX, {.author = "anna", .expiresIn = 30_d}).expiresAt->ms,
             (start + 7_d).ms);
    QCOMPARE(world.acknowledge(kX, {.author = "anna", .expiresIn = 2_h}).expiresAt->ms,
             (start + 2_h).ms);
}

void TestAmAcknowledge::whatIsResolvedCannotBeAcknowledged()
{
    AmWorld world;
    const auto unknown = world->acknowledge(7, {.author = "anna"});
    QVERIFY(absl::IsNotFound(unknown.status()));
    world.fire(kX);
    world.pass(1_s);
    world.resolve(kX);
    const auto resolved = world->acknowledge(alertmanager::fingerprintOf(kX), {.author = "anna"});
    QVERIFY(absl::IsFailedPrecondition(resolved.status()));
    QCOMPARE(std::string(base::messageOf(resolved.status())), std::string("alert is not firing"));
    world.fire(kX);
    QVERIFY(!world->acknowledge(alertmanager::fingerprintOf(kX), {}).ok());
}

void TestAmAcknowledge::changesAreKeptInTheHistory()
{
    AmWorld world;
    world.fire(kX);
    const auto ack = world.acknowledge(kX);
    const auto changed =
        world->changeAcknowledgement(ack.id, "ticket 7", std::optional<base::Duration>(1_h), "ben");
    QVERIFY2(changed.ok(), changed.status().ToString().c_str());
    QCOMPARE(changed->comment, std::string("ticket 7"));
    QCOMPARE(changed->expiresAt->ms, (world.now() + 1_h).ms);
    const auto events = world->ackEvents(alertmanager::fingerprintOf(kX));
    QCOMPARE(events->size(), 2U);
    QCOMPARE(events->at(1).kind, std::string("changed"));
    QCOMPARE(events->at(1).by, std::string("ben"));
    QVERIFY(!world->changeAcknowledgement("nothing", {}, {}, "ben").ok());
}

QTEST_GUILESS_MAIN(TestAmAcknowledge)
#include "tst_am_acknowledge.moc"
