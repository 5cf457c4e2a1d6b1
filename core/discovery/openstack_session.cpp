// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/discovery/openstack_session.h"

#include "core/base/json_writer.h"
#include "core/base/status.h"

#include <fmt/format.h>

namespace narthex::discovery {
namespace {

/// Without slashes at its end, and without `suffix`.
std::string trimmedUrl(std::string url, std::string_view suffix)
{
    const auto trim = [&url] {
        while (url.ends_with('/')) {
            url.pop_back();
        }
    };
    trim();
    if (url.ends_with(suffix)) {
        url.resize(url.size() - suffix.size());
        trim();
    }
    return url;
}

void writeDomain(base::JsonWriter& json, const OpenStackCredentials& from)
{
    json.key("domain").beginObject();
    if (from.domainId.empty()) {
        json.member("name", from.domainName);
    } else {
        json.member("id", from.domainId);
    }
    json.endObject();
}

/// The user by its id, or by its name within a domain.
absl::Status writeUser(base::JsonWriter& json, const OpenStackCredentials& from)
{
    if (!from.userId.empty()) {
        json.member("id", from.userId);
        return absl::OkStatus();
    }
    if (from.username.empty()) {
        return base::invalidArgument("a username, a userid or an application credential is needed");
    }
    if (from.domainId.empty() && from.domainName.empty()) {
        return base::invalidArgument("a username needs a domain_name or a domain_id");
    }
    json.member("name", from.username);
    writeDomain(json, from);
    return absl::OkStatus();
}

absl::Status writeIdentity(base::JsonWriter& json, const OpenStackCredentials& from)
{
    const bool byApplication = !from.applicationId.empty() || !from.applicationName.empty();
    const char* const method = byApplication ? "application_credential" : "password";
    json.key("identity").beginObject();
    json.key("methods").beginArray().string(method).endArray();
    json.key(method).beginObject();
    if (!byApplication) {
        json.key("user").beginObject();
        NARTHEX_RETURN_IF_ERROR(writeUser(json, from));
        json.member("password", from.password.reveal()).endObject();
    } else {
        if (!from.applicationId.empty()) {
            json.member("id", from.applicationId);
        } else {
            json.member("name", from.applicationName).key("user").beginObject();
            NARTHEX_RETURN_IF_ERROR(writeUser(json, from));
            json.endObject();
        }
        json.member("secret", from.applicationSecret.reveal());
    }
    json.endObject().endObject();
    return absl::OkStatus();
}

/// An application credential has its scope in itself.
void writeScope(base::JsonWriter& json, const OpenStackCredentials& from)
{
    const bool byApplication = !from.applicationId.empty() || !from.applicationName.empty();
    if (byApplication || (from.projectId.empty() && from.projectName.empty())) {
        return;
    }
    json.key("scope").beginObject().key("project").beginObject();
    if (!from.projectId.empty()) {
        json.member("id", from.projectId);
    } else {
        json.member("name", from.projectName);
        writeDomain(json, from);
    }
    json.endObject().endObject();
}

absl::StatusOr<std::string> loginBody(const OpenStackCredentials& credentials)
{
    std::string body;
    base::JsonWriter json(body);
    json.beginObject().key("auth").beginObject();
    NARTHEX_RETURN_IF_ERROR(writeIdentity(json, credentials));
    writeScope(json, credentials);
    json.endObject().endObject();
    return body;
}

} // namespace

void OpenStackCredentials::describe(yaml::Fields& fields)
{
    fields.field("identity_endpoint", &identityEndpoint, yaml::Printing::Always);
    fields.field("username", &username, yaml::Printing::Always);
    fields.field("userid", &userId, yaml::Printing::Always);
    fields.field("password", &password);
    fields.field("project_name", &projectName, yaml::Printing::Always);
    fields.field("project_id", &projectId, yaml::Printing::Always);
    fields.field("domain_name", &domainName, yaml::Printing::Always);
    fields.field("domain_id", &domainId, yaml::Printing::Always);
    fields.field("application_credential_name", &applicationName, yaml::Printing::Always);
    fields.field("application_credential_id", &applicationId, yaml::Printing::Always);
    fields.field("application_credential_secret", &applicationSecret);
}

absl::StatusOr<OpenStackCredentials>
OpenStackCredentials::fromVariables(const std::function<std::string(const std::string&)>& variable)
{
    const auto first = [&](std::initializer_list<const char*> names) {
        std::string value;
        for (const char* name : names) {
            value = value.empty() ? variable(name) : value;
        }
        return value;
    };
    OpenStackCredentials result{
        .identityEndpoint = variable("OS_AUTH_URL"),
        .username = variable("OS_USERNAME"),
        .userId = first({"OS_USERID", "OS_USER_ID"}),
        .password = base::Secret(variable("OS_PASSWORD")),
        .projectName = first({"OS_PROJECT_NAME", "OS_TENANT_NAME"}),
        .projectId = first({"OS_PROJECT_ID", "OS_TENANT_ID"}),
        .domainName = first({"OS_DOMAIN_NAME", "OS_USER_DOMAIN_NAME"}),
        .domainId = first({"OS_DOMAIN_ID", "OS_USER_DOMAIN_ID"}),
        .applicationName = variable("OS_APPLICATION_CREDENTIAL_NAME"),
        .applicationId = variable("OS_APPLICATION_CREDENTIAL_ID"),
        .applicationSecret = base::Secret(variable("OS_APPLICATION_CREDENTIAL_SECRET")),
    };
    if (result.identityEndpoint.empty()) {
        return base::invalidArgument("openstack: set identity_endpoint, or the environment "
                                     "variable OS_AUTH_URL");
    }
    return result;
}

absl::StatusOr<OpenStackSession> OpenStackSession::login(ApiClient& client,
                                                         const OpenStackCredentials& credentials,
                                                         Scope scope, const std::stop_token& stop)
{
    NARTHEX_ASSIGN_OR_RETURN(std::string body, loginBody(credentials));
    const std::string url = trimmedUrl(credentials.identityEndpoint, "/v3") + "/v3/auth/tokens";
    NARTHEX_ASSIGN_OR_RETURN(const net::HttpResponse response,
                             client.send({.method = "POST",
                                          .url = url,
                                          .headers = {{"Accept", "application/json"},
                                                      {"Content-Type", "application/json"}},
                                          .body = std::move(body)},
                                         stop));
    if (response.status != 200 && response.status != 201) {
        return statusError(response);
    }
    NARTHEX_ASSIGN_OR_RETURN(const Json answer, Json::parse(response.body));
    std::string token(response.header("X-Subject-Token"));
    if (token.empty()) {
        return base::unavailable("the identity service sent no X-Subject-Token");
    }
    return OpenStackSession(client, std::move(token), answer["token"]["catalog"], std::move(scope));
}

absl::StatusOr<std::string> OpenStackSession::endpoint(std::string_view type) const
{
    for (const Json& service : catalog_.items()) {
        if (service["type"].text() != type) {
            continue;
        }
        for (const Json& endpoint : service["endpoints"].items()) {
            if (endpoint["interface"].text() == scope_.availability &&
                (endpoint["region"].text() == scope_.region ||
                 endpoint["region_id"].text() == scope_.region)) {
                return trimmedUrl(endpoint["url"].text(), "/v2.0");
            }
        }
    }
    return base::notFound("the OpenStack catalog has no {} endpoint of \"{}\" in region \"{}\"",
                          scope_.availability, type, scope_.region);
}

absl::StatusOr<std::vector<Json>> OpenStackSession::list(std::string url, const std::string& name,
                                                         const std::stop_token& stop)
{
    std::vector<Json> result;
    PageCount pages;
    while (!url.empty()) {
        NARTHEX_RETURN_IF_ERROR(pages.next());
        const auto answer = client_.getJson(url, stop, {{"X-Auth-Token", token_}});
        if (!answer.ok()) {
            return base::annotate(answer.status(), fmt::format("failed to list {}", name));
        }
        NARTHEX_ASSIGN_OR_RETURN(const auto items, listIn(*answer, name));
        result.insert(result.end(), items.begin(), items.end());
        url.clear();
        for (const Json& link : (*answer)[name + "_links"].items()) {
            if (link["rel"].text() == "next") {
                url = link["href"].text();
            }
        }
    }
    return result;
}

} // namespace narthex::discovery
