// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Text of a query to its tree, with types checked; and series selectors.
// Threads: pure functions. Units: byte offsets.
// Errors: InvalidArgument, message `<line>:<column>: parse error: <text>`, with a base::Position
// payload of the byte range. Source: spec/promql.md, Grammar, Types and parse errors.
#pragma once

#include "core/model/matcher.h"
#include "core/promql/ast.h"
#include "core/promql/features.h"

#include <absl/status/statusor.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::promql {

struct ParseError
{
    SourceRange range;
    std::string text;
};

struct ParseOutcome
{
    /// Null if there are errors.
    ExprPtr expr;
    /// In the order found; messages show the first.
    std::vector<ParseError> errors;
    /// Where parsing had to give up; absent if it came to the end of the text.
    std::optional<std::uint32_t> failedAt;
    /// The errors are those of types: there was none before.
    bool typesChecked = false;
};

/// Everything that is wrong, for editors.
ParseOutcome parseAll(std::string_view text, const Features& features);

absl::StatusOr<ExprPtr> parse(std::string_view text, const Features& features);

/// A selector as in `match[]`: `name{a="b"}` without modifiers. May consist of matchers that match
/// everything: see matchesAnything().
absl::StatusOr<model::Matchers> parseSelector(std::string_view text);

/// No matcher would refuse an empty value: such a selector selects every series.
bool matchesAnything(const model::Matchers& matchers);

/// As messages show it; line and column count from 1.
absl::Status toStatus(const ParseError& error, std::string_view text);

/// "2:7" for a byte of the text.
std::string lineAndColumn(std::string_view text, std::uint32_t offset);

} // namespace narthex::promql
