// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A chunk on its way from the head, or from a block, into a new block.
// Threads: values. Units: milliseconds, closed range.
#pragma once

#include "core/tsdb/chunk_file.h"

#include <cstdint>
#include <string>

namespace narthex::tsdb {

struct ExportedChunk
{
    std::int64_t minTime = 0;
    std::int64_t maxTime = 0;
    ChunkEncoding encoding = ChunkEncoding::None;
    std::uint32_t samples = 0;
    /// As the chunk file holds it.
    std::string bytes;
};

} // namespace narthex::tsdb
