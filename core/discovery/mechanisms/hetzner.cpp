// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// hetzner_sd_configs: cloud servers (hcloud) or dedicated ones (robot).
// Source: spec/discovery.md, section 18.
#include "core/base/status.h"
#include "core/discovery/refreshing.h"
#include "core/discovery/registry.h"
#include "core/discovery/target_labels.h"

#include <fmt/format.h>

#include <map>

namespace narthex::discovery {
namespace {

struct HetznerConfig final : MechanismOf<HetznerConfig>
{
    static constexpr std::string_view kMechanism = "hetzner";
    base::Duration refreshInterval = 60_s;
    std::uint64_t port = 80;
    std::string role;
    std::string labelSelector;
    net::HttpClientConfig http;

    void describe(yaml::Fields& fields) override
    {
        httpconfig::describe(fields, http);
        fields.field("refresh_interval", &refreshInterval, yaml::Printing::Always);
        fields.field("port", &port, yaml::Printing::Always);
        fields.field("role", &role, yaml::Printing::Always);
        fields.field("label_selector", &labelSelector);
        if (!fields.reading()) {
            return;
        }
        if (role.empty()) {
            fields.fail("role missing (one of: robot, hcloud)");
        } else if (role != "robot" && role != "hcloud") {
            fields.failAt("role", fmt::format("unknown role \"{}\"", role));
        }
    }
    absl::StatusOr<Provider> makeProvider(const ProviderEnvironment& environment) const override;
    friend bool operator==(const HetznerConfig&, const HetznerConfig&) = default;
};

TargetGroups groupOf(std::vector<model::Labels> entries)
{
    return oneGroup("hetzner", std::move(entries));
}

class CloudRefresher final : public Refresher
{
public:
    CloudRefresher(const ProviderEnvironment& environment, const HetznerConfig& config)
        : client_(environment, config.http, config.refreshInterval),
          base_(environment.apiBase.empty() ? "https://api.hetzner.cloud" : environment.apiBase),
          config_(config)
    {}

    absl::StatusOr<TargetGroups> refresh(const std::stop_token& stop) override
    {
        net::Parameters selector;
        if (!config_.labelSelector.empty()) {
            selector.emplace_back("label_selector", config_.labelSelector);
        }
        NARTHEX_ASSIGN_OR_RETURN(const auto servers, all("servers", selector, stop));
        NARTHEX_ASSIGN_OR_RETURN(const auto networks, all("networks", {}, stop));
        std::map<std::string, std::string> networkNames;
        for (const Json& network : networks) {
            networkNames[network["id"].text()] = network["name"].text();
        }
        std::vector<model::Labels> entries;
        for (const Json& server : servers) {
            entries.push_back(serverLabels(server, networkNames));
        }
        return groupOf(std::move(entries));
    }

private:
    /// All pages of a list.
    absl::StatusOr<std::vector<Json>> all(const std::string& what, const net::Parameters& filter,
                                          const std::stop_token& stop)
    {
        std::vector<Json> result;
        PageCount pages;
        for (std::int64_t page = 1; page > 0;) {
            NARTHEX_RETURN_IF_ERROR(pages.next());
            net::Parameters query = filter;
            query.emplace_back("page", std::to_string(page));
            query.emplace_back("per_page", "50");
            NARTHEX_ASSIGN_OR_RETURN(const Json answer,
                                     client_.getJson(joinUrl(base_, "/v1/" + what, query), stop));
            NARTHEX_ASSIGN_OR_RETURN(const auto list, listIn(answer, what));
            result.insert(result.end(), list.begin(), list.end());
            page = answer["meta"]["pagination"]["next_page"].integer();
        }
        return result;
    }

