// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Expressions: operators, literals; and the public functions.
#include "core/promql/parser.h"

#include "core/base/status.h"
#include "core/base/utf8.h"
#include "core/promql/parser_internal.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace narthex::promql {
namespace internal {
namespace {

constexpr int kLowest = 1;
constexpr int kPower = 6;

int strengthOf(TokenKind op)
{
    switch (op) {
    case TokenKind::Or:
        return 1;
    case TokenKind::And:
    case TokenKind::Unless:
        return 2;
    case TokenKind::Add:
    case TokenKind::Sub:
        return 4;
    case TokenKind::Mul:
    case TokenKind::Div:
    case TokenKind::Mod:
    case TokenKind::Atan2:
        return 5;
    case TokenKind::Pow:
        return kPower;
    default:
        return isComparison(op) || isTrim(op) ? 3 : 0;
    }
}

} // namespace

Parser::Parser(std::string_view text, const Features& features)
    : text_(text), features_(features), lexed_(lex(text))
{}

const Token& Parser::peek(std::size_t ahead) const
{
    return lexed_.tokens[std::min(at_ + ahead, lexed_.tokens.size() - 1)];
}

Token Parser::take()
{
    const Token token = peek();
    at_ = std::min(at_ + 1, lexed_.tokens.size() - 1);
    return token;
}

bool Parser::accept(TokenKind wanted)
{
    if (kind() != wanted) {
        return false;
    }
    take();
    return true;
}

bool Parser::expect(TokenKind wanted, std::string_view context)
{
    if (accept(wanted)) {
        return true;
    }
    unexpected(context, fmt::format("\"{}\"", tokenText(wanted)));
    return false;
}

std::string_view Parser::source(const Token& token) const
{
    return text_.substr(token.begin, token.end - token.begin);
}

std::uint32_t Parser::lastEnd() const { return at_ == 0 ? 0 : lexed_.tokens[at_ - 1].end; }

void Parser::note(SourceRange range, std::string text)
{
    errors_.push_back({range, std::move(text)});
}

std::nullptr_t Parser::unexpected(std::string_view context, std::string_view expected)
{
    if (failed_) {
        return nullptr;
    }
    failed_ = true;
    const Token& token = peek();
    if (token.kind == TokenKind::Error) {
        note({token.begin, token.end}, lexed_.error);
        return nullptr;
    }
    std::string text = fmt::format("unexpected {}", describeToken(token, text_));
    if (!context.empty()) {
        text += fmt::format(" in {}", context);
    }
    if (!expected.empty()) {
        text += fmt::format(", expected {}", expected);
    }
    note({token.begin, token.end}, std::move(text));
    return nullptr;
}

ExprPtr Parser::make(Expr::Node node, std::uint32_t begin, std::uint32_t depth)
{
    auto expr = std::make_unique<Expr>();
    expr->node = std::move(node);
    expr->range = {begin, lastEnd()};
    expr->depth = depth;
    if (depth > kMaxDepth && !failed_) {
        failed_ = true;
        note(expr->range, fmt::format("expression is nested more than {} levels deep", kMaxDepth));
    }
    return expr;
}

ExprPtr Parser::parseQuery()
{
    if (kind() == TokenKind::EndOfInput) {
        note({0, 0}, "no expression found in input");
        return nullptr;
    }
    ExprPtr expr = expression(kLowest);
    if (!failed_ && kind() != TokenKind::EndOfInput) {
        unexpected({});
    }
    if (failed_ || !errors_.empty()) {
        return nullptr;
    }
    typesChecked_ = true;
    checkTypes(*expr, errors_);
    return errors_.empty() ? std::move(expr) : nullptr;
}

ExprPtr Parser::expression(int strength)
{
    if (nesting_ >= static_cast<int>(kMaxDepth)) {
        failed_ = true;
        note({peek().begin, peek().end},
             fmt::format("expression is nested more than {} levels deep", kMaxDepth));
        return nullptr;
    }
    ++nesting_;
    ExprPtr result = unary();
    if (!failed_) {
        result = binaryTail(std::move(result), strength);
    }
    --nesting_;
    return failed_ ? nullptr : std::move(result);
}

/// A sign binds as strongly as `*`, so its operand reaches over powers; before a number it becomes
/// part of the number.
ExprPtr Parser::unary()
{
    if (kind() != TokenKind::Add && kind() != TokenKind::Sub) {
        return operand();
    }
    const Token sign = take();
    ExprPtr expr = expression(kPower);
    if (!expr) {
        return nullptr;
    }
    if (auto* literal = expr->as<NumberLiteral>()) {
        literal->value = sign.kind == TokenKind::Sub ? -literal->value : literal->value;
        expr->range.begin = sign.begin;
        return expr;
    }
    const std::uint32_t depth = expr->depth + 1;
    return make(Unary{sign.kind, std::move(expr)}, sign.begin, depth);
}

ExprPtr Parser::binaryTail(ExprPtr lhs, int strength)
{
    while (!failed_) {
        const TokenKind op = kind();
        const int own = strengthOf(op);
        if (own == 0 || own < strength) {
            return lhs;
        }
        Binary node;
        node.op = op;
        node.opRange.begin = take().begin;
        if (!binaryModifiers(node)) {
            return nullptr;
        }
        // The last byte, not the one behind it: the range that Prometheus reports.
        node.opRange.end = lastEnd() - 1;
        node.rhs = expression(op == TokenKind::Pow ? own : own + 1);
        if (!node.rhs) {
            return nullptr;
        }
        const std::uint32_t begin = lhs->range.begin;
        const std::uint32_t depth = std::max(lhs->depth, node.rhs->depth) + 1;
        node.lhs = std::move(lhs);
        lhs = make(std::move(node), begin, depth);
    }
    return nullptr;
}

bool Parser::binaryModifiers(Binary& node)
{
    if (isSetOperator(node.op)) {
        node.matching.card = Cardinality::ManyToMany;
    }
    node.returnBool = accept(TokenKind::Bool);
    if (kind() == TokenKind::On || kind() == TokenKind::Ignoring) {
        if (!matchingClause(node)) {
            return false;
        }
    }
    return fillClauses(node);
}

bool Parser::matchingClause(Binary& node)
{
    node.matching.on = take().kind == TokenKind::On;
    if (!labelList(node.matching.labels, "grouping opts")) {
        return false;
    }
    if (kind() != TokenKind::GroupLeft && kind() != TokenKind::GroupRight) {
        return true;
    }
    node.matching.card =
        take().kind == TokenKind::GroupLeft ? Cardinality::ManyToOne : Cardinality::OneToMany;
    return kind() != TokenKind::LeftParen || labelList(node.matching.include, "grouping opts");
}

bool Parser::fillClauses(Binary& node)
{
    while (isWithin(kind(), TokenKind::Fill, TokenKind::FillRight)) {
        const TokenKind word = kind();
        const bool left = word != TokenKind::FillRight;
        const bool right = word != TokenKind::FillLeft;
        if ((left && node.matching.fillLeft) || (right && node.matching.fillRight)) {
            unexpected({});
            return false;
        }
        const Token token = take();
        if (!features_.binopFillModifiers) {
            note({token.begin, token.end}, "binop fill modifiers are experimental and not enabled");
        }
        double value = 0;
        if (!fillValue(value)) {
            return false;
        }
        if (left) {
            node.matching.fillLeft = value;
        }
        if (right) {
            node.matching.fillRight = value;
        }
    }
    return true;
}

bool Parser::fillValue(double& value)
{
    if (!expect(TokenKind::LeftParen, "fill")) {
        return false;
    }
    const bool negative = kind() == TokenKind::Sub;
    if (negative || kind() == TokenKind::Add) {
        take();
    }
    bool isDuration = false;
    if (!numberValue(value, isDuration)) {
        return false;
    }
    value = negative ? -value : value;
    return expect(TokenKind::RightParen, "fill");
}

ExprPtr Parser::operand()
{
    ExprPtr expr = primary();
    while (!failed_) {
        switch (kind()) {
        case TokenKind::LeftBracket:
            expr = bracket(std::move(expr));
            break;
        case TokenKind::Offset:
            expr = offset(std::move(expr));
            break;
        case TokenKind::At:
            expr = atModifier(std::move(expr));
            break;
        case TokenKind::Anchored:
        case TokenKind::Smoothed:
            expr = edgeModifier(std::move(expr));
            break;
        default:
            return expr;
        }
    }
    return nullptr;
}

ExprPtr Parser::primary()
{
    const TokenKind next = kind(1);
    switch (kind()) {
    case TokenKind::LeftParen:
        return parenthesised();
    case TokenKind::Number:
    case TokenKind::Duration:
        return number();
    case TokenKind::String:
        return string();
    case TokenKind::LeftBrace:
    case TokenKind::MetricIdentifier:
        return selector();
    case TokenKind::Identifier:
        return next == TokenKind::LeftParen ? call() : selector();
    default:
        break;
    }
    if (isAggregator(kind()) &&
        (next == TokenKind::LeftParen || next == TokenKind::By || next == TokenKind::Without)) {
        return aggregation();
    }
    if (isContextWord(kind()) && next == TokenKind::LeftParen) {
        return call();
    }
    return mayNameMetric(kind()) ? selector() : unexpected({});
}

ExprPtr Parser::parenthesised()
{
    const std::uint32_t begin = take().begin;
    ExprPtr inner = expression(kLowest);
    if (!inner || !expect(TokenKind::RightParen, "parenthesized expression")) {
        return nullptr;
    }
    const std::uint32_t depth = inner->depth + 1;
    return make(Paren{std::move(inner)}, begin, depth);
}

bool Parser::numberValue(double& value, bool& isDuration)
{
    const Token token = peek();
    if (token.kind != TokenKind::Number && token.kind != TokenKind::Duration) {
        unexpected({}, "number or duration");
        return false;
    }
    take();
    isDuration = token.kind == TokenKind::Duration;
    if (isDuration) {
        const auto duration = base::parseDuration(source(token));
        if (!duration.ok()) {
            note({token.begin, token.end}, std::string(base::messageOf(duration.status())));
        }
        value = duration.ok() ? duration->seconds() : 0;
        return true;
    }
    const auto number = parseNumberToken(source(token));
    if (!number.ok()) {
        note({token.begin, token.end}, std::string(base::messageOf(number.status())));
    }
    value = number.value_or(0);
    return true;
}

ExprPtr Parser::number()
{
    const std::uint32_t begin = peek().begin;
    NumberLiteral literal;
    numberValue(literal.value, literal.isDuration);
    return make(literal, begin);
}

ExprPtr Parser::string()
{
    const Token token = take();
    return make(StringLiteral{unquoteString(source(token)).value_or(std::string())}, token.begin);
}

} // namespace internal

