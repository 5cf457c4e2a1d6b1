// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/rules/testing/test_writer.h"

#include "core/base/number.h"
#include "core/base/status.h"
#include "core/model/sample.h"
#include "core/rules/dependencies.h"
#include "core/rules/testing/test_run.h"

#include <algorithm>
#include <map>
#include <set>

namespace narthex::rules::testing {
namespace {

using promql::SequenceValue;

/// For YAML, single quotes: labels and numbers hold no control characters but in double quotes.
std::string quoted(const std::string& text)
{
    const bool plain = std::none_of(text.begin(), text.end(),
                                    [](char c) { return static_cast<unsigned char>(c) < 0x20; });
    if (!plain) {
        return model::quote(text);
    }
    std::string out = "'";
    for (const char c : text) {
        out += c == '\'' ? "''" : std::string(1, c);
    }
    return out + "'";
}

std::string valueText(const SequenceValue& value)
{
    if (value.omitted) {
        return "_";
    }
    if (value.histogram) {
        return promql::histogramNotation(*value.histogram);
    }
    return model::isStale(value.value) ? "stale" : base::formatFloat(value.value);
}

/// Runs of equal values are written short: `1x9` stands for ten of them.
std::string sequenceText(const std::vector<SequenceValue>& values)
{
    std::string out;
    std::size_t i = 0;
    while (i < values.size()) {
        const std::string text = valueText(values[i]);
        std::size_t end = i + 1;
        while (end < values.size() && valueText(values[end]) == text) {
            ++end;
        }
        const std::size_t count = end - i;
        out += out.empty() ? "" : " ";
        if (text == "stale" || count == 1) {
            out += text;
            ++i;
            continue;
        }
        out += text == "_" ? fmt::format("_x{}", count) : fmt::format("{}x{}", text, count - 1);
        i = end;
    }
    return out;
}

class Writer
{
public:
    Writer(std::span<const Rule> rules, const WriteTestOptions& options,
           const storage::Queryable& store, std::stop_token stop)
        : rules_(rules), options_(options), store_(store), stop_(std::move(stop))
    {}

    absl::StatusOr<std::string> run(base::WorkerPool& pool, const base::Clock& clock)
    {
        NARTHEX_RETURN_IF_ERROR(check());
        NARTHEX_RETURN_IF_ERROR(readInput());
        TestFile file;
        file.evaluationInterval = options_.evaluationInterval;
        const std::vector<RuleGroup> groups{
            RuleGroup{.name = "g", .labels = {}, .rules = {rules_.begin(), rules_.end()}}};
        const base::Duration end = options_.to - options_.from;
        test_.interval = options_.interval;
        test_.start = options_.from;
        test_.externalUrl = options_.surroundings.externalUrl;
        for (const model::LabelView label : options_.surroundings.externalLabels) {
            test_.externalLabels.emplace(label.name, label.value);
        }
        // Says only how far to run; its outcome is not looked at.
        test_.exprChecks.push_back(
            {.expr = "vector(0)", .evalTime = end, .samples = {}, .line = 0});
        TestRun run(test_, {.file = file,
                            .groups = groups,
                            .engine = {.defaultSubqueryStep = options_.evaluationInterval,
                                       .features = options_.features},
                            .pool = pool,
                            .clock = clock});
        TestCase outcome;
        run.run(outcome);
        for (const TestFailure& failure : outcome.failures) {
            if (!failure.error.empty()) {
                return base::invalidArgument("{}: {}", failure.subject, failure.error);
            }
        }
        NARTHEX_ASSIGN_OR_RETURN(const std::string expected, expectations(run, end));
        return head() + expected;
    }

private:
    absl::Status check() const
    {
        if (rules_.empty()) {
            return base::invalidArgument("there is no rule to write a test for");
        }
        if (options_.to < options_.from || options_.interval.ms() <= 0 ||
            options_.evaluationInterval.ms() <= 0) {
            return base::invalidArgument("a test needs positive intervals, and an end that is not "
                                         "before its start");
        }
        return absl::OkStatus();
    }

