// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/net/sigv4.h"

#include "core/base/status.h"
#include "core/net/crypto.h"
#include "core/net/parameters.h"
#include "core/net/url.h"

#include <absl/strings/ascii.h>

#include <algorithm>
#include <array>
#include <map>

namespace narthex::net {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";

/// "20150830T123600Z"
std::string compactTime(base::Timestamp time)
{
    std::string text = base::formatTimestamp({time.ms / 1000 * 1000});
    std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
    return text;
}

bool isUnsigned(std::string_view lowerName)
{
    constexpr std::array<std::string_view, 7> kNames{
        "authorization", "expect",     "traceparent",    "transfer-encoding",
        "uber-trace-id", "user-agent", "x-amzn-trace-id"};
    return std::find(kNames.begin(), kNames.end(), lowerName) != kNames.end();
}

/// Without blanks at the ends; several in a row are one.
std::string canonicalValue(std::string value)
{
    absl::RemoveExtraAsciiWhitespace(&value);
    return value;
}

/// The path as it is sent, encoded once more.
std::string canonicalPath(std::string_view path)
{
    std::string result;
    while (true) {
        const std::size_t slash = path.find('/');
        result += percentEncode(path.substr(0, slash));
        if (slash == std::string_view::npos) {
            return result;
        }
        result += '/';
        path.remove_prefix(slash + 1);
    }
}

std::string canonicalQuery(std::string_view query)
{
    Parameters encoded;
    for (const auto& [name, value] : parseQuery(query)) {
        encoded.emplace_back(percentEncode(name), percentEncode(value));
    }
    std::sort(encoded.begin(), encoded.end());
    std::string result;
    for (const auto& [name, value] : encoded) {
        result += fmt::format("{}{}={}", result.empty() ? "" : "&", name, value);
    }
    return result;
}

} // namespace

absl::Status signSigV4(HttpRequest& request, const SigV4Credentials& credentials,
                       const SigV4Scope& scope, base::Timestamp time)
{
    NARTHEX_ASSIGN_OR_RETURN(const Url url, parseUrl(request.url));
    const std::string date = compactTime(time);
    std::erase_if(request.headers, [](const auto& header) {
        return sameHeaderName(header.first, "Authorization") ||
               sameHeaderName(header.first, "X-Amz-Date") ||
               sameHeaderName(header.first, "X-Amz-Security-Token");
    });
    request.headers.emplace_back("X-Amz-Date", date);
    if (!credentials.sessionToken.empty()) {
        request.headers.emplace_back("X-Amz-Security-Token", credentials.sessionToken.reveal());
    }
    std::map<std::string, std::string> headers{{"host", url.authority()}};
    for (const auto& [name, value] : request.headers) {
        std::string lower = name;
        absl::AsciiStrToLower(&lower);
        if (!isUnsigned(lower) && lower != "host") {
            std::string& all = headers[lower];
            all += (all.empty() ? "" : ",") + canonicalValue(value);
        }
    }
    std::string names;
    std::string lines;
    for (const auto& [name, value] : headers) {
        names += (names.empty() ? "" : ";") + name;
        lines += fmt::format("{}:{}\n", name, value);
    }
    const std::string_view path = std::string_view(url.path).substr(0, url.path.find('?'));
    const std::string_view query =
        std::string_view(url.path).substr(std::min(path.size() + 1, url.path.size()));
    const std::string canonical =
        fmt::format("{}\n{}\n{}\n{}\n{}\n{}", request.method, canonicalPath(path),
                    canonicalQuery(query), lines, names, hex(sha256(request.body)));
    const std::string day = date.substr(0, 8);
    const std::string place =
        fmt::format("{}/{}/{}/aws4_request", day, scope.region, scope.service);
    const std::string toSign =
        fmt::format("{}\n{}\n{}\n{}", kAlgorithm, date, place, hex(sha256(canonical)));
    std::string key = "AWS4" + credentials.secretKey.reveal();
    for (const std::string_view part :
         {std::string_view(day), std::string_view(scope.region), std::string_view(scope.service),
          std::string_view("aws4_request")}) {
        key = hmacSha256(key, part);
    }
    request.headers.emplace_back("Authorization",
                                 fmt::format("{} Credential={}/{}, SignedHeaders={}, Signature={}",
                                             kAlgorithm, credentials.accessKey, place, names,
                                             hex(hmacSha256(key, toSign))));
    return absl::OkStatus();
}

} // namespace narthex::net
