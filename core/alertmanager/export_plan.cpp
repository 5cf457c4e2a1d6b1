// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/alertmanager/export_plan.h"

#include "core/base/status.h"

#include <map>
#include <set>

namespace narthex::alertmanager {
namespace {

model::Matchers exactly(const model::Labels& labels)
{
    model::Matchers matchers;
    for (const model::LabelView label : labels) {
        matchers.push_back(model::Matcher::equal(label.name, label.value));
    }
    return matchers;
}

std::string namesOf(const model::Labels& labels)
{
    std::string names;
    for (const model::LabelView label : labels) {
        names.append(label.name).append(1, '\xff');
    }
    return names;
}

/// One silence for alerts that have the same label names.
absl::StatusOr<model::Matchers> together(std::span<const model::Labels> all,
                                         const std::vector<std::size_t>& alerts)
{
    std::map<std::string_view, std::set<std::string_view>> values;
    for (const std::size_t position : alerts) {
        for (const model::LabelView label : all[position]) {
            values[label.name].insert(label.value);
        }
    }
    model::Matchers matchers;
    std::string varying;
    for (const auto& [name, texts] : values) {
        if (texts.size() == 1) {
            matchers.push_back(model::Matcher::equal(name, *texts.begin()));
            continue;
        }
        if (!varying.empty()) {
            return base::invalidArgument(
                "{} alerts differ in {} and {}: a silence for all of them would match too much. "
                "Acknowledge at most {} at once, or write a silence",
                alerts.size(), varying, name, kMostSingleSilences);
        }
        varying = name;
        std::string pattern;
        for (const std::string_view text : texts) {
            pattern += (pattern.empty() ? "(" : "|") + quoteForRegex(text);
        }
        NARTHEX_ASSIGN_OR_RETURN(
            model::Matcher matcher,
            model::Matcher::create(model::MatchType::Regex, name, pattern + ")"));
        matchers.push_back(std::move(matcher));
    }
    return matchers;
}

} // namespace

std::string quoteForRegex(std::string_view text)
{
    std::string result;
    for (const char c : text) {
        if (std::string_view("\\.+*?()|[]{}^$").find(c) != std::string_view::npos) {
            result += '\\';
        }
        result += c;
    }
    return result;
}

absl::StatusOr<std::vector<PlannedSilence>> planSilences(std::span<const model::Labels> alerts)
{
    std::vector<PlannedSilence> plan;
    if (alerts.size() <= kMostSingleSilences) {
        for (std::size_t i = 0; i < alerts.size(); ++i) {
            plan.push_back({.matchers = exactly(alerts[i]), .alerts = {i}});
        }
        return plan;
    }
    std::map<std::string, std::vector<std::size_t>> groups;
    for (std::size_t i = 0; i < alerts.size(); ++i) {
        groups[namesOf(alerts[i])].push_back(i);
    }
    for (auto& [names, group] : groups) {
        NARTHEX_ASSIGN_OR_RETURN(model::Matchers matchers, together(alerts, group));
        plan.push_back({.matchers = std::move(matchers), .alerts = std::move(group)});
    }
    return plan;
}

} // namespace narthex::alertmanager
