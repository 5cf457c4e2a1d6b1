// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Any bytes as meta.json: what is read can be written and read again.
#include "core/tsdb/block_meta.h"

#include <cstdint>
#include <cstdlib>
#include <string>

using namespace narthex;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const auto meta =
        tsdb::parseBlockMeta(std::string_view(reinterpret_cast<const char*>(data), size));
    if (meta.ok()) {
        const auto again = tsdb::parseBlockMeta(tsdb::toJson(*meta));
        if (!again.ok() || *again != *meta) {
            std::abort();
        }
    }
    return 0;
}
