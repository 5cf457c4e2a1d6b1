// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Values as JSON, the way Go writes it: keys in order, `& < >` as \u0026 \u003c \u003e, times as
// RFC 3339. Threads: pure functions.
#pragma once

#include "core/gotemplate/value.h"

#include <string>
#include <string_view>

namespace narthex::gotemplate {

std::string toJson(const Value& value);
void appendJson(std::string& out, const Value& value);
/// A quoted text with Go's escapes.
void appendJsonText(std::string& out, std::string_view text);

} // namespace narthex::gotemplate
