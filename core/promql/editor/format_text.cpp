// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/editor/format_text.h"

#include "core/base/status.h"
#include "core/promql/editor/comments.h"
#include "core/promql/editor/text_edit.h"
#include "core/promql/lexer.h"
#include "core/promql/parser.h"

#include <algorithm>

namespace narthex::promql::editor {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";

Formatted finished(std::string_view before, std::size_t cursor, std::string after)
{
    Formatted result;
    result.changed = before != after;
    result.cursor = result.changed ? cursorAfter(before, cursor, after) : cursor;
    result.text = std::move(after);
    return result;
}

bool hasNode(const Expr& expr, SourceRange range)
{
    if (expr.range == range) {
        return true;
    }
    const auto children = childrenOf(expr);
    return std::any_of(children.begin(), children.end(),
                       [&](const Expr* child) { return hasNode(*child, range); });
}

/// Lines behind the first are moved right as far as the line they are pasted into.
std::string indented(std::string_view text, std::size_t blanks)
{
    std::string out;
    for (const char c : text) {
        out += c;
        if (c == '\n') {
            out.append(blanks, ' ');
        }
    }
    return out;
}

std::size_t indentationAt(std::string_view text, std::size_t at)
{
    const std::size_t newline = text.substr(0, at).rfind('\n');
    const std::size_t line = newline == std::string_view::npos ? 0 : newline + 1;
    const std::size_t first = text.find_first_not_of(' ', line);
    return std::min(first == std::string_view::npos ? text.size() : first, at) - line;
}

} // namespace

absl::StatusOr<Formatted> formatText(std::string_view text, const Features& features,
                                     std::size_t cursor)
{
    NARTHEX_ASSIGN_OR_RETURN(const ExprPtr expr, parse(text, features));
    return finished(text, cursor, format(*expr, attachComments(text, *expr)));
}

absl::StatusOr<Formatted> formatSelection(std::string_view text, std::size_t begin, std::size_t end,
                                          const Features& features, std::size_t cursor)
{
    NARTHEX_ASSIGN_OR_RETURN(const ExprPtr expr, parse(text, features));
    end = std::min(end, text.size());
    begin = std::min(begin, end);
    const std::string_view part = text.substr(begin, end - begin);
    const std::size_t first = part.find_first_not_of(kBlanks);
    if (first == std::string_view::npos) {
        return base::invalidArgument("nothing is selected: select a complete expression");
    }
    end = begin + part.find_last_not_of(kBlanks) + 1;
    begin += first;
    const SourceRange range{static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end)};
    if (!hasNode(*expr, range)) {
        base::Position position;
        position.begin = range.begin;
        position.end = range.end;
        return base::withPosition(
            base::invalidArgument("the selection is not a complete expression: extend it to one"),
            position);
    }
    NARTHEX_ASSIGN_OR_RETURN(const Formatted inner,
                             formatText(text.substr(begin, end - begin), features));
    std::string out(text.substr(0, begin));
    out += indented(inner.text, indentationAt(text, begin));
    out += text.substr(end);
    return finished(text, cursor, std::move(out));
}

absl::StatusOr<Formatted> compactText(std::string_view text, const Features& features,
                                      std::size_t cursor)
{
    NARTHEX_ASSIGN_OR_RETURN(const ExprPtr expr, parse(text, features));
    std::string out;
    const LexResult lexed = lex(text, LexMode::Tolerant);
    for (const Token& token : lexed.tokens) {
        if (token.kind == TokenKind::Comment) {
            out += text.substr(token.begin, token.end - token.begin);
            out += '\n';
        }
    }
    return finished(text, cursor, out + print(*expr));
}

} // namespace narthex::promql::editor
