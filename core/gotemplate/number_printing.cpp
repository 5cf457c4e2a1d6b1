// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/gotemplate/number_printing.h"

#include "core/base/number.h"
#include "core/base/utf8.h"
#include "core/model/labels.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <vector>

namespace narthex::gotemplate {
namespace {

std::size_t missingWidth(std::string_view text, const PrintFlags& flags)
{
    const std::size_t length = base::runeCount(text);
    const std::size_t width = static_cast<std::size_t>(flags.width.value_or(0));
    return width > length ? width - length : 0;
}

std::string digitsOf(std::uint64_t value, int radix, bool upper)
{
    char buffer[64];
    const auto end = std::to_chars(buffer, buffer + sizeof buffer, value, radix).ptr;
    std::string digits(buffer, end);
    for (char& c : digits) {
        c = upper && c >= 'a' ? static_cast<char>(c - 32) : c;
    }
    return digits;
}

std::string_view prefixOf(char32_t verb, const PrintFlags& flags, const std::string& digits)
{
    if (verb == U'O') {
        return "0o";
    }
    if (!flags.sharp) {
        return "";
    }
    switch (verb) {
    case U'b':
        return "0b";
    case U'o':
        return digits.starts_with('0') ? "" : "0";
    case U'x':
        return "0x";
    case U'X':
        return "0X";
    default:
        return "";
    }
}

int radixOf(char32_t verb)
{
    switch (verb) {
    case U'v':
    case U'd':
        return 10;
    case U'b':
        return 2;
    case U'o':
    case U'O':
        return 8;
    case U'x':
    case U'X':
        return 16;
    default:
        return 0;
    }
}

std::string sign(bool negative, const PrintFlags& flags)
{
    return negative ? "-" : flags.plus ? "+" : flags.blank ? " " : "";
}

std::string characterOf(std::uint64_t value)
{
    std::string text;
    const bool valid = value <= 0x10FFFF && (value < 0xD800 || value > 0xDFFF);
    base::appendUtf8(text, valid ? static_cast<char32_t>(value) : U'\uFFFD');
    return text;
}

// %c, %q, %U.
bool formatCharacter(std::string& out, std::uint64_t value, char32_t verb, const PrintFlags& flags)
{
    if (verb == U'c') {
        appendPadded(out, characterOf(value), flags);
    } else if (verb == U'q') {
        std::string inner = quoteText(characterOf(value), flags.plus);
        inner = inner.substr(1, inner.size() - 2);
        inner = inner == "\\\"" ? "\"" : inner == "'" ? "\\'" : inner;
        appendPadded(out, "'" + inner + "'", flags);
    } else if (verb == U'U') {
        const int digits = static_cast<int>(std::max<std::int64_t>(4, flags.precision.value_or(4)));
        std::string text = fmt::format("U+{:0{}X}", value, digits);
        if (flags.sharp && value <= 0x10FFFF) {
            text += " '" + characterOf(value) + "'";
        }
        PrintFlags padding = flags;
        padding.zero = false;
        appendPadded(out, text, padding);
    } else {
        return false;
    }
    return true;
}

template <typename... Precision>
std::string toChars(double value, std::chars_format format, Precision... precision)
{
    std::vector<char> buffer(400);
    while (true) {
        const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                                format, precision...);
        if (error == std::errc{}) {
            return {buffer.data(), end};
        }
        buffer.resize(buffer.size() * 4);
    }
}

// `1p-2` → `0x1p-02`.
std::string hexadecimal(double magnitude, const PrintFlags& flags)
{
    std::string text = flags.precision ? toChars(magnitude, std::chars_format::hex,
                                                 static_cast<int>(*flags.precision))
                                       : toChars(magnitude, std::chars_format::hex);
    const std::size_t exponent = text.find('p');
    if (exponent != std::string::npos && text.size() - exponent == 3) {
        text.insert(exponent + 2, "0");
    }
    return "0x" + text;
}

std::string binaryExponent(double magnitude)
{
    int exponent = 0;
    const double fraction = std::frexp(magnitude, &exponent);
    const auto mantissa = static_cast<std::uint64_t>(std::ldexp(fraction, 53));
    return fmt::format("{}p{:+}", mantissa, magnitude == 0 ? -1074 : exponent - 53);
}

// The `#` flag: a decimal point always, and %g keeps its zeros.
std::string withPoint(std::string text, char32_t verb, std::int64_t significant)
{
    const std::size_t exponentAt = text.find_first_of("eE");
    std::string exponent;
    if (exponentAt != std::string::npos) {
        exponent = text.substr(exponentAt);
        text.erase(exponentAt);
    }
    if (text.find('.') == std::string::npos) {
        text += '.';
    }
    if (verb == U'g' || verb == U'G' || verb == U'v') {
        std::int64_t digits = 0;
        bool leading = true;
        for (const char c : text) {
            leading = leading && (c == '0' || c == '.');
            digits += c != '.' && !leading ? 1 : 0;
        }
        text.append(static_cast<std::size_t>(std::max<std::int64_t>(
                        0, significant - std::max<std::int64_t>(digits, leading ? 1 : 0))),
                    '0');
    }
    return text + exponent;
}

std::optional<std::string> realText(double magnitude, char32_t verb, const PrintFlags& flags)
{
    const int precision = static_cast<int>(flags.precision.value_or(6));
    switch (verb) {
    case U'v':
    case U'g':
    case U'G':
        return flags.precision
                   ? toChars(magnitude, std::chars_format::general, std::max(precision, 1))
                   : base::formatFloatG(magnitude);
    case U'e':
    case U'E':
        return toChars(magnitude, std::chars_format::scientific, precision);
    case U'f':
    case U'F':
        return toChars(magnitude, std::chars_format::fixed, precision);
    case U'x':
    case U'X':
        return hexadecimal(magnitude, flags);
    case U'b':
        return binaryExponent(magnitude);
    default:
        return std::nullopt;
    }
}

} // namespace

