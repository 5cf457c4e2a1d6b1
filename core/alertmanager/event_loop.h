// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The thread of alert dispatch: tasks one after the other, and a count of all work that is under
// way here and on the lanes. Owner: the Alertmanager. Threads: any.
#pragma once

#include <absl/base/thread_annotations.h>
#include <absl/synchronization/mutex.h>

#include <cstddef>
#include <deque>
#include <functional>
#include <thread>

namespace narthex::alertmanager {

class EventLoop
{
public:
    EventLoop();
    /// Runs what is posted, joins.
    ~EventLoop();
    EventLoop(const EventLoop&) = delete;
    EventLoop& operator=(const EventLoop&) = delete;

    void post(std::function<void()> task);
    /// Work elsewhere that ends in a task here.
    void begin();
    void end();
    /// Waits until no work is under way. Not from the loop's own thread.
    void settle() const;

private:
    void run();

    mutable absl::Mutex mutex_;
    std::deque<std::function<void()>> tasks_ ABSL_GUARDED_BY(mutex_);
    /// Posted tasks that have not ended, and begin() without end().
    std::size_t work_ ABSL_GUARDED_BY(mutex_) = 0;
    bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
    std::jthread thread_;
};

} // namespace narthex::alertmanager
