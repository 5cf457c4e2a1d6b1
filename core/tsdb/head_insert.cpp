// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Head: how samples get in. The hot path of the product: a sample costs one cache line of its
// series and one of its chunk.
#include "core/base/status.h"
#include "core/tsdb/bit_stream.h"
#include "core/tsdb/head.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace narthex::tsdb {
namespace {

constexpr std::uint16_t kTargetSamples = 120;
/// Chunks open with 64 bytes: enough for a series that never changes to reach half its length.
constexpr std::uint8_t kFirstClass = 2;
constexpr std::size_t kRoomForOne = kXorSampleMaxBytes + kBitSlackBytes;
/// How far ahead the next series are fetched into the cache.
constexpr std::size_t kPrefetchSeries = 8;
constexpr std::size_t kPrefetchChunk = 4;

/// Where a chunk should end so that the chunks up to `end` come out even. Format:
/// spec/tsdb.md, 12.3 (E).
std::int64_t evenEnd(std::int64_t start, std::int64_t current, std::int64_t end)
{
    constexpr double kRatio = 4;
    const double parts =
        static_cast<double>(end - start) / (static_cast<double>(current - start + 1) * kRatio);
    return parts <= 1 ? end : start + (end - start) / static_cast<std::int64_t>(parts);
}

/// Splits samples into runs of one page, and calls `body(pageNumber, run)`.
template <typename Sample, typename Body>
void eachRun(std::span<const Sample> samples, Body body)
{
    for (std::size_t begin = 0; begin < samples.size();) {
        const std::uint32_t page = SeriesTable::pageOf(samples[begin].ref);
        std::size_t end = begin + 1;
        while (end < samples.size() && SeriesTable::pageOf(samples[end].ref) == page) {
            ++end;
        }
        body(page, samples.subspan(begin, end - begin));
        begin = end;
    }
}

} // namespace

void Head::openChunk(HotSeries& series, std::int64_t time)
{
    series.sizeClass = kFirstClass;
    series.data = pool_.allocate(kFirstClass);
    series.nextCut = rangeEnd(time);
}

void Head::growChunk(HotSeries& series)
{
    const auto wanted = static_cast<std::uint8_t>(std::min<int>(
        series.sizeClass + std::max(1, series.sizeClass / 2), ChunkPool::kLargestClass));
    std::uint8_t* larger = pool_.allocate(wanted);
    std::memcpy(larger, series.data, series.chunk.sizeBytes());
    pool_.release(series.data, series.sizeClass);
    series.data = larger;
    series.sizeClass = wanted;
}

void Head::closeChunk(SeriesPage& page, std::uint32_t position)
{
    HotSeries& series = page.hot[position];
    const std::size_t sizeBytes = series.chunk.sizeBytes();
    xorFinish(series.chunk, series.data);
    ClosedChunk closed{.minTime = xorFirstTime(series.data, sizeBytes),
                       .maxTime = series.chunk.lastTime,
                       .data = series.data,
                       .sizeBytes = static_cast<std::uint16_t>(sizeBytes),
                       .samples = series.chunk.samples,
                       .sizeClass = series.sizeClass};
    if (const std::uint8_t exact = ChunkPool::classFor(sizeBytes); exact < series.sizeClass) {
        closed.sizeClass = exact;
        closed.data = pool_.allocate(exact);
        std::memcpy(closed.data, series.data, sizeBytes);
        pool_.release(series.data, series.sizeClass);
    }
    std::vector<ClosedChunk>& list = page.cold[position].closed;
    const std::size_t before = list.capacity();
    list.push_back(closed);
    counters_.closedChunkBytes.fetch_add((list.capacity() - before) * sizeof(ClosedChunk),
                                         std::memory_order_relaxed);
    series.data = nullptr;
    series.chunk.samples = 0;
    series.chunk.bitCount = 0;
}

void Head::noteUnsettled(SeriesPage& page, std::uint32_t position, CommitId settledBelow)
{
    HotSeries& series = page.hot[position];
    if (series.lastCommit < settledBelow) {
        if (series.has(HotSeries::HasUnsettled)) {
            page.unsettled.erase(static_cast<std::uint8_t>(position));
            series.clear(HotSeries::HasUnsettled);
        }
        return;
    }
    auto& list = page.unsettled[static_cast<std::uint8_t>(position)];
    std::erase_if(list,
                  [settledBelow](const UnsettledSample& s) { return s.commit < settledBelow; });
    // Of several samples of one commit the first counts: none behind it is seen, either.
    if (list.empty() || list.back().commit != series.lastCommit) {
        list.push_back({series.lastCommit, series.chunk.lastTime});
    }
    series.set(HotSeries::HasUnsettled);
}

