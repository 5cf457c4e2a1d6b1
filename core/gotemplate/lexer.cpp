// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/gotemplate/lexer.h"

#include "core/base/utf8.h"
#include "core/model/labels.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace narthex::gotemplate {
namespace {

constexpr std::string_view kOpen = "{{";
constexpr std::string_view kClose = "}}";
constexpr std::string_view kBlanks = " \t\r\n";
constexpr std::array<std::string_view, 10> kKeywords{
    "block", "break", "continue", "define", "else", "end", "if", "range", "template", "with"};

bool isBlank(char c) { return kBlanks.find(c) != std::string_view::npos; }
bool isDigit(char c) { return c >= '0' && c <= '9'; }
/// Letters of any script count, as every byte beyond ASCII does.
bool isWord(char c)
{
    return c == '_' || isDigit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           static_cast<unsigned char>(c) >= 0x80;
}

class Lexer
{
public:
    explicit Lexer(std::string_view text) : text_(text) {}

    std::vector<Token> run()
    {
        while (!failed_ && at_ < text_.size()) {
            outside();
        }
        if (!failed_) {
            add(TokenKind::End, text_.size(), text_.size());
        }
        return std::move(tokens_);
    }

private:
    [[nodiscard]] std::string_view rest() const { return text_.substr(at_); }

    void add(TokenKind kind, std::size_t begin, std::size_t end)
    {
        tokens_.push_back({.kind = kind,
                           .text = text_.substr(begin, end - begin),
                           .begin = static_cast<std::uint32_t>(begin)});
    }
    void fail(std::string message)
    {
        tokens_.push_back({.kind = TokenKind::Error,
                           .begin = static_cast<std::uint32_t>(at_),
                           .message = std::move(message)});
        failed_ = true;
    }
    /// The rest of the token that begins at at_.
    void take(TokenKind kind, std::size_t length)
    {
        add(kind, at_, at_ + length);
        at_ += length;
    }

    void outside();
    void comment();
    void inside();
    void token();
    void word();
    void number();
    void quoted(char quote);
    void raw();
    void name(TokenKind kind);
    void unknown();
    bool checkEnd();
    [[nodiscard]] bool closes(std::string_view rest, bool& trims) const;

