// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Alerts, silences, acknowledgements and their history as Alertmanagers show them. Threads: values.
// Source: spec/alertmanager.md, 10; spec/acknowledge.md, 6.
#pragma once

#include "core/base/time.h"
#include "core/model/labels.h"

#include <absl/status/status.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace narthex::client {

/// One server of a joined answer; `status` says why its part is missing.
struct AlertServerState
{
    std::string url;
    absl::Status status;
};

/// What several servers said together, and who did not answer.
template <typename T>
struct Joined
{
    T value;
    std::vector<AlertServerState> servers;
    [[nodiscard]] std::size_t answered() const
    {
        std::size_t count = 0;
        for (const AlertServerState& each : servers) {
            count += each.status.ok() ? 1U : 0U;
        }
        return count;
    }
};

/// Matchers as text, `severity="critical"`; all have to hold.
struct AlertQuery
{
    std::vector<std::string> filters;
    /// A regular expression; empty: all.
    std::string receiver;
    bool active = true;
    bool silenced = true;
    bool inhibited = true;
    bool muted = true;
    bool unprocessed = true;
};

enum class AlertStanding : std::uint8_t
{
    Unprocessed,
    Active,
    Suppressed
};

struct AckExportInfo
{
    std::string target;
    std::string silenceId;
    std::optional<base::Timestamp> endsAt;
    std::string lastError;
    friend bool operator==(const AckExportInfo&, const AckExportInfo&) = default;
};

struct Acknowledgement
{
    std::string id;
    std::string fingerprint;
    std::string episode;
    model::Labels labels;
    std::string author;
    std::string comment;
    std::optional<base::Timestamp> createdAt;
    std::optional<base::Timestamp> since;
    std::optional<base::Timestamp> expiresAt;
    bool notify = false;
    bool sticky = false;
    bool untilWorse = false;
    bool overdue = false;
    /// "ui", "api", "external", …
    std::string source;
    /// "open", "waiting", "ended"
    std::string state;
    std::optional<base::Timestamp> endedAt;
    std::string endReason;
    std::string endedBy;
    std::vector<AckExportInfo> exports;
    /// The server that has it.
    std::string server;
    friend bool operator==(const Acknowledgement&, const Acknowledgement&) = default;
};

struct Alert
{
    /// 16 hexadecimal digits, of the labels.
    std::string fingerprint;
    model::Labels labels;
    model::Labels annotations;
    std::optional<base::Timestamp> startsAt;
    std::optional<base::Timestamp> endsAt;
    std::optional<base::Timestamp> updatedAt;
    std::string generatorUrl;
    AlertStanding standing = AlertStanding::Unprocessed;
    std::vector<std::string> receivers;
    std::vector<std::string> silencedBy;
    std::vector<std::string> inhibitedBy;
    std::vector<std::string> mutedBy;
    std::optional<Acknowledgement> acknowledgement;
    /// URLs of the servers that have it.
    std::vector<std::string> servers;
    friend bool operator==(const Alert&, const Alert&) = default;
};

struct AlertGroup
{
    model::Labels labels;
    std::string receiver;
    std::vector<Alert> alerts;
    std::string server;
    friend bool operator==(const AlertGroup&, const AlertGroup&) = default;
};

struct SilenceMatcher
{
    std::string name;
    std::string value;
    bool isRegex = false;
    bool isEqual = true;
    friend bool operator==(const SilenceMatcher&, const SilenceMatcher&) = default;
};

enum class SilenceStanding : std::uint8_t
{
    Pending,
    Active,
    Expired
};

struct Silence
{
    std::string id;
    SilenceStanding standing = SilenceStanding::Active;
    std::vector<SilenceMatcher> matchers;
    std::optional<base::Timestamp> startsAt;
    std::optional<base::Timestamp> endsAt;
    std::optional<base::Timestamp> updatedAt;
    std::string createdBy;
    std::string comment;
    /// URLs of the servers that have it.
    std::vector<std::string> servers;
    friend bool operator==(const Silence&, const Silence&) = default;
};

