// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The HTTP interface over the engine: Prometheus API v1, Alertmanager API v2, /metrics. What stands
// before it, for all routes, is Front. Owner: the front; dies before the engine. Threads: handle()
// from the loop's thread; answers are made on the engine's request pool. Source: spec/http-api.md.
#pragma once

#include "core/api/ingest.h"
#include "core/base/log.h"
#include "core/engine/engine.h"
#include "core/net/http_server.h"

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace narthex::exposition {
class TextWriter;
}

namespace narthex::api {

struct ApiOptions
{
    /// The API's admin part: deletes, cleans, takes snapshots.
    bool enableAdmin = false;
    /// POST /-/reload and /-/quit, which the front answers; here it is only told.
    bool enableLifecycle = false;
    /// The address at which others reach us, "https://host/prefix"; empty: unknown.
    std::string externalUrl;
    /// Our own port, as text; empty: we do not listen.
    std::string listenPort;
    /// Whether /metrics shows the pushed groups, too, as a Pushgateway does.
    bool pushedOnMetrics = false;
    /// The search endpoints.
    bool enableSearch = false;
    /// The most names that a search may ask for; 0: any number.
    std::size_t searchLimit = 10000;
    /// The most listeners of /api/v1/notifications/live.
    std::size_t maxNotificationSubscribers = 16;
    /// What the command line says, for /api/v1/status/flags.
    std::map<std::string, std::string> flags;
    /// What comes in from the network as samples, and what others read.
    IngestOptions ingest;
    /// Adds to /metrics what the front counts; may be null.
    std::function<void(exposition::TextWriter&)> ownMetrics;
    /// May be null.
    base::Logger log;
};

class Api
{
public:
    Api(engine::Engine& engine, ApiOptions options);
    ~Api();
    Api(const Api&) = delete;
    Api& operator=(const Api&) = delete;

    void handle(net::ServerRequest request, net::Responder respond);

    /// All routes as metrics name them, "/api/v1/label/:name/values"; they live for ever.
    [[nodiscard]] static std::span<const std::string_view> routes();
    /// The one of a request; empty: there is none.
    [[nodiscard]] static std::string_view routeOf(const net::ServerRequest& request);

private:
    class Impl;
    std::shared_ptr<Impl> impl_;
};

} // namespace narthex::api
