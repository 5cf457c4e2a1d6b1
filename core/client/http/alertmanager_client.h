// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The API of an Alertmanager (or of our server) for tools: each call waits for its answer.
// Owner: the tool. Threads: one at a time, never the loop's. Errors: Unavailable (no connection),
// DeadlineExceeded, NotFound, InvalidArgument with the server's words. Format:
// spec/alertmanager.md, 10; spec/acknowledge.md, 6.
#pragma once

#include "core/base/time.h"
#include "core/discovery/json.h"
#include "core/net/http_client.h"
#include "core/net/parameters.h"

#include <absl/status/statusor.h>

#include <memory>
#include <string>
#include <string_view>

namespace narthex::client {

using namespace base::literals;
using discovery::Json;

class AlertmanagerClient
{
public:
    /// `url` as users write it: "http://localhost:9093", or with a path in front of the API. `loop`
    /// outlives this.
    AlertmanagerClient(net::IoLoop& loop, std::string url, net::HttpClientConfig config,
                       base::Duration timeout = 30_s);

    /// `path`: "/api/v2/alerts". The answer's JSON; empty if it has none.
    absl::StatusOr<Json> get(std::string_view path, const net::Parameters& query = {});
    absl::StatusOr<Json> send(std::string method, std::string_view path, std::string body);

private:
    absl::StatusOr<Json> ask(net::HttpRequest request);

    const std::string url_;
    const std::shared_ptr<const net::HttpClientConfig> config_;
    const base::Duration timeout_;
    net::HttpClient client_;
};

} // namespace narthex::client