    /// What the rules themselves write is no input.
    [[nodiscard]] bool isOwn(const model::Labels& labels) const
    {
        const std::string_view name = labels.metricName();
        return name == kAlertsMetric || name == kForStateMetric ||
               std::any_of(rules_.begin(), rules_.end(), [name](const Rule& rule) {
                   return rule.kind == RuleKind::Recording && rule.name == name;
               });
    }

    absl::Status readInput()
    {
        const base::Timestamp from = options_.from - options_.interval;
        NARTHEX_ASSIGN_OR_RETURN(const auto querier, store_.querier(from, options_.to));
        std::map<model::Labels, std::vector<SequenceValue>> input;
        std::size_t left = options_.maxSamples;
        for (const Rule& rule : rules_) {
            for (const promql::VectorSelector* selector : selectorsOf(*rule.expression)) {
                NARTHEX_ASSIGN_OR_RETURN(
                    const auto set,
                    querier->select({.from = from, .to = options_.to}, selector->matchers, stop_));
                NARTHEX_ASSIGN_OR_RETURN(const auto all, storage::collect(*set, left));
                for (const auto& series : all) {
                    if (isOwn(series->labels()) || input.contains(series->labels())) {
                        continue;
                    }
                    storage::SampleColumns columns;
                    NARTHEX_RETURN_IF_ERROR(series->read(from, options_.to, columns));
                    std::vector<SequenceValue> values = onGrid(columns);
                    if (values.empty()) {
                        continue;
                    }
                    if (values.size() > left) {
                        return base::resourceExhausted(
                            "more than {} samples; choose a shorter time "
                            "or a longer interval",
                            options_.maxSamples);
                    }
                    left -= values.size();
                    input.emplace(series->labels(), std::move(values));
                }
            }
        }
        for (auto& [labels, values] : input) {
            test_.input.push_back({.labels = labels, .values = std::move(values)});
        }
        return absl::OkStatus();
    }

    /// The newest sample of each interval; nothing behind the last one.
    [[nodiscard]] std::vector<SequenceValue> onGrid(const storage::SampleColumns& columns) const
    {
        const std::int64_t step = options_.interval.ms();
        std::vector<SequenceValue> values;
        std::map<std::size_t, std::int64_t> newest;
        const auto put = [&](std::int64_t time, SequenceValue value) {
            const std::int64_t since = time - options_.from.ms;
            const std::int64_t index = since <= 0 ? 0 : (since + step - 1) / step;
            const auto at = static_cast<std::size_t>(index);
            if (since <= -step || options_.from.ms + index * step > options_.to.ms) {
                return;
            }
            if (values.size() <= at) {
                values.resize(at + 1, SequenceValue{.omitted = true});
            }
            if (const auto found = newest.find(at); found == newest.end() || found->second < time) {
                newest[at] = time;
                values[at] = std::move(value);
            }
        };
        for (std::size_t i = 0; i < columns.times.size(); ++i) {
            put(columns.times[i], {.omitted = false, .value = columns.values[i]});
        }
        for (std::size_t i = 0; i < columns.histogramTimes.size(); ++i) {
            put(columns.histogramTimes[i],
                {.omitted = false, .value = 0, .histogram = columns.histograms[i]});
        }
        return values;
    }

