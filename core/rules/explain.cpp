// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/rules/explain.h"

#include "core/base/number.h"
#include "core/base/status.h"
#include "core/promql/printer.h"
#include "core/rules/dependencies.h"
#include "core/rules/evaluated_rule.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

namespace narthex::rules {
namespace {

using promql::Expr;

std::string countText(std::size_t count, std::string_view one, std::string_view many)
{
    return fmt::format("{} {}", count, count == 1 ? one : many);
}

std::string timeText(base::Duration duration)
{
    return base::formatDuration(std::max(duration, base::Duration{}));
}

/// Small queries at the rule's query time.
class Asker final : public promql::editor::LintData
{
public:
    Asker(const ExplainContext& context, base::Timestamp time, const std::stop_token& stop)
        : context_(context), time_(time), stop_(stop)
    {}
    [[nodiscard]] absl::StatusOr<promql::Vector> ask(std::string_view query) const
    {
        NARTHEX_ASSIGN_OR_RETURN(promql::Result result,
                                 context_.engine.instant(context_.store, query, time_, {}, stop_));
        return toVector(std::move(result.value));
    }
    [[nodiscard]] std::optional<promql::Vector> evaluate(std::string_view query) const override
    {
        auto vector = ask(query);
        return vector.ok() ? std::optional(*std::move(vector)) : std::nullopt;
    }
    [[nodiscard]] std::span<const std::string> metricNames() const override { return {}; }
    [[nodiscard]] std::optional<base::Duration> scrapeInterval(std::string_view) const override
    {
        return std::nullopt;
    }

private:
    const ExplainContext& context_;
    const base::Timestamp time_;
    const std::stop_token& stop_;
};

bool holds(promql::TokenKind op, double left, double right)
{
    using promql::TokenKind;
    switch (op) {
    case TokenKind::CompareEqual:
        return left == right;
    case TokenKind::NotEqual:
        return left != right;
    case TokenKind::Less:
        return left < right;
    case TokenKind::LessEqual:
        return left <= right;
    case TokenKind::Greater:
        return left > right;
    case TokenKind::GreaterEqual:
        return left >= right;
    default:
        return false;
    }
}

/// Labels by which elements of both sides find each other.
model::Labels matchKey(const model::Labels& labels, const promql::VectorMatching& matching)
{
    return matching.on ? labels.keeping(matching.labels)
                       : labels.withoutMetricName().without(matching.labels);
}

std::vector<ComparedValues> pairUp(const promql::Binary& binary, const promql::Vector& left,
                                   const promql::Vector& right)
{
    std::vector<ComparedValues> result;
    const bool scalarLeft = binary.lhs->type == promql::ValueType::Scalar;
    const bool scalarRight = binary.rhs->type == promql::ValueType::Scalar;
    const auto add = [&](const model::Labels& labels, std::optional<double> a,
                         std::optional<double> b) {
        result.push_back(
            {.labels = labels, .left = a, .right = b, .holds = a && b && holds(binary.op, *a, *b)});
    };
    if (scalarLeft || scalarRight) {
        for (const promql::VectorElement& a : left) {
            for (const promql::VectorElement& b : right) {
                add(scalarLeft ? b.labels : a.labels, a.value, b.value);
            }
        }
        return result;
    }
    std::multimap<model::Labels, const promql::VectorElement*> others;
    for (const promql::VectorElement& b : right) {
        others.emplace(matchKey(b.labels, binary.matching), &b);
    }
    std::set<const promql::VectorElement*> used;
    for (const promql::VectorElement& a : left) {
        const auto [from, to] = others.equal_range(matchKey(a.labels, binary.matching));
        for (auto it = from; it != to; ++it) {
            used.insert(it->second);
            const bool manyRight = binary.matching.card == promql::Cardinality::OneToMany;
            add(manyRight ? it->second->labels : a.labels, a.value, it->second->value);
        }
        if (from == to) {
            add(a.labels, a.value, std::nullopt);
        }
    }
    for (const auto& [key, b] : others) {
        if (!used.contains(b)) {
            add(b->labels, std::nullopt, b->value);
        }
    }
    return result;
}

double distance(const ComparedValues& values)
{
    return values.left && values.right ? std::abs(*values.left - *values.right)
                                       : std::numeric_limits<double>::infinity();
}

class Explainer
{
public:
    Explainer(const GroupSnapshot& group, std::size_t index, const Rule& definition,
              const ExplainContext& context, const ExplainRuleOptions& options,
              const std::stop_token& stop)
        : group_(group),
          rule_(group.rules.at(index)),
          definition_(definition),
          context_(context),
          options_(options),
          asker_(context, context.now - group.queryOffset, stop)
    {}

