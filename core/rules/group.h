// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// One group on its schedule: slots, runs on the worker pool, what was missed, restoring after a
// start. Owner: the rule manager; a run that waits in the pool shares it. Threads: any.
// After a gap (gaps.h) alerts neither fire nor resolve for GroupOptions::settleAfterGap, because
// targets were not scraped meanwhile and samples from before the gap are too old to be seen:
// `x == 0` and `absent(x)` would otherwise both lie. Alerts that fired go on firing, the time
// before pending ones fire goes on as if the gap had not been. Source: spec/rules.md, 2 and 5.
#pragma once

#include "core/base/timers.h"
#include "core/rules/gaps.h"
#include "core/rules/rule_set.h"
#include "core/rules/snapshot.h"

#include <absl/base/thread_annotations.h>
#include <absl/synchronization/mutex.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>

namespace narthex::rules {

struct GroupOptions
{
    base::Duration resendDelay = 1_min;
    RestoreOptions restore{};
    /// Two scrape intervals: by then every target was scraped twice, so that rates have values.
    base::Duration settleAfterGap = 2_min;
    /// Rules that do not depend on each other run side by side.
    bool concurrent = false;
};

/// What a group runs on; all of it outlives the group's runs.
struct GroupEnvironment
{
    const RuleEnvironment& rules;
    base::Timers& timers;
    base::WorkerPool& pool;
    ConcurrencyLimit& concurrency;
    GapLog& gaps;
    RuleMetrics& metrics;
};

/// A group with everything that its file leaves to the defaults.
struct GroupSpec
{
    std::string file;
    /// Interval and query offset are set.
    RuleGroup definition;
    std::shared_ptr<const AlertSurroundings> surroundings;

    /// "file;name"
    [[nodiscard]] std::string key() const { return file + ";" + definition.name; }
    [[nodiscard]] base::Duration interval() const { return *definition.interval; }
    [[nodiscard]] bool sameAs(const GroupSpec& other) const;
};

/// The newest slot of the group at or before `now`.
base::Timestamp slotAt(const GroupSpec& spec, base::Timestamp now);

class Group : public std::enable_shared_from_this<Group>
{
public:
    /// `restore`: find out first since when alerts have been active.
    Group(GroupSpec spec, GroupOptions options, const GroupEnvironment& environment, bool restore);

    [[nodiscard]] const GroupSpec& spec() const { return spec_; }
    /// From now on the group is evaluated at its slots; not while it is started.
    void start();
    /// No evaluation begins any more; waits for the end of the rule that runs.
    void stop();
    /// The state of a group that was stopped; before start().
    void copyState(Group& other);
    /// Series of another group, which are ended by the first evaluation; before start().
    void expectStale(const std::vector<model::Labels>& series) { rules_.expectStale(series); }
    /// Of the stopped group.
    [[nodiscard]] std::vector<model::Labels> series() const { return rules_.series(); }

    /// One evaluation, now and here. Not for groups that were started.
    EvaluationReport evaluate(base::Timestamp slot, bool settling = false);

    [[nodiscard]] GroupSnapshot snapshot(bool withAlerts) const;
    [[nodiscard]] GroupStats stats() const;
    [[nodiscard]] const RuleSet& rules() const { return rules_; }
    [[nodiscard]] bool needsRestore() const;

private:
    void schedule() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
    void tick();
    void run();
    /// The slot to evaluate now; absent: it is too early.
    std::optional<base::Timestamp> takeSlot() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
    /// Whether alerts are to stay as they are.
    bool watchGaps();
    void restore();

    const GroupSpec spec_;
    const GroupOptions options_;
    const GroupEnvironment environment_;
    const promql::QueryOrigin origin_;
    const Dependencies dependencies_;
    std::atomic<bool> ending_{false};
    // Touched by the run, or by its owner while none runs.
    RuleSet rules_;
    base::Duration gapsSeen_;

    mutable absl::Mutex mutex_;
    bool running_ ABSL_GUARDED_BY(mutex_) = false;
    bool started_ ABSL_GUARDED_BY(mutex_) = false;
    std::optional<base::TimerId> timer_ ABSL_GUARDED_BY(mutex_);
    base::Duration due_ ABSL_GUARDED_BY(mutex_); // of the timer, on the steady clock
    std::optional<base::Timestamp> lastSlot_ ABSL_GUARDED_BY(mutex_);
    /// Evaluations until alerts are restored; 0: they are.
    int untilRestore_ ABSL_GUARDED_BY(mutex_);
    GroupStats stats_ ABSL_GUARDED_BY(mutex_);
    std::optional<base::Timestamp> settlingUntil_ ABSL_GUARDED_BY(mutex_);
};

} // namespace narthex::rules
