// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Numbers and addresses for people. Threads: pure functions. Errors: InvalidArgument.
// Source: spec/rules.md, 11.
#pragma once

#include "core/gotemplate/value.h"

#include <string>
#include <string_view>

namespace narthex::gotemplate {

/// "1.235M", "120m".
std::string humanize(double value);
/// "1Mi".
std::string humanize1024(double value);
/// "1h 1m 1s", "100ms".
std::string humanizeDuration(double seconds);
/// "12.5%"
std::string humanizePercentage(double ratio);
/// Of seconds since 1970, to the millisecond. Errors: NaN, infinities, and what does not fit into
/// nanoseconds.
absl::StatusOr<Time> timeOfSeconds(double seconds);

/// First letters of words in upper case.
std::string titleCase(std::string_view text);

/// Host of `host:port`, without brackets; anything else as it is.
std::string stripPort(std::string_view address);
/// First label of the host's name, the port kept; addresses as they are.
std::string stripDomain(std::string_view address);

/// Numbers, spans (as seconds) and numeric text. Errors: `can't convert <type> to float`.
absl::StatusOr<double> toFloat(const Value& value);

} // namespace narthex::gotemplate
