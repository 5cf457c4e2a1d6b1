// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/sample_counts.h"

#include <algorithm>

namespace narthex::promql {
namespace {

void addEach(std::vector<std::uint64_t>& to, const std::vector<std::uint64_t>& other)
{
    for (std::size_t i = 0; i < std::min(to.size(), other.size()); ++i) {
        to[i] += other[i];
    }
}

/// Counts the samples of one kind. `weightUpTo(n)`: of the first n of them.
template <typename WeightUpTo>
void countColumn(const std::vector<std::int64_t>& times, const CountedWindows& windows,
                 WeightUpTo weightUpTo, StepCounts& counts)
{
    std::size_t low = 0;
    std::size_t high = 0;
    for (std::size_t i = 0; i < windows.count; ++i) {
        const std::int64_t end = windows.firstEnd + static_cast<std::int64_t>(i) * windows.step;
        const std::size_t seen = high;
        while (high < times.size() && times[high] <= end) {
            ++high;
        }
        while (low < high && times[low] <= end - windows.width) {
            ++low;
        }
        if (low == high) {
            continue;
        }
        counts.addQueryable(i, weightUpTo(high) - weightUpTo(low));
        if (!windows.readElsewhere) {
            counts.addRead(i, weightUpTo(high) - weightUpTo(std::max(low, seen)));
        }
    }
}

} // namespace

void StepCounts::add(const StepCounts& other)
{
    queryable += other.queryable;
    read += other.read;
    addEach(queryablePerStep, other.queryablePerStep);
    addEach(readPerStep, other.readPerStep);
}

void StepCounts::addInvariant(const StepCounts& part, std::size_t steps)
{
    for (std::size_t i = 0; i < steps; ++i) {
        addQueryable(i, part.queryable);
    }
    addRead(0, part.read);
}

void StepCounts::addSubquery(const StepCounts& inside, const Grid& inner, const Grid& outer,
                             const NodePlan& subquery)
{
    if (outer.count <= 1 || !inside.perStep()) {
        addRead(0, inside.read);
        return;
    }
    for (std::size_t i = 0; i < inside.readPerStep.size(); ++i) {
        const std::int64_t at = inner.at(i) + subquery.offsetMs;
        std::size_t step = 0;
        if (at > outer.start) {
            step = static_cast<std::size_t>((at - outer.start + outer.step - 1) / outer.step);
        }
        step = std::min(step, outer.count - 1);
        if (at > outer.at(step) - subquery.rangeMs) {
            addRead(step, inside.readPerStep[i]);
        }
    }
}

std::uint64_t weightOf(const model::FloatHistogram& histogram)
{
    constexpr std::size_t kPointBytes = 8;
    constexpr std::size_t kFixedBytes = 168;
    constexpr std::size_t kEntryBytes = 8;
    constexpr std::size_t kSampleBytes = 16;
    const std::size_t entries = histogram.positiveSpans.size() + histogram.negativeSpans.size() +
                                histogram.positiveBuckets.size() +
                                histogram.negativeBuckets.size() + histogram.customValues.size();
    return (kPointBytes + kFixedBytes + kEntryBytes * entries) / kSampleBytes;
}

std::uint64_t weightOf(const Row& row)
{
    std::uint64_t weight = row.pointCount();
    for (const HistogramPtr& histogram : row.histograms) {
        weight += histogram ? weightOf(*histogram) - 1 : 0;
    }
    return weight;
}

std::uint64_t weightOf(const storage::SampleColumns& columns)
{
    std::uint64_t weight = columns.times.size();
    for (const HistogramPtr& histogram : columns.histograms) {
        weight += weightOf(*histogram);
    }
    return weight;
}

void countRow(const Row& row, StepCounts& counts)
{
    if (!counts.perStep()) {
        const std::uint64_t weight = weightOf(row);
        counts.queryable += weight;
        counts.read += weight;
        return;
    }
    for (std::size_t i = 0; i < row.cells.size(); ++i) {
        if (row.has(i)) {
            const std::uint64_t weight =
                row.cells[i] == Cell::Histogram ? weightOf(*row.histograms[i]) : 1;
            counts.addQueryable(i, weight);
            counts.addRead(i, weight);
        }
    }
}

void countWindows(const storage::SampleColumns& columns, const CountedWindows& windows,
                  StepCounts& counts)
{
    countColumn(
        columns.times, windows, [](std::size_t n) { return std::uint64_t{n}; }, counts);
    if (columns.histograms.empty()) {
        return;
    }
    std::vector<std::uint64_t> sums{0};
    sums.reserve(columns.histograms.size() + 1);
    for (const HistogramPtr& histogram : columns.histograms) {
        sums.push_back(sums.back() + weightOf(*histogram));
    }
    countColumn(
        columns.histogramTimes, windows, [&sums](std::size_t n) { return sums[n]; }, counts);
}

void countWindows(std::span<const std::uint32_t> low, std::span<const std::uint32_t> high,
                  bool readElsewhere, StepCounts& counts)
{
    if (counts.perStep()) {
        for (std::size_t i = 0; i < low.size(); ++i) {
            const std::uint32_t seen = std::max(low[i], i == 0 ? 0 : high[i - 1]);
            counts.addQueryable(i, high[i] - low[i]);
            counts.addRead(i, readElsewhere ? 0 : high[i] - seen);
        }
        return;
    }
    std::uint64_t queryable = 0;
    std::uint64_t read = 0;
    std::uint32_t before = 0;
    for (std::size_t i = 0; i < low.size(); ++i) {
        queryable += high[i] - low[i];
        read += high[i] - std::max(low[i], before);
        before = high[i];
    }
    counts.queryable += queryable;
    counts.read += readElsewhere ? 0 : read;
}

} // namespace narthex::promql
