// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// How well a name fits what was typed.
#include "core/promql/editor/completion.h"

#include <algorithm>

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

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool sameLetter(char a, char b) { return lower(a) == lower(b); }

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
    // Most names fail here, so it comes before anything dearer.
    if (!matchesLetters(candidate, typed)) {
        return std::nullopt;
    }
    const auto found =
        std::search(candidate.begin(), candidate.end(), typed.begin(), typed.end(), sameLetter);
    if (found != candidate.end()) {
        const auto at = static_cast<std::size_t>(found - candidate.begin());
        if (at == 0) {
            return kBeginningOtherCase;
        }
        for (std::size_t i = at; i + typed.size() <= candidate.size(); ++i) {
            if (startsWord(candidate, i) &&
                std::equal(typed.begin(), typed.end(),
                           candidate.begin() + static_cast<std::ptrdiff_t>(i), sameLetter)) {
                return kWordBeginning;
            }
        }
    }
    if (matchesWordLetters(candidate, typed)) {
        return kWordLetters;
    }
    return found != candidate.end() ? kInside : kLetters;
}

} // namespace narthex::promql::editor
