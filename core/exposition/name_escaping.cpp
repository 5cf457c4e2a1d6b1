// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/exposition/name_escaping.h"

#include "core/base/text.h"
#include "core/base/utf8.h"
#include "core/model/labels.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace narthex::exposition {
namespace {

/// In order of NameEscaping.
constexpr std::string_view kTexts[] = {"underscores", "dots", "values", "allow-utf-8"};

bool isLegacyCharacter(char32_t c, bool isFirst)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':' ||
           (!isFirst && c >= '0' && c <= '9');
}

void appendEscapedCharacter(std::string& out, base::Rune rune, bool isLegacy, NameEscaping escaping)
{
    const auto plain = [&] { out += static_cast<char>(rune.value); };
    switch (escaping) {
    case NameEscaping::Underscores:
        isLegacy ? plain() : out.push_back('_');
        break;
    case NameEscaping::Dots:
        if (rune.value == '_') {
            out += "__";
        } else if (rune.value == '.') {
            out += "_dot_";
        } else {
            isLegacy ? plain() : static_cast<void>(out += "__");
        }
        break;
    case NameEscaping::Values:
        if (rune.value == '_') {
            out += "__";
        } else if (isLegacy) {
            plain();
        } else {
            out += fmt::format("_{:x}_", static_cast<std::uint32_t>(rune.value));
        }
        break;
    case NameEscaping::None:
        break;
    }
}

} // namespace

std::string_view nameEscapingText(NameEscaping escaping)
{
    return kTexts[static_cast<std::size_t>(escaping)];
}

std::optional<NameEscaping> escapingOf(std::string_view accept)
{
    while (!accept.empty()) {
        std::string_view clause = base::takePart(accept, ',');
        while (!clause.empty()) {
            std::string_view value = base::takePart(clause, ';');
            if (base::takePart(value, '=') != "escaping") {
                continue;
            }
            const auto* const found = std::find(std::begin(kTexts), std::end(kTexts), value);
            if (found != std::end(kTexts)) {
                return static_cast<NameEscaping>(found - std::begin(kTexts));
            }
        }
    }
    return std::nullopt;
}

std::string escapeName(std::string_view name, NameEscaping escaping)
{
    const bool isLegacy = model::isLegacyMetricName(name);
    if (name.empty() || escaping == NameEscaping::None ||
        (isLegacy && escaping != NameEscaping::Dots)) {
        return std::string(name);
    }
    std::string out = escaping == NameEscaping::Values ? "U__" : "";
    bool isFirst = true;
    while (!name.empty()) {
        const base::Rune rune = base::firstRune(name);
        appendEscapedCharacter(out, rune, isLegacyCharacter(rune.value, isFirst), escaping);
        name.remove_prefix(rune.length);
        isFirst = false;
    }
    return out;
}

} // namespace narthex::exposition
