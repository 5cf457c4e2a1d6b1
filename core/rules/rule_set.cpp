// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/rules/rule_set.h"

#include "core/base/status.h"
#include "core/model/sample.h"

#include <algorithm>
#include <deque>
#include <map>

namespace narthex::rules {

std::size_t ConcurrencyLimit::acquire(std::size_t wanted)
{
    std::int64_t free = free_.load(std::memory_order_relaxed);
    while (free > 0) {
        const std::int64_t taken = std::min(free, static_cast<std::int64_t>(wanted));
        if (free_.compare_exchange_weak(free, free - taken, std::memory_order_relaxed)) {
            return static_cast<std::size_t>(taken);
        }
    }
    return 0;
}

void ConcurrencyLimit::release(std::size_t places)
{
    free_.fetch_add(static_cast<std::int64_t>(places), std::memory_order_relaxed);
}

RuleSet::RuleSet(const RuleGroup& definition, const RuleEnvironment& environment,
                 const RuleSetOptions& options)
    : environment_(environment), batches_(batchesOf(definition.rules, options.concurrent))
{
    for (const Rule& rule : definition.rules) {
        if (rule.kind == RuleKind::Alerting) {
            rules_.push_back(std::make_unique<AlertingRule>(rule, environment, options.surroundings,
                                                            options.restored));
        } else {
            rules_.push_back(std::make_unique<RecordingRule>(rule, environment));
        }
    }
}

void RuleSet::runBatch(const std::vector<std::size_t>& batch, const RunContext& context,
                       const Concurrency& concurrency, const std::atomic<bool>& ending,
                       std::vector<absl::Status>& outcomes)
{
    std::atomic<std::size_t> next{0};
    const auto lane = [&] {
        for (std::size_t i = next.fetch_add(1); i < batch.size() && !ending.load();
             i = next.fetch_add(1)) {
            outcomes[batch[i]] = rules_[batch[i]]->run(context);
        }
    };
    const std::size_t places = concurrency.limit != nullptr && batch.size() > 1
                                   ? concurrency.limit->acquire(batch.size() - 1)
                                   : 0;
    if (places == 0) {
        lane();
        return;
    }
    concurrency.pool->parallelFor(places + 1, [&lane](std::size_t) { lane(); });
    concurrency.limit->release(places);
}

EvaluationReport RuleSet::evaluate(const RunContext& context, const Concurrency& concurrency,
                                   const std::atomic<bool>& ending)
{
    std::vector<absl::Status> outcomes(rules_.size());
    for (const std::vector<std::size_t>& batch : batches_) {
        if (ending.load()) {
            break;
        }
        runBatch(batch, context, concurrency, ending, outcomes);
    }
    EvaluationReport report;
    for (std::size_t i = 0; i < rules_.size(); ++i) {
        const RuleStatus status = rules_[i]->status();
        report.evaluations += 1;
        report.samples += status.samples;
        report.ruleTime = report.ruleTime + status.evaluationTime;
        if (!outcomes[i].ok()) {
            report.failures += 1;
            if (!report.failedRule) {
                report.failedRule = i;
                report.firstFailure = outcomes[i];
            }
        }
    }
    if (!leftOver_.empty() && !ending.load()) {
        endLeftOver(context);
    }
    return report;
}

void RuleSet::endLeftOver(const RunContext& context)
{
    const absl::Status status =
        writeStaleMarkers(leftOver_, environment_.writing, context.queryTime);
    if (status.ok()) {
        leftOver_.clear();
    } else {
        environment_.log->warn("rules: series of rules that are gone are not ended yet error={}",
                               base::messageOf(status));
    }
}

std::vector<AlertingRule*> RuleSet::alertingRules() const
{
    std::vector<AlertingRule*> result;
    for (const auto& rule : rules_) {
        if (auto* const alerting = dynamic_cast<AlertingRule*>(rule.get())) {
            result.push_back(alerting);
        }
    }
    return result;
}

void RuleSet::copyState(RuleSet& other)
{
    std::map<std::string, std::deque<EvaluatedRule*>> old;
    for (const auto& rule : other.rules_) {
        old[rule->identity()].push_back(rule.get());
    }
    for (const auto& rule : rules_) {
        std::deque<EvaluatedRule*>& same = old[rule->identity()];
        if (!same.empty()) {
            rule->copyState(*same.front());
            same.pop_front();
        }
    }
    leftOver_ = std::move(other.leftOver_);
    for (const auto& [identity, rules] : old) {
        for (const EvaluatedRule* rule : rules) {
            expectStale(rule->series());
        }
    }
}

std::vector<model::Labels> RuleSet::series() const
{
    std::vector<model::Labels> result = leftOver_;
    for (const auto& rule : rules_) {
        const std::vector<model::Labels> series = rule->series();
        result.insert(result.end(), series.begin(), series.end());
    }
    return result;
}

void RuleSet::expectStale(const std::vector<model::Labels>& series)
{
    leftOver_.insert(leftOver_.end(), series.begin(), series.end());
}

void RuleSet::skip(base::Duration gap)
{
    for (const auto& rule : rules_) {
        rule->skip(gap);
    }
}

absl::Status writeStaleMarkers(const std::vector<model::Labels>& series, storage::Appendable& store,
                               base::Timestamp time)
{
    const std::unique_ptr<storage::Appender> appender = store.appender();
    for (const model::Labels& labels : series) {
        NARTHEX_ASSIGN_OR_RETURN(const storage::SeriesRef ref, appender->seriesFor(labels));
        // Refused where somebody else writes this series by now, which is as it should be.
        static_cast<void>(appender->append(ref, time, model::staleMarker()));
    }
    return appender->commit();
}

} // namespace narthex::rules
