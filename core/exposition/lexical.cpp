// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/exposition/lexical.h"

#include "core/base/number.h"

#include <algorithm>

namespace narthex::exposition {

std::string_view tokenName(std::string_view rest)
{
    if (rest.empty()) {
        return "EOF";
    }
    switch (rest.front()) {
    case '\n':
        return "LINEBREAK";
    case '{':
        return "BOPEN";
    case '}':
        return "BCLOSE";
    case '=':
        return "EQUAL";
    case ',':
        return "COMMA";
    case '"':
        return "QSTRING";
    default:
        return isNameStart(rest.front()) ? "LNAME" : "INVALID";
    }
}

std::size_t shownTokenLength(std::string_view rest)
{
    const std::string_view token = tokenName(rest);
    std::size_t length = token == "INVALID" || token == "EOF" ? 0 : 1;
    if (token == "LNAME") {
        while (length < rest.size() && isLabelChar(rest[length])) {
            ++length;
        }
    }
    return std::min(length + 1, rest.size());
}

void unescapeInto(std::string& out, std::string_view text, bool quoted)
{
    out.clear();
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char next = i + 1 < text.size() ? text[i + 1] : '\0';
        if (text[i] != '\\' || !(next == '\\' || next == 'n' || (quoted && next == '"'))) {
            out += text[i];
            continue;
        }
        out += next == 'n' ? '\n' : next;
        ++i;
    }
}

std::string normalisedNumber(std::string_view number)
{
    const auto value = base::parseFloat(number);
    return value ? base::formatOpenMetricsFloat(*value) : std::string(number);
}

} // namespace narthex::exposition
