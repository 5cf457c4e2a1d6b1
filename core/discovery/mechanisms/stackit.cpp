// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// stackit_sd_configs: servers of a project at STACKIT. Source: spec/discovery.md, section 21.
#include "core/base/status.h"
#include "core/discovery/refreshing.h"
#include "core/discovery/registry.h"
#include "core/discovery/target_labels.h"
#include "core/discovery/tokens.h"
#include "core/net/crypto.h"
#include "core/net/url.h"

#include <fmt/format.h>

namespace narthex::discovery {
namespace {

struct StackitConfig final : MechanismOf<StackitConfig>
{
    static constexpr std::string_view kMechanism = "stackit";
    std::string project;
    base::Duration refreshInterval = 60_s;
    std::uint64_t port = 80;
    std::string region = "eu01";
    std::string endpoint;
    base::Secret serviceAccountKey;
    base::Secret privateKey;
    std::string serviceAccountKeyPath;
    std::string privateKeyPath;
    std::string credentialsFilePath;
    net::HttpClientConfig http;

    void describe(yaml::Fields& fields) override
    {
        httpconfig::describe(fields, http);
        fields.field("project", &project, yaml::Printing::Always);
        fields.field("refresh_interval", &refreshInterval, yaml::Printing::Always);
        fields.field("port", &port, yaml::Printing::Always);
        fields.field("region", &region);
        fields.field("endpoint", &endpoint);
        fields.field("service_account_key", &serviceAccountKey);
        fields.field("private_key", &privateKey);
        fields.path("service_account_key_path", serviceAccountKeyPath);
        fields.path("private_key_path", privateKeyPath);
        fields.path("credentials_file_path", credentialsFilePath);
        if (fields.reading()) {
            fields.check(!endpoint.empty() || !region.empty(),
                         "stackit_sd: endpoint and region missing");
            if (endpoint.starts_with(':')) {
                fields.failAt("endpoint",
                              fmt::format("stackit_sd: invalid endpoint \"{}\": missing "
                                          "protocol scheme",
                                          endpoint));
            }
        }
    }
    [[nodiscard]] bool hasKey() const
    {
        return !serviceAccountKey.empty() || !serviceAccountKeyPath.empty();
    }
    absl::StatusOr<Provider> makeProvider(const ProviderEnvironment& environment) const override;
    friend bool operator==(const StackitConfig&, const StackitConfig&) = default;
};

/// With a token, other authorization would stand beside it.
net::HttpClientConfig httpOf(const StackitConfig& config)
{
    net::HttpClientConfig http = config.http;
    if (config.hasKey()) {
        http.basicAuth.reset();
        http.authorization.reset();
        http.oauth2.reset();
    }
    return http;
}

class StackitRefresher final : public Refresher
{
public:
    StackitRefresher(const ProviderEnvironment& environment, const StackitConfig& config)
        : client_(environment, httpOf(config), config.refreshInterval),
          clock_(environment.clock),
          tokenUrl_(joinUrl(environment.apiBase.empty()
                                ? "https://service-account.api.stackit.cloud"
                                : environment.apiBase,
                            "/token")),
          base_(!config.endpoint.empty() ? config.endpoint
                : environment.apiBase.empty()
                    ? fmt::format("https://iaas.api.{}.stackit.cloud", config.region)
                    : environment.apiBase),
          tokens_(environment.clock),
          config_(config)
    {}

