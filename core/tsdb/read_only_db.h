// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A data directory open for reading only: takes no lock, changes nothing, and may be opened while a
// server runs on it. Blocks are mapped, the newest samples are replayed from the log into memory.
// Owner: a tool. Threads: const members from any. Errors: NotFound (no such directory), DataLoss (a
// block or checkpoint is broken, named), Unavailable (a server moves things faster than they can be
// read). Format: spec/tsdb.md, 1. Directory layout, 13. Start-up
// order.
#pragma once

#include "core/base/log.h"
#include "core/base/worker_pool.h"
#include "core/storage/storage.h"
#include "core/tsdb/block.h"
#include "core/tsdb/head.h"

#include <absl/status/statusor.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <stop_token>
#include <vector>

namespace narthex::tsdb {

struct ReadOnlyOptions
{
    /// Whether the log is replayed; without it, blocks are all there is.
    bool withHead = true;
    /// As the writer had it: chunks of the head end at its multiples. Milliseconds.
    std::int64_t blockRangeMs = 2 * 3'600'000LL;
};

class ReadOnlyDb final : public storage::Queryable
{
public:
    using Blocks = std::vector<std::shared_ptr<const Block>>;
    struct Environment
    {
        base::WorkerPool& pool;
        base::Logger log;
    };

    static absl::StatusOr<std::unique_ptr<ReadOnlyDb>> open(const std::filesystem::path& directory,
                                                            const ReadOnlyOptions& options,
                                                            const Environment& environment,
                                                            std::stop_token stop);

    absl::StatusOr<std::unique_ptr<storage::Querier>> querier(base::Timestamp from,
                                                              base::Timestamp to) const override;
    /// Ascending in minTime. Parents of a block that is there are left out.
    [[nodiscard]] const Blocks& blocks() const { return blocks_; }
    /// Null without ReadOnlyOptions::withHead.
    [[nodiscard]] const std::shared_ptr<Head>& head() const { return head_; }
    /// Damaged places of the log; replay ended at the first.
    [[nodiscard]] std::uint64_t logCorruptions() const { return logCorruptions_; }

private:
    explicit ReadOnlyDb(std::filesystem::path directory) : directory_(std::move(directory)) {}
    absl::Status load(const ReadOnlyOptions& options, const Environment& environment,
                      const std::stop_token& stop);
    absl::Status loadBlocks(const base::Logger& log);
    absl::Status loadHead(const ReadOnlyOptions& options, const Environment& environment,
                          std::stop_token stop);

    // Fixed after open().
    const std::filesystem::path directory_;
    Blocks blocks_;
    std::shared_ptr<Head> head_;
    std::uint64_t logCorruptions_ = 0;
};

} // namespace narthex::tsdb
