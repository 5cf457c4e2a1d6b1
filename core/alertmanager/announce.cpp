// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Acknowledging through the Alertmanager, and telling integrations of it.
// Source: spec/acknowledge.md, 3.2 and 4.5.
#include "core/alertmanager/alertmanager.h"
#include "core/base/status.h"

#include <algorithm>
#include <array>

namespace narthex::alertmanager {

std::size_t Alertmanager::siblingsLocked(const Alert& alert, base::Timestamp now) const
{
    if (setup_ == nullptr) {
        return 1;
    }
    std::vector<const RouteNode*> routes;
    setup_->tree.match(alert.labels, routes);
    const auto group =
        groups_.find(GroupId{routes.front(), routes.front()->groupLabels(alert.labels)});
    if (group == groups_.end()) {
        return 1;
    }
    std::size_t count = 0;
    for (const auto& [fingerprint, each] : group->second->alerts) {
        count +=
            !each->resolvedAt(now) && each->labels.get("alertname") == alert.labels.get("alertname")
                ? 1
                : 0;
    }
    return count;
}

absl::StatusOr<Acknowledgement> Alertmanager::acknowledge(Fingerprint fingerprint,
                                                          const AckRequest& request)
{
    const std::array<Fingerprint, 1> alone = {fingerprint};
    auto acks = acknowledge(alone, request);
    return std::move(acks.front());
}

std::vector<absl::StatusOr<Acknowledgement>>
Alertmanager::acknowledge(std::span<const Fingerprint> fingerprints, const AckRequest& request)
{
    std::vector<absl::StatusOr<Acknowledgement>> acks;
    bool changed = false;
    {
        const absl::MutexLock lock(&mutex_);
        const base::Timestamp now = checkClockLocked();
        for (const Fingerprint fingerprint : fingerprints) {
            acks.push_back(acknowledgeLocked(fingerprint, request, now));
        }
        changed = takeAcksChangedLocked();
    }
    tellAcksChanged(changed);
    const absl::Status written = writer_.flush();
    if (!written.ok()) {
        for (auto& ack : acks) {
            ack = ack.ok() ? absl::StatusOr<Acknowledgement>(written) : std::move(ack);
        }
    }
    return acks;
}

absl::StatusOr<Acknowledgement> Alertmanager::acknowledgeLocked(Fingerprint fingerprint,
                                                                const AckRequest& request,
                                                                base::Timestamp now)
{
    const AlertPtr alert = store_.find(fingerprint);
    if (alert == nullptr) {
        return base::notFound("no such alert: {}", fingerprintText(fingerprint));
    }
    auto ack = acks_.acknowledge(*alert, request, siblingsLocked(*alert, now), now);
    if (ack.ok()) {
        transition(*alert, "acknowledged",
                   request.comment.empty() ? request.author
                                           : fmt::format("{}: {}", request.author, request.comment),
                   now);
        announceLocked(*alert, *ack, now);
    }
    return ack;
}

absl::StatusOr<Acknowledgement>
Alertmanager::changeAcknowledgement(std::string_view id, const std::optional<std::string>& comment,
                                    std::optional<std::optional<base::Duration>> expiresIn,
                                    const std::string& by)
{
    absl::StatusOr<Acknowledgement> ack;
    bool changed = false;
    {
        const absl::MutexLock lock(&mutex_);
        ack = acks_.change(id, comment, expiresIn, by, checkClockLocked());
        changed = takeAcksChangedLocked();
    }
    tellAcksChanged(changed);
    NARTHEX_RETURN_IF_ERROR(writer_.flush());
    return ack;
}

absl::Status Alertmanager::withdraw(std::string_view id, const std::string& by, AckEnd reason)
{
    bool changed = false;
    {
        const absl::MutexLock lock(&mutex_);
        const base::Timestamp now = checkClockLocked();
        NARTHEX_RETURN_IF_ERROR(acks_.withdraw(id, by, now, reason));
        noteEndedAcksLocked();
        changed = takeAcksChangedLocked();
    }
    tellAcksChanged(changed);
    return writer_.flush();
}

bool Alertmanager::takeAcksChangedLocked()
{
    return std::exchange(acksTold_, acks_.version()) != acks_.version();
}

void Alertmanager::tellAcksChanged(bool changed) const
{
    if (changed && options_.onAcknowledgements) {
        options_.onAcknowledgements();
    }
}

std::vector<Acknowledgement> Alertmanager::acknowledgements() const
{
    const absl::MutexLock lock(&mutex_);
    std::vector<Acknowledgement> result;
    const base::Timestamp moment = now();
    for (const auto& [id, ack] : acks_.all()) {
        result.push_back(acks_.marked(ack, moment));
    }
    return result;
}

absl::StatusOr<std::vector<Acknowledgement>>
Alertmanager::acknowledgementsAfter(std::string_view after, std::size_t limit, bool openOnly)
{
    const base::Timestamp moment = now();
    if (openOnly || environment_.database == nullptr) {
        const absl::MutexLock lock(&mutex_);
        return acks_.page(after, limit, openOnly, moment);
    }
    NARTHEX_ASSIGN_OR_RETURN(std::vector<Acknowledgement> page, readAcks(writer_, after, limit));
    const absl::MutexLock lock(&mutex_);
    for (Acknowledgement& ack : page) {
        ack = acks_.marked(ack, moment);
    }
    return page;
}

absl::StatusOr<Acknowledgement> Alertmanager::acknowledgement(std::string_view id)
{
    {
        const absl::MutexLock lock(&mutex_);
        if (const Acknowledgement* found = acks_.find(id)) {
            return acks_.marked(*found, now());
        }
    }
    return environment_.database == nullptr ? base::notFound("acknowledgement not found")
                                            : readAck(writer_, id);
}

std::vector<Acknowledgement> Alertmanager::overdueAcknowledgements() const
{
    std::vector<Acknowledgement> result = acknowledgements();
    std::erase_if(result, [](const Acknowledgement& ack) { return !ack.overdue; });
    std::stable_sort(result.begin(), result.end(),
                     [](const auto& a, const auto& b) { return a.since < b.since; });
    return result;
}

absl::StatusOr<std::vector<AckEvent>> Alertmanager::ackEvents(Fingerprint fingerprint)
{
    return readEvents(writer_, fingerprint);
}

void Alertmanager::announceLocked(const Alert& alert, const Acknowledgement& ack,
                                  base::Timestamp now)
{
    if (setup_ == nullptr) {
        return;
    }
    std::vector<const RouteNode*> routes;
    setup_->tree.match(alert.labels, routes);
    for (const RouteNode* route : routes) {
        const auto group = groups_.find(GroupId{route, route->groupLabels(alert.labels)});
        if (group != groups_.end()) {
            announceGroupLocked(group->second, ack, now);
        }
    }
}

void Alertmanager::announceGroupLocked(const GroupPtr& group, const Acknowledgement& ack,
                                       base::Timestamp now)
{
    Stage stage;
    for (const auto& [fingerprint, alert] : group->alerts) {
        if (alert->resolvedAt(now)) {
            continue;
        }
        const Acknowledgement* own = acks_.inForce(fingerprint, now);
        if (own == nullptr) {
            return;
        }
        stage.notes[fingerprint] = noteOf(*own);
        stage.alerts.push_back(alert);
    }
    sortForMessage(stage.alerts);
    const auto receiver = group->setup->receivers.find(group->route->receiver);
    if (receiver == group->setup->receivers.end()) {
        return;
    }
    for (const auto& integration : receiver->second) {
        const LogEntry* entry = log_.find(integration->logKey(group->key), now);
        const bool wanted = integration->forwards || ack.notify;
        if (!wanted || entry == nullptr || entry->firing.empty() ||
            !group->acknowledgementTold.insert(integration->name()).second) {
            continue; // what was never told needs no acknowledging
        }
        auto delivery = std::make_shared<Delivery>();
        delivery->flush = std::make_shared<Flush>();
        delivery->flush->group = group;
        delivery->flush->deadline =
            environment_.timers.clock().monotonic() + group->route->groupInterval;
        delivery->integration = integration.get();
        delivery->startedAt = environment_.timers.clock().monotonic();
        delivery->notification = notificationLocked(*group, stage, false, now);
        delivery->notification.memory = entry->memory;
        if (ack.notify) {
            delivery->notification.reason = Reason::Acknowledged;
        }
        for (NotifiedAlert& alert : delivery->notification.alerts) {
            alert.acknowledgement = stage.notes.at(alert.fingerprint);
        }
        tellAcknowledged(delivery, noteOf(ack));
    }
}

void Alertmanager::tellAcknowledged(const std::shared_ptr<Delivery>& delivery,
                                    const AcknowledgementNote& note)
{
    ++delivery->attempts;
    const base::Duration left = delivery->flush->deadline - environment_.timers.clock().monotonic();
    events_.begin();
    delivery->integration->lane->post([this, delivery, note, left](const std::stop_token& stop) {
        std::optional<SendResult> result;
        if (!stop.stop_requested()) {
            result = delivery->integration->integration->acknowledge(delivery->notification, note,
                                                                     left, stop);
        }
        events_.post([this, delivery, note, result = std::move(result)]() mutable {
            onTold(delivery, note, std::move(result));
        });
        events_.end();
    });
}

void Alertmanager::onTold(const std::shared_ptr<Delivery>& delivery,
                          const AcknowledgementNote& note, std::optional<SendResult> result)
{
    const absl::MutexLock lock(&mutex_);
    if (!result) {
        // It has no such notion, and nobody asked for a message.
        delivery->flush->group->acknowledgementTold.erase(delivery->integration->name());
        return;
    }
    delivery->last = *std::move(result);
    NotificationRecord record{.time = environment_.timers.clock().now(),
                              .groupKey = delivery->notification.groupKey,
                              .receiver = delivery->integration->receiver,
                              .integration = delivery->integration->name(),
                              .reason = "acknowledged by " + note.author,
                              .firing = delivery->notification.alerts.size(),
                              .attempts = delivery->attempts,
                              .result = "sent"};
    for (const NotifiedAlert& alert : delivery->notification.alerts) {
        record.alerts.push_back(alert.fingerprint);
    }
    if (!delivery->last.status.ok()) {
        const base::Duration wait = nextBackoffLocked(*delivery);
        const base::Duration mono = environment_.timers.clock().monotonic();
        if (delivery->last.retry && !stopping_ && mono + wait < delivery->flush->deadline) {
            waiting_.insert(delivery);
            delivery->timer = environment_.timers.schedule(wait, [this, delivery, note] {
                events_.post([this, delivery, note] {
                    const absl::MutexLock inner(&mutex_);
                    if (waiting_.erase(delivery) != 0 && !stopping_) {
                        tellAcknowledged(delivery, note);
                    }
                });
            });
            return;
        }
        record.result = text(delivery->last.reason);
        record.error = base::messageOf(delivery->last.status);
    }
    history_.add(std::move(record));
}

} // namespace narthex::alertmanager
