// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The in-memory part of the store: about the last three hours of every series.
// Owner: Db, by shared_ptr: appenders and queriers keep the head they came from, and may outlive a
// Db that was closed. Threads: every function from any thread, unless it says otherwise. Units:
// times in milliseconds since the epoch. Format: spec/tsdb.md, 12. Head.
#pragma once

#include "core/storage/storage.h"
#include "core/tsdb/chunk_pool.h"
#include "core/tsdb/exported_chunk.h"
#include "core/tsdb/isolation.h"
#include "core/tsdb/journal.h"
#include "core/tsdb/label_index.h"
#include "core/tsdb/series_index.h"
#include "core/tsdb/series_table.h"
#include "core/tsdb/wal_records.h"

#include <absl/base/thread_annotations.h>
#include <absl/synchronization/mutex.h>

#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
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
};

/// Counters since the head was made; kept apart by who counts.
struct HeadCounters
{
    std::atomic<std::uint64_t> series{0};
    std::atomic<std::uint64_t> chunks{0};
    std::atomic<std::uint64_t> samplesAppended{0};
    std::atomic<std::uint64_t> samplesOutOfOrder{0};
    std::atomic<std::uint64_t> samplesDuplicate{0};
    std::atomic<std::uint64_t> samplesTooOld{0};
    std::atomic<std::uint64_t> seriesCreated{0};
    std::atomic<std::uint64_t> seriesRemoved{0};
    std::atomic<std::uint64_t> histogramBytes{0};
    std::atomic<std::uint64_t> closedChunkBytes{0};
    std::atomic<std::uint64_t> labelBytes{0};
};

/// One sample on its way into the head.
struct PendingSample
{
    HeadRef ref = 0;
    std::int64_t time = 0;
    std::uint64_t valueBits = 0;
};

struct PendingHistogram
{
    HeadRef ref = 0;
    std::int64_t time = 0;
    HistogramValue value;
};

class Head : public std::enable_shared_from_this<Head>
{
public:
    static constexpr std::int64_t kNoTime = std::numeric_limits<std::int64_t>::min();

    explicit Head(const HeadOptions& options);
    ~Head();

    /// Commits fail with Unavailable until this is called. Once, before appenders are used.
    void setJournal(std::unique_ptr<Journal> journal) { journal_ = std::move(journal); }
    [[nodiscard]] Journal* journal() const { return journal_.get(); }

    // Appending: what HeadAppender is made of.

    std::unique_ptr<storage::Appender> appender();
    /// The series with these packed labels, made if it is new.
    HeadRef seriesFor(std::string_view packedLabels);
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

    /// Puts samples in, as one commit.
    void insert(std::span<const PendingSample> samples,
                std::span<const PendingHistogram> histograms);
    /// Gives up samples that were counted as pending.
    void forget(std::span<const PendingSample> samples,
                std::span<const PendingHistogram> histograms);

    // Replay: before the head is shared.

    /// The series that stands for `ref` of the log; another one when the labels were there before.
    /// 0 when the number does not fit.
    HeadRef restoreSeries(std::uint64_t ref, std::string_view packedLabels);
    /// Samples of one worker: no other thread restores into the same pages. What is not newer than
    /// its series is skipped. Returns how many samples had no series.
    std::uint64_t restore(std::span<const PendingSample> samples);
    std::uint64_t restore(std::span<const PendingHistogram> histograms);

    /// Takes the samples of a closed range out of a series.
    absl::Status restoreDeletion(HeadRef ref, std::int64_t fromMs, std::int64_t toMs);

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

    // Cutting blocks.

    /// Copies out the chunks of a series with samples in [fromMs, toMs]; a chunk that reaches over
    /// is re-encoded.
    absl::Status exportChunks(HeadRef ref, std::int64_t fromMs, std::int64_t toMs,
                              std::vector<ExportedChunk>& out) const;
    /// Drops chunks that end before `beforeMs`, and series that have had none for a while. Returns
    /// the series dropped.
    std::uint64_t truncate(std::int64_t beforeMs);
    [[nodiscard]] bool hasSeries(HeadRef ref) const;

    // State.

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
        std::uint64_t refused = 0;
        std::uint64_t chunksOpened = 0;
    };
    HeadRef createSeries(HeadRef ref, std::string_view packedLabels);
    void insertRun(SeriesPage& page, std::span<const PendingSample> run, Insertion& insertion);
    void insertFloat(SeriesPage& page, std::uint32_t position, const PendingSample& sample,
                     Insertion& insertion) ABSL_EXCLUSIVE_LOCKS_REQUIRED(page.mutex);
    void insertHistogram(SeriesPage& page, std::uint32_t position, const PendingHistogram& sample,
                         Insertion& insertion) ABSL_EXCLUSIVE_LOCKS_REQUIRED(page.mutex);
    void noteUnsettled(SeriesPage& page, std::uint32_t position, CommitId settledBelow)
        ABSL_EXCLUSIVE_LOCKS_REQUIRED(page.mutex);
    void openChunk(HotSeries& series, std::int64_t time);
    void closeChunk(SeriesPage& page, std::uint32_t position)
        ABSL_EXCLUSIVE_LOCKS_REQUIRED(page.mutex);
    void growChunk(HotSeries& series);
    [[nodiscard]] std::int64_t rangeEnd(std::int64_t time) const;
    void extendTimes(std::int64_t lowest, std::int64_t highest);
    void count(const Insertion& insertion);
    [[nodiscard]] bool collectIfEmpty(SeriesPage& page, std::uint32_t position)
        ABSL_EXCLUSIVE_LOCKS_REQUIRED(page.mutex);
    std::int64_t dropOldChunks(SeriesPage& page, std::uint32_t position, std::int64_t beforeMs)
        ABSL_EXCLUSIVE_LOCKS_REQUIRED(page.mutex);

    // Fixed after construction.
    const HeadOptions options_;
    // Set once, before use from other threads.
    std::unique_ptr<Journal> journal_;
    // Safe by themselves. The index and the label index know the table.
    ChunkPool pool_;
    SeriesTable table_;
    SeriesIndex index_;
    LabelIndex labelIndex_;
    Isolation isolation_;
    HeadCounters counters_;
    std::atomic<HeadRef> lastRef_{0};
    // Bounds that only move outwards (minTime_ inwards at truncation); read alone, so relaxed order
    // would do.
    std::atomic<std::int64_t> minTime_{std::numeric_limits<std::int64_t>::max()};
    std::atomic<std::int64_t> maxTime_{kNoTime};
    std::atomic<std::int64_t> minValidTime_{kNoTime};

    absl::Mutex batchMutex_;
    std::multiset<std::int64_t> openBatches_ ABSL_GUARDED_BY(batchMutex_);
};

} // namespace narthex::tsdb
