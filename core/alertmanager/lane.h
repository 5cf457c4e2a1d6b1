// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Threads that send for one integration: they come on demand, up to a limit, and end when they have
// been idle for a while, so that a slow receiver never holds up another. Owner: the Alertmanager.
// Threads: any; the destructor asks running work to stop and waits for it.
#pragma once

#include "core/base/time.h"

#include <absl/base/thread_annotations.h>
#include <absl/synchronization/mutex.h>

#include <cstddef>
#include <deque>
#include <functional>
#include <list>
#include <stop_token>
#include <thread>

namespace narthex::alertmanager {

using namespace base::literals;

class Lane
{
public:
    using Job = std::function<void(std::stop_token)>;

    explicit Lane(std::size_t mostThreads = kMostThreads, base::Duration idle = 10_s)
        : mostThreads_(mostThreads), idle_(idle)
    {}
    ~Lane();
    Lane(const Lane&) = delete;
    Lane& operator=(const Lane&) = delete;

    void post(Job job);
    /// Asks what runs to stop; what waits is dropped after a call with a stop token that says so.
    void stop();
    /// Nothing waits and nothing runs.
    [[nodiscard]] bool idle() const;
    /// Waits until nothing waits, nothing runs, and what ran is destroyed.
    void settle() const;
    [[nodiscard]] std::size_t threads() const;

    static constexpr std::size_t kMostThreads = 16;

private:
    void run(std::list<std::jthread>::iterator self);

    const std::size_t mostThreads_;
    const base::Duration idle_;
    std::stop_source stopSource_;
    mutable absl::Mutex mutex_;
    absl::CondVar changed_;
    std::deque<Job> jobs_ ABSL_GUARDED_BY(mutex_);
    std::list<std::jthread> threads_ ABSL_GUARDED_BY(mutex_);
    /// Threads that are done and wait to be joined.
    std::list<std::jthread> ended_ ABSL_GUARDED_BY(mutex_);
    std::size_t busy_ ABSL_GUARDED_BY(mutex_) = 0;
    bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
};

} // namespace narthex::alertmanager
