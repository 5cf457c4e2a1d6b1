// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A Go layout cut into what it names: `Mon, 02 Jan` is a short weekday, ", ", a day of two digits …
// Threads: pure functions. Lifetime: pieces refer to the layout.
// Source: the documentation of Go's package time.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace narthex::gotemplate {

inline constexpr std::array<std::string_view, 12> kMonths{
    "January", "February", "March",     "April",   "May",      "June",
    "July",    "August",   "September", "October", "November", "December"};
inline constexpr std::array<std::string_view, 7> kWeekdays{
    "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};

enum class TimeUnit : std::uint8_t
{
    Literal,
    LongMonth,
    ShortMonth,
    Month,
    Month2,
    LongWeekday,
    ShortWeekday,
    Day,
    BlankDay,
    Day2,
    BlankYearDay,
    YearDay3,
    Hour24,
    Hour12,
    Hour12Of2,
    Minute,
    Minute2,
    Second,
    Second2,
    LongYear,
    ShortYear,
    UpperHalf,
    LowerHalf,
    ZoneName,
    Offset,
    /// ".000", ",000": as many digits as zeros.
    Fraction,
    /// ".999": without zeros at the end.
    ShortFraction
};

struct LayoutPiece
{
    TimeUnit unit = TimeUnit::Literal;
    /// Its letters in the layout.
    std::string_view text;
};

std::vector<LayoutPiece> cutLayout(std::string_view layout);

} // namespace narthex::gotemplate
