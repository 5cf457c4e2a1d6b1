// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a reload would do: groups that come, go and change, and which rules keep the state of their
// alerts. Owner: values. Threads: pure functions. Source: spec/rules.md, 6 and 16.
#pragma once

#include "core/rules/group.h"

#include <map>
#include <string>
#include <vector>

namespace narthex::rules {

enum class Change : std::uint8_t
{
    Unchanged,
    Added,
    Removed,
    /// Of a rule: the state is kept, something else differs.
    Changed
};
/// "unchanged", "added", "removed", "changed"
std::string_view changeText(Change change);

struct RuleChange
{
    Change change = Change::Unchanged;
    RuleKind kind = RuleKind::Recording;
    std::string name;
    std::map<std::string, std::string> labels;
    /// Pending and firing alerts whose state is kept; of a removed rule: is lost.
    std::size_t activeAlerts = 0;
    /// What differs: "expr", "for", "keep_firing_for", "annotations".
    std::vector<std::string> fields;
};

struct GroupChange
{
    Change change = Change::Unchanged;
    std::string file;
    std::string name;
    /// What differs besides rules: "interval", "query_offset", "limit", "order of rules",
    /// "external labels", "external URL".
    std::vector<std::string> fields;
    /// All rules of both sides; of an unchanged group none.
    std::vector<RuleChange> rules;
};

struct ReloadDiff
{
    /// In order of key; unchanged groups, too.
    std::vector<GroupChange> groups;
    [[nodiscard]] bool isEmpty() const;
    /// Active alerts whose state is lost.
    [[nodiscard]] std::size_t lostAlerts() const;
};

/// `active`: pending and firing alerts by "<group key>;<rule identity>".
ReloadDiff reloadDiff(const std::map<std::string, GroupSpec>& before,
                      const std::map<std::string, GroupSpec>& after,
                      const std::map<std::string, std::size_t>& active);

} // namespace narthex::rules
