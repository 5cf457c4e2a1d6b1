// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/remote/snappy_block.h"

#include "core/base/status.h"

#include <snappy.h>

namespace narthex::remote {

absl::Status uncompressBlock(std::string_view compressed, std::size_t limitBytes, std::string& out)
{
    std::size_t size = 0;
    if (!snappy::GetUncompressedLength(compressed.data(), compressed.size(), &size)) {
        return base::invalidArgument("the body of {} bytes is no Snappy block", compressed.size());
    }
    if (size > limitBytes) {
        return base::invalidArgument("the body has {} bytes when decompressed, which exceeds the "
                                     "limit of {}",
                                     size, limitBytes);
    }
    // A block of a few bytes may claim the limit: one byte makes 64 at most.
    constexpr std::size_t kMostAByte = 64;
    if (size / kMostAByte > compressed.size()) {
        return base::invalidArgument("the body of {} bytes claims to have {} when decompressed, "
                                     "which cannot be",
                                     compressed.size(), size);
    }
    if (out.size() < size) {
        out.resize(size);
    }
    if (!snappy::RawUncompress(compressed.data(), compressed.size(), out.data())) {
        return base::invalidArgument("the body of {} bytes is a damaged Snappy block",
                                     compressed.size());
    }
    out.resize(size);
    return absl::OkStatus();
}

std::string compressBlock(std::string_view plain)
{
    std::string out;
    snappy::Compress(plain.data(), plain.size(), &out);
    return out;
}

} // namespace narthex::remote
