// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A group of alerts on a route, and what is under way for it: a flush, and its messages to each
// integration. Owner: the Alertmanager, whose lock guards all but what is marked. Threads: see
// there. Source: spec/alertmanager.md, 4.
#pragma once

#include "core/alertmanager/alert.h"
#include "core/alertmanager/notification_log.h"
#include "core/alertmanager/setup.h"
#include "core/base/timers.h"

#include <absl/container/flat_hash_map.h>

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace narthex::alertmanager {

/// What came of an integration's turn the last time.
struct LastDecision
{
    base::Timestamp time;
    /// "sent: first notification", "nothing: …", "failed: …"
    std::string text;
};

struct Group
{
    // Fixed.
    std::shared_ptr<const Setup> setup;
    const RouteNode* route = nullptr;
    model::Labels labels;
    std::string key;

    absl::flat_hash_map<Fingerprint, AlertPtr> alerts;
    std::optional<base::TimerId> timer;
    /// On the monotonic clock.
    base::Duration nextFlush;
    bool flushing = false;
    /// The timer fired while a flush was under way.
    bool dueAgain = false;
    bool flushed = false;
    /// A flush under way, or the group itself, belongs to an older configuration.
    bool retired = false;
    /// Names of time intervals, as of the last flush.
    std::vector<std::string> mutedBy;
    std::map<std::string, std::string, std::less<>> routeLabels;
    /// By the integration's name.
    std::map<std::string, LastDecision, std::less<>> decisions;
    /// Names of integrations that were told that all that fires is acknowledged.
    std::set<std::string, std::less<>> acknowledgementTold;
};

using GroupPtr = std::shared_ptr<Group>;

struct Flush
{
    GroupPtr group;
    base::Timestamp now;
    base::Duration startedAt;
    base::Duration deadline;
    /// Resolved ones of the start, to be removed when all went well.
    std::vector<AlertPtr> resolved;
    std::size_t pending = 0;
    bool failed = false;
};

/// One message to one integration, with its attempts.
struct Delivery
{
    std::shared_ptr<Flush> flush;
    const RunningIntegration* integration = nullptr;
    Notification notification;
    std::string logKey;
    LogEntry entry;
    base::Duration startedAt;
    std::size_t attempts = 0;
    base::Duration backoff;
    SendResult last;
    std::optional<base::TimerId> timer;
};

/// By job, then instance (those without after those with), then by all labels.
void sortForMessage(std::vector<AlertPtr>& alerts);
NotifiedAlert notifiedAlert(const Alert& alert, base::Timestamp now);

} // namespace narthex::alertmanager
