// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What keeps the store small: cuts blocks from the head, shortens the log, merges blocks, deletes
// old ones. Owner: Db. Threads: run() one at a time, beside appends and queries. Units:
// milliseconds. Errors: ResourceExhausted (disk full; all stays as it was), Cancelled, Unavailable
// (a reader or batch did not end in time; the next run tries again). Format: spec/tsdb.md, 14.
// Block cutting, compaction, retention.
#pragma once

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/tsdb/block_cut.h"
#include "core/tsdb/block_list.h"
#include "core/tsdb/block_plan.h"
#include "core/tsdb/checkpoint.h"
#include "core/tsdb/head.h"
#include "core/tsdb/metrics.h"

#include <absl/status/statusor.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <stop_token>
#include <vector>

namespace narthex::tsdb {

struct CompactorOptions
{
    std::int64_t blockRangeMs = 0;
    std::int64_t retentionMs = 0;
    std::uint64_t walSegmentBytes = 0;
    WalCompression walCompression = WalCompression::Snappy;
    /// 0: no limit; the share of the file system, 0 to 100, counts instead of bytes unless 0.
    std::uint64_t retentionBytes = 0;
    double retentionPercent = 0;
    /// The largest block that merging makes; 0: a tenth of the retention, at most 31 days.
    std::int64_t maxBlockRangeMs = 0;
    /// How long the head waits before it is cut, from when that is first seen to be due.
    base::Duration cutDelay{};
    std::uint64_t chunkSegmentBytes = ChunkFileWriter::kSegmentBytes;
    /// What log, late log and head chunks take on disk, for the limit in bytes; may be empty.
    std::function<std::uint64_t()> headBytes;
    /// May be null; outlives the compactor.
    StoreMetrics* metrics = nullptr;
};

class Compactor
{
public:
    /// `keepsSeries`: whether the log's reference still means a series of the head.
    Compactor(std::filesystem::path directory, Head& head, BlockList& blocks, FileLayer& files,
              const base::Clock& clock, base::Logger log, const CompactorOptions& options,
              std::function<bool(std::uint64_t, std::uint32_t)> keepsSeries);

    /// All that is due now. A caller that gets an error tries again later, after longer and longer
    /// pauses.
    absl::Status run(const std::stop_token& stop);
    /// Merges blocks until nothing is left to merge, or the head is due.
    absl::Status mergeAll(const std::stop_token& stop);
    /// Deletes what the limits do not allow any more.
    absl::Status applyRetention();
    /// Counts from the next run on. Any thread.
    void setRetention(const RetentionLimits& limits);

    /// Writes [fromMs, endMs) of anything as a block and publishes it; null when there is nothing.
    absl::StatusOr<std::shared_ptr<const Block>> cutBlock(BlockSource& source, std::int64_t fromMs,
                                                          std::int64_t endMs,
                                                          std::vector<std::string> hints,
                                                          const std::stop_token& stop);

private:
    /// The head holds a whole block more than it needs.
    [[nodiscard]] bool headIsFull() const;
    /// It is full, and the delay is over.
    bool headIsDue();
    absl::Status cutHead(const std::stop_token& stop);
    absl::Status mergeBlocks(const std::vector<BlockMeta>& plan, const std::stop_token& stop);
    absl::StatusOr<std::shared_ptr<const Block>> writeMerged(const std::string& ulid,
                                                             const BlockList::Blocks& parents,
                                                             const std::stop_token& stop);
    void markFailed(const BlockList::Blocks& parents);
    [[nodiscard]] std::vector<BlockMeta> metas() const;
    [[nodiscard]] RetentionLimits retention() const;

    // Fixed after construction.
    const std::filesystem::path directory_;
    Head& head_;
    BlockList& blocks_;
    FileLayer& files_;
    const base::Clock& clock_;
    const base::Logger log_;
    const CompactorOptions options_;
    const std::function<bool(std::uint64_t, std::uint32_t)> keepsSeries_;

    /// When the head was first seen full; by the only thread that runs.
    std::optional<base::Duration> fullSince_;

    mutable absl::Mutex mutex_;
    RetentionLimits retention_ ABSL_GUARDED_BY(mutex_);
};

} // namespace narthex::tsdb
