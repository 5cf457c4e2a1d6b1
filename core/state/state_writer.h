// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The way of changing state into the database: changes are queued and written by one
// thread, all that wait in one short transaction. What has been written survives the end of the
// process. Owner: whose state it is. Threads: any. Errors: the last one is kept until a write
// succeeds; what could not be written stays queued, up to a limit. A change that the database
// refuses as such, again and again, is dropped and counted, so that later ones are not held up.
// Source: spec/alertmanager.md, 3 and 7; spec/acknowledge.md, 10.
#pragma once

#include "core/state/database.h"

#include <absl/base/thread_annotations.h>
#include <absl/synchronization/mutex.h>

#include <deque>
#include <functional>
#include <optional>
#include <thread>

namespace narthex::state {

class StateWriter
{
public:
    using Change = std::function<absl::Status(Connection&)>;

    /// Null: nothing is kept.
    explicit StateWriter(Database* database);
    /// Writes what is queued.
    ~StateWriter();
    StateWriter(const StateWriter&) = delete;
    StateWriter& operator=(const StateWriter&) = delete;

    void post(Change change);
    /// Waits until everything posted before is written. Errors: those of the database.
    absl::Status flush();
    [[nodiscard]] absl::Status lastError() const;
    /// Changes that were given up: refused ones, and those beyond the limit of the queue.
    struct Dropped
    {
        std::uint64_t count = 0;
        /// Of the last one that was refused.
        absl::Status error;
    };
    [[nodiscard]] Dropped dropped() const;
    [[nodiscard]] Database* database() const { return database_; }

    /// Beyond it the oldest changes are dropped: the disk has been full for long.
    static constexpr std::size_t kMostQueued = 200'000;
    /// A change that is refused is tried so often.
    static constexpr int kMostTries = 3;

private:
    void run();
    /// Takes from the front of the batch what is done with: written, or dropped.
    absl::Status writeAll(std::deque<Change>& batch);
    /// Writes the first `count` in one transaction; `failed`: the one that was refused.
    absl::Status writeFirst(std::deque<Change>& batch, std::size_t count,
                            std::optional<std::size_t>& failed);
    void drop(const absl::Status& why);

    Database* const database_;
    mutable absl::Mutex mutex_;
    std::deque<Change> queue_ ABSL_GUARDED_BY(mutex_);
    std::uint64_t posted_ ABSL_GUARDED_BY(mutex_) = 0;
    std::uint64_t tried_ ABSL_GUARDED_BY(mutex_) = 0;
    absl::Status error_ ABSL_GUARDED_BY(mutex_);
    Dropped dropped_ ABSL_GUARDED_BY(mutex_);
    bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
    std::jthread thread_;
};

} // namespace narthex::state
