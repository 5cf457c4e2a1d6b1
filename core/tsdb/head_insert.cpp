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

/// A chunk of histograms: how many bytes it aims at, when that is first estimated, and when it is
/// full. Format: spec/tsdb.md, 12.3.
constexpr double kHistogramTargetBytes = 1024;
constexpr std::size_t kHistogramEstimateBytes = 256;
constexpr std::size_t kHistogramFullBytes = 2048;
constexpr std::uint16_t kHistogramLeastSamples = 10;

/// Where a chunk should end so that the chunks up to `end` come out even; `ratio` is the part of a
/// whole chunk that stands between start and current, inverted. Format: spec/tsdb.md, 12.3 (E).
std::int64_t evenEnd(std::int64_t start, std::int64_t current, std::int64_t end, double ratio)
{
    const double parts =
        static_cast<double>(end - start) / (static_cast<double>(current - start + 1) * ratio);
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

void Head::addClosed(SeriesPage& page, std::uint32_t position, ClosedChunk chunk)
{
    std::vector<ClosedChunk>& list = page.cold[position].closed;
    const std::size_t before = list.capacity();
    if (list.size() == before) {
        list.reserve(before + 1 + before / 4); // a few a series: doubling would waste most of it
    }
    list.push_back(chunk);
    counters_.closedChunkBytes.fetch_add((list.capacity() - before) * sizeof(ClosedChunk),
                                         std::memory_order_relaxed);
}

void Head::releaseChunk(const ClosedChunk& chunk)
{
    auto* data = const_cast<std::uint8_t*>(chunk.data); // ours, unless it is mapped
    switch (chunk.home) {
    case ClosedChunk::Mapped:
        break;
    case ClosedChunk::Allocated: {
        const std::unique_ptr<std::uint8_t[]> owned(data);
        counters_.histogramBytes.fetch_sub(chunk.sizeBytes, std::memory_order_relaxed);
        break;
    }
    default:
        pool_.release(data, chunk.home);
    }
}

void Head::growChunk(HotSeries& series)
{
    // Small steps: a chunk is copied some ten times in its life, which costs less than the memory
    // of larger ones.
    constexpr int kStepClasses = 2;
    const auto wanted = static_cast<std::uint8_t>(
        std::min<int>(series.sizeClass + kStepClasses, ChunkPool::kLargestClass));
    std::uint8_t* larger = pool_.allocate(wanted);
    std::memcpy(larger, series.data, series.chunk.sizeBytes());
    pool_.release(series.data, series.sizeClass);
    series.data = larger;
    series.sizeClass = wanted;
}

void Head::closeChunk(SeriesPage& page, std::uint32_t position)
{
    HotSeries& series = page.hot[position];
    if (series.has(HotSeries::HasStarts)) [[unlikely]] {
        closeStarted(page, position);
        return;
    }
    const std::size_t sizeBytes = series.chunk.sizeBytes();
    xorFinish(series.chunk, series.data);
    ClosedChunk closed{.minTime = xorFirstTime(series.data, sizeBytes),
                       .maxTime = series.chunk.lastTime,
                       .data = series.data,
                       .sizeBytes = static_cast<std::uint32_t>(sizeBytes),
                       .samples = series.chunk.samples,
                       .encoding = ChunkEncoding::Xor,
                       .home = series.sizeClass};
    if (const std::uint8_t exact = ChunkPool::classFor(sizeBytes); exact < series.sizeClass) {
        std::uint8_t* smaller = pool_.allocate(exact);
        std::memcpy(smaller, series.data, sizeBytes);
        pool_.release(series.data, series.sizeClass);
        closed.home = exact;
        closed.data = smaller;
    }
    addClosed(page, position, closed);
    series.data = nullptr;
    series.chunk.samples = 0;
    series.chunk.bitCount = 0;
}

void Head::closeHistogram(SeriesPage& page, std::uint32_t position)
{
    const std::unique_ptr<HistogramChunkWriter> writer = std::move(page.cold[position].histogram);
    const std::string_view bytes = writer->bytes();
    counters_.histogramBytes.fetch_sub(writer->memoryBytes(), std::memory_order_relaxed);
    addClosedBytes(page, position,
                   {.minTime = writer->firstTime(),
                    .maxTime = writer->lastTime(),
                    .samples = writer->samples(),
                    .encoding = writer->encoding()},
                   bytes);
}

void Head::addClosedBytes(SeriesPage& page, std::uint32_t position, ClosedChunk closed,
                          std::string_view bytes)
{
    closed.sizeBytes = static_cast<std::uint32_t>(bytes.size());
    std::uint8_t* data = nullptr;
    if (bytes.size() <= ChunkPool::bytesOf(ChunkPool::kLargestClass)) {
        closed.home = ChunkPool::classFor(bytes.size());
        data = pool_.allocate(closed.home);
    } else {
        closed.home = ClosedChunk::Allocated;
        data = std::make_unique_for_overwrite<std::uint8_t[]>(bytes.size()).release();
        counters_.histogramBytes.fetch_add(bytes.size(), std::memory_order_relaxed);
    }
    std::memcpy(data, bytes.data(), bytes.size());
    closed.data = data;
    addClosed(page, position, closed);
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

// Another appender was faster: the sample is late now.
void Head::refuse(PendingLate sample, HotSeries& series, Insertion& insertion)
{
    if (insertion.refusedSamples == nullptr || lateWindowMs() == 0) {
        ++insertion.refused;
        return;
    }
    ++series.pending;
    insertion.refusedSamples->push_back(std::move(sample));
}

void Head::insertFloat(SeriesPage& page, std::uint32_t position, const PendingSample& sample,
                       std::int64_t start, Insertion& insertion)
{
    HotSeries& series = page.hot[position];
    if (series.has(HotSeries::HasSamples)) {
        if (sample.time <= series.chunk.lastTime) [[unlikely]] {
            refuse({sample.ref, sample.time, sample.valueBits, {}, start}, series, insertion);
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
            constexpr double kRatio = 4;
            series.nextCut = evenEnd(xorFirstTime(series.data, chunk.sizeBytes()), chunk.lastTime,
                                     series.nextCut, kRatio);
        }
        if (sample.time >= series.nextCut || chunk.samples >= kTargetSamples * 2 ||
            chunk.sizeBytes() > kXorFullBytes) {
            closeChunk(page, position);
        }
    }
    if (chunk.samples == 0) {
        if (series.has(HotSeries::NewestIsHistogram) && page.cold[position].histogram != nullptr) {
            closeHistogram(page, position);
        }
        openChunk(series, sample.time);
        ++insertion.chunksOpened;
    } else if (chunk.sizeBytes() + kRoomForOne > ChunkPool::bytesOf(series.sizeClass)) {
        growChunk(series);
    }
    if (sample.valueBits == model::kStaleBits || chunk.lastValue == model::kStaleBits)
        [[unlikely]] {
        insertion.newlyStale += (sample.valueBits == model::kStaleBits ? 1 : 0) -
                                (chunk.lastValue == model::kStaleBits ? 1 : 0);
    }
    xorAppend(chunk, series.data, sample.time, sample.valueBits);
    if (start != 0 || series.has(HotSeries::HasStarts)) [[unlikely]] {
        noteStart(page, position, sample.time, start);
    }
    series.lastCommit = insertion.commit;
    constexpr std::uint8_t kCleared = HotSeries::NewestIsHistogram | HotSeries::WasEmpty;
    series.flags = static_cast<std::uint8_t>((series.flags | HotSeries::HasSamples) & ~kCleared);
    insertion.lowest = std::min(insertion.lowest, sample.time);
    insertion.highest = std::max(insertion.highest, sample.time);
    ++insertion.appended;
}

void Head::insertHistogram(SeriesPage& page, std::uint32_t position, const PendingHistogram& sample,
                           Insertion& insertion)
{
    HotSeries& series = page.hot[position];
    if (series.has(HotSeries::HasSamples)) {
        if (sample.time <= series.chunk.lastTime) {
            refuse({sample.ref, sample.time, 0, sample.value, sample.start}, series, insertion);
            return;
        }
        noteUnsettled(page, position, insertion.settledBelow);
    }
    if (series.chunk.samples != 0) {
        closeChunk(page, position);
    }
    const HistogramSample whole{sample.time, sample.value, sample.start};
    std::unique_ptr<HistogramChunkWriter>& writer = page.cold[position].histogram;
    std::optional<ChunkHeader> header;
    if (writer == nullptr) {
        header = HistogramChunkWriter::firstHeader(sample.value);
    } else {
        const bool wasSmall = writer->bytes().size() < kHistogramEstimateBytes;
        header = writer->needsNewChunk(whole);
        const std::size_t sizeBytes = writer->bytes().size();
        const bool isDue = sample.time >= series.nextCut || sizeBytes >= kHistogramFullBytes;
        const bool mayCut = writer->samples() >= kHistogramLeastSamples ||
                            sample.time >= rangeEnd(writer->firstTime());
        if (!header && isDue && mayCut) {
            const bool isGauge =
                HistogramChunkWriter::firstHeader(sample.value) == ChunkHeader::Gauge;
            header = isGauge ? ChunkHeader::Gauge : ChunkHeader::NoReset;
        }
        if (!header) {
            const std::size_t memory = writer->memoryBytes();
            writer->append(whole);
            counters_.histogramBytes.fetch_add(writer->memoryBytes() - memory,
                                               std::memory_order_relaxed);
            if (const std::size_t now = writer->bytes().size();
                wasSmall && now >= kHistogramEstimateBytes) {
                series.nextCut = evenEnd(writer->firstTime(), sample.time, series.nextCut,
                                         kHistogramTargetBytes / static_cast<double>(now));
            }
        }
    }
    if (header) {
        if (writer != nullptr) {
            closeHistogram(page, position);
        }
        writer = std::make_unique<HistogramChunkWriter>(*header, whole);
        counters_.histogramBytes.fetch_add(writer->memoryBytes(), std::memory_order_relaxed);
        series.nextCut = rangeEnd(sample.time);
        ++insertion.chunksOpened;
    }
    const bool isStale = sample.value.isStale();
    insertion.newlyStale +=
        (isStale ? 1 : 0) - (series.chunk.lastValue == model::kStaleBits ? 1 : 0);
    series.chunk.lastTime = sample.time;
    series.chunk.lastValue = isStale ? model::kStaleBits : 0;
    series.lastCommit = insertion.commit;
    series.set(HotSeries::HasSamples);
    series.set(HotSeries::NewestIsHistogram);
    series.clear(HotSeries::WasEmpty);
    insertion.lowest = std::min(insertion.lowest, sample.time);
    insertion.highest = std::max(insertion.highest, sample.time);
    ++insertion.histogramsAppended;
}

void Head::insertRun(SeriesPage& page, std::span<const PendingSample> run,
                     std::span<const std::int64_t> starts, Insertion& insertion)
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
        insertFloat(page, position, run[i], starts.empty() ? 0 : starts[i], insertion);
    }
}

