// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Trees back to text: the one-line form, the formatter's form, and an outline for tests.
// Threads: pure functions. Source: spec/promql.md, Printing and formatting.
#pragma once

#include "core/promql/ast.h"

#include <absl/container/flat_hash_map.h>

#include <string>
#include <vector>

namespace narthex::promql {

/// One line; parsing it gives a tree of the same meaning.
std::string print(const Expr& expr);

/// The comments of a node, each from its `#` to the end of its line.
struct NodeComments
{
    /// On lines of their own before the node and behind it.
    std::vector<std::string> before;
    std::vector<std::string> after;
    /// At the end of the node's last line; empty if there is none.
    std::string behind;
    /// At the end of its first line: behind the opening bracket, or behind the operator.
    std::string head;
    /// Nodes below have some: the node cannot stand on one line.
    bool below = false;
};
using CommentMap = absl::flat_hash_map<const Expr*, NodeComments>;

/// As format_query does: nodes above 100 bytes are broken over lines, two blanks a level. Comments
/// stay with their nodes.
std::string format(const Expr& expr, const CommentMap& comments = {});

/// The node's own part of the one-line form: children as `...`; of a binary operator the operator
/// alone.
std::string ownText(const Expr& expr);

/// One line a node: its type and one-line form, children indented.
std::string outline(const Expr& expr);

/// `/ on (a) group_left (b)`, without blanks around.
std::string operatorText(TokenKind op, bool returnBool, const VectorMatching& matching);

/// "-5m", "1h30m", "0s".
std::string printDuration(base::Duration duration);

} // namespace narthex::promql
