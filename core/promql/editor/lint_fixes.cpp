// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Corrections for what the parser refuses. Source: spec/promql-editor.md, Quick fixes.
#include "core/model/labels.h"
#include "core/promql/editor/lint_internal.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace narthex::promql::editor {
namespace {

bool contains(std::string_view text, std::string_view part)
{
    return text.find(part) != std::string_view::npos;
}

/// Characters that look like others and are none of the language.
struct Lookalike
{
    std::string_view wrong;
    std::string_view right;
    std::string_view name;
};

constexpr std::array<Lookalike, 19> kLookalikes = {{
    {"\u00a0", " ", "no-break space"},       {"\u200b", "", "zero-width space"},
    {"\u200c", "", "zero-width non-joiner"}, {"\u200d", "", "zero-width joiner"},
    {"\ufeff", "", "byte order mark"},       {"\u201c", "\"", "typographic quote"},
    {"\u201d", "\"", "typographic quote"},   {"\u201e", "\"", "typographic quote"},
    {"\u2018", "'", "typographic quote"},    {"\u2019", "'", "typographic quote"},
    {"\uff08", "(", "full-width bracket"},   {"\uff09", ")", "full-width bracket"},
    {"\uff5b", "{", "full-width bracket"},   {"\uff5d", "}", "full-width bracket"},
    {"\uff3b", "[", "full-width bracket"},   {"\uff3d", "]", "full-width bracket"},
    {"\uff0c", ",", "full-width comma"},     {"\u2212", "-", "typographic minus"},
    {"\u00d7", "*", "multiplication sign"},
}};

std::optional<Fix> fixLookalikes(std::string_view text)
{
    Fix fix;
    for (std::size_t at = 0; at < text.size(); ++at) {
        for (const Lookalike& entry : kLookalikes) {
            if (text.substr(at, entry.wrong.size()) == entry.wrong) {
                fix.edits.push_back({static_cast<std::uint32_t>(at),
                                     static_cast<std::uint32_t>(at + entry.wrong.size()),
                                     std::string(entry.right)});
                if (fix.title.empty()) {
                    fix.title = fmt::format("Replace the {} with what was meant", entry.name);
                }
                break;
            }
        }
    }
    return fix.edits.empty() ? std::nullopt : std::optional(std::move(fix));
}

/// The closing brackets that are missing at the end.
std::optional<Fix> fixUnclosed(const LintedText& text)
{
    std::string missing;
    for (const Token& token : text.lexed.tokens) {
        const TokenKind kind = token.kind;
        if (kind == TokenKind::LeftParen) {
            missing += ')';
        } else if (kind == TokenKind::LeftBrace) {
            missing += '}';
        } else if (kind == TokenKind::LeftBracket) {
            missing += ']';
        } else if (!missing.empty() &&
                   ((kind == TokenKind::RightParen && missing.back() == ')') ||
                    (kind == TokenKind::RightBrace && missing.back() == '}') ||
                    (kind == TokenKind::RightBracket && missing.back() == ']'))) {
            missing.pop_back();
        }
    }
    if (missing.empty()) {
        return std::nullopt;
    }
    std::reverse(missing.begin(), missing.end());
    const std::size_t last = text.text.find_last_not_of(" \t\r\n");
    std::string added = missing;
    for (const Token& token : text.lexed.tokens) {
        if (token.kind == TokenKind::Comment && token.end > last) {
            added = "\n" + missing;
        }
    }
    return Fix{fmt::format("Add the missing \"{}\"", missing),
               {insertion(static_cast<std::uint32_t>(last + 1), added)}};
}

/// `my.metric` needs quotes.
std::optional<Fix> fixUtf8Name(std::string_view text, std::uint32_t at)
{
    const auto belongs = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == ':' || c == '.' || static_cast<unsigned char>(c) >= 0x80;
    };
    std::size_t begin = std::min<std::size_t>(at, text.size());
    std::size_t end = begin;
    while (begin > 0 && belongs(text[begin - 1])) {
        --begin;
    }
    while (end < text.size() && belongs(text[end])) {
        ++end;
    }
    const std::string_view name = text.substr(begin, end - begin);
    if (name.size() < 3 || model::isLegacyMetricName(name) || (name[0] >= '0' && name[0] <= '9') ||
        name[0] == '.') {
        return std::nullopt;
    }
    const SourceRange range{static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end)};
    std::string quoted = "{" + model::quote(name);
    if (end < text.size() && text[end] == '{') {
        return Fix{"Quote the name", {{range.begin, range.end + 1, quoted + ","}}};
    }
    return Fix{"Quote the name", {replacement(range, quoted + "}")}};
}

