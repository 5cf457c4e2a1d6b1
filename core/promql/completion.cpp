// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What may stand at the cursor of an editor. Source: spec/promql-editor.md, Completion contexts.
#include "core/promql/editor.h"
#include "core/promql/lexer.h"
#include "core/promql/token_walker.h"

#include <algorithm>

namespace narthex::promql {
namespace {

using Kind = CompletionKind;
using FrameKind = TokenWalker::FrameKind;

constexpr std::size_t kNone = TokenWalker::kNone;

bool isQuote(char c) { return c == '"' || c == '\'' || c == '`'; }

class Completer
{
public:
    Completer(std::string_view text, std::size_t cursor)
        : text_(text),
          cursor_(std::min(cursor, text.size())),
          lexed_(lex(text, LexMode::Tolerant)),
          walker_(lexed_.tokens)
    {}

    CompletionContext run()
    {
        context_.begin = context_.end = static_cast<std::uint32_t>(cursor_);
        walkToCursor();
        nameCallee();
        if (word_ == kNone) {
            atBlank();
            return std::move(context_);
        }
        const Token& token = tokens()[word_];
        if (token.kind == TokenKind::Comment) {
            return std::move(context_);
        }
        if (isQuote(text_[token.begin])) {
            inString(token);
        } else {
            onToken(token);
        }
        return std::move(context_);
    }

private:
    [[nodiscard]] const std::vector<Token>& tokens() const { return lexed_.tokens; }
    [[nodiscard]] std::string_view source(const Token& token) const
    {
        return text_.substr(token.begin, token.end - token.begin);
    }

    /// Words, numbers and unfinished operators belong to the cursor when it touches their end;
    /// strings and comments only when it is inside, or when they are not closed.
    [[nodiscard]] bool holdsCursor(const Token& token) const
    {
        if (token.begin >= cursor_ || token.end < cursor_) {
            return false;
        }
        if (token.kind == TokenKind::String) {
            return cursor_ < token.end;
        }
        if (token.kind == TokenKind::Error) {
            return isQuote(text_[token.begin]) || token.end == cursor_;
        }
        return token.kind == TokenKind::Comment || token.kind == TokenKind::Number ||
               token.kind == TokenKind::Duration || token.kind == TokenKind::Identifier ||
               token.kind == TokenKind::MetricIdentifier || isKeyword(token.kind) ||
               isUnfinishedOperator(token);
    }

    [[nodiscard]] bool isUnfinishedOperator(const Token& token) const
    {
        return token.end == cursor_ &&
               (token.kind == TokenKind::Less || token.kind == TokenKind::Greater ||
                (token.kind == TokenKind::Equal && !openBraces()));
    }

    [[nodiscard]] bool openBraces() const
    {
        return !walker_.frames().empty() && walker_.frames().back().kind == FrameKind::Braces;
    }

    void walkToCursor()
    {
        while (walker_.position() < tokens().size()) {
            const Token& token = tokens()[walker_.position()];
            if (holdsCursor(token)) {
                word_ = walker_.position();
                return;
            }
            if (token.end > cursor_ || token.kind == TokenKind::EndOfInput) {
                return;
            }
            walker_.advance();
        }
    }

    void offer(std::initializer_list<Kind> kinds)
    {
        context_.kinds.insert(context_.kinds.end(), kinds.begin(), kinds.end());
    }

    void replace(const Token& token)
    {
        context_.begin = token.begin;
        context_.end = token.end;
        context_.typed = text_.substr(token.begin, cursor_ - token.begin);
    }

    void nameCallee()
    {
        for (auto frame = walker_.frames().rbegin(); frame != walker_.frames().rend(); ++frame) {
            const bool call =
                frame->kind == FrameKind::Call || frame->kind == FrameKind::Aggregation;
            if (call && frame->word != kNone) {
                context_.callee = source(tokens()[frame->word]);
                context_.argument = frame->argument;
                return;
            }
            if (frame->kind == FrameKind::Paren) {
                return; // something of its own
            }
        }
    }

