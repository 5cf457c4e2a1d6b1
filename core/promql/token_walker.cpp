// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/token_walker.h"

#include "core/promql/function_table.h"

namespace narthex::promql {

TokenKind TokenWalker::following() const
{
    for (std::size_t i = next_; i < tokens_.size(); ++i) {
        if (tokens_[i].kind != TokenKind::Comment) {
            return tokens_[i].kind;
        }
    }
    return TokenKind::EndOfInput;
}

TokenClass TokenWalker::advance()
{
    const std::size_t index = next_++;
    const Token& token = tokens_[index];
    if (token.kind == TokenKind::Comment) {
        return TokenClass::Comment;
    }
    if (token.kind == TokenKind::Error || token.kind == TokenKind::EndOfInput) {
        return TokenClass::Error;
    }
    if (!frames_.empty() && frames_.back().kind == FrameKind::Brackets) {
        return inBrackets(token, index);
    }
    if (!frames_.empty() &&
        (frames_.back().kind == FrameKind::Braces || frames_.back().kind == FrameKind::Labels)) {
        return inLabels(token, index);
    }
    switch (token.kind) {
    case TokenKind::Number:
    case TokenKind::Duration:
        operandDone();
        offsetMayFollow_ = false;
        return token.kind == TokenKind::Number ? TokenClass::Number : TokenClass::Duration;
    case TokenKind::String:
        operandDone();
        return TokenClass::String;
    case TokenKind::Identifier:
    case TokenKind::MetricIdentifier:
        return identifier(index);
    default:
        break;
    }
    return isKeyword(token.kind) ? keyword(token.kind, index) : punctuation(token.kind, index);
}

void TokenWalker::operandDone()
{
    place_ = Place::AfterOperand;
    groupingMayFollow_ = false;
    offsetMayFollow_ = true;
    pendingWord_ = kNone;
}

TokenClass TokenWalker::identifier(std::size_t index)
{
    const Token& token = tokens_[index];
    const bool call = token.kind == TokenKind::Identifier && following() == TokenKind::LeftParen;
    operandDone();
    pendingWord_ = index;
    pendingKind_ = call ? FrameKind::Call : FrameKind::Braces;
    return call ? TokenClass::Function : TokenClass::MetricName;
}

TokenClass TokenWalker::keyword(TokenKind kind, std::size_t index)
{
    const TokenKind next = following();
    const bool operandWanted = place_ == Place::Operand || place_ == Place::OperandOrMatching;
    if (isAggregator(kind) && operandWanted && next != TokenKind::LeftBrace &&
        next != TokenKind::LeftBracket && !isBinaryOperator(next) &&
        next != TokenKind::RightParen) {
        place_ = Place::AfterAggregationWord;
        pendingWord_ = index;
        pendingKind_ = FrameKind::Aggregation;
        pendingGrouped_ = false;
        return TokenClass::Aggregation;
    }
    if (isContextWord(kind) && next == TokenKind::LeftParen) {
        operandDone();
        pendingWord_ = index;
        pendingKind_ = FrameKind::Call;
        return TokenClass::ContextWord;
    }
    if (place_ == Place::AfterOperand && isBinaryOperator(kind)) {
        return binaryOperator(kind);
    }
    const bool matching =
        place_ == Place::OperandOrMatching &&
        (kind == TokenKind::Bool || kind == TokenKind::On || kind == TokenKind::Ignoring ||
         isWithin(kind, TokenKind::Fill, TokenKind::GroupRight));
    if (isModifier(kind) && (matching || !operandWanted)) {
        return modifier(kind, index);
    }
    operandDone();
    pendingWord_ = index;
    pendingKind_ = FrameKind::Braces;
    return TokenClass::MetricName;
}

TokenClass TokenWalker::modifier(TokenKind kind, std::size_t index)
{
    switch (kind) {
    case TokenKind::Offset:
        place_ = Place::OffsetDuration;
        break;
    case TokenKind::Bool:
        boolSeen_ = true;
        break;
    case TokenKind::Anchored:
    case TokenKind::Smoothed:
        break;
    case TokenKind::By:
    case TokenKind::Without:
        pendingGrouped_ = true;
        [[fallthrough]];
    case TokenKind::On:
    case TokenKind::Ignoring:
    case TokenKind::GroupLeft:
    case TokenKind::GroupRight:
        matchingSeen_ = true;
        if (following() == TokenKind::LeftParen || kind == TokenKind::By ||
            kind == TokenKind::Without) {
            if (place_ != Place::AfterAggregationWord) {
                pendingWord_ = index;
            }
            pendingKind_ = FrameKind::Labels;
            place_ = place_ == Place::AfterAggregationWord ? place_ : Place::BeforeLabels;
        }
        break;
    default:
        break;
    }
    return TokenClass::Modifier;
}

TokenClass TokenWalker::binaryOperator(TokenKind kind)
{
    place_ = Place::OperandOrMatching;
    lastOperator_ = kind;
    boolSeen_ = false;
    matchingSeen_ = false;
    groupingMayFollow_ = false;
    pendingWord_ = kNone;
    return isSetOperator(kind) ? TokenClass::SetOperator : TokenClass::Operator;
}

TokenClass TokenWalker::punctuation(TokenKind kind, std::size_t index)
{
    if (isBinaryOperator(kind)) {
        if (place_ == Place::AfterOperand) {
            return binaryOperator(kind);
        }
        return TokenClass::Operator; // a sign
    }
    switch (kind) {
    case TokenKind::LeftParen:
        openParen(index);
        return TokenClass::Bracket;
    case TokenKind::LeftBrace:
        frames_.push_back({.kind = FrameKind::Braces, .word = pendingWord_, .opener = index});
        place_ = Place::Label;
        return TokenClass::Bracket;
    case TokenKind::LeftBracket:
        frames_.push_back({.kind = FrameKind::Brackets, .opener = index});
        place_ = Place::Duration;
        return TokenClass::Bracket;
    case TokenKind::RightParen:
        close();
        return TokenClass::Bracket;
    case TokenKind::Comma:
        comma();
        return TokenClass::Punctuation;
    case TokenKind::At:
        place_ = Place::AtArgument;
        return TokenClass::ContextWord;
    default:
        return TokenClass::Operator;
    }
}

void TokenWalker::comma()
{
    place_ = Place::Operand;
    pendingWord_ = kNone;
    if (!frames_.empty()) {
        ++frames_.back().argument;
    }
}

void TokenWalker::openParen(std::size_t index)
{
    Frame frame{.opener = index};
    if (pendingKind_ == FrameKind::Labels && pendingWord_ != kNone) {
        frame.kind = FrameKind::Labels;
        frame.word = pendingWord_;
        frame.insideAggregation = place_ == Place::AfterAggregationWord;
        frame.grouped = pendingGrouped_;
        place_ = Place::Label;
    } else {
        if (place_ == Place::AfterAggregationWord) {
            frame.kind = FrameKind::Aggregation;
            frame.word = pendingWord_;
            frame.grouped = pendingGrouped_;
        } else if (pendingKind_ == FrameKind::Call && pendingWord_ != kNone) {
            frame.kind = FrameKind::Call;
            frame.word = pendingWord_;
        }
        place_ = Place::Operand;
    }
    pendingWord_ = kNone;
    pendingKind_ = FrameKind::Paren;
    frames_.push_back(frame);
}

void TokenWalker::close()
{
    if (frames_.empty()) {
        return operandDone();
    }
    const Frame frame = frames_.back();
    frames_.pop_back();
    operandDone();
    if (frame.kind == FrameKind::Labels && frame.insideAggregation) {
        place_ = Place::AfterAggregationWord;
        pendingWord_ = frame.word;
        pendingKind_ = FrameKind::Aggregation;
        pendingGrouped_ = true;
    } else if (frame.kind == FrameKind::Labels) {
        const TokenKind word = tokens_[frame.word].kind;
        const bool ofAggregation = word == TokenKind::By || word == TokenKind::Without;
        place_ = ofAggregation ? Place::AfterOperand : Place::OperandOrMatching;
    } else if (frame.kind == FrameKind::Aggregation) {
        groupingMayFollow_ = !frame.grouped;
        offsetMayFollow_ = false;
        pendingGrouped_ = frame.grouped;
    } else if (frame.kind == FrameKind::Call || frame.kind == FrameKind::Paren) {
        offsetMayFollow_ = false;
    }
}

TokenClass TokenWalker::inLabels(const Token& token, std::size_t index)
{
    switch (token.kind) {
    case TokenKind::RightBrace:
    case TokenKind::RightParen:
        close();
        return TokenClass::Bracket;
    case TokenKind::Comma:
        place_ = Place::Label;
        return TokenClass::Punctuation;
    case TokenKind::Equal:
    case TokenKind::NotEqual:
    case TokenKind::RegexEqual:
    case TokenKind::RegexNotEqual:
        place_ = Place::MatchValue;
        return TokenClass::Operator;
    case TokenKind::String:
        if (place_ == Place::MatchValue) {
            place_ = Place::AfterMatchValue;
            return TokenClass::String;
        }
        break;
    default:
        break;
    }
    lastLabel_ = index;
    place_ = Place::AfterLabel;
    const bool metric = token.kind == TokenKind::String &&
                        frames_.back().kind == FrameKind::Braces &&
                        (following() == TokenKind::Comma || following() == TokenKind::RightBrace);
    return metric ? TokenClass::MetricName : TokenClass::LabelName;
}

TokenClass TokenWalker::inBrackets(const Token& token, std::size_t index)
{
    switch (token.kind) {
    case TokenKind::RightBracket:
        frames_.pop_back();
        operandDone();
        return TokenClass::Bracket;
    case TokenKind::Number:
    case TokenKind::Duration:
        lastLabel_ = index;
        return TokenClass::Duration;
    case TokenKind::LeftParen:
    case TokenKind::RightParen:
        return TokenClass::Bracket;
    case TokenKind::Comma:
    case TokenKind::Colon:
        return TokenClass::Punctuation;
    default:
        return isContextWord(token.kind) ? TokenClass::ContextWord : TokenClass::Operator;
    }
}

} // namespace narthex::promql
