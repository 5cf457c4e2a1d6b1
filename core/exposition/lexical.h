// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Characters and escapes that the text formats share. Threads: pure functions. Format:
// spec/scrape.md, Text format, OpenMetrics text.
#pragma once

#include <string>
#include <string_view>

namespace narthex::exposition {

inline bool isDigit(char c) { return c >= '0' && c <= '9'; }
inline bool isNameStart(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
inline bool isMetricStart(char c) { return isNameStart(c) || c == ':'; }
inline bool isMetricChar(char c) { return isMetricStart(c) || isDigit(c); }
inline bool isLabelChar(char c) { return isNameStart(c) || isDigit(c); }

/// The names of the formats' tokens, for messages.
std::string_view tokenName(std::string_view rest);
/// What a message shows of an unexpected token: the token and one character more; an unknown token
/// has no length. Returns the bytes shown.
std::size_t shownTokenLength(std::string_view rest);

/// Undoes \\, \n and (in quoted texts) \"; every other pair stays.
void unescapeInto(std::string& out, std::string_view text, bool quoted);

/// A value of `le` or `quantile` in OpenMetrics' form; unchanged when it is no number.
std::string normalisedNumber(std::string_view number);

} // namespace narthex::exposition
