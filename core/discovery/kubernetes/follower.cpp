// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/discovery/kubernetes/follower.h"

#include <absl/hash/hash.h>
#include <fmt/format.h>

#include <thread>

namespace narthex::discovery::kubernetes {
namespace {

constexpr RoleInfo kRoles[] = {
    {"node", Kind::Nodes, "node/", makeNodeGroup, false, false, false},
    {"pod", Kind::Pods, "pod/", makePodGroup, false, true, true},
    {"service", Kind::Services, "svc/", makeServiceGroup, false, false, false},
    {"endpoints", Kind::Endpoints, "endpoints/", makeEndpointsGroup, true, true, true},
    {"endpointslice", Kind::EndpointSlices, "endpointslice/", makeEndpointSliceGroup, true, true,
     true},
    {"ingress", Kind::Ingresses, "ingress/", makeIngressGroup, false, false, false},
};

std::set<Kind> kindsOf(const RoleInfo& role, const Attach& attach)
{
    std::set<Kind> kinds{role.main};
    if (role.withServicesAndPods) {
        kinds.insert({Kind::Services, Kind::Pods});
    }
    if (role.attachesNodes && attach.node) {
        kinds.insert(Kind::Nodes);
    }
    if (attach.nameSpace && role.main != Kind::Nodes) {
        kinds.insert(Kind::Namespaces);
    }
    if (role.givesPodLabels && attach.deployment) {
        kinds.insert(Kind::ReplicaSets);
    }
    if (role.givesPodLabels && attach.cronJob) {
        kinds.insert(Kind::Jobs);
    }
    return kinds;
}

std::size_t hashOf(const TargetGroup& group) { return absl::HashOf(group.labels, group.entries); }

} // namespace

const RoleInfo* findRole(std::string_view name)
{
    for (const RoleInfo& role : kRoles) {
        if (role.name == name) {
            return &role;
        }
    }
    return nullptr;
}

Follower::Follower(const ProviderEnvironment& environment, Client& client, const Config& config,
                   std::string nameSpace)
    : environment_(environment),
      client_(client),
      role_(*findRole(config.role)),
      attach_(config.attach),
      selectors_(config.selectors),
      nameSpace_(std::move(nameSpace)),
      kinds_(kindsOf(role_, attach_)),
      cache_(role_.main, kinds_)
{}

Selector Follower::selectorOf(Kind kind) const
{
    for (const Selector& selector : selectors_) {
        if (!selector.role.empty() && infoOf(kind).role == selector.role) {
            return selector;
        }
    }
    return {};
}

void Follower::run(const std::stop_token& stop, const Watcher::Send& send)
{
    std::vector<std::unique_ptr<Reflector>> reflectors;
    std::vector<std::jthread> threads;
    for (const Kind kind : kinds_) {
        reflectors.push_back(std::make_unique<Reflector>(
            environment_, client_, cache_,
            ReflectorTask{.kind = kind, .nameSpace = nameSpace_, .selector = selectorOf(kind)}));
        threads.emplace_back(
            [reflector = reflectors.back().get(), &stop] { reflector->run(stop); });
    }
    while (!stop.stop_requested()) {
        const std::set<std::string> keys = cache_.takeDirty(stop);
        const base::Duration begin = environment_.clock.monotonic();
        TargetGroups groups;
        for (const std::string& key : keys) {
            if (auto group = make(key)) {
                groups.push_back(*std::move(group));
            }
        }
        if (!groups.empty()) {
            send(std::move(groups));
        }
        noteWork(keys.size(), environment_.clock.monotonic() - begin);
    }
}

std::optional<TargetGroup> Follower::make(const std::string& key)
{
    const std::string source = fmt::format("{}{}", role_.source, key);
    const Json object = cache_.find(role_.main, key);
    if (!object.isObject()) {
        cache_.setReferences(key, {});
        sent_.erase(key);
        return TargetGroup{.source = source};
    }
    Lookup lookup(cache_);
    auto group = role_.make(object, {.lookup = lookup, .attach = attach_, .log = environment_.log});
    cache_.setReferences(key, lookup.take());
    if (!group) {
        return std::nullopt;
    }
    group->source = source;
    const std::size_t hash = hashOf(*group);
    const auto [last, isNew] = sent_.try_emplace(key, hash);
    if (!isNew && last->second == hash) {
        return std::nullopt;
    }
    last->second = hash;
    return group;
}

void Follower::noteWork(std::size_t items, base::Duration took)
{
    if (items == 0) {
        return;
    }
    const model::Labels labels{{"queue_name", role_.name}};
    Metrics& metrics = environment_.metrics;
    metrics.add("prometheus_sd_kubernetes_workqueue_items_total", labels,
                static_cast<double>(items));
    metrics.set("prometheus_sd_kubernetes_workqueue_depth", labels, 0);
    metrics.set("prometheus_sd_kubernetes_workqueue_unfinished_work_seconds", labels, 0);
    metrics.set("prometheus_sd_kubernetes_workqueue_longest_running_processor_seconds", labels, 0);
    const base::Duration now = environment_.clock.monotonic();
    metrics.observe("prometheus_sd_kubernetes_workqueue_work_duration_seconds", labels,
                    took.seconds() / static_cast<double>(items), now);
    metrics.observe("prometheus_sd_kubernetes_workqueue_latency_seconds", labels, took.seconds(),
                    now);
}

} // namespace narthex::discovery::kubernetes
