// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/timers.h"

#include <absl/time/clock.h>
#include <absl/time/time.h>

#include <algorithm>

namespace narthex::base {

SystemTimers::SystemTimers() : thread_([this] { run(); }) {}

SystemTimers::~SystemTimers()
{
    {
        absl::MutexLock lock(&mutex_);
        stopping_ = true;
        changed_.SignalAll();
    }
    thread_.join();
}

TimerId SystemTimers::schedule(Duration delay, std::function<void()> callback)
{
    const std::int64_t due = clock_.monotonic().ns + std::max<std::int64_t>(0, delay.ns);
    absl::MutexLock lock(&mutex_);
    const std::uint64_t id = nextId_++;
    queue_.emplace(Key{due, id}, std::move(callback));
    due_.emplace(id, due);
    changed_.SignalAll();
    return TimerId{id};
}

void SystemTimers::cancel(TimerId id)
{
    const auto number = static_cast<std::uint64_t>(id);
    std::function<void()> dropped; // destroyed outside the lock
    absl::MutexLock lock(&mutex_);
    if (const auto it = due_.find(number); it != due_.end()) {
        const auto entry = queue_.find(Key{it->second, number});
        dropped = std::move(entry->second);
        queue_.erase(entry);
        due_.erase(it);
        return;
    }
    while (running_ == number && std::this_thread::get_id() != thread_.get_id()) {
        changed_.Wait(&mutex_);
    }
}

void SystemTimers::run()
{
    absl::MutexLock lock(&mutex_);
    while (!stopping_) {
        if (queue_.empty()) {
            changed_.Wait(&mutex_);
            continue;
        }
        const auto first = queue_.begin();
        const std::int64_t wait = first->first.first - clock_.monotonic().ns;
        if (wait > 0) {
            changed_.WaitWithTimeout(&mutex_, absl::Nanoseconds(wait));
            continue;
        }
        std::function<void()> callback = std::move(first->second);
        running_ = first->first.second;
        due_.erase(running_);
        queue_.erase(first);
        mutex_.Unlock();
        callback();
        callback = nullptr;
        mutex_.Lock();
        running_ = 0;
        changed_.SignalAll();
    }
}

TimerId ManualTimers::schedule(Duration delay, std::function<void()> callback)
{
    absl::MutexLock lock(&mutex_);
    const std::uint64_t id = nextId_++;
    queue_.emplace(std::pair{clock_.monotonic().ns + std::max<std::int64_t>(0, delay.ns), id},
                   std::move(callback));
    return TimerId{id};
}

void ManualTimers::cancel(TimerId id)
{
    absl::MutexLock lock(&mutex_);
    std::erase_if(queue_, [id](const auto& entry) {
        return entry.first.second == static_cast<std::uint64_t>(id);
    });
}

void ManualTimers::advance(Duration by)
{
    const std::int64_t end = clock_.monotonic().ns + by.ns;
    while (true) {
        std::function<void()> callback;
        {
            absl::MutexLock lock(&mutex_);
            if (queue_.empty() || queue_.begin()->first.first > end) {
                break;
            }
            const std::int64_t due = queue_.begin()->first.first;
            callback = std::move(queue_.begin()->second);
            queue_.erase(queue_.begin());
            if (const std::int64_t step = due - clock_.monotonic().ns; step > 0) {
                clock_.advance({step});
            }
        }
        callback();
    }
    clock_.advance({end - clock_.monotonic().ns});
}

std::size_t ManualTimers::pending() const
{
    absl::MutexLock lock(&mutex_);
    return queue_.size();
}

} // namespace narthex::base
