// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A query's tree as the JSON of `parse_query`. Threads: pure functions. Units: milliseconds in the
// JSON. Format: spec/promql-editor.md, AST exchange form; members sorted by name.
#pragma once

#include "core/base/json_writer.h"
#include "core/promql/ast.h"

namespace narthex::promql::editor {

void writeTree(base::JsonWriter& json, const Expr& expr);

} // namespace narthex::promql::editor
