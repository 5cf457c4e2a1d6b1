// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Points and spans of time as strong types, their text forms, and nothing that asks the operating
// system. Threads: pure values and functions. Units: Timestamp counts milliseconds since the Unix
// epoch, Duration nanoseconds. Source: Prometheus duration text ("1h30m", units y w d h m s ms in
// this order), RFC 3339.
#pragma once

#include <absl/status/statusor.h>

#include <compare>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace narthex::base {

/// A span of time in nanoseconds; may be negative.
struct Duration
{
    std::int64_t ns = 0;

    static constexpr Duration fromMs(std::int64_t ms) { return {ms * 1'000'000}; }
    /// Whole milliseconds, truncated toward zero.
    [[nodiscard]] constexpr std::int64_t ms() const { return ns / 1'000'000; }
    [[nodiscard]] constexpr double seconds() const { return static_cast<double>(ns) / 1e9; }

    friend constexpr auto operator<=>(Duration, Duration) = default;
    friend constexpr Duration operator+(Duration a, Duration b) { return {a.ns + b.ns}; }
    friend constexpr Duration operator-(Duration a, Duration b) { return {a.ns - b.ns}; }
    friend constexpr Duration operator-(Duration a) { return {-a.ns}; }
    friend constexpr Duration operator*(Duration a, std::int64_t k) { return {a.ns * k}; }
    friend constexpr Duration operator/(Duration a, std::int64_t k) { return {a.ns / k}; }
};

/// A point in time in milliseconds since 1970-01-01T00:00:00Z.
struct Timestamp
{
    std::int64_t ms = 0;

    static constexpr Timestamp min() { return {std::numeric_limits<std::int64_t>::min()}; }
    static constexpr Timestamp max() { return {std::numeric_limits<std::int64_t>::max()}; }
    [[nodiscard]] constexpr double seconds() const { return static_cast<double>(ms) / 1e3; }

    friend constexpr auto operator<=>(Timestamp, Timestamp) = default;
    friend constexpr Timestamp operator+(Timestamp t, Duration d) { return {t.ms + d.ms()}; }
    friend constexpr Timestamp operator-(Timestamp t, Duration d) { return {t.ms - d.ms()}; }
    friend constexpr Duration operator-(Timestamp a, Timestamp b)
    {
        return Duration::fromMs(a.ms - b.ms);
    }
};

inline namespace literals {
// clang-format off
constexpr Duration operator""_ns(unsigned long long v) { return {static_cast<std::int64_t>(v)}; }
constexpr Duration operator""_ms(unsigned long long v) { return {static_cast<std::int64_t>(v) * 1'000'000}; }
constexpr Duration operator""_s(unsigned long long v) { return {static_cast<std::int64_t>(v) * 1'000'000'000}; }
constexpr Duration operator""_min(unsigned long long v) { return {static_cast<std::int64_t>(v) * 60'000'000'000}; }
constexpr Duration operator""_h(unsigned long long v) { return {static_cast<std::int64_t>(v) * 3'600'000'000'000}; }
constexpr Duration operator""_d(unsigned long long v) { return {static_cast<std::int64_t>(v) * 86'400'000'000'000}; }
// clang-format on
} // namespace literals

/// Parses Prometheus duration text: "0", or integers with units y w d h m s ms, each at most once,
/// in this order. Errors: InvalidArgument `not a valid duration string: "…"`, `unknown unit …`,
/// `duration out of range`.
absl::StatusOr<Duration> parseDuration(std::string_view text);

/// Prometheus' form: "1h30m", "15s", "0s"; years and weeks only when they divide exactly; below a
/// millisecond is dropped. Negative durations carry a leading '-'.
std::string formatDuration(Duration duration);

/// Seconds as decimal ("1435781451.781") or RFC 3339 ("2015-07-01T20:10:51.781Z"), as the HTTP API
/// accepts. Errors: InvalidArgument `cannot parse "…" to a valid timestamp`.
absl::StatusOr<Timestamp> parseTimestamp(std::string_view text);

/// RFC 3339 in UTC with milliseconds when there are any: "2015-07-01T20:10:51.781Z".
std::string formatTimestamp(Timestamp timestamp);

} // namespace narthex::base