    RuleExplanation run()
    {
        explainHealth();
        explainGap();
        explainAlerts();
        if (definition_.expression != nullptr) {
            explainComparison();
            explainSelectors();
            explainEmptiness();
        }
        return std::move(result_);
    }

private:
    void say(std::string sentence) { result_.sentences.push_back(std::move(sentence)); }

    void explainHealth()
    {
        result_.lastError = rule_.status.lastError;
        if (rule_.status.health == RuleHealth::Unknown) {
            say(group_.nextSlot
                    ? fmt::format("The rule has not been evaluated yet; its turn is "
                                  "in {}.",
                                  timeText(*group_.nextSlot - context_.now))
                    : "The rule has not been evaluated yet, and its group does not run.");
        } else if (rule_.status.health == RuleHealth::Error) {
            say(fmt::format("The last evaluation failed: {}. Alerts stay as they were until one "
                            "works.",
                            rule_.status.lastError));
            if (rule_.status.lastError.starts_with("exceeded limit")) {
                say(fmt::format("The group allows {} by its field limit; all alerts of the rule "
                                "were dropped. Raise the limit, or make the expression narrower.",
                                group_.limit));
            }
        }
    }

    void explainGap()
    {
        if (!group_.settlingUntil || *group_.settlingUntil <= context_.now ||
            context_.gaps.empty()) {
            return;
        }
        result_.gap = context_.gaps.back();
        say(fmt::format("Nobody watched from {} to {}: for another {} alerts neither fire nor "
                        "resolve, until there is data again.",
                        base::formatTimestamp(result_.gap->from),
                        base::formatTimestamp(result_.gap->to),
                        timeText(*group_.settlingUntil - context_.now)));
    }

    /// When an evaluation comes at or after `time`.
    [[nodiscard]] base::Duration untilEvaluationAt(base::Timestamp time) const
    {
        base::Timestamp slot = group_.nextSlot.value_or(context_.now);
        if (slot < time && group_.interval.ms() > 0) {
            const std::int64_t steps =
                ((time - slot).ms() + group_.interval.ms() - 1) / group_.interval.ms();
            slot = slot + group_.interval * steps;
        }
        return slot - context_.now;
    }

    void explainAlerts()
    {
        std::size_t firing = 0;
        for (const ActiveAlert& alert : rule_.alerts) {
            firing += alert.state == AlertState::Firing ? 1U : 0U;
            if (result_.alerts.size() < options_.maxAlerts) {
                result_.alerts.push_back(explainAlert(alert));
            }
        }
        if (rule_.alerts.empty()) {
            return;
        }
        say(fmt::format("{} firing, {} pending.", countText(firing, "alert is", "alerts are"),
                        rule_.alerts.size() - firing));
        if (firing < rule_.alerts.size()) {
            const auto soonest = std::min_element(
                result_.alerts.begin(), result_.alerts.end(), [](const auto& a, const auto& b) {
                    return a.untilFiring.value_or(base::Duration{INT64_MAX}) <
                           b.untilFiring.value_or(base::Duration{INT64_MAX});
                });
            if (soonest != result_.alerts.end() && soonest->untilFiring) {
                say(fmt::format("The next one fires in {} if its condition holds until then.",
                                timeText(*soonest->untilFiring)));
            }
        }
    }

    [[nodiscard]] AlertExplanation explainAlert(const ActiveAlert& alert) const
    {
        AlertExplanation result{.labels = alert.labels,
                                .state = alert.state,
                                .untilFiring = {},
                                .untilResolved = {},
                                .sentence = {}};
        if (alert.state == AlertState::Pending) {
            result.untilFiring = untilEvaluationAt(alert.activeAt + definition_.holdFor);
            result.sentence = fmt::format("The condition has held for {} of {}; it fires in {}.",
                                          timeText(context_.now - alert.activeAt),
                                          base::formatDuration(definition_.holdFor),
                                          timeText(*result.untilFiring));
        } else if (alert.keepFiringSince) {
            result.untilResolved =
                untilEvaluationAt(*alert.keepFiringSince + definition_.keepFiringFor);
            result.sentence = fmt::format("The condition does not hold any more; keep_firing_for "
                                          "keeps it firing for another {}.",
                                          timeText(*result.untilResolved));
        } else {
            result.sentence =
                fmt::format("It has been firing for {}.",
                            timeText(context_.now - alert.firedAt.value_or(context_.now)));
        }
        return result;
    }

