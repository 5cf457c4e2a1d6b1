// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A rule over the past: what its alerts would have done, and what would have been sent, with the
// state machine of the live rules and without writing or sending anything. The expression is
// evaluated by one range query (one a step where it says `@ start()` or `@ end()`). Owner: values.
// Threads: backtest() from any; blocks, so callers come from a worker. Errors: those of the query;
// Cancelled; ResourceExhausted (more steps or alerts than the limits); InvalidArgument. Source:
// spec/rules.md, 4, 8.1 and 16.
#pragma once

#include "core/promql/engine.h"
#include "core/rules/alert_labels.h"
#include "core/rules/alert_state.h"
#include "core/rules/rule_file.h"
#include "core/storage/storage.h"

#include <absl/status/statusor.h>

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace narthex::rules {

struct BacktestOptions
{
    base::Timestamp from;
    base::Timestamp to;
    /// Of the group. Evaluations are at from, from + interval, … <= to.
    base::Duration interval = 1_min;
    base::Duration queryOffset{};
    base::Duration resendDelay = 1_min;
    std::int64_t limit = 0;
    AlertSurroundings surroundings{};
    /// Evaluations; more are refused.
    std::size_t maxSteps = 1'000'000;
    /// Times that are kept of each alert and kind: spans, notifications. More are only counted.
    std::size_t maxEvents = 10'000;
    /// Alerts that went inactive more often than this within an hour are flapping.
    std::size_t flappingPerHour = 3;
};

/// A time in which an alert was pending or firing: evaluations in [from, to] found it so.
struct StateSpan
{
    AlertState state = AlertState::Pending;
    base::Timestamp from;
    base::Timestamp to;
    friend bool operator==(const StateSpan&, const StateSpan&) = default;
};

struct Notification
{
    base::Timestamp time;
    bool resolved = false;
    friend bool operator==(const Notification&, const Notification&) = default;
};

struct AlertHistory
{
    /// The alert's identity, templates expanded as of when it was first seen.
    model::Labels labels;
    /// As they were when it last was among the elements.
    model::Labels annotations;
    std::vector<StateSpan> spans;
    std::vector<Notification> notifications;
    std::size_t notificationCount = 0;
    /// How often it began to fire, and how often it was pending and then forgotten.
    std::size_t firings = 0;
    std::size_t falseStarts = 0;
    base::Duration pendingTime;
    base::Duration firingTime;
    std::optional<base::Timestamp> firstFiring;
    std::optional<base::Timestamp> lastFiring;
    bool flapping = false;
};

struct BacktestResult
{
    /// In order of labels.
    std::vector<AlertHistory> alerts;
    /// Of recording rules: the series they would have had.
    promql::Matrix series;
    std::size_t evaluations = 0;
    /// Evaluations that would have failed (equal label sets, limit), and why the first one.
    std::size_t failures = 0;
    std::string firstFailure;
    std::optional<base::Timestamp> firstFailureTime;
    std::size_t notifications = 0;
    std::size_t firings = 0;
    std::size_t flapping = 0;
    std::vector<promql::Annotation> annotations;
};

absl::StatusOr<BacktestResult> backtest(const Rule& rule, const BacktestOptions& options,
                                        const promql::Engine& engine,
                                        const storage::Queryable& store, std::stop_token stop);

/// Two versions of a rule over the same time.
struct BacktestComparison
{
    BacktestResult before;
    BacktestResult after;
    /// Alerts that only one of them has, and those whose times of firing differ.
    std::vector<model::Labels> onlyBefore;
    std::vector<model::Labels> onlyAfter;
    std::vector<model::Labels> different;
};
BacktestComparison compareBacktests(BacktestResult before, BacktestResult after);

} // namespace narthex::rules
