// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The rules of one group as they run: one evaluation of all of them, in order or side by side.
// Owner: a Group, a unit test. Threads: evaluate() by one thread at a time, the rules' own readers
// from any. Source: spec/rules.md, 2.3 and 7.
#pragma once

#include "core/base/worker_pool.h"
#include "core/rules/alerting_rule.h"
#include "core/rules/dependencies.h"

#include <atomic>
#include <memory>
#include <stop_token>
#include <vector>

namespace narthex::rules {

/// How many rules of all groups may run besides the one that each group runs anyway.
class ConcurrencyLimit
{
public:
    explicit ConcurrencyLimit(std::size_t limit) : free_(static_cast<std::int64_t>(limit)) {}
    /// Up to `wanted` places, maybe none; never waits.
    std::size_t acquire(std::size_t wanted);
    void release(std::size_t places);

private:
    std::atomic<std::int64_t> free_; // relaxed: guards nothing
};

/// Where rules that do not depend on each other run side by side; null members: they do not.
struct Concurrency
{
    base::WorkerPool* pool = nullptr;
    ConcurrencyLimit* limit = nullptr;
};

/// What one evaluation of the group was.
struct EvaluationReport
{
    std::size_t evaluations = 0;
    std::size_t failures = 0;
    std::size_t samples = 0;
    base::Duration ruleTime;
    /// Of the first rule that failed, by its place in the group; OK when none did.
    absl::Status firstFailure;
    std::optional<std::size_t> failedRule;
};

struct RuleSetOptions
{
    std::shared_ptr<const AlertSurroundings> surroundings;
    /// Alerts have nothing to restore.
    bool restored = true;
    bool concurrent = false;
};

class RuleSet
{
public:
    /// `environment` outlives the set. `definition`: labels of the group are in its rules.
    RuleSet(const RuleGroup& definition, const RuleEnvironment& environment,
            const RuleSetOptions& options);

    /// Every rule once; stops between rules when `ending` is set.
    EvaluationReport evaluate(const RunContext& context, const Concurrency& concurrency,
                              const std::atomic<bool>& ending);
    [[nodiscard]] const std::vector<std::unique_ptr<EvaluatedRule>>& rules() const
    {
        return rules_;
    }
    [[nodiscard]] std::vector<AlertingRule*> alertingRules() const;

    /// Pairs rules by identity, equal ones in order, and takes over their state; what is left over
    /// ends with the next evaluation. `other` does not run any more.
    void copyState(RuleSet& other);
    /// Series of all rules.
    [[nodiscard]] std::vector<model::Labels> series() const;
    void expectStale(const std::vector<model::Labels>& series);
    void skip(base::Duration gap);

private:
    void runBatch(const std::vector<std::size_t>& batch, const RunContext& context,
                  const Concurrency& concurrency, const std::atomic<bool>& ending,
                  std::vector<absl::Status>& outcomes);
    void endLeftOver(const RunContext& context);

    const RuleEnvironment& environment_;
    std::vector<std::unique_ptr<EvaluatedRule>> rules_;
    Batches batches_;
    /// Series of rules that are gone, ended by the next evaluation.
    std::vector<model::Labels> leftOver_;
};

/// Ends the series at `time`. Errors: of the store.
absl::Status writeStaleMarkers(const std::vector<model::Labels>& series, storage::Appendable& store,
                               base::Timestamp time);

} // namespace narthex::rules
