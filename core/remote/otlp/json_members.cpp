// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/remote/otlp/json_members.h"

#include "core/base/number.h"
#include "core/base/status.h"

#include <cmath>
#include <limits>

namespace narthex::remote::otlp {
namespace {

/// "timeUnixNano" as "time_unix_nano".
std::string snakeCase(std::string_view name)
{
    std::string out;
    for (const char c : name) {
        if (c >= 'A' && c <= 'Z') {
            out += '_';
            out += static_cast<char>(c - 'A' + 'a');
        } else {
            out += c;
        }
    }
    return out;
}

} // namespace

void failJson(std::string_view name, std::string_view wanted)
{
    throw WrongJson(base::invalidArgument("the request's member \"{}\" is no {}", name, wanted));
}

std::optional<element> member(const object& from, std::string_view name)
{
    element found;
    if (from[name].get(found) != simdjson::SUCCESS &&
        from[snakeCase(name)].get(found) != simdjson::SUCCESS) {
        return std::nullopt;
    }
    return found.is_null() ? std::nullopt : std::optional(found);
}

object objectOf(const element& from, std::string_view name)
{
    object out;
    if (from.get(out) != simdjson::SUCCESS) {
        failJson(name, "object");
    }
    return out;
}

std::string text(const object& from, std::string_view name)
{
    const auto found = member(from, name);
    std::string_view out;
    if (found && found->get(out) != simdjson::SUCCESS) {
        failJson(name, "text");
    }
    return std::string(out);
}

double numberOf(const element& from, std::string_view name)
{
    double out = 0;
    if (from.get(out) == simdjson::SUCCESS) {
        return out;
    }
    std::string_view written;
    if (from.get(written) == simdjson::SUCCESS) {
        if (const auto value = base::parseFloat(written)) {
            return *value;
        }
    }
    failJson(name, "number");
}

std::optional<double> number(const object& from, std::string_view name)
{
    const auto found = member(from, name);
    return found ? std::optional(numberOf(*found, name)) : std::nullopt;
}

std::int64_t integerOf(const element& from, std::string_view name)
{
    std::int64_t out = 0;
    if (from.get(out) == simdjson::SUCCESS) {
        return out;
    }
    std::string_view written;
    if (from.get(written) == simdjson::SUCCESS) {
        if (const auto value = base::parseInt(written)) {
            return *value;
        }
    }
    // Some write whole numbers with a point.
    double whole = 0;
    constexpr double kMost = 9e15;
    if (from.get(whole) == simdjson::SUCCESS && std::trunc(whole) == whole &&
        std::abs(whole) < kMost) {
        return static_cast<std::int64_t>(whole);
    }
    failJson(name, "whole number");
}

std::int64_t integer(const object& from, std::string_view name)
{
    const auto found = member(from, name);
    return found ? integerOf(*found, name) : 0;
}

std::uint64_t naturalOf(const element& from, std::string_view name)
{
    const std::int64_t value = integerOf(from, name);
    if (value < 0) {
        failJson(name, "number from 0 on");
    }
    return static_cast<std::uint64_t>(value);
}

std::uint64_t natural(const object& from, std::string_view name)
{
    const auto found = member(from, name);
    return found ? naturalOf(*found, name) : 0;
}

std::int32_t smallInteger(const object& from, std::string_view name)
{
    const std::int64_t value = integer(from, name);
    if (value < std::numeric_limits<std::int32_t>::min() ||
        value > std::numeric_limits<std::int32_t>::max()) {
        failJson(name, "number of 32 bits");
    }
    return static_cast<std::int32_t>(value);
}

std::string bytesOfHex(const object& from, std::string_view name)
{
    const auto digit = [name](char c) -> unsigned {
        if (c >= '0' && c <= '9') {
            return static_cast<unsigned>(c - '0');
        }
        const char lower = static_cast<char>(c | 0x20);
        if (lower < 'a' || lower > 'f') {
            failJson(name, "hexadecimal text");
        }
        return static_cast<unsigned>(lower - 'a') + 10U;
    };
    const std::string digits = text(from, name);
    if (digits.size() % 2 != 0) {
        failJson(name, "hexadecimal text");
    }
    std::string out;
    for (std::size_t i = 0; i < digits.size(); i += 2) {
        out += static_cast<char>(digit(digits[i]) << 4U | digit(digits[i + 1]));
    }
    return out;
}

bool boolean(const object& from, std::string_view name)
{
    const auto found = member(from, name);
    bool out = false;
    if (found && found->get(out) != simdjson::SUCCESS) {
        failJson(name, "boolean");
    }
    return out;
}

} // namespace narthex::remote::otlp
