// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Evaluation of a plan: each node once over all steps of a grid, as columns. One function a kind of
// node; eval.cpp only dispatches. Owner: Engine. Threads: one evaluation on the calling thread; it
// spreads series over the run's pool. Errors: InvalidArgument (matching, label names …), and those
// of Run and of the store.
#pragma once

#include "core/promql/ast.h"
#include "core/promql/batch.h"
#include "core/promql/run.h"

#include <absl/functional/function_ref.h>
#include <absl/status/statusor.h>

#include <span>
#include <string>
#include <vector>

namespace narthex::promql {

/// `expr` is of type vector.
absl::StatusOr<Rows> evalVector(Run& run, const Grid& grid, const Expr& expr);
/// `expr` is of type scalar.
absl::StatusOr<ScalarColumn> evalScalar(Run& run, const Grid& grid, const Expr& expr);
/// `expr` is a string literal, perhaps in parentheses.
const std::string& stringOf(const Expr& expr);

// A function for each kind of node.
absl::StatusOr<Rows> evalSelector(Run& run, const Grid& grid, const Expr& expr,
                                  const VectorSelector& node, std::string_view function);
/// What stands for a sample in the result.
enum class InstantValue : std::uint8_t
{
    Sample,
    /// Its own time, in seconds.
    Time,
    /// When its counter began, in seconds; 0 where unknown.
    StartTime
};
/// How instants of series are read.
struct InstantRead
{
    /// The time whose newest sample is wanted, by step; never falls.
    absl::FunctionRef<std::int64_t(std::size_t)> reference;
    InstantValue value = InstantValue::Sample;
    bool statsOnly = false;
    /// Of the selector; null when there is none in the query.
    const NodePlan* plan = nullptr;
};
/// Tells the store for what a selector's series are wanted.
void setFunctionHints(const NodePlan& plan, storage::SelectHints& hints);
absl::StatusOr<Rows> readInstants(Run& run, const Grid& grid, const model::Matchers& matchers,
                                  const InstantRead& read);
absl::StatusOr<Rows> evalAggregation(Run& run, const Grid& grid, const Expr& expr,
                                     const Aggregation& node);
absl::StatusOr<Rows> evalBinary(Run& run, const Grid& grid, const Expr& expr, const Binary& node);
absl::StatusOr<Rows> evalCall(Run& run, const Grid& grid, const Expr& expr, const Call& node);
absl::StatusOr<ScalarColumn> evalScalarCall(Run& run, const Grid& grid, const Call& node);
absl::StatusOr<Rows> evalInfo(Run& run, const Grid& grid, const Expr& expr, const Call& node);
absl::StatusOr<Rows> evalHistogramFunction(Run& run, const Grid& grid, const Expr& expr,
                                           const Call& node);
absl::StatusOr<Rows> evalWindowCall(Run& run, const Grid& grid, const Expr& expr, const Call& node);
/// A bare range vector, for instant queries: the samples in the window of the only step.
absl::StatusOr<Matrix> evalMatrix(Run& run, const Grid& grid, const Expr& expr);

/// Some of the series of a vector.
struct RowBatch
{
    /// May be empty, each of them. The sink may take from them what it likes.
    std::span<Row> rows;
    /// Metric names are still there and have to go: which cannot make two series equal.
    bool namesToDrop = false;
};
/// Receives series in batches, in order. Not told when there are none.
using RowSink = absl::FunctionRef<absl::Status(const RowBatch&)>;
/// As evalVector, but hands the series over in batches where the node allows that, so that they
/// need not be in memory all at once.
absl::Status streamVector(Run& run, const Grid& grid, const Expr& expr, RowSink sink);
absl::Status streamSelector(Run& run, const Grid& grid, const Expr& expr,
                            const VectorSelector& node, RowSink sink);

/// The value of a binary operator on numbers; comparisons give the left value and set `keep`.
double applyOperator(TokenKind op, double left, double right, bool& keep);

// Labels.
/// Without __name__, __type__ and __unit__.
model::Labels withoutMetricLabels(const model::Labels& labels);
/// These names.
std::span<const std::string> metricLabels();
/// Drops the metric name of each row now, or marks it for later, as the switch says; equal rows
/// become one. Errors: InvalidArgument when equal rows have values at the same step.
absl::Status dropNames(const Run& run, Rows& rows);
/// Rows with the same labels become one. Errors: as dropNames.
absl::Status mergeSame(Rows& rows);
/// Drops the marked names: at the end of a query.
absl::Status finishNames(Rows& rows);
void removeEmpty(Rows& rows);
/// The one cell of each row repeated over `steps`.
void broadcast(Rows& rows, std::size_t steps);

} // namespace narthex::promql
