// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "server_access.h"

#include "commands.h"

#include "core/base/file.h"
#include "core/base/number.h"
#include "core/base/status.h"
#include "core/httpconfig/http_client_keys.h"
#include "core/net/blocking_call.h"
#include "core/yaml/field_reader.h"

#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <utility>

namespace narthex::ctl {
namespace {

constexpr std::uint64_t kAnswerLimit = std::uint64_t{1} << 30U;
constexpr std::string_view kForm = "application/x-www-form-urlencoded";

std::string shortened(std::string_view body)
{
    constexpr std::size_t kLimit = 2000;
    while (!body.empty() && (body.back() == '\n' || body.back() == ' ')) {
        body.remove_suffix(1);
    }
    return std::string(body.substr(0, kLimit));
}

/// Only these codes carry the API's own words.
bool isApiError(int status) { return status == 400 || status == 422; }

absl::StatusOr<ApiAnswer> readAnswer(const net::HttpResponse& response)
{
    const int status = response.status;
    if (status / 100 != 2 && !isApiError(status)) {
        const std::string_view kind = status / 100 == 4   ? "client_error: client error:"
                                      : status / 100 == 5 ? "server_error: server error:"
                                                          : "bad_response: bad response code";
        const std::string text = fmt::format("{} {}", kind, status);
        const std::string detail = shortened(response.body);
        return absl::UnavailableError(
            detail.empty() ? text : fmt::format("{} (detail: {})", text, detail));
    }
    ApiAnswer answer;
    if (status == 204) {
        return answer;
    }
    const auto json = Json::parse(response.body);
    if (!json.ok() || !json->isObject()) {
        return base::unavailable("bad_response: the answer is no JSON object: is it the API of a "
                                 "Prometheus-compatible server?");
    }
    if ((*json)["status"].text() != "success") {
        return base::invalidArgument("{}: {}", (*json)["errorType"].text(),
                                     (*json)["error"].text());
    }
    if (isApiError(status)) {
        return base::unavailable("bad_response: inconsistent body for response code");
    }
    answer.data = (*json)["data"];
    answer.warnings = (*json)["warnings"].texts();
    return answer;
}

} // namespace

void addHttpConfig(CLI::App& command, ServerFlags& flags)
{
    command.add_option("--http.config.file", flags.httpConfigFile,
                       "File with authentication, TLS and proxy, as Prometheus writes them");
}

void addServerOptions(CLI::App& command, ServerFlags& flags)
{
    addHttpConfig(command, flags);
    command
        .add_option("--header", flags.headers,
                    "A header to send with each request, name=value; may be repeated")
        ->allow_extra_args(false);
}

absl::StatusOr<net::HttpClientConfig> readHttpConfig(const std::string& name)
{
    net::HttpClientConfig http;
    if (name.empty()) {
        return http;
    }
    const std::filesystem::path file = name;
    NARTHEX_ASSIGN_OR_RETURN(const std::string text, base::readFile(file));
    NARTHEX_ASSIGN_OR_RETURN(const auto document, yaml::Document::parse(file.string(), text));
    yaml::FieldReader reader(document->root(), "HTTP client settings", file.parent_path());
    httpconfig::describe(reader, http);
    reader.finish();
    NARTHEX_RETURN_IF_ERROR(document->status());
    NARTHEX_RETURN_IF_ERROR(net::checkFiles(http));
    return http;
}

absl::StatusOr<net::Parameters> readPairs(const std::vector<std::string>& texts,
                                          std::string_view option)
{
    net::Parameters pairs;
    for (const std::string& text : texts) {
        const std::size_t at = text.find('=');
        if (at == std::string::npos || at == 0) {
            return base::invalidArgument("{}: expected name=value, got \"{}\"", option, text);
        }
        pairs.emplace_back(text.substr(0, at), text.substr(at + 1));
    }
    return pairs;
}

std::string serverUrl(const std::string& written)
{
    std::string url = written.find("://") == std::string::npos ? "http://" + written : written;
    while (url.ends_with('/')) {
        url.pop_back();
    }
    return url;
}

absl::StatusOr<std::unique_ptr<ServerAccess>>
ServerAccess::open(const std::string& url, const ServerFlags& flags, base::Duration timeout)
{
    NARTHEX_ASSIGN_OR_RETURN(net::HttpClientConfig http, readHttpConfig(flags.httpConfigFile));
    std::unique_ptr<ServerAccess> access(new ServerAccess());
    NARTHEX_ASSIGN_OR_RETURN(access->headers_, readPairs(flags.headers, "--header"));
    access->url_ = serverUrl(url);
    access->timeout_ = timeout;
    access->config_ = std::make_shared<const net::HttpClientConfig>(std::move(http));
    return access;
}

absl::StatusOr<net::HttpResponse> ServerAccess::send(net::HttpRequest request)
{
    request.url = url_ + request.url;
    request.timeout = timeout_;
    request.bodyLimitBytes = kAnswerLimit;
    request.headers.insert(request.headers.end(), headers_.begin(), headers_.end());
    return net::sendAndWait(client_, std::move(request), config_, {});
}

absl::StatusOr<ApiAnswer> ServerAccess::get(std::string_view path, const net::Parameters& query)
{
    std::string url(path);
    if (!query.empty()) {
        url += "?" + net::formEncode(query);
    }
    NARTHEX_ASSIGN_OR_RETURN(const net::HttpResponse response, send({.url = std::move(url)}));
    return readAnswer(response);
}

absl::StatusOr<ApiAnswer> ServerAccess::post(std::string_view path, const net::Parameters& form)
{
    net::HttpRequest request{.method = "POST", .url = std::string(path)};
    request.headers.emplace_back("Content-Type", kForm);
    request.body = net::formEncode(form);
    NARTHEX_ASSIGN_OR_RETURN(const net::HttpResponse response, send(std::move(request)));
    const bool takesNoPost = response.status == 405 || response.status == 501;
    return takesNoPost ? get(path, form) : readAnswer(response);
}

int withServer(const std::string& url, const ServerFlags& flags, std::string_view prefix,
               const std::function<absl::Status(ServerAccess&)>& work)
{
    const auto access = ServerAccess::open(url, flags);
    const absl::Status status = access.ok() ? work(**access) : access.status();
    if (!status.ok()) {
        fmt::print(stderr, "{}{}\n", prefix, base::messageOf(status));
        return kFailed;
    }
    return kOk;
}

absl::StatusOr<base::Timestamp> timeArgument(const std::string& text, std::string_view what,
                                             base::Timestamp otherwise)
{
    if (text.empty()) {
        return otherwise;
    }
    auto time = base::parseTimestamp(text);
    return time.ok() ? time
                     : base::annotate(time.status(), fmt::format("error parsing {} time", what));
}

std::string secondsText(base::Timestamp time)
{
    return base::formatFloatPlain(static_cast<double>(time.ms) / 1000);
}

} // namespace narthex::ctl
