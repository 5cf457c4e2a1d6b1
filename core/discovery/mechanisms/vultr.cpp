// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// vultr_sd_configs: instances of an account at Vultr. Source: spec/discovery.md, section 21.
#include "core/base/status.h"
#include "core/discovery/refreshing.h"
#include "core/discovery/registry.h"
#include "core/discovery/target_labels.h"

namespace narthex::discovery {
namespace {

struct VultrConfig final : MechanismOf<VultrConfig>
{
    static constexpr std::string_view kMechanism = "vultr";
    base::Duration refreshInterval = 60_s;
    std::uint64_t port = 80;
    net::HttpClientConfig http;

    void describe(yaml::Fields& fields) override
    {
        httpconfig::describe(fields, http);
        fields.field("refresh_interval", &refreshInterval, yaml::Printing::Always);
        fields.field("port", &port, yaml::Printing::Always);
    }
    absl::StatusOr<Provider> makeProvider(const ProviderEnvironment& environment) const override;
    friend bool operator==(const VultrConfig&, const VultrConfig&) = default;
};

class VultrRefresher final : public Refresher
{
public:
    VultrRefresher(const ProviderEnvironment& environment, const VultrConfig& config)
        : client_(environment, config.http, config.refreshInterval),
          base_(environment.apiBase.empty() ? "https://api.vultr.com" : environment.apiBase),
          port_(config.port)
    {}

    absl::StatusOr<TargetGroups> refresh(const std::stop_token& stop) override
    {
        std::vector<model::Labels> entries;
        PageCount pages;
        std::string cursor;
        do {
            NARTHEX_RETURN_IF_ERROR(pages.next());
            net::Parameters query = {{"per_page", "100"}};
            if (!cursor.empty()) {
                query.emplace_back("cursor", cursor);
            }
            NARTHEX_ASSIGN_OR_RETURN(const Json answer,
                                     client_.getJson(joinUrl(base_, "/v2/instances", query), stop));
            NARTHEX_ASSIGN_OR_RETURN(const auto instances, listIn(answer, "instances"));
            for (const Json& instance : instances) {
                entries.push_back(labelsOf(instance));
            }
            cursor = answer["meta"]["links"]["next"].text();
        } while (!cursor.empty());
        return oneGroup("Vultr", std::move(entries));
    }

private:
    [[nodiscard]] model::Labels labelsOf(const Json& instance) const
    {
        TargetLabels labels("vultr_instance");
        for (const char* name : {"id", "label", "os", "region", "plan", "main_ip", "internal_ip",
                                 "hostname", "server_status"}) {
            labels.set(name, instance[name]);
        }
        const auto number = [&](const char* label, const char* name) {
            labels.set(label, std::to_string(instance[name].integer()));
        };
        number("os_id", "os_id");
        number("vcpu_count", "vcpu_count");
        number("ram_mb", "ram");
        number("allowed_bandwidth_gb", "allowed_bandwidth");
        number("disk_gb", "disk");
        labels.set("main_ipv6", instance["v6_main_ip"])
            .list("features", instance["features"].texts())
            .list("tags", instance["tags"].texts())
            .address(instance["main_ip"].text(), port_);
        return labels.build();
    }

    ApiClient client_;
    const std::string base_;
    const std::uint64_t port_;
};

absl::StatusOr<Provider> VultrConfig::makeProvider(const ProviderEnvironment& environment) const
{
    return refreshing<VultrRefresher>(environment, *this);
}

} // namespace

std::unique_ptr<MechanismConfig> makeVultrConfig() { return std::make_unique<VultrConfig>(); }

} // namespace narthex::discovery
