// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/rules/rule_metrics.h"

#include "core/exposition/text_writer.h"

namespace narthex::rules {
namespace {

using model::MetricType;

double number(std::uint64_t value) { return static_cast<double>(value); }

struct GroupFamily
{
    std::string_view name;
    MetricType type;
    std::string_view help;
    double (*value)(const GroupStats&);
};

constexpr GroupFamily kFamilies[] = {
    {"prometheus_rule_group_iterations_total", MetricType::Counter,
     "Evaluations of the group that were due.",
     [](const GroupStats& s) { return number(s.iterations); }},
    {"prometheus_rule_group_iterations_missed_total", MetricType::Counter,
     "Evaluations of the group that were left out because one took too long or nobody watched.",
     [](const GroupStats& s) { return number(s.missed); }},
    {"prometheus_rule_evaluations_total", MetricType::Counter, "Evaluations of rules.",
     [](const GroupStats& s) { return number(s.evaluations); }},
    {"prometheus_rule_evaluation_failures_total", MetricType::Counter,
     "Evaluations of rules that failed.", [](const GroupStats& s) { return number(s.failures); }},
    {"prometheus_rule_group_interval_seconds", MetricType::Gauge, "Interval of the group.",
     [](const GroupStats& s) { return s.interval.seconds(); }},
    {"prometheus_rule_group_last_evaluation_timestamp_seconds", MetricType::Gauge,
     "When the last evaluation of the group began.",
     [](const GroupStats& s) { return s.lastEvaluation ? s.lastEvaluation->seconds() : 0; }},
    {"prometheus_rule_group_last_duration_seconds", MetricType::Gauge,
     "Length of the last evaluation of the group.",
     [](const GroupStats& s) { return s.lastDuration.seconds(); }},
    {"prometheus_rule_group_last_rule_duration_sum_seconds", MetricType::Gauge,
     "Length of the last evaluations of the rules of the group, together.",
     [](const GroupStats& s) { return s.lastRuleTime.seconds(); }},
    {"prometheus_rule_group_last_restore_duration_seconds", MetricType::Gauge,
     "How long it took to find out since when alerts have been active.",
     [](const GroupStats& s) { return s.lastRestoreDuration.seconds(); }},
    {"prometheus_rule_group_rules", MetricType::Gauge, "Rules of the group.",
     [](const GroupStats& s) { return static_cast<double>(s.rules); }},
    {"prometheus_rule_group_last_evaluation_samples", MetricType::Gauge,
     "Samples that the last evaluation of the group gave.",
     [](const GroupStats& s) { return static_cast<double>(s.lastSamples); }},
};

} // namespace

void RuleMetrics::observeRule(base::Duration now, base::Duration took)
{
    ruleSummary_.observe(now, took.seconds());
    ruleHistogram_.observe(took.seconds());
}

void RuleMetrics::observeGroup(base::Duration now, base::Duration took)
{
    groupSummary_.observe(now, took.seconds());
    groupHistogram_.observe(took.seconds());
}

void RuleMetrics::write(exposition::TextWriter& out, std::span<const NamedGroupStats> groups,
                        base::Duration now) const
{
    ruleSummary_.write(out, "prometheus_rule_evaluation_duration_seconds",
                       "Length of evaluations of rules.", now);
    ruleHistogram_.write(out, "prometheus_rule_evaluation_duration_histogram_seconds",
                         "Length of evaluations of rules.");
    groupSummary_.write(out, "prometheus_rule_group_duration_seconds",
                        "Length of evaluations of groups.", now);
    groupHistogram_.write(out, "prometheus_rule_group_duration_histogram_seconds",
                          "Length of evaluations of groups.");
    out.counter("prometheus_template_text_expansions_total",
                "Texts of labels and annotations that were expanded.",
                number(templates_.expansions.load()));
    out.counter("prometheus_template_text_expansion_failures_total",
                "Texts of labels and annotations that could not be expanded.",
                number(templates_.failures.load()));
    for (const GroupFamily& family : kFamilies) {
        out.family(family.name, family.type, family.help);
        for (const NamedGroupStats& group : groups) {
            out.sample({{"rule_group", group.group}}, family.value(group.stats));
        }
    }
}

} // namespace narthex::rules
