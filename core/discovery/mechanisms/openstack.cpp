// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// openstack_sd_configs: instances, hypervisors or load balancers of a region.
// Source: spec/discovery.md, section 17.
#include "core/base/status.h"
#include "core/discovery/openstack_session.h"
#include "core/discovery/refreshing.h"
#include "core/discovery/registry.h"
#include "core/discovery/target_labels.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

namespace narthex::discovery {
namespace {

struct OpenStackConfig final : MechanismOf<OpenStackConfig>
{
    static constexpr std::string_view kMechanism = "openstack";
    OpenStackCredentials credentials;
    std::string role;
    std::string region;
    base::Duration refreshInterval = 60_s;
    std::uint64_t port = 80;
    bool allTenants = false;
    net::TlsConfig tls;
    std::string availability = "public";

    void describe(yaml::Fields& fields) override
    {
        credentials.describe(fields);
        fields.field("role", &role, yaml::Printing::Always);
        fields.field("region", &region, yaml::Printing::Always);
        fields.field("refresh_interval", &refreshInterval, yaml::Printing::Always);
        fields.field("port", &port, yaml::Printing::Always);
        fields.field("all_tenants", &allTenants);
        httpconfig::describeTlsSection(fields, tls);
        fields.field("availability", &availability);
        if (fields.reading()) {
            check(fields);
        }
    }
    absl::StatusOr<Provider> makeProvider(const ProviderEnvironment& environment) const override;
    friend bool operator==(const OpenStackConfig&, const OpenStackConfig&) = default;

private:
    void check(yaml::Fields& fields) const
    {
        if (availability != "public" && availability != "internal" && availability != "admin") {
            fields.failAt("availability",
                          fmt::format("unknown availability {}, must be one of admin, internal or "
                                      "public",
                                      availability));
        }
        constexpr std::array<std::string_view, 3> kRoles = {"instance", "hypervisor",
                                                            "loadbalancer"};
        if (role.empty()) {
            fields.fail("role missing (one of: instance, hypervisor, loadbalancer)");
        } else if (std::find(kRoles.begin(), kRoles.end(), role) == kRoles.end()) {
            fields.failAt("role", fmt::format("unknown OpenStack SD role \"{}\"", role));
        }
        fields.check(!region.empty(), "openstack SD configuration requires a region");
    }
};

class OpenStackRefresher final : public Refresher
{
public:
    OpenStackRefresher(const ProviderEnvironment& environment, const OpenStackConfig& config,
                       OpenStackCredentials credentials)
        : client_(environment, {.tls = config.tls}, config.refreshInterval),
          log_(environment.log),
          credentials_(std::move(credentials)),
          config_(config)
    {}

    absl::StatusOr<TargetGroups> refresh(const std::stop_token& stop) override
    {
        auto session = OpenStackSession::login(
            client_, credentials_, {.region = config_.region, .availability = config_.availability},
            stop);
        if (!session.ok()) {
            return base::annotate(session.status(), "could not authenticate to OpenStack");
        }
        Entries entries;
        const absl::Status status = config_.role == "instance" ? instances(*session, stop, entries)
                                    : config_.role == "hypervisor"
                                        ? hypervisors(*session, stop, entries)
                                        : loadBalancers(*session, stop, entries);
        NARTHEX_RETURN_IF_ERROR(status);
        return oneGroup("OS_" + config_.region, std::move(entries));
    }

private:
    using Entries = std::vector<model::Labels>;
    /// What floating addresses belong to.
    struct FloatingIps
    {
        /// By device and fixed address.
        std::map<std::pair<std::string, std::string>, std::string> byFixed;
        std::set<std::string> all;
    };

