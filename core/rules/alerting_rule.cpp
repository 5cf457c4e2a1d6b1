// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/rules/alerting_rule.h"

#include "core/base/status.h"
#include "core/model/sample.h"

#include <algorithm>

namespace narthex::rules {
namespace {

/// Since when an alert was active, and when that was written last.
struct FormerState
{
    base::Timestamp downAt;
    double activeSeconds = 0;
};

using FormerStates = absl::flat_hash_map<std::uint64_t, FormerState>; // by the series' hash

absl::StatusOr<FormerStates> readFormerStates(const storage::Queryable& store, const Rule& rule,
                                              base::Timestamp from, base::Timestamp to,
                                              std::stop_token stop)
{
    model::Matchers matchers{model::Matcher::equal(model::kMetricName, kForStateMetric),
                             model::Matcher::equal(kAlertName, rule.name)};
    for (const auto& [name, value] : rule.labels) {
        if (value.find("{{") == std::string::npos && name != kAlertName) {
            matchers.push_back(model::Matcher::equal(name, value));
        }
    }
    NARTHEX_ASSIGN_OR_RETURN(const std::unique_ptr<storage::Querier> querier,
                             store.querier(from, to));
    NARTHEX_ASSIGN_OR_RETURN(const std::unique_ptr<storage::SeriesSet> set,
                             querier->select({.from = from, .to = to}, matchers, std::move(stop)));
    constexpr std::size_t kLimit = 10'000'000;
    NARTHEX_ASSIGN_OR_RETURN(const auto all, storage::collect(*set, kLimit));
    FormerStates states;
    storage::SampleColumns samples;
    for (const auto& series : all) {
        samples.clear();
        NARTHEX_RETURN_IF_ERROR(series->read(from, to, samples));
        if (!samples.values.empty() && !model::isStale(samples.values.back())) {
            states[series->labels().hash()] = {{samples.times.back()}, samples.values.back()};
        }
    }
    return states;
}

/// Source: spec/rules.md, 5.4.
base::Timestamp restoredActiveAt(const FormerState& former, base::Timestamp time,
                                 base::Duration holdFor, base::Duration grace)
{
    const base::Timestamp active{static_cast<std::int64_t>(former.activeSeconds) * 1000};
    const base::Duration remaining = holdFor - (former.downAt - active);
    if (remaining.ns <= 0) {
        return active; // it fired already
    }
    if (remaining < grace) {
        return time + grace - holdFor;
    }
    return active + (time - former.downAt);
}

} // namespace

AlertingRule::AlertingRule(Rule definition, const RuleEnvironment& environment,
                           std::shared_ptr<const AlertSurroundings> surroundings, bool restored)
    : EvaluatedRule(std::move(definition), environment),
      surroundings_(std::move(surroundings)),
      templates_(this->definition()),
      generatorUrl_(generatorUrl(surroundings_->externalUrl, query())),
      restored_(restored)
{}

void AlertingRule::write(AlertTable::Entry& entry)
{
    const ActiveAlert& alert = entry.alert;
    const bool firing = alert.state == AlertState::Firing;
    model::Labels& state = firing ? entry.firingSeries : entry.pendingSeries;
    if (state.empty()) {
        state = alertSeries(kAlertsMetric, alert.labels, alertStateText(alert.state));
    }
    if (entry.forSeries.empty()) {
        entry.forSeries = alertSeries(kForStateMetric, alert.labels, {});
    }
    // Alerts have different labels, so their series do, too: no need to look at the answers.
    static_cast<void>(writer().add(state.bytes(), 1.0, [&state] { return state; }));
    const auto seconds = static_cast<double>(alert.activeAt.ms / 1000);
    static_cast<void>(
        writer().add(entry.forSeries.bytes(), seconds, [&entry] { return entry.forSeries; }));
}

model::Alerts AlertingRule::toSend(const RunContext& context)
{
    model::Alerts alerts;
    table_.collect(context.slot, context.sending, [&](const ActiveAlert& alert) {
        alerts.push_back(toModel(alert, generatorUrl_));
    });
    return alerts;
}

absl::Status AlertingRule::accept(promql::Vector result, const RunContext& context)
{
    const gotemplate::QueryFunction queries =
        templateQueries(environment().queries, environment().reading, context.slot, context.stop);
    RuleMetrics* const metrics = environment().metrics;
    TemplateCounts* const counts = metrics == nullptr ? nullptr : &metrics->templates();
    std::vector<AlertElement> elements;
    elements.reserve(result.size());
    for (const promql::VectorElement& element : result) {
        elements.push_back(templates_.expand(element, {.surroundings = *surroundings_,
                                                       .now = context.slot,
                                                       .query = queries,
                                                       .log = environment().log,
                                                       .stop = context.stop,
                                                       .counts = counts}));
    }
    model::Alerts alerts;
    {
        const absl::MutexLock lock(&mutex_);
        NARTHEX_RETURN_IF_ERROR(table_.apply(std::move(elements),
                                             {.holdFor = definition().holdFor,
                                              .keepFiringFor = definition().keepFiringFor,
                                              .limit = context.limit},
                                             context.slot, context.settling));
        alerts = toSend(context);
        if (writes()) {
            writer().begin();
            table_.forEach([this](AlertTable::Entry& entry) ABSL_NO_THREAD_SAFETY_ANALYSIS {
                if (entry.alert.isActive()) {
                    write(entry);
                }
            });
        }
    }
    if (!alerts.empty() && environment().sink) {
        environment().sink(std::move(alerts));
    }
    return absl::OkStatus();
}

void AlertingRule::copyState(EvaluatedRule& other)
{
    EvaluatedRule::copyState(other);
    auto* const old = dynamic_cast<AlertingRule*>(&other);
    if (old == nullptr) {
        return;
    }
    restored_.store(old->restored_.load());
    AlertTable table;
    {
        const absl::MutexLock lock(&old->mutex_);
        table = std::move(old->table_);
        old->table_ = {};
    }
    const absl::MutexLock lock(&mutex_);
    table_ = std::move(table);
}

void AlertingRule::skip(base::Duration gap)
{
    const absl::MutexLock lock(&mutex_);
    table_.skip(gap);
}

absl::Status AlertingRule::restore(base::Timestamp time, const RestoreOptions& options,
                                   std::stop_token stop)
{
    const base::Duration holdFor = definition().holdFor;
    if (restored_.load() || holdFor < options.gracePeriod || activeCount() == 0) {
        restored_.store(true);
        return absl::OkStatus();
    }
    const auto former = readFormerStates(environment().reading, definition(),
                                         time - options.outageTolerance, time, std::move(stop));
    if (former.ok()) {
        const absl::MutexLock lock(&mutex_);
        table_.forEach([&](AlertTable::Entry& entry) {
            const auto found =
                former->find(alertSeries(kForStateMetric, entry.alert.labels, {}).hash());
            if (entry.alert.isActive() && found != former->end()) {
                entry.alert.activeAt =
                    restoredActiveAt(found->second, time, holdFor, options.gracePeriod);
            }
        });
    }
    restored_.store(true);
    return former.status();
}

AlertState AlertingRule::state() const
{
    if (status().health == RuleHealth::Unknown) {
        return AlertState::Unknown;
    }
    const absl::MutexLock lock(&mutex_);
    return table_.state();
}

std::vector<ActiveAlert> AlertingRule::alerts(bool resolvedToo) const
{
    std::vector<ActiveAlert> result;
    {
        const absl::MutexLock lock(&mutex_);
        result.reserve(table_.size());
        table_.forEach([&](const AlertTable::Entry& entry) {
            if (resolvedToo || entry.alert.isActive()) {
                result.push_back(entry.alert);
            }
        });
    }
    std::sort(result.begin(), result.end(),
              [](const ActiveAlert& a, const ActiveAlert& b) { return a.labels < b.labels; });
    return result;
}

std::size_t AlertingRule::activeCount() const
{
    const absl::MutexLock lock(&mutex_);
    return table_.activeCount();
}

} // namespace narthex::rules
