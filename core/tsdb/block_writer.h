// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Writes a block beside its final place and moves it there when it is whole: a reader sees all of
// it or nothing. Owner: the caller; an unfinished one removes what it wrote. Threads: one at a
// time. Errors: ResourceExhausted (disk full), InvalidArgument (series out of order). Format:
// spec/tsdb.md, 1, 4 to 7, 14 (order of files).
#pragma once

#include "core/tsdb/block_meta.h"
#include "core/tsdb/chunk_file.h"
#include "core/tsdb/exported_chunk.h"
#include "core/tsdb/index_writer.h"

#include <absl/status/statusor.h>

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace narthex::tsdb {

struct StoreMetrics;

inline constexpr std::string_view kCreationSuffix = ".tmp-for-creation";
inline constexpr std::string_view kDeletionSuffix = ".tmp-for-deletion";

class BlockWriter
{
public:
    /// `symbols`: every label name and value of the series to come, ascending, unique.
    static absl::StatusOr<std::unique_ptr<BlockWriter>>
    create(const std::filesystem::path& parent, std::string ulid,
           std::span<const std::string_view> symbols,
           std::uint64_t chunkSegmentBytes = ChunkFileWriter::kSegmentBytes);
    static absl::StatusOr<std::unique_ptr<BlockWriter>>
    create(const std::filesystem::path& parent, std::string ulid,
           std::span<const std::string> symbols,
           std::uint64_t chunkSegmentBytes = ChunkFileWriter::kSegmentBytes);
    ~BlockWriter();
    BlockWriter(const BlockWriter&) = delete;
    BlockWriter& operator=(const BlockWriter&) = delete;

    /// In ascending order of labels; a series without chunks is left out.
    absl::Status addSeries(const model::Labels& labels, std::span<const ExportedChunk> chunks);
    // The same in steps, for a caller that has frames instead of chunks and numbers instead of
    // labels: the chunks of a series, then the series.

    absl::Status addChunk(const ExportedChunk& chunk);
    /// As ChunkFileReader::frame() gave it.
    absl::Status addFrame(std::int64_t minTime, std::int64_t maxTime, const ChunkFrame& frame);
    /// A series without chunks is left out.
    absl::Status endSeries(std::span<const SymbolPair> labels);

    /// Writes index, meta.json (with the counts filled in) and tombstones, syncs all and renames.
    absl::StatusOr<BlockMeta> finish(BlockMeta meta);
    [[nodiscard]] const BlockStats& stats() const { return stats_; }
    /// Chunks are observed by it from now on; may be null.
    void setMetrics(StoreMetrics* metrics) { metrics_ = metrics; }

private:
    void noteChunk(const ChunkMeta& chunk, std::uint32_t samples, std::size_t bytes);
    BlockWriter(std::filesystem::path parent, std::string ulid, std::uint64_t chunkSegmentBytes);

    const std::filesystem::path parent_;
    const std::string ulid_;
    const std::filesystem::path temporary_;
    ChunkFileWriter chunks_;
    std::unique_ptr<IndexWriter> index_;
    std::vector<ChunkMeta> pending_; // chunks of the series that is not ended yet
    BlockStats stats_;
    StoreMetrics* metrics_ = nullptr;
    bool finished_ = false;
};

/// Renames a block out of the way, then removes it: a crash in between leaves nothing that looks
/// like a block.
absl::Status deleteBlock(const std::filesystem::path& directory);

} // namespace narthex::tsdb
