// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What happened to alerts: every transition, and every notification that was sent or failed.
// Owner: the Alertmanager. Threads: any; queries wait for what is queued and read the database.
// Errors: those of the database; without one there is no history.
// Source: spec/alertmanager.md, 7; spec/acknowledge.md, 6.
#pragma once

#include "core/alertmanager/alert.h"
#include "core/alertmanager/silence_view.h"
#include "core/state/state_writer.h"

#include <absl/status/statusor.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::alertmanager {

using namespace base::literals;

struct Transition
{
    std::int64_t id = 0;
    base::Timestamp time;
    Fingerprint fingerprint = 0;
    model::Labels labels;
    /// firing, resolved, timed_out, silenced, inhibited, muted, released, acknowledged,
    /// acknowledgement_ended, gap
    std::string kind;
    std::string detail;
    std::optional<double> value;
};

struct NotificationRecord
{
    std::int64_t id = 0;
    base::Timestamp time;
    std::string groupKey;
    std::string receiver;
    /// "webhook[0]"
    std::string integration;
    /// "first notification"
    std::string reason;
    std::size_t firing = 0;
    std::size_t resolved = 0;
    std::size_t attempts = 0;
    base::Duration duration;
    /// "sent", or the reason of the failure: "clientError".
    std::string result;
    std::string error;
    /// The alerts that it was about.
    std::vector<Fingerprint> alerts;
};

struct HistoryQuery
{
    /// Absent: of all alerts.
    std::optional<Fingerprint> fingerprint;
    base::Timestamp from = base::Timestamp::min();
    base::Timestamp to = base::Timestamp::max();
    /// Only later rows (transitions) or earlier ones than this id; 0: from the start.
    std::int64_t cursor = 0;
    std::size_t limit = 1000;
};

class History
{
public:
    History(base::Duration retention, state::StateWriter& writer)
        : retention_(retention), writer_(writer)
    {}

    void add(Transition transition);
    void add(NotificationRecord record);
    /// Oldest first.
    absl::StatusOr<std::vector<Transition>> transitions(const HistoryQuery& query) const;
    absl::StatusOr<std::vector<NotificationRecord>> notifications(const HistoryQuery& query) const;
    /// Alerts that a silence kept from being told, since then; oldest first, up to a limit.
    absl::StatusOr<std::vector<SuppressedAlert>> suppressedBy(const std::string& silence,
                                                              base::Timestamp from) const;
    void collect(base::Timestamp now);

    /// Alerts of one silence.
    static constexpr std::int64_t kMostSuppressed = 10'000;

private:
    const base::Duration retention_;
    state::StateWriter& writer_;
};

} // namespace narthex::alertmanager
