// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/api/front.h"

#include "core/base/file.h"
#include "core/base/status.h"
#include "core/base/text.h"
#include "core/net/content_encoding.h"
#include "core/net/url.h"

#include <openssl/crypto.h>
#include <re2/re2.h>

#include <algorithm>
#include <atomic>

namespace narthex::api {
namespace {

/// A form larger than this is no query.
constexpr std::size_t kFormLimitBytes = 10U << 20U;

/// "/a/b/" and "a/b" are "/a/b"; "/" is "".
std::string cleanPrefix(std::string_view text)
{
    while (text.ends_with('/')) {
        text.remove_suffix(1);
    }
    while (text.starts_with('/')) {
        text.remove_prefix(1);
    }
    return text.empty() ? std::string() : "/" + std::string(text);
}

/// The path of "http://host:port/path".
std::string pathOfUrl(std::string_view url)
{
    const std::size_t scheme = url.find("://");
    if (scheme != std::string_view::npos) {
        url.remove_prefix(scheme + 3);
        url.remove_prefix(std::min(url.find('/'), url.size()));
    }
    return cleanPrefix(url.substr(0, url.find_first_of("?#")));
}

std::vector<std::string_view> allRoutes()
{
    const auto management = Management::routes();
    const auto apis = Api::routes();
    std::vector<std::string_view> routes(management.begin(), management.end());
    routes.insert(routes.end(), apis.begin(), apis.end());
    return routes;
}

/// Streams of other machines, not pages: neither CORS nor the wrapper of compression.
bool isIngest(std::string_view path)
{
    return path == "/api/v1/write" || path == "/api/v1/read" || path == "/api/v1/otlp/v1/metrics";
}

bool isPrometheusApi(std::string_view path)
{
    return path.starts_with("/api/v1/") && !isIngest(path);
}

net::ContentCoding codingFor(std::string_view path, std::string_view accepted)
{
    if (accepted.empty() || isIngest(path) || path == "/api/v1/status/walreplay") {
        return net::ContentCoding::Identity;
    }
    if (path.starts_with("/api/") || path == "/federate") {
        return net::codingForApi(accepted);
    }
    return path == "/metrics" && net::takesGzip(accepted) ? net::ContentCoding::Gzip
                                                          : net::ContentCoding::Identity;
}

} // namespace

/// A request on its way to its answer.
struct Front::Exchange
{
    explicit Exchange(Front& owner) : front(owner)
    {
        const absl::MutexLock lock(&front.exchangesMutex_);
        ++front.exchanges_;
    }
    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;
    ~Exchange()
    {
        const absl::MutexLock lock(&front.exchangesMutex_);
        --front.exchanges_;
    }

    Front& front;
    net::ServerRequest request;
    net::Responder respond;
    std::shared_ptr<const WebConfig> config; // null: none
    std::string_view route;
    base::Duration began;
    // Of the request, which moves on to the API.
    std::string path;
    std::string origin;
    std::string acceptEncoding;
};

class Front::Cors
{
public:
    explicit Cors(const std::string& pattern)
        : anyOrigin_(pattern == ".*"), origin_("^(?:" + pattern + ")$", RE2::Quiet)
    {}
    [[nodiscard]] std::string problem() const { return origin_.ok() ? "" : origin_.error(); }

