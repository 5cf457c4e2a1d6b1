// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Any bytes as a tombstones file, with their checksum and with the right one: what is read can be
// written and read again, and intervals are apart.
#include "core/base/codec.h"
#include "core/base/hash.h"
#include "core/tsdb/tombstones.h"

#include <cstdint>
#include <cstdlib>
#include <string>

using namespace narthex;

namespace {

void check(std::string_view bytes)
{
    const auto stones = tsdb::decodeTombstonesFile(bytes);
    if (!stones.ok()) {
        return;
    }
    for (const auto& [ref, intervals] : *stones) {
        for (std::size_t i = 1; i < intervals.size(); ++i) {
            if (intervals[i].minTime <= intervals[i - 1].maxTime) {
                std::abort();
            }
        }
    }
    if (*tsdb::decodeTombstonesFile(tsdb::encodeTombstones(*stones)) != *stones) {
        std::abort();
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    check(bytes);
    std::string file("\x01\x30\xBA\x30\x01", 5);
    file += bytes;
    base::appendBigEndian(file, base::crc32c(bytes));
    check(file);
    return 0;
}
