// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What is legal in rules and probably wrong. Owner: values. Threads: pure functions; RuleLintData
// is asked from the calling thread. Source: spec/rules.md, 13.
#pragma once

#include "core/rules/rule_file.h"
#include "core/rules/snapshot.h"

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::rules {

/// Names of checks. Those of promtool: kLintDuplicateRules; all others are ours.
inline constexpr std::string_view kLintDuplicateRules = "duplicate-rules";
inline constexpr std::string_view kLintTooLongScrapeInterval = "too-long-scrape-interval";
inline constexpr std::string_view kLintForInterval = "for-shorter-than-interval";
inline constexpr std::string_view kLintSeverity = "no-severity";
inline constexpr std::string_view kLintComparison = "no-comparison";
inline constexpr std::string_view kLintAbsent = "absent-matchers";
inline constexpr std::string_view kLintLostLabel = "lost-label";
inline constexpr std::string_view kLintRecordingName = "recording-name";
inline constexpr std::string_view kLintQueryOffset = "query-offset";
inline constexpr std::string_view kLintInterval = "interval-above-lookback";
/// Warnings on the query itself: rate of a gauge, rate of a sum, quantiles without `le` …
inline constexpr std::string_view kLintQuery = "query";
/// Need a running server.
inline constexpr std::string_view kLintNoSeries = "no-series";
inline constexpr std::string_view kLintSlowRule = "slow-rule";

using LintNames = std::set<std::string, std::less<>>;

/// A comma list as `--lint` takes it: names, "all" (promtool's checks), "strict" (ours, too),
/// "none". What is no name goes to `unknown`.
LintNames parseLintNames(std::string_view list, std::vector<std::string>& unknown);

struct RuleFinding
{
    std::string lint;
    std::string file;
    /// Line of the rule; 0: of the group or the file.
    std::uint32_t line = 0;
    std::string group;
    /// Empty: the finding is about the group.
    std::string rule;
    std::string message;
    /// Of duplicates: labels, the group's among them.
    std::map<std::string, std::string> labels{};
};

struct RuleLintOptions
{
    LintNames checks{std::string(kLintDuplicateRules)};
    promql::Features features{};
    base::Duration lookback = base::Duration::fromMs(300'000);
    /// For groups that do not say.
    base::Duration interval = base::Duration::fromMs(60'000);
    base::Duration queryOffset{};
};

/// In order of the file; duplicates first.
std::vector<RuleFinding> lintRules(const RuleFile& file, const RuleLintOptions& options);

/// `<file>:<line>: group "<g>", rule "<r>": <message> (<lint>)`
std::string findingText(const RuleFinding& finding);
/// The findings of kLintDuplicateRules in promtool's words.
std::string duplicatesText(const std::vector<RuleFinding>& findings);

/// What a running server knows.
class RuleLintData
{
public:
    virtual ~RuleLintData() = default;
    /// Series that the selector finds now; absent: unknown.
    [[nodiscard]] virtual std::optional<std::size_t>
    seriesCount(const model::Matchers& matchers) const = 0;
};

/// Selectors that find nothing, and rules that take longer than their interval. `data` may be null.
std::vector<RuleFinding> lintRunning(const GroupSnapshot& group, const RuleGroup& definition,
                                     const LintNames& checks, const RuleLintData* data);

} // namespace narthex::rules
