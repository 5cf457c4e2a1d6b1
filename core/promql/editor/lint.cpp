// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/editor/lint.h"

#include "core/promql/editor/lint_internal.h"

#include <algorithm>

namespace narthex::promql::editor {
namespace {

bool needsSwitch(std::string_view message)
{
    return message.find("not enabled") != std::string_view::npos ||
           message.find("must be enabled") != std::string_view::npos;
}

std::string_view switchFor(std::string_view message)
{
    if (message.find("fill") != std::string_view::npos) {
        return "promql-binop-fill-modifiers";
    }
    if (message.find("anchored") != std::string_view::npos ||
        message.find("smoothed") != std::string_view::npos) {
        return "promql-extended-range-selectors";
    }
    return "promql-experimental-functions";
}

bool isDeprecated(std::string_view message)
{
    for (const char* name :
         {"\"holt_winters\"", "\"count_scalar\"", "\"drop_common_labels\"", "\"keep_common\""}) {
        if (message.find(name) != std::string_view::npos) {
            return true;
        }
    }
    return false;
}

/// What cannot be right yet because the user is in the middle of it.
bool isUnfinished(SourceRange range, std::string_view text, std::size_t cursor)
{
    const std::size_t last = text.find_last_not_of(" \t\r\n");
    const std::size_t end = last == std::string_view::npos ? 0 : last + 1;
    return range.begin >= end || (range.begin <= cursor && cursor <= range.end);
}

/// The brackets that are open where the text ends, innermost last.
std::string_view unclosedAtEnd(const LintedText& text)
{
    std::vector<TokenKind> open;
    for (const Token& token : text.lexed.tokens) {
        const TokenKind kind = token.kind;
        if (kind == TokenKind::LeftParen || kind == TokenKind::LeftBrace ||
            kind == TokenKind::LeftBracket) {
            open.push_back(kind);
        } else if ((kind == TokenKind::RightParen || kind == TokenKind::RightBrace ||
                    kind == TokenKind::RightBracket) &&
                   !open.empty()) {
            open.pop_back();
        }
    }
    if (open.empty()) {
        return {};
    }
    return open.back() == TokenKind::LeftParen   ? "unclosed parenthesis: "
           : open.back() == TokenKind::LeftBrace ? "unclosed brace: "
                                                 : "unclosed bracket: ";
}

Finding findingOf(const ParseError& error, const LintedText& text)
{
    Finding finding{
        .id = "syntax", .severity = Severity::Error, .range = error.range, .message = error.text};
    if (error.text.find("end of input") != std::string::npos) {
        finding.message.insert(0, unclosedAtEnd(text));
    }
    if (needsSwitch(error.text)) {
        finding.id = "feature-off";
        finding.message += "; needs the feature " + std::string(switchFor(error.text));
    } else if (isDeprecated(error.text)) {
        finding.id = "deprecated";
    }
    return finding;
}

} // namespace

TextEdit insertion(std::uint32_t at, std::string text) { return {at, at, std::move(text)}; }

TextEdit replacement(SourceRange range, std::string text)
{
    return {range.begin, range.end, std::move(text)};
}

namespace {

void walkInto(const Expr& node, Path& path, absl::FunctionRef<void(const Expr&, const Path&)> visit)
{
    visit(node, path);
    path.push_back(&node);
    for (const Expr* child : childrenOf(node)) {
        walkInto(*child, path, visit);
    }
    path.pop_back();
}

} // namespace

void walk(const Expr& root, absl::FunctionRef<void(const Expr&, const Path&)> visit)
{
    Path path;
    walkInto(root, path, visit);
}

std::vector<Finding> lint(std::string_view text, const LintOptions& options, const LintFacts* facts)
{
    const SyntaxErrors syntax = findErrors(text, options.features);
    const LexResult lexed = lex(text, LexMode::Tolerant);
    const LintedText linted{text, lexed, syntax.expr.get()};
    std::vector<Finding> findings;
    for (const ParseError& error : syntax.errors) {
        if (options.typingAt && isUnfinished(error.range, text, *options.typingAt)) {
            continue;
        }
        Finding finding = findingOf(error, linted);
        finding.fixes = fixesFor(error, linted, options.features);
        findings.push_back(std::move(finding));
    }
    if (linted.expr != nullptr) {
        checkTree(linted, options, facts, findings);
    }
    std::erase_if(findings, [&](const Finding& finding) {
        return finding.severity != Severity::Error && options.disabled.contains(finding.id);
    });
    std::stable_sort(findings.begin(), findings.end(), [](const Finding& a, const Finding& b) {
        return a.range.begin < b.range.begin;
    });
    return findings;
}

} // namespace narthex::promql::editor
