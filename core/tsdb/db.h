// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The store: opens a data directory, takes samples, answers queries. A directory that Prometheus
// can open, too. Owner: core/engine. Threads: every function from any thread; open() blocks while
// it replays and belongs on a worker. Errors: FailedPrecondition (directory in use, names the
// process), ResourceExhausted (disk full), DataLoss (a file that cannot be repaired, named).
// Format: spec/tsdb.md.
#pragma once

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/worker_pool.h"
#include "core/storage/storage.h"
#include "core/tsdb/file_layer.h"

#include <absl/status/statusor.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>

namespace narthex::tsdb {

using namespace base::literals;

struct DbOptions
{
    /// Samples older than this, counted from the newest, are given up.
    base::Duration retention = 15_d;
    /// Range of the blocks that are cut from the head; chunks never cross its multiples.
    base::Duration blockRange = 2_h;
    /// Whether the store's own thread calls compact(); tests do it themselves.
    bool compactInBackground = true;
    /// 10 MiB to 256 MiB, a multiple of 32 KiB.
    std::uint64_t walSegmentBytes = 128ULL << 20U;
    bool walCompression = true;
    /// Shards of the head's series index, a power of two.
    std::uint32_t headShards = 16;
};

/// A snapshot of counters. Counters count since open.
struct DbStats
{
    std::uint64_t series = 0;
    std::uint64_t chunks = 0;
    std::uint64_t samplesAppended = 0;
    std::uint64_t samplesOutOfOrder = 0;
    std::uint64_t samplesDuplicate = 0;
    std::uint64_t samplesTooOld = 0;
    std::uint64_t seriesCreated = 0;
    std::uint64_t seriesRemoved = 0;
    std::uint64_t walBytes = 0;
    std::uint64_t walCorruptions = 0;
    /// Samples of the log whose series record is missing.
    std::uint64_t walUnknownRefs = 0;
    std::uint64_t walWritesFailed = 0;
    std::uint64_t blocks = 0;
    std::uint64_t blockBytes = 0;
    /// Memory of series, index and chunks, counted by the owner of each.
    std::uint64_t headBytes = 0;
    std::optional<base::Timestamp> minTime;
    std::optional<base::Timestamp> maxTime;
    base::Duration replayTook;
};

class Db : public storage::Appendable, public storage::Queryable
{
public:
    struct Environment
    {
        base::WorkerPool& pool;
        const base::Clock& clock;
        base::Logger log;
        /// Called during replay with 0 … 1; may be empty.
        std::function<void(double)> onReplayProgress;
        /// Where the write-ahead log's files come from; null: the operating system. Outlives the
        /// store.
        FileLayer* files = nullptr;
    };

    /// Creates the directory if it is missing, locks it, replays what is there. `stop` ends a long
    /// replay with Cancelled.
    static absl::StatusOr<std::unique_ptr<Db>> open(const std::filesystem::path& directory,
                                                    const DbOptions& options,
                                                    Environment environment, std::stop_token stop);

    /// Cuts blocks from the head, shortens the log, merges blocks and deletes those beyond
    /// retention, as far as it is due. A thread of the store does the same once a minute. Errors:
    /// ResourceExhausted (disk full), Unavailable (closed).
    virtual absl::Status compact() = 0;
    /// Flushes, syncs and unlocks; further commits fail with Unavailable. Safe to call twice.
    virtual absl::Status close() = 0;
    [[nodiscard]] virtual DbStats stats() const = 0;
    /// Why the last commit failed, while that lasts (disk full); OK again after a commit that
    /// worked.
    [[nodiscard]] virtual absl::Status writeStatus() const = 0;
    [[nodiscard]] virtual const std::filesystem::path& directory() const = 0;
};

} // namespace narthex::tsdb
