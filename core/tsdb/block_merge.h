// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// One block out of several: chunks are copied as they are where they do not overlap and nothing of
// them is deleted. Owner: Compactor. Threads: one at a time. Errors: DataLoss (a parent is
// damaged), ResourceExhausted (disk full), Cancelled. Format: spec/tsdb.md, 14 (Result meta).
#pragma once

#include "core/tsdb/block_list.h"

#include <absl/status/statusor.h>

#include <filesystem>
#include <stop_token>
#include <string>

namespace narthex::tsdb {

/// Writes the block `ulid` into `directory`. False: nothing was left, and no block was written.
absl::StatusOr<bool> writeMergedBlock(const std::filesystem::path& directory,
                                      const std::string& ulid, const BlockList::Blocks& parents,
                                      const std::stop_token& stop);

} // namespace narthex::tsdb
