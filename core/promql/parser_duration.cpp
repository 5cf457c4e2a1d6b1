// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Durations and arithmetic on them. Source: spec/promql.md, Duration expressions.
#include "core/base/status.h"
#include "core/promql/parser_internal.h"

#include <cmath>

namespace narthex::promql::internal {
namespace {

constexpr int kLowest = 4;
constexpr int kPower = 6;

int strengthOf(TokenKind op)
{
    switch (op) {
    case TokenKind::Add:
    case TokenKind::Sub:
        return kLowest;
    case TokenKind::Mul:
    case TokenKind::Div:
    case TokenKind::Mod:
        return 5;
    case TokenKind::Pow:
        return kPower;
    default:
        return 0;
    }
}

std::unique_ptr<DurationExpr> node(DurationExpr::Kind kind, std::uint32_t begin)
{
    auto expr = std::make_unique<DurationExpr>();
    expr->kind = kind;
    expr->range.begin = begin;
    return expr;
}

bool isZero(const DurationExpr& expr)
{
    return expr.kind == DurationExpr::Kind::Number && expr.seconds == 0;
}

} // namespace

bool Parser::durationValue(DurationValue& out, bool mustBePositive)
{
    return settle(durationExpression(kLowest), out, mustBePositive);
}

/// Without parentheses an offset ends after its first primary.
bool Parser::offsetValue(DurationValue& out)
{
    const std::uint32_t begin = peek().begin;
    const bool negative = kind() == TokenKind::Sub;
    if (negative || kind() == TokenKind::Add) {
        take();
    }
    switch (kind()) {
    case TokenKind::Number:
    case TokenKind::Duration:
    case TokenKind::LeftParen:
    case TokenKind::Step:
    case TokenKind::Range:
    case TokenKind::MinOf:
    case TokenKind::MaxOf:
        break;
    default:
        unexpected("offset", "number, duration, step(), or range()");
        return false;
    }
    auto value = durationPrimary();
    if (!value) {
        return false;
    }
    if (value->kind == DurationExpr::Kind::Number && !value->parenthesised) {
        value->seconds = negative ? -value->seconds : value->seconds;
        value->range.begin = begin;
    } else if (negative) {
        auto wrapped = node(DurationExpr::Kind::Negate, begin);
        wrapped->range.end = value->range.end;
        wrapped->lhs = std::move(value);
        value = std::move(wrapped);
    }
    return settle(std::move(value), out, false);
}

/// Literals become known durations; everything else stays an expression.
bool Parser::settle(std::unique_ptr<DurationExpr> expr, DurationValue& out, bool mustBePositive)
{
    if (!expr) {
        return false;
    }
    if (expr->kind != DurationExpr::Kind::Number || expr->parenthesised) {
        out.expr = std::move(expr);
        return true;
    }
    constexpr double kBound = 9223372036854775807.0;
    const double ns = std::round(expr->seconds * 1e9);
    if (!(ns > -kBound && ns < kBound)) {
        note(expr->range, "duration out of range");
        return true;
    }
    out.literal = base::Duration{static_cast<std::int64_t>(ns)};
    if (mustBePositive && out.literal.ns <= 0) {
        note(expr->range, "duration must be greater than 0");
    }
    return true;
}

std::unique_ptr<DurationExpr> Parser::durationExpression(int strength)
{
    if (++nesting_ >= static_cast<int>(kMaxDepth)) {
        return unexpected("duration expression nested too deeply");
    }
    auto lhs = durationUnary();
    int operators = 0;
    while (lhs) {
        const Token op = peek();
        const int own = strengthOf(op.kind);
        if (own == 0 || own < strength) {
            break;
        }
        if (++operators > static_cast<int>(kMaxDepth)) {
            return unexpected("duration expression nested too deeply");
        }
        take();
        auto rhs = durationExpression(op.kind == TokenKind::Pow ? own : own + 1);
        if (!rhs) {
            return nullptr;
        }
        if (op.kind == TokenKind::Div && isZero(*rhs)) {
            note({op.begin, op.end}, "division by zero");
        } else if (op.kind == TokenKind::Mod && isZero(*rhs)) {
            note({op.begin, op.end}, "modulo by zero");
        }
        auto binary = node(DurationExpr::Kind::Binary, lhs->range.begin);
        binary->op = op.kind;
        binary->lhs = std::move(lhs);
        binary->rhs = std::move(rhs);
        binary->range.end = lastEnd();
        lhs = std::move(binary);
    }
    --nesting_;
    return lhs;
}

std::unique_ptr<DurationExpr> Parser::durationUnary()
{
    if (kind() != TokenKind::Add && kind() != TokenKind::Sub) {
        return durationPrimary();
    }
    const Token sign = take();
    auto operand = durationExpression(kPower);
    if (!operand) {
        return nullptr;
    }
    if (operand->kind == DurationExpr::Kind::Number && !operand->parenthesised) {
        operand->seconds = sign.kind == TokenKind::Sub ? -operand->seconds : operand->seconds;
        operand->range.begin = sign.begin;
        return operand;
    }
    if (sign.kind == TokenKind::Add) {
        operand->range.begin = sign.begin;
        return operand;
    }
    auto wrapped = node(DurationExpr::Kind::Negate, sign.begin);
    wrapped->lhs = std::move(operand);
    wrapped->range.end = lastEnd();
    return wrapped;
}

std::unique_ptr<DurationExpr> Parser::durationPrimary()
{
    const std::uint32_t begin = peek().begin;
    switch (kind()) {
    case TokenKind::Number:
    case TokenKind::Duration: {
        auto literal = node(DurationExpr::Kind::Number, begin);
        numberValue(literal->seconds, literal->writtenAsDuration);
        literal->range.end = lastEnd();
        return literal;
    }
    case TokenKind::LeftParen: {
        take();
        auto inner = durationExpression(kLowest);
        if (!inner || !expect(TokenKind::RightParen, "duration expression")) {
            return nullptr;
        }
        inner->parenthesised = true;
        inner->range = {begin, lastEnd()};
        return inner;
    }
    case TokenKind::Step:
    case TokenKind::Range:
    case TokenKind::MinOf:
    case TokenKind::MaxOf:
        return durationFunction();
    default:
        return unexpected("subquery or range selector", "number, duration, step(), or range()");
    }
}

std::unique_ptr<DurationExpr> Parser::durationFunction()
{
    const Token word = take();
    using Kind = DurationExpr::Kind;
    const Kind kind = word.kind == TokenKind::Step    ? Kind::Step
                      : word.kind == TokenKind::Range ? Kind::Range
                      : word.kind == TokenKind::MinOf ? Kind::MinOf
                                                      : Kind::MaxOf;
    auto result = node(kind, word.begin);
    if (!expect(TokenKind::LeftParen, "duration expression")) {
        return nullptr;
    }
    if (kind == Kind::MinOf || kind == Kind::MaxOf) {
        result->lhs = durationExpression(kLowest);
        if (!result->lhs || !expect(TokenKind::Comma, "duration expression")) {
            return nullptr;
        }
        result->rhs = durationExpression(kLowest);
        if (!result->rhs) {
            return nullptr;
        }
    }
    if (!expect(TokenKind::RightParen, "duration expression")) {
        return nullptr;
    }
    result->range.end = lastEnd();
    return result;
}

} // namespace narthex::promql::internal
