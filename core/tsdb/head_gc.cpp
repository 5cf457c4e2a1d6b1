// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Head: how full chunks move to disk, how they come back at the next start, and how old ones and
// dead series leave. Format: spec/tsdb.md, 9, 12.6.
#include "core/base/codec.h"
#include "core/base/status.h"
#include "core/tsdb/head.h"

#include <algorithm>

namespace narthex::tsdb {
namespace {

constexpr std::uint16_t kCountMask = 0x3FFF; // histogram chunks of 3.x keep flags above it

std::uint16_t samplesIn(ChunkEncoding encoding, std::string_view data)
{
    if (data.size() < 2) {
        return 0;
    }
    const auto count = base::loadBigEndian<std::uint16_t>(data.data());
    const bool isSt =
        encoding == ChunkEncoding::HistogramSt || encoding == ChunkEncoding::FloatHistogramSt;
    return isSt ? count & kCountMask : count;
}

/// A chunk that was written, and its place in its series.
struct Moved
{
    std::uint32_t page = 0;
    std::uint32_t position = 0;
    std::size_t index = 0;
    const std::uint8_t* data = nullptr;
};

} // namespace

absl::Status Head::mapClosedChunks()
{
    if (files_ == nullptr) {
        return absl::OkStatus();
    }
    constexpr std::size_t kChunksAtOnce = 8192;
    std::vector<Moved> moved;
    const auto publish = [&]() -> absl::Status {
        NARTHEX_RETURN_IF_ERROR(files_->flush());
        for (const Moved& one : moved) {
            SeriesPage& page = *table_.page(one.page);
            absl::MutexLock lock(&page.mutex);
            ClosedChunk& chunk = page.cold[one.position].closed[one.index];
            releaseChunk(chunk);
            chunk.data = one.data;
            chunk.home = ClosedChunk::Mapped;
        }
        counters_.chunksMapped.fetch_add(moved.size(), std::memory_order_relaxed);
        moved.clear();
        return absl::OkStatus();
    };
    for (std::uint32_t number = 0; number < table_.pageEnd(); ++number) {
        SeriesPage* page = table_.page(number);
        if (page == nullptr) {
            continue;
        }
        {
            absl::ReaderMutexLock lock(&page->mutex);
            if (page->isReleased()) {
                continue;
            }
            for (std::uint32_t position = 0; position < SeriesPage::kSeries; ++position) {
                const std::vector<ClosedChunk>& closed = page->cold[position].closed;
                for (std::size_t i = 0; i < closed.size(); ++i) {
                    if (closed[i].isMapped()) {
                        continue;
                    }
                    NARTHEX_ASSIGN_OR_RETURN(
                        const HeadChunkFiles::Place place,
                        files_->write({.seriesRef = number * SeriesPage::kSeries + position,
                                       .minTime = closed[i].minTime,
                                       .maxTime = closed[i].maxTime,
                                       .encoding = closed[i].encoding,
                                       .data = closed[i].bytes()}));
                    moved.push_back({number, position, i, place.data});
                }
            }
        }
        if (moved.size() >= kChunksAtOnce) {
            NARTHEX_RETURN_IF_ERROR(publish());
        }
    }
    NARTHEX_RETURN_IF_ERROR(publish());
    pool_.trim();
    return absl::OkStatus();
}

absl::Status Head::loadChunks(std::int64_t minValidMs)
{
    if (files_ == nullptr) {
        return absl::OkStatus();
    }
    return files_->load([&](const HeadChunkFiles::Chunk& chunk, HeadChunkDiskRef ref) {
        newestLoaded_ = ref;
        const ClosedChunk closed{.minTime = chunk.minTime,
                                 .maxTime = chunk.maxTime,
                                 .data = reinterpret_cast<const std::uint8_t*>(chunk.data.data()),
                                 .sizeBytes = static_cast<std::uint32_t>(chunk.data.size()),
                                 .samples = samplesIn(chunk.encoding, chunk.data),
                                 .encoding = chunk.encoding,
                                 .home = ClosedChunk::Mapped};
        LoadedChunks& series = loaded_[chunk.seriesRef];
        if (chunk.isOutOfOrder) {
            series.late.push_back(closed);
        } else if (chunk.maxTime >= minValidMs &&
                   (series.inOrder.empty() || series.inOrder.back().maxTime < chunk.minTime)) {
            series.inOrder.push_back(closed);
        }
    });
}

void Head::attachLoaded(HeadRef ref, std::uint64_t loggedRef)
{
    const auto found = loaded_.find(loggedRef);
    if (found == loaded_.end()) {
        return;
    }
    const LoadedChunks chunks = std::move(found->second);
    loaded_.erase(found);
    SeriesPage& page = *table_.page(SeriesTable::pageOf(ref));
    const std::uint32_t position = SeriesTable::positionOf(ref);
    absl::MutexLock lock(&page.mutex);
    HotSeries& series = page.hot[position];
    std::uint64_t attached = 0;
    for (const ClosedChunk& chunk : chunks.inOrder) {
        // A series that was made twice keeps what is newer of the second one.
        if (series.has(HotSeries::HasSamples) && chunk.minTime <= series.chunk.lastTime) {
            continue;
        }
        if (series.chunk.samples != 0) {
            closeChunk(page, position);
        } else if (page.cold[position].histogram != nullptr) {
            closeHistogram(page, position);
        }
        addClosed(page, position, chunk);
        series.chunk.lastTime = chunk.maxTime;
        series.set(HotSeries::HasSamples);
        const bool isFloat =
            chunk.encoding == ChunkEncoding::Xor || chunk.encoding == ChunkEncoding::Xor2;
        if (isFloat) {
            series.clear(HotSeries::NewestIsHistogram);
        } else {
            series.set(HotSeries::NewestIsHistogram);
        }
        extendTimes(chunk.minTime, chunk.maxTime);
        ++attached;
    }
    if (!chunks.late.empty()) {
        LateSeries& late = page.late[static_cast<std::uint8_t>(position)];
        if (!series.has(HotSeries::HasOutOfOrder)) {
            series.set(HotSeries::HasOutOfOrder);
            lateSeries_.fetch_add(1, std::memory_order_release);
        }
        for (const ClosedChunk& chunk : chunks.late) {
            late.chunks.push_back(chunk);
            extendLateTimes(chunk.minTime, chunk.maxTime);
            ++attached;
        }
    }
    counters_.chunks.fetch_add(attached, std::memory_order_relaxed);
}

std::uint64_t Head::dropUnclaimedChunks()
{
    std::uint64_t dropped = 0;
    for (const auto& [ref, chunks] : loaded_) {
        dropped += chunks.inOrder.size() + chunks.late.size();
    }
    decltype(loaded_)().swap(loaded_);
    return dropped;
}

std::int64_t Head::dropOldChunks(SeriesPage& page, std::uint32_t position, std::int64_t beforeMs)
{
    HotSeries& series = page.hot[position];
    ColdSeries& cold = page.cold[position];
    // An open chunk that is all old ends here: its series has stopped.
    if (series.chunk.lastTime < beforeMs) {
        if (series.chunk.samples != 0) {
            closeChunk(page, position);
        } else if (cold.histogram != nullptr) {
            closeHistogram(page, position);
        }
    }
    std::size_t dropped = 0;
    while (dropped < cold.closed.size() && cold.closed[dropped].maxTime < beforeMs) {
        releaseChunk(cold.closed[dropped]);
        ++dropped;
    }
    cold.closed.erase(cold.closed.begin(),
                      cold.closed.begin() + static_cast<std::ptrdiff_t>(dropped));
    counters_.chunks.fetch_sub(dropped, std::memory_order_relaxed);
    counters_.chunksRemoved.fetch_add(dropped, std::memory_order_relaxed);
    if (series.has(HotSeries::HasDeleted)) {
        forgetDeleted(page, position, beforeMs);
    }
    return firstTime(page, position).value_or(kForever);
}

void Head::forgetDeleted(SeriesPage& page, std::uint32_t position, std::int64_t beforeMs)
{
    const auto found = page.deleted.find(static_cast<std::uint8_t>(position));
    std::erase_if(found->second,
                  [beforeMs](const TimeInterval& i) { return i.maxTime < beforeMs; });
    if (found->second.empty()) {
        page.deleted.erase(found);
        page.hot[position].clear(HotSeries::HasDeleted);
    }
}

bool Head::collectIfEmpty(SeriesPage& page, std::uint32_t position)
{
    HotSeries& series = page.hot[position];
    if (!series.has(HotSeries::Alive) || series.pending != 0 ||
        series.has(HotSeries::HasOutOfOrder) || firstTime(page, position)) {
        return false;
    }
    // A series that was made a moment ago, and has no sample yet, gets one more round.
    if (!series.has(HotSeries::HasSamples) && !series.has(HotSeries::WasEmpty)) {
        series.set(HotSeries::WasEmpty);
        return false;
    }
    page.unsettled.erase(static_cast<std::uint8_t>(position));
    page.deleted.erase(static_cast<std::uint8_t>(position));
    page.starts.erase(static_cast<std::uint8_t>(position));
    const std::vector<ClosedChunk> empty = std::exchange(page.cold[position].closed, {});
    counters_.closedChunkBytes.fetch_sub(empty.capacity() * sizeof(ClosedChunk),
                                         std::memory_order_relaxed);
    if (series.chunk.lastValue == model::kStaleBits) {
        counters_.staleSeries.fetch_sub(1, std::memory_order_relaxed);
    }
    series = HotSeries{};
    return true;
}

// The oldest file that a chunk of this page still stands in.
std::uint32_t Head::oldestFile(const SeriesPage& page,
                               std::span<const HeadChunkFiles::Range> files) const
{
    std::uint32_t oldest = std::numeric_limits<std::uint32_t>::max();
    const auto look = [&](const ClosedChunk& chunk) {
        for (const HeadChunkFiles::Range& file : files) {
            if (file.number >= oldest) {
                return;
            }
            if (chunk.isMapped() && chunk.data >= file.begin && chunk.data < file.end) {
                oldest = file.number;
            }
        }
    };
    for (const ColdSeries& cold : page.cold) {
        // Ascending in time: the first mapped one stands in the oldest file.
        if (!cold.closed.empty()) {
            look(cold.closed.front());
        }
    }
    for (const auto& [position, late] : page.late) {
        std::for_each(late.chunks.begin(), late.chunks.end(), look);
    }
    return oldest;
}

absl::flat_hash_set<HeadRef> Head::collect(SeriesPage& page, std::uint32_t number,
                                           std::span<const std::uint32_t> positions)
{
    absl::flat_hash_set<HeadRef> collected;
    for (const std::uint32_t position : positions) {
        const HeadRef ref = number * SeriesPage::kSeries + position;
        const bool taken = index_.removeIf(ref, [&] {
            absl::MutexLock lock(&page.mutex);
            return collectIfEmpty(page, position);
        });
        if (taken) {
            collected.insert(ref);
        }
    }
    return collected;
}

std::uint64_t Head::truncate(std::int64_t beforeMs)
{
    raiseMinValidTime(beforeMs);
    // What batches put into a page after it was looked at cannot be older than this.
    std::int64_t lowest = earliestOpenTime();
    std::uint32_t oldest = std::numeric_limits<std::uint32_t>::max();
    const std::vector<HeadChunkFiles::Range> files =
        files_ == nullptr ? std::vector<HeadChunkFiles::Range>() : files_->ranges();
    absl::flat_hash_set<HeadRef> collected;
    for (std::uint32_t number = 0; number < table_.pageEnd(); ++number) {
        SeriesPage* page = table_.page(number);
        if (page == nullptr) {
            continue;
        }
        std::vector<std::uint32_t> empty;
        {
            absl::MutexLock lock(&page->mutex);
            if (page->isReleased()) {
                continue;
            }
            for (std::uint32_t position = 0; position < SeriesPage::kSeries; ++position) {
                if (page->hot[position].has(HotSeries::Alive)) {
                    const std::int64_t first = dropOldChunks(*page, position, beforeMs);
                    lowest = std::min(lowest, first);
                    if (first == kForever) {
                        empty.push_back(position);
                    }
                }
            }
            oldest = std::min(oldest, oldestFile(*page, files));
        }
        collected.merge(collect(*page, number, empty));
    }
    forget(collected);
    minTime_.store(std::max(beforeMs, std::min(lowest, maxTime())), std::memory_order_release);
    if (files_ != nullptr && !files.empty()) {
        // What was written after the look at the files is newer than all of them.
        const absl::Status status = files_->removeBelow(std::min(oldest, files.back().number + 1));
        base::ignore(status, "the files are removed with the next cut");
    }
    return collected.size();
}

// Takes collected series out of what is left, and gives back the memory of pages without series.
void Head::forget(const absl::flat_hash_set<HeadRef>& collected)
{
    if (collected.empty()) {
        return;
    }
    labelIndex_.remove(collected);
    metadata_.remove(collected);
    absl::flat_hash_set<std::uint32_t> pages;
    for (const HeadRef ref : collected) {
        SeriesPage& page = *table_.page(SeriesTable::pageOf(ref));
        absl::MutexLock lock(&page.mutex);
        counters_.labelBytes.fetch_sub(page.labels(SeriesTable::positionOf(ref)).size() +
                                           kMallocHeaderBytes,
                                       std::memory_order_relaxed);
        page.dropLabels(SeriesTable::positionOf(ref));
        pages.insert(SeriesTable::pageOf(ref));
    }
    counters_.series.fetch_sub(collected.size(), std::memory_order_relaxed);
    counters_.seriesRemoved.fetch_add(collected.size(), std::memory_order_relaxed);
    {
        absl::MutexLock lock(&goneMutex_);
        const std::uint32_t segment = journal_ == nullptr ? 0 : journal_->segment();
        for (const HeadRef ref : collected) {
            gone_[ref] = segment;
        }
    }
    const std::uint32_t newestPage = SeriesTable::pageOf(lastRef_.load());
    for (const std::uint32_t number : pages) {
        if (number + 1 >= newestPage) {
            continue; // may get series yet
        }
        SeriesPage& page = *table_.page(number);
        absl::MutexLock lock(&page.mutex);
        const bool isDead = std::none_of(page.hot.begin(), page.hot.end(), [](const HotSeries& s) {
            return s.has(HotSeries::Alive);
        });
        if (isDead && !page.isReleased()) {
            page.releaseMemory();
            table_.noteReleased();
        }
    }
}

bool Head::keepsInLog(std::uint64_t ref, std::uint32_t lastSegment)
{
    if (ref > std::numeric_limits<HeadRef>::max()) {
        return false;
    }
    const auto number = static_cast<HeadRef>(ref);
    if (hasSeries(number)) {
        return true;
    }
    absl::MutexLock lock(&goneMutex_);
    const auto gone = gone_.find(number);
    return gone != gone_.end() && gone->second > lastSegment;
}

void Head::forgetGone(std::uint32_t lastSegment)
{
    absl::MutexLock lock(&goneMutex_);
    absl::erase_if(gone_, [lastSegment](const auto& entry) { return entry.second <= lastSegment; });
}

} // namespace narthex::tsdb