    absl::StatusOr<FloatingIps> floatingIps(OpenStackSession& session, const std::stop_token& stop)
    {
        NARTHEX_ASSIGN_OR_RETURN(const std::string network, session.endpoint("network"));
        NARTHEX_ASSIGN_OR_RETURN(const auto ports,
                                 session.list(network + "/v2.0/ports", "ports", stop));
        std::map<std::string, std::string> deviceOfPort;
        for (const Json& port : ports) {
            deviceOfPort[port["id"].text()] = port["device_id"].text();
        }
        NARTHEX_ASSIGN_OR_RETURN(const auto ips,
                                 session.list(network + "/v2.0/floatingips", "floatingips", stop));
        FloatingIps result;
        for (const Json& ip : ips) {
            const std::string port = ip["port_id"].text();
            const std::string fixed = ip["fixed_ip_address"].text();
            if (port.empty() || fixed.empty()) {
                continue;
            }
            const auto device = deviceOfPort.find(port);
            if (device == deviceOfPort.end()) {
                log_->warn("openstack: the port of a floating IP is not listed port={}", port);
                continue;
            }
            const std::string address = ip["floating_ip_address"].text();
            result.byFixed[{device->second, fixed}] = address;
            result.all.insert(address);
        }
        return result;
    }

    absl::Status instances(OpenStackSession& session, const std::stop_token& stop, Entries& entries)
    {
        NARTHEX_ASSIGN_OR_RETURN(const std::string compute, session.endpoint("compute"));
        NARTHEX_ASSIGN_OR_RETURN(const FloatingIps floating, floatingIps(session, stop));
        const std::string query = config_.allTenants ? "?all_tenants=true" : "";
        NARTHEX_ASSIGN_OR_RETURN(
            const auto servers, session.list(compute + "/servers/detail" + query, "servers", stop));
        for (const Json& server : servers) {
            addInstance(server, floating, entries);
        }
        return absl::OkStatus();
    }

    void addInstance(const Json& server, const FloatingIps& floating, Entries& entries) const
    {
        const std::string id = server["id"].text();
        const Json flavor = server["flavor"]["original_name"].isString()
                                ? server["flavor"]["original_name"]
                                : server["flavor"]["id"];
        if (!flavor.isString()) {
            log_->warn("openstack: an instance has neither a flavor name nor a flavor id "
                       "instance={}",
                       id);
            return;
        }
        TargetLabels common("openstack");
        common.set("instance_id", id)
            .set("instance_status", server["status"])
            .set("instance_name", server["name"])
            .set("project_id", server["tenant_id"])
            .set("user_id", server["user_id"])
            .set("instance_flavor", flavor)
            .set("instance_image", server["image"]["id"])
            .members("tag", server["metadata"]);
        const auto pools = server["addresses"].members();
        for (const auto& [pool, addresses] : pools) {
            for (const Json& entry : addresses.items()) {
                const std::string address = entry["addr"].text();
                if (address.empty() || floating.all.contains(address)) {
                    continue;
                }
                TargetLabels labels = common;
                labels.set("address_pool", pool).set("private_ip", address);
                const auto outer = floating.byFixed.find({id, address});
                if (outer != floating.byFixed.end()) {
                    labels.set("public_ip", outer->second);
                }
                entries.push_back(labels.address(address, config_.port).build());
            }
        }
    }

    absl::Status hypervisors(OpenStackSession& session, const std::stop_token& stop,
                             Entries& entries)
    {
        NARTHEX_ASSIGN_OR_RETURN(const std::string compute, session.endpoint("compute"));
        NARTHEX_ASSIGN_OR_RETURN(
            const auto hypervisors,
            session.list(compute + "/os-hypervisors/detail", "hypervisors", stop));
        for (const Json& hypervisor : hypervisors) {
            TargetLabels labels("openstack");
            labels.set("hypervisor_id", hypervisor["id"])
                .set("hypervisor_hostname", hypervisor["hypervisor_hostname"])
                .set("hypervisor_host_ip", hypervisor["host_ip"])
                .set("hypervisor_status", hypervisor["status"])
                .set("hypervisor_state", hypervisor["state"])
                .set("hypervisor_type", hypervisor["hypervisor_type"])
                .address(hypervisor["host_ip"].text(), config_.port);
            entries.push_back(labels.build());
        }
        return absl::OkStatus();
    }

