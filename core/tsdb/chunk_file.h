// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The files that hold a block's chunks: written in order, read through a mapping.
// Owner: BlockWriter, Block. Threads: the writer one at a time; reading from any.
// Units: bytes. Errors: DataLoss (a chunk fails its checksum, a file its header),
// FailedPrecondition (another version of the format), ResourceExhausted (disk full). Format:
// spec/tsdb.md, 4. Chunk segment files.
#pragma once

#include "core/base/file.h"

#include <absl/status/statusor.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::tsdb {

/// Position of the file in the upper half, offset of the chunk's length field in the lower.
enum class ChunkRef : std::uint64_t
{
};

enum class ChunkEncoding : std::uint8_t
{
    None = 0,
    Xor = 1,
    Histogram = 2,
    FloatHistogram = 3,
    // Prometheus 3.x only.
    Xor2 = 4,
    HistogramSt = 5,
    FloatHistogramSt = 6
};

class ChunkFileWriter
{
public:
    static constexpr std::uint64_t kSegmentBytes = 512ULL << 20U;

    /// `directory` exists and is empty.
    explicit ChunkFileWriter(std::filesystem::path directory,
                             std::uint64_t segmentBytes = kSegmentBytes)
        : directory_(std::move(directory)), segmentBytes_(segmentBytes)
    {}
    absl::StatusOr<ChunkRef> add(ChunkEncoding encoding, std::string_view data);
    /// A chunk as it stood in another file, checksum included.
    absl::StatusOr<ChunkRef> addFrame(std::string_view bytes);
    /// Writes out, syncs and closes.
    absl::Status finish();

private:
    absl::Status makeRoom(std::size_t bytes);
    absl::Status startSegment();
    absl::Status flush();

    const std::filesystem::path directory_;
    const std::uint64_t segmentBytes_;
    base::File file_;
    std::uint64_t segments_ = 0;
    /// Of the current segment, what stands in the buffer included.
    std::uint64_t offset_ = 0;
    std::string buffer_;
};

struct StoredChunk
{
    ChunkEncoding encoding = ChunkEncoding::None;
    /// Lives as long as the reader.
    std::string_view data;
};

/// A chunk as it stands in its file: to be copied without a look at its samples.
struct ChunkFrame
{
    StoredChunk chunk;
    std::uint32_t samples = 0;
    /// Length, encoding, data and checksum.
    std::string_view bytes;
};

class ChunkFileReader
{
public:
    static absl::StatusOr<ChunkFileReader> open(const std::filesystem::path& directory);
    /// Checks the checksum.
    [[nodiscard]] absl::StatusOr<StoredChunk> read(ChunkRef ref) const;
    [[nodiscard]] absl::StatusOr<ChunkFrame> frame(ChunkRef ref) const;
    [[nodiscard]] std::uint64_t sizeBytes() const;

private:
    std::vector<base::MappedFile> segments_;
};

} // namespace narthex::tsdb
