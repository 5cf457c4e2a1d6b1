// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The head's open chunks in a folder of their own, written at close, so that the next start replays
// only what was logged after them: none of the log, usually. Owner: Db. Threads: one at a time,
// without appends. Errors: of writing, those of files; of loading none but Cancelled: a snapshot
// that cannot be used is given up, and the log has everything. Format: spec/tsdb.md, 10. Chunk
// snapshot.
#pragma once

#include "core/base/log.h"
#include "core/tsdb/file_layer.h"
#include "core/tsdb/head.h"

#include <absl/status/statusor.h>

#include <cstdint>
#include <filesystem>
#include <optional>

namespace narthex::tsdb {

/// Up to where the log is in a snapshot.
struct SnapshotPosition
{
    std::uint32_t segment = 0;
    std::uint64_t offset = 0;
    friend bool operator==(const SnapshotPosition&, const SnapshotPosition&) = default;
};

struct SnapshotOptions
{
    FileLayer& files;
    std::uint64_t segmentBytes = 0;
    WalCompression compression = WalCompression::Snappy;
};

/// Writes a snapshot and removes older ones. The full chunks are in their files already.
absl::Status writeHeadSnapshot(const std::filesystem::path& dataDirectory, const Head& head,
                               SnapshotPosition position, const SnapshotOptions& options);

struct LoadedSnapshot
{
    /// Absent: there is none, or none that can be used; the head is as it was.
    std::optional<SnapshotPosition> position;
    /// One was there and is damaged.
    bool failed = false;
};

/// Puts the newest snapshot into an empty head whose full chunks are loaded. `lastSegment`: the
/// newest of the log; a snapshot beyond it belongs to another log.
LoadedSnapshot loadHeadSnapshot(const std::filesystem::path& dataDirectory, Head& head,
                                std::optional<std::uint32_t> lastSegment, const base::Logger& log);

} // namespace narthex::tsdb