void Head::insert(CommitId commit, std::span<const PendingSample> samples,
                  std::span<const std::int64_t> starts,
                  std::span<const PendingHistogram> histograms, std::vector<PendingLate>& refused)
{
    Insertion insertion{.commit = commit, .refusedSamples = &refused};
    insertion.settledBelow = isolation_.settledBelow();
    eachRun(samples, [&](std::uint32_t pageNumber, std::span<const PendingSample> run) {
        const auto from = static_cast<std::size_t>(run.data() - samples.data());
        insertRun(*table_.page(pageNumber), run,
                  starts.empty() ? starts : starts.subspan(from, run.size()), insertion);
    });
    eachRun(histograms, [&](std::uint32_t pageNumber, std::span<const PendingHistogram> run) {
        SeriesPage& page = *table_.page(pageNumber);
        absl::MutexLock lock(&page.mutex);
        for (const PendingHistogram& sample : run) {
            const std::uint32_t position = SeriesTable::positionOf(sample.ref);
            --page.hot[position].pending;
            insertHistogram(page, position, sample, insertion);
        }
    });
    count(insertion);
}

void Head::forget(std::span<const PendingSample> samples,
                  std::span<const PendingHistogram> histograms, std::span<const PendingLate> late)
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
    eachRun(late, give);
}

