// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/ast.h"

namespace narthex::promql {
namespace {

struct ChildLister
{
    std::vector<const Expr*> operator()(const NumberLiteral&) const { return {}; }
    std::vector<const Expr*> operator()(const StringLiteral&) const { return {}; }
    std::vector<const Expr*> operator()(const VectorSelector&) const { return {}; }
    std::vector<const Expr*> operator()(const MatrixSelector&) const { return {}; }
    std::vector<const Expr*> operator()(const Subquery& node) const { return {node.expr.get()}; }
    std::vector<const Expr*> operator()(const Aggregation& node) const
    {
        if (node.param) {
            return {node.param.get(), node.expr.get()};
        }
        return {node.expr.get()};
    }
    std::vector<const Expr*> operator()(const Call& node) const
    {
        std::vector<const Expr*> result;
        for (const ExprPtr& arg : node.args) {
            result.push_back(arg.get());
        }
        return result;
    }
    std::vector<const Expr*> operator()(const Binary& node) const
    {
        return {node.lhs.get(), node.rhs.get()};
    }
    std::vector<const Expr*> operator()(const Unary& node) const { return {node.expr.get()}; }
    std::vector<const Expr*> operator()(const Paren& node) const { return {node.expr.get()}; }
};

} // namespace

const Expr& unwrapParens(const Expr& expr)
{
    const Expr* at = &expr;
    while (const auto* paren = at->as<Paren>()) {
        at = paren->expr.get();
    }
    return *at;
}

std::vector<const Expr*> childrenOf(const Expr& expr)
{
    return std::visit(ChildLister{}, expr.node);
}

} // namespace narthex::promql
