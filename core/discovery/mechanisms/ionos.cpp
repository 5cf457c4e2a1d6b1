// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// ionos_sd_configs: servers of a data center at IONOS Cloud. Source: spec/discovery.md, section 21.
#include "core/base/status.h"
#include "core/discovery/refreshing.h"
#include "core/discovery/registry.h"
#include "core/discovery/target_labels.h"

#include <fmt/format.h>

#include <map>

namespace narthex::discovery {
namespace {

struct IonosConfig final : MechanismOf<IonosConfig>
{
    static constexpr std::string_view kMechanism = "ionos";
    std::string datacenterId;
    base::Duration refreshInterval = 60_s;
    std::uint64_t port = 80;
    net::HttpClientConfig http;

    void describe(yaml::Fields& fields) override
    {
        fields.field("datacenter_id", &datacenterId, yaml::Printing::Always);
        httpconfig::describe(fields, http);
        fields.field("refresh_interval", &refreshInterval, yaml::Printing::Always);
        fields.field("port", &port, yaml::Printing::Always);
        if (fields.reading()) {
            fields.check(!datacenterId.empty(), "datacenter id can't be empty");
        }
    }
    absl::StatusOr<Provider> makeProvider(const ProviderEnvironment& environment) const override;
    friend bool operator==(const IonosConfig&, const IonosConfig&) = default;
};

/// Addresses of a server. Those of a network card listed later come first.
struct Addresses
{
    std::vector<std::string> all;
    std::map<std::string, std::vector<std::string>> byCard;
};

Addresses addressesOf(const Json& server)
{
    Addresses result;
    const auto prepend = [](std::vector<std::string>& list, const std::vector<std::string>& ips) {
        list.insert(list.begin(), ips.begin(), ips.end());
    };
    for (const Json& card : server["entities"]["nics"]["items"].items()) {
        const Json properties = card["properties"];
        if (properties.isNull()) {
            continue;
        }
        const std::vector<std::string> ips = properties["ips"].texts();
        prepend(result.all, ips);
        prepend(result.byCard[properties["name"].isNull() ? "unnamed" : properties["name"].text()],
                ips);
    }
    return result;
}

class IonosRefresher final : public Refresher
{
public:
    IonosRefresher(const ProviderEnvironment& environment, const IonosConfig& config)
        : client_(environment, config.http, config.refreshInterval),
          base_(environment.apiBase.empty() ? "https://api.ionos.com" : environment.apiBase),
          config_(config)
    {}

    absl::StatusOr<TargetGroups> refresh(const std::stop_token& stop) override
    {
        const std::string path = fmt::format("/cloudapi/v6/datacenters/{}/servers",
                                             net::percentEncode(config_.datacenterId));
        NARTHEX_ASSIGN_OR_RETURN(const Json answer,
                                 client_.getJson(joinUrl(base_, path, {{"depth", "3"}}), stop));
        NARTHEX_ASSIGN_OR_RETURN(const auto servers, listIn(answer, "items"));
        std::vector<model::Labels> entries;
        for (const Json& server : servers) {
            const Addresses addresses = addressesOf(server);
            if (!addresses.all.empty()) {
                entries.push_back(labelsOf(server, addresses, answer["id"].text()));
            }
        }
        return oneGroup("ionos", std::move(entries));
    }

private:
    [[nodiscard]] model::Labels labelsOf(const Json& server, const Addresses& addresses,
                                         const std::string& listId) const
    {
        const Json properties = server["properties"];
        TargetLabels labels("ionos_server");
        labels.set("availability_zone", properties["availabilityZone"])
            .set("boot_cdrom_id", properties["bootCdrom"]["id"])
            .set("boot_volume_id", properties["bootVolume"]["id"])
            .set("boot_image_id",
                 server["entities"]["volumes"]["items"].at(0)["properties"]["image"])
            .set("cpu_family", properties["cpuFamily"])
            .set("id", server["id"])
            .list("ip", addresses.all)
            .set("lifecycle", server["metadata"]["state"])
            .set("name", properties["name"])
            .set("servers_id", listId)
            .set("state", properties["vmState"])
            .set("type", properties["type"])
            .address(addresses.all.front(), config_.port);
        for (const auto& [card, ips] : addresses.byCard) {
            labels.keyed("nic_ip", card, surrounded(ips));
        }
        return labels.build();
    }

    ApiClient client_;
    const std::string base_;
    const IonosConfig config_;
};

absl::StatusOr<Provider> IonosConfig::makeProvider(const ProviderEnvironment& environment) const
{
    return refreshing<IonosRefresher>(environment, *this);
}

} // namespace

std::unique_ptr<MechanismConfig> makeIonosConfig() { return std::make_unique<IonosConfig>(); }

} // namespace narthex::discovery
