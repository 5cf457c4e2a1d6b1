// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Requests of the clients in this process: run on the engine's request pool, answered once, waited
// for at the end. Owner: a client. Threads: run() from any thread. Errors: Cancelled.
#pragma once

#include "core/client/monitoring_client.h"
#include "core/engine/engine.h"

#include <absl/base/thread_annotations.h>
#include <absl/synchronization/mutex.h>

#include <memory>
#include <utility>

namespace narthex::client {

class Requests
{
public:
    explicit Requests(engine::Engine& engine)
        : pool_(engine.requestPool()), pending_(std::make_shared<Pending>())
    {}
    /// close().
    ~Requests() { close(); }
    Requests(const Requests&) = delete;
    Requests& operator=(const Requests&) = delete;

    /// Waits until every reply was given; whoever asks from now on gets Cancelled at once.
    void close()
    {
        pending_->stopAll.request_stop();
        absl::MutexLock lock(&pending_->mutex);
        pending_->mutex.Await(absl::Condition(
            +[](Pending* pending) ABSL_NO_THREAD_SAFETY_ANALYSIS { return pending->count == 0; },
            pending_.get()));
    }

    /// `work(stop)` gives an absl::StatusOr<T>.
    template <typename T, typename Work>
    void run(std::stop_token stop, Reply<T> reply, Work work)
    {
        if (!begin()) {
            reply(absl::CancelledError("the client is closed"));
            return;
        }
        // std::function wants something copyable.
        auto holder = std::make_shared<Reply<T>>(std::move(reply));
        pool_.submit([pending = pending_, stop = std::move(stop), holder = std::move(holder),
                      work = std::move(work)] {
            if (stop.stop_requested() || pending->stopAll.stop_requested()) {
                (*holder)(absl::CancelledError("request was cancelled"));
            } else {
                (*holder)(work(stop));
            }
            *holder = nullptr;
            absl::MutexLock lock(&pending->mutex);
            --pending->count;
        });
    }

private:
    bool begin()
    {
        absl::MutexLock lock(&pending_->mutex);
        if (pending_->stopAll.stop_requested()) {
            return false;
        }
        ++pending_->count;
        return true;
    }

    struct Pending
    {
        absl::Mutex mutex;
        std::size_t count ABSL_GUARDED_BY(mutex) = 0;
        std::stop_source stopAll;
    };
    base::WorkerPool& pool_;
    const std::shared_ptr<Pending> pending_;
};

} // namespace narthex::client
