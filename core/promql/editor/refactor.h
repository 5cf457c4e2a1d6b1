// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Changes of a query that keep its meaning, or change it in a way one asks for by name.
// Threads: pure functions. Units: byte offsets. Errors: InvalidArgument when the text has errors or
// the place does not fit, saying what would. Source: spec/promql-editor.md, Formatting and
// refactoring.
#pragma once

#include "core/promql/ast.h"
#include "core/promql/editor/text_edit.h"
#include "core/promql/features.h"

#include <absl/status/statusor.h>

#include <string>
#include <string_view>
#include <vector>

namespace narthex::promql::editor {

using Edits = std::vector<TextEdit>;

/// `function(selection)`; for functions over ranges `function(selection[5m])`. The selection is a
/// complete expression.
absl::StatusOr<Edits> wrapSelection(std::string_view text, SourceRange selection,
                                    std::string_view function, const Features& features);

/// The operands of the innermost operator around the place change sides; comparisons turn round,
/// group_left becomes group_right.
absl::StatusOr<Edits> swapOperands(std::string_view text, std::size_t at, const Features& features);

/// `sum(x) by (a)` becomes `sum by (a) (x)`, and back.
absl::StatusOr<Edits> moveGrouping(std::string_view text, std::size_t at, const Features& features);

/// Takes away every pair of parentheses that changes nothing.
absl::StatusOr<Edits> removeParentheses(std::string_view text, const Features& features);

/// In matchers, groupings and matching lists. The new name is quoted where it must be.
absl::StatusOr<Edits> renameLabel(std::string_view text, std::string_view from, std::string_view to,
                                  const Features& features);

struct Extraction
{
    /// The selection becomes the name.
    Edits edits;
    /// What the rule records.
    std::string expression;
};
/// Errors: also for range vectors and literals, which no rule records.
absl::StatusOr<Extraction> extractRule(std::string_view text, SourceRange selection,
                                       std::string_view name, const Features& features);

/// Every use of a recorded series without matchers becomes its expression in parentheses.
absl::StatusOr<Edits> inlineRule(std::string_view text, std::string_view name,
                                 std::string_view expression, const Features& features);

} // namespace narthex::promql::editor
