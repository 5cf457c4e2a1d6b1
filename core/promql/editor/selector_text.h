// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Where the parts of a selector stand in the text: the tree knows only the whole.
// Threads: pure functions. Units: byte offsets.
#pragma once

#include "core/promql/ast.h"
#include "core/promql/token.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::promql::editor {

struct MatcherText
{
    SourceRange label;
    SourceRange op;
    SourceRange value;
    TokenKind kind = TokenKind::Equal;
    std::string name;
    std::string text;
    [[nodiscard]] SourceRange whole() const { return {label.begin, value.end}; }
};

struct SelectorText
{
    /// Before the brace, or the lone string inside; absent if there is none.
    std::optional<SourceRange> name;
    std::vector<MatcherText> matchers;
    /// Behind the name or the closing brace, before any range, offset or @.
    std::uint32_t coreEnd = 0;
};

/// `tokens`: those of the whole text, comments or not. `range`: of a selector in it.
SelectorText selectorText(std::string_view text, const std::vector<Token>& tokens,
                          SourceRange range);

/// The vector selector of an instant or range selector; null for other nodes.
const VectorSelector* selectorOf(const Expr& expr);

/// The metric that a selector names with `=`; empty if it names none.
std::string metricOf(const VectorSelector& selector);

/// Bytes that removing the matcher removes: with a comma beside it.
SourceRange withComma(std::string_view text, SourceRange matcher);

} // namespace narthex::promql::editor
