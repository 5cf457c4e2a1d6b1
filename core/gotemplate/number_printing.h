// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Numbers and quoted texts under the flags of Go's fmt. Threads: pure functions.
// Source: spec/rules.md, 10.9; the documentation of Go's fmt.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace narthex::gotemplate {

struct PrintFlags
{
    bool plus = false;
    bool minus = false;
    bool sharp = false;
    bool blank = false;
    bool zero = false;
    bool sharpV = false;
    std::optional<std::int64_t> width;
    std::optional<std::int64_t> precision;
};

/// `text` brought to the width, which counts characters.
void appendPadded(std::string& out, std::string_view text, const PrintFlags& flags);
/// False: no such verb for integers.
bool formatInteger(std::string& out, std::uint64_t magnitude, bool negative, char32_t verb,
                   PrintFlags flags);
/// False: no such verb for floats.
bool formatReal(std::string& out, double value, char32_t verb, PrintFlags flags);

/// As `%q`; `ascii`: everything beyond ASCII is escaped.
std::string quoteText(std::string_view text, bool ascii);
/// Whether back-ticks can hold it.
bool isRawQuotable(std::string_view text);
std::string hexOfText(std::string_view text, bool upper, const PrintFlags& flags);

} // namespace narthex::gotemplate
