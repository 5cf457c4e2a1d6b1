// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// rate and its family.
#include "core/promql/extrapolation.h"
#include "core/promql/float_math.h"
#include "core/promql/histogram_math.h"
#include "core/promql/window.h"

#include <cmath>

namespace narthex::promql {
namespace {

double seconds(std::int64_t ms) { return static_cast<double>(ms) / 1000; }

Extrapolation extrapolationOf(const Window& window, std::span<const std::int64_t> times)
{
    return Extrapolation({.toStartMs = times.front() - window.begin,
                          .toEndMs = window.end - times.back(),
                          .sampledMs = times.back() - times.front(),
                          .count = times.size()});
}

double floatDifference(std::span<const double> values, bool counter)
{
    double difference = values.back() - values.front();
    if (!counter) {
        return difference;
    }
    double previous = values.front();
    for (const double value : values.subspan(1)) {
        if (value < previous) {
            difference += previous;
        }
        previous = value;
    }
    return difference;
}

WindowResult extrapolatedFloats(const Window& window, bool counter, bool perSecond)
{
    const auto values = window.values;
    const double difference = floatDifference(values, counter);
    const Extrapolation extrapolation = extrapolationOf(window, window.times);
    double factor = counter ? extrapolation.factorOfCounter(values.front(), difference)
                            : extrapolation.factor();
    if (perSecond) {
        factor /= window.rangeSeconds();
    }
    return difference * factor;
}

WindowResult extrapolatedHistograms(const Window& window, bool counter, bool perSecond,
                                    NoteBits& notes)
{
    const HistogramPtr difference = histogramDifference(window.histograms, counter, notes);
    if (!difference) {
        return {};
    }
    const Extrapolation extrapolation = extrapolationOf(window, window.histogramTimes);
    double factor =
        counter ? extrapolation.factorOfCounter(window.histograms.front()->count, difference->count)
                : extrapolation.factor();
    if (perSecond) {
        factor /= window.rangeSeconds();
    }
    model::FloatHistogram result = *difference;
    scale(result, factor);
    return WindowResult(std::move(result));
}

WindowResult extrapolated(const Window& window, bool counter, bool perSecond, NoteBits& notes)
{
    if (!window.values.empty() && !window.histograms.empty()) {
        notes.add(Note::MixedFloatsHistograms);
        return {};
    }
    if (window.size() < 2) {
        return {};
    }
    return window.histograms.empty() ? extrapolatedFloats(window, counter, perSecond)
                                     : extrapolatedHistograms(window, counter, perSecond, notes);
}

WindowResult instantDifference(const Window& window, bool perSecond, NoteBits& notes)
{
    if (window.size() < 2) {
        return {};
    }
    const auto& times = window.times;
    const auto& histogramTimes = window.histogramTimes;
    // The two newest samples over both kinds.
    const std::size_t n = times.size();
    const std::size_t h = histogramTimes.size();
    const bool floats = n >= 2 && (h == 0 || histogramTimes[h - 1] < times[n - 2]);
    const bool histograms = h >= 2 && (n == 0 || times[n - 1] < histogramTimes[h - 2]);
    if (!floats && !histograms) {
        notes.add(Note::MixedFloatsHistograms);
        return {};
    }
    if (histograms) {
        const double interval = seconds(histogramTimes[h - 1] - histogramTimes[h - 2]);
        return instantHistogramDifference(*window.histograms[h - 2], *window.histograms[h - 1],
                                          interval, perSecond, notes);
    }
    const double interval = seconds(times[n - 1] - times[n - 2]);
    if (interval == 0) {
        return {};
    }
    const double last = window.values[n - 1];
    const double previous = window.values[n - 2];
    if (!perSecond) {
        return last - previous;
    }
    return (last < previous ? last : last - previous) / interval;
}

/// Calls back for neighbours over both kinds, in order of time.
template <typename Visit>
void visitNeighbours(const Window& window, Visit visit)
{
    std::size_t f = 0;
    std::size_t h = 0;
    const double* previousFloat = nullptr;
    const model::FloatHistogram* previousHistogram = nullptr;
    while (f < window.times.size() || h < window.histogramTimes.size()) {
        const bool takeFloat =
            h == window.histogramTimes.size() ||
            (f < window.times.size() && window.times[f] <= window.histogramTimes[h]);
        const double* currentFloat = takeFloat ? &window.values[f++] : nullptr;
        const model::FloatHistogram* currentHistogram =
            takeFloat ? nullptr : window.histograms[h++].get();
        if (previousFloat != nullptr || previousHistogram != nullptr) {
            visit(previousFloat, previousHistogram, currentFloat, currentHistogram);
        }
        previousFloat = currentFloat;
        previousHistogram = currentHistogram;
    }
}

struct Line
{
    double slope = 0;
    double intercept = 0;
};

/// Least squares with x in seconds from `origin`.
Line regression(const Window& window, std::int64_t origin)
{
    const double first = window.values.front();
    bool constant = true;
    CompensatedSum x;
    CompensatedSum y;
    CompensatedSum xy;
    CompensatedSum xx;
    for (std::size_t i = 0; i < window.values.size(); ++i) {
        const double at = seconds(window.times[i] - origin);
        const double value = window.values[i];
        constant = constant && (i == 0 || value == first);
        x.add(at);
        y.add(value);
        xy.add(at * value);
        xx.add(at * at);
    }
    if (constant) {
        return std::isinf(first) ? Line{model::normalNan(), model::normalNan()} : Line{0, first};
    }
    const double n = static_cast<double>(window.values.size());
    const double sumX = x.sum + x.compensation;
    const double sumY = y.sum + y.compensation;
    const double covariance = (xy.sum + xy.compensation) - sumX * sumY / n;
    const double variance = (xx.sum + xx.compensation) - sumX * sumX / n;
    const double slope = covariance / variance;
    return {slope, sumY / n - slope * sumX / n};
}

/// Functions for floats only: with fewer floats than wanted nothing, with histograms among them a
/// note.
bool floatsUsable(const Window& window, std::size_t wanted, NoteBits& notes)
{
    if (!window.values.empty() && !window.histograms.empty()) {
        notes.add(Note::IgnoredInRange);
    }
    return window.values.size() >= wanted;
}

} // namespace

WindowResult windowRate(const Window& window, NoteBits& notes)
{
    return extrapolated(window, true, true, notes);
}
WindowResult windowIncrease(const Window& window, NoteBits& notes)
{
    return extrapolated(window, true, false, notes);
}
WindowResult windowDelta(const Window& window, NoteBits& notes)
{
    return extrapolated(window, false, false, notes);
}
WindowResult windowIrate(const Window& window, NoteBits& notes)
{
    return instantDifference(window, true, notes);
}
WindowResult windowIdelta(const Window& window, NoteBits& notes)
{
    return instantDifference(window, false, notes);
}

WindowResult windowResets(const Window& window, NoteBits&)
{
    double count = 0;
    visitNeighbours(window, [&](const double* a, const auto* ha, const double* b, const auto* hb) {
        const bool reset = (a == nullptr) != (b == nullptr) ||
                           (a != nullptr && b != nullptr && *b < *a) ||
                           (ha != nullptr && hb != nullptr && detectReset(*hb, *ha));
        count += reset ? 1 : 0;
    });
    return count;
}

WindowResult windowChanges(const Window& window, NoteBits&)
{
    double count = 0;
    visitNeighbours(window, [&](const double* a, const auto* ha, const double* b, const auto* hb) {
        const bool changed =
            (a == nullptr) != (b == nullptr) ||
            (a != nullptr && b != nullptr && *a != *b && !(std::isnan(*a) && std::isnan(*b))) ||
            (ha != nullptr && hb != nullptr && !sameHistogram(*ha, *hb));
        count += changed ? 1 : 0;
    });
    return count;
}

WindowResult windowDeriv(const Window& window, NoteBits& notes)
{
    if (!floatsUsable(window, 2, notes)) {
        return {};
    }
    return regression(window, window.times.front()).slope;
}

WindowResult windowPredictLinear(const Window& window, NoteBits& notes)
{
    if (!floatsUsable(window, 2, notes)) {
        return {};
    }
    const Line line = regression(window, window.evalTime);
    return line.slope * window.arguments[0] + line.intercept;
}

WindowResult windowSmoothing(const Window& window, NoteBits& notes)
{
    if (!floatsUsable(window, 2, notes)) {
        return {};
    }
    const double levelFactor = window.arguments[0];
    const double trendFactor = window.arguments[1];
    const auto values = window.values;
    double before = 0;
    double level = values[0];
    double trend = values[1] - values[0];
    for (std::size_t i = 1; i < values.size(); ++i) {
        if (i > 1) {
            trend = trendFactor * (level - before) + (1 - trendFactor) * trend;
        }
        const double next = levelFactor * values[i] + (1 - levelFactor) * (level + trend);
        before = level;
        level = next;
    }
    return level;
}

} // namespace narthex::promql
