// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/hash.h"

#include <array>
#include <cstring>

#define XXH_INLINE_ALL
#include <xxhash.h>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace narthex::base {
namespace {

constexpr std::array<std::uint32_t, 256> kTable = [] {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t i = 0; i < 256; ++i) {
        std::uint32_t crc = i;
        for (int bit = 0; bit < 8; ++bit) {
            crc = (crc & 1U) != 0 ? (crc >> 1U) ^ 0x82F63B78U : crc >> 1U;
        }
        table[i] = crc;
    }
    return table;
}();

std::uint32_t crc32cPortable(std::string_view bytes, std::uint32_t crc)
{
    for (const char c : bytes) {
        crc = kTable[(crc ^ static_cast<unsigned char>(c)) & 0xFFU] ^ (crc >> 8U);
    }
    return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) std::uint32_t crc32cHardware(std::string_view bytes,
                                                               std::uint32_t crc)
{
    std::uint64_t state = crc;
    while (bytes.size() >= 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, bytes.data(), 8);
        state = _mm_crc32_u64(state, word);
        bytes.remove_prefix(8);
    }
    auto small = static_cast<std::uint32_t>(state);
    for (const char c : bytes) {
        small = _mm_crc32_u8(small, static_cast<unsigned char>(c));
    }
    return small;
}
#endif

} // namespace

std::uint64_t hash64(std::string_view bytes) { return XXH64(bytes.data(), bytes.size(), 0); }

std::uint32_t crc32c(std::string_view bytes, std::uint32_t crc)
{
#if defined(__x86_64__)
    static const bool hasHardware = __builtin_cpu_supports("sse4.2") != 0;
    if (hasHardware) {
        return ~crc32cHardware(bytes, ~crc);
    }
#endif
    return ~crc32cPortable(bytes, ~crc);
}

} // namespace narthex::base
