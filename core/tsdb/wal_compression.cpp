// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/wal_compression.h"

#include "core/base/status.h"

#include <snappy.h>
#include <zstd.h>

#include <algorithm>
#include <memory>

namespace narthex::tsdb {
namespace {

/// Level 1: the log is written in the path of every scrape, and read once.
constexpr int kZstdLevel = 1;

struct FreeContext
{
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

/// Contexts are megabytes and their making costs more than a record: one a thread, with no state
/// that lasts from call to call.
ZSTD_CCtx* compressor()
{
    thread_local const std::unique_ptr<ZSTD_CCtx, FreeContext> context(ZSTD_createCCtx());
    return context.get();
}
ZSTD_DCtx* decompressor()
{
    thread_local const std::unique_ptr<ZSTD_DCtx, FreeContext> context(ZSTD_createDCtx());
    return context.get();
}

std::size_t snappyCompress(std::string_view record, std::string& buffer)
{
    buffer.resize(snappy::MaxCompressedLength(record.size()));
    std::size_t size = 0;
    snappy::RawCompress(record.data(), record.size(), buffer.data(), &size);
    return size;
}

/// 0: it did not work.
std::size_t zstdCompress(std::string_view record, std::string& buffer)
{
    ZSTD_CCtx* const context = compressor();
    if (context == nullptr) {
        return 0;
    }
    buffer.resize(ZSTD_compressBound(record.size()));
    const std::size_t size = ZSTD_compressCCtx(context, buffer.data(), buffer.size(), record.data(),
                                               record.size(), kZstdLevel);
    return ZSTD_isError(size) != 0 ? 0 : size;
}

absl::StatusOr<std::string_view> snappyDecompress(std::string_view bytes, std::string& buffer)
{
    std::size_t size = 0;
    if (!snappy::GetUncompressedLength(bytes.data(), bytes.size(), &size) ||
        size > kWalRecordBytesMax) {
        return base::dataLoss("snappy record of {} bytes has no sensible length", bytes.size());
    }
    // The format makes nothing larger than this out of so many bytes.
    constexpr std::size_t kMostPerByte = 64;
    if (size / kMostPerByte > bytes.size()) {
        return base::dataLoss("snappy record of {} bytes claims {}", bytes.size(), size);
    }
    buffer.resize(size);
    if (!snappy::RawUncompress(bytes.data(), bytes.size(), buffer.data())) {
        return base::dataLoss("snappy record of {} bytes is damaged", bytes.size());
    }
    return buffer;
}

/// As a stream, for a frame need not say its length, and one that does may lie.
absl::StatusOr<std::string_view> zstdDecompress(std::string_view bytes, std::string& buffer)
{
    ZSTD_DCtx* const context = decompressor();
    if (context == nullptr) {
        return base::resourceExhausted("no memory for the decompression of a log record");
    }
    ZSTD_DCtx_reset(context, ZSTD_reset_session_only);
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    buffer.resize(std::max<std::size_t>(buffer.capacity(), bytes.size() * 4));
    ZSTD_outBuffer out{buffer.data(), buffer.size(), 0};
    while (true) {
        const std::size_t left = ZSTD_decompressStream(context, &out, &in);
        if (ZSTD_isError(left) != 0) {
            return base::dataLoss("zstd record of {} bytes is damaged: {}", bytes.size(),
                                  ZSTD_getErrorName(left));
        }
        if (left == 0) {
            break;
        }
        if (out.pos < out.size) {
            return base::dataLoss("zstd record of {} bytes ends early", bytes.size());
        }
        if (out.size >= kWalRecordBytesMax) {
            return base::dataLoss("zstd record of {} bytes is longer than {}", bytes.size(),
                                  kWalRecordBytesMax);
        }
        buffer.resize(std::min(kWalRecordBytesMax, buffer.size() * 2));
        out = {buffer.data(), buffer.size(), out.pos};
    }
    if (in.pos != in.size) {
        return base::dataLoss("zstd record of {} bytes has bytes behind its end", bytes.size());
    }
    return std::string_view(buffer).substr(0, out.pos);
}

} // namespace

std::optional<std::string_view> compressRecord(std::string_view record, WalCompression compression,
                                               std::string& buffer)
{
    std::size_t size = 0;
    switch (compression) {
    case WalCompression::None:
        return std::nullopt;
    case WalCompression::Snappy:
        size = snappyCompress(record, buffer);
        break;
    case WalCompression::Zstd:
        size = zstdCompress(record, buffer);
        break;
    }
    if (size == 0 || size >= record.size()) {
        return std::nullopt;
    }
    return std::string_view(buffer).substr(0, size);
}

absl::StatusOr<WalCompression> compressionOf(std::uint8_t fragmentHead)
{
    switch (fragmentHead & (kWalSnappyBit | kWalZstdBit)) {
    case 0:
        return WalCompression::None;
    case kWalSnappyBit:
        return WalCompression::Snappy;
    case kWalZstdBit:
        return WalCompression::Zstd;
    default:
        return base::dataLoss("record is marked as compressed in two ways ({:#x})", fragmentHead);
    }
}

absl::StatusOr<std::string_view> decompressRecord(std::string_view bytes,
                                                  WalCompression compression, std::string& buffer)
{
    if (bytes.empty()) {
        return bytes;
    }
    switch (compression) {
    case WalCompression::Snappy:
        return snappyDecompress(bytes, buffer);
    case WalCompression::Zstd:
        return zstdDecompress(bytes, buffer);
    case WalCompression::None:
        break;
    }
    return bytes;
}

} // namespace narthex::tsdb
