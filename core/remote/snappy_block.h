// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Bodies of remote write and remote read: one Snappy block each. Threads: pure functions. Units:
// bytes. Errors: InvalidArgument (no block, damaged, larger than the limit).
#pragma once

#include <absl/status/status.h>

#include <cstddef>
#include <string>
#include <string_view>

namespace narthex::remote {

/// Replaces `out`, the memory of which is used again. More than `limitBytes` is refused before
/// memory is taken.
absl::Status uncompressBlock(std::string_view compressed, std::size_t limitBytes, std::string& out);
std::string compressBlock(std::string_view plain);

} // namespace narthex::remote
