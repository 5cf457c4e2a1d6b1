// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// How well a name fits what was typed.
#include "core/promql/editor/completion.h"

#include <algorithm>
#include <array>

namespace narthex::promql::editor {
namespace {

// Smaller is better.
constexpr int kExact = 0;
constexpr int kBeginning = 1;
constexpr int kBeginningOtherCase = 2;
constexpr int kWordBeginning = 3;
constexpr int kWordLetters = 4;
constexpr int kInside = 5;
constexpr int kLetters = 6;

/// By table: this runs over hundreds of thousands of names at each keystroke.
constexpr std::array<char, 256> kLower = [] {
    std::array<char, 256> table{};
    for (std::size_t i = 0; i < table.size(); ++i) {
        const bool upper = i >= 'A' && i <= 'Z';
        table[i] = static_cast<char>(upper ? i - 'A' + 'a' : i);
    }
    return table;
}();

char lower(char c) { return kLower[static_cast<unsigned char>(c)]; }

bool sameLetter(char a, char b) { return lower(a) == lower(b); }

bool sameLetters(std::string_view a, std::string_view b)
{
    return std::equal(a.begin(), a.end(), b.begin(), sameLetter);
}

bool startsWord(std::string_view text, std::size_t at)
{
    return at == 0 || text[at - 1] == '_' || text[at - 1] == ':' || text[at - 1] == '.' ||
           text[at - 1] == '-' || text[at - 1] == ' ';
}

/// Every letter of `typed` in this order, each at the start of a word or behind the one before.
bool matchesWordLetters(std::string_view text, std::string_view typed)
{
    std::size_t next = 0;
    bool follows = false;
    for (std::size_t i = 0; i < text.size() && next < typed.size(); ++i) {
        const bool may = follows || startsWord(text, i);
        follows = may && sameLetter(text[i], typed[next]);
        next += follows ? 1U : 0U;
    }
    return next == typed.size();
}

bool matchesLetters(std::string_view text, std::string_view typed)
{
    std::size_t next = 0;
    for (std::size_t i = 0; i < text.size() && next < typed.size(); ++i) {
        next += sameLetter(text[i], typed[next]) ? 1U : 0U;
    }
    return next == typed.size();
}

} // namespace

std::optional<int> matchRank(std::string_view candidate, std::string_view typed)
{
    if (typed.empty()) {
        return kBeginning;
    }
    if (candidate.starts_with(typed)) {
        return candidate.size() == typed.size() ? kExact : kBeginning;
    }
    bool inside = false;
    const char first = lower(typed[0]);
    for (std::size_t i = 0; i + typed.size() <= candidate.size(); ++i) {
        if (lower(candidate[i]) != first ||
            !sameLetters(typed, candidate.substr(i, typed.size()))) {
            continue;
        }
        if (startsWord(candidate, i)) {
            return i == 0 ? kBeginningOtherCase : kWordBeginning;
        }
        inside = true;
    }
    if (!inside && !matchesLetters(candidate, typed)) {
        return std::nullopt;
    }
    if (matchesWordLetters(candidate, typed)) {
        return kWordLetters;
    }
    return inside ? kInside : kLetters;
}

} // namespace narthex::promql::editor
