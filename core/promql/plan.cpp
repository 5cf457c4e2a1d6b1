// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/plan.h"

#include "core/base/status.h"
#include "core/promql/common_parts.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace narthex::promql {
namespace {

/// Functions whose value depends on the time of the step.
bool dependsOnStep(std::string_view function)
{
    constexpr std::array<std::string_view, 15> kNames = {
        "day_of_month", "day_of_week", "day_of_year", "days_in_month",  "end",
        "hour",         "minute",      "month",       "predict_linear", "range",
        "start",        "step",        "time",        "timestamp",      "year"};
    return std::binary_search(kNames.begin(), kNames.end(), function);
}

bool statsOnlyBelow(std::string_view function, bool above)
{
    if (function == "histogram_count" || function == "histogram_sum" ||
        function == "histogram_avg") {
        return true;
    }
    return above && function != "histogram_quantile" && function != "histogram_quantiles" &&
           function != "histogram_fraction";
}

absl::Status durationError(const DurationExpr& expr, std::string_view text)
{
    base::Position position;
    position.begin = expr.range.begin;
    position.end = expr.range.end;
    return base::withPosition(
        base::invalidArgument("{}:{}: {}", expr.range.begin, expr.range.end, text), position);
}

class Planner
{
public:
    explicit Planner(const QuerySpan& span) { plan_.span = span; }

    absl::StatusOr<Plan> run(const Expr& expr)
    {
        NARTHEX_RETURN_IF_ERROR(visit(expr, plan_.span.grid()));
        plan_.commonParts = findCommonParts(expr);
        return std::move(plan_);
    }

private:
    absl::Status visit(const Expr& expr, const Grid& grid)
    {
        return std::visit([&](const auto& node) { return visitNode(expr, node, grid); }, expr.node);
    }

    void set(const Expr& expr, NodePlan nodePlan) { plan_.nodes[&expr] = nodePlan; }
    [[nodiscard]] bool invariant(const Expr& expr) const { return plan_.of(expr).invariant; }

