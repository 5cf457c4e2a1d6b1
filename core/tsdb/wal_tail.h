// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Follows a write-ahead log while somebody writes it, as remote write does.
// Owner: the follower. Threads: one at a time; the writer may be another thread or process.
// Units: bytes. Errors: DataLoss (a page that is complete, and wrong), OutOfRange (segments were
// deleted before they were read); both name segment and offset. After an error the rest of that
// segment is given up, and next() goes on with the one behind it.
// Format: spec/tsdb.md, 8 (live reader).
#pragma once

#include "core/base/file.h"
#include "core/tsdb/wal_reader.h"

#include <absl/status/statusor.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace narthex::tsdb {

class WalTail
{
public:
    /// Starts with the first record of `firstSegment`, which need not exist yet.
    WalTail(std::filesystem::path directory, std::uint32_t firstSegment)
        : directory_(std::move(directory)), segment_(firstSegment)
    {}

    /// Moves to the next record. False: there is none yet; call again when more was written.
    absl::StatusOr<bool> next();
    /// The record, decompressed; valid until the next call of next().
    [[nodiscard]] std::string_view record() const { return reader_->record(); }
    /// Where the next record is looked for.
    [[nodiscard]] std::uint32_t segment() const { return segment_; }
    [[nodiscard]] std::uint64_t offset() const { return bufferAt_ + recordAt_; }

private:
    absl::StatusOr<bool> openSegment();
    absl::StatusOr<std::size_t> readMore();
    absl::StatusOr<bool> readAgainFromPage(std::uint64_t pageAt);
    absl::StatusOr<std::optional<std::uint32_t>> segmentBehind() const;
    void moveTo(std::uint32_t segment);
    void dropReadPages();
    [[nodiscard]] absl::Status here(const absl::Status& status, std::uint64_t at) const;

    const std::filesystem::path directory_;
    std::uint32_t segment_;
    base::File file_;
    /// Bytes of the segment from bufferAt_ on, which is the start of a page.
    std::string buffer_;
    std::uint64_t bufferAt_ = 0;
    /// The next record, relative to the buffer.
    std::uint64_t recordAt_ = 0;
    std::optional<WalReader> reader_;
    /// What is wrong is known; next() moves on.
    bool isGivenUp_ = false;
};

} // namespace narthex::tsdb
