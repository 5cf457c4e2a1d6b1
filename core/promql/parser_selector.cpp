// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Selectors, and what may follow an operand: ranges, subqueries, offset, @, anchored, smoothed.
#include "core/base/status.h"
#include "core/promql/parser_internal.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace narthex::promql::internal {

ExprPtr Parser::parseSelectorOnly()
{
    if (kind() == TokenKind::EndOfInput) {
        note({0, 0}, "no expression found in input");
        return nullptr;
    }
    if (kind() != TokenKind::LeftBrace && kind() != TokenKind::Identifier &&
        kind() != TokenKind::MetricIdentifier && !mayNameMetric(kind())) {
        return unexpected({});
    }
    ExprPtr expr = selector();
    if (!failed_ && kind() != TokenKind::EndOfInput) {
        unexpected({});
    }
    return failed_ || !errors_.empty() ? nullptr : std::move(expr);
}

ExprPtr Parser::selector()
{
    const std::uint32_t begin = peek().begin;
    VectorSelector node;
    if (kind() != TokenKind::LeftBrace) {
        node.name = source(take());
    }
    SourceRange whole{begin, lastEnd()};
    if (kind() == TokenKind::LeftBrace && !matchers(node, whole)) {
        return nullptr;
    }
    if (!node.name.empty()) {
        node.matchers.push_back(model::Matcher::equal(model::kMetricName, node.name));
    }
    return make(std::move(node), begin);
}

bool Parser::matchers(VectorSelector& node, SourceRange& whole)
{
    take();
    std::vector<std::string> names;
    if (!node.name.empty()) {
        names.push_back(node.name);
    }
    while (!accept(TokenKind::RightBrace)) {
        if (!matcher(node, names)) {
            return false;
        }
        if (kind() != TokenKind::RightBrace && !accept(TokenKind::Comma)) {
            unexpected("label matching", "\",\" or \"}\"");
            return false;
        }
    }
    whole.end = lastEnd();
    if (!node.name.empty()) {
        for (const model::Matcher& matcher : node.matchers) {
            if (matcher.name() == model::kMetricName) {
                names.push_back(matcher.value());
            }
        }
    }
    if (names.size() > 1) {
        note(whole, fmt::format("metric name must not be set twice: {} or {}",
                                model::quote(names[0]), model::quote(names.back())));
    }
    return true;
}

/// `quotedNames` collects metric names given as a lone string.
bool Parser::matcher(VectorSelector& node, std::vector<std::string>& quotedNames)
{
    const Token label = peek();
    if (label.kind != TokenKind::Identifier && label.kind != TokenKind::String) {
        unexpected("label matching", "identifier or \"}\"");
        return false;
    }
    take();
    const bool quoted = label.kind == TokenKind::String;
    const std::string name =
        quoted ? unquoteString(source(label)).value_or(std::string()) : std::string(source(label));
    if (quoted && (kind() == TokenKind::Comma || kind() == TokenKind::RightBrace)) {
        if (node.name.empty()) {
            quotedNames.push_back(name);
        }
        node.matchers.push_back(model::Matcher::equal(model::kMetricName, name));
        return true;
    }
    model::MatchType type{};
    switch (kind()) {
    case TokenKind::Equal:
        type = model::MatchType::Equal;
        break;
    case TokenKind::NotEqual:
        type = model::MatchType::NotEqual;
        break;
    case TokenKind::RegexEqual:
        type = model::MatchType::Regex;
        break;
    case TokenKind::RegexNotEqual:
        type = model::MatchType::NotRegex;
        break;
    default:
        unexpected("label matching", "label matching operator");
        return false;
    }
    take();
    if (kind() != TokenKind::String) {
        unexpected("label matching", "string");
        return false;
    }
    const Token value = take();
    auto made =
        model::Matcher::create(type, name, unquoteString(source(value)).value_or(std::string()));
    if (!made.ok()) {
        note({label.begin, value.end}, std::string(base::messageOf(made.status())));
        return true;
    }
    node.matchers.push_back(*std::move(made));
    return true;
}

ExprPtr Parser::bracket(ExprPtr expr)
{
    const std::uint32_t bracketBegin = take().begin;
    DurationValue range;
    if (!durationValue(range, true)) {
        return nullptr;
    }
    if (accept(TokenKind::RightBracket)) {
        return rangeSelector(std::move(expr), std::move(range), bracketBegin);
    }
    if (!accept(TokenKind::Colon)) {
        return unexpected("subquery or range", "\":\" or \"]\"");
    }
    Subquery node;
    node.range = std::move(range);
    if (kind() != TokenKind::RightBracket && !durationValue(node.step, true)) {
        return nullptr;
    }
    if (!accept(TokenKind::RightBracket)) {
        return unexpected("subquery selector", "\"]\"");
    }
    const std::uint32_t begin = expr->range.begin;
    const std::uint32_t depth = expr->depth + 1;
    node.expr = std::move(expr);
    return make(std::move(node), begin, depth);
}

