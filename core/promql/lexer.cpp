// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/lexer.h"

#include "core/base/status.h"
#include "core/base/utf8.h"
#include "core/promql/string_literal.h"

#include <fmt/format.h>

#include <algorithm>

namespace narthex::promql {
namespace {

constexpr bool isBlank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
constexpr bool isDigit(char c) { return c >= '0' && c <= '9'; }
constexpr bool isWordStart(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
constexpr bool isWordByte(char c) { return isWordStart(c) || isDigit(c); }

class Lexer
{
public:
    Lexer(std::string_view text, LexMode mode) : text_(text), tolerant_(mode == LexMode::Tolerant)
    {}

    LexResult run()
    {
        while (!stopped_) {
            skipBlanks();
            if (at_ >= text_.size()) {
                endOfInput();
                break;
            }
            if (text_[at_] == '#' && !(afterBracket_ && !tolerant_)) {
                comment();
                continue;
            }
            step();
            afterBracket_ =
                !result_.tokens.empty() && result_.tokens.back().kind == TokenKind::LeftBracket;
        }
        return std::move(result_);
    }

private:
    [[nodiscard]] char peek(std::size_t ahead = 0) const
    {
        return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
    }

    void skipBlanks()
    {
        while (at_ < text_.size() && isBlank(text_[at_])) {
            ++at_;
        }
    }

    void emit(TokenKind kind, std::size_t length)
    {
        result_.tokens.push_back(
            {kind, static_cast<std::uint32_t>(at_), static_cast<std::uint32_t>(at_ + length)});
        at_ += length;
    }

    /// `length`: how much of the text a tolerant lexer gives up.
    void fail(std::string message, std::size_t length)
    {
        if (result_.error.empty()) {
            result_.error = std::move(message);
        }
        const std::size_t rest = text_.size() - at_;
        emit(TokenKind::Error, tolerant_ ? std::min(std::max<std::size_t>(length, 1), rest) : rest);
        stopped_ = !tolerant_;
    }

    void endOfInput()
    {
        at_ = text_.size();
        if (!tolerant_ && inBraces_) {
            return fail("unexpected end of input inside braces", 0);
        }
        if (!tolerant_ && inBrackets_) {
            return fail("unexpected end of input in duration expression", 0);
        }
        if (!tolerant_ && parens_ > 0) {
            return fail("unclosed left parenthesis", 0);
        }
        emit(TokenKind::EndOfInput, 0);
    }

    void comment()
    {
        const std::size_t end = text_.find_first_of("\r\n", at_);
        const std::size_t length = (end == std::string_view::npos ? text_.size() : end) - at_;
        if (tolerant_) {
            emit(TokenKind::Comment, length);
        } else {
            at_ += length;
        }
    }

    void step()
    {
        if (inBraces_) {
            insideBraces();
        } else if (inBrackets_) {
            insideBrackets();
        } else {
            outside();
        }
    }

    void outside()
    {
        const char c = peek();
        if (isDigit(c) || (c == '.' && isDigit(peek(1)))) {
            return number();
        }
        if (isWordStart(c) || c == ':') {
            return word();
        }
        if (c == '"' || c == '\'' || c == '`') {
            return string();
        }
        switch (c) {
        case '(':
            ++parens_;
            return emit(TokenKind::LeftParen, 1);
        case ')':
            return rightParen(parens_);
        case '{':
            inBraces_ = true;
            return emit(TokenKind::LeftBrace, 1);
        case '[':
            inBrackets_ = true;
            bracketParens_ = 0;
            return emit(TokenKind::LeftBracket, 1);
        case ']':
            return fail("unexpected right bracket ']'", 1);
        case '}':
            return fail("unexpected right brace '}'", 1);
        case ',':
            return emit(TokenKind::Comma, 1);
        case '@':
            return emit(TokenKind::At, 1);
        default:
            return operatorToken();
        }
    }

    void rightParen(int& depth)
    {
        if (depth == 0) {
            return fail("unexpected right parenthesis ')'", 1);
        }
        --depth;
        emit(TokenKind::RightParen, 1);
    }

    void operatorToken()
    {
        const char next = peek(1);
        switch (peek()) {
        case '=':
            if (next == '~') {
                return fail("unexpected character after '=': '~'", 2);
            }
            return next == '=' ? emit(TokenKind::CompareEqual, 2) : emit(TokenKind::Equal, 1);
        case '!':
            if (next == '=') {
                return emit(TokenKind::NotEqual, 2);
            }
            return fail(fmt::format("unexpected character after '!': {}", describeAt(1)), 1);
        case '<':
            return next == '='   ? emit(TokenKind::LessEqual, 2)
                   : next == '/' ? emit(TokenKind::TrimUpper, 2)
                                 : emit(TokenKind::Less, 1);
        case '>':
            return next == '='   ? emit(TokenKind::GreaterEqual, 2)
                   : next == '/' ? emit(TokenKind::TrimLower, 2)
                                 : emit(TokenKind::Greater, 1);
        default:
            if (!arithmetic()) {
                fail(fmt::format("unexpected character: {}", describeAt(0)), runeLength());
            }
        }
    }

    bool arithmetic()
    {
        constexpr std::string_view kSigns = "+-*/%^";
        const std::size_t index = kSigns.find(peek());
        if (index == std::string_view::npos) {
            return false;
        }
        emit(static_cast<TokenKind>(static_cast<std::size_t>(TokenKind::Add) + index), 1);
        return true;
    }

    void insideBraces()
    {
        const char c = peek();
        if (isWordStart(c)) {
            return emit(TokenKind::Identifier, wordLength(false));
        }
        switch (c) {
        case '"':
        case '\'':
        case '`':
            return string();
        case '}':
            inBraces_ = false;
            return emit(TokenKind::RightBrace, 1);
        case ',':
            return emit(TokenKind::Comma, 1);
        case '{':
            return fail("unexpected left brace '{'", 1);
        case '=':
            return peek(1) == '~' ? emit(TokenKind::RegexEqual, 2) : emit(TokenKind::Equal, 1);
        case '!':
            if (peek(1) == '~' || peek(1) == '=') {
                return emit(peek(1) == '~' ? TokenKind::RegexNotEqual : TokenKind::NotEqual, 2);
            }
            return fail(
                fmt::format("unexpected character after '!' inside braces: {}", describeAt(1)), 1);
        default:
            return fail(fmt::format("unexpected character inside braces: {}", describeAt(0)),
                        runeLength());
        }
    }

    void insideBrackets()
    {
        const char c = peek();
        if (isDigit(c) || (c == '.' && isDigit(peek(1)))) {
            return number();
        }
        if (isWordStart(c)) {
            return bracketWord();
        }
        switch (c) {
        case ']':
            if (bracketParens_ > 0 && !tolerant_) {
                return fail("unclosed left parenthesis", 1);
            }
            inBrackets_ = false;
            return emit(TokenKind::RightBracket, 1);
        case ':':
            return emit(TokenKind::Colon, 1);
        case ',':
            return emit(TokenKind::Comma, 1);
        case '(':
            ++bracketParens_;
            return emit(TokenKind::LeftParen, 1);
        case ')':
            return rightParen(bracketParens_);
        case '[':
            return fail("unexpected left bracket '['", 1);
        default:
            if (!arithmetic()) {
                fail(fmt::format("unexpected character in duration expression: {}", describeAt(0)),
                     runeLength());
            }
        }
    }

    void bracketWord()
    {
        const std::size_t length = wordLength(false);
        const auto keyword = keywordOf(text_.substr(at_, length));
        if (keyword && (*keyword == TokenKind::Step || *keyword == TokenKind::Range ||
                        *keyword == TokenKind::MinOf || *keyword == TokenKind::MaxOf)) {
            return emit(*keyword, length);
        }
        fail(fmt::format("unexpected character in duration expression: {}", describeAt(0)), length);
    }

    [[nodiscard]] std::size_t wordLength(bool colons) const
    {
        std::size_t end = at_;
        while (end < text_.size() && (isWordByte(text_[end]) || (colons && text_[end] == ':'))) {
            ++end;
        }
        return end - at_;
    }

    void word()
    {
        const std::size_t length = wordLength(true);
        const std::string_view text = text_.substr(at_, length);
        if (text.find(':') != std::string_view::npos) {
            return emit(TokenKind::MetricIdentifier, length);
        }
        if (isNumberWord(text)) {
            return emit(TokenKind::Number, length);
        }
        const auto keyword = keywordOf(text);
        if (!keyword || (isFill(*keyword) && !parenFollows(at_ + length))) {
            return emit(TokenKind::Identifier, length);
        }
        emit(*keyword, length);
    }

    static bool isFill(TokenKind kind)
    {
        return isWithin(kind, TokenKind::Fill, TokenKind::FillRight);
    }

    [[nodiscard]] bool parenFollows(std::size_t from) const
    {
        while (from < text_.size() && isBlank(text_[from])) {
            ++from;
        }
        return from < text_.size() && text_[from] == '(';
    }

    static bool isNumberWord(std::string_view word)
    {
        if (word.size() != 3) {
            return false;
        }
        const auto lower = [&](std::size_t i) { return static_cast<char>(word[i] | 0x20); };
        return (lower(0) == 'n' && lower(1) == 'a' && lower(2) == 'n') ||
               (lower(0) == 'i' && lower(1) == 'n' && lower(2) == 'f');
    }

    void number()
    {
        const NumberScan scan = scanNumberOrDuration(text_.substr(at_));
        if (scan.length > 0) {
            return emit(scan.isDuration ? TokenKind::Duration : TokenKind::Number, scan.length);
        }
        const std::string_view seen = text_.substr(at_, scan.consumed);
        std::size_t word = 0;
        while (at_ + word < text_.size() &&
               (isWordByte(text_[at_ + word]) || text_[at_ + word] == '.')) {
            ++word;
        }
        fail(fmt::format("bad number or duration syntax: \"{}\"", seen), word);
    }

    void string()
    {
        const StringScan scan = scanString(text_.substr(at_));
        if (scan.error.empty()) {
            return emit(TokenKind::String, scan.length);
        }
        fail(scan.error, scan.length);
    }

    [[nodiscard]] std::size_t runeLength() const
    {
        return std::max<std::size_t>(1, base::utf8SequenceLength(text_.substr(at_)));
    }

    [[nodiscard]] std::string describeAt(std::size_t ahead) const
    {
        if (at_ + ahead >= text_.size()) {
            return "end of input";
        }
        const std::string_view rest = text_.substr(at_ + ahead);
        const std::size_t length = base::utf8SequenceLength(rest);
        return length == 0 ? fmt::format("invalid UTF-8 rune 0x{:02x}",
                                         static_cast<unsigned char>(rest.front()))
                           : fmt::format("'{}'", rest.substr(0, length));
    }

    const std::string_view text_;
    const bool tolerant_;
    LexResult result_;
    std::size_t at_ = 0;
    int parens_ = 0;
    int bracketParens_ = 0;
    bool inBraces_ = false;
    bool inBrackets_ = false;
    bool afterBracket_ = false;
    bool stopped_ = false;
};

} // namespace

LexResult lex(std::string_view text, LexMode mode) { return Lexer(text, mode).run(); }

} // namespace narthex::promql
