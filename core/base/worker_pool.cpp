// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/worker_pool.h"

#include <algorithm>
#include <atomic>
#include <memory>

namespace narthex::base {

WorkerPool::WorkerPool(std::size_t threads)
{
    const std::size_t count =
        threads != 0 ? threads : std::max<std::size_t>(1, std::thread::hardware_concurrency());
    threads_.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
        threads_.emplace_back([this] { run(); });
    }
}

WorkerPool::~WorkerPool()
{
    {
        absl::MutexLock lock(&mutex_);
        stopping_ = true;
    }
    threads_.clear();
}

void WorkerPool::submit(std::function<void()> task)
{
    absl::MutexLock lock(&mutex_);
    tasks_.push_back(std::move(task));
}

void WorkerPool::run()
{
    while (true) {
        std::function<void()> task;
        {
            absl::MutexLock lock(&mutex_);
            mutex_.Await(absl::Condition(
                +[](WorkerPool* self) ABSL_NO_THREAD_SAFETY_ANALYSIS {
                    return self->stopping_ || !self->tasks_.empty();
                },
                this));
            if (tasks_.empty()) {
                return;
            }
            task = std::move(tasks_.front());
            tasks_.pop_front();
        }
        task();
    }
}

void WorkerPool::parallelFor(std::size_t count, absl::FunctionRef<void(std::size_t)> body)
{
    if (count <= 1) {
        if (count == 1) {
            body(0);
        }
        return;
    }
    // Helpers may start after the work is done and the caller is gone: they own this state, and
    // touch `body` only while an index is left, which keeps the caller waiting.
    struct State
    {
        explicit State(std::size_t n, absl::FunctionRef<void(std::size_t)> f) : count(n), body(f) {}
        const std::size_t count;
        const absl::FunctionRef<void(std::size_t)> body;
        std::atomic<std::size_t> next{0};
        absl::Mutex mutex;
        std::size_t done ABSL_GUARDED_BY(mutex) = 0;

        void work()
        {
            std::size_t finished = 0;
            for (std::size_t i = next.fetch_add(1); i < count; i = next.fetch_add(1)) {
                body(i);
                ++finished;
            }
            absl::MutexLock lock(&mutex);
            done += finished;
        }
    };
    auto state = std::make_shared<State>(count, body);
    const std::size_t helpers = std::min(count - 1, threads_.size());
    for (std::size_t i = 0; i < helpers; ++i) {
        submit([state] { state->work(); });
    }
    state->work();
    absl::MutexLock lock(&state->mutex);
    state->mutex.Await(absl::Condition(
        +[](State* s) ABSL_NO_THREAD_SAFETY_ANALYSIS { return s->done == s->count; }, state.get()));
}

} // namespace narthex::base
