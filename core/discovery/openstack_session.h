// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A login at OpenStack's identity service (Keystone, version 3), the catalog of services it gives,
// and lists read page by page with its token. Owner: one refresh. Threads: one at a time.
// Errors: ApiClient's; NotFound (a service is not in the catalog); InvalidArgument (credentials are
// incomplete). Source: spec/discovery.md, section 17.
#pragma once

#include "core/discovery/api_client.h"
#include "core/discovery/refreshing.h"
#include "core/yaml/fields.h"

namespace narthex::discovery {

struct OpenStackCredentials
{
    std::string identityEndpoint;
    std::string username;
    std::string userId;
    base::Secret password;
    std::string projectName;
    std::string projectId;
    std::string domainName;
    std::string domainId;
    std::string applicationName;
    std::string applicationId;
    base::Secret applicationSecret;

    void describe(yaml::Fields& fields);
    /// From OS_AUTH_URL, OS_USERNAME and so on.
    static absl::StatusOr<OpenStackCredentials>
    fromVariables(const std::function<std::string(const std::string&)>& variable);
    friend bool operator==(const OpenStackCredentials&, const OpenStackCredentials&) = default;
};

class OpenStackSession
{
public:
    struct Scope
    {
        std::string region;
        /// "public", "internal" or "admin".
        std::string availability;
    };

    /// `client` outlives the session.
    static absl::StatusOr<OpenStackSession> login(ApiClient& client,
                                                  const OpenStackCredentials& credentials,
                                                  Scope scope, const std::stop_token& stop);

    /// The address of a kind of service ("compute", "network", "load-balancer") in the region,
    /// without a slash and without "/v2.0" at its end.
    [[nodiscard]] absl::StatusOr<std::string> endpoint(std::string_view type) const;
    /// All items of the list `name`, following the links to next pages.
    absl::StatusOr<std::vector<Json>> list(std::string url, const std::string& name,
                                           const std::stop_token& stop);

private:
    OpenStackSession(ApiClient& client, std::string token, Json catalog, Scope scope)
        : client_(client),
          token_(std::move(token)),
          catalog_(std::move(catalog)),
          scope_(std::move(scope))
    {}

    ApiClient& client_;
    std::string token_;
    Json catalog_;
    Scope scope_;
};

} // namespace narthex::discovery
