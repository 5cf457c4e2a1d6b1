// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The functions of the query language: their names, argument types and results. What they compute
// is elsewhere. Threads: pure functions on static data. Source: spec/promql.md, Functions.
#pragma once

#include "core/promql/value.h"

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace narthex::promql {

struct FunctionInfo
{
    std::string_view name;
    ValueType returns = ValueType::Vector;
    /// Types of the arguments that have one of their own; the last one repeats for further
    /// arguments.
    std::array<ValueType, 5> types{};
    std::uint8_t typeCount = 0;
    std::uint8_t minArguments = 0;
    std::uint8_t maxArguments = 0;
    bool experimental = false;

    [[nodiscard]] ValueType argumentType(std::size_t index) const
    {
        return types[index < typeCount ? index : typeCount - 1U];
    }
};

inline constexpr std::uint8_t kAnyNumberOfArguments = 255;

/// Null if there is no such function. Names are case-sensitive.
const FunctionInfo* findFunction(std::string_view name);

/// All of them, sorted by name.
std::span<const FunctionInfo> functionTable();

} // namespace narthex::promql
