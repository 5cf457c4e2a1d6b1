// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The way to one server: its URL, who we are there, and the requests under way. Owner: a client.
// Threads: send() from any thread; replies come on the pool, where decoding may take its time.
// Errors in replies: those of transportProblem(); Cancelled. A status code is no error.
#pragma once

#include "core/base/worker_pool.h"
#include "core/client/monitoring_client.h"
#include "core/net/http_client.h"
#include "core/net/parameters.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace narthex::client {

using namespace base::literals;

/// How servers of a connection are reached.
struct LinkSettings
{
    net::HttpClientConfig http;
    /// Sent with every request: {"X-Scope-OrgID", "team-a"}.
    std::vector<std::pair<std::string, std::string>> headers;
    base::Duration timeout = 30_s;
    /// Of an answer, decompressed.
    std::uint64_t answerLimitBytes = 1ULL << 30U;
};

struct LinkRequest
{
    std::string method = "GET";
    /// Behind the server's URL, encoded: "/api/v1/query".
    std::string path;
    /// In the URL of a GET or DELETE; in the body, as a form, of a POST without `json`.
    net::Parameters parameters;
    std::string json;
    /// Absent: that of the link.
    std::optional<base::Duration> timeout;
};

class ServerLink
{
public:
    struct Environment
    {
        net::IoLoop& loop;
        base::WorkerPool& pool;
    };

    /// `url` as users write it: "http://localhost:9090", or with a path in front of the API. All of
    /// `environment` outlives the link.
    ServerLink(std::string url, const LinkSettings& settings, Environment environment);
    /// close().
    ~ServerLink();
    ServerLink(const ServerLink&) = delete;
    ServerLink& operator=(const ServerLink&) = delete;

    void send(LinkRequest request, std::stop_token stop, Reply<net::HttpResponse> reply);
    /// Cancels what is under way and waits until every reply was given; whoever asks from now on
    /// gets Cancelled at once. Not from the pool.
    void close();

    [[nodiscard]] const std::string& url() const { return url_; }

private:
    struct Pending;
    struct Exchange;

    // Fixed after construction.
    const std::string url_;
    const std::shared_ptr<const net::HttpClientConfig> config_;
    const std::vector<std::pair<std::string, std::string>> headers_;
    const base::Duration timeout_;
    const std::uint64_t limitBytes_;
    base::WorkerPool& pool_;
    const std::shared_ptr<Pending> pending_;

    // Safe by itself.
    net::HttpClient client_;
};

} // namespace narthex::client
