// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// uyuni_sd_configs: monitoring endpoints of the systems that an Uyuni server manages.
// Source: spec/discovery.md, section 21.
#include "core/base/status.h"
#include "core/discovery/refreshing.h"
#include "core/discovery/registry.h"
#include "core/discovery/target_labels.h"
#include "core/discovery/xml_rpc.h"
#include "core/net/url.h"

#include <fmt/format.h>

#include <map>

namespace narthex::discovery {
namespace {

/// Of a login, in seconds; a new one is made when half of it is over.
constexpr std::int64_t kLoginSeconds = 600;

struct UyuniConfig final : MechanismOf<UyuniConfig>
{
    static constexpr std::string_view kMechanism = "uyuni";
    std::string server;
    std::string username;
    base::Secret password;
    std::string entitlement = "monitoring_entitled";
    std::string separator = ",";
    base::Duration refreshInterval = 1_min;
    net::HttpClientConfig http;

    void describe(yaml::Fields& fields) override
    {
        fields.field("server", &server, yaml::Printing::Always);
        fields.field("username", &username, yaml::Printing::Always);
        fields.field("password", &password);
        httpconfig::describe(fields, http);
        fields.field("entitlement", &entitlement);
        fields.field("separator", &separator);
        fields.field("refresh_interval", &refreshInterval, yaml::Printing::Always);
        if (!fields.reading()) {
            return;
        }
        fields.check(!server.empty(), "Uyuni SD configuration requires server host");
        fields.check(!username.empty(), "Uyuni SD configuration requires a username");
        fields.check(!password.empty(), "Uyuni SD configuration requires a password");
    }
    absl::StatusOr<Provider> makeProvider(const ProviderEnvironment& environment) const override;
    friend bool operator==(const UyuniConfig&, const UyuniConfig&) = default;
};

class UyuniRefresher final : public Refresher
{
public:
    UyuniRefresher(const ProviderEnvironment& environment, const UyuniConfig& config)
        : client_(environment, config.http, config.refreshInterval),
          clock_(environment.clock),
          url_(joinUrl(config.server, "/rpc/api")),
          config_(config)
    {}

    absl::StatusOr<TargetGroups> refresh(const std::stop_token& stop) override
    {
        const base::Duration now = clock_.monotonic();
        if (token_.empty() || now >= renewAt_) {
            const auto token = call(
                "auth.login", {config_.username, config_.password.reveal(), kLoginSeconds}, stop);
            if (!token.ok()) {
                return base::annotate(token.status(), "unable to login to Uyuni API");
            }
            token_ = token->text;
            renewAt_ = now + base::Duration::fromMs(kLoginSeconds * 1000 / 2);
        }
        auto entries = systems(stop);
        if (!entries.ok()) {
            token_.clear();
            return entries.status();
        }
        return oneGroup(url_, *std::move(entries));
    }

private:
    absl::StatusOr<XmlRpcValue> call(std::string_view method,
                                     const std::vector<XmlRpcArgument>& arguments,
                                     const std::stop_token& stop)
    {
        NARTHEX_ASSIGN_OR_RETURN(const net::HttpResponse response,
                                 client_.send({.method = "POST",
                                               .url = url_,
                                               .headers = {{"Content-Type", "text/xml"}},
                                               .body = xmlRpcCall(method, arguments)},
                                              stop));
        if (response.status != 200) {
            return statusError(response);
        }
        return parseXmlRpcAnswer(response.body);
    }

    absl::StatusOr<std::vector<model::Labels>> systems(const std::stop_token& stop)
    {
        const auto groups = call("system.listSystemGroupsForSystemsWithEntitlement",
                                 {token_, config_.entitlement}, stop);
        if (!groups.ok()) {
            return base::annotate(groups.status(), "unable to get the managed system groups "
                                                   "information of monitored clients");
        }
        std::map<std::int64_t, std::string> groupNames;
        std::vector<std::int64_t> ids;
        for (const XmlRpcValue& system : groups->items) {
            std::vector<std::string> names;
            for (const XmlRpcValue& group : system["system_groups"].items) {
                names.push_back(group["name"].text);
            }
            ids.push_back(system["id"].integer());
            groupNames[ids.back()] = fmt::format("{}", fmt::join(names, config_.separator));
        }
        const auto endpoints = call("system.monitoring.listEndpoints", {token_, ids}, stop);
        if (!endpoints.ok()) {
            return base::annotate(endpoints.status(), "unable to get endpoints information");
        }
        const auto networks = call("system.getNetworkForSystems", {token_, ids}, stop);
        if (!networks.ok()) {
            return base::annotate(networks.status(),
                                  "unable to get the systems network information");
        }
        std::map<std::int64_t, XmlRpcValue> networkOf;
        for (const XmlRpcValue& network : networks->items) {
            networkOf[network["system_id"].integer()] = network;
        }
        std::vector<model::Labels> entries;
        for (const XmlRpcValue& endpoint : endpoints->items) {
            const std::int64_t id = endpoint["system_id"].integer();
            entries.push_back(labelsOf(endpoint, networkOf[id], groupNames[id]));
        }
        return entries;
    }

    static model::Labels labelsOf(const XmlRpcValue& endpoint, const XmlRpcValue& network,
                                  const std::string& groups)
    {
        const std::string& encrypted = endpoint["tls_enabled"].text;
        return TargetLabels("uyuni")
            .set("minion_hostname", network["hostname"].text)
            .set("primary_fqdn", network["primary_fqdn"].text)
            .set("system_id", std::to_string(endpoint["system_id"].integer()))
            .set("groups", groups)
            .set("endpoint_name", endpoint["endpoint_name"].text)
            .set("exporter", endpoint["exporter_name"].text)
            .set("proxy_module", endpoint["module"].text)
            .set("metrics_path", endpoint["path"].text)
            .set("scheme", encrypted == "1" || encrypted == "true" ? "https" : "http")
            .address(network["hostname"].text,
                     static_cast<std::uint64_t>(endpoint["port"].integer()))
            .build();
    }

    ApiClient client_;
    const base::Clock& clock_;
    const std::string url_;
    const UyuniConfig config_;
    std::string token_;
    base::Duration renewAt_;
};

absl::StatusOr<Provider> UyuniConfig::makeProvider(const ProviderEnvironment& environment) const
{
    if (const auto url = net::parseUrl(server); !url.ok()) {
        return base::annotate(url.status(), "Uyuni Server URL is not valid");
    }
    return refreshing<UyuniRefresher>(environment, *this);
}

} // namespace

std::unique_ptr<MechanismConfig> makeUyuniConfig() { return std::make_unique<UyuniConfig>(); }

} // namespace narthex::discovery
