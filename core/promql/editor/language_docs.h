// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What there is to say about every word of the language, beside the signatures of functionDocs():
// formulas and examples, operators, modifiers, units. Completion, hover and the manual share it.
// Own wording. Threads: static data.
#pragma once

#include "core/promql/editor.h"

#include <span>
#include <string>
#include <string_view>

namespace narthex::promql::editor {

struct FunctionExample
{
    std::string_view name;
    /// How the result comes about, in one line; empty where the paragraph says all.
    std::string_view formula;
    /// A query that works as it stands, with the switches it needs.
    std::string_view example;
};

/// One for every entry of functionDocs(), sorted by name.
std::span<const FunctionExample> functionExamples();

enum class WordKind : std::uint8_t
{
    Operator,
    SetOperator,
    GroupingModifier,
    MatchingModifier,
    TimeModifier,
    MatchOperator,
    DurationUnit,
    DurationFunction,
    DurationOperator,
    AtArgument,
    Number
};

struct WordDoc
{
    std::string_view word;
    WordKind kind = WordKind::Operator;
    /// A few words, for the right edge of a list.
    std::string_view detail;
    std::string_view text;
    std::string_view example;
    bool experimental = false;
};

/// Grouped by kind, in the order in which lists show them.
std::span<const WordDoc> wordDocs();

/// Null if there is none.
const FunctionDoc* findFunctionDoc(std::string_view name);
const FunctionExample* findFunctionExample(std::string_view name);
const WordDoc* findWordDoc(std::string_view word, WordKind kind);

/// Signature, paragraph, formula, example and what switch it needs, as lines of text. Empty if
/// there is no such function or aggregation.
std::string functionHelp(std::string_view name);

} // namespace narthex::promql::editor
