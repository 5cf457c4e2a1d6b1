// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/matrix_input.h"

#include "core/base/status.h"
#include "core/promql/histogram_math.h"
#include "core/promql/trace.h"

#include <algorithm>

namespace narthex::promql {
namespace {

/// `starts` is empty or as long as the others.
template <typename T, typename IsStale>
void removeStale(std::vector<std::int64_t>& times, std::vector<T>& values,
                 std::vector<std::int64_t>& starts, IsStale isStale)
{
    const bool started = !starts.empty();
    std::size_t kept = 0;
    for (std::size_t i = 0; i < times.size(); ++i) {
        if (!isStale(values[i])) {
            times[kept] = times[i];
            values[kept] = values[i];
            if (started) {
                starts[kept] = starts[i];
            }
            ++kept;
        }
    }
    times.resize(kept);
    values.resize(kept);
    starts.resize(started ? kept : 0);
}

/// The functions that look at when the counters of samples began.
bool usesStartTimes(std::string_view function)
{
    return function == "rate" || function == "increase" || function == "irate" ||
           function == "resets";
}

/// Neighbours of a subquery were not neighbours in the store: what a hint says of the one before
/// does not hold.
HistogramPtr withoutResetHint(const HistogramPtr& histogram)
{
    using model::CounterResetHint;
    if (histogram->hint == CounterResetHint::Gauge ||
        histogram->hint == CounterResetHint::Unknown) {
        return histogram;
    }
    auto copy = std::make_shared<model::FloatHistogram>(*histogram);
    copy->hint = CounterResetHint::Unknown;
    return copy;
}

} // namespace

void removeStale(storage::SampleColumns& columns)
{
    columns.padStartTimes();
    removeStale(columns.times, columns.values, columns.startTimes,
                [](double value) { return model::isStale(value); });
    removeStale(columns.histogramTimes, columns.histograms, columns.histogramStartTimes,
                [](const HistogramPtr& histogram) { return histogram->isStale(); });
}

absl::StatusOr<MatrixInput> MatrixInput::open(Run& run, const Grid& grid, const Expr& expr,
                                              std::string_view function)
{
    const Expr& inner = unwrapParens(expr);
    if (run.trace() == nullptr) {
        return openNode(run, grid, inner, function);
    }
    TraceScope scope(run, inner);
    absl::StatusOr<MatrixInput> input = openNode(run, grid, inner, function);
    absl::Status status = input.status();
    if (status.ok()) {
        status = traceMatrix(run, grid, inner, *input);
    }
    scope.finish(status);
    if (!status.ok()) {
        return status;
    }
    return input;
}

absl::StatusOr<MatrixInput> MatrixInput::openNode(Run& run, const Grid& grid, const Expr& inner,
                                                  std::string_view function)
{
    MatrixInput input;
    if (const auto* selector = inner.as<MatrixSelector>()) {
        NARTHEX_RETURN_IF_ERROR(input.openSelector(run, grid, inner, *selector, function));
    } else if (const auto* subquery = inner.as<Subquery>()) {
        NARTHEX_RETURN_IF_ERROR(input.openSubquery(run, grid, inner, *subquery));
    } else {
        return base::internalError("not a range vector");
    }
    return input;
}

absl::Status MatrixInput::openSelector(Run& run, const Grid& grid, const Expr& expr,
                                       const MatrixSelector& node, std::string_view function)
{
    const NodePlan& plan = run.plan().of(expr);
    pinned_ = run.plan().atMs(node.selector.at);
    offset_ = plan.offsetMs;
    range_ = plan.rangeMs;
    statsOnly_ = plan.statsOnly;
    before_ = plan.reachBeforeMs;
    after_ = plan.reachAfterMs;
    readFrom_ = windowEnd(grid.start) - range_ - before_ + 1;
    readTo_ = windowEnd(grid.last()) + after_;
    wantsStartTimes_ = run.features().useStartTimestamps && usesStartTimes(function);
    storage::SelectHints hints;
    hints.from = {readFrom_};
    hints.to = {readTo_};
    hints.step = base::Duration::fromMs(grid.step);
    hints.range = base::Duration::fromMs(range_);
    setFunctionHints(plan, hints);
    NARTHEX_ASSIGN_OR_RETURN(series_, run.select(node.selector.matchers, hints));
    return absl::OkStatus();
}

absl::Status MatrixInput::openSubquery(Run& run, const Grid& grid, const Expr& expr,
                                       const Subquery& node)
{
    const NodePlan& plan = run.plan().of(expr);
    isSubquery_ = true;
    pinned_ = run.plan().atMs(node.at);
    offset_ = plan.offsetMs;
    range_ = plan.rangeMs;
    inner_ = subqueryGrid(run.plan(), node, plan, grid);
    if (inner_.count == 0) {
        return absl::OkStatus();
    }
    // The steps of one series must fit, or nothing does; and memory for them is allocated up front.
    const std::uint64_t held = run.charged();
    NARTHEX_RETURN_IF_ERROR(run.charge(inner_.count));
    // Steps inside may lie between two windows only if these are apart.
    const bool gaps = grid.count > 1 && grid.step > range_;
    Run::CountScope scope(run, inner_.count, gaps || run.noCounts().perStep());
    NARTHEX_ASSIGN_OR_RETURN(rows_, evalVector(run, inner_, *node.expr));
    const StepCounts inside = scope.finish();
    StepCounts counts = run.noCounts();
    counts.addSubquery(inside, inner_, grid, plan);
    seenInside_ = inside.queryable;
    run.count(counts);
    base::ignore(run.settle(held, 0), "giving back never exceeds the limit");
    return absl::OkStatus();
}

absl::Status MatrixInput::load(std::size_t i, storage::SampleColumns& out) const
{
    out.clear();
    if (isSubquery_) {
        loadRow(rows_[i], out);
        return absl::OkStatus();
    }
    NARTHEX_RETURN_IF_ERROR(series_[i]->read({readFrom_}, {readTo_}, out));
    if (!wantsStartTimes_) {
        out.startTimes.clear();
        out.histogramStartTimes.clear();
    }
    removeStale(out);
    if (statsOnly_) {
        deriveResetHints(out);
    }
    return absl::OkStatus();
}

void MatrixInput::loadRow(const Row& row, storage::SampleColumns& out) const
{
    for (std::size_t i = 0; i < row.cells.size(); ++i) {
        if (row.cells[i] == Cell::Float) {
            out.times.push_back(inner_.at(i));
            out.values.push_back(row.values[i]);
        } else if (row.cells[i] == Cell::Histogram) {
            out.histogramTimes.push_back(inner_.at(i));
            out.histograms.push_back(withoutResetHint(row.histograms[i]));
        }
    }
}

void deriveResetHints(storage::SampleColumns& columns)
{
    using model::CounterResetHint;
    HistogramPtr previous;
    for (auto& histogram : columns.histograms) {
        HistogramPtr current = histogram;
        if (previous && current->hint == CounterResetHint::Unknown && !current->isStale()) {
            auto copy = std::make_shared<model::FloatHistogram>(*current);
            copy->hint = detectReset(*current, *previous) ? CounterResetHint::Reset
                                                          : CounterResetHint::NoReset;
            histogram = std::move(copy);
        }
        previous = std::move(current);
    }
}

Window MatrixInput::window(WindowSlider& slider, std::int64_t step) const
{
    const std::int64_t end = windowEnd(step);
    Window window = slider.next(end - range_ - before_, end + after_);
    window.begin = end - range_;
    window.end = end;
    window.evalTime = step;
    return window;
}

Window Window::from(std::size_t floats, std::size_t histogramCount) const
{
    const auto rest = [](std::span<const std::int64_t> starts, std::size_t n) {
        return starts.subspan(std::min(n, starts.size()));
    };
    Window result = *this;
    result.times = times.subspan(floats);
    result.values = values.subspan(floats);
    result.startTimes = rest(startTimes, floats);
    result.histogramTimes = histogramTimes.subspan(histogramCount);
    result.histograms = histograms.subspan(histogramCount);
    result.histogramStartTimes = rest(histogramStartTimes, histogramCount);
    return result;
}

Window WindowSlider::next(std::int64_t begin, std::int64_t end)
{
    const auto slide = [begin, end](const std::vector<std::int64_t>& times, std::size_t& low,
                                    std::size_t& high) {
        while (high < times.size() && times[high] <= end) {
            ++high;
        }
        while (low < high && times[low] <= begin) {
            ++low;
        }
    };
    slide(samples_.times, low_, high_);
    slide(samples_.histogramTimes, histogramLow_, histogramHigh_);
    Window window;
    window.times = std::span(samples_.times).subspan(low_, high_ - low_);
    window.values = std::span(samples_.values).subspan(low_, high_ - low_);
    window.histogramTimes =
        std::span(samples_.histogramTimes).subspan(histogramLow_, histogramHigh_ - histogramLow_);
    window.histograms =
        std::span(samples_.histograms).subspan(histogramLow_, histogramHigh_ - histogramLow_);
    if (!samples_.startTimes.empty()) {
        window.startTimes = std::span(samples_.startTimes).subspan(low_, high_ - low_);
    }
    if (!samples_.histogramStartTimes.empty()) {
        window.histogramStartTimes = std::span(samples_.histogramStartTimes)
                                         .subspan(histogramLow_, histogramHigh_ - histogramLow_);
    }
    window.begin = begin;
    window.end = end;
    return window;
}

} // namespace narthex::promql
