// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/alertmanager/lane.h"

#include <absl/time/time.h>

namespace narthex::alertmanager {

Lane::~Lane()
{
    stop();
    std::list<std::jthread> all;
    {
        const absl::MutexLock lock(&mutex_);
        stopping_ = true;
        changed_.SignalAll();
        while (!threads_.empty()) {
            changed_.Wait(&mutex_);
        }
        all.swap(ended_);
    }
    for (std::jthread& thread : all) {
        thread.join();
    }
}

void Lane::post(Job job)
{
    std::list<std::jthread> ended;
    const absl::MutexLock lock(&mutex_);
    ended.swap(ended_); // joined at the end of this scope: they have nothing left to do
    jobs_.push_back(std::move(job));
    if (busy_ + jobs_.size() > threads_.size() && threads_.size() < mostThreads_) {
        const auto self = threads_.emplace(threads_.end());
        *self = std::jthread([this, self] { run(self); });
    }
    changed_.Signal();
}

void Lane::stop() { stopSource_.request_stop(); }

bool Lane::idle() const
{
    const absl::MutexLock lock(&mutex_);
    return jobs_.empty() && busy_ == 0;
}

void Lane::settle() const
{
    const absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(
        +[](const Lane* self)
             ABSL_NO_THREAD_SAFETY_ANALYSIS { return self->jobs_.empty() && self->busy_ == 0; },
        this));
}

std::size_t Lane::threads() const
{
    const absl::MutexLock lock(&mutex_);
    return threads_.size();
}

void Lane::run(std::list<std::jthread>::iterator self)
{
    absl::MutexLock lock(&mutex_);
    while (true) {
        bool timedOut = false;
        while (jobs_.empty() && !stopping_ && !timedOut) {
            timedOut = changed_.WaitWithTimeout(&mutex_, absl::Nanoseconds(idle_.ns));
        }
        if (jobs_.empty()) {
            break;
        }
        Job job = std::move(jobs_.front());
        jobs_.pop_front();
        ++busy_;
        mutex_.Unlock();
        job(stopSource_.get_token());
        job = nullptr;
        mutex_.Lock();
        --busy_;
    }
    ended_.splice(ended_.end(), threads_, self);
    changed_.SignalAll();
}

} // namespace narthex::alertmanager
