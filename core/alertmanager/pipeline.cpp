// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The stages that the alerts of a flush go through, up to each integration's turn.
// Source: spec/alertmanager.md, 4.4 and 4.5; spec/acknowledge.md, 4.
#include "core/alertmanager/alertmanager.h"
#include "core/base/status.h"

#include <algorithm>
#include <array>

namespace narthex::alertmanager {
namespace {

std::string_view kindOf(bool silenced) { return silenced ? "silenced" : "inhibited"; }

} // namespace

NotifiedAlert notifiedAlert(const Alert& alert, base::Timestamp now)
{
    return {.labels = alert.labels,
            .annotations = alert.annotations,
            .startsAt = alert.startsAt,
            .endsAt = alert.resolvedAt(now) ? std::optional(alert.endsAt) : std::nullopt,
            .generatorUrl = alert.generatorUrl,
            .fingerprint = alert.fingerprint,
            .acknowledgement = std::nullopt};
}

void Alertmanager::markLocked(const Alert& alert, Mark mark, base::Timestamp now)
{
    Mark& old = marks_[alert.fingerprint];
    const bool otherSilence = mark.held == Held::Silenced &&
                              !std::includes(old.silencedBy.begin(), old.silencedBy.end(),
                                             mark.silencedBy.begin(), mark.silencedBy.end());
    if (old.held != mark.held || otherSilence) {
        if (mark.held == Held::No) {
            transition(alert, "released", {}, now);
        } else {
            const bool silenced = mark.held == Held::Silenced;
            transition(alert, kindOf(silenced),
                       silenced ? fmt::format("{}", fmt::join(mark.silencedBy, ", "))
                                : fingerprintText(mark.inhibitedBy),
                       now);
        }
    }
    old = std::move(mark);
}

void Alertmanager::inhibitLocked(std::vector<AlertPtr>& alerts, base::Timestamp now)
{
    const std::size_t removed =
        std::erase_if(alerts, [this, now](const AlertPtr& alert) ABSL_NO_THREAD_SAFETY_ANALYSIS {
            const auto cause = inhibitor_.causeOf(*alert, now);
            if (cause) {
                markLocked(*alert,
                           {.held = Held::Inhibited, .inhibitedBy = cause->source->fingerprint},
                           now);
            }
            return cause.has_value();
        });
    metrics_.suppressed(Suppression::Inhibition, removed);
}

bool Alertmanager::mutedLocked(Group& group, std::size_t count, base::Timestamp now)
{
    const auto holds = [&](const std::string& name) {
        const auto interval = group.setup->intervals.find(name);
        return interval != group.setup->intervals.end() && interval->second.contains(now);
    };
    std::vector<std::string> mutedBy;
    const std::vector<std::string>& active = group.route->activeTimeIntervals;
    if (!active.empty() && std::none_of(active.begin(), active.end(), holds)) {
        mutedBy = active;
        metrics_.suppressed(Suppression::ActiveTimeInterval, count);
    } else {
        const std::vector<std::string>& mute = group.route->muteTimeIntervals;
        std::copy_if(mute.begin(), mute.end(), std::back_inserter(mutedBy), holds);
        if (!mutedBy.empty()) {
            metrics_.suppressed(Suppression::MuteTimeInterval, count);
        }
    }
    if (mutedBy != group.mutedBy) {
        const bool muted = !mutedBy.empty();
        for (const auto& [fingerprint, alert] : group.alerts) {
            transition(*alert, muted ? "muted" : "released",
                       fmt::format("{}", fmt::join(mutedBy, ", ")), now);
        }
        group.mutedBy = mutedBy;
    }
    return !mutedBy.empty();
}

void Alertmanager::silenceLocked(std::vector<AlertPtr>& alerts, base::Timestamp now)
{
    const std::size_t removed =
        std::erase_if(alerts, [this, now](const AlertPtr& alert) ABSL_NO_THREAD_SAFETY_ANALYSIS {
            Mark mark{.silencedBy = silencingLocked(*alert, now)};
            const bool silenced = !mark.silencedBy.empty();
            mark.held = silenced ? Held::Silenced : Held::No;
            markLocked(*alert, std::move(mark), now);
            return silenced;
        });
    metrics_.suppressed(Suppression::Silence, removed);
}

Alertmanager::Stage Alertmanager::stageLocked(Group& group, std::vector<AlertPtr> alerts,
                                              base::Timestamp now)
{
    Stage stage;
    std::map<std::string_view, std::size_t> firingByName;
    for (const AlertPtr& alert : alerts) {
        firingByName[alert->labels.get("alertname")] += alert->resolvedAt(now) ? 0 : 1;
    }
    for (const AlertPtr& alert : alerts) {
        if (alert->resolvedAt(now)) {
            stage.decision.resolved.push_back(alert->logHash);
            continue;
        }
        stage.decision.firing.push_back(alert->logHash);
        acks_.noteSiblings(alert->fingerprint, firingByName[alert->labels.get("alertname")], now);
        const Acknowledgement* ack = acks_.inForce(alert->fingerprint, now);
        if (ack == nullptr) {
            stage.decision.unacknowledged.push_back(alert->logHash);
            continue;
        }
        stage.notes[alert->fingerprint] = noteOf(*ack);
    }
    for (auto* hashes :
         {&stage.decision.firing, &stage.decision.unacknowledged, &stage.decision.resolved}) {
        std::sort(hashes->begin(), hashes->end());
    }
    stage.decision.repeatInterval = group.route->repeatInterval;
    stage.decision.now = now;
    stage.alerts = std::move(alerts);
    if (!stage.decision.unacknowledged.empty()) {
        group.acknowledgementTold.clear();
    }
    return stage;
}

bool Alertmanager::acknowledgementEndedLocked(const Stage& stage, const LogEntry* entry) const
{
    if (entry == nullptr) {
        return false;
    }
    return std::any_of(stage.alerts.begin(), stage.alerts.end(),
                       [&](const AlertPtr& alert) ABSL_NO_THREAD_SAFETY_ANALYSIS {
                           const auto ended = acks_.lastEnd(alert->fingerprint);
                           return ended && *ended > entry->time &&
                                  !alert->resolvedAt(stage.decision.now);
                       });
}

Notification Alertmanager::notificationLocked(const Group& group, const Stage& stage,
                                              bool withResolved, base::Timestamp now) const
{
    Notification notification{.receiver = group.route->receiver,
                              .groupKey = group.key,
                              .groupLabels = group.labels,
                              .routeLabels = group.routeLabels,
                              .externalUrl = options_.externalUrl,
                              .now = now,
                              .repeatInterval = group.route->repeatInterval};
    for (const AlertPtr& alert : stage.alerts) {
        if (!withResolved && alert->resolvedAt(now)) {
            continue;
        }
        NotifiedAlert& each = notification.alerts.emplace_back(notifiedAlert(*alert, now));
        const auto note = stage.notes.find(alert->fingerprint);
        if (note != stage.notes.end() && options_.acknowledgements.inMessages) {
            each.acknowledgement = note->second;
        }
    }
    return notification;
}

void Alertmanager::renderRouteLabelsLocked(Group& group, const Stage& stage, base::Timestamp now)
{
    if (group.route->labels.empty()) {
        return;
    }
    const Notification plain = notificationLocked(group, stage, true, now);
    auto labels = group.setup->templates->routeLabels(group.route->labels, templateData(plain));
    if (labels.ok()) {
        group.routeLabels = *std::move(labels);
    } else {
        environment_.log->warn("alertmanager: labels of a route do not expand group={} error={}",
                               group.key, base::messageOf(labels.status()));
    }
}

void Alertmanager::turnLocked(const std::shared_ptr<Flush>& flush,
                              const RunningIntegration& integration, const Stage& stage)
{
    Group& group = *flush->group;
    const std::string key = integration.logKey(group.key);
    LastDecision& last = group.decisions[integration.name()];
    last.time = flush->now;
    if (underWay_.contains(key)) {
        // Of the configuration before this one; what comes of it is not known yet.
        flush->failed = true;
        last.text = "waits: a message of the configuration before is under way";
        return;
    }
    DecisionInput input = stage.decision;
    const base::Duration asked = environment_.timers.clock().monotonic();
    input.entry = log_.find(key, flush->now);
    metrics_.log.query.observe((environment_.timers.clock().monotonic() - asked).seconds());
    input.sendResolved = integration.sendResolved;
    input.acknowledgementEnded = acknowledgementEndedLocked(stage, input.entry);
    if (input.entry != nullptr) {
        // People were told that it is over: that it is back is told whoever looks after it.
        for (const AlertPtr& alert : stage.alerts) {
            const auto note = stage.notes.find(alert->fingerprint);
            const Acknowledgement* ack =
                note == stage.notes.end() ? nullptr : acks_.inForce(alert->fingerprint, flush->now);
            if (ack != nullptr && ack->returned) {
                input.unacknowledged.push_back(alert->logHash);
            }
        }
        std::sort(input.unacknowledged.begin(), input.unacknowledged.end());
    }
    const Decision decision = decide(input);
    if (!decision.send) {
        last.text = fmt::format("nothing: {}", decision.whyNot);
        if (decision.prolong) {
            log_.prolong(key, input.repeatInterval, flush->now);
        }
        if (decision.repeatHeldBack) {
            metrics_.heldBackByAck(integration.kind);
        }
        return;
    }
    auto delivery = std::make_shared<Delivery>();
    delivery->flush = flush;
    delivery->integration = &integration;
    delivery->logKey = key;
    delivery->startedAt = environment_.timers.clock().monotonic();
    delivery->entry = {.time = flush->now, .firing = input.firing, .resolved = input.resolved};
    delivery->notification = notificationLocked(group, stage, integration.sendResolved, flush->now);
    delivery->notification.reason = decision.reason;
    if (input.entry != nullptr && decision.reason != Reason::First) {
        delivery->notification.memory = input.entry->memory;
    }
    delivery->entry.memory = delivery->notification.memory;
    ++flush->pending;
    if (delivery->notification.alerts.empty()) {
        // Only resolved ones, of which it does not tell: remembered as if it had.
        last.text = "nothing: it does not tell of resolved alerts";
        delivery->notification.reason = Reason::Unknown;
        succeededLocked(delivery);
        return;
    }
    last.text = fmt::format("under way: {}", text(decision.reason));
    underWay_.insert(key);
    attemptLocked(delivery);
}

} // namespace narthex::alertmanager
