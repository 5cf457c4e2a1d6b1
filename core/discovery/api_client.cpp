// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/discovery/api_client.h"

#include "core/base/status.h"
#include "core/net/blocking_call.h"

#include <absl/synchronization/mutex.h>
#include <fmt/format.h>

namespace narthex::discovery {
namespace {

bool isNameByte(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

} // namespace

void reportPart(const ProviderEnvironment& environment, std::string_view part,
                const absl::Status& status)
{
    if (environment.report) {
        environment.report(part, status);
    }
}

bool waitFor(base::Duration duration, const std::stop_token& stop)
{
    absl::Mutex mutex;
    absl::CondVar wake;
    const std::stop_callback onStop(stop, [&] {
        absl::MutexLock lock(&mutex);
        wake.SignalAll();
    });
    absl::MutexLock lock(&mutex);
    const absl::Time end = absl::Now() + absl::Nanoseconds(duration.ns);
    while (!stop.stop_requested()) {
        if (wake.WaitWithDeadline(&mutex, end)) {
            return true;
        }
    }
    return false;
}

ApiClient::ApiClient(const ProviderEnvironment& environment, net::HttpClientConfig config,
                     base::Duration timeout)
    : http_(environment.http),
      config_(std::make_shared<const net::HttpClientConfig>(std::move(config))),
      timeout_(timeout)
{}

ApiClient ApiClient::sharing(const ProviderEnvironment& environment,
                             std::shared_ptr<const net::HttpClientConfig> config,
                             base::Duration timeout)
{
    ApiClient client(environment, net::HttpClientConfig{}, timeout);
    client.config_ = std::move(config);
    return client;
}

absl::StatusOr<net::HttpResponse> ApiClient::send(net::HttpRequest request,
                                                  const std::stop_token& stop)
{
    request.timeout = timeout_;
    request.bodyLimitBytes = kBodyLimit;
    return net::sendAndWait(http_, std::move(request), config_, stop);
}

absl::StatusOr<net::HttpResponse>
ApiClient::get(const std::string& url, const std::stop_token& stop, const net::Parameters& headers)
{
    NARTHEX_ASSIGN_OR_RETURN(net::HttpResponse response,
                             send({.url = url, .headers = headers}, stop));
    if (response.status != 200) {
        return statusError(response);
    }
    return response;
}

absl::StatusOr<Json> ApiClient::getJson(const std::string& url, const std::stop_token& stop,
                                        net::Parameters headers)
{
    headers.emplace_back("Accept", "application/json");
    NARTHEX_ASSIGN_OR_RETURN(const net::HttpResponse response, get(url, stop, headers));
    return Json::parse(response.body);
}

absl::StatusOr<Json> ApiClient::postJson(const std::string& url, std::string contentType,
                                         std::string body, const std::stop_token& stop,
                                         net::Parameters headers)
{
    headers.emplace_back("Accept", "application/json");
    headers.emplace_back("Content-Type", std::move(contentType));
    net::HttpRequest request{
        .method = "POST", .url = url, .headers = std::move(headers), .body = std::move(body)};
    NARTHEX_ASSIGN_OR_RETURN(const net::HttpResponse response, send(std::move(request), stop));
    if (response.status < 200 || response.status > 299) {
        return statusError(response);
    }
    return Json::parse(response.body);
}

absl::Status statusError(const net::HttpResponse& response)
{
    return absl::UnavailableError(
        fmt::format("server returned HTTP status {} {}", response.status, response.reason));
}

std::string joinUrl(std::string_view base, std::string_view path, const net::Parameters& query)
{
    std::string url(base);
    while (url.ends_with('/')) {
        url.pop_back();
    }
    if (!path.empty() && !path.starts_with('/')) {
        url += '/';
    }
    url += path;
    char separator = url.find('?') == std::string::npos ? '?' : '&';
    for (const auto& [name, value] : query) {
        url += separator;
        url += net::percentEncode(name) + "=" + net::percentEncode(value);
        separator = '&';
    }
    return url;
}

std::string joinHostPort(std::string_view host, std::string_view port)
{
    return host.find(':') == std::string_view::npos ? fmt::format("{}:{}", host, port)
                                                    : fmt::format("[{}]:{}", host, port);
}

std::string joinHostPort(std::string_view host, std::uint64_t port)
{
    return joinHostPort(host, std::to_string(port));
}

std::string sanitizeLabelName(std::string_view key)
{
    std::string name;
    for (const char c : key) {
        const auto byte = static_cast<unsigned char>(c);
        if ((byte & 0xC0U) == 0x80U) {
            continue; // the rest of a code point whose first byte gave its '_'
        }
        name += isNameByte(byte) ? c : '_';
    }
    return name;
}

std::string surrounded(const std::vector<std::string>& items, std::string_view separator)
{
    return fmt::format("{}{}{}", separator, fmt::join(items, separator), separator);
}

void meta(model::LabelsBuilder& labels, std::string_view name, std::string_view value)
{
    labels.set(fmt::format("__meta_{}", name), value);
}

} // namespace narthex::discovery
