// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/extended_window.h"

#include "core/promql/histogram_math.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

namespace narthex::promql {

using model::CounterResetHint;
using model::FloatHistogram;

namespace {

/// The samples of one kind that matter: `first` stands at or before the left edge if there is one,
/// else it is the first inside; `last` likewise on the right.
struct Reach
{
    std::size_t first = 0;
    std::size_t last = 0;
};

/// Absent when nothing lies behind the left edge, or (smoothed) nothing before the right one.
std::optional<Reach> reachOf(std::span<const std::int64_t> times, const Window& window,
                             EdgeMode mode)
{
    if (times.empty() || times.back() <= window.begin) {
        return std::nullopt;
    }
    const auto inside = std::upper_bound(times.begin(), times.end(), window.begin);
    Reach reach;
    reach.first = static_cast<std::size_t>(inside - times.begin());
    reach.first -= reach.first > 0 ? 1 : 0;
    reach.last = times.size() - 1;
    if (mode == EdgeMode::Smoothed) {
        const auto end = std::lower_bound(times.begin(), times.end(), window.end);
        reach.last = std::min(reach.last, static_cast<std::size_t>(end - times.begin()));
        if (times[reach.first] > window.end) {
            return std::nullopt;
        }
    }
    return reach;
}

double fraction(std::int64_t from, std::int64_t to, std::int64_t at)
{
    return static_cast<double>(at - from) / static_cast<double>(to - from);
}

/// Between two floats; a counter that fell began at zero.
double between(const Window& window, std::size_t left, std::int64_t at, bool counter)
{
    const double after = window.values[left + 1];
    double before = window.values[left];
    if (counter && after < before) {
        before = 0;
    }
    return before + (after - before) * fraction(window.times[left], window.times[left + 1], at);
}

double leftValue(const Window& window, const Reach& reach, EdgeMode mode, bool counter)
{
    return mode == EdgeMode::Smoothed && window.times[reach.first] < window.begin
               ? between(window, reach.first, window.begin, counter)
               : window.values[reach.first];
}

double rightValue(const Window& window, const Reach& reach, EdgeMode mode, bool counter)
{
    return mode == EdgeMode::Smoothed && reach.last > 0 && window.times[reach.last] > window.end
               ? between(window, reach.last - 1, window.end, counter)
               : window.values[reach.last];
}

/// Half-open range of the samples strictly between the edges.
Reach strictlyInside(const Window& window, Reach reach)
{
    Reach inside{reach.first, reach.last + 1};
    inside.first += window.times[reach.first] <= window.begin ? 1 : 0;
    inside.last -= window.times[reach.last] >= window.end ? 1 : 0;
    return inside;
}

/// What the counter had counted before each of its falls.
double countedBeforeResets(const Window& window, const Reach& reach, double left, double right)
{
    double counted = 0;
    double previous = left;
    const auto visit = [&](double value) {
        counted += value < previous ? previous : 0;
        previous = value;
    };
    const Reach inside = strictlyInside(window, reach);
    for (std::size_t i = inside.first; i < inside.last; ++i) {
        visit(window.values[i]);
    }
    visit(right);
    return counted;
}

WindowResult floatChange(const Window& window, EdgeMode mode, bool counter, bool perSecond)
{
    const auto reach = reachOf(window.times, window, mode);
    if (!reach) {
        return {};
    }
    const double left = leftValue(window, *reach, mode, counter);
    const double right = rightValue(window, *reach, mode, counter);
    double result = right - left;
    if (counter) {
        result += countedBeforeResets(window, *reach, left, right);
    }
    return perSecond ? result / window.rangeSeconds() : result;
}

bool addNoting(FloatHistogram& to, const FloatHistogram& other, NoteBits& notes)
{
    AddNotes met;
    if (!add(to, other, met)) {
        notes.add(Note::MixedSchemas);
        return false;
    }
    if (met.boundsReconciled) {
        notes.add(Note::BoundsAddition);
    }
    return true;
}

bool subtractNoting(FloatHistogram& from, const FloatHistogram& other, NoteBits& notes)
{
    AddNotes met;
    if (!subtract(from, other, met)) {
        notes.add(Note::MixedSchemas);
        return false;
    }
    if (met.boundsReconciled) {
        notes.add(Note::BoundsSubtraction);
    }
    return true;
}

/// Between two histograms of the window.
std::optional<FloatHistogram> betweenHistograms(const Window& window, std::size_t left,
                                                std::int64_t at, bool counter, NoteBits& notes)
{
    const FloatHistogram& before = *window.histograms[left];
    const FloatHistogram& after = *window.histograms[left + 1];
    const std::int64_t from = window.histogramTimes[left];
    const std::int64_t to = window.histogramTimes[left + 1];
    if (at == from) {
        return before;
    }
    FloatHistogram result = after;
    if (at == to) {
        return result;
    }
    if (counter && detectReset(after, before)) {
        scale(result, fraction(from, to, at));
        return result;
    }
    if (!subtractNoting(result, before, notes)) {
        return std::nullopt;
    }
    scale(result, fraction(from, to, at));
    if (!addNoting(result, before, notes)) {
        return std::nullopt;
    }
    return result;
}

std::optional<FloatHistogram> leftHistogram(const Window& window, const Reach& reach, EdgeMode mode,
                                            bool counter, NoteBits& notes)
{
    if (mode == EdgeMode::Smoothed && window.histogramTimes[reach.first] < window.begin) {
        return betweenHistograms(window, reach.first, window.begin, counter, notes);
    }
    return *window.histograms[reach.first];
}

std::optional<FloatHistogram> rightHistogram(const Window& window, const Reach& reach,
                                             EdgeMode mode, bool counter, NoteBits& notes)
{
    if (mode == EdgeMode::Smoothed && reach.last > 0 &&
        window.histogramTimes[reach.last] > window.end) {
        return betweenHistograms(window, reach.last - 1, window.end, counter, notes);
    }
    return *window.histograms[reach.last];
}

/// Adds to `result` what was counted before each reset. The outer two samples are represented by
/// the edges.
bool addCountedBeforeResets(FloatHistogram& result, const Window& window, const Reach& reach,
                            EdgeMode mode, const FloatHistogram& left, const FloatHistogram& right,
                            NoteBits& notes)
{
    const auto at = [&window](std::size_t i) -> const FloatHistogram& {
        return *window.histograms[i];
    };
    std::size_t next = reach.first + 1;
    const FloatHistogram* previous = &left;
    if (mode == EdgeMode::Smoothed && window.histogramTimes[reach.first] < window.begin &&
        detectReset(at(next), at(reach.first))) {
        // The edge lies inside of this reset and has begun at zero already.
        previous = &at(next);
        ++next;
    }
    if (next > reach.last) {
        return true;
    }
    const auto visit = [&](const FloatHistogram& current) {
        const bool fits = !detectReset(current, *previous) || addNoting(result, *previous, notes);
        previous = &current;
        return fits;
    };
    for (; next < reach.last; ++next) {
        if (!visit(at(next))) {
            return false;
        }
    }
    return visit(right);
}

/// Notes gauges among counters; false for a mix of schemas.
bool layoutsFit(const Window& window, const Reach& reach, bool counter, NoteBits& notes)
{
    const bool custom = window.histograms[reach.first]->usesCustomBuckets();
    for (std::size_t i = reach.first; i <= reach.last; ++i) {
        const FloatHistogram& histogram = *window.histograms[i];
        if (histogram.usesCustomBuckets() != custom) {
            notes.add(Note::MixedSchemas);
            return false;
        }
        if (counter && histogram.hint == CounterResetHint::Gauge) {
            notes.add(Note::NotACounter);
        }
    }
    return true;
}

WindowResult histogramChange(const Window& window, EdgeMode mode, bool counter, bool perSecond,
                             NoteBits& notes)
{
    const auto reach = reachOf(window.histogramTimes, window, mode);
    if (!reach || !layoutsFit(window, *reach, counter, notes)) {
        return {};
    }
    const auto left = leftHistogram(window, *reach, mode, counter, notes);
    const auto right = rightHistogram(window, *reach, mode, counter, notes);
    if (!left || !right) {
        return {};
    }
    if (!counter &&
        (left->hint != CounterResetHint::Gauge || right->hint != CounterResetHint::Gauge)) {
        notes.add(Note::NotAGauge);
    }
    FloatHistogram result = *right;
    if (!subtractNoting(result, *left, notes)) {
        return {};
    }
    if (counter && !addCountedBeforeResets(result, window, *reach, mode, *left, *right, notes)) {
        return {};
    }
    if (perSecond) {
        divide(result, window.rangeSeconds());
    }
    result.hint = CounterResetHint::Gauge;
    return WindowResult(compacted(result));
}

enum class Change : std::uint8_t
{
    Delta,
    Increase,
    Rate
};

template <Change kChange, EdgeMode kMode>
WindowResult change(const Window& window, NoteBits& notes)
{
    constexpr bool kCounter = kChange != Change::Delta;
    constexpr bool kPerSecond = kChange == Change::Rate;
    if (!window.values.empty() && !window.histograms.empty()) {
        notes.add(Note::MixedFloatsHistograms);
        return {};
    }
    return window.histograms.empty() ? floatChange(window, kMode, kCounter, kPerSecond)
                                     : histogramChange(window, kMode, kCounter, kPerSecond, notes);
}

/// Without the samples before the anchor; absent when nothing lies behind the left edge.
std::optional<Window> fromAnchorOn(const Window& window)
{
    const auto before = [&window](std::span<const std::int64_t> times) {
        const auto inside = std::upper_bound(times.begin(), times.end(), window.begin);
        return static_cast<std::size_t>(inside - times.begin());
    };
    std::size_t floats = before(window.times);
    std::size_t histograms = before(window.histogramTimes);
    if (floats == window.times.size() && histograms == window.histogramTimes.size()) {
        return std::nullopt;
    }
    const bool anchorIsFloat =
        floats > 0 &&
        (histograms == 0 || window.times[floats - 1] >= window.histogramTimes[histograms - 1]);
    floats -= anchorIsFloat ? 1 : 0;
    histograms -= !anchorIsFloat && histograms > 0 ? 1 : 0;
    return window.from(floats, histograms);
}

template <WindowFunction kFunction>
WindowResult anchored(const Window& window, NoteBits& notes)
{
    const auto rest = fromAnchorOn(window);
    return rest ? kFunction(*rest, notes) : WindowResult();
}

struct ExtendedFunction
{
    std::string_view name;
    WindowFunction anchored;
    WindowFunction smoothed;
};

constexpr std::array<ExtendedFunction, 5> kFunctions = {{
    {"changes", anchored<windowChanges>, nullptr},
    {"delta", change<Change::Delta, EdgeMode::Anchored>, change<Change::Delta, EdgeMode::Smoothed>},
    {"increase", change<Change::Increase, EdgeMode::Anchored>,
     change<Change::Increase, EdgeMode::Smoothed>},
    {"rate", change<Change::Rate, EdgeMode::Anchored>, change<Change::Rate, EdgeMode::Smoothed>},
    {"resets", anchored<windowResets>, nullptr},
}};

WindowFunction functionFor(const ExtendedFunction& entry, EdgeMode mode)
{
    return mode == EdgeMode::Smoothed ? entry.smoothed : entry.anchored;
}

WindowResult smoothedHistogramAt(const Window& window, std::int64_t time, NoteBits& notes)
{
    const auto times = window.histogramTimes;
    const auto next = static_cast<std::size_t>(std::lower_bound(times.begin(), times.end(), time) -
                                               times.begin());
    if (next < times.size() && times[next] == time) {
        return WindowResult(window.histograms[next]);
    }
    if (next == 0) {
        return {};
    }
    const FloatHistogram& before = *window.histograms[next - 1];
    if (next == times.size()) {
        // A hint tells of two neighbours; the value carried forward has none.
        FloatHistogram carried = before;
        carried.hint = CounterResetHint::Unknown;
        return WindowResult(std::move(carried));
    }
    const FloatHistogram& after = *window.histograms[next];
    if (before.usesCustomBuckets() != after.usesCustomBuckets()) {
        notes.add(Note::MixedSchemas);
        return {};
    }
    const bool counter =
        before.hint != CounterResetHint::Gauge || after.hint != CounterResetHint::Gauge;
    auto result = betweenHistograms(window, next - 1, time, counter, notes);
    return result ? WindowResult(*std::move(result)) : WindowResult();
}

} // namespace

EdgeMode edgeModeOf(const Expr& matrix)
{
    const auto* node = unwrapParens(matrix).as<MatrixSelector>();
    if (node == nullptr) {
        return EdgeMode::Plain;
    }
    if (node->selector.anchored) {
        return EdgeMode::Anchored;
    }
    return node->selector.smoothed ? EdgeMode::Smoothed : EdgeMode::Plain;
}

std::string_view edgeModeText(EdgeMode mode)
{
    return mode == EdgeMode::Anchored ? "anchored" : "smoothed";
}

WindowFunction findExtendedFunction(std::string_view name, EdgeMode mode)
{
    const auto* const found =
        std::find_if(kFunctions.begin(), kFunctions.end(),
                     [name](const auto& entry) { return entry.name == name; });
    return found != kFunctions.end() ? functionFor(*found, mode) : nullptr;
}

std::string extendedFunctionNames(EdgeMode mode)
{
    std::vector<std::string_view> names;
    for (const ExtendedFunction& entry : kFunctions) {
        if (functionFor(entry, mode) != nullptr) {
            names.push_back(entry.name);
        }
    }
    return fmt::format("{}", fmt::join(names, ", "));
}

std::vector<Point> extendedPoints(const Window& window, EdgeMode mode)
{
    const auto reach = reachOf(window.times, window, mode);
    if (!reach) {
        return {};
    }
    const Reach inside = strictlyInside(window, *reach);
    std::vector<Point> points;
    points.push_back({{window.begin}, leftValue(window, *reach, mode, false)});
    for (std::size_t i = inside.first; i < inside.last; ++i) {
        points.push_back({{window.times[i]}, window.values[i]});
    }
    points.push_back({{window.end}, rightValue(window, *reach, mode, false)});
    return points;
}

WindowResult smoothedAt(const Window& window, std::int64_t time, NoteBits& notes)
{
    if (!window.values.empty() && !window.histograms.empty()) {
        notes.add(Note::MixedFloatsHistograms);
        return {};
    }
    if (!window.histograms.empty()) {
        return smoothedHistogramAt(window, time, notes);
    }
    const auto times = window.times;
    const auto next = static_cast<std::size_t>(std::lower_bound(times.begin(), times.end(), time) -
                                               times.begin());
    if (next < times.size() && times[next] == time) {
        return window.values[next];
    }
    if (next == 0) {
        return {};
    }
    return next == times.size() ? window.values[next - 1] : between(window, next - 1, time, false);
}

} // namespace narthex::promql
