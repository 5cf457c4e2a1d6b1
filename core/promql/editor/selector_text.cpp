// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/editor/selector_text.h"

#include "core/promql/lexer.h"

#include <algorithm>

namespace narthex::promql::editor {
namespace {

SourceRange rangeOf(const Token& token) { return {token.begin, token.end}; }

std::string wordOf(std::string_view text, const Token& token)
{
    const std::string_view source = text.substr(token.begin, token.end - token.begin);
    return token.kind == TokenKind::String ? unquoteString(source).value_or(std::string(source))
                                           : std::string(source);
}

bool isMatchOperator(TokenKind kind)
{
    return kind == TokenKind::Equal || kind == TokenKind::NotEqual ||
           kind == TokenKind::RegexEqual || kind == TokenKind::RegexNotEqual;
}

} // namespace

SelectorText selectorText(std::string_view text, const std::vector<Token>& tokens,
                          SourceRange range)
{
    SelectorText result;
    std::vector<Token> own;
    const auto first =
        std::lower_bound(tokens.begin(), tokens.end(), range.begin,
                         [](const Token& token, std::uint32_t at) { return token.begin < at; });
    for (auto token = first; token != tokens.end() && token->begin < range.end; ++token) {
        if (token->kind != TokenKind::Comment) {
            own.push_back(*token);
        }
    }
    std::size_t i = 0;
    if (i < own.size() && own[i].kind != TokenKind::LeftBrace) {
        result.name = rangeOf(own[i]);
        result.coreEnd = own[i++].end;
    }
    if (i >= own.size() || own[i].kind != TokenKind::LeftBrace) {
        return result;
    }
    for (++i; i < own.size() && own[i].kind != TokenKind::RightBrace; ++i) {
        if (i + 2 < own.size() && isMatchOperator(own[i + 1].kind)) {
            result.matchers.push_back({.label = rangeOf(own[i]),
                                       .op = rangeOf(own[i + 1]),
                                       .value = rangeOf(own[i + 2]),
                                       .kind = own[i + 1].kind,
                                       .name = wordOf(text, own[i]),
                                       .text = wordOf(text, own[i + 2])});
            i += 2;
        } else if (own[i].kind == TokenKind::String) {
            result.name = rangeOf(own[i]);
        }
    }
    result.coreEnd = i < own.size() ? own[i].end : range.end;
    return result;
}

const VectorSelector* selectorOf(const Expr& expr)
{
    if (const auto* matrix = expr.as<MatrixSelector>()) {
        return &matrix->selector;
    }
    return expr.as<VectorSelector>();
}

std::string metricOf(const VectorSelector& selector)
{
    for (const model::Matcher& matcher : selector.matchers) {
        if (matcher.name() == model::kMetricName && matcher.type() == model::MatchType::Equal) {
            return std::string(matcher.value());
        }
    }
    return {};
}

SourceRange withComma(std::string_view text, SourceRange matcher)
{
    const auto isBlank = [](char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; };
    std::uint32_t end = matcher.end;
    while (end < text.size() && isBlank(text[end])) {
        ++end;
    }
    if (end < text.size() && text[end] == ',') {
        ++end;
        while (end < text.size() && isBlank(text[end])) {
            ++end;
        }
        return {matcher.begin, end};
    }
    std::uint32_t begin = matcher.begin;
    while (begin > 0 && isBlank(text[begin - 1])) {
        --begin;
    }
    return {begin > 0 && text[begin - 1] == ',' ? begin - 1 : matcher.begin, matcher.end};
}

} // namespace narthex::promql::editor
