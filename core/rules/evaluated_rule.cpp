// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/rules/evaluated_rule.h"

#include "core/base/status.h"
#include "core/promql/printer.h"

#include <array>

namespace narthex::rules {

std::string_view ruleHealthText(RuleHealth health)
{
    constexpr std::array<std::string_view, 3> kTexts{"unknown", "ok", "err"};
    return kTexts[static_cast<std::size_t>(health)];
}

absl::StatusOr<promql::Vector> toVector(promql::Value value)
{
    if (auto* vector = std::get_if<promql::Vector>(&value)) {
        return std::move(*vector);
    }
    if (const auto* scalar = std::get_if<promql::Scalar>(&value)) {
        return promql::Vector{{.labels = {}, .time = scalar->time, .value = scalar->value}};
    }
    return base::invalidArgument("rule result is not a vector or scalar, but a {}",
                                 promql::valueTypeText(promql::typeOf(value)));
}

EvaluatedRule::EvaluatedRule(Rule definition, const RuleEnvironment& environment)
    : environment_(environment),
      definition_(std::move(definition)),
      query_(promql::print(*definition_.expression))
{}

absl::StatusOr<promql::Vector> EvaluatedRule::evaluate(const RunContext& context,
                                                       RuleStatus& status)
{
    NARTHEX_ASSIGN_OR_RETURN(
        promql::Result result,
        environment_.queries.instant(environment_.reading, *definition_.expression, query_,
                                     context.queryTime, {.origin = context.origin}, context.stop));
    status.samplesRead = result.statistics.samplesRead;
    status.annotations = std::move(result.annotations);
    return toVector(std::move(result.value));
}

absl::Status EvaluatedRule::write(const RunContext& context, RuleStatus& status)
{
    if (!writes()) {
        return absl::OkStatus();
    }
    const WriteOutcome outcome = writer_.finish(environment_.writing, context.queryTime);
    status.samples = outcome.samples;
    if (outcome.refused() > 0) {
        environment_.log->warn(
            "rules: samples refused rule={} group={} out_of_order={} too_old={} "
            "duplicate={} other={}",
            definition_.name, context.origin != nullptr ? context.origin->ruleGroup : "",
            outcome.outOfOrder, outcome.tooOld, outcome.duplicates, outcome.otherwiseRefused);
    }
    return outcome.status;
}

absl::Status EvaluatedRule::run(const RunContext& context)
{
    const base::Duration begin = environment_.clock.monotonic();
    RuleStatus status{.lastEvaluation = environment_.clock.now()};
    absl::Status outcome;
    if (auto result = evaluate(context, status); result.ok()) {
        outcome = accept(*std::move(result), context);
        if (outcome.ok()) {
            outcome = write(context, status);
        }
    } else {
        outcome = result.status();
    }
    status.health = outcome.ok() ? RuleHealth::Ok : RuleHealth::Error;
    status.lastError = base::messageOf(outcome);
    const base::Duration end = environment_.clock.monotonic();
    status.evaluationTime = end - begin;
    if (environment_.metrics != nullptr) {
        environment_.metrics->observeRule(end, status.evaluationTime);
    }
    const absl::MutexLock lock(&statusMutex_);
    status_ = std::move(status);
    return outcome;
}

RuleStatus EvaluatedRule::status() const
{
    const absl::MutexLock lock(&statusMutex_);
    return status_;
}

void EvaluatedRule::copyState(EvaluatedRule& other)
{
    writer_.expectStale(other.writer_.series());
    RuleStatus status = other.status();
    const absl::MutexLock lock(&statusMutex_);
    status_ = std::move(status);
}

model::Labels recordedLabels(const model::Labels& element, const Rule& rule)
{
    model::LabelsBuilder builder(element);
    builder.set(model::kMetricName, rule.name);
    for (const auto& [name, value] : rule.labels) {
        builder.set(name, value);
    }
    return builder.build();
}

absl::Status RecordingRule::accept(promql::Vector result, const RunContext& context)
{
    if (context.limit > 0 && result.size() > static_cast<std::size_t>(context.limit)) {
        return base::resourceExhausted("exceeded limit of {} with {} series", context.limit,
                                       result.size());
    }
    writer().begin();
    for (const promql::VectorElement& element : result) {
        const auto labels = [&] { return recordedLabels(element.labels, definition()); };
        if (!writer().add(element.labels.bytes(), valueOf(element), labels)) {
            return base::invalidArgument("vector contains metrics with the same labelset after "
                                         "applying rule labels: {}",
                                         labels().toString());
        }
    }
    return absl::OkStatus();
}

} // namespace narthex::rules
