// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The methods of times and spans in templates. Threads: pure functions.
// Source: spec/rules.md, 11; the documentation of Go's package time.
#include "core/base/status.h"
#include "core/gotemplate/time_text.h"

#include <fmt/format.h>

#include <cstdlib>
#include <limits>

namespace narthex::gotemplate {
namespace {

using Arguments = std::span<const Value>;

absl::Status count(std::string_view name, Arguments arguments, std::size_t wanted)
{
    return arguments.size() == wanted
               ? absl::OkStatus()
               : base::invalidArgument("wrong number of args for {}: want {} got {}", name, wanted,
                                       arguments.size());
}

template <typename T>
absl::StatusOr<T> argument(std::string_view name, Arguments arguments)
{
    NARTHEX_RETURN_IF_ERROR(count(name, arguments, 1));
    if (const T* value = arguments[0].as<T>()) {
        return *value;
    }
    return base::invalidArgument("wrong type for argument of {}: {}", name,
                                 arguments[0].typeName());
}

absl::StatusOr<Span> spanArgument(std::string_view name, Arguments arguments)
{
    if (arguments.size() == 1) {
        if (const auto* ns = arguments[0].as<std::int64_t>()) {
            return Span{*ns};
        }
    }
    return argument<Span>(name, arguments);
}

/// Nanoseconds between two instants, at most what fits.
Span between(const Time& a, const Time& b)
{
    std::int64_t seconds = 0;
    std::int64_t ns = 0;
    if (__builtin_sub_overflow(a.seconds, b.seconds, &seconds) ||
        __builtin_mul_overflow(seconds, std::int64_t{1'000'000'000}, &ns) ||
        __builtin_add_overflow(ns, std::int64_t{a.nanoseconds} - b.nanoseconds, &ns)) {
        return {a.seconds > b.seconds ? std::numeric_limits<std::int64_t>::max()
                                      : std::numeric_limits<std::int64_t>::min()};
    }
    return {ns};
}

Time later(Time time, Span by)
{
    std::int64_t seconds = by.nanoseconds / 1'000'000'000;
    std::int64_t ns = time.nanoseconds + by.nanoseconds % 1'000'000'000;
    if (ns < 0) {
        ns += 1'000'000'000;
        --seconds;
    } else if (ns >= 1'000'000'000) {
        ns -= 1'000'000'000;
        ++seconds;
    }
    if (__builtin_add_overflow(time.seconds, seconds, &time.seconds)) {
        time.seconds = seconds > 0 ? std::numeric_limits<std::int64_t>::max()
                                   : std::numeric_limits<std::int64_t>::min();
    }
    time.nanoseconds = static_cast<std::int32_t>(ns);
    return time;
}

int compare(const Time& a, const Time& b)
{
    const auto left = std::pair(a.seconds, a.nanoseconds);
    const auto right = std::pair(b.seconds, b.nanoseconds);
    return left < right ? -1 : right < left ? 1 : 0;
}

/// A method without arguments.
Function constant(std::string name, Value value)
{
    return [name = std::move(name),
            value = std::move(value)](Arguments arguments) -> absl::StatusOr<Value> {
        NARTHEX_RETURN_IF_ERROR(count(name, arguments, 0));
        return value;
    };
}

std::optional<Value> simpleTimeProperty(const Time& time, std::string_view name)
{
    if (name == "Unix") {
        return Value(time.seconds);
    }
    if (name == "UnixMilli") {
        std::int64_t ms = 0;
        const bool overflow = __builtin_mul_overflow(time.seconds, std::int64_t{1000}, &ms);
        return Value(overflow ? std::int64_t{0} : ms + time.nanoseconds / 1'000'000);
    }
    if (name == "UnixNano") {
        return Value(between(time, Time{.seconds = 0}).nanoseconds);
    }
    if (name == "IsZero") {
        return Value(time.isZero());
    }
    if (name == "String") {
        return Value(toText(time));
    }
    if (name == "UTC") {
        Time utc = time;
        utc.zone = "UTC";
        return Value(utc);
    }
    if (name == "Local") {
        Time local = time;
        local.zone = "Local";
        return Value(local);
    }
    return std::nullopt;
}

std::optional<Value> civilProperty(const Time& time, std::string_view name)
{
    const auto integer = [](std::int64_t value) { return Value(value); };
    const CivilTime civil = civilOf(time);
    if (name == "Year") {
        return integer(civil.year);
    }
    if (name == "Month") {
        return Value(formatTime("January", time));
    }
    if (name == "Day") {
        return integer(civil.day);
    }
    if (name == "Hour") {
        return integer(civil.hour);
    }
    if (name == "Minute") {
        return integer(civil.minute);
    }
    if (name == "Second") {
        return integer(civil.second);
    }
    if (name == "Nanosecond") {
        return integer(civil.nanosecond);
    }
    if (name == "Weekday") {
        return Value(formatTime("Monday", time));
    }
    if (name == "YearDay") {
        return integer(civil.yearDay);
    }
    return std::nullopt;
}

Function comparison(Time time, std::string name)
{
    return [time = std::move(time),
            name = std::move(name)](Arguments arguments) -> absl::StatusOr<Value> {
        NARTHEX_ASSIGN_OR_RETURN(const Time other, argument<Time>(name, arguments));
        const int order = compare(time, other);
        return Value(name == "Before" ? order < 0 : name == "After" ? order > 0 : order == 0);
    };
}

/// To the nearest multiple, halves away from zero; or towards zero.
std::int64_t multiple(std::int64_t ns, std::int64_t unit, bool nearest)
{
    if (unit <= 0) {
        return ns;
    }
    const std::int64_t rest = ns % unit;
    const std::int64_t down = ns - rest;
    const std::int64_t size = rest < 0 ? -rest : rest;
    if (!nearest || size < unit - size) {
        return down;
    }
    std::int64_t up = 0;
    return __builtin_add_overflow(down, rest < 0 ? -unit : unit, &up) ? down : up;
}

} // namespace

std::optional<Function> timeMethod(const Time& time, std::string_view name)
{
    if (auto value = simpleTimeProperty(time, name)) {
        return constant(std::string(name), *std::move(value));
    }
    if (auto value = civilProperty(time, name)) {
        return constant(std::string(name), *std::move(value));
    }
    if (name == "Format") {
        return [time](Arguments arguments) -> absl::StatusOr<Value> {
            NARTHEX_ASSIGN_OR_RETURN(const auto layout, argument<std::string>("Format", arguments));
            return Value(formatTime(layout, time));
        };
    }
    if (name == "Add") {
        return [time](Arguments arguments) -> absl::StatusOr<Value> {
            NARTHEX_ASSIGN_OR_RETURN(const Span span, spanArgument("Add", arguments));
            return Value(later(time, span));
        };
    }
    if (name == "Sub") {
        return [time](Arguments arguments) -> absl::StatusOr<Value> {
            NARTHEX_ASSIGN_OR_RETURN(const Time other, argument<Time>("Sub", arguments));
            return Value(between(time, other));
        };
    }
    if (name == "Before" || name == "After" || name == "Equal") {
        return comparison(time, std::string(name));
    }
    return std::nullopt;
}

std::optional<Function> spanMethod(Span span, std::string_view name)
{
    const auto ns = static_cast<double>(span.nanoseconds);
    if (name == "Seconds" || name == "Minutes" || name == "Hours") {
        const double unit = name == "Seconds" ? 1e9 : name == "Minutes" ? 60e9 : 3600e9;
        return constant(std::string(name), Value(ns / unit));
    }
    if (name == "Milliseconds") {
        return constant("Milliseconds", Value(span.nanoseconds / 1'000'000));
    }
    if (name == "Microseconds") {
        return constant("Microseconds", Value(span.nanoseconds / 1'000));
    }
    if (name == "Nanoseconds") {
        return constant("Nanoseconds", Value(span.nanoseconds));
    }
    if (name == "String") {
        return constant("String", Value(span.toString()));
    }
    if (name == "Abs") {
        return constant("Abs",
                        Value(Span{span.nanoseconds == std::numeric_limits<std::int64_t>::min()
                                       ? std::numeric_limits<std::int64_t>::max()
                                       : std::abs(span.nanoseconds)}));
    }
    if (name == "Round" || name == "Truncate") {
        return [span, nearest = name == "Round"](Arguments arguments) -> absl::StatusOr<Value> {
            NARTHEX_ASSIGN_OR_RETURN(const Span unit,
                                     spanArgument(nearest ? "Round" : "Truncate", arguments));
            return Value(Span{multiple(span.nanoseconds, unit.nanoseconds, nearest)});
        };
    }
    return std::nullopt;
}

} // namespace narthex::gotemplate