    void explainComparison()
    {
        const auto* binary = promql::unwrapParens(*definition_.expression).as<promql::Binary>();
        if (binary == nullptr || !promql::isComparison(binary->op) || binary->returnBool) {
            return;
        }
        ComparisonExplanation comparison{.left = promql::print(*binary->lhs),
                                         .op = promql::operatorText(binary->op, false, {}),
                                         .right = promql::print(*binary->rhs),
                                         .values = {},
                                         .error = {}};
        const auto left = asker_.ask(comparison.left);
        const auto right = asker_.ask(comparison.right);
        if (!left.ok() || !right.ok()) {
            comparison.error = base::messageOf(left.ok() ? right.status() : left.status());
        } else {
            comparison.values = pairUp(*binary, *left, *right);
            comparison.total = comparison.values.size();
            comparison.holding = static_cast<std::size_t>(
                std::count_if(comparison.values.begin(), comparison.values.end(),
                              [](const ComparedValues& values) { return values.holds; }));
            std::stable_sort(comparison.values.begin(), comparison.values.end(),
                             [](const ComparedValues& a, const ComparedValues& b) {
                                 return std::pair(!a.holds, distance(a)) <
                                        std::pair(!b.holds, distance(b));
                             });
            comparison.values.resize(std::min(comparison.values.size(), options_.maxValues));
            sayComparison(comparison, left->size(), right->size());
        }
        result_.comparison = std::move(comparison);
    }

    void sayComparison(const ComparisonExplanation& comparison, std::size_t left, std::size_t right)
    {
        if (left == 0 || right == 0) {
            say(fmt::format("{} gives nothing now, so there is nothing to compare.",
                            left == 0 ? comparison.left : comparison.right));
            return;
        }
        if (comparison.holding > 0) {
            say(fmt::format("{} {} {} holds for {} of {}.", comparison.left, comparison.op,
                            comparison.right, comparison.holding,
                            countText(comparison.total, "element", "elements")));
            return;
        }
        const ComparedValues& nearest = comparison.values.front();
        if (!nearest.left || !nearest.right) {
            say("Both sides have elements, but none of the one has the labels of one of the "
                "other.");
            return;
        }
        say(fmt::format("{} {} {} holds for none of {}; the nearest is {} with {} against {}.",
                        comparison.left, comparison.op, comparison.right,
                        countText(comparison.total, "element", "elements"),
                        nearest.labels.toString(), base::formatFloat(*nearest.left),
                        base::formatFloat(*nearest.right)));
    }

    void explainSelectors() { visitSelectors(*definition_.expression); }
    void visitSelectors(const Expr& expr)
    {
        if (expr.as<promql::VectorSelector>() != nullptr ||
            expr.as<promql::MatrixSelector>() != nullptr) {
            explainSelector(expr);
        }
        for (const Expr* child : promql::childrenOf(expr)) {
            visitSelectors(*child);
        }
    }

    void explainSelector(const Expr& expr)
    {
        SelectorExplanation selector{.text = promql::print(expr), .matchers = {}};
        const bool isRange = expr.as<promql::MatrixSelector>() != nullptr;
        const auto counted =
            asker_.ask(isRange ? fmt::format("count(present_over_time({}))", selector.text)
                               : fmt::format("count({})", selector.text));
        if (counted.ok() && !counted->empty()) {
            selector.series = static_cast<std::size_t>(counted->front().value);
        } else if (counted.ok()) {
            say(fmt::format("No series match {} now.", selector.text));
            selector.matchers =
                promql::editor::explainMatchers(definition_.expressionText, expr, asker_);
        }
        result_.selectors.push_back(std::move(selector));
    }

    void explainEmptiness()
    {
        const auto* call = promql::unwrapParens(*definition_.expression).as<promql::Call>();
        const bool absent = call != nullptr && call->function != nullptr &&
                            call->function->name.starts_with("absent");
        const bool found =
            !result_.selectors.empty() &&
            std::all_of(result_.selectors.begin(), result_.selectors.end(),
                        [](const SelectorExplanation& each) { return each.series > 0; });
        if (absent && found) {
            say("The series are there, so absent() gives nothing.");
        }
        if (result_.sentences.empty()) {
            say(definition_.kind == RuleKind::Alerting
                    ? "The expression gives nothing now, so there is no alert."
                    : fmt::format("The last evaluation recorded {}.",
                                  countText(rule_.status.samples, "sample", "samples")));
        }
    }

    const GroupSnapshot& group_;
    const RuleSnapshot& rule_;
    const Rule& definition_;
    const ExplainContext& context_;
    const ExplainRuleOptions& options_;
    const Asker asker_;
    RuleExplanation result_;
};

} // namespace

RuleExplanation explainRule(const GroupSnapshot& group, std::size_t index, const Rule& definition,
                            const ExplainContext& context, const ExplainRuleOptions& options,
                            const std::stop_token& stop)
{
    return Explainer(group, index, definition, context, options, stop).run();
}

} // namespace narthex::rules