void Head::count(const Insertion& insertion)
{
    if (insertion.highest != kNoTime) {
        extendTimes(insertion.lowest, insertion.highest);
    }
    // Counters: nobody orders anything by them.
    counters_.samplesAppended.fetch_add(insertion.appended, std::memory_order_relaxed);
    counters_.histogramsAppended.fetch_add(insertion.histogramsAppended, std::memory_order_relaxed);
    counters_.samplesOutOfOrder.fetch_add(insertion.refused, std::memory_order_relaxed);
    counters_.chunks.fetch_add(insertion.chunksOpened, std::memory_order_relaxed);
    counters_.chunksCreated.fetch_add(insertion.chunksOpened, std::memory_order_relaxed);
    if (insertion.newlyStale != 0) {
        counters_.staleSeries.fetch_add(insertion.newlyStale, std::memory_order_relaxed);
    }
}

void Head::countRestored(Insertion& insertion)
{
    // What replay skips was there before; what it brings back was counted when it came.
    insertion.appended = 0;
    insertion.histogramsAppended = 0;
    insertion.refused = 0;
    count(insertion);
}

std::uint64_t Head::restore(std::span<const PendingSample> samples,
                            std::span<const std::int64_t> starts)
{
    Insertion insertion{.commit = 0, .settledBelow = 1};
    std::uint64_t unknown = 0;
    eachRun(samples, [&](std::uint32_t pageNumber, std::span<const PendingSample> run) {
        SeriesPage* page = table_.page(pageNumber);
        if (page == nullptr) {
            unknown += run.size();
            return;
        }
        const auto from = static_cast<std::size_t>(run.data() - samples.data());
        absl::MutexLock lock(&page->mutex);
        for (std::size_t i = 0; i < run.size(); ++i) {
            const std::uint32_t position = SeriesTable::positionOf(run[i].ref);
            if (!page->hot[position].has(HotSeries::Alive)) {
                ++unknown;
                continue;
            }
            insertFloat(*page, position, run[i], starts.empty() ? 0 : starts[from + i], insertion);
        }
    });
    countRestored(insertion);
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
    }
    countRestored(insertion);
    return unknown;
}

} // namespace narthex::tsdb
