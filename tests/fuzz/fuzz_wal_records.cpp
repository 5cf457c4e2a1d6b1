// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Any bytes as a record of the log, of all its types: it decodes or is refused; and as the
// compressed form of one.
#include "decode_record.h"

#include "core/tsdb/wal_compression.h"

#include <cstdint>

using namespace narthex;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    fuzz::decodeRecord(bytes);
    for (const auto compression : {tsdb::WalCompression::Snappy, tsdb::WalCompression::Zstd}) {
        std::string buffer;
        if (const auto record = tsdb::decompressRecord(bytes, compression, buffer); record.ok()) {
            fuzz::decodeRecord(*record);
        }
        std::string packedBuffer;
        if (const auto packed = tsdb::compressRecord(bytes, compression, packedBuffer)) {
            const auto back = tsdb::decompressRecord(*packed, compression, buffer);
            fuzz::require(back.ok() && *back == bytes);
        }
    }
    return 0;
}
