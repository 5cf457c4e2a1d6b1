// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/alertmanager/json_text.h"

#include "core/alertmanager/silences.h"
#include "core/discovery/json.h"

#include <fmt/format.h>

namespace narthex::alertmanager {

std::string textMapJson(const std::map<std::string, std::string>& map)
{
    std::string text;
    base::JsonWriter out(text);
    out.beginObject();
    for (const auto& [name, value] : map) {
        out.member(name, value);
    }
    out.endObject();
    return text;
}

std::map<std::string, std::string> textMapFromJson(std::string_view json)
{
    std::map<std::string, std::string> result;
    const auto document = discovery::Json::parse(json);
    if (document.ok()) {
        for (const auto& [name, value] : document->members()) {
            result[name] = value.text();
        }
    }
    return result;
}

void writeLabels(base::JsonWriter& out, const model::Labels& labels)
{
    out.beginObject();
    for (const model::LabelView label : labels) {
        out.member(label.name, label.value);
    }
    out.endObject();
}

std::string apiTime(base::Timestamp time)
{
    constexpr std::int64_t kSecond = 1000;
    const std::int64_t rest = ((time.ms % kSecond) + kSecond) % kSecond;
    std::string text = base::formatTimestamp({time.ms - rest});
    text.pop_back();
    return fmt::format("{}.{:03}Z", text, rest);
}

std::string matcherSetsJson(const std::vector<model::Matchers>& sets)
{
    std::string text;
    base::JsonWriter out(text);
    out.beginArray();
    for (const model::Matchers& set : sets) {
        out.beginArray();
        for (const model::Matcher& matcher : set) {
            const model::MatchType type = matcher.type();
            out.beginObject().member("name", matcher.name()).member("value", matcher.value());
            out.key("isRegex").boolean(type == model::MatchType::Regex ||
                                       type == model::MatchType::NotRegex);
            out.key("isEqual").boolean(type == model::MatchType::Equal ||
                                       type == model::MatchType::Regex);
            out.endObject();
        }
        out.endArray();
    }
    out.endArray();
    return text;
}

std::vector<model::Matchers> matcherSetsFromJson(std::string_view json)
{
    std::vector<model::Matchers> sets;
    const auto document = discovery::Json::parse(json);
    if (!document.ok()) {
        return sets;
    }
    for (const discovery::Json& set : document->items()) {
        model::Matchers& matchers = sets.emplace_back();
        for (const discovery::Json& each : set.items()) {
            using enum model::MatchType;
            const bool equal = each["isEqual"].boolean(true);
            const model::MatchType type =
                each["isRegex"].boolean() ? (equal ? Regex : NotRegex) : (equal ? Equal : NotEqual);
            auto matcher = model::Matcher::create(type, each["name"].text(), each["value"].text());
            if (matcher.ok()) {
                matchers.push_back(*std::move(matcher));
            }
        }
    }
    return sets;
}

} // namespace narthex::alertmanager
