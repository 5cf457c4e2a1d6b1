// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// How names that are not of the old form are written for readers that do not know others. Threads:
// pure functions. Source: prometheus/common model, escaping schemes; spec/remote.md, 7.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace narthex::exposition {

enum class NameEscaping : std::uint8_t
{
    /// Other characters become an underscore.
    Underscores,
    /// "." becomes "_dot_", "_" becomes "__".
    Dots,
    /// "U__" and each other character as its number: can be turned back.
    Values,
    /// As they are, quoted.
    None
};

/// "underscores", "dots", "values", "allow-utf-8"
std::string_view nameEscapingText(NameEscaping escaping);

/// What the reader asks for with `escaping=` in its Accept header; who says it of several formats
/// says the same of all.
std::optional<NameEscaping> escapingOf(std::string_view accept);

std::string escapeName(std::string_view name, NameEscaping escaping);

} // namespace narthex::exposition
