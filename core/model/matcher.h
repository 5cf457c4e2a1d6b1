// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Label matchers: =, !=, =~, !~ with RE2, anchored at both ends, dot matching newlines.
// Threads: values; matches() from any thread.
#pragma once

#include "core/model/labels.h"
#include "core/model/regex_shape.h"

#include <absl/status/statusor.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace re2 {
class RE2;
}

namespace narthex::model {

enum class MatchType
{
    Equal,
    NotEqual,
    Regex,
    NotRegex
};

/// "=", "!=", "=~", "!~"
std::string_view matchTypeText(MatchType type);

/// An anchored regular expression with the shortcuts that make most of them cheap: a set of
/// literals, plain texts with gaps, or a literal prefix.
class Regex
{
public:
    /// Errors: InvalidArgument with RE2's message.
    static absl::StatusOr<Regex> create(std::string_view pattern);

    [[nodiscard]] bool matches(std::string_view text) const;
    [[nodiscard]] const std::string& pattern() const { return pattern_; }
    /// When the expression is an alternation of literals ("a|b|c", "a"): these, sorted, unique.
    /// Otherwise empty.
    [[nodiscard]] const std::vector<std::string>& literals() const
    {
        static const std::vector<std::string> kNone;
        return shape_ ? shape_->literals() : kNone;
    }
    /// Text with which every match begins; may be empty.
    [[nodiscard]] const std::string& prefix() const { return prefix_; }
    [[nodiscard]] const re2::RE2& re2() const { return *re2_; }

private:
    Regex() = default;
    std::string pattern_;
    std::optional<RegexShape> shape_;
    std::string prefix_;
    std::shared_ptr<const re2::RE2> re2_;
    bool any_ = false;     // ".*"
    bool anySome_ = false; // ".+"
};

class Matcher
{
public:
    /// Errors: InvalidArgument when `value` is no regular expression (regex types only).
    static absl::StatusOr<Matcher> create(MatchType type, std::string_view name,
                                          std::string_view value);
    /// name="value"
    static Matcher equal(std::string_view name, std::string_view value);

    [[nodiscard]] MatchType type() const { return type_; }
    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] const std::string& value() const { return value_; }
    [[nodiscard]] const Regex* regex() const { return regex_.get(); }
    /// A missing label is the empty text.
    [[nodiscard]] bool matches(std::string_view text) const;
    [[nodiscard]] bool matchesEmpty() const { return matchesEmpty_; }
    /// The matcher that matches exactly what this one does not.
    [[nodiscard]] Matcher inverse() const;
    /// `name="value"`; a name that is no legacy one is quoted.
    [[nodiscard]] std::string toString() const;

    friend bool operator==(const Matcher& a, const Matcher& b)
    {
        return a.type_ == b.type_ && a.name_ == b.name_ && a.value_ == b.value_;
    }

private:
    Matcher() = default;
    MatchType type_ = MatchType::Equal;
    bool matchesEmpty_ = false;
    std::string name_;
    std::string value_;
    std::shared_ptr<const Regex> regex_;
};

using Matchers = std::vector<Matcher>;

bool matchesAll(const Matchers& matchers, const Labels& labels);

} // namespace narthex::model
