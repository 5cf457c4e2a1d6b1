// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Instants as text by Go's layouts ("2006-01-02 15:04:05 MST") and back, in zones of the IANA data
// base, and the methods that times and spans have in templates. Threads: pure functions.
// Errors: InvalidArgument. Source: the documentation of Go's package time.
#pragma once

#include "core/gotemplate/value.h"

#include <optional>
#include <string>
#include <string_view>

namespace narthex::gotemplate {

/// An instant on the clocks and calendars of its zone.
struct CivilTime
{
    std::int64_t year = 1;
    int month = 1; // 1 … 12
    int day = 1;
    int hour = 0;
    int minute = 0;
    int second = 0;
    int nanosecond = 0;
    int weekday = 1; // 0: Sunday
    int yearDay = 1;
    int offsetSeconds = 0;
    std::string abbreviation = "UTC";
};

CivilTime civilOf(const Time& time);
/// Seconds since 1970 of a UTC date and time of the day.
std::int64_t secondsOf(std::int64_t year, int month, int day, int hour, int minute, int second);

std::string formatTime(std::string_view layout, const Time& time);
/// `zone`: for texts that name none. Errors: `parsing time "…" as "…": …`.
absl::StatusOr<Time> parseTime(std::string_view layout, std::string_view text,
                               std::string_view zone);
/// The same instant elsewhere. Errors: `unknown time zone …`.
absl::StatusOr<Time> inZone(const Time& time, std::string_view zone);

/// "2015-06-23 13:19:44.128 +0000 UTC"
std::string toText(const Time& time);
/// RFC 3339 with the nanoseconds that there are: "2015-06-23T13:19:44.128Z".
std::string toRfc3339(const Time& time);

/// Methods by name; absent: no such method.
std::optional<Function> timeMethod(const Time& time, std::string_view name);
std::optional<Function> spanMethod(Span span, std::string_view name);

} // namespace narthex::gotemplate
