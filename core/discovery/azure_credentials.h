// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Azure's clouds, and tokens for their resource manager: by client secret, managed identity,
// workload identity, or the first of those that is set up. Owner: a refresher. Threads: one at a
// time. Errors: ApiClient's; InvalidArgument (a variable or file that the method needs is missing).
// Source: spec/discovery.md, section 12.
#pragma once

#include "core/discovery/azure_certificate.h"
#include "core/discovery/tokens.h"

#include <optional>

namespace narthex::discovery {

struct AzureCloud
{
    std::string login;
    std::string resourceManager;
};

/// By a name in any case; absent if there is none.
std::optional<AzureCloud> azureCloud(std::string_view name);

struct AzureLogin
{
    /// "OAuth", "ManagedIdentity", "SDK", "WorkloadIdentity" or "Certificate".
    std::string method;
    std::string tenantId;
    std::string clientId;
    base::Secret clientSecret;
    /// Of a workload identity, which is then the one that is named here; empty: the environment's.
    std::string tokenFile;
    /// What the token is for; empty: the cloud's resource manager.
    std::string scope;
    AzureCertificate certificate;
};

class AzureCredentials
{
public:
    /// `http`: how the login service is reached.
    AzureCredentials(const ProviderEnvironment& environment, AzureLogin login, AzureCloud cloud,
                     const net::HttpClientConfig& http, base::Duration timeout);

    absl::StatusOr<std::string> token(const std::stop_token& stop);
    void forget() { cache_.forget(); }

private:
    absl::StatusOr<AccessToken> ask(const std::stop_token& stop);
    absl::StatusOr<AccessToken> bySecret(const AzureLogin& login, const std::stop_token& stop);
    absl::StatusOr<AccessToken> byManagedIdentity(const std::string& clientId,
                                                  const std::stop_token& stop);
    absl::StatusOr<AccessToken> byWorkloadIdentity(const std::stop_token& stop);
    absl::StatusOr<AccessToken> byCertificate(const std::stop_token& stop);
    /// The first method that this machine is set up for.
    absl::StatusOr<AccessToken> byWhatThereIs(const std::stop_token& stop);
    [[nodiscard]] std::string variable(const char* name) const;
    [[nodiscard]] std::string scope() const;
    [[nodiscard]] std::string tokenUrl(const std::string& tenant) const;

    ApiClient loginClient_;
    /// Without proxies: the machine's own service.
    ApiClient localClient_;
    const base::Clock& clock_;
    const std::function<std::string(const std::string&)> variable_;
    const std::string apiBase_;
    const AzureLogin login_;
    const AzureCloud cloud_;
    TokenCache cache_;
};

} // namespace narthex::discovery
