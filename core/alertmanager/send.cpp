// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Messages on their way: attempts on the integration's lane, waits between them, and what is
// written down in the end. Source: spec/alertmanager.md, 4.6.
#include "core/alertmanager/alertmanager.h"
#include "core/base/status.h"

#include <algorithm>

namespace narthex::alertmanager {
namespace {

constexpr base::Duration kFirstBackoff = 500_ms;
constexpr base::Duration kLongestBackoff = 1_min;

} // namespace

void Alertmanager::attemptLocked(const std::shared_ptr<Delivery>& delivery)
{
    ++delivery->attempts;
    const base::Duration left = delivery->flush->deadline - environment_.timers.clock().monotonic();
    events_.begin();
    delivery->integration->lane->post([this, delivery, left](const std::stop_token& stop) {
        const base::Duration began = environment_.timers.clock().monotonic();
        SendResult result;
        if (stop.stop_requested()) {
            result = {.status = base::cancelled("stopped"),
                      .reason = FailureReason::ContextCanceled};
        } else {
            result = delivery->integration->integration->send(delivery->notification, left, stop);
        }
        const base::Duration took = environment_.timers.clock().monotonic() - began;
        events_.post([this, delivery, result = std::move(result), took]() mutable {
            onAttempt(delivery, std::move(result), took);
        });
        events_.end();
    });
}

base::Duration Alertmanager::nextBackoffLocked(Delivery& delivery)
{
    delivery.backoff = delivery.backoff.ns == 0
                           ? kFirstBackoff
                           : std::min(delivery.backoff * 3 / 2, kLongestBackoff);
    // Half more or less, so that many do not come at once.
    std::uniform_int_distribution<std::int64_t> jitter(delivery.backoff.ns / 2,
                                                       delivery.backoff.ns * 3 / 2);
    const base::Duration wait{jitter(random_)};
    return std::max(wait, delivery.last.retryAfter.value_or(base::Duration{}));
}

void Alertmanager::onAttempt(const std::shared_ptr<Delivery>& delivery, SendResult result,
                             base::Duration took)
{
    metrics_.request(delivery->integration->kind, result.status.ok(), took);
    const absl::MutexLock lock(&mutex_);
    delivery->last = std::move(result);
    if (delivery->last.status.ok()) {
        for (const auto& [name, value] : delivery->last.memory) {
            delivery->entry.memory[name] = value;
        }
        metrics_.sent(delivery->integration->kind);
        recordLocked(*delivery, "sent");
        succeededLocked(delivery);
        return;
    }
    environment_.log->warn(
        "alertmanager: a message was not sent receiver={} integration={} attempt={} error={}",
        delivery->integration->receiver, delivery->integration->name(), delivery->attempts,
        base::messageOf(delivery->last.status));
    const base::Duration wait = nextBackoffLocked(*delivery);
    const base::Duration mono = environment_.timers.clock().monotonic();
    if (!delivery->last.retry || stopping_ || mono + wait >= delivery->flush->deadline) {
        failedLocked(delivery);
        return;
    }
    waiting_.insert(delivery);
    delivery->timer = environment_.timers.schedule(wait, [this, delivery] {
        events_.post([this, delivery] {
            const absl::MutexLock inner(&mutex_);
            if (waiting_.erase(delivery) != 0 && !stopping_) {
                attemptLocked(delivery);
            }
        });
    });
}

void Alertmanager::succeededLocked(const std::shared_ptr<Delivery>& delivery)
{
    const base::Timestamp now = environment_.timers.clock().now();
    const std::shared_ptr<Flush>& flush = delivery->flush;
    LogEntry entry = std::move(delivery->entry);
    entry.repeatFrom = now;
    log_.put(delivery->logKey, std::move(entry), flush->group->route->repeatInterval, now);
    if (delivery->notification.reason != Reason::Unknown) {
        flush->group->decisions[delivery->integration->name()] = {
            now, fmt::format("sent: {}", text(delivery->notification.reason))};
        for (const NotifiedAlert& alert : delivery->notification.alerts) {
            if (!alert.resolved()) {
                acks_.returnTold(alert.fingerprint);
            }
        }
    }
    underWay_.erase(delivery->logKey);
    if (--flush->pending == 0) {
        finishLocked(flush);
    }
}

void Alertmanager::failedLocked(const std::shared_ptr<Delivery>& delivery)
{
    const std::shared_ptr<Flush>& flush = delivery->flush;
    if (flush->pending == 0) {
        return; // an announcement, of which no flush waits
    }
    const std::string_view reason = text(delivery->last.reason);
    metrics_.failed(delivery->integration->kind, reason);
    recordLocked(*delivery, std::string(reason));
    flush->group->decisions[delivery->integration->name()] = {
        environment_.timers.clock().now(),
        fmt::format("failed: {}", base::messageOf(delivery->last.status))};
    flush->failed = true;
    underWay_.erase(delivery->logKey);
    if (--flush->pending == 0) {
        finishLocked(flush);
    }
}

void Alertmanager::recordLocked(const Delivery& delivery, std::string result)
{
    NotificationRecord record{.time = environment_.timers.clock().now(),
                              .groupKey = delivery.notification.groupKey,
                              .receiver = delivery.integration->receiver,
                              .integration = delivery.integration->name(),
                              .reason = std::string(text(delivery.notification.reason)),
                              .attempts = delivery.attempts,
                              .duration =
                                  environment_.timers.clock().monotonic() - delivery.startedAt,
                              .result = std::move(result),
                              .error = std::string(base::messageOf(delivery.last.status))};
    for (const NotifiedAlert& alert : delivery.notification.alerts) {
        ++(alert.resolved() ? record.resolved : record.firing);
        record.alerts.push_back(alert.fingerprint);
    }
    history_.add(std::move(record));
}

} // namespace narthex::alertmanager
