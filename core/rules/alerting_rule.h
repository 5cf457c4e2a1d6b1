// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// An alerting rule that runs: elements become alerts, alerts change their state, are sent, and
// leave the series ALERTS and ALERTS_FOR_STATE. Owner: a Group. Threads: as EvaluatedRule; the
// table has a lock of its own for those who look. Source: spec/rules.md, 4, 5 and 8.
#pragma once

#include "core/rules/alert_labels.h"
#include "core/rules/evaluated_rule.h"

#include <atomic>

namespace narthex::rules {

struct RestoreOptions
{
    /// ALERTS_FOR_STATE is looked for so far back.
    base::Duration outageTolerance = 1_h;
    /// After a restart an alert fires no sooner than this, unless it did before.
    base::Duration gracePeriod = 10_min;
};

class AlertingRule final : public EvaluatedRule
{
public:
    /// `surroundings` outlives the rule. `restored`: there is nothing to restore.
    AlertingRule(Rule definition, const RuleEnvironment& environment,
                 std::shared_ptr<const AlertSurroundings> surroundings, bool restored);

    void copyState(EvaluatedRule& other) override;
    void skip(base::Duration gap) override;

    /// Works out since when alerts have been active from what was written before a restart, as of
    /// `time`; from now on the series are written. Errors: of the store; the rule counts as
    /// restored all the same.
    absl::Status restore(base::Timestamp time, const RestoreOptions& options, std::stop_token stop);
    [[nodiscard]] bool isRestored() const { return restored_.load(); }

    /// The highest state of its alerts; unknown before the first run.
    [[nodiscard]] AlertState state() const;
    /// Copies, in order of labels. `resolvedToo`: those that are only told as resolved, too.
    [[nodiscard]] std::vector<ActiveAlert> alerts(bool resolvedToo = false) const;
    [[nodiscard]] std::size_t activeCount() const;

protected:
    absl::Status accept(promql::Vector result, const RunContext& context) override;
    [[nodiscard]] bool writes() const override { return restored_.load(); }

private:
    void write(AlertTable::Entry& entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
    [[nodiscard]] model::Alerts toSend(const RunContext& context)
        ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

    const std::shared_ptr<const AlertSurroundings> surroundings_;
    const AlertTemplates templates_;
    const std::string generatorUrl_;
    std::atomic<bool> restored_;
    mutable absl::Mutex mutex_;
    AlertTable table_ ABSL_GUARDED_BY(mutex_);
};

} // namespace narthex::rules
