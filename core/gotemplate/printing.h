// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Values as text the way Go's fmt prints them: verbs, flags, and errors that stay in the text.
// Threads: pure functions. Source: spec/rules.md, 10.9 and 10.10; the documentation of Go's fmt.
#pragma once

#include "core/gotemplate/value.h"

#include <span>
#include <string>
#include <string_view>

namespace narthex::gotemplate {

/// As `%v`.
void appendValue(std::string& out, const Value& value);

/// Wrong kinds, missing and extra arguments stand in the text: `%!d(float64=3)`. Widths and
/// precisions are at most 1,000,000, as Go has it.
std::string printFormatted(std::string_view format, std::span<const Value> arguments);
/// A blank between two arguments when neither is a text.
std::string print(std::span<const Value> arguments);
/// A blank between all, and a newline.
std::string printLine(std::span<const Value> arguments);

} // namespace narthex::gotemplate
