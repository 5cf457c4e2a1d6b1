// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The Alertmanager inside: takes alerts, groups, inhibits, silences, and tells people. Owns its
// thread of dispatch and the threads that send. Owner: the engine. Threads: every function from any
// thread; start(), apply() and stop() come one at a time. Errors: see each function; what goes
// wrong while sending is in the history and the metrics.
// Source: spec/alertmanager.md, 3 to 7; spec/acknowledge.md, 3, 4.
#pragma once

#include "core/alertmanager/ack_series.h"
#include "core/alertmanager/acknowledgements.h"
#include "core/alertmanager/alert_store.h"
#include "core/alertmanager/event_loop.h"
#include "core/alertmanager/explain.h"
#include "core/alertmanager/group.h"
#include "core/alertmanager/history.h"
#include "core/alertmanager/inhibitor.h"
#include "core/alertmanager/metrics.h"
#include "core/alertmanager/notification_log.h"
#include "core/alertmanager/schema.h"
#include "core/alertmanager/silence_view.h"
#include "core/alertmanager/silences.h"
#include "core/alertmanager/views.h"
#include "core/base/log.h"
#include "core/base/timers.h"
#include "core/net/http_client.h"

#include <absl/base/thread_annotations.h>
#include <absl/functional/function_ref.h>
#include <absl/synchronization/mutex.h>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <vector>

namespace narthex::alertmanager {

struct AlertmanagerOptions
{
    AlertStore::Options store;
    Silences::Options silences;
    /// How long notifications are remembered.
    base::Duration retention = 120_h;
    /// Nothing is sent before, so that senders can say again what they know.
    base::Duration startDelay = 1_min;
    /// Removal of resolved alerts.
    base::Duration collectInterval = 30_min;
    /// Removal of expired silences and log entries.
    base::Duration maintenanceInterval = 15_min;
    base::Duration historyRetention = 30_d;
    AckSettings acknowledgements;
    /// A silence that matches more firing alerts than this is warned of; 0: never.
    std::size_t wideSilence = 100;
    /// Gets the series NARTHEX_ALERT_ACK while acknowledgements are in force, and outlives the
    /// Alertmanager; null: there are none.
    storage::Appendable* ackSeries = nullptr;
    /// An acknowledgement was made, changed, or ended. Called with no lock held, by any thread.
    std::function<void()> onAcknowledgements;
    std::string externalUrl;
    /// "Narthex/0.1.0"
    std::string userAgent = "Narthex";
    std::string version;
    std::string hostName;
    /// Takes the place of fixed addresses of services; empty: none (tests).
    std::string apiBase;
    /// Shows notes, and outlives the Alertmanager; null: there is no desktop.
    DesktopNotifier* desktop = nullptr;
    std::uint64_t seed = std::random_device{}();
};

/// What became of a batch of alerts.
struct PutResult
{
    /// What is wrong with those that were not taken.
    std::vector<std::string> invalid;
    std::size_t limited = 0;
};

class Alertmanager
{
public:
    /// What it runs on; all of it outlives the Alertmanager.
    struct Environment
    {
        net::IoLoop& loop;
        net::HttpClient& http;
        base::Timers& timers;
        /// With the tables of migrations(); null: nothing survives a restart.
        state::Database* database = nullptr;
        base::Logger log;
    };

    Alertmanager(AlertmanagerOptions options, Environment environment);
    /// stop().
    ~Alertmanager();
    Alertmanager(const Alertmanager&) = delete;
    Alertmanager& operator=(const Alertmanager&) = delete;

    /// Reads what is in the database. Errors: those of the database.
    absl::Status start();
    /// Puts a configuration in force. All or nothing. Errors: templates and integrations.
    absl::Status apply(Config config);
    /// A configuration did not load, so that apply() was not reached: the metrics say so.
    void noteReloadFailed() { lastReloadOk_ = false; }
    [[nodiscard]] bool lastReloadSucceeded() const { return lastReloadOk_; }
    /// Alerts from rules or clients; valid ones are taken whatever the others are.
    PutResult put(const model::Alerts& alerts);
    /// Stops sending, saves. Safe to call twice.
    void stop();
    /// Waits until nothing is under way but what waits for a time.
    void settle() const { events_.settle(); }
    /// Everything said before is in the database.
    absl::Status flushState();

