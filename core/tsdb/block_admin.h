// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What an administrator does to blocks: delete series, free their space, take a snapshot.
// Owner: Db, which calls these from deleteSeries(), cleanTombstones() and snapshot() with the same
// mutex held as over Compactor::run(). Threads: one at a time; queries go on beside. Units:
// milliseconds, closed range. Errors: ResourceExhausted (disk full; what was done stays done),
// DataLoss (names the block), InvalidArgument (snapshot target). Format: spec/tsdb.md, 15.
#pragma once

#include "core/base/clock.h"
#include "core/tsdb/block_list.h"

#include <absl/status/status.h>

#include <cstdint>
#include <filesystem>
#include <span>
#include <stop_token>

namespace narthex::tsdb {

/// Hides [fromMs, toMs] of the series that match all matchers of at least one set, in every block.
/// Queriers that are open keep what they see.
absl::Status deleteInBlocks(BlockList& blocks, std::int64_t fromMs, std::int64_t toMs,
                            std::span<const model::Matchers> matcherSets,
                            const std::stop_token& stop);

/// Rewrites each block that has deleted samples, at level 1; one of which nothing is left is
/// removed.
absl::Status cleanTombstones(BlockList& blocks, const base::Clock& clock,
                             const std::stop_token& stop);

/// Makes `target` and checks that it may take a snapshot: it is empty, not the data directory or
/// in it under a block's name.
absl::Status prepareSnapshot(const std::filesystem::path& dataDirectory,
                             const std::filesystem::path& target);

/// Links one block into `target`.
absl::Status snapshotBlock(const Block& block, const std::filesystem::path& target);

/// Links every block into `target`. The head's part is the caller's: writeBlock() with a HeadSource
/// and `target` as directory, over [head minTime, head maxTime + 1).
absl::Status snapshotBlocks(const BlockList& blocks, const std::filesystem::path& target,
                            const std::stop_token& stop);

} // namespace narthex::tsdb
