// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Calls of functions of vectors and scalars. Labels and histograms have sources of their own.
#include "core/base/status.h"
#include "core/promql/eval.h"
#include "core/promql/label_functions.h"
#include "core/promql/math_functions.h"
#include "core/promql/window.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace narthex::promql {
namespace {

using VectorFunction = absl::StatusOr<Rows> (*)(Run& run, const Grid& grid, const Expr& expr,
                                                const Call& node);

/// Replaces each float by body(value, step); histograms go.
template <typename Body>
void mapFloats(Rows& rows, Body body)
{
    for (Row& row : rows) {
        for (std::size_t i = 0; i < row.cells.size(); ++i) {
            if (row.cells[i] == Cell::Float) {
                row.values[i] = body(row.values[i], i);
            } else {
                row.cells[i] = Cell::None;
            }
        }
        row.histograms.clear();
    }
}

/// The first argument; without one, a vector of the evaluation time.
absl::StatusOr<Rows> argumentOrTime(Run& run, const Grid& grid, const Call& node)
{
    if (!node.args.empty()) {
        return evalVector(run, grid, *node.args[0]);
    }
    Rows rows(1);
    rows[0].resize(grid.count);
    for (std::size_t i = 0; i < grid.count; ++i) {
        rows[0].setFloat(i, static_cast<double>(grid.at(i)) / 1000);
    }
    return rows;
}

absl::StatusOr<Rows> evalMath(Run& run, const Grid& grid, const Call& node, MathFunction function)
{
    NARTHEX_ASSIGN_OR_RETURN(Rows rows, argumentOrTime(run, grid, node));
    mapFloats(rows, [function](double value, std::size_t) { return function(value); });
    removeEmpty(rows);
    NARTHEX_RETURN_IF_ERROR(dropNames(run, rows));
    return rows;
}

absl::StatusOr<ScalarColumn> argument(Run& run, const Grid& grid, const Call& node, std::size_t i,
                                      double missing)
{
    if (i >= node.args.size()) {
        return ScalarColumn(grid.count, missing);
    }
    return evalScalar(run, grid, *node.args[i]);
}

absl::StatusOr<Rows> evalClamp(Run& run, const Grid& grid, const Expr&, const Call& node)
{
    const std::string_view name = node.function->name;
    NARTHEX_ASSIGN_OR_RETURN(Rows rows, evalVector(run, grid, *node.args[0]));
    NARTHEX_ASSIGN_OR_RETURN(const ScalarColumn second, evalScalar(run, grid, *node.args[1]));
    ScalarColumn low = name == "clamp_max" ? ScalarColumn(grid.count, -HUGE_VAL) : second;
    ScalarColumn high = name == "clamp_max" ? second : ScalarColumn(grid.count, HUGE_VAL);
    if (name == "clamp") {
        NARTHEX_ASSIGN_OR_RETURN(high, evalScalar(run, grid, *node.args[2]));
    }
    mapFloats(rows,
              [&](double value, std::size_t i) { return maxOf(low[i], minOf(high[i], value)); });
    for (Row& row : rows) {
        for (std::size_t i = 0; i < row.cells.size(); ++i) {
            if (high[i] < low[i]) {
                row.cells[i] = Cell::None;
            }
        }
    }
    removeEmpty(rows);
    NARTHEX_RETURN_IF_ERROR(dropNames(run, rows));
    return rows;
}

absl::StatusOr<Rows> evalRound(Run& run, const Grid& grid, const Expr&, const Call& node)
{
    NARTHEX_ASSIGN_OR_RETURN(Rows rows, evalVector(run, grid, *node.args[0]));
    NARTHEX_ASSIGN_OR_RETURN(const ScalarColumn to, argument(run, grid, node, 1, 1));
    // The inverse, because dividing by 0.1 is less exact than multiplying by 10.
    mapFloats(rows, [&](double value, std::size_t i) {
        const double inverse = 1.0 / to[i];
        return std::floor(value * inverse + 0.5) / inverse;
    });
    removeEmpty(rows);
    NARTHEX_RETURN_IF_ERROR(dropNames(run, rows));
    return rows;
}

absl::StatusOr<Rows> evalVectorOf(Run& run, const Grid& grid, const Expr&, const Call& node)
{
    NARTHEX_ASSIGN_OR_RETURN(ScalarColumn column, evalScalar(run, grid, *node.args[0]));
    Rows rows(1);
    rows[0].cells.assign(grid.count, Cell::Float);
    rows[0].values = std::move(column);
    return rows;
}

absl::StatusOr<Rows> evalTimestamp(Run& run, const Grid& grid, const Expr&, const Call& node)
{
    Rows rows;
    const Expr& inner = unwrapParens(*node.args[0]);
    if (const auto* selector = inner.as<VectorSelector>()) {
        NARTHEX_ASSIGN_OR_RETURN(rows, evalSelector(run, grid, inner, *selector, "timestamp"));
    } else {
        NARTHEX_ASSIGN_OR_RETURN(rows, evalVector(run, grid, *node.args[0]));
        for (Row& row : rows) {
            for (std::size_t i = 0; i < row.cells.size(); ++i) {
                if (row.has(i)) {
                    row.setFloat(i, static_cast<double>(grid.at(i)) / 1000);
                }
            }
            row.histograms.clear();
        }
    }
    NARTHEX_RETURN_IF_ERROR(dropNames(run, rows));
    return rows;
}

/// Labels that a missing series would have had, as far as equality matchers tell.
model::Labels labelsOfAbsent(const Expr& argument)
{
    const Expr& inner = unwrapParens(argument);
    const auto* selector = inner.as<VectorSelector>();
    if (const auto* matrix = inner.as<MatrixSelector>()) {
        selector = &matrix->selector;
    }
    model::LabelsBuilder builder;
    if (selector == nullptr) {
        return builder.build();
    }
    std::vector<std::string> seen;
    for (const model::Matcher& matcher : selector->matchers) {
        if (matcher.name() == model::kMetricName) {
            continue;
        }
        const bool again = std::find(seen.begin(), seen.end(), matcher.name()) != seen.end();
        if (matcher.type() == model::MatchType::Equal && !again) {
            builder.set(matcher.name(), matcher.value());
            seen.push_back(matcher.name());
        } else {
            builder.remove(matcher.name());
        }
    }
    return builder.build();
}

Rows absentRows(const Rows& present, const Grid& grid, const Expr& argument)
{
    Rows rows(1);
    Row& row = rows[0];
    row.labels = labelsOfAbsent(argument);
    row.cells.assign(grid.count, Cell::Float);
    row.values.assign(grid.count, 1.0);
    for (const Row& other : present) {
        for (std::size_t i = 0; i < grid.count; ++i) {
            if (other.has(i)) {
                row.cells[i] = Cell::None;
            }
        }
    }
    removeEmpty(rows);
    return rows;
}

absl::StatusOr<Rows> evalAbsent(Run& run, const Grid& grid, const Expr&, const Call& node)
{
    NARTHEX_ASSIGN_OR_RETURN(const Rows rows, evalVector(run, grid, *node.args[0]));
    return absentRows(rows, grid, *node.args[0]);
}

absl::StatusOr<Rows> evalAbsentOverTime(Run& run, const Grid& grid, const Expr& expr,
                                        const Call& node)
{
    NARTHEX_ASSIGN_OR_RETURN(const Rows rows, evalWindowCall(run, grid, expr, node));
    return absentRows(rows, grid, *node.args[0]);
}

/// Only instant queries have an order.
absl::StatusOr<Rows> evalSort(Run& run, const Grid& grid, const Expr& expr, const Call& node)
{
    NARTHEX_ASSIGN_OR_RETURN(Rows rows, evalVector(run, grid, *node.args[0]));
    if (!run.isInstant()) {
        run.notes().warn(expr.range, "sort is ineffective for range queries since results "
                                     "are always ordered by labels");
        return rows;
    }
    const bool descending = node.function->name == "sort_desc";
    std::erase_if(rows, [](const Row& row) { return row.cells[0] == Cell::Histogram; });
    std::stable_sort(rows.begin(), rows.end(), [descending](const Row& a, const Row& b) {
        const double x = a.values[0];
        const double y = b.values[0];
        if (std::isnan(x) || std::isnan(y)) {
            return !std::isnan(x) && std::isnan(y);
        }
        return descending ? y < x : x < y;
    });
    return rows;
}

/// Only samples have start times: other vectors give nothing.
absl::StatusOr<Rows> evalStartTimestamp(Run& run, const Grid& grid, const Expr&, const Call& node)
{
    const Expr& inner = unwrapParens(*node.args[0]);
    const auto* selector = inner.as<VectorSelector>();
    if (selector == nullptr || !run.features().useStartTimestamps) {
        NARTHEX_RETURN_IF_ERROR(evalVector(run, grid, inner).status());
        return Rows();
    }
    NARTHEX_ASSIGN_OR_RETURN(Rows rows,
                             evalSelector(run, grid, inner, *selector, node.function->name));
    NARTHEX_RETURN_IF_ERROR(dropNames(run, rows));
    return rows;
}

struct NamedFunction
{
    std::string_view name;
    VectorFunction function;
};

constexpr std::array<NamedFunction, 24> kFunctions = {{
    {"absent", evalAbsent},
    {"absent_over_time", evalAbsentOverTime},
    {"clamp", evalClamp},
    {"clamp_max", evalClamp},
    {"clamp_min", evalClamp},
    {"histogram_avg", evalHistogramFunction},
    {"histogram_count", evalHistogramFunction},
    {"histogram_fraction", evalHistogramFunction},
    {"histogram_quantile", evalHistogramFunction},
    {"histogram_quantiles", evalHistogramFunction},
    {"histogram_stddev", evalHistogramFunction},
    {"histogram_stdvar", evalHistogramFunction},
    {"histogram_sum", evalHistogramFunction},
    {"info", evalInfo},
    {"label_join", evalLabelJoin},
    {"label_replace", evalLabelReplace},
    {"round", evalRound},
    {"sort", evalSort},
    {"sort_by_label", evalSortByLabel},
    {"sort_by_label_desc", evalSortByLabel},
    {"sort_desc", evalSort},
    {"start_timestamp", evalStartTimestamp},
    {"timestamp", evalTimestamp},
    {"vector", evalVectorOf},
}};

ScalarColumn constant(const Grid& grid, std::int64_t ms)
{
    return ScalarColumn(grid.count, static_cast<double>(ms) / 1000);
}

absl::StatusOr<ScalarColumn> evalScalarOf(Run& run, const Grid& grid, const Call& node)
{
    NARTHEX_ASSIGN_OR_RETURN(const Rows rows, evalVector(run, grid, *node.args[0]));
    ScalarColumn result(grid.count, model::normalNan());
    std::vector<std::uint32_t> counts(grid.count, 0);
    for (const Row& row : rows) {
        for (std::size_t i = 0; i < grid.count; ++i) {
            if (row.cells[i] == Cell::Float) {
                result[i] = ++counts[i] == 1 ? row.values[i] : model::normalNan();
            }
        }
    }
    return result;
}

absl::StatusOr<ScalarColumn> evalMinMaxOf(Run& run, const Grid& grid, const Call& node)
{
    NARTHEX_ASSIGN_OR_RETURN(ScalarColumn left, evalScalar(run, grid, *node.args[0]));
    NARTHEX_ASSIGN_OR_RETURN(const ScalarColumn right, evalScalar(run, grid, *node.args[1]));
    const bool wantsMin = node.function->name == "min_of";
    for (std::size_t i = 0; i < left.size(); ++i) {
        left[i] = wantsMin ? minOf(left[i], right[i]) : maxOf(left[i], right[i]);
    }
    return left;
}

} // namespace

