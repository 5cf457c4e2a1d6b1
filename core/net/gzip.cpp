// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/codec.h"
#include "core/base/status.h"
#include "core/net/http_client.h"

#include <algorithm>
#include <libdeflate.h>

namespace narthex::net {
namespace {

/// The length that a gzip stream says of itself in its last four bytes (little endian, modulo
/// 2^32).
std::size_t statedLength(std::string_view compressed)
{
    if (compressed.size() < 18) {
        return 0;
    }
    std::size_t length = 0;
    for (std::size_t i = 4; i > 0; --i) {
        length = length << 8U | static_cast<unsigned char>(compressed[compressed.size() - 5 + i]);
    }
    return length;
}

struct Decompressor
{
    libdeflate_decompressor* handle = libdeflate_alloc_decompressor();
    Decompressor() = default;
    Decompressor(const Decompressor&) = delete;
    Decompressor& operator=(const Decompressor&) = delete;
    ~Decompressor() { libdeflate_free_decompressor(handle); }
};

} // namespace

absl::Status inflateGzip(std::string_view compressed, std::uint64_t limitBytes, std::string& out)
{
    thread_local const Decompressor decompressor;
    // Deflate cannot do better than 1032:1, so a stream that says more lies; without the stated
    // length we grow step by step.
    constexpr std::size_t kBestRatio = 1032;
    constexpr std::size_t kSmallest = 4096;
    const std::size_t possible = compressed.size() * kBestRatio + kSmallest;
    std::size_t room = std::clamp(statedLength(compressed), kSmallest, possible);
    out.clear();
    while (true) {
        const bool capped = limitBytes != 0 && room >= limitBytes;
        if (capped) {
            room = limitBytes - 1; // reaching the limit is too much
        }
        out.resize(room);
        std::size_t actual = 0;
        const libdeflate_result result = libdeflate_gzip_decompress(
            decompressor.handle, compressed.data(), compressed.size(), out.data(), room, &actual);
        if (result == LIBDEFLATE_SUCCESS) {
            out.resize(actual);
            return absl::OkStatus();
        }
        if (result != LIBDEFLATE_INSUFFICIENT_SPACE) {
            out.clear();
            return base::invalidArgument("gzip: invalid compressed data");
        }
        if (capped || room >= possible) {
            out.clear();
            return base::resourceExhausted("body size limit exceeded");
        }
        room = std::min(room * 2, possible);
    }
}

std::string deflateGzip(std::string_view bytes)
{
    constexpr int kFast = 1; // answers go over loopback or a LAN: speed before size
    libdeflate_compressor* compressor = libdeflate_alloc_compressor(kFast);
    std::string out;
    out.resize(libdeflate_gzip_compress_bound(compressor, bytes.size()));
    out.resize(
        libdeflate_gzip_compress(compressor, bytes.data(), bytes.size(), out.data(), out.size()));
    libdeflate_free_compressor(compressor);
    return out;
}

} // namespace narthex::net
