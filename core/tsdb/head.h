// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The in-memory part of the store: about the last three hours of every series.
// Owner: Db, by shared_ptr: appenders and queriers keep the head they came from, and may outlive a
// Db that was closed. Threads: every function from any thread, unless it says otherwise. Units:
// times in milliseconds since the epoch. Format: spec/tsdb.md, 12. Head.
#pragma once

#include "core/storage/storage.h"
#include "core/tsdb/batch_buffers.h"
#include "core/tsdb/chunk_pool.h"
#include "core/tsdb/exemplar_store.h"
#include "core/tsdb/exported_chunk.h"
#include "core/tsdb/head_chunk_files.h"
#include "core/tsdb/isolation.h"
#include "core/tsdb/journal.h"
#include "core/tsdb/label_index.h"
#include "core/tsdb/metadata_store.h"
#include "core/tsdb/series_index.h"
#include "core/tsdb/series_table.h"
#include "core/tsdb/snapshot_records.h"
#include "core/tsdb/wal_records.h"

#include <absl/base/thread_annotations.h>
#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>
#include <absl/functional/function_ref.h>
#include <absl/synchronization/mutex.h>

#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <vector>

namespace narthex::tsdb {

struct HeadOptions
{
    /// Chunks never cross its multiples. Milliseconds.
    std::int64_t blockRangeMs = 0;
    /// A power of two.
    std::uint32_t shards = 16;
    /// Late samples of a series in memory before they become a chunk.
    std::uint32_t lateCapacity = 32;
    /// Histograms with custom buckets are refused, log records of Prometheus 3.x not written.
    bool readableBy242 = true;
    /// Whether float chunks of blocks are written in the encoding of Prometheus 3.x.
    bool usesXor2 = false;
    bool storesStartTimes = false;
    /// Whether metadata of series goes into the log.
    bool logsMetadata = false;
};

/// Counters since the head was made; kept apart by who counts.
struct HeadCounters
{
    std::atomic<std::uint64_t> series{0};
    std::atomic<std::uint64_t> chunks{0};
    std::atomic<std::uint64_t> samplesAppended{0};
    std::atomic<std::uint64_t> histogramsAppended{0};
    std::atomic<std::uint64_t> lateSamplesAppended{0};
    std::atomic<std::uint64_t> lateHistogramsAppended{0};
    std::atomic<std::uint64_t> histogramsOutOfOrder{0};
    std::atomic<std::uint64_t> histogramsOutOfBounds{0};
    std::atomic<std::uint64_t> histogramsTooOld{0};
    std::atomic<std::uint64_t> seriesNotFound{0};
    std::atomic<std::uint64_t> invalidLabels{0};
    std::atomic<std::uint64_t> oversizedLabels{0};
    std::atomic<std::uint64_t> samplesOutOfOrder{0};
    std::atomic<std::uint64_t> samplesDuplicate{0};
    std::atomic<std::uint64_t> samplesOutOfBounds{0};
    std::atomic<std::uint64_t> samplesTooOld{0};
    std::atomic<std::uint64_t> chunksCreated{0};
    std::atomic<std::uint64_t> chunksRemoved{0};
    std::atomic<std::uint64_t> chunksMapped{0};
    /// Series whose newest sample is a stale marker.
    std::atomic<std::int64_t> staleSeries{0};
    std::atomic<std::uint64_t> appenders{0};
    std::atomic<std::int64_t> openAppenders{0};
    std::atomic<std::uint64_t> lateWritesFailed{0};
    std::atomic<std::uint64_t> seriesCreated{0};
    std::atomic<std::uint64_t> seriesRemoved{0};
    std::atomic<std::uint64_t> histogramBytes{0};
    std::atomic<std::uint64_t> closedChunkBytes{0};
    std::atomic<std::uint64_t> labelBytes{0};
};

/// Chunks of `chunks_head` by the log's number of their series, until the log names the series.
struct LoadedChunks
{
    std::vector<ClosedChunk> inOrder;
    std::vector<ClosedChunk> late;
};

class Head : public std::enable_shared_from_this<Head>
{
public:
    static constexpr std::int64_t kNoTime = std::numeric_limits<std::int64_t>::min();
    static constexpr std::uint64_t kMallocHeaderBytes = 16;
    static constexpr std::int64_t kForever = std::numeric_limits<std::int64_t>::max();

    explicit Head(const HeadOptions& options);
    ~Head();