void Head::insertFloat(SeriesPage& page, std::uint32_t position, const PendingSample& sample,
                       Insertion& insertion)
{
    HotSeries& series = page.hot[position];
    if (series.has(HotSeries::HasSamples)) {
        if (sample.time <= series.chunk.lastTime) [[unlikely]] {
            ++insertion.refused; // another appender was faster
            return;
        }
        if (series.lastCommit >= insertion.settledBelow || series.has(HotSeries::HasUnsettled))
            [[unlikely]] {
            noteUnsettled(page, position, insertion.settledBelow);
        }
    }
    XorState& chunk = series.chunk;
    if (chunk.samples != 0) {
        if (chunk.samples == kTargetSamples / 4) {
            series.nextCut = evenEnd(xorFirstTime(series.data, chunk.sizeBytes()), chunk.lastTime,
                                     series.nextCut);
        }
        if (sample.time >= series.nextCut || chunk.samples >= kTargetSamples * 2 ||
            chunk.sizeBytes() > kXorFullBytes) {
            closeChunk(page, position);
        }
    }
    if (chunk.samples == 0) {
        openChunk(series, sample.time);
        ++insertion.chunksOpened;
    } else if (chunk.sizeBytes() + kRoomForOne > ChunkPool::bytesOf(series.sizeClass)) {
        growChunk(series);
    }
    xorAppend(chunk, series.data, sample.time, sample.valueBits);
    series.lastCommit = insertion.commit;
    constexpr std::uint8_t kCleared = HotSeries::NewestIsHistogram | HotSeries::WasEmpty;
    series.flags = static_cast<std::uint8_t>((series.flags | HotSeries::HasSamples) & ~kCleared);
    ++insertion.appended;
}

void Head::insertHistogram(SeriesPage& page, std::uint32_t position, const PendingHistogram& sample,
                           Insertion& insertion)
{
    HotSeries& series = page.hot[position];
    if (series.has(HotSeries::HasSamples)) {
        if (sample.time <= series.chunk.lastTime) {
            ++insertion.refused;
            return;
        }
        noteUnsettled(page, position, insertion.settledBelow);
    }
    if (series.chunk.samples != 0) {
        closeChunk(page, position);
    }
    auto& list = page.cold[position].histograms;
    if (list == nullptr) {
        list = std::make_unique<std::vector<HistogramSample>>();
    }
    list->push_back({sample.time, sample.value});
    counters_.histogramBytes.fetch_add(memoryOf(sample.value), std::memory_order_relaxed);
    series.chunk.lastTime = sample.time;
    series.lastCommit = insertion.commit;
    series.set(HotSeries::HasSamples);
    series.set(HotSeries::NewestIsHistogram);
    series.clear(HotSeries::WasEmpty);
    ++insertion.appended;
}

void Head::insertRun(SeriesPage& page, std::span<const PendingSample> run, Insertion& insertion)
{
    absl::MutexLock lock(&page.mutex);
    for (std::size_t i = 0; i < run.size(); ++i) {
        if (i + kPrefetchSeries < run.size()) {
            __builtin_prefetch(&page.hot[SeriesTable::positionOf(run[i + kPrefetchSeries].ref)], 1);
        }
        if (i + kPrefetchChunk < run.size()) {
            const HotSeries& next = page.hot[SeriesTable::positionOf(run[i + kPrefetchChunk].ref)];
            __builtin_prefetch(next.data + (next.chunk.bitCount >> 3U), 1);
        }
        const std::uint32_t position = SeriesTable::positionOf(run[i].ref);
        --page.hot[position].pending;
        insertFloat(page, position, run[i], insertion);
    }
}

void Head::insert(std::span<const PendingSample> samples,
                  std::span<const PendingHistogram> histograms)
{
    Insertion insertion{.commit = isolation_.beginCommit()};
    insertion.settledBelow = isolation_.settledBelow();
    std::int64_t lowest = std::numeric_limits<std::int64_t>::max();
    std::int64_t highest = kNoTime;
    eachRun(samples, [&](std::uint32_t pageNumber, std::span<const PendingSample> run) {
        insertRun(*table_.page(pageNumber), run, insertion);
        for (const PendingSample& sample : run) {
            lowest = std::min(lowest, sample.time);
            highest = std::max(highest, sample.time);
        }
    });
    eachRun(histograms, [&](std::uint32_t pageNumber, std::span<const PendingHistogram> run) {
        SeriesPage& page = *table_.page(pageNumber);
        absl::MutexLock lock(&page.mutex);
        for (const PendingHistogram& sample : run) {
            const std::uint32_t position = SeriesTable::positionOf(sample.ref);
            --page.hot[position].pending;
            insertHistogram(page, position, sample, insertion);
            lowest = std::min(lowest, sample.time);
            highest = std::max(highest, sample.time);
        }
    });
    if (insertion.appended > 0) {
        extendTimes(lowest, highest);
    }
    isolation_.endCommit(insertion.commit);
    count(insertion);
}

