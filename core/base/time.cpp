// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/time.h"

#include "core/base/number.h"
#include "core/base/status.h"

#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <ctime>

namespace narthex::base {
namespace {

struct Unit
{
    std::string_view name;
    std::int64_t ns;
};

constexpr std::array<Unit, 7> kUnits = {{{"y", (365_d).ns},
                                         {"w", (7_d).ns},
                                         {"d", (1_d).ns},
                                         {"h", (1_h).ns},
                                         {"m", (1_min).ns},
                                         {"s", (1_s).ns},
                                         {"ms", (1_ms).ns}}};

bool isDigit(char c) { return c >= '0' && c <= '9'; }

absl::StatusOr<Timestamp> parseRfc3339(std::string_view text)
{
    const absl::Status bad = invalidArgument("cannot parse \"{}\" to a valid timestamp", text);
    constexpr std::string_view kShape = "dddd-dd-ddTdd:dd:dd";
    if (text.size() < kShape.size() + 1) {
        return bad;
    }
    std::array<int, 6> fields{};
    std::size_t field = 0;
    for (std::size_t i = 0; i < kShape.size(); ++i) {
        if (kShape[i] == 'd') {
            if (!isDigit(text[i])) {
                return bad;
            }
            fields[field] = fields[field] * 10 + (text[i] - '0');
        } else if (text[i] == kShape[i] || (kShape[i] == 'T' && text[i] == 't')) {
            ++field;
        } else {
            return bad;
        }
    }
    std::string_view rest = text.substr(kShape.size());
    std::int64_t ms = 0;
    if (rest.front() == '.') {
        rest.remove_prefix(1);
        std::int64_t scale = 100;
        std::size_t digits = 0;
        for (; digits < rest.size() && isDigit(rest[digits]); ++digits, scale /= 10) {
            ms += (rest[digits] - '0') * scale;
        }
        if (digits == 0) {
            return bad;
        }
        rest.remove_prefix(digits);
    }
    std::int64_t offsetMinutes = 0;
    if (rest == "Z" || rest == "z") {
        offsetMinutes = 0;
    } else if (rest.size() == 6 && (rest[0] == '+' || rest[0] == '-') && rest[3] == ':' &&
               isDigit(rest[1]) && isDigit(rest[2]) && isDigit(rest[4]) && isDigit(rest[5])) {
        offsetMinutes =
            ((rest[1] - '0') * 10 + (rest[2] - '0')) * 60 + (rest[4] - '0') * 10 + (rest[5] - '0');
        if (rest[0] == '-') {
            offsetMinutes = -offsetMinutes;
        }
    } else {
        return bad;
    }
    using namespace std::chrono;
    const year_month_day date{year{fields[0]}, month{static_cast<unsigned>(fields[1])},
                              day{static_cast<unsigned>(fields[2])}};
    if (!date.ok() || fields[3] > 23 || fields[4] > 59 || fields[5] > 59) {
        return bad;
    }
    const std::int64_t days = sys_days{date}.time_since_epoch().count();
    const std::int64_t seconds = days * 86400 + fields[3] * 3600 + fields[4] * 60 + fields[5];
    return Timestamp{(seconds - offsetMinutes * 60) * 1000 + ms};
}

} // namespace

absl::StatusOr<Duration> parseDuration(std::string_view text)
{
    if (text == "0") {
        return Duration{};
    }
    const absl::Status bad = invalidArgument("not a valid duration string: \"{}\"", text);
    if (text.empty()) {
        return invalidArgument("empty duration string");
    }
    std::string_view rest = text;
    std::size_t nextUnit = 0;
    std::int64_t total = 0;
    while (!rest.empty()) {
        std::uint64_t number = 0;
        const auto [ptr, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
        if (error == std::errc::invalid_argument || ptr == rest.data()) {
            return bad;
        }
        rest.remove_prefix(static_cast<std::size_t>(ptr - rest.data()));
        std::size_t length = 0;
        while (length < rest.size() && !isDigit(rest[length])) {
            ++length;
        }
        const std::string_view name = rest.substr(0, length);
        std::size_t unit = 0;
        while (unit < kUnits.size() && kUnits[unit].name != name) {
            ++unit;
        }
        if (unit == kUnits.size() && !name.empty()) {
            return invalidArgument("unknown unit \"{}\" in duration \"{}\"", name, text);
        }
        if (unit == kUnits.size() || unit < nextUnit) {
            return bad;
        }
        nextUnit = unit + 1;
        std::int64_t part = 0;
        if (error != std::errc{} || number > static_cast<std::uint64_t>(INT64_MAX) ||
            __builtin_mul_overflow(static_cast<std::int64_t>(number), kUnits[unit].ns, &part) ||
            __builtin_add_overflow(total, part, &total)) {
            return invalidArgument("duration out of range");
        }
        rest.remove_prefix(length);
    }
    return Duration{total};
}

std::string formatDuration(Duration duration)
{
    std::int64_t ms = duration.ms();
    if (ms == 0) {
        return "0s";
    }
    std::string out;
    if (ms < 0) {
        out = "-";
        ms = -ms;
    }
    for (const Unit& unit : kUnits) {
        const std::int64_t unitMs = unit.ns / 1'000'000;
        const bool onlyExact = unit.name == "y" || unit.name == "w";
        if (onlyExact && ms % unitMs != 0) {
            continue;
        }
        if (const std::int64_t count = ms / unitMs; count > 0) {
            out += std::to_string(count);
            out += unit.name;
            ms -= count * unitMs;
        }
    }
    return out;
}

absl::StatusOr<Timestamp> parseTimestamp(std::string_view text)
{
    if (const auto seconds = parseFloat(text)) {
        const double ms = std::round(*seconds * 1000);
        if (!(ms > -9.2e18 && ms < 9.2e18)) {
            return invalidArgument("cannot parse \"{}\" to a valid timestamp", text);
        }
        return Timestamp{static_cast<std::int64_t>(ms)};
    }
    return parseRfc3339(text);
}

std::string formatTimestamp(Timestamp timestamp)
{
    using namespace std::chrono;
    const sys_time<milliseconds> time{milliseconds{timestamp.ms}};
    const auto day = floor<days>(time);
    const year_month_day date{day};
    const hh_mm_ss clock{time - day};
    std::string out =
        fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()),
                    static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                    clock.hours().count(), clock.minutes().count(), clock.seconds().count());
    if (const auto ms = clock.subseconds().count(); ms != 0) {
        out += fmt::format(".{:03}", ms);
        while (out.back() == '0') {
            out.pop_back();
        }
    }
    return out + "Z";
}

} // namespace narthex::base
