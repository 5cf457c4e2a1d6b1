// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/discovery/azure_credentials.h"

#include "core/base/status.h"
#include "core/discovery/refreshing.h"

#include <fmt/format.h>

namespace narthex::discovery {

std::optional<AzureCloud> azureCloud(std::string_view name)
{
    const std::string lower = lowerCase(name);
    if (lower == "azurepubliccloud" || lower == "azurecloud" || lower == "azuregermancloud") {
        return AzureCloud{.login = "https://login.microsoftonline.com",
                          .resourceManager = "https://management.azure.com"};
    }
    if (lower == "azurechinacloud") {
        return AzureCloud{.login = "https://login.chinacloudapi.cn",
                          .resourceManager = "https://management.chinacloudapi.cn"};
    }
    if (lower == "azureusgovernment" || lower == "azureusgovernmentcloud") {
        return AzureCloud{.login = "https://login.microsoftonline.us",
                          .resourceManager = "https://management.usgovcloudapi.net"};
    }
    return std::nullopt;
}

AzureCredentials::AzureCredentials(const ProviderEnvironment& environment, AzureLogin login,
                                   AzureCloud cloud, const net::HttpClientConfig& http,
                                   base::Duration timeout)
    : loginClient_(environment, http, timeout),
      localClient_(environment, net::HttpClientConfig{}, timeout),
      clock_(environment.clock),
      variable_(environment.variable),
      apiBase_(environment.apiBase),
      login_(std::move(login)),
      cloud_(std::move(cloud)),
      cache_(environment.clock)
{}

absl::StatusOr<std::string> AzureCredentials::token(const std::stop_token& stop)
{
    auto token = cache_.get([&] { return ask(stop); });
    if (!token.ok()) {
        return base::annotate(token.status(),
                              fmt::format("could not get an Azure token by {}", login_.method));
    }
    return token;
}

absl::StatusOr<AccessToken> AzureCredentials::ask(const std::stop_token& stop)
{
    if (login_.method == "ManagedIdentity") {
        return byManagedIdentity(login_.clientId, stop);
    }
    if (login_.method == "WorkloadIdentity") {
        return byWorkloadIdentity(stop);
    }
    if (login_.method == "Certificate") {
        return byCertificate(stop);
    }
    return login_.method == "SDK" ? byWhatThereIs(stop) : bySecret(login_, stop);
}

absl::StatusOr<AccessToken> AzureCredentials::bySecret(const AzureLogin& login,
                                                       const std::stop_token& stop)
{
    return askToken(loginClient_, tokenUrl(login.tenantId),
                    {{"client_id", login.clientId},
                     {"client_secret", login.clientSecret.reveal()},
                     {"grant_type", "client_credentials"},
                     {"scope", scope()}},
                    stop);
}

absl::StatusOr<AccessToken> AzureCredentials::byManagedIdentity(const std::string& clientId,
                                                                const std::stop_token& stop)
{
    std::string resource = scope();
    constexpr std::string_view kEnd = "/.default";
    resource.resize(resource.size() - (resource.ends_with(kEnd) ? kEnd.size() : 0));
    net::Parameters query = {{"api-version", "2018-02-01"}, {"resource", std::move(resource)}};
    if (!clientId.empty()) {
        query.emplace_back("client_id", clientId);
    }
    const std::string base = apiBase_.empty() ? "http://169.254.169.254" : apiBase_;
    NARTHEX_ASSIGN_OR_RETURN(
        const Json answer,
        localClient_.getJson(joinUrl(base, "/metadata/identity/oauth2/token", query), stop,
                             {{"Metadata", "true"}}));
    return accessTokenOf(answer);
}

absl::StatusOr<AccessToken> AzureCredentials::byWorkloadIdentity(const std::stop_token& stop)
{
    const auto given = [this](const std::string& text, const char* name) {
        return text.empty() ? variable(name) : text;
    };
    const bool isConfigured = !login_.tokenFile.empty();
    const std::string tenant = given(isConfigured ? login_.tenantId : "", "AZURE_TENANT_ID");
    const std::string client = given(isConfigured ? login_.clientId : "", "AZURE_CLIENT_ID");
    const std::string file = given(login_.tokenFile, "AZURE_FEDERATED_TOKEN_FILE");
    if (tenant.empty() || client.empty() || file.empty()) {
        return base::invalidArgument("workload identity needs the environment variables "
                                     "AZURE_TENANT_ID, AZURE_CLIENT_ID and "
                                     "AZURE_FEDERATED_TOKEN_FILE");
    }
    NARTHEX_ASSIGN_OR_RETURN(std::string assertion, secretOf({}, file, "the federated token"));
    return askToken(
        loginClient_, tokenUrl(tenant),
        {{"client_id", client},
         {"client_assertion", std::move(assertion)},
         {"client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
         {"grant_type", "client_credentials"},
         {"scope", scope()}},
        stop);
}

absl::StatusOr<AccessToken> AzureCredentials::byCertificate(const std::stop_token& stop)
{
    const std::string url = tokenUrl(login_.tenantId);
    NARTHEX_ASSIGN_OR_RETURN(
        std::string assertion,
        certificateAssertion(login_.certificate, login_.clientId, url, clock_.now()));
    return askToken(
        loginClient_, url,
        {{"client_id", login_.clientId},
         {"client_assertion", std::move(assertion)},
         {"client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
         {"grant_type", "client_credentials"},
         {"scope", scope()}},
        stop);
}

absl::StatusOr<AccessToken> AzureCredentials::byWhatThereIs(const std::stop_token& stop)
{
    const AzureLogin fromVariables{.method = login_.method,
                                   .tenantId = variable("AZURE_TENANT_ID"),
                                   .clientId = variable("AZURE_CLIENT_ID"),
                                   .clientSecret = base::Secret(variable("AZURE_CLIENT_SECRET"))};
    if (!fromVariables.tenantId.empty() && !fromVariables.clientId.empty() &&
        !fromVariables.clientSecret.empty()) {
        return bySecret(fromVariables, stop);
    }
    if (!variable("AZURE_FEDERATED_TOKEN_FILE").empty()) {
        return byWorkloadIdentity(stop);
    }
    return byManagedIdentity(fromVariables.clientId, stop);
}

std::string AzureCredentials::scope() const
{
    return login_.scope.empty() ? cloud_.resourceManager + "/.default" : login_.scope;
}

std::string AzureCredentials::variable(const char* name) const
{
    return variable_ ? variable_(name) : std::string();
}

std::string AzureCredentials::tokenUrl(const std::string& tenant) const
{
    return joinUrl(apiBase_.empty() ? cloud_.login : apiBase_,
                   fmt::format("/{}/oauth2/v2.0/token", net::percentEncode(tenant)));
}

} // namespace narthex::discovery
