// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/discovery/kubernetes/client.h"

#include "core/base/status.h"

#include <fmt/format.h>

namespace narthex::discovery::kubernetes {
namespace {

constexpr base::Duration kListTimeout = base::Duration::fromMs(60'000);
constexpr int kGone = 410;
constexpr int kUnauthorized = 401;

absl::Status failureOf(const net::HttpResponse& response)
{
    std::string text =
        fmt::format("server returned HTTP status {} {}", response.status, response.reason);
    if (const auto json = Json::parse(response.body); json.ok()) {
        if (const std::string message = (*json)["message"].text(); !message.empty()) {
            text += ": " + message;
        }
    }
    return response.status == kGone ? base::outOfRange("{}", text) : base::unavailable("{}", text);
}

} // namespace

absl::Status statusOf(const Json& status)
{
    const std::string message = status["message"].text();
    return status["code"].integer() == kGone ? base::outOfRange("{}", message)
                                             : base::unavailable("{}", message);
}

Client::Client(const ProviderEnvironment& environment, std::shared_ptr<Access> access)
    : environment_(environment), access_(std::move(access))
{}

absl::StatusOr<Json> Client::get(const std::string& path, const net::Parameters& query,
                                 const std::stop_token& stop)
{
    NARTHEX_ASSIGN_OR_RETURN(auto settings, access_->settings(stop));
    ApiClient client = ApiClient::sharing(environment_, std::move(settings), kListTimeout);
    net::HttpRequest request{.url = joinUrl(access_->server(), path, query),
                             .headers = {{"Accept", "application/json"}}};
    const base::Duration begin = environment_.clock.monotonic();
    const auto response = client.send(std::move(request), stop);
    NARTHEX_RETURN_IF_ERROR(judge(path, response, environment_.clock.monotonic() - begin));
    return Json::parse(response->body);
}

absl::StatusOr<std::unique_ptr<LineStream>> Client::watch(const std::string& path,
                                                          const net::Parameters& query,
                                                          base::Duration atMost,
                                                          const std::stop_token& stop)
{
    NARTHEX_ASSIGN_OR_RETURN(auto settings, access_->settings(stop));
    net::HttpRequest request{.url = joinUrl(access_->server(), path, query),
                             .headers = {{"Accept", "application/json"}},
                             .timeout = atMost};
    return std::make_unique<LineStream>(environment_.http, std::move(request), std::move(settings));
}

absl::Status Client::judgeWatch(const std::string& path,
                                const absl::StatusOr<net::HttpResponse>& response)
{
    return judge(path, response, response.ok() ? response->timing.firstByte : base::Duration());
}

absl::Status Client::judge(const std::string& path,
                           const absl::StatusOr<net::HttpResponse>& response, base::Duration took)
{
    if (absl::IsCancelled(response.status())) {
        return response.status();
    }
    const std::string code = response.ok() ? std::to_string(response->status) : "<error>";
    environment_.metrics.add("prometheus_sd_kubernetes_http_request_total",
                             model::Labels{{"status_code", code}});
    environment_.metrics.observe("prometheus_sd_kubernetes_http_request_duration_seconds",
                                 model::Labels{{"endpoint", path}}, took.seconds(),
                                 environment_.clock.monotonic());
    NARTHEX_RETURN_IF_ERROR(response.status());
    if (response->status == kUnauthorized) {
        access_->refused();
    }
    return response->status == 200 ? absl::OkStatus() : failureOf(*response);
}

} // namespace narthex::discovery::kubernetes
