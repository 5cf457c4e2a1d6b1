// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/rules/lint.h"

#include "core/promql/editor/label_flow.h"
#include "core/promql/editor/lint.h"
#include "core/promql/printer.h"
#include "core/rules/alert_labels.h"
#include "core/rules/dependencies.h"

#include <absl/strings/str_split.h>
#include <re2/re2.h>

#include <algorithm>
#include <map>

namespace narthex::rules {
namespace {

using promql::Expr;
using promql::TokenKind;

constexpr std::string_view kOfRules[] = {kLintForInterval, kLintSeverity,  kLintComparison,
                                         kLintAbsent,      kLintLostLabel, kLintRecordingName,
                                         kLintQueryOffset, kLintInterval,  kLintQuery,
                                         kLintNoSeries,    kLintSlowRule};
constexpr std::string_view kOfPromtool[] = {kLintDuplicateRules, kLintTooLongScrapeInterval};

template <typename Accepts>
bool anyNode(const Expr& expr, const Accepts& accepts)
{
    if (accepts(expr)) {
        return true;
    }
    const std::vector<const Expr*> children = promql::childrenOf(expr);
    return std::any_of(children.begin(), children.end(),
                       [&](const Expr* child) { return anyNode(*child, accepts); });
}

bool isAbsent(const Expr& expr)
{
    const auto* call = expr.as<promql::Call>();
    return call != nullptr && call->function != nullptr &&
           (call->function->name == "absent" || call->function->name == "absent_over_time");
}

/// Something that makes the alert's series come and go.
bool mayBeEmpty(const Expr& expr)
{
    const auto* binary = expr.as<promql::Binary>();
    return (binary != nullptr && !binary->returnBool &&
            (promql::isComparison(binary->op) || binary->op == TokenKind::And ||
             binary->op == TokenKind::Unless)) ||
           isAbsent(expr);
}

class Linter
{
public:
    Linter(const RuleFile& file, const RuleLintOptions& options) : file_(file), options_(options) {}

    std::vector<RuleFinding> run()
    {
        if (wants(kLintDuplicateRules)) {
            duplicates();
        }
        for (const RuleGroup& group : file_.groups) {
            lintGroup(group);
            for (const Rule& rule : group.rules) {
                lintRule(group, rule);
            }
        }
        return std::move(findings_);
    }

private:
    [[nodiscard]] bool wants(std::string_view lint) const { return options_.checks.contains(lint); }
    void add(std::string_view lint, const RuleGroup& group, const Rule* rule, std::string message)
    {
        if (wants(lint)) {
            findings_.push_back({.lint = std::string(lint),
                                 .file = file_.path,
                                 .line = rule != nullptr ? rule->line : 0,
                                 .group = group.name,
                                 .rule = rule != nullptr ? rule->name : std::string(),
                                 .message = std::move(message)});
        }
    }

    void duplicates()
    {
        struct Place
        {
            const RuleGroup* group;
            const Rule* rule;
        };
        std::map<std::pair<std::string, std::map<std::string, std::string>>, std::vector<Place>>
            byName;
        for (const RuleGroup& group : file_.groups) {
            for (const Rule& rule : group.rules) {
                byName[{rule.name, rule.labels}].push_back({&group, &rule});
            }
        }
        for (const auto& [key, places] : byName) {
            if (places.size() > 1) {
                add(kLintDuplicateRules, *places[1].group, places[1].rule,
                    fmt::format("stands there {} times with the same labels, first in line {}; "
                                "might cause inconsistency",
                                places.size(), places[0].rule->line));
                findings_.back().labels = key.second;
            }
        }
    }

    void lintGroup(const RuleGroup& group)
    {
        const base::Duration interval = group.interval.value_or(options_.interval);
        if (interval > options_.lookback) {
            add(kLintInterval, group, nullptr,
                fmt::format("interval {} is above the lookback of {}: recorded series have holes",
                            base::formatDuration(interval),
                            base::formatDuration(options_.lookback)));
        }
    }

