// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/client/http/alertmanager_client.h"

#include "core/base/status.h"
#include "core/net/http_server.h"

#include <absl/synchronization/notification.h>

#include <utility>

namespace narthex::client {
namespace {

constexpr std::uint64_t kAnswerLimit = std::uint64_t{256} << 20U;

std::string withoutSlash(std::string url)
{
    while (url.ends_with('/')) {
        url.pop_back();
    }
    return url;
}

/// What an error answer says: a JSON string, or an object with a message.
std::string reasonOf(const net::HttpResponse& response)
{
    const auto json = Json::parse(response.body);
    std::string reason = !json.ok()         ? response.body
                         : json->isObject() ? (*json)["message"].text()
                         : json->isString() ? json->text()
                                            : response.body;
    if (reason.empty() && json.ok() && json->isObject()) {
        reason = (*json)["error"].text();
    }
    return reason.empty() ? response.reason : reason;
}

absl::Status errorOf(const std::string& url, const net::HttpResponse& response)
{
    const std::string text = fmt::format("{}: {} {}", url, response.status, reasonOf(response));
    if (response.status == 404) {
        return absl::NotFoundError(text);
    }
    return response.status < 500 ? absl::InvalidArgumentError(text) : absl::UnavailableError(text);
}

} // namespace

AlertmanagerClient::AlertmanagerClient(net::IoLoop& loop, std::string url,
                                       net::HttpClientConfig config, base::Duration timeout)
    : url_(withoutSlash(std::move(url))),
      config_(std::make_shared<const net::HttpClientConfig>(std::move(config))),
      timeout_(timeout),
      client_(loop, "narthexctl")
{}

absl::StatusOr<Json> AlertmanagerClient::get(std::string_view path, const net::Parameters& query)
{
    std::string url = url_ + std::string(path);
    char separator = '?';
    for (const auto& [name, value] : query) {
        url += fmt::format("{}{}={}", std::exchange(separator, '&'), net::percentEncode(name),
                           net::percentEncode(value));
    }
    return ask({.url = std::move(url)});
}

absl::StatusOr<Json> AlertmanagerClient::send(std::string method, std::string_view path,
                                              std::string body)
{
    net::HttpRequest request{.method = std::move(method), .url = url_ + std::string(path)};
    if (!body.empty()) {
        request.headers.emplace_back("Content-Type", "application/json");
        request.body = std::move(body);
    }
    return ask(std::move(request));
}

absl::StatusOr<Json> AlertmanagerClient::ask(net::HttpRequest request)
{
    request.timeout = timeout_;
    request.bodyLimitBytes = kAnswerLimit;
    const std::string url = request.url;
    absl::Notification done;
    absl::StatusOr<net::HttpResponse> answer;
    client_.send(std::move(request), config_, [&](absl::StatusOr<net::HttpResponse> response) {
        answer = std::move(response);
        done.Notify();
    });
    done.WaitForNotification();
    NARTHEX_RETURN_IF_ERROR(answer.status());
    if (answer->status < 200 || answer->status > 299) {
        return errorOf(url, *answer);
    }
    if (answer->body.find_first_not_of(" \t\r\n") == std::string::npos) {
        return Json();
    }
    auto json = Json::parse(answer->body);
    return json.ok() ? json
                     : base::unavailable("{}: the answer is no JSON: is it an Alertmanager?", url);
}

} // namespace narthex::client