    [[nodiscard]] std::string head() const
    {
        std::string out = fmt::format(
            "rule_files:\n- {}\nevaluation_interval: {}\ntests:\n- name: {}\n"
            "  interval: {}\n  start_timestamp: {}\n",
            quoted(options_.ruleFile), base::formatDuration(options_.evaluationInterval),
            quoted(options_.name), base::formatDuration(options_.interval),
            quoted(base::formatTimestamp(options_.from)));
        if (!test_.externalLabels.empty()) {
            out += "  external_labels:\n";
            for (const auto& [name, value] : test_.externalLabels) {
                out += fmt::format("    {}: {}\n", name, quoted(value));
            }
        }
        if (!test_.externalUrl.empty()) {
            out += fmt::format("  external_url: {}\n", quoted(test_.externalUrl));
        }
        out += test_.input.empty() ? "" : "  input_series:\n";
        for (const promql::SeriesDescription& series : test_.input) {
            out += fmt::format("  - series: {}\n    values: {}\n", quoted(series.labels.toString()),
                               quoted(sequenceText(series.values)));
        }
        return out;
    }

    [[nodiscard]] static std::string mapLines(std::string_view field, const model::Labels& labels,
                                              std::string_view but)
    {
        std::string out;
        for (const model::LabelView label : labels) {
            if (label.name != but) {
                out +=
                    fmt::format("        {}: {}\n", label.name, quoted(std::string(label.value)));
            }
        }
        return out.empty() ? fmt::format("      {}: {{}}\n", field)
                           : fmt::format("      {}:\n{}", field, out);
    }

    [[nodiscard]] absl::StatusOr<std::string> expectations(const TestRun& run,
                                                           base::Duration end) const
    {
        const std::string time = base::formatDuration(end);
        std::string alerts;
        std::string samples;
        std::set<std::string> told;
        for (const Rule& rule : rules_) {
            if (!told.insert(rule.name).second) {
                continue;
            }
            if (rule.kind == RuleKind::Alerting) {
                alerts += fmt::format("  - eval_time: {}\n    alertname: {}\n    exp_alerts:", time,
                                      quoted(rule.name));
                const std::vector<ActiveAlert> firing = run.firing(rule.name);
                alerts += firing.empty() ? " []\n" : "\n";
                for (const ActiveAlert& alert : firing) {
                    std::string lines = mapLines("exp_labels", alert.labels, kAlertName) +
                                        mapLines("exp_annotations", alert.annotations, {});
                    lines.replace(4, 1, "-"); // the list's mark
                    alerts += lines;
                }
                continue;
            }
            NARTHEX_ASSIGN_OR_RETURN(const promql::Vector vector, run.query(selector(rule), end));
            samples += fmt::format("  - eval_time: {}\n    expr: {}\n    exp_samples:", time,
                                   quoted(selector(rule)));
            samples += vector.empty() ? " []\n" : "\n";
            for (const promql::VectorElement& element : vector) {
                samples += fmt::format("    - labels: {}\n      {}\n",
                                       quoted(element.labels.toString()), expected(element));
            }
        }
        return (alerts.empty() ? "" : "  alert_rule_test:\n" + alerts) +
               (samples.empty() ? "" : "  promql_expr_test:\n" + samples);
    }

    [[nodiscard]] static std::string selector(const Rule& rule)
    {
        return model::Labels{{model::kMetricName, rule.name}}.toString();
    }
    [[nodiscard]] static std::string expected(const promql::VectorElement& element)
    {
        if (element.histogram) {
            return "histogram: " + quoted(promql::histogramNotation(*element.histogram));
        }
        const std::string text = base::formatFloat(element.value);
        const std::string yaml = text == "NaN"    ? ".nan"
                                 : text == "+Inf" ? ".inf"
                                 : text == "-Inf" ? "-.inf"
                                                  : text;
        return "value: " + yaml;
    }

    const std::span<const Rule> rules_;
    const WriteTestOptions& options_;
    const storage::Queryable& store_;
    const std::stop_token stop_;
    RuleTest test_;
};

} // namespace

absl::StatusOr<std::string> writeTest(std::span<const Rule> rules, const WriteTestOptions& options,
                                      const storage::Queryable& store, base::WorkerPool& pool,
                                      const base::Clock& clock, std::stop_token stop)
{
    return Writer(rules, options, store, std::move(stop)).run(pool, clock);
}

} // namespace narthex::rules::testing
