// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A part of a chunk as a chunk of its own.
// Threads: pure functions. Units: milliseconds, closed ranges. Errors: DataLoss (the chunk is
// damaged).
#pragma once

#include "core/tsdb/chunk_file.h"
#include "core/tsdb/exported_chunk.h"
#include "core/tsdb/tombstones.h"

#include <absl/status/status.h>

#include <vector>

namespace narthex::tsdb {

/// Appends the samples in [fromMs, toMs] that are not deleted; nothing if there are none.
absl::Status recodeChunk(const StoredChunk& chunk, std::int64_t fromMs, std::int64_t toMs,
                         const TimeIntervals& deleted, std::vector<ExportedChunk>& out);

/// A chunk of floats, at least one; with a start time for each if any is not 0 (`starts` may be
/// empty).
ExportedChunk encodeFloats(const std::vector<std::int64_t>& times,
                           const std::vector<double>& values,
                           const std::vector<std::int64_t>& starts);

/// Writes float chunks from position `from` on in the encoding of Prometheus 3.x; others stay.
absl::Status encodeAsXor2(std::vector<ExportedChunk>& chunks, std::size_t from);

} // namespace narthex::tsdb
