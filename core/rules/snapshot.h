// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Groups, rules and alerts as an API or a window shows them. Threads: values.
// Source: spec/rules.md, 15.1 and 15.2.
#pragma once

#include "core/rules/alerting_rule.h"
#include "core/rules/rule_metrics.h"

#include <optional>
#include <string>
#include <vector>

namespace narthex::rules {

struct RuleSnapshot
{
    RuleKind kind = RuleKind::Recording;
    std::string name;
    /// In canonical form.
    std::string query;
    base::Duration holdFor;
    base::Duration keepFiringFor;
    /// As written, templates included; the group's are among them.
    std::map<std::string, std::string> labels;
    std::map<std::string, std::string> annotations;
    /// Line in the file, from 1.
    std::uint32_t line = 0;
    RuleStatus status;
    /// Alerting rules: the highest state, and the pending and firing alerts in order of labels.
    AlertState state = AlertState::Unknown;
    std::vector<ActiveAlert> alerts;
    /// Rules of the group, from 0, that this one reads.
    std::vector<std::size_t> reads;
};

struct GroupSnapshot
{
    std::string name;
    std::string file;
    base::Duration interval;
    base::Duration queryOffset;
    std::int64_t limit = 0;
    GroupStats stats;
    /// When it is evaluated next; absent: not started or ended.
    std::optional<base::Timestamp> nextSlot;
    /// Nobody watched shortly before: alerts neither fire nor resolve until then.
    std::optional<base::Timestamp> settlingUntil;
    std::vector<RuleSnapshot> rules;
};

/// `withAlerts` false: RuleSnapshot::alerts stay empty.
RuleSnapshot snapshotOf(const EvaluatedRule& rule, bool withAlerts);

} // namespace narthex::rules
