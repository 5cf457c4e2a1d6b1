// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Small things that readers of header lines and words do. Threads: pure functions.
#pragma once

#include <absl/base/attributes.h>

#include <algorithm>
#include <string>
#include <string_view>

namespace narthex::base {

/// Without blanks at both ends.
inline std::string_view trimmed(std::string_view text ABSL_ATTRIBUTE_LIFETIME_BOUND,
                                std::string_view blanks = " \t")
{
    const std::size_t first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos) {
        return {};
    }
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

/// Takes the part before `separator` off `rest`; trimmed.
inline std::string_view takePart(std::string_view& rest, char separator)
{
    const std::size_t end = std::min(rest.find(separator), rest.size());
    const std::string_view part = trimmed(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return part;
}

/// With ASCII letters in lower case.
inline std::string lowered(std::string_view text)
{
    std::string result(text);
    for (char& c : result) {
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    return result;
}

} // namespace narthex::base
