// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Who looks after which alert: episodes of firing, and acknowledgements that belong to one each.
// They end when the alert resolves, at a time, when it gets worse, or when they are withdrawn.
// Owner: the Alertmanager, whose lock guards it. Threads: one at a time. Errors: InvalidArgument,
// NotFound, FailedPrecondition (`alert is not firing`, already ended), ResourceExhausted.
// Source: spec/acknowledge.md, 3, 8 and 10.
#pragma once

#include "core/alertmanager/alert.h"
#include "core/alertmanager/receivers/notification.h"
#include "core/state/state_writer.h"

#include <absl/container/flat_hash_map.h>
#include <absl/status/statusor.h>

#include <map>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace narthex::alertmanager {

using namespace base::literals;

/// The settings `ack.*`.
struct AckSettings
{
    bool commentRequired = false;
    /// Absent: until resolved.
    std::optional<base::Duration> defaultDuration;
    base::Duration maxDuration = 7_d;
    base::Duration timeoutGrace = 15_min;
    base::Duration flapWindow = 0_s;
    bool inMessages = true;
    /// Integrations ("pagerduty" or "team-X/pagerduty[0]") that are told of acknowledgements.
    std::vector<std::string> forward;
    base::Duration remindAfter = 24_h;
    base::Duration retention = 90_d;
    bool exportEnabled = true;
    std::string exportPrefix = "ACK!";
    base::Duration exportDuration = 15_min;
    base::Duration exportExtendBefore = 5_min;
    base::Duration exportInterval = 45_s;
    /// Values of `severity`, the least first.
    std::vector<std::string> severities = {"info", "warning", "critical"};
};

struct Episode
{
    std::string id;
    base::Timestamp startedAt;
    std::optional<base::Timestamp> endedAt;
};

enum class AckSource : std::uint8_t
{
    Ui,
    DesktopNotification,
    Api,
    Cli,
    External
};
std::string_view text(AckSource source);

enum class AckEnd : std::uint8_t
{
    Resolved,
    Expired,
    Withdrawn,
    Replaced,
    EpisodeLost,
    ExternalGone,
    Worsened
};
std::string_view text(AckEnd end);

struct Acknowledgement
{
    std::string id;
    Fingerprint fingerprint = 0;
    std::string episode;
    /// As they were, readable when the alert is gone.
    model::Labels labels;
    std::string author;
    std::string comment;
    base::Timestamp createdAt;
    /// The first of the chain.
    base::Timestamp since;
    std::optional<base::Timestamp> expiresAt;
    bool notify = false;
    bool sticky = false;
    bool untilWorse = false;
    AckSource source = AckSource::Api;
    /// How many alerts of the same name fired in the group.
    std::size_t siblings = 0;
    std::optional<base::Timestamp> endedAt;
    AckEnd endReason = AckEnd::Resolved;
    std::string endedBy;
    /// The alert is resolved; should it come back before this, the acknowledgement goes on.
    std::optional<base::Timestamp> waitingUntil;
    /// It came back after a time-out: its return is told although it is acknowledged.
    bool returned = false;
    /// Open for longer than `ack.remind_after`. In copies that are handed out; not kept.
    bool overdue = false;

    [[nodiscard]] bool open() const { return !endedAt; }
    [[nodiscard]] bool inForce() const { return !endedAt && !waitingUntil; }
};

struct AckRequest
{
    std::string author;
    std::string comment;
    /// Absent: the default; zero: until resolved.
    std::optional<base::Duration> expiresIn;
    bool notify = false;
    bool sticky = false;
    bool untilWorse = false;
    AckSource source = AckSource::Api;
};

struct AckEvent
{
    std::string ackId;
    base::Timestamp at;
    std::string kind;
    std::string by;
    std::string detail;
};

class Acknowledgements
{
public:
    struct Counters
    {
        std::map<std::string, std::uint64_t, std::less<>> created; // by source
        std::map<std::string, std::uint64_t, std::less<>> ended;   // by reason
    };

    Acknowledgements(AckSettings settings, state::StateWriter& writer)
        : settings_(std::move(settings)), writer_(writer)
    {}

    absl::Status load(state::Connection& connection);

    /// To be told of every alert that is said to fire, and of every end.
    void alertFires(const Alert& alert, base::Timestamp now);
    void alertEnded(const Alert& alert, bool timedOut, base::Timestamp now);
    /// What time alone ends: expiry, grace periods, old records.
    void tick(base::Timestamp now);
    /// Removes what ended longer than the retention ago from the database: acknowledgements with
    /// their events, and episodes. tick() does so in memory.
    void collect(base::Timestamp now);
    /// The clock jumped forward: what would have expired in a short gap goes on as long.
    void bridge(base::Timestamp from, base::Timestamp to);

