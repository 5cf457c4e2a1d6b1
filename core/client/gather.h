// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Waits for several replies without blocking a thread: each slot is a Reply, and when the last one
// came, all results go to one function. Owner: the replies share it. Threads: slots from any
// thread; the function runs on the thread of the last reply.
#pragma once

#include "core/client/monitoring_client.h"

#include <absl/base/thread_annotations.h>
#include <absl/synchronization/mutex.h>

#include <memory>
#include <utility>
#include <vector>

namespace narthex::client {

template <typename T>
class Gather
{
public:
    using Results = std::vector<absl::StatusOr<T>>;
    using Done = absl::AnyInvocable<void(Results)>;

    /// `count` slots; with none `done` is called at once.
    static std::vector<Reply<T>> slots(std::size_t count, Done done)
    {
        std::vector<Reply<T>> replies;
        if (count == 0) {
            done({});
            return replies;
        }
        auto shared = std::make_shared<Gather>(count, std::move(done));
        for (std::size_t i = 0; i < count; ++i) {
            replies.push_back(
                [shared, i](absl::StatusOr<T> result) { shared->put(i, std::move(result)); });
        }
        return replies;
    }

    Gather(std::size_t count, Done done)
        : results_(count, absl::UnavailableError("no reply")), left_(count), done_(std::move(done))
    {}

private:
    void put(std::size_t slot, absl::StatusOr<T> result)
    {
        Results all;
        {
            absl::MutexLock lock(&mutex_);
            results_[slot] = std::move(result);
            if (--left_ > 0) {
                return;
            }
            all = std::move(results_);
        }
        done_(std::move(all));
    }

    absl::Mutex mutex_;
    Results results_ ABSL_GUARDED_BY(mutex_);
    std::size_t left_ ABSL_GUARDED_BY(mutex_);
    /// Touched by the last reply.
    Done done_;
};

} // namespace narthex::client
