// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Names with values, in order, and how they stand in URLs. Threads: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace narthex::net {

using Parameters = std::vector<std::pair<std::string, std::string>>;

/// Percent-decoding; '+' becomes a blank when `form`. A damaged escape stays as it is.
std::string percentDecode(std::string_view text, bool form);
std::string percentEncode(std::string_view text);
/// `a=1&b=2`
Parameters parseQuery(std::string_view query);
/// The way back: `a=1&b=x%20y`.
std::string formEncode(const Parameters& parameters);

/// Names of headers have no case.
bool sameHeaderName(std::string_view a, std::string_view b);

} // namespace narthex::net
