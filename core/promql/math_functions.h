// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Functions of one number, and of times. Threads: pure functions. Source: spec/promql.md,
// Arithmetic, Time.
#pragma once

#include <string_view>

namespace narthex::promql {

using MathFunction = double (*)(double);

/// abs, sqrt, sin …; null if it is none of them.
MathFunction findMathFunction(std::string_view name);
/// day_of_month, hour … of seconds since 1970, in UTC.
MathFunction findTimeFunction(std::string_view name);

/// Any infinity wins in its direction before NaN; -0 is below +0.
double minOf(double a, double b);
double maxOf(double a, double b);

} // namespace narthex::promql
