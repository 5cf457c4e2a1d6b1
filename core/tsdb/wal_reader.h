// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Reads the records of one segment of a write-ahead log.
// Owner: the caller keeps the segment's bytes alive. Threads: one at a time. Units: bytes.
// Errors: DataLoss with what is wrong; validEnd() then says how far the segment is sound.
// Format: spec/tsdb.md, 8. WAL / WBL format.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace narthex::tsdb {

class WalReader
{
public:
    /// `start`: where the first record begins.
    explicit WalReader(std::string_view segment, std::uint64_t start = 0)
        : segment_(segment), at_(start), validEnd_(start)
    {}

    /// Moves to the next record. False at the end of the segment.
    absl::StatusOr<bool> next();
    /// The record, decompressed; valid until the next call of next().
    [[nodiscard]] std::string_view record() const { return record_; }
    /// The end of the last good record (of its last fragment).
    [[nodiscard]] std::uint64_t validEnd() const { return validEnd_; }
    [[nodiscard]] std::uint64_t position() const { return at_; }
    /// The fragment that was looked at last: the bad one after an error, the end of the segment if
    /// one is missing.
    [[nodiscard]] std::uint64_t fragmentAt() const { return fragmentAt_; }

private:
    struct Fragment
    {
        std::uint8_t head = 0;
        std::string_view data;
    };
    /// The next fragment, skipping padding. False at the end.
    absl::StatusOr<bool> nextFragment(Fragment& fragment);
    absl::Status finish(std::string_view whole, std::uint8_t head);

    std::string_view segment_;
    std::uint64_t at_ = 0;
    std::uint64_t fragmentAt_ = 0;
    std::uint64_t validEnd_ = 0;
    std::string_view record_;
    std::string assembled_;
    std::string decompressed_;
};

} // namespace narthex::tsdb
