// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Templates such as `${1}-$name` filled from the groups of a match, and case mapping of UTF-8 text.
// Threads: values and pure functions. Lifetime: a Captures refers to the text it matched.
// Source: spec/relabel.md, Template expansion; Go's regexp.Expand.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace re2 {
class RE2;
}

namespace narthex::relabel {

/// The groups of one match.
class Captures
{
public:
    /// The first match at or behind the byte `from`. `regex` and `text` outlive the object.
    Captures(const re2::RE2& regex, std::string_view text, std::size_t from = 0);
    [[nodiscard]] bool matched() const { return matched_; }
    /// What matched as a whole; there must be a match.
    [[nodiscard]] std::string_view whole() const { return groups_.front(); }
    /// `$1`, `${1}`, `$name`, `${name}`, `$$`; an unknown group is empty, a malformed `$` stays.
    [[nodiscard]] std::string expand(std::string_view pattern) const;
    /// Number or name of each group, the whole match first, with its text; none without a match.
    [[nodiscard]] std::vector<std::pair<std::string, std::string>> list() const;

private:
    [[nodiscard]] std::string_view group(std::string_view name) const;

    const re2::RE2& regex_;
    std::vector<std::string_view> groups_;
    bool matched_ = false;
};

/// `text` with every match of `regex` replaced by `pattern`, as Captures::expand() fills it.
std::string replaceAll(const re2::RE2& regex, std::string_view text, std::string_view pattern);

/// Unicode simple case mapping, a code point to a code point; bytes that are no UTF-8 stay.
std::string mapCase(std::string_view text, bool upper);

} // namespace narthex::relabel
