// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Number literals of templates. Threads: pure functions. Source: spec/rules.md, 10.2.
#pragma once

#include "core/gotemplate/value.h"

#include <optional>
#include <string_view>

namespace narthex::gotemplate {

/// Integers decimal, 0x, 0o, 0, 0b with `_` between digits; floats, also hexadecimal ones. An
/// integer beyond int64 is a uint64. Absent: it is none.
std::optional<Value> parseNumber(std::string_view text);

} // namespace narthex::gotemplate
