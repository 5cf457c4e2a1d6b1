// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// One block out of several: chunks are copied as they are where they do not overlap and nothing of
// them is deleted. Series are merged by their symbols' numbers, so no label is looked at. Owner:
// Compactor. Threads: one at a time. Errors: DataLoss (a parent is damaged), ResourceExhausted
// (disk full), Cancelled. Format: spec/tsdb.md, 14 (Result meta).
#pragma once

#include "core/tsdb/block_list.h"

#include <absl/functional/function_ref.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <filesystem>
#include <stop_token>
#include <string>

namespace narthex::tsdb {

struct StoreMetrics;

struct MergeOptions
{
    std::string ulid;
    /// The result takes the place of one block, without what is deleted: level 1, its own source.
    bool rewrites = false;
    std::uint64_t chunkSegmentBytes = ChunkFileWriter::kSegmentBytes;
    StoreMetrics* metrics = nullptr; // may be null
};

/// Writes the block into `directory`. False: nothing was left, and no block was written. Of samples
/// at equal times the one of the earlier parent counts.
absl::StatusOr<bool> writeMergedBlock(const std::filesystem::path& directory,
                                      const BlockList::Blocks& parents, const MergeOptions& options,
                                      const std::stop_token& stop);

} // namespace narthex::tsdb
