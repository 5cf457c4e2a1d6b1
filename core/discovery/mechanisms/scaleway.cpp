// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// scaleway_sd_configs: instances or bare metal servers of a zone at Scaleway.
// Source: spec/discovery.md, section 21.
#include "core/base/number.h"
#include "core/base/status.h"
#include "core/discovery/refreshing.h"
#include "core/discovery/registry.h"
#include "core/discovery/target_labels.h"

#include <fmt/format.h>

#include <map>

namespace narthex::discovery {
namespace {

constexpr std::size_t kPageSize = 100;
/// So many network cards in one request keep its URL below 8 KiB.
constexpr std::size_t kCardsPerRequest = 100;

struct ScalewayConfig final : MechanismOf<ScalewayConfig>
{
    static constexpr std::string_view kMechanism = "scaleway";
    std::string project;
    std::string apiUrl = "https://api.scaleway.com";
    std::string zone = "fr-par-1";
    std::string accessKey;
    base::Secret secretKey;
    std::string secretKeyFile;
    std::string nameFilter;
    std::vector<std::string> tagsFilter;
    base::Duration refreshInterval = 60_s;
    std::uint64_t port = 80;
    std::string role;
    net::HttpClientConfig http;

    void describe(yaml::Fields& fields) override
    {
        fields.field("project_id", &project, yaml::Printing::Always);
        fields.field("api_url", &apiUrl);
        fields.field("zone", &zone, yaml::Printing::Always);
        fields.field("access_key", &accessKey, yaml::Printing::Always);
        fields.field("secret_key", &secretKey);
        fields.path("secret_key_file", secretKeyFile);
        fields.field("name_filter", &nameFilter);
        fields.field("tags_filter", &tagsFilter);
        httpconfig::describe(fields, http);
        fields.field("refresh_interval", &refreshInterval, yaml::Printing::Always);
        fields.field("port", &port, yaml::Printing::Always);
        fields.field("role", &role, yaml::Printing::Always);
        if (fields.reading()) {
            check(fields);
        }
    }
    absl::StatusOr<Provider> makeProvider(const ProviderEnvironment& environment) const override;
    friend bool operator==(const ScalewayConfig&, const ScalewayConfig&) = default;

private:
    void check(yaml::Fields& fields) const
    {
        if (role.empty()) {
            fields.fail("role missing (one of: instance, baremetal)");
        } else if (role != "instance" && role != "baremetal") {
            fields.failAt("role", fmt::format("unknown role \"{}\"", role));
        }
        fields.check(!project.empty(), "project_id is mandatory");
        if (secretKey.empty() && secretKeyFile.empty()) {
            fields.fail("one of secret_key & secret_key_file must be configured");
        } else if (!secretKey.empty() && !secretKeyFile.empty()) {
            fields.fail("at most one of secret_key & secret_key_file must be configured");
        }
        fields.check(!accessKey.empty(), "access_key is mandatory");
    }
};

/// "fr-par-1" is in "fr-par".
std::string regionOf(const std::string& zone) { return zone.substr(0, zone.rfind('-')); }

/// "10.0.0.2/22" without its length.
std::string withoutLength(const std::string& address)
{
    return address.substr(0, address.find('/'));
}

class ScalewayRefresher final : public Refresher
{
public:
    ScalewayRefresher(const ProviderEnvironment& environment, const ScalewayConfig& config)
        : client_(environment, config.http, config.refreshInterval), config_(config)
    {}

    absl::StatusOr<TargetGroups> refresh(const std::stop_token& stop) override
    {
        // The file is read again for each refresh: it may change.
        NARTHEX_ASSIGN_OR_RETURN(
            secret_, secretOf(config_.secretKey, config_.secretKeyFile, "auth token file"));
        auto entries = config_.role == "baremetal" ? baremetal(stop) : instances(stop);
        NARTHEX_RETURN_IF_ERROR(entries.status());
        return oneGroup("scaleway", *std::move(entries));
    }

private:
    using Entries = std::vector<model::Labels>;

    [[nodiscard]] std::string zonePath(std::string_view product, std::string_view what) const
    {
        return fmt::format("/{}/v1/zones/{}/{}", product, net::percentEncode(config_.zone), what);
    }