void appendPadded(std::string& out, std::string_view text, const PrintFlags& flags)
{
    if (!flags.width) {
        out += text;
        return;
    }
    const std::size_t missing = missingWidth(text, flags);
    if (!flags.minus) {
        out.append(missing, flags.zero ? '0' : ' ');
    }
    out += text;
    if (flags.minus) {
        out.append(missing, ' ');
    }
}

bool formatInteger(std::string& out, std::uint64_t magnitude, bool negative, char32_t verb,
                   PrintFlags flags)
{
    const int radix = radixOf(verb);
    if (radix == 0) {
        return !negative ? formatCharacter(out, magnitude, verb, flags)
                         : formatCharacter(out, ~std::uint64_t{0}, verb, flags);
    }
    std::string digits = digitsOf(magnitude, radix, verb == U'X');
    if (flags.precision) {
        if (*flags.precision == 0 && magnitude == 0) {
            digits.clear();
        }
        const auto least = static_cast<std::size_t>(*flags.precision);
        digits.insert(0, least > digits.size() ? least - digits.size() : 0, '0');
        flags.zero = false;
    }
    const std::string before = sign(negative, flags) + std::string(prefixOf(verb, flags, digits));
    if (flags.zero && !flags.minus && flags.width) {
        const auto width = static_cast<std::size_t>(*flags.width);
        const std::size_t length = sign(negative, flags).size() + digits.size();
        digits.insert(0, width > length ? width - length : 0, '0');
    }
    flags.zero = false;
    appendPadded(out, before + digits, flags);
    return true;
}

bool formatReal(std::string& out, double value, char32_t verb, PrintFlags flags)
{
    const bool finite = std::isfinite(value);
    std::optional<std::string> text = realText(finite ? std::fabs(value) : 0, verb, flags);
    if (!text) {
        return false;
    }
    if (!finite) {
        text = std::isnan(value) ? "NaN" : "Inf";
        flags.zero = false;
    } else if (flags.sharp && verb != U'b' && verb != U'x' && verb != U'X') {
        text = withPoint(std::move(*text), verb, flags.precision.value_or(6));
    }
    if (verb == U'E' || verb == U'G' || verb == U'X') {
        for (char& c : *text) {
            c = finite && c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
        }
    }
    const bool negative = std::signbit(value) && !std::isnan(value);
    std::string before = sign(negative, flags);
    if (std::isinf(value) && before.empty()) {
        before = "+";
    }
    if (flags.zero && !flags.minus && flags.width) {
        const auto width = static_cast<std::size_t>(*flags.width);
        const std::size_t length = before.size() + text->size();
        text->insert(0, width > length ? width - length : 0, '0');
    }
    flags.zero = false;
    appendPadded(out, before + *text, flags);
    return true;
}

std::string quoteText(std::string_view text, bool ascii)
{
    const std::string quoted = model::quote(text);
    if (!ascii) {
        return quoted;
    }
    std::string out;
    for (std::string_view rest = quoted; !rest.empty();) {
        const base::Rune rune = base::firstRune(rest);
        rest.remove_prefix(rune.length);
        if (rune.value < 0x80) {
            out += static_cast<char>(rune.value);
        } else {
            const auto code = static_cast<std::uint32_t>(rune.value);
            out += code < 0x10000 ? fmt::format("\\u{:04x}", code) : fmt::format("\\U{:08x}", code);
        }
    }
    return out;
}

bool isRawQuotable(std::string_view text)
{
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '`' || byte == 0x7F || (byte < 0x20 && c != '\t')) {
            return false;
        }
    }
    return base::isValidUtf8(text);
}

std::string hexOfText(std::string_view text, bool upper, const PrintFlags& flags)
{
    std::string out;
    const std::string_view prefix = !flags.sharp ? "" : upper ? "0X" : "0x";
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (flags.blank && i > 0) {
            out += ' ';
        }
        if (i == 0 || flags.blank) {
            out += prefix;
        }
        const auto byte = static_cast<unsigned>(static_cast<unsigned char>(text[i]));
        out += upper ? fmt::format("{:02X}", byte) : fmt::format("{:02x}", byte);
    }
    return out;
}

} // namespace narthex::gotemplate
