// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The head's series by number: pages of 256, each with one lock. Series of one scrape have
// neighbouring numbers, so a batch takes a handful of locks instead of one a sample. Owner: Head.
// Threads: find and create from any; a page's contents under its mutex. Units: times in
// milliseconds; a reference is a SeriesRef that fits 32 bits, never used twice.
#pragma once

#include "core/tsdb/histogram_chunk.h"
#include "core/tsdb/isolation.h"
#include "core/tsdb/tombstones.h"
#include "core/tsdb/xor_chunk.h"

#include <absl/base/thread_annotations.h>
#include <absl/container/flat_hash_map.h>
#include <absl/synchronization/mutex.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace narthex::tsdb {

using HeadRef = std::uint32_t;

/// What an append touches: one cache line a series.
struct alignas(64) HotSeries
{
    enum Flag : std::uint8_t
    {
        Alive = 1,
        HasSamples = 2,
        /// The newest sample is a histogram: chunk.lastTime holds its time.
        NewestIsHistogram = 4,
        /// Had no samples at the last collection: the next one may take it.
        WasEmpty = 8,
        /// Older samples with commits that are not settled stand in the page's `unsettled`.
        HasUnsettled = 16,
        /// Samples out of order stand in the page's `late`.
        HasOutOfOrder = 32,
        /// Deleted ranges stand in the page's `deleted`.
        HasDeleted = 64,
        /// Start times of the open chunk of floats stand in the page's `starts`.
        HasStarts = 128,
    };

    XorState chunk;
    /// Of the newest sample.
    CommitId lastCommit = 0;
    /// A sample at or after this starts a new chunk.
    std::int64_t nextCut = 0;
    /// The open chunk; null when there is none (chunk.samples is 0 then).
    std::uint8_t* data = nullptr;
    /// Samples in appenders, not yet committed: they keep the series from collection.
    std::uint32_t pending = 0;
    std::uint8_t sizeClass = 0;
    std::uint8_t flags = 0;

    [[nodiscard]] bool has(Flag flag) const { return (flags & flag) != 0; }
    void set(Flag flag) { flags = static_cast<std::uint8_t>(flags | flag); }
    void clear(Flag flag) { flags = static_cast<std::uint8_t>(flags & ~flag); }
};
static_assert(sizeof(HotSeries) == 64);

/// A finished chunk.
struct ClosedChunk
{
    enum Home : std::uint8_t
    {
        /// In a file of head chunks, which outlives this.
        Mapped = 0,
        // 1 to 254: a pool block of that size class.
        /// An allocation of its own.
        Allocated = 255
    };
    std::int64_t minTime = 0;
    std::int64_t maxTime = 0;
    const std::uint8_t* data = nullptr;
    std::uint32_t sizeBytes = 0;
    std::uint16_t samples = 0;
    ChunkEncoding encoding = ChunkEncoding::Xor;
    /// A Home, or the size class of the pool's block.
    std::uint8_t home = Mapped;

    [[nodiscard]] std::string_view bytes() const
    {
        return {reinterpret_cast<const char*>(data), sizeBytes};
    }
    [[nodiscard]] bool isMapped() const { return home == Mapped; }
};
static_assert(sizeof(ClosedChunk) == 32);

/// A sample that came late.
struct LateSample
{
    std::int64_t time = 0;
    std::uint64_t valueBits = 0;
    /// Set: the value is a histogram.
    std::unique_ptr<HistogramValue> histogram;
    /// When its counter began; 0: unknown.
    std::int64_t start = 0;
};

/// What a series has out of order; few series have any.
struct LateSeries
{
    /// Ascending in time, times unique.
    std::vector<LateSample> pending;
    /// In the order in which they were filled; their ranges overlap. All mapped.
    std::vector<ClosedChunk> chunks;
};

/// The rest of a series.
struct ColdSeries
{
    /// Ascending in time.
    std::vector<ClosedChunk> closed;
    /// The open chunk of a series whose newest sample is a histogram.
    std::unique_ptr<HistogramChunkWriter> histogram;
};

/// A sample whose commit some reader may not see, older than the newest of its series.
struct UnsettledSample
{
    CommitId commit = 0;
    std::int64_t time = 0;
};

/// From the sample at this time on, the counter began at `start`; 0: unknown.
struct StartChange
{
    std::int64_t time = 0;
    std::int64_t start = 0;
};
/// Ascending in time. The first change holds for what is before it, too.
using StartChanges = std::vector<StartChange>;

