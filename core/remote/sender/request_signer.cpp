// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/remote/sender/request_signer.h"

#include "core/base/status.h"
#include "core/discovery/aws_credentials.h"
#include "core/discovery/azure_credentials.h"
#include "core/discovery/google_credentials.h"
#include "core/net/sigv4.h"

#include <absl/base/thread_annotations.h>
#include <absl/synchronization/mutex.h>

#include <algorithm>

namespace narthex::remote {
namespace {

using discovery::ProviderEnvironment;

class AwsSigner final : public RequestSigner
{
public:
    AwsSigner(const httpconfig::Sigv4Config& config, const ProviderEnvironment& environment,
              base::Duration timeout)
        : service_(config.serviceName.empty() ? "aps" : config.serviceName),
          clock_(environment.clock),
          credentials_(environment,
                       {.region = config.region,
                        .endpoint = {},
                        .accessKey = config.accessKey,
                        .secretKey = config.secretKey,
                        .profile = config.profile,
                        .roleArn = config.roleArn,
                        .externalId = config.externalId,
                        .http = {}},
                       timeout)
    {}

    absl::Status sign(net::HttpRequest& request, const std::stop_token& stop) override
    {
        const absl::MutexLock lock(&mutex_);
        NARTHEX_ASSIGN_OR_RETURN(const std::string region, credentials_.region(stop));
        NARTHEX_ASSIGN_OR_RETURN(const net::SigV4Credentials keys,
                                 credentials_.credentials(region, stop));
        return net::signSigV4(request, keys, {.region = region, .service = service_}, clock_.now());
    }
    void forget() override
    {
        const absl::MutexLock lock(&mutex_);
        credentials_.forget();
    }

private:
    const std::string service_;
    const base::Clock& clock_;
    /// Held while credentials are asked for: the others would ask for the same.
    absl::Mutex mutex_;
    discovery::AwsCredentialChain credentials_ ABSL_GUARDED_BY(mutex_);
};

/// A token in the header Authorization.
template <typename Credentials>
class TokenSigner final : public RequestSigner
{
public:
    template <typename... Arguments>
    explicit TokenSigner(Arguments&&... arguments)
        : credentials_(std::forward<Arguments>(arguments)...)
    {}

    absl::Status sign(net::HttpRequest& request, const std::stop_token& stop) override
    {
        const absl::MutexLock lock(&mutex_);
        NARTHEX_ASSIGN_OR_RETURN(const std::string token, credentials_.token(stop));
        request.headers.emplace_back("Authorization", "Bearer " + token);
        return absl::OkStatus();
    }
    void forget() override
    {
        const absl::MutexLock lock(&mutex_);
        credentials_.forget();
    }

private:
    absl::Mutex mutex_;
    Credentials credentials_ ABSL_GUARDED_BY(mutex_);
};

/// Where tokens for the ingestion of metrics come from, by `cloud`.
struct IngestionCloud
{
    std::string_view name;
    std::string_view discoveryName;
    std::string_view audience;
};
constexpr IngestionCloud kClouds[] = {
    {"AzureChina", "AzureChinaCloud", "https://monitor.azure.cn//.default"},
    {"AzureGovernment", "AzureUSGovernmentCloud", "https://monitor.azure.us//.default"},
    {"AzurePublic", "AzurePublicCloud", "https://monitor.azure.com//.default"}};

discovery::AzureLogin loginOf(const httpconfig::AzureAdConfig& config, std::string_view audience)
{
    discovery::AzureLogin login;
    login.scope = config.scope.empty() ? std::string(audience) : config.scope;
    if (config.managedIdentity) {
        login.method = "ManagedIdentity";
        login.clientId = config.managedIdentity->clientId;
    } else if (config.workloadIdentity) {
        login.method = "WorkloadIdentity";
        login.clientId = config.workloadIdentity->clientId;
        login.tenantId = config.workloadIdentity->tenantId;
        login.tokenFile = config.workloadIdentity->tokenFile;
    } else if (config.oauth) {
        login.method = "OAuth";
        login.clientId = config.oauth->clientId;
        login.clientSecret = config.oauth->clientSecret;
        login.tenantId = config.oauth->tenantId;
    } else if (config.certificate) {
        login.method = "Certificate";
        login.clientId = config.certificate->clientId;
        login.tenantId = config.certificate->tenantId;
        login.certificate = {.path = config.certificate->path,
                             .keyPath = config.certificate->keyPath,
                             .password = config.certificate->password,
                             .sendChain = config.certificate->sendChain};
    } else if (config.sdk) {
        login.method = "SDK";
        login.tenantId = config.sdk->tenantId;
    }
    return login;
}

std::shared_ptr<RequestSigner> azureSigner(const httpconfig::AzureAdConfig& config,
                                           const ProviderEnvironment& environment,
                                           base::Duration timeout)
{
    const auto* const cloud =
        std::find_if(std::begin(kClouds), std::end(kClouds),
                     [&config](const IngestionCloud& each) { return each.name == config.cloud; });
    const IngestionCloud& used = cloud == std::end(kClouds) ? *std::rbegin(kClouds) : *cloud;
    return std::make_shared<TokenSigner<discovery::AzureCredentials>>(
        environment, loginOf(config, used.audience),
        discovery::azureCloud(used.discoveryName).value_or(discovery::AzureCloud{}),
        net::HttpClientConfig{}, timeout);
}

class NoSigner final : public RequestSigner
{
public:
    absl::Status sign(net::HttpRequest&, const std::stop_token&) override
    {
        return base::failedPrecondition("a cloud's authentication is configured, but its "
                                        "credentials cannot be looked for here");
    }
    void forget() override {}
};

} // namespace

std::shared_ptr<RequestSigner> makeRequestSigner(const RemoteWriteConfig& config,
                                                 const ProviderEnvironment* environment)
{
    if (!config.sigv4 && !config.azuread && !config.googleIam) {
        return nullptr;
    }
    if (environment == nullptr) {
        return std::make_shared<NoSigner>();
    }
    if (config.sigv4) {
        return std::make_shared<AwsSigner>(*config.sigv4, *environment, config.remoteTimeout);
    }
    if (config.azuread) {
        return azureSigner(*config.azuread, *environment, config.remoteTimeout);
    }
    return std::make_shared<TokenSigner<discovery::GoogleCredentials>>(
        *environment, "https://www.googleapis.com/auth/monitoring.write",
        config.googleIam->credentialsFile, config.remoteTimeout);
}

} // namespace narthex::remote
