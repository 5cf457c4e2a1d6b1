// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Numbers of JSON as times. Threads: pure functions.
#pragma once

#include "core/base/time.h"

#include <cmath>

namespace narthex::client {

/// Seconds; what is no number of about 290 years at most becomes zero.
inline base::Duration durationOf(double seconds)
{
    constexpr double kMost = 9.2e9;
    return std::fabs(seconds) < kMost ? base::Duration{std::llround(seconds * 1e9)}
                                      : base::Duration{};
}

} // namespace narthex::client
