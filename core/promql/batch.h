// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What flows between the nodes of a running query: series as columns over all steps.
// Owner: the node that made it; moved, never shared. Threads: different rows from different
// threads. Units: milliseconds since the epoch.
#pragma once

#include "core/model/labels.h"
#include "core/promql/value.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

namespace narthex::promql {

/// The steps at which an expression is evaluated.
struct Grid
{
    std::int64_t start = 0;
    std::int64_t step = 1;
    std::size_t count = 1;

    [[nodiscard]] std::int64_t at(std::size_t i) const
    {
        return start + static_cast<std::int64_t>(i) * step;
    }
    [[nodiscard]] std::int64_t last() const { return at(count - 1); }
    friend bool operator==(const Grid&, const Grid&) = default;
};

enum class Cell : std::uint8_t
{
    None,
    Float,
    Histogram
};

/// One series: a cell for each step.
struct Row
{
    model::Labels labels;
    /// The metric name is to be dropped at the end of the query.
    bool dropName = false;
    std::vector<Cell> cells;
    /// Where the cell is Float.
    std::vector<double> values;
    /// Empty, or as long as the cells: set where the cell is Histogram.
    std::vector<HistogramPtr> histograms;

    /// All cells None.
    void resize(std::size_t steps)
    {
        cells.assign(steps, Cell::None);
        values.assign(steps, 0.0);
        histograms.clear();
    }
    /// As resize(), but what the cells and values are is left open.
    void resizeForOverwrite(std::size_t steps)
    {
        cells.resize(steps);
        values.resize(steps);
        histograms.clear();
    }
    void setFloat(std::size_t i, double value)
    {
        cells[i] = Cell::Float;
        values[i] = value;
    }
    void setHistogram(std::size_t i, HistogramPtr histogram)
    {
        if (histograms.empty()) {
            histograms.resize(cells.size());
        }
        cells[i] = Cell::Histogram;
        histograms[i] = std::move(histogram);
    }
    /// Copies cell `from` of `other`.
    void setFrom(std::size_t i, const Row& other, std::size_t from)
    {
        if (other.cells[from] == Cell::Float) {
            setFloat(i, other.values[from]);
        } else if (other.cells[from] == Cell::Histogram) {
            setHistogram(i, other.histograms[from]);
        }
    }
    [[nodiscard]] bool has(std::size_t i) const { return cells[i] != Cell::None; }
    [[nodiscard]] std::size_t pointCount() const
    {
        std::size_t count = 0;
        for (const Cell cell : cells) {
            count += cell != Cell::None ? 1U : 0U;
        }
        return count;
    }
    [[nodiscard]] bool isEmpty() const
    {
        for (const Cell cell : cells) {
            if (cell != Cell::None) {
                return false;
            }
        }
        return true;
    }
    [[nodiscard]] bool hasHistograms() const
    {
        return !histograms.empty() &&
               std::find(cells.begin(), cells.end(), Cell::Histogram) != cells.end();
    }
    /// Behind the last of the cells from `from` on, up to `to`, that are of the same kind.
    [[nodiscard]] std::size_t endOfRun(std::size_t from, std::size_t to) const
    {
        const Cell kind = cells[from];
        constexpr std::size_t kWord = sizeof(std::uint64_t);
        const std::uint64_t pattern = 0x0101'0101'0101'0101U * static_cast<std::uint64_t>(kind);
        for (; from + kWord <= to; from += kWord) {
            std::uint64_t word = 0;
            std::memcpy(&word, &cells[from], kWord);
            if (word != pattern) {
                break;
            }
        }
        while (from < to && cells[from] == kind) {
            ++from;
        }
        return from;
    }
};
static_assert(sizeof(Cell) == 1);
using Rows = std::vector<Row>;

/// A number for each step.
using ScalarColumn = std::vector<double>;

} // namespace narthex::promql
