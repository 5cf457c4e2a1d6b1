// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/api/api.h"

#include "core/api/context.h"
#include "core/api/management.h"
#include "core/api/notification_hub.h"
#include "core/api/push_counters.h"
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
    {"/api/v1/metrics", pushedGroups},
    {"/api/v1/status", pushStatus},
    {"/push/metrics", pushedPage},
    {"/metrics", selfMetrics, false, true},
};

/// Samples of others; they check everything themselves.
constexpr Route kIngestRoutes[] = {
    {"/api/v1/write", remoteWrite},
    {"/api/v1/read", remoteRead},
    {"/api/v1/otlp/v1/metrics", otlpMetrics},
};

/// POST or PUT, and only if the administrator allows them.
constexpr Route kAdminRoutes[] = {
    {"/api/v1/admin/tsdb/delete_series", deleteSeries},
    {"/api/v1/admin/tsdb/clean_tombstones", cleanTombstones},
    {"/api/v1/admin/tsdb/snapshot", snapshot},
};

constexpr std::string_view kLabelPrefix = "/api/v1/label/";
constexpr std::string_view kValuesSuffix = "/values";

/// What the Alertmanager answers: its API, ours beside it, and pushes to its old one.
bool isAlertmanagerRequest(const net::ServerRequest& request)
{
    return request.path.starts_with("/api/v2/") ||
           (request.path.starts_with("/api/narthex/v1/") &&
            !request.path.starts_with("/api/narthex/v1/rules/")) ||
           (request.path == "/api/v1/alerts" && request.method == "POST");
}

constexpr std::string_view kWipe = "/api/v1/admin/wipe";
constexpr std::string_view kPushRoute = "/metrics/job/*labels";
constexpr std::string_view kLabelRoute = "/api/v1/label/:name/values";
constexpr std::string_view kAlertmanagerRoute = "/api/v2/*path";

/// "/api/v1/label/<name>/values"
bool isLabelValues(std::string_view path)
{
    return path.starts_with(kLabelPrefix) && path.ends_with(kValuesSuffix) &&
           path.size() > kLabelPrefix.size() + kValuesSuffix.size();
}

} // namespace

class Api::Impl : public std::enable_shared_from_this<Impl>
{
public:
    Impl(engine::Engine& engine, ApiOptions options)
        : options_(std::move(options)),
          notices_(engine, options_.maxNotificationSubscribers),
          ingest_(options_.ingest, engine),
          context_{.engine = engine,
                   .options = options_,
                   .notices = notices_,
                   .ingest = ingest_,
                   .pushes = pushes_}
    {}

    ~Impl() { context_.engine.setOwnFamilies(nullptr); }
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;

