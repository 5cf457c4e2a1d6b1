// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// dockerswarm_sd_configs: services, tasks or nodes of a Docker swarm.
// Source: spec/discovery.md, section 16.
#include "core/base/status.h"
#include "core/discovery/docker_api.h"
#include "core/discovery/registry.h"

namespace narthex::discovery {
namespace {

struct DockerSwarmConfig final : MechanismOf<DockerSwarmConfig>
{
    static constexpr std::string_view kMechanism = "dockerswarm";
    std::string host;
    std::string role;
    std::uint64_t port = 80;
    std::vector<DockerFilter> filters;
    base::Duration refreshInterval = 60_s;
    net::HttpClientConfig http;

    void describe(yaml::Fields& fields) override
    {
        httpconfig::describe(fields, http);
        fields.field("host", &host, yaml::Printing::Always);
        fields.field("role", &role, yaml::Printing::Always);
        fields.field("port", &port, yaml::Printing::Always);
        describeFilters(fields, filters);
        fields.field("refresh_interval", &refreshInterval, yaml::Printing::Always);
        if (fields.reading()) {
            checkDockerHost(fields, host);
            if (role.empty()) {
                fields.fail("role missing (one of: tasks, services, nodes)");
            } else if (role != "services" && role != "nodes" && role != "tasks") {
                fields.failAt("role", fmt::format("invalid role {}, expected tasks, services, or "
                                                  "nodes",
                                                  role));
            }
        }
    }
    absl::StatusOr<Provider> makeProvider(const ProviderEnvironment& environment) const override;
    friend bool operator==(const DockerSwarmConfig&, const DockerSwarmConfig&) = default;
};

using Pairs = std::vector<std::pair<std::string, std::string>>;

/// The address in front of the prefix length: "10.0.0.3/24".
absl::StatusOr<std::string> addressOf(const std::string& cidr)
{
    const std::size_t slash = cidr.find('/');
    if (slash == 0 || slash == std::string::npos) {
        return base::unavailable("error while parsing address {}: no CIDR address", cidr);
    }
    return cidr.substr(0, slash);
}

std::string modeOf(const Json& service)
{
    const Json mode = service["Spec"]["Mode"];
    if (!mode["Global"].isNull()) {
        return "global";
    }
    return mode["Replicated"].isNull() ? "" : "replicated";
}

void setService(TargetLabels& labels, const Json& service)
{
    labels.set("service_id", service["ID"])
        .set("service_name", service["Spec"]["Name"])
        .set("service_mode", modeOf(service))
        .members("service_label", service["Spec"]["Labels"]);
}

void setNode(TargetLabels& labels, const Json& node)
{
    const Json description = node["Description"];
    labels.set("node_id", node["ID"])
        .set("node_role", node["Spec"]["Role"])
        .set("node_availability", node["Spec"]["Availability"])
        .set("node_hostname", description["Hostname"])
        .set("node_platform_architecture", description["Platform"]["Architecture"])
        .set("node_platform_os", description["Platform"]["OS"])
        .set("node_status", node["Status"]["State"])
        .set("node_address", node["Status"]["Addr"])
        .members("node_label", node["Spec"]["Labels"]);
}

class DockerSwarmRefresher final : public Refresher
{
public:
    DockerSwarmRefresher(DockerApi api, const DockerSwarmConfig& config)
        : api_(std::move(api)), config_(config)
    {}

    absl::StatusOr<TargetGroups> refresh(const std::stop_token& stop) override
    {
        std::vector<model::Labels> entries;
        const absl::Status status = config_.role == "services" ? services(stop, entries)
                                    : config_.role == "tasks"  ? tasks(stop, entries)
                                                               : nodes(stop, entries);
        NARTHEX_RETURN_IF_ERROR(status);
        return oneGroup("DockerSwarm", std::move(entries));
    }

private:
    using Entries = std::vector<model::Labels>;

    absl::Status services(const std::stop_token& stop, Entries& entries)
    {
        NARTHEX_ASSIGN_OR_RETURN(const auto services,
                                 ask("/services", "swarm services", stop, config_.filters));
        NARTHEX_ASSIGN_OR_RETURN(const DockerNetworks networks, api_.networks("dockerswarm", stop));
        for (const Json& service : services) {
            TargetLabels common("dockerswarm");
            setService(common, service);
            const Json container = service["Spec"]["TaskTemplate"]["ContainerSpec"];
            common.set("service_task_container_hostname", container["Hostname"])
                .set("service_task_container_image", container["Image"])
                .set("service_updating_status", service["UpdateStatus"]["State"]);
            for (const Json& virtualIp : service["Endpoint"]["VirtualIPs"].items()) {
                NARTHEX_ASSIGN_OR_RETURN(const std::string ip, addressOf(virtualIp["Addr"].text()));
                TargetLabels labels = common;
                setNetwork(labels, networks, virtualIp["NetworkID"].text());
                addPorts(labels, ip, service["Endpoint"]["Ports"], entries,
                         [](TargetLabels& target, const Json& port) {
                             target.set("service_endpoint_port_name", port["Name"])
                                 .set("service_endpoint_port_publish_mode", port["PublishMode"]);
                         });
            }
        }
        return absl::OkStatus();
    }

