// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Who sees which commit: commits have numbers, a reader keeps the set that was finished when it
// began. Owner: Head. Threads: any. Units: commit numbers count from 1; 0 is "replayed", seen by
// all. Format: spec/tsdb.md, 12.5 Isolation.
#pragma once

#include <absl/base/thread_annotations.h>
#include <absl/synchronization/mutex.h>
#include <absl/time/time.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <limits>
#include <list>
#include <vector>

namespace narthex::tsdb {

using CommitId = std::uint64_t;

/// The commits that a reader sees.
struct ReadView
{
    CommitId newest = std::numeric_limits<CommitId>::max();
    /// Commits up to `newest` that were unfinished; few.
    std::vector<CommitId> open;

    [[nodiscard]] bool sees(CommitId id) const
    {
        return id <= newest && std::find(open.begin(), open.end(), id) == open.end();
    }
    /// Every commit below this number is seen.
    [[nodiscard]] CommitId seesAllBelow() const
    {
        const auto oldest = std::min_element(open.begin(), open.end());
        return oldest == open.end() ? newest + 1 : *oldest;
    }
};

class Isolation
{
public:
    /// A reader that holds back forgetting; gives its place back at destruction. The Isolation
    /// outlives it.
    class Reader
    {
    public:
        Reader(Isolation& isolation, std::int64_t fromMs);
        ~Reader();
        Reader(const Reader&) = delete;
        Reader& operator=(const Reader&) = delete;
        [[nodiscard]] const ReadView& view() const { return view_; }

    private:
        friend class Isolation;
        Isolation& isolation_;
        const std::int64_t fromMs_;
        ReadView view_;
        std::list<const Reader*>::iterator place_;
    };

    CommitId beginCommit();
    void endCommit(CommitId id);
    /// Commits below this number are seen by every reader there is or will be. Only grows.
    [[nodiscard]] CommitId settledBelow() const
    {
        return settledBelow_.load(std::memory_order_acquire);
    }
    /// The newest commit begun.
    [[nodiscard]] CommitId newest() const
    {
        absl::MutexLock lock(&mutex_);
        return last_;
    }
    /// Waits until no reader looks at times before `beforeMs`. False when that took too long.
    bool waitForReadersBefore(std::int64_t beforeMs, absl::Duration atMost);

private:
    void updateLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

    mutable absl::Mutex mutex_;
    CommitId last_ ABSL_GUARDED_BY(mutex_) = 0;
    std::vector<CommitId> open_ ABSL_GUARDED_BY(mutex_);
    std::list<const Reader*> readers_ ABSL_GUARDED_BY(mutex_);
    // Written under mutex_, read without: an older value is only more careful.
    std::atomic<CommitId> settledBelow_{1};
};

} // namespace narthex::tsdb
