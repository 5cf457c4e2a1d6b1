// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The Docker Engine API, as far as discovery asks it: over a Unix socket, TCP or HTTP(S).
// Owner: a mechanism. Threads: one at a time. Errors: ApiClient's; InvalidArgument (a host of an
// unknown kind). Source: spec/discovery.md, section 16.
#pragma once

#include "core/discovery/refreshing.h"
#include "core/discovery/target_labels.h"
#include "core/yaml/fields.h"

#include <map>

namespace narthex::discovery {

struct DockerFilter
{
    std::string name;
    std::vector<std::string> values;
    void describe(yaml::Fields& fields);
    friend bool operator==(const DockerFilter&, const DockerFilter&) = default;
};

/// By a network's id: its labels, to be set on a target.
using DockerNetworks = std::map<std::string, std::vector<std::pair<std::string, std::string>>>;

class DockerApi
{
public:
    /// `host`: "unix:///var/run/docker.sock", "tcp://h:2375", "http://…", "https://…"; `http` is
    /// used for the last two only.
    static absl::StatusOr<DockerApi> create(const ProviderEnvironment& environment,
                                            const std::string& host,
                                            const net::HttpClientConfig& http,
                                            base::Duration timeout);

    /// The list at `path` ("/containers/json"). The version of the API is agreed on first.
    absl::StatusOr<std::vector<Json>> list(const std::string& path, const std::stop_token& stop,
                                           const std::vector<DockerFilter>& filters = {});
    /// All networks; labels are `__meta_<prefix>_network_…`.
    absl::StatusOr<DockerNetworks> networks(std::string_view prefix, const std::stop_token& stop);

private:
    DockerApi(ApiClient client, std::string base, std::string unixSocket)
        : client_(std::move(client)), base_(std::move(base)), unixSocket_(std::move(unixSocket))
    {}
    absl::StatusOr<net::HttpResponse> get(const std::string& url, const std::stop_token& stop);
    absl::Status negotiate(const std::stop_token& stop);

    ApiClient client_;
    std::string base_;
    std::string unixSocket_;
    /// "1.41"; empty: not agreed on yet.
    std::string version_;
};

/// The labels of network `id`, if it is known.
void setNetwork(TargetLabels& labels, const DockerNetworks& networks, const std::string& id);

/// The key `filters`; printed even when there are none.
void describeFilters(yaml::Fields& fields, std::vector<DockerFilter>& filters);

/// `host missing`
void checkDockerHost(yaml::Fields& fields, const std::string& host);

} // namespace narthex::discovery
