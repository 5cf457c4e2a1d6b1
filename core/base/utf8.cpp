// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/utf8.h"

namespace narthex::base {

std::size_t utf8SequenceLength(std::string_view text)
{
    if (text.empty()) {
        return 0;
    }
    const auto at = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char first = at(0);
    if (first < 0x80) {
        return 1;
    }
    std::size_t length = 0;
    unsigned char low = 0x80;
    unsigned char high = 0xBF;
    if (first >= 0xC2 && first <= 0xDF) {
        length = 2;
    } else if (first >= 0xE0 && first <= 0xEF) {
        length = 3;
        low = first == 0xE0 ? 0xA0 : low;
        high = first == 0xED ? 0x9F : high;
    } else if (first >= 0xF0 && first <= 0xF4) {
        length = 4;
        low = first == 0xF0 ? 0x90 : low;
        high = first == 0xF4 ? 0x8F : high;
    } else {
        return 0;
    }
    if (text.size() < length || at(1) < low || at(1) > high) {
        return 0;
    }
    for (std::size_t i = 2; i < length; ++i) {
        if (at(i) < 0x80 || at(i) > 0xBF) {
            return 0;
        }
    }
    return length;
}

bool isValidUtf8(std::string_view text)
{
    while (!text.empty()) {
        const std::size_t length = utf8SequenceLength(text);
        if (length == 0) {
            return false;
        }
        text.remove_prefix(length);
    }
    return true;
}

char32_t decodeUtf8(std::string_view sequence)
{
    const auto at = [sequence](std::size_t i) { return static_cast<unsigned char>(sequence[i]); };
    switch (sequence.size()) {
    case 1:
        return at(0);
    case 2:
        return (at(0) & 0x1FU) << 6U | (at(1) & 0x3FU);
    case 3:
        return (at(0) & 0x0FU) << 12U | (at(1) & 0x3FU) << 6U | (at(2) & 0x3FU);
    default:
        return (at(0) & 0x07U) << 18U | (at(1) & 0x3FU) << 12U | (at(2) & 0x3FU) << 6U |
               (at(3) & 0x3FU);
    }
}

void appendUtf8(std::string& out, char32_t rune)
{
    const auto put = [&out](char32_t byte) {
        out += static_cast<char>(static_cast<unsigned char>(byte));
    };
    if (rune < 0x80) {
        put(rune);
    } else if (rune < 0x800) {
        put(0xC0U | rune >> 6U);
        put(0x80U | (rune & 0x3FU));
    } else if (rune < 0x10000) {
        put(0xE0U | rune >> 12U);
        put(0x80U | (rune >> 6U & 0x3FU));
        put(0x80U | (rune & 0x3FU));
    } else {
        put(0xF0U | rune >> 18U);
        put(0x80U | (rune >> 12U & 0x3FU));
        put(0x80U | (rune >> 6U & 0x3FU));
        put(0x80U | (rune & 0x3FU));
    }
}

Rune firstRune(std::string_view text)
{
    if (text.empty()) {
        return {};
    }
    const std::size_t length = utf8SequenceLength(text);
    return length == 0 ? Rune{0xFFFD, 1} : Rune{decodeUtf8(text.substr(0, length)), length};
}

std::size_t runeCount(std::string_view text)
{
    std::size_t count = 0;
    while (!text.empty()) {
        text.remove_prefix(firstRune(text).length);
        ++count;
    }
    return count;
}

std::string_view firstRunes(std::string_view text, std::size_t runes)
{
    std::size_t bytes = 0;
    for (; runes > 0 && bytes < text.size(); --runes) {
        bytes += firstRune(text.substr(bytes)).length;
    }
    return text.substr(0, bytes);
}

} // namespace narthex::base
