// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Any bytes as a write request of either version, decompressed or as they came; the first byte
// chooses.
#include "core/base/status.h"
#include "core/remote/receiver/write_receiver.h"
#include "core/remote/snappy_block.h"
#include "core/storage/memory_store.h"

#include <cstdint>
#include <string>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace narthex;
    using remote::receiver::WriteMessage;
    if (size == 0) {
        return 0;
    }
    const bool isCompressed = (data[0] & 1U) != 0;
    const WriteMessage message = (data[0] & 2U) != 0 ? WriteMessage::V2 : WriteMessage::V1;
    const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
    storage::MemoryStore store;
    remote::receiver::WriteReceiver receiver({.typeAndUnitLabels = (data[0] & 4U) != 0,
                                              .writeStartZero = (data[0] & 8U) != 0,
                                              .storeMetadata = true,
                                              .cachedSeries = 64});
    const std::string body = isCompressed ? std::string(bytes) : remote::compressBlock(bytes);
    const auto result = receiver.write(message, body, store, {1'700'000'000'000});
    NARTHEX_CHECK(message == WriteMessage::V2 || result.status.ok() || result.written.samples == 0);
    return 0;
}
