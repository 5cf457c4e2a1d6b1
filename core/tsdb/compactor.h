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
#include "core/tsdb/block_list.h"
#include "core/tsdb/checkpoint.h"
#include "core/tsdb/head.h"

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
};

/// Block ranges by level: the head's, then three times the one before, up to the largest allowed.
std::vector<std::int64_t> compactionRanges(std::int64_t blockRangeMs, std::int64_t retentionMs);

/// Which blocks to merge next; empty: none. `blocks` ascending in minTime.
std::vector<BlockMeta> planCompaction(const std::vector<BlockMeta>& blocks,
                                      const std::vector<std::int64_t>& ranges);

/// Blocks that end too long before the newest one.
std::vector<std::string> beyondRetention(const std::vector<BlockMeta>& blocks,
                                         std::int64_t retentionMs);

class Compactor
{
public:
    /// `keepsSeries`: whether the log's reference still means a series of the head.
    Compactor(std::filesystem::path directory, Head& head, BlockList& blocks, FileLayer& files,
              const base::Clock& clock, base::Logger log, const CompactorOptions& options,
              std::function<bool(std::uint64_t, std::uint32_t)> keepsSeries);

    /// All that is due now.
    absl::Status run(const std::stop_token& stop);

private:
    [[nodiscard]] bool headIsDue() const;
    absl::Status cutHead(const std::stop_token& stop);
    absl::StatusOr<std::shared_ptr<const Block>>
    writeHeadBlock(std::int64_t fromMs, std::int64_t endMs, const std::stop_token& stop);
    absl::Status mergeBlocks(const std::vector<BlockMeta>& plan, const std::stop_token& stop);
    [[nodiscard]] std::vector<BlockMeta> metas() const;

    // Fixed after construction.
    const std::filesystem::path directory_;
    Head& head_;
    BlockList& blocks_;
    FileLayer& files_;
    const base::Clock& clock_;
    const base::Logger log_;
    const CompactorOptions options_;
    const std::function<bool(std::uint64_t, std::uint32_t)> keepsSeries_;
};

} // namespace narthex::tsdb