    absl::Status nodes(const std::stop_token& stop, Entries& entries)
    {
        NARTHEX_ASSIGN_OR_RETURN(const auto nodes,
                                 ask("/nodes", "swarm nodes", stop, config_.filters));
        for (const Json& node : nodes) {
            TargetLabels labels("dockerswarm");
            setNode(labels, node);
            labels.set("node_engine_version", node["Description"]["Engine"]["EngineVersion"]);
            if (const Json manager = node["ManagerStatus"]; !manager.isNull()) {
                labels.set("node_manager_leader", manager["Leader"].boolean())
                    .set("node_manager_reachability", manager["Reachability"])
                    .set("node_manager_address", manager["Addr"]);
            }
            entries.push_back(labels.address(node["Status"]["Addr"].text(), config_.port).build());
        }
        return absl::OkStatus();
    }

    absl::Status tasks(const std::stop_token& stop, Entries& entries)
    {
        NARTHEX_ASSIGN_OR_RETURN(const auto tasks,
                                 ask("/tasks", "swarm tasks", stop, config_.filters));
        NARTHEX_ASSIGN_OR_RETURN(const auto services, ask("/services", "swarm services", stop, {}));
        NARTHEX_ASSIGN_OR_RETURN(const auto nodes, ask("/nodes", "swarm nodes", stop, {}));
        NARTHEX_ASSIGN_OR_RETURN(const DockerNetworks networks, api_.networks("dockerswarm", stop));
        const std::map<std::string, Json> servicesById = byId(services);
        const std::map<std::string, Json> nodesById = byId(nodes);
        for (const Json& task : tasks) {
            const Json service = found(servicesById, task["ServiceID"].text());
            TargetLabels common = taskLabels(task);
            if (!service.isNull()) {
                setService(common, service);
            }
            if (const Json node = found(nodesById, task["NodeID"].text()); !node.isNull()) {
                setNode(common, node);
            }
            addHostPorts(task, common, entries);
            for (const Json& attachment : task["NetworksAttachments"].items()) {
                TargetLabels labels = common;
                setNetwork(labels, networks, attachment["Network"]["ID"].text());
                for (const Json& address : attachment["Addresses"].items()) {
                    NARTHEX_ASSIGN_OR_RETURN(const std::string ip, addressOf(address.text()));
                    addPorts(labels, ip, service["Endpoint"]["Ports"], entries,
                             [](TargetLabels& target, const Json& port) {
                                 target.set("task_port_publish_mode", port["PublishMode"]);
                             });
                }
            }
        }
        return absl::OkStatus();
    }

    static TargetLabels taskLabels(const Json& task)
    {
        TargetLabels labels("dockerswarm");
        labels.set("task_id", task["ID"])
            .set("task_desired_state", task["DesiredState"])
            .set("task_state", task["Status"]["State"])
            .set("task_slot", std::to_string(task["Slot"].integer()))
            .set("task_container_id", task["Status"]["ContainerStatus"]["ContainerID"])
            .members("container_label", task["Spec"]["ContainerSpec"]["Labels"]);
        return labels;
    }

    /// Ports that are published on the task's own node.
    static void addHostPorts(const Json& task, const TargetLabels& common, Entries& entries)
    {
        for (const Json& port : task["Status"]["PortStatus"]["Ports"].items()) {
            if (port["Protocol"].text() != "tcp") {
                continue;
            }
            TargetLabels labels = common;
            labels.set("task_port_publish_mode", port["PublishMode"])
                .plain(kAddressLabel,
                       joinHostPort(common.get("node_address"), port["PublishedPort"].text()));
            entries.push_back(labels.build());
        }
    }

    /// A target for each TCP port, or one with the configured port.
    template <typename SetPort>
    void addPorts(const TargetLabels& common, const std::string& ip, const Json& ports,
                  Entries& entries, const SetPort& setPort) const
    {
        const std::size_t before = entries.size();
        for (const Json& port : ports.items()) {
            if (port["Protocol"].text() == "tcp") {
                TargetLabels labels = common;
                setPort(labels, port);
                const auto published = static_cast<std::uint64_t>(port["PublishedPort"].integer());
                entries.push_back(labels.address(ip, published).build());
            }
        }
        if (entries.size() == before) {
            TargetLabels labels = common;
            entries.push_back(labels.address(ip, config_.port).build());
        }
    }

    absl::StatusOr<std::vector<Json>> ask(const std::string& path, std::string_view what,
                                          const std::stop_token& stop,
                                          const std::vector<DockerFilter>& filters)
    {
        auto list = api_.list(path, stop, filters);
        if (!list.ok()) {
            return base::annotate(list.status(), fmt::format("error while listing {}", what));
        }
        return list;
    }

    static std::map<std::string, Json> byId(const std::vector<Json>& list)
    {
        std::map<std::string, Json> result;
        for (const Json& item : list) {
            result[item["ID"].text()] = item;
        }
        return result;
    }
    static Json found(const std::map<std::string, Json>& byId, const std::string& id)
    {
        const auto at = byId.find(id);
        return at == byId.end() ? Json() : at->second;
    }

    DockerApi api_;
    const DockerSwarmConfig config_;
};

absl::StatusOr<Provider>
DockerSwarmConfig::makeProvider(const ProviderEnvironment& environment) const
{
    NARTHEX_ASSIGN_OR_RETURN(DockerApi api,
                             DockerApi::create(environment, host, http, refreshInterval));
    return Refreshing{.refresher = std::make_unique<DockerSwarmRefresher>(std::move(api), *this),
                      .interval = refreshInterval};
}

} // namespace

std::unique_ptr<MechanismConfig> makeDockerSwarmConfig()
{
    return std::make_unique<DockerSwarmConfig>();
}

} // namespace narthex::discovery