    void atBlank()
    {
        const bool touches = cursor_ > 0 && walker_.position() > 0 &&
                             tokens()[walker_.position() - 1].end == cursor_;
        offerForPlace(touches);
    }

    void onToken(const Token& token)
    {
        if (token.kind == TokenKind::Number || token.kind == TokenKind::Duration ||
            isHalfDuration(token)) {
            return onNumber(token);
        }
        if (offersOperatorOf(token)) {
            return;
        }
        replace(token);
        if (token.kind == TokenKind::Error || isUnfinishedOperator(token)) {
            return onOperator();
        }
        offerForPlace(false);
    }

    /// `1d5`: the unit of the last number is still missing.
    [[nodiscard]] bool isHalfDuration(const Token& token) const
    {
        const auto isDigit = [](char c) { return c >= '0' && c <= '9'; };
        return token.kind == TokenKind::Error && isDigit(text_[token.begin]) &&
               isDigit(text_[token.end - 1]);
    }

    /// `{a¦=`: the operator behind the label.
    bool offersOperatorOf(const Token& label)
    {
        const std::size_t next = word_ + 1;
        if (!openBraces() || walker_.place() != Place::Label || label.end != cursor_ ||
            next >= tokens().size() || tokens()[next].begin != cursor_ ||
            (!isWithin(tokens()[next].kind, TokenKind::Equal, TokenKind::RegexNotEqual) &&
             tokens()[next].kind != TokenKind::NotEqual)) {
            return false;
        }
        replace(tokens()[next]);
        context_.typed.clear();
        offer({Kind::MatchOperator});
        return true;
    }

    void onOperator()
    {
        if (inDurationSlot()) {
            return offer({Kind::DurationFunction}); // a word that is none of them yet
        }
        if (openBraces()) {
            return offer({Kind::MatchOperator});
        }
        if (walker_.place() == Place::AfterOperand) {
            return offer({Kind::BinaryOperator});
        }
    }

    [[nodiscard]] bool inDurationSlot() const
    {
        return walker_.place() == Place::Duration || walker_.place() == Place::OffsetDuration;
    }

    /// A unit is inserted behind the digits: nothing is replaced, `typed` is the number so far.
    void onNumber(const Token& token)
    {
        if (inDurationSlot() && token.kind != TokenKind::Duration && token.end == cursor_) {
            context_.typed = source(token);
            offer({Kind::Duration});
        }
    }

    void inString(const Token& token)
    {
        const char quote = text_[token.begin];
        context_.quote = quote;
        context_.isClosed = token.kind == TokenKind::String;
        context_.begin = token.begin + 1;
        context_.end = token.end;
        if (token.kind == TokenKind::String && text_[token.end - 1] == quote) {
            --context_.end;
        }
        context_.end = std::max(context_.end, context_.begin);
        context_.typed = text_.substr(context_.begin, cursor_ - context_.begin);
        if (walker_.place() == Place::MatchValue) {
            offer({Kind::LabelValue});
            context_.label = labelText(walker_.lastLabel());
            const TokenKind op = tokens()[walker_.position() - 1].kind;
            context_.isRegex = op == TokenKind::RegexEqual || op == TokenKind::RegexNotEqual;
            return fillSelector();
        }
        if (walker_.place() == Place::Label && openBraces()) {
            offer({Kind::MetricName, Kind::LabelName});
            return fillSelector();
        }
        if (walker_.place() == Place::Label) {
            return offerGroupingLabels();
        }
        offerForStringArgument();
    }

    void offerForStringArgument()
    {
        if (walker_.frames().empty() || walker_.frames().back().word == kNone) {
            return;
        }
        const std::string_view callee = source(tokens()[walker_.frames().back().word]);
        if (callee == "count_values" || callee == "label_replace" || callee == "label_join" ||
            callee == "sort_by_label" || callee == "sort_by_label_desc") {
            offer({Kind::LabelName});
            context_.metric = metricWithin(walker_.frames().back().opener, tokens().size());
        }
    }

