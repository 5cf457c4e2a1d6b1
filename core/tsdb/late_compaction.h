// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Blocks of the head's late samples: one for each stretch of the block range that has any. They
// overlap the blocks of what came in time, until the next merge. Owner: Db. Threads: one at a time,
// beside appends and queries. Errors: ResourceExhausted (disk full; all stays as it was),
// Cancelled, Unavailable (a reader did not end in time; the next run tries again).
// Format: spec/tsdb.md, 14 (2.).
#pragma once

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/tsdb/block_list.h"
#include "core/tsdb/head.h"

#include <absl/status/status.h>

#include <filesystem>
#include <stop_token>

namespace narthex::tsdb {

struct LateCompaction
{
    const std::filesystem::path& directory;
    Head& head;
    BlockList& blocks;
    const base::Clock& clock;
    base::Logger log;

    absl::Status run(const std::stop_token& stop);

private:
    absl::Status writeBlocks(const Head::LateCut& cut, const std::stop_token& stop);
    absl::Status writeBlock(const Head::LateCut& cut, std::int64_t fromMs,
                            const std::stop_token& stop);
};

} // namespace narthex::tsdb
