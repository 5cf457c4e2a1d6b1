// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Writes records to the segments of a write-ahead log (or of a checkpoint, which has the same
// form). Owner: Journal, checkpoint writer. Threads: one at a time. Units: bytes. Errors:
// ResourceExhausted (disk full, batch larger than a segment), Unavailable. After an error the log
// ends where it ended before: the failed batch is cut off, at once or before the next write.
// Format: spec/tsdb.md, 8. WAL / WBL format.
#pragma once

#include "core/tsdb/file_layer.h"
#include "core/tsdb/wal_format.h"

#include <absl/status/statusor.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace narthex::tsdb {

struct LogMetrics;

/// One record, ready for the log. Its bytes belong to a WalRecordBuffer or to the caller.
struct WalRecord
{
    std::string_view bytes;
    /// What `bytes` are already.
    WalCompression compression = WalCompression::None;
    /// By compression.
    std::size_t savedBytes = 0;
};

/// Compresses a record into `buffer` if it becomes smaller by it. The result's bytes are
/// `payload`'s or `buffer`'s.
WalRecord makeWalRecord(std::string_view payload, WalCompression compression, std::string& buffer);
class WalWriter
{
public:
    /// What becomes of a full segment: sync and close, usually in the background.
    using SegmentFinisher = std::function<void(std::shared_ptr<AppendFile>)>;

    /// Starts segment `firstSegment` in `directory`, which exists.
    static absl::StatusOr<std::unique_ptr<WalWriter>>
    create(FileLayer& files, std::filesystem::path directory, std::uint32_t firstSegment,
           std::uint64_t segmentBytes, SegmentFinisher finish);

    /// Writes all records, or none of them, with one write(2); no sync.
    absl::Status log(std::span<const WalRecord> records);
    /// Finishes the current segment and starts the next.
    absl::Status startNextSegment();
    absl::Status sync();
    /// Syncs and closes.
    absl::Status close();

    /// Counts into `metrics` from now on, which outlives this.
    void countIn(LogMetrics* metrics) { metrics_ = metrics; }

    [[nodiscard]] std::uint32_t segment() const { return segment_; }
    /// Bytes of the current segment.
    [[nodiscard]] std::uint64_t offset() const { return offset_; }
    /// Bytes written by this writer, padding included.
    [[nodiscard]] std::uint64_t bytesWritten() const { return bytesWritten_; }

private:
    WalWriter(FileLayer& files, std::filesystem::path directory, std::uint64_t segmentBytes,
              SegmentFinisher finish);
    absl::Status openSegment(std::uint32_t number);
    absl::Status writeOut();
    absl::Status repairTail();
    void frame(const WalRecord& record);

    // Fixed after construction.
    FileLayer& files_;
    const std::filesystem::path directory_;
    const std::uint64_t segmentBytes_;
    const SegmentFinisher finish_;
    // The current segment.
    std::shared_ptr<AppendFile> file_;
    std::uint32_t segment_ = 0;
    std::uint64_t offset_ = 0;
    /// A failed write may have left bytes behind offset_.
    bool tailIsTorn_ = false;
    std::uint64_t bytesWritten_ = 0;
    LogMetrics* metrics_ = nullptr;
    /// Framed bytes of the batch that is being written; kept for its memory.
    std::string out_;
};

} // namespace narthex::tsdb