    /// Our own page, as of a few seconds ago, for what is pushed must fit to it.
    std::vector<exposition::MetricFamily> ownFamilies()
    {
        constexpr base::Duration kFresh = base::Duration::fromMs(10'000);
        const base::Duration now = context_.engine.clock().monotonic();
        absl::MutexLock lock(&ownMutex_);
        if (ownAt_ && now - *ownAt_ < kFresh) {
            return own_;
        }
        if (auto families = exposition::parseTextFamilies(selfMetricsPage(context_));
            families.ok()) {
            own_ = *std::move(families);
            ownAt_ = now;
        }
        return own_;
    }

    void handle(net::ServerRequest request, net::Responder respond)
    {
        // std::function wants something copyable.
        auto holder = std::make_shared<net::Responder>(std::move(respond));
        auto shared = std::make_shared<net::ServerRequest>(std::move(request));
        context_.engine.requestPool().submit([self = shared_from_this(), shared, holder] {
            if (isPush(shared->path)) {
                self->answerPush(*shared, holder);
                return;
            }
            (*holder)(self->answerSafely(*shared));
        });
    }

private:
    void answerPush(const net::ServerRequest& request,
                    const std::shared_ptr<net::Responder>& respond)
    {
        const base::Clock& clock = context_.engine.clock();
        const base::Duration began = clock.monotonic();
        try {
            push(context_, request,
                 [self = shared_from_this(), respond, began, method = request.method,
                  bytes = request.body.size()](net::ServerResponse response) {
                     const base::Duration now = self->context_.engine.clock().monotonic();
                     self->pushes_.count(method, response.status, bytes, now - began, now);
                     (*respond)(std::move(response));
                 });
        } catch (const std::exception& exception) {
            if (options_.log) {
                options_.log->error("api: a push failed path={} err=\"{}\"", request.path,
                                    exception.what());
            }
        }
    }

    /// A bug in a handler is an answer, too, and the server lives.
    net::ServerResponse answerSafely(const net::ServerRequest& request)
    {
        try {
            return answer(request);
        } catch (const std::exception& exception) {
            if (options_.log) {
                options_.log->error("api: a handler failed path={} err=\"{}\"", request.path,
                                    exception.what());
            }
            return plainText(500, "internal error: it is in the log\n");
        }
    }

    net::ServerResponse answer(const net::ServerRequest& request)
    {
        if (request.method == "OPTIONS" && request.path.starts_with("/api/")) {
            return {.status = 204, .contentType = ""};
        }
        if (isLabelValues(request.path)) {
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
        if (request.path == kWipe) {
            return wipe(context_, request);
        }
        for (const Route& route : kAdminRoutes) {
            if (route.path == request.path) {
                return runAdmin(request, route.handler);
            }
        }
        return plainText(404, "404 page not found\n");
    }

    net::ServerResponse runAdmin(const net::ServerRequest& request, Handler handler)
    {
        if (request.method != "POST" && request.method != "PUT") {
            return methodNotAllowed("POST, PUT, OPTIONS");
        }
        if (!options_.enableAdmin) {
            return errorResponse(ErrorType::Unavailable, "admin APIs disabled");
        }
        return context_.engine.ready() ? handler(context_, request) : notReady(context_.engine);
    }

    template <typename Function>
    net::ServerResponse run(const net::ServerRequest& request, bool post, bool always,
                            const Function& function)
    {
        const bool read = request.method == "GET" || request.method == "HEAD";
        if (!read && !(post && request.method == "POST")) {
            return methodNotAllowed(post ? "GET, POST, OPTIONS" : "GET, OPTIONS");
        }
        return always || context_.engine.ready() ? function(context_, request)
                                                 : notReady(context_.engine);
    }

    const ApiOptions options_;
    NotificationHub notices_;
    Ingest ingest_;
    PushCounters pushes_;
    const Context context_;
    absl::Mutex ownMutex_;
    std::vector<exposition::MetricFamily> own_ ABSL_GUARDED_BY(ownMutex_);
    std::optional<base::Duration> ownAt_ ABSL_GUARDED_BY(ownMutex_);
};

Api::Api(engine::Engine& engine, ApiOptions options)
    : impl_(std::make_shared<Impl>(engine, std::move(options)))
{
    engine.setOwnFamilies([weak = std::weak_ptr<Impl>(impl_)] {
        const auto impl = weak.lock();
        return impl ? impl->ownFamilies() : std::vector<exposition::MetricFamily>();
    });
}

Api::~Api() = default;

std::span<const std::string_view> Api::routes()
{
    static const std::vector<std::string_view> all = [] {
        std::vector<std::string_view> routes{kLabelRoute, kAlertmanagerRoute, kPushRoute, kWipe};
        for (const Route& route : kRoutes) {
            routes.push_back(route.path);
        }
        for (const Route& route : kIngestRoutes) {
            routes.push_back(route.path);
        }
        for (const Route& route : kAdminRoutes) {
            routes.push_back(route.path);
        }
        std::sort(routes.begin(), routes.end());
        return routes;
    }();
    return all;
}

std::string_view Api::routeOf(const net::ServerRequest& request)
{
    if (isLabelValues(request.path)) {
        return kLabelRoute;
    }
    if (isAlertmanagerRequest(request)) {
        return kAlertmanagerRoute;
    }
    const auto all = routes();
    const auto found = std::lower_bound(all.begin(), all.end(), request.path);
    return found != all.end() && *found == request.path ? *found : std::string_view();
}

void Api::handle(net::ServerRequest request, net::Responder respond)
{
    impl_->handle(std::move(request), std::move(respond));
}

} // namespace narthex::api
