// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// digitalocean_sd_configs: droplets or database clusters of an account.
// Source: spec/discovery.md, section 18.
#include "core/base/status.h"
#include "core/discovery/refreshing.h"
#include "core/discovery/registry.h"
#include "core/discovery/target_labels.h"

#include <fmt/format.h>

namespace narthex::discovery {
namespace {

constexpr std::size_t kDatabasesPerPage = 100;

struct DigitalOceanConfig final : MechanismOf<DigitalOceanConfig>
{
    static constexpr std::string_view kMechanism = "digitalocean";
    base::Duration refreshInterval = 60_s;
    std::uint64_t port = 80;
    std::string role = "droplets";
    net::HttpClientConfig http;

    void describe(yaml::Fields& fields) override
    {
        httpconfig::describe(fields, http);
        fields.field("refresh_interval", &refreshInterval, yaml::Printing::Always);
        fields.field("port", &port, yaml::Printing::Always);
        fields.field("role", &role, yaml::Printing::Always);
        if (fields.reading() && role != "droplets" && role != "databases") {
            fields.failAt("role", fmt::format("unknown DigitalOcean SD role \"{}\"", role));
        }
    }
    absl::StatusOr<Provider> makeProvider(const ProviderEnvironment& environment) const override;
    friend bool operator==(const DigitalOceanConfig&, const DigitalOceanConfig&) = default;
};

/// The first address of that type ("public", "private").
std::string addressOf(const Json& networks, std::string_view type)
{
    for (const Json& network : networks.items()) {
        if (network["type"].text() == type) {
            return network["ip_address"].text();
        }
    }
    return {};
}

class DigitalOceanRefresher final : public Refresher
{
public:
    DigitalOceanRefresher(const ProviderEnvironment& environment, const DigitalOceanConfig& config)
        : client_(environment, config.http, config.refreshInterval),
          base_(environment.apiBase.empty() ? "https://api.digitalocean.com" : environment.apiBase),
          config_(config)
    {}

    absl::StatusOr<TargetGroups> refresh(const std::stop_token& stop) override
    {
        return config_.role == "databases" ? databases(stop) : droplets(stop);
    }

private:
    absl::StatusOr<TargetGroups> droplets(const std::stop_token& stop)
    {
        std::vector<model::Labels> entries;
        PageCount pages;
        for (std::uint64_t page = 1;; ++page) {
            NARTHEX_RETURN_IF_ERROR(pages.next());
            const net::Parameters query =
                page == 1 ? net::Parameters() : net::Parameters{{"page", std::to_string(page)}};
            const auto answer = client_.getJson(joinUrl(base_, "/v2/droplets", query), stop);
            if (!answer.ok()) {
                return base::annotate(answer.status(),
                                      fmt::format("error while listing droplets page {}", page));
            }
            NARTHEX_ASSIGN_OR_RETURN(const auto list, listIn(*answer, "droplets"));
            for (const Json& droplet : list) {
                if (!droplet["networks"]["v4"].items().empty()) {
                    entries.push_back(dropletLabels(droplet));
                }
            }
            if ((*answer)["links"]["pages"]["next"].text().empty()) {
                return oneGroup("DigitalOcean", std::move(entries));
            }
        }
    }

    [[nodiscard]] model::Labels dropletLabels(const Json& droplet) const
    {
        const Json v4 = droplet["networks"]["v4"];
        const std::string publicIp = addressOf(v4, "public");
        TargetLabels labels("digitalocean");
        labels.set("droplet_id", droplet["id"])
            .set("droplet_name", droplet["name"])
            .set("image", droplet["image"]["slug"])
            .set("image_name", droplet["image"]["name"])
            .set("private_ipv4", addressOf(v4, "private"))
            .set("public_ipv4", publicIp)
            .set("public_ipv6", addressOf(droplet["networks"]["v6"], "public"))
            .set("region", droplet["region"]["slug"])
            .set("size", droplet["size_slug"])
            .set("status", droplet["status"])
            .set("vpc", droplet["vpc_uuid"])
            .list("features", droplet["features"].texts())
            .list("tags", droplet["tags"].texts())
            .address(publicIp, config_.port);
        return labels.build();
    }

    absl::StatusOr<TargetGroups> databases(const std::stop_token& stop)
    {
        std::vector<model::Labels> entries;
        PageCount pages;
        for (std::uint64_t page = 1;; ++page) {
            NARTHEX_RETURN_IF_ERROR(pages.next());
            const auto answer =
                client_.getJson(joinUrl(base_, "/v2/databases",
                                        {{"page", std::to_string(page)},
                                         {"per_page", std::to_string(kDatabasesPerPage)}}),
                                stop);
            if (!answer.ok()) {
                return base::annotate(
                    answer.status(),
                    fmt::format("error while listing database clusters page {}", page));
            }
            NARTHEX_ASSIGN_OR_RETURN(const auto list, listIn(*answer, "databases"));
            for (const Json& cluster : list) {
                entries.push_back(clusterLabels(cluster));
            }
            const bool next = !(*answer)["links"]["pages"]["next"].text().empty();
            if (list.empty() || (list.size() < kDatabasesPerPage && !next)) {
                return oneGroup("DigitalOcean Databases", std::move(entries));
            }
        }
    }

    [[nodiscard]] model::Labels clusterLabels(const Json& cluster) const
    {
        const std::string inner = cluster["private_connection"]["host"].text();
        const std::string outer = cluster["connection"]["host"].text();
        TargetLabels labels("digitalocean");
        labels.set("db_id", cluster["id"])
            .set("db_name", cluster["name"])
            .set("db_engine", cluster["engine"])
            .set("db_version", cluster["version"])
            .set("db_status", cluster["status"])
            .set("db_region", cluster["region"])
            .set("db_size", cluster["size"])
            .set("db_num_nodes", std::to_string(cluster["num_nodes"].integer()))
            .set("db_host", outer)
            .set("db_private_host", inner);
        if (const std::string& host = inner.empty() ? outer : inner; !host.empty()) {
            labels.address(host, config_.port);
        }
        // Tags stand in the name as they are: users' rules for Prometheus match them so.
        for (const std::string& tag : cluster["tags"].texts()) {
            labels.set("db_tag_" + tag, true);
        }
        return labels.build();
    }

    ApiClient client_;
    const std::string base_;
    const DigitalOceanConfig config_;
};

absl::StatusOr<Provider>
DigitalOceanConfig::makeProvider(const ProviderEnvironment& environment) const
{
    return refreshing<DigitalOceanRefresher>(environment, *this);
}

} // namespace

std::unique_ptr<MechanismConfig> makeDigitalOceanConfig()
{
    return std::make_unique<DigitalOceanConfig>();
}

} // namespace narthex::discovery
