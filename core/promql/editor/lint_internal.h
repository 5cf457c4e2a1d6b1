// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Shared by the sources of lint; nobody else includes it. Threads: pure functions.
#pragma once

#include "core/promql/ast.h"
#include "core/promql/editor/lint.h"
#include "core/promql/editor/selector_text.h"
#include "core/promql/lexer.h"
#include "core/promql/parser.h"

#include <absl/functional/function_ref.h>

namespace narthex::promql::editor {

/// A text with its tokens and, if it has no errors, its tree.
struct LintedText
{
    std::string_view text;
    const LexResult& lexed;
    const Expr* expr = nullptr;

    [[nodiscard]] std::string source(SourceRange range) const
    {
        return std::string(text.substr(range.begin, range.end - range.begin));
    }
    [[nodiscard]] SelectorText selector(const Expr& node) const
    {
        return selectorText(text, lexed.tokens, node.range);
    }
};

struct SyntaxErrors
{
    ExprPtr expr;
    /// Those of the strict parser first; behind them what else is wrong, as far as it can be told.
    std::vector<ParseError> errors;
};

/// Goes on behind a syntax error by mending a copy of the text.
SyntaxErrors findErrors(std::string_view text, const Features& features);

/// Corrections for an error of the parser.
std::vector<Fix> fixesFor(const ParseError& error, const LintedText& text,
                          const Features& features);

/// Checks of the tree alone.
void checkTree(const LintedText& text, const LintOptions& options, const LintFacts* facts,
               std::vector<Finding>& out);

/// Calls visit(node, path) for every node; `path` ends with the node's parent.
using Path = std::vector<const Expr*>;
void walk(const Expr& root, absl::FunctionRef<void(const Expr&, const Path&)> visit);

TextEdit insertion(std::uint32_t at, std::string text);
TextEdit replacement(SourceRange range, std::string text);

} // namespace narthex::promql::editor
