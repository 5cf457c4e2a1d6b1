// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/net/request_headers.h"

#include "core/base/status.h"
#include "core/net/crypto.h"
#include "core/net/small_file.h"

#include <absl/strings/ascii.h>

#include <algorithm>
#include <array>

namespace narthex::net {
namespace {

constexpr std::string_view kAuthorization = "Authorization";
bool isSensitive(std::string_view name)
{
    constexpr std::array<std::string_view, 6> kNames{
        kAuthorization, "Www-Authenticate",    "Cookie",
        "Cookie2",      "Proxy-Authorization", "Proxy-Authenticate"};
    return std::any_of(kNames.begin(), kNames.end(),
                       [name](std::string_view each) { return sameHeaderName(each, name); });
}

absl::StatusOr<std::string> readTrimmed(const std::string& path)
{
    NARTHEX_ASSIGN_OR_RETURN(std::string text, readSmallFile(path));
    absl::StripAsciiWhitespace(&text);
    return text;
}

std::string basic(const std::string& user, const std::string& password)
{
    return "Basic " + base64(user + ":" + password);
}

bool hasAuthorization(const HttpRequest& request)
{
    return std::any_of(request.headers.begin(), request.headers.end(), [](const auto& header) {
        return sameHeaderName(header.first, kAuthorization);
    });
}

/// The configured Authorization value; empty: none.
absl::StatusOr<std::string> configuredCredentials(const HttpClientConfig& config)
{
    if (config.basicAuth) {
        const BasicAuth& auth = *config.basicAuth;
        std::string user = auth.username;
        std::string password = auth.password.reveal();
        if (!auth.usernameFile.empty()) {
            NARTHEX_ASSIGN_OR_RETURN(user,
                                     readCredential(auth.usernameFile, "basic auth username"));
        }
        if (!auth.passwordFile.empty()) {
            NARTHEX_ASSIGN_OR_RETURN(password,
                                     readCredential(auth.passwordFile, "basic auth password"));
        }
        return basic(user, password);
    }
    if (config.authorization) {
        const Authorization& auth = *config.authorization;
        std::string credentials = auth.credentials.reveal();
        if (!auth.credentialsFile.empty()) {
            NARTHEX_ASSIGN_OR_RETURN(
                credentials, readCredential(auth.credentialsFile, "authorization credentials"));
        }
        return auth.type + " " + credentials;
    }
    return std::string();
}

absl::Status addConfigured(const std::map<std::string, HeaderConfig>& configured,
                           Parameters& headers)
{
    for (const auto& [name, header] : configured) {
        for (const std::string& value : header.values) {
            headers.emplace_back(name, value);
        }
        for (const base::Secret& value : header.secrets) {
            headers.emplace_back(name, value.reveal());
        }
        for (const std::string& path : header.files) {
            auto value = readTrimmed(path);
            if (!value.ok()) {
                return base::unavailable("unable to read headers file {}: {}", path,
                                         base::messageOf(value.status()));
            }
            headers.emplace_back(name, *std::move(value));
        }
    }
    return absl::OkStatus();
}

/// A line break in a value would be a header of its own.
absl::Status checkHeaders(const Parameters& headers)
{
    for (const auto& [name, value] : headers) {
        const auto isControl = [](unsigned char c) { return (c < ' ' && c != '\t') || c == 0x7F; };
        if (name.empty() || std::any_of(name.begin(), name.end(), [&](unsigned char c) {
                return isControl(c) || c == ' ' || c == ':' || c == ';' || c >= 0x80;
            })) {
            return base::invalidArgument("invalid header field name \"{}\"", name);
        }
        if (std::any_of(value.begin(), value.end(), isControl)) {
            return base::invalidArgument("invalid header field value for \"{}\": it has a control "
                                         "character or a line break",
                                         name);
        }
    }
    return absl::OkStatus();
}

} // namespace

absl::StatusOr<std::string> readCredential(const std::string& path, std::string_view what)
{
    auto text = readTrimmed(path);
    if (!text.ok()) {
        return base::unavailable("unable to read {}: unable to read file {}: {}", what, path,
                                 base::messageOf(text.status()));
    }
    return text;
}

bool bringsCredentials(const HttpRequest& request, const Url& url)
{
    return url.hasUser || hasAuthorization(request);
}

absl::StatusOr<Parameters> composeHeaders(const HttpRequest& request,
                                          const HttpClientConfig& config, const Url& url,
                                          const std::string& token, bool leftHost)
{
    Parameters headers;
    headers.reserve(request.headers.size() + 2);
    for (const auto& header : request.headers) {
        // Pieces of a stream are handed over as they come.
        if (!request.onData || !sameHeaderName(header.first, "Accept-Encoding")) {
            headers.push_back(header);
        }
    }
    if (!leftHost && !hasAuthorization(request)) {
        std::string credentials = url.hasUser ? basic(url.user, url.password) : token;
        if (credentials.empty()) {
            NARTHEX_ASSIGN_OR_RETURN(credentials, configuredCredentials(config));
        }
        if (!credentials.empty()) {
            headers.emplace_back(kAuthorization, std::move(credentials));
        }
    }
    NARTHEX_RETURN_IF_ERROR(addConfigured(config.headers, headers));
    if (leftHost) {
        std::erase_if(headers, [](const auto& header) { return isSensitive(header.first); });
    }
    NARTHEX_RETURN_IF_ERROR(checkHeaders(headers));
    return headers;
}

} // namespace narthex::net
