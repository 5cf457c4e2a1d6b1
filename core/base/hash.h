// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Hashes and checksums of byte strings: xxHash64, FNV-1a 64, CRC32C. Stable over versions and
// machines. Threads: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace narthex::base {

/// xxHash64 with seed 0.
std::uint64_t hash64(std::string_view bytes);

/// FNV-1a, 64 bits.
constexpr std::uint64_t fnv1a64(std::string_view bytes,
                                std::uint64_t state = 14695981039346656037ULL)
{
    for (const char c : bytes) {
        state = (state ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
    }
    return state;
}

/// CRC-32 with the Castagnoli polynomial (reflected 0x82F63B78), as the formats of the store use
/// it. `crc` continues an earlier call.
std::uint32_t crc32c(std::string_view bytes, std::uint32_t crc = 0);

} // namespace narthex::base
