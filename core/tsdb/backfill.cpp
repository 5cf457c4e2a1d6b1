// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/backfill.h"

#include "core/base/file.h"
#include "core/base/status.h"
#include "core/tsdb/block_plan.h"
#include "core/tsdb/block_writer.h"
#include "core/tsdb/ulid.h"
#include "core/tsdb/xor_chunk.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

namespace narthex::tsdb {
namespace {

constexpr std::int64_t kSmallestWindowMs = 2 * 3'600'000LL;
constexpr std::size_t kSamplesAChunk = 120;

/// Sorts by time and keeps the first of equal times; how many went.
std::size_t sortByTime(std::vector<std::int64_t>& times, std::vector<double>& values)
{
    const auto ascending = [&times] {
        return std::adjacent_find(times.begin(), times.end(), std::greater_equal<>()) ==
               times.end();
    };
    if (ascending()) {
        return 0;
    }
    std::vector<std::size_t> order(times.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&times](std::size_t a, std::size_t b) { return times[a] < times[b]; });
    std::vector<std::int64_t> sortedTimes;
    std::vector<double> sortedValues;
    for (const std::size_t i : order) {
        if (sortedTimes.empty() || sortedTimes.back() != times[i]) {
            sortedTimes.push_back(times[i]);
            sortedValues.push_back(values[i]);
        }
    }
    const std::size_t dropped = times.size() - sortedTimes.size();
    times = std::move(sortedTimes);
    values = std::move(sortedValues);
    return dropped;
}

ExportedChunk encode(const std::vector<std::int64_t>& times, const std::vector<double>& values)
{
    return {times.front(), times.back(), ChunkEncoding::Xor,
            static_cast<std::uint32_t>(times.size()), xorEncode(times, values)};
}

bool areApart(const std::vector<ExportedChunk>& chunks)
{
    for (std::size_t i = 1; i < chunks.size(); ++i) {
        if (chunks[i].minTime <= chunks[i - 1].maxTime) {
            return false;
        }
    }
    return true;
}

} // namespace

std::int64_t backfillWindowMs(std::int64_t maxBlockMs)
{
    // No retention: the largest range is 31 days.
    std::int64_t window = kSmallestWindowMs;
    const std::vector<std::int64_t> ranges = compactionRanges(kSmallestWindowMs, 0);
    for (const std::int64_t range : ranges) {
        if (range <= maxBlockMs) {
            window = range;
        }
    }
    return window;
}

std::int64_t windowStart(std::int64_t time, std::int64_t windowMs)
{
    return alignedStart(time, windowMs);
}

absl::StatusOr<BlockBuilder::Series> BlockBuilder::seriesFor(const model::Labels& labels)
{
    if (labels.empty()) {
        return base::invalidArgument("a series has no labels");
    }
    const auto next = static_cast<std::uint32_t>(entries_.size());
    const auto [place, isNew] = positions_.try_emplace(labels.bytes(), next);
    if (isNew) {
        entries_.push_back({.labels = labels});
    }
    return Series{place->second};
}

absl::Status BlockBuilder::add(Series series, std::int64_t time, double value)
{
    if (time < startMs_ || time - startMs_ >= windowMs_) {
        return base::invalidArgument("sample at {} is outside the window of {} from {}", time,
                                     base::formatDuration(base::Duration::fromMs(windowMs_)),
                                     startMs_);
    }
    const auto number = static_cast<std::uint32_t>(series);
    if (number >= entries_.size()) {
        return base::invalidArgument("series {} was not named by seriesFor()", number);
    }
    Entry& entry = entries_[number];
    entry.times.push_back(time);
    entry.values.push_back(value);
    ++samples_;
    if (entry.times.size() == kSamplesAChunk) {
        close(entry);
    }
    return absl::OkStatus();
}

absl::Status BlockBuilder::add(const model::Labels& labels, std::int64_t time, double value)
{
    NARTHEX_ASSIGN_OR_RETURN(const Series series, seriesFor(labels));
    return add(series, time, value);
}

void BlockBuilder::close(Entry& entry)
{
    if (entry.times.empty()) {
        return;
    }
    duplicates_ += sortByTime(entry.times, entry.values);
    entry.chunks.push_back(encode(entry.times, entry.values));
    entry.times.clear();
    entry.values.clear();
}

absl::Status BlockBuilder::settle(Entry& entry)
{
    close(entry);
    if (areApart(entry.chunks)) {
        return absl::OkStatus();
    }
    // Samples came from all over the window: once more, in the order in which they came.
    std::vector<std::int64_t> times;
    std::vector<double> values;
    for (const ExportedChunk& chunk : entry.chunks) {
        NARTHEX_RETURN_IF_ERROR(
            xorDecode(chunk.bytes, chunk.minTime, chunk.maxTime, times, values));
    }
    duplicates_ += sortByTime(times, values);
    entry.chunks.clear();
    for (std::size_t begin = 0; begin < times.size(); begin += kSamplesAChunk) {
        const auto from = static_cast<std::ptrdiff_t>(begin);
        const auto to = static_cast<std::ptrdiff_t>(std::min(begin + kSamplesAChunk, times.size()));
        entry.chunks.push_back(encode({times.begin() + from, times.begin() + to},
                                      {values.begin() + from, values.begin() + to}));
    }
    return absl::OkStatus();
}

std::vector<std::string> BlockBuilder::symbols() const
{
    base::StringSet found;
    for (const Entry& entry : entries_) {
        for (const model::LabelView& label : entry.labels) {
            for (const std::string_view text : {label.name, label.value}) {
                if (!found.contains(text)) {
                    found.emplace(text);
                }
            }
        }
    }
    std::vector<std::string> symbols(found.begin(), found.end());
    std::sort(symbols.begin(), symbols.end());
    return symbols;
}

absl::StatusOr<std::optional<BlockMeta>> BlockBuilder::write(const std::filesystem::path& directory,
                                                             const base::Clock& clock)
{
    if (samples_ == 0) {
        return std::nullopt;
    }
    NARTHEX_RETURN_IF_ERROR(base::makeDirectories(directory));
    positions_.clear();
    std::sort(entries_.begin(), entries_.end(),
              [](const Entry& a, const Entry& b) { return a.labels < b.labels; });
    const std::string ulid = makeUlid(clock.now());
    NARTHEX_ASSIGN_OR_RETURN(const std::unique_ptr<BlockWriter> writer,
                             BlockWriter::create(directory, ulid, symbols()));
    BlockMeta meta;
    meta.minTime = std::numeric_limits<std::int64_t>::max();
    meta.maxTime = std::numeric_limits<std::int64_t>::min();
    meta.sources = {ulid};
    for (Entry& entry : entries_) {
        NARTHEX_RETURN_IF_ERROR(settle(entry));
        if (!entry.chunks.empty()) {
            meta.minTime = std::min(meta.minTime, entry.chunks.front().minTime);
            meta.maxTime = std::max(meta.maxTime, entry.chunks.back().maxTime + 1);
        }
        NARTHEX_RETURN_IF_ERROR(writer->addSeries(entry.labels, entry.chunks));
        entry.chunks = {};
    }
    entries_.clear();
    samples_ = 0;
    NARTHEX_ASSIGN_OR_RETURN(meta, writer->finish(meta));
    return meta;
}

} // namespace narthex::tsdb
