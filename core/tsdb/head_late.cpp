// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Head: samples out of order. They stand beside the series' chunks until a compaction makes blocks
// of their own of them. Format: spec/tsdb.md, 12.4 Out of order, 14.
#include "core/base/status.h"
#include "core/tsdb/block.h"
#include "core/tsdb/head.h"
#include "core/tsdb/merged_querier.h"
#include "core/tsdb/recode.h"
#include "core/tsdb/wal_batches.h"
#include "core/tsdb/xor_chunk.h"

#include <algorithm>
#include <bit>

namespace narthex::tsdb {
namespace {

constexpr std::size_t kSamplesAChunk = 120;

/// Encodes samples, ascending in time and possibly of several kinds, as chunks that do not overlap.
std::vector<ExportedChunk> encodeLate(std::span<const LateSample> samples)
{
    std::vector<ExportedChunk> chunks;
    for (std::size_t begin = 0; begin < samples.size();) {
        const bool isHistogram = samples[begin].histogram != nullptr;
        std::size_t end = begin;
        while (end < samples.size() && (samples[end].histogram != nullptr) == isHistogram &&
               (isHistogram || end - begin < kSamplesAChunk)) {
            ++end;
        }
        if (isHistogram) {
            std::vector<HistogramSample> run;
            for (std::size_t i = begin; i < end; ++i) {
                run.push_back({samples[i].time, *samples[i].histogram, samples[i].start});
            }
            encodeHistograms(run, chunks);
        } else {
            std::vector<std::int64_t> times;
            std::vector<double> values;
            std::vector<std::int64_t> starts;
            for (std::size_t i = begin; i < end; ++i) {
                times.push_back(samples[i].time);
                values.push_back(std::bit_cast<double>(samples[i].valueBits));
                starts.push_back(samples[i].start);
            }
            chunks.push_back(encodeFloats(times, values, starts));
        }
        begin = end;
    }
    return chunks;
}

/// Appends the samples of a chunk in the range.
absl::Status decodeLate(const ClosedChunk& chunk, std::int64_t fromMs, std::int64_t toMs,
                        std::vector<LateSample>& out)
{
    if (chunk.encoding == ChunkEncoding::Xor || chunk.encoding == ChunkEncoding::Xor2) {
        storage::SampleColumns columns;
        NARTHEX_RETURN_IF_ERROR(
            decodeChunk({chunk.encoding, chunk.bytes()}, fromMs, toMs, columns));
        columns.padStartTimes();
        for (std::size_t i = 0; i < columns.times.size(); ++i) {
            out.push_back({columns.times[i], std::bit_cast<std::uint64_t>(columns.values[i]),
                           nullptr, columns.startTimes.empty() ? 0 : columns.startTimes[i]});
        }
        return absl::OkStatus();
    }
    std::vector<HistogramSample> samples;
    NARTHEX_RETURN_IF_ERROR(
        decodeHistogramSamples(chunk.encoding, chunk.bytes(), fromMs, toMs, samples));
    for (HistogramSample& sample : samples) {
        out.push_back({sample.time, 0, std::make_unique<HistogramValue>(std::move(sample.value)),
                       sample.start});
    }
    return absl::OkStatus();
}

} // namespace

/// Records for the write-behind log: within one batch the markers count before the samples, so a
/// second marker of a series begins another batch.
class Head::LateLog
{
public:
    void addMarker(HeadRef ref, HeadChunkDiskRef chunk)
    {
        if (!marked_.insert(ref).second) {
            endBatch();
            marked_.insert(ref);
        }
        markers_.push_back({ref, chunk});
    }
    void addSample(const PendingLate& sample)
    {
        if (sample.isHistogram()) {
            histograms_.push_back({sample.ref, sample.time, sample.histogram, sample.start});
        } else {
            samples_.push_back({sample.ref, sample.time, sample.valueBits});
            starts_.push_back(sample.start);
            hasStarts_ = hasStarts_ || sample.start != 0;
        }
    }
    absl::Status write(Journal& journal)
    {
        endBatch();
        return journal.commit(std::span<const std::string>(records_));
    }

private:
    void endBatch()
    {
        if (!markers_.empty()) {
            writeMarkersRecord(records_.emplace_back(), markers_);
        }
        if (!samples_.empty()) {
            std::string& record = records_.emplace_back();
            hasStarts_ ? writeStartedSamplesRecord(record, samples_, starts_)
                       : writeSamplesRecord(record, samples_);
        }
        appendHistogramRecords(records_, histograms_);
        marked_.clear();
        markers_.clear();
        samples_.clear();
        starts_.clear();
        hasStarts_ = false;
        histograms_.clear();
    }

