// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Several errors of one text: behind each one the copy of the text is mended and parsed again.
#include "core/promql/editor/lint_internal.h"

#include <algorithm>

namespace narthex::promql::editor {
namespace {

/// More would be of no help to anyone.
constexpr int kMostErrors = 20;

/// A copy of the text with insertions; knows where its bytes come from.
class MendedText
{
public:
    explicit MendedText(std::string_view text) : text_(text) {}

    [[nodiscard]] const std::string& text() const { return text_; }

    void blank(std::uint32_t begin, std::uint32_t end)
    {
        for (std::size_t i = begin; i < std::min<std::size_t>(end, text_.size()); ++i) {
            text_[i] = ' ';
        }
    }
    void put(std::uint32_t at, char c) { text_[at] = c; }
    void insert(std::uint32_t at, std::string_view what)
    {
        text_.insert(at, what);
        insertions_.emplace_back(at, static_cast<std::uint32_t>(what.size()));
    }
    /// The offset in the original.
    [[nodiscard]] std::uint32_t original(std::uint32_t offset) const
    {
        for (auto it = insertions_.rbegin(); it != insertions_.rend(); ++it) {
            const auto [at, size] = *it;
            offset = offset >= at + size ? offset - size : std::min(offset, at);
        }
        return offset;
    }

private:
    std::string text_;
    std::vector<std::pair<std::uint32_t, std::uint32_t>> insertions_;
};

bool endsOperand(TokenKind kind)
{
    return kind == TokenKind::Number || kind == TokenKind::Duration || kind == TokenKind::String ||
           kind == TokenKind::Identifier || kind == TokenKind::MetricIdentifier ||
           kind == TokenKind::RightParen || kind == TokenKind::RightBrace ||
           kind == TokenKind::RightBracket;
}

bool isCloser(TokenKind kind)
{
    return kind == TokenKind::RightParen || kind == TokenKind::RightBrace ||
           kind == TokenKind::RightBracket;
}

char closerOf(TokenKind opener)
{
    return opener == TokenKind::LeftParen ? ')' : opener == TokenKind::LeftBrace ? '}' : ']';
}

TokenKind openerOf(TokenKind closer)
{
    return closer == TokenKind::RightParen   ? TokenKind::LeftParen
           : closer == TokenKind::RightBrace ? TokenKind::LeftBrace
                                             : TokenKind::LeftBracket;
}

/// The brackets open before `at`, innermost last.
std::vector<TokenKind> openBefore(const std::vector<Token>& tokens, std::uint32_t at)
{
    std::vector<TokenKind> open;
    for (const Token& token : tokens) {
        if (token.begin >= at) {
            break;
        }
        if (token.kind == TokenKind::LeftParen || token.kind == TokenKind::LeftBrace ||
            token.kind == TokenKind::LeftBracket) {
            open.push_back(token.kind);
        } else if (isCloser(token.kind) && !open.empty() && open.back() == openerOf(token.kind)) {
            open.pop_back();
        }
    }
    return open;
}

/// Changes the text at the error so that parsing gets past it; false if it does not know how.
bool mend(MendedText& mended, std::uint32_t at)
{
    const LexResult lexed = lex(mended.text(), LexMode::Tolerant);
    const auto& tokens = lexed.tokens;
    const auto bad = std::find_if(tokens.begin(), tokens.end(), [at](const Token& token) {
        return token.kind != TokenKind::Comment &&
               (token.end > at || token.kind == TokenKind::EndOfInput);
    });
    if (bad == tokens.end()) {
        return false;
    }
    auto before = bad;
    while (before != tokens.begin() && (before - 1)->kind == TokenKind::Comment) {
        --before;
    }
    const bool operandBefore = before != tokens.begin() && endsOperand((before - 1)->kind);
    const auto open = openBefore(tokens, bad->begin);
    if (bad->kind == TokenKind::EndOfInput || isCloser(bad->kind)) {
        // A comment at the end would swallow what is appended.
        std::string missing = operandBefore ? "" : "x";
        const bool inBraces = !open.empty() && open.back() == TokenKind::LeftBrace;
        if (inBraces) {
            missing.clear();
        } else if (!open.empty() && open.back() == TokenKind::LeftBracket) {
            missing = operandBefore ? "" : "1";
        }
        if (bad->kind == TokenKind::EndOfInput) {
            if (!open.empty() && operandBefore) {
                missing += closerOf(open.back());
            }
        } else if (missing.empty()) {
            mended.blank(bad->begin, bad->end); // a stray one
            return true;
        }
        if (missing.empty()) {
            return false;
        }
        mended.insert(bad->begin, "\n" + missing + " ");
        return true;
    }
    if (!operandBefore && (bad->kind == TokenKind::Comma || isBinaryOperator(bad->kind)) &&
        (open.empty() || open.back() == TokenKind::LeftParen)) {
        mended.insert(bad->begin, " x ");
        return true;
    }
    mended.blank(bad->begin, bad->end);
    const bool inBrackets = !open.empty() && open.back() == TokenKind::LeftBracket;
    const bool inBraces = !open.empty() && open.back() == TokenKind::LeftBrace;
    if (bad->kind == TokenKind::Error && !operandBefore && !inBraces) {
        mended.put(bad->begin, inBrackets ? '1' : 'x'); // it was meant as an operand
    }
    return true;
}

bool isAlreadyThere(const std::vector<ParseError>& errors, const ParseError& error)
{
    return std::any_of(errors.begin(), errors.end(), [&](const ParseError& other) {
        return other.text == error.text && other.range == error.range;
    });
}

/// The strict lexer's errors reach to the end of the text; the place is the first token of that.
SourceRange smallest(SourceRange range, std::string_view text)
{
    if (range.end < text.size()) {
        return range;
    }
    const LexResult lexed = lex(text, LexMode::Tolerant);
    for (const Token& token : lexed.tokens) {
        if (token.begin == range.begin && token.end > token.begin) {
            return {range.begin, token.end};
        }
    }
    return range;
}

} // namespace

SyntaxErrors findErrors(std::string_view text, const Features& features)
{
    SyntaxErrors result;
    ParseOutcome outcome = parseAll(text, features);
    result.errors = std::move(outcome.errors);
    result.expr = std::move(outcome.expr);
    if (outcome.failedAt) {
        SourceRange& range = result.errors.back().range;
        range = smallest(range, text);
    }
    MendedText mended(text);
    std::uint32_t last = outcome.failedAt.value_or(0);
    std::uint32_t failedBefore = 0;
    for (int i = 0; i < kMostErrors && outcome.failedAt; ++i) {
        if (*outcome.failedAt < failedBefore || !mend(mended, *outcome.failedAt)) {
            break;
        }
        failedBefore = *outcome.failedAt;
        outcome = parseAll(mended.text(), features);
        for (const ParseError& error : outcome.errors) {
            ParseError shown = error;
            shown.range = {mended.original(error.range.begin), mended.original(error.range.end)};
            const bool isNew = shown.range.begin > last && !outcome.typesChecked;
            if (outcome.failedAt == error.range.begin) {
                shown.range = smallest(shown.range, text);
            }
            if (isNew && !isAlreadyThere(result.errors, shown)) {
                last = shown.range.begin;
                result.errors.push_back(std::move(shown));
            }
        }
    }
    return result;
}

} // namespace narthex::promql::editor
