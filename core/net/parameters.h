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

} // namespace narthex::net
