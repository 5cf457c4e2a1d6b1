// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Why a rule does what it does now: what its comparison compares, which selectors find nothing and
// because of which matcher, how long alerts still wait, what failed. Owner: values. Threads:
// explainRule() from any; it asks some small queries, so callers come from a worker. Errors: none
// of its own: what a query refuses is part of the explanation. Source: spec/rules.md, 4 and 16.
#pragma once

#include "core/promql/editor/explain.h"
#include "core/promql/engine.h"
#include "core/rules/gaps.h"
#include "core/rules/snapshot.h"
#include "core/storage/storage.h"

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace narthex::rules {

/// One element on both sides of the outer comparison.
struct ComparedValues
{
    model::Labels labels;
    /// Absent: that side has no such element.
    std::optional<double> left;
    std::optional<double> right;
    bool holds = false;
};

struct ComparisonExplanation
{
    std::string left;
    /// ">"
    std::string op;
    std::string right;
    /// At most ExplainRuleOptions::maxValues, those that hold first, then the nearest ones.
    std::vector<ComparedValues> values;
    std::size_t total = 0;
    std::size_t holding = 0;
    /// Why a side has no value.
    std::string error;
};

struct SelectorExplanation
{
    std::string text;
    /// Series that it finds now.
    std::size_t series = 0;
    /// Where it finds none: what each matcher is to blame for.
    std::optional<promql::editor::ExplainTable> matchers;
};

struct AlertExplanation
{
    model::Labels labels;
    AlertState state = AlertState::Pending;
    /// Pending: until `for` is over, counted in evaluations that come.
    std::optional<base::Duration> untilFiring;
    /// Firing without its condition: until it resolves.
    std::optional<base::Duration> untilResolved;
    std::string sentence;
};

struct RuleExplanation
{
    /// The whole story, most important first.
    std::vector<std::string> sentences;
    /// Absent: the outermost operation is no comparison.
    std::optional<ComparisonExplanation> comparison;
    std::vector<SelectorExplanation> selectors;
    std::vector<AlertExplanation> alerts;
    std::string lastError;
    /// The newest time that nobody watched, if alerts are still held because of it.
    std::optional<Gap> gap;
};

struct ExplainRuleOptions
{
    std::size_t maxValues = 20;
    std::size_t maxAlerts = 100;
};

struct ExplainContext
{
    const promql::Engine& engine;
    const storage::Queryable& store;
    base::Timestamp now;
    std::vector<Gap> gaps;
};

/// `index`: of the rule in its group. `definition`: as it was loaded.
RuleExplanation explainRule(const GroupSnapshot& group, std::size_t index, const Rule& definition,
                            const ExplainContext& context, const ExplainRuleOptions& options,
                            const std::stop_token& stop);

} // namespace narthex::rules