    /// Commits fail with Unavailable until this is called. Once, before appenders are used.
    void setJournal(std::unique_ptr<Journal> journal) { journal_ = std::move(journal); }
    [[nodiscard]] Journal* journal() const { return journal_.get(); }
    /// Where full chunks go; without it they stay in memory. Once, before appenders are used.
    void setChunkFiles(std::unique_ptr<HeadChunkFiles> files) { files_ = std::move(files); }
    [[nodiscard]] HeadChunkFiles* chunkFiles() const { return files_.get(); }
    /// The write-behind log of late samples. Once; appenders may be in use.
    void setLateJournal(std::unique_ptr<Journal> journal);
    [[nodiscard]] Journal* lateJournal() const
    {
        return lateJournalInUse_.load(std::memory_order_acquire);
    }
    /// How far behind the head's newest sample late ones are taken; 0: not at all.
    void setLateWindow(std::int64_t ms) { lateWindowMs_.store(ms, std::memory_order_release); }
    [[nodiscard]] std::int64_t lateWindowMs() const
    {
        return lateWindowMs_.load(std::memory_order_acquire);
    }

    // Appending: what HeadAppender is made of.

    std::unique_ptr<storage::Appender> appender();
    /// The series with these packed labels, made if it is new.
    HeadRef seriesFor(std::string_view packedLabels);
    /// The highest number given so far.
    [[nodiscard]] HeadRef lastRef() const { return lastRef_.load(); }
    /// The oldest time that an appender starting now accepts; `firstTime` counts if the head is
    /// still empty.
    [[nodiscard]] std::int64_t minValidTime(std::int64_t firstTime) const;
    /// Samples below `ms` are in blocks: they are refused from now on.
    void raiseMinValidTime(std::int64_t ms);
    /// Opens a batch and returns the oldest time that it accepts; open until endBatch with that.
    [[nodiscard]] std::int64_t beginBatch(std::int64_t firstTime);
    void endBatch(std::int64_t minValid);
    [[nodiscard]] bool waitForBatchesBefore(std::int64_t ms, absl::Duration atMost);
    /// No batch that is open, or opens later, holds a sample before this.
    [[nodiscard]] std::int64_t earliestOpenTime();

    /// Puts samples in; what is between beginCommit and endCommit of the isolation becomes visible
    /// at once. Samples that another appender overtook come back in `refused`, if late ones are
    /// taken. `starts`: of each sample, or empty.
    void insert(CommitId commit, std::span<const PendingSample> samples,
                std::span<const std::int64_t> starts, std::span<const PendingHistogram> histograms,
                std::vector<PendingLate>& refused);
    /// Puts late samples in, and logs them in the write-behind log. Errors: the log's; the samples
    /// are in memory then.
    absl::Status insertLate(std::span<const PendingLate> samples);
    /// Gives up samples that were counted as pending.
    void forget(std::span<const PendingSample> samples,
                std::span<const PendingHistogram> histograms, std::span<const PendingLate> late);

    // Replay: before the head is shared.

    /// Reads the chunks that the head before wrote out; those that end before `minValidMs` are in
    /// blocks. They join their series when restoreSeries names it.
    absl::Status loadChunks(std::int64_t minValidMs);
    /// Gives up loaded chunks whose series the log did not name. Returns how many.
    std::uint64_t dropUnclaimedChunks();

    /// The series that stands for `ref` of the log; another one when the labels were there before.
    /// 0 when the number does not fit.
    HeadRef restoreSeries(std::uint64_t ref, std::string_view packedLabels);
    /// Samples of one worker: no other thread restores into the same pages. What is not newer than
    /// its series is skipped. Returns how many samples had no series.
    std::uint64_t restore(std::span<const PendingSample> samples,
                          std::span<const std::int64_t> starts = {});
    std::uint64_t restore(std::span<const PendingHistogram> histograms);

    /// Late samples of the write-behind log.
    std::uint64_t restoreLate(std::span<const PendingLate> samples);
    /// A marker of the write-behind log: what it named before is in the chunk `chunk`, if that was
    /// loaded.
    void restoreLateMarker(HeadRef ref, HeadChunkDiskRef chunk);

    /// Hides the samples in the range of the series that match all matchers of a set, and logs
    /// that. Errors: the log's; nothing is hidden then.
    absl::Status deleteSamples(std::span<const model::Matchers> matcherSets, TimeInterval range);
    /// Hides the samples of a closed range, from now on.
    void hide(HeadRef ref, TimeInterval range);
    /// The part of a range in which the series has samples.
    [[nodiscard]] std::optional<TimeInterval> clampToSamples(HeadRef ref, TimeInterval range) const;

