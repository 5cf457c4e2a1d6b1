// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Numbers to text and back, independent of the C locale, in the forms that Prometheus' formats use;
// checked narrowing. Threads: pure functions.
#pragma once

#include "core/base/status.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

namespace narthex::base {

/// Shortest text that parses back to the same double; plain decimals unless |v| < 1e-6 or >= 1e21,
/// then "1e-07", "1e+21". "NaN", "+Inf", "-Inf". The form of sample values in the HTTP API.
std::string formatFloat(double value);
void appendFloat(std::string& out, double value);

/// Shortest plain decimal form, never an exponent ("1000000000000000000000").
std::string formatFloatPlain(double value);

/// Shortest form as Go's strconv writes 'g': exponent form when the decimal exponent is < -4 or >=
/// 6 ("1e+06", "1.7e+09", "100000", "0.0001", "1e-05"). The number form of the text page.
std::string formatFloatG(double value);

/// formatFloatG with ".0" appended when it has neither '.' nor exponent: "1.0", "1000.0", "1e+06".
/// OpenMetrics' canonical form of `le` and `quantile`.
std::string formatOpenMetricsFloat(double value);

/// Go's `%.<precision>g`.
std::string formatFloatPrecision(double value, int precision);

/// Decimal float as the text formats take it: optional sign, digits, '.', exponent,
/// nan/inf/infinity in any case. No hexadecimal, no blanks, no rest. Absent when it is not one;
/// overflow gives an absent value, too.
std::optional<double> parseFloat(std::string_view text);
std::optional<std::int64_t> parseInt(std::string_view text);
std::optional<std::uint64_t> parseUint(std::string_view text);

/// Bytes with binary suffixes: "512MB", "1.5GiB", "100KB" are powers of 1024, as in Prometheus'
/// configuration.
absl::StatusOr<std::uint64_t> parseByteSize(std::string_view text);

/// Largest binary units first, without those that are zero: "15MiB", "1GiB512MiB", "0B".
std::string formatByteSize(std::uint64_t bytes);

template <typename To, typename From>
constexpr To narrow(From value)
{
    const To result = static_cast<To>(value);
    NARTHEX_CHECK(static_cast<From>(result) == value && ((result < To{}) == (value < From{})));
    return result;
}

} // namespace narthex::base
