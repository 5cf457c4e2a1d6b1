// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Sums, means and variances over columns. The order of compensated summing is part of the result,
// so that each window is summed anew from left to right; but several windows at once, for a single
// sum waits for its own last addition most of the time. Source: spec/promql.md, Traps for C++ 17.2;
// Aggregations, avg; Over time.
#include "core/promql/float_math.h"
#include "core/promql/window_columns.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace narthex::promql {
namespace {

/// Windows at a time.
constexpr std::size_t kLanes = 8;

/// One state, from the beginning of a window on.
template <typename State>
State stateOf(std::span<const double> values, State state = {})
{
    for (const double value : values) {
        state.add(value);
    }
    return state;
}

/// The states of kLanes windows, from their first step on: together as far as all of them reach,
/// then each alone.
template <typename Lanes, typename State>
void addLanes(const WindowColumn& column, std::size_t step, std::array<State, kLanes>& states)
{
    std::uint32_t common = column.high[step] - column.low[step];
    bool neighbours = true;
    for (std::size_t lane = 1; lane < kLanes; ++lane) {
        common = std::min(common, column.high[step + lane] - column.low[step + lane]);
        neighbours = neighbours && column.low[step + lane] == column.low[step] + lane;
    }
    Lanes lanes;
    const double* const values = column.values.data();
    std::array<double, kLanes> gathered{};
    for (std::uint32_t i = 0; i < common; ++i) {
        if (neighbours) {
            lanes.add(values + column.low[step] + i);
            continue;
        }
        for (std::size_t lane = 0; lane < kLanes; ++lane) {
            gathered[lane] = values[column.low[step + lane] + i];
        }
        lanes.add(gathered.data());
    }
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
        const std::uint32_t next = column.low[step + lane] + common;
        states[lane] =
            stateOf(column.values.subspan(next, column.high[step + lane] - next), lanes.at(lane));
    }
}

/// `result(state, window)` for every window with samples.
template <typename Lanes, typename State, typename Result>
void visitWindows(const WindowColumn& column, Row& row, Result result)
{
    const auto put = [&](std::size_t step, const State& state) {
        const std::uint32_t low = column.low[step];
        const std::uint32_t high = column.high[step];
        if (low == high) {
            row.cells[step] = Cell::None;
        } else {
            row.values[step] = result(state, column.values.subspan(low, high - low));
            row.cells[step] = Cell::Float;
        }
    };
    std::size_t step = 0;
    std::array<State, kLanes> states;
    for (; step + kLanes <= column.steps(); step += kLanes) {
        addLanes<Lanes>(column, step, states);
        for (std::size_t lane = 0; lane < kLanes; ++lane) {
            put(step + lane, states[lane]);
        }
    }
    for (; step < column.steps(); ++step) {
        put(step, stateOf<State>(column.values.subspan(column.low[step],
                                                       column.high[step] - column.low[step])));
    }
}

} // namespace

void columnSum(const WindowColumn& column, WindowScratch&, Row& row)
{
    visitWindows<CompensatedSums<kLanes>, CompensatedSum>(
        column, row,
        [](const CompensatedSum& sum, std::span<const double>) { return sum.value(); });
}

void columnAverage(const WindowColumn& column, WindowScratch&, Row& row)
{
    visitWindows<CompensatedSums<kLanes>, CompensatedSum>(
        column, row, [](const CompensatedSum& sum, std::span<const double> window) {
            // A sum that left the finite numbers on the way goes on as a running mean.
            if (!std::isfinite(sum.sum)) {
                return stateOf<RunningMean>(window).value();
            }
            const auto count = static_cast<double>(window.size());
            return sum.sum / count + sum.compensation / count;
        });
}

void columnVariance(const WindowColumn& column, WindowScratch&, Row& row)
{
    visitWindows<RunningVariances<kLanes>, RunningVariance>(
        column, row,
        [](const RunningVariance& variance, std::span<const double>) { return variance.value(); });
}

void columnStandardDeviation(const WindowColumn& column, WindowScratch&, Row& row)
{
    visitWindows<RunningVariances<kLanes>, RunningVariance>(
        column, row, [](const RunningVariance& variance, std::span<const double>) {
            return std::sqrt(variance.value());
        });
}

} // namespace narthex::promql
