// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The parts of verifying, each for one kind of file; all of them only add to the report. Owner:
// verifyDirectory. Threads: one at a time. Format: spec/tsdb.md, 4 to 10.
#pragma once

#include "core/tsdb/index_writer.h"
#include "core/tsdb/verify.h"

#include <cstdint>
#include <filesystem>
#include <stop_token>
#include <string_view>
#include <vector>

namespace narthex::tsdb {

/// One series of an index whose entry is sound.
struct VerifiedSeries
{
    std::uint32_t ref = 0;
    model::Labels labels;
    std::vector<ChunkMeta> chunks;
};

/// Every section's checksum, and what sections say of each other. The sound series.
std::vector<VerifiedSeries> verifyIndex(const std::filesystem::path& path, std::string_view bytes,
                                        VerifyReport& report);

/// A block's folder.
void verifyBlock(const std::filesystem::path& directory, VerifyReport& report,
                 const std::stop_token& stop);

enum class LogKind : std::uint8_t
{
    WriteAhead,
    Checkpoint,
    OutOfOrder,
    HeadSnapshot
};

/// All segments of a folder.
void verifyLog(const std::filesystem::path& directory, LogKind kind, VerifyReport& report,
               const std::stop_token& stop);

/// The files of `chunks_head`.
void verifyHeadChunks(const std::filesystem::path& directory, VerifyReport& report,
                      const std::stop_token& stop);

} // namespace narthex::tsdb