    absl::Status visitNode(const Expr& expr, const NumberLiteral&, const Grid&)
    {
        set(expr, {.invariant = true});
        return absl::OkStatus();
    }
    absl::Status visitNode(const Expr& expr, const StringLiteral&, const Grid&)
    {
        set(expr, {.invariant = true});
        return absl::OkStatus();
    }
    absl::Status visitNode(const Expr& expr, const Paren& node, const Grid& grid)
    {
        return visitChild(expr, *node.expr, grid);
    }
    absl::Status visitNode(const Expr& expr, const Unary& node, const Grid& grid)
    {
        return visitChild(expr, *node.expr, grid);
    }
    absl::Status visitChild(const Expr& expr, const Expr& child, const Grid& grid)
    {
        NARTHEX_RETURN_IF_ERROR(visit(child, grid));
        set(expr, {.invariant = invariant(child)});
        return absl::OkStatus();
    }
    absl::Status visitNode(const Expr& expr, const Binary& node, const Grid& grid)
    {
        const Around outer = around_;
        around_ = {.statsOnly = outer.statsOnly && !isTrim(node.op)};
        NARTHEX_RETURN_IF_ERROR(visit(*node.lhs, grid));
        NARTHEX_RETURN_IF_ERROR(visit(*node.rhs, grid));
        around_ = outer;
        set(expr, {.invariant = invariant(*node.lhs) && invariant(*node.rhs)});
        return absl::OkStatus();
    }
    absl::Status visitNode(const Expr& expr, const Aggregation& node, const Grid& grid)
    {
        const Around outer = around_;
        around_.function = tokenText(node.op);
        around_.grouping = &node;
        NARTHEX_RETURN_IF_ERROR(visit(*node.expr, grid));
        around_ = outer;
        bool same = invariant(*node.expr);
        if (node.param) {
            NARTHEX_RETURN_IF_ERROR(visit(*node.param, grid));
            same = same && invariant(*node.param);
        }
        set(expr, {.invariant = same});
        return absl::OkStatus();
    }
    absl::Status visitNode(const Expr& expr, const Call& node, const Grid& grid)
    {
        bool same = !dependsOnStep(node.function->name);
        if (node.function->name == "timestamp") {
            const auto* selector = unwrapParens(*node.args[0]).as<VectorSelector>();
            same = selector != nullptr && selector->at.kind != At::Kind::None;
        }
        const Around outer = around_;
        around_.statsOnly = statsOnlyBelow(node.function->name, outer.statsOnly);
        around_.function = node.function->name;
        for (const ExprPtr& arg : node.args) {
            NARTHEX_RETURN_IF_ERROR(visit(*arg, grid));
            same = same && invariant(*arg);
        }
        around_ = outer;
        if (node.function->name == "info" && plan_.readFrom != base::Timestamp::max()) {
            // It looks back from the time of its first selector, which may read less far itself.
            plan_.readFrom.ms -= plan_.span.lookbackMs;
        }
        set(expr, {.invariant = same});
        return absl::OkStatus();
    }
    absl::Status visitNode(const Expr& expr, const VectorSelector& node, const Grid& grid)
    {
        NodePlan own;
        NARTHEX_RETURN_IF_ERROR(resolve(node.offset, false, own.offsetMs));
        own.invariant = node.at.kind != At::Kind::None;
        own.statsOnly = around_.statsOnly;
        own.function = around_.function;
        own.grouping = around_.grouping;
        own.reachAfterMs = node.smoothed ? plan_.span.lookbackMs : 0;
        set(expr, own);
        note(node, own, plan_.span.lookbackMs, grid);
        return absl::OkStatus();
    }
    absl::Status visitNode(const Expr& expr, const MatrixSelector& node, const Grid& grid)
    {
        NodePlan own;
        NARTHEX_RETURN_IF_ERROR(resolve(node.selector.offset, false, own.offsetMs));
        NARTHEX_RETURN_IF_ERROR(resolve(node.range, true, own.rangeMs));
        own.invariant = node.selector.at.kind != At::Kind::None;
        own.statsOnly = around_.statsOnly;
        own.function = around_.function;
        own.grouping = around_.grouping;
        const bool extended = node.selector.anchored || node.selector.smoothed;
        own.reachBeforeMs = extended ? plan_.span.lookbackMs : 0;
        own.reachAfterMs = node.selector.smoothed ? plan_.span.lookbackMs : 0;
        set(expr, own);
        note(node.selector, own, own.rangeMs + own.reachBeforeMs, grid);
        return absl::OkStatus();
    }
    absl::Status visitNode(const Expr& expr, const Subquery& node, const Grid& grid)
    {
        NodePlan own;
        NARTHEX_RETURN_IF_ERROR(resolve(node.offset, false, own.offsetMs));
        NARTHEX_RETURN_IF_ERROR(resolve(node.range, true, own.rangeMs));
        NARTHEX_RETURN_IF_ERROR(resolve(node.step, node.step.expr != nullptr, own.stepMs));
        if (own.stepMs <= 0) {
            own.stepMs = std::max<std::int64_t>(1, plan_.span.subqueryStepMs);
        }
        own.invariant = node.at.kind != At::Kind::None;
        set(expr, own);
        Grid inner = subqueryGrid(plan_, node, own, grid);
        inner.count = std::max<std::size_t>(inner.count, 1);
        const Around outer = around_;
        around_.statsOnly = false;
        NARTHEX_RETURN_IF_ERROR(visit(*node.expr, inner));
        around_ = outer;
        return absl::OkStatus();
    }

    void note(const VectorSelector& selector, const NodePlan& own, std::int64_t range,
              const Grid& grid)
    {
        const auto pinned = plan_.atMs(selector.at);
        const std::int64_t first = pinned.value_or(grid.start) - own.offsetMs - range;
        const std::int64_t last = pinned.value_or(grid.last()) - own.offsetMs + own.reachAfterMs;
        plan_.readFrom = std::min(plan_.readFrom, base::Timestamp{first});
        plan_.readTo = std::max(plan_.readTo, base::Timestamp{last});
        Selection& selection = plan_.selections[selectionKey(selector.matchers)];
        selection.from = std::min(selection.from, base::Timestamp{first});
        selection.to = std::max(selection.to, base::Timestamp{last});
        ++selection.selectors;
    }

