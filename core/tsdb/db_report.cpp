// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the store says of itself: counters, metrics, blocks.
#include "core/base/status.h"
#include "core/tsdb/db_impl.h"
#include "core/tsdb/wal_format.h"

namespace narthex::tsdb {
namespace {

namespace fs = std::filesystem;

std::uint64_t segmentBytes(const fs::path& directory)
{
    std::uint64_t bytes = 0;
    if (const auto segments = listWalSegments(directory); segments.ok()) {
        for (const WalSegmentFile& segment : *segments) {
            bytes += segment.sizeBytes;
        }
    }
    return bytes;
}

} // namespace

std::uint64_t DbImpl::walBytes() const
{
    std::uint64_t bytes = segmentBytes(walDirectory_);
    if (const auto checkpoints = listCheckpoints(walDirectory_); checkpoints.ok()) {
        for (const WalCheckpoint& checkpoint : *checkpoints) {
            bytes += segmentBytes(checkpoint.directory);
        }
    }
    return bytes;
}

std::uint64_t DbImpl::lateLogBytes() const { return segmentBytes(wblDirectory_); }

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
    const std::vector<SetAsideBlock> blocks = blocks_.setAside();
    for (const SetAsideBlock& block : blocks) {
        all.push_back({block.path, fmt::format("block {}: {}", block.ulid, block.reason)});
    }
    return all;
}

DbStats DbImpl::stats() const
{
    const HeadCounters& counters = head_->counters();
    DbStats stats;
    stats.series = counters.series.load();
    stats.chunks = counters.chunks.load();
    stats.histogramsAppended = counters.histogramsAppended.load();
    stats.exemplarsAppended = head_->exemplars().stats().appended;
    stats.samplesAppended = counters.samplesAppended.load();
    stats.samplesOutOfOrder = counters.samplesOutOfOrder.load();
    stats.samplesDuplicate = counters.samplesDuplicate.load();
    stats.samplesTooOld = counters.samplesTooOld.load();
    stats.samplesOutOfBounds = counters.samplesOutOfBounds.load();
    stats.invalidLabels = counters.invalidLabels.load();
    stats.oversizedLabels = counters.oversizedLabels.load();
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

HeadReading DbImpl::headReading() const
{
    const HeadCounters& counters = head_->counters();
    const ExemplarStats exemplars = head_->exemplars().stats();
    const Head::HistogramPresence histograms = head_->histogramPresence();
    HeadReading r;
    r.activeAppenders = counters.openAppenders.load();
    r.appendersCreated = counters.appenders.load();
    r.series = counters.series.load();
    r.staleSeries = static_cast<std::uint64_t>(std::max<std::int64_t>(0, counters.staleSeries));
    r.nativeHistogramSeries = histograms.series;
    r.nativeHistogramBuckets = histograms.buckets;
    r.seriesCreated = counters.seriesCreated.load();
    r.seriesRemoved = counters.seriesRemoved.load();
    r.seriesNotFound = counters.seriesNotFound.load();
    r.chunks = counters.chunks.load();
    r.chunksCreated = counters.chunksCreated.load();
    r.chunksRemoved = counters.chunksRemoved.load();
    r.minTimeMs = head_->isEmpty() ? 0 : head_->minTime();
    r.maxTimeMs = head_->isEmpty() ? 0 : head_->maxTime();
    r.samplesAppended = {counters.samplesAppended.load(), counters.histogramsAppended.load()};
    r.outOfOrderSamplesAppended = {counters.lateSamplesAppended.load(),
                                   counters.lateHistogramsAppended.load()};
    r.outOfBoundSamples = {counters.samplesOutOfBounds.load(),
                           counters.histogramsOutOfBounds.load()};
    r.outOfOrderSamples = {counters.samplesOutOfOrder.load(), counters.histogramsOutOfOrder.load()};
    r.tooOldSamples = {counters.samplesTooOld.load(), counters.histogramsTooOld.load()};
    r.mmapChunks = counters.chunksMapped.load();
    r.mmapChunkCorruptions = head_->chunkFiles()->corruptions();
    r.snapshotReplayErrors = snapshotFailed_ ? 1 : 0;
    r.isolationLowWatermark = head_->isolation().settledBelow();
    r.isolationHighWatermark = head_->isolation().newest();
    r.headChunksStorageBytes = head_->chunkFiles()->sizeBytes();
    r.walCorruptions = replay_.corruptions + lateReplay_.corruptions;
    r.walReaderCorruptions = r.walCorruptions;
    r.dataReplaySeconds = replayTook_.seconds();
    r.walUnknownRefs = {replay_.unknownRefs, replay_.unknownHistogramRefs};
    r.wblUnknownRefs = {lateReplay_.unknownRefs, lateReplay_.unknownHistogramRefs};
    r.cleanStart = foundLockFile_ ? 0 : 1;
    const auto logOf = [](const Journal* journal) {
        return journal == nullptr
                   ? HeadReading::Log{}
                   : HeadReading::Log{journal->segment(), journal->writesFailed(), 0};
    };
    r.wal = logOf(head_->journal());
    r.wbl = logOf(head_->lateJournal());
    r.wal.storageBytes = walBytes();
    r.wbl.storageBytes = lateLogBytes();
    r.compression = options_.walCompression == WalCompression::Snappy ? "snappy"
                    : options_.walCompression == WalCompression::Zstd ? "zstd"
                                                                      : "none";
    r.exemplarsAppended = exemplars.appended;
    r.exemplarsInStorage = exemplars.stored;
    r.seriesWithExemplars = exemplars.series;
    r.lastExemplarSeconds = exemplars.oldest ? exemplars.oldest->seconds() : 0;
    r.exemplarsOutOfOrder = exemplars.outOfOrder;
    r.maxExemplars = exemplars.capacity;
    return r;
}

BlocksReading DbImpl::blocksReading() const
{
    BlocksReading reading;
    const std::shared_ptr<const BlockList::Blocks> blocks = blocks_.blocks();
    reading.loaded = blocks->size();
    for (const auto& block : *blocks) {
        reading.storageBytes += block->sizeBytes();
        reading.symbolTableBytes += block->index().symbolTableBytes();
    }
    reading.lowestTimestampMs = !blocks->empty()    ? blocks->front()->meta().minTime
                                : !head_->isEmpty() ? head_->minTime()
                                                    : 0;
    absl::MutexLock lock(&liveMutex_);
    reading.retentionMs = live_.retention.ms();
    reading.retentionBytes = live_.retentionBytes;
    reading.retentionPercent = live_.retentionPercent;
    return reading;
}

void DbImpl::writeMetrics(exposition::TextWriter& out) const
{
    metrics_.write(out, blocksReading(), headReading(), environment_.clock.monotonic());
}

} // namespace narthex::tsdb
