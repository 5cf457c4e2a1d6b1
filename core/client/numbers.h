// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Times as numbers of JSON and of requests, and back. Threads: pure functions.
#pragma once

#include "core/base/time.h"

#include <fmt/format.h>

#include <cmath>
#include <string>

namespace narthex::client {

/// Seconds; what is no number of about 290 years at most becomes zero.
inline base::Duration durationOf(double seconds)
{
    constexpr double kMost = 9.2e9;
    return std::fabs(seconds) < kMost ? base::Duration{std::llround(seconds * 1e9)}
                                      : base::Duration{};
}

/// Seconds with three decimals.
inline std::string secondsText(std::int64_t ms)
{
    const auto magnitude =
        ms < 0 ? -static_cast<std::uint64_t>(ms) : static_cast<std::uint64_t>(ms);
    return fmt::format("{}{}.{:03}", ms < 0 ? "-" : "", magnitude / 1000, magnitude % 1000);
}

} // namespace narthex::client