ParseOutcome parseAll(std::string_view text, const Features& features)
{
    internal::Parser parser(text, features);
    ParseOutcome outcome;
    outcome.expr = parser.parseQuery();
    outcome.errors = parser.takeErrors();
    outcome.typesChecked = parser.typesChecked();
    if (parser.failed()) {
        outcome.failedAt = outcome.errors.back().range.begin;
    }
    return outcome;
}

absl::StatusOr<ExprPtr> parse(std::string_view text, const Features& features)
{
    ParseOutcome outcome = parseAll(text, features);
    if (!outcome.errors.empty()) {
        return toStatus(outcome.errors.front(), text);
    }
    return std::move(outcome.expr);
}

absl::StatusOr<model::Matchers> parseSelector(std::string_view text)
{
    internal::Parser parser(text, Features{});
    const ExprPtr expr = parser.parseSelectorOnly();
    const auto errors = parser.takeErrors();
    if (!errors.empty()) {
        return toStatus(errors.front(), text);
    }
    return expr->as<VectorSelector>()->matchers;
}

bool matchesAnything(const model::Matchers& matchers)
{
    return std::all_of(matchers.begin(), matchers.end(),
                       [](const model::Matcher& matcher) { return matcher.matchesEmpty(); });
}

namespace {

base::Position positionAt(std::string_view text, std::uint32_t offset)
{
    const std::string_view before = text.substr(0, std::min<std::size_t>(offset, text.size()));
    const std::size_t newline = before.rfind('\n');
    const std::size_t lineBegin = newline == std::string_view::npos ? 0 : newline + 1;
    base::Position position;
    position.line = static_cast<std::uint32_t>(std::count(before.begin(), before.end(), '\n')) + 1;
    position.column = static_cast<std::uint32_t>(before.size() - lineBegin) + 1;
    return position;
}

} // namespace

std::string lineAndColumn(std::string_view text, std::uint32_t offset)
{
    const base::Position position = positionAt(text, offset);
    return fmt::format("{}:{}", *position.line, *position.column);
}

absl::Status toStatus(const ParseError& error, std::string_view text)
{
    base::Position position = positionAt(text, error.range.begin);
    position.begin = error.range.begin;
    position.end = error.range.end;
    return base::withPosition(base::invalidArgument("{}:{}: parse error: {}", *position.line,
                                                    *position.column, error.text),
                              position);
}

} // namespace narthex::promql
