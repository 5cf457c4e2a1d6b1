// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/relabel/expand.h"

#include "core/base/number.h"
#include "core/base/utf8.h"

#include <re2/re2.h>

#include <algorithm>
#include <cwctype>

namespace narthex::relabel {
namespace {

bool isWord(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/// Bytes of the name at the start of `text`.
std::size_t nameLength(std::string_view text)
{
    std::size_t length = 0;
    while (length < text.size() && isWord(text[length])) {
        ++length;
    }
    return length;
}

char32_t decode(std::string_view sequence)
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

void encode(char32_t rune, std::string& out)
{
    const auto put = [&out](char32_t byte) {
        out += static_cast<char>(static_cast<unsigned char>(byte));
    };
    if (rune < 0x80) {
        put(rune);
    } else if (rune < 0x800) {
        put(0xC0U | rune >> 6U);
        put(0x80U | (rune & 0x3FU));
    } else {
        put(0xE0U | rune >> 12U);
        put(0x80U | (rune >> 6U & 0x3FU));
        put(0x80U | (rune & 0x3FU));
    }
}

// The C library's towupper depends on the locale, so the ranges that pair letters regularly are
// spelled out.
char32_t mapRune(char32_t rune, bool upper)
{
    const auto shifted = [&](char32_t lowFirst, char32_t lowLast, char32_t distance) -> char32_t {
        if (upper && rune >= lowFirst && rune <= lowLast) {
            return rune - distance;
        }
        if (!upper && rune >= lowFirst - distance && rune <= lowLast - distance) {
            return rune + distance;
        }
        return rune;
    };
    const bool latinPairs = (rune >= 0x100 && rune <= 0x137) || (rune >= 0x14A && rune <= 0x177) ||
                            (rune >= 0x460 && rune <= 0x481) || (rune >= 0x48A && rune <= 0x4BF) ||
                            (rune >= 0x4D0 && rune <= 0x52F) || (rune >= 0x1E00 && rune <= 0x1E95);
    if (latinPairs && rune != 0x130 && rune != 0x131) {
        return upper ? rune & ~char32_t{1} : rune | 1U;
    }
    if (rune < 0x80) {
        return shifted('a', 'z', 0x20);
    }
    if (rune == 0xD7 || rune == 0xF7) {
        return rune;
    }
    if (rune < 0x100) {
        return shifted(0xE0, 0xFE, 0x20);
    }
    if (rune >= 0x391 && rune <= 0x3C9) {
        return rune == 0x3C2 ? (upper ? 0x3A3 : rune) : shifted(0x3B1, 0x3C9, 0x20);
    }
    if (rune >= 0x400 && rune <= 0x45F) {
        return rune >= 0x450 || rune < 0x410 ? shifted(0x450, 0x45F, 0x50)
                                             : shifted(0x430, 0x44F, 0x20);
    }
    if (rune >= 0x531 && rune <= 0x586) {
        return shifted(0x561, 0x586, 0x30);
    }
    return rune;
}

} // namespace

Captures::Captures(const re2::RE2& regex, std::string_view text) : regex_(regex)
{
    const auto count = static_cast<std::size_t>(regex.NumberOfCapturingGroups()) + 1;
    std::vector<re2::StringPiece> pieces(count);
    const re2::StringPiece whole(text.data(), text.size());
    matched_ = regex.Match(whole, 0, text.size(), re2::RE2::ANCHOR_BOTH, pieces.data(),
                           static_cast<int>(count));
    for (const re2::StringPiece& p : pieces) {
        groups_.emplace_back(p.data(), p.size());
    }
}

std::string_view Captures::group(std::string_view name) const
{
    if (name.find_first_not_of("0123456789") == std::string_view::npos) {
        const auto index = base::parseUint(name);
        return index && *index < groups_.size() ? groups_[*index] : std::string_view();
    }
    const auto& names = regex_.NamedCapturingGroups();
    const auto found = names.find(std::string(name));
    return found == names.end() ? std::string_view()
                                : groups_[static_cast<std::size_t>(found->second)];
}

std::string Captures::expand(std::string_view pattern) const
{
    std::string out;
    while (!pattern.empty()) {
        const std::size_t dollar = pattern.find('$');
        out += pattern.substr(0, dollar);
        if (dollar == std::string_view::npos) {
            break;
        }
        pattern.remove_prefix(dollar + 1);
        if (pattern.starts_with('$')) {
            out += '$';
            pattern.remove_prefix(1);
            continue;
        }
        const bool braced = pattern.starts_with('{');
        const std::string_view rest = braced ? pattern.substr(1) : pattern;
        const std::size_t length = nameLength(rest);
        if (length == 0 || (braced && (length >= rest.size() || rest[length] != '}'))) {
            out += '$';
            continue;
        }
        out += group(rest.substr(0, length));
        pattern.remove_prefix(length + (braced ? 2U : 0U));
    }
    return out;
}

std::string mapCase(std::string_view text, bool upper)
{
    std::string out;
    while (!text.empty()) {
        const std::size_t length = std::max<std::size_t>(1, base::utf8SequenceLength(text));
        const std::string_view sequence = text.substr(0, length);
        text.remove_prefix(length);
        const bool valid = base::utf8SequenceLength(sequence) == length;
        const char32_t rune = valid && length < 4 ? decode(sequence) : 0;
        const char32_t mapped = rune == 0 ? rune : mapRune(rune, upper);
        if (mapped == rune) {
            out += sequence;
        } else {
            encode(mapped, out);
        }
    }
    return out;
}

} // namespace narthex::relabel