    absl::StatusOr<Acknowledgement> acknowledge(const Alert& alert, const AckRequest& request,
                                                std::size_t siblings, base::Timestamp now);
    absl::StatusOr<Acknowledgement> change(std::string_view id,
                                           const std::optional<std::string>& comment,
                                           std::optional<std::optional<base::Duration>> expiresIn,
                                           const std::string& by, base::Timestamp now);
    absl::Status withdraw(std::string_view id, const std::string& by, base::Timestamp now,
                          AckEnd reason = AckEnd::Withdrawn);
    /// More alerts of its name fire than when it was acknowledged.
    void noteSiblings(Fingerprint fingerprint, std::size_t siblings, base::Timestamp now);
    /// Those that ended otherwise than by the end of their alert, since the last call.
    std::vector<Acknowledgement> takeEnded() { return std::exchange(ended_, {}); }
    /// The return of the alert has been told.
    void returnTold(Fingerprint fingerprint);

    /// Null: none is in force.
    [[nodiscard]] const Acknowledgement* inForce(Fingerprint fingerprint, base::Timestamp now);
    [[nodiscard]] const Acknowledgement* find(std::string_view id) const;
    [[nodiscard]] const Episode* episode(Fingerprint fingerprint) const;
    /// When an acknowledgement of the alert ended other than by its end; absent: never.
    [[nodiscard]] std::optional<base::Timestamp> lastEnd(Fingerprint fingerprint) const;
    /// Oldest first.
    [[nodiscard]] const std::map<std::string, Acknowledgement, std::less<>>& all() const
    {
        return all_;
    }
    /// Ids of the open ones.
    [[nodiscard]] const absl::flat_hash_map<Fingerprint, std::string>& open() const
    {
        return open_;
    }
    /// Grows with every change of a record.
    [[nodiscard]] std::uint64_t version() const { return version_; }
    /// Copies of those whose ids come after `after`, by id, at most `limit`.
    [[nodiscard]] std::vector<Acknowledgement> page(std::string_view after, std::size_t limit,
                                                    bool openOnly, base::Timestamp now) const;
    [[nodiscard]] std::size_t openCount() const;
    [[nodiscard]] std::size_t waitingCount() const;
    [[nodiscard]] const AckSettings& settings() const { return settings_; }
    /// A copy that says whether people are to be reminded of it.
    [[nodiscard]] Acknowledgement marked(const Acknowledgement& ack, base::Timestamp now) const;
    [[nodiscard]] const Counters& counters() const { return counters_; }
    /// The alert was removed from the store.
    void forget(Fingerprint fingerprint, base::Timestamp now);
    /// "warning" → 1; absent: not among the configured ones.
    [[nodiscard]] std::optional<std::size_t> severityOf(const model::Labels& labels) const;

    static constexpr std::size_t kMostOpen = 10'000;
    /// Ended ones in memory; the database keeps all of the retention.
    static constexpr std::size_t kMostEnded = 20'000;
    static constexpr std::size_t kMostCommentBytes = 4096;
    static constexpr base::Duration kStickyWindow = 30_min;
    /// A jump of the clock below this ends no acknowledgement.
    static constexpr base::Duration kSmallJump = 1_h;

private:
    std::string makeId(base::Timestamp now);
    Acknowledgement* openOf(Fingerprint fingerprint);
    void end(Acknowledgement& ack, AckEnd reason, const std::string& by, base::Timestamp now);
    void write(const Acknowledgement& ack);
    void writeEpisode(Fingerprint fingerprint, const Episode& episode, const model::Labels& labels,
                      std::string_view endKind);
    void event(const Acknowledgement& ack, std::string_view kind, const std::string& by,
               const std::string& detail, base::Timestamp now);
    absl::StatusOr<std::optional<base::Timestamp>>
    expiryOf(const std::optional<base::Duration>& expiresIn, base::Timestamp now) const;
    void endWhatGotWorse(const Alert& alert, base::Timestamp now);

    const AckSettings settings_;
    state::StateWriter& writer_;
    std::map<std::string, Acknowledgement, std::less<>> all_;
    /// Ids of the open ones.
    absl::flat_hash_map<Fingerprint, std::string> open_;
    absl::flat_hash_map<Fingerprint, Episode> episodes_;
    absl::flat_hash_map<Fingerprint, base::Timestamp> lastEnd_;
    std::vector<Acknowledgement> ended_;
    /// Open ones that end when it gets worse.
    std::size_t watched_ = 0;
    std::uint64_t version_ = 0;
    Counters counters_;
    std::mt19937_64 random_{std::random_device{}()};
};

/// What happened to the acknowledgements of an alert, in order; waits for what is queued. Errors:
/// those of the database.
absl::StatusOr<std::vector<AckEvent>> readEvents(state::StateWriter& writer,
                                                 Fingerprint fingerprint);

/// Records in the database whose ids come after `after`, by id, at most `limit`; waits for what is
/// queued. Errors: those of the database.
absl::StatusOr<std::vector<Acknowledgement>> readAcks(state::StateWriter& writer,
                                                      std::string_view after, std::size_t limit);
/// Errors: also NotFound.
absl::StatusOr<Acknowledgement> readAck(state::StateWriter& writer, std::string_view id);

/// As messages tell it.
AcknowledgementNote noteOf(const Acknowledgement& ack);

} // namespace narthex::alertmanager
