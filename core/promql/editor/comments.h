// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which comment belongs to which node of the tree. Threads: pure functions.
// Source: spec/promql-editor.md, Formatting and refactoring.
#pragma once

#include "core/promql/printer.h"

#include <string_view>

namespace narthex::promql::editor {

/// A comment on its own line belongs to the node that follows it, one at the end of a line to the
/// node before it. `expr` is the tree of `text` and outlives the map.
CommentMap attachComments(std::string_view text, const Expr& expr);

} // namespace narthex::promql::editor
