// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What becomes of acknowledgements beside the silence: short messages, series, and their end in the
// database.
#include "ack_cases.h"

#include "core/base/status.h"
#include "core/storage/memory_store.h"

#include <QtTest>

using namespace narthex;
using namespace narthex::base::literals;
using tests::AmWorld;
using tests::kX;
using tests::kY;
using tests::only;
using tests::Outbox;
using tests::with;

class TestAmAckRecords : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void whoHasNoNotionGetsAShortMessageOnRequest();
    void aShortMessageThatFailsStandsInTheHistory();
    void whatEndedLongAgoLeavesMemoryAndDatabase();
    void seriesSayWhatIsAcknowledged();
};

void TestAmAckRecords::whoHasNoNotionGetsAShortMessageOnRequest()
{
    alertmanager::AckSettings settings;
    settings.forward = {"fake"}; // speaks for those that have the notion
    settings.inMessages = false; // and this for other messages
    AmWorld world(AmWorld::kPlain, with(settings));
    world.fire(kX);
    world.fire(kY);
    world.pass(30_s);
    world.told();
    world.acknowledge(kX, {.author = "anna", .notify = true});
    QCOMPARE(world.told(), QStringList());
    world.acknowledge(kY);
    QCOMPARE(world.told(), QStringList());
    world.acknowledge(kY, {.author = "bob", .notify = true});
    QCOMPARE(world.told(), QStringList{"r: acknowledged: firing Ax[anna],Ay[bob]"});
    world.acknowledge(kX, {.author = "bob", .notify = true});
    QCOMPARE(world.told(), QStringList());
    world.passFiring(10_min, {kX, kY});
    QCOMPARE(world.told(), QStringList());
    world.resolve(kX);
    world.resolve(kY);
    world.pass(5_min);
    QCOMPARE(world.told(), QStringList{"r: all alerts resolved: firing ; resolved Ax,Ay"});
}

void TestAmAckRecords::aShortMessageThatFailsStandsInTheHistory()
{
    AmWorld world;
    world.fire(kX);
    world.pass(30_s);
    world.told();
    Outbox::instance().answer("r", {{.status = base::unavailable("no"),
                                     .retry = true,
                                     .reason = alertmanager::FailureReason::ServerError},
                                    {.status = base::unavailable("never"),
                                     .reason = alertmanager::FailureReason::ClientError}});
    world.acknowledge(kX, {.author = "anna", .notify = true});
    world.passFiring(1_min, {kX});
    QCOMPARE(world.told(), QStringList(2, "r: acknowledged: firing Ax[anna]"));
    const auto records = world->history().notifications({});
    QVERIFY(records.ok());
    QCOMPARE(records->size(), 2U);
    QCOMPARE(records->at(1).reason, std::string("acknowledged by anna"));
    QCOMPARE(records->at(1).result, std::string("clientError"));
    QCOMPARE(records->at(1).error, std::string("never"));
    QCOMPARE(records->at(1).attempts, 2U);
}

void TestAmAckRecords::whatEndedLongAgoLeavesMemoryAndDatabase()
{
    alertmanager::AckSettings settings;
    settings.retention = 1_h;
    AmWorld world(AmWorld::kPlain, with(settings));
    world.fire(kX);
    world.fire(kY);
    const auto old = world.acknowledge(kX);
    const auto kept = world.acknowledge(kY);
    world.resolve(kX);
    world.passFiring(30_min, {kY});
    QCOMPARE(world->acknowledgements().size(), 2U);
    QCOMPARE(world.rows("ack"), 2);
    QCOMPARE(world.rows("episode"), 2);
    world.passFiring(61_min, {kY});
    QCOMPARE(world->acknowledgements().size(), 1U);
    QCOMPARE(only(world).id, kept.id);
    QCOMPARE(world.rows("ack"), 1);
    QCOMPARE(world.rows("episode"), 1);
    QCOMPARE(world.rows("ack_event WHERE ack_id = '" + old.id + "'"), 0);
    QCOMPARE(world.rows("ack_event WHERE ack_id = '" + kept.id + "'"), 1);
    world.restart(AmWorld::kPlain);
    QCOMPARE(only(world).id, kept.id);
}

void TestAmAckRecords::seriesSayWhatIsAcknowledged()
{
    storage::MemoryStore store;
    AmWorld world(AmWorld::kPlain, {.startDelay = {}, .ackSeries = &store, .seed = 1});
    const base::Timestamp begin = world.now();
    world.fire(kX);
    world.fire(kY);
    world.pass(30_s);
    const auto ack = world.acknowledge(kX);
    world.pass(20_s);
    QVERIFY(world->withdraw(ack.id, "anna").ok());
    world.pass(30_s);
    const auto querier = store.querier(begin, world.now());
    QVERIFY(querier.ok());
    const auto set =
        (*querier)->select({.from = begin, .to = world.now()},
                           {model::Matcher::equal("__name__", "NARTHEX_ALERT_ACK")}, {});
    QVERIFY(set.ok());
    const auto series = storage::collect(**set, 10);
    QVERIFY(series.ok());
    QCOMPARE(series->size(), 1U);
    QCOMPARE(series->at(0)->labels().get("i"), std::string_view("x"));
    storage::SampleColumns columns;
    QVERIFY(series->at(0)->read(begin, world.now(), columns).ok());
    QCOMPARE(columns.times,
             (std::vector<std::int64_t>{(begin + 40_s).ms, (begin + 50_s).ms, (begin + 60_s).ms}));
    QCOMPARE(columns.values[1], 1.0);
    QVERIFY(model::isStale(columns.values[2]));
}

QTEST_GUILESS_MAIN(TestAmAckRecords)
#include "tst_am_ack_records.moc"