    void addTo(const Exchange& exchange, net::ServerResponse& response) const
    {
        auto& headers = response.headers;
        headers.emplace_back("Vary", "Origin");
        if (exchange.origin.empty()) {
            return;
        }
        headers.emplace_back("Access-Control-Allow-Headers",
                             "Accept, Authorization, Content-Type, Origin");
        headers.emplace_back("Access-Control-Allow-Methods", "GET, POST, OPTIONS");
        headers.emplace_back("Access-Control-Expose-Headers", "Date");
        if (anyOrigin_) {
            headers.emplace_back("Access-Control-Allow-Origin", "*");
        } else if (RE2::FullMatch(exchange.origin, origin_)) {
            headers.emplace_back("Access-Control-Allow-Origin", exchange.origin);
        }
    }
    /// Of the Alertmanager's API: all origins, and silences can be deleted.
    static void addAlertmanagers(net::ServerResponse& response)
    {
        auto& headers = response.headers;
        headers.emplace_back("Access-Control-Allow-Origin", "*");
        headers.emplace_back("Access-Control-Allow-Methods", "GET, POST, PATCH, DELETE, OPTIONS");
        headers.emplace_back("Access-Control-Allow-Headers",
                             "Accept, Authorization, Content-Type, Origin");
        headers.emplace_back("Access-Control-Expose-Headers", "Date");
    }

private:
    const bool anyOrigin_;
    const RE2 origin_;
};

/// A bucket of tokens: one comes each interval, as many as `burst` are kept.
class Front::RateLimit
{
public:
    bool allows(const RateLimitSection& limit, base::Duration now)
    {
        if (limit.interval.ns <= 0) {
            return true;
        }
        if (!(limit == limit_)) {
            limit_ = limit;
            tokens_ = static_cast<double>(limit.burst);
            last_ = now;
        }
        const double came =
            static_cast<double>(now.ns - last_.ns) / static_cast<double>(limit.interval.ns);
        tokens_ = std::min(static_cast<double>(limit.burst), tokens_ + came);
        last_ = now;
        if (tokens_ < 1) {
            return false;
        }
        tokens_ -= 1;
        return true;
    }

private:
    RateLimitSection limit_;
    double tokens_ = 0;
    base::Duration last_;
};

absl::StatusOr<std::unique_ptr<Front>> Front::create(engine::Engine& engine, FrontOptions options,
                                                     base::Logger log)
{
    auto cors = std::make_unique<Cors>(options.corsOrigin);
    if (!cors->problem().empty()) {
        return base::invalidArgument("--web.cors.origin: {}", cors->problem());
    }
    std::shared_ptr<const WebConfig> config;
    if (!options.webConfigFile.empty()) {
        auto loaded = loadWebConfig(options.webConfigFile);
        if (!loaded.ok()) {
            return base::annotate(loaded.status(), "--web.config.file");
        }
        config = std::make_shared<const WebConfig>(*std::move(loaded));
    }
    return std::unique_ptr<Front>(
        new Front(engine, std::move(options), std::move(log), std::move(config), std::move(cors)));
}

namespace {

ApiOptions apiOptions(const FrontOptions& options, const std::shared_ptr<HttpMetrics>& metrics,
                      const base::Logger& log)
{
    ApiOptions api = options.api;
    api.enableLifecycle = options.enableLifecycle;
    api.externalUrl = options.externalUrl;
    api.ownMetrics = [metrics](exposition::TextWriter& out) { metrics->write(out); };
    api.log = log;
    return api;
}

} // namespace

Front::Front(engine::Engine& engine, FrontOptions options, base::Logger log,
             std::shared_ptr<const WebConfig> atStart, std::unique_ptr<Cors> cors)
    : engine_(engine),
      options_(std::move(options)),
      log_(std::move(log)),
      prefix_(options_.routePrefix ? cleanPrefix(*options_.routePrefix)
                                   : pathOfUrl(options_.externalUrl)),
      atStart_(std::move(atStart)),
      cors_(std::move(cors)),
      metrics_(std::make_shared<HttpMetrics>(allRoutes())),
      webConfig_(options_.webConfigFile),
      management_(engine,
                  {.enableLifecycle = options_.enableLifecycle,
                   .onQuit = options_.onQuit,
                   .pageTitle = options_.pageTitle,
                   .userAssets = options_.userAssets,
                   .externalPath =
                       options_.externalUrl.empty() ? prefix_ : pathOfUrl(options_.externalUrl)}),
      rateLimit_(std::make_unique<RateLimit>()),
      api_(engine, apiOptions(options_, metrics_, log_))
{}

Front::~Front()
{
    login_.stop();
    const absl::MutexLock lock(&exchangesMutex_);
    exchangesMutex_.Await(absl::Condition(
        +[](Front* self) ABSL_NO_THREAD_SAFETY_ANALYSIS { return self->exchanges_ == 0; }, this));
}

bool Front::authenticates() const
{
    if (!atStart_) {
        return false;
    }
    const net::ClientAuth clients = atStart_->tls.tls.clientAuth;
    return !atStart_->users.empty() || clients == net::ClientAuth::RequireAny ||
           clients == net::ClientAuth::RequireAndVerify;
}

net::TlsContextSource Front::tlsSource()
{
    if (!atStart_ || !atStart_->usesTls()) {
        return nullptr;
    }
    return [this]() -> absl::StatusOr<std::shared_ptr<ssl_ctx_st>> {
        const auto config = webConfig_.current();
        if (!config.ok()) {
            tellOnce(config.status());
            return config.status();
        }
        // Whether there is TLS was settled at the start; a file without it takes nothing away.
        const WebConfig& used = (*config)->usesTls() ? **config : *atStart_;
        auto context = contexts_.contextFor(used.tls.tls);
        if (!context.ok()) {
            tellOnce(context.status());
        }
        return context;
    };
}

void Front::tellOnce(const absl::Status& status)
{
    const std::string_view problem = base::messageOf(status);
    if (problem != toldProblem_) {
        toldProblem_ = problem;
        log_->error("api: the web configuration cannot be used err=\"{}\"", problem);
    }
}

void Front::handle(net::ServerRequest request, net::Responder respond)
{
    auto exchange = std::make_shared<Exchange>(*this);
    exchange->began = engine_.clock().monotonic();
    exchange->path = request.path;
    exchange->origin = request.header("Origin");
    exchange->acceptEncoding = request.header("Accept-Encoding");
    exchange->request = std::move(request);
    exchange->respond = std::move(respond);
    if (!atStart_) {
        route(exchange);
        return;
    }
    const auto config = webConfig_.current();
    if (!config.ok()) {
        tellOnce(config.status());
        finish(*exchange, plainText(500, "Internal Server Error\n"));
        return;
    }
    toldProblem_.clear();
    exchange->config = *config;
    if (!rateLimit_->allows((*config)->rateLimit, exchange->began)) {
        finish(*exchange, plainText(429, "Too Many Requests\n"));
        return;
    }
    if ((*config)->users.empty() || showsPushToken(exchange->request)) {
        route(exchange);
        return;
    }
    login_.check((*config)->users, exchange->request.header("Authorization"),
                 [this, exchange](LoginOutcome outcome) {
                     if (outcome == LoginOutcome::Accepted) {
                         route(exchange);
                         return;
                     }
                     if (outcome == LoginOutcome::Busy) {
                         finish(*exchange, plainText(503, "too many logins wait: try again\n"));
                         return;
                     }
                     net::ServerResponse refused = plainText(401, "Unauthorized\n");
                     refused.headers.emplace_back("WWW-Authenticate", "Basic");
                     finish(*exchange, std::move(refused));
                 });
}

bool Front::showsPushToken(const net::ServerRequest& request) const
{
    constexpr std::string_view kScheme = "Bearer ";
    const std::string_view shown = request.header("Authorization");
    if (options_.pushTokenFile.empty() || !shown.starts_with(kScheme) ||
        !request.path.starts_with(prefix_ + "/metrics/job")) {
        return false;
    }
    const auto text = base::readFile(options_.pushTokenFile);
    const std::string_view token = text.ok() ? base::trimmed(*text, " \t\r\n") : std::string_view();
    const std::string_view given = shown.substr(kScheme.size());
    return !token.empty() && token.size() == given.size() &&
           CRYPTO_memcmp(token.data(), given.data(), token.size()) == 0;
}

void Front::route(const ExchangePtr& exchange)
{
    net::ServerRequest& request = exchange->request;
    if (!prefix_.empty()) {
        if (request.path == "/") {
            net::ServerResponse response{.status = 302, .contentType = ""};
            response.headers.emplace_back("Location", prefix_);
            finish(*exchange, std::move(response));
            return;
        }
        const bool inside =
            request.path.starts_with(prefix_) &&
            (request.path.size() == prefix_.size() || request.path[prefix_.size()] == '/');
        if (!inside) {
            finish(*exchange, plainText(404, "404 page not found\n"));
            return;
        }
        request.path.erase(0, prefix_.size());
        request.path = request.path.empty() ? "/" : request.path;
        exchange->path = request.path;
    }
    if (const std::string_view route = Management::routeOf(request.path); !route.empty()) {
        toManagement(exchange, route);
        return;
    }
    toApi(exchange);
}

void Front::toManagement(const ExchangePtr& exchange, std::string_view route)
{
    exchange->route = route;
    const auto answer = [this, exchange, route] {
        net::ServerResponse response = plainText(500, "internal error: it is in the log\n");
        try {
            response = management_.answer(route, exchange->request);
        } catch (const std::exception& exception) {
            log_->error("api: a handler failed path={} err=\"{}\"", exchange->path,
                        exception.what());
        }
        finish(*exchange, std::move(response));
    };
    if (Management::isSlow(route)) {
        engine_.requestPool().submit(answer);
    } else {
        answer();
    }
}

void Front::toApi(const ExchangePtr& exchange)
{
    const net::ServerRequest& request = exchange->request;
    exchange->route = Api::routeOf(request);
    const std::size_t bytes = request.body.size();
    if (bytes > kFormLimitBytes &&
        request.header("Content-Type").starts_with("application/x-www-form-urlencoded")) {
        finish(*exchange, plainText(413, "the form is larger than 10 MiB\n"));
        return;
    }
    if (request.method == "OPTIONS" && isPrometheusApi(request.path)) {
        finish(*exchange, {.status = 204, .contentType = ""});
        return;
    }
    api_.handle(std::move(exchange->request), [this, exchange](net::ServerResponse response) {
        finish(*exchange, std::move(response));
    });
}

void Front::finish(Exchange& exchange, net::ServerResponse response)
{
    if (isPrometheusApi(exchange.path)) {
        cors_->addTo(exchange, response);
        response.headers.emplace_back("Vary", "Accept-Encoding");
    } else if (exchange.path.starts_with("/api/") && !isIngest(exchange.path)) {
        Cors::addAlertmanagers(response);
    }
    net::compress(response, codingFor(exchange.path, exchange.acceptEncoding));
    if (exchange.config) {
        for (const auto& [name, value] : exchange.config->http.headers) {
            response.headers.emplace_back(name, value);
        }
    }
    if (!exchange.route.empty()) {
        observeAtTheEnd(exchange, response);
    }
    exchange.respond(std::move(response));
}

void Front::observeAtTheEnd(Exchange& exchange, net::ServerResponse& response)
{
    // What is streamed is over when its stream is destroyed, at the end or before.
    struct End
    {
        std::shared_ptr<HttpMetrics> metrics;
        const base::Clock& clock;
        std::string_view route;
        base::Duration began;
        int status;
        std::atomic<std::size_t> bytes;

        ~End() { metrics->observe(route, status, clock.monotonic() - began, bytes); }
    };
    if (!response.stream) {
        metrics_->observe(exchange.route, response.status,
                          engine_.clock().monotonic() - exchange.began, response.body.size());
        return;
    }
    const std::shared_ptr<End> end(new End{.metrics = metrics_,
                                           .clock = engine_.clock(),
                                           .route = exchange.route,
                                           .began = exchange.began,
                                           .status = response.status,
                                           .bytes = response.body.size()});
    response.stream = [end, source = std::move(response.stream)](net::BodyPiece take) {
        source([end, take = std::move(take)](absl::StatusOr<std::string> piece) mutable {
            end->bytes += piece.ok() ? piece->size() : 0;
            take(std::move(piece));
        });
    };
}

} // namespace narthex::api
