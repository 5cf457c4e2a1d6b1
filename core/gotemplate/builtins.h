// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The functions that every template has: comparisons, len, index, slice, printing, escaping.
// `and` and `or` are the executor's own, for they evaluate only what they need. Threads: pure.
// Errors: InvalidArgument with the text alone. Source: spec/rules.md, 10.8.
#pragma once

#include "core/gotemplate/value.h"

#include <string>
#include <string_view>

namespace narthex::gotemplate {

/// Null: there is no such function (or it is `and` or `or`).
const Function* builtin(std::string_view name);
/// Also for `and` and `or`.
bool isBuiltin(std::string_view name);

/// As `eq`. Errors: kinds that cannot be compared.
absl::StatusOr<bool> equal(const Value& a, const Value& b);
/// An element of a list, an object or a map.
absl::StatusOr<Value> elementOf(const Value& container, const Value& key);

/// `& < > " '` and NUL.
std::string escapeHtml(std::string_view text);
/// For the inside of a JavaScript string.
std::string escapeJs(std::string_view text);
/// As form fields are: a blank is `+`.
std::string escapeQuery(std::string_view text);

} // namespace narthex::gotemplate