    absl::StatusOr<std::string> setSilence(Silence silence);
    absl::Status expireSilence(std::string_view id);
    [[nodiscard]] std::vector<SilencePtr> silences() const;
    [[nodiscard]] SilencePtr silence(std::string_view id) const;
    /// What a silence does, or would do if it were made.
    [[nodiscard]] SilencePreview previewSilence(const Silence& silence) const;
    /// Errors: NotFound; those of the database.
    [[nodiscard]] absl::StatusOr<SilenceDetail> silenceDetail(std::string_view id) const;
    /// Active silences that something speaks against.
    [[nodiscard]] std::vector<WarnedSilence> silenceWarnings() const;
    /// Firing alerts that these matchers hold; with `resolved` those that ended lately, too.
    [[nodiscard]] std::vector<AlertPtr> matching(const std::vector<model::Matchers>& sets,
                                                 bool resolved = false) const;
    /// Files that Alertmanager wrote, as they are; younger entries win. Errors: InvalidArgument.
    absl::Status importSilences(std::string_view bytes);
    absl::Status importLog(std::string_view bytes);

    absl::StatusOr<Acknowledgement> acknowledge(Fingerprint fingerprint, const AckRequest& request);
    /// One result for each.
    std::vector<absl::StatusOr<Acknowledgement>>
    acknowledge(std::span<const Fingerprint> fingerprints, const AckRequest& request);
    absl::StatusOr<Acknowledgement>
    changeAcknowledgement(std::string_view id, const std::optional<std::string>& comment,
                          std::optional<std::optional<base::Duration>> expiresIn,
                          const std::string& by);
    absl::Status withdraw(std::string_view id, const std::string& by,
                          AckEnd reason = AckEnd::Withdrawn);
    /// What is in memory: all open ones, and the latest of those that ended.
    [[nodiscard]] std::vector<Acknowledgement> acknowledgements() const;
    /// Those whose ids come after `after`, by id, at most `limit`; ended ones from the database, as
    /// far back as it goes. Errors: those of the database.
    [[nodiscard]] absl::StatusOr<std::vector<Acknowledgement>>
    acknowledgementsAfter(std::string_view after, std::size_t limit, bool openOnly);
    /// Errors: NotFound; those of the database.
    [[nodiscard]] absl::StatusOr<Acknowledgement> acknowledgement(std::string_view id);
    /// Open ones that people are to be reminded of, the oldest first.
    [[nodiscard]] std::vector<Acknowledgement> overdueAcknowledgements() const;
    [[nodiscard]] absl::StatusOr<std::vector<AckEvent>> ackEvents(Fingerprint fingerprint);

    /// Firing alerts, by fingerprint; what holds now.
    [[nodiscard]] std::vector<AlertView> alerts() const;
    [[nodiscard]] AlertPtr alert(Fingerprint fingerprint) const;
    /// Groups as their last flush left them, by labels, then receiver.
    [[nodiscard]] std::vector<GroupView> groups() const;
    [[nodiscard]] absl::StatusOr<Explanation> explain(Fingerprint fingerprint) const;
    [[nodiscard]] const History& history() const { return history_; }
    [[nodiscard]] std::shared_ptr<const Setup> setup() const;
    [[nodiscard]] base::Timestamp startedAt() const { return startedAt_; }
    [[nodiscard]] base::Timestamp now() const { return environment_.timers.clock().now(); }
    [[nodiscard]] const AlertmanagerOptions& options() const { return options_; }
    [[nodiscard]] const Environment& environment() const { return environment_; }
    [[nodiscard]] Metrics& metrics() { return metrics_; }
    void writeMetrics(exposition::TextWriter& out) const;

