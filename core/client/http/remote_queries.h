// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Queries to a Prometheus-compatible server, one at a time, for tools: each call waits for its
// answer. Owner: the tool. Threads: one at a time, never the loop's. Errors: Unavailable (no
// connection, no such server), DeadlineExceeded, InvalidArgument (the server refused the query),
// Unimplemented (native histograms). Format: spec/http-api.md, range queries.
#pragma once

#include "core/base/time.h"
#include "core/net/http_client.h"
#include "core/promql/value.h"

#include <absl/status/statusor.h>

#include <memory>
#include <string>
#include <string_view>

namespace narthex::client {

using namespace base::literals;

class RemoteQueries
{
public:
    /// `url` as users write it: "http://localhost:9090", or with a path in front of the API. `loop`
    /// outlives this.
    RemoteQueries(net::IoLoop& loop, std::string url, net::HttpClientConfig config,
                  base::Duration timeout = 2_min);

    /// The expression at from, from + step, … up to `to`; asked in pieces below the servers' limit
    /// of points.
    absl::StatusOr<promql::Matrix> range(std::string_view expression, base::Timestamp from,
                                         base::Timestamp to, base::Duration step);

private:
    absl::StatusOr<promql::Matrix> piece(std::string_view expression, base::Timestamp from,
                                         base::Timestamp to, base::Duration step);

    const std::string url_;
    const std::shared_ptr<const net::HttpClientConfig> config_;
    const base::Duration timeout_;
    net::HttpClient client_;
};

} // namespace narthex::client
