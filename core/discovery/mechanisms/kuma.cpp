// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// kuma_sd_configs: monitoring assignments of a Kuma control plane, over its xDS protocol. A request
// waits at the server until something changed. Source: spec/discovery.md, section 21.
#include "core/base/json_writer.h"
#include "core/base/status.h"
#include "core/discovery/refreshing.h"
#include "core/discovery/registry.h"
#include "core/discovery/target_labels.h"

#include <fmt/format.h>

#include <array>
#include <netdb.h>
#include <unistd.h>

namespace narthex::discovery {
namespace {

constexpr std::string_view kFailures = "prometheus_sd_kuma_fetch_failures_total";
constexpr std::string_view kSkipped = "prometheus_sd_kuma_fetch_skipped_updates_total";
constexpr std::string_view kDuration = "prometheus_sd_kuma_fetch_duration_seconds";
constexpr std::string_view kTypeUrl =
    "type.googleapis.com/kuma.observability.v1.MonitoringAssignment";

struct KumaConfig final : MechanismOf<KumaConfig>
{
    static constexpr std::string_view kMechanism = "kuma";
    base::Duration refreshInterval = 15_s;
    base::Duration fetchTimeout = 2_min;
    std::string server;
    std::string clientId;
    net::HttpClientConfig http;

    void describe(yaml::Fields& fields) override
    {
        httpconfig::describe(fields, http);
        fields.field("refresh_interval", &refreshInterval, yaml::Printing::Always);
        fields.field("fetch_timeout", &fetchTimeout, yaml::Printing::Always);
        fields.field("server", &server);
        fields.field("client_id", &clientId);
        if (!fields.reading()) {
            return;
        }
        const std::size_t scheme = server.find("://");
        if (server.empty()) {
            fields.fail("kuma SD server must not be empty: ");
        } else if (scheme == 0 || scheme == std::string::npos || scheme + 3 == server.size()) {
            fields.failAt(
                "server",
                fmt::format("kuma SD server must not be empty and have a scheme: {}", server));
        }
    }
    absl::StatusOr<Provider> makeProvider(const ProviderEnvironment& environment) const override;
    friend bool operator==(const KumaConfig&, const KumaConfig&) = default;
};

/// This machine's full name, or what is known of it.
std::string ownName()
{
    std::array<char, 256> host{};
    if (gethostname(host.data(), host.size() - 1) != 0 || host[0] == '\0') {
        return "narthex";
    }
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_flags = AI_CANONNAME;
    addrinfo* info = nullptr;
    std::string name = host.data();
    if (getaddrinfo(host.data(), nullptr, &hints, &info) == 0) {
        if (info->ai_canonname != nullptr) {
            name = info->ai_canonname;
        }
        freeaddrinfo(info);
    }
    return name;
}

/// A member by its name in the protocol, or in the form of JSON ("version_info", "versionInfo").
Json either(const Json& from, const char* name, const char* jsonName)
{
    return from[name].isNull() ? from[jsonName] : from[name];
}

void addTargets(const Json& assignment, std::vector<model::Labels>& entries)
{
    for (const Json& target : assignment["targets"].items()) {
        const std::string name = target["name"].text();
        TargetLabels labels("kuma");
        // Labels of the assignment win.
        labels.members("label", target["labels"])
            .members("label", assignment["labels"])
            .set("mesh", assignment["mesh"])
            .set("service", assignment["service"])
            .set("dataplane", name)
            .plain(kAddressLabel, target["address"].text())
            .plain("instance", name)
            .plain("__scheme__", target["scheme"].text())
            .plain("__metrics_path__", either(target, "metrics_path", "metricsPath").text());
        entries.push_back(labels.build());
    }
}

class KumaRefresher final : public Refresher
{
public:
    KumaRefresher(const ProviderEnvironment& environment, const KumaConfig& config)
        : client_(environment, config.http, config.fetchTimeout + 15_s),
          clock_(environment.clock),
          metrics_(environment.metrics),
          url_(joinUrl(config.server, "/v3/discovery:monitoringassignments",
                       {{"fetch-timeout", base::formatDuration(config.fetchTimeout)}})),
          clientId_(config.clientId)
    {
        metrics_.add(kFailures, {}, 0);
        metrics_.add(kSkipped, {}, 0);
    }

    absl::StatusOr<TargetGroups> refresh(const std::stop_token& stop) override
    {
        if (clientId_.empty()) {
            clientId_ = ownName();
        }
        const base::Duration start = clock_.monotonic();
        auto groups = fetch(stop);
        const base::Duration end = clock_.monotonic();
        metrics_.observe(kDuration, {}, (end - start).seconds(), end);
        if (!groups.ok() && !stop.stop_requested()) {
            metrics_.add(kFailures);
        }
        return groups;
    }

private:
    absl::StatusOr<TargetGroups> fetch(const std::stop_token& stop)
    {
        NARTHEX_ASSIGN_OR_RETURN(const net::HttpResponse response,
                                 client_.send({.method = "POST",
                                               .url = url_,
                                               .headers = {{"Content-Type", "application/json"},
                                                           {"Accept", "application/json"}},
                                               .body = requestBody()},
                                              stop));
        if (response.status == 304) {
            metrics_.add(kSkipped);
            return TargetGroups{}; // nothing changed
        }
        if (response.status != 200) {
            return base::unavailable("non 200 status '{}' response during xDS fetch",
                                     response.status);
        }
        NARTHEX_ASSIGN_OR_RETURN(const Json answer, Json::parse(response.body));
        const std::string type = either(answer, "type_url", "typeUrl").text();
        if (type != kTypeUrl) {
            return base::unavailable("received invalid typeURL for Kuma MADS v1 Resource: {}",
                                     type);
        }
        NARTHEX_ASSIGN_OR_RETURN(const auto resources, listIn(answer, "resources"));
        std::vector<model::Labels> entries;
        for (const Json& resource : resources) {
            if (resource["@type"].text() != kTypeUrl) {
                return base::unavailable("received a resource of the unknown type \"{}\"",
                                         resource["@type"].text());
            }
            addTargets(resource, entries);
        }
        version_ = either(answer, "version_info", "versionInfo").text();
        nonce_ = answer["nonce"].text();
        return oneGroup("kuma", std::move(entries));
    }

    [[nodiscard]] std::string requestBody() const
    {
        std::string body;
        base::JsonWriter json(body);
        json.beginObject();
        if (!version_.empty()) {
            json.member("version_info", version_);
        }
        json.key("node").beginObject().member("id", clientId_).endObject();
        json.member("type_url", kTypeUrl);
        if (!nonce_.empty()) {
            json.member("response_nonce", nonce_);
        }
        json.endObject();
        return body;
    }

    ApiClient client_;
    const base::Clock& clock_;
    Metrics& metrics_;
    const std::string url_;
    std::string clientId_;
    /// Of the last answer that was understood.
    std::string version_;
    std::string nonce_;
};

absl::StatusOr<Provider> KumaConfig::makeProvider(const ProviderEnvironment& environment) const
{
    if (!server.starts_with("http://") && !server.starts_with("https://")) {
        return base::invalidArgument("kuma_sd: invalid xDS server URL protocol. must be either "
                                     "'http' or 'https'");
    }
    return refreshing<KumaRefresher>(environment, *this);
}

} // namespace

std::unique_ptr<MechanismConfig> makeKumaConfig() { return std::make_unique<KumaConfig>(); }

} // namespace narthex::discovery
