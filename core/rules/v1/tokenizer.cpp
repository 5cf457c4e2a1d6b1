// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/status.h"
#include "core/promql/parser.h"
#include "core/promql/string_literal.h"
#include "core/rules/v1/statement.h"

#include <absl/strings/ascii.h>

#include <algorithm>

namespace narthex::rules::v1 {
namespace {

bool isWordStart(char c)
{
    return absl::ascii_isalpha(static_cast<unsigned char>(c)) || c == '_' || c == ':';
}
bool isWordPart(char c)
{
    return isWordStart(c) || absl::ascii_isdigit(static_cast<unsigned char>(c));
}

std::size_t numberLength(std::string_view text)
{
    std::size_t length = 0;
    while (length < text.size()) {
        const char c = text[length];
        const bool exponentSign = (c == '+' || c == '-') && length > 0 &&
                                  (text[length - 1] == 'e' || text[length - 1] == 'E') &&
                                  !text.substr(0, length).starts_with("0x");
        if (!isWordPart(c) && c != '.' && !exponentSign) {
            break;
        }
        ++length;
    }
    return length;
}

std::size_t symbolLength(std::string_view text)
{
    for (const std::string_view two : {"==", "!=", ">=", "<=", "=~", "!~"}) {
        if (text.starts_with(two)) {
            return 2;
        }
    }
    constexpr std::string_view kOne = "()[]{},=+-*/%^<>";
    return kOne.find(text.front()) != std::string_view::npos ? 1 : 0;
}

absl::Status refuse(std::string_view text, std::size_t offset, std::string_view what)
{
    const std::string place = promql::lineAndColumn(text, static_cast<std::uint32_t>(offset));
    const auto at = static_cast<std::uint32_t>(offset);
    return base::withPosition(base::invalidArgument("{}: {}", place, what),
                              {.file = {}, .line = {}, .column = {}, .begin = at, .end = at + 1});
}

} // namespace

absl::StatusOr<std::vector<Token>> tokenize(std::string_view text)
{
    std::vector<Token> tokens;
    std::size_t at = 0;
    while (at < text.size()) {
        const char c = text[at];
        const std::string_view rest = text.substr(at);
        if (absl::ascii_isspace(static_cast<unsigned char>(c))) {
            ++at;
            continue;
        }
        if (c == '#') {
            at += std::min(rest.find('\n'), rest.size());
            continue;
        }
        Token token{.kind = TokenKind::Symbol, .text = {}, .offset = at};
        std::size_t length = 0;
        if (c == '"' || c == '\'' || c == '`') {
            token.kind = TokenKind::String;
            const promql::StringScan scan = promql::scanString(rest);
            length = scan.length;
            if (!scan.error.empty()) {
                return refuse(text, at, scan.error);
            }
        } else if (isWordStart(c)) {
            token.kind = TokenKind::Word;
            length = static_cast<std::size_t>(
                std::find_if_not(rest.begin(), rest.end(), isWordPart) - rest.begin());
        } else if (absl::ascii_isdigit(static_cast<unsigned char>(c)) ||
                   (c == '.' && rest.size() > 1 &&
                    absl::ascii_isdigit(static_cast<unsigned char>(rest[1])))) {
            token.kind = TokenKind::Number;
            length = numberLength(rest);
        } else {
            length = symbolLength(rest);
            if (length == 0) {
                return refuse(text, at, fmt::format("unexpected character {}", rest.substr(0, 1)));
            }
        }
        token.text = rest.substr(0, length);
        tokens.push_back(token);
        at += length;
    }
    tokens.push_back({.kind = TokenKind::End, .text = {}, .offset = text.size()});
    return tokens;
}

bool isWord(const Token& token, std::string_view word)
{
    return token.kind == TokenKind::Word &&
           std::equal(token.text.begin(), token.text.end(), word.begin(), word.end(),
                      [](char a, char b) {
                          return absl::ascii_tolower(static_cast<unsigned char>(a)) ==
                                 absl::ascii_tolower(static_cast<unsigned char>(b));
                      });
}

bool isAggregation(const Token& token)
{
    constexpr std::string_view kNames[] = {"sum",     "avg",      "count",       "min",
                                           "max",     "stddev",   "stdvar",      "topk",
                                           "bottomk", "quantile", "count_values"};
    return std::any_of(std::begin(kNames), std::end(kNames),
                       [&](std::string_view name) { return isWord(token, name); });
}

std::size_t closingBracket(const std::vector<Token>& tokens, std::size_t open)
{
    int depth = 0;
    for (std::size_t i = open; i + 1 < tokens.size(); ++i) {
        const std::string_view text = tokens[i].text;
        if (tokens[i].kind != TokenKind::Symbol) {
            continue;
        }
        if (text == "(" || text == "[" || text == "{") {
            ++depth;
        } else if (text == ")" || text == "]" || text == "}") {
            if (--depth == 0) {
                return i;
            }
        }
    }
    return tokens.size() - 1;
}

} // namespace narthex::rules::v1