    std::vector<std::string> records_;
    absl::flat_hash_set<HeadRef> marked_;
    std::vector<WalMmapMarker> markers_;
    std::vector<WalSample> samples_;
    std::vector<std::int64_t> starts_; // of samples_
    bool hasStarts_ = false;
    std::vector<WalHistogram> histograms_;
};

void Head::setLateJournal(std::unique_ptr<Journal> journal)
{
    lateJournal_ = std::move(journal);
    lateJournalInUse_.store(lateJournal_.get(), std::memory_order_release);
}

// A full list becomes one chunk or, when kinds mix, several; it stays a list if they cannot be
// written.
absl::Status Head::flushLate(LateSeries& late, HeadRef ref, LateLog* log)
{
    std::vector<ClosedChunk> written;
    HeadChunkDiskRef newest = 0;
    for (const ExportedChunk& chunk : encodeLate(late.pending)) {
        const absl::StatusOr<HeadChunkFiles::Place> place =
            files_->write({.seriesRef = ref,
                           .minTime = chunk.minTime,
                           .maxTime = chunk.maxTime,
                           .encoding = chunk.encoding,
                           .isOutOfOrder = true,
                           .data = chunk.bytes});
        NARTHEX_RETURN_IF_ERROR(place.status());
        newest = place->ref;
        written.push_back({.minTime = chunk.minTime,
                           .maxTime = chunk.maxTime,
                           .data = place->data,
                           .sizeBytes = static_cast<std::uint32_t>(chunk.bytes.size()),
                           .samples = static_cast<std::uint16_t>(chunk.samples),
                           .encoding = chunk.encoding,
                           .home = ClosedChunk::Mapped});
    }
    NARTHEX_RETURN_IF_ERROR(files_->flush());
    late.chunks.insert(late.chunks.end(), written.begin(), written.end());
    late.pending.clear();
    counters_.chunks.fetch_add(written.size(), std::memory_order_relaxed);
    counters_.chunksCreated.fetch_add(written.size(), std::memory_order_relaxed);
    counters_.chunksMapped.fetch_add(written.size(), std::memory_order_relaxed);
    if (log != nullptr) {
        log->addMarker(ref, newest);
    }
    return absl::OkStatus();
}

bool Head::insertLateOne(SeriesPage& page, HeadRef ref, const PendingLate& sample, LateLog* log)
{
    const std::uint32_t position = SeriesTable::positionOf(ref);
    HotSeries& series = page.hot[position];
    LateSeries& late = page.late[static_cast<std::uint8_t>(position)];
    if (!series.has(HotSeries::HasOutOfOrder)) {
        series.set(HotSeries::HasOutOfOrder);
        lateSeries_.fetch_add(1, std::memory_order_release);
        if (log != nullptr) {
            log->addMarker(ref, 0);
        }
    }
    const auto place =
        std::lower_bound(late.pending.begin(), late.pending.end(), sample.time,
                         [](const LateSample& s, std::int64_t time) { return s.time < time; });
    if (place != late.pending.end() && place->time == sample.time) {
        return false;
    }
    LateSample kept{sample.time, sample.valueBits, nullptr, sample.start};
    if (sample.isHistogram()) {
        kept.histogram = std::make_unique<HistogramValue>(sample.histogram);
    }
    if (late.pending.size() >= options_.lateCapacity && files_ != nullptr &&
        flushLate(late, ref, log).ok()) {
        late.pending.push_back(std::move(kept));
    } else {
        // Without a place for chunks the list just grows.
        late.pending.insert(place, std::move(kept));
    }
    if (log != nullptr) {
        log->addSample(sample);
    }
    extendLateTimes(sample.time, sample.time);
    return true;
}

absl::Status Head::insertLate(std::span<const PendingLate> samples)
{
    LateLog log;
    std::uint64_t floats = 0;
    std::uint64_t histograms = 0;
    for (const PendingLate& sample : samples) {
        SeriesPage& page = *table_.page(SeriesTable::pageOf(sample.ref));
        absl::MutexLock lock(&page.mutex);
        --page.hot[SeriesTable::positionOf(sample.ref)].pending;
        if (insertLateOne(page, sample.ref, sample, &log)) {
            ++(sample.isHistogram() ? histograms : floats);
        }
    }
    counters_.lateSamplesAppended.fetch_add(floats, std::memory_order_relaxed);
    counters_.lateHistogramsAppended.fetch_add(histograms, std::memory_order_relaxed);
    Journal* journal = lateJournal();
    if (journal == nullptr) {
        return base::unavailable("the log for samples out of order is not open");
    }
    return log.write(*journal);
}

std::uint64_t Head::restoreLate(std::span<const PendingLate> samples)
{
    std::uint64_t unknown = 0;
    for (const PendingLate& sample : samples) {
        SeriesPage* page = table_.page(SeriesTable::pageOf(sample.ref));
        if (page == nullptr) {
            ++unknown;
            continue;
        }
        absl::MutexLock lock(&page->mutex);
        if (!page->hot[SeriesTable::positionOf(sample.ref)].has(HotSeries::Alive)) {
            ++unknown;
            continue;
        }
        insertLateOne(*page, sample.ref, sample, nullptr);
    }
    return unknown;
}

void Head::restoreLateMarker(HeadRef ref, HeadChunkDiskRef chunk)
{
    SeriesPage* page = table_.page(SeriesTable::pageOf(ref));
    if (chunk == 0 || chunk > newestLoaded_ || page == nullptr) {
        return;
    }
    absl::MutexLock lock(&page->mutex);
    const auto late = page->late.find(static_cast<std::uint8_t>(SeriesTable::positionOf(ref)));
    if (late != page->late.end()) {
        late->second.pending.clear();
    }
}

absl::Status Head::readLate(const SeriesPage& page, std::uint32_t position, std::int64_t fromMs,
                            std::int64_t toMs, std::size_t samplesFrom, std::size_t histogramsFrom,
                            storage::SampleColumns& out) const
{
    const auto found = page.late.find(static_cast<std::uint8_t>(position));
    if (found == page.late.end()) {
        return absl::OkStatus();
    }
    storage::SampleColumns more;
    for (const ClosedChunk& chunk : found->second.chunks) {
        if (chunk.maxTime >= fromMs && chunk.minTime <= toMs) {
            more.clear();
            NARTHEX_RETURN_IF_ERROR(
                decodeChunk({chunk.encoding, chunk.bytes()}, fromMs, toMs, more));
            mergeColumns(out, samplesFrom, histogramsFrom, more);
        }
    }
    more.clear();
    bool isStarted = false;
    for (const LateSample& sample : found->second.pending) {
        if (sample.time < fromMs || sample.time > toMs) {
            continue;
        }
        isStarted = isStarted || sample.start != 0;
        if (sample.histogram != nullptr) {
            more.histogramTimes.push_back(sample.time);
            more.histogramStartTimes.push_back(sample.start);
            more.histograms.push_back(sample.histogram->asFloat());
        } else {
            more.times.push_back(sample.time);
            more.startTimes.push_back(sample.start);
            more.values.push_back(std::bit_cast<double>(sample.valueBits));
        }
    }
    if (!isStarted) {
        more.startTimes.clear();
        more.histogramStartTimes.clear();
    }
    mergeColumns(out, samplesFrom, histogramsFrom, more);
    return absl::OkStatus();
}

absl::StatusOr<Head::LateCut> Head::beginLateCut()
{
    LateCut cut;
    Journal* journal = lateJournal();
    if (journal != nullptr) {
        NARTHEX_ASSIGN_OR_RETURN(cut.segment, journal->startNextSegment());
    }
    LateLog log;
    for (std::uint32_t number = 0; number < table_.pageEnd(); ++number) {
        SeriesPage* page = table_.page(number);
        if (page == nullptr) {
            continue;
        }
        absl::MutexLock lock(&page->mutex);
        for (auto& [position, late] : page->late) {
            const HeadRef ref = number * SeriesPage::kSeries + position;
            if (!late.pending.empty()) {
                NARTHEX_RETURN_IF_ERROR(flushLate(late, ref, &log));
            }
            for (const ClosedChunk& chunk : late.chunks) {
                cut.minTime = std::min(cut.minTime, chunk.minTime);
                cut.maxTime = std::max(cut.maxTime, chunk.maxTime);
            }
            if (!late.chunks.empty()) {
                cut.chunks[ref] = static_cast<std::uint32_t>(late.chunks.size());
            }
        }
    }
    if (journal != nullptr) {
        NARTHEX_RETURN_IF_ERROR(log.write(*journal));
    }
    return cut;
}

absl::Status Head::exportLate(HeadRef ref, std::uint32_t chunks, std::int64_t fromMs,
                              std::int64_t toMs, std::vector<ExportedChunk>& out) const
{
    std::vector<LateSample> samples;
    {
        SeriesPage& page = *table_.page(SeriesTable::pageOf(ref));
        const auto position = static_cast<std::uint8_t>(SeriesTable::positionOf(ref));
        absl::ReaderMutexLock lock(&page.mutex);
        const auto found = page.late.find(position);
        if (found == page.late.end()) {
            return absl::OkStatus();
        }
        for (std::uint32_t i = 0; i < chunks; ++i) {
            const ClosedChunk& chunk = found->second.chunks[i];
            if (chunk.maxTime >= fromMs && chunk.minTime <= toMs) {
                NARTHEX_RETURN_IF_ERROR(decodeLate(chunk, fromMs, toMs, samples));
            }
        }
        if (page.hot[position].has(HotSeries::HasDeleted)) {
            const TimeIntervals& deleted = page.deleted.at(position);
            std::erase_if(samples, [&deleted](const LateSample& s) {
                return std::any_of(deleted.begin(), deleted.end(), [&s](const TimeInterval& i) {
                    return s.time >= i.minTime && s.time <= i.maxTime;
                });
            });
        }
    }
    std::stable_sort(samples.begin(), samples.end(),
                     [](const LateSample& a, const LateSample& b) { return a.time < b.time; });
    samples.erase(
        std::unique(samples.begin(), samples.end(),
                    [](const LateSample& a, const LateSample& b) { return a.time == b.time; }),
        samples.end());
    const std::size_t before = out.size();
    for (ExportedChunk& chunk : encodeLate(samples)) {
        out.push_back(std::move(chunk));
    }
    return options_.usesXor2 ? encodeAsXor2(out, before) : absl::OkStatus();
}

std::int64_t Head::firstLateFrom(const LateCut& cut, std::int64_t fromMs) const
{
    std::int64_t first = kForever;
    for (const auto& [ref, chunks] : cut.chunks) {
        SeriesPage& page = *table_.page(SeriesTable::pageOf(ref));
        absl::ReaderMutexLock lock(&page.mutex);
        const auto found = page.late.find(static_cast<std::uint8_t>(SeriesTable::positionOf(ref)));
        for (std::uint32_t i = 0; found != page.late.end() && i < chunks; ++i) {
            const ClosedChunk& chunk = found->second.chunks[i];
            if (chunk.maxTime >= fromMs) {
                first = std::min(first, std::max(chunk.minTime, fromMs));
            }
        }
    }
    return first;
}

void Head::endLateCut(const LateCut& cut)
{
    for (const auto& [ref, chunks] : cut.chunks) {
        SeriesPage& page = *table_.page(SeriesTable::pageOf(ref));
        const auto position = static_cast<std::uint8_t>(SeriesTable::positionOf(ref));
        absl::MutexLock lock(&page.mutex);
        const auto found = page.late.find(position);
        if (found == page.late.end()) {
            continue;
        }
        LateSeries& late = found->second;
        late.chunks.erase(late.chunks.begin(), late.chunks.begin() + chunks);
        counters_.chunks.fetch_sub(chunks, std::memory_order_relaxed);
        counters_.chunksRemoved.fetch_add(chunks, std::memory_order_relaxed);
        if (late.chunks.empty() && late.pending.empty()) {
            page.late.erase(found);
            page.hot[position].clear(HotSeries::HasOutOfOrder);
            lateSeries_.fetch_sub(1, std::memory_order_release);
        }
    }
}

} // namespace narthex::tsdb
