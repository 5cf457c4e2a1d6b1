// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// triton_sd_configs: containers or compute nodes that Triton's container monitor knows.
// Source: spec/discovery.md, section 21.
#include "core/base/status.h"
#include "core/discovery/refreshing.h"
#include "core/discovery/registry.h"
#include "core/discovery/target_labels.h"

#include <fmt/format.h>

namespace narthex::discovery {
namespace {

struct TritonConfig final : MechanismOf<TritonConfig>
{
    static constexpr std::string_view kMechanism = "triton";
    std::string account;
    std::string role = "container";
    std::string dnsSuffix;
    std::string endpoint;
    std::vector<std::string> groups;
    std::uint64_t port = 9163;
    base::Duration refreshInterval = 60_s;
    net::TlsConfig tls;
    std::int64_t version = 1;

    void describe(yaml::Fields& fields) override
    {
        fields.field("account", &account, yaml::Printing::Always);
        fields.field("role", &role, yaml::Printing::Always);
        fields.field("dns_suffix", &dnsSuffix, yaml::Printing::Always);
        fields.field("endpoint", &endpoint, yaml::Printing::Always);
        fields.field("groups", &groups);
        fields.field("port", &port, yaml::Printing::Always);
        fields.field("refresh_interval", &refreshInterval, yaml::Printing::Always);
        httpconfig::describeTlsSection(fields, tls);
        fields.field("version", &version, yaml::Printing::Always);
        if (!fields.reading()) {
            return;
        }
        fields.check(role == "container" || role == "cn",
                     "triton SD configuration requires role to be 'container' or 'cn'");
        fields.check(!account.empty(), "triton SD configuration requires an account");
        fields.check(!dnsSuffix.empty(), "triton SD configuration requires a dns_suffix");
        fields.check(!endpoint.empty(), "triton SD configuration requires an endpoint");
        fields.check(refreshInterval > base::Duration{},
                     "triton SD configuration requires RefreshInterval to be a positive integer");
    }
    absl::StatusOr<Provider> makeProvider(const ProviderEnvironment& environment) const override;
    friend bool operator==(const TritonConfig&, const TritonConfig&) = default;
};

class TritonRefresher final : public Refresher
{
public:
    TritonRefresher(const ProviderEnvironment& environment, const TritonConfig& config)
        : client_(environment, {.tls = config.tls}, config.refreshInterval),
          url_(urlOf(environment.apiBase, config)),
          config_(config)
    {}

    absl::StatusOr<TargetGroups> refresh(const std::stop_token& stop) override
    {
        const auto answer = client_.getJson(url_, stop);
        if (!answer.ok()) {
            return base::annotate(answer.status(), "an error occurred when requesting targets from "
                                                   "the discovery endpoint");
        }
        const bool nodes = config_.role == "cn";
        NARTHEX_ASSIGN_OR_RETURN(const auto list, listIn(*answer, nodes ? "cns" : "containers"));
        std::vector<model::Labels> entries;
        for (const Json& item : list) {
            entries.push_back(nodes ? nodeLabels(item) : containerLabels(item));
        }
        return oneGroup(url_, std::move(entries));
    }

private:
    static std::string urlOf(const std::string& apiBase, const TritonConfig& config)
    {
        const std::string base =
            apiBase.empty() ? fmt::format("https://{}:{}", config.endpoint, config.port) : apiBase;
        net::Parameters query;
        if (!config.groups.empty()) {
            query.emplace_back("groups", fmt::format("{}", fmt::join(config.groups, ",")));
        }
        const char* const path = config.role == "cn" ? "gz/discover" : "discover";
        return joinUrl(base, fmt::format("/v{}/{}", config.version, path), query);
    }

    [[nodiscard]] std::string hostOf(const Json& id) const
    {
        return fmt::format("{}.{}", id.text(), config_.dnsSuffix);
    }

    [[nodiscard]] model::Labels containerLabels(const Json& container) const
    {
        return TargetLabels("triton")
            .set("machine_id", container["vm_uuid"])
            .set("machine_alias", container["vm_alias"])
            .set("machine_brand", container["vm_brand"])
            .set("machine_image", container["vm_image_uuid"])
            .set("server_id", container["server_uuid"])
            .list("groups", container["groups"].texts())
            .address(hostOf(container["vm_uuid"]), config_.port)
            .build();
    }
    [[nodiscard]] model::Labels nodeLabels(const Json& node) const
    {
        return TargetLabels("triton")
            .set("machine_id", node["server_uuid"])
            .set("machine_alias", node["server_hostname"])
            .address(hostOf(node["server_uuid"]), config_.port)
            .build();
    }

    ApiClient client_;
    const std::string url_;
    const TritonConfig config_;
};

absl::StatusOr<Provider> TritonConfig::makeProvider(const ProviderEnvironment& environment) const
{
    return refreshing<TritonRefresher>(environment, *this);
}

} // namespace

std::unique_ptr<MechanismConfig> makeTritonConfig() { return std::make_unique<TritonConfig>(); }

} // namespace narthex::discovery