    /// The clock ahead of the monotonic one by more than this is a gap: the machine slept.
    static constexpr base::Duration kGap = 1_min;
    static constexpr base::Duration kTick = 10_s;
    static constexpr base::Duration kShortestDeadline = 10_s;

private:
    struct GroupId
    {
        const RouteNode* route = nullptr;
        model::Labels labels;
        friend bool operator==(const GroupId&, const GroupId&) = default;
        template <typename H>
        friend H AbslHashValue(H state, const GroupId& id)
        {
            return H::combine(std::move(state), id.route, id.labels);
        }
    };
    enum class Held : std::uint8_t
    {
        No,
        Inhibited,
        Silenced
    };
    /// What the last flush of a group found for an alert.
    struct Mark
    {
        Held held = Held::No;
        Fingerprint inhibitedBy = 0;
        std::vector<std::string> silencedBy;
    };
    /// What reached the stages after silencing.
    struct Stage
    {
        std::vector<AlertPtr> alerts;
        DecisionInput decision; // without entry
        std::map<Fingerprint, AcknowledgementNote> notes;
    };

    // alertmanager.cpp
    void onTick();
    void tickLocked(base::Timestamp now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
    void maintainLocked(base::Timestamp now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
    void noteDroppedLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
    [[nodiscard]] std::vector<model::Labels> acknowledgedLocked(base::Timestamp now) const
        ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
    /// When it was last alive: from then on a restart bridges the gap.
    void writeHeartbeat(base::Timestamp now);
    void noteEndedAcksLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
    void endTimedOutLocked(base::Timestamp now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
    base::Timestamp checkClockLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
    void bridgeLocked(base::Timestamp from, base::Timestamp to)
        ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
    void noteChangeLocked(const AlertStore::Change& change, base::Timestamp now)
        ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
    void transition(const Alert& alert, std::string_view kind, std::string detail,
                    base::Timestamp now);
    void scheduleTickLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

    // dispatch.cpp
    void routeLocked(const AlertPtr& alert, base::Timestamp now, bool onlyExisting = false)
        ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
    void rebuildGroupsLocked(base::Timestamp now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
    void scheduleLocked(const GroupPtr& group, base::Duration delay)
        ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
    void onGroupDue(const std::weak_ptr<Group>& weak);
    void flushLocked(const GroupPtr& group) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
    void finishLocked(const std::shared_ptr<Flush>& flush) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
    void removeEmptyGroupsLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

    // pipeline.cpp
    void inhibitLocked(std::vector<AlertPtr>& alerts, base::Timestamp now)
        ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
    bool mutedLocked(Group& group, std::size_t count, base::Timestamp now)
        ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
    void silenceLocked(std::vector<AlertPtr>& alerts, base::Timestamp now)
        ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
    void markLocked(const Alert& alert, Mark mark, base::Timestamp now)
        ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
    Stage stageLocked(Group& group, std::vector<AlertPtr> alerts, base::Timestamp now)
        ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
    bool acknowledgementEndedLocked(const Stage& stage, const LogEntry* entry) const
        ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
    Notification notificationLocked(const Group& group, const Stage& stage, bool withResolved,
                                    base::Timestamp now) const
        ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
    void renderRouteLabelsLocked(Group& group, const Stage& stage, base::Timestamp now)
        ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
    void turnLocked(const std::shared_ptr<Flush>& flush, const RunningIntegration& integration,
                    const Stage& stage) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

    // send.cpp
    void attemptLocked(const std::shared_ptr<Delivery>& delivery)
        ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
    void onAttempt(const std::shared_ptr<Delivery>& delivery, SendResult result,
                   base::Duration took);
    void succeededLocked(const std::shared_ptr<Delivery>& delivery)
        ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
    void failedLocked(const std::shared_ptr<Delivery>& delivery)
        ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
    void recordLocked(const Delivery& delivery, std::string result)
        ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
    base::Duration nextBackoffLocked(Delivery& delivery) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

    // announce.cpp
    absl::StatusOr<Acknowledgement>
    acknowledgeLocked(Fingerprint fingerprint, const AckRequest& request, base::Timestamp now)
        ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
    [[nodiscard]] std::size_t siblingsLocked(const Alert& alert, base::Timestamp now) const
        ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
    void announceLocked(const Alert& alert, const Acknowledgement& ack, base::Timestamp now)
        ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
    /// Whether onAcknowledgements has to be called.
    bool takeAcksChangedLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
    void tellAcksChanged(bool changed) const;
    void announceGroupLocked(const GroupPtr& group, const Acknowledgement& ack, base::Timestamp now)
        ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
    void tellAcknowledged(const std::shared_ptr<Delivery>& delivery,
                          const AcknowledgementNote& note);
    void onTold(const std::shared_ptr<Delivery>& delivery, const AcknowledgementNote& note,
                std::optional<SendResult> result);

    // explain.cpp
    [[nodiscard]] Explanation::GroupPart
    explainGroupLocked(const Group& group, base::Timestamp moment, base::Duration mono) const
        ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

    // views.cpp
    [[nodiscard]] std::vector<std::string> silencingLocked(const Alert& alert,
                                                           base::Timestamp now) const
        ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
    void writeAckMetricsLocked(exposition::TextWriter& out) const
        ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
    [[nodiscard]] AlertView viewLocked(const AlertPtr& alert, base::Timestamp now) const
        ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

    // Fixed after construction.
    const AlertmanagerOptions options_;
    const Environment environment_;
    const base::Timestamp startedAt_;
    const base::Duration startedMono_;

    // Safe by themselves.
    mutable Metrics metrics_; // questions that change nothing are counted, too
    std::atomic<bool> lastReloadOk_{false};
    std::atomic<std::int64_t> lastReloadMs_{0};
    state::StateWriter writer_;
    History history_;

    mutable absl::Mutex mutex_;
    // Queries of silences, inhibition and acknowledgements remember what they found.
    AlertStore store_ ABSL_GUARDED_BY(mutex_);
    mutable Silences silences_ ABSL_GUARDED_BY(mutex_);
    mutable Acknowledgements acks_ ABSL_GUARDED_BY(mutex_);
    NotificationLog log_ ABSL_GUARDED_BY(mutex_);
    mutable Inhibitor inhibitor_ ABSL_GUARDED_BY(mutex_){{}};
    std::shared_ptr<const Setup> setup_ ABSL_GUARDED_BY(mutex_);
    /// Of older configurations, until nothing of them is under way.
    std::vector<std::shared_ptr<const Setup>> retired_ ABSL_GUARDED_BY(mutex_);
    absl::flat_hash_map<GroupId, GroupPtr> groups_ ABSL_GUARDED_BY(mutex_);
    absl::flat_hash_map<Fingerprint, Mark> marks_ ABSL_GUARDED_BY(mutex_);
    /// Log keys of messages under way.
    absl::flat_hash_set<std::string> underWay_ ABSL_GUARDED_BY(mutex_);
    absl::flat_hash_set<std::shared_ptr<Delivery>> waiting_ ABSL_GUARDED_BY(mutex_);
    std::vector<const RouteNode*> routesScratch_ ABSL_GUARDED_BY(mutex_);
    std::mt19937_64 random_ ABSL_GUARDED_BY(mutex_);
    base::Timestamp lastWall_ ABSL_GUARDED_BY(mutex_);
    base::Duration lastMono_ ABSL_GUARDED_BY(mutex_);
    base::Duration lastCollect_ ABSL_GUARDED_BY(mutex_);
    base::Duration lastMaintenance_ ABSL_GUARDED_BY(mutex_);
    std::optional<base::TimerId> tick_ ABSL_GUARDED_BY(mutex_);
    bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
    std::uint64_t droppedShown_ ABSL_GUARDED_BY(mutex_) = 0;
    /// Version of the acknowledgements that onAcknowledgements was told of.
    std::uint64_t acksTold_ ABSL_GUARDED_BY(mutex_) = 0;

    // Touched by the thread of dispatch alone.
    AckSeries ackSeries_;

    // Last: its tasks use all of the above.
    EventLoop events_;
};

} // namespace narthex::alertmanager
