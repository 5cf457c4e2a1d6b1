// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Records of the log, compressed and back.
// Threads: pure functions. Units: bytes. Errors: DataLoss (damaged, or larger than a record can
// be). Format: spec/tsdb.md, 8 (fragment bits 3 and 4); snappy's block format, one zstd frame.
#pragma once

#include "core/tsdb/wal_format.h"

#include <absl/status/statusor.h>

#include <optional>
#include <string>
#include <string_view>

namespace narthex::tsdb {

/// No record of ours or of Prometheus comes near; a length field that lies must not decide an
/// allocation.
inline constexpr std::size_t kWalRecordBytesMax = std::size_t{256} << 20U;

/// The compressed form, in `buffer`; none if it is not smaller.
std::optional<std::string_view> compressRecord(std::string_view record, WalCompression compression,
                                               std::string& buffer);

/// What the first byte of a record's fragments says. Errors: DataLoss (two at once).
absl::StatusOr<WalCompression> compressionOf(std::uint8_t fragmentHead);

/// The record, in `buffer` unless it is not compressed.
absl::StatusOr<std::string_view> decompressRecord(std::string_view bytes,
                                                  WalCompression compression, std::string& buffer);

} // namespace narthex::tsdb
