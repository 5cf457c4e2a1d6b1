// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// String literals of the query language: where one ends, and what it stands for.
// Threads: pure functions. Source: spec/promql.md, Lexer, Strings.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace narthex::promql {

struct StringScan
{
    /// Bytes of the literal with its quotes; on an error, up to the bad place.
    std::size_t length = 0;
    std::string value;
    /// Empty if the literal is good.
    std::string error;
};

/// `text` begins with a quote, an apostrophe or a back-tick.
StringScan scanString(std::string_view text);

} // namespace narthex::promql
