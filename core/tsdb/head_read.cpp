// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Head: how samples get out, and how old ones leave.
#include "core/base/status.h"
#include "core/tsdb/block.h"
#include "core/tsdb/head.h"
#include "core/tsdb/recode.h"
#include "core/tsdb/xor_chunk.h"

#include <algorithm>
#include <bit>

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

/// The open chunk of floats as it would be closed now.
absl::StatusOr<ExportedChunk> finished(const SeriesPage& page, std::uint32_t position)
    ABSL_SHARED_LOCKS_REQUIRED(page.mutex)
{
    const HotSeries& series = page.hot[position];
    std::string bytes(openBytes(series));
    xorFinish(series.chunk, reinterpret_cast<std::uint8_t*>(bytes.data()));
    if (!series.has(HotSeries::HasStarts)) {
        return ExportedChunk{xorFirstTime(series.data, series.chunk.sizeBytes()),
                             series.chunk.lastTime, ChunkEncoding::Xor, series.chunk.samples,
                             std::move(bytes)};
    }
    storage::SampleColumns columns;
    NARTHEX_RETURN_IF_ERROR(xorDecode(bytes, series.chunk.samples,
                                      std::numeric_limits<std::int64_t>::min(), kForever,
                                      columns.times, columns.values));
    appendStartTimes(page.starts.at(static_cast<std::uint8_t>(position)), columns.times,
                     columns.startTimes);
    return encodeFloats(columns.times, columns.values, columns.startTimes);
}

} // namespace

void Head::noteStart(SeriesPage& page, std::uint32_t position, std::int64_t time,
                     std::int64_t start)
{
    HotSeries& series = page.hot[position];
    StartChanges& changes = page.starts[static_cast<std::uint8_t>(position)];
    if (!series.has(HotSeries::HasStarts)) {
        series.set(HotSeries::HasStarts);
        changes.clear();
        if (series.chunk.samples > 1) {
            changes.push_back({std::numeric_limits<std::int64_t>::min(), 0});
        }
    }
    if (changes.empty() || changes.back().start != start) {
        changes.push_back({time, start});
    }
}

void Head::closeStarted(SeriesPage& page, std::uint32_t position)
{
    HotSeries& series = page.hot[position];
    absl::StatusOr<ExportedChunk> whole = finished(page, position);
    NARTHEX_CHECK(whole.ok()); // this process wrote it
    addClosedBytes(page, position,
                   {.minTime = whole->minTime,
                    .maxTime = whole->maxTime,
                    .samples = static_cast<std::uint16_t>(whole->samples),
                    .encoding = whole->encoding},
                   whole->bytes);
    pool_.release(series.data, series.sizeClass);
    series.data = nullptr;
    series.chunk.samples = 0;
    series.chunk.bitCount = 0;
    series.clear(HotSeries::HasStarts);
    page.starts.erase(static_cast<std::uint8_t>(position));
}

