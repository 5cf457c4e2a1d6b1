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
#include "core/tsdb/xor_chunk.h"

#include <absl/base/thread_annotations.h>
#include <absl/container/flat_hash_map.h>
#include <absl/synchronization/mutex.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
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

/// A finished chunk; its bytes come from the pool.
struct ClosedChunk
{
    std::int64_t minTime = 0;
    std::int64_t maxTime = 0;
    std::uint8_t* data = nullptr;
    std::uint16_t sizeBytes = 0;
    std::uint16_t samples = 0;
    std::uint8_t sizeClass = 0;

    [[nodiscard]] std::string_view bytes() const
    {
        return {reinterpret_cast<const char*>(data), sizeBytes};
    }
};

/// Bytes of a histogram that the head keeps.
std::uint64_t memoryOf(const HistogramValue& value);

/// The rest of a series.
struct ColdSeries
{
    /// Ascending in time.
    std::vector<ClosedChunk> closed;
    /// Ascending in time; none for nearly every series.
    std::unique_ptr<std::vector<HistogramSample>> histograms;
};

/// A sample whose commit some reader may not see, older than the newest of its series.
struct UnsettledSample
{
    CommitId commit = 0;
    std::int64_t time = 0;
};

class SeriesPage
{
public:
    static constexpr std::uint32_t kSeries = 256;

    absl::Mutex mutex;
    std::array<HotSeries, kSeries> hot ABSL_GUARDED_BY(mutex);
    std::array<ColdSeries, kSeries> cold ABSL_GUARDED_BY(mutex);
    /// By position in the page.
    absl::flat_hash_map<std::uint8_t, std::vector<UnsettledSample>>
        unsettled ABSL_GUARDED_BY(mutex);

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
};

} // namespace narthex::tsdb
