// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Messages that fail, are tried again, are slow, or remember something.
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

class TestAmSending : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void failuresAreTriedAgainOneByOne();
    void aClientErrorIsNotTriedAgain();
    void afterAFailedFlushResolvedAlertsAreToldLater();
    void aSlowReceiverHoldsUpNoOther();
    void thePlaceOfAnIntegrationRemembers();
};

void TestAmSending::failuresAreTriedAgainOneByOne()
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

void TestAmSending::aClientErrorIsNotTriedAgain()
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

void TestAmSending::afterAFailedFlushResolvedAlertsAreToldLater()
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

void TestAmSending::aSlowReceiverHoldsUpNoOther()
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

void TestAmSending::thePlaceOfAnIntegrationRemembers()
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

QTEST_GUILESS_MAIN(TestAmSending)
#include "tst_am_sending.moc"
