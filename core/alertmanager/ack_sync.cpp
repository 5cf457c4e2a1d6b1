// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/alertmanager/ack_sync.h"

#include "core/base/status.h"
#include "core/model/labels.h"

#include <absl/container/flat_hash_map.h>
#include <fmt/format.h>

#include <algorithm>
#include <tuple>

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

/// The clock goes on between what is read of it here and there.
constexpr base::Duration kSameTime = 1_s;

/// What a silence says of an acknowledgement is not what it is.
bool differs(const AckExport& exported, const Acknowledgement& ack)
{
    if (exported.comment != ack.comment ||
        exported.expiresAt.has_value() != ack.expiresAt.has_value()) {
        return true;
    }
    return ack.expiresAt && (*ack.expiresAt - *exported.expiresAt > kSameTime ||
                             *exported.expiresAt - *ack.expiresAt > kSameTime);
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
    const std::vector<AckExport> outdated = tidy(acks, stop);
    Having having = havingBut(outdated);
    using Request = std::tuple<base::Timestamp, std::string_view, std::string_view,
                               std::optional<base::Timestamp>>;
    std::map<Request, Batch> batches;
    for (const Acknowledgement& ack : acks) {
        if (ack.inForce()) {
            batches[{ack.createdAt, ack.author, ack.comment, ack.expiresAt}].push_back(&ack);
        }
    }
    Turn turn;
    for (const auto& [request, batch] : batches) {
        if (!stop.stop_requested()) {
            carry(batch, having, turn, stop);
        }
    }
    // Now that others have taken their places.
    for (const AckExport& each : outdated) {
        note(each.target, environment_.exporter.end(each, stop));
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

std::vector<AckExport> AckSync::tidy(const std::vector<Acknowledgement>& acks,
                                     const std::stop_token& stop)
{
    absl::flat_hash_map<std::string_view, const Acknowledgement*> byId;
    for (const Acknowledgement& ack : acks) {
        byId.emplace(ack.id, &ack);
    }
    std::vector<AckExport> outdated;
    std::vector<AckExport> exports = environment_.exporter.exports();
    for (AckExport& each : exports) {
        std::size_t ended = 0;
        const Acknowledgement* changed = nullptr;
        for (const std::string& id : each.ackIds) {
            // Exports of records that are not ours belong to whoever made them.
            const auto found = byId.find(id);
            if (found == byId.end()) {
                continue;
            }
            ended += found->second->open() ? 0 : 1;
            changed = differs(each, *found->second) ? found->second : changed;
        }
        if (ended == each.ackIds.size()) {
            note(each.target, environment_.exporter.end(each, stop));
        } else if (each.ackIds.size() == 1 && changed != nullptr) {
            note(each.target,
                 environment_.exporter.change(each, changed->comment, changed->expiresAt, stop));
        } else if (ended != 0 || changed != nullptr) {
            outdated.push_back(std::move(each));
        }
    }
    return outdated;
}

AckSync::Having AckSync::havingBut(const std::vector<AckExport>& outdated) const
{
    std::set<std::pair<std::string_view, std::string_view>> left;
    for (const AckExport& each : outdated) {
        left.emplace(each.target, each.silenceId);
    }
    Having having;
    for (const AckExport& each : environment_.exporter.exports()) {
        if (!left.contains({each.target, each.silenceId})) {
            for (const std::string& id : each.ackIds) {
                having[id].insert(each.target);
            }
        }
    }
    return having;
}

void AckSync::carry(const Batch& batch, Having& having, Turn& turn, const std::stop_token& stop)
{
    const Acknowledgement& first = *batch.front();
    // Another member of the cluster takes the place of one that fails.
    std::set<std::string> failed;
    for (bool again = true; again && !stop.stop_requested();) {
        again = false;
        std::map<std::string, Order> orders;
        for (const Acknowledgement* ack : batch) {
            order(*ack, having, failed, turn, orders, stop);
        }
        for (const auto& [target, each] : orders) {
            AckRequest request{.author = first.author, .comment = first.comment};
            if (first.expiresAt) {
                request.expiresIn = *first.expiresAt - environment_.timers.clock().now();
            }
            const auto made =
                environment_.exporter.acknowledge(target, each.alerts, each.ackIds, request, stop);
            note(target, made.status());
            if (!made.ok()) {
                failed.insert(target);
                again = true;
                continue;
            }
            for (const std::string& id : each.ackIds) {
                having[id].insert(target);
            }
        }
    }
}

void AckSync::order(const Acknowledgement& ack, const Having& having,
                    const std::set<std::string>& failed, Turn& turn,
                    std::map<std::string, Order>& orders, const std::stop_token& stop)
{
    static const std::set<std::string> kNone;
    const auto found = having.find(ack.id);
    const std::set<std::string>& has = found == having.end() ? kNone : found->second;
    const std::vector<AlertServer> servers = environment_.servers(ack.labels);
    if (std::all_of(servers.begin(), servers.end(), [&](const AlertServer& server) {
            return !server.labels || has.contains(server.target);
        })) {
        return;
    }
    std::set<std::string> covered;
    for (const std::string& target : has) {
        covered.insert(seen(target, turn, stop).cluster);
    }
    for (const AlertServer& server : servers) {
        if (!server.labels || has.contains(server.target) || failed.contains(server.target)) {
            continue;
        }
        Seen& state = seen(server.target, turn, stop);
        if (!state.status.ok() || covered.contains(state.cluster) || !shows(state, server, stop)) {
            continue;
        }
        covered.insert(state.cluster);
        Order& order = orders[server.target];
        order.alerts.push_back(*server.labels);
        order.ackIds.push_back(ack.id);
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
