// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// One request on its way, over all its redirects, and how it is put into a curl handle. Owner:
// HttpClient. Threads: the loop's only.
#pragma once

#include "core/net/http_client.h"
#include "core/net/oauth2.h"
#include "core/net/parameters.h"
#include "core/net/proxy_rules.h"
#include "core/net/tls_material.h"
#include "core/net/url.h"

#include <boost/asio/steady_timer.hpp>
#include <curl/curl.h>

#include <chrono>
#include <optional>

namespace narthex::net {

/// What is kept between the requests of one configuration.
struct ConfigState
{
    explicit ConfigState(const std::shared_ptr<const HttpClientConfig>& from,
                         const ProxyEnvironment& environment)
        : config(from), proxies(from->proxy, environment)
    {
        if (from->oauth2) {
            tokens = std::make_unique<TokenSource>(*from->oauth2);
        }
    }
    std::weak_ptr<const HttpClientConfig> config;
    ProxyRules proxies;
    std::shared_ptr<const TlsMaterial> tls;
    std::unique_ptr<TokenSource> tokens;
    /// A request for a token is under way, of that generation.
    std::optional<std::uint64_t> fetching;
    std::vector<RequestId> waitingForToken;
};

/// A curl handle, and what its lasting options were set for.
struct Handle
{
    CURL* easy = nullptr;
    std::shared_ptr<const ConfigState> state;
    std::shared_ptr<const TlsMaterial> tls;
};

using CurlList = std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)>;

struct Transfer
{
    using Clock = std::chrono::steady_clock;

    RequestId id{};
    HttpRequest request;
    std::shared_ptr<const HttpClientConfig> config;
    std::shared_ptr<ConfigState> state;
    HttpClient::Reply reply;

    // Where the chain of redirects is.
    Url url;
    std::string firstHost;
    bool leftHost = false;
    int redirects = 0;
    std::string token;

    // The present hop.
    Handle handle;
    CurlList headers{nullptr, curl_slist_free_all};
    CurlList proxyHeaders{nullptr, curl_slist_free_all};
    CurlList connectTo{nullptr, curl_slist_free_all};
    char error[CURL_ERROR_SIZE] = {};

    HttpResponse response;
    std::string received;
    std::uint64_t receivedBytes = 0;
    bool streaming = false;
    bool limitReached = false;

    Clock::time_point start = Clock::now();
    Clock::time_point hopStart = start;
    Clock::time_point newestBytes = start;
    /// Runs while a limit is on that curl does not watch.
    std::optional<boost::asio::steady_timer> watchdog;
};

/// Puts the present hop into its handle. `headers`: of request_headers.h.
void setUpTransfer(Transfer& transfer, const Parameters& headers, const std::string& userAgent);

/// The answer, or what went wrong; the end of the last hop.
absl::StatusOr<HttpResponse> finishTransfer(CURLcode code, Transfer& transfer);

/// The page that the answer redirects to, when it is to be followed: the transfer is moved there.
/// False: the answer stands. Errors: too many redirects, a Location that is no URL.
absl::StatusOr<bool> followRedirect(CURLcode code, Transfer& transfer);

/// An error with its class.
absl::Status transportStatus(absl::StatusCode code, TransportError kind,
                             const std::string& message);
/// `Get "http://…": message`.
std::string describeFailure(const Transfer& transfer, std::string_view message);

} // namespace narthex::net
