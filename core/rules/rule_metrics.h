// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What evaluating rules counts of itself, for /metrics. Owner: the rule manager. Threads: any.
// Source: spec/rules.md, 15.3.
#pragma once

#include "core/base/time.h"
#include "core/exposition/instruments.h"

#include <atomic>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace narthex::exposition {
class TextWriter;
}

namespace narthex::rules {

/// Of one group; counts go on when the group is renewed.
struct GroupStats
{
    std::uint64_t iterations = 0; // missed ones included
    std::uint64_t missed = 0;
    std::uint64_t evaluations = 0;
    std::uint64_t failures = 0;
    base::Duration interval;
    std::size_t rules = 0;
    /// When the last run began, its length, and that of its rules together.
    std::optional<base::Timestamp> lastEvaluation;
    base::Duration lastDuration;
    base::Duration lastRuleTime;
    std::size_t lastSamples = 0;
    base::Duration lastRestoreDuration;
};

struct NamedGroupStats
{
    /// "file;name"
    std::string group;
    GroupStats stats;
};

/// Texts of labels and annotations.
struct TemplateCounts
{
    std::atomic<std::uint64_t> expansions{0};
    std::atomic<std::uint64_t> failures{0};
};

class RuleMetrics
{
public:
    /// `now` is monotonic in both.
    void observeRule(base::Duration now, base::Duration took);
    void observeGroup(base::Duration now, base::Duration took);
    void write(exposition::TextWriter& out, std::span<const NamedGroupStats> groups,
               base::Duration now) const;
    [[nodiscard]] TemplateCounts& templates() { return templates_; }

private:
    TemplateCounts templates_;
    exposition::RecentSummary ruleSummary_;
    exposition::FixedHistogram ruleHistogram_{{0.01, 0.1, 1, 10}};
    exposition::RecentSummary groupSummary_;
    exposition::FixedHistogram groupHistogram_{{0.01, 0.1, 1, 10}};
};

} // namespace narthex::rules