std::optional<std::int64_t> Head::firstTime(const SeriesPage& page, std::uint32_t position) const
{
    const HotSeries& series = page.hot[position];
    const ColdSeries& cold = page.cold[position];
    if (!cold.closed.empty()) {
        return cold.closed.front().minTime;
    }
    if (series.chunk.samples != 0) {
        return xorFirstTime(series.data, series.chunk.sizeBytes());
    }
    if (cold.histogram != nullptr) {
        return cold.histogram->firstTime();
    }
    return std::nullopt;
}

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
    const std::size_t samplesFrom = out.times.size();
    const std::size_t histogramsFrom = out.histogramTimes.size();
    const ColdSeries& cold = page.cold[position];
    const std::int64_t to = std::min(toMs, lastSeen(page, position, view));
    for (const ClosedChunk& chunk : cold.closed) {
        if (chunk.maxTime >= fromMs && chunk.minTime <= to) {
            NARTHEX_RETURN_IF_ERROR(
                chunk.encoding == ChunkEncoding::Xor
                    ? xorDecode(chunk.bytes(), chunk.samples, fromMs, to, out.times, out.values)
                    : decodeChunk({chunk.encoding, chunk.bytes()}, fromMs, to, out));
        }
    }
    if (series.chunk.samples != 0 && series.chunk.lastTime >= fromMs) {
        const std::size_t before = out.times.size();
        NARTHEX_RETURN_IF_ERROR(
            xorDecode(openBytes(series), series.chunk.samples, fromMs, to, out.times, out.values));
        if (series.has(HotSeries::HasStarts)) [[unlikely]] {
            out.startTimes.resize(before);
            appendStartTimes(page.starts.at(static_cast<std::uint8_t>(position)),
                             std::span(out.times).subspan(before), out.startTimes);
        }
    }
    if (cold.histogram != nullptr && series.chunk.lastTime >= fromMs) {
        NARTHEX_RETURN_IF_ERROR(
            decodeChunk({cold.histogram->encoding(), cold.histogram->bytes()}, fromMs, to, out));
    }
    if (series.has(HotSeries::HasOutOfOrder)) [[unlikely]] {
        NARTHEX_RETURN_IF_ERROR(
            readLate(page, position, fromMs, toMs, samplesFrom, histogramsFrom, out));
    }
    if (series.has(HotSeries::HasDeleted)) [[unlikely]] {
        removeDeleted(page.deleted.at(static_cast<std::uint8_t>(position)), samplesFrom,
                      histogramsFrom, out);
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
    if (!series.has(HotSeries::Alive)) {
        return std::nullopt;
    }
    if (!series.has(HotSeries::HasOutOfOrder)) {
        if (!series.has(HotSeries::HasSamples) || series.chunk.lastTime < fromMs) {
            return std::nullopt;
        }
        const auto first = firstTime(page, position);
        if (!first || *first > std::min(toMs, lastSeen(page, position, view))) {
            return std::nullopt;
        }
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
    const std::size_t before = out.size();
    static const TimeIntervals kNone;
    const TimeIntervals& deleted = series.has(HotSeries::HasDeleted)
                                       ? page.deleted.at(static_cast<std::uint8_t>(position))
                                       : kNone;
    for (const ClosedChunk& chunk : page.cold[position].closed) {
        if (chunk.maxTime < fromMs || chunk.minTime > toMs) {
            continue;
        }
        if (chunk.minTime >= fromMs && chunk.maxTime <= toMs && deleted.empty()) {
            out.push_back({chunk.minTime, chunk.maxTime, chunk.encoding, chunk.samples,
                           std::string(chunk.bytes())});
        } else {
            NARTHEX_RETURN_IF_ERROR(
                recodeChunk({chunk.encoding, chunk.bytes()}, fromMs, toMs, deleted, out));
        }
    }
    if (series.chunk.samples != 0 && series.chunk.lastTime >= fromMs) {
        NARTHEX_ASSIGN_OR_RETURN(const ExportedChunk open, finished(page, position));
        NARTHEX_RETURN_IF_ERROR(
            recodeChunk({open.encoding, open.bytes}, fromMs, toMs, deleted, out));
    }
    const auto& histogram = page.cold[position].histogram;
    if (histogram != nullptr && histogram->lastTime() >= fromMs && histogram->firstTime() <= toMs) {
        NARTHEX_RETURN_IF_ERROR(
            recodeChunk({histogram->encoding(), histogram->bytes()}, fromMs, toMs, deleted, out));
    }
    return options_.usesXor2 ? encodeAsXor2(out, before) : absl::OkStatus();
}

absl::Status Head::eachOpenChunk(
    absl::FunctionRef<absl::Status(const SnapshotSeries& series, const TimeIntervals& deleted)>
        visit) const
{
    static const TimeIntervals kNone;
    std::string bytes;
    for (std::uint32_t number = 0; number < table_.pageEnd(); ++number) {
        SeriesPage* page = table_.page(number);
        if (page == nullptr) {
            continue;
        }
        absl::ReaderMutexLock lock(&page->mutex);
        for (std::uint32_t position = 0; position < SeriesPage::kSeries; ++position) {
            const HotSeries& series = page->hot[position];
            if (!series.has(HotSeries::Alive)) {
                continue;
            }
            SnapshotSeries out{.ref = number * SeriesPage::kSeries + position,
                               .labels =
                                   model::Labels::fromBytes(std::string(page->labels(position)))};
            const auto& histogram = page->cold[position].histogram;
            if (series.chunk.samples != 0) {
                NARTHEX_ASSIGN_OR_RETURN(const ExportedChunk open, finished(*page, position));
                bytes = open.bytes;
                out.chunk =
                    SnapshotChunk{.minTime = open.minTime,
                                  .maxTime = open.maxTime,
                                  .encoding = open.encoding,
                                  .bytes = bytes,
                                  .lastValue = std::bit_cast<double>(series.chunk.lastValue)};
            } else if (histogram != nullptr) {
                std::vector<HistogramSample> last;
                NARTHEX_RETURN_IF_ERROR(
                    decodeHistogramSamples(histogram->encoding(), histogram->bytes(),
                                           histogram->lastTime(), histogram->lastTime(), last));
                out.chunk = SnapshotChunk{.minTime = histogram->firstTime(),
                                          .maxTime = histogram->lastTime(),
                                          .encoding = histogram->encoding(),
                                          .bytes = histogram->bytes(),
                                          .lastHistogram = std::move(last.at(0).value)};
            }
            const TimeIntervals& deleted =
                series.has(HotSeries::HasDeleted)
                    ? page->deleted.at(static_cast<std::uint8_t>(position))
                    : kNone;
            NARTHEX_RETURN_IF_ERROR(visit(out, deleted));
        }
    }
    return absl::OkStatus();
}

} // namespace narthex::tsdb
