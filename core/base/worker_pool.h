// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The pool of worker threads: parse and append, query shards, rule groups. Sized to the cores.
// Owner: the program; users keep a reference and wait for their own work before they die.
// Threads: submit and parallelFor from any thread, workers included.
#pragma once

#include <absl/base/thread_annotations.h>
#include <absl/functional/function_ref.h>
#include <absl/synchronization/mutex.h>

#include <cstddef>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

namespace narthex::base {

class WorkerPool
{
public:
    /// 0 threads: one a core.
    explicit WorkerPool(std::size_t threads = 0);
    /// Runs what is queued, then joins.
    ~WorkerPool();
    WorkerPool(const WorkerPool&) = delete;
    WorkerPool& operator=(const WorkerPool&) = delete;

    void submit(std::function<void()> task);

    /// Calls body(i) for i in [0, count), on the workers and on this thread, and returns when all
    /// are done. Safe to nest: the caller works, too, so it never waits for a worker that waits for
    /// it.
    void parallelFor(std::size_t count, absl::FunctionRef<void(std::size_t)> body);

    [[nodiscard]] std::size_t threadCount() const { return threads_.size(); }

private:
    void run();

    absl::Mutex mutex_;
    std::deque<std::function<void()>> tasks_ ABSL_GUARDED_BY(mutex_);
    bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
    // Fixed after construction.
    std::vector<std::jthread> threads_;
};

} // namespace narthex::base
