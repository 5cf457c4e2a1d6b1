// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The chunks of one series from several blocks as one run of chunks that do not overlap.
// Owner: whoever merges. Threads: one at a time. Units: milliseconds. Errors: DataLoss (a chunk is
// damaged). Format: spec/tsdb.md, 14 (overlapping chunks).
#pragma once

#include "core/tsdb/chunk_file.h"
#include "core/tsdb/exported_chunk.h"
#include "core/tsdb/index_writer.h"
#include "core/tsdb/tombstones.h"

#include <absl/functional/function_ref.h>
#include <absl/status/status.h>

#include <cstdint>
#include <vector>

namespace narthex::tsdb {

struct ChunkPart
{
    ChunkMeta meta;
    ChunkFrame frame;
    /// Deleted ranges of the series in the chunk's block.
    const TimeIntervals* deleted = nullptr;
    /// Of samples at equal times the one with the lowest rank counts.
    std::size_t rank = 0;
};

/// Where the result goes, in ascending order. The functions outlive it.
struct ChunkSink
{
    absl::FunctionRef<absl::Status(const ChunkPart&)> copy;
    absl::FunctionRef<absl::Status(const ExportedChunk&)> add;
};

/// `parts` in any order; it is sorted.
absl::Status mergeChunks(std::vector<ChunkPart>& parts, const ChunkSink& sink);

} // namespace narthex::tsdb