    absl::StatusOr<TargetGroups> refresh(const std::stop_token& stop) override
    {
        net::Parameters headers;
        if (config_.hasKey()) {
            const auto token = tokens_.get([&] { return askForToken(stop); });
            if (!token.ok()) {
                return base::annotate(token.status(), "setting up authentication");
            }
            headers.emplace_back("Authorization", "Bearer " + *token);
        }
        const std::string path =
            fmt::format("/v1/projects/{}/servers", net::percentEncode(config_.project));
        const auto answer =
            client_.getJson(joinUrl(base_, path, {{"details", "true"}}), stop, headers);
        if (!answer.ok()) {
            tokens_.forget();
            return answer.status();
        }
        NARTHEX_ASSIGN_OR_RETURN(const auto servers, listIn(*answer, "items"));
        std::vector<model::Labels> entries;
        for (const Json& server : servers) {
            addTarget(server, entries);
        }
        return oneGroup("stackit", std::move(entries));
    }

private:
    absl::StatusOr<AccessToken> askForToken(const std::stop_token& stop)
    {
        NARTHEX_ASSIGN_OR_RETURN(const std::string text,
                                 secretOf(config_.serviceAccountKey, config_.serviceAccountKeyPath,
                                          "the service account key"));
        const auto key = Json::parse(text);
        if (!key.ok()) {
            return base::annotate(key.status(), "the service account key");
        }
        const Json credentials = (*key)["credentials"];
        NARTHEX_ASSIGN_OR_RETURN(const base::Secret privateKey, privateKeyOf(credentials));
        const std::string random = net::randomHex(16);
        NARTHEX_ASSIGN_OR_RETURN(
            std::string assertion,
            assertionText(
                {.issuer = credentials["iss"].text(),
                 .subject = credentials["sub"].text(),
                 .audience = credentials["aud"].text(),
                 .scope = "",
                 .id = fmt::format("{}-{}-{}-{}-{}", random.substr(0, 8), random.substr(8, 4),
                                   random.substr(12, 4), random.substr(16, 4), random.substr(20)),
                 .keyId = credentials["kid"].text(),
                 .privateKey = privateKey,
                 .algorithm = "RS512",
                 .lifetime = 10_min},
                clock_.now()));
        return askToken(client_, tokenUrl_, assertionForm(std::move(assertion)), stop);
    }

    /// From the configuration, the service account key or the credentials file, in this order.
    absl::StatusOr<base::Secret> privateKeyOf(const Json& credentials) const
    {
        base::Secret inKey(credentials["privateKey"].text());
        if (!config_.privateKey.empty() || !config_.privateKeyPath.empty()) {
            return keyFrom(config_.privateKey, config_.privateKeyPath);
        }
        if (!inKey.empty()) {
            return inKey;
        }
        if (config_.credentialsFilePath.empty()) {
            return base::invalidArgument("the service account key holds no private key: set "
                                         "private_key, private_key_path or credentials_file_path");
        }
        NARTHEX_ASSIGN_OR_RETURN(const std::string text,
                                 secretOf({}, config_.credentialsFilePath, "the credentials file"));
        NARTHEX_ASSIGN_OR_RETURN(const Json file, Json::parse(text));
        return keyFrom(base::Secret(file["STACKIT_PRIVATE_KEY"].text()),
                       file["STACKIT_PRIVATE_KEY_PATH"].text());
    }

    static absl::StatusOr<base::Secret> keyFrom(const base::Secret& key, const std::string& path)
    {
        NARTHEX_ASSIGN_OR_RETURN(std::string text,
                                 secretOf(key, key.empty() ? path : "", "the private key"));
        return base::Secret(std::move(text));
    }

    void addTarget(const Json& server, std::vector<model::Labels>& entries) const
    {
        TargetLabels labels("stackit");
        std::string publicIp;
        std::string privateIp;
        for (const Json& card : server["nics"].items()) {
            const std::string outer = card["publicIp"].text();
            const std::string inner = card["ipv4"].text();
            publicIp = publicIp.empty() ? outer : publicIp;
            privateIp = privateIp.empty() ? inner : privateIp;
            if (!inner.empty()) {
                labels.keyed("private_ipv4", card["networkName"].text(), inner);
            }
        }
        if (publicIp.empty() && privateIp.empty()) {
            return;
        }
        labels.set("project", config_.project)
            .set("id", server["id"])
            .set("name", server["name"])
            .set("availability_zone", server["availabilityZone"])
            .set("status", server["status"])
            .set("power_status", server["powerStatus"])
            .set("type", server["machineType"])
            .set("public_ipv4", publicIp)
            .address(publicIp.empty() ? privateIp : publicIp, config_.port);
        const auto own = server["labels"].members();
        for (const auto& [key, value] : own) {
            if (value.isString()) {
                labels.keyed("labelpresent", key, "true").keyed("label", key, value.text());
            }
        }
        entries.push_back(labels.build());
    }

    ApiClient client_;
    const base::Clock& clock_;
    const std::string tokenUrl_;
    const std::string base_;
    TokenCache tokens_;
    const StackitConfig config_;
};

absl::StatusOr<Provider> StackitConfig::makeProvider(const ProviderEnvironment& environment) const
{
    if (!endpoint.empty()) {
        if (const auto url = net::parseUrl(endpoint); !url.ok()) {
            return base::annotate(url.status(), "stackit_sd: endpoint");
        }
    }
    return refreshing<StackitRefresher>(environment, *this);
}

} // namespace

std::unique_ptr<MechanismConfig> makeStackitConfig() { return std::make_unique<StackitConfig>(); }

} // namespace narthex::discovery
