// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Records what happens at each node while a query runs: results, counts, times, remarks. For the
// tree and the explanations beside an editor; a query without it pays one comparison a node.
// Owner: the query; TraceScope: a stack frame of the evaluation. Threads: nodes are entered and
// left on the evaluation's own thread only. Units: SourceRange in bytes. Source:
// spec/promql-editor.md, Tree view.
#pragma once

#include "core/base/clock.h"
#include "core/promql/ast.h"
#include "core/promql/batch.h"
#include "core/promql/matrix_input.h"
#include "core/promql/run.h"

#include <absl/container/flat_hash_map.h>
#include <absl/status/statusor.h>

#include <cstddef>
#include <vector>

namespace narthex::promql {

class Trace
{
public:
    /// `clock` outlives it. `maxElements`: kept of each node's value.
    Trace(const Expr& root, const base::Clock& clock, std::size_t maxElements);

    [[nodiscard]] const NodeResult& of(const Expr& expr) const { return nodes_[index_.at(&expr)]; }
    /// It was not evaluated, because something below failed or the query is over.
    void block(const Expr& expr);
    /// Parentheses around a range vector have its result.
    void copy(const Expr& from, const Expr& to);
    /// What was recorded. `all`: every remark of the query, those that were finished late included.
    std::vector<NodeResult> take(const std::vector<Annotation>& all);

private:
    friend class TraceScope;
    friend absl::Status traceMatrix(Run& run, const Grid& grid, const Expr& expr,
                                    const MatrixInput& input);

    struct Frame
    {
        std::size_t node = 0;
        base::Duration started;
        /// Spent in nodes below.
        base::Duration below;
        std::uint64_t readBefore = 0;
        std::uint64_t queryableBefore = 0;
    };

    void addNode(const Expr& expr, std::size_t depth, std::optional<std::size_t> parent);
    void enter(Run& run, const Expr& expr);
    void leave(Run& run, const absl::Status& status);
    /// Remarks made since the last time belong to the node that is running.
    void claimRemarks(Run& run);
    void addLateRemarks(const std::vector<Annotation>& all);
    void setElements(NodeResult& node, Vector elements) const;
    [[nodiscard]] NodeResult& current() { return nodes_[frames_.back().node]; }
    [[nodiscard]] bool blockedBelow(std::size_t node) const;
    void markFirstEmpty();

    // Fixed after construction.
    const base::Clock& clock_;
    const std::size_t maxElements_;
    absl::flat_hash_map<const Expr*, std::size_t> index_;
    // The evaluation's thread only.
    std::vector<NodeResult> nodes_;
    std::vector<Frame> frames_;
    std::size_t remarksSeen_ = 0;
    /// In the order in which nodes were left: leaves before what stands on them.
    std::vector<std::size_t> finished_;
};

/// A node is being evaluated as long as this lives. Does nothing for runs without a trace.
class TraceScope
{
public:
    TraceScope(Run& run, const Expr& expr);
    ~TraceScope();
    TraceScope(const TraceScope&) = delete;
    TraceScope& operator=(const TraceScope&) = delete;

    void finish(const Grid& grid, const absl::StatusOr<Rows>& rows);
    void finish(const Grid& grid, const absl::StatusOr<ScalarColumn>& column);
    void finish(const absl::Status& status) { status_ = status; }

private:
    Run& run_;
    absl::Status status_;
};

/// Records the newest sample of each last window, of the node that is being evaluated. Reads every
/// series.
absl::Status traceMatrix(Run& run, const Grid& grid, const Expr& expr, const MatrixInput& input);

/// Evaluates by themselves the nodes that the query did not come to: what stands beside a failed
/// node, and what is evaluated together with the node above it.
/// `failure`: how the query ended.
void completeTrace(Run& run, const Expr& root, const absl::Status& failure);

} // namespace narthex::promql
