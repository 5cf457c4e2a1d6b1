// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The words of the query language: kinds of tokens, their spelling, and which kinds belong
// together. Threads: pure functions. Units: byte offsets into the text, [begin, end). Source:
// spec/promql.md, Lexer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace narthex::promql {

/// Bytes [begin, end) of the query.
struct SourceRange
{
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
    friend bool operator==(const SourceRange&, const SourceRange&) = default;
};

// The order of the groups matters: the is… functions below compare positions.
enum class TokenKind : std::uint8_t
{
    EndOfInput,
    Error,
    Comment,
    Number,
    Duration,
    String,
    Identifier,
    /// An identifier with a colon.
    MetricIdentifier,
    LeftParen,
    RightParen,
    LeftBrace,
    RightBrace,
    LeftBracket,
    RightBracket,
    Comma,
    Colon,
    At,
    Equal,
    RegexEqual,
    RegexNotEqual,
    // Binary operators.
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Pow,
    Atan2,
    CompareEqual,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    TrimUpper,
    TrimLower,
    And,
    Or,
    Unless,
    // Aggregations.
    Avg,
    BottomK,
    Count,
    CountValues,
    Group,
    LimitK,
    LimitRatio,
    Max,
    Min,
    Quantile,
    StdDev,
    StdVar,
    Sum,
    TopK,
    // Modifiers.
    Anchored,
    Bool,
    By,
    Fill,
    FillLeft,
    FillRight,
    GroupLeft,
    GroupRight,
    Ignoring,
    Offset,
    On,
    Smoothed,
    Without,
    // Words of the context.
    End,
    MaxOf,
    MinOf,
    Range,
    Start,
    Step,
};

struct Token
{
    TokenKind kind = TokenKind::EndOfInput;
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
};

constexpr bool isWithin(TokenKind kind, TokenKind first, TokenKind last)
{
    return kind >= first && kind <= last;
}
constexpr bool isBinaryOperator(TokenKind kind)
{
    return isWithin(kind, TokenKind::Add, TokenKind::Unless);
}
/// == != < <= > >=, without the trims.
constexpr bool isComparison(TokenKind kind)
{
    return isWithin(kind, TokenKind::CompareEqual, TokenKind::GreaterEqual);
}
constexpr bool isTrim(TokenKind kind)
{
    return kind == TokenKind::TrimUpper || kind == TokenKind::TrimLower;
}
constexpr bool isSetOperator(TokenKind kind)
{
    return isWithin(kind, TokenKind::And, TokenKind::Unless);
}
constexpr bool isAggregator(TokenKind kind)
{
    return isWithin(kind, TokenKind::Avg, TokenKind::TopK);
}
constexpr bool aggregatorTakesParameter(TokenKind kind)
{
    return kind == TokenKind::BottomK || kind == TokenKind::TopK || kind == TokenKind::Quantile ||
           kind == TokenKind::CountValues || kind == TokenKind::LimitK ||
           kind == TokenKind::LimitRatio;
}
constexpr bool isModifier(TokenKind kind)
{
    return isWithin(kind, TokenKind::Anchored, TokenKind::Without);
}
constexpr bool isContextWord(TokenKind kind)
{
    return isWithin(kind, TokenKind::End, TokenKind::Step);
}
constexpr bool isKeyword(TokenKind kind)
{
    return isAggregator(kind) || isModifier(kind) || isContextWord(kind) || isSetOperator(kind) ||
           kind == TokenKind::Atan2;
}
/// Keywords that are names where a metric is expected.
constexpr bool mayNameMetric(TokenKind kind)
{
    return isKeyword(kind) && kind != TokenKind::Bool && kind != TokenKind::On &&
           kind != TokenKind::Ignoring && kind != TokenKind::GroupLeft &&
           kind != TokenKind::GroupRight && kind != TokenKind::Atan2;
}

/// The spelling of an operator, bracket or keyword ("<=", "group_left"); empty for kinds without a
/// fixed one.
std::string_view tokenText(TokenKind kind);

/// The keyword with this spelling, in any case.
std::optional<TokenKind> keywordOf(std::string_view word);

/// How a message calls the token: `<op:*>`, `<by>`, `identifier "foo"`, `")"`, `end of input`.
std::string describeToken(const Token& token, std::string_view text);

} // namespace narthex::promql
