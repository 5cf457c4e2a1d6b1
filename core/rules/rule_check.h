// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What may be wrong with a rule beyond its types. Findings go to the document that the rule came
// from. Owner: rule_file. Threads: one document at a time. Format: spec/rules.md, 1.2 Validation.
#pragma once

#include "core/rules/rule_file.h"
#include "core/yaml/decode.h"

#include <optional>
#include <string>
#include <string_view>

namespace narthex::rules {

/// A rule with the places of its fields.
struct RuleSource
{
    yaml::Value whole;
    std::optional<yaml::Value> record;
    std::optional<yaml::Value> alert;
    std::optional<yaml::Value> expr;
    std::optional<yaml::Value> labels;
    std::optional<yaml::Value> annotations;
    /// As written; empty: not there.
    std::string recordName;
    std::string alertName;
    Rule rule;
};

/// Reports what is wrong with the rule and fills in its expression. `number` counts from 1.
void checkRule(RuleSource& source, std::string_view group, std::size_t number,
               const RuleFileOptions& options);

/// Labels of a group or rule, whose findings stand at their entries below `where`.
void checkLabels(const yaml::Value& where, std::string_view prefix,
                 const std::map<std::string, std::string>& labels, relabel::NameScheme scheme);

} // namespace narthex::rules
