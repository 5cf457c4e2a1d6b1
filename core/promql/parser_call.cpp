// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Calls and aggregations.
#include "core/base/utf8.h"
#include "core/promql/parser_internal.h"

#include <fmt/format.h>

#include <algorithm>

namespace narthex::promql::internal {
namespace {

/// Arguments take every operator.
constexpr int kAnyStrength = 1;

} // namespace

bool Parser::arguments(std::vector<ExprPtr>& out, std::string_view context)
{
    if (!expect(TokenKind::LeftParen, context)) {
        return false;
    }
    if (accept(TokenKind::RightParen)) {
        return true;
    }
    while (true) {
        ExprPtr argument = expression(kAnyStrength);
        if (!argument) {
            return false;
        }
        out.push_back(std::move(argument));
        if (accept(TokenKind::RightParen)) {
            return true;
        }
        const Token comma = peek();
        if (!expect(TokenKind::Comma, context)) {
            return false;
        }
        if (kind() == TokenKind::RightParen) {
            note({comma.begin, comma.end}, "trailing commas not allowed in function call args");
            failed_ = true;
            return false;
        }
    }
}

ExprPtr Parser::call()
{
    const Token name = take();
    std::string text(source(name));
    if (isContextWord(name.kind)) {
        text = tokenText(name.kind);
    }
    Call node;
    node.function = findFunction(text);
    if (node.function == nullptr) {
        note({name.begin, name.end}, fmt::format("unknown function with name \"{}\"", text));
    } else if (node.function->experimental && !features_.experimentalFunctions) {
        note({name.begin, name.end}, fmt::format("function \"{}\" is not enabled", text));
    }
    if (!arguments(node.args, "function call")) {
        return nullptr;
    }
    std::uint32_t depth = 0;
    for (const ExprPtr& argument : node.args) {
        depth = std::max(depth, argument->depth);
    }
    return make(std::move(node), name.begin, depth + 1);
}

bool Parser::aggregationModifier(Aggregation& node)
{
    node.without = take().kind == TokenKind::Without;
    return labelList(node.grouping, "grouping opts");
}

ExprPtr Parser::aggregation()
{
    const Token word = take();
    Aggregation node;
    node.op = word.kind;
    const auto isGrouping = [](TokenKind k) {
        return k == TokenKind::By || k == TokenKind::Without;
    };
    const bool before = isGrouping(kind());
    if (before && !aggregationModifier(node)) {
        return nullptr;
    }
    std::vector<ExprPtr> args;
    if (!arguments(args, "aggregation")) {
        return nullptr;
    }
    if (!before && isGrouping(kind()) && !aggregationModifier(node)) {
        return nullptr;
    }
    const SourceRange whole{word.begin, lastEnd()};
    if (!features_.experimentalFunctions &&
        (node.op == TokenKind::LimitK || node.op == TokenKind::LimitRatio)) {
        note(whole, fmt::format("{}() is experimental and must be enabled with "
                                "--enable-feature=promql-experimental-functions",
                                tokenText(node.op)));
    }
    const std::size_t wanted = aggregatorTakesParameter(node.op) ? 2 : 1;
    if (args.empty()) {
        note(whole, "no arguments for aggregate expression provided");
    } else if (args.size() != wanted) {
        note(whole, fmt::format("wrong number of arguments for aggregate expression provided, "
                                "expected {}, got {}",
                                wanted, args.size()));
    }
    std::uint32_t depth = 0;
    for (const ExprPtr& argument : args) {
        depth = std::max(depth, argument->depth);
    }
    if (args.size() == wanted) {
        node.param = wanted == 2 ? std::move(args[0]) : nullptr;
        node.expr = std::move(args.back());
    }
    return make(std::move(node), word.begin, depth + 1);
}

bool Parser::labelList(std::vector<std::string>& out, std::string_view context)
{
    if (!expect(TokenKind::LeftParen, context)) {
        return false;
    }
    while (!accept(TokenKind::RightParen)) {
        const Token token = peek();
        if (token.kind != TokenKind::Identifier && token.kind != TokenKind::MetricIdentifier &&
            token.kind != TokenKind::String && !isKeyword(token.kind)) {
            unexpected(context, "label");
            return false;
        }
        take();
        std::string name = token.kind == TokenKind::String
                               ? unquoteString(source(token)).value_or(std::string())
                               : std::string(source(token));
        if (name.empty() || !base::isValidUtf8(name)) {
            note({token.begin, token.end},
                 fmt::format("invalid label name for grouping: {}", model::quote(name)));
        }
        out.push_back(std::move(name));
        if (kind() != TokenKind::RightParen && !accept(TokenKind::Comma)) {
            unexpected(context, "\",\" or \")\"");
            return false;
        }
    }
    return true;
}

} // namespace narthex::promql::internal
