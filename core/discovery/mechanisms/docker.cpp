// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// docker_sd_configs: running containers of a Docker daemon. Source: spec/discovery.md, section 16.
#include "core/base/status.h"
#include "core/discovery/docker_api.h"
#include "core/discovery/registry.h"

#include <algorithm>

namespace narthex::discovery {
namespace {

struct DockerConfig final : MechanismOf<DockerConfig>
{
    static constexpr std::string_view kMechanism = "docker";
    std::string host;
    std::uint64_t port = 80;
    std::vector<DockerFilter> filters;
    std::string hostNetworkingHost = "localhost";
    base::Duration refreshInterval = 60_s;
    bool matchFirstNetwork = true;
    net::HttpClientConfig http;

    void describe(yaml::Fields& fields) override
    {
        httpconfig::describe(fields, http);
        fields.field("host", &host, yaml::Printing::Always);
        fields.field("port", &port, yaml::Printing::Always);
        describeFilters(fields, filters);
        fields.field("host_networking_host", &hostNetworkingHost, yaml::Printing::Always);
        fields.field("refresh_interval", &refreshInterval, yaml::Printing::Always);
        fields.field("match_first_network", &matchFirstNetwork, yaml::Printing::Always);
        if (fields.reading()) {
            checkDockerHost(fields, host);
        }
    }
    absl::StatusOr<Provider> makeProvider(const ProviderEnvironment& environment) const override;
    friend bool operator==(const DockerConfig&, const DockerConfig&) = default;
};

using Networks = std::vector<std::pair<std::string, Json>>;
using Containers = std::map<std::string, Json>;

std::string modeOf(const Json& container) { return container["HostConfig"]["NetworkMode"].text(); }

Networks ownNetworks(const Json& container)
{
    Networks networks = container["NetworkSettings"]["Networks"].members();
    std::erase_if(networks, [](const auto& network) { return network.second.isNull(); });
    std::sort(networks.begin(), networks.end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
    return networks;
}

/// Sorted by name. A container without networks of its own may live in those of another one.
Networks networksOf(const Json& container, const Containers& all)
{
    constexpr std::string_view kShared = "container:";
    Networks networks = ownNetworks(container);
    std::string mode = modeOf(container);
    // Two containers that point at each other must not hold up the refresh.
    for (std::size_t steps = 0; networks.empty() && mode.starts_with(kShared); ++steps) {
        const auto other = all.find(mode.substr(kShared.size()));
        if (other == all.end() || steps > all.size()) {
            break;
        }
        networks = ownNetworks(other->second);
        mode = modeOf(other->second);
    }
    return networks;
}

TargetLabels containerLabels(const Json& container)
{
    TargetLabels labels("docker");
    labels.set("container_id", container["Id"])
        .set("container_name", container["Names"].at(0))
        .set("container_network_mode", modeOf(container))
        .set("container_image", container["Image"])
        .set("container_image_id", container["ImageID"])
        .members("container_label", container["Labels"]);
    return labels;
}

class DockerRefresher final : public Refresher
{
public:
    DockerRefresher(DockerApi api, const DockerConfig& config)
        : api_(std::move(api)), config_(config)
    {}

    absl::StatusOr<TargetGroups> refresh(const std::stop_token& stop) override
    {
        auto containers = api_.list("/containers/json", stop, config_.filters);
        if (!containers.ok()) {
            return base::annotate(containers.status(), "error while listing containers");
        }
        auto networks = api_.networks("docker", stop);
        if (!networks.ok()) {
            return base::annotate(networks.status(), "error while computing network labels");
        }
        Containers byId;
        for (const Json& container : *containers) {
            byId[container["Id"].text()] = container;
        }
        std::vector<model::Labels> entries;
        for (const Json& container : *containers) {
            if (container["Names"].at(0).isNull()) {
                continue;
            }
            Networks own = networksOf(container, byId);
            if (config_.matchFirstNetwork && own.size() > 1) {
                own.resize(1);
            }
            for (const auto& [name, network] : own) {
                addTargets(container, network, *networks, entries);
            }
        }
        return oneGroup("Docker", std::move(entries));
    }

private:
    void addTargets(const Json& container, const Json& network, const DockerNetworks& networks,
                    std::vector<model::Labels>& entries) const
    {
        const std::string v4 = network["IPAddress"].text();
        const std::string ip = v4.empty() ? network["GlobalIPv6Address"].text() : v4;
        TargetLabels common = containerLabels(container);
        common.set("network_ip", ip);
        setNetwork(common, networks, network["NetworkID"].text());
        const std::size_t before = entries.size();
        for (const Json& port : container["Ports"].items()) {
            if (port["Type"].text() != "tcp") {
                continue;
            }
            TargetLabels labels = common;
            labels.set("port_private", port["PrivatePort"]);
            if (port["PublicPort"].integer() > 0) {
                labels.set("port_public", port["PublicPort"]).set("port_public_ip", port["IP"]);
            }
            entries.push_back(
                labels.plain(kAddressLabel, joinHostPort(ip, port["PrivatePort"].text())).build());
        }
        if (entries.size() != before) {
            return;
        }
        if (modeOf(container) == "host") {
            common.plain(kAddressLabel, config_.hostNetworkingHost);
        } else {
            common.address(ip, config_.port);
        }
        entries.push_back(common.build());
    }

    DockerApi api_;
    const DockerConfig config_;
};

absl::StatusOr<Provider> DockerConfig::makeProvider(const ProviderEnvironment& environment) const
{
    NARTHEX_ASSIGN_OR_RETURN(DockerApi api,
                             DockerApi::create(environment, host, http, refreshInterval));
    return Refreshing{.refresher = std::make_unique<DockerRefresher>(std::move(api), *this),
                      .interval = refreshInterval};
}

} // namespace

std::unique_ptr<MechanismConfig> makeDockerConfig() { return std::make_unique<DockerConfig>(); }

} // namespace narthex::discovery
