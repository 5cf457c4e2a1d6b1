// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/gotemplate/time_text.h"

#include "core/base/status.h"
#include "core/gotemplate/time_layout.h"

#include <date/tz.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <exception>

namespace narthex::gotemplate {
namespace {

constexpr std::int64_t kDay = 86'400;
/// The calendar repeats itself after 400 years.
constexpr std::int64_t kEra = 146'097;

std::int64_t floorDivide(std::int64_t a, std::int64_t b)
{
    return a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0);
}

/// Null: UTC, or there is no such zone.
const date::time_zone* findZone(std::string_view name)
{
    if (name.empty() || name == "UTC") {
        return nullptr;
    }
    try {
        return name == "Local" ? date::current_zone() : date::locate_zone(std::string(name));
    } catch (const std::exception&) {
        return nullptr;
    }
}

/// "+02:00" is a zone of its own, for texts that give an offset.
std::optional<int> fixedOffset(std::string_view zone)
{
    if (zone.size() != 6 || (zone[0] != '+' && zone[0] != '-') || zone[3] != ':') {
        return std::nullopt;
    }
    const auto digit = [zone](std::size_t i) { return zone[i] - '0'; };
    const int seconds = (digit(1) * 10 + digit(2)) * 3600 + (digit(4) * 10 + digit(5)) * 60;
    return zone[0] == '-' ? -seconds : seconds;
}

struct ZoneState
{
    int offsetSeconds = 0;
    std::string abbreviation = "UTC";
};

ZoneState zoneStateAt(std::string_view zone, std::int64_t seconds)
{
    if (const auto offset = fixedOffset(zone)) {
        return {*offset, fmt::format("{}{}", zone.substr(0, 3), zone.substr(4))};
    }
    const date::time_zone* found = findZone(zone);
    // Beyond this, the rules of zones mean nothing and the library overflows.
    constexpr std::int64_t kFar = std::int64_t{1} << 40;
    if (found == nullptr || seconds > kFar || seconds < -kFar) {
        return {};
    }
    try {
        const date::sys_info info =
            found->get_info(date::sys_seconds{std::chrono::seconds{seconds}});
        return {static_cast<int>(info.offset.count()), info.abbrev};
    } catch (const std::exception&) {
        return {};
    }
}

std::string offsetText(std::string_view layout, int offset)
{
    if (layout[0] == 'Z' && offset == 0) {
        return "Z";
    }
    const std::string_view colon = layout.find(':') == std::string_view::npos ? "" : ":";
    const int size = std::abs(offset);
    std::string text = fmt::format("{}{:02}", offset < 0 ? '-' : '+', size / 3600);
    const auto digits =
        std::count_if(layout.begin(), layout.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (digits >= 4) {
        text += fmt::format("{}{:02}", colon, size / 60 % 60);
    }
    if (digits >= 6) {
        text += fmt::format("{}{:02}", colon, size % 60);
    }
    return text;
}

std::string fractionText(const LayoutPiece& piece, int nanosecond)
{
    std::string digits = fmt::format("{:09}", nanosecond);
    digits.resize(std::min<std::size_t>(9, piece.text.size() - 1));
    if (piece.unit == TimeUnit::ShortFraction) {
        digits.erase(digits.find_last_not_of('0') + 1);
    } else {
        digits.append(piece.text.size() - 1 - digits.size(), '0');
    }
    return digits.empty() ? "" : piece.text[0] + digits;
}

std::string pieceText(const LayoutPiece& piece, const CivilTime& t)
{
    const int hour12 = t.hour % 12 == 0 ? 12 : t.hour % 12;
    const std::string_view month = kMonths[static_cast<std::size_t>(t.month - 1)];
    const std::string_view weekday = kWeekdays[static_cast<std::size_t>(t.weekday)];
    switch (piece.unit) {
    case TimeUnit::Literal:
        return std::string(piece.text);
    case TimeUnit::LongMonth:
        return std::string(month);
    case TimeUnit::ShortMonth:
        return std::string(month.substr(0, 3));
    case TimeUnit::Month:
        return fmt::format("{}", t.month);
    case TimeUnit::Month2:
        return fmt::format("{:02}", t.month);
    case TimeUnit::LongWeekday:
        return std::string(weekday);
    case TimeUnit::ShortWeekday:
        return std::string(weekday.substr(0, 3));
    case TimeUnit::Day:
        return fmt::format("{}", t.day);
    case TimeUnit::BlankDay:
        return fmt::format("{:2}", t.day);
    case TimeUnit::Day2:
        return fmt::format("{:02}", t.day);
    case TimeUnit::BlankYearDay:
        return fmt::format("{:3}", t.yearDay);
    case TimeUnit::YearDay3:
        return fmt::format("{:03}", t.yearDay);
    case TimeUnit::Hour24:
        return fmt::format("{:02}", t.hour);
    case TimeUnit::Hour12:
        return fmt::format("{}", hour12);
    case TimeUnit::Hour12Of2:
        return fmt::format("{:02}", hour12);
    case TimeUnit::Minute:
        return fmt::format("{}", t.minute);
    case TimeUnit::Minute2:
        return fmt::format("{:02}", t.minute);
    case TimeUnit::Second:
        return fmt::format("{}", t.second);
    case TimeUnit::Second2:
        return fmt::format("{:02}", t.second);
    case TimeUnit::LongYear:
        return t.year < 0 ? fmt::format("-{:04}", -t.year) : fmt::format("{:04}", t.year);
    case TimeUnit::ShortYear:
        return fmt::format("{:02}", std::abs(t.year) % 100);
    case TimeUnit::UpperHalf:
        return t.hour >= 12 ? "PM" : "AM";
    case TimeUnit::LowerHalf:
        return t.hour >= 12 ? "pm" : "am";
    case TimeUnit::ZoneName:
        return t.abbreviation;
    case TimeUnit::Offset:
        return offsetText(piece.text, t.offsetSeconds);
    case TimeUnit::Fraction:
    case TimeUnit::ShortFraction:
        return fractionText(piece, t.nanosecond);
    }
    return {};
}

} // namespace

CivilTime civilOf(const Time& time)
{
    const ZoneState zone = zoneStateAt(time.zone, time.seconds);
    // Far enough from the ends that nothing below overflows.
    constexpr std::int64_t kLimit = std::int64_t{1} << 60;
    const std::int64_t local = std::clamp(time.seconds, -kLimit, kLimit) + zone.offsetSeconds;
    const std::int64_t days = floorDivide(local, kDay);
    const std::int64_t secondOfDay = local - days * kDay;
    // One era of 400 years is all that the calendar need know.
    const std::int64_t era = floorDivide(days, kEra);
    const std::chrono::sys_days within{std::chrono::days{days - era * kEra}};
    const std::chrono::year_month_day ymd{within};
    const std::chrono::sys_days newYear{ymd.year() / std::chrono::January / 1};
    return {.year = static_cast<int>(ymd.year()) + era * 400,
            .month = static_cast<int>(static_cast<unsigned>(ymd.month())),
            .day = static_cast<int>(static_cast<unsigned>(ymd.day())),
            .hour = static_cast<int>(secondOfDay / 3600),
            .minute = static_cast<int>(secondOfDay / 60 % 60),
            .second = static_cast<int>(secondOfDay % 60),
            .nanosecond = time.nanoseconds,
            .weekday = static_cast<int>(std::chrono::weekday{within}.c_encoding()),
            .yearDay = static_cast<int>((within - newYear).count()) + 1,
            .offsetSeconds = zone.offsetSeconds,
            .abbreviation = zone.abbreviation};
}

std::int64_t secondsOf(std::int64_t year, int month, int day, int hour, int minute, int second)
{
    const std::int64_t era = floorDivide(year, 400);
    const auto ymd = std::chrono::year{static_cast<int>(year - era * 400)} /
                     std::chrono::month{static_cast<unsigned>(month)} /
                     std::chrono::day{static_cast<unsigned>(day)};
    const std::int64_t days = std::chrono::sys_days{ymd}.time_since_epoch().count() + era * kEra;
    return days * kDay + hour * 3600 + minute * 60 + second;
}

std::string formatTime(std::string_view layout, const Time& time)
{
    const CivilTime civil = civilOf(time);
    std::string out;
    for (const LayoutPiece& piece : cutLayout(layout)) {
        out += pieceText(piece, civil);
    }
    return out;
}

absl::StatusOr<Time> inZone(const Time& time, std::string_view zone)
{
    if (!zone.empty() && zone != "UTC" && findZone(zone) == nullptr) {
        return base::invalidArgument("unknown time zone {}", zone);
    }
    Time result = time;
    result.zone = zone.empty() ? "UTC" : std::string(zone);
    return result;
}

std::string toText(const Time& time)
{
    return formatTime("2006-01-02 15:04:05.999999999 -0700 MST", time);
}

std::string toRfc3339(const Time& time)
{
    return formatTime("2006-01-02T15:04:05.999999999Z07:00", time);
}

} // namespace narthex::gotemplate