    /// All pages. The instance API calls the size of a page `per_page`, the others `page_size`.
    absl::StatusOr<std::vector<Json>> all(const std::string& path, const std::string& name,
                                          const std::string& sizeName,
                                          const net::Parameters& filter,
                                          const std::stop_token& stop)
    {
        std::vector<Json> result;
        PageCount pages;
        for (std::size_t page = 1;; ++page) {
            NARTHEX_RETURN_IF_ERROR(pages.next());
            net::Parameters query = filter;
            query.emplace_back("page", std::to_string(page));
            query.emplace_back(sizeName, std::to_string(kPageSize));
            NARTHEX_ASSIGN_OR_RETURN(
                const net::HttpResponse response,
                client_.get(joinUrl(config_.apiUrl, path, query), stop,
                            {{"Accept", "application/json"}, {"X-Auth-Token", secret_}}));
            NARTHEX_ASSIGN_OR_RETURN(const Json answer, Json::parse(response.body));
            NARTHEX_ASSIGN_OR_RETURN(const auto items, listIn(answer, name));
            result.insert(result.end(), items.begin(), items.end());
            const auto total = base::parseUint(response.header("X-Total-Count"));
            if (items.empty() || (total ? result.size() >= *total : items.size() < kPageSize)) {
                return result;
            }
        }
    }

    absl::StatusOr<Entries> instances(const std::stop_token& stop)
    {
        net::Parameters filter;
        if (!config_.nameFilter.empty()) {
            filter.emplace_back("name", config_.nameFilter);
        }
        if (!config_.tagsFilter.empty()) {
            filter.emplace_back("tags", fmt::format("{}", fmt::join(config_.tagsFilter, ",")));
        }
        NARTHEX_ASSIGN_OR_RETURN(const auto servers, all(zonePath("instance", "servers"), "servers",
                                                         "per_page", filter, stop));
        NARTHEX_ASSIGN_OR_RETURN(const auto cardAddresses, addressesOfCards(servers, stop));
        Entries entries;
        for (const Json& server : servers) {
            TargetLabels labels = instanceLabels(server);
            const std::string address = setAddresses(labels, server, cardAddresses);
            if (!address.empty()) {
                entries.push_back(labels.address(address, config_.port).build());
            }
        }
        return entries;
    }

    static bool hasAddress(const Json& server)
    {
        return !server["private_ip"].isNull() || !server["public_ip"].isNull() ||
               !server["ipv6"].isNull();
    }

    /// IPv4 addresses of private network cards, by the card's id, of servers that have no others.
    absl::StatusOr<std::map<std::string, std::string>>
    addressesOfCards(const std::vector<Json>& servers, const std::stop_token& stop)
    {
        std::map<std::string, std::vector<std::string>> cardsByRegion;
        for (const Json& server : servers) {
            for (const Json& card : server["private_nics"].items()) {
                if (!hasAddress(server) && !card["id"].text().empty()) {
                    cardsByRegion[regionOf(server["zone"].text())].push_back(card["id"].text());
                }
            }
        }
        std::map<std::string, std::string> result;
        for (const auto& [region, cards] : cardsByRegion) {
            for (std::size_t begin = 0; begin < cards.size(); begin += kCardsPerRequest) {
                net::Parameters filter;
                const std::size_t end = std::min(begin + kCardsPerRequest, cards.size());
                for (std::size_t i = begin; i < end; ++i) {
                    filter.emplace_back("resource_ids", cards[i]);
                }
                filter.emplace_back("resource_types", "instance_private_nic");
                const std::string path =
                    fmt::format("/ipam/v1/regions/{}/ips", net::percentEncode(region));
                NARTHEX_ASSIGN_OR_RETURN(const auto ips,
                                         all(path, "ips", "page_size", filter, stop));
                for (const Json& ip : ips) {
                    if (!ip["is_ipv6"].boolean()) {
                        result[ip["resource"]["id"].text()] = withoutLength(ip["address"].text());
                    }
                }
            }
        }
        return result;
    }

    static TargetLabels instanceLabels(const Json& server)
    {
        TargetLabels labels("scaleway_instance");
        labels.set("boot_type", server["boot_type"])
            .set("hostname", server["hostname"])
            .set("id", server["id"])
            .set("image_arch", server["image"]["arch"])
            .set("image_id", server["image"]["id"])
            .set("image_name", server["image"]["name"])
            .set("location_cluster_id", server["location"]["cluster_id"])
            .set("location_hypervisor_id", server["location"]["hypervisor_id"])
            .set("location_node_id", server["location"]["node_id"])
            .set("name", server["name"])
            .set("organization_id", server["organization"])
            .set("project_id", server["project"])
            .set("region", regionOf(server["zone"].text()))
            .set("security_group_id", server["security_group"]["id"])
            .set("security_group_name", server["security_group"]["name"])
            .set("status", server["state"])
            .list("tags", server["tags"].texts())
            .set("type", server["commercial_type"])
            .set("zone", server["zone"]);
        return labels;
    }

