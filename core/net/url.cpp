// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/net/url.h"

#include "core/base/status.h"
#include "core/base/text.h"
#include "core/net/parameters.h"

#include <absl/strings/ascii.h>
#include <curl/curl.h>

#include <algorithm>
#include <memory>

namespace narthex::net {
namespace {

/// For messages: what stands before an '@' may be a password.
std::string_view withoutUser(std::string_view text)
{
    const std::size_t begin = text.find("://");
    const std::size_t from = begin == std::string_view::npos ? 0 : begin + 3;
    const std::size_t at = text.substr(0, text.find_first_of("/?#", from)).rfind('@');
    return at == std::string_view::npos ? text : text.substr(at + 1);
}

absl::Status invalid(std::string_view text, std::string_view why)
{
    return base::invalidArgument("invalid URL \"{}\": {}", withoutUser(text), why);
}

bool isPort(std::string_view port)
{
    return port.size() <= 5 && port.find_first_not_of("0123456789") == std::string_view::npos;
}

absl::Status takeAuthority(std::string_view authority, Url& url)
{
    if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
        const std::string_view user = authority.substr(0, at);
        const std::size_t colon = user.find(':');
        url.hasUser = true;
        url.user = percentDecode(user.substr(0, colon), false);
        url.password = colon == std::string_view::npos
                           ? std::string()
                           : percentDecode(user.substr(colon + 1), false);
        authority.remove_prefix(at + 1);
    }
    std::string_view rest = authority.substr(0, 0);
    if (authority.starts_with('[')) {
        const std::size_t end = authority.find(']');
        if (end == std::string_view::npos) {
            return base::invalidArgument("missing ']' in host");
        }
        url.host = base::lowered(authority.substr(1, end - 1));
        rest = authority.substr(end + 1);
    } else {
        const std::size_t colon = authority.find(':');
        url.host = base::lowered(authority.substr(0, colon));
        rest = colon == std::string_view::npos ? rest : authority.substr(colon);
    }
    if (url.host.empty()) {
        return base::invalidArgument("no host in request URL");
    }
    if (!rest.empty() && (rest[0] != ':' || !isPort(rest.substr(1)))) {
        return base::invalidArgument("invalid port \"{}\" after host", rest);
    }
    url.port = rest.empty() ? std::string() : std::string(rest.substr(1));
    return absl::OkStatus();
}

} // namespace

std::string Url::portOrDefault() const { return !port.empty() ? port : isHttps() ? "443" : "80"; }

std::string Url::authority() const
{
    std::string result = host.find(':') == std::string::npos ? host : "[" + host + "]";
    return port.empty() ? result : result + ":" + port;
}

std::string Url::text() const { return scheme + "://" + authority() + path; }

absl::StatusOr<Url> parseUrl(std::string_view text)
{
    if (std::any_of(text.begin(), text.end(),
                    [](unsigned char c) { return c <= ' ' || c == 0x7F; })) {
        return invalid(text, "a blank or control character");
    }
    const std::size_t end = text.find("://");
    if (end == std::string_view::npos || end == 0) {
        return invalid(text, "no scheme; http:// or https:// is needed");
    }
    Url url;
    url.scheme = base::lowered(text.substr(0, end));
    const std::size_t begin = end + 3;
    const std::size_t pathAt = std::min(text.find_first_of("/?#", begin), text.size());
    if (absl::Status status = takeAuthority(text.substr(begin, pathAt - begin), url);
        !status.ok()) {
        return invalid(text, base::messageOf(status));
    }
    const std::string_view path = text.substr(pathAt, text.find('#', pathAt) - pathAt);
    url.path = path.starts_with('/') ? std::string(path) : "/" + std::string(path);
    return url;
}

absl::StatusOr<Url> resolveUrl(const Url& base, const std::string& location)
{
    const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> handle(curl_url(), curl_url_cleanup);
    char* resolved = nullptr;
    if (curl_url_set(handle.get(), CURLUPART_URL, base.text().c_str(), 0) != CURLUE_OK ||
        curl_url_set(handle.get(), CURLUPART_URL, location.c_str(), CURLU_URLENCODE) != CURLUE_OK ||
        curl_url_get(handle.get(), CURLUPART_URL, &resolved, 0) != CURLUE_OK) {
        return invalid(location, "failed to parse Location header");
    }
    const std::unique_ptr<char, decltype(&curl_free)> holder(resolved, curl_free);
    return parseUrl(resolved);
}

} // namespace narthex::net
