// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Timers as a parameter: calls a function at a time of the injected clock.
// Owner: the program; users hold the TimerId and cancel it before they die.
// Threads: schedule and cancel from any thread. Callbacks run one at a time on the timer thread (or
// in the test's advance()) and must be short: they hand over to the worker pool.
#pragma once

#include "core/base/clock.h"

#include <absl/base/thread_annotations.h>
#include <absl/synchronization/mutex.h>

#include <cstdint>
#include <functional>
#include <map>
#include <thread>

namespace narthex::base {

enum class TimerId : std::uint64_t
{
};

class Timers
{
public:
    virtual ~Timers() = default;
    /// Calls `callback` once, `delay` from now (monotonic time); at once if `delay` is not
    /// positive.
    virtual TimerId schedule(Duration delay, std::function<void()> callback) = 0;
    /// The callback will not start after this returns; if it is running on another thread, waits
    /// for its end. An id that fired or never was is fine.
    virtual void cancel(TimerId id) = 0;
    [[nodiscard]] virtual const Clock& clock() const = 0;
};

/// One thread, real time.
class SystemTimers final : public Timers
{
public:
    SystemTimers();
    ~SystemTimers() override;
    TimerId schedule(Duration delay, std::function<void()> callback) override;
    void cancel(TimerId id) override;
    [[nodiscard]] const Clock& clock() const override { return clock_; }

private:
    using Key = std::pair<std::int64_t, std::uint64_t>; // due (monotonic ns), id
    void run();

    SystemClock clock_;
    mutable absl::Mutex mutex_;
    std::map<Key, std::function<void()>> queue_ ABSL_GUARDED_BY(mutex_);
    std::map<std::uint64_t, std::int64_t> due_ ABSL_GUARDED_BY(mutex_);
    std::uint64_t nextId_ ABSL_GUARDED_BY(mutex_) = 1;
    std::uint64_t running_ ABSL_GUARDED_BY(mutex_) = 0;
    bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
    absl::CondVar changed_;
    std::jthread thread_;
};

/// For tests: time moves only in advance(), which runs what falls due, in order, on the caller's
/// thread.
class ManualTimers final : public Timers
{
public:
    explicit ManualTimers(Timestamp start) : clock_(start) {}
    TimerId schedule(Duration delay, std::function<void()> callback) override;
    void cancel(TimerId id) override;
    [[nodiscard]] const Clock& clock() const override { return clock_; }
    [[nodiscard]] ManualClock& manualClock() { return clock_; }
    void advance(Duration by);
    [[nodiscard]] std::size_t pending() const;

private:
    ManualClock clock_;
    mutable absl::Mutex mutex_;
    std::map<std::pair<std::int64_t, std::uint64_t>, std::function<void()>>
        queue_ ABSL_GUARDED_BY(mutex_);
    std::uint64_t nextId_ ABSL_GUARDED_BY(mutex_) = 1;
};

} // namespace narthex::base
