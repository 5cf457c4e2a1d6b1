// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Follows the tokens of a possibly unfinished query and knows at each point what kind of place it
// is. The editor functions stand on it; it never fails. Threads: one object, one thread. Units:
// byte offsets, indices into the token list.
#pragma once

#include "core/promql/editor.h"
#include "core/promql/token.h"

#include <cstddef>
#include <vector>

namespace narthex::promql {

/// What may come next.
enum class Place : std::uint8_t
{
    Operand,
    /// Behind a binary operator: an operand, or bool, on, ignoring …
    OperandOrMatching,
    AfterOperand,
    /// Behind `sum`, before its bracket.
    AfterAggregationWord,
    /// Behind on, by, group_left: labels in brackets.
    BeforeLabels,
    Label,
    AfterLabel,
    MatchValue,
    AfterMatchValue,
    Duration,
    OffsetDuration,
    AtArgument,
};

class TokenWalker
{
public:
    enum class FrameKind : std::uint8_t
    {
        Paren,
        Call,
        Aggregation,
        Labels,
        Braces,
        Brackets
    };

    struct Frame
    {
        FrameKind kind = FrameKind::Paren;
        /// The word before the bracket: function, aggregation, by/on…; or the metric before a
        /// brace. Token index.
        std::size_t word = kNone;
        /// Index of the opening token.
        std::size_t opener = kNone;
        /// Arguments passed so far.
        std::size_t argument = 0;
        /// Aggregation: by or without was there already. Also what it was before for parentheses of
        /// labels.
        bool grouped = false;
        bool insideAggregation = false;
    };

    static constexpr std::size_t kNone = static_cast<std::size_t>(-1);

    /// `tokens` outlives the walker.
    explicit TokenWalker(const std::vector<Token>& tokens) : tokens_(tokens) {}

    /// Takes the next token and says what it is.
    TokenClass advance();
    [[nodiscard]] std::size_t position() const { return next_; }
    [[nodiscard]] Place place() const { return place_; }
    [[nodiscard]] const std::vector<Frame>& frames() const { return frames_; }
    /// The operand just closed is an aggregation that has no by or without yet.
    [[nodiscard]] bool groupingMayFollow() const { return groupingMayFollow_; }
    /// The binary operator before the place OperandOrMatching, and whether `bool` was there.
    [[nodiscard]] TokenKind lastOperator() const { return lastOperator_; }
    [[nodiscard]] bool boolSeen() const { return boolSeen_; }
    [[nodiscard]] bool matchingSeen() const { return matchingSeen_; }
    /// An offset may follow.
    [[nodiscard]] bool offsetMayFollow() const { return offsetMayFollow_; }
    /// Index of the label token that the place MatchValue belongs to.
    [[nodiscard]] std::size_t lastLabel() const { return lastLabel_; }

private:
    [[nodiscard]] TokenKind following() const;
    TokenClass identifier(std::size_t index);
    TokenClass keyword(TokenKind kind, std::size_t index);
    TokenClass modifier(TokenKind kind, std::size_t index);
    TokenClass punctuation(TokenKind kind, std::size_t index);
    TokenClass binaryOperator(TokenKind kind);
    TokenClass inLabels(const Token& token, std::size_t index);
    TokenClass inBrackets(const Token& token, std::size_t index);
    void openParen(std::size_t index);
    void close();
    void comma();
    void operandDone();

    // Fixed after construction.
    const std::vector<Token>& tokens_;
    // What was seen.
    std::size_t next_ = 0;
    std::vector<Frame> frames_;
    Place place_ = Place::Operand;
    std::size_t pendingWord_ = kNone;
    FrameKind pendingKind_ = FrameKind::Paren;
    bool pendingGrouped_ = false;
    bool groupingMayFollow_ = false;
    TokenKind lastOperator_ = TokenKind::EndOfInput;
    bool boolSeen_ = false;
    bool matchingSeen_ = false;
    bool offsetMayFollow_ = false;
    std::size_t lastLabel_ = kNone;
};

} // namespace narthex::promql