    void offerForPlace(bool touchesOperand)
    {
        switch (walker_.place()) {
        case Place::Operand:
            return offerOperands();
        case Place::OperandOrMatching:
            offerOperands();
            offer({Kind::BinaryModifier});
            if (isComparison(walker_.lastOperator()) && !walker_.boolSeen()) {
                offer({Kind::Bool});
            }
            return;
        case Place::AfterOperand:
            return offerAfterOperand(touchesOperand);
        case Place::AfterAggregationWord:
            if (groupedAlready()) {
                return;
            }
            return offer(
                {Kind::AggregateModifier, Kind::MetricName, Kind::Function, Kind::Aggregation});
        case Place::Label:
            return openBraces() ? offerLabelsOfSelector() : offerGroupingLabels();
        case Place::AfterLabel:
            return openBraces() ? offer({Kind::MatchOperator}) : void();
        case Place::Duration:
        case Place::OffsetDuration:
            return offerDurations(touchesOperand);
        case Place::AtArgument:
            return offer({Kind::AtArgument});
        case Place::BeforeLabels:
        case Place::MatchValue:
        case Place::AfterMatchValue:
            return;
        }
    }

    void offerDurations(bool touches)
    {
        if (word_ != kNone) {
            return offer({Kind::DurationFunction});
        }
        const std::size_t at = walker_.position();
        if (endsDuration(at - 1)) {
            if (!touches && walker_.place() == Place::Duration) {
                offer({Kind::DurationOperator});
            }
        } else if (touches && at > 1 && endsDuration(at - 2)) {
            replace(tokens()[at - 1]);
            offer({Kind::DurationOperator});
        } else {
            context_.onRequestOnly = true;
            offer({Kind::Duration, Kind::DurationFunction});
        }
    }

    [[nodiscard]] bool endsDuration(std::size_t index) const
    {
        const TokenKind kind = tokens()[index].kind;
        return kind == TokenKind::Number || kind == TokenKind::Duration ||
               kind == TokenKind::RightParen;
    }

    /// `sum by (a) b¦`: the words before are in the token list.
    [[nodiscard]] bool groupedAlready() const
    {
        const std::size_t at = walker_.position();
        return at > 0 && tokens()[at - 1].kind == TokenKind::RightParen;
    }

    void offerOperands()
    {
        if (numberWanted()) {
            return offer({Kind::Number});
        }
        if (stringWanted()) {
            return;
        }
        offer({Kind::MetricName, Kind::Function, Kind::Aggregation, Kind::Number, Kind::Snippet});
        if (cursor_ == 0) {
            offer({Kind::History});
        }
    }

    [[nodiscard]] const TokenWalker::Frame* firstArgumentOfAggregation() const
    {
        if (walker_.frames().empty()) {
            return nullptr;
        }
        const auto& frame = walker_.frames().back();
        return frame.kind == FrameKind::Aggregation && frame.argument == 0 && frame.word != kNone
                   ? &frame
                   : nullptr;
    }

    [[nodiscard]] bool numberWanted() const
    {
        const auto* frame = firstArgumentOfAggregation();
        return frame != nullptr && aggregatorTakesParameter(tokens()[frame->word].kind) &&
               tokens()[frame->word].kind != TokenKind::CountValues;
    }

    [[nodiscard]] bool stringWanted() const
    {
        const auto* frame = firstArgumentOfAggregation();
        return frame != nullptr && tokens()[frame->word].kind == TokenKind::CountValues;
    }

    void offerAfterOperand(bool touchesOperand)
    {
        const TokenKind before =
            walker_.position() > 0 ? tokens()[walker_.position() - 1].kind : TokenKind::EndOfInput;
        // Directly behind a brace or a number nothing is meant yet; behind a call's bracket an
        // operator is inserted.
        if (touchesOperand && before != TokenKind::RightParen) {
            return;
        }
        if (walker_.groupingMayFollow()) {
            offer({Kind::AggregateModifier});
        }
        offer({Kind::BinaryOperator});
        if (walker_.offsetMayFollow()) {
            offer({Kind::Offset});
        }
    }

