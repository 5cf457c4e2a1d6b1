// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// kubernetes_sd_configs: objects of a cluster, listed once and watched from then on. The parts are
// in the folder kubernetes. Source: spec/discovery.md, section 10.
#include "core/base/status.h"
#include "core/discovery/kubernetes/follower.h"
#include "core/discovery/registry.h"

#include <thread>

namespace narthex::discovery {
namespace kubernetes {
namespace {

class KubernetesWatcher final : public Watcher
{
public:
    KubernetesWatcher(const ProviderEnvironment& environment, const Config& config,
                      std::shared_ptr<Access> access)
        : environment_(environment), config_(config), client_(environment, access)
    {
        namespaces_ = {config.namespaces.names.begin(), config.namespaces.names.end()};
        if (config.namespaces.own && !access->ownNamespace().empty()) {
            namespaces_.insert(access->ownNamespace());
        }
        // Nodes have no namespace; without any all are followed at once.
        if (namespaces_.empty() || findRole(config.role)->main == Kind::Nodes) {
            namespaces_ = {""};
        }
        environment.metrics.add("prometheus_sd_kubernetes_failures_total", {}, 0);
        for (const char* role :
             {"endpointslice", "endpoints", "node", "pod", "service", "ingress"}) {
            for (const char* event : {"add", "update", "delete"}) {
                environment.metrics.add("prometheus_sd_kubernetes_events_total",
                                        model::Labels{{"event", event}, {"role", role}}, 0);
            }
        }
    }

    void run(const std::stop_token& stop, const Send& send) override
    {
        // Each has its own caches: one that may not be read holds up no other.
        std::vector<std::unique_ptr<Follower>> followers;
        std::vector<std::jthread> threads;
        for (const std::string& name : namespaces_) {
            followers.push_back(std::make_unique<Follower>(environment_, client_, config_, name));
            threads.emplace_back(
                [follower = followers.back().get(), &stop, &send] { follower->run(stop, send); });
        }
    }

private:
    const ProviderEnvironment environment_;
    const Config config_;
    Client client_;
    std::set<std::string> namespaces_; // an empty name: all
};

} // namespace

absl::StatusOr<Provider> Config::makeProvider(const ProviderEnvironment& environment) const
{
    NARTHEX_ASSIGN_OR_RETURN(auto access, Access::create(*this, environment));
    return std::make_unique<KubernetesWatcher>(environment, *this, std::move(access));
}

} // namespace kubernetes

std::unique_ptr<MechanismConfig> makeKubernetesConfig()
{
    return std::make_unique<kubernetes::Config>();
}

} // namespace narthex::discovery