    absl::Status resolve(const DurationValue& value, bool mustBePositive, std::int64_t& ms)
    {
        if (!value.expr) {
            ms = value.literal.ms();
            return absl::OkStatus();
        }
        NARTHEX_ASSIGN_OR_RETURN(const double seconds, evaluate(*value.expr));
        constexpr double kBound = 9223372036854775807.0;
        if (std::isnan(seconds) || std::isinf(seconds)) {
            return durationError(*value.expr, "duration must be a finite number");
        }
        if (mustBePositive && seconds <= 0) {
            return durationError(*value.expr, "duration must be greater than 0");
        }
        if (!(seconds * 1e9 > -kBound && seconds * 1e9 < kBound)) {
            return durationError(*value.expr, "duration is out of range");
        }
        ms = static_cast<std::int64_t>(seconds * 1000);
        return absl::OkStatus();
    }

    absl::StatusOr<double> evaluate(const DurationExpr& expr) const
    {
        using Kind = DurationExpr::Kind;
        switch (expr.kind) {
        case Kind::Number:
            return expr.seconds;
        case Kind::Step:
            return static_cast<double>(plan_.span.step) / 1000;
        case Kind::Range:
            return static_cast<double>(plan_.span.end - plan_.span.start) / 1000;
        case Kind::Negate: {
            NARTHEX_ASSIGN_OR_RETURN(const double value, evaluate(*expr.lhs));
            return -value;
        }
        case Kind::MinOf:
        case Kind::MaxOf:
        case Kind::Binary:
            break;
        }
        NARTHEX_ASSIGN_OR_RETURN(const double left, evaluate(*expr.lhs));
        NARTHEX_ASSIGN_OR_RETURN(const double right, evaluate(*expr.rhs));
        if (expr.kind == Kind::Binary) {
            return arithmetic(expr, left, right);
        }
        return expr.kind == Kind::MinOf ? std::min(left, right) : std::max(left, right);
    }

    static absl::StatusOr<double> arithmetic(const DurationExpr& expr, double left, double right)
    {
        switch (expr.op) {
        case TokenKind::Add:
            return left + right;
        case TokenKind::Sub:
            return left - right;
        case TokenKind::Mul:
            return left * right;
        case TokenKind::Div:
            if (right == 0) {
                return durationError(expr, "division by zero");
            }
            return left / right;
        case TokenKind::Mod:
            if (right == 0) {
                return durationError(expr, "modulo by zero");
            }
            return std::fmod(left, right);
        default:
            return std::pow(left, right);
        }
    }

    Plan plan_;
    /// What stands above the node that is being visited.
    struct Around
    {
        bool statsOnly = false;
        std::string_view function{};
        const Aggregation* grouping = nullptr;
    };
    Around around_;
};

} // namespace

std::optional<std::int64_t> Plan::atMs(const At& at) const
{
    // Offsets and windows are added to it: far beyond any real time there must still be room for
    // them.
    constexpr std::int64_t kFarthestMs = std::int64_t{1} << 62;
    switch (at.kind) {
    case At::Kind::None:
        return std::nullopt;
    case At::Kind::Time:
        return std::clamp(at.time.ms, -kFarthestMs, kFarthestMs);
    case At::Kind::Start:
        return span.start;
    case At::Kind::End:
        return span.end;
    }
    return std::nullopt;
}

std::string selectionKey(const model::Matchers& matchers)
{
    std::string key;
    for (const model::Matcher& matcher : matchers) {
        key += matcher.toString() + ",";
    }
    return key;
}

absl::StatusOr<Plan> makePlan(const Expr& expr, const QuerySpan& span)
{
    return Planner(span).run(expr);
}

Grid subqueryGrid(const Plan& plan, const Subquery& node, const NodePlan& nodePlan,
                  const Grid& grid)
{
    const auto pinned = plan.atMs(node.at);
    const std::int64_t bound = pinned.value_or(grid.start) - nodePlan.offsetMs - nodePlan.rangeMs;
    const std::int64_t last = pinned.value_or(grid.last()) - nodePlan.offsetMs;
    Grid inner{.start = nodePlan.stepMs * (bound / nodePlan.stepMs), .step = nodePlan.stepMs};
    if (inner.start <= bound) {
        inner.start += nodePlan.stepMs;
    }
    inner.count =
        inner.start > last ? 0 : static_cast<std::size_t>((last - inner.start) / inner.step) + 1;
    return inner;
}

} // namespace narthex::promql