    void offerLabelsOfSelector()
    {
        offer({Kind::LabelName});
        fillSelector();
        context_.isInfoSelector =
            context_.callee == "info" && context_.argument == 1 && context_.metric.empty();
        if (context_.metric.empty() && !context_.isInfoSelector) {
            offer({Kind::MetricName});
        }
    }

    void offerGroupingLabels()
    {
        offer({Kind::LabelName});
        const auto& frame = walker_.frames().back();
        const TokenKind word = frame.word == kNone ? TokenKind::Error : tokens()[frame.word].kind;
        if (frame.insideAggregation) {
            context_.metric = metricWithin(frame.opener, tokens().size());
        } else if (word == TokenKind::By || word == TokenKind::Without) {
            context_.metric = metricWithin(openerOfCallBefore(frame.word), frame.opener);
        } else {
            context_.metric = metricBefore(frame.opener);
            context_.otherMetric = metricWithin(frame.opener + 1, tokens().size());
        }
    }

    /// The bracket that the one before token `index` closes.
    [[nodiscard]] std::size_t openerOfCallBefore(std::size_t index) const
    {
        int depth = 0;
        for (std::size_t i = index; i-- > 0;) {
            if (tokens()[i].kind == TokenKind::RightParen) {
                ++depth;
            } else if (tokens()[i].kind == TokenKind::LeftParen && --depth == 0) {
                return i;
            }
        }
        return 0;
    }

    [[nodiscard]] std::vector<TokenClass> classes() const
    {
        std::vector<TokenClass> result;
        TokenWalker walker(tokens());
        while (walker.position() < tokens().size()) {
            result.push_back(walker.advance());
        }
        return result;
    }

    [[nodiscard]] std::string metricWithin(std::size_t first, std::size_t last) const
    {
        const auto kinds = classes();
        for (std::size_t i = first; i < last; ++i) {
            if (kinds[i] == TokenClass::MetricName) {
                return labelText(i);
            }
        }
        return {};
    }

    [[nodiscard]] std::string metricBefore(std::size_t index) const
    {
        const auto kinds = classes();
        for (std::size_t i = index; i-- > 0;) {
            if (kinds[i] == TokenClass::MetricName) {
                return labelText(i);
            }
        }
        return {};
    }

    /// The text of a label or metric token, without quotes.
    [[nodiscard]] std::string labelText(std::size_t index) const
    {
        if (index == kNone) {
            return {};
        }
        const Token& token = tokens()[index];
        if (token.kind == TokenKind::String) {
            return unquoteString(source(token)).value_or(std::string());
        }
        return std::string(source(token));
    }

    /// Metric and other matchers of the selector whose braces the cursor is in.
    void fillSelector()
    {
        const auto& frame = walker_.frames().back();
        context_.metric = labelText(frame.word);
        std::size_t from = frame.opener + 1;
        for (std::size_t i = from; i < tokens().size(); ++i) {
            const TokenKind kind = tokens()[i].kind;
            const bool ends = kind == TokenKind::RightBrace || kind == TokenKind::EndOfInput;
            if (ends || kind == TokenKind::Comma) {
                addMatcher(from, i);
                from = i + 1;
            }
            if (ends) {
                break;
            }
        }
    }

    void addMatcher(std::size_t from, std::size_t to)
    {
        if (to <= from || (tokens()[from].begin < cursor_ && tokens()[to - 1].end >= cursor_)) {
            return; // the one being edited
        }
        if (to - from == 1 && tokens()[from].kind == TokenKind::String) {
            context_.metric = labelText(from);
        } else if (to - from == 3 && tokens()[to - 1].kind == TokenKind::String) {
            const std::uint32_t begin = tokens()[from].begin;
            context_.otherMatchers.emplace_back(text_.substr(begin, tokens()[to - 1].end - begin));
        }
    }

    const std::string_view text_;
    const std::size_t cursor_;
    const LexResult lexed_;
    TokenWalker walker_;
    std::size_t word_ = kNone;
    CompletionContext context_;
};

} // namespace

CompletionContext completionContext(std::string_view text, std::size_t cursor)
{
    return Completer(text, cursor).run();
}

} // namespace narthex::promql
