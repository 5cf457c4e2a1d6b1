// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The blocks of a data directory: found at open, published as immutable lists from then on.
// Owner: Db. Threads: any; changes one at a time (the compactor). Units: milliseconds.
// Errors: DataLoss (a block is broken, and no other block replaces it).
// Format: spec/tsdb.md, 13. Start-up order, 14 retention.
#pragma once

#include "core/base/log.h"
#include "core/tsdb/block.h"

#include <absl/base/thread_annotations.h>
#include <absl/status/status.h>
#include <absl/synchronization/mutex.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <vector>

namespace narthex::tsdb {

class BlockList
{
public:
    /// Ascending in minTime.
    using Blocks = std::vector<std::shared_ptr<const Block>>;

    BlockList(std::filesystem::path directory, base::Logger log);

    /// Removes what was left unfinished, then opens every block. Blocks without readable meta.json
    /// are left alone, and parents of others are deleted.
    absl::Status load();
    [[nodiscard]] std::shared_ptr<const Blocks> blocks() const;
    /// Adds a new block and takes others out, in one step. Their directories are deleted.
    absl::Status replace(std::shared_ptr<const Block> added,
                         const std::vector<std::string>& removedUlids);
    /// The end of the newest block of samples in order, exclusive; the lowest number if there is
    /// none. The head begins there.
    [[nodiscard]] std::int64_t maxTime() const;

private:
    void removeLeftovers() const;

    // Fixed after construction.
    const std::filesystem::path directory_;
    const base::Logger log_;

    mutable absl::Mutex mutex_;
    std::shared_ptr<const Blocks> blocks_ ABSL_GUARDED_BY(mutex_);
};

} // namespace narthex::tsdb
