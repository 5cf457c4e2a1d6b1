// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Requests to a Kubernetes API server, counted. Owner: a provider. Threads: any. Errors: OutOfRange
// (410 Gone: the version asked for is too old), Unavailable (other statuses, with the server's
// message), those of the transport.
#pragma once

#include "core/discovery/api_client.h"
#include "core/discovery/kubernetes/access.h"
#include "core/discovery/line_stream.h"

namespace narthex::discovery::kubernetes {

class Client
{
public:
    Client(const ProviderEnvironment& environment, std::shared_ptr<Access> access);

    /// GET below the server's address.
    absl::StatusOr<Json> get(const std::string& path, const net::Parameters& query,
                             const std::stop_token& stop);
    /// The same for an answer that goes on.
    absl::StatusOr<std::unique_ptr<LineStream>> watch(const std::string& path,
                                                      const net::Parameters& query,
                                                      base::Duration atMost,
                                                      const std::stop_token& stop);
    /// To be called when a watch is over: what its answer's status means.
    absl::Status judgeWatch(const std::string& path,
                            const absl::StatusOr<net::HttpResponse>& response);

private:
    absl::Status judge(const std::string& path, const absl::StatusOr<net::HttpResponse>& response,
                       base::Duration took);

    const ProviderEnvironment environment_;
    const std::shared_ptr<Access> access_;
};

/// OutOfRange for code 410, Unavailable for the others.
absl::Status statusOf(const Json& status);

} // namespace narthex::discovery::kubernetes
