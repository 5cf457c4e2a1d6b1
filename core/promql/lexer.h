// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Splits a query into tokens with byte positions; the parser and the editor functions share it.
// Threads: pure functions. Units: byte offsets.
// Source: spec/promql.md, Lexer.
#pragma once

#include "core/promql/token.h"

#include <absl/status/statusor.h>

#include <string>
#include <string_view>
#include <vector>

namespace narthex::promql {

enum class LexMode : std::uint8_t
{
    /// Stops at the first error; no comments.
    Strict,
    /// For editors: an error is a token like others and lexing goes on behind it; comments are
    /// tokens, too.
    Tolerant,
};

struct LexResult
{
    /// Ends with EndOfInput, or (strict) with an Error token from the bad place to the end of the
    /// input.
    std::vector<Token> tokens;
    /// What is wrong at the first Error token; empty if there is none.
    std::string error;
};

LexResult lex(std::string_view text, LexMode mode = LexMode::Strict);

/// The text a string token stands for. Errors: InvalidArgument for tokens the lexer would not
/// accept.
absl::StatusOr<std::string> unquoteString(std::string_view token);

/// The value of a number token ("1_000", "0x1F", "0755", "inf").
/// Errors: InvalidArgument when it is outside of the doubles.
absl::StatusOr<double> parseNumberToken(std::string_view token);

/// Bytes of the number or duration at the start of `text`; `length` 0 if there is none that ends at
/// a word border.
struct NumberScan
{
    std::size_t length = 0;
    bool isDuration = false;
    /// Bytes up to and including the first one that does not fit, for the message.
    std::size_t consumed = 0;
};
NumberScan scanNumberOrDuration(std::string_view text);

} // namespace narthex::promql
