// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Blocking HTTP calls of discovery mechanisms, cancelled by a stop token, with a total timeout and
// a limit of the answer. Owner: a mechanism. Threads: any. Errors: Unavailable and the
// like from the transport; a status that is not expected is Unavailable `server returned HTTP
// status 503 Service Unavailable`. Bodies and headers of requests are never logged. Source:
// spec/discovery.md, Safety rules.
#pragma once

#include "core/discovery/json.h"
#include "core/discovery/metrics.h"
#include "core/discovery/provider.h"
#include "core/net/parameters.h"

namespace narthex::discovery {

class ApiClient
{
public:
    /// `timeout`: of a whole call.
    ApiClient(const ProviderEnvironment& environment, net::HttpClientConfig config,
              base::Duration timeout);
    /// With settings that others use, too.
    static ApiClient sharing(const ProviderEnvironment& environment,
                             std::shared_ptr<const net::HttpClientConfig> config,
                             base::Duration timeout);

    /// Sends and waits. Any status is an answer.
    absl::StatusOr<net::HttpResponse> send(net::HttpRequest request, const std::stop_token& stop);
    /// GET; the status must be 200.
    absl::StatusOr<net::HttpResponse> get(const std::string& url, const std::stop_token& stop,
                                          const net::Parameters& headers = {});
    /// GET with `Accept: application/json`, 200, parsed.
    absl::StatusOr<Json> getJson(const std::string& url, const std::stop_token& stop,
                                 net::Parameters headers = {});
    /// POST with a body; 200 to 299, parsed.
    absl::StatusOr<Json> postJson(const std::string& url, std::string contentType, std::string body,
                                  const std::stop_token& stop, net::Parameters headers = {});

    static constexpr std::uint64_t kBodyLimit = 64ULL << 20U;

private:
    net::HttpClient& http_;
    std::shared_ptr<const net::HttpClientConfig> config_;
    base::Duration timeout_;
};

/// `server returned HTTP status 404 Not Found`
absl::Status statusError(const net::HttpResponse& response);

/// `base` and `path` joined with one slash; `query` percent-encoded, in order.
std::string joinUrl(std::string_view base, std::string_view path,
                    const net::Parameters& query = {});

/// "host:port", brackets around an IPv6 address.
std::string joinHostPort(std::string_view host, std::string_view port);
std::string joinHostPort(std::string_view host, std::uint64_t port);

/// A foreign key as (part of) a label name: every code point outside [a-zA-Z0-9_] becomes '_'.
std::string sanitizeLabelName(std::string_view key);

/// `,a,b,`: easy to match in relabel rules; `,,` when there are none.
std::string surrounded(const std::vector<std::string>& items, std::string_view separator = ",");

/// `meta(labels, "ec2_region", "eu-west-1")` sets `__meta_ec2_region`, unless the value is empty.
void meta(model::LabelsBuilder& labels, std::string_view name, std::string_view value);

} // namespace narthex::discovery
