// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/client/http/poller.h"

#include <absl/base/thread_annotations.h>
#include <absl/synchronization/mutex.h>

#include <algorithm>
#include <memory>
#include <thread>

namespace narthex::client {
namespace {

class Poll : public std::enable_shared_from_this<Poll>
{
public:
    Poll(base::Timers& timers, PollerOptions options,
         std::function<void(std::stop_token, Reply<bool>)> ask,
         std::function<void(const absl::Status&)> onAnswer)
        : timers_(timers),
          options_(options),
          ask_(std::move(ask)),
          onAnswer_(std::move(onAnswer)),
          delay_(options.interval)
    {}

    void schedule()
    {
        absl::MutexLock lock(&mutex_);
        if (!ended_) {
            timer_ = timers_.schedule(delay_, [weak = weak_from_this()] {
                if (const auto self = weak.lock()) {
                    self->ask_(self->stop_.get_token(), [self](absl::StatusOr<bool> answer) {
                        self->answered(answer.status());
                    });
                }
            });
        }
    }

    void end()
    {
        stop_.request_stop();
        std::optional<base::TimerId> timer;
        {
            absl::MutexLock lock(&mutex_);
            ended_ = true;
            timer = std::exchange(timer_, std::nullopt);
        }
        if (timer) {
            timers_.cancel(*timer);
        }
        absl::MutexLock lock(&mutex_);
        // The listener itself may end the subscription.
        if (caller_ != std::this_thread::get_id()) {
            mutex_.Await(absl::Condition(
                +[](Poll* self)
                     ABSL_NO_THREAD_SAFETY_ANALYSIS { return self->caller_ == std::thread::id(); },
                this));
        }
    }

private:
    void answered(const absl::Status& status)
    {
        {
            absl::MutexLock lock(&mutex_);
            if (ended_) {
                return;
            }
            delay_ = status.ok() ? options_.interval : std::min(delay_ * 2, options_.longest);
            caller_ = std::this_thread::get_id();
        }
        onAnswer_(status);
        {
            absl::MutexLock lock(&mutex_);
            caller_ = {};
        }
        schedule();
    }

    // Fixed after construction; safe by itself.
    base::Timers& timers_;
    const PollerOptions options_;
    const std::function<void(std::stop_token, Reply<bool>)> ask_;
    const std::function<void(const absl::Status&)> onAnswer_;
    std::stop_source stop_;

    absl::Mutex mutex_;
    base::Duration delay_ ABSL_GUARDED_BY(mutex_);
    std::optional<base::TimerId> timer_ ABSL_GUARDED_BY(mutex_);
    bool ended_ ABSL_GUARDED_BY(mutex_) = false;
    /// The thread in the listener; none: default.
    std::thread::id caller_ ABSL_GUARDED_BY(mutex_);
};

} // namespace

Subscription poll(base::Timers& timers, PollerOptions options,
                  std::function<void(std::stop_token, Reply<bool>)> ask,
                  std::function<void(const absl::Status&)> onAnswer)
{
    auto poll = std::make_shared<Poll>(timers, options, std::move(ask), std::move(onAnswer));
    poll->schedule();
    return Subscription([poll] { poll->end(); });
}

} // namespace narthex::client
