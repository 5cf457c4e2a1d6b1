// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/relabel/expand.h"

#include "core/base/number.h"
#include "core/base/utf8.h"

#include <re2/re2.h>

#include <algorithm>
#include <clocale>
#include <cwctype>

namespace narthex::relabel {
namespace {

/// Unicode's tables of letters and cases, as the C library has them; independent of the user's
/// language.
locale_t unicode()
{
    static const locale_t kLocale = [] {
        const locale_t utf8 = ::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
        return utf8 != nullptr ? utf8 : ::newlocale(LC_CTYPE_MASK, "C", nullptr);
    }();
    return kLocale;
}

/// Bytes of the name at the start of `text`: letters and digits of any script, and '_'.
std::size_t nameLength(std::string_view text)
{
    std::size_t length = 0;
    while (length < text.size()) {
        const std::size_t size = base::utf8SequenceLength(text.substr(length));
        if (size == 0) {
            break;
        }
        const char32_t rune = base::decodeUtf8(text.substr(length, size));
        if (rune != U'_' && ::iswalnum_l(static_cast<wint_t>(rune), unicode()) == 0) {
            break;
        }
        length += size;
    }
    return length;
}

char32_t mapRune(char32_t rune, bool upper)
{
    const auto wide = static_cast<wint_t>(rune);
    return static_cast<char32_t>(upper ? ::towupper_l(wide, unicode())
                                       : ::towlower_l(wide, unicode()));
}

} // namespace

Captures::Captures(const re2::RE2& regex, std::string_view text, std::size_t from) : regex_(regex)
{
    const auto count = static_cast<std::size_t>(regex.NumberOfCapturingGroups()) + 1;
    std::vector<re2::StringPiece> pieces(count);
    const re2::StringPiece whole(text.data(), text.size());
    // The anchors stand in the expression's text.
    matched_ = regex.Match(whole, from, text.size(), re2::RE2::UNANCHORED, pieces.data(),
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

std::vector<std::pair<std::string, std::string>> Captures::list() const
{
    std::vector<std::pair<std::string, std::string>> result;
    const auto& names = regex_.CapturingGroupNames();
    for (std::size_t i = 0; matched_ && i < groups_.size(); ++i) {
        const auto name = names.find(static_cast<int>(i));
        result.emplace_back(name == names.end() ? std::to_string(i) : name->second, groups_[i]);
    }
    return result;
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

std::string replaceAll(const re2::RE2& regex, std::string_view text, std::string_view pattern)
{
    std::string out;
    std::size_t copied = 0;  // text up to here is in `out`
    std::size_t from = 0;    // where to look on
    bool afterMatch = false; // a match ended at `copied`
    while (from <= text.size()) {
        const Captures captures(regex, text, from);
        if (!captures.matched()) {
            break;
        }
        const std::string_view whole = captures.whole();
        const auto begin = static_cast<std::size_t>(whole.data() - text.data());
        // An empty match right behind another one does not count.
        if (!whole.empty() || begin > copied || !afterMatch) {
            out += text.substr(copied, begin - copied);
            out += captures.expand(pattern);
            copied = begin + whole.size();
            afterMatch = true;
        }
        from = begin + whole.size();
        if (whole.empty()) {
            from += std::max<std::size_t>(1, base::firstRune(text.substr(from)).length);
        }
    }
    return out += text.substr(copied);
}

std::string mapCase(std::string_view text, bool upper)
{
    std::string out;
    while (!text.empty()) {
        const std::size_t length = std::max<std::size_t>(1, base::utf8SequenceLength(text));
        const std::string_view sequence = text.substr(0, length);
        text.remove_prefix(length);
        const bool valid = base::utf8SequenceLength(sequence) == length;
        const char32_t rune = valid ? base::decodeUtf8(sequence) : 0;
        const char32_t mapped = valid ? mapRune(rune, upper) : rune;
        if (mapped == rune) {
            out += sequence;
        } else {
            base::appendUtf8(out, mapped);
        }
    }
    return out;
}

} // namespace narthex::relabel
