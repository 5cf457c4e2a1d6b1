// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/rules/reload_diff.h"

#include "core/promql/printer.h"

#include <algorithm>
#include <array>
#include <deque>

namespace narthex::rules {
namespace {

using Pairing = std::map<std::string, std::deque<const Rule*>>;

Pairing byIdentity(const RuleGroup& group)
{
    Pairing result;
    for (const Rule& rule : group.rules) {
        result[identityOf(rule)].push_back(&rule);
    }
    return result;
}

RuleChange describe(const Rule& rule, Change change)
{
    return {.change = change,
            .kind = rule.kind,
            .name = rule.name,
            .labels = rule.labels,
            .activeAlerts = 0,
            .fields = {}};
}

RuleChange compare(const Rule& before, const Rule& after)
{
    RuleChange result = describe(after, Change::Unchanged);
    const auto note = [&result](bool same, const char* field) {
        if (!same) {
            result.fields.emplace_back(field);
            result.change = Change::Changed;
        }
    };
    note(promql::print(*before.expression) == promql::print(*after.expression), "expr");
    note(before.holdFor == after.holdFor, "for");
    note(before.keepFiringFor == after.keepFiringFor, "keep_firing_for");
    note(before.annotations == after.annotations, "annotations");
    return result;
}

std::vector<RuleChange> compareRules(const RuleGroup& before, const RuleGroup& after,
                                     const std::string& key,
                                     const std::map<std::string, std::size_t>& active)
{
    const auto alertsOf = [&](const std::string& identity) {
        const auto found = active.find(key + ";" + identity);
        return found == active.end() ? std::size_t{0} : found->second;
    };
    Pairing old = byIdentity(before);
    std::vector<RuleChange> changes;
    for (const Rule& rule : after.rules) {
        const std::string identity = identityOf(rule);
        std::deque<const Rule*>& same = old[identity];
        if (same.empty()) {
            changes.push_back(describe(rule, Change::Added));
            continue;
        }
        changes.push_back(compare(*same.front(), rule));
        changes.back().activeAlerts = alertsOf(identity);
        same.pop_front();
    }
    for (const auto& [identity, rules] : old) {
        for (const Rule* rule : rules) {
            changes.push_back(describe(*rule, Change::Removed));
            changes.back().activeAlerts = alertsOf(identity);
        }
    }
    return changes;
}

GroupChange compareGroups(const GroupSpec& before, const GroupSpec& after,
                          const std::map<std::string, std::size_t>& active)
{
    GroupChange result{.change = Change::Changed,
                       .file = after.file,
                       .name = after.definition.name,
                       .fields = {},
                       .rules = {}};
    if (before.sameAs(after)) {
        result.change = Change::Unchanged;
        return result;
    }
    const auto note = [&result](bool same, const char* field) {
        if (!same) {
            result.fields.emplace_back(field);
        }
    };
    note(before.interval() == after.interval(), "interval");
    note(before.definition.queryOffset == after.definition.queryOffset, "query_offset");
    note(before.definition.limit == after.definition.limit, "limit");
    note(before.surroundings->externalLabels == after.surroundings->externalLabels,
         "external labels");
    note(before.surroundings->externalUrl == after.surroundings->externalUrl, "external URL");
    result.rules = compareRules(before.definition, after.definition, after.key(), active);
    const bool rulesSame =
        std::all_of(result.rules.begin(), result.rules.end(),
                    [](const RuleChange& rule) { return rule.change == Change::Unchanged; });
    note(!rulesSame || !result.fields.empty(), "order of rules");
    return result;
}

} // namespace

std::string_view changeText(Change change)
{
    constexpr std::array<std::string_view, 4> kTexts{"unchanged", "added", "removed", "changed"};
    return kTexts[static_cast<std::size_t>(change)];
}

bool ReloadDiff::isEmpty() const
{
    return std::all_of(groups.begin(), groups.end(),
                       [](const GroupChange& group) { return group.change == Change::Unchanged; });
}

std::size_t ReloadDiff::lostAlerts() const
{
    std::size_t lost = 0;
    for (const GroupChange& group : groups) {
        for (const RuleChange& rule : group.rules) {
            lost += rule.change == Change::Removed ? rule.activeAlerts : 0;
        }
    }
    return lost;
}

ReloadDiff reloadDiff(const std::map<std::string, GroupSpec>& before,
                      const std::map<std::string, GroupSpec>& after,
                      const std::map<std::string, std::size_t>& active)
{
    ReloadDiff diff;
    const RuleGroup none;
    const auto whole = [&](const GroupSpec& spec, Change change, const RuleGroup& from,
                           const RuleGroup& to) {
        diff.groups.push_back({.change = change,
                               .file = spec.file,
                               .name = spec.definition.name,
                               .fields = {},
                               .rules = compareRules(from, to, spec.key(), active)});
    };
    for (const auto& [key, spec] : after) {
        const auto old = before.find(key);
        if (old == before.end()) {
            whole(spec, Change::Added, none, spec.definition);
        } else {
            diff.groups.push_back(compareGroups(old->second, spec, active));
        }
    }
    for (const auto& [key, spec] : before) {
        if (!after.contains(key)) {
            whole(spec, Change::Removed, spec.definition, none);
        }
    }
    std::sort(diff.groups.begin(), diff.groups.end(),
              [](const GroupChange& a, const GroupChange& b) {
                  return std::tie(a.file, a.name) < std::tie(b.file, b.name);
              });
    return diff;
}

} // namespace narthex::rules
