// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/alertmanager/alertmanager.h"
#include "core/base/hash.h"
#include "core/exposition/text_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <tuple>

namespace narthex::alertmanager {

std::string_view text(AlertState state)
{
    switch (state) {
    case AlertState::Unprocessed:
        return "unprocessed";
    case AlertState::Suppressed:
        return "suppressed";
    case AlertState::Active:
        break;
    }
    return "active";
}

std::vector<std::string> Alertmanager::silencingLocked(const Alert& alert,
                                                       base::Timestamp now) const
{
    const base::Duration asked = environment_.timers.clock().monotonic();
    std::vector<std::string> ids = silences_.silencing(alert.fingerprint, alert.labels, now);
    metrics_.silences.query.observe((environment_.timers.clock().monotonic() - asked).seconds());
    return ids;
}

AlertView Alertmanager::viewLocked(const AlertPtr& alert, base::Timestamp now) const
{
    AlertView view{.alert = alert};
    view.silencedBy = silencingLocked(*alert, now);
    if (const auto cause = inhibitor_.causeOf(*alert, now)) {
        view.inhibitedBy.push_back(cause->source->fingerprint);
    }
    const bool held = !view.silencedBy.empty() || !view.inhibitedBy.empty();
    view.state = held                                  ? AlertState::Suppressed
                 : marks_.contains(alert->fingerprint) ? AlertState::Active
                                                       : AlertState::Unprocessed;
    if (const Acknowledgement* ack = acks_.inForce(alert->fingerprint, now)) {
        view.acknowledgement = acks_.marked(*ack, now);
    }
    if (const Episode* episode = acks_.episode(alert->fingerprint)) {
        view.episode = *episode;
    }
    return view;
}

std::vector<AlertView> Alertmanager::alerts() const
{
    std::vector<AlertPtr> firing;
    std::shared_ptr<const Setup> setup;
    const base::Timestamp moment = now();
    {
        const absl::MutexLock lock(&mutex_);
        setup = setup_;
        for (const auto& [fingerprint, alert] : store_.all()) {
            if (!alert->resolvedAt(moment)) {
                firing.push_back(alert);
            }
        }
    }
    std::sort(firing.begin(), firing.end(),
              [](const AlertPtr& a, const AlertPtr& b) { return a->fingerprint < b->fingerprint; });
    std::vector<AlertView> views;
    views.reserve(firing.size());
    constexpr std::size_t kBatch = 500; // dispatch waits no longer than for these
    for (std::size_t begin = 0; begin < firing.size(); begin += kBatch) {
        const absl::MutexLock lock(&mutex_);
        const std::size_t end = std::min(begin + kBatch, firing.size());
        for (std::size_t i = begin; i < end; ++i) {
            views.push_back(viewLocked(firing[i], moment));
        }
    }
    std::vector<const RouteNode*> routes;
    for (AlertView& view : views) {
        if (setup != nullptr) {
            setup->tree.match(view.alert->labels, routes);
            for (const RouteNode* route : routes) {
                view.receivers.push_back(route->receiver);
            }
        }
    }
    return views;
}

AlertPtr Alertmanager::alert(Fingerprint fingerprint) const
{
    const absl::MutexLock lock(&mutex_);
    return store_.find(fingerprint);
}

std::vector<AlertPtr> Alertmanager::matching(const std::vector<model::Matchers>& sets,
                                             bool resolved) const
{
    const Silence silence{.matcherSets = sets};
    const absl::MutexLock lock(&mutex_);
    std::vector<AlertPtr> result;
    const base::Timestamp moment = now();
    for (const auto& [fingerprint, alert] : store_.all()) {
        if ((resolved || !alert->resolvedAt(moment)) && silence.matches(alert->labels)) {
            result.push_back(alert);
        }
    }
    return result;
}

std::vector<GroupView> Alertmanager::groups() const
{
    std::vector<GroupView> result;
    const base::Timestamp moment = now();
    {
        const absl::MutexLock lock(&mutex_);
        std::vector<const RouteNode*> routes;
        for (const auto& [id, group] : groups_) {
            GroupView view{.labels = group->labels,
                           .routeLabels = group->routeLabels,
                           .receiver = group->route->receiver,
                           .key = group->key};
            for (const auto& [fingerprint, alert] : group->alerts) {
                if (alert->resolvedAt(moment)) {
                    continue;
                }
                AlertView& each = view.alerts.emplace_back(AlertView{.alert = alert});
                each.mutedBy = group->mutedBy;
                const auto mark = marks_.find(fingerprint);
                if (mark != marks_.end()) {
                    each.silencedBy = mark->second.silencedBy;
                    if (mark->second.held == Held::Inhibited) {
                        each.inhibitedBy.push_back(mark->second.inhibitedBy);
                    }
                }
                const bool held =
                    !each.silencedBy.empty() || !each.inhibitedBy.empty() || !each.mutedBy.empty();
                each.state = held                   ? AlertState::Suppressed
                             : mark != marks_.end() ? AlertState::Active
                                                    : AlertState::Unprocessed;
                setup_->tree.match(alert->labels, routes);
                for (const RouteNode* route : routes) {
                    each.receivers.push_back(route->receiver);
                }
                if (const Acknowledgement* ack = acks_.inForce(fingerprint, moment)) {
                    each.acknowledgement = acks_.marked(*ack, moment);
                }
            }
            if (!view.alerts.empty()) {
                result.push_back(std::move(view));
            }
        }
    }
    for (GroupView& group : result) {
        std::sort(group.alerts.begin(), group.alerts.end(),
                  [](const AlertView& a, const AlertView& b) {
                      return a.alert->fingerprint < b.alert->fingerprint;
                  });
    }
    std::sort(result.begin(), result.end(), [](const GroupView& a, const GroupView& b) {
        return std::tie(a.labels, a.receiver, a.key) < std::tie(b.labels, b.receiver, b.key);
    });
    return result;
}

void Alertmanager::writeMetrics(exposition::TextWriter& out) const
{
    using model::MetricType;
    metrics_.write(out, environment_.timers.clock().monotonic());
    out.family("alertmanager_build_info", MetricType::Gauge,
               "A metric with a constant '1' value labeled by version.")
        .sample({{"version", options_.version}}, 1);
    const absl::MutexLock lock(&mutex_);
    const base::Timestamp moment = now();
    std::array<double, 3> states{};
    for (const auto& [fingerprint, alert] : store_.all()) {
        if (alert->resolvedAt(moment)) {
            continue;
        }
        const auto mark = marks_.find(fingerprint);
        const AlertState state = mark == marks_.end()            ? AlertState::Unprocessed
                                 : mark->second.held == Held::No ? AlertState::Active
                                                                 : AlertState::Suppressed;
        ++states.at(static_cast<std::size_t>(state));
    }
    out.family("alertmanager_alerts", MetricType::Gauge, "Firing alerts by state.");
    for (const AlertState state :
         {AlertState::Active, AlertState::Suppressed, AlertState::Unprocessed}) {
        out.sample({{"state", text(state)}}, states.at(static_cast<std::size_t>(state)));
    }
    std::array<double, 3> silences{};
    for (const auto& [id, silence] : silences_.all()) {
        ++silences.at(static_cast<std::size_t>(silence->stateAt(moment)));
    }
    out.family("alertmanager_silences", MetricType::Gauge, "Silences by state.");
    for (const SilenceState state :
         {SilenceState::Active, SilenceState::Expired, SilenceState::Pending}) {
        out.sample({{"state", text(state)}}, silences.at(static_cast<std::size_t>(state)));
    }
    out.counter("alertmanager_silences_queries_total", "Questions for silences of an alert.",
                static_cast<double>(silences_.counters().queries));
    const auto zeros = [&](std::string_view name, std::string_view help) {
        out.counter(name, help, 0);
    };
    zeros("alertmanager_silences_query_errors_total", "Questions for silences that failed.");
    zeros("alertmanager_nflog_query_errors_total", "Look-ups in the log that failed.");
    zeros("alertmanager_dispatcher_aggregation_group_limit_reached_total",
          "Groups refused by a limit: there is none.");
    out.counter("narthex_alertmanager_state_dropped_total",
                "Changes that the database refused or that were too many: a restart will not know "
                "them.",
                static_cast<double>(writer_.dropped().count));
    out.gauge("alertmanager_silences_state_size", "Silences that are kept.",
              static_cast<double>(silences_.all().size()));
    out.gauge("alertmanager_config_last_reload_successful",
              "Whether the last configuration is in force.", lastReloadOk_ ? 1 : 0);
    out.gauge("alertmanager_config_last_reload_success_timestamp_seconds",
              "When a configuration came into force.", base::Timestamp{lastReloadMs_}.seconds());
    constexpr std::uint64_t kExact = (1ULL << 48U) - 1; // what a double holds
    out.gauge("alertmanager_config_hash", "Hash of the configuration in force.",
              setup_ != nullptr ? static_cast<double>(base::hash64(setup_->config->text) & kExact)
                                : 0);
    out.counter("alertmanager_nflog_queries_total", "Look-ups in the log of notifications.",
                static_cast<double>(log_.counters().queries));
    out.gauge("alertmanager_dispatcher_aggregation_groups", "Groups of alerts.",
              static_cast<double>(groups_.size()));
    std::size_t integrations = 0;
    if (setup_ != nullptr) {
        for (const auto& [name, list] : setup_->receivers) {
            integrations += list.size();
        }
    }
    out.gauge("alertmanager_receivers", "Receivers.",
              setup_ != nullptr ? static_cast<double>(setup_->receivers.size()) : 0);
    out.gauge("alertmanager_integrations", "Integrations of all receivers.",
              static_cast<double>(integrations));
    out.gauge("alertmanager_inhibition_rules", "Rules of inhibition.",
              static_cast<double>(inhibitor_.rules().size()));
    writeAckMetricsLocked(out);
}

void Alertmanager::writeAckMetricsLocked(exposition::TextWriter& out) const
{
    using model::MetricType;
    const auto counts = [&out](std::string_view label, const auto& counted, auto last) {
        for (int i = 0; i <= static_cast<int>(last); ++i) {
            const std::string_view name = text(static_cast<decltype(last)>(i));
            const auto found = counted.find(name);
            out.sample({{label, name}},
                       found == counted.end() ? 0 : static_cast<double>(found->second));
        }
    };
    out.family("narthex_acknowledgements", MetricType::Gauge, "Open acknowledgements.")
        .sample({{"state", "open"}}, static_cast<double>(acks_.openCount() - acks_.waitingCount()))
        .sample({{"state", "waiting"}}, static_cast<double>(acks_.waitingCount()));
    out.family("narthex_acknowledgements_total", MetricType::Counter,
               "Acknowledgements made, by source.");
    counts("source", acks_.counters().created, AckSource::External);
    out.family("narthex_acknowledgements_ended_total", MetricType::Counter,
               "Acknowledgements ended, by reason.");
    counts("reason", acks_.counters().ended, AckEnd::Worsened);
}

} // namespace narthex::alertmanager