    // Exemplars and metadata.

    [[nodiscard]] ExemplarStore& exemplars() { return exemplars_; }
    [[nodiscard]] const ExemplarStore& exemplars() const { return exemplars_; }
    void addExemplar(HeadRef ref, const model::Exemplar& exemplar);
    [[nodiscard]] MetadataStore& metadata() { return metadata_; }
    [[nodiscard]] bool readableBy242() const { return options_.readableBy242; }
    [[nodiscard]] bool storesStartTimes() const { return options_.storesStartTimes; }
    [[nodiscard]] bool logsMetadata() const { return options_.logsMetadata; }

    // Reading.

    [[nodiscard]] std::unique_ptr<storage::Querier> querier(std::int64_t fromMs, std::int64_t toMs);
    /// Appends the samples in [fromMs, toMs] that `view` sees.
    absl::Status read(HeadRef ref, const ReadView& view, std::int64_t fromMs, std::int64_t toMs,
                      storage::SampleColumns& out) const;
    /// The labels of a series that may have samples in the range and that the view sees; none if it
    /// has not.
    [[nodiscard]] std::optional<model::Labels>
    labelsIfIn(HeadRef ref, const ReadView& view, std::int64_t fromMs, std::int64_t toMs) const;
    [[nodiscard]] const LabelIndex& labelIndex() const { return labelIndex_; }
    [[nodiscard]] Isolation& isolation() { return isolation_; }
    [[nodiscard]] BatchBufferPool& buffers() { return buffers_; }

    // Cutting blocks.

    /// Copies out the chunks of a series with samples in [fromMs, toMs]; a chunk that reaches over
    /// is re-encoded.
    absl::Status exportChunks(HeadRef ref, std::int64_t fromMs, std::int64_t toMs,
                              std::vector<ExportedChunk>& out) const;
    /// Writes the full chunks that are in memory to the files of head chunks, and gives their
    /// memory back. One at a time, and not beside truncate(). Errors: ResourceExhausted (all stays
    /// as it was).
    absl::Status mapClosedChunks();

    /// Calls `visit` with each series, its open chunk and its deleted ranges. For a snapshot: at
    /// close, when nobody appends.
    absl::Status eachOpenChunk(
        absl::FunctionRef<absl::Status(const SnapshotSeries& series, const TimeIntervals& deleted)>
            visit) const;

    // Cutting blocks of late samples: one at a time, not beside truncate().

    /// Makes chunks of all late samples so far, and starts a new segment of their log. Returns
    /// what is cut: the number of chunks of each series, and the first segment still needed.
    struct LateCut
    {
        absl::flat_hash_map<HeadRef, std::uint32_t> chunks;
        std::int64_t minTime = kForever;
        std::int64_t maxTime = kNoTime;
        std::uint32_t segment = 0;
    };
    absl::StatusOr<LateCut> beginLateCut();
    /// The late samples of a series in the range, as chunks that do not overlap.
    absl::Status exportLate(HeadRef ref, std::uint32_t chunks, std::int64_t fromMs,
                            std::int64_t toMs, std::vector<ExportedChunk>& out) const;
    /// The first time at or after `fromMs` that a chunk of the cut may hold; kForever if none.
    [[nodiscard]] std::int64_t firstLateFrom(const LateCut& cut, std::int64_t fromMs) const;
    /// The samples are in blocks: forgets the chunks.
    void endLateCut(const LateCut& cut);
    [[nodiscard]] bool hasLate() const { return lateSeries_.load(std::memory_order_acquire) > 0; }
    /// Whether late samples may lie in the range.
    [[nodiscard]] bool hasLateIn(std::int64_t fromMs, std::int64_t toMs) const
    {
        return hasLate() && fromMs <= lateMaxTime_.load(std::memory_order_acquire) &&
               lateMinTime_.load(std::memory_order_acquire) <= toMs;
    }
    /// Drops chunks that end before `beforeMs`, and series that have had none for a while. Returns
    /// the series dropped.
    std::uint64_t truncate(std::int64_t beforeMs);
    [[nodiscard]] bool hasSeries(HeadRef ref) const;
    /// Whether a checkpoint up to `lastSegment` must keep the record of this series: it is there,
    /// or left so late that later segments may name it.
    [[nodiscard]] bool keepsInLog(std::uint64_t ref, std::uint32_t lastSegment);
    /// The log up to this segment is gone.
    void forgetGone(std::uint32_t lastSegment);

