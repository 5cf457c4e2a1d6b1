// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/db.h"

#include "core/base/file.h"
#include "core/base/status.h"
#include "core/tsdb/block_list.h"
#include "core/tsdb/cardinality.h"
#include "core/tsdb/checkpoint.h"
#include "core/tsdb/compactor.h"
#include "core/tsdb/directory_guard.h"
#include "core/tsdb/head.h"
#include "core/tsdb/late_compaction.h"
#include "core/tsdb/merged_querier.h"
#include "core/tsdb/replay.h"
#include "core/tsdb/wal_format.h"

#include <absl/container/flat_hash_map.h>
#include <absl/synchronization/notification.h>

#include <bit>
#include <limits>
#include <thread>
#include <utility>

namespace narthex::tsdb {
namespace {

namespace fs = std::filesystem;

/// How often the store looks after itself.
constexpr absl::Duration kCompactionInterval = absl::Minutes(1);

class DbImpl final : public Db
{
public:
    DbImpl(fs::path directory, const DbOptions& options, Environment environment,
           DirectoryGuard guard);
    ~DbImpl() override { base::ignore(close(), "who cares about the result has closed before"); }

    absl::Status start(const std::stop_token& stop);

    std::unique_ptr<storage::Appender> appender() override { return head_->appender(); }
    absl::StatusOr<std::unique_ptr<storage::Querier>> querier(base::Timestamp from,
                                                              base::Timestamp to) const override;
    absl::Status compact() override;
    absl::Status reconfigure(const LiveOptions& options) override;
    absl::Status deleteSeries(base::Timestamp from, base::Timestamp to,
                              std::span<const model::Matchers> matcherSets) override;
    absl::Status cleanTombstones() override;
    absl::Status snapshot(const fs::path& target, bool skipHead) override;
    [[nodiscard]] std::vector<storage::ExemplarSeries>
    exemplars(base::Timestamp from, base::Timestamp to,
              std::span<const model::Matchers> matcherSets) const override;
    absl::Status close() override;
    [[nodiscard]] DbStats stats() const override;
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
    [[nodiscard]] const fs::path& directory() const override { return directory_; }

private:
    absl::Status replay(const std::stop_token& stop);
    absl::Status replayLate(const std::stop_token& stop);
    absl::Status startJournal();
    absl::Status startLateJournal();
    absl::StatusOr<std::unique_ptr<Journal>> makeJournal(const fs::path& folder,
                                                         std::uint32_t segment);
    void startCompactor();
    void compactNowAndThen(const std::stop_token& stop);
    [[nodiscard]] std::uint64_t walBytes() const;

    // Fixed after construction.
    const fs::path directory_;
    const fs::path walDirectory_;
    const fs::path wblDirectory_;
    const DbOptions options_;
    const Environment environment_;
    SystemFileLayer systemFiles_;
    FileLayer& files_;
    const std::shared_ptr<Head> head_;
    BlockList blocks_;
    // Written by start() only.
    ReplayResult replay_;
    ReplayResult lateReplay_;
    base::Duration replayTook_;
    /// References of the log that mean another one's series.
    absl::flat_hash_map<std::uint64_t, HeadRef> aliases_;
    std::unique_ptr<Compactor> compactor_;

