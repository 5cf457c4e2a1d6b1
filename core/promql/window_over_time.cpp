// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The *_over_time functions, and the table of all functions over windows.
#include "core/promql/float_math.h"
#include "core/promql/window.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace narthex::promql {
namespace {

double seconds(std::int64_t ms) { return static_cast<double>(ms) / 1000; }

bool isMixed(const Window& window) { return !window.values.empty() && !window.histograms.empty(); }

/// False when there are no floats; histograms beside floats are noted.
bool floatsOnly(const Window& window, NoteBits& notes)
{
    if (isMixed(window)) {
        notes.add(Note::IgnoredInRange);
    }
    return !window.values.empty();
}

WindowResult average(const Window& window, NoteBits& notes)
{
    if (isMixed(window)) {
        notes.add(Note::MixedFloatsHistograms);
        return {};
    }
    if (window.values.empty()) {
        return meanOfHistograms(window.histograms, notes);
    }
    RunningMean mean;
    for (const double value : window.values) {
        mean.add(value);
    }
    return mean.value();
}

WindowResult sum(const Window& window, NoteBits& notes)
{
    if (isMixed(window)) {
        notes.add(Note::MixedFloatsHistograms);
        return {};
    }
    if (window.values.empty()) {
        return sumOfHistograms(window.histograms, notes);
    }
    CompensatedSum total;
    for (const double value : window.values) {
        total.add(value);
    }
    return total.value();
}

template <bool kMax>
WindowResult extreme(const Window& window, NoteBits& notes)
{
    if (!floatsOnly(window, notes)) {
        return {};
    }
    double best = window.values.front();
    for (const double value : window.values) {
        if ((kMax ? value > best : value < best) || std::isnan(best)) {
            best = value;
        }
    }
    return best;
}

template <bool kMax>
WindowResult timeOfExtreme(const Window& window, NoteBits& notes)
{
    if (!floatsOnly(window, notes)) {
        return {};
    }
    double best = window.values.front();
    std::int64_t at = window.times.front();
    for (std::size_t i = 0; i < window.values.size(); ++i) {
        const double value = window.values[i];
        if ((kMax ? value >= best : value <= best) || std::isnan(best)) {
            best = value;
            at = window.times[i];
        }
    }
    return seconds(at);
}

WindowResult count(const Window& window, NoteBits&) { return static_cast<double>(window.size()); }
WindowResult present(const Window&, NoteBits&) { return 1.0; }

WindowResult quantile(const Window& window, NoteBits& notes)
{
    if (!floatsOnly(window, notes)) {
        return {};
    }
    return quantileOfValues(window.arguments[0], window.values);
}

double variance(const Window& window)
{
    RunningVariance state;
    for (const double value : window.values) {
        state.add(value);
    }
    return state.value();
}

WindowResult stdvar(const Window& window, NoteBits& notes)
{
    return floatsOnly(window, notes) ? WindowResult(variance(window)) : WindowResult();
}
WindowResult stddev(const Window& window, NoteBits& notes)
{
    return floatsOnly(window, notes) ? WindowResult(std::sqrt(variance(window))) : WindowResult();
}

WindowResult mad(const Window& window, NoteBits& notes)
{
    if (!floatsOnly(window, notes)) {
        return {};
    }
    std::vector<double> values(window.values.begin(), window.values.end());
    if (std::any_of(values.begin(), values.end(), [](double v) { return std::isnan(v); })) {
        return model::normalNan();
    }
    const double median = quantileOfValues(0.5, values);
    for (double& value : values) {
        value = std::abs(value - median);
    }
    return quantileOfValues(0.5, values);
}

bool newestIsFloat(const Window& window)
{
    return window.histograms.empty() ||
           (!window.times.empty() && window.times.back() > window.histogramTimes.back());
}
bool oldestIsFloat(const Window& window)
{
    return window.histograms.empty() ||
           (!window.times.empty() && window.times.front() < window.histogramTimes.front());
}

WindowResult last(const Window& window, NoteBits&)
{
    return newestIsFloat(window) ? WindowResult(window.values.back())
                                 : WindowResult(window.histograms.back());
}
WindowResult first(const Window& window, NoteBits&)
{
    return oldestIsFloat(window) ? WindowResult(window.values.front())
                                 : WindowResult(window.histograms.front());
}
WindowResult timeOfLast(const Window& window, NoteBits&)
{
    return seconds(newestIsFloat(window) ? window.times.back() : window.histogramTimes.back());
}
WindowResult timeOfFirst(const Window& window, NoteBits&)
{
    return seconds(oldestIsFloat(window) ? window.times.front() : window.histogramTimes.front());
}

constexpr bool kKeepsName = true;
constexpr bool kWantsCounter = true;

constexpr std::array<WindowFunctionInfo, 27> kFunctions = {{
    {"absent_over_time", present},
    {"avg_over_time", average},
    {"changes", windowChanges},
    {"count_over_time", count},
    {"delta", windowDelta},
    {"deriv", windowDeriv},
    {"double_exponential_smoothing", windowSmoothing},
    {"first_over_time", first, kKeepsName},
    {"idelta", windowIdelta},
    {"increase", windowIncrease, !kKeepsName, kWantsCounter},
    {"irate", windowIrate},
    {"last_over_time", last, kKeepsName},
    {"mad_over_time", mad},
    {"max_over_time", extreme<true>},
    {"min_over_time", extreme<false>},
    {"predict_linear", windowPredictLinear},
    {"present_over_time", present},
    {"quantile_over_time", quantile},
    {"rate", windowRate, !kKeepsName, kWantsCounter},
    {"resets", windowResets},
    {"stddev_over_time", stddev},
    {"stdvar_over_time", stdvar},
    {"sum_over_time", sum},
    {"ts_of_first_over_time", timeOfFirst},
    {"ts_of_last_over_time", timeOfLast},
    {"ts_of_max_over_time", timeOfExtreme<true>},
    {"ts_of_min_over_time", timeOfExtreme<false>},
}};

} // namespace

const WindowFunctionInfo* findWindowFunction(std::string_view name)
{
    const auto* const found = std::find_if(kFunctions.begin(), kFunctions.end(),
                                           [name](const auto& info) { return info.name == name; });
    return found != kFunctions.end() ? found : nullptr;
}

} // namespace narthex::promql
