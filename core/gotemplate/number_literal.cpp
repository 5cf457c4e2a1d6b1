// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/gotemplate/number_literal.h"

#include <charconv>
#include <limits>
#include <string>

namespace narthex::gotemplate {
namespace {

/// Without the `_` between digits; absent where one stands elsewhere.
std::optional<std::string> withoutUnderscores(std::string_view text)
{
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '_') {
            out += text[i];
            continue;
        }
        const auto isDigit = [&](std::size_t at) {
            const char c = at < text.size() ? text[at] : '\0';
            return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
        };
        const bool afterPrefix = i == 2 && text[0] == '0';
        if ((i == 0 || !isDigit(i - 1)) && !afterPrefix) {
            return std::nullopt;
        }
        if (!isDigit(i + 1)) {
            return std::nullopt;
        }
    }
    return out;
}

/// The radix that a prefix names, which is cut off.
int takeRadix(std::string_view& digits)
{
    if (digits.size() < 2 || digits[0] != '0') {
        return 10;
    }
    const char letter = static_cast<char>(digits[1] | 0x20);
    const int radix = letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 0;
    digits.remove_prefix(radix == 0 ? 1 : 2);
    return radix == 0 ? 8 : radix;
}

std::optional<Value> integer(std::string_view digits, bool negative)
{
    const int radix = takeRadix(digits);
    std::uint64_t magnitude = 0;
    const char* const end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, magnitude, radix);
    if (error != std::errc{} || stop != end || digits.empty()) {
        return std::nullopt;
    }
    constexpr auto kHighest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    if (negative) {
        return magnitude <= kHighest + 1
                   ? std::optional(Value(static_cast<std::int64_t>(0 - magnitude)))
                   : std::nullopt;
    }
    return magnitude <= kHighest ? Value(static_cast<std::int64_t>(magnitude)) : Value(magnitude);
}

std::optional<Value> real(std::string_view digits, bool negative)
{
    double value = 0;
    const bool hexadecimal = digits.starts_with("0x") || digits.starts_with("0X");
    if (hexadecimal) {
        if (digits.find_first_of("pP") == std::string_view::npos) {
            return std::nullopt;
        }
        digits.remove_prefix(2);
    } else if (digits.find_first_not_of("0123456789.eE+-") != std::string_view::npos) {
        return std::nullopt;
    }
    const char* const end = digits.data() + digits.size();
    const auto [stop, error] =
        std::from_chars(digits.data(), end, value,
                        hexadecimal ? std::chars_format::hex : std::chars_format::general);
    if (error != std::errc{} || stop != end || digits.empty()) {
        return std::nullopt;
    }
    return Value(negative ? -value : value);
}

} // namespace

std::optional<Value> parseNumber(std::string_view text)
{
    const bool negative = text.starts_with('-');
    if (negative || text.starts_with('+')) {
        text.remove_prefix(1);
    }
    const std::optional<std::string> digits = withoutUnderscores(text);
    if (!digits || digits->empty()) {
        return std::nullopt;
    }
    if (auto whole = integer(*digits, negative)) {
        return whole;
    }
    return real(*digits, negative);
}

} // namespace narthex::gotemplate