absl::StatusOr<Rows> evalCall(Run& run, const Grid& grid, const Expr& expr, const Call& node)
{
    const std::string_view name = node.function->name;
    for (const NamedFunction& entry : kFunctions) {
        if (entry.name == name) {
            return entry.function(run, grid, expr, node);
        }
    }
    if (const MathFunction math = findMathFunction(name)) {
        return evalMath(run, grid, node, math);
    }
    if (const MathFunction time = findTimeFunction(name)) {
        return evalMath(run, grid, node, time);
    }
    return evalWindowCall(run, grid, expr, node);
}

absl::StatusOr<ScalarColumn> evalScalarCall(Run& run, const Grid& grid, const Call& node)
{
    const std::string_view name = node.function->name;
    const QuerySpan& span = run.plan().span;
    if (name == "scalar") {
        return evalScalarOf(run, grid, node);
    }
    if (name == "min_of" || name == "max_of") {
        return evalMinMaxOf(run, grid, node);
    }
    if (name == "pi") {
        return ScalarColumn(grid.count, std::numbers::pi);
    }
    if (name == "time") {
        ScalarColumn column(grid.count);
        for (std::size_t i = 0; i < grid.count; ++i) {
            column[i] = static_cast<double>(grid.at(i)) / 1000;
        }
        return column;
    }
    if (name == "start") {
        return constant(grid, span.start);
    }
    if (name == "end") {
        return constant(grid, span.end);
    }
    if (name == "range") {
        return constant(grid, span.end - span.start);
    }
    if (name == "step") {
        return constant(grid, span.start == span.end ? 0 : span.step);
    }
    return base::internalError("{}() is no scalar function", name);
}

} // namespace narthex::promql
