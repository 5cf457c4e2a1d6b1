// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What goes out: the alerts of a group for one integration, and what came of sending them.
// Threads: values. Source: spec/alertmanager.md, 4.5, 4.6, 9.1; spec/acknowledge.md, 4.
#pragma once

#include "core/base/time.h"
#include "core/model/labels.h"

#include <absl/status/status.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::alertmanager {

/// Why a notification is sent; text() is what templates and the payloads say.
enum class Reason : std::uint8_t
{
    Unknown,
    First,
    NewAlerts,
    AllResolved,
    SomeResolved,
    Repeat,
    AcknowledgementEnded,
    /// Not a turn of the log: a short message that all of it is acknowledged.
    Acknowledged
};
/// "first notification", …
std::string_view text(Reason reason);

/// Who looks after an alert, as messages tell it.
struct AcknowledgementNote
{
    std::string author;
    std::string comment;
    base::Timestamp createdAt;
    std::optional<base::Timestamp> expiresAt;
};

struct NotifiedAlert
{
    model::Labels labels;
    model::Labels annotations;
    base::Timestamp startsAt;
    /// Absent: it fires.
    std::optional<base::Timestamp> endsAt;
    std::string generatorUrl;
    std::uint64_t fingerprint = 0;
    std::optional<AcknowledgementNote> acknowledgement;
    [[nodiscard]] bool resolved() const { return endsAt.has_value(); }
};

/// What an integration remembers between the messages of one episode of a group.
using NotificationMemory = std::map<std::string, std::string, std::less<>>;

struct Notification
{
    std::string receiver;
    /// `{}/{severity="critical"}:{alertname="DiskFull"}`.
    std::string groupKey;
    model::Labels groupLabels;
    /// Templates of the route, rendered.
    std::map<std::string, std::string, std::less<>> routeLabels;
    /// Sorted as messages show them; never empty.
    std::vector<NotifiedAlert> alerts;
    Reason reason = Reason::Unknown;
    std::string externalUrl;
    base::Timestamp now;
    /// How often the group repeats itself.
    base::Duration repeatInterval;
    /// From the last message of this episode; empty for the first.
    NotificationMemory memory;

    /// Whether any alert fires.
    [[nodiscard]] bool firing() const;
};

/// `reason` label of failed notifications.
enum class FailureReason : std::uint8_t
{
    Other,
    ClientError,
    ServerError,
    ContextCanceled,
    ContextDeadlineExceeded,
    AuthError,
    RateLimited
};
std::string_view text(FailureReason reason);

/// What came of one attempt.
struct SendResult
{
    /// Says where and what; never holds a secret.
    absl::Status status;
    /// Whether trying again may help. Meaningless when it went well.
    bool retry = false;
    FailureReason reason = FailureReason::Other;
    /// The peer asked to wait.
    std::optional<base::Duration> retryAfter;
    /// Kept with the log entry when it went well.
    NotificationMemory memory;
};

} // namespace narthex::alertmanager
