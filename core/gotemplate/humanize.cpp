// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/gotemplate/humanize.h"

#include "core/base/number.h"
#include "core/base/status.h"
#include "core/base/utf8.h"
#include "core/relabel/expand.h"

#include <fmt/format.h>

#include <arpa/inet.h>
#include <array>
#include <cmath>
#include <optional>
#include <span>

namespace narthex::gotemplate {
namespace {

constexpr std::array<std::string_view, 8> kSmall{"m", "u", "n", "p", "f", "a", "z", "y"};
constexpr std::array<std::string_view, 8> kLarge{"k", "M", "G", "T", "P", "E", "Z", "Y"};
constexpr std::array<std::string_view, 8> kBinary{"ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"};

std::string fourDigits(double value) { return base::formatFloatPrecision(value, 4); }

/// `value` divided until it is below `base`, with the prefix that says how often.
std::string scaledDown(double value, double base, std::span<const std::string_view> prefixes)
{
    std::string_view prefix;
    for (const std::string_view each : prefixes) {
        if (std::fabs(value) < base) {
            break;
        }
        prefix = each;
        value /= base;
    }
    return fourDigits(value) + std::string(prefix);
}

std::string scaledUp(double value)
{
    std::string_view prefix;
    for (const std::string_view each : kSmall) {
        if (std::fabs(value) >= 1) {
            break;
        }
        prefix = each;
        value *= 1000;
    }
    return fourDigits(value) + std::string(prefix);
}

struct HostAndPort
{
    std::string_view host;
    std::string_view port;
};

/// `host:port` and `[address]:port`; absent: there is no port, or too many colons.
std::optional<HostAndPort> splitAddress(std::string_view address)
{
    const std::size_t colon = address.rfind(':');
    if (colon == std::string_view::npos) {
        return std::nullopt;
    }
    std::string_view host = address.substr(0, colon);
    if (host.starts_with('[')) {
        if (!host.ends_with(']')) {
            return std::nullopt;
        }
        host = host.substr(1, host.size() - 2);
    } else if (host.find(':') != std::string_view::npos) {
        return std::nullopt;
    }
    if (host.find_first_of("[]") != std::string_view::npos) {
        return std::nullopt;
    }
    return HostAndPort{host, address.substr(colon + 1)};
}

bool isIpAddress(const std::string& text)
{
    in6_addr buffer{};
    return inet_pton(AF_INET, text.c_str(), &buffer) == 1 ||
           inet_pton(AF_INET6, text.c_str(), &buffer) == 1;
}

} // namespace

std::string humanize(double value)
{
    if (value == 0 || !std::isfinite(value)) {
        return fourDigits(value);
    }
    return std::fabs(value) >= 1 ? scaledDown(value, 1000, kLarge) : scaledUp(value);
}

std::string humanize1024(double value)
{
    if (!std::isfinite(value) || std::fabs(value) <= 1) {
        return fourDigits(value);
    }
    return scaledDown(value, 1024, kBinary);
}

std::string humanizeDuration(double seconds)
{
    if (!std::isfinite(seconds)) {
        return fourDigits(seconds);
    }
    if (seconds == 0) {
        return "0s";
    }
    if (std::fabs(seconds) < 1) {
        return scaledUp(seconds) + "s";
    }
    const std::string_view sign = seconds < 0 ? "-" : "";
    const double size = std::fabs(seconds);
    const std::uint64_t whole =
        size < 9.2e18 ? static_cast<std::uint64_t>(size) : std::uint64_t{9'200'000'000'000'000'000};
    const std::uint64_t s = whole % 60;
    const std::uint64_t m = whole / 60 % 60;
    const std::uint64_t h = whole / 3600 % 24;
    const std::uint64_t d = whole / 86'400;
    if (d != 0) {
        return fmt::format("{}{}d {}h {}m {}s", sign, d, h, m, s);
    }
    if (h != 0) {
        return fmt::format("{}{}h {}m {}s", sign, h, m, s);
    }
    if (m != 0) {
        return fmt::format("{}{}m {}s", sign, m, s);
    }
    return fmt::format("{}{}s", sign, fourDigits(size));
}

std::string humanizePercentage(double ratio) { return fourDigits(ratio * 100) + "%"; }

absl::StatusOr<Time> timeOfSeconds(double seconds)
{
    const double ns = seconds * 1e9;
    if (!std::isfinite(seconds)) {
        return base::invalidArgument("{} cannot be a time", base::formatFloatG(seconds));
    }
    if (ns >= 9223372036854775808.0 || ns < -9223372036854775808.0) {
        return base::invalidArgument(
            "{} cannot be represented as a nanoseconds timestamp since it overflows int64",
            base::formatFloatG(seconds));
    }
    return Time::of(base::Timestamp{static_cast<std::int64_t>(ns) / 1'000'000});
}

std::string titleCase(std::string_view text)
{
    std::string out;
    bool starts = true;
    while (!text.empty()) {
        const base::Rune rune = base::firstRune(text);
        const std::string_view letter = text.substr(0, rune.length);
        out += starts ? relabel::mapCase(letter, true) : std::string(letter);
        const char c = letter[0];
        const bool word = rune.value >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                          (c >= 'A' && c <= 'Z') || c == '_';
        starts = !word || rune.value == 0xA0 || rune.value == 0x3000;
        text.remove_prefix(rune.length);
    }
    return out;
}

std::string stripPort(std::string_view address)
{
    const auto parts = splitAddress(address);
    return std::string(parts ? parts->host : address);
}

std::string stripDomain(std::string_view address)
{
    const auto parts = splitAddress(address);
    const std::string_view host = parts ? parts->host : address;
    if (isIpAddress(std::string(host))) {
        return std::string(address);
    }
    const std::string label(host.substr(0, host.find('.')));
    return parts && !parts->port.empty() ? fmt::format("{}:{}", label, parts->port) : label;
}

absl::StatusOr<double> toFloat(const Value& value)
{
    if (const auto* real = value.as<double>()) {
        return *real;
    }
    if (const auto* integer = value.as<std::int64_t>()) {
        return static_cast<double>(*integer);
    }
    if (const auto* natural = value.as<std::uint64_t>()) {
        return static_cast<double>(*natural);
    }
    if (const auto* span = value.as<Span>()) {
        return static_cast<double>(span->nanoseconds) / 1e9;
    }
    if (const auto text = value.text()) {
        if (const auto number = base::parseFloat(*text)) {
            return *number;
        }
        return base::invalidArgument("parsing \"{}\": invalid syntax", *text);
    }
    return base::invalidArgument("can't convert {} to float", value.typeName());
}

} // namespace narthex::gotemplate
