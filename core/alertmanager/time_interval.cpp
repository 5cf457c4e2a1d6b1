// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/alertmanager/time_interval.h"

#include "core/base/number.h"
#include "core/yaml/field_printer.h"

#include <date/tz.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <stdexcept>

namespace narthex::alertmanager {
namespace {

using yaml::Fields;

constexpr std::array<std::string_view, 7> kWeekdays = {"sunday",   "monday", "tuesday", "wednesday",
                                                       "thursday", "friday", "saturday"};
constexpr std::array<std::string_view, 12> kMonths = {
    "january", "february", "march",     "april",   "may",      "june",
    "july",    "august",   "september", "october", "november", "december"};
constexpr int kMinutesOfDay = 24 * 60;

std::string lower(std::string_view text)
{
    std::string result(text);
    std::transform(result.begin(), result.end(), result.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return result;
}

template <std::size_t N>
std::optional<int> indexOf(const std::array<std::string_view, N>& names, std::string_view name)
{
    const auto found = std::find(names.begin(), names.end(), lower(name));
    return found == names.end() ? std::nullopt
                                : std::optional(static_cast<int>(found - names.begin()));
}

std::optional<int> number(std::string_view text)
{
    const auto value = base::parseInt(text);
    return value && *value > -100'000 && *value < 100'000 ? std::optional(static_cast<int>(*value))
                                                          : std::nullopt;
}

/// "a:b" or "a" in two halves.
std::pair<std::string_view, std::string_view> halves(std::string_view text)
{
    const std::size_t colon = text.find(':');
    return colon == std::string_view::npos
               ? std::pair(text, text)
               : std::pair(text.substr(0, colon), text.substr(colon + 1));
}

/// Reads or prints a list of ranges that stand as strings.
template <typename Parse, typename Print>
void ranges(Fields& fields, std::string_view name, std::vector<NumberRange>& list, Parse parse,
            Print print)
{
    std::vector<std::string> texts;
    for (const NumberRange& range : list) {
        texts.push_back(range.begin == range.end
                            ? print(range.begin)
                            : fmt::format("{}:{}", print(range.begin), print(range.end)));
    }
    fields.field(name, &texts, yaml::Printing::Flow);
    if (!fields.reading() || !fields.written(name)) {
        return;
    }
    list.clear();
    for (const std::string& text : texts) {
        std::string error;
        if (const auto range = parse(text, error)) {
            list.push_back(*range);
        } else {
            fields.failAt(name, error);
        }
    }
}

std::optional<NumberRange> parseWeekdays(std::string_view text, std::string& error)
{
    const auto [first, last] = halves(text);
    for (const std::string_view day : {first, last}) {
        if (!indexOf(kWeekdays, day)) {
            error = fmt::format("{} is not a valid weekday", day);
            return std::nullopt;
        }
    }
    const NumberRange range{*indexOf(kWeekdays, first), *indexOf(kWeekdays, last)};
    if (range.begin > range.end) {
        error = fmt::format("start day cannot be before end day (in {}: a week begins with sunday; "
                            "write two ranges)",
                            text);
        return std::nullopt;
    }
    return range;
}

std::optional<NumberRange> parseDays(std::string_view text, std::string& error)
{
    const auto [first, last] = halves(text);
    for (const std::string_view day : {first, last}) {
        const auto value = number(day);
        if (!value || *value == 0 || *value < -31 || *value > 31) {
            error = fmt::format("{} is not a valid day of the month: out of range", day);
            return std::nullopt;
        }
    }
    const NumberRange range{*number(first), *number(last)};
    // Days from the end, seen from the start of a month of 31 days.
    const auto forward = [](int day) { return day < 0 ? 32 + day : day; };
    if (range.begin < 0 && range.end > 0) {
        error = "end day must be negative if start day is negative";
    } else if (forward(range.begin) > forward(range.end)) {
        error = fmt::format("end day {} is always before start day {}", range.end, range.begin);
    }
    return error.empty() ? std::optional(range) : std::nullopt;
}

std::optional<int> monthOf(std::string_view text)
{
    if (const auto index = indexOf(kMonths, text)) {
        return *index + 1;
    }
    const auto value = number(text);
    return value && *value >= 1 && *value <= 12 ? value : std::nullopt;
}

std::optional<NumberRange> parseMonths(std::string_view text, std::string& error)
{
    const auto [first, last] = halves(text);
    for (const std::string_view month : {first, last}) {
        if (!monthOf(month)) {
            error = fmt::format("{} is not a valid month", month);
            return std::nullopt;
        }
    }
    const NumberRange range{*monthOf(first), *monthOf(last)};
    if (range.begin > range.end) {
        error = fmt::format("end month {} is before start month {}", last, first);
        return std::nullopt;
    }
    return range;
}

std::optional<NumberRange> parseYears(std::string_view text, std::string& error)
{
    const auto [first, last] = halves(text);
    for (const std::string_view year : {first, last}) {
        if (!number(year)) {
            error = fmt::format("{} is not a valid year", year);
            return std::nullopt;
        }
    }
    const NumberRange range{*number(first), *number(last)};
    if (range.begin > range.end) {
        error = fmt::format("end year {} is before start year {}", last, first);
        return std::nullopt;
    }
    return range;
}

/// "HH:MM" in minutes.
std::optional<int> clockTime(std::string_view text)
{
    if (text.size() != 5 || text[2] != ':') {
        return std::nullopt;
    }
    const auto hours = base::parseUint(text.substr(0, 2));
    const auto minutes = base::parseUint(text.substr(3, 2));
    if (!hours || !minutes || *minutes > 59 || *hours * 60 + *minutes > kMinutesOfDay) {
        return std::nullopt;
    }
    return static_cast<int>(*hours * 60 + *minutes);
}

/// One entry of `times`.
struct ClockRange
{
    std::string start;
    std::string end;
    std::optional<NumberRange> range;

    void describe(Fields& fields)
    {
        fields.field("start_time", &start);
        fields.field("end_time", &end);
        if (!fields.reading()) {
            return;
        }
        if (start.empty() || end.empty()) {
            fields.fail("both start and end times must be provided");
            return;
        }
        const auto from = clockTime(start);
        const auto to = clockTime(end);
        if (!from || !to) {
            fields.fail(fmt::format("couldn't parse timestamp {}, invalid format (HH:MM, from "
                                    "00:00 to 24:00)",
                                    from ? end : start));
        } else if (*from >= *to) {
            fields.fail("start time cannot be equal or greater than end time");
        } else {
            range = NumberRange{*from, *to};
        }
    }
    friend bool operator==(const ClockRange&, const ClockRange&) = default;
};

std::string clockText(int minutes)
{
    return fmt::format("{:02}:{:02}", minutes / 60, minutes % 60);
}

void describeTimes(Fields& fields, std::vector<NumberRange>& times)
{
    std::vector<ClockRange> list;
    for (const NumberRange& range : times) {
        list.push_back({clockText(range.begin), clockText(range.end), range});
    }
    if (fields.reading() || !list.empty()) {
        fields.list("times", list);
    }
    times.clear();
    for (const ClockRange& each : list) {
        if (each.range) {
            times.push_back(*each.range);
        }
    }
}

/// Null: no such zone.
const date::time_zone* zoneNamed(const std::string& name)
{
    try {
        return name == "Local" ? date::current_zone()
                               : date::locate_zone(name.empty() ? "UTC" : name);
    } catch (const std::runtime_error&) {
        return nullptr;
    }
}

template <typename Holds>
bool anyHolds(const std::vector<NumberRange>& list, Holds holds)
{
    return list.empty() || std::any_of(list.begin(), list.end(), holds);
}

} // namespace

void TimeSpec::describe(Fields& fields)
{
    describeTimes(fields, times);
    ranges(fields, "weekdays", weekdays, parseWeekdays,
           [](int day) { return std::string(kWeekdays.at(static_cast<std::size_t>(day))); });
    ranges(fields, "days_of_month", daysOfMonth, parseDays,
           [](int day) { return std::to_string(day); });
    ranges(fields, "months", months, parseMonths,
           [](int month) { return std::string(kMonths.at(static_cast<std::size_t>(month) - 1)); });
    ranges(fields, "years", years, parseYears, [](int year) { return std::to_string(year); });
    fields.field("location", &location);
    if (fields.reading() && zoneNamed(location) == nullptr) {
        fields.failAt("location", fmt::format("unknown time zone {} (a name of the IANA data base, "
                                              "UTC or Local)",
                                              location));
    }
}

bool TimeSpec::contains(base::Timestamp time) const
{
    const date::sys_time<std::chrono::milliseconds> instant{std::chrono::milliseconds(time.ms)};
    const date::time_zone* zone = zoneNamed(location);
    if (zone == nullptr) {
        return false;
    }
    const auto local = zone->to_local(instant);
    const auto day = date::floor<date::days>(local);
    const date::year_month_day date{day};
    const int minutes =
        static_cast<int>(std::chrono::duration_cast<std::chrono::minutes>(local - day).count());
    const int weekday = static_cast<int>(date::weekday{day}.c_encoding());
    const int dayOfMonth = static_cast<int>(static_cast<unsigned>(date.day()));
    const int month = static_cast<int>(static_cast<unsigned>(date.month()));
    const int year = static_cast<int>(date.year());
    const int daysInMonth = static_cast<int>(static_cast<unsigned>(
        date::year_month_day_last(date.year(), date.month() / date::last).day()));
    const auto within = [](int value) {
        return [value](const NumberRange& range) {
            return value >= range.begin && value <= range.end;
        };
    };
    const auto holdsDay = [&](const NumberRange& range) {
        const auto forward = [&](int d) { return d < 0 ? daysInMonth + d + 1 : d; };
        const int begin = std::max(forward(range.begin), 1);
        const int end = std::min(forward(range.end), daysInMonth);
        return begin <= daysInMonth && dayOfMonth >= begin && dayOfMonth <= end;
    };
    return anyHolds(times,
                    [&](const NumberRange& range) {
                        return minutes >= range.begin && minutes < range.end;
                    }) &&
           anyHolds(daysOfMonth, holdsDay) && anyHolds(months, within(month)) &&
           anyHolds(weekdays, within(weekday)) && anyHolds(years, within(year));
}

void TimeInterval::describe(Fields& fields)
{
    fields.field("name", &name);
    fields.list("time_intervals", specs);
    fields.check(!fields.reading() || !name.empty(), "missing name in time interval");
}

bool TimeInterval::contains(base::Timestamp time) const
{
    return std::any_of(specs.begin(), specs.end(),
                       [time](const TimeSpec& spec) { return spec.contains(time); });
}

} // namespace narthex::alertmanager
