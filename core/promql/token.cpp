// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/token.h"

#include "core/model/labels.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace narthex::promql {
namespace {

constexpr std::size_t kKindCount = static_cast<std::size_t>(TokenKind::Step) + 1;

// In the order of TokenKind.
constexpr std::array<std::string_view, kKindCount> kTexts = {
    "",           "",           "",
    "",           "",           "",
    "",           "",           "(",
    ")",          "{",          "}",
    "[",          "]",          ",",
    ":",          "@",          "=",
    "=~",         "!~",         "+",
    "-",          "*",          "/",
    "%",          "^",          "atan2",
    "==",         "!=",         "<",
    "<=",         ">",          ">=",
    "</",         ">/",         "and",
    "or",         "unless",     "avg",
    "bottomk",    "count",      "count_values",
    "group",      "limitk",     "limit_ratio",
    "max",        "min",        "quantile",
    "stddev",     "stdvar",     "sum",
    "topk",       "anchored",   "bool",
    "by",         "fill",       "fill_left",
    "fill_right", "group_left", "group_right",
    "ignoring",   "offset",     "on",
    "smoothed",   "without",    "end",
    "max_of",     "min_of",     "range",
    "start",      "step"};
static_assert(!kTexts.back().empty());

} // namespace

std::string_view tokenText(TokenKind kind) { return kTexts[static_cast<std::size_t>(kind)]; }

std::optional<TokenKind> keywordOf(std::string_view word)
{
    constexpr std::size_t kLongest = 12;
    if (word.size() < 2 || word.size() > kLongest) {
        return std::nullopt;
    }
    std::array<char, kLongest> lower{};
    std::transform(word.begin(), word.end(), lower.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    const std::string_view key(lower.data(), word.size());
    const auto first = static_cast<std::size_t>(TokenKind::Atan2);
    for (std::size_t i = first; i < kTexts.size(); ++i) {
        if (kTexts[i] == key) {
            return static_cast<TokenKind>(i);
        }
    }
    return std::nullopt;
}

std::string describeToken(const Token& token, std::string_view text)
{
    const std::string_view source = text.substr(token.begin, token.end - token.begin);
    switch (token.kind) {
    case TokenKind::EndOfInput:
        return "end of input";
    case TokenKind::Identifier:
    case TokenKind::MetricIdentifier:
        return fmt::format("identifier \"{}\"", source);
    case TokenKind::Number:
    case TokenKind::Duration:
        return fmt::format("number or duration \"{}\"", source);
    case TokenKind::String:
        return fmt::format("string {}", source);
    default:
        break;
    }
    if (isAggregator(token.kind)) {
        return fmt::format("<aggr:{}>", tokenText(token.kind));
    }
    if (isBinaryOperator(token.kind)) {
        return fmt::format("<op:{}>", tokenText(token.kind));
    }
    if (isKeyword(token.kind)) {
        return fmt::format("<{}>", tokenText(token.kind));
    }
    return model::quote(source);
}

} // namespace narthex::promql