std::optional<Fix> fixFunctionName(const ParseError& error, const LintedText& text,
                                   const Features& features)
{
    const std::string name = text.source(error.range);
    std::string lower = name;
    std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    if (lower == "holt_winters") {
        lower = "double_exponential_smoothing";
    }
    const FunctionInfo* function = findFunction(lower);
    if (function == nullptr || lower == name ||
        (function->experimental && !features.experimentalFunctions &&
         lower != "double_exponential_smoothing")) {
        return std::nullopt;
    }
    return Fix{fmt::format("Write {}", lower), {replacement(error.range, lower)}};
}

/// The inner text of `word(…)` around the place, for turning rate(sum(x)) inside out.
std::optional<Fix> fixRangeWanted(const ParseError& error, const LintedText& text)
{
    const std::string argument = text.source(error.range);
    const auto parsed = parse(argument, {.experimentalFunctions = true});
    if (!parsed.ok()) {
        return std::nullopt;
    }
    if ((*parsed)->as<VectorSelector>() != nullptr) {
        const SelectorText selector = selectorText(text.text, text.lexed.tokens, error.range);
        return Fix{"Add [5m]", {insertion(selector.coreEnd, "[5m]")}};
    }
    const auto* aggregation = (*parsed)->as<Aggregation>();
    if (aggregation == nullptr || aggregation->expr->as<VectorSelector>() == nullptr) {
        return std::nullopt;
    }
    // rate(sum by (a) (x)) → sum by (a) (rate(x[5m]))
    std::size_t open = error.range.begin;
    while (open > 0 && text.text[open - 1] != '(') {
        --open;
    }
    std::size_t word = open > 0 ? open - 1 : 0;
    while (word > 0 && (std::isalnum(static_cast<unsigned char>(text.text[word - 1])) != 0 ||
                        text.text[word - 1] == '_')) {
        --word;
    }
    const std::size_t close = text.text.find(')', error.range.end);
    if (open == 0 || close == std::string_view::npos) {
        return std::nullopt;
    }
    const std::string function(text.text.substr(word, open - 1 - word));
    const SourceRange inner = aggregation->expr->range;
    std::string turned = argument.substr(0, inner.begin);
    turned += function + "(" + argument.substr(inner.begin, inner.end - inner.begin) + "[5m])";
    turned += argument.substr(inner.end);
    return Fix{fmt::format("Take the {} first, then aggregate", function),
               {{static_cast<std::uint32_t>(word), static_cast<std::uint32_t>(close + 1), turned}}};
}

} // namespace

std::vector<Fix> fixesFor(const ParseError& error, const LintedText& text, const Features& features)
{
    std::vector<Fix> fixes;
    const auto add = [&fixes](std::optional<Fix> fix) {
        if (fix) {
            fixes.push_back(std::move(*fix));
        }
    };
    if (contains(error.text, "must use BOOL")) {
        const auto at = error.range.begin;
        const auto token = std::find_if(text.lexed.tokens.begin(), text.lexed.tokens.end(),
                                        [at](const Token& t) { return t.begin == at; });
        if (token != text.lexed.tokens.end()) {
            add(Fix{"Add bool", {insertion(token->end, " bool")}});
        }
    }
    if (contains(error.text, "unknown function")) {
        add(fixFunctionName(error, text, features));
    }
    if (contains(error.text, "expected type range vector")) {
        add(fixRangeWanted(error, text));
    }
    if (contains(error.text, "end of input") || contains(error.text, "unclosed") ||
        contains(error.text, "inside braces")) {
        add(fixUnclosed(text));
    }
    if (contains(error.text, "trailing commas")) {
        add(Fix{"Remove the comma", {replacement(error.range, "")}});
    }
    if (contains(error.text, "unterminated quoted string")) {
        const char quote = text.text[error.range.begin];
        const std::size_t newline = text.text.find('\n', error.range.begin);
        const auto end = static_cast<std::uint32_t>(std::min(newline, text.text.size()));
        add(Fix{"Close the string", {insertion(end, std::string(1, quote))}});
    }
    add(fixLookalikes(text.text));
    if (fixes.empty()) {
        add(fixUtf8Name(text.text, error.range.begin));
    }
    return fixes;
}

} // namespace narthex::promql::editor
