// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// All alerts that are known, by fingerprint: what comes in is completed, checked and merged with
// what is there. Owner: the Alertmanager, whose lock guards it. Threads: one at a time.
// Source: spec/alertmanager.md, 3.
#pragma once

#include "core/alertmanager/alert.h"
#include "core/alertmanager/matchers.h"
#include "core/model/alert.h"
#include "core/state/state_writer.h"

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

#include <string>
#include <vector>

namespace narthex::alertmanager {

class AlertStore
{
public:
    struct Options
    {
        /// For each alertname; 0: none.
        std::size_t perNameLimit = 0;
        MatcherMode mode = MatcherMode::Fallback;
    };

    struct Change
    {
        AlertPtr now;
        /// Null: it is new.
        AlertPtr before;
    };
    struct Outcome
    {
        std::vector<Change> changes;
        /// What is wrong with the alerts that were not taken.
        std::vector<std::string> invalid;
        std::size_t limited = 0;
    };

    AlertStore(Options options, state::StateWriter& writer) : options_(options), writer_(writer) {}

    /// Errors: those of the database.
    absl::Status load(state::Connection& connection);
    /// In order; valid ones are taken whatever the others are.
    Outcome put(const model::Alerts& alerts, base::Timestamp now, base::Duration resolveTimeout);
    /// Takes the place of an alert that is there; for ends that move with a gap of the clock.
    void replace(AlertPtr alert);
    [[nodiscard]] AlertPtr find(Fingerprint fingerprint) const;
    [[nodiscard]] const absl::flat_hash_map<Fingerprint, AlertPtr>& all() const { return alerts_; }
    /// Removes what is resolved; returns it.
    std::vector<AlertPtr> collect(base::Timestamp now);
    /// Queues the ends that moved without anything else changing.
    void save();

private:
    /// Absent: it is invalid, and `error` says why.
    AlertPtr complete(const model::Alert& alert, base::Timestamp now, base::Duration resolveTimeout,
                      std::string& error) const;
    [[nodiscard]] bool limitReached(const Alert& alert);
    void write(const Alert& alert);

    const Options options_;
    state::StateWriter& writer_;
    absl::flat_hash_map<Fingerprint, AlertPtr> alerts_;
    /// Alerts of each name; kept only with a limit.
    absl::flat_hash_map<std::string, std::size_t> perName_;
    /// Whose end moved since it was written.
    absl::flat_hash_set<Fingerprint> moved_;
};

/// What becomes of an alert when it is said again. Exposed for tests.
Alert merged(const Alert& older, const Alert& younger);

} // namespace narthex::alertmanager
