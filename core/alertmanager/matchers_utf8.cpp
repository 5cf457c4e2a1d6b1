// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The grammar of matchers that knows UTF-8: names and values are bare or double-quoted Go strings.
// Errors begin with the columns (in characters, from 0) of what is wrong: `begin:end: `.
#include "core/alertmanager/matchers.h"
#include "core/base/status.h"
#include "core/base/utf8.h"
#include "core/promql/string_literal.h"

#include <optional>

namespace narthex::alertmanager {
namespace {

constexpr std::string_view kReserved = "{}!=~,\\\"'`";

struct Token
{
    enum class Kind : std::uint8_t
    {
        End,
        OpenBrace,
        CloseBrace,
        Comma,
        Operator,
        Bare,
        Quoted
    };
    Kind kind = Kind::End;
    std::string_view text;
    std::size_t begin = 0; // columns
    std::size_t end = 0;
};

std::size_t columnsOf(std::string_view text)
{
    std::size_t columns = 0;
    while (!text.empty()) {
        text.remove_prefix(std::max<std::size_t>(1, base::utf8SequenceLength(text)));
        ++columns;
    }
    return columns;
}

/// White space as Unicode has it, at the start; 0: none.
std::size_t blankLength(std::string_view text)
{
    if (text.empty()) {
        return 0;
    }
    if (std::string_view(" \t\n\v\f\r").find(text[0]) != std::string_view::npos) {
        return 1;
    }
    for (const std::string_view blank :
         {"\u0085", "\u00a0", "\u1680", "\u2000", "\u2001", "\u2002", "\u2003", "\u2004", "\u2005",
          "\u2006", "\u2007", "\u2008", "\u2009", "\u200a", "\u2028", "\u2029", "\u202f", "\u205f",
          "\u3000"}) {
        if (text.starts_with(blank)) {
            return blank.size();
        }
    }
    return 0;
}

class Lexer
{
public:
    explicit Lexer(std::string_view text) : text_(text) {}

