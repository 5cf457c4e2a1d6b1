// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/discovery/google_credentials.h"

#include "core/base/file.h"
#include "core/base/status.h"

#include <filesystem>

namespace narthex::discovery {
namespace {

constexpr std::uint64_t kCredentialsLimitBytes = 1U << 20U;

} // namespace

GoogleCredentials::GoogleCredentials(const ProviderEnvironment& environment, std::string scope,
                                     std::string file, base::Duration timeout)
    : client_(environment, net::HttpClientConfig{}, timeout),
      clock_(environment.clock),
      variable_(environment.variable),
      apiBase_(environment.apiBase),
      scope_(std::move(scope)),
      file_(std::move(file)),
      cache_(environment.clock)
{}

absl::StatusOr<std::string> GoogleCredentials::token(const std::stop_token& stop)
{
    return cache_.get([&] { return ask(stop); });
}

absl::StatusOr<AccessToken> GoogleCredentials::ask(const std::stop_token& stop)
{
    if (!file_.empty()) {
        return askWithFile(file_, stop);
    }
    std::string file = variable("GOOGLE_APPLICATION_CREDENTIALS");
    const std::string home = variable("HOME");
    if (file.empty() && !home.empty()) {
        const std::string known = home + "/.config/gcloud/application_default_credentials.json";
        std::error_code error;
        file = std::filesystem::exists(known, error) ? known : "";
    }
    return file.empty() ? askMetadata(stop) : askWithFile(file, stop);
}

absl::StatusOr<AccessToken> GoogleCredentials::askWithFile(const std::string& file,
                                                           const std::stop_token& stop)
{
    NARTHEX_ASSIGN_OR_RETURN(const std::string text, base::readFile(file, kCredentialsLimitBytes));
    auto parsed = Json::parse(text);
    if (!parsed.ok()) {
        return base::annotate(parsed.status(), file);
    }
    const Json& from = *parsed;
    if (from["type"].text() == "service_account") {
        const std::string url = from["token_uri"].isNull() ? "https://oauth2.googleapis.com/token"
                                                           : from["token_uri"].text();
        NARTHEX_ASSIGN_OR_RETURN(
            std::string assertion,
            assertionText({.issuer = from["client_email"].text(),
                           .subject = "",
                           .audience = url,
                           .scope = scope_,
                           .id = "",
                           .keyId = from["private_key_id"].text(),
                           .privateKey = base::Secret(from["private_key"].text())},
                          clock_.now()));
        return askToken(client_, url, assertionForm(std::move(assertion)), stop);
    }
    if (from["type"].text() == "authorized_user") {
        return askToken(
            client_,
            joinUrl(apiBase_.empty() ? "https://oauth2.googleapis.com" : apiBase_, "/token"),
            {{"grant_type", "refresh_token"},
             {"client_id", from["client_id"].text()},
             {"client_secret", from["client_secret"].text()},
             {"refresh_token", from["refresh_token"].text()}},
            stop);
    }
    return base::invalidArgument("{}: credentials of type \"{}\" are not supported: "
                                 "service_account or authorized_user is needed",
                                 file, from["type"].text());
}

absl::StatusOr<AccessToken> GoogleCredentials::askMetadata(const std::stop_token& stop)
{
    const std::string host = variable("GCE_METADATA_HOST");
    const std::string base =
        !apiBase_.empty() ? apiBase_ : "http://" + (host.empty() ? "169.254.169.254" : host);
    NARTHEX_ASSIGN_OR_RETURN(
        const Json answer,
        client_.getJson(joinUrl(base, "/computeMetadata/v1/instance/service-accounts/default/token",
                                {{"scopes", scope_}}),
                        stop, {{"Metadata-Flavor", "Google"}}));
    return accessTokenOf(answer);
}

std::string GoogleCredentials::variable(const char* name) const
{
    return variable_ ? variable_(name) : std::string();
}

} // namespace narthex::discovery
