// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Head: deleted ranges. Format: spec/tsdb.md, 15.
#include "core/base/status.h"
#include "core/tsdb/head.h"
#include "core/tsdb/wal_batches.h"

#include <algorithm>

namespace narthex::tsdb {

absl::Status Head::deleteSamples(std::span<const model::Matchers> matcherSets, TimeInterval range)
{
    std::vector<WalTombstone> stones;
    for (const model::Matchers& matchers : matcherSets) {
        Postings refs;
        {
            const LabelIndex::ReadLock source(labelIndex_);
            NARTHEX_ASSIGN_OR_RETURN(refs, postingsForMatchers(source, matchers, {}));
        }
        for (const HeadRef ref : refs) {
            if (const auto clamped = clampToSamples(ref, range)) {
                stones.push_back({ref, clamped->minTime, clamped->maxTime});
            }
        }
    }
    if (stones.empty()) {
        return absl::OkStatus();
    }
    if (journal_ == nullptr) {
        return base::unavailable("the store is closed");
    }
    std::string record;
    writeTombstonesRecord(record, stones);
    NARTHEX_RETURN_IF_ERROR(journal_->commit(std::span<const std::string>(&record, 1)));
    for (const WalTombstone& stone : stones) {
        hide(static_cast<HeadRef>(stone.ref), {stone.minTime, stone.maxTime});
    }
    return absl::OkStatus();
}

void Head::hide(HeadRef ref, TimeInterval range)
{
    SeriesPage* page = table_.page(SeriesTable::pageOf(ref));
    if (page == nullptr) {
        return;
    }
    const std::uint32_t position = SeriesTable::positionOf(ref);
    absl::MutexLock lock(&page->mutex);
    if (!page->hot[position].has(HotSeries::Alive)) {
        return;
    }
    addInterval(page->deleted[static_cast<std::uint8_t>(position)], range);
    page->hot[position].set(HotSeries::HasDeleted);
}

std::optional<TimeInterval> Head::clampToSamples(HeadRef ref, TimeInterval range) const
{
    SeriesPage* page = table_.page(SeriesTable::pageOf(ref));
    const std::uint32_t position = SeriesTable::positionOf(ref);
    if (page == nullptr) {
        return std::nullopt;
    }
    absl::ReaderMutexLock lock(&page->mutex);
    const HotSeries& series = page->hot[position];
    if (!series.has(HotSeries::Alive)) {
        return std::nullopt;
    }
    std::int64_t first = firstTime(*page, position).value_or(kForever);
    std::int64_t last = series.has(HotSeries::HasSamples) ? series.chunk.lastTime : kNoTime;
    if (series.has(HotSeries::HasOutOfOrder)) {
        const LateSeries& late = page->late.at(static_cast<std::uint8_t>(position));
        for (const ClosedChunk& chunk : late.chunks) {
            first = std::min(first, chunk.minTime);
            last = std::max(last, chunk.maxTime);
        }
        if (!late.pending.empty()) {
            first = std::min(first, late.pending.front().time);
            last = std::max(last, late.pending.back().time);
        }
    }
    const TimeInterval clamped{std::max(range.minTime, first), std::min(range.maxTime, last)};
    return clamped.minTime <= clamped.maxTime ? std::optional(clamped) : std::nullopt;
}

std::vector<HeadRef> Head::staleSeries() const
{
    std::vector<HeadRef> refs;
    for (std::uint32_t number = 0; number < table_.pageEnd(); ++number) {
        SeriesPage* page = table_.page(number);
        if (page == nullptr) {
            continue;
        }
        absl::ReaderMutexLock lock(&page->mutex);
        for (std::uint32_t position = 0; position < SeriesPage::kSeries; ++position) {
            const HotSeries& series = page->hot[position];
            if (series.has(HotSeries::Alive) && series.has(HotSeries::HasSamples) &&
                series.chunk.lastValue == model::kStaleBits && series.pending == 0 &&
                !series.has(HotSeries::HasOutOfOrder)) {
                refs.push_back(number * SeriesPage::kSeries + position);
            }
        }
    }
    return refs;
}

absl::Status Head::removeStale(std::span<const HeadRef> refs)
{
    // A deleted range, not all of time: 2.42 would hide what comes later, too.
    std::vector<WalTombstone> stones;
    for (const HeadRef ref : refs) {
        if (const auto range = clampToSamples(ref, {kNoTime, kForever})) {
            stones.push_back({ref, range->minTime, range->maxTime});
        }
    }
    if (stones.empty()) {
        return absl::OkStatus();
    }
    std::string record;
    writeTombstonesRecord(record, stones);
    NARTHEX_RETURN_IF_ERROR(journal_->commit(std::span<const std::string>(&record, 1)));
    absl::flat_hash_set<HeadRef> collected;
    for (const WalTombstone& stone : stones) {
        const auto ref = static_cast<HeadRef>(stone.ref);
        SeriesPage& page = *table_.page(SeriesTable::pageOf(ref));
        const std::uint32_t position = SeriesTable::positionOf(ref);
        const bool taken = index_.removeIf(ref, [&] {
            absl::MutexLock lock(&page.mutex);
            const HotSeries& series = page.hot[position];
            if (series.pending != 0 || series.chunk.lastTime != stone.maxTime ||
                series.has(HotSeries::HasOutOfOrder)) {
                return false; // it lives again
            }
            dropOldChunks(page, position, kForever);
            return collectIfEmpty(page, position);
        });
        if (taken) {
            collected.insert(ref);
        } else {
            hide(ref, {stone.minTime, stone.maxTime});
        }
    }
    forget(collected);
    return absl::OkStatus();
}

Head::HistogramPresence Head::histogramPresence() const
{
    HistogramPresence presence;
    if (counters_.histogramBytes.load() == 0) {
        return presence;
    }
    for (std::uint32_t number = 0; number < table_.pageEnd(); ++number) {
        SeriesPage* page = table_.page(number);
        if (page == nullptr) {
            continue;
        }
        absl::ReaderMutexLock lock(&page->mutex);
        for (const ColdSeries& cold : page->cold) {
            if (cold.histogram != nullptr) {
                ++presence.series;
                presence.buckets += cold.histogram->bucketCount();
            }
        }
    }
    return presence;
}

} // namespace narthex::tsdb
