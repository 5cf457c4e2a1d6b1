// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/editor/signature.h"

#include "core/base/text.h"
#include "core/promql/editor/language_docs.h"
#include "core/promql/function_table.h"
#include "core/promql/lexer.h"
#include "core/promql/token_walker.h"

#include <algorithm>

namespace narthex::promql::editor {
namespace {

using Frame = TokenWalker::Frame;

std::optional<Frame> callAround(const std::vector<Token>& tokens, std::size_t cursor)
{
    TokenWalker walker(tokens);
    while (walker.position() < tokens.size()) {
        const Token& token = tokens[walker.position()];
        if (token.kind == TokenKind::EndOfInput || token.end > cursor) {
            break;
        }
        walker.advance();
    }
    for (auto frame = walker.frames().rbegin(); frame != walker.frames().rend(); ++frame) {
        const bool call = frame->kind == TokenWalker::FrameKind::Call ||
                          frame->kind == TokenWalker::FrameKind::Aggregation;
        if (call && frame->word != TokenWalker::kNone) {
            return *frame;
        }
    }
    return std::nullopt;
}

/// The texts of the arguments behind the bracket, as far as they are there.
std::vector<std::string> givenArguments(std::string_view text, const std::vector<Token>& tokens,
                                        std::size_t opener)
{
    std::vector<std::string> given;
    std::size_t begin = tokens[opener].end;
    int depth = 0;
    for (std::size_t i = opener + 1; i < tokens.size(); ++i) {
        const TokenKind kind = tokens[i].kind;
        const bool opens = kind == TokenKind::LeftParen || kind == TokenKind::LeftBrace ||
                           kind == TokenKind::LeftBracket;
        const bool closes = kind == TokenKind::RightParen || kind == TokenKind::RightBrace ||
                            kind == TokenKind::RightBracket;
        const bool ends = kind == TokenKind::EndOfInput || (closes && depth == 0);
        if (ends || (kind == TokenKind::Comma && depth == 0)) {
            given.emplace_back(
                base::trimmed(text.substr(begin, tokens[i].begin - begin), " \t\r\n"));
            begin = tokens[i].end;
        }
        if (ends) {
            break;
        }
        depth += opens ? 1 : closes ? -1 : 0;
    }
    return given;
}

/// The parameters between the last brackets of "topk [by|without (labels)] (k scalar, v …)".
void splitParameters(SignatureHelp& help)
{
    const std::size_t close = help.signature.rfind(')');
    const std::size_t open = close == std::string::npos ? close : help.signature.rfind('(', close);
    if (open == std::string::npos) {
        return;
    }
    std::size_t begin = open + 1;
    while (begin < close) {
        const std::size_t end = std::min(help.signature.find(',', begin), close);
        const std::string_view part =
            base::trimmed(std::string_view(help.signature).substr(begin, end - begin), " \t\r\n");
        const auto at = static_cast<std::uint32_t>(help.signature.find(part, begin));
        help.parameters.push_back({.text = std::string(part),
                                   .optional = part.ends_with('?') || part.starts_with('['),
                                   .range = {at, at + static_cast<std::uint32_t>(part.size())}});
        begin = end + 1;
    }
}

} // namespace

std::optional<SignatureHelp> signatureHelp(std::string_view text, std::size_t cursor)
{
    const LexResult lexed = lex(text, LexMode::Tolerant);
    const auto frame = callAround(lexed.tokens, cursor);
    if (!frame) {
        return std::nullopt;
    }
    const Token& word = lexed.tokens[frame->word];
    const std::string name = isKeyword(word.kind)
                                 ? std::string(tokenText(word.kind))
                                 : std::string(text.substr(word.begin, word.end - word.begin));
    const FunctionDoc* doc = findFunctionDoc(name);
    if (doc == nullptr) {
        return std::nullopt;
    }
    SignatureHelp help{.name = name,
                       .signature = std::string(doc->signature),
                       .summary = std::string(doc->summary),
                       .experimental = doc->experimental};
    splitParameters(help);
    const auto given = givenArguments(text, lexed.tokens, frame->opener);
    for (std::size_t i = 0; i < std::min(given.size(), help.parameters.size()); ++i) {
        help.parameters[i].given = given[i];
    }
    const FunctionInfo* info = findFunction(name);
    const bool repeats = info != nullptr && info->maxArguments > help.parameters.size();
    if (frame->argument < help.parameters.size()) {
        help.active = frame->argument;
    } else if (repeats && !help.parameters.empty()) {
        help.active = help.parameters.size() - 1;
    }
    return help;
}

} // namespace narthex::promql::editor
