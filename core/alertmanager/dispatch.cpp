// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Groups of alerts: how they come, when they are flushed, how they end.
// Source: spec/alertmanager.md, 4.1 to 4.3.
#include "core/alertmanager/alertmanager.h"

#include <algorithm>
#include <tuple>

namespace narthex::alertmanager {

void sortForMessage(std::vector<AlertPtr>& alerts)
{
    const auto before = [](std::string_view a, std::string_view b) {
        // What lacks the label stands behind.
        return a.empty() != b.empty() ? b.empty() : a < b;
    };
    std::sort(alerts.begin(), alerts.end(), [&](const AlertPtr& a, const AlertPtr& b) {
        for (const std::string_view name : {"job", "instance"}) {
            const std::string_view left = a->labels.get(name);
            const std::string_view right = b->labels.get(name);
            if (left != right) {
                return before(left, right);
            }
        }
        return a->labels < b->labels;
    });
}

void Alertmanager::routeLocked(const AlertPtr& alert, base::Timestamp now, bool onlyExisting)
{
    setup_->tree.match(alert->labels, routesScratch_);
    for (const RouteNode* route : routesScratch_) {
        GroupId id{route, route->groupLabels(alert->labels)};
        const auto found = groups_.find(id);
        if (found != groups_.end()) {
            if (!onlyExisting || found->second->alerts.contains(alert->fingerprint)) {
                found->second->alerts[alert->fingerprint] = alert;
            }
            continue;
        }
        if (onlyExisting) {
            continue;
        }
        auto group = std::make_shared<Group>();
        group->setup = setup_;
        group->route = route;
        group->labels = id.labels;
        group->key = route->groupKey(id.labels);
        group->alerts.emplace(alert->fingerprint, alert);
        const bool old = alert->startsAt + route->groupWait < now;
        groups_.emplace(std::move(id), group);
        scheduleLocked(group, old ? base::Duration{} : route->groupWait);
    }
}

void Alertmanager::rebuildGroupsLocked(base::Timestamp now)
{
    for (const auto& [id, group] : groups_) {
        group->retired = true;
        if (group->timer) {
            environment_.timers.cancel(*group->timer);
        }
    }
    groups_.clear();
    // What waits to be tried again is for the new configuration to tell.
    for (const auto& delivery : std::exchange(waiting_, {})) {
        environment_.timers.cancel(*delivery->timer);
        delivery->last.reason = FailureReason::ContextCanceled;
        failedLocked(delivery);
    }
    for (const auto& [fingerprint, alert] : store_.all()) {
        routeLocked(alert, now);
    }
}

void Alertmanager::scheduleLocked(const GroupPtr& group, base::Duration delay)
{
    const base::Duration mono = environment_.timers.clock().monotonic();
    const base::Duration earliest = startedMono_ + options_.startDelay - mono;
    delay = std::max(delay, earliest);
    group->nextFlush = mono + std::max(delay, base::Duration{});
    group->timer = environment_.timers.schedule(delay, [this, weak = std::weak_ptr(group)] {
        events_.post([this, weak] { onGroupDue(weak); });
    });
}

void Alertmanager::onGroupDue(const std::weak_ptr<Group>& weak)
{
    const absl::MutexLock lock(&mutex_);
    const GroupPtr group = weak.lock();
    if (group == nullptr || group->retired || stopping_) {
        return;
    }
    group->timer.reset();
    scheduleLocked(group, group->route->groupInterval);
    if (group->flushing) {
        group->dueAgain = true;
        return;
    }
    flushLocked(group);
}

void Alertmanager::flushLocked(const GroupPtr& group)
{
    if (group->alerts.empty()) {
        return;
    }
    auto flush = std::make_shared<Flush>();
    flush->group = group;
    flush->now = checkClockLocked();
    flush->startedAt = environment_.timers.clock().monotonic();
    flush->deadline = flush->startedAt + std::max(group->route->groupInterval, kShortestDeadline);
    group->flushing = true;
    group->flushed = true;
    std::vector<AlertPtr> alerts;
    alerts.reserve(group->alerts.size());
    for (const auto& [fingerprint, alert] : group->alerts) {
        alerts.push_back(alert);
        marks_.try_emplace(fingerprint);
        if (alert->resolvedAt(flush->now)) {
            flush->resolved.push_back(alert);
        }
    }
    sortForMessage(alerts);
    inhibitLocked(alerts, flush->now);
    if (!alerts.empty() && !mutedLocked(*group, alerts.size(), flush->now)) {
        silenceLocked(alerts, flush->now);
        if (!alerts.empty()) {
            Stage stage = stageLocked(*group, std::move(alerts), flush->now);
            renderRouteLabelsLocked(*group, stage, flush->now);
            const auto receiver = group->setup->receivers.find(group->route->receiver);
            if (receiver != group->setup->receivers.end()) {
                flush->pending = 1; // until all had their turn
                for (const auto& integration : receiver->second) {
                    turnLocked(flush, *integration, stage);
                }
                --flush->pending;
            }
        }
    }
    if (flush->pending == 0) {
        finishLocked(flush);
    }
}

void Alertmanager::finishLocked(const std::shared_ptr<Flush>& flush)
{
    const GroupPtr& group = flush->group;
    group->flushing = false;
    if (!flush->failed) {
        for (const AlertPtr& alert : flush->resolved) {
            const auto found = group->alerts.find(alert->fingerprint);
            if (found != group->alerts.end() && found->second == alert) {
                group->alerts.erase(found);
            }
            if (store_.find(alert->fingerprint) == nullptr) {
                marks_.erase(alert->fingerprint);
                silences_.forget(alert->fingerprint);
            }
        }
        if (group->alerts.empty() && !group->retired) {
            group->retired = true;
            if (group->timer) {
                environment_.timers.cancel(*group->timer);
            }
            groups_.erase(GroupId{group->route, group->labels});
        }
    }
    if (group->dueAgain && !group->retired && !stopping_) {
        group->dueAgain = false;
        flushLocked(group);
    }
}

void Alertmanager::removeEmptyGroupsLocked()
{
    absl::erase_if(groups_, [this](const auto& entry) {
        Group& group = *entry.second;
        if (!group.alerts.empty() || group.flushing) {
            return false;
        }
        group.retired = true;
        if (group.timer) {
            environment_.timers.cancel(*group.timer);
        }
        return true;
    });
}

} // namespace narthex::alertmanager
