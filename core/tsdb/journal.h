// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The head's write-ahead log with its lock: takes whole commits, and sees to it that a series is in
// the log before its samples, whoever's commit comes first. Owner: Head. Threads: any. Errors:
// ResourceExhausted (disk full, batch larger than a segment), Unavailable (closed, other write
// errors). Format: spec/tsdb.md, 8. WAL / WBL format.
#pragma once

#include "core/tsdb/wal_writer.h"

#include <absl/base/thread_annotations.h>
#include <absl/status/status.h>
#include <absl/synchronization/mutex.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace narthex::tsdb {

class Journal
{
public:
    Journal(std::unique_ptr<WalWriter> writer, WalCompression compression);

    /// Called after each commit, by whoever committed, without a lock. Once, before appenders are
    /// used.
    void setCommitHook(std::function<void()> hook) { onCommit_ = std::move(hook); }

    /// Queues a new series: it is written with the next commit of anybody.
    void addSeries(std::uint64_t ref, std::string_view packedLabels);
    /// Writes the queued series, then these records, all or none of the latter.
    absl::Status commit(std::span<const WalRecord> records);
    /// The same with records as they were encoded.
    absl::Status commit(std::span<const std::string> payloads);
    /// Why the last commit failed; OK again after one that worked.
    [[nodiscard]] absl::Status writeStatus() const;

    /// Finishes the current segment; returns the number of the next, now current one.
    absl::StatusOr<std::uint32_t> startNextSegment();
    absl::Status close();
    /// The current one.
    [[nodiscard]] std::uint32_t segment() const;
    /// Where the next record goes in it.
    [[nodiscard]] std::uint64_t offset() const;
    /// Writes the series that are queued.
    absl::Status flushSeries();

    [[nodiscard]] WalCompression compression() const { return compression_; }
    [[nodiscard]] std::uint64_t bytesWritten() const
    {
        return bytesWritten_.load(std::memory_order_relaxed);
    }
    [[nodiscard]] std::uint64_t writesFailed() const
    {
        return writesFailed_.load(std::memory_order_relaxed);
    }

private:
    absl::Status writeSeriesLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
    absl::Status commitAndCount(std::span<const WalRecord> records);
    absl::Status commitLocked(std::span<const WalRecord> records)
        ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

    // Fixed after construction.
    const WalCompression compression_;
    std::function<void()> onCommit_;
    // Counters: nobody orders anything by them.
    std::atomic<std::uint64_t> bytesWritten_{0};
    std::atomic<std::uint64_t> writesFailed_{0};
    /// Whether series are queued; read without the lock. Who queued the series of a sample did so
    /// before the sample's appender learned the reference, through a lock: so the flag is seen.
    std::atomic<bool> hasSeries_{false};

    mutable absl::Mutex mutex_;
    std::unique_ptr<WalWriter> writer_ ABSL_GUARDED_BY(mutex_);
    absl::Status status_ ABSL_GUARDED_BY(mutex_);
    std::string compressed_ ABSL_GUARDED_BY(mutex_);
    /// Series records taken from the queue and not yet written.
    std::vector<std::string> unwritten_ ABSL_GUARDED_BY(mutex_);

    absl::Mutex seriesMutex_ ABSL_ACQUIRED_AFTER(mutex_);
    /// Whole records of new series.
    std::vector<std::string> queued_ ABSL_GUARDED_BY(seriesMutex_);
};

} // namespace narthex::tsdb
