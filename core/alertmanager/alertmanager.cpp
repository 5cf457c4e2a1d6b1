// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/alertmanager/alertmanager.h"

#include "core/base/number.h"
#include "core/base/status.h"

#include <algorithm>
#include <array>

namespace narthex::alertmanager {
namespace {

constexpr std::string_view kHeartbeat = "heartbeat";

absl::StatusOr<std::optional<base::Timestamp>> readHeartbeat(state::Connection& connection)
{
    std::optional<base::Timestamp> time;
    NARTHEX_RETURN_IF_ERROR(connection.execute(
        "SELECT value FROM am_meta WHERE name = ?",
        std::array<state::Cell, 1>{std::string(kHeartbeat)}, [&](std::span<const state::Cell> row) {
            if (const auto* ms = std::get_if<std::int64_t>(&row[0])) {
                time = base::Timestamp{*ms};
            }
        }));
    return time;
}

} // namespace

Alertmanager::Alertmanager(AlertmanagerOptions options, Environment environment)
    : options_(std::move(options)),
      environment_(std::move(environment)),
      startedAt_(environment_.timers.clock().now()),
      startedMono_(environment_.timers.clock().monotonic()),
      writer_(environment_.database),
      history_(options_.historyRetention, writer_),
      store_(options_.store, writer_),
      silences_(options_.silences, writer_),
      acks_(options_.acknowledgements, writer_),
      log_(options_.retention, writer_),
      random_(options_.seed),
      lastWall_(startedAt_),
      lastMono_(startedMono_),
      lastCollect_(startedMono_),
      lastMaintenance_(startedMono_),
      ackSeries_(options_.ackSeries, environment_.log)
{}

Alertmanager::~Alertmanager() { stop(); }

absl::Status Alertmanager::start()
{
    const absl::MutexLock lock(&mutex_);
    if (environment_.database != nullptr) {
        // In this order: alerts, silences, episodes and acknowledgements, what was told.
        std::optional<base::Timestamp> heartbeat;
        const absl::Status status = environment_.database->read(
            [&](state::Connection& connection) ABSL_NO_THREAD_SAFETY_ANALYSIS {
                NARTHEX_RETURN_IF_ERROR(store_.load(connection));
                NARTHEX_RETURN_IF_ERROR(silences_.load(connection));
                NARTHEX_RETURN_IF_ERROR(acks_.load(connection));
                NARTHEX_RETURN_IF_ERROR(log_.load(connection));
                NARTHEX_ASSIGN_OR_RETURN(heartbeat, readHeartbeat(connection));
                return absl::OkStatus();
            });
        NARTHEX_RETURN_IF_ERROR(status);
        if (heartbeat && *heartbeat + kGap < startedAt_) {
            bridgeLocked(*heartbeat, startedAt_);
        }
    }
    writeHeartbeat(startedAt_);
    scheduleTickLocked();
    return absl::OkStatus();
}

absl::Status Alertmanager::apply(Config config)
{
    const IntegrationEnvironment surroundings{.loop = environment_.loop,
                                              .http = environment_.http,
                                              .log = environment_.log,
                                              .templates = nullptr,
                                              .userAgent = options_.userAgent,
                                              .hostName = options_.hostName,
                                              .apiBase = options_.apiBase,
                                              .desktop = options_.desktop};
    lastReloadOk_ = false; // until it is in force
    NARTHEX_ASSIGN_OR_RETURN(
        std::shared_ptr<const Setup> setup,
        makeSetup(std::move(config), surroundings, options_.acknowledgements.forward));
    for (const auto& [name, integrations] : setup->receivers) {
        for (const auto& each : integrations) {
            metrics_.addKind(each->kind);
        }
    }
    const absl::MutexLock lock(&mutex_);
    if (stopping_) {
        return base::cancelled("the Alertmanager is stopping");
    }
    const base::Timestamp now = checkClockLocked();
    if (setup_ != nullptr) {
        retired_.push_back(std::move(setup_));
    }
    setup_ = std::move(setup);
    inhibitor_ = Inhibitor(setup_->config->inhibitRules);
    for (const auto& [fingerprint, alert] : store_.all()) {
        inhibitor_.update(alert, now);
    }
    rebuildGroupsLocked(now);
    lastReloadOk_ = true;
    lastReloadMs_ = now.ms;
    return absl::OkStatus();
}

PutResult Alertmanager::put(const model::Alerts& alerts)
{
    const absl::MutexLock lock(&mutex_);
    PutResult result;
    if (stopping_) {
        return result;
    }
    const base::Timestamp now = checkClockLocked();
    const base::Duration began = environment_.timers.clock().monotonic();
    const base::Duration resolveTimeout =
        setup_ != nullptr ? setup_->config->global.resolveTimeout : GlobalConfig().resolveTimeout;
    AlertStore::Outcome outcome = store_.put(alerts, now, resolveTimeout);
    for (const AlertStore::Change& change : outcome.changes) {
        noteChangeLocked(change, now);
        inhibitor_.update(change.now, now);
        if (setup_ != nullptr) {
            routeLocked(change.now, now);
        }
    }
    metrics_.received += outcome.changes.size() + outcome.invalid.size() + outcome.limited;
    metrics_.subscriberWrites += outcome.changes.size();
    metrics_.invalid += outcome.invalid.size();
    metrics_.limited += outcome.limited;
    metrics_.processing.observe((environment_.timers.clock().monotonic() - began).seconds());
    result.invalid = std::move(outcome.invalid);
    result.limited = outcome.limited;
    return result;
}

void Alertmanager::noteChangeLocked(const AlertStore::Change& change, base::Timestamp now)
{
    const bool fires = !change.now->resolvedAt(now);
    const bool fired = change.before != nullptr && !change.before->resolvedAt(now);
    if (change.before != nullptr && !fired) {
        // Without effect if its end was noted before.
        const Episode* episode = acks_.episode(change.before->fingerprint);
        if (episode != nullptr && !episode->endedAt) {
            transition(*change.before, "timed_out", {}, change.before->endsAt);
            acks_.alertEnded(*change.before, true, now);
        }
    }
    if (fires) {
        acks_.alertFires(*change.now, now);
        if (!fired) {
            transition(*change.now, "firing", {}, now);
        }
        return;
    }
    ++metrics_.receivedResolved;
    if (fired) {
        transition(*change.now, "resolved", {}, now);
        acks_.alertEnded(*change.now, false, now);
    }
}

void Alertmanager::transition(const Alert& alert, std::string_view kind, std::string detail,
                              base::Timestamp now)
{
    history_.add(Transition{.time = now,
                            .fingerprint = alert.fingerprint,
                            .labels = alert.labels,
                            .kind = std::string(kind),
                            .detail = std::move(detail),
                            .value = base::parseFloat(alert.annotations.get("value"))});
}

void Alertmanager::stop()
{
    std::vector<std::shared_ptr<const Setup>> setups;
    std::vector<base::TimerId> timers;
    {
        const absl::MutexLock lock(&mutex_);
        if (stopping_) {
            return;
        }
        stopping_ = true;
        setups = std::exchange(retired_, {});
        if (setup_ != nullptr) {
            setups.push_back(setup_);
        }
        for (const auto& [id, group] : groups_) {
            if (group->timer) {
                timers.push_back(*group->timer);
            }
        }
        for (const auto& delivery : waiting_) {
            if (delivery->timer) {
                timers.push_back(*delivery->timer);
            }
        }
        if (tick_) {
            timers.push_back(*tick_);
        }
    }
    for (const base::TimerId timer : timers) {
        environment_.timers.cancel(timer);
    }
    for (const auto& setup : setups) {
        for (const auto& [name, integrations] : setup->receivers) {
            for (const auto& each : integrations) {
                each->lane->stop();
            }
        }
    }
    events_.settle();
    // A lane's thread must not be the last to let go of the lane.
    for (const auto& setup : setups) {
        for (const auto& [name, integrations] : setup->receivers) {
            for (const auto& each : integrations) {
                each->lane->settle();
            }
        }
    }
    {
        const absl::MutexLock lock(&mutex_);
        waiting_.clear();
        groups_.clear();
        store_.save();
        writeHeartbeat(now());
    }
    base::ignore(writer_.flush(), "the writer keeps it as its last error, which was shown");
}

absl::Status Alertmanager::flushState()
{
    {
        const absl::MutexLock lock(&mutex_);
        store_.save();
    }
    return writer_.flush();
}

void Alertmanager::scheduleTickLocked()
{
    tick_ = environment_.timers.schedule(kTick, [this] { events_.post([this] { onTick(); }); });
}

void Alertmanager::onTick()
{
    std::vector<std::shared_ptr<const Setup>> idle; // their threads are joined without the lock
    bool acksChanged = false;
    std::vector<model::Labels> acknowledged;
    {
        const absl::MutexLock lock(&mutex_);
        if (stopping_) {
            return;
        }
        tickLocked(checkClockLocked());
        acksChanged = takeAcksChangedLocked();
        if (options_.ackSeries != nullptr) {
            acknowledged = acknowledgedLocked(now());
        }
    }
    tellAcksChanged(acksChanged);
    ackSeries_.write(std::move(acknowledged), now());
    const absl::MutexLock lock(&mutex_);
    for (auto each = retired_.begin(); each != retired_.end();) {
        if (each->use_count() == 1) {
            idle.push_back(std::move(*each));
            each = retired_.erase(each);
        } else {
            ++each;
        }
    }
    if (!stopping_) {
        scheduleTickLocked();
    }
}

void Alertmanager::tickLocked(base::Timestamp now)
{
    endTimedOutLocked(now);
    acks_.tick(now);
    noteEndedAcksLocked();
    removeEmptyGroupsLocked();
    store_.save();
    writeHeartbeat(now);
    const base::Duration mono = environment_.timers.clock().monotonic();
    if (mono - lastCollect_ >= options_.collectInterval) {
        lastCollect_ = mono;
        for (const AlertPtr& alert : store_.collect(now)) {
            marks_.erase(alert->fingerprint);
            silences_.forget(alert->fingerprint);
            acks_.forget(alert->fingerprint, now);
        }
    }
    if (mono - lastMaintenance_ >= options_.maintenanceInterval) {
        lastMaintenance_ = mono;
        maintainLocked(now);
    }
    noteDroppedLocked();
}

void Alertmanager::maintainLocked(base::Timestamp now)
{
    const base::Clock& clock = environment_.timers.clock();
    const auto measured = [&](StoreCounters& store, const auto& collect) {
        const base::Duration began = clock.monotonic();
        collect();
        const base::Duration collected = clock.monotonic();
        store.collected.observe(collected, (collected - began).seconds());
        writer_.post([&store, &clock, collected](state::Connection&) {
            const base::Duration mono = clock.monotonic();
            store.written.observe(mono, (mono - collected).seconds());
            return absl::OkStatus();
        });
        ++store.maintenances;
        store.maintenanceErrors += writer_.lastError().ok() ? 0 : 1;
    };
    measured(metrics_.silences, [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
        silences_.collect(now);
        metrics_.silences.sizeBytes = silences_.sizeBytes();
    });
    measured(metrics_.log, [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
        log_.purge(now);
        metrics_.log.sizeBytes = log_.sizeBytes();
    });
    acks_.collect(now);
    history_.collect(now);
}

void Alertmanager::noteDroppedLocked()
{
    const state::StateWriter::Dropped dropped = writer_.dropped();
    if (dropped.count != droppedShown_) {
        environment_.log->error("alertmanager: changes are not kept, a restart will not know them "
                                "count={} error={}",
                                dropped.count - droppedShown_, base::messageOf(dropped.error));
        droppedShown_ = dropped.count;
    }
}

std::vector<model::Labels> Alertmanager::acknowledgedLocked(base::Timestamp now) const
{
    std::vector<model::Labels> labels;
    for (const auto& [fingerprint, id] : acks_.open()) {
        const Acknowledgement* ack = acks_.find(id);
        if (ack->inForce() && (!ack->expiresAt || *ack->expiresAt > now)) {
            labels.push_back(ack->labels);
        }
    }
    return labels;
}

void Alertmanager::writeHeartbeat(base::Timestamp now)
{
    writer_.post([now](state::Connection& connection) {
        return connection.execute("INSERT OR REPLACE INTO am_meta VALUES (?, ?)",
                                  std::array<state::Cell, 2>{std::string(kHeartbeat), now.ms});
    });
}

void Alertmanager::noteEndedAcksLocked()
{
    for (const Acknowledgement& ack : acks_.takeEnded()) {
        history_.add(
            Transition{.time = *ack.endedAt,
                       .fingerprint = ack.fingerprint,
                       .labels = ack.labels,
                       .kind = "acknowledgement_ended",
                       .detail = fmt::format("{}{}{}", text(ack.endReason),
                                             ack.endedBy.empty() ? "" : " by ", ack.endedBy)});
    }
}

void Alertmanager::endTimedOutLocked(base::Timestamp now)
{
    for (const auto& [fingerprint, alert] : store_.all()) {
        if (!alert->resolvedAt(now)) {
            continue;
        }
        const Episode* episode = acks_.episode(fingerprint);
        if (episode != nullptr && !episode->endedAt) {
            transition(*alert, "timed_out", {}, alert->endsAt);
            acks_.alertEnded(*alert, true, now);
        }
    }
}

base::Timestamp Alertmanager::checkClockLocked()
{
    const base::Timestamp now = environment_.timers.clock().now();
    const base::Duration mono = environment_.timers.clock().monotonic();
    const base::Duration passed = mono - lastMono_;
    const base::Timestamp expected = lastWall_ + passed;
    lastWall_ = now;
    lastMono_ = mono;
    if (expected + kGap < now) {
        bridgeLocked(expected, now);
    }
    return now;
}

void Alertmanager::bridgeLocked(base::Timestamp from, base::Timestamp to)
{
    ++metrics_.gaps;
    const base::Duration resolveTimeout =
        setup_ != nullptr ? setup_->config->global.resolveTimeout : GlobalConfig().resolveTimeout;
    // Nobody could say again what fires: it gets the time to be said once more.
    std::vector<AlertPtr> moved;
    for (const auto& [fingerprint, alert] : store_.all()) {
        if (alert->endsAt > from && alert->endsAt < to + resolveTimeout) {
            auto copy = std::make_shared<Alert>(*alert);
            copy->endsAt = to + resolveTimeout;
            copy->endsByTimeout = true;
            moved.push_back(std::move(copy));
        }
    }
    for (const AlertPtr& alert : moved) {
        store_.replace(alert);
        inhibitor_.update(alert, to);
        if (setup_ != nullptr) {
            routeLocked(alert, to, true);
        }
    }
    log_.bridge(to - from);
    acks_.bridge(from, to);
    history_.add(Transition{.time = to,
                            .kind = "gap",
                            .detail = fmt::format("from {} to {}: {} alerts were given more time",
                                                  base::formatTimestamp(from),
                                                  base::formatTimestamp(to), moved.size())});
    environment_.log->info("alertmanager: the clock jumped ahead from={} to={} alerts={}",
                           base::formatTimestamp(from), base::formatTimestamp(to), moved.size());
}

absl::StatusOr<std::string> Alertmanager::setSilence(Silence silence)
{
    absl::StatusOr<std::string> id;
    {
        const absl::MutexLock lock(&mutex_);
        id = silences_.set(std::move(silence), checkClockLocked());
    }
    if (id.ok()) {
        NARTHEX_RETURN_IF_ERROR(writer_.flush());
    }
    return id;
}

absl::Status Alertmanager::expireSilence(std::string_view id)
{
    {
        const absl::MutexLock lock(&mutex_);
        NARTHEX_RETURN_IF_ERROR(silences_.expire(id, checkClockLocked()));
    }
    return writer_.flush();
}

std::vector<SilencePtr> Alertmanager::silences() const
{
    const absl::MutexLock lock(&mutex_);
    std::vector<SilencePtr> result;
    for (const auto& [id, silence] : silences_.all()) {
        result.push_back(silence);
    }
    return result;
}

SilencePtr Alertmanager::silence(std::string_view id) const
{
    const absl::MutexLock lock(&mutex_);
    return silences_.find(id);
}

std::shared_ptr<const Setup> Alertmanager::setup() const
{
    const absl::MutexLock lock(&mutex_);
    return setup_;
}

} // namespace narthex::alertmanager
