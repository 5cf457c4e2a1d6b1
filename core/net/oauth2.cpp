// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/net/oauth2.h"

#include "core/base/json_writer.h"
#include "core/base/status.h"
#include "core/net/crypto.h"
#include "core/net/parameters.h"
#include "core/net/request_headers.h"

#include <absl/strings/numbers.h>
#include <simdjson.h>

#include <algorithm>

namespace narthex::net {
namespace {

constexpr std::string_view kJwtBearer = "urn:ietf:params:oauth:grant-type:jwt-bearer";
constexpr std::chrono::seconds kSpare{10}; // a token that expires under way is of no use
constexpr std::int64_t kAssertionSeconds = 600;
constexpr std::uint64_t kAnswerLimit = 1U << 20U;

std::shared_ptr<const HttpClientConfig> clientOf(const OAuth2Config& config)
{
    return std::make_shared<const HttpClientConfig>(
        HttpClientConfig{.tls = config.tls, .proxy = config.proxy});
}

/// The members of a token answer, JSON or form, as texts.
std::map<std::string, std::string> membersOf(const HttpResponse& answer)
{
    std::map<std::string, std::string> members;
    const std::string_view type = answer.header("Content-Type");
    if (type.starts_with("application/x-www-form-urlencoded") || type.starts_with("text/plain")) {
        for (auto& [name, value] : parseQuery(answer.body)) {
            members.emplace(std::move(name), std::move(value));
        }
        return members;
    }
    simdjson::dom::parser parser;
    simdjson::dom::object object;
    if (parser.parse(answer.body).get(object) != simdjson::SUCCESS) {
        return members;
    }
    for (const auto& [name, value] : object) {
        std::string_view text;
        members.emplace(std::string(name), value.get(text) == simdjson::SUCCESS
                                               ? std::string(text)
                                               : simdjson::minify(value));
    }
    return members;
}

std::string tokenType(const std::string& written)
{
    for (const std::string_view known : {"Bearer", "MAC", "Basic"}) {
        if (sameHeaderName(known, written)) {
            return std::string(known);
        }
    }
    return written.empty() ? "Bearer" : written;
}

std::string scopeText(const std::vector<std::string>& scopes)
{
    return fmt::format("{}", fmt::join(scopes, " "));
}

} // namespace

TokenSource::TokenSource(OAuth2Config config)
    : config_(std::move(config)), client_(clientOf(config_))
{}

bool TokenSource::isJwt() const { return config_.grantType == kJwtBearer; }

absl::Status TokenSource::refreshSecret()
{
    const std::string& path = isJwt() ? config_.certificateKeyFile : config_.clientSecretFile;
    std::string secret = (isJwt() ? config_.certificateKey : config_.clientSecret).reveal();
    if (!path.empty()) {
        NARTHEX_ASSIGN_OR_RETURN(secret, readCredential(path, "oauth2 client secret"));
    } else if (secret.empty()) {
        return base::invalidArgument("oauth2 client secret is required");
    }
    if (secret != secret_) {
        secret_ = std::move(secret);
        authorization_.clear();
        ++generation_;
    }
    return absl::OkStatus();
}

std::string TokenSource::authorization(Time now) const
{
    return !expiry_ || now + kSpare < *expiry_ ? authorization_ : std::string();
}

absl::StatusOr<std::string> TokenSource::assertion(std::int64_t wallClock) const
{
    std::string header;
    const std::string algorithm =
        config_.signatureAlgorithm.empty() ? "RS256" : config_.signatureAlgorithm;
    base::JsonWriter headerWriter(header);
    headerWriter.beginObject().member("alg", algorithm);
    if (!config_.certificateKeyId.empty()) {
        headerWriter.member("kid", config_.certificateKeyId);
    }
    headerWriter.member("typ", "JWT").endObject();

    std::map<std::string, std::string> texts{
        {"iss", config_.iss.empty() ? config_.clientId : config_.iss},
        {"sub", config_.clientId},
        {"jti", randomHex(16)},
        {"aud", config_.audience.empty() ? config_.tokenUrl : config_.audience}};
    if (!config_.scopes.empty()) {
        texts["scope"] = scopeText(config_.scopes);
    }
    for (const auto& [name, value] : config_.claims) {
        texts[name] = value;
    }
    std::string claims;
    base::JsonWriter writer(claims);
    writer.beginObject();
    for (const auto& [name, value] : texts) {
        writer.member(name, value);
    }
    if (!texts.contains("iat")) {
        writer.key("iat").integer(wallClock);
    }
    if (!texts.contains("exp")) {
        writer.key("exp").integer(wallClock + kAssertionSeconds);
    }
    writer.endObject();
    return signedJwt(header, claims, algorithm, base::Secret(secret_));
}

absl::StatusOr<HttpRequest> TokenSource::request(std::int64_t wallClock) const
{
    // Sorted by name, as forms of that library are.
    std::map<std::string, std::string> form;
    HttpRequest request{.method = "POST", .url = config_.tokenUrl, .bodyLimitBytes = kAnswerLimit};
    request.headers.emplace_back("Content-Type", "application/x-www-form-urlencoded");
    if (isJwt()) {
        form["grant_type"] = kJwtBearer;
        NARTHEX_ASSIGN_OR_RETURN(form["assertion"], assertion(wallClock));
    } else {
        form["grant_type"] = "client_credentials";
    }
    if (!config_.scopes.empty()) {
        form["scope"] = scopeText(config_.scopes);
    }
    for (const auto& [name, value] : config_.endpointParams) {
        if (name != "grant_type" && form.contains(name)) {
            return base::invalidArgument("oauth2: cannot overwrite parameter \"{}\"", name);
        }
        form[name] = value;
    }
    if (!isJwt()) {
        if (place_ == SecretPlace::Unknown || place_ == SecretPlace::Header) {
            const std::string user = percentEncode(config_.clientId) + ":" + percentEncode(secret_);
            request.headers.emplace_back("Authorization", "Basic " + base64(user));
        } else {
            form["client_id"] = config_.clientId;
            form["client_secret"] = secret_;
        }
    }
    request.body = formEncode({form.begin(), form.end()});
    return request;
}

absl::StatusOr<bool> TokenSource::take(const absl::StatusOr<HttpResponse>& answer, Time now)
{
    absl::Status status = answer.ok() ? keep(*answer, now) : answer.status();
    if (status.ok()) {
        place_ = place_ == SecretPlace::Unknown       ? SecretPlace::Header
                 : place_ == SecretPlace::BodyOnTrial ? SecretPlace::Body
                                                      : place_;
        return true;
    }
    if (!isJwt() && place_ == SecretPlace::Unknown && answer.ok()) {
        place_ = SecretPlace::BodyOnTrial;
        return false;
    }
    if (place_ == SecretPlace::BodyOnTrial) {
        place_ = SecretPlace::Unknown;
    }
    return base::annotate(status, "oauth2: cannot fetch token");
}

absl::Status TokenSource::keep(const HttpResponse& answer, Time now)
{
    auto members = membersOf(answer);
    if (answer.status < 200 || answer.status > 299 || !members["error"].empty()) {
        std::string message = fmt::format("{} {}", answer.status, answer.reason);
        for (const char* const name : {"error", "error_description"}) {
            if (!members[name].empty()) {
                message += fmt::format(": {}", members[name]);
            }
        }
        return absl::UnavailableError(message);
    }
    if (members["access_token"].empty()) {
        return base::unavailable("server response missing access_token");
    }
    authorization_ = tokenType(members["token_type"]) + " " + members["access_token"];
    double seconds = 0;
    expiry_.reset();
    if (absl::SimpleAtod(members["expires_in"], &seconds) && seconds > 0) {
        // A century is for ever; more would overflow.
        expiry_ = now + std::chrono::seconds(static_cast<std::int64_t>(std::min(seconds, 3e9)));
    }
    return absl::OkStatus();
}

} // namespace narthex::net
