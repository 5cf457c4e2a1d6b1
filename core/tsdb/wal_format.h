// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Numbers and file names of the write-ahead log that its writer, reader and checkpoint share.
// Threads: pure functions. Format: spec/tsdb.md, 8. WAL / WBL format.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace narthex::tsdb {

inline constexpr std::size_t kWalPageBytes = 32 * 1024;
inline constexpr std::size_t kWalHeaderBytes = 7;

/// The low three bits of a fragment's first byte.
enum class WalFragment : std::uint8_t
{
    PagePadding = 0,
    Full = 1,
    First = 2,
    Middle = 3,
    Last = 4
};
inline constexpr std::uint8_t kWalSnappyBit = 0x08;
inline constexpr std::uint8_t kWalZstdBit = 0x10;

/// How a record is compressed, as a whole, before it is cut into fragments.
enum class WalCompression : std::uint8_t
{
    None,
    Snappy,
    /// Prometheus 2.42 skips such records silently: only without DbOptions::readableBy242.
    Zstd
};

struct WalSegmentFile
{
    std::uint32_t number = 0;
    std::filesystem::path path;
    std::uint64_t sizeBytes = 0;
};

struct WalCheckpoint
{
    /// The last segment that it stands for.
    std::uint32_t number = 0;
    std::filesystem::path directory;
};

/// "00000007"
std::string walSegmentName(std::uint32_t number);

/// The segments of a folder in ascending order; none if the folder is missing. Other files are left
/// out. Errors: DataLoss when a number is missing in between.
absl::StatusOr<std::vector<WalSegmentFile>> listWalSegments(const std::filesystem::path& directory);

/// All finished checkpoints below the `wal` folder, ascending.
absl::StatusOr<std::vector<WalCheckpoint>>
listCheckpoints(const std::filesystem::path& walDirectory);

} // namespace narthex::tsdb
