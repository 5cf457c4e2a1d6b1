// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/discovery/tokens.h"

#include "core/base/json_writer.h"
#include "core/base/number.h"
#include "core/base/status.h"
#include "core/net/crypto.h"

#include <fmt/format.h>

#include <algorithm>

namespace narthex::discovery {
namespace {

/// A year, in seconds: what a server says beyond it is not believed.
constexpr std::int64_t kLongestLife = 366LL * 24 * 3600;

} // namespace

absl::StatusOr<AccessToken> accessTokenOf(const Json& answer)
{
    AccessToken token{.text = answer["access_token"].text()};
    if (token.text.empty()) {
        return base::unavailable("the token server's answer has no access_token");
    }
    const auto seconds = base::parseInt(answer["expires_in"].text()).value_or(3600);
    token.lifetime =
        base::Duration::fromMs(std::clamp<std::int64_t>(seconds, 0, kLongestLife) * 1000);
    return token;
}

absl::StatusOr<AccessToken> askToken(ApiClient& client, const std::string& url,
                                     const net::Parameters& form, const std::stop_token& stop)
{
    net::HttpRequest request{
        .method = "POST",
        .url = url,
        .headers = {{"Accept", "application/json"},
                    {"Content-Type", "application/x-www-form-urlencoded"}},
        .body = formText(form),
    };
    NARTHEX_ASSIGN_OR_RETURN(const net::HttpResponse response,
                             client.send(std::move(request), stop));
    const auto answer = Json::parse(response.body);
    if (response.status != 200) {
        const std::string reason = answer.ok() ? (*answer)["error_description"].text() : "";
        const absl::Status status = statusError(response);
        return reason.empty() ? status
                              : base::unavailable("{}: {}", base::messageOf(status), reason);
    }
    NARTHEX_RETURN_IF_ERROR(answer.status());
    return accessTokenOf(*answer);
}

absl::StatusOr<std::string> assertionText(const JwtAssertion& assertion, base::Timestamp now)
{
    std::string header;
    base::JsonWriter(header)
        .beginObject()
        .member("alg", assertion.algorithm)
        .member("typ", "JWT")
        .member("kid", assertion.keyId)
        .endObject();
    std::string claims;
    base::JsonWriter json(claims);
    json.beginObject().member("iss", assertion.issuer).member("aud", assertion.audience);
    if (!assertion.subject.empty()) {
        json.member("sub", assertion.subject);
    }
    if (!assertion.scope.empty()) {
        json.member("scope", assertion.scope);
    }
    if (!assertion.id.empty()) {
        json.member("jti", assertion.id);
    }
    json.key("iat").integer(now.ms / 1000);
    json.key("exp").integer((now + assertion.lifetime).ms / 1000);
    json.endObject();
    return net::signedJwt(header, claims, assertion.algorithm, assertion.privateKey);
}

net::Parameters assertionForm(std::string assertion)
{
    return {{"grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"},
            {"assertion", std::move(assertion)}};
}

std::string formText(const net::Parameters& form)
{
    std::string text;
    for (const auto& [name, value] : form) {
        text += fmt::format("{}{}={}", text.empty() ? "" : "&", net::percentEncode(name),
                            net::percentEncode(value));
    }
    return text;
}

} // namespace narthex::discovery
