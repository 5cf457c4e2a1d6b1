// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What an editor of queries needs, from the engine's own lexer: colours, and what may stand at the
// cursor. Tolerant: any text gives an answer. Threads: pure functions. Units: byte offsets into the
// text, [begin, end). Source: spec/promql-editor.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::promql {

enum class TokenClass : std::uint8_t
{
    MetricName,
    LabelName,
    String,
    Number,
    Duration,
    Function,
    Aggregation,
    /// by, without, on, ignoring, group_left, group_right, bool, offset, fill, anchored, smoothed
    Modifier,
    Operator,
    /// and, or, unless
    SetOperator,
    /// @ and its argument words, start() end() step() range()
    ContextWord,
    Comment,
    Bracket,
    Punctuation,
    Error,
};

struct ColouredSpan
{
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
    TokenClass kind = TokenClass::Error;
};

/// Spans in ascending order, without overlap; blanks are in none.
std::vector<ColouredSpan> highlight(std::string_view text);

enum class CompletionKind : std::uint8_t
{
    MetricName,
    LabelName,
    LabelValue,
    Function,
    Aggregation,
    BinaryOperator,
    BinaryModifier,
    Bool,
    MatchOperator,
    AggregateModifier,
    Duration,
    Offset,
    Number,
    /// step(), range(), min_of(), max_of() inside of ranges and offsets.
    DurationFunction,
    DurationOperator,
    AtArgument,
    Snippet,
    History
};

/// What may be inserted at the cursor, and what it would replace.
struct CompletionContext
{
    std::vector<CompletionKind> kinds;
    /// The word at the cursor; accepting replaces [begin, end). For Duration the span is empty: a
    /// unit goes behind the digits in `typed`.
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
    std::string typed;
    /// For labels and values: the metric they belong to, empty if none.
    std::string metric;
    /// The other operand's metric, for labels of on(…) and its like.
    std::string otherMetric;
    /// The function or aggregation whose argument is edited, and which argument it is, from 0.
    std::string callee;
    std::size_t argument = 0;
    /// A value of `=~` or `!~`.
    bool isRegex = false;
    /// Labels of the second argument of info().
    bool isInfoSelector = false;
    /// The list does not open by itself here.
    bool onRequestOnly = false;
    /// The cursor is between quotes: the quote, otherwise 0. `closed`: the other quote is there.
    char quote = 0;
    bool isClosed = false;
    /// For values: the label.
    std::string label;
    /// For labels and values: the other matchers of the selector as text, `job="a"`, each valid by
    /// itself.
    std::vector<std::string> otherMatchers;
};

CompletionContext completionContext(std::string_view text, std::size_t cursor);

struct FunctionDoc
{
    std::string_view name;
    /// "rate(v range-vector) instant vector"
    std::string_view signature;
    /// One or two sentences.
    std::string_view summary;
    bool experimental = false;
    bool aggregation = false;
};

/// Every function and aggregation, sorted by name. Static.
std::span<const FunctionDoc> functionDocs();

} // namespace narthex::promql