    absl::Status loadBalancers(OpenStackSession& session, const std::stop_token& stop,
                               Entries& entries)
    {
        NARTHEX_ASSIGN_OR_RETURN(const std::string octavia, session.endpoint("load-balancer"));
        NARTHEX_ASSIGN_OR_RETURN(const std::string network, session.endpoint("network"));
        NARTHEX_ASSIGN_OR_RETURN(
            const auto balancers,
            session.list(octavia + "/v2.0/lbaas/loadbalancers", "loadbalancers", stop));
        NARTHEX_ASSIGN_OR_RETURN(
            const auto listeners,
            session.list(octavia + "/v2.0/lbaas/listeners", "listeners", stop));
        NARTHEX_ASSIGN_OR_RETURN(const auto floating,
                                 session.list(network + "/v2.0/floatingips", "floatingips", stop));
        // The first port of each balancer where its own metrics are served.
        std::map<std::string, std::uint64_t> metricPorts;
        for (const Json& listener : listeners) {
            if (listener["protocol"].text() != "PROMETHEUS") {
                continue;
            }
            for (const Json& balancer : listener["loadbalancers"].items()) {
                metricPorts.try_emplace(
                    balancer["id"].text(),
                    static_cast<std::uint64_t>(listener["protocol_port"].integer()));
            }
        }
        std::map<std::string, std::string> floatingByPort;
        for (const Json& ip : floating) {
            floatingByPort[ip["port_id"].text()] = ip["floating_ip_address"].text();
        }
        floatingByPort.erase("");
        for (const Json& balancer : balancers) {
            const auto port = metricPorts.find(balancer["id"].text());
            if (port != metricPorts.end()) {
                entries.push_back(balancerLabels(balancer, port->second, floatingByPort));
            }
        }
        return absl::OkStatus();
    }

    static model::Labels balancerLabels(const Json& balancer, std::uint64_t port,
                                        const std::map<std::string, std::string>& floatingByPort)
    {
        TargetLabels labels("openstack");
        labels.set("loadbalancer_id", balancer["id"])
            .set("loadbalancer_name", balancer["name"])
            .set("loadbalancer_operating_status", balancer["operating_status"])
            .set("loadbalancer_provisioning_status", balancer["provisioning_status"])
            .set("loadbalancer_availability_zone", balancer["availability_zone"])
            .set("loadbalancer_vip", balancer["vip_address"])
            .set("loadbalancer_provider", balancer["provider"])
            .set("loadbalancer_tags", fmt::format("{}", fmt::join(balancer["tags"].texts(), ",")))
            .set("project_id", balancer["project_id"])
            .address(balancer["vip_address"].text(), port);
        const auto floating = floatingByPort.find(balancer["vip_port_id"].text());
        if (floating != floatingByPort.end()) {
            labels.set("loadbalancer_floating_ip", floating->second);
        }
        return labels.build();
    }

    ApiClient client_;
    const base::Logger log_;
    const OpenStackCredentials credentials_;
    const OpenStackConfig config_;
};

absl::StatusOr<Provider> OpenStackConfig::makeProvider(const ProviderEnvironment& environment) const
{
    OpenStackCredentials used = credentials;
    if (used.identityEndpoint.empty()) {
        NARTHEX_ASSIGN_OR_RETURN(used, OpenStackCredentials::fromVariables(environment.variable));
    }
    return Refreshing{.refresher =
                          std::make_unique<OpenStackRefresher>(environment, *this, std::move(used)),
                      .interval = refreshInterval};
}

} // namespace

std::unique_ptr<MechanismConfig> makeOpenStackConfig()
{
    return std::make_unique<OpenStackConfig>();
}

} // namespace narthex::discovery