    [[nodiscard]] model::Labels
    serverLabels(const Json& server, const std::map<std::string, std::string>& networkNames) const
    {
        const std::string ip = server["public_net"]["ipv4"]["ip"].text();
        const Json type = server["server_type"];
        const Json image = server["image"];
        const Json location =
            server["location"].isNull() ? server["datacenter"]["location"] : server["location"];
        TargetLabels labels("hetzner");
        labels.set("role", "hcloud")
            .set("server_id", server["id"])
            .set("server_name", server["name"])
            .set("server_status", server["status"])
            .set("public_ipv4", ip)
            .set("public_ipv6_network", server["public_net"]["ipv6"]["ip"])
            .set("hcloud_location", location["name"])
            .set("hcloud_location_network_zone", location["network_zone"])
            .set("hcloud_datacenter_location", location["name"])
            .set("hcloud_datacenter_location_network_zone", location["network_zone"])
            .set("hcloud_server_type", type["name"])
            .set("hcloud_cpu_cores", std::to_string(type["cores"].integer()))
            .set("hcloud_cpu_type", type["cpu_type"])
            .set("hcloud_memory_size_gb",
                 std::to_string(static_cast<std::int64_t>(type["memory"].number())))
            .set("hcloud_disk_size_gb", std::to_string(type["disk"].integer()))
            .set("hcloud_image_name", image["name"])
            .set("hcloud_image_description", image["description"])
            .set("hcloud_image_os_version", image["os_version"])
            .set("hcloud_image_os_flavor", image["os_flavor"])
            .address(ip, config_.port);
        for (const Json& attached : server["private_net"].items()) {
            const auto network = networkNames.find(attached["network"].text());
            if (network != networkNames.end()) {
                labels.keyed("hcloud_private_ipv4", network->second, attached["ip"].text());
            }
        }
        const auto own = server["labels"].members();
        for (const auto& [key, value] : own) {
            labels.keyed("hcloud_labelpresent", key, "true");
            labels.keyed("hcloud_label", key, value.text());
        }
        return labels.build();
    }

    ApiClient client_;
    const std::string base_;
    const HetznerConfig config_;
};

class RobotRefresher final : public Refresher
{
public:
    RobotRefresher(const ProviderEnvironment& environment, const HetznerConfig& config)
        : client_(environment, config.http, config.refreshInterval),
          base_(environment.apiBase.empty() ? "https://robot-ws.your-server.de"
                                            : environment.apiBase),
          config_(config)
    {}

    absl::StatusOr<TargetGroups> refresh(const std::stop_token& stop) override
    {
        NARTHEX_ASSIGN_OR_RETURN(const net::HttpResponse response,
                                 client_.send({.url = joinUrl(base_, "/server")}, stop));
        if (response.status / 100 != 2) {
            return base::unavailable("non 2xx status '{}' response during hetzner service "
                                     "discovery with role robot",
                                     response.status);
        }
        NARTHEX_ASSIGN_OR_RETURN(const Json answer, Json::parse(response.body));
        NARTHEX_ASSIGN_OR_RETURN(const auto servers, listIn(answer));
        std::vector<model::Labels> entries;
        for (const Json& server : servers) {
            entries.push_back(serverLabels(server["server"]));
        }
        return groupOf(std::move(entries));
    }

private:
    [[nodiscard]] model::Labels serverLabels(const Json& server) const
    {
        const std::string ip = server["server_ip"].text();
        const std::string datacenter = lowerCase(server["dc"].text());
        TargetLabels labels("hetzner");
        labels.set("role", "robot")
            .set("server_id", server["server_number"])
            .set("server_name", server["server_name"])
            .set("server_status", server["status"])
            .set("datacenter", datacenter)
            .set("public_ipv4", ip)
            .set("robot_datacenter", datacenter)
            .set("robot_product", server["product"])
            .set("robot_cancelled", server["cancelled"].boolean())
            .address(ip, config_.port);
        for (const Json& subnet : server["subnet"].items()) {
            const std::string network = subnet["ip"].text();
            if (network.find(':') != std::string::npos) {
                labels.set("public_ipv6_network",
                           fmt::format("{}/{}", network, subnet["mask"].text()));
                break;
            }
        }
        return labels.build();
    }

    ApiClient client_;
    const std::string base_;
    const HetznerConfig config_;
};

absl::StatusOr<Provider> HetznerConfig::makeProvider(const ProviderEnvironment& environment) const
{
    return role == "robot" ? refreshing<RobotRefresher>(environment, *this)
                           : refreshing<CloudRefresher>(environment, *this);
}

} // namespace

std::unique_ptr<MechanismConfig> makeHetznerConfig() { return std::make_unique<HetznerConfig>(); }

} // namespace narthex::discovery
