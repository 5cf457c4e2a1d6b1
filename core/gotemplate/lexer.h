// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A template's text cut into texts and the words of its actions. Threads: pure functions.
// Lifetime: tokens refer to the text. Units: offsets in bytes. Source: spec/rules.md, 10.1 to 10.4.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::gotemplate {

enum class TokenKind : std::uint8_t
{
    /// Text outside of actions, trimmed.
    Text,
    Open,
    Close,
    Blank,
    /// A lone dot.
    Dot,
    /// ".Name"
    Field,
    /// "$", "$name"
    Variable,
    Identifier,
    Keyword,
    /// true, false
    Bool,
    Nil,
    Number,
    Character,
    String,
    RawString,
    Declare,
    Assign,
    Comma,
    Pipe,
    LeftParen,
    RightParen,
    End,
    Error
};

struct Token
{
    TokenKind kind = TokenKind::End;
    std::string_view text;
    std::uint32_t begin = 0;
    /// Of errors.
    std::string message;
};

/// The last token is End or Error.
std::vector<Token> cutTemplate(std::string_view text);

/// How messages show it: `"x"`, `<end>`, `EOF`.
std::string shown(const Token& token);

} // namespace narthex::gotemplate
