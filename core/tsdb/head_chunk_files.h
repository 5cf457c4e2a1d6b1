// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The folder `chunks_head`: full chunks of the head, written out and read back through a mapping,
// so that they cost no memory of the process. Owner: Head. Threads: any. Units: bytes, milliseconds
// (closed ranges). Errors: ResourceExhausted (disk full; the caller keeps its chunk), DataLoss (a
// gap between the files). Format: spec/tsdb.md, 9. chunks_head.
#pragma once

#include "core/base/file.h"
#include "core/base/log.h"
#include "core/tsdb/chunk_file.h"

#include <absl/base/thread_annotations.h>
#include <absl/functional/function_ref.h>
#include <absl/status/statusor.h>
#include <absl/synchronization/mutex.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::tsdb {

/// Number of the file in the upper half, offset of the entry in the lower.
using HeadChunkDiskRef = std::uint64_t;

struct HeadChunk
{
    std::uint64_t seriesRef = 0;
    std::int64_t minTime = 0;
    std::int64_t maxTime = 0;
    ChunkEncoding encoding = ChunkEncoding::None;
    bool isOutOfOrder = false;
    std::string_view data;
};

/// Reads the bytes of one file: calls `visit` with each chunk and the offset of its entry. Errors:
/// DataLoss with the offset; the chunks before it were visited.
absl::Status
readHeadChunks(std::string_view bytes,
               absl::FunctionRef<void(const HeadChunk& chunk, std::uint64_t offset)> visit);

class HeadChunkFiles
{
public:
    static constexpr std::uint64_t kFileBytes = 128ULL << 20U;

    using Chunk = HeadChunk;
    struct Place
    {
        /// The chunk's data in the mapping: readable after flush(), until the file is removed.
        const std::uint8_t* data = nullptr;
        HeadChunkDiskRef ref = 0;
    };
    struct Range
    {
        std::uint32_t number = 0;
        const std::uint8_t* begin = nullptr;
        const std::uint8_t* end = nullptr;
    };
    using Visitor = absl::FunctionRef<void(const Chunk& chunk, HeadChunkDiskRef ref)>;

    /// Maps what is there. A read-only one changes nothing and takes no chunks.
    static absl::StatusOr<std::unique_ptr<HeadChunkFiles>>
    open(std::filesystem::path directory, bool readOnly, base::Logger log,
         std::uint64_t fileBytes = kFileBytes);
    ~HeadChunkFiles();

    /// Calls `visit` with every chunk, oldest file first. At a damaged entry the file and all later
    /// ones are removed: the log has their samples. Once, before write().
    absl::Status load(Visitor visit);
    [[nodiscard]] std::uint64_t corruptions() const;

    /// Queues a chunk; it is on disk after flush().
    absl::StatusOr<Place> write(const Chunk& chunk);
    /// After an error nothing that was queued is there.
    absl::Status flush();

    /// Where the files are in memory, oldest first.
    [[nodiscard]] std::vector<Range> ranges() const;
    /// Deletes the files below this number, and lets the next chunk start a new one.
    absl::Status removeBelow(std::uint32_t number);

    absl::Status close();
    [[nodiscard]] std::uint64_t sizeBytes() const;

private:
    class Mapping;
    HeadChunkFiles(std::filesystem::path directory, bool readOnly, base::Logger log,
                   std::uint64_t fileBytes);
    absl::Status mapFiles() ABSL_LOCKS_EXCLUDED(mutex_);
    absl::Status startFileLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
    absl::Status flushLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
    absl::Status finishFileLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
    absl::Status removeFrom(std::uint32_t number) ABSL_LOCKS_EXCLUDED(mutex_);
    [[nodiscard]] std::filesystem::path pathOf(std::uint32_t number) const;

    // Fixed after construction.
    const std::filesystem::path directory_;
    const bool readOnly_;
    const base::Logger log_;
    const std::uint64_t fileBytes_;

    mutable absl::Mutex mutex_;
    /// By number.
    std::map<std::uint32_t, Mapping> files_ ABSL_GUARDED_BY(mutex_);
    std::uint32_t lastNumber_ ABSL_GUARDED_BY(mutex_) = 0;
    /// The file that is written; closed when there is none.
    base::File file_ ABSL_GUARDED_BY(mutex_);
    /// Of the current file, on disk.
    std::uint64_t written_ ABSL_GUARDED_BY(mutex_) = 0;
    std::string buffer_ ABSL_GUARDED_BY(mutex_);
    std::uint64_t corruptions_ ABSL_GUARDED_BY(mutex_) = 0;
};

} // namespace narthex::tsdb
