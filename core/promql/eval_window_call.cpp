// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Calls of functions over windows, bare range vectors, and vectors handed over in batches.
#include "core/base/number.h"
#include "core/base/status.h"
#include "core/promql/eval.h"
#include "core/promql/extended_window.h"
#include "core/promql/matrix_input.h"
#include "core/promql/row_stream.h"
#include "core/promql/window_columns.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace narthex::promql {
namespace {

bool isCounterName(std::string_view name)
{
    return name.ends_with("_total") || name.ends_with("_sum") || name.ends_with("_count") ||
           name.ends_with("_bucket");
}

/// One call of a function over windows, prepared for all its series.
class WindowCall
{
public:
    WindowCall(Run& run, const Grid& grid, const Call& node)
        : run_(run), grid_(grid), node_(node), info_(findWindowFunction(node.function->name))
    {}

    absl::Status prepare()
    {
        if (info_ == nullptr) {
            return base::internalError("{}() is no function over windows", node_.function->name);
        }
        for (const ExprPtr& arg : node_.args) {
            if (arg->type == ValueType::Scalar) {
                NARTHEX_ASSIGN_OR_RETURN(ScalarColumn column, evalScalar(run_, grid_, *arg));
                scalars_.push_back(std::move(column));
            } else {
                matrix_ = arg.get();
            }
        }
        NARTHEX_RETURN_IF_ERROR(chooseFunction());
        NARTHEX_RETURN_IF_ERROR(checkArguments());
        NARTHEX_ASSIGN_OR_RETURN(input_,
                                 MatrixInput::open(run_, grid_, *matrix_, node_.function->name));
        return absl::OkStatus();
    }

    [[nodiscard]] std::size_t size() const { return input_.size(); }
    [[nodiscard]] const Expr& matrix() const { return *matrix_; }

    /// `rows` out of the series from `first` on. Names are still those of the series.
    absl::Status fillAll(std::span<Row> rows, std::size_t first)
    {
        return run_.parallelPieces(rows.size(), [&](std::size_t begin, std::size_t end) {
            Worker worker{.counts = run_.noCounts()};
            absl::Status status;
            for (std::size_t i = begin; i < end && status.ok(); ++i) {
                // Long windows take long: looked at before each series, not only before each piece.
                status = run_.check();
                if (status.ok()) {
                    status = fill(first + i, rows[i], worker);
                }
            }
            run_.count(worker.counts);
            return status;
        });
    }

private:
    /// What a worker uses again for the next series.
    struct Worker
    {
        storage::SampleColumns columns{};
        WindowScratch scratch{};
        StepCounts counts{};
    };

    absl::Status fill(std::size_t index, Row& row, Worker& worker)
    {
        const storage::SampleColumns& columns = worker.columns;
        NARTHEX_RETURN_IF_ERROR(input_.load(index, worker.columns));
        const std::uint64_t loaded = weightOf(columns);
        NARTHEX_RETURN_IF_ERROR(run_.charge(loaded));
        row.labels = input_.labels(index);
        row.dropName = info_->keepsName && input_.dropName(index);
        bool anyFloat = false;
        if (hasColumnForm(columns)) {
            anyFloat = fillColumn(row, worker);
        } else {
            NARTHEX_ASSIGN_OR_RETURN(anyFloat, fillSteps(row, worker));
        }
        run_.release(loaded);
        const std::string_view name = row.labels.metricName();
        if (info_->wantsCounter && anyFloat && !name.empty() && !isCounterLike(row.labels)) {
            noteNoCounter(row.labels);
        }
        return run_.charge(weightOf(row));
    }

    /// Whether all windows of these samples can be done at once.
    [[nodiscard]] bool hasColumnForm(const storage::SampleColumns& columns) const
    {
        return columnFunction_ != nullptr && columns.histogramTimes.empty() &&
               columns.startTimes.empty();
    }

    bool fillColumn(Row& row, Worker& worker)
    {
        const std::int64_t firstEnd = input_.windowEnd(grid_.start);
        WindowColumn column{.times = worker.columns.times,
                            .values = worker.columns.values,
                            .firstEnd = firstEnd,
                            .stepMs = input_.windowEnd(grid_.at(1)) - firstEnd,
                            .rangeMs = input_.rangeMs()};
        if (!scalars_.empty()) {
            column.argument = scalars_[0];
        }
        findWindows(column, grid_.count, worker.scratch);
        countWindows(column.low, column.high, input_.isSubquery(), worker.counts);
        row.resizeForOverwrite(grid_.count);
        columnFunction_(column, worker.scratch, row);
        return !row.isEmpty();
    }