ExprPtr Parser::rangeSelector(ExprPtr expr, DurationValue range, std::uint32_t bracketBegin)
{
    const SourceRange bracketRange{bracketBegin, lastEnd()};
    auto* selector = expr->as<VectorSelector>();
    if (selector == nullptr) {
        note(bracketRange, "ranges only allowed for vector selectors");
        return expr;
    }
    if (std::find(withOffset_.begin(), withOffset_.end(), expr.get()) != withOffset_.end()) {
        note(bracketRange, "no offset modifiers allowed before range");
    } else if (selector->at.kind != At::Kind::None) {
        note(bracketRange, "no @ modifiers allowed before range");
    }
    const std::uint32_t begin = expr->range.begin;
    return make(MatrixSelector{std::move(*selector), std::move(range)}, begin);
}

namespace {

template <typename Visitor>
bool visitSelectable(Expr& expr, Visitor visit)
{
    if (auto* selector = expr.as<VectorSelector>()) {
        visit(selector->offset, selector->at);
        return true;
    }
    if (auto* matrix = expr.as<MatrixSelector>()) {
        visit(matrix->selector.offset, matrix->selector.at);
        return true;
    }
    if (auto* subquery = expr.as<Subquery>()) {
        visit(subquery->offset, subquery->at);
        return true;
    }
    return false;
}

constexpr std::string_view kSelectable =
    "must be preceded by an instant vector selector or range vector selector or a subquery";

} // namespace

ExprPtr Parser::offset(ExprPtr expr)
{
    take();
    DurationValue value;
    if (!offsetValue(value)) {
        return nullptr;
    }
    const bool again =
        std::find(withOffset_.begin(), withOffset_.end(), expr.get()) != withOffset_.end();
    const bool fits =
        visitSelectable(*expr, [&](DurationValue& offset, At&) { offset = std::move(value); });
    if (!fits) {
        note(expr->range, fmt::format("offset modifier {}", kSelectable));
    } else if (again) {
        note(expr->range, "offset may not be set multiple times");
    }
    withOffset_.push_back(expr.get());
    expr->range.end = lastEnd();
    return expr;
}

ExprPtr Parser::atModifier(ExprPtr expr)
{
    take();
    At value;
    bool outOfBounds = false;
    if (!atArgument(value, outOfBounds)) {
        return nullptr;
    }
    bool again = false;
    const bool fits = visitSelectable(*expr, [&](DurationValue&, At& at) {
        again = at.kind != At::Kind::None;
        at = value;
    });
    if (!fits) {
        note(expr->range, fmt::format("@ modifier {}", kSelectable));
    } else if (outOfBounds) {
        note(expr->range, "timestamp out of bounds for @ modifier");
    } else if (again) {
        note(expr->range, "@ <timestamp> may not be set multiple times");
    }
    expr->range.end = lastEnd();
    return expr;
}

bool Parser::atArgument(At& at, bool& outOfBounds)
{
    if (kind() == TokenKind::Start || kind() == TokenKind::End) {
        at.kind = take().kind == TokenKind::Start ? At::Kind::Start : At::Kind::End;
        return expect(TokenKind::LeftParen, "@") && expect(TokenKind::RightParen, "@");
    }
    const bool negative = kind() == TokenKind::Sub;
    if (negative || kind() == TokenKind::Add) {
        take();
    }
    if (kind() != TokenKind::Number && kind() != TokenKind::Duration) {
        unexpected("@", "timestamp");
        return false;
    }
    double seconds = 0;
    bool isDuration = false;
    numberValue(seconds, isDuration);
    constexpr double kBound = 9223372036854775807.0; // 2^63 as a double
    const double ms = std::round((negative ? -seconds : seconds) * 1000);
    outOfBounds = !(ms > -kBound && ms < kBound);
    at = {At::Kind::Time, base::Timestamp{outOfBounds ? 0 : static_cast<std::int64_t>(ms)}};
    return true;
}

ExprPtr Parser::edgeModifier(ExprPtr expr)
{
    const Token word = take();
    const std::string_view name = tokenText(word.kind);
    auto* selector = expr->as<VectorSelector>();
    if (auto* matrix = expr->as<MatrixSelector>()) {
        selector = &matrix->selector;
    }
    if (!features_.extendedRangeSelectors) {
        note(expr->range, fmt::format("{} modifier is experimental and not enabled", name));
    } else if (expr->as<Subquery>() != nullptr) {
        note(expr->range, fmt::format("{} modifier is not supported for subqueries", name));
    } else if (selector == nullptr) {
        note(expr->range, fmt::format("{} modifier not implemented for this expression", name));
    } else if ((word.kind == TokenKind::Anchored && selector->smoothed) ||
               (word.kind == TokenKind::Smoothed && selector->anchored)) {
        note(expr->range, "anchored and smoothed modifiers cannot be used together");
    }
    if (selector != nullptr) {
        (word.kind == TokenKind::Anchored ? selector->anchored : selector->smoothed) = true;
    }
    expr->range.end = lastEnd();
    return expr;
}

} // namespace narthex::promql::internal
