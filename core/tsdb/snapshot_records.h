// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The records of a snapshot of the head's open chunks, which is written at close.
// Threads: pure functions. Units: milliseconds. Errors: DataLoss (a record ends early or has a bad
// number): the snapshot is then given up, and the log replayed as a whole.
// Format: spec/tsdb.md, 10. Chunk snapshot.
#pragma once

#include "core/model/labels.h"
#include "core/tsdb/chunk_file.h"
#include "core/tsdb/histogram_chunk.h"
#include "core/tsdb/tombstones.h"
#include "core/tsdb/wal_records.h"

#include <absl/status/statusor.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::tsdb {

enum class SnapshotRecordType : std::uint8_t
{
    Unknown = 0,
    Series = 1,
    Tombstones = 2,
    Exemplars = 3
};

SnapshotRecordType snapshotRecordType(std::string_view record);

/// The open chunk of a series, and its last sample.
struct SnapshotChunk
{
    std::int64_t minTime = 0;
    std::int64_t maxTime = 0;
    ChunkEncoding encoding = ChunkEncoding::None;
    /// As a chunk file holds it.
    std::string_view bytes;
    /// Chunks of floats.
    double lastValue = 0;
    /// Chunks of histograms: of the chunk's kind.
    std::optional<HistogramValue> lastHistogram;
};

struct SnapshotSeries
{
    std::uint64_t ref = 0;
    model::Labels labels;
    /// None: the series has no open chunk.
    std::optional<SnapshotChunk> chunk;
};

/// Replaces `record`.
void encodeSnapshotSeries(std::string& record, const SnapshotSeries& series);
/// The chunk's bytes are those of `record`; whether they decode was not looked at.
absl::StatusOr<SnapshotSeries> decodeSnapshotSeries(std::string_view record);

/// Replaces `record`. By head reference.
void encodeSnapshotTombstones(std::string& record, const DeletedRanges& deleted);
absl::StatusOr<DeletedRanges> decodeSnapshotTombstones(std::string_view record);

inline constexpr std::size_t kSnapshotExemplarsMax = 10000;
/// Replaces `record`; at least one and at most kSnapshotExemplarsMax.
void encodeSnapshotExemplars(std::string& record, std::span<const WalExemplar> exemplars);
/// Appends to `out`.
absl::Status decodeSnapshotExemplars(std::string_view record, std::vector<WalExemplar>& out);

} // namespace narthex::tsdb
