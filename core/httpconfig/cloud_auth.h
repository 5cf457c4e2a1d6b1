// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// How requests are signed or authorised in clouds (sigv4, azuread, google_iam), and the rules for
// headers that a configuration may add. Threads: values. Source: spec/config.md, 3.7 and 3.10.
#pragma once

#include "core/base/secret.h"
#include "core/yaml/fields.h"

#include <map>
#include <optional>
#include <string>

namespace narthex::httpconfig {

/// AWS Signature Version 4.
struct Sigv4Config
{
    std::string region;
    std::string accessKey;
    base::Secret secretKey;
    std::string profile;
    std::string roleArn;
    std::string externalId;
    bool useFipsStsEndpoint = false;
    /// Empty: "aps".
    std::string serviceName;

    void describe(yaml::Fields& fields);
    friend bool operator==(const Sigv4Config&, const Sigv4Config&) = default;
};

/// The way `certificate` of AzureAdConfig.
struct AzureCertificate
{
    std::string clientId;
    std::string tenantId;
    std::string path;
    std::string keyPath;
    base::Secret password;
    bool sendChain = false;
    void describe(yaml::Fields& fields);
    friend bool operator==(const AzureCertificate&, const AzureCertificate&) = default;
};

/// Microsoft Entra ID; exactly one of the ways is configured.
struct AzureAdConfig
{
    struct ManagedIdentity
    {
        std::string clientId;
        void describe(yaml::Fields& fields);
        friend bool operator==(const ManagedIdentity&, const ManagedIdentity&) = default;
    };
    struct WorkloadIdentity
    {
        std::string clientId;
        std::string tenantId;
        std::string tokenFile;
        void describe(yaml::Fields& fields);
        friend bool operator==(const WorkloadIdentity&, const WorkloadIdentity&) = default;
    };
    struct OAuth
    {
        std::string clientId;
        base::Secret clientSecret;
        std::string tenantId;
        void describe(yaml::Fields& fields);
        friend bool operator==(const OAuth&, const OAuth&) = default;
    };
    struct Sdk
    {
        std::string tenantId;
        void describe(yaml::Fields& fields);
        friend bool operator==(const Sdk&, const Sdk&) = default;
    };

    std::string cloud = "AzurePublic";
    std::optional<ManagedIdentity> managedIdentity;
    std::optional<WorkloadIdentity> workloadIdentity;
    std::optional<OAuth> oauth;
    std::optional<Sdk> sdk;
    std::optional<AzureCertificate> certificate;
    std::string scope;

    void describe(yaml::Fields& fields);
    friend bool operator==(const AzureAdConfig&, const AzureAdConfig&) = default;
};

struct GoogleIamConfig
{
    /// Empty: application default credentials.
    std::string credentialsFile;
    void describe(yaml::Fields& fields);
    friend bool operator==(const GoogleIamConfig&, const GoogleIamConfig&) = default;
};

/// Reads or prints `headers`: names that the sender sets itself are refused; `authorization` with
/// this message.
void describeCustomHeaders(yaml::Fields& fields, std::map<std::string, std::string>& headers,
                           std::string_view authorizationMessage);

} // namespace narthex::httpconfig
