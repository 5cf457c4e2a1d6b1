// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/db.h"

#include "core/base/file.h"
#include "core/base/status.h"
#include "core/tsdb/checkpoint.h"
#include "core/tsdb/db_impl.h"
#include "core/tsdb/head_snapshot.h"
#include "core/tsdb/merged_querier.h"
#include "core/tsdb/series_state.h"
#include "core/tsdb/wal_format.h"

#include <bit>
#include <malloc.h>
#include <utility>

namespace narthex::tsdb {
namespace {

namespace fs = std::filesystem;

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
    if (options.startTimes && options.floatEncoding != FloatEncoding::Xor2) {
        return base::invalidArgument("start timestamps cannot be stored in chunks of the encoding "
                                     "xor: set storage.tsdb.chunk_encoding.floats to xor2");
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

DbImpl::DbImpl(fs::path directory, const DbOptions& options, Environment environment,
               DirectoryGuard guard)
    : directory_(std::move(directory)),
      walDirectory_(directory_ / "wal"),
      wblDirectory_(directory_ / "wbl"),
      options_(options),
      environment_(std::move(environment)),
      files_(environment_.files != nullptr ? *environment_.files : systemFiles_),
      head_(std::make_shared<Head>(
          HeadOptions{.blockRangeMs = options.blockRange.ms(),
                      .shards = options.headShards,
                      .lateCapacity = options.outOfOrderCapacity,
                      .readableBy242 = options.readableBy242,
                      .usesXor2 = options.floatEncoding == FloatEncoding::Xor2,
                      .storesStartTimes = options.startTimes,
                      .logsMetadata = options.metadataInWal})),
      blocks_(directory_, environment_.log),
      foundLockFile_(guard.foundLockFile()),
      live_(options.live),
      guard_(std::move(guard))
{}

DbImpl::~DbImpl() { base::ignore(close(), "who cares about the result has closed before"); }

absl::Status DbImpl::start(const std::stop_token& stop)
{
    NARTHEX_RETURN_IF_ERROR(base::makeDirectories(walDirectory_));
    removeUnfinishedCheckpoints(walDirectory_);
    NARTHEX_RETURN_IF_ERROR(blocks_.load(&environment_.pool));
    NARTHEX_ASSIGN_OR_RETURN(
        std::unique_ptr<HeadChunkFiles> chunks,
        HeadChunkFiles::open(directory_ / "chunks_head", false, environment_.log));
    head_->setChunkFiles(std::move(chunks));
    head_->exemplars().resize(options_.live.maxExemplars);
    head_->exemplars().setOutOfOrderWindow(options_.live.outOfOrderWindow);
    NARTHEX_RETURN_IF_ERROR(replay(stop));
    ::malloc_trim(0); // replay had buffers of its own
    NARTHEX_RETURN_IF_ERROR(startJournal());
    keepsSeriesState_ = options_.seriesState || fs::exists(seriesStatePath(walDirectory_));
    keepSeriesState(head_->journal()->segment(), false);
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
    if (options_.snapshotOnClose) {
        NARTHEX_ASSIGN_OR_RETURN(const std::vector<WalSegmentFile> segments,
                                 listWalSegments(walDirectory_));
        const auto last = segments.empty() ? std::nullopt : std::optional(segments.back().number);
        const LoadedSnapshot snapshot =
            loadHeadSnapshot(directory_, *head_, last, environment_.log);
        snapshotFailed_ = snapshot.failed;
        if (snapshot.position) {
            replayer.startAt(snapshot.position->segment, snapshot.position->offset);
        }
    }
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

absl::StatusOr<std::unique_ptr<Journal>>
DbImpl::makeJournal(const fs::path& folder, std::uint32_t segment, LogMetrics& metrics)
{
    // A full segment is synced in the background; nobody waits for it, and the file ends by itself.
    const std::shared_ptr<LogMetrics> shared(sharedMetrics_, &metrics);
    const auto finish = [&pool = environment_.pool, &clock = environment_.clock,
                         shared](std::shared_ptr<AppendFile> file) {
        pool.submit([file = std::move(file), shared, &clock] {
            const base::Duration begun = clock.monotonic();
            base::ignore(
                file->sync(),
                "the log is there for a crash of the process; power loss may cost the tail");
            const base::Duration now = clock.monotonic();
            shared->fsyncSeconds.observe(now, (now - begun).seconds());
            base::ignore(file->close(), "nothing is left to write");
        });
    };
    NARTHEX_ASSIGN_OR_RETURN(
        std::unique_ptr<WalWriter> writer,
        WalWriter::create(files_, folder, segment, options_.walSegmentBytes, finish));
    writer->countIn(&metrics);
    return std::make_unique<Journal>(std::move(writer), options_.walCompression);
}

absl::Status DbImpl::startJournal()
{
    NARTHEX_ASSIGN_OR_RETURN(std::unique_ptr<Journal> journal,
                             makeJournal(walDirectory_, replay_.nextSegment, metrics_.wal));
    journal->setCommitHook(environment_.onCommit);
    head_->setJournal(std::move(journal));
    return absl::OkStatus();
}

absl::Status DbImpl::startLateJournal()
{
    NARTHEX_RETURN_IF_ERROR(base::makeDirectories(wblDirectory_));
    NARTHEX_ASSIGN_OR_RETURN(std::unique_ptr<Journal> journal,
                             makeJournal(wblDirectory_, lateReplay_.nextSegment, metrics_.wbl));
    head_->setLateJournal(std::move(journal));
    return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<storage::Querier>> DbImpl::querier(base::Timestamp from,
                                                                  base::Timestamp to) const
{
    // The head first: what leaves it meanwhile is in a block that is listed already.
    std::unique_ptr<storage::Querier> head = head_->querier(from.ms, to.ms);
    std::vector<std::unique_ptr<storage::Querier>> parts;
    const std::shared_ptr<const BlockList::Blocks> blocks = blocks_.blocks();
    for (const auto& block : *blocks) {
        if (block->overlaps(from.ms, to.ms)) {
            parts.push_back(makeBlockQuerier(block, from.ms, to.ms));
        }
    }
    if (parts.empty() || to.ms >= head_->minTime() || head_->hasLateIn(from.ms, to.ms)) {
        parts.push_back(std::move(head));
    }
    return mergeQueriers(std::move(parts));
}

std::vector<storage::ExemplarSeries>
DbImpl::exemplars(base::Timestamp from, base::Timestamp to,
                  std::span<const model::Matchers> matcherSets) const
{
    return head_->exemplars().query(from, to, matcherSets);
}

void DbImpl::keepSeriesState(std::uint32_t segment, bool cleanShutdown)
{
    if (!keepsSeriesState_) {
        return;
    }
    const absl::Status written = writeSeriesState(
        walDirectory_,
        {.lastSeriesId = head_->lastRef(), .lastSegment = segment, .cleanShutdown = cleanShutdown});
    if (!written.ok()) {
        // An old one misleads, none does not.
        base::ignore(base::removePath(seriesStatePath(walDirectory_)), "said below");
        environment_.log->warn("tsdb: series_state.json cannot be written error=\"{}\"",
                               base::messageOf(written));
    }
}

absl::Status DbImpl::close()
{
    stopCompaction_.request_stop();
    if (compactionThread_.joinable()) {
        compactionThread_.join();
    }
    absl::MutexLock compacting(&compactMutex_);
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
    if (options_.snapshotOnClose && head_->journal() != nullptr) {
        status.Update(head_->journal()->flushSeries());
        const absl::Status written = writeHeadSnapshot(
            directory_, *head_, {head_->journal()->segment(), head_->journal()->offset()},
            {files_, options_.walSegmentBytes, options_.walCompression});
        if (!written.ok()) {
            environment_.log->warn("tsdb: no snapshot of the head was written error=\"{}\"",
                                   base::messageOf(written));
        }
    }
    if (head_->journal() != nullptr) {
        const std::uint32_t segment = head_->journal()->segment();
        status.Update(head_->journal()->close());
        keepSeriesState(segment, status.ok());
    }
    guard_.reset();
    return status;
}

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
