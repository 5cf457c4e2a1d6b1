// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Reads every byte of a data directory that a checksum or an order vouches for, and tells what is
// damaged: blocks (meta.json, index, chunks, tombstones), logs with their checkpoints, head chunks
// and head snapshots. Changes nothing. Owner: the caller. Threads: one call at a time. Errors:
// NotFound (no such directory), Cancelled. Format: spec/tsdb.md, 1 and 4 to 10.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <filesystem>
#include <stop_token>
#include <string>
#include <vector>

namespace narthex::tsdb {

/// One thing that is wrong.
struct Damage
{
    std::filesystem::path path;
    /// What, and at which offset of the file where there is one.
    std::string what;
    /// What to do about it.
    std::string remedy;
};

struct VerifyCounts
{
    std::uint64_t blocks = 0;
    std::uint64_t series = 0;
    std::uint64_t chunks = 0;
    std::uint64_t samples = 0;
    std::uint64_t tombstones = 0;
    std::uint64_t logSegments = 0;
    std::uint64_t logRecords = 0;
    std::uint64_t headChunks = 0;
    std::uint64_t bytes = 0;
};

/// What verifying found. Collects while it is made, too.
struct VerifyReport
{
    /// The first of them, at most kDamagesKept.
    std::vector<Damage> damages;
    std::uint64_t damageCount = 0;
    /// Unfinished or leftover things that the next start of a server clears away: no damage.
    std::vector<std::string> notes;
    VerifyCounts counts;

    static constexpr std::size_t kDamagesKept = 1000;
    void add(std::filesystem::path path, std::string what, std::string remedy);
};

absl::StatusOr<VerifyReport> verifyDirectory(const std::filesystem::path& directory,
                                             const std::stop_token& stop);

} // namespace narthex::tsdb