    absl::StatusOr<Token> next()
    {
        while (const std::size_t blank = blankLength(rest())) {
            at_ += blank;
        }
        if (rest().empty()) {
            return token(Token::Kind::End, 0);
        }
        switch (rest()[0]) {
        case '{':
            return token(Token::Kind::OpenBrace, 1);
        case '}':
            return token(Token::Kind::CloseBrace, 1);
        case ',':
            return token(Token::Kind::Comma, 1);
        case '=':
            return token(Token::Kind::Operator, rest().substr(1).starts_with('~') ? 2 : 1);
        case '!':
            return negation();
        case '"':
            return quoted();
        default:
            return bare();
        }
    }
    /// `begin:end: what`, of this token.
    static absl::Status failure(const Token& token, std::string_view what)
    {
        return base::invalidArgument("{}:{}: {}: {}", token.begin, token.end,
                                     token.kind == Token::Kind::End ? "end of input" : token.text,
                                     what);
    }

private:
    [[nodiscard]] std::string_view rest() const { return text_.substr(at_); }
    Token token(Token::Kind kind, std::size_t length)
    {
        const std::size_t begin = columnsOf(text_.substr(0, at_));
        const std::string_view text = rest().substr(0, length);
        at_ += length;
        return {kind, text, begin, begin + columnsOf(text)};
    }
    absl::StatusOr<Token> negation()
    {
        if (rest().size() > 1 && (rest()[1] == '=' || rest()[1] == '~')) {
            return token(Token::Kind::Operator, 2);
        }
        return failure(token(Token::Kind::Operator, 1), "expected one of '=~'");
    }
    absl::StatusOr<Token> quoted()
    {
        std::size_t i = 1;
        while (i < rest().size() && rest()[i] != '"') {
            i += rest()[i] == '\\' ? 2 : 1;
        }
        if (i >= rest().size()) {
            return failure(token(Token::Kind::Quoted, rest().size()), "missing end \"");
        }
        return token(Token::Kind::Quoted, i + 1);
    }
    absl::StatusOr<Token> bare()
    {
        std::size_t length = 0;
        while (at_ + length < text_.size()) {
            const std::string_view left = text_.substr(at_ + length);
            if (kReserved.find(left[0]) != std::string_view::npos || blankLength(left) != 0) {
                break;
            }
            const std::size_t sequence = base::utf8SequenceLength(left);
            if (sequence == 0) {
                return failure(token(Token::Kind::Bare, length + 1), "invalid UTF-8");
            }
            length += sequence;
        }
        if (length == 0) {
            return failure(token(Token::Kind::Bare, 1), "invalid input");
        }
        return token(Token::Kind::Bare, length);
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

class Parser
{
public:
    explicit Parser(std::string_view text) : lexer_(text) {}

    absl::StatusOr<model::Matchers> parse()
    {
        NARTHEX_RETURN_IF_ERROR(advance());
        const bool braces = now_.kind == Token::Kind::OpenBrace;
        if (braces) {
            NARTHEX_RETURN_IF_ERROR(advance());
        }
        if (now_.kind == Token::Kind::End) {
            return braces ? Lexer::failure(now_, "expected close brace")
                          : base::invalidArgument("no matchers");
        }
        while (now_.kind != Token::Kind::CloseBrace && now_.kind != Token::Kind::End) {
            NARTHEX_RETURN_IF_ERROR(matcher());
            if (now_.kind == Token::Kind::Comma) {
                NARTHEX_RETURN_IF_ERROR(advance());
                if (!braces && now_.kind == Token::Kind::End) {
                    break;
                }
            } else if (now_.kind != Token::Kind::CloseBrace && now_.kind != Token::Kind::End) {
                return Lexer::failure(now_, "expected a comma or close brace");
            }
        }
        NARTHEX_RETURN_IF_ERROR(closing(braces));
        return std::move(matchers_);
    }

private:
    absl::Status closing(bool braces)
    {
        if (braces && now_.kind != Token::Kind::CloseBrace) {
            return Lexer::failure(now_, "expected close brace");
        }
        if (!braces && now_.kind == Token::Kind::CloseBrace) {
            return base::invalidArgument("0:{}: }}: expected opening brace", now_.end);
        }
        if (braces) {
            NARTHEX_RETURN_IF_ERROR(advance());
            if (now_.kind != Token::Kind::End) {
                return Lexer::failure(now_, "expected end of input");
            }
        }
        return absl::OkStatus();
    }
    absl::Status advance()
    {
        NARTHEX_ASSIGN_OR_RETURN(now_, lexer_.next());
        return absl::OkStatus();
    }
    absl::StatusOr<std::string> text(std::string_view expected)
    {
        if (now_.kind == Token::Kind::Bare) {
            return std::string(now_.text);
        }
        if (now_.kind != Token::Kind::Quoted) {
            return Lexer::failure(now_, expected);
        }
        const promql::StringScan scan = promql::scanString(now_.text);
        if (!scan.error.empty() || scan.length != now_.text.size()) {
            return Lexer::failure(now_, "invalid input");
        }
        if (!base::isValidUtf8(scan.value)) {
            return Lexer::failure(now_, "invalid UTF-8");
        }
        return scan.value;
    }
    absl::Status matcher()
    {
        NARTHEX_ASSIGN_OR_RETURN(const std::string name, text("expected label name"));
        NARTHEX_RETURN_IF_ERROR(advance());
        if (now_.kind != Token::Kind::Operator) {
            return Lexer::failure(now_, "expected an operator such as '=', '!=', '=~' or '!~'");
        }
        const model::MatchType type = now_.text == "="    ? model::MatchType::Equal
                                      : now_.text == "!=" ? model::MatchType::NotEqual
                                      : now_.text == "=~" ? model::MatchType::Regex
                                                          : model::MatchType::NotRegex;
        NARTHEX_RETURN_IF_ERROR(advance());
        NARTHEX_ASSIGN_OR_RETURN(const std::string value, text("expected label value"));
        NARTHEX_ASSIGN_OR_RETURN(model::Matcher matcher, model::Matcher::create(type, name, value));
        matchers_.push_back(std::move(matcher));
        return advance();
    }

    Lexer lexer_;
    Token now_;
    model::Matchers matchers_;
};

} // namespace

absl::StatusOr<model::Matchers> parseUtf8Matchers(std::string_view text)
{
    return Parser(text).parse();
}

} // namespace narthex::alertmanager
