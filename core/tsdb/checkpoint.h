// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Shortens the write-ahead log after a block was cut: what is still needed of the oldest two thirds
// of the segments goes into a checkpoint, then they are deleted. Owner: Compactor. Threads: one at
// a time, beside commits. Units: milliseconds. Errors: ResourceExhausted (disk full: nothing is
// deleted then), DataLoss (a segment cannot be read). Format: spec/tsdb.md, 8.1 Checkpoint.
#pragma once

#include "core/tsdb/file_layer.h"
#include "core/tsdb/journal.h"

#include <absl/functional/function_ref.h>
#include <absl/status/status.h>

#include <cstdint>
#include <filesystem>

namespace narthex::tsdb {

struct CheckpointOptions
{
    FileLayer& files;
    std::uint64_t segmentBytes = 0;
    WalCompression compression = WalCompression::Snappy;
    /// Older samples are in blocks.
    std::int64_t keepFromMs = 0;
};

/// Starts a new segment, and writes a checkpoint when there are at least four older ones.
/// `keepsSeries`: whether a record of this series is needed once the log up to `lastSegment` is in
/// the checkpoint.
absl::Status
truncateWal(const std::filesystem::path& walDirectory, Journal& journal,
            const CheckpointOptions& options,
            absl::FunctionRef<bool(std::uint64_t ref, std::uint32_t lastSegment)> keepsSeries);

/// Removes what a crash left unfinished.
void removeUnfinishedCheckpoints(const std::filesystem::path& walDirectory);

} // namespace narthex::tsdb