    /// Sets labels of all addresses and gives the one to scrape; empty: none.
    static std::string setAddresses(TargetLabels& labels, const Json& server,
                                    const std::map<std::string, std::string>& cardAddresses)
    {
        std::vector<std::string> v4;
        std::vector<std::string> v6;
        for (const Json& ip : server["public_ips"].items()) {
            (ip["family"].text() == "inet6" ? v6 : v4).push_back(ip["address"].text());
        }
        labels.list("public_ipv4_addresses", v4).list("public_ipv6_addresses", v6);
        std::string address = server["ipv6"]["address"].text();
        labels.set("public_ipv6", address);
        if (const Json ip = server["public_ip"]; !ip.isNull()) {
            address = ip["address"].text();
            labels.set("public_ipv4", ip["family"].text() == "inet6" ? std::string() : address);
        }
        if (const Json ip = server["private_ip"]; !ip.isNull()) {
            address = ip.text();
        }
        if (address.empty()) {
            for (const Json& card : server["private_nics"].items()) {
                const auto found = cardAddresses.find(card["id"].text());
                if (found != cardAddresses.end() && !found->second.empty()) {
                    address = found->second;
                    labels.set("private_ipv4", address);
                    break;
                }
            }
        } else {
            labels.set("private_ipv4", server["private_ip"]);
        }
        return address;
    }

    absl::StatusOr<Entries> baremetal(const std::stop_token& stop)
    {
        net::Parameters filter;
        if (!config_.nameFilter.empty()) {
            filter.emplace_back("name", config_.nameFilter);
        }
        for (const std::string& tag : config_.tagsFilter) {
            filter.emplace_back("tags", tag);
        }
        NARTHEX_ASSIGN_OR_RETURN(const auto servers, all(zonePath("baremetal", "servers"),
                                                         "servers", "page_size", filter, stop));
        NARTHEX_ASSIGN_OR_RETURN(const auto offers, all(zonePath("baremetal", "offers"), "offers",
                                                        "page_size", {}, stop));
        NARTHEX_ASSIGN_OR_RETURN(const auto systems,
                                 all(zonePath("baremetal", "os"), "os", "page_size", {}, stop));
        Entries entries;
        for (const Json& server : servers) {
            TargetLabels labels("scaleway_baremetal");
            const Json system = byId(systems, server["install"]["os_id"].text());
            labels.set("id", server["id"])
                .set("name", server["name"])
                .set("zone", server["zone"])
                .set("status", server["status"])
                .set("project_id", server["project_id"])
                .set("type", byId(offers, server["offer_id"].text())["name"])
                .set("os_name", system["name"])
                .set("os_version", system["version"])
                .list("tags", server["tags"].texts());
            NARTHEX_RETURN_IF_ERROR(setBaremetalAddresses(labels, server));
            entries.push_back(labels.build());
        }
        return entries;
    }

    static Json byId(const std::vector<Json>& list, const std::string& id)
    {
        for (const Json& item : list) {
            if (!id.empty() && item["id"].text() == id) {
                return item;
            }
        }
        return {};
    }

    absl::Status setBaremetalAddresses(TargetLabels& labels, const Json& server) const
    {
        std::string v4;
        std::string v6;
        for (const Json& ip : server["ips"].items()) {
            const std::string version = ip["version"].text();
            if (version != "IPv4" && version != "IPv6") {
                return base::unavailable("unknown IP version: {}", version);
            }
            std::string& first = version == "IPv4" ? v4 : v6;
            first = first.empty() ? ip["address"].text() : first;
        }
        labels.set("public_ipv4", v4).set("public_ipv6", v6);
        if (!v4.empty() || !v6.empty()) {
            labels.address(v4.empty() ? v6 : v4, config_.port);
        }
        return absl::OkStatus();
    }

    ApiClient client_;
    const ScalewayConfig config_;
    /// Of the refresh that runs.
    std::string secret_;
};

absl::StatusOr<Provider> ScalewayConfig::makeProvider(const ProviderEnvironment& environment) const
{
    return refreshing<ScalewayRefresher>(environment, *this);
}

} // namespace

std::unique_ptr<MechanismConfig> makeScalewayConfig() { return std::make_unique<ScalewayConfig>(); }

} // namespace narthex::discovery
