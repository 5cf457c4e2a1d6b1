// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The blocks of a data directory: found at open, published as immutable lists from then on. A
// block that cannot be read costs its own samples, never the store's start.
// Owner: Db. Threads: any; changes one at a time (the compactor). Units: milliseconds.
// Errors: those of the file system. Format: spec/tsdb.md, 13. Start-up order, 14 retention.
#pragma once

#include "core/base/log.h"
#include "core/base/worker_pool.h"
#include "core/tsdb/block.h"

#include <absl/base/thread_annotations.h>
#include <absl/status/status.h>
#include <absl/synchronization/mutex.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace narthex::tsdb {

/// A block that is not served.
struct SetAsideBlock
{
    std::string ulid;
    /// Where it is now: below narthex.d/damaged, or where it was when we only cannot read it.
    std::filesystem::path path;
    std::string reason;
};

class BlockList
{
public:
    /// Ascending in minTime.
    using Blocks = std::vector<std::shared_ptr<const Block>>;

    BlockList(std::filesystem::path directory, base::Logger log);

    /// Removes what was left unfinished, then opens every block, on the pool's threads if there is
    /// one. Parents of blocks that could be opened are deleted, and blocks marked deletable. A
    /// damaged block is moved below narthex.d/damaged; one with another format, or without readable
    /// meta.json, stays where it is. Both are listed by setAside().
    absl::Status load(base::WorkerPool* pool = nullptr);
    [[nodiscard]] std::shared_ptr<const Blocks> blocks() const;
    /// Blocks that are not served, those of earlier runs included.
    [[nodiscard]] std::vector<SetAsideBlock> setAside() const;

    /// Adds a new block (or none) and takes others out, in one step. Their directories are deleted.
    absl::Status replace(std::shared_ptr<const Block> added,
                         const std::vector<std::string>& removedUlids);
    /// Puts a block in the place of the one with the same ULID.
    void update(std::shared_ptr<const Block> changed);

    /// The end of the newest block of samples in order, exclusive; the lowest number if there is
    /// none. The head begins there.
    [[nodiscard]] std::int64_t maxTime() const;
    [[nodiscard]] std::uint64_t sizeBytes() const;

private:
    struct Candidate;
    absl::Status removeLeftovers() const;
    void openAll(std::vector<Candidate>& candidates, base::WorkerPool* pool) const;
    void refuse(const Candidate& candidate);
    void moveAside(const Candidate& candidate);
    void listEarlier();
    void note(SetAsideBlock block);

    // Fixed after construction.
    const std::filesystem::path directory_;
    const std::filesystem::path damagedDirectory_;
    const base::Logger log_;

    mutable absl::Mutex mutex_;
    std::shared_ptr<const Blocks> blocks_ ABSL_GUARDED_BY(mutex_);
    std::vector<SetAsideBlock> setAside_ ABSL_GUARDED_BY(mutex_);
};

} // namespace narthex::tsdb
