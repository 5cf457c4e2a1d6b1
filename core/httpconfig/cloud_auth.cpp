// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/httpconfig/cloud_auth.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>

namespace narthex::httpconfig {
namespace {

using yaml::Fields;
using yaml::Printing;

constexpr char kTokenFile[] = "/var/run/secrets/azure/tokens/azure-identity-token";

/// 8-4-4-4-12 hexadecimal digits.
bool isUuid(std::string_view text)
{
    constexpr std::size_t kLength = 36;
    if (text.size() != kLength) {
        return false;
    }
    for (std::size_t i = 0; i < kLength; ++i) {
        const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        const char c = text[i];
        const bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
        if (dash ? c != '-' : !hex) {
            return false;
        }
    }
    return true;
}

void uuid(Fields& fields, std::string_view name, std::string& value, std::string_view section,
          bool required = true)
{
    fields.field(name, &value);
    if (!fields.reading() || (value.empty() && !required)) {
        return;
    }
    const std::string what = fmt::format("an Azure {} {}", section, name);
    if (value.empty()) {
        fields.fail(fmt::format("must provide {} in the Azure AD config", what));
    } else if (!isUuid(value)) {
        fields.failAt(name, fmt::format("the provided {} is invalid (a UUID is needed)", what));
    }
}

bool isScope(std::string_view scope)
{
    return std::all_of(scope.begin(), scope.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view("_ \t\r\n\f\v:/.-").find(c) != std::string_view::npos;
    });
}

std::string lower(std::string text)
{
    std::transform(text.begin(), text.end(), text.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return text;
}

} // namespace

void Sigv4Config::describe(Fields& fields)
{
    fields.field("region", &region);
    fields.field("access_key", &accessKey);
    fields.field("secret_key", &secretKey);
    fields.field("profile", &profile);
    fields.field("role_arn", &roleArn);
    fields.field("external_id", &externalId);
    fields.field("use_fips_sts_endpoint", &useFipsStsEndpoint);
    fields.field("service_name", &serviceName);
    fields.check(accessKey.empty() == secretKey.empty(),
                 "must provide a AWS SigV4 Access key and Secret Key if credentials are specified "
                 "in the SigV4 config");
    fields.check(externalId.empty() || !roleArn.empty(),
                 "external_id can only be used with role_arn");
}

void AzureAdConfig::ManagedIdentity::describe(Fields& fields)
{
    uuid(fields, "client_id", clientId, "Managed Identity", false);
}

void AzureAdConfig::WorkloadIdentity::describe(Fields& fields)
{
    uuid(fields, "client_id", clientId, "Workload Identity");
    uuid(fields, "tenant_id", tenantId, "Workload Identity");
    fields.field("token_file_path", &tokenFile);
    if (fields.reading() && tokenFile.empty()) {
        const char* variable = std::getenv(
            "AZURE_FEDERATED_TOKEN_FILE"); // NOLINT(concurrency-mt-unsafe): nobody sets variables
        tokenFile = variable != nullptr && *variable != '\0' ? variable : kTokenFile;
    }
}

void AzureAdConfig::OAuth::describe(Fields& fields)
{
    uuid(fields, "client_id", clientId, "OAuth");
    fields.field("client_secret", &clientSecret);
    uuid(fields, "tenant_id", tenantId, "OAuth");
    fields.check(!clientSecret.empty(),
                 "must provide an Azure OAuth client_secret in the Azure AD config");
}

void AzureAdConfig::Sdk::describe(Fields& fields)
{
    uuid(fields, "tenant_id", tenantId, "SDK", false);
}

void AzureCertificate::describe(Fields& fields)
{
    uuid(fields, "client_id", clientId, "certificate");
    uuid(fields, "tenant_id", tenantId, "certificate");
    fields.field("certificate_path", &path);
    fields.field("certificate_key_path", &keyPath);
    fields.field("certificate_password", &password);
    fields.field("send_certificate_chain", &sendChain);
    fields.check(!path.empty(), "must provide a certificate_path in the Azure AD config");
}

void AzureAdConfig::describe(Fields& fields)
{
    fields.section("managed_identity", managedIdentity);
    fields.section("workload_identity", workloadIdentity);
    fields.section("oauth", oauth);
    fields.section("sdk", sdk);
    fields.section("certificate", certificate);
    fields.field("cloud", &cloud);
    fields.field("scope", &scope);
    if (!fields.reading()) {
        return;
    }
    if (cloud.empty()) {
        cloud = "AzurePublic";
    }
    if (cloud != "AzurePublic" && cloud != "AzureChina" && cloud != "AzureGovernment") {
        fields.failAt("cloud", "must provide a cloud in the Azure AD config: AzurePublic, "
                               "AzureChina or AzureGovernment");
    }
    const int ways = (managedIdentity ? 1 : 0) + (workloadIdentity ? 1 : 0) + (oauth ? 1 : 0) +
                     (sdk ? 1 : 0) + (certificate ? 1 : 0);
    fields.check(ways != 0, "must provide an Azure Managed Identity, Azure Workload Identity, "
                            "Azure OAuth, Azure SDK or Azure certificate in the Azure AD config");
    fields.check(ways <= 1, "cannot provide more than one of managed_identity, workload_identity, "
                            "oauth, sdk and certificate in the Azure AD config");
    if (!isScope(scope)) {
        fields.failAt("scope", "the provided scope contains invalid characters");
    }
}

void GoogleIamConfig::describe(Fields& fields)
{
    fields.field("credentials_file", &credentialsFile);
}

void describeCustomHeaders(Fields& fields, std::map<std::string, std::string>& headers,
                           std::string_view authorizationMessage)
{
    constexpr std::array<std::string_view, 16> kReserved{"host",
                                                         "content-encoding",
                                                         "content-length",
                                                         "content-type",
                                                         "user-agent",
                                                         "connection",
                                                         "keep-alive",
                                                         "proxy-authenticate",
                                                         "proxy-authorization",
                                                         "www-authenticate",
                                                         "accept-encoding",
                                                         "x-prometheus-remote-write-version",
                                                         "x-prometheus-remote-read-version",
                                                         "x-amz-date",
                                                         "x-amz-security-token",
                                                         "x-amz-content-sha256"};
    fields.field("headers", &headers);
    if (!fields.reading()) {
        return;
    }
    for (const auto& [name, value] : headers) {
        const std::string lowered = lower(name);
        if (lowered == "authorization") {
            fields.failAt("headers", std::string(authorizationMessage));
        } else if (std::find(kReserved.begin(), kReserved.end(), lowered) != kReserved.end()) {
            fields.failAt("headers",
                          fmt::format("{} is a reserved header. It must not be changed", name));
        }
    }
}

} // namespace narthex::httpconfig
