// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What makes a value harmless at each kind of place of a page. What cannot be made harmless becomes
// "ZgotmplZ", so that it is found. Threads: pure functions.
// Source: the documentation of Go's html/template.
#pragma once

#include "core/gotemplate/value.h"

#include <string>
#include <string_view>

namespace narthex::gotemplate {

inline constexpr std::string_view kUnsafe = "ZgotmplZ";

/// For texts and values in quotes.
std::string escapeText(std::string_view text);
/// For values without quotes: blanks and `=` are escaped, too.
std::string escapeUnquoted(std::string_view text);
/// Entities of the text stay, tags go.
std::string htmlInAttribute(std::string_view html);
/// A name of a tag or an attribute without a meaning of its own.
std::string safeName(std::string_view text);

/// Other schemes than http, https and mailto become "#ZgotmplZ".
std::string safeUrl(std::string_view text);
/// Percent-encodes what must not stand in a URL; `component`: also what has a meaning there.
std::string encodeUrl(std::string_view text, bool component);

/// A literal for scripts.
std::string scriptValue(const Value& value);
/// For the inside of a string of a script, or of a template or a regular expression.
std::string scriptString(std::string_view text);
std::string scriptRegexp(std::string_view text);

std::string styleValue(std::string_view text);
std::string styleString(std::string_view text);

} // namespace narthex::gotemplate
