// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Types of expressions. Source: spec/promql.md, Types and parse errors.
#include "core/promql/parser_internal.h"

#include <fmt/format.h>

#include <algorithm>

namespace narthex::promql::internal {
namespace {

std::string_view documentedType(ValueType type)
{
    switch (type) {
    case ValueType::Vector:
        return "instant vector";
    case ValueType::Matrix:
        return "range vector";
    case ValueType::None:
    case ValueType::Scalar:
    case ValueType::String:
        break;
    }
    return valueTypeText(type);
}

class TypeChecker
{
public:
    explicit TypeChecker(std::vector<ParseError>& errors) : errors_(errors) {}

    ValueType check(Expr& expr)
    {
        expr.type = std::visit([&](auto& node) { return checkNode(expr, node); }, expr.node);
        return expr.type;
    }

private:
    void note(SourceRange range, std::string text) { errors_.push_back({range, std::move(text)}); }

    void expectType(Expr& expr, ValueType wanted, std::string_view context)
    {
        const ValueType got = check(expr);
        if (got != wanted) {
            note(expr.range, fmt::format("expected type {} in {}, got {}", documentedType(wanted),
                                         context, documentedType(got)));
        }
    }

    ValueType checkNode(Expr&, NumberLiteral&) { return ValueType::Scalar; }
    ValueType checkNode(Expr&, StringLiteral&) { return ValueType::String; }
    ValueType checkNode(Expr&, Paren& node) { return check(*node.expr); }

    ValueType checkNode(Expr& expr, VectorSelector& node)
    {
        checkMatchers(expr, node);
        return ValueType::Vector;
    }

    ValueType checkNode(Expr& expr, MatrixSelector& node)
    {
        checkMatchers(expr, node.selector);
        return ValueType::Matrix;
    }

    void checkMatchers(const Expr& expr, const VectorSelector& node)
    {
        if (matchesAnything(node.matchers)) {
            note(expr.range, "vector selector must contain at least one non-empty matcher");
        }
    }

    ValueType checkNode(Expr& expr, Subquery& node)
    {
        const ValueType inner = check(*node.expr);
        if (inner != ValueType::Vector) {
            note(expr.range,
                 fmt::format("subquery is only allowed on instant vector, got {} instead",
                             valueTypeText(inner)));
        }
        return ValueType::Matrix;
    }

    ValueType checkNode(Expr&, Aggregation& node)
    {
        expectType(*node.expr, ValueType::Vector, "aggregation expression");
        if (node.param) {
            expectType(*node.param,
                       node.op == TokenKind::CountValues ? ValueType::String : ValueType::Scalar,
                       "aggregation parameter");
        }
        return ValueType::Vector;
    }

    ValueType checkNode(Expr& expr, Unary& node)
    {
        const ValueType inner = check(*node.expr);
        if (inner != ValueType::Scalar && inner != ValueType::Vector) {
            note(expr.range, fmt::format("unary expression only allowed on expressions of type "
                                         "scalar or instant vector, got \"{}\"",
                                         documentedType(inner)));
        }
        return inner;
    }

    ValueType checkNode(Expr& expr, Call& node)
    {
        const FunctionInfo& info = *node.function;
        checkArgumentCount(expr, node);
        for (std::size_t i = 0; i < node.args.size(); ++i) {
            if (info.name == "info" && i == 1) {
                checkLabelSelectors(*node.args[i]);
            } else if (info.typeCount > 0) {
                expectType(*node.args[i], info.argumentType(i),
                           fmt::format("call to function \"{}\"", info.name));
            } else {
                check(*node.args[i]);
            }
        }
        return info.returns;
    }

    void checkArgumentCount(const Expr& expr, const Call& node)
    {
        const FunctionInfo& info = *node.function;
        const std::size_t count = node.args.size();
        const auto complain = [&](std::string_view limit, std::size_t wanted) {
            note(expr.range, fmt::format("expected {}{} argument(s) in call to \"{}\", got {}",
                                         limit, wanted, info.name, count));
        };
        if (info.minArguments == info.maxArguments) {
            if (count != info.minArguments) {
                complain("", info.minArguments);
            }
        } else if (count < info.minArguments) {
            complain("at least ", info.minArguments);
        } else if (info.maxArguments != kAnyNumberOfArguments && count > info.maxArguments) {
            complain("at most ", info.maxArguments);
        }
    }

    void checkLabelSelectors(Expr& argument)
    {
        argument.type = ValueType::Vector;
        const auto* selector = argument.as<VectorSelector>();
        if (selector == nullptr) {
            note(argument.range, "expected label selectors only");
        } else if (!selector->name.empty()) {
            note(argument.range, "expected label selectors only, got vector selector instead");
        }
    }

    ValueType checkNode(Expr& expr, Binary& node)
    {
        const ValueType left = check(*node.lhs);
        const ValueType right = check(*node.rhs);
        const bool comparison = isComparison(node.op);
        if (node.returnBool && !comparison) {
            note(node.opRange, "bool modifier can only be used on comparison operators");
        }
        if (comparison && !node.returnBool && left == ValueType::Scalar &&
            right == ValueType::Scalar) {
            note(node.opRange, "comparisons between scalars must use BOOL modifier");
        }
        checkOnAndGroup(node);
        checkOperand(*node.lhs, left);
        checkOperand(*node.rhs, right);
        if (left != ValueType::Vector || right != ValueType::Vector) {
            checkMatchingWithScalar(expr, node);
        } else if (isSetOperator(node.op)) {
            checkSetOperator(expr, node);
        }
        if (isSetOperator(node.op) && (left == ValueType::Scalar || right == ValueType::Scalar)) {
            note(expr.range,
                 fmt::format("set operator \"{}\" not allowed in binary scalar expression",
                             tokenText(node.op)));
        }
        return left == ValueType::Scalar && right == ValueType::Scalar ? ValueType::Scalar
                                                                       : ValueType::Vector;
    }

    void checkOnAndGroup(const Binary& node)
    {
        const auto& matching = node.matching;
        for (const std::string& label : matching.labels) {
            if (matching.on && std::find(matching.include.begin(), matching.include.end(), label) !=
                                   matching.include.end()) {
                note(node.opRange,
                     fmt::format("label {} must not occur in ON and GROUP clause at once",
                                 model::quote(label)));
            }
        }
    }

    void checkOperand(const Expr& operand, ValueType type)
    {
        if (type != ValueType::Scalar && type != ValueType::Vector) {
            note(operand.range,
                 "binary expression must contain only scalar and instant vector types");
        }
    }

    void checkMatchingWithScalar(const Expr& expr, const Binary& node)
    {
        if (!node.matching.labels.empty()) {
            note(expr.range, "vector matching only allowed between instant vectors");
        }
        if (node.matching.fillLeft || node.matching.fillRight) {
            note(expr.range, "filling in missing series only allowed between instant vectors");
        }
    }

    void checkSetOperator(const Expr& expr, const Binary& node)
    {
        if (node.matching.card != Cardinality::ManyToMany) {
            note(expr.range,
                 fmt::format("no grouping allowed for \"{}\" operation", tokenText(node.op)));
            note(expr.range, "set operations must always be many-to-many");
        }
        if (node.matching.fillLeft || node.matching.fillRight) {
            note(expr.range, "filling in missing series not allowed for set operators");
        }
    }

    std::vector<ParseError>& errors_;
};

} // namespace

void checkTypes(Expr& expr, std::vector<ParseError>& errors) { TypeChecker(errors).check(expr); }

} // namespace narthex::promql::internal
