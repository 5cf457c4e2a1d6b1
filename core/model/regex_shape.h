// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What can be known of a regular expression without running it: most that people write in matchers
// are a few plain texts, or plain texts with gaps between them, and those are matched by comparing.
// Threads: values. Format: spec/tsdb.md, 16. Reading (optimised forms). The answers are those of
// the plain regular expression.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::model {

/// Plain texts in this order, the first at the beginning and the last at the end, with any text of
/// at least `gaps[i]` bytes (0 or 1) between text i and i + 1.
struct TextWithGaps
{
    std::vector<std::string> texts;
    std::vector<std::size_t> gaps; // one fewer than texts

    [[nodiscard]] bool matches(std::string_view text) const;
};

class RegexShape
{
public:
    /// Nothing when the pattern has anything else in it. `pattern` is a correct expression, matched
    /// from end to end, its dot matching newlines.
    static std::optional<RegexShape> of(std::string_view pattern);

    /// Whether the text matches; nothing when only the expression itself can say (other characters
    /// than ASCII, which fold their case in more ways).
    [[nodiscard]] std::optional<bool> matches(std::string_view text) const;
    /// All texts that match, sorted, unique; empty when there are others, too, or case is ignored.
    [[nodiscard]] const std::vector<std::string>& literals() const { return literals_; }
    /// Text with which every match begins; empty when case is ignored.
    [[nodiscard]] std::string prefix() const;

private:
    std::vector<std::string> literals_;
    std::vector<TextWithGaps> alternatives_;
    bool ignoresCase_ = false;
};

} // namespace narthex::model
