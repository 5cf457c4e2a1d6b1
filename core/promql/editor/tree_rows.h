// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The order in which a tree view shows the nodes of a query, and what a row says.
// Threads: pure functions. Source: spec/promql-editor.md, Tree view.
#pragma once

#include "core/promql/value.h"

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace narthex::promql::editor {

struct TreeRow
{
    /// Index in Result::nodes.
    std::size_t node = 0;
    /// Parentheses that are not shown do not count.
    std::size_t depth = 0;
    /// Up to ten labels: "instance 12".
    std::vector<std::string> labels{};
    std::size_t moreLabels = 0;
    /// Of the whole query's time, 0 to 1.
    double share = 0;
    /// For people who hear the row: "rate, function, range vector to instant vector, 12 results".
    std::string spoken{};
};

/// A binary operator stands between its operands, everything else above what it is made of.
std::vector<TreeRow> treeRows(std::span<const NodeResult> nodes, bool hideParentheses);

/// The innermost node around a byte of the text; for the editor's cursor. The size of the list if
/// there is none.
std::size_t nodeAround(std::span<const NodeResult> nodes, std::size_t offset);

} // namespace narthex::promql::editor
