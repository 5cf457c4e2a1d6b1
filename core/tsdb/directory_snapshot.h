// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A snapshot of a directory that nobody needs to have open for writing: hard links of its blocks,
// and its log's samples as one more block. Owner: a tool. Threads: one at a time. Errors:
// InvalidArgument (the target is the directory itself, is named like a block, or is not empty),
// Unavailable (another file system), ResourceExhausted (disk full; what is there is whole).
// Format: spec/tsdb.md, 15 (Snapshot).
#pragma once

#include "core/base/clock.h"
#include "core/tsdb/read_only_db.h"

#include <absl/status/statusor.h>

#include <cstdint>
#include <filesystem>

namespace narthex::tsdb {

struct SnapshotReport
{
    std::uint64_t blocks = 0;
    /// Samples that came from the log.
    std::uint64_t headSamples = 0;
};

/// `db` was opened on `directory`, with its head unless that is to be left out.
absl::StatusOr<SnapshotReport> snapshotDirectory(const ReadOnlyDb& db,
                                                 const std::filesystem::path& directory,
                                                 const std::filesystem::path& target,
                                                 const base::Clock& clock);

} // namespace narthex::tsdb
