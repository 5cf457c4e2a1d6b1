// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The old grammar of matchers: one brace is taken from each end, commas outside of quotes separate,
// a backslash before anything but n, \ and " stays.
#include "core/alertmanager/matchers.h"
#include "core/base/status.h"
#include "core/base/utf8.h"

namespace narthex::alertmanager {
namespace {

constexpr std::string_view kBlanks = " \t\n\v\f\r";

std::string_view trimmed(std::string_view text)
{
    text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
    return text.substr(0, text.find_last_not_of(kBlanks) + 1);
}

std::vector<std::string_view> splitOutsideQuotes(std::string_view text)
{
    std::vector<std::string_view> parts;
    bool quoted = false;
    bool escaped = false;
    std::size_t begin = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == ',' && !quoted) {
            parts.push_back(text.substr(begin, i - begin));
            begin = i + 1;
        } else if (c == '"' && !escaped) {
            quoted = !quoted;
        }
        escaped = c == '\\' && !escaped;
    }
    if (begin < text.size()) {
        parts.push_back(text.substr(begin));
    }
    return parts;
}

absl::StatusOr<std::string> unescaped(std::string_view written)
{
    std::string_view raw = written;
    const bool quoted = raw.starts_with('"');
    raw.remove_prefix(quoted ? 1 : 0);
    const auto unexpectedQuote = [written] {
        return base::invalidArgument("matcher value contains unescaped double quote: {}", written);
    };
    if (!base::isValidUtf8(raw)) {
        return base::invalidArgument("matcher value not valid UTF-8: {}", written);
    }
    std::string value;
    bool closed = false;
    for (std::size_t i = 0; i < raw.size(); ++i) {
        const char c = raw[i];
        if (c == '\\' && i + 1 < raw.size()) {
            const char next = raw[++i];
            value += next == '\\' || next == '"' ? "" : next == 'n' ? "" : "\\";
            value += next == 'n' ? '\n' : next;
        } else if (c == '"') {
            closed = quoted && i + 1 == raw.size();
            if (!closed) {
                return unexpectedQuote();
            }
        } else {
            value += c;
        }
    }
    if (quoted && !closed) {
        return unexpectedQuote();
    }
    return value;
}

std::optional<model::MatchType> takeOperator(std::string_view& text)
{
    using enum model::MatchType;
    for (const model::MatchType type : {Regex, NotRegex, NotEqual, Equal}) {
        const std::string_view sign = model::matchTypeText(type);
        if (text.starts_with(sign)) {
            text.remove_prefix(sign.size());
            return type;
        }
    }
    return std::nullopt;
}

absl::StatusOr<model::Matcher> parseOne(std::string_view text)
{
    std::string_view rest = trimmed(text);
    std::size_t length = 0;
    while (length < rest.size() && isClassicName(rest.substr(0, length + 1))) {
        ++length;
    }
    const std::string_view name = rest.substr(0, length);
    rest = trimmed(rest.substr(length));
    const auto type = takeOperator(rest);
    if (name.empty() || !type) {
        return base::invalidArgument("bad matcher format: {}", text);
    }
    NARTHEX_ASSIGN_OR_RETURN(const std::string value, unescaped(trimmed(rest)));
    return model::Matcher::create(*type, name, value);
}

} // namespace

absl::StatusOr<model::Matchers> parseClassicMatchers(std::string_view text)
{
    if (text.starts_with('{')) {
        text.remove_prefix(1);
    }
    if (text.ends_with('}')) {
        text.remove_suffix(1);
    }
    model::Matchers result;
    for (const std::string_view part : splitOutsideQuotes(text)) {
        NARTHEX_ASSIGN_OR_RETURN(model::Matcher matcher, parseOne(part));
        result.push_back(std::move(matcher));
    }
    return result;
}

} // namespace narthex::alertmanager
