// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/rules/dependencies.h"

#include "core/base/string_map.h"
#include "core/rules/alert_labels.h"

#include <algorithm>
#include <optional>
#include <set>

namespace narthex::rules {
namespace {

void collectSelectors(const promql::Expr& expr, std::vector<const promql::VectorSelector*>& out)
{
    if (const auto* selector = expr.as<promql::VectorSelector>()) {
        out.push_back(selector);
    } else if (const auto* matrix = expr.as<promql::MatrixSelector>()) {
        out.push_back(&matrix->selector);
    }
    for (const promql::Expr* child : promql::childrenOf(expr)) {
        collectSelectors(*child, out);
    }
}

bool allAccept(const model::Matchers& matchers, std::string_view label, std::string_view value)
{
    return std::all_of(matchers.begin(), matchers.end(), [&](const model::Matcher& matcher) {
        return matcher.name() != label || matcher.matches(value);
    });
}

bool namesMetric(const model::Matchers& matchers)
{
    return std::any_of(matchers.begin(), matchers.end(), [](const model::Matcher& matcher) {
        return matcher.name() == model::kMetricName;
    });
}

bool mayRead(const model::Matchers& matchers, const Rule& rule)
{
    if (rule.kind == RuleKind::Recording) {
        return allAccept(matchers, model::kMetricName, rule.name);
    }
    return (allAccept(matchers, model::kMetricName, kAlertsMetric) ||
            allAccept(matchers, model::kMetricName, kForStateMetric)) &&
           allAccept(matchers, kAlertName, rule.name);
}

/// The metric that the selector names with `=`, if it is no series of alerts.
std::optional<std::string_view> plainName(const model::Matchers& matchers)
{
    for (const model::Matcher& matcher : matchers) {
        if (matcher.name() == model::kMetricName && matcher.type() == model::MatchType::Equal &&
            matcher.value() != kAlertsMetric && matcher.value() != kForStateMetric) {
            return matcher.value();
        }
    }
    return std::nullopt;
}

} // namespace

std::vector<const promql::VectorSelector*> selectorsOf(const promql::Expr& expr)
{
    std::vector<const promql::VectorSelector*> selectors;
    collectSelectors(expr, selectors);
    return selectors;
}

Dependencies dependenciesOf(std::span<const Rule> rules)
{
    Dependencies result{.reads = std::vector<std::vector<std::size_t>>(rules.size()),
                        .readBy = std::vector<std::vector<std::size_t>>(rules.size())};
    base::StringViewMap<std::vector<std::size_t>> recorded; // rules so far by the name they record
    for (std::size_t i = 0; i < rules.size(); ++i) {
        std::set<std::size_t> earlier;
        for (const promql::VectorSelector* selector : selectorsOf(*rules[i].expression)) {
            const model::Matchers& matchers = selector->matchers;
            if (!namesMetric(matchers)) {
                result.indeterminate = true;
            } else if (const auto name = plainName(matchers)) {
                if (const auto found = recorded.find(*name);
                    found != recorded.end() && allAccept(matchers, model::kMetricName, *name)) {
                    earlier.insert(found->second.begin(), found->second.end());
                }
            } else {
                for (std::size_t j = 0; j < i; ++j) {
                    if (mayRead(matchers, rules[j])) {
                        earlier.insert(j);
                    }
                }
            }
        }
        for (const std::size_t j : earlier) {
            result.reads[i].push_back(j);
            result.readBy[j].push_back(i);
        }
        if (rules[i].kind == RuleKind::Recording) {
            recorded[rules[i].name].push_back(i);
        }
    }
    return result;
}

Batches batchesOf(std::span<const Rule> rules, bool concurrent)
{
    Batches batches;
    if (concurrent) {
        const Dependencies dependencies = dependenciesOf(rules);
        if (!dependencies.indeterminate) {
            std::vector<std::size_t> first;
            std::vector<std::size_t> last;
            Batches middle;
            for (std::size_t i = 0; i < rules.size(); ++i) {
                if (dependencies.reads[i].empty()) {
                    first.push_back(i);
                } else if (dependencies.readBy[i].empty()) {
                    last.push_back(i);
                } else {
                    middle.push_back({i});
                }
            }
            batches.push_back(std::move(first));
            batches.insert(batches.end(), middle.begin(), middle.end());
            batches.push_back(std::move(last));
            std::erase_if(batches, [](const auto& batch) { return batch.empty(); });
            return batches;
        }
    }
    for (std::size_t i = 0; i < rules.size(); ++i) {
        batches.push_back({i});
    }
    return batches;
}

} // namespace narthex::rules
