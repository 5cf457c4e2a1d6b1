// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/timers.h"
#include "core/base/worker_pool.h"

#include <absl/synchronization/notification.h>

#include <QtTest>

#include <atomic>

using namespace narthex::base;

class TestConcurrency : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void parallelForVisitsEachIndexOnce();
    void parallelForNestsWithoutDeadlock();
    void manualTimersFireInOrder();
    void aCancelledTimerNeverFires();
    void systemTimersFire();
};

void TestConcurrency::parallelForVisitsEachIndexOnce()
{
    WorkerPool pool(4);
    std::vector<std::atomic<int>> visits(1000);
    pool.parallelFor(visits.size(), [&](std::size_t i) { ++visits[i]; });
    for (const auto& count : visits) {
        QCOMPARE(count.load(), 1);
    }
}

void TestConcurrency::parallelForNestsWithoutDeadlock()
{
    WorkerPool pool(2);
    std::atomic<int> total = 0;
    pool.parallelFor(8, [&](std::size_t) { pool.parallelFor(8, [&](std::size_t) { ++total; }); });
    QCOMPARE(total.load(), 64);
}

void TestConcurrency::manualTimersFireInOrder()
{
    ManualTimers timers({1000});
    std::vector<int> order;
    timers.schedule(2_s, [&] { order.push_back(2); });
    timers.schedule(1_s, [&] {
        order.push_back(1);
        timers.schedule(500_ms, [&] { order.push_back(15); });
    });
    timers.advance(3_s);
    QCOMPARE(order, (std::vector<int>{1, 15, 2}));
    QCOMPARE(timers.clock().now().ms, 4000);
}

void TestConcurrency::aCancelledTimerNeverFires()
{
    SystemTimers timers;
    std::atomic<bool> fired = false;
    const TimerId id = timers.schedule(1_h, [&] { fired = true; });
    timers.cancel(id);
    timers.cancel(id);
    QVERIFY(!fired);
}

void TestConcurrency::systemTimersFire()
{
    SystemTimers timers;
    absl::Notification fired;
    timers.schedule(1_ms, [&] { fired.Notify(); });
    fired.WaitForNotification();
}

QTEST_GUILESS_MAIN(TestConcurrency)
#include "tst_concurrency.moc"