void Head::forget(std::span<const PendingSample> samples,
                  std::span<const PendingHistogram> histograms)
{
    const auto give = [this](std::uint32_t pageNumber, const auto& run) {
        SeriesPage& page = *table_.page(pageNumber);
        absl::MutexLock lock(&page.mutex);
        for (const auto& sample : run) {
            --page.hot[SeriesTable::positionOf(sample.ref)].pending;
        }
    };
    eachRun(samples, give);
    eachRun(histograms, give);
}

void Head::count(const Insertion& insertion)
{
    // Counters: nobody orders anything by them.
    counters_.samplesAppended.fetch_add(insertion.appended, std::memory_order_relaxed);
    counters_.samplesOutOfOrder.fetch_add(insertion.refused, std::memory_order_relaxed);
    counters_.chunks.fetch_add(insertion.chunksOpened, std::memory_order_relaxed);
}

std::uint64_t Head::restore(std::span<const PendingSample> samples)
{
    Insertion insertion{.commit = 0, .settledBelow = 1};
    std::uint64_t unknown = 0;
    std::int64_t lowest = std::numeric_limits<std::int64_t>::max();
    std::int64_t highest = kNoTime;
    eachRun(samples, [&](std::uint32_t pageNumber, std::span<const PendingSample> run) {
        SeriesPage* page = table_.page(pageNumber);
        if (page == nullptr) {
            unknown += run.size();
            return;
        }
        absl::MutexLock lock(&page->mutex);
        for (const PendingSample& sample : run) {
            const std::uint32_t position = SeriesTable::positionOf(sample.ref);
            if (!page->hot[position].has(HotSeries::Alive)) {
                ++unknown;
                continue;
            }
            insertFloat(*page, position, sample, insertion);
            lowest = std::min(lowest, sample.time);
            highest = std::max(highest, sample.time);
        }
    });
    if (insertion.appended > 0) {
        extendTimes(lowest, highest);
    }
    counters_.chunks.fetch_add(insertion.chunksOpened, std::memory_order_relaxed);
    return unknown;
}

std::uint64_t Head::restore(std::span<const PendingHistogram> histograms)
{
    Insertion insertion{.commit = 0, .settledBelow = 1};
    std::uint64_t unknown = 0;
    for (const PendingHistogram& sample : histograms) {
        SeriesPage* page = table_.page(SeriesTable::pageOf(sample.ref));
        if (page == nullptr) {
            ++unknown;
            continue;
        }
        absl::MutexLock lock(&page->mutex);
        const std::uint32_t position = SeriesTable::positionOf(sample.ref);
        if (!page->hot[position].has(HotSeries::Alive)) {
            ++unknown;
            continue;
        }
        insertHistogram(*page, position, sample, insertion);
        extendTimes(sample.time, sample.time);
    }
    return unknown;
}

absl::Status Head::restoreDeletion(HeadRef ref, std::int64_t fromMs, std::int64_t toMs)
{
    if (!hasSeries(ref)) {
        return absl::OkStatus();
    }
    storage::SampleColumns columns;
    const ReadView everything;
    NARTHEX_RETURN_IF_ERROR(read(ref, everything, kNoTime, fromMs - 1, columns));
    NARTHEX_RETURN_IF_ERROR(
        read(ref, everything, toMs + 1, std::numeric_limits<std::int64_t>::max(), columns));
    {
        SeriesPage& page = *table_.page(SeriesTable::pageOf(ref));
        const std::uint32_t position = SeriesTable::positionOf(ref);
        absl::MutexLock lock(&page.mutex);
        dropOldChunks(page, position, std::numeric_limits<std::int64_t>::max());
        page.hot[position].clear(HotSeries::HasSamples);
        page.hot[position].clear(HotSeries::NewestIsHistogram);
    }
    std::vector<PendingSample> samples;
    for (std::size_t i = 0; i < columns.times.size(); ++i) {
        samples.push_back({ref, columns.times[i], std::bit_cast<std::uint64_t>(columns.values[i])});
    }
    std::vector<PendingHistogram> histograms;
    for (std::size_t i = 0; i < columns.histogramTimes.size(); ++i) {
        histograms.push_back({ref, columns.histogramTimes[i], {columns.histograms[i], nullptr}});
    }
    restore(samples);
    restore(histograms);
    return absl::OkStatus();
}

} // namespace narthex::tsdb
