// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Dispatch, unary operators, labels.
#include "core/promql/eval.h"

#include "core/base/status.h"
#include "core/promql/histogram_math.h"
#include "core/promql/trace.h"

#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <array>

namespace narthex::promql {
namespace {

std::uint64_t pointCount(const Rows& rows)
{
    std::uint64_t count = 0;
    for (const Row& row : rows) {
        count += weightOf(row);
    }
    return count;
}

void countInvariant(Run& run, Run::CountScope& scope, std::size_t steps)
{
    const StepCounts part = scope.finish();
    StepCounts counts = run.noCounts();
    counts.addInvariant(part, steps);
    run.count(counts);
}

absl::StatusOr<Rows> evalUnary(Run& run, const Grid& grid, const Unary& node)
{
    NARTHEX_ASSIGN_OR_RETURN(Rows rows, evalVector(run, grid, *node.expr));
    if (node.op == TokenKind::Add) {
        return rows;
    }
    for (Row& row : rows) {
        for (std::size_t i = 0; i < row.cells.size(); ++i) {
            if (row.cells[i] == Cell::Float) {
                row.values[i] = -row.values[i];
            } else if (row.cells[i] == Cell::Histogram) {
                auto negated = std::make_shared<model::FloatHistogram>(*row.histograms[i]);
                scale(*negated, -1);
                row.histograms[i] = std::move(negated);
            }
        }
    }
    NARTHEX_RETURN_IF_ERROR(dropNames(run, rows));
    return rows;
}

struct VectorEvaluator
{
    Run& run;
    const Grid& grid;
    const Expr& expr;

    absl::StatusOr<Rows> operator()(const NumberLiteral&) const { return wrongType(); }
    absl::StatusOr<Rows> operator()(const StringLiteral&) const { return wrongType(); }
    absl::StatusOr<Rows> operator()(const MatrixSelector&) const { return wrongType(); }
    absl::StatusOr<Rows> operator()(const Subquery&) const { return wrongType(); }
    absl::StatusOr<Rows> operator()(const VectorSelector& node) const
    {
        return evalSelector(run, grid, expr, node, {});
    }
    absl::StatusOr<Rows> operator()(const Aggregation& node) const
    {
        return evalAggregation(run, grid, expr, node);
    }
    absl::StatusOr<Rows> operator()(const Call& node) const
    {
        return evalCall(run, grid, expr, node);
    }
    absl::StatusOr<Rows> operator()(const Binary& node) const
    {
        return evalBinary(run, grid, expr, node);
    }
    absl::StatusOr<Rows> operator()(const Unary& node) const { return evalUnary(run, grid, node); }
    absl::StatusOr<Rows> operator()(const Paren& node) const
    {
        return evalVector(run, grid, *node.expr);
    }

    static absl::Status wrongType() { return base::internalError("not a vector expression"); }
};

struct ScalarEvaluator
{
    Run& run;
    const Grid& grid;

    absl::StatusOr<ScalarColumn> operator()(const NumberLiteral& node) const
    {
        return ScalarColumn(grid.count, node.value);
    }
    absl::StatusOr<ScalarColumn> operator()(const StringLiteral&) const { return wrongType(); }
    absl::StatusOr<ScalarColumn> operator()(const MatrixSelector&) const { return wrongType(); }
    absl::StatusOr<ScalarColumn> operator()(const Subquery&) const { return wrongType(); }
    absl::StatusOr<ScalarColumn> operator()(const VectorSelector&) const { return wrongType(); }
    absl::StatusOr<ScalarColumn> operator()(const Aggregation&) const { return wrongType(); }
    absl::StatusOr<ScalarColumn> operator()(const Call& node) const
    {
        return evalScalarCall(run, grid, node);
    }
    absl::StatusOr<ScalarColumn> operator()(const Binary& node) const
    {
        NARTHEX_ASSIGN_OR_RETURN(ScalarColumn left, evalScalar(run, grid, *node.lhs));
        NARTHEX_ASSIGN_OR_RETURN(const ScalarColumn right, evalScalar(run, grid, *node.rhs));
        if (isTrim(node.op)) {
            return base::invalidArgument("operator \"{}\" not allowed for Scalar operations",
                                         tokenText(node.op));
        }
        for (std::size_t i = 0; i < left.size(); ++i) {
            bool keep = true;
            const double value = applyOperator(node.op, left[i], right[i], keep);
            left[i] = isComparison(node.op) ? (keep ? 1.0 : 0.0) : value;
        }
        return left;
    }
    absl::StatusOr<ScalarColumn> operator()(const Unary& node) const
    {
        NARTHEX_ASSIGN_OR_RETURN(ScalarColumn column, evalScalar(run, grid, *node.expr));
        if (node.op == TokenKind::Sub) {
            std::transform(column.begin(), column.end(), column.begin(), std::negate<>());
        }
        return column;
    }
    absl::StatusOr<ScalarColumn> operator()(const Paren& node) const
    {
        return evalScalar(run, grid, *node.expr);
    }

