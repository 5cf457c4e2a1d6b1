// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/api/api.h"

#include "core/api/context.h"
#include "core/api/notification_hub.h"
#include "core/base/status.h"

#include <fmt/format.h>

#include <algorithm>

namespace narthex::api {
namespace {

using Handler = net::ServerResponse (*)(const Context&, const net::ServerRequest&);

struct Route
{
    std::string_view path;
    Handler handler;
    bool post = false;
    /// Answered while the store is not open yet.
    bool always = false;
};

constexpr Route kRoutes[] = {
    {"/api/v1/query", instantQuery, true},
    {"/api/v1/query_range", rangeQuery, true},
    {"/api/v1/format_query", formatQuery, true},
    {"/api/v1/parse_query", parseQuery, true},
    {"/api/v1/series", series, true},
    {"/api/v1/labels", labelNames, true},
    {"/api/v1/metadata", metadata},
    {"/api/v1/scrape_pools", scrapePools},
    {"/api/v1/scrape_pools/config", scrapePoolConfiguration},
    {"/api/v1/targets", targets},
    {"/api/v1/targets/metadata", targetMetadata},
    {"/api/v1/targets/relabel_steps", relabelSteps},
    {"/api/v1/search/metric_names", searchMetricNames, true},
    {"/api/v1/search/label_names", searchLabelNames, true},
    {"/api/v1/search/label_values", searchLabelValues, true},
    {"/api/v1/features", features},
    {"/api/v1/notifications", notifications, false, true},
    {"/api/v1/notifications/live", liveNotifications, false, true},
    {"/api/v1/openapi.yaml", openApi},
    {"/api/v1/rules", listRules},
    {"/api/v1/alerts", listAlerts},
    {"/api/v1/alertmanagers", listAlertmanagers},
    {"/api/narthex/v1/rules/explain", explainRules},
    {"/api/narthex/v1/rules/backtest", backtestRules, true},
    {"/api/v1/status/buildinfo", buildInfo},
    {"/api/v1/status/config", configuration, false, true},
    {"/api/v1/status/runtimeinfo", runtimeInfo},
    {"/api/v1/status/flags", flags},
    {"/api/v1/status/self_metrics", selfMetricFamilies},
    {"/api/v1/query_exemplars", queryExemplars, true},
    {"/api/v1/status/tsdb", storeStatus},
    {"/api/v1/status/tsdb/blocks", storeBlocks},
    {"/api/v1/status/walreplay", walReplay, false, true},
    {"/federate", federate},
    {"/metrics", selfMetrics, false, true},
};

/// Samples of others; they check everything themselves.
constexpr Route kIngestRoutes[] = {
    {"/api/v1/write", remoteWrite},
    {"/api/v1/read", remoteRead},
    {"/api/v1/otlp/v1/metrics", otlpMetrics},
};

bool isIngest(std::string_view path)
{
    return std::any_of(std::begin(kIngestRoutes), std::end(kIngestRoutes),
                       [path](const Route& route) { return route.path == path; });
}

/// POST or PUT, and only if the administrator allows them.
constexpr Route kAdminRoutes[] = {
    {"/api/v1/admin/tsdb/delete_series", deleteSeries},
    {"/api/v1/admin/tsdb/clean_tombstones", cleanTombstones},
    {"/api/v1/admin/tsdb/snapshot", snapshot},
};

constexpr std::string_view kLabelPrefix = "/api/v1/label/";
constexpr std::string_view kValuesSuffix = "/values";

net::ServerResponse text(int status, std::string body)
{
    return {.status = status, .body = std::move(body)};
}

void addCors(net::ServerResponse& response)
{
    response.headers.emplace_back("Access-Control-Allow-Origin", "*");
    response.headers.emplace_back("Access-Control-Allow-Methods",
                                  "GET, POST, PATCH, DELETE, OPTIONS");
    response.headers.emplace_back("Access-Control-Allow-Headers",
                                  "Accept, Authorization, Content-Type, Origin");
    response.headers.emplace_back("Access-Control-Expose-Headers", "Date");
}

/// What the Alertmanager answers: its API, ours beside it, and pushes to its old one.
bool isAlertmanagerRequest(const net::ServerRequest& request)
{
    return request.path.starts_with("/api/v2/") ||
           (request.path.starts_with("/api/narthex/v1/") &&
            !request.path.starts_with("/api/narthex/v1/rules/")) ||
           (request.path == "/api/v1/alerts" && request.method == "POST");
}

std::string startPage()
{
    std::string page =
        "<!doctype html><html lang=\"en\"><head><meta "
        "charset=\"utf-8\"><title>Narthex</title></head><body>"
        "<h1>Narthex</h1><p>This server speaks Prometheus' HTTP API. Its window is the program "
        "<code>narthex</code>; its commands are those of <code>narthexctl</code>.</p><ul>";
    for (const Route& route : kRoutes) {
        page += fmt::format("<li><code>{}</code></li>", route.path);
    }
    return page + "</ul></body></html>";
}

} // namespace

class Api::Impl : public std::enable_shared_from_this<Impl>
{
public:
    Impl(engine::Engine& engine, ApiOptions options)
        : options_(std::move(options)),
          notices_(engine, options_.maxNotificationSubscribers),
          ingest_(options_.ingest, engine.options()),
          context_{
              .engine = engine, .options = options_, .notices = notices_, .ingest = ingest_}
    {}

