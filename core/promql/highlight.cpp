// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/editor.h"
#include "core/promql/lexer.h"
#include "core/promql/token_walker.h"

namespace narthex::promql {

std::vector<ColouredSpan> highlight(std::string_view text)
{
    const LexResult lexed = lex(text, LexMode::Tolerant);
    std::vector<ColouredSpan> spans;
    spans.reserve(lexed.tokens.size());
    TokenWalker walker(lexed.tokens);
    while (walker.position() < lexed.tokens.size()) {
        const Token& token = lexed.tokens[walker.position()];
        const TokenClass kind = walker.advance();
        if (token.end > token.begin) {
            spans.push_back({token.begin, token.end, kind});
        }
    }
    return spans;
}

} // namespace narthex::promql
