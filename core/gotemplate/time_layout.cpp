// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/gotemplate/time_layout.h"

#include <algorithm>
#include <array>
#include <utility>

namespace narthex::gotemplate {
namespace {

using Entry = std::pair<std::string_view, TimeUnit>;

// Longer spellings stand before those that they begin with.
constexpr std::array<Entry, 34> kSpellings{{
    {"January", TimeUnit::LongMonth},  {"Jan", TimeUnit::ShortMonth},
    {"Monday", TimeUnit::LongWeekday}, {"Mon", TimeUnit::ShortWeekday},
    {"MST", TimeUnit::ZoneName},       {"01", TimeUnit::Month2},
    {"002", TimeUnit::YearDay3},       {"02", TimeUnit::Day2},
    {"03", TimeUnit::Hour12Of2},       {"04", TimeUnit::Minute2},
    {"05", TimeUnit::Second2},         {"06", TimeUnit::ShortYear},
    {"15", TimeUnit::Hour24},          {"1", TimeUnit::Month},
    {"2006", TimeUnit::LongYear},      {"2", TimeUnit::Day},
    {"__2", TimeUnit::BlankYearDay},   {"_2006", TimeUnit::Literal},
    {"_2", TimeUnit::BlankDay},        {"3", TimeUnit::Hour12},
    {"4", TimeUnit::Minute},           {"5", TimeUnit::Second},
    {"PM", TimeUnit::UpperHalf},       {"pm", TimeUnit::LowerHalf},
    {"-07:00:00", TimeUnit::Offset},   {"-070000", TimeUnit::Offset},
    {"-07:00", TimeUnit::Offset},      {"-0700", TimeUnit::Offset},
    {"-07", TimeUnit::Offset},         {"Z07:00:00", TimeUnit::Offset},
    {"Z070000", TimeUnit::Offset},     {"Z07:00", TimeUnit::Offset},
    {"Z0700", TimeUnit::Offset},       {"Z07", TimeUnit::Offset},
}};

bool isDigit(char c) { return c >= '0' && c <= '9'; }

// ".000" or ",999", with no digit behind.
LayoutPiece fractionAt(std::string_view rest)
{
    if (rest.size() < 2 || (rest[0] != '.' && rest[0] != ',') ||
        (rest[1] != '0' && rest[1] != '9')) {
        return {};
    }
    const std::size_t end = std::min(rest.find_first_not_of(rest[1], 1), rest.size());
    if (end < rest.size() && isDigit(rest[end])) {
        return {};
    }
    return {rest[1] == '0' ? TimeUnit::Fraction : TimeUnit::ShortFraction, rest.substr(0, end)};
}

// Empty: nothing begins here.
LayoutPiece pieceAt(std::string_view rest)
{
    for (const auto& [spelling, unit] : kSpellings) {
        if (!rest.starts_with(spelling)) {
            continue;
        }
        // "Month" and "Janet" are words.
        const bool cutWord = (unit == TimeUnit::ShortMonth || unit == TimeUnit::ShortWeekday) &&
                             rest.size() > 3 && rest[3] >= 'a' && rest[3] <= 'z';
        if (cutWord) {
            continue;
        }
        if (spelling == "_2006") {
            return {TimeUnit::Literal, rest.substr(0, 1)};
        }
        return {unit, rest.substr(0, spelling.size())};
    }
    return fractionAt(rest);
}

} // namespace

std::vector<LayoutPiece> cutLayout(std::string_view layout)
{
    std::vector<LayoutPiece> pieces;
    std::size_t literal = 0;
    const auto flush = [&](std::size_t end) {
        if (end > literal) {
            pieces.push_back({TimeUnit::Literal, layout.substr(literal, end - literal)});
        }
    };
    std::size_t at = 0;
    while (at < layout.size()) {
        const LayoutPiece piece = pieceAt(layout.substr(at));
        if (piece.unit == TimeUnit::Literal) {
            at += std::max<std::size_t>(1, piece.text.size());
            continue;
        }
        flush(at);
        pieces.push_back(piece);
        at += piece.text.size();
        literal = at;
    }
    flush(at);
    return pieces;
}

} // namespace narthex::gotemplate
