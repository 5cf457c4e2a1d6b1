// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Head: how samples get out, and how old ones leave.
#include "core/base/status.h"
#include "core/tsdb/head.h"
#include "core/tsdb/xor_chunk.h"

#include <algorithm>

namespace narthex::tsdb {
namespace {

constexpr std::int64_t kForever = std::numeric_limits<std::int64_t>::max();

/// The last time that the view sees in a series; kForever when it sees all. Below every time when
/// it sees nothing.
std::int64_t lastSeen(const SeriesPage& page, std::uint32_t position, const ReadView& view)
    ABSL_SHARED_LOCKS_REQUIRED(page.mutex)
{
    const HotSeries& series = page.hot[position];
    std::int64_t first = view.sees(series.lastCommit) ? kForever : series.chunk.lastTime;
    if (series.has(HotSeries::HasUnsettled)) {
        const auto list = page.unsettled.find(static_cast<std::uint8_t>(position));
        if (list != page.unsettled.end()) {
            for (const UnsettledSample& sample : list->second) {
                if (!view.sees(sample.commit)) {
                    first = std::min(first, sample.time);
                }
            }
        }
    }
    return first == kForever ? kForever : first - 1;
}

std::string_view openBytes(const HotSeries& series)
{
    return {reinterpret_cast<const char*>(series.data), series.chunk.sizeBytes()};
}

std::optional<std::int64_t> firstTime(const SeriesPage& page, std::uint32_t position)
    ABSL_SHARED_LOCKS_REQUIRED(page.mutex)
{
    const HotSeries& series = page.hot[position];
    const ColdSeries& cold = page.cold[position];
    std::optional<std::int64_t> first;
    if (!cold.closed.empty()) {
        first = cold.closed.front().minTime;
    } else if (series.chunk.samples != 0) {
        first = xorFirstTime(series.data, series.chunk.sizeBytes());
    }
    if (cold.histograms != nullptr && !cold.histograms->empty()) {
        first = std::min(first.value_or(kForever), cold.histograms->front().time);
    }
    return first;
}

} // namespace

absl::Status Head::read(HeadRef ref, const ReadView& view, std::int64_t fromMs, std::int64_t toMs,
                        storage::SampleColumns& out) const
{
    SeriesPage& page = *table_.page(SeriesTable::pageOf(ref));
    const std::uint32_t position = SeriesTable::positionOf(ref);
    absl::ReaderMutexLock lock(&page.mutex);
    const HotSeries& series = page.hot[position];
    if (!series.has(HotSeries::Alive)) {
        return absl::OkStatus(); // collected: its samples are in blocks or past retention
    }
    const ColdSeries& cold = page.cold[position];
    const std::int64_t to = std::min(toMs, lastSeen(page, position, view));
    for (const ClosedChunk& chunk : cold.closed) {
        if (chunk.maxTime >= fromMs && chunk.minTime <= to) {
            NARTHEX_RETURN_IF_ERROR(
                xorDecode(chunk.bytes(), chunk.samples, fromMs, to, out.times, out.values));
        }
    }
    if (series.chunk.samples != 0 && series.chunk.lastTime >= fromMs) {
        NARTHEX_RETURN_IF_ERROR(
            xorDecode(openBytes(series), series.chunk.samples, fromMs, to, out.times, out.values));
    }
    if (cold.histograms != nullptr) {
        for (const HistogramSample& sample : *cold.histograms) {
            if (sample.time >= fromMs && sample.time <= to) {
                out.histogramTimes.push_back(sample.time);
                out.histograms.push_back(sample.value.asFloat());
            }
        }
    }
    return absl::OkStatus();
}

std::optional<model::Labels> Head::labelsIfIn(HeadRef ref, const ReadView& view,
                                              std::int64_t fromMs, std::int64_t toMs) const
{
    SeriesPage& page = *table_.page(SeriesTable::pageOf(ref));
    const std::uint32_t position = SeriesTable::positionOf(ref);
    absl::ReaderMutexLock lock(&page.mutex);
    const HotSeries& series = page.hot[position];
    if (!series.has(HotSeries::Alive) || !series.has(HotSeries::HasSamples) ||
        series.chunk.lastTime < fromMs) {
        return std::nullopt;
    }
    const auto first = firstTime(page, position);
    if (!first || *first > std::min(toMs, lastSeen(page, position, view))) {
        return std::nullopt;
    }
    return model::Labels::fromBytes(std::string(page.labels(position)));
}

absl::Status Head::exportChunks(HeadRef ref, std::int64_t fromMs, std::int64_t toMs,
                                std::vector<ExportedChunk>& out) const
{
    SeriesPage& page = *table_.page(SeriesTable::pageOf(ref));
    const std::uint32_t position = SeriesTable::positionOf(ref);
    absl::ReaderMutexLock lock(&page.mutex);
    const HotSeries& series = page.hot[position];
    if (!series.has(HotSeries::Alive)) {
        return absl::OkStatus();
    }
    const auto recode = [&](std::string_view bytes, std::uint32_t samples) -> absl::Status {
        std::vector<std::int64_t> times;
        std::vector<double> values;
        NARTHEX_RETURN_IF_ERROR(xorDecode(bytes, samples, fromMs, toMs, times, values));
        if (!times.empty()) {
            out.push_back({times.front(), times.back(), ChunkEncoding::Xor,
                           static_cast<std::uint32_t>(times.size()), xorEncode(times, values)});
        }
        return absl::OkStatus();
    };
    for (const ClosedChunk& chunk : page.cold[position].closed) {
        if (chunk.maxTime < fromMs || chunk.minTime > toMs) {
            continue;
        }
        if (chunk.minTime >= fromMs && chunk.maxTime <= toMs) {
            out.push_back({chunk.minTime, chunk.maxTime, ChunkEncoding::Xor, chunk.samples,
                           std::string(chunk.bytes())});
        } else {
            NARTHEX_RETURN_IF_ERROR(recode(chunk.bytes(), chunk.samples));
        }
    }
    if (series.chunk.samples != 0 && series.chunk.lastTime >= fromMs) {
        NARTHEX_RETURN_IF_ERROR(recode(openBytes(series), series.chunk.samples));
    }
    if (const auto& all = page.cold[position].histograms; all != nullptr) {
        std::vector<HistogramSample> wanted;
        std::copy_if(all->begin(), all->end(), std::back_inserter(wanted),
                     [&](const HistogramSample& s) { return s.time >= fromMs && s.time <= toMs; });
        encodeHistograms(wanted, out);
        std::sort(out.begin(), out.end(), [](const ExportedChunk& a, const ExportedChunk& b) {
            return a.minTime < b.minTime;
        });
    }
    return absl::OkStatus();
}

std::int64_t Head::dropOldChunks(SeriesPage& page, std::uint32_t position, std::int64_t beforeMs)
{
    HotSeries& series = page.hot[position];
    ColdSeries& cold = page.cold[position];
    // An open chunk that is all old ends here: its series has stopped.
    if (series.chunk.samples != 0 && series.chunk.lastTime < beforeMs) {
        closeChunk(page, position);
    }
    std::size_t dropped = 0;
    while (dropped < cold.closed.size() && cold.closed[dropped].maxTime < beforeMs) {
        pool_.release(cold.closed[dropped].data, cold.closed[dropped].sizeClass);
        ++dropped;
    }
    cold.closed.erase(cold.closed.begin(),
                      cold.closed.begin() + static_cast<std::ptrdiff_t>(dropped));
    counters_.chunks.fetch_sub(dropped, std::memory_order_relaxed);
    if (cold.histograms != nullptr) {
        std::erase_if(*cold.histograms, [this, beforeMs](const HistogramSample& s) {
            if (s.time < beforeMs) {
                counters_.histogramBytes.fetch_sub(memoryOf(s.value), std::memory_order_relaxed);
            }
            return s.time < beforeMs;
        });
        if (cold.histograms->empty()) {
            cold.histograms.reset();
        }
    }
    const auto first = firstTime(page, position);
    return first.value_or(kForever);
}

bool Head::collectIfEmpty(SeriesPage& page, std::uint32_t position)
{
    HotSeries& series = page.hot[position];
    if (!series.has(HotSeries::Alive) || series.pending != 0 || firstTime(page, position)) {
        return false;
    }
    // A series that was made a moment ago, and has no sample yet, gets one more round.
    if (!series.has(HotSeries::HasSamples) && !series.has(HotSeries::WasEmpty)) {
        series.set(HotSeries::WasEmpty);
        return false;
    }
    page.unsettled.erase(static_cast<std::uint8_t>(position));
    const std::vector<ClosedChunk> empty = std::exchange(page.cold[position].closed, {});
    counters_.closedChunkBytes.fetch_sub(empty.capacity() * sizeof(ClosedChunk),
                                         std::memory_order_relaxed);
    series = HotSeries{};
    return true;
}

std::uint64_t Head::truncate(std::int64_t beforeMs)
{
    raiseMinValidTime(beforeMs);
    // What batches put into a page after it was looked at cannot be older than this.
    std::int64_t lowest = earliestOpenTime();
    absl::flat_hash_set<HeadRef> collected;
    for (std::uint32_t number = 0; number < table_.pageEnd(); ++number) {
        SeriesPage* page = table_.page(number);
        if (page == nullptr) {
            continue;
        }
        std::vector<std::uint32_t> empty;
        {
            absl::MutexLock lock(&page->mutex);
            for (std::uint32_t position = 0; position < SeriesPage::kSeries; ++position) {
                if (page->hot[position].has(HotSeries::Alive)) {
                    const std::int64_t first = dropOldChunks(*page, position, beforeMs);
                    lowest = std::min(lowest, first);
                    if (first == kForever) {
                        empty.push_back(position);
                    }
                }
            }
        }
        for (const std::uint32_t position : empty) {
            const HeadRef ref = number * SeriesPage::kSeries + position;
            const bool taken = index_.removeIf(ref, [&] {
                absl::MutexLock lock(&page->mutex);
                return collectIfEmpty(*page, position);
            });
            if (taken) {
                collected.insert(ref);
            }
        }
    }
    labelIndex_.remove(collected);
    for (const HeadRef ref : collected) {
        SeriesPage& page = *table_.page(SeriesTable::pageOf(ref));
        absl::MutexLock lock(&page.mutex);
        counters_.labelBytes.fetch_sub(page.labels(SeriesTable::positionOf(ref)).size(),
                                       std::memory_order_relaxed);
        page.dropLabels(SeriesTable::positionOf(ref));
    }
    counters_.series.fetch_sub(collected.size(), std::memory_order_relaxed);
    counters_.seriesRemoved.fetch_add(collected.size(), std::memory_order_relaxed);
    minTime_.store(std::max(beforeMs, std::min(lowest, maxTime())), std::memory_order_release);
    return collected.size();
}

} // namespace narthex::tsdb
