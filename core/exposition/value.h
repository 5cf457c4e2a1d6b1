// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Sample values from text at full speed: short decimals by exact arithmetic, everything else by the
// general parser. Threads: pure functions. Source: Clinger's fast path: a decimal of at most 15
// digits times or divided by a power of ten up to 22 is exact in one rounding.
#pragma once

#include <cstdint>

namespace narthex::exposition {

enum class ValueStatus : std::uint8_t
{
    Ok,
    Unsupported,
    Syntax,
    Range
};

struct ParsedValue
{
    double value = 0;
    /// First byte behind the token.
    const char* end = nullptr;
    ValueStatus status = ValueStatus::Ok;
};

/// Parses the token that ends at a blank, a line break or `end`. NaN in any spelling becomes the
/// ordinary NaN, so that a page can never carry a stale marker.
ParsedValue parseValue(const char* begin, const char* end);

} // namespace narthex::exposition
