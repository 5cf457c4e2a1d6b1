// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/net/snappy_frames.h"

#include "core/base/hash.h"
#include "core/base/status.h"

#include <snappy.h>

namespace narthex::net {
namespace {

constexpr std::string_view kIdentifier("\xff\x06\x00\x00sNaPpY", 10);
constexpr std::size_t kHeaderBytes = 4;
constexpr std::size_t kChecksumBytes = 4;

std::uint32_t littleEndian(std::string_view bytes)
{
    std::uint32_t value = 0;
    for (std::size_t i = bytes.size(); i > 0; --i) {
        value = value << 8U | static_cast<unsigned char>(bytes[i - 1]);
    }
    return value;
}

/// Checksums are turned and shifted, so that checksums of checksums are not special.
std::uint32_t masked(std::uint32_t crc) { return ((crc >> 15U) | (crc << 17U)) + 0xa282ead8U; }

/// Appends what a chunk of data holds.
absl::Status append(std::string_view chunk, bool isCompressed, std::size_t at,
                    std::uint64_t limitBytes, std::string& out)
{
    if (chunk.size() < kChecksumBytes) {
        return base::invalidArgument("snappy: a chunk without its checksum at byte {}", at);
    }
    const std::uint32_t checksum = littleEndian(chunk.substr(0, kChecksumBytes));
    const std::string_view data = chunk.substr(kChecksumBytes);
    std::size_t size = data.size();
    if (isCompressed && !snappy::GetUncompressedLength(data.data(), data.size(), &size)) {
        return base::invalidArgument("snappy: a chunk without its length at byte {}", at);
    }
    constexpr std::size_t kMostOfChunk = 65536;
    if (size > kMostOfChunk) {
        return base::invalidArgument("snappy: a chunk of {} bytes at byte {}", size, at);
    }
    if (out.size() + size > limitBytes) {
        return base::resourceExhausted("the body is larger than {} bytes", limitBytes);
    }
    std::string plain(data);
    if (isCompressed && !snappy::Uncompress(data.data(), data.size(), &plain)) {
        return base::invalidArgument("snappy: corrupt input at byte {}", at);
    }
    if (masked(base::crc32c(plain)) != checksum) {
        return base::invalidArgument("snappy: wrong checksum at byte {}", at);
    }
    out += plain;
    return absl::OkStatus();
}

} // namespace

absl::StatusOr<std::string> decodeSnappyFrames(std::string_view frames, std::uint64_t limitBytes)
{
    if (!frames.empty() && !frames.starts_with(kIdentifier)) {
        return base::invalidArgument("snappy: the stream identifier is missing at byte 0");
    }
    std::string out;
    std::size_t at = 0;
    while (at < frames.size()) {
        const std::string_view rest = frames.substr(at);
        if (rest.size() < kHeaderBytes) {
            return base::invalidArgument("snappy: unexpected EOF at byte {}", at);
        }
        const auto type = static_cast<unsigned char>(rest[0]);
        const std::size_t length = littleEndian(rest.substr(1, 3));
        if (rest.size() < kHeaderBytes + length) {
            return base::invalidArgument("snappy: unexpected EOF at byte {}", at);
        }
        const bool isSkipped = type >= 0x80;
        if (!isSkipped && type > 1) {
            return base::invalidArgument("snappy: unknown chunk type {} at byte {}",
                                         static_cast<unsigned>(type), at);
        }
        if (!isSkipped) {
            NARTHEX_RETURN_IF_ERROR(
                append(rest.substr(kHeaderBytes, length), type == 0, at, limitBytes, out));
        }
        at += kHeaderBytes + length;
    }
    return out;
}

} // namespace narthex::net