    const std::string_view text_;
    std::size_t at_ = 0;
    int parens_ = 0;
    bool failed_ = false;
    bool trimNext_ = false;
    std::vector<Token> tokens_;
};

/// Text up to the next action, and what opens it.
void Lexer::outside()
{
    std::size_t begin = at_;
    if (trimNext_) {
        begin = std::min(text_.find_first_not_of(kBlanks, begin), text_.size());
        trimNext_ = false;
    }
    const std::size_t open = std::min(text_.find(kOpen, begin), text_.size());
    std::size_t end = open;
    std::size_t inner = open + kOpen.size();
    if (open < text_.size() && text_.size() > inner + 1 && text_[inner] == '-' &&
        isBlank(text_[inner + 1])) {
        inner += 2;
        const std::size_t last = text_.substr(begin, end - begin).find_last_not_of(kBlanks);
        end = last == std::string_view::npos ? begin : begin + last + 1;
    }
    if (end > begin) {
        add(TokenKind::Text, begin, end);
    }
    at_ = open;
    if (open == text_.size()) {
        return;
    }
    if (text_.substr(std::min(inner, text_.size())).starts_with("/*")) {
        at_ = inner;
        comment();
        return;
    }
    add(TokenKind::Open, open, open + kOpen.size());
    at_ = inner;
    parens_ = 0;
    inside();
}

void Lexer::comment()
{
    const std::size_t end = text_.find("*/", at_ + 2);
    if (end == std::string_view::npos) {
        fail("unclosed comment");
        return;
    }
    bool trims = false;
    if (!closes(text_.substr(end + 2), trims)) {
        fail("comment ends before closing delimiter");
        return;
    }
    at_ = end + 2 + kClose.size() + (trims ? 2U : 0U);
    trimNext_ = trims;
}

bool Lexer::closes(std::string_view rest, bool& trims) const
{
    trims = rest.size() >= 4 && isBlank(rest[0]) && rest[1] == '-' &&
            rest.substr(2).starts_with(kClose);
    return trims || rest.starts_with(kClose);
}

/// Words up to the end of the action.
void Lexer::inside()
{
    while (!failed_) {
        bool trims = false;
        if (closes(rest(), trims)) {
            if (parens_ > 0) {
                fail("unclosed left paren");
                return;
            }
            at_ += trims ? 2U : 0U;
            take(TokenKind::Close, kClose.size());
            trimNext_ = trims;
            return;
        }
        if (at_ >= text_.size()) {
            fail("unclosed action");
            return;
        }
        token();
    }
}

void Lexer::token()
{
    const char c = text_[at_];
    if (isBlank(c)) {
        std::size_t end = std::min(text_.find_first_not_of(kBlanks, at_), text_.size());
        bool trims = false;
        // The last blank may belong to a trimming end.
        if (closes(text_.substr(end - 1), trims) && trims) {
            --end;
        }
        end > at_ ? take(TokenKind::Blank, end - at_) : void();
        return;
    }
    switch (c) {
    case ',':
        return take(TokenKind::Comma, 1);
    case '|':
        return take(TokenKind::Pipe, 1);
    case '=':
        return take(TokenKind::Assign, 1);
    case ':':
        return rest().starts_with(":=") ? take(TokenKind::Declare, 2) : fail("expected :=");
    case '(':
        ++parens_;
        return take(TokenKind::LeftParen, 1);
    case ')':
        --parens_;
        return parens_ < 0 ? fail("unexpected right paren") : take(TokenKind::RightParen, 1);
    case '"':
        return quoted('"');
    case '`':
        return raw();
    case '\'':
        return quoted('\'');
    case '$':
        return name(TokenKind::Variable);
    default:
        return word();
    }
}

void Lexer::word()
{
    const char c = text_[at_];
    const char after = at_ + 1 < text_.size() ? text_[at_ + 1] : '\0';
    if (c == '.' && !isDigit(after)) {
        name(TokenKind::Field);
    } else if (c == '.' || c == '+' || c == '-' || isDigit(c)) {
        number();
    } else if (isWord(c) && static_cast<unsigned char>(c) < 0x80) {
        name(TokenKind::Identifier);
    } else {
        unknown();
    }
}

void Lexer::unknown()
{
    const base::Rune rune = base::firstRune(rest());
    fail(fmt::format("unrecognized character in action: U+{:04X} '{}'",
                     static_cast<std::uint32_t>(rune.value), rest().substr(0, rune.length)));
}

/// What may stand behind a name.
bool Lexer::checkEnd()
{
    bool trims = false;
    if (at_ >= text_.size() || isBlank(text_[at_]) || closes(rest(), trims) ||
        std::string_view(".,|:()=").find(text_[at_]) != std::string_view::npos) {
        return true;
    }
    const base::Rune rune = base::firstRune(rest());
    fail(fmt::format("bad character U+{:04X} '{}'", static_cast<std::uint32_t>(rune.value),
                     rest().substr(0, rune.length)));
    return false;
}

void Lexer::name(TokenKind kind)
{
    std::size_t end = at_ + 1;
    while (end < text_.size() && isWord(text_[end])) {
        // Blanks of other scripts are none here, but no letters either.
        if (text_.substr(end).starts_with("\u00A0")) {
            break;
        }
        ++end;
    }
    const std::string_view spelled = text_.substr(at_, end - at_);
    if (kind == TokenKind::Field && spelled.size() == 1) {
        kind = TokenKind::Dot;
    } else if (kind == TokenKind::Identifier) {
        if (std::find(kKeywords.begin(), kKeywords.end(), spelled) != kKeywords.end()) {
            kind = TokenKind::Keyword;
        } else if (spelled == "true" || spelled == "false") {
            kind = TokenKind::Bool;
        } else if (spelled == "nil") {
            kind = TokenKind::Nil;
        }
    }
    const std::size_t begin = at_;
    at_ = end;
    if (checkEnd()) {
        add(kind, begin, end);
    }
}

void Lexer::number()
{
    std::size_t end = at_ + (text_[at_] == '+' || text_[at_] == '-' ? 1U : 0U);
    const bool hexadecimal =
        text_.substr(end).starts_with("0x") || text_.substr(end).starts_with("0X");
    while (end < text_.size()) {
        const char c = text_[end];
        const char before = static_cast<char>(text_[end - 1] | 0x20);
        const bool exponentSign =
            (c == '+' || c == '-') && end > at_ && (hexadecimal ? before == 'p' : before == 'e');
        if (!isWord(c) && c != '.' && !exponentSign) {
            break;
        }
        ++end;
    }
    take(TokenKind::Number, end - at_);
}

void Lexer::quoted(char quote)
{
    std::size_t end = at_ + 1;
    while (end < text_.size() && text_[end] != quote && text_[end] != '\n') {
        end += text_[end] == '\\' ? 2U : 1U;
    }
    if (end >= text_.size() || text_[end] != quote) {
        fail(quote == '"' ? "unterminated quoted string" : "unterminated character constant");
        return;
    }
    take(quote == '"' ? TokenKind::String : TokenKind::Character, end + 1 - at_);
}

void Lexer::raw()
{
    const std::size_t end = text_.find('`', at_ + 1);
    if (end == std::string_view::npos) {
        fail("unterminated raw quoted string");
        return;
    }
    take(TokenKind::RawString, end + 1 - at_);
}

} // namespace

std::vector<Token> cutTemplate(std::string_view text) { return Lexer(text).run(); }

std::string shown(const Token& token)
{
    switch (token.kind) {
    case TokenKind::End:
        return "EOF";
    case TokenKind::Error:
        return token.message;
    case TokenKind::Keyword:
        return fmt::format("<{}>", token.text);
    default:
        return token.text.size() > 10 ? model::quote(base::firstRunes(token.text, 10)) + "..."
                                      : model::quote(token.text);
    }
}

} // namespace narthex::gotemplate
