// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/matcher.h"

#include "core/base/status.h"

#include <re2/re2.h>

#include <algorithm>

namespace narthex::model {
namespace {

constexpr std::string_view kSpecial = R"(\.+*?()|[]{}^$)";

std::string literalPrefix(std::string_view pattern)
{
    if (pattern.find('|') != std::string_view::npos) {
        return {};
    }
    std::string prefix;
    for (const char c : pattern) {
        if (kSpecial.find(c) != std::string_view::npos) {
            // A repetition takes back the character (not just the byte) before it.
            if (c == '*' || c == '?' || c == '{') {
                while (!prefix.empty() &&
                       (static_cast<unsigned char>(prefix.back()) & 0xC0U) == 0x80U) {
                    prefix.pop_back();
                }
                if (!prefix.empty()) {
                    prefix.pop_back();
                }
            }
            break;
        }
        prefix += c;
    }
    return prefix;
}

} // namespace

std::string_view matchTypeText(MatchType type)
{
    switch (type) {
    case MatchType::Equal:
        return "=";
    case MatchType::NotEqual:
        return "!=";
    case MatchType::Regex:
        return "=~";
    case MatchType::NotRegex:
        return "!~";
    }
    return "";
}

absl::StatusOr<Regex> Regex::create(std::string_view pattern)
{
    re2::RE2::Options options;
    options.set_log_errors(false);
    options.set_dot_nl(true);
    options.set_max_mem(8 << 20);
    auto compiled =
        std::make_shared<const re2::RE2>(re2::StringPiece(pattern.data(), pattern.size()), options);
    if (!compiled->ok()) {
        return base::invalidArgument("error parsing regexp: {}", compiled->error());
    }
    Regex regex;
    regex.pattern_ = pattern;
    regex.re2_ = std::move(compiled);
    regex.any_ = pattern == ".*";
    regex.anySome_ = pattern == ".+";
    regex.shape_ = RegexShape::of(pattern);
    regex.prefix_ = regex.shape_ ? regex.shape_->prefix() : literalPrefix(pattern);
    return regex;
}

bool Regex::matches(std::string_view text) const
{
    if (any_) {
        return true;
    }
    if (anySome_) {
        return !text.empty();
    }
    if (shape_) {
        if (const std::optional<bool> known = shape_->matches(text)) {
            return *known;
        }
    }
    return text.starts_with(prefix_) &&
           re2::RE2::FullMatch(re2::StringPiece(text.data(), text.size()), *re2_);
}

absl::StatusOr<Matcher> Matcher::create(MatchType type, std::string_view name,
                                        std::string_view value)
{
    Matcher matcher;
    matcher.type_ = type;
    matcher.name_ = name;
    matcher.value_ = value;
    if (type == MatchType::Regex || type == MatchType::NotRegex) {
        NARTHEX_ASSIGN_OR_RETURN(Regex regex, Regex::create(value));
        matcher.regex_ = std::make_shared<const Regex>(std::move(regex));
    }
    matcher.matchesEmpty_ = matcher.matches("");
    return matcher;
}

Matcher Matcher::equal(std::string_view name, std::string_view value)
{
    Matcher matcher;
    matcher.name_ = name;
    matcher.value_ = value;
    matcher.matchesEmpty_ = value.empty();
    return matcher;
}

bool Matcher::matches(std::string_view text) const
{
    switch (type_) {
    case MatchType::Equal:
        return text == value_;
    case MatchType::NotEqual:
        return text != value_;
    case MatchType::Regex:
        return regex_->matches(text);
    case MatchType::NotRegex:
        return !regex_->matches(text);
    }
    return false;
}

Matcher Matcher::inverse() const
{
    Matcher result = *this;
    switch (type_) {
    case MatchType::Equal:
        result.type_ = MatchType::NotEqual;
        break;
    case MatchType::NotEqual:
        result.type_ = MatchType::Equal;
        break;
    case MatchType::Regex:
        result.type_ = MatchType::NotRegex;
        break;
    case MatchType::NotRegex:
        result.type_ = MatchType::Regex;
        break;
    }
    result.matchesEmpty_ = !matchesEmpty_;
    return result;
}

std::string Matcher::toString() const
{
    return (isLegacyLabelName(name_) ? name_ : quote(name_)) + std::string(matchTypeText(type_)) +
           quote(value_);
}

bool matchesAll(const Matchers& matchers, const Labels& labels)
{
    return std::all_of(matchers.begin(), matchers.end(),
                       [&labels](const Matcher& m) { return m.matches(labels.get(m.name())); });
}

} // namespace narthex::model
