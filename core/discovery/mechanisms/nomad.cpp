// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// nomad_sd_configs: services that are registered with Nomad.
// Source: spec/discovery.md, section 18.
#include "core/base/status.h"
#include "core/discovery/refreshing.h"
#include "core/discovery/registry.h"
#include "core/discovery/target_labels.h"

#include <fmt/format.h>

namespace narthex::discovery {
namespace {

constexpr std::string_view kFailures = "prometheus_sd_nomad_failures_total";

struct NomadConfig final : MechanismOf<NomadConfig>
{
    static constexpr std::string_view kMechanism = "nomad";
    bool allowStale = true;
    net::HttpClientConfig http;
    std::string nameSpace = "default";
    base::Duration refreshInterval = 60_s;
    std::string region = "global";
    std::string server = "http://localhost:4646";
    std::string tagSeparator = ",";

    void describe(yaml::Fields& fields) override
    {
        fields.field("allow_stale", &allowStale, yaml::Printing::Always);
        httpconfig::describe(fields, http);
        fields.field("namespace", &nameSpace, yaml::Printing::Always);
        fields.field("refresh_interval", &refreshInterval, yaml::Printing::Always);
        fields.field("region", &region, yaml::Printing::Always);
        fields.field("server", &server, yaml::Printing::Always);
        fields.field("tag_separator", &tagSeparator);
        if (fields.reading()) {
            fields.check(server.find_first_not_of(" \t") != std::string::npos,
                         "nomad SD configuration requires a server address");
        }
    }
    absl::StatusOr<Provider> makeProvider(const ProviderEnvironment& environment) const override;
    friend bool operator==(const NomadConfig&, const NomadConfig&) = default;
};

class NomadRefresher final : public Refresher
{
public:
    NomadRefresher(const ProviderEnvironment& environment, const NomadConfig& config)
        : client_(environment, config.http, config.refreshInterval),
          metrics_(environment.metrics),
          config_(config)
    {
        metrics_.add(kFailures, {}, 0);
    }

    absl::StatusOr<TargetGroups> refresh(const std::stop_token& stop) override
    {
        auto groups = ask(stop);
        if (!groups.ok()) {
            metrics_.add(kFailures);
        }
        return groups;
    }

private:
    [[nodiscard]] std::string url(const std::string& path) const
    {
        net::Parameters query{{"namespace", config_.nameSpace}, {"region", config_.region}};
        std::erase_if(query, [](const auto& parameter) { return parameter.second.empty(); });
        if (config_.allowStale) {
            query.emplace_back("stale", "");
        }
        return joinUrl(config_.server, path, query);
    }

    absl::StatusOr<TargetGroups> ask(const std::stop_token& stop)
    {
        NARTHEX_ASSIGN_OR_RETURN(const Json answer, client_.getJson(url("/v1/services"), stop));
        NARTHEX_ASSIGN_OR_RETURN(const std::vector<Json> stubs, listIn(answer));
        std::vector<model::Labels> entries;
        for (const Json& stub : stubs) {
            for (const Json& service : stub["Services"].items()) {
                const std::string name = service["ServiceName"].text();
                const auto instances = client_.getJson(
                    url(fmt::format("/v1/service/{}", net::percentEncode(name))), stop);
                if (!instances.ok()) {
                    return base::annotate(instances.status(), "failed to fetch services");
                }
                NARTHEX_ASSIGN_OR_RETURN(const std::vector<Json> all, listIn(*instances));
                for (const Json& instance : all) {
                    entries.push_back(entryOf(instance));
                }
            }
        }
        return oneGroup("Nomad", std::move(entries));
    }

    [[nodiscard]] model::Labels entryOf(const Json& instance) const
    {
        const std::string address = instance["Address"].text();
        const std::string port = std::to_string(instance["Port"].integer());
        TargetLabels labels("nomad");
        labels.plain(kAddressLabel, joinHostPort(address, port));
        labels.set("address", address);
        labels.set("dc", instance["Datacenter"]);
        labels.set("node_id", instance["NodeID"]);
        labels.set("namespace", instance["Namespace"]);
        labels.set("service", instance["ServiceName"]);
        labels.set("service_address", address);
        labels.set("service_id", instance["ID"]);
        labels.set("service_port", port);
        labels.list("tags", instance["Tags"].texts(), config_.tagSeparator);
        return labels.build();
    }

    ApiClient client_;
    Metrics& metrics_;
    const NomadConfig config_;
};

absl::StatusOr<Provider> NomadConfig::makeProvider(const ProviderEnvironment& environment) const
{
    return refreshing<NomadRefresher>(environment, *this);
}

} // namespace

std::unique_ptr<MechanismConfig> makeNomadConfig() { return std::make_unique<NomadConfig>(); }

} // namespace narthex::discovery