/// The start time of each of these ascending times.
void appendStartTimes(const StartChanges& changes, std::span<const std::int64_t> times,
                      std::vector<std::int64_t>& out);

/// 256 series that share a lock. The two arrays fill whole pages of memory: those of a page whose
/// series are all gone are given back to the system (see releaseMemory).
class alignas(4096) SeriesPage
{
public:
    static constexpr std::uint32_t kSeries = 256;

    // All zeros are a series that is not there: what releaseMemory leaves.
    std::array<HotSeries, kSeries> hot ABSL_GUARDED_BY(mutex);
    std::array<ColdSeries, kSeries> cold ABSL_GUARDED_BY(mutex);
    absl::Mutex mutex;
    // What few series have, by position in the page.
    absl::flat_hash_map<std::uint8_t, std::vector<UnsettledSample>>
        unsettled ABSL_GUARDED_BY(mutex);
    absl::flat_hash_map<std::uint8_t, LateSeries> late ABSL_GUARDED_BY(mutex);
    absl::flat_hash_map<std::uint8_t, TimeIntervals> deleted ABSL_GUARDED_BY(mutex);
    absl::flat_hash_map<std::uint8_t, StartChanges> starts ABSL_GUARDED_BY(mutex);

    /// Once no series of this page is alive and none will be made in it any more: gives the arrays'
    /// memory back.
    void releaseMemory() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);
    [[nodiscard]] bool isReleased() const ABSL_SHARED_LOCKS_REQUIRED(mutex) { return released_; }

    /// The label bytes of a series. Written once, before the reference is known to anybody, and
    /// freed after every index has forgotten it: who has the reference from an index, under that
    /// index' lock, reads without this page's mutex.
    [[nodiscard]] std::string_view labels(std::uint32_t position) const
    {
        return {labels_[position].get(), labelBytes_[position]};
    }
    void setLabels(std::uint32_t position, std::string_view bytes);
    void dropLabels(std::uint32_t position);

private:
    std::array<std::unique_ptr<char[]>, kSeries> labels_;
    std::array<std::uint32_t, kSeries> labelBytes_{};
    bool released_ ABSL_GUARDED_BY(mutex) = false;
};

class SeriesTable
{
public:
    SeriesTable() = default;
    ~SeriesTable();
    SeriesTable(const SeriesTable&) = delete;
    SeriesTable& operator=(const SeriesTable&) = delete;

    static constexpr std::uint32_t pageOf(HeadRef ref) { return ref / SeriesPage::kSeries; }
    static constexpr std::uint32_t positionOf(HeadRef ref) { return ref % SeriesPage::kSeries; }

    /// Null if no series of that page was ever made. The page lives as long as the table.
    [[nodiscard]] SeriesPage* page(std::uint32_t pageNumber) const
    {
        const Directory* directory =
            directories_[pageNumber / kPagesADirectory].load(std::memory_order_acquire);
        return directory == nullptr ? nullptr
                                    : directory->pages[pageNumber % kPagesADirectory].load(
                                          std::memory_order_acquire);
    }
    /// The label bytes of a series that an index still knows.
    [[nodiscard]] std::string_view labels(HeadRef ref) const
    {
        return page(pageOf(ref))->labels(positionOf(ref));
    }

    SeriesPage& makePage(std::uint32_t pageNumber);
    /// One behind the highest page made.
    [[nodiscard]] std::uint32_t pageEnd() const { return pageEnd_.load(std::memory_order_acquire); }
    [[nodiscard]] std::uint64_t memoryBytes() const;
    /// Counts a page whose memory was given back.
    void noteReleased() { releasedPages_.fetch_add(1, std::memory_order_relaxed); }

private:
    // Two levels, so that a table grows without moving what readers look at: 4 M series a directory
    // (128 KiB).
    static constexpr std::uint32_t kPagesADirectory = 16384;
    static constexpr std::uint32_t kDirectories = 1024;
    struct Directory
    {
        std::array<std::atomic<SeriesPage*>, kPagesADirectory> pages{};
    };

    absl::Mutex growMutex_;
    // Pointers are published with release and read with acquire; they change once, from null.
    std::array<std::atomic<Directory*>, kDirectories> directories_{};
    std::atomic<std::uint32_t> pageEnd_{0};
    std::atomic<std::uint64_t> pages_{0};
    std::atomic<std::uint64_t> releasedPages_{0};
};

} // namespace narthex::tsdb
