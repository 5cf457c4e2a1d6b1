// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Rule files of Prometheus 1.x, split into statements: expressions stay text, for they speak the
// query language of then. Owner: values. Threads: pure functions. Units: lines and columns from 1.
// Errors: InvalidArgument `<line>:<column>: …` with the Position. Format: spec/rules.md, 14.1.
#pragma once

#include <absl/status/statusor.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::rules::v1 {

enum class TokenKind : std::uint8_t
{
    /// Names, keywords, metric names with colons.
    Word,
    /// Numbers and durations: "5", "0x1f", "1.5e3", "5m".
    Number,
    String,
    /// One of ( ) [ ] { } , and operators.
    Symbol,
    End
};

struct Token
{
    TokenKind kind = TokenKind::End;
    std::string_view text;
    /// Byte in the file.
    std::size_t offset = 0;
};

/// Without comments; the last one is End. `text` outlives the tokens. Errors: a string without end,
/// a byte that belongs to nothing.
absl::StatusOr<std::vector<Token>> tokenize(std::string_view text);

/// Same words in any case.
bool isWord(const Token& token, std::string_view word);
/// The bracket that closes `tokens[open]`; absent brackets give the index of End.
std::size_t closingBracket(const std::vector<Token>& tokens, std::size_t open);
/// One past the last token of the expression that begins at `begin`: it ends where the next token
/// cannot continue it.
std::size_t expressionEnd(const std::vector<Token>& tokens, std::size_t begin);
/// One past the operand that begins at `begin`, its range and offset included.
std::size_t operandEnd(const std::vector<Token>& tokens, std::size_t begin);
bool isAggregation(const Token& token);

struct Statement
{
    bool isAlert = false;
    std::string name;
    std::string expression;
    /// Bytes of the whole statement in the file.
    std::size_t begin = 0;
    std::size_t end = 0;
    /// "5m"; empty: none.
    std::string holdFor;
    std::map<std::string, std::string> labels;
    std::map<std::string, std::string> annotations;
    std::uint32_t line = 0;
    /// Comments above it, each with its `#`.
    std::vector<std::string> comments;
    /// It has the form of before 1.0 (WITH, SUMMARY …).
    bool isAncient = false;
};

absl::StatusOr<std::vector<Statement>> parseStatements(std::string_view text);

} // namespace narthex::rules::v1