    void lintRule(const RuleGroup& group, const Rule& rule)
    {
        if (rule.expression == nullptr) {
            return;
        }
        if (rule.kind == RuleKind::Alerting) {
            lintAlert(group, rule);
        } else if (!RE2::FullMatch(rule.name, "[^:]+:[^:]+:[^:]+")) {
            add(kLintRecordingName, group, &rule,
                "name is not of the form level:metric:operations");
        }
        lintAbsent(group, rule);
        lintSmoothed(group, rule);
        if (wants(kLintQuery)) {
            for (const auto& finding :
                 promql::editor::lint(rule.expressionText, {.features = options_.features})) {
                if (finding.severity == promql::editor::Severity::Warning) {
                    add(kLintQuery, group, &rule,
                        fmt::format("{} [{}]", finding.message, finding.id));
                }
            }
        }
    }

    void lintAlert(const RuleGroup& group, const Rule& rule)
    {
        const base::Duration interval = group.interval.value_or(options_.interval);
        if (rule.holdFor.ns > 0 && rule.holdFor < interval) {
            add(kLintForInterval, group, &rule,
                fmt::format("for {} is shorter than the interval of {}: it fires at the second "
                            "evaluation all the same",
                            base::formatDuration(rule.holdFor), base::formatDuration(interval)));
        }
        if (!rule.labels.contains("severity")) {
            add(kLintSeverity, group, &rule, "has no label severity");
        }
        if (!anyNode(*rule.expression, mayBeEmpty)) {
            add(kLintComparison, group, &rule,
                "the expression compares nothing: it fires for every series that is there");
        }
        lintLostLabels(group, rule);
    }

    void lintLostLabels(const RuleGroup& group, const Rule& rule)
    {
        static const RE2 kUse(R"((?:\$labels|\.Labels)\.([a-zA-Z_][a-zA-Z0-9_]*))");
        const promql::editor::LabelFlow flow = promql::editor::labelsOf(*rule.expression);
        const auto check = [&](std::string_view what,
                               const std::map<std::string, std::string>& texts) {
            for (const auto& [name, text] : texts) {
                re2::StringPiece rest(text);
                std::string label;
                std::set<std::string> told;
                while (RE2::FindAndConsume(&rest, kUse, &label)) {
                    if (!flow.mayHave(label) && told.insert(label).second) {
                        add(kLintLostLabel, group, &rule,
                            fmt::format("{} {} uses the label {}, which the expression does not "
                                        "keep",
                                        what, name, label));
                    }
                }
            }
        };
        check("annotation", rule.annotations);
        check("label", rule.labels);
    }

    void lintAbsent(const RuleGroup& group, const Rule& rule)
    {
        anyNode(*rule.expression, [&](const Expr& expr) {
            if (isAbsent(expr)) {
                for (const promql::VectorSelector* selector : selectorsOf(expr)) {
                    const bool unequal = std::any_of(
                        selector->matchers.begin(), selector->matchers.end(),
                        [](const auto& m) { return m.type() != model::MatchType::Equal; });
                    if (unequal) {
                        add(kLintAbsent, group, &rule,
                            "absent() cannot name a label that is not matched with =: the result "
                            "lacks it, and one series that is there hides all that are missing");
                    }
                }
            }
            return false;
        });
    }

    void lintSmoothed(const RuleGroup& group, const Rule& rule)
    {
        const base::Duration offset = group.queryOffset.value_or(options_.queryOffset);
        for (const promql::VectorSelector* selector : selectorsOf(*rule.expression)) {
            if (selector->smoothed && offset.ns == 0 && selector->offset.isZero()) {
                add(kLintQueryOffset, group, &rule,
                    "smoothed needs the sample behind the evaluation time: set a query_offset of "
                    "at least one scrape interval");
            }
        }
    }

