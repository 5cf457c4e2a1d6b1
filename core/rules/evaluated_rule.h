// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A rule that runs: its definition, its health, and what it keeps from run to run. Owner: a Group.
// Threads: run() by one thread at a time; status() and snapshots from any. Errors: those of queries
// and of the store become the rule's health.
// Source: spec/rules.md, 3 and 4.
#pragma once

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/model/alert.h"
#include "core/promql/engine.h"
#include "core/promql/query_log.h"
#include "core/rules/alert_state.h"
#include "core/rules/rule_file.h"
#include "core/rules/rule_metrics.h"
#include "core/rules/series_writer.h"
#include "core/storage/storage.h"

#include <absl/base/thread_annotations.h>
#include <absl/synchronization/mutex.h>

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

namespace narthex::rules {

/// Takes the alerts of one evaluation. Called on worker threads, at times by several at once; must
/// be short and must not throw.
using AlertSink = std::function<void(model::Alerts)>;

/// What rules run on; all of it outlives them.
struct RuleEnvironment
{
    const promql::Engine& queries;
    const storage::Queryable& reading;
    storage::Appendable& writing;
    const base::Clock& clock;
    AlertSink sink{};
    base::Logger log = base::nullLogger();
    /// Null: nothing is counted.
    RuleMetrics* metrics = nullptr;
};

/// One run of a group, as its rules see it.
struct RunContext
{
    /// The time of the evaluation, exactly; states of alerts use it.
    base::Timestamp slot;
    /// Of queries and of samples: the slot less the query offset.
    base::Timestamp queryTime;
    std::int64_t limit = 0;
    SendPolicy sending;
    /// Nobody watched just before: nothing fires or resolves in this run.
    bool settling = false;
    const promql::QueryOrigin* origin = nullptr;
    std::stop_token stop;
};

enum class RuleHealth : std::uint8_t
{
    /// Never run.
    Unknown,
    Ok,
    Error
};
/// "unknown", "ok", "err"
std::string_view ruleHealthText(RuleHealth health);

struct RuleStatus
{
    RuleHealth health = RuleHealth::Unknown;
    std::string lastError;
    base::Duration evaluationTime;
    std::optional<base::Timestamp> lastEvaluation;
    /// Written by the last run, without stale markers.
    std::size_t samples = 0;
    /// Read by the last run's query.
    std::uint64_t samplesRead = 0;
    /// Remarks on the last result.
    std::vector<promql::Annotation> annotations;
};

class EvaluatedRule
{
public:
    EvaluatedRule(Rule definition, const RuleEnvironment& environment);
    virtual ~EvaluatedRule() = default;
    EvaluatedRule(const EvaluatedRule&) = delete;
    EvaluatedRule& operator=(const EvaluatedRule&) = delete;

    [[nodiscard]] const Rule& definition() const { return definition_; }
    /// The canonical form of the query.
    [[nodiscard]] const std::string& query() const { return query_; }
    [[nodiscard]] std::string identity() const { return identityOf(definition_); }

    /// One evaluation, to its end: query, states, sending, writing. OK or what became the health.
    absl::Status run(const RunContext& context);
    [[nodiscard]] RuleStatus status() const;

    /// Takes over what a rule of an earlier configuration, which does not run any more, had. Status
    /// included.
    virtual void copyState(EvaluatedRule& other);
    /// A time of this length passed unwatched.
    virtual void skip(base::Duration gap) { static_cast<void>(gap); }
    /// Series of the last run that was written; not while it runs.
    [[nodiscard]] std::vector<model::Labels> series() const { return writer_.series(); }
    /// These end with the next run unless it has them; not while it runs.
    void expectStale(const std::vector<model::Labels>& series) { writer_.expectStale(series); }

protected:
    /// What a run is about: `result` of the query at the query time. Fills the writer.
    virtual absl::Status accept(promql::Vector result, const RunContext& context) = 0;
    /// Whether the run's samples are to be written.
    [[nodiscard]] virtual bool writes() const { return true; }

    [[nodiscard]] const RuleEnvironment& environment() const { return environment_; }
    SeriesWriter& writer() { return writer_; }

private:
    absl::StatusOr<promql::Vector> evaluate(const RunContext& context, RuleStatus& status);
    absl::Status write(const RunContext& context, RuleStatus& status);

    const RuleEnvironment& environment_;
    const Rule definition_;
    const std::string query_;
    SeriesWriter writer_; // touched by whoever runs
    mutable absl::Mutex statusMutex_;
    RuleStatus status_ ABSL_GUARDED_BY(statusMutex_);
};

/// A scalar as a vector of one element without labels. Errors: InvalidArgument for other types.
absl::StatusOr<promql::Vector> toVector(promql::Value value);

class RecordingRule final : public EvaluatedRule
{
public:
    using EvaluatedRule::EvaluatedRule;

protected:
    absl::Status accept(promql::Vector result, const RunContext& context) override;
};

/// The labels of a recorded series: the element's, the rule's name, then the rule's labels.
model::Labels recordedLabels(const model::Labels& element, const Rule& rule);

} // namespace narthex::rules
