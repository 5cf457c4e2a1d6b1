// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/client/http/answer_error.h"

#include "core/base/number.h"
#include "core/discovery/json.h"

#include <algorithm>

namespace narthex::client {
namespace {

using discovery::Json;

/// Of pages that are no JSON, the beginning on one line.
std::string excerpt(std::string_view body)
{
    constexpr std::size_t kMost = 120;
    std::string text(body.substr(0, kMost));
    std::replace_if(
        text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
    return body.size() > kMost ? text + "…" : text;
}

bool isPage(const net::HttpResponse& response)
{
    const std::size_t begin = response.body.find_first_not_of(" \t\r\n");
    return response.header("Content-Type").find("html") != std::string_view::npos ||
           (begin != std::string::npos && response.body[begin] == '<');
}

std::string_view remedyOf(net::TransportError error)
{
    switch (error) {
    case net::TransportError::NameResolution:
        return "the host name is not known: check it, and the name server of this machine";
    case net::TransportError::Refused:
        return "nothing listens there: check the port, and whether the server runs";
    case net::TransportError::Timeout:
        return "no answer in time: check the address, or allow more time";
    case net::TransportError::Tls:
        return "no secure connection: check https or http, the certificate authority (ca_file), "
               "server_name, and the client certificate";
    case net::TransportError::BodyLimit:
        return "the answer is too large: ask for fewer series, a shorter range or a longer step";
    case net::TransportError::None:
    case net::TransportError::Cancelled:
    case net::TransportError::Other:
        break;
    }
    return {};
}

/// "1:5: parse error: …" tells where, from line 1 and column 1.
std::optional<base::Position> positionIn(std::string_view message, std::string_view query)
{
    const std::size_t end = message.find(": parse error");
    if (end == std::string_view::npos) {
        return std::nullopt;
    }
    std::size_t begin = end;
    while (begin > 0 && (message[begin - 1] == ':' ||
                         (message[begin - 1] >= '0' && message[begin - 1] <= '9'))) {
        --begin;
    }
    const std::string_view place = message.substr(begin, end - begin);
    const std::size_t colon = place.find(':');
    const auto line = base::parseUint(place.substr(0, colon));
    const auto column =
        colon == std::string_view::npos ? std::nullopt : base::parseUint(place.substr(colon + 1));
    if (!line || !column || *line == 0 || *column == 0) {
        return std::nullopt;
    }
    std::size_t offset = 0;
    for (std::uint64_t i = 1; i < *line; ++i) {
        const std::size_t next = query.find('\n', offset);
        if (next == std::string_view::npos) {
            return std::nullopt;
        }
        offset = next + 1;
    }
    offset = std::min<std::size_t>(offset + *column - 1, query.size());
    return base::Position{.line = static_cast<std::uint32_t>(*line),
                          .column = static_cast<std::uint32_t>(*column),
                          .begin = static_cast<std::uint32_t>(offset)};
}

absl::Status unauthenticated(int status, const net::HttpResponse& response, std::string_view url)
{
    const std::string why = isPage(response) ? std::string() : ": " + excerpt(response.body);
    if (response.body.find("org id") != std::string::npos) {
        return base::unauthenticated("{}: the server asks for a tenant{}: give it in the header "
                                     "X-Scope-OrgID",
                                     url, why);
    }
    if (status == 401) {
        return base::unauthenticated("{}: the server wants to know who asks (401){}: check user "
                                     "name and password, or the token",
                                     url, why);
    }
    return absl::PermissionDeniedError(fmt::format(
        "{}: the server refuses whoever asks (403){}: check the rights of this user or token", url,
        why));
}

} // namespace

absl::Status transportProblem(const absl::Status& error, std::string_view url)
{
    const std::string_view remedy = remedyOf(net::transportErrorOf(error));
    absl::Status result(error.code(),
                        remedy.empty()
                            ? fmt::format("{}: {}", url, base::messageOf(error))
                            : fmt::format("{}: {} ({})", url, base::messageOf(error), remedy));
    error.ForEachPayload(
        [&result](auto name, const absl::Cord& payload) { result.SetPayload(name, payload); });
    return result;
}

absl::Status apiProblem(std::string_view type, std::string_view message, int httpStatus,
                        std::string_view query)
{
    absl::StatusCode code = absl::StatusCode::kInvalidArgument;
    if (type == "timeout") {
        code = absl::StatusCode::kDeadlineExceeded;
    } else if (type == "canceled") {
        code = absl::StatusCode::kCancelled;
    } else if (type == "not_found") {
        code = absl::StatusCode::kNotFound;
    } else if (httpStatus == 429 || httpStatus == 413) {
        code = absl::StatusCode::kResourceExhausted;
    } else if (type == "internal" || type == "unavailable" ||
               (httpStatus >= 500 && type != "execution" && type != "bad_data")) {
        code = absl::StatusCode::kUnavailable;
    }
    absl::Status status(code, std::string(message));
    const auto position = positionIn(message, query);
    return position ? base::withPosition(std::move(status), *position) : status;
}

absl::Status answerProblem(const net::HttpResponse& response, std::string_view url,
                           std::string_view query)
{
    const int status = response.status;
    if (status == 401 || status == 403) {
        return unauthenticated(status, response, url);
    }
    if (const auto json = Json::parse(response.body);
        json.ok() && (*json)["status"].text() == "error") {
        const std::string message = (*json)["error"].text();
        if (message.find("unsupported path") != std::string::npos) {
            return base::unimplemented("{}: the server has no such path", url);
        }
        if (message.find("admin APIs disabled") != std::string::npos) {
            return base::unimplemented("{}: {}: start the server with --web.enable-admin-api", url,
                                       message);
        }
        return apiProblem((*json)["errorType"].text(), message, status, query);
    }
    // VictoriaMetrics answers 400 to paths that it does not have.
    if (status == 404 || status == 405 || status == 501 ||
        (status == 400 && response.body.find("unsupported path") != std::string::npos)) {
        return base::unimplemented("{}: the server has no such path ({})", url, status);
    }
    if (status >= 300 && status < 400) {
        return base::unavailable("{}: the server sends us on to {} ({}): give that address, or "
                                 "allow redirects",
                                 url, response.header("Location"), status);
    }
    if (status == 413 || status == 429) {
        return base::resourceExhausted("{}: {} {}: {}", url, status, response.reason,
                                       excerpt(response.body));
    }
    const std::string words =
        isPage(response) || response.body.empty() ? response.reason : excerpt(response.body);
    return status >= 500 ? base::unavailable("{}: the server failed ({}): {}: see its log", url,
                                             status, words)
                         : base::invalidArgument("{}: {}: {}", url, status, words);
}

absl::Status notJson(const net::HttpResponse& response, std::string_view url, std::string_view why)
{
    if (isPage(response)) {
        return base::unavailable("{}: the answer is a page for people, not JSON ({} bytes): is it "
                                 "the address of the server itself, and is there a proxy or a "
                                 "login in between?",
                                 url, response.body.size());
    }
    return base::unavailable("{}: the answer is not that of a Prometheus-compatible server: {}; "
                             "{} bytes that begin with \"{}\"",
                             url, why, response.body.size(), excerpt(response.body));
}

} // namespace narthex::client
