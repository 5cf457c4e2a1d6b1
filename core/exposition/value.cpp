// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/exposition/value.h"

#include "core/base/number.h"
#include "core/model/sample.h"

#include <array>
#include <cmath>
#include <string_view>

namespace narthex::exposition {
namespace {

constexpr std::array<double, 23> kPowersOfTen = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                 1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                                 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
constexpr int kExactDigits = 15;

bool endsToken(char c) { return c == '\n' || c == ' ' || c == '\t'; }

ParsedValue parseSlowly(const char* begin, const char* end)
{
    const char* p = begin;
    bool unsupported = false;
    while (p != end && !endsToken(*p)) {
        unsupported = unsupported || *p == 'p' || *p == 'P' || *p == '_';
        ++p;
    }
    const std::string_view token(begin, static_cast<std::size_t>(p - begin));
    if (unsupported) {
        return {.end = p, .status = ValueStatus::Unsupported};
    }
    const auto value = base::parseFloat(token);
    if (!value) {
        const bool looksNumeric =
            token.find_first_not_of("+-.0123456789eE") == std::string_view::npos &&
            token.find_first_of("0123456789") != std::string_view::npos &&
            token.find_last_of("0123456789") == token.size() - 1;
        return {.end = p, .status = looksNumeric ? ValueStatus::Range : ValueStatus::Syntax};
    }
    return {.value = std::isnan(*value) ? model::normalNan() : *value, .end = p};
}

} // namespace

ParsedValue parseValue(const char* begin, const char* end)
{
    const char* p = begin;
    bool negative = false;
    if (p != end && *p == '-') {
        negative = true;
        ++p;
    }
    std::uint64_t mantissa = 0;
    int digits = 0;
    int exponent = 0;
    const char* start = p;
    for (; p != end && *p >= '0' && *p <= '9'; ++p) {
        mantissa = mantissa * 10 + static_cast<std::uint64_t>(*p - '0');
        ++digits;
    }
    if (p == start) {
        return parseSlowly(begin, end);
    }
    if (p != end && *p == '.') {
        const char* fraction = ++p;
        for (; p != end && *p >= '0' && *p <= '9'; ++p) {
            mantissa = mantissa * 10 + static_cast<std::uint64_t>(*p - '0');
            ++digits;
        }
        exponent = -static_cast<int>(p - fraction);
    }
    if (digits > kExactDigits) {
        return parseSlowly(begin, end);
    }
    if (p != end && *p == 'e') {
        ++p;
        const bool negativeExponent = p != end && *p == '-';
        if (p != end && (*p == '-' || *p == '+')) {
            ++p;
        }
        int written = 0;
        const char* exponentStart = p;
        for (; p != end && *p >= '0' && *p <= '9' && p - exponentStart < 4; ++p) {
            written = written * 10 + (*p - '0');
        }
        if (p == exponentStart) {
            return parseSlowly(begin, end);
        }
        exponent += negativeExponent ? -written : written;
    }
    if ((p != end && !endsToken(*p)) || exponent < -22 || exponent > 22) {
        return parseSlowly(begin, end);
    }
    double value = static_cast<double>(mantissa);
    value = exponent < 0 ? value / kPowersOfTen[static_cast<std::size_t>(-exponent)]
                         : value * kPowersOfTen[static_cast<std::size_t>(exponent)];
    return {.value = negative ? -value : value, .end = p};
}

} // namespace narthex::exposition
