// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which blocks to merge, rewrite or give up, decided from what they say of themselves.
// Threads: pure functions. Units: milliseconds, bytes; a block's maxTime is exclusive.
// Format: spec/tsdb.md, 14. Block cutting, compaction, retention.
#pragma once

#include "core/tsdb/block_meta.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace narthex::tsdb {

inline constexpr std::string_view kStaleHint = "from-stale-series";
inline constexpr std::string_view kFromSelectedSeries = "from-selected-series";

[[nodiscard]] bool hasHint(const BlockMeta& meta, std::string_view hint);

/// The multiple of `rangeMs` at or below `timeMs`, before the epoch, too.
std::int64_t alignedStart(std::int64_t timeMs, std::int64_t rangeMs);

/// Block ranges by level: the head's, then three times the one before, up to `maxBlockRangeMs`; 0:
/// a tenth of the retention, at most 31 days.
std::vector<std::int64_t> compactionRanges(std::int64_t blockRangeMs, std::int64_t retentionMs,
                                           std::int64_t maxBlockRangeMs = 0);

/// Which blocks to merge next, or the one to rewrite because much of it is deleted; empty: none.
/// Blocks with hints of early cuts are planned apart from the others. `blocks` in any order.
std::vector<BlockMeta> planCompaction(std::vector<BlockMeta> blocks,
                                      std::span<const std::int64_t> ranges);

/// What the store may keep. Of bytes and percent the latter counts unless it is 0.
struct RetentionLimits
{
    std::int64_t retentionMs = 0; // 0: forever
    std::uint64_t bytes = 0;      // 0: no limit
    double percent = 0;           // of the file system, 0: no limit
    friend bool operator==(const RetentionLimits&, const RetentionLimits&) = default;
};

/// The limit in bytes on a file system of this size; 0: none.
std::uint64_t byteLimit(const RetentionLimits& limits, std::uint64_t fileSystemBytes);

/// Blocks that end too long before the newest one, whatever the clock says.
std::vector<std::string> beyondRetention(std::span<const BlockMeta> blocks,
                                         std::int64_t retentionMs);

struct SizedBlock
{
    std::string ulid;
    std::int64_t maxTime = 0;
    std::uint64_t bytes = 0;
};

/// Counted from the newest block on top of what the head takes: the first that exceeds the limit
/// goes, and all older ones; that can be all of them.
std::vector<std::string> beyondSize(std::vector<SizedBlock> blocks, std::uint64_t headBytes,
                                    std::uint64_t limitBytes);

} // namespace narthex::tsdb