    /// One compaction at a time; held over its file work on purpose, and taken by nothing else.
    absl::Mutex compactMutex_;
    absl::Mutex closeMutex_;
    std::optional<DirectoryGuard> guard_ ABSL_GUARDED_BY(closeMutex_);
    std::stop_source stopCompaction_;
    std::jthread compactionThread_;
};

DbImpl::DbImpl(fs::path directory, const DbOptions& options, Environment environment,
               DirectoryGuard guard)
    : directory_(std::move(directory)),
      walDirectory_(directory_ / "wal"),
      wblDirectory_(directory_ / "wbl"),
      options_(options),
      environment_(std::move(environment)),
      files_(environment_.files != nullptr ? *environment_.files : systemFiles_),
      head_(std::make_shared<Head>(HeadOptions{.blockRangeMs = options.blockRange.ms(),
                                               .shards = options.headShards,
                                               .lateCapacity = options.outOfOrderCapacity,
                                               .readableBy242 = options.readableBy242,
                                               .logsMetadata = options.metadataInWal})),
      blocks_(directory_, environment_.log),
      guard_(std::move(guard))
{}

absl::Status DbImpl::start(const std::stop_token& stop)
{
    NARTHEX_RETURN_IF_ERROR(base::makeDirectories(walDirectory_));
    removeUnfinishedCheckpoints(walDirectory_);
    NARTHEX_RETURN_IF_ERROR(blocks_.load());
    NARTHEX_ASSIGN_OR_RETURN(
        std::unique_ptr<HeadChunkFiles> chunks,
        HeadChunkFiles::open(directory_ / "chunks_head", false, environment_.log));
    head_->setChunkFiles(std::move(chunks));
    head_->exemplars().resize(options_.live.maxExemplars);
    head_->exemplars().setOutOfOrderWindow(options_.live.outOfOrderWindow);
    NARTHEX_RETURN_IF_ERROR(replay(stop));
    NARTHEX_RETURN_IF_ERROR(startJournal());
    head_->setLateWindow(options_.live.outOfOrderWindow.ms());
    if (options_.live.outOfOrderWindow.ms() > 0 || fs::exists(wblDirectory_)) {
        NARTHEX_RETURN_IF_ERROR(startLateJournal());
    }
    startCompactor();
    return absl::OkStatus();
}

absl::Status DbImpl::replay(const std::stop_token& stop)
{
    const base::Duration begun = environment_.clock.monotonic();
    head_->raiseMinValidTime(blocks_.maxTime());
    NARTHEX_RETURN_IF_ERROR(head_->loadChunks(blocks_.maxTime()));
    Replayer replayer(*head_, environment_.pool, environment_.log, environment_.onReplayProgress);
    NARTHEX_ASSIGN_OR_RETURN(replay_, replayer.run(walDirectory_, blocks_.maxTime(), stop));
    if (fs::exists(wblDirectory_)) {
        NARTHEX_ASSIGN_OR_RETURN(lateReplay_, replayer.runLate(wblDirectory_, stop));
    }
    aliases_ = replayer.aliases();
    if (const std::uint64_t unclaimed = head_->dropUnclaimedChunks(); unclaimed > 0) {
        environment_.log->warn("tsdb: head chunks without a series in the log are ignored count={}",
                               unclaimed);
    }
    replayTook_ = environment_.clock.monotonic() - begun;
    environment_.log->info(
        "wal: replay done segments={} samples={} series={} unknown_refs={} took={:.3f}s",
        replay_.segments, replay_.samples, head_->counters().series.load(), replay_.unknownRefs,
        replayTook_.seconds());
    return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Journal>> DbImpl::makeJournal(const fs::path& folder,
                                                             std::uint32_t segment)
{
    // A full segment is synced in the background; nobody waits for it, and the file ends by itself.
    const auto finish = [&pool = environment_.pool](std::shared_ptr<AppendFile> file) {
        pool.submit([file = std::move(file)] {
            base::ignore(
                file->sync(),
                "the log is there for a crash of the process; power loss may cost the tail");
            base::ignore(file->close(), "nothing is left to write");
        });
    };
    NARTHEX_ASSIGN_OR_RETURN(
        std::unique_ptr<WalWriter> writer,
        WalWriter::create(files_, folder, segment, options_.walSegmentBytes, finish));
    return std::make_unique<Journal>(std::move(writer), options_.walCompression);
}

absl::Status DbImpl::startJournal()
{
    NARTHEX_ASSIGN_OR_RETURN(std::unique_ptr<Journal> journal,
                             makeJournal(walDirectory_, replay_.nextSegment));
    head_->setJournal(std::move(journal));
    return absl::OkStatus();
}

absl::Status DbImpl::startLateJournal()
{
    NARTHEX_RETURN_IF_ERROR(base::makeDirectories(wblDirectory_));
    NARTHEX_ASSIGN_OR_RETURN(std::unique_ptr<Journal> journal,
                             makeJournal(wblDirectory_, lateReplay_.nextSegment));
    head_->setLateJournal(std::move(journal));
    return absl::OkStatus();
}

void DbImpl::startCompactor()
{
    const CompactorOptions options{.blockRangeMs = options_.blockRange.ms(),
                                   .retentionMs = options_.live.retention.ms(),
                                   .walSegmentBytes = options_.walSegmentBytes,
                                   .walCompression = options_.walCompression};
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
    while (!stopping.WaitForNotificationWithTimeout(kCompactionInterval)) {
        if (const absl::Status status = compact(); !status.ok() && !stop.stop_requested()) {
            environment_.log->warn("tsdb: compaction failed, tried again in a minute error=\"{}\"",
                                   base::messageOf(status));
        }
    }
}

absl::Status DbImpl::compact()
{
    absl::MutexLock lock(&compactMutex_);
    if (stopCompaction_.stop_requested()) {
        return base::unavailable("the store is closed");
    }
    const std::stop_token stop = stopCompaction_.get_token();
    const std::int64_t headStart = head_->minTime();
    absl::Status status = compactor_->run(stop);
    if (status.ok() && head_->minTime() != headStart && head_->hasLate()) {
        LateCompaction late{directory_, *head_, blocks_, environment_.clock, environment_.log};
        status = late.run(stop);
        if (status.ok()) {
            status = compactor_->run(stop); // merges what overlaps now
        }
    }
    const absl::Status mapped = head_->mapClosedChunks();
    return status.ok() ? mapped : status;
}

absl::StatusOr<std::unique_ptr<storage::Querier>> DbImpl::querier(base::Timestamp from,
                                                                  base::Timestamp to) const
{
    // The head first: what leaves it meanwhile is in a block that is listed already.
    std::unique_ptr<storage::Querier> head = head_->querier(from.ms, to.ms);
    std::vector<std::unique_ptr<storage::Querier>> parts;
    for (const auto& block : *blocks_.blocks()) {
        if (block->overlaps(from.ms, to.ms)) {
            parts.push_back(makeBlockQuerier(block, from.ms, to.ms));
        }
    }
    if (parts.empty() || to.ms >= head_->minTime() || head_->hasLateIn(from.ms, to.ms)) {
        parts.push_back(std::move(head));
    }
    return mergeQueriers(std::move(parts));
}

absl::Status DbImpl::reconfigure(const LiveOptions& options)
{
    absl::MutexLock lock(&compactMutex_);
    if (stopCompaction_.stop_requested()) {
        return base::unavailable("the store is closed");
    }
    if (options.outOfOrderWindow.ms() > 0 && head_->lateJournal() == nullptr) {
        NARTHEX_RETURN_IF_ERROR(startLateJournal());
    }
    head_->setLateWindow(options.outOfOrderWindow.ms());
    head_->exemplars().resize(options.maxExemplars);
    head_->exemplars().setOutOfOrderWindow(options.outOfOrderWindow);
    return absl::OkStatus();
}

absl::Status DbImpl::deleteSeries(base::Timestamp from, base::Timestamp to,
                                  std::span<const model::Matchers> matcherSets)
{
    absl::MutexLock lock(&compactMutex_);
    if (stopCompaction_.stop_requested()) {
        return base::unavailable("the store is closed");
    }
    return head_->deleteSamples(matcherSets, {from.ms, to.ms});
}

absl::Status DbImpl::cleanTombstones() { return base::unavailable("in work"); }

absl::Status DbImpl::snapshot(const fs::path& /*target*/, bool /*skipHead*/)
{
    return base::unavailable("in work");
}

std::vector<storage::ExemplarSeries>
DbImpl::exemplars(base::Timestamp from, base::Timestamp to,
                  std::span<const model::Matchers> matcherSets) const
{
    return head_->exemplars().query(from, to, matcherSets);
}

absl::Status DbImpl::close()
{
    stopCompaction_.request_stop();
    if (compactionThread_.joinable()) {
        compactionThread_.join();
    }
    absl::MutexLock lock(&closeMutex_);
    if (!guard_) {
        return absl::OkStatus();
    }
    absl::Status status = head_->mapClosedChunks();
    if (head_->chunkFiles() != nullptr) {
        status.Update(head_->chunkFiles()->close());
    }
    if (head_->lateJournal() != nullptr) {
        status.Update(head_->lateJournal()->close());
    }
    if (head_->journal() != nullptr) {
        status.Update(head_->journal()->close());
    }
    guard_.reset();
    return status;
}

std::uint64_t DbImpl::walBytes() const
{
    std::uint64_t bytes = 0;
    const auto add = [&bytes](const fs::path& directory) {
        if (const auto segments = listWalSegments(directory); segments.ok()) {
            for (const WalSegmentFile& segment : *segments) {
                bytes += segment.sizeBytes;
            }
        }
    };
    add(walDirectory_);
    if (const auto checkpoints = listCheckpoints(walDirectory_); checkpoints.ok()) {
        for (const WalCheckpoint& checkpoint : *checkpoints) {
            add(checkpoint.directory);
        }
    }
    return bytes;
}

std::vector<BlockMeta> DbImpl::blocks() const
{
    std::vector<BlockMeta> metas;
    const std::shared_ptr<const BlockList::Blocks> blocks = blocks_.blocks();
    for (const auto& block : *blocks) {
        metas.push_back(block->meta());
    }
    return metas;
}

std::vector<SetAside> DbImpl::setAside() const
{
    std::vector<SetAside> all;
    for (const ReplayResult* replay : {&replay_, &lateReplay_}) {
        for (const fs::path& path : replay->setAside) {
            all.push_back({path, "damaged part of the write-ahead log"});
        }
    }
    return all;
}

DbStats DbImpl::stats() const
{
    const HeadCounters& counters = head_->counters();
    DbStats stats;
    stats.series = counters.series.load();
    stats.chunks = counters.chunks.load();
    stats.samplesAppended = counters.samplesAppended.load();
    stats.samplesOutOfOrder = counters.samplesOutOfOrder.load();
    stats.samplesDuplicate = counters.samplesDuplicate.load();
    stats.samplesTooOld = counters.samplesTooOld.load();
    stats.samplesOutOfBounds = counters.samplesOutOfBounds.load();
    stats.seriesCreated = counters.seriesCreated.load();
    stats.seriesRemoved = counters.seriesRemoved.load();
    stats.walBytes = walBytes();
    const std::shared_ptr<const BlockList::Blocks> blocks = blocks_.blocks();
    stats.blocks = blocks->size();
    for (const auto& block : *blocks) {
        stats.blockBytes += block->sizeBytes();
    }
    stats.walCorruptions = replay_.corruptions;
    stats.walUnknownRefs = replay_.unknownRefs;
    stats.walWritesFailed = head_->journal()->writesFailed();
    stats.headBytes = head_->memoryBytes();
    stats.replayTook = replayTook_;
    if (!head_->isEmpty()) {
        stats.minTime = base::Timestamp{head_->minTime()};
        stats.maxTime = base::Timestamp{head_->maxTime()};
    }
    return stats;
}

absl::Status checkOptions(const DbOptions& options)
{
    constexpr std::uint64_t kMiB = 1ULL << 20U;
    if (options.walSegmentBytes < 10 * kMiB || options.walSegmentBytes > 256 * kMiB ||
        options.walSegmentBytes % kWalPageBytes != 0) {
        return base::invalidArgument(
            "WAL segment size {} is not from 10 MiB to 256 MiB in steps of 32 KiB",
            options.walSegmentBytes);
    }
    if (options.blockRange.ms() <= 0) {
        return base::invalidArgument("block range {} is not positive",
                                     base::formatDuration(options.blockRange));
    }
    if (options.readableBy242 && options.walCompression == WalCompression::Zstd) {
        return base::invalidArgument("WAL compression zstd would be skipped by Prometheus 2.42: "
                                     "choose snappy, or give up that it can read the directory");
    }
    if (options.readableBy242 && options.floatEncoding == FloatEncoding::Xor2) {
        return base::invalidArgument("chunk encoding xor2 cannot be read by Prometheus 2.42: "
                                     "choose xor, or give up that it can read the directory");
    }
    if (options.outOfOrderCapacity == 0 || options.outOfOrderCapacity > 255) {
        return base::invalidArgument("capacity {} for samples out of order is not from 1 to 255",
                                     options.outOfOrderCapacity);
    }
    if (!std::has_single_bit(options.headShards)) {
        return base::invalidArgument("{} head shards are not a power of two", options.headShards);
    }
    return absl::OkStatus();
}

} // namespace

absl::StatusOr<std::unique_ptr<Db>> Db::open(const fs::path& directory, const DbOptions& options,
                                             Environment environment, std::stop_token stop)
{
    NARTHEX_RETURN_IF_ERROR(checkOptions(options));
    NARTHEX_RETURN_IF_ERROR(base::makeDirectories(directory));
    NARTHEX_ASSIGN_OR_RETURN(DirectoryGuard guard, DirectoryGuard::acquire(directory));
    auto db =
        std::make_unique<DbImpl>(directory, options, std::move(environment), std::move(guard));
    NARTHEX_RETURN_IF_ERROR(db->start(stop));
    return db;
}

} // namespace narthex::tsdb
