// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/alertmanager/matchers.h"

#include "core/base/status.h"
#include "core/base/utf8.h"

#include <algorithm>
#include <tuple>

namespace narthex::alertmanager {
namespace {

std::string escapedValue(std::string_view value)
{
    std::string result;
    for (const char c : value) {
        if (c == '\\' || c == '"') {
            result += '\\';
        }
        result += c == '\n' ? std::string("\\n") : std::string(1, c);
    }
    return result;
}

absl::StatusOr<model::Matchers> parseOneOrMore(std::string_view text, MatcherMode mode,
                                               std::vector<std::string>* warnings)
{
    if (mode == MatcherMode::Classic) {
        return parseClassicMatchers(text);
    }
    auto modern = parseUtf8Matchers(text);
    if (mode == MatcherMode::Utf8Strict) {
        return modern;
    }
    auto classic = parseClassicMatchers(text);
    if (!classic.ok()) {
        return modern.ok() ? std::move(modern) : std::move(classic);
    }
    if (!modern.ok()) {
        if (warnings != nullptr) {
            warnings->push_back(
                fmt::format("the matcher {} is read by the old parser, for the one that knows "
                            "UTF-8 refuses it ({}); write {} instead",
                            text, base::messageOf(modern.status()), toText(*classic)));
        }
    } else if (!(*classic == *modern) && warnings != nullptr) {
        warnings->push_back(fmt::format("the parsers of matchers disagree on {}: the old one reads "
                                        "{} and counts, the one that knows UTF-8 reads {}",
                                        text, toText(*classic), toText(*modern)));
    }
    return classic;
}

} // namespace

absl::StatusOr<model::Matchers> parseMatchers(std::string_view text, MatcherMode mode,
                                              std::vector<std::string>* warnings)
{
    return parseOneOrMore(text, mode, warnings);
}

absl::StatusOr<model::Matcher> parseMatcher(std::string_view text, MatcherMode mode,
                                            std::vector<std::string>* warnings)
{
    if (mode != MatcherMode::Classic && (text.starts_with('{') || text.ends_with('}'))) {
        return base::invalidArgument("unexpected open or close brace: {}", text);
    }
    NARTHEX_ASSIGN_OR_RETURN(const model::Matchers matchers, parseOneOrMore(text, mode, warnings));
    if (matchers.size() != 1) {
        return base::invalidArgument("expected 1 matcher, found {}", matchers.size());
    }
    return matchers.front();
}

void sortMatchers(model::Matchers& matchers)
{
    std::stable_sort(
        matchers.begin(), matchers.end(), [](const model::Matcher& a, const model::Matcher& b) {
            return std::tuple(std::string_view(a.name()), std::string_view(a.value()), a.type()) <
                   std::tuple(std::string_view(b.name()), std::string_view(b.value()), b.type());
        });
}

std::string toText(const model::Matcher& matcher)
{
    const std::string_view type = model::matchTypeText(matcher.type());
    if (!isClassicName(matcher.name())) {
        return fmt::format("{}{}{}", model::quote(matcher.name()), type,
                           model::quote(matcher.value()));
    }
    return fmt::format("{}{}\"{}\"", matcher.name(), type, escapedValue(matcher.value()));
}

std::string toText(const model::Matchers& matchers)
{
    std::string result = "{";
    for (const model::Matcher& matcher : matchers) {
        result += (result.size() > 1 ? "," : "") + toText(matcher);
    }
    return result + "}";
}

bool isClassicName(std::string_view name) { return model::isLegacyMetricName(name); }

bool isValidLabelName(std::string_view name, MatcherMode mode)
{
    return mode == MatcherMode::Classic ? model::isLegacyLabelName(name)
                                        : !name.empty() && base::isValidUtf8(name);
}

} // namespace narthex::alertmanager