    /// Whether any step has a float.
    absl::StatusOr<bool> fillSteps(Row& row, Worker& worker)
    {
        // About a millisecond of the slowest functions: a series may have hours of work.
        constexpr std::size_t kWorkBetweenChecks = 50'000;
        constexpr std::size_t kWorkOfHistogram = 32;
        const storage::SampleColumns& columns = worker.columns;
        countWindows(columns, input_.countedWindows(grid_), worker.counts);
        row.resize(grid_.count);
        WindowSlider slider(columns);
        NoteBits notes;
        bool anyFloat = false;
        std::size_t work = 0;
        for (std::size_t step = 0; step < grid_.count; ++step) {
            Window window = input_.window(slider, grid_.at(step));
            if (window.size() == 0) {
                continue;
            }
            work += window.times.size() + kWorkOfHistogram * window.histogramTimes.size();
            if (work > kWorkBetweenChecks) {
                NARTHEX_RETURN_IF_ERROR(run_.check());
                work = 0;
            }
            for (std::size_t i = 0; i < scalars_.size(); ++i) {
                window.arguments[i] = scalars_[i][step];
            }
            WindowResult result = function_(window, notes);
            anyFloat = anyFloat || result.kind == Cell::Float;
            std::move(result).put(row, step);
        }
        run_.notes().add(node_.args[0]->range, notes, row.labels.metricName());
        return anyFloat;
    }

    /// The function, or what it becomes for a selector that is anchored or smoothed.
    absl::Status chooseFunction()
    {
        const EdgeMode mode = edgeModeOf(*matrix_);
        function_ =
            mode == EdgeMode::Plain ? info_->function : findExtendedFunction(info_->name, mode);
        columnFunction_ = mode == EdgeMode::Plain ? findColumnFunction(info_->name) : nullptr;
        if (function_ != nullptr) {
            return absl::OkStatus();
        }
        base::Position position;
        position.begin = matrix_->range.begin;
        position.end = matrix_->range.end;
        return base::withPosition(
            base::invalidArgument("{} modifier can only be used with: {} - not with {}",
                                  edgeModeText(mode), extendedFunctionNames(mode), info_->name),
            position);
    }

    [[nodiscard]] bool isCounterLike(const model::Labels& labels) const
    {
        if (run_.features().typeAndUnitLabels) {
            const std::string_view type = labels.get("__type__");
            return type == "counter" || type == "histogram";
        }
        return isCounterName(labels.metricName());
    }

    void noteNoCounter(const model::Labels& labels)
    {
        if (!run_.features().typeAndUnitLabels) {
            NoteBits notes;
            notes.add(Note::MightNotBeCounter);
            return run_.notes().add(node_.args[0]->range, notes, labels.metricName());
        }
        run_.notes().inform(
            node_.args[0]->range,
            fmt::format(
                "metric might not be a counter, __type__ label is not set to \"counter\" or "
                "\"histogram\", got {}: {}",
                model::quote(labels.get("__type__")), model::quote(labels.metricName())));
    }

    absl::Status checkArguments()
    {
        const std::string_view name = info_->name;
        if (name == "double_exponential_smoothing") {
            NARTHEX_RETURN_IF_ERROR(checkFactor(scalars_[0], "smoothing"));
            NARTHEX_RETURN_IF_ERROR(checkFactor(scalars_[1], "trend"));
        }
        if (name == "quantile_over_time") {
            for (const double q : scalars_[0]) {
                if (!(q >= 0 && q <= 1)) {
                    run_.notes().warn(
                        node_.args[0]->range,
                        fmt::format("quantile value should be between 0 and 1, got {}",
                                    base::formatFloatG(q)));
                    break;
                }
            }
        }
        return absl::OkStatus();
    }

    static absl::Status checkFactor(const ScalarColumn& column, std::string_view what)
    {
        for (const double factor : column) {
            if (!(factor > 0 && factor < 1)) {
                return base::invalidArgument(
                    "invalid {0} factor. Expected: 0 < {1} < 1, got: {2:f}", what,
                    what == "trend" ? "tf" : "sf", factor);
            }
        }
        return absl::OkStatus();
    }

