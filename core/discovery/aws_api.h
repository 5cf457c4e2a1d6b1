// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Signed calls to Amazon's web services, and the frame of the mechanisms that make them: region and
// credentials are found at the first refresh and looked for again when they are refused. Owner: a
// mechanism. Threads: AwsApi any; the rest one at a time. Errors: as AwsXml and ApiClient.
// Source: spec/discovery.md, sections 7 to 9.
#pragma once

#include "core/discovery/aws_credentials.h"
#include "core/discovery/aws_xml.h"
#include "core/discovery/mechanism.h"

#include <absl/functional/function_ref.h>

namespace narthex::discovery {

struct AwsFilter
{
    std::string name;
    std::vector<std::string> values;
    void describe(yaml::Fields& fields);
    friend bool operator==(const AwsFilter&, const AwsFilter&) = default;
};

/// All keys of all AWS mechanisms; each describes those that it has.
struct AwsKeys
{
    AwsAccess access;
    std::uint64_t port = 80;
    base::Duration refreshInterval = 60_s;
    std::vector<AwsFilter> filters;
    std::vector<std::string> clusters;
    std::uint64_t requestConcurrency = 10;
    friend bool operator==(const AwsKeys&, const AwsKeys&) = default;
};

/// The calls of one refresh.
class AwsApi
{
public:
    /// The key `endpoint` of `access` is that of `ownService`.
    AwsApi(const ProviderEnvironment& environment, const AwsAccess& access, std::string ownService,
           ApiClient& client, std::string region, net::SigV4Credentials credentials,
           std::stop_token stop)
        : environment_(environment),
          access_(access),
          ownService_(std::move(ownService)),
          client_(client),
          region_(std::move(region)),
          credentials_(std::move(credentials)),
          stop_(std::move(stop))
    {}

    [[nodiscard]] const std::string& region() const { return region_; }

    /// The query interface: a form, answered in XML.
    [[nodiscard]] absl::StatusOr<AwsXml> query(const std::string& service,
                                               const std::string& version,
                                               const std::string& action,
                                               net::Parameters form) const;
    /// JSON 1.1; `target` as "Lightsail_20161128.GetInstances".
    [[nodiscard]] absl::StatusOr<Json> json(const std::string& service, const std::string& target,
                                            std::string body) const;
    /// The REST interface; `path` is encoded.
    [[nodiscard]] absl::StatusOr<Json> get(const std::string& service, const std::string& path,
                                           const net::Parameters& query) const;

private:
    [[nodiscard]] absl::StatusOr<net::HttpResponse> send(const std::string& service,
                                                         net::HttpRequest request) const;
    [[nodiscard]] std::string endpoint(const std::string& service) const;

    const ProviderEnvironment& environment_;
    const AwsAccess& access_;
    const std::string ownService_;
    ApiClient& client_;
    const std::string region_;
    const net::SigV4Credentials credentials_;
    const std::stop_token stop_;
};

/// One group, named after the region.
class AwsRefresher : public Refresher
{
public:
    AwsRefresher(const ProviderEnvironment& environment, AwsKeys keys, std::string service);
    absl::StatusOr<TargetGroups> refresh(const std::stop_token& stop) final;

protected:
    /// The targets that are there now.
    virtual absl::StatusOr<std::vector<model::Labels>> discover(const AwsApi& api) = 0;

    const ProviderEnvironment environment_;
    const AwsKeys keys_;

private:
    const std::string service_;
    ApiClient client_;
    AwsCredentialChain chain_;
};

/// Calls `task` for 0 to `count` - 1, at most `limit` at once; the first error ends it.
absl::Status inParallel(std::size_t count, std::uint64_t limit,
                        absl::FunctionRef<absl::Status(std::size_t)> task);

// The mechanisms, for the role of aws_sd_configs.
std::unique_ptr<Refresher> makeEc2Refresher(const ProviderEnvironment& environment, AwsKeys keys);
std::unique_ptr<Refresher> makeEcsRefresher(const ProviderEnvironment& environment, AwsKeys keys);
std::unique_ptr<Refresher> makeElasticacheRefresher(const ProviderEnvironment& environment,
                                                    AwsKeys keys);
std::unique_ptr<Refresher> makeLightsailRefresher(const ProviderEnvironment& environment,
                                                  AwsKeys keys);
std::unique_ptr<Refresher> makeMskRefresher(const ProviderEnvironment& environment, AwsKeys keys);
std::unique_ptr<Refresher> makeRdsRefresher(const ProviderEnvironment& environment, AwsKeys keys);

/// The keys of ecs, msk, rds and elasticache.
void describeClusterKeys(yaml::Fields& fields, AwsKeys& keys, bool withFilters);

} // namespace narthex::discovery
