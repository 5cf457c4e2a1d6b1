// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Asking a Prometheus-compatible server from the command line: the options that say how to reach
// it, requests, and what its answers mean. Owner: a command. Threads: main; calls wait. Errors:
// Unavailable (no connection, no such server), DeadlineExceeded, InvalidArgument (the server
// refused, its words behind its error type). Source: spec/http-api.md, 16.
#pragma once

#include "core/base/time.h"
#include "core/discovery/json.h"
#include "core/net/http_client.h"
#include "core/net/parameters.h"

#include <CLI/CLI.hpp>
#include <absl/status/statusor.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::ctl {

using namespace base::literals;
using discovery::Json;

struct ServerFlags
{
    std::string httpConfigFile;
    /// "name=value", as written.
    std::vector<std::string> headers;
};

/// --http.config.file
void addHttpConfig(CLI::App& command, ServerFlags& flags);
/// --http.config.file and --header.
void addServerOptions(CLI::App& command, ServerFlags& flags);

/// The settings of a file as Prometheus writes them; defaults when the name is empty.
absl::StatusOr<net::HttpClientConfig> readHttpConfig(const std::string& file);

/// "name=value" pairs of options. Errors: InvalidArgument naming the option and the text.
absl::StatusOr<net::Parameters> readPairs(const std::vector<std::string>& texts,
                                          std::string_view option);

/// With a scheme, without slashes at the end.
std::string serverUrl(const std::string& written);

/// An answer of the API.
struct ApiAnswer
{
    Json data;
    std::vector<std::string> warnings;
};

class ServerAccess
{
public:
    /// Errors: settings that cannot be read.
    static absl::StatusOr<std::unique_ptr<ServerAccess>>
    open(const std::string& url, const ServerFlags& flags, base::Duration timeout = 2_min);

    [[nodiscard]] const std::string& url() const { return url_; }
    /// `request.url` is the part behind the server's URL. A status code is no error.
    absl::StatusOr<net::HttpResponse> send(net::HttpRequest request);
    absl::StatusOr<ApiAnswer> get(std::string_view path, const net::Parameters& query);
    /// As a form; servers that take no POST there are asked with GET.
    absl::StatusOr<ApiAnswer> post(std::string_view path, const net::Parameters& form);

private:
    ServerAccess() = default;
    std::string url_;
    net::Parameters headers_;
    base::Duration timeout_;
    std::shared_ptr<const net::HttpClientConfig> config_;
    net::IoLoop loop_;
    net::HttpClient client_{loop_, "narthexctl"};
};

/// Runs `work` with a server; what fails is told on standard error behind `prefix`.
int withServer(const std::string& url, const ServerFlags& flags, std::string_view prefix,
               const std::function<absl::Status(ServerAccess&)>& work);

/// A time of the command line: seconds since the epoch or RFC 3339; `otherwise` when empty.
/// Errors: InvalidArgument `error parsing <what> time: …`.
absl::StatusOr<base::Timestamp> timeArgument(const std::string& text, std::string_view what,
                                             base::Timestamp otherwise);
/// Seconds for a request: "1700000000.5".
std::string secondsText(base::Timestamp time);

} // namespace narthex::ctl
