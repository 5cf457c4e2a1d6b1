// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Functions over the windows of one series of floats, all steps at once: neighbouring windows share
// most of their samples, and what was found out about them. Each gives, bit for bit, what the
// function of window.h gives for every window alone (only which of several NaN is undefined).
// Owner: the evaluation of one call; a scratch belongs to one thread at a time.
// Threads: pure functions. Units: milliseconds. Source: spec/promql.md, Counters and rates, Over
// time.
#pragma once

#include "core/promql/batch.h"

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace narthex::promql {

/// The windows of a series, step by step; neither edge ever moves back.
struct WindowColumn
{
    /// Strictly ascending; without stale markers.
    std::span<const std::int64_t> times;
    std::span<const double> values;
    /// The samples inside are [low[i], high[i]).
    std::span<const std::uint32_t> low;
    std::span<const std::uint32_t> high;
    /// Right edge at the first step, and how it moves; 0: it stands still.
    std::int64_t firstEnd = 0;
    std::int64_t stepMs = 0;
    std::int64_t rangeMs = 0;
    /// The scalar argument by step; empty when the function has none.
    std::span<const double> argument{};

    [[nodiscard]] std::size_t steps() const { return low.size(); }
    [[nodiscard]] std::int64_t end(std::size_t step) const
    {
        return firstEnd + static_cast<std::int64_t>(step) * stepMs;
    }
};

/// Memory that is used again for the next series.
struct WindowScratch
{
    std::vector<std::uint32_t> low;
    std::vector<std::uint32_t> high;
    std::vector<std::uint32_t> indices;
    std::vector<double> numbers;
    std::vector<std::uint64_t> keys;
};

/// Finds low and high of a column whose times and edges are set; they live in `scratch`.
void findWindows(WindowColumn& column, std::size_t steps, WindowScratch& scratch);

/// Writes every step of `row`, which has its size; None where the window gives nothing.
using ColumnFunction = void (*)(const WindowColumn& column, WindowScratch& scratch, Row& row);

/// Null for functions that have no such form.
ColumnFunction findColumnFunction(std::string_view name);

// Those that have a source of their own.
void columnQuantile(const WindowColumn& column, WindowScratch& scratch, Row& row);
void columnDeviation(const WindowColumn& column, WindowScratch& scratch, Row& row);
void columnSum(const WindowColumn& column, WindowScratch& scratch, Row& row);
void columnAverage(const WindowColumn& column, WindowScratch& scratch, Row& row);
void columnVariance(const WindowColumn& column, WindowScratch& scratch, Row& row);
void columnStandardDeviation(const WindowColumn& column, WindowScratch& scratch, Row& row);

/// Calls `body(step, low, high)` for every window with samples and takes its number; the others get
/// nothing.
template <typename Body>
void forEachWindow(const WindowColumn& column, Row& row, Body body)
{
    for (std::size_t step = 0; step < column.steps(); ++step) {
        const std::uint32_t low = column.low[step];
        const std::uint32_t high = column.high[step];
        if (low == high) {
            row.cells[step] = Cell::None;
        } else {
            row.values[step] = body(step, low, high);
            row.cells[step] = Cell::Float;
        }
    }
}

} // namespace narthex::promql