    Run& run_;
    const Grid& grid_;
    const Call& node_;
    const WindowFunctionInfo* info_;
    WindowFunction function_ = nullptr;
    /// Null where there is none.
    ColumnFunction columnFunction_ = nullptr;
    const Expr* matrix_ = nullptr;
    std::vector<ScalarColumn> scalars_;
    MatrixInput input_;

public:
    [[nodiscard]] bool keepsName() const { return info_->keepsName; }
};

/// The name drop of these cannot make two series equal: one metric, and the store has no series
/// twice.
bool hasOneName(const Expr& matrix)
{
    const auto* selector = unwrapParens(matrix).as<MatrixSelector>();
    if (selector == nullptr) {
        return false;
    }
    const auto& matchers = selector->selector.matchers;
    return std::any_of(matchers.begin(), matchers.end(), [](const model::Matcher& matcher) {
        return matcher.name() == model::kMetricName && matcher.type() == model::MatchType::Equal;
    });
}

bool isStreamable(const Call& call)
{
    if (call.function->name == "absent_over_time" ||
        findWindowFunction(call.function->name) == nullptr) {
        return false;
    }
    const auto matrix = std::find_if(call.args.begin(), call.args.end(), [](const ExprPtr& arg) {
        return arg->type == ValueType::Matrix;
    });
    return hasOneName(**matrix);
}

absl::Status streamWindowCall(Run& run, const Grid& grid, const Call& node, RowSink sink)
{
    WindowCall call(run, grid, node);
    NARTHEX_RETURN_IF_ERROR(call.prepare());
    return streamFrom(run, call, !call.keepsName(), sink);
}

} // namespace

absl::StatusOr<Rows> evalWindowCall(Run& run, const Grid& grid, const Expr&, const Call& node)
{
    WindowCall call(run, grid, node);
    NARTHEX_RETURN_IF_ERROR(call.prepare());
    Rows rows(call.size());
    NARTHEX_RETURN_IF_ERROR(call.fillAll(rows, 0));
    removeEmpty(rows);
    if (!call.keepsName()) {
        NARTHEX_RETURN_IF_ERROR(dropNames(run, rows));
    }
    return rows;
}

absl::Status streamVector(Run& run, const Grid& grid, const Expr& expr, RowSink sink)
{
    const Expr& inner = unwrapParens(expr);
    const bool invariant = grid.count > 1 && run.plan().of(inner).invariant;
    // A trace wants the value of every node.
    if (!invariant && run.trace() == nullptr) {
        if (const auto* selector = inner.as<VectorSelector>();
            selector != nullptr && !selector->anchored && !selector->smoothed) {
            return streamSelector(run, grid, inner, *selector, sink);
        }
        const auto* call = inner.as<Call>();
        if (call != nullptr && isStreamable(*call)) {
            return streamWindowCall(run, grid, *call, sink);
        }
    }
    NARTHEX_ASSIGN_OR_RETURN(Rows rows, evalVector(run, grid, expr));
    return rows.empty() ? absl::OkStatus() : sink({.rows = rows});
}

absl::StatusOr<Matrix> evalMatrix(Run& run, const Grid& grid, const Expr& expr)
{
    NARTHEX_ASSIGN_OR_RETURN(const MatrixInput input, MatrixInput::open(run, grid, expr, {}));
    const EdgeMode mode = edgeModeOf(expr);
    std::vector<MatrixSeries> result(input.size());
    const absl::Status done = run.parallelFor(input.size(), [&](std::size_t i) -> absl::Status {
        storage::SampleColumns columns;
        NARTHEX_RETURN_IF_ERROR(input.load(i, columns));
        WindowSlider slider(columns);
        const Window window = input.window(slider, grid.start);
        if (mode != EdgeMode::Plain && !window.histograms.empty()) {
            return base::invalidArgument("{} modifier is not supported with histograms",
                                         edgeModeText(mode));
        }
        result[i].labels =
            input.dropName(i) ? withoutMetricLabels(input.labels(i)) : input.labels(i);
        if (mode != EdgeMode::Plain) {
            result[i].points = extendedPoints(window, mode);
        }
        for (std::size_t k = 0; mode == EdgeMode::Plain && k < window.times.size(); ++k) {
            result[i].points.push_back({{window.times[k]}, window.values[k]});
        }
        for (std::size_t k = 0; k < window.histogramTimes.size(); ++k) {
            result[i].histograms.push_back({{window.histogramTimes[k]}, window.histograms[k]});
        }
        // The points of a subquery are a result: what counts is what its inside has looked at.
        if (!input.isSubquery()) {
            StepCounts counts = run.noCounts();
            countWindows(columns, input.countedWindows(grid), counts);
            run.count(counts);
        }
        return run.charge(weightOf(columns));
    });
    NARTHEX_RETURN_IF_ERROR(done);
    StepCounts inside = run.noCounts();
    inside.addQueryable(0, input.seenInside());
    run.count(inside);
    std::erase_if(result, [](const MatrixSeries& series) {
        return series.points.empty() && series.histograms.empty();
    });
    return result;
}

} // namespace narthex::promql
