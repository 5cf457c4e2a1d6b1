// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// One persistent block, open for reading: everything mapped, nothing copied until it is decoded.
// Owner: shared by Db's list and the queriers that use it; a block whose directory was deleted
// stays readable till they are gone. Threads: const members from any. Units: milliseconds; minTime
// inclusive, maxTime exclusive. Errors: DataLoss (a file is missing or fails its checksum),
// FailedPrecondition (a format that is newer than we are). Format: spec/tsdb.md, 1, 4 to 7.
#pragma once

#include "core/storage/storage.h"
#include "core/tsdb/block_meta.h"
#include "core/tsdb/chunk_file.h"
#include "core/tsdb/index_reader.h"
#include "core/tsdb/tombstones.h"

#include <absl/status/statusor.h>

#include <filesystem>
#include <memory>
#include <vector>

namespace narthex::tsdb {

class Block
{
public:
    static absl::StatusOr<std::shared_ptr<const Block>>
    open(const std::filesystem::path& directory);

    [[nodiscard]] const BlockMeta& meta() const { return meta_; }
    [[nodiscard]] const std::filesystem::path& directory() const { return directory_; }
    [[nodiscard]] const IndexReader& index() const { return files_->index; }
    [[nodiscard]] const ChunkFileReader& chunks() const { return files_->chunks; }
    [[nodiscard]] const DeletedRanges& tombstones() const { return tombstones_; }
    /// Deleted ranges of a series; empty for nearly all.
    [[nodiscard]] const TimeIntervals& deleted(PostingsRef ref) const;
    [[nodiscard]] bool overlaps(std::int64_t fromMs, std::int64_t toMs) const
    {
        return fromMs < meta_.maxTime && meta_.minTime <= toMs;
    }
    /// All files of the block, as they were when it was opened.
    [[nodiscard]] std::uint64_t sizeBytes() const;

    /// Writes these deleted ranges and their number into the block's files; returns the block as it
    /// is then. This object, and queriers that have it, stay as they are.
    absl::StatusOr<std::shared_ptr<const Block>> withTombstones(DeletedRanges tombstones) const;
    /// The same for a mark in meta.json: merging failed, or all of it is merged and it may go.
    absl::StatusOr<std::shared_ptr<const Block>> withMarks(bool failed, bool deletable) const;

private:
    struct Files
    {
        IndexReader index;
        ChunkFileReader chunks;
    };
    Block() = default;
    std::filesystem::path directory_;
    BlockMeta meta_;
    std::shared_ptr<const Files> files_;
    DeletedRanges tombstones_;
};

/// Appends the samples of a chunk in the range.
absl::Status decodeChunk(const StoredChunk& chunk, std::int64_t fromMs, std::int64_t toMs,
                         storage::SampleColumns& out);

std::unique_ptr<storage::Querier> makeBlockQuerier(std::shared_ptr<const Block> block,
                                                   std::int64_t fromMs, std::int64_t toMs);

} // namespace narthex::tsdb
