// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/editor/label_flow.h"

namespace narthex::promql::editor {
namespace {

void allow(LabelFlow& flow, const std::string& label)
{
    if (flow.closed) {
        flow.names.insert(label);
    } else {
        flow.names.erase(label);
    }
}

void forbid(LabelFlow& flow, const std::string& label)
{
    if (flow.closed) {
        flow.names.erase(label);
    } else {
        flow.names.insert(label);
    }
}

LabelFlow ofAggregation(const Aggregation& node)
{
    LabelFlow flow = labelsOf(*node.expr);
    switch (node.op) {
    case TokenKind::TopK:
    case TokenKind::BottomK:
    case TokenKind::LimitK:
    case TokenKind::LimitRatio:
        return flow; // elements keep their labels
    default:
        break;
    }
    if (node.without) {
        for (const std::string& label : node.grouping) {
            forbid(flow, label);
        }
    } else {
        LabelFlow kept{.closed = true};
        for (const std::string& label : node.grouping) {
            if (flow.mayHave(label)) {
                kept.names.insert(label);
            }
        }
        flow = std::move(kept);
    }
    if (const auto* label = node.param ? unwrapParens(*node.param).as<StringLiteral>() : nullptr) {
        allow(flow, label->value); // count_values
    }
    return flow;
}

const Expr* vectorArgument(const Call& node)
{
    for (const ExprPtr& arg : node.args) {
        if (arg->type == ValueType::Vector || arg->type == ValueType::Matrix) {
            return arg.get();
        }
    }
    return nullptr;
}

LabelFlow ofCall(const Call& node)
{
    const std::string_view name = node.function->name;
    const Expr* argument = vectorArgument(node);
    if (name == "vector" || argument == nullptr) {
        return {.closed = true};
    }
    if (name == "absent" || name == "absent_over_time" || name == "info") {
        return {};
    }
    LabelFlow flow = labelsOf(*argument);
    if (name == "histogram_quantile" || name == "histogram_fraction" ||
        name == "histogram_quantiles") {
        forbid(flow, "le");
    }
    if (name == "label_replace" || name == "label_join" || name == "histogram_quantiles") {
        if (const auto* label = unwrapParens(*node.args[1]).as<StringLiteral>()) {
            allow(flow, label->value);
        }
    }
    return flow;
}

LabelFlow either(LabelFlow left, const LabelFlow& right)
{
    if (!left.closed || !right.closed) {
        // What both cannot have stays out; anything else may come.
        LabelFlow flow;
        const LabelFlow& open = left.closed ? right : left;
        const LabelFlow& other = left.closed ? left : right;
        for (const std::string& label : open.names) {
            if (!other.mayHave(label)) {
                flow.names.insert(label);
            }
        }
        return flow;
    }
    left.names.insert(right.names.begin(), right.names.end());
    return left;
}

LabelFlow ofBinary(const Binary& node)
{
    if (node.lhs->type != ValueType::Vector) {
        return labelsOf(*node.rhs);
    }
    if (node.rhs->type != ValueType::Vector) {
        return labelsOf(*node.lhs);
    }
    if (node.op == TokenKind::Or) {
        return either(labelsOf(*node.lhs), labelsOf(*node.rhs));
    }
    const bool manyRight = node.matching.card == Cardinality::OneToMany;
    LabelFlow flow = labelsOf(manyRight ? *node.rhs : *node.lhs);
    if (node.matching.card == Cardinality::OneToOne) {
        if (node.matching.on) {
            LabelFlow kept{.closed = true};
            for (const std::string& label : node.matching.labels) {
                if (flow.mayHave(label)) {
                    kept.names.insert(label);
                }
            }
            return kept;
        }
        for (const std::string& label : node.matching.labels) {
            forbid(flow, label);
        }
    }
    for (const std::string& label : node.matching.include) {
        allow(flow, label);
    }
    return flow;
}

} // namespace

LabelFlow labelsOf(const Expr& expr)
{
    if (const auto* aggregation = expr.as<Aggregation>()) {
        return ofAggregation(*aggregation);
    }
    if (const auto* call = expr.as<Call>()) {
        return ofCall(*call);
    }
    if (const auto* binary = expr.as<Binary>()) {
        return ofBinary(*binary);
    }
    if (const auto* paren = expr.as<Paren>()) {
        return labelsOf(*paren->expr);
    }
    if (const auto* unary = expr.as<Unary>()) {
        return labelsOf(*unary->expr);
    }
    if (const auto* subquery = expr.as<Subquery>()) {
        return labelsOf(*subquery->expr);
    }
    return {}; // a selector: any
}

} // namespace narthex::promql::editor
