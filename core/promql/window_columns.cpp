// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Windows of a column, the functions whose steps cost the same however long the window is, and the
// table of all.
#include "core/promql/window_columns.h"

#include "core/promql/extrapolation.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace narthex::promql {

void findWindows(WindowColumn& column, std::size_t steps, WindowScratch& scratch)
{
    scratch.low.resize(steps);
    scratch.high.resize(steps);
    const std::int64_t* const times = column.times.data();
    const auto count = static_cast<std::uint32_t>(column.times.size());
    std::uint32_t low = 0;
    std::uint32_t high = 0;
    std::int64_t end = column.firstEnd;
    for (std::size_t step = 0; step < steps; ++step, end += column.stepMs) {
        while (high < count && times[high] <= end) {
            ++high;
        }
        const std::int64_t begin = end - column.rangeMs;
        while (low < high && times[low] <= begin) {
            ++low;
        }
        scratch.low[step] = low;
        scratch.high[step] = high;
    }
    column.low = scratch.low;
    column.high = scratch.high;
}

namespace {

/// rate, increase, delta: value = (last - first + what was lost in resets) × factor. The falls of
/// a series are looked for once; those inside a window are then added from left to right, as the
/// definition does. The factor depends on times alone as long as the counter is far from zero, and
/// from step to step those mostly stand the same in the window.
template <bool kCounter, bool kPerSecond>
void extrapolated(const WindowColumn& column, WindowScratch& scratch, Row& row)
{
    const double* const values = column.values.data();
    const std::int64_t* const times = column.times.data();
    double* const out = row.values.data();
    Cell* const cells = row.cells.data();
    std::vector<std::uint32_t>& falls = scratch.indices;
    falls.clear();
    if (kCounter) {
        for (std::uint32_t i = 1; i < column.values.size(); ++i) {
            if (values[i] < values[i - 1]) {
                falls.push_back(i);
            }
        }
    }
    const double rangeSeconds = static_cast<double>(column.rangeMs) / 1000;
    const auto scaled = [rangeSeconds](double factor) {
        return kPerSecond ? factor / rangeSeconds : factor;
    };
    std::size_t fall = 0;
    Extrapolation::Shape shape;
    Extrapolation extrapolation;
    double plainFactor = 0;
    for (std::size_t step = 0; step < column.steps(); ++step) {
        const std::uint32_t low = column.low[step];
        const std::uint32_t high = column.high[step];
        if (high - low < 2) {
            cells[step] = Cell::None;
            continue;
        }
        const double first = values[low];
        double difference = values[high - 1] - first;
        if (kCounter) {
            while (fall < falls.size() && falls[fall] <= low) {
                ++fall;
            }
            for (std::size_t k = fall; k < falls.size() && falls[k] < high; ++k) {
                difference += values[falls[k] - 1];
            }
        }
        const std::int64_t end = column.end(step);
        const Extrapolation::Shape here{.toStartMs = times[low] - (end - column.rangeMs),
                                        .toEndMs = end - times[high - 1],
                                        .sampledMs = times[high - 1] - times[low],
                                        .count = high - low};
        if (here != shape) {
            shape = here;
            extrapolation = Extrapolation(here);
            plainFactor = scaled(extrapolation.factor());
        }
        double factor = plainFactor;
        if (kCounter && !extrapolation.isFarFromZero(first, difference)) {
            factor = scaled(extrapolation.factorOfCounter(first, difference));
        }
        out[step] = difference * factor;
        cells[step] = Cell::Float;
    }
}

/// The extreme of a queue in constant time a step: the older part of the window has the extremes of
/// all its ends ready, the newer part has a running one. When the older part is used up, the newer
/// one becomes it. Each sample is looked at twice, whatever the window's length. `better(a, b)`:
/// of the older a and the newer b, the one that counts; must be associative.
template <typename Load, typename Better, typename Value>
void slideQueue(const WindowColumn& column, std::vector<Value>& ends, Row& row, Load load,
                Better better, auto&& store)
{
    ends.resize(column.values.size());
    std::uint32_t split = 0;
    std::uint32_t taken = 0;
    Value running{};
    for (std::size_t step = 0; step < column.steps(); ++step) {
        const std::uint32_t low = column.low[step];
        const std::uint32_t high = column.high[step];
        if (low == high) {
            row.cells[step] = Cell::None;
            continue;
        }
        row.cells[step] = Cell::Float;
        if (low >= split) {
            Value best = load(high - 1);
            ends[high - 1] = best;
            for (std::uint32_t i = high - 1; i > low; --i) {
                best = better(load(i - 1), best);
                ends[i - 1] = best;
            }
            split = high;
            taken = high;
            row.values[step] = store(ends[low]);
            continue;
        }
        if (taken == split && taken < high) {
            running = load(taken++);
        }
        for (; taken < high; ++taken) {
            running = better(running, load(taken));
        }
        row.values[step] = store(taken > split ? better(ends[low], running) : ends[low]);
    }
}

/// The first of the largest (smallest) numbers; NaN only where there is nothing else.
template <bool kMax>
void extreme(const WindowColumn& column, WindowScratch& scratch, Row& row)
{
    const double* const values = column.values.data();
    const auto load = [values](std::uint32_t i) { return values[i]; };
    const auto same = [](double value) { return value; };
    const bool anyNan = std::any_of(column.values.begin(), column.values.end(),
                                    [](double value) { return std::isnan(value); });
    if (anyNan) {
        const auto better = [](double a, double b) {
            return (kMax ? b > a : b < a) || std::isnan(a) ? b : a;
        };
        return slideQueue(column, scratch.numbers, row, load, better, same);
    }
    // One instruction without a branch: which of two neighbours is larger cannot be predicted.
    const auto better = [](double a, double b) { return (kMax ? b > a : b < a) ? b : a; };
    slideQueue(column, scratch.numbers, row, load, better, same);
}

/// When the last of the largest (smallest) numbers was.
template <bool kMax>
void timeOfExtreme(const WindowColumn& column, WindowScratch& scratch, Row& row)
{
    const double* const values = column.values.data();
    const std::int64_t* const times = column.times.data();
    const auto better = [values](std::uint32_t a, std::uint32_t b) {
        const bool newer = kMax ? values[b] >= values[a] : values[b] <= values[a];
        return newer || std::isnan(values[a]) ? b : a;
    };
    slideQueue(
        column, scratch.indices, row, [](std::uint32_t i) { return i; }, better,
        [times](std::uint32_t i) { return static_cast<double>(times[i]) / 1000; });
}

void count(const WindowColumn& column, WindowScratch&, Row& row)
{
    forEachWindow(column, row, [](std::size_t, std::uint32_t low, std::uint32_t high) {
        return static_cast<double>(high - low);
    });
}

void present(const WindowColumn& column, WindowScratch&, Row& row)
{
    forEachWindow(column, row, [](std::size_t, std::uint32_t, std::uint32_t) { return 1.0; });
}

void first(const WindowColumn& column, WindowScratch&, Row& row)
{
    forEachWindow(column, row, [&column](std::size_t, std::uint32_t low, std::uint32_t) {
        return column.values[low];
    });
}

void last(const WindowColumn& column, WindowScratch&, Row& row)
{
    forEachWindow(column, row, [&column](std::size_t, std::uint32_t, std::uint32_t high) {
        return column.values[high - 1];
    });
}

/// How many neighbours inside the window differ in this way: counted from the beginning of the
/// series, a window has the difference of two counts.
template <typename Differ>
void countNeighbours(const WindowColumn& column, WindowScratch& scratch, Row& row, Differ differ)
{
    std::vector<std::uint32_t>& counts = scratch.indices;
    counts.resize(column.values.size());
    std::uint32_t total = 0;
    for (std::size_t i = 1; i < counts.size(); ++i) {
        total += differ(column.values[i - 1], column.values[i]) ? 1U : 0U;
        counts[i] = total;
    }
    if (!counts.empty()) {
        counts[0] = 0;
    }
    forEachWindow(column, row, [&counts](std::size_t, std::uint32_t low, std::uint32_t high) {
        return static_cast<double>(counts[high - 1] - counts[low]);
    });
}

void resets(const WindowColumn& column, WindowScratch& scratch, Row& row)
{
    countNeighbours(column, scratch, row, [](double a, double b) { return b < a; });
}

void changes(const WindowColumn& column, WindowScratch& scratch, Row& row)
{
    countNeighbours(column, scratch, row,
                    [](double a, double b) { return a != b && !(std::isnan(a) && std::isnan(b)); });
}

struct NamedFunction
{
    std::string_view name;
    ColumnFunction function;
};

constexpr std::array<NamedFunction, 20> kFunctions = {{
    {"absent_over_time", present},
    {"avg_over_time", columnAverage},
    {"changes", changes},
    {"count_over_time", count},
    {"delta", extrapolated<false, false>},
    {"first_over_time", first},
    {"increase", extrapolated<true, false>},
    {"last_over_time", last},
    {"mad_over_time", columnDeviation},
    {"max_over_time", extreme<true>},
    {"min_over_time", extreme<false>},
    {"present_over_time", present},
    {"quantile_over_time", columnQuantile},
    {"rate", extrapolated<true, true>},
    {"resets", resets},
    {"stddev_over_time", columnStandardDeviation},
    {"stdvar_over_time", columnVariance},
    {"sum_over_time", columnSum},
    {"ts_of_max_over_time", timeOfExtreme<true>},
    {"ts_of_min_over_time", timeOfExtreme<false>},
}};

} // namespace

ColumnFunction findColumnFunction(std::string_view name)
{
    const auto* const found =
        std::find_if(kFunctions.begin(), kFunctions.end(),
                     [name](const auto& entry) { return entry.name == name; });
    return found != kFunctions.end() ? found->function : nullptr;
}

} // namespace narthex::promql
