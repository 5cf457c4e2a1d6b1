// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/alertmanager/event_loop.h"

namespace narthex::alertmanager {

EventLoop::EventLoop() : thread_([this] { run(); }) {}

EventLoop::~EventLoop()
{
    {
        const absl::MutexLock lock(&mutex_);
        stopping_ = true;
    }
    thread_.join();
}

void EventLoop::post(std::function<void()> task)
{
    const absl::MutexLock lock(&mutex_);
    tasks_.push_back(std::move(task));
    ++work_;
}

void EventLoop::begin()
{
    const absl::MutexLock lock(&mutex_);
    ++work_;
}

void EventLoop::end()
{
    const absl::MutexLock lock(&mutex_);
    --work_;
}

void EventLoop::settle() const
{
    const absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(
        +[](const EventLoop* self) ABSL_NO_THREAD_SAFETY_ANALYSIS { return self->work_ == 0; },
        this));
}

void EventLoop::run()
{
    while (true) {
        std::function<void()> task;
        {
            const absl::MutexLock lock(&mutex_);
            mutex_.Await(absl::Condition(
                +[](EventLoop* self) ABSL_NO_THREAD_SAFETY_ANALYSIS {
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
        task = nullptr;
        end();
    }
}

} // namespace narthex::alertmanager
