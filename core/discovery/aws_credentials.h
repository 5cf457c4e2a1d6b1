// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Keys for Amazon's web services from wherever this machine has them: configuration, environment,
// web identities, shared files, commands, containers, instance metadata; roles on top. Owner: a
// mechanism. Threads: one at a time. Errors: Unavailable; messages never hold secrets.
// Source: spec/discovery.md, section 7.
#pragma once

#include "core/discovery/api_client.h"
#include "core/discovery/aws_profiles.h"
#include "core/net/sigv4.h"
#include "core/yaml/fields.h"

#include <optional>

namespace narthex::discovery {

/// How an account is reached: keys of every AWS mechanism.
struct AwsAccess
{
    std::string region;
    std::string endpoint;
    std::string accessKey;
    base::Secret secretKey;
    std::string profile;
    std::string roleArn;
    std::string externalId;
    net::HttpClientConfig http;

    /// All keys but the HTTP ones. Two mechanisms print the endpoint before the region.
    void describe(yaml::Fields& fields, bool endpointFirst, yaml::Printing printing);
    friend bool operator==(const AwsAccess&, const AwsAccess&) = default;
};

struct AwsCredentials
{
    net::SigV4Credentials keys;
    /// Absent: they do not expire.
    std::optional<base::Timestamp> expiry;
};

class AwsCredentialChain
{
public:
    AwsCredentialChain(const ProviderEnvironment& environment, AwsAccess access,
                       base::Duration timeout);

    /// Errors: `could not determine AWS region: …`.
    absl::StatusOr<std::string> region(const std::stop_token& stop);
    /// Kept until five minutes before they expire.
    absl::StatusOr<net::SigV4Credentials> credentials(const std::string& region,
                                                      const std::stop_token& stop);
    /// They were refused: the next call looks again.
    void forget() { kept_.reset(); }

private:
    using Result = absl::StatusOr<AwsCredentials>;

    [[nodiscard]] std::string variable(const char* name) const;
    [[nodiscard]] std::string fixedAddress(std::string_view otherwise) const;
    [[nodiscard]] AwsProfiles readProfiles() const;
    [[nodiscard]] std::string profileName() const;

    Result resolve();
    Result fromEnvironment() const;
    Result fromWebIdentity(const std::string& tokenFile, const std::string& roleArn,
                           const std::string& sessionName);
    Result fromProfile(const std::string& name, int depth);
    Result fromProfileSource(const AwsProfiles& profiles, const AwsProfiles::Settings& settings,
                             const std::string& name, int depth);
    Result fromNamedSource(const std::string& source);
    Result fromProcess(const std::string& command);
    Result fromMachine();
    Result fromContainer();
    Result fromInstance();
    Result assumeRole(const AwsCredentials& with, const std::string& roleArn,
                      const std::string& externalId, const std::string& sessionName);
    Result askTokenService(net::Parameters form, const AwsCredentials* with);
    absl::StatusOr<std::string> askInstance(const std::string& path);

    const ProviderEnvironment& environment_;
    const AwsAccess access_;
    /// For the token service.
    ApiClient client_;
    /// For addresses of this machine: no proxy, and it answers at once or not at all.
    ApiClient local_;
    std::optional<AwsCredentials> kept_;
    // Of the call that is under way.
    std::string region_;
    std::stop_token stop_;
};

/// "https://ec2.eu-west-1.amazonaws.com"
std::string awsEndpoint(std::string_view service, std::string_view region);

} // namespace narthex::discovery
