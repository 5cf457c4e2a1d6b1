// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// marathon_sd_configs: applications that Marathon runs. Source: spec/discovery.md, section 14.
#include "core/base/status.h"
#include "core/discovery/refreshing.h"
#include "core/discovery/registry.h"
#include "core/discovery/target_labels.h"

#include <fmt/format.h>

#include <random>
#include <set>

namespace narthex::discovery {
namespace {

struct MarathonConfig final : MechanismOf<MarathonConfig>
{
    static constexpr std::string_view kMechanism = "marathon";
    std::vector<std::string> servers;
    base::Duration refreshInterval = 30_s;
    base::Secret authToken;
    std::string authTokenFile;
    net::HttpClientConfig http;

    void describe(yaml::Fields& fields) override
    {
        fields.field("servers", &servers);
        fields.field("refresh_interval", &refreshInterval, yaml::Printing::Always);
        fields.field("auth_token", &authToken);
        fields.path("auth_token_file", authTokenFile);
        httpconfig::describe(fields, http);
        if (fields.reading()) {
            check(fields);
        }
    }
    absl::StatusOr<Provider> makeProvider(const ProviderEnvironment& environment) const override;
    friend bool operator==(const MarathonConfig&, const MarathonConfig&) = default;

private:
    void check(yaml::Fields& fields) const
    {
        fields.check(!servers.empty(), "marathon_sd: must contain at least one Marathon server");
        const bool token = !authToken.empty() || !authTokenFile.empty();
        fields.check(authToken.empty() || authTokenFile.empty(),
                     "marathon_sd: at most one of auth_token & auth_token_file must be configured");
        if (!token) {
            return;
        }
        if (http.basicAuth) {
            fields.fail("marathon_sd: at most one of basic_auth, auth_token & auth_token_file must "
                        "be configured");
        } else if (fields.written("bearer_token") || fields.written("bearer_token_file")) {
            fields.fail("marathon_sd: at most one of bearer_token, bearer_token_file, auth_token & "
                        "auth_token_file must be configured");
        } else if (http.authorization) {
            fields.fail("marathon_sd: at most one of auth_token, auth_token_file & authorization "
                        "must be configured");
        }
    }
};

/// Where an application listens: ports (0: the task knows) and their labels, in the same order.
struct Ports
{
    std::vector<std::int64_t> numbers;
    std::vector<Json> labels;
    std::string_view labelPrefix;
};

Ports portsOf(const Json& app, bool containerNet)
{
    Ports ports;
    const Json container = app["container"];
    std::vector<Json> mappings = container["portMappings"].items();
    if (mappings.empty()) {
        mappings = container["docker"]["portMappings"].items(); // before Marathon 1.5
    }
    if (!mappings.empty()) {
        ports.labelPrefix = "port_mapping_label";
        for (const Json& mapping : mappings) {
            ports.numbers.push_back(mapping[containerNet ? "containerPort" : "hostPort"].integer());
            ports.labels.push_back(mapping["labels"]);
        }
        return ports;
    }
    ports.labelPrefix = "port_definition_label";
    for (const Json& definition : app["portDefinitions"].items()) {
        // Without requirePorts it is the port of the service, not the one that is listened on.
        ports.numbers.push_back(app["requirePorts"].boolean() ? definition["port"].integer() : 0);
        ports.labels.push_back(definition["labels"]);
    }
    return ports;
}

void addTask(TargetGroup& group, const Json& task, const Ports& ports, bool containerNet)
{
    const std::vector<Json> own = task["ports"].items();
    const Json addresses = task["ipAddresses"];
    const std::string host = containerNet && addresses.at(0).isObject()
                                 ? addresses.at(0)["ipAddress"].text()
                                 : task["host"].text();
    const std::size_t count = ports.numbers.empty() ? own.size() : ports.numbers.size();
    for (std::size_t i = 0; i < count; ++i) {
        std::int64_t port = ports.numbers.empty() ? 0 : ports.numbers[i];
        if (port == 0 && own.size() == count) {
            port = own[i].integer();
        }
        TargetLabels labels("marathon");
        labels.plain(kAddressLabel, joinHostPort(host, std::to_string(port)));
        labels.set("task", task["id"]);
        labels.set("port_index", std::to_string(i));
        if (i < ports.labels.size()) {
            labels.members(ports.labelPrefix, ports.labels[i]);
        }
        group.entries.push_back(labels.build());
    }
}

TargetGroup groupOf(const Json& app)
{
    TargetGroup group{.source = app["id"].text()};
    TargetLabels labels("marathon");
    labels.set("app", group.source);
    labels.set("image", app["container"]["docker"]["image"]);
    labels.members("app_label", app["labels"]);
    group.labels = labels.build();
    const bool containerNet = app["networks"].at(0)["mode"].text() == "container";
    const Ports ports = portsOf(app, containerNet);
    for (const Json& task : app["tasks"].items()) {
        addTask(group, task, ports, containerNet);
    }
    return group;
}

class MarathonRefresher final : public Refresher
{
public:
    MarathonRefresher(const ProviderEnvironment& environment, const MarathonConfig& config)
        : client_(environment, config.http, config.refreshInterval), config_(config)
    {}

    absl::StatusOr<TargetGroups> refresh(const std::stop_token& stop) override
    {
        std::uniform_int_distribution<std::size_t> pick(0, config_.servers.size() - 1);
        net::HttpRequest request{
            .url = joinUrl(config_.servers[pick(random_)], "/v2/apps/?embed=apps.tasks"),
            .headers = {{"Accept", "application/json"}}};
        NARTHEX_ASSIGN_OR_RETURN(
            const std::string token,
            secretOf(config_.authToken, config_.authTokenFile, "auth token file"));
        if (!token.empty()) {
            // What DC/OS wants is no scheme of HTTP.
            request.headers.emplace_back("Authorization", "token=" + token);
        }
        NARTHEX_ASSIGN_OR_RETURN(const net::HttpResponse response,
                                 client_.send(std::move(request), stop));
        if (response.status < 200 || response.status > 299) {
            return statusError(response);
        }
        NARTHEX_ASSIGN_OR_RETURN(const Json answer, Json::parse(response.body));
        NARTHEX_ASSIGN_OR_RETURN(const std::vector<Json> apps, listIn(answer, "apps"));
        TargetGroups groups;
        std::set<std::string> sources;
        for (const Json& app : apps) {
            groups.push_back(groupOf(app));
            sources.insert(groups.back().source);
        }
        for (const std::string& source : lastSources_) {
            if (!sources.contains(source)) {
                groups.push_back({.source = source});
            }
        }
        lastSources_ = std::move(sources);
        return groups;
    }

private:
    ApiClient client_;
    const MarathonConfig config_;
    std::minstd_rand random_{std::random_device{}()};
    std::set<std::string> lastSources_;
};

absl::StatusOr<Provider> MarathonConfig::makeProvider(const ProviderEnvironment& environment) const
{
    NARTHEX_RETURN_IF_ERROR(secretOf(authToken, authTokenFile, "auth token file").status());
    return refreshing<MarathonRefresher>(environment, *this);
}

} // namespace

std::unique_ptr<MechanismConfig> makeMarathonConfig() { return std::make_unique<MarathonConfig>(); }

} // namespace narthex::discovery
