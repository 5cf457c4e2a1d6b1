// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Trees back to text: the one-line form, the formatter's form, and an outline for tests.
// Threads: pure functions. Source: spec/promql.md, Printing and formatting.
#pragma once

#include "core/promql/ast.h"

#include <string>

namespace narthex::promql {

/// One line; parsing it gives a tree of the same meaning.
std::string print(const Expr& expr);

/// As format_query does: nodes above 100 bytes are broken over lines, two blanks a level.
std::string format(const Expr& expr);

/// The node's own part of the one-line form: children as `...`; of a binary operator the operator
/// alone.
std::string ownText(const Expr& expr);

/// One line a node: its type and one-line form, children indented.
std::string outline(const Expr& expr);

/// "-5m", "1h30m", "0s".
std::string printDuration(base::Duration duration);

} // namespace narthex::promql
