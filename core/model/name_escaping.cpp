// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/name_escaping.h"

#include "core/base/utf8.h"

#include <cstdint>
#include <optional>

namespace narthex::model {
namespace {

/// One to six hexadecimal digits that are a code point.
std::optional<char32_t> codePoint(std::string_view digits)
{
    constexpr std::size_t kMostDigits = 6;
    if (digits.empty() || digits.size() > kMostDigits) {
        return std::nullopt;
    }
    std::uint32_t value = 0;
    for (const char c : digits) {
        value *= 16;
        if (c >= '0' && c <= '9') {
            value += static_cast<std::uint32_t>(c - '0');
        } else if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')) {
            value += static_cast<std::uint32_t>((c | 0x20) - 'a') + 10;
        } else {
            return std::nullopt;
        }
    }
    const bool isSurrogate = value >= 0xD800 && value < 0xE000;
    return value > 0x10FFFF || isSurrogate ? std::nullopt : std::optional<char32_t>(value);
}

} // namespace

std::string unescapeName(std::string_view text)
{
    constexpr std::string_view kPrefix = "U__";
    if (!text.starts_with(kPrefix)) {
        return std::string(text);
    }
    std::string name;
    for (std::size_t i = kPrefix.size(); i < text.size(); ++i) {
        if (text[i] != '_') {
            name += text[i];
            continue;
        }
        const std::size_t end = text.find('_', i + 1);
        if (end == std::string_view::npos) {
            return std::string(text);
        }
        if (end == i + 1) {
            name += '_';
        } else if (const auto rune = codePoint(text.substr(i + 1, end - i - 1))) {
            base::appendUtf8(name, *rune);
        } else {
            return std::string(text);
        }
        i = end;
    }
    return name;
}

} // namespace narthex::model
