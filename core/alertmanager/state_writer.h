// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The way of the Alertmanager's state into the database: changes are queued and written by one
// thread, all that wait in one short transaction. What has been written survives the end of the
// process. Owner: the Alertmanager. Threads: any. Errors: the last one is kept until a write
// succeeds; what could not be written stays queued, up to a limit. Source: spec/alertmanager.md, 3
// and 7; spec/acknowledge.md, 10.
#pragma once

#include "core/state/database.h"

#include <absl/base/thread_annotations.h>
#include <absl/synchronization/mutex.h>

#include <deque>
#include <functional>
#include <span>
#include <thread>

namespace narthex::alertmanager {

/// The tables of this module, versions 1, 2, …; the engine puts them among those of others.
std::span<const state::Migration> migrations();

class StateWriter
{
public:
    using Change = std::function<absl::Status(state::Connection&)>;

    /// Null: nothing is kept.
    explicit StateWriter(state::Database* database);
    /// Writes what is queued.
    ~StateWriter();
    StateWriter(const StateWriter&) = delete;
    StateWriter& operator=(const StateWriter&) = delete;

    void post(Change change);
    /// Waits until everything posted before is written. Errors: those of the database.
    absl::Status flush();
    [[nodiscard]] absl::Status lastError() const;
    [[nodiscard]] state::Database* database() const { return database_; }

    /// Beyond it the oldest changes are dropped: the disk has been full for long.
    static constexpr std::size_t kMostQueued = 200'000;

private:
    void run();
    void writeAll(std::deque<Change>& batch);

    state::Database* const database_;
    mutable absl::Mutex mutex_;
    std::deque<Change> queue_ ABSL_GUARDED_BY(mutex_);
    std::uint64_t posted_ ABSL_GUARDED_BY(mutex_) = 0;
    std::uint64_t tried_ ABSL_GUARDED_BY(mutex_) = 0;
    absl::Status error_ ABSL_GUARDED_BY(mutex_);
    bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
    std::jthread thread_;
};

} // namespace narthex::alertmanager
