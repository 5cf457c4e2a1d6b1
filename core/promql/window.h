// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Functions over the samples of one series inside a sliding window: rate, *_over_time and so on.
// Threads: pure functions. Units: milliseconds; a window is open on the left and closed on the
// right. Source: spec/promql.md, Counters and rates, Extrapolation, Over time.
#pragma once

#include "core/promql/batch.h"
#include "core/promql/notes.h"

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace narthex::promql {

struct Window
{
    std::span<const std::int64_t> times;
    std::span<const double> values;
    std::span<const std::int64_t> histogramTimes;
    std::span<const HistogramPtr> histograms;
    /// When the counters of the samples began, 0 where unknown. Empty: unknown for all.
    std::span<const std::int64_t> startTimes{};
    std::span<const std::int64_t> histogramStartTimes{};
    std::int64_t begin = 0;
    std::int64_t end = 0;
    std::int64_t evalTime = 0;
    /// The scalar arguments of the call at this step.
    std::array<double, 2> arguments{};

    [[nodiscard]] std::size_t size() const { return times.size() + histogramTimes.size(); }
    /// Without the first `floats` and `histogramCount` samples.
    [[nodiscard]] Window from(std::size_t floats, std::size_t histogramCount) const;
    [[nodiscard]] double rangeSeconds() const { return static_cast<double>(end - begin) / 1000; }
};

struct WindowResult
{
    Cell kind = Cell::None;
    double value = 0;
    HistogramPtr histogram;

    WindowResult() = default;
    WindowResult(double number)
        : kind(Cell::Float), value(number) {} // NOLINT(google-explicit-constructor)
    explicit WindowResult(model::FloatHistogram h)
        : kind(Cell::Histogram), histogram(std::make_shared<model::FloatHistogram>(std::move(h)))
    {}
    void put(Row& row, std::size_t step) &&
    {
        if (kind == Cell::Float) {
            row.setFloat(step, value);
        } else if (kind == Cell::Histogram) {
            row.setHistogram(step, std::move(histogram));
        }
    }
    explicit WindowResult(HistogramPtr h) : kind(Cell::Histogram), histogram(std::move(h)) {}
};

/// The window has at least one sample.
using WindowFunction = WindowResult (*)(const Window& window, NoteBits& notes);

struct WindowFunctionInfo
{
    std::string_view name;
    WindowFunction function = nullptr;
    bool keepsName = false;
    /// rate, increase: the metric's name should be a counter's.
    bool wantsCounter = false;
};

/// Null for functions that are none over windows, or not implemented. absent_over_time counts as
/// present_over_time.
const WindowFunctionInfo* findWindowFunction(std::string_view name);

// Counters and rates; histogram parts in window_histograms.cpp.
WindowResult windowRate(const Window& window, NoteBits& notes);
WindowResult windowIncrease(const Window& window, NoteBits& notes);
WindowResult windowDelta(const Window& window, NoteBits& notes);
WindowResult windowIrate(const Window& window, NoteBits& notes);
WindowResult windowIdelta(const Window& window, NoteBits& notes);
WindowResult windowResets(const Window& window, NoteBits& notes);
WindowResult windowChanges(const Window& window, NoteBits& notes);
WindowResult windowDeriv(const Window& window, NoteBits& notes);
WindowResult windowPredictLinear(const Window& window, NoteBits& notes);
WindowResult windowSmoothing(const Window& window, NoteBits& notes);

/// last - first with resets made good where `counter`; absent with a note when the samples do not
/// fit together. The window has at least two histograms.
HistogramPtr histogramDifference(const Window& window, bool counter, NoteBits& notes);
/// `reset`: the start times tell of one between the two.
WindowResult instantHistogramDifference(const model::FloatHistogram& previous,
                                        const model::FloatHistogram& last, double seconds,
                                        bool perSecond, bool reset, NoteBits& notes);
WindowResult sumOfHistograms(std::span<const HistogramPtr> histograms, NoteBits& notes);
WindowResult meanOfHistograms(std::span<const HistogramPtr> histograms, NoteBits& notes);

} // namespace narthex::promql