    const RuleFile& file_;
    const RuleLintOptions& options_;
    std::vector<RuleFinding> findings_;
};

} // namespace

LintNames parseLintNames(std::string_view list, std::vector<std::string>& unknown)
{
    LintNames names;
    const auto isKnown = [](std::string_view name) {
        return std::find(std::begin(kOfRules), std::end(kOfRules), name) != std::end(kOfRules) ||
               std::find(std::begin(kOfPromtool), std::end(kOfPromtool), name) !=
                   std::end(kOfPromtool);
    };
    const std::vector<std::string> parts =
        absl::StrSplit(absl::string_view(list.data(), list.size()), ',', absl::SkipEmpty());
    for (const std::string& part : parts) {
        if (part == "none") {
            return {};
        }
        if (part == "all" || part == "strict") {
            names.insert(std::begin(kOfPromtool), std::end(kOfPromtool));
        }
        if (part == "strict") {
            names.insert(std::begin(kOfRules), std::end(kOfRules));
        } else if (isKnown(part)) {
            names.insert(part);
        } else if (part != "all") {
            unknown.push_back(part);
        }
    }
    return names;
}

std::vector<RuleFinding> lintRules(const RuleFile& file, const RuleLintOptions& options)
{
    return Linter(file, options).run();
}

std::string findingText(const RuleFinding& finding)
{
    std::string text = finding.file;
    if (finding.line > 0) {
        text += fmt::format(":{}", finding.line);
    }
    text += fmt::format(": group \"{}\"", finding.group);
    if (!finding.rule.empty()) {
        text += fmt::format(", rule \"{}\"", finding.rule);
    }
    return text + fmt::format(": {} ({})", finding.message, finding.lint);
}

std::string duplicatesText(const std::vector<RuleFinding>& findings)
{
    std::string text;
    std::size_t count = 0;
    for (const RuleFinding& finding : findings) {
        if (finding.lint != kLintDuplicateRules) {
            continue;
        }
        ++count;
        text += fmt::format("Metric: {}\nLabel(s):\n", finding.rule);
        for (const auto& [name, value] : finding.labels) {
            text += fmt::format("\t{}: {}\n", name, value);
        }
    }
    return count == 0 ? std::string()
                      : fmt::format("{} duplicate rule(s) found.\n{}Might cause inconsistency "
                                    "while recording expressions\n",
                                    count, text);
}

std::vector<RuleFinding> lintRunning(const GroupSnapshot& group, const RuleGroup& definition,
                                     const LintNames& checks, const RuleLintData* data)
{
    std::vector<RuleFinding> findings;
    const auto add = [&](std::string_view lint, const Rule& rule, std::string message) {
        findings.push_back({.lint = std::string(lint),
                            .file = group.file,
                            .line = rule.line,
                            .group = group.name,
                            .rule = rule.name,
                            .message = std::move(message)});
    };
    for (std::size_t i = 0; i < definition.rules.size() && i < group.rules.size(); ++i) {
        const Rule& rule = definition.rules[i];
        const base::Duration took = group.rules[i].status.evaluationTime;
        if (checks.contains(kLintSlowRule) && took > group.interval) {
            add(kLintSlowRule, rule,
                fmt::format("the last evaluation took {}, the interval is {}",
                            base::formatDuration(took), base::formatDuration(group.interval)));
        }
        if (data == nullptr || !checks.contains(kLintNoSeries)) {
            continue;
        }
        for (const promql::VectorSelector* selector : selectorsOf(*rule.expression)) {
            if (data->seriesCount(selector->matchers) == std::size_t{0}) {
                std::string text;
                for (const model::Matcher& matcher : selector->matchers) {
                    text += (text.empty() ? "" : ", ") + matcher.toString();
                }
                add(kLintNoSeries, rule, "no series match {" + text + "} now");
            }
        }
    }
    return findings;
}

} // namespace narthex::rules
