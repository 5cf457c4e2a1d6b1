// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/alertmanager/ack_sync.h"

#include "core/base/status.h"
#include "core/model/labels.h"

#include <fmt/format.h>

#include <algorithm>

namespace narthex::alertmanager {
namespace {

using discovery::Json;

/// Members of a cluster name the same peers; a server on its own is a cluster of its own.
std::string clusterOf(const Json& status, const std::string& target)
{
    std::vector<std::string> names;
    for (const Json& peer : status["cluster"]["peers"].items()) {
        names.push_back(peer["name"].text());
    }
    std::sort(names.begin(), names.end());
    return names.size() < 2 ? target : fmt::format("{}", fmt::join(names, "\n"));
}

model::Labels labelsOf(const Json& object)
{
    model::LabelsBuilder builder;
    for (const auto& [name, value] : object.members()) {
        builder.set(name, value.text());
    }
    return builder.build();
}

} // namespace

AckSync::AckSync(Environment environment) : environment_(std::move(environment)) {}

AckSync::~AckSync()
{
    std::optional<base::TimerId> timer;
    {
        const absl::MutexLock lock(&mutex_);
        stopping_ = true;
        timer = timer_;
    }
    if (timer) {
        environment_.timers.cancel(*timer);
    }
    lane_.stop();
    lane_.settle();
}

void AckSync::start()
{
    {
        const absl::MutexLock lock(&mutex_);
        schedule();
    }
    changed();
}

void AckSync::schedule()
{
    timer_ = environment_.timers.schedule(environment_.interval, [this] {
        changed();
        const absl::MutexLock lock(&mutex_);
        if (!stopping_) {
            schedule();
        }
    });
}

void AckSync::changed()
{
    const absl::MutexLock lock(&mutex_);
    if (waiting_ || stopping_) {
        return;
    }
    waiting_ = true;
    lane_.post([this](const std::stop_token& stop) {
        {
            const absl::MutexLock inner(&mutex_);
            waiting_ = false;
        }
        look(stop);
    });
}

void AckSync::look(const std::stop_token& stop)
{
    if (stop.stop_requested()) {
        return;
    }
    watchServers();
    const std::vector<Acknowledgement> acks = environment_.acknowledgements();
    withdrawEnded(acks, stop);
    Turn turn;
    for (const Acknowledgement& ack : acks) {
        if (ack.inForce() && !stop.stop_requested()) {
            carry(ack, turn, stop);
        }
    }
}

void AckSync::watchServers()
{
    std::set<std::string> now;
    for (const AlertServer& server : environment_.servers({})) {
        now.insert(server.target);
        environment_.exporter.watch(server.target, server.access);
    }
    for (const std::string& target : watched_) {
        if (!now.contains(target)) {
            environment_.exporter.unwatch(target);
            clusters_.erase(target);
            errors_.erase(target);
        }
    }
    watched_ = std::move(now);
}

void AckSync::withdrawEnded(const std::vector<Acknowledgement>& acks, const std::stop_token& stop)
{
    // Exports of records that are not ours belong to whoever made them.
    std::set<std::string> ended;
    for (const Acknowledgement& ack : acks) {
        if (!ack.open()) {
            ended.insert(ack.id);
        }
    }
    for (const AckExport& each : environment_.exporter.exports()) {
        if (ended.erase(each.ackId) != 0) {
            note(each.target, environment_.exporter.withdraw(each.ackId, stop));
        }
    }
}

void AckSync::carry(const Acknowledgement& ack, Turn& turn, const std::stop_token& stop)
{
    std::set<std::string> having;
    for (const AckExport& each : environment_.exporter.exports()) {
        if (each.ackId == ack.id) {
            having.insert(each.target);
        }
    }
    const std::vector<AlertServer> servers = environment_.servers(ack.labels);
    if (std::all_of(servers.begin(), servers.end(), [&](const AlertServer& server) {
            return !server.labels || having.contains(server.target);
        })) {
        return;
    }
    std::set<std::string> covered;
    for (const std::string& target : having) {
        covered.insert(seen(target, turn, stop).cluster);
    }
    for (const AlertServer& server : servers) {
        if (!server.labels || having.contains(server.target)) {
            continue;
        }
        Seen& state = seen(server.target, turn, stop);
        if (!state.status.ok() || covered.contains(state.cluster) || !shows(state, server, stop)) {
            continue;
        }
        AckRequest request{.author = ack.author, .comment = ack.comment};
        if (ack.expiresAt) {
            request.expiresIn = *ack.expiresAt - environment_.timers.clock().now();
        }
        const auto made = environment_.exporter.acknowledge(
            server.target, std::span(&*server.labels, 1), ack.id, request, stop);
        note(server.target, made.status());
        if (made.ok()) {
            covered.insert(state.cluster);
        }
    }
}

AckSync::Seen& AckSync::seen(const std::string& target, Turn& turn, const std::stop_token& stop)
{
    const auto [found, isNew] = turn.try_emplace(target);
    Seen& server = found->second;
    if (!isNew) {
        return server;
    }
    const auto status = environment_.exporter.ask(target, "/api/v2/status", {}, stop);
    server.status = status.status();
    if (status.ok()) {
        clusters_[target] = clusterOf(*status, target);
    }
    const auto known = clusters_.find(target);
    server.cluster = known == clusters_.end() ? target : known->second;
    note(target, server.status);
    return server;
}

bool AckSync::shows(Seen& server, const AlertServer& asked, const std::stop_token& stop)
{
    const std::string name(asked.labels->get("alertname"));
    const auto [found, isNew] = server.alerts.try_emplace(name);
    if (isNew) {
        net::Parameters filter;
        if (!name.empty()) {
            filter.emplace_back("filter", fmt::format("alertname={}", model::quote(name)));
        }
        const auto alerts = environment_.exporter.ask(asked.target, "/api/v2/alerts", filter, stop);
        note(asked.target, alerts.status());
        if (!alerts.ok()) {
            server.status = alerts.status();
            return false;
        }
        for (const Json& alert : alerts->items()) {
            found->second.insert(labelsOf(alert["labels"]));
        }
    }
    return found->second.contains(*asked.labels);
}

void AckSync::note(const std::string& target, const absl::Status& status)
{
    std::string message(base::messageOf(status));
    std::string& last = errors_[target];
    if (!status.ok() && message != last) {
        environment_.log->warn("alertmanager: acknowledgements do not reach an external "
                               "Alertmanager target={} error={}",
                               target, message);
    }
    last = std::move(message);
}

} // namespace narthex::alertmanager
