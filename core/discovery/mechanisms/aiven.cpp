// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// aiven_sd_configs: services of a project at Aiven that expose Prometheus metrics.
// Source: spec/discovery.md, section 24.
#include "core/base/status.h"
#include "core/base/worker_pool.h"
#include "core/discovery/group_file.h"
#include "core/discovery/refreshing.h"
#include "core/discovery/registry.h"
#include "core/discovery/target_labels.h"
#include "core/net/dns.h"

#include <fmt/format.h>

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <map>
#include <thread>

namespace narthex::discovery {
namespace {

constexpr std::string_view kFailures = "prometheus_sd_aiven_failures_total";
constexpr std::string_view kAny = "any";
/// Host names looked up at once, one of them on the refresh's own thread.
constexpr std::size_t kLookupsAtOnce = 5;
constexpr base::Duration kLookupTimeout = 10_s;

bool contains(const std::vector<std::string>& list, std::string_view item)
{
    return std::find(list.begin(), list.end(), item) != list.end();
}

struct AivenConfig final : MechanismOf<AivenConfig>
{
    static constexpr std::string_view kMechanism = "aiven";
    std::string apiUrl = "https://api.aiven.io";
    base::Secret apiToken;
    std::string apiTokenFile;
    std::string project;
    std::vector<std::string> serviceTypes;
    std::vector<std::string> serviceNames;
    std::vector<std::string> states = {"RUNNING", "REBALANCING", "REBUILDING"};
    std::string route = "dynamic";
    std::string usage = "primary";
    bool resolveDns = false;
    base::Duration refreshInterval = 2_min;
    net::HttpClientConfig http;

