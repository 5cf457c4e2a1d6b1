// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The store's upkeep: blocks cut and merged, samples deleted, snapshots taken.
#include "core/base/file.h"
#include "core/base/status.h"
#include "core/tsdb/block_admin.h"
#include "core/tsdb/block_cut.h"
#include "core/tsdb/block_plan.h"
#include "core/tsdb/db_impl.h"
#include "core/tsdb/head_source.h"
#include "core/tsdb/late_source.h"
#include "core/tsdb/ulid.h"
#include "core/tsdb/wal_format.h"

#include <absl/synchronization/notification.h>

#include <algorithm>
#include <random>
#include <utility>

namespace narthex::tsdb {
namespace {

namespace fs = std::filesystem;

/// How often the store looks after itself, and how long it waits after a failure: twice as long
/// each time, up to the former.
constexpr absl::Duration kInterval = absl::Minutes(1);
constexpr absl::Duration kFirstPause = absl::Seconds(1);
/// Stale series wait for the next block of all if it comes within this.
constexpr std::int64_t kNearCutMs = 10 * 60'000;
/// How long a cut waits for readers of what leaves the head.
constexpr absl::Duration kWaitAtMost = absl::Seconds(30);

base::Duration drawCutDelay(const DbOptions& options)
{
    const std::int64_t longest = options.blockRange.ms() / 100 * options.maxCutDelayPercent;
    std::random_device seed;
    return base::Duration::fromMs(std::uniform_int_distribution<std::int64_t>(0, longest)(seed));
}

} // namespace

absl::Status DbImpl::checkOpen() const
{
    return stopCompaction_.stop_requested() ? base::unavailable("the store is closed")
                                            : absl::OkStatus();
}

void DbImpl::startCompactor()
{
    const CompactorOptions options{
        .blockRangeMs = options_.blockRange.ms(),
        .retentionMs = options_.live.retention.ms(),
        .walSegmentBytes = options_.walSegmentBytes,
        .walCompression = options_.walCompression,
        .retentionBytes = options_.live.retentionBytes,
        .retentionPercent = options_.live.retentionPercent,
        .maxBlockRangeMs = options_.maxBlockRange.ms(),
        .cutDelay = drawCutDelay(options_),
        .chunkSegmentBytes = options_.maxChunkSegmentBytes,
        .headBytes =
            [this] { return walBytes() + lateLogBytes() + head_->chunkFiles()->sizeBytes(); },
        .metrics = &metrics_};
    const auto keepsSeries = [this](std::uint64_t ref, std::uint32_t lastSegment) {
        const auto alias = aliases_.find(ref);
        return head_->keepsInLog(alias != aliases_.end() ? alias->second : ref, lastSegment);
    };
    compactor_ =
        std::make_unique<Compactor>(directory_, *head_, blocks_, files_, environment_.clock,
                                    environment_.log, options, keepsSeries);
    if (options_.compactInBackground) {
        compactionThread_ =
            std::jthread([this] { compactNowAndThen(stopCompaction_.get_token()); });
    }
}

void DbImpl::compactNowAndThen(const std::stop_token& stop)
{
    absl::Notification stopping;
    const std::stop_callback wake(stop, [&stopping] { stopping.Notify(); });
    {
        // Replay has filled chunks: they leave memory soon, and nobody waits for that.
        absl::MutexLock lock(&compactMutex_);
        base::ignore(head_->mapClosedChunks(), "tried again by the first compaction");
    }
    absl::Duration pause = kInterval;
    absl::Duration afterFailure = kFirstPause;
    while (!stopping.WaitForNotificationWithTimeout(pause)) {
        const absl::Status status = compact();
        if (status.ok() || stop.stop_requested()) {
            pause = kInterval;
            afterFailure = kFirstPause;
            continue;
        }
        pause = afterFailure;
        afterFailure = std::min(afterFailure * 2, kInterval);
        environment_.log->warn("tsdb: compaction failed, tried again in {} error=\"{}\"",
                               absl::FormatDuration(pause), base::messageOf(status));
    }
}

absl::Status DbImpl::compact()
{
    absl::MutexLock lock(&compactMutex_);
    NARTHEX_RETURN_IF_ERROR(checkOpen());
    const absl::Status status = compactLocked();
    keepSeriesState(head_->journal()->segment(), false);
    const absl::Status mapped = head_->mapClosedChunks();
    return status.ok() ? mapped : status;
}

absl::Status DbImpl::compactLocked()
{
    const std::stop_token stop = stopCompaction_.get_token();
    const std::int64_t headStart = head_->minTime();
    NARTHEX_RETURN_IF_ERROR(compactor_->run(stop));
    if (head_->minTime() != headStart && head_->hasLate()) {
        NARTHEX_RETURN_IF_ERROR(compactLateLocked(stop));
    }
    return compactStaleLocked(stop);
}

absl::Status DbImpl::compactLateLocked(const std::stop_token& stop)
{
    NARTHEX_ASSIGN_OR_RETURN(const Head::LateCut cut, head_->beginLateCut());
    if (!cut.chunks.empty()) {
        LateSource source(*head_, cut);
        const std::int64_t range = head_->blockRangeMs();
        // Late samples may lie far apart: stretches without any are left out.
        for (std::int64_t next = cut.minTime; next != Head::kForever;) {
            const std::int64_t from = alignedStart(next, range);
            NARTHEX_RETURN_IF_ERROR(
                compactor_->cutBlock(source, from, from + range, {std::string(kLateHint)}, stop)
                    .status());
            next = head_->firstLateFrom(cut, from + range);
        }
        if (!head_->isolation().waitForReadersBefore(cut.maxTime + 1, kWaitAtMost)) {
            environment_.log->warn(
                "tsdb: a query over late samples takes long, they leave the head now");
        }
        head_->endLateCut(cut);
    }
    NARTHEX_RETURN_IF_ERROR(truncateLateLog(cut.segment));
    return compactor_->run(stop); // merges what overlaps now
}

absl::Status DbImpl::truncateLateLog(std::uint32_t firstNeeded)
{
    if (head_->lateJournal() == nullptr) {
        return absl::OkStatus();
    }
    metrics_.wbl.truncations.fetch_add(1, std::memory_order_relaxed);
    NARTHEX_ASSIGN_OR_RETURN(const std::vector<WalSegmentFile> segments,
                             listWalSegments(wblDirectory_));
    for (const WalSegmentFile& segment : segments) {
        if (segment.number < firstNeeded) {
            NARTHEX_RETURN_IF_ERROR(base::removePath(segment.path));
        }
    }
    return base::syncDirectory(wblDirectory_);
}

absl::Status DbImpl::compactStaleLocked(const std::stop_token& stop)
{
    double threshold = 0;
    {
        absl::MutexLock lock(&liveMutex_);
        threshold = live_.staleSeriesThreshold;
    }
    const auto series = static_cast<double>(head_->counters().series.load());
    const auto stale = static_cast<double>(head_->counters().staleSeries.load());
    const std::int64_t nextCut = head_->minTime() + head_->blockRangeMs() / 2 * 3;
    if (threshold <= 0 || series == 0 || stale / series < threshold || head_->isEmpty() ||
        nextCut - head_->maxTime() <= kNearCutMs) {
        return absl::OkStatus();
    }
    metrics_.staleCompactionsTriggered.fetch_add(1, std::memory_order_relaxed);
    const base::Duration begun = environment_.clock.monotonic();
    const absl::Status status = cutStaleSeries(stop);
    metrics_.staleCompactionSeconds.observe((environment_.clock.monotonic() - begun).seconds());
    if (!status.ok()) {
        metrics_.staleCompactionsFailed.fetch_add(1, std::memory_order_relaxed);
    }
    return status;
}

absl::Status DbImpl::cutStaleSeries(const std::stop_token& stop)
{
    StaleSource source(*head_);
    const std::int64_t range = head_->blockRangeMs();
    const std::int64_t last = head_->maxTime();
    for (std::int64_t from = alignedStart(head_->minTime(), range); from <= last; from += range) {
        NARTHEX_RETURN_IF_ERROR(
            compactor_->cutBlock(source, from, from + range, {std::string(kStaleHint)}, stop)
                .status());
    }
    return head_->removeStale(source.refs());
}

absl::Status DbImpl::reconfigure(const LiveOptions& options)
{
    absl::MutexLock lock(&compactMutex_);
    NARTHEX_RETURN_IF_ERROR(checkOpen());
    if (options.outOfOrderWindow.ms() > 0 && head_->lateJournal() == nullptr) {
        NARTHEX_RETURN_IF_ERROR(startLateJournal());
    }
    head_->setLateWindow(options.outOfOrderWindow.ms());
    head_->exemplars().resize(options.maxExemplars);
    head_->exemplars().setOutOfOrderWindow(options.outOfOrderWindow);
    compactor_->setRetention(
        {options.retention.ms(), options.retentionBytes, options.retentionPercent});
    absl::MutexLock liveLock(&liveMutex_);
    live_ = options;
    return absl::OkStatus();
}

absl::Status DbImpl::deleteSeries(base::Timestamp from, base::Timestamp to,
                                  std::span<const model::Matchers> matcherSets)
{
    absl::MutexLock lock(&compactMutex_);
    NARTHEX_RETURN_IF_ERROR(checkOpen());
    NARTHEX_RETURN_IF_ERROR(
        deleteInBlocks(blocks_, from.ms, to.ms, matcherSets, stopCompaction_.get_token()));
    return head_->deleteSamples(matcherSets, {from.ms, to.ms});
}

absl::Status DbImpl::cleanTombstones()
{
    absl::MutexLock lock(&compactMutex_);
    NARTHEX_RETURN_IF_ERROR(checkOpen());
    const base::Duration begun = environment_.clock.monotonic();
    const absl::Status status =
        tsdb::cleanTombstones(blocks_, environment_.clock, stopCompaction_.get_token());
    metrics_.tombstoneCleanupSeconds.observe((environment_.clock.monotonic() - begun).seconds());
    return status;
}

absl::Status DbImpl::snapshot(const fs::path& target, bool skipHead)
{
    absl::MutexLock lock(&compactMutex_);
    NARTHEX_RETURN_IF_ERROR(checkOpen());
    const std::stop_token stop = stopCompaction_.get_token();
    NARTHEX_RETURN_IF_ERROR(prepareSnapshot(directory_, target));
    NARTHEX_RETURN_IF_ERROR(snapshotBlocks(blocks_, target, stop));
    if (skipHead || head_->isEmpty()) {
        return absl::OkStatus();
    }
    NewBlock block{.directory = target,
                   .ulid = makeUlid(environment_.clock.now()),
                   .fromMs = head_->minTime(),
                   .endMs = head_->maxTime() + 1,
                   .chunkSegmentBytes = options_.maxChunkSegmentBytes};
    HeadSource source(*head_);
    NARTHEX_RETURN_IF_ERROR(writeBlock(source, block, stop).status());
    if (!head_->hasLate()) {
        return absl::OkStatus();
    }
    NARTHEX_ASSIGN_OR_RETURN(const Head::LateCut cut, head_->beginLateCut());
    LateSource late(*head_, cut);
    block.ulid = makeUlid(environment_.clock.now());
    block.fromMs = cut.minTime;
    block.endMs = cut.maxTime + 1;
    block.hints = {std::string(kLateHint)};
    return writeBlock(late, block, stop).status();
}

} // namespace narthex::tsdb
