// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Any bytes as a file of head chunks, and any bytes as one chunk with the right checksum around
// them: every chunk that is read lies in the file, and decodes or says why not.
#include "core/base/codec.h"
#include "core/base/hash.h"
#include "core/tsdb/block.h"
#include "core/tsdb/head_chunk_files.h"

#include <cstdint>
#include <cstdlib>
#include <limits>
#include <string>

using namespace narthex;

namespace {

void check(std::string_view bytes)
{
    constexpr std::int64_t kForever = std::numeric_limits<std::int64_t>::max();
    const absl::Status status =
        tsdb::readHeadChunks(bytes, [&](const tsdb::HeadChunk& chunk, std::uint64_t offset) {
            if (offset >= bytes.size() || chunk.data.data() < bytes.data() ||
                chunk.data.data() + chunk.data.size() > bytes.data() + bytes.size()) {
                std::abort();
            }
            storage::SampleColumns columns;
            const absl::Status decoded =
                tsdb::decodeChunk({chunk.encoding, chunk.data}, -kForever, kForever, columns);
            if (decoded.ok() && columns.times.size() != columns.values.size()) {
                std::abort();
            }
        });
    if (!status.ok() && status.message().empty()) {
        std::abort();
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    check(bytes);
    std::string file("\x01\x30\xBC\x91\x01\0\0\0", 8);
    check(file + std::string(bytes));
    // | ref | first time | last time | encoding | uvarint length | data | CRC |
    const std::size_t at = file.size();
    base::appendBigEndian(file, std::uint64_t{1});
    base::appendBigEndian(file, std::uint64_t{5});
    base::appendBigEndian(file, std::uint64_t{9});
    file.push_back(static_cast<char>(bytes.empty() ? 1 : bytes.front()));
    base::appendUvarint(file, bytes.size());
    file.append(bytes);
    base::appendBigEndian(file, base::crc32c(std::string_view(file).substr(at)));
    check(file);
    return 0;
}