    void describe(yaml::Fields& fields) override
    {
        fields.field("api_url", &apiUrl, yaml::Printing::Always);
        fields.field("api_token", &apiToken);
        fields.path("api_token_file", apiTokenFile);
        fields.field("project", &project, yaml::Printing::Always);
        fields.field("service_types", &serviceTypes);
        fields.field("service_names", &serviceNames);
        fields.field("states", &states, yaml::Printing::Always);
        fields.field("route", &route, yaml::Printing::Always);
        fields.field("usage", &usage, yaml::Printing::Always);
        fields.field("resolve_dns", &resolveDns, yaml::Printing::Always);
        fields.field("refresh_interval", &refreshInterval, yaml::Printing::Always);
        httpconfig::describe(fields, http);
        if (fields.reading()) {
            check(fields);
        }
    }
    absl::StatusOr<Provider> makeProvider(const ProviderEnvironment& environment) const override;
    friend bool operator==(const AivenConfig&, const AivenConfig&) = default;

private:
    void check(yaml::Fields& fields) const
    {
        checkUrl(fields, apiUrl);
        if (apiToken.empty() && apiTokenFile.empty()) {
            fields.fail("aiven_sd: one of api_token & api_token_file must be configured");
        } else if (!apiToken.empty() && !apiTokenFile.empty()) {
            fields.failAt("api_token_file",
                          "aiven_sd: at most one of api_token & api_token_file must be configured");
        } else if (http.basicAuth || http.authorization || http.oauth2) {
            fields.fail("aiven_sd: api_token can not be combined with basic_auth, authorization or "
                        "oauth2");
        }
        fields.check(!project.empty(), "aiven_sd: project must be configured");
        constexpr std::array<std::string_view, 5> kRoutes = {"dynamic", "public", "private",
                                                             "privatelink", kAny};
        if (std::find(kRoutes.begin(), kRoutes.end(), route) == kRoutes.end()) {
            fields.failAt("route", fmt::format("aiven_sd: unknown route \"{}\"", route));
        }
        if (refreshInterval < 10_s) {
            fields.failAt("refresh_interval", "aiven_sd: refresh_interval must be at least 10s");
        }
    }
};

/// Credentials must not become labels: everybody who sees a target sees these.
bool mayBeShown(std::string_view name, std::string_view value)
{
    constexpr std::array<std::string_view, 6> kPrivate = {"password", "secret", "token",
                                                          "key",      "cert",   "user"};
    const std::string lower = lowerCase(name);
    const bool named = std::any_of(kPrivate.begin(), kPrivate.end(), [&](std::string_view part) {
        return lower.find(part) != std::string::npos;
    });
    const bool uriWithUser =
        value.find("://") != std::string_view::npos && value.find('@') != std::string_view::npos;
    return !named && !uriWithUser;
}

TargetLabels serviceLabels(const Json& service, const std::string& project)
{
    TargetLabels labels("aiven");
    labels.set("project", project);
    for (const char* name :
         {"service_name", "service_type", "state", "plan", "cloud_name", "node_count"}) {
        labels.set(name, service[name]);
    }
    const auto parameters = service["service_uri_params"].members();
    for (const auto& [name, value] : parameters) {
        if (mayBeShown(name, value.text())) {
            labels.keyed("service_uri_param", name, value.text());
        }
    }
    return labels.members("tag", service["tags"]);
}

/// A target before its name is resolved.
struct Endpoint
{
    TargetLabels labels;
    std::string host;
    std::uint64_t port = 0;
};

/// IPv4 and IPv6 addresses, in a steady order. Errors: there is none, or no answer in time.
absl::StatusOr<std::vector<std::string>>
addressesOf(const net::DnsResolver& resolver, const std::string& host, const std::stop_token& stop)
{
    std::array<unsigned char, 16> bytes{};
    if (inet_pton(AF_INET, host.c_str(), bytes.data()) == 1 ||
        inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1) {
        return std::vector<std::string>{host};
    }
    std::stop_source limit;
    const std::stop_callback onStop(stop, [&limit] { limit.request_stop(); });
    const std::jthread timer([&limit](const std::stop_token& done) {
        if (waitFor(kLookupTimeout, done)) {
            limit.request_stop();
        }
    });
    std::vector<std::string> addresses;
    for (const net::DnsType type : {net::DnsType::A, net::DnsType::AAAA}) {
        NARTHEX_ASSIGN_OR_RETURN(const auto records,
                                 resolver.lookup(host, type, limit.get_token()));
        for (const net::DnsRecord& record : records) {
            if (record.type == type) {
                addresses.push_back(record.target);
            }
        }
    }
    if (addresses.empty()) {
        return base::notFound("{} has no address", host);
    }
    std::sort(addresses.begin(), addresses.end());
    return addresses;
}

class AivenRefresher final : public Refresher
{
public:
    AivenRefresher(const ProviderEnvironment& environment, const AivenConfig& config)
        : client_(environment, config.http, config.refreshInterval),
          metrics_(environment.metrics),
          log_(environment.log),
          resolver_(environment.resolverFile, environment.dnsPort),
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
    absl::StatusOr<TargetGroups> ask(const std::stop_token& stop)
    {
        NARTHEX_ASSIGN_OR_RETURN(
            const std::string token,
            secretOf(config_.apiToken, config_.apiTokenFile, "aiven_sd: api_token"));
        const std::string path =
            fmt::format("/v1/project/{}/service", net::percentEncode(config_.project));
        const auto answer = client_.getJson(joinUrl(config_.apiUrl, path), stop,
                                            {{"Authorization", "aivenv1 " + token}});
        if (!answer.ok()) {
            return base::annotate(answer.status(), "aiven_sd");
        }
        if (!(*answer)["services"].isArray()) {
            return base::unavailable("aiven_sd: the answer has no list \"services\"");
        }
        std::vector<Endpoint> endpoints;
        for (const Json& service : (*answer)["services"].items()) {
            if (wanted(service)) {
                addEndpoints(service, endpoints);
            }
        }
        return oneGroup("aiven/" + config_.project,
                        config_.resolveDns ? resolved(endpoints, stop) : named(endpoints));
    }

    [[nodiscard]] bool wanted(const Json& service) const
    {
        const auto passes = [](const std::vector<std::string>& allowed, const std::string& value) {
            return allowed.empty() || contains(allowed, value);
        };
        return passes(config_.serviceTypes, service["service_type"].text()) &&
               passes(config_.serviceNames, service["service_name"].text()) &&
               (service["state"].isNull() || passes(config_.states, service["state"].text()));
    }

