// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Rule files: groups of recording and alerting rules, decoded strictly and checked as a whole.
// Owner: values. Threads: pure functions; a RuleFile may be shared read-only. Errors:
// InvalidArgument with every finding as `file:line:column: …`, the first as Position; NotFound.
// Format: spec/rules.md, 1. Rule files.
#pragma once

#include "core/base/time.h"
#include "core/promql/ast.h"
#include "core/promql/features.h"
#include "core/relabel/relabel.h"

#include <absl/status/statusor.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace narthex::rules {

enum class RuleKind : std::uint8_t
{
    Recording,
    Alerting
};

struct Rule
{
    RuleKind kind = RuleKind::Recording;
    /// The new series' name, or the alert's.
    std::string name;
    /// As it stands in the file.
    std::string expressionText;
    std::shared_ptr<const promql::Expr> expression;
    /// Alerts only: how long the condition holds before the alert fires, and goes on afterwards.
    base::Duration holdFor;
    base::Duration keepFiringFor;
    /// The group's labels included; the rule's own win.
    std::map<std::string, std::string> labels;
    /// Alerts only.
    std::map<std::string, std::string> annotations;
    /// Counts from 1.
    std::uint32_t line = 0;
};

struct RuleGroup
{
    std::string name;
    /// Absent: the global evaluation interval.
    std::optional<base::Duration> interval;
    /// Absent: the global one.
    std::optional<base::Duration> queryOffset;
    /// Series of a recording rule, active alerts of an alerting rule; 0: no limit.
    std::int64_t limit = 0;
    std::map<std::string, std::string> labels;
    std::vector<Rule> rules;
};

struct RuleFile
{
    std::string path;
    std::vector<RuleGroup> groups;
    /// What is read and has no effect.
    std::vector<std::string> warnings{};
};

struct RuleFileOptions
{
    promql::Features features{};
    relabel::NameScheme nameScheme = relabel::NameScheme::Utf8;
    bool ignoreUnknownFields = false;
};

/// `path` stands in messages.
absl::StatusOr<RuleFile> parseRuleFile(const std::string& path, const std::string& text,
                                       const RuleFileOptions& options);
absl::StatusOr<RuleFile> loadRuleFile(const std::filesystem::path& path,
                                      const RuleFileOptions& options);

/// Kind, name and labels: pairs rules of two configurations.
std::string identityOf(const Rule& rule);
/// The group as text: equal for groups that do the same. Queries in their canonical form.
std::string printGroup(const RuleGroup& group);

} // namespace narthex::rules
