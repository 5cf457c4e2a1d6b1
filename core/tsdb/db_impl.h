// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The store behind the interface Db: who owns what, in which order things start and end.
// Owner: whoever opened it. Threads: as Db says. start() is db.cpp, upkeep db_upkeep.cpp, what the
// store says of itself db_report.cpp.
#pragma once

#include "core/tsdb/block_list.h"
#include "core/tsdb/cardinality.h"
#include "core/tsdb/compactor.h"
#include "core/tsdb/db.h"
#include "core/tsdb/directory_guard.h"
#include "core/tsdb/head.h"
#include "core/tsdb/metrics.h"
#include "core/tsdb/replay.h"

#include <absl/base/thread_annotations.h>
#include <absl/container/flat_hash_map.h>
#include <absl/synchronization/mutex.h>

#include <memory>
#include <optional>
#include <thread>
#include <vector>

namespace narthex::tsdb {

class DbImpl final : public Db
{
public:
    DbImpl(std::filesystem::path directory, const DbOptions& options, Environment environment,
           DirectoryGuard guard);
    ~DbImpl() override;

    absl::Status start(const std::stop_token& stop);

    std::unique_ptr<storage::Appender> appender() override { return head_->appender(); }
    absl::StatusOr<std::unique_ptr<storage::Querier>> querier(base::Timestamp from,
                                                              base::Timestamp to) const override;
    absl::Status compact() override;
    absl::Status reconfigure(const LiveOptions& options) override;
    absl::Status deleteSeries(base::Timestamp from, base::Timestamp to,
                              std::span<const model::Matchers> matcherSets) override;
    absl::Status cleanTombstones() override;
    absl::Status snapshot(const std::filesystem::path& target, bool skipHead) override;
    [[nodiscard]] std::vector<storage::ExemplarSeries>
    exemplars(base::Timestamp from, base::Timestamp to,
              std::span<const model::Matchers> matcherSets) const override;
    absl::Status close() override;
    [[nodiscard]] DbStats stats() const override;
    void writeMetrics(exposition::TextWriter& out) const override;
    [[nodiscard]] std::vector<BlockMeta> blocks() const override;
    [[nodiscard]] std::vector<SetAside> setAside() const override;
    [[nodiscard]] Cardinality cardinality(std::size_t limit) const override
    {
        return headCardinality(*head_, limit);
    }
    [[nodiscard]] absl::Status writeStatus() const override
    {
        return head_->journal()->writeStatus();
    }
    [[nodiscard]] const std::filesystem::path& directory() const override { return directory_; }

private:
    absl::Status replay(const std::stop_token& stop);
    absl::Status startJournal();
    absl::Status startLateJournal();
    absl::StatusOr<std::unique_ptr<Journal>>
    makeJournal(const std::filesystem::path& folder, std::uint32_t segment, LogMetrics& metrics);
    void startCompactor();
    /// Brings series_state.json up to date where there is one to be.
    void keepSeriesState(std::uint32_t segment, bool cleanShutdown);
    void compactNowAndThen(const std::stop_token& stop);
    absl::Status compactLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(compactMutex_);
    absl::Status compactLateLocked(const std::stop_token& stop)
        ABSL_EXCLUSIVE_LOCKS_REQUIRED(compactMutex_);
    absl::Status compactStaleLocked(const std::stop_token& stop)
        ABSL_EXCLUSIVE_LOCKS_REQUIRED(compactMutex_);
    absl::Status truncateLateLog(std::uint32_t firstNeeded);
    absl::Status cutStaleSeries(const std::stop_token& stop);
    [[nodiscard]] absl::Status checkOpen() const;
    [[nodiscard]] std::uint64_t walBytes() const;
    [[nodiscard]] std::uint64_t lateLogBytes() const;
    [[nodiscard]] HeadReading headReading() const;
    [[nodiscard]] BlocksReading blocksReading() const;

    // Fixed after construction.
    const std::filesystem::path directory_;
    const std::filesystem::path walDirectory_;
    const std::filesystem::path wblDirectory_;
    const DbOptions options_;
    const Environment environment_;
    SystemFileLayer systemFiles_;
    FileLayer& files_;
    /// Shared with tasks of the pool, which may run when the store is gone.
    const std::shared_ptr<StoreMetrics> sharedMetrics_ = std::make_shared<StoreMetrics>();
    StoreMetrics& metrics_ = *sharedMetrics_;
    const std::shared_ptr<Head> head_;
    BlockList blocks_;
    // Written by start() only.
    ReplayResult replay_;
    ReplayResult lateReplay_;
    base::Duration replayTook_;
    bool foundLockFile_ = false;
    bool snapshotFailed_ = false;
    bool keepsSeriesState_ = false;
    /// References of the log that mean another one's series.
    absl::flat_hash_map<std::uint64_t, HeadRef> aliases_;
    std::unique_ptr<Compactor> compactor_;

    mutable absl::Mutex liveMutex_;
    LiveOptions live_ ABSL_GUARDED_BY(liveMutex_);

    /// One compaction at a time; held over its file work on purpose.
    absl::Mutex compactMutex_ ABSL_ACQUIRED_BEFORE(liveMutex_);
    absl::Mutex closeMutex_;
    std::optional<DirectoryGuard> guard_ ABSL_GUARDED_BY(closeMutex_);
    std::stop_source stopCompaction_;
    std::jthread compactionThread_;
};

} // namespace narthex::tsdb
