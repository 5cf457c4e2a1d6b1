// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Any bytes as a file of a block's chunks: every offset is answered with a chunk inside the file or
// an error, and chunks decode or are refused.
#include "core/tsdb/block.h"
#include "core/tsdb/chunk_file.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>

using namespace narthex;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    static const base::TemporaryDirectory folder;
    constexpr std::size_t kSizeMax = 4096;
    const std::string_view bytes(reinterpret_cast<const char*>(data), std::min(size, kSizeMax));
    std::ofstream(folder.path() / "000001", std::ios::binary | std::ios::trunc) << bytes;
    const auto reader = tsdb::ChunkFileReader::open(folder.path());
    if (!reader.ok()) {
        return 0;
    }
    for (std::uint64_t at = 0; at <= bytes.size() + 1; ++at) {
        const auto frame = reader->frame(tsdb::ChunkRef{at});
        if (frame.ok()) {
            if (frame->bytes.size() > bytes.size() || frame->chunk.data.size() > bytes.size()) {
                std::abort();
            }
            storage::SampleColumns columns;
            const absl::Status status =
                tsdb::decodeChunk(frame->chunk, std::numeric_limits<std::int64_t>::min(),
                                  std::numeric_limits<std::int64_t>::max(), columns);
            static_cast<void>(status.ok());
        }
    }
    return 0;
}
