// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/editor/text_edit.h"

#include "core/promql/lexer.h"

#include <algorithm>

namespace narthex::promql::editor {
namespace {

std::string_view source(std::string_view text, const Token& token)
{
    return text.substr(token.begin, token.end - token.begin);
}

/// Equal for tokens that mean the same, however their quotes and case are.
std::string meaning(std::string_view text, const Token& token)
{
    const std::string_view own = source(text, token);
    if (token.kind == TokenKind::String) {
        return "\"" + unquoteString(own).value_or(std::string(own));
    }
    return std::string(isKeyword(token.kind) ? tokenText(token.kind) : own);
}

bool isBracketOrSign(const Token& token)
{
    return isWithin(token.kind, TokenKind::LeftParen, TokenKind::GreaterEqual);
}

/// The token at the cursor, or the last one before it; the size of the list before the first.
std::size_t tokenAt(const std::vector<Token>& tokens, std::size_t cursor)
{
    std::size_t found = tokens.size();
    for (std::size_t i = 0; i < tokens.size(); ++i) {
        if (tokens[i].kind == TokenKind::EndOfInput || tokens[i].begin > cursor) {
            break;
        }
        // Between a word and a bracket it is the word's.
        if (i == 0 || tokens[i - 1].end < cursor || tokens[i].begin < cursor ||
            !isBracketOrSign(tokens[i])) {
            found = i;
        }
    }
    return found;
}

} // namespace

std::string applyEdits(std::string_view text, std::vector<TextEdit> edits)
{
    std::stable_sort(edits.begin(), edits.end(),
                     [](const TextEdit& a, const TextEdit& b) { return a.begin < b.begin; });
    std::string out;
    std::size_t at = 0;
    for (const TextEdit& edit : edits) {
        const std::size_t begin = std::clamp<std::size_t>(edit.begin, at, text.size());
        out += text.substr(at, begin - at);
        out += edit.text;
        at = std::clamp<std::size_t>(edit.end, begin, text.size());
    }
    out += text.substr(at);
    return out;
}

std::size_t cursorAfter(std::string_view before, std::size_t cursor, std::string_view after)
{
    const LexResult old = lex(before, LexMode::Tolerant);
    const LexResult fresh = lex(after, LexMode::Tolerant);
    const std::size_t index = tokenAt(old.tokens, cursor);
    if (index == old.tokens.size()) {
        return 0;
    }
    const std::string word = meaning(before, old.tokens[index]);
    std::size_t skip = 0;
    for (std::size_t i = 0; i < index; ++i) {
        skip += meaning(before, old.tokens[i]) == word ? 1U : 0U;
    }
    const std::size_t inside =
        std::min<std::size_t>(cursor, old.tokens[index].end) - old.tokens[index].begin;
    for (const Token& token : fresh.tokens) {
        if (meaning(after, token) == word && skip-- == 0) {
            return std::min<std::size_t>(token.begin + inside, token.end);
        }
    }
    // Spelled otherwise, as durations may be: then the token in its place.
    const Token& token = fresh.tokens[std::min(index, fresh.tokens.size() - 1)];
    return std::min<std::size_t>(token.begin + inside, token.end);
}

} // namespace narthex::promql::editor
