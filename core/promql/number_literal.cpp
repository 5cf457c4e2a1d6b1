// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Number and duration literals: where one ends, and the value of a number.
// Source: spec/promql.md, Lexer, Numbers and Durations.
#include "core/base/number.h"
#include "core/base/status.h"
#include "core/model/sample.h"
#include "core/promql/lexer.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

namespace narthex::promql {
namespace {

constexpr bool isDigit(char c) { return c >= '0' && c <= '9'; }
constexpr bool isHexDigit(char c)
{
    return isDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
constexpr bool isWordByte(char c)
{
    return isDigit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

class NumberScanner
{
public:
    explicit NumberScanner(std::string_view text) : text_(text) {}

    NumberScan run()
    {
        if (number() && atBorder()) {
            return {at_, false, at_};
        }
        const std::size_t numberEnd = at_;
        at_ = 0;
        if (duration() && atBorder()) {
            return {at_, true, at_};
        }
        return {0, false, std::min(text_.size(), std::max(at_, numberEnd) + 1)};
    }

private:
    [[nodiscard]] char peek(std::size_t ahead = 0) const
    {
        return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
    }
    [[nodiscard]] bool atBorder() const { return !isWordByte(peek()) && peek() != '.'; }

    /// Digits with single underscores between them.
    template <typename IsDigit>
    bool digits(IsDigit is, bool underscoreFirst = false)
    {
        if (underscoreFirst && peek() == '_') {
            ++at_;
        }
        if (!is(peek())) {
            return false;
        }
        while (is(peek()) || (peek() == '_' && is(peek(1)))) {
            ++at_;
        }
        return true;
    }

    bool number()
    {
        if (peek() == '0' && (peek(1) | 0x20) == 'x') {
            at_ += 2;
            return digits(isHexDigit, true);
        }
        const bool whole = digits(isDigit);
        if (peek() == '.') {
            ++at_;
            if (!digits(isDigit) && (!whole || peek() == '_')) {
                return false;
            }
        } else if (!whole) {
            return false;
        }
        return exponent();
    }

    bool exponent()
    {
        if ((peek() | 0x20) != 'e') {
            return true;
        }
        const std::size_t sign = peek(1) == '+' || peek(1) == '-' ? 2 : 1;
        if (!isDigit(peek(sign))) {
            return false;
        }
        at_ += sign;
        return digits(isDigit);
    }

    /// One or more of digits and unit. Order and repetition are the parser's business: it has
    /// better words for them.
    bool duration()
    {
        constexpr std::string_view kUnits = "smhdwy";
        bool any = false;
        while (isDigit(peek())) {
            while (isDigit(peek())) {
                ++at_;
            }
            if (peek() == '\0' || kUnits.find(peek()) == std::string_view::npos) {
                return false;
            }
            ++at_;
            if (peek() == 's') {
                ++at_; // "ms", and wrong ones such as "hs"
            }
            any = true;
        }
        return any;
    }

    const std::string_view text_;
    std::size_t at_ = 0;
};

std::optional<std::int64_t> parseWithBase(std::string_view digits)
{
    int radix = 10;
    if (digits.size() > 2 && digits[0] == '0' && (digits[1] | 0x20) == 'x') {
        radix = 16;
        digits.remove_prefix(2);
    } else if (digits.size() > 1 && digits[0] == '0') {
        radix = 8;
        digits.remove_prefix(1);
    }
    std::int64_t value = 0;
    const char* end = digits.data() + digits.size();
    const auto [ptr, error] = std::from_chars(digits.data(), end, value, radix);
    return error == std::errc() && ptr == end ? std::optional(value) : std::nullopt;
}

} // namespace

NumberScan scanNumberOrDuration(std::string_view text) { return NumberScanner(text).run(); }

absl::StatusOr<double> parseNumberToken(std::string_view token)
{
    std::string digits;
    for (const char c : token) {
        if (c != '_') {
            digits += c;
        }
    }
    if (digits.size() == 3 && (digits[0] | 0x20) == 'n') {
        return model::normalNan();
    }
    if (digits.size() == 3 && (digits[0] | 0x20) == 'i') {
        return std::numeric_limits<double>::infinity();
    }
    if (const auto whole = parseWithBase(digits)) {
        return static_cast<double>(*whole);
    }
    if (digits.size() > 2 && (digits[1] | 0x20) == 'x') {
        double value = 0;
        std::from_chars(digits.data() + 2, digits.data() + digits.size(), value,
                        std::chars_format::hex);
        return value;
    }
    if (const auto value = base::parseFloat(digits)) {
        return *value;
    }
    // What is too small for a double is zero, what is too large is an error.
    double value = 0;
    const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (result.ec == std::errc::result_out_of_range && digits.find("e-") != std::string::npos) {
        return 0.0;
    }
    return base::invalidArgument("error parsing number: \"{}\" is out of range", token);
}

} // namespace narthex::promql
