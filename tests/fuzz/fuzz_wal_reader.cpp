// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Any bytes as a segment of the write-ahead log: reading ends, and every record decodes or is
// refused.
#include "decode_record.h"

#include "core/tsdb/wal_reader.h"

#include <cstdint>
#include <cstdlib>

using namespace narthex;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    tsdb::WalReader reader(bytes);
    while (true) {
        const absl::StatusOr<bool> found = reader.next();
        if (reader.validEnd() > size) {
            std::abort();
        }
        if (!found.ok() || !*found) {
            break;
        }
        fuzz::decodeRecord(reader.record());
    }
    // The checksums keep a fuzzer out of the records: it gets there directly, too.
    fuzz::decodeRecord(bytes);
    return 0;
}
