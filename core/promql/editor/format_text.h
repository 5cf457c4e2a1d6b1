// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Formatting of what stands in an editor: comments and the cursor stay where they belong.
// Threads: pure functions. Units: byte offsets. Errors: InvalidArgument with position, as parse().
// Source: spec/promql-editor.md, Formatting and refactoring.
#pragma once

#include "core/promql/features.h"

#include <absl/status/statusor.h>

#include <cstddef>
#include <string>
#include <string_view>

namespace narthex::promql::editor {

struct Formatted
{
    std::string text;
    std::size_t cursor = 0;
    bool changed = false;
};

/// Over lines, as format_query does.
absl::StatusOr<Formatted> formatText(std::string_view text, const Features& features,
                                     std::size_t cursor = 0);

/// The sub-expression [begin, end), blanks around it not counted. Errors: also when it is not a
/// complete one.
absl::StatusOr<Formatted> formatSelection(std::string_view text, std::size_t begin, std::size_t end,
                                          const Features& features, std::size_t cursor = 0);

/// On one line; comments go to lines of their own before it.
absl::StatusOr<Formatted> compactText(std::string_view text, const Features& features,
                                      std::size_t cursor = 0);

} // namespace narthex::promql::editor
