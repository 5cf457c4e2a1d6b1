// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// gce_sd_configs: instances of a zone at Google Compute Engine, with the application default
// credentials. Source: spec/discovery.md, section 13.
#include "core/base/status.h"
#include "core/discovery/google_credentials.h"
#include "core/discovery/refreshing.h"
#include "core/discovery/registry.h"
#include "core/discovery/target_labels.h"

#include <fmt/format.h>

namespace narthex::discovery {
namespace {

constexpr std::string_view kScope = "https://www.googleapis.com/auth/compute.readonly";

struct GceConfig final : MechanismOf<GceConfig>
{
    static constexpr std::string_view kMechanism = "gce";
    std::string project;
    std::string zone;
    std::string filter;
    base::Duration refreshInterval = 60_s;
    std::uint64_t port = 80;
    std::string tagSeparator = ",";

    void describe(yaml::Fields& fields) override
    {
        fields.field("project", &project, yaml::Printing::Always);
        fields.field("zone", &zone, yaml::Printing::Always);
        fields.field("filter", &filter);
        fields.field("refresh_interval", &refreshInterval, yaml::Printing::Always);
        fields.field("port", &port, yaml::Printing::Always);
        fields.field("tag_separator", &tagSeparator);
        if (fields.reading()) {
            fields.check(!project.empty(), "GCE SD configuration requires a project");
            fields.check(!zone.empty(), "GCE SD configuration requires a zone");
        }
    }
    absl::StatusOr<Provider> makeProvider(const ProviderEnvironment& environment) const override;
    friend bool operator==(const GceConfig&, const GceConfig&) = default;
};

class GceRefresher final : public Refresher
{
public:
    GceRefresher(const ProviderEnvironment& environment, const GceConfig& config)
        : client_(environment, net::HttpClientConfig{}, config.refreshInterval),
          credentials_(environment, std::string(kScope), "", config.refreshInterval),
          base_(environment.apiBase.empty() ? "https://compute.googleapis.com"
                                            : environment.apiBase),
          config_(config)
    {}

    absl::StatusOr<TargetGroups> refresh(const std::stop_token& stop) override
    {
        const auto token = credentials_.token(stop);
        if (!token.ok()) {
            return base::annotate(token.status(), "could not get Google's default credentials");
        }
        auto entries = instances(*token, stop);
        if (!entries.ok()) {
            credentials_.forget();
            return base::annotate(entries.status(), "error retrieving refresh targets from gce");
        }
        return oneGroup(fmt::format("GCE_{}_{}", config_.project, config_.zone),
                        *std::move(entries));
    }

private:
    absl::StatusOr<std::vector<model::Labels>> instances(const std::string& token,
                                                         const std::stop_token& stop)
    {
        const std::string path =
            fmt::format("/compute/v1/projects/{}/zones/{}/instances",
                        net::percentEncode(config_.project), net::percentEncode(config_.zone));
        std::vector<model::Labels> entries;
        PageCount pages;
        std::string page;
        do {
            NARTHEX_RETURN_IF_ERROR(pages.next());
            net::Parameters query;
            if (!config_.filter.empty()) {
                query.emplace_back("filter", config_.filter);
            }
            if (!page.empty()) {
                query.emplace_back("pageToken", page);
            }
            NARTHEX_ASSIGN_OR_RETURN(const Json answer,
                                     client_.getJson(joinUrl(base_, path, query), stop,
                                                     {{"Authorization", "Bearer " + token}}));
            NARTHEX_ASSIGN_OR_RETURN(const auto items, listIn(answer, "items"));
            for (const Json& instance : items) {
                if (!instance["networkInterfaces"].items().empty()) {
                    entries.push_back(labelsOf(instance));
                }
            }
            page = answer["nextPageToken"].text();
        } while (!page.empty());
        return entries;
    }

    [[nodiscard]] model::Labels labelsOf(const Json& instance) const
    {
        const Json first = instance["networkInterfaces"].at(0);
        TargetLabels labels("gce");
        labels.set("project", config_.project)
            .set("zone", instance["zone"])
            .set("instance_id", instance["id"])
            .set("instance_name", instance["name"])
            .set("instance_status", instance["status"])
            .set("machine_type", instance["machineType"])
            .set("network", first["network"])
            .set("subnetwork", first["subnetwork"])
            .set("private_ip", first["networkIP"])
            .list("tags", instance["tags"]["items"].texts(), config_.tagSeparator)
            .members("label", instance["labels"])
            .address(first["networkIP"].text(), config_.port);
        for (const Json& interface : instance["networkInterfaces"].items()) {
            labels.keyed("interface_ipv4", interface["name"].text(), interface["networkIP"].text());
        }
        for (const Json& item : instance["metadata"]["items"].items()) {
            labels.keyed("metadata", item["key"].text(), item["value"].text());
        }
        if (const Json access = first["accessConfigs"].at(0);
            access["type"].text() == "ONE_TO_ONE_NAT") {
            labels.set("public_ip", access["natIP"]);
        }
        return labels.build();
    }

    ApiClient client_;
    GoogleCredentials credentials_;
    const std::string base_;
    const GceConfig config_;
};

absl::StatusOr<Provider> GceConfig::makeProvider(const ProviderEnvironment& environment) const
{
    return refreshing<GceRefresher>(environment, *this);
}

} // namespace

std::unique_ptr<MechanismConfig> makeGceConfig() { return std::make_unique<GceConfig>(); }

} // namespace narthex::discovery
