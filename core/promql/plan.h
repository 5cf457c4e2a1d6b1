// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What is worked out once before a query runs: durations with numbers, what does not depend on the
// step, the range of time to read. Const while the query runs. Owner: the query. Threads: const,
// any. Units: milliseconds.
#pragma once

#include "core/base/string_map.h"
#include "core/base/time.h"
#include "core/promql/ast.h"
#include "core/promql/batch.h"

#include <absl/container/flat_hash_map.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace narthex::promql {

/// Durations of a selector or subquery; zero for other nodes.
struct NodePlan
{
    std::int64_t offsetMs = 0;
    std::int64_t rangeMs = 0;
    std::int64_t stepMs = 0;
    /// How far a selector looks beyond its range: back for the edge of `anchored`, both ways for
    /// the edges of `smoothed`. Instant selectors look back by the lookback anyway.
    std::int64_t reachBeforeMs = 0;
    std::int64_t reachAfterMs = 0;
    /// The same at every step.
    bool invariant = false;
    /// Only counts and sums of histograms are wanted; hints of resets are then worked out while
    /// reading, as Prometheus does.
    bool statsOnly = false;
    /// For the store's information, of selectors: the innermost function or aggregation around, and
    /// the aggregation whose labels alone are wanted; empty and null where an operator comes first.
    std::string_view function{};
    const Aggregation* grouping = nullptr;
};

/// The times of the outermost query.
struct QuerySpan
{
    std::int64_t start = 0;
    std::int64_t end = 0;
    /// 0 for instant queries.
    std::int64_t step = 0;
    std::int64_t lookbackMs = 0;
    std::int64_t subqueryStepMs = 0;

    [[nodiscard]] Grid grid() const
    {
        return {start, step == 0 ? 1 : step,
                step == 0 ? 1 : static_cast<std::size_t>((end - start) / step) + 1};
    }
};

/// What selectors with the same matchers read, all together.
struct Selection
{
    base::Timestamp from = base::Timestamp::max();
    base::Timestamp to = base::Timestamp::min();
    std::uint32_t selectors = 0;
};

struct Plan
{
    absl::flat_hash_map<const Expr*, NodePlan> nodes;
    /// Equal subtrees and the number of their part; see findCommonParts().
    absl::flat_hash_map<const Expr*, std::uint32_t> commonParts;
    /// By selectionKey().
    base::StringMap<Selection> selections;
    QuerySpan span;
    /// Everything that selectors may read; from > to when there is none.
    base::Timestamp readFrom = base::Timestamp::max();
    base::Timestamp readTo = base::Timestamp::min();

    [[nodiscard]] const NodePlan& of(const Expr& expr) const { return nodes.at(&expr); }
    /// 0: the node is not shared.
    [[nodiscard]] std::uint32_t commonPart(const Expr& expr) const
    {
        const auto found = commonParts.find(&expr);
        return found == commonParts.end() ? 0 : found->second;
    }
    /// The time that `@` means, or absent.
    [[nodiscard]] std::optional<std::int64_t> atMs(const At& at) const;
};

/// Equal for equal matchers in the same order.
std::string selectionKey(const model::Matchers& matchers);

/// Errors: InvalidArgument for duration expressions without a usable value, with position.
absl::StatusOr<Plan> makePlan(const Expr& expr, const QuerySpan& span);

/// The steps at which the inside of a subquery is evaluated for the outer steps of `grid`; count 0
/// if there are none.
Grid subqueryGrid(const Plan& plan, const Subquery& node, const NodePlan& nodePlan,
                  const Grid& grid);

} // namespace narthex::promql
