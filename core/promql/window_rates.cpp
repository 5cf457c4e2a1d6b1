// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// rate and its family.
#include "core/promql/extrapolation.h"
#include "core/promql/float_math.h"
#include "core/promql/histogram_math.h"
#include "core/promql/start_times.h"
#include "core/promql/window.h"

#include <algorithm>
#include <cmath>
#include <optional>

namespace narthex::promql {
namespace {

double seconds(std::int64_t ms) { return static_cast<double>(ms) / 1000; }

/// Samples of one kind, as far as extrapolation looks at them.
struct Sampled
{
    std::span<const std::int64_t> times;
    /// Empty when the start times do not matter.
    std::span<const std::int64_t> starts;

    /// The counter began inside of the window and before its first sample, which then counts from
    /// zero.
    [[nodiscard]] bool beginsInside(const Window& window) const
    {
        return !starts.empty() && starts[0] != 0 && starts[0] > window.begin &&
               starts[0] < times[0];
    }
    [[nodiscard]] double interval() const { return seconds(times.back() - times.front()); }
};

/// How a difference is stretched to the window. `first`: the value of the first sample.
double extrapolationFactor(const Window& window, const Sampled& samples, bool counter, double first,
                           double difference)
{
    const std::int64_t toEndMs = window.end - samples.times.back();
    if (samples.beginsInside(window)) {
        const double sampled = seconds(samples.times.back() - samples.starts[0]);
        const double average =
            samples.times.size() > 1
                ? samples.interval() / static_cast<double>(samples.times.size() - 1)
                : 0;
        return (sampled + Extrapolation::upTo(seconds(toEndMs), average)) / sampled;
    }
    const Extrapolation extrapolation({.toStartMs = samples.times.front() - window.begin,
                                       .toEndMs = toEndMs,
                                       .sampledMs = samples.times.back() - samples.times.front(),
                                       .count = samples.times.size()});
    return counter ? extrapolation.factorOfCounter(first, difference) : extrapolation.factor();
}

double floatDifference(std::span<const double> values, bool counter, const Sampled& samples)
{
    double difference = values.back() - values.front();
    if (!counter) {
        return difference;
    }
    for (std::size_t i = 1; i < values.size(); ++i) {
        if (values[i] < values[i - 1] || startsAnewAt(samples.times, samples.starts, i)) {
            difference += values[i - 1];
        }
    }
    return difference;
}

WindowResult extrapolatedFloats(const Window& window, const Sampled& samples, bool counter,
                                bool perSecond)
{
    const auto values = window.values;
    double difference = floatDifference(values, counter, samples);
    if (samples.beginsInside(window)) {
        difference += values.front();
    }
    double factor = extrapolationFactor(window, samples, counter, values.front(), difference);
    if (perSecond) {
        factor /= window.rangeSeconds();
    }
    return difference * factor;
}

/// The difference, from zero on where the counter began inside of the window.
std::optional<model::FloatHistogram> histogramIncrease(const Window& window, const Sampled& samples,
                                                       bool counter, NoteBits& notes)
{
    const model::FloatHistogram& first = *window.histograms.front();
    if (window.histograms.size() == 1) {
        return first;
    }
    const HistogramPtr difference = histogramDifference(window, counter, notes);
    if (!difference) {
        return std::nullopt;
    }
    model::FloatHistogram result = *difference;
    AddNotes met;
    if (samples.beginsInside(window) && !add(result, first, met)) {
        notes.add(Note::MixedSchemas);
        return std::nullopt;
    }
    if (met.boundsReconciled) {
        notes.add(Note::BoundsAddition);
    }
    return result;
}

WindowResult extrapolatedHistograms(const Window& window, const Sampled& samples, bool counter,
                                    bool perSecond, NoteBits& notes)
{
    auto increase = histogramIncrease(window, samples, counter, notes);
    if (!increase) {
        return {};
    }
    model::FloatHistogram result = *std::move(increase);
    double factor = extrapolationFactor(window, samples, counter, window.histograms.front()->count,
                                        result.count);
    if (perSecond) {
        factor /= window.rangeSeconds();
    }
    scale(result, factor);
    return WindowResult(std::move(result));
}

WindowResult extrapolated(const Window& window, bool counter, bool perSecond, NoteBits& notes)
{
    if (!window.values.empty() && !window.histograms.empty()) {
        notes.add(Note::MixedFloatsHistograms);
        return {};
    }
    using Starts = std::span<const std::int64_t>;
    const bool floats = window.histograms.empty();
    const Sampled samples =
        floats ? Sampled{window.times, counter ? window.startTimes : Starts()}
               : Sampled{window.histogramTimes, counter ? window.histogramStartTimes : Starts()};
    if (window.size() < 2 && !samples.beginsInside(window)) {
        return {};
    }
    notes.overlaps += anyOverlap(samples.times, samples.starts) ? 1 : 0;
    return floats ? extrapolatedFloats(window, samples, counter, perSecond)
                  : extrapolatedHistograms(window, samples, counter, perSecond, notes);
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
        const bool reset = startsAnewAt(histogramTimes, window.histogramStartTimes, h - 1);
        return instantHistogramDifference(*window.histograms[h - 2], *window.histograms[h - 1],
                                          interval, perSecond, reset, notes);
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
    const bool reset = last < previous || startsAnewAt(times, window.startTimes, n - 1);
    return (reset ? last : last - previous) / interval;
}

/// One sample of either kind.
struct Sample
{
    const double* value = nullptr;
    const model::FloatHistogram* histogram = nullptr;
    StartedSample at{};
};

/// Calls back for neighbours over both kinds, in order of time.
template <typename Visit>
void visitNeighbours(const Window& window, Visit visit)
{
    std::size_t f = 0;
    std::size_t h = 0;
    Sample previous;
    while (f < window.times.size() || h < window.histogramTimes.size()) {
        const bool takeFloat =
            h == window.histogramTimes.size() ||
            (f < window.times.size() && window.times[f] <= window.histogramTimes[h]);
        Sample current;
        if (takeFloat) {
            current.value = &window.values[f];
            current.at = startedSample(window.times, window.startTimes, f++);
        } else {
            current.histogram = window.histograms[h].get();
            current.at = startedSample(window.histogramTimes, window.histogramStartTimes, h++);
        }
        if (previous.value != nullptr || previous.histogram != nullptr) {
            visit(previous, current);
        }
        previous = current;
    }
}

bool sameKind(const Sample& a, const Sample& b)
{
    return (a.value == nullptr) == (b.value == nullptr);
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
    visitNeighbours(window, [&](const Sample& a, const Sample& b) {
        const bool reset =
            !sameKind(a, b) || startsAnew(a.at, b.at) ||
            (a.value != nullptr ? *b.value < *a.value : detectReset(*b.histogram, *a.histogram));
        count += reset ? 1 : 0;
    });
    return count;
}

WindowResult windowChanges(const Window& window, NoteBits&)
{
    double count = 0;
    const auto differ = [](double a, double b) {
        return a != b && !(std::isnan(a) && std::isnan(b));
    };
    visitNeighbours(window, [&](const Sample& a, const Sample& b) {
        const bool changed =
            !sameKind(a, b) || (a.value != nullptr ? differ(*a.value, *b.value)
                                                   : !sameHistogram(*a.histogram, *b.histogram));
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
