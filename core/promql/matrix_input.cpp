// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/matrix_input.h"

#include "core/base/status.h"
#include "core/promql/histogram_math.h"
#include "core/promql/trace.h"

namespace narthex::promql {
namespace {

void removeStale(storage::SampleColumns& columns)
{
    std::size_t kept = 0;
    for (std::size_t i = 0; i < columns.times.size(); ++i) {
        if (!model::isStale(columns.values[i])) {
            columns.times[kept] = columns.times[i];
            columns.values[kept] = columns.values[i];
            ++kept;
        }
    }
    columns.times.resize(kept);
    columns.values.resize(kept);
    kept = 0;
    for (std::size_t i = 0; i < columns.histograms.size(); ++i) {
        if (!columns.histograms[i]->isStale()) {
            columns.histogramTimes[kept] = columns.histogramTimes[i];
            columns.histograms[kept] = columns.histograms[i];
            ++kept;
        }
    }
    columns.histogramTimes.resize(kept);
    columns.histograms.resize(kept);
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
    if (node.selector.anchored || node.selector.smoothed) {
        return notSupported(node.selector.anchored ? "modifier anchored" : "modifier smoothed");
    }
    const NodePlan& plan = run.plan().of(expr);
    pinned_ = run.plan().atMs(node.selector.at);
    offset_ = plan.offsetMs;
    range_ = plan.rangeMs;
    statsOnly_ = plan.statsOnly;
    readFrom_ = windowEnd(grid.start) - range_ + 1;
    readTo_ = windowEnd(grid.last());
    storage::SelectHints hints;
    hints.from = {readFrom_};
    hints.to = {readTo_};
    hints.step = base::Duration::fromMs(grid.step);
    hints.range = base::Duration::fromMs(range_);
    hints.function = function;
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
    NARTHEX_ASSIGN_OR_RETURN(rows_, evalVector(run, inner_, *node.expr));
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
    window.begin = begin;
    window.end = end;
    return window;
}

} // namespace narthex::promql