    void addEndpoints(const Json& service, std::vector<Endpoint>& endpoints) const
    {
        const TargetLabels common = serviceLabels(service, config_.project);
        for (const Json& component : service["components"].items()) {
            const std::string route = component["route"].text();
            const std::string usage =
                component["usage"].isNull() ? "primary" : component["usage"].text();
            if (component["component"].text() != "prometheus" ||
                (config_.route != kAny && config_.route != route) ||
                (config_.usage != kAny && config_.usage != usage) ||
                component["host"].text().empty()) {
                continue;
            }
            Endpoint& endpoint = endpoints.emplace_back(Endpoint{
                .labels = common,
                .host = component["host"].text(),
                .port = static_cast<std::uint64_t>(component["port"].integer()),
            });
            endpoint.labels.set("component", component["component"])
                .set("route", route)
                .set("usage", usage)
                .set("service_host", endpoint.host)
                .set("service_port", component["port"]);
        }
    }

    static std::vector<model::Labels> named(std::vector<Endpoint>& endpoints)
    {
        std::vector<model::Labels> entries;
        for (Endpoint& endpoint : endpoints) {
            entries.push_back(endpoint.labels.address(endpoint.host, endpoint.port).build());
        }
        return entries;
    }

    /// A target for each address of each name: one name stands for all nodes of a service.
    std::vector<model::Labels> resolved(std::vector<Endpoint>& endpoints,
                                        const std::stop_token& stop)
    {
        lookUp(endpoints, stop);
        std::vector<model::Labels> entries;
        for (Endpoint& endpoint : endpoints) {
            const std::vector<std::string>& addresses = addresses_[endpoint.host];
            for (const std::string& address : addresses) {
                TargetLabels labels = endpoint.labels;
                entries.push_back(
                    labels.set("node_ip", address).address(address, endpoint.port).build());
            }
            if (addresses.empty()) {
                entries.push_back(endpoint.labels.address(endpoint.host, endpoint.port).build());
            }
        }
        return entries;
    }

    /// Renews addresses_: hosts that are gone leave it, one whose lookup fails keeps what it had.
    void lookUp(const std::vector<Endpoint>& endpoints, const std::stop_token& stop)
    {
        std::vector<std::string> hosts;
        for (const Endpoint& endpoint : endpoints) {
            if (!contains(hosts, endpoint.host)) {
                hosts.push_back(endpoint.host);
            }
        }
        std::vector<absl::StatusOr<std::vector<std::string>>> results(hosts.size());
        base::WorkerPool pool(std::min(kLookupsAtOnce - 1, std::max<std::size_t>(1, hosts.size())));
        pool.parallelFor(hosts.size(), [&](std::size_t i) {
            results[i] = addressesOf(resolver_, hosts[i], stop);
        });
        std::map<std::string, std::vector<std::string>> addresses;
        for (std::size_t i = 0; i < hosts.size(); ++i) {
            if (results[i].ok()) {
                addresses[hosts[i]] = *std::move(results[i]);
            } else {
                log_->warn("aiven: a host name does not resolve host={} error=\"{}\"", hosts[i],
                           base::messageOf(results[i].status()));
                addresses[hosts[i]] = addresses_[hosts[i]];
            }
        }
        addresses_ = std::move(addresses);
    }

    ApiClient client_;
    Metrics& metrics_;
    const base::Logger log_;
    const net::DnsResolver resolver_;
    const AivenConfig config_;
    /// The last addresses of each host.
    std::map<std::string, std::vector<std::string>> addresses_;
};

absl::StatusOr<Provider> AivenConfig::makeProvider(const ProviderEnvironment& environment) const
{
    return refreshing<AivenRefresher>(environment, *this);
}

} // namespace

std::unique_ptr<MechanismConfig> makeAivenConfig() { return std::make_unique<AivenConfig>(); }

} // namespace narthex::discovery
