// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A block out of anything that can list its series and hand out their chunks: the head, its
// out-of-order part, an import. Owner: the caller. Threads: one at a time for each source. Units:
// milliseconds. Errors: ResourceExhausted (disk full), Cancelled, and those of the source. Format:
// spec/tsdb.md, 14. Block cutting.
#pragma once

#include "core/model/labels.h"
#include "core/tsdb/block_meta.h"
#include "core/tsdb/exported_chunk.h"

#include <absl/status/statusor.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace narthex::tsdb {

struct StoreMetrics;

class BlockSource
{
public:
    struct Entry
    {
        model::Labels labels;
        std::uint64_t ref = 0; // the source's own name of the series
    };

    virtual ~BlockSource() = default;
    /// Series that may have samples in the closed range, each labels once, in any order.
    virtual absl::StatusOr<std::vector<Entry>> series(std::int64_t fromMs, std::int64_t toMs) = 0;
    /// Appends the chunks of a series, ascending and apart from each other, nothing of them outside
    /// the closed range. None is fine: the series is then left out.
    virtual absl::Status chunks(std::uint64_t ref, std::int64_t fromMs, std::int64_t toMs,
                                std::vector<ExportedChunk>& out) = 0;
};

struct NewBlock
{
    std::filesystem::path directory; // gets a folder `ulid`
    std::string ulid;
    /// The block's minTime and maxTime, as its meta.json says them: [fromMs, endMs).
    std::int64_t fromMs = 0;
    std::int64_t endMs = 0;
    int level = 1;
    std::vector<std::string> hints;
    std::uint64_t chunkSegmentBytes = 512ULL << 20U;
    StoreMetrics* metrics = nullptr; // may be null
};

/// Writes the block; none when the source has no sample in its range.
absl::StatusOr<std::optional<BlockMeta>> writeBlock(BlockSource& source, const NewBlock& block,
                                                    const std::stop_token& stop);

} // namespace narthex::tsdb
