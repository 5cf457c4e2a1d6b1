// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What stands before the APIs, for every route: who may come in (web.config.file), where it is
// reached (prefix), who may read it (CORS), in which coding it leaves, and what was asked how
// often. Owner: app; dies before the engine and after the server. Threads: handle() from the loop's
// thread, one at a time; answers leave from any. Errors: create() fails when the web
// configuration or an option is wrong. Source: spec/http-api.md, 11 to 14.
#pragma once

#include "core/api/api.h"
#include "core/api/http_metrics.h"
#include "core/api/login.h"
#include "core/api/management.h"
#include "core/api/web_config.h"
#include "core/base/log.h"

namespace narthex::api {

struct FrontOptions
{
    /// Of the APIs behind; the front fills in what it knows itself.
    ApiOptions api;
    bool enableLifecycle = false;
    std::function<void()> onQuit;
    /// A regular expression of the origins whose pages may read answers; it matches the whole.
    std::string corsOrigin = ".*";
    /// The URL under which this server is reached; its path is the prefix of all routes unless
    /// `routePrefix` is another. Empty: no prefix.
    std::string externalUrl;
    std::optional<std::string> routePrefix;
    std::string pageTitle = "Narthex";
    std::filesystem::path userAssets;
    /// Holds a token with which pushes need no password; empty: none.
    std::string pushTokenFile;
    /// Empty: neither TLS nor authentication.
    std::string webConfigFile;
};

class Front
{
public:
    static absl::StatusOr<std::unique_ptr<Front>> create(engine::Engine& engine,
                                                         FrontOptions options, base::Logger log);
    /// Waits for the answers that are being made; the server is gone by then, and queries know it.
    ~Front();
    Front(const Front&) = delete;
    Front& operator=(const Front&) = delete;

    void handle(net::ServerRequest request, net::Responder respond);

    /// For the listener; null without TLS. The front outlives it.
    [[nodiscard]] net::TlsContextSource tlsSource();
    /// Where the listener's counts come from, for /metrics; not called after the next one is given.
    void countConnections(std::function<net::ConnectionCounts()> source)
    {
        metrics_->countConnections(std::move(source));
    }
    /// Whether everybody has to show who they are, by a password or a certificate.
    [[nodiscard]] bool authenticates() const;

private:
    struct Exchange;
    class Cors;
    class RateLimit;
    using ExchangePtr = std::shared_ptr<Exchange>;

    Front(engine::Engine& engine, FrontOptions options, base::Logger log,
          std::shared_ptr<const WebConfig> atStart, std::unique_ptr<Cors> cors);

    /// Whether it is a push that shows the token of pushes.
    [[nodiscard]] bool showsPushToken(const net::ServerRequest& request) const;
    void route(const ExchangePtr& exchange);
    void toManagement(const ExchangePtr& exchange, std::string_view route);
    void toApi(const ExchangePtr& exchange);
    void finish(Exchange& exchange, net::ServerResponse response);
    void observeAtTheEnd(Exchange& exchange, net::ServerResponse& response);
    void tellOnce(const absl::Status& status);

    // Fixed after construction.
    engine::Engine& engine_;
    const FrontOptions options_;
    const base::Logger log_;
    const std::string prefix_; // "" or "/prometheus"
    const std::shared_ptr<const WebConfig> atStart_;
    const std::unique_ptr<Cors> cors_;
    const std::shared_ptr<HttpMetrics> metrics_;
    // Safe by themselves.
    WebConfigFile webConfig_;
    Management management_;
    // Touched by the loop's thread only.
    const std::unique_ptr<RateLimit> rateLimit_;
    net::ServerContextSource contexts_;
    std::string toldProblem_;
    absl::Mutex exchangesMutex_;
    int exchanges_ ABSL_GUARDED_BY(exchangesMutex_) = 0; // under way
    // Safe by themselves; their threads use the rest.
    Api api_;
    Login login_;
};

} // namespace narthex::api