struct SilenceDraft
{
    /// Empty: a new one.
    std::string id;
    std::vector<SilenceMatcher> matchers;
    base::Timestamp startsAt;
    base::Timestamp endsAt;
    std::string createdBy;
    std::string comment;
    /// URLs of the servers to tell; empty: all.
    std::vector<std::string> servers;
};

/// What became of a silence on one server.
struct SilenceResult
{
    std::string server;
    absl::Status status;
    /// As the server calls it; empty if it failed.
    std::string id;
};

struct SilencePreview
{
    /// Firing alerts that it would hold.
    std::size_t matching = 0;
    /// Fingerprints and labels of the first of them.
    std::vector<std::pair<std::string, model::Labels>> alerts;
    /// Sentences that speak against it.
    std::vector<std::string> warnings;
};

struct Receiver
{
    std::string name;
    std::map<std::string, std::string> labels;
    friend bool operator==(const Receiver&, const Receiver&) = default;
};

struct AlertServerStatus
{
    std::string server;
    std::string version;
    /// Of the whole configuration, as YAML, secrets hidden; the route tree is in it.
    std::string configuration;
    std::optional<base::Timestamp> startedAt;
    /// "ready", "settling", "disabled"
    std::string cluster;
    /// Addresses.
    std::vector<std::string> peers;
    /// Whether it takes acknowledgements and keeps a history (ours).
    bool acknowledges = false;
};

struct AckQuery
{
    /// "open", "ended", "all"
    std::string state = "open";
    std::vector<std::string> filters;
    std::optional<std::string> author;
    bool overdue = false;
};

struct AckDraft
{
    /// Fingerprints; or, if there are none, matchers that choose what fires now.
    std::vector<std::string> alerts;
    std::vector<std::string> filters;
    std::string author;
    std::string comment;
    /// Absent: what the server is set to. Zero: until resolved.
    std::optional<base::Duration> expiresIn;
    bool notify = false;
    bool sticky = false;
    bool untilWorse = false;
    /// "ui", "desktop-notification", "cli"
    std::string source = "ui";
};

struct AckChange
{
    std::string id;
    std::string author;
    std::optional<std::string> comment;
    /// Absent: as it is. Zero: until resolved.
    std::optional<base::Duration> expiresIn;
};

struct AckResult
{
    std::vector<Acknowledgement> acknowledgements;
    /// Fingerprints that were left out, and why.
    std::vector<std::pair<std::string, std::string>> skipped;
};

struct HistoryQuery
{
    /// Empty: of all alerts.
    std::string fingerprint;
    std::vector<std::string> filters;
    std::optional<base::Timestamp> from;
    std::optional<base::Timestamp> to;
    std::size_t limit = 1000;
};

/// A transition of an alert, or a notification.
struct HistoryEntry
{
    base::Timestamp time;
    /// "firing", "resolved", "silenced", …, "notification"
    std::string kind;
    std::string fingerprint;
    model::Labels labels;
    std::string detail;
    std::optional<double> value;
    // Of notifications.
    std::string groupKey;
    std::string receiver;
    std::string integration;
    std::string reason;
    std::size_t firing = 0;
    std::size_t resolved = 0;
    std::size_t attempts = 0;
    base::Duration duration;
    /// "sent", or why not.
    std::string result;
    std::string error;
    std::vector<std::string> alerts;
    std::string server;
};

struct RouteStep
{
    std::size_t depth = 0;
    std::string matchers;
    std::string receiver;
    bool matched = false;
    std::string why;
};

struct IntegrationStanding
{
    std::string name;
    std::string last;
    std::string next;
};

struct GroupStanding
{
    std::string key;
    std::string receiver;
    std::optional<base::Timestamp> nextFlush;
    bool sending = false;
    std::vector<IntegrationStanding> integrations;
};

struct AlertExplanation
{
    Alert alert;
    std::vector<RouteStep> route;
    std::vector<GroupStanding> groups;
    std::vector<std::string> sentences;
};

} // namespace narthex::client