    // Stale series.

    /// Series whose newest sample is a stale marker, and that nobody appends to.
    [[nodiscard]] std::vector<HeadRef> staleSeries() const;
    /// Their samples are in blocks: forgets those of them that are still stale, and logs that their
    /// samples are deleted here. Errors: the log's; nothing is forgotten then.
    absl::Status removeStale(std::span<const HeadRef> refs);

    // State.

    /// Series whose newest sample is a histogram, and the buckets of those.
    struct HistogramPresence
    {
        std::uint64_t series = 0;
        std::uint64_t buckets = 0;
    };
    [[nodiscard]] HistogramPresence histogramPresence() const;
    [[nodiscard]] const HeadCounters& counters() const { return counters_; }
    [[nodiscard]] HeadCounters& counters() { return counters_; }
    [[nodiscard]] bool isEmpty() const { return maxTime() == kNoTime; }
    /// Of an empty head: the highest number.
    [[nodiscard]] std::int64_t minTime() const { return minTime_.load(std::memory_order_acquire); }
    /// Of an empty head: kNoTime.
    [[nodiscard]] std::int64_t maxTime() const { return maxTime_.load(std::memory_order_acquire); }
    [[nodiscard]] std::int64_t blockRangeMs() const { return options_.blockRangeMs; }
    [[nodiscard]] std::uint64_t memoryBytes() const;
    [[nodiscard]] const SeriesTable& table() const { return table_; }

private:
    struct Insertion
    {
        CommitId commit = 0;
        CommitId settledBelow = 0;
        std::uint64_t appended = 0;
        std::uint64_t histogramsAppended = 0;
        std::uint64_t refused = 0;
        std::uint64_t chunksOpened = 0;
        std::int64_t newlyStale = 0;
        std::int64_t lowest = kForever;
        std::int64_t highest = kNoTime;
        /// Where samples go that came too late for their place; null in replay.
        std::vector<PendingLate>* refusedSamples = nullptr;
    };
    /// What goes into the write-behind log after an insert.
    class LateLog;
    HeadRef createSeries(HeadRef ref, std::string_view packedLabels);
    void insertRun(SeriesPage& page, std::span<const PendingSample> run,
                   std::span<const std::int64_t> starts, Insertion& insertion);
    void insertFloat(SeriesPage& page, std::uint32_t position, const PendingSample& sample,
                     std::int64_t start, Insertion& insertion)
        ABSL_EXCLUSIVE_LOCKS_REQUIRED(page.mutex);
    /// Of the sample that was just put into the open chunk.
    void noteStart(SeriesPage& page, std::uint32_t position, std::int64_t time, std::int64_t start)
        ABSL_EXCLUSIVE_LOCKS_REQUIRED(page.mutex);
    /// Closes the open chunk of a series with start times.
    void closeStarted(SeriesPage& page, std::uint32_t position)
        ABSL_EXCLUSIVE_LOCKS_REQUIRED(page.mutex);
    void addClosedBytes(SeriesPage& page, std::uint32_t position, ClosedChunk chunk,
                        std::string_view bytes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(page.mutex);
    void insertHistogram(SeriesPage& page, std::uint32_t position, const PendingHistogram& sample,
                         Insertion& insertion) ABSL_EXCLUSIVE_LOCKS_REQUIRED(page.mutex);
    void noteUnsettled(SeriesPage& page, std::uint32_t position, CommitId settledBelow)
        ABSL_EXCLUSIVE_LOCKS_REQUIRED(page.mutex);
    void openChunk(HotSeries& series, std::int64_t time);
    void closeChunk(SeriesPage& page, std::uint32_t position)
        ABSL_EXCLUSIVE_LOCKS_REQUIRED(page.mutex);
    void closeHistogram(SeriesPage& page, std::uint32_t position)
        ABSL_EXCLUSIVE_LOCKS_REQUIRED(page.mutex);
    void addClosed(SeriesPage& page, std::uint32_t position, ClosedChunk chunk)
        ABSL_EXCLUSIVE_LOCKS_REQUIRED(page.mutex);
    void releaseChunk(const ClosedChunk& chunk);
    bool insertLateOne(SeriesPage& page, HeadRef ref, const PendingLate& sample, LateLog* log)
        ABSL_EXCLUSIVE_LOCKS_REQUIRED(page.mutex);
    absl::Status flushLate(LateSeries& late, HeadRef ref, LateLog* log);
    void attachLoaded(HeadRef ref, std::uint64_t loggedRef);
    void forgetDeleted(SeriesPage& page, std::uint32_t position, std::int64_t beforeMs)
        ABSL_EXCLUSIVE_LOCKS_REQUIRED(page.mutex);
    [[nodiscard]] std::optional<std::int64_t> firstTime(const SeriesPage& page,
                                                        std::uint32_t position) const
        ABSL_SHARED_LOCKS_REQUIRED(page.mutex);
    absl::Status readLate(const SeriesPage& page, std::uint32_t position, std::int64_t fromMs,
                          std::int64_t toMs, std::size_t samplesFrom, std::size_t histogramsFrom,
                          storage::SampleColumns& out) const ABSL_SHARED_LOCKS_REQUIRED(page.mutex);
    void growChunk(HotSeries& series);
    [[nodiscard]] std::int64_t rangeEnd(std::int64_t time) const;
    void extendTimes(std::int64_t lowest, std::int64_t highest);
    void count(const Insertion& insertion);
    void countRestored(Insertion& insertion);
    void refuse(PendingLate sample, HotSeries& series, Insertion& insertion);
    [[nodiscard]] absl::flat_hash_set<HeadRef> collect(SeriesPage& page, std::uint32_t number,
                                                       std::span<const std::uint32_t> positions);
    void forget(const absl::flat_hash_set<HeadRef>& collected);
    [[nodiscard]] std::uint32_t oldestFile(const SeriesPage& page,
                                           std::span<const HeadChunkFiles::Range> files) const
        ABSL_SHARED_LOCKS_REQUIRED(page.mutex);
    void extendLateTimes(std::int64_t lowest, std::int64_t highest);
    [[nodiscard]] bool collectIfEmpty(SeriesPage& page, std::uint32_t position)
        ABSL_EXCLUSIVE_LOCKS_REQUIRED(page.mutex);
    std::int64_t dropOldChunks(SeriesPage& page, std::uint32_t position, std::int64_t beforeMs)
        ABSL_EXCLUSIVE_LOCKS_REQUIRED(page.mutex);

    // Fixed after construction.
    const HeadOptions options_;
    // Set once, before use from other threads.
    std::unique_ptr<Journal> journal_;
    std::unique_ptr<HeadChunkFiles> files_;
    // Set once, while appenders may be in use: published by the pointer.
    std::unique_ptr<Journal> lateJournal_;
    std::atomic<Journal*> lateJournalInUse_{nullptr};
    // Touched by replay only.
    absl::flat_hash_map<std::uint64_t, LoadedChunks> loaded_;
    HeadChunkDiskRef newestLoaded_ = 0;
    // Safe by themselves. The index and the label index know the table.
    ChunkPool pool_;
    SeriesTable table_;
    SeriesIndex index_;
    LabelIndex labelIndex_;
    Isolation isolation_;
    BatchBufferPool buffers_;
    ExemplarStore exemplars_{0};
    MetadataStore metadata_;
    HeadCounters counters_;
    std::atomic<HeadRef> lastRef_{0};
    // Bounds that only move outwards (minTime_ inwards at truncation); read alone, so relaxed order
    // would do.
    std::atomic<std::int64_t> minTime_{std::numeric_limits<std::int64_t>::max()};
    std::atomic<std::int64_t> maxTime_{kNoTime};
    std::atomic<std::int64_t> minValidTime_{kNoTime};
    // Of late samples; they only move outwards.
    std::atomic<std::int64_t> lateSeries_{0};
    std::atomic<std::int64_t> lateMinTime_{kForever};
    std::atomic<std::int64_t> lateMaxTime_{kNoTime};
    std::atomic<std::int64_t> lateWindowMs_{0};

    absl::Mutex goneMutex_;
    /// Series that left, and the log's segment at that time.
    absl::flat_hash_map<HeadRef, std::uint32_t> gone_ ABSL_GUARDED_BY(goneMutex_);

    absl::Mutex batchMutex_;
    std::multiset<std::int64_t> openBatches_ ABSL_GUARDED_BY(batchMutex_);
};

} // namespace narthex::tsdb