    static absl::Status wrongType() { return base::internalError("not a scalar expression"); }
};

absl::StatusOr<Rows> vectorOf(Run& run, const Grid& grid, const Expr& expr)
{
    NARTHEX_RETURN_IF_ERROR(run.check());
    const std::uint64_t before = run.charged();
    const bool once = grid.count > 1 && run.plan().of(expr).invariant;
    const Grid used = once ? Grid{.start = grid.start, .step = grid.step, .count = 1} : grid;
    std::optional<Run::CountScope> scope;
    if (once) {
        scope.emplace(run, 1, false);
    }
    NARTHEX_ASSIGN_OR_RETURN(Rows rows, std::visit(VectorEvaluator{run, used, expr}, expr.node));
    removeEmpty(rows);
    if (once) {
        countInvariant(run, *scope, grid.count);
        NARTHEX_RETURN_IF_ERROR(run.settle(before, pointCount(rows) * grid.count));
        broadcast(rows, grid.count);
        return rows;
    }
    NARTHEX_RETURN_IF_ERROR(run.settle(before, pointCount(rows)));
    return rows;
}

/// Of a part that stands in the query several times: worked out once, unless it is large or there
/// is something to remark on each.
absl::StatusOr<Rows> commonOf(Run& run, const Grid& grid, const Expr& expr, std::uint32_t part)
{
    if (const Run::CommonResult* known = run.findCommon(part, grid)) {
        run.count(known->counts);
        NARTHEX_RETURN_IF_ERROR(run.charge(pointCount(known->rows)));
        return known->rows;
    }
    const std::uint64_t remarks = run.notes().occasions();
    Run::CountScope scope(run, grid.count, run.countsSteps());
    absl::StatusOr<Rows> rows = vectorOf(run, grid, expr);
    StepCounts counts = scope.finish();
    run.count(counts);
    if (rows.ok() && run.notes().occasions() == remarks) {
        run.keepCommon({part, grid, *rows, std::move(counts)}, pointCount(*rows));
    }
    return rows;
}

absl::StatusOr<ScalarColumn> scalarOf(Run& run, const Grid& grid, const Expr& expr)
{
    NARTHEX_RETURN_IF_ERROR(run.check());
    if (grid.count > 1 && run.plan().of(expr).invariant) {
        const Grid one{.start = grid.start, .step = grid.step, .count = 1};
        Run::CountScope scope(run, 1, false);
        NARTHEX_ASSIGN_OR_RETURN(const ScalarColumn column,
                                 std::visit(ScalarEvaluator{run, one}, expr.node));
        countInvariant(run, scope, grid.count);
        return ScalarColumn(grid.count, column[0]);
    }
    return std::visit(ScalarEvaluator{run, grid}, expr.node);
}

} // namespace

absl::StatusOr<Rows> evalVector(Run& run, const Grid& grid, const Expr& expr)
{
    if (run.trace() == nullptr) {
        const std::uint32_t part = run.plan().commonPart(expr);
        return part == 0 ? vectorOf(run, grid, expr) : commonOf(run, grid, expr, part);
    }
    TraceScope scope(run, expr);
    absl::StatusOr<Rows> rows = vectorOf(run, grid, expr);
    scope.finish(grid, rows);
    return rows;
}

absl::StatusOr<ScalarColumn> evalScalar(Run& run, const Grid& grid, const Expr& expr)
{
    if (run.trace() == nullptr) {
        return scalarOf(run, grid, expr);
    }
    TraceScope scope(run, expr);
    absl::StatusOr<ScalarColumn> column = scalarOf(run, grid, expr);
    scope.finish(grid, column);
    return column;
}

const std::string& stringOf(const Expr& expr)
{
    const auto* literal = unwrapParens(expr).as<StringLiteral>();
    return literal->value;
}

std::span<const std::string> metricLabels()
{
    static const std::array<std::string, 3> kNames = {"__name__", "__type__", "__unit__"};
    return kNames;
}

model::Labels withoutMetricLabels(const model::Labels& labels)
{
    return labels.without(metricLabels());
}

absl::Status mergeSame(Rows& rows)
{
    // Rows whose name will go and rows whose name stays are different series.
    absl::flat_hash_map<std::pair<std::string_view, bool>, std::size_t> seen;
    seen.reserve(rows.size());
    std::vector<std::size_t> extra;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const auto [it, isNew] = seen.try_emplace({rows[i].labels.bytes(), rows[i].dropName}, i);
        if (isNew) {
            continue;
        }
        Row& target = rows[it->second];
        for (std::size_t step = 0; step < target.cells.size(); ++step) {
            if (!rows[i].has(step)) {
                continue;
            }
            if (target.has(step)) {
                return base::invalidArgument(
                    "vector cannot contain metrics with the same labelset");
            }
            target.setFrom(step, rows[i], step);
        }
        extra.push_back(i);
    }
    for (auto it = extra.rbegin(); it != extra.rend(); ++it) {
        rows.erase(rows.begin() + static_cast<std::ptrdiff_t>(*it));
    }
    return absl::OkStatus();
}

absl::Status dropNames(const Run& run, Rows& rows)
{
    if (run.features().delayedNameRemoval) {
        for (Row& row : rows) {
            row.dropName = true;
        }
        return absl::OkStatus();
    }
    for (Row& row : rows) {
        row.labels = withoutMetricLabels(row.labels);
    }
    return mergeSame(rows);
}

absl::Status finishNames(Rows& rows)
{
    bool any = false;
    for (Row& row : rows) {
        if (row.dropName) {
            row.labels = withoutMetricLabels(row.labels);
            row.dropName = false;
            any = true;
        }
    }
    return any || rows.size() > 1 ? mergeSame(rows) : absl::OkStatus();
}

void removeEmpty(Rows& rows)
{
    std::erase_if(rows, [](const Row& row) { return row.isEmpty(); });
}

void broadcast(Rows& rows, std::size_t steps)
{
    for (Row& row : rows) {
        row.cells.assign(steps, row.cells[0]);
        row.values.assign(steps, row.values[0]);
        if (!row.histograms.empty()) {
            row.histograms.assign(steps, row.histograms[0]);
        }
    }
}

} // namespace narthex::promql