    void handle(net::ServerRequest request, net::Responder respond)
    {
        if (request.path == "/-/healthy" || request.path == "/-/ready") {
            respond(management(request));
            return;
        }
        // std::function wants something copyable.
        auto holder = std::make_shared<net::Responder>(std::move(respond));
        auto shared = std::make_shared<net::ServerRequest>(std::move(request));
        context_.engine.requestPool().submit([self = shared_from_this(), shared, holder] {
            net::ServerResponse response = self->answer(*shared);
            if (shared->path.starts_with("/api/") && !isIngest(shared->path)) {
                addCors(response);
            }
            (*holder)(std::move(response));
        });
    }

private:
    [[nodiscard]] net::ServerResponse management(const net::ServerRequest& request) const
    {
        if (request.method != "GET" && request.method != "HEAD") {
            return methodNotAllowed("GET, HEAD");
        }
        if (request.path == "/-/healthy") {
            return text(200, "Narthex is Healthy.\n");
        }
        return context_.engine.ready() ? text(200, "Narthex is Ready.\n") : notReady();
    }

    [[nodiscard]] net::ServerResponse notReady() const
    {
        net::ServerResponse response = text(503, "Service Unavailable");
        const bool stopping = context_.engine.state() == engine::State::Stopping;
        response.headers.emplace_back("X-Prometheus-Stopping", stopping ? "true" : "false");
        return response;
    }

    static net::ServerResponse methodNotAllowed(std::string allowed)
    {
        net::ServerResponse response = text(405, "Method Not Allowed\n");
        response.headers.emplace_back("Allow", std::move(allowed));
        return response;
    }

    net::ServerResponse lifecycle(const net::ServerRequest& request)
    {
        if (request.method != "POST" && request.method != "PUT") {
            return text(405, "Only POST or PUT requests allowed");
        }
        if (!options_.enableLifecycle) {
            return text(403, "Lifecycle API is not enabled.");
        }
        if (request.path == "/-/quit") {
            if (options_.onQuit) {
                options_.onQuit();
            }
            return text(200, "Requesting termination... Goodbye!");
        }
        const absl::Status status = context_.engine.reload();
        if (!status.ok()) {
            return text(500, fmt::format("failed to reload config: {}\n", base::messageOf(status)));
        }
        return text(200, "");
    }

    net::ServerResponse answer(const net::ServerRequest& request)
    {
        if (request.path == "/") {
            return {.contentType = "text/html; charset=utf-8", .body = startPage()};
        }
        if (request.path == "/-/reload" || request.path == "/-/quit") {
            return lifecycle(request);
        }
        if (request.method == "OPTIONS" && request.path.starts_with("/api/")) {
            return {.status = 204, .contentType = ""};
        }
        if (request.path.starts_with(kLabelPrefix) && request.path.ends_with(kValuesSuffix) &&
            request.path.size() > kLabelPrefix.size() + kValuesSuffix.size()) {
            const std::size_t length =
                request.path.size() - kLabelPrefix.size() - kValuesSuffix.size();
            const std::string label = request.path.substr(kLabelPrefix.size(), length);
            return run(request, false, false,
                       [&label](const Context& context, const net::ServerRequest& r) {
                           return labelValues(context, r, label);
                       });
        }
        if (isAlertmanagerRequest(request)) {
            return alertmanagerApi(context_, request);
        }
        for (const Route& route : kRoutes) {
            if (route.path == request.path) {
                return run(request, route.post, route.always, route.handler);
            }
        }
        for (const Route& route : kIngestRoutes) {
            if (route.path == request.path) {
                return route.handler(context_, request);
            }
        }
        for (const Route& route : kAdminRoutes) {
            if (route.path == request.path) {
                return runAdmin(request, route.handler);
            }
        }
        return text(404, "404 page not found\n");
    }

    net::ServerResponse runAdmin(const net::ServerRequest& request, Handler handler)
    {
        if (request.method != "POST" && request.method != "PUT") {
            return methodNotAllowed("POST, PUT, OPTIONS");
        }
        if (!options_.enableAdmin) {
            return errorResponse(ErrorType::Unavailable, "admin APIs disabled");
        }
        return context_.engine.ready() ? handler(context_, request) : notReady();
    }

    template <typename Function>
    net::ServerResponse run(const net::ServerRequest& request, bool post, bool always,
                            const Function& function)
    {
        const bool read = request.method == "GET" || request.method == "HEAD";
        if (!read && !(post && request.method == "POST")) {
            return methodNotAllowed(post ? "GET, POST, OPTIONS" : "GET, OPTIONS");
        }
        return always || context_.engine.ready() ? function(context_, request) : notReady();
    }

    const ApiOptions options_;
    NotificationHub notices_;
    Ingest ingest_;
    const Context context_;
};

Api::Api(engine::Engine& engine, ApiOptions options)
    : impl_(std::make_shared<Impl>(engine, std::move(options)))
{}

Api::~Api() = default;

void Api::handle(net::ServerRequest request, net::Responder respond)
{
    impl_->handle(std::move(request), std::move(respond));
}

} // namespace narthex::api
