// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Reads a write-ahead log back into the head: decoded on one thread, put in by the workers, each
// with pages of its own. Owner: Db::open. Threads: one at a time. Errors: Cancelled; DataLoss (a
// damaged checkpoint, missing segments). Format: spec/tsdb.md, 13. Start-up order, Replay rules.
#pragma once

#include "core/base/log.h"
#include "core/base/worker_pool.h"
#include "core/tsdb/db.h"
#include "core/tsdb/head.h"
#include "core/tsdb/wal_format.h"

#include <absl/container/flat_hash_map.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace narthex::tsdb {

struct ReplayResult
{
    /// The segment that writing goes on with.
    std::uint32_t nextSegment = 0;
    std::uint64_t segments = 0;
    std::uint64_t records = 0;
    std::uint64_t samples = 0;
    std::uint64_t unknownRefs = 0;
    std::uint64_t unknownHistogramRefs = 0;
    /// Damaged places that were cut off.
    std::uint64_t corruptions = 0;
    /// Where what was cut off stands now; empty: nowhere.
    std::vector<std::filesystem::path> setAside;
    std::uint64_t bytes = 0;
};

class Replayer
{
public:
    Replayer(Head& head, base::WorkerPool& pool, base::Logger log,
             std::function<void(const ReplayProgress&)> onProgress);

    /// What the log holds before this place is in the head already.
    void startAt(std::uint32_t segment, std::uint64_t offset)
    {
        startSegment_ = segment;
        startOffset_ = offset;
    }

    /// Samples before `minValidMs` are dropped: they are in blocks. A damaged segment is cut behind
    /// its last good record, and later ones are removed.
    absl::StatusOr<ReplayResult> run(const std::filesystem::path& walDirectory,
                                     std::int64_t minValidMs, std::stop_token stop);
    /// The same with the write-behind log of late samples, after run(). The result counts this log
    /// alone.
    absl::StatusOr<ReplayResult> runLate(const std::filesystem::path& wblDirectory,
                                         std::stop_token stop);

    /// For a reader that may not change the directory: replay ends at damage instead of cutting it
    /// off.
    void leaveDamage() { repairsDamage_ = false; }

    /// References of the log that mean another one's series, because its labels were there already.
    [[nodiscard]] const absl::flat_hash_map<std::uint64_t, HeadRef>& aliases() const
    {
        return aliases_;
    }

private:
    /// Replays segments; what is behind a damaged place is set aside.
    absl::Status replayLog(const std::vector<WalSegmentFile>& segments);
    absl::Status replaySegment(const WalSegmentFile& segment);
    absl::Status onRecord(std::string_view record);
    absl::Status onLateRecord(std::string_view record);
    absl::Status onSeries(std::string_view record);
    absl::Status onTombstones(std::string_view record);
    absl::Status onExemplars(std::string_view record);
    absl::Status onMetadata(std::string_view record);
    absl::Status onSamples(std::string_view record);
    absl::Status onStartedSamples(std::string_view record);
    absl::Status onHistograms(std::string_view record);
    absl::Status setAside(const std::filesystem::path& segment);
    absl::Status repair(const std::vector<WalSegmentFile>& segments, std::size_t damaged);
    /// 0: unknown.
    [[nodiscard]] HeadRef resolve(std::uint64_t ref) const;
    void flush();

    // Fixed after construction.
    Head& head_;
    base::WorkerPool& pool_;
    const base::Logger log_;
    const std::function<void(const ReplayProgress&)> onProgress_;
    bool repairsDamage_ = true;
    // Touched by the replaying thread only; workers read their own queue within flush().
    ReplayResult result_;
    std::int64_t minValidMs_ = 0;
    std::stop_token stop_;
    std::uint64_t bytesTotal_ = 0;
    ReplayProgress progress_;
    std::uint64_t validEnd_ = 0;
    std::optional<std::uint32_t> startSegment_;
    std::uint64_t startOffset_ = 0;
    absl::flat_hash_map<std::uint64_t, HeadRef> aliases_;
    std::vector<WalSample> decoded_;
    std::vector<std::int64_t> decodedStarts_;
    std::vector<WalHistogram> decodedHistograms_;
    std::vector<WalTombstone> tombstones_;
    std::vector<WalExemplar> exemplars_;
    std::vector<WalMetadata> metadata_;
    std::vector<WalMmapMarker> markers_;
    /// By page of the series table: a page's samples go in together, while it is in the cache.
    std::vector<std::vector<PendingSample>> queues_;
    /// Pages with samples queued.
    std::vector<std::uint32_t> queuedPages_;
    std::vector<PendingHistogram> histograms_;
    std::vector<PendingLate> late_;
    bool isLateLog_ = false;
    std::size_t queued_ = 0;
};

} // namespace narthex::tsdb
