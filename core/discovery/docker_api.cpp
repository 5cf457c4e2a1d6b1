// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/discovery/docker_api.h"

#include "core/base/json_writer.h"
#include "core/base/number.h"
#include "core/base/status.h"

#include <fmt/format.h>

#include <set>

namespace narthex::discovery {
namespace {

/// What is spoken with a daemon that knows it or more; older ones get theirs.
constexpr std::string_view kNewestVersion = "1.47";
/// Of a daemon that does not say: it is older than the header.
constexpr std::string_view kOldestVersion = "1.24";

/// "1.41" as 41; absent for anything else.
std::optional<std::uint64_t> minorOf(std::string_view version)
{
    if (!version.starts_with("1.")) {
        return std::nullopt;
    }
    return base::parseUint(version.substr(2));
}

std::string filtersText(const std::vector<DockerFilter>& filters)
{
    std::map<std::string, std::set<std::string>> byName;
    for (const DockerFilter& filter : filters) {
        byName[filter.name].insert(filter.values.begin(), filter.values.end());
    }
    std::string text;
    base::JsonWriter json(text);
    json.beginObject();
    for (const auto& [name, values] : byName) {
        json.key(name).beginObject();
        for (const std::string& value : values) {
            json.key(value).boolean(true);
        }
        json.endObject();
    }
    json.endObject();
    return text;
}

} // namespace

void DockerFilter::describe(yaml::Fields& fields)
{
    fields.field("name", &name, yaml::Printing::Always);
    fields.field("values", &values, yaml::Printing::Always);
}

absl::StatusOr<DockerApi> DockerApi::create(const ProviderEnvironment& environment,
                                            const std::string& host,
                                            const net::HttpClientConfig& http,
                                            base::Duration timeout)
{
    const std::size_t colon = host.find("://");
    const std::string scheme = host.substr(0, colon);
    const std::string rest = colon == std::string::npos ? std::string() : host.substr(colon + 3);
    if (rest.empty()) {
        return base::invalidArgument("unable to parse docker host `{}`: \"unix:///path\", "
                                     "\"tcp://host:port\", \"http://…\" or \"https://…\" is needed",
                                     host);
    }
    if (scheme == "unix") {
        return DockerApi(ApiClient(environment, net::HttpClientConfig{}, timeout),
                         "http://localhost", rest);
    }
    if (scheme == "tcp") {
        return DockerApi(ApiClient(environment, net::HttpClientConfig{}, timeout), "http://" + rest,
                         "");
    }
    if (scheme == "http" || scheme == "https") {
        return DockerApi(ApiClient(environment, http, timeout), host, "");
    }
    return base::invalidArgument("docker host `{}` has the unknown scheme \"{}\": unix, tcp, http "
                                 "or https is needed",
                                 host, scheme);
}

absl::StatusOr<net::HttpResponse> DockerApi::get(const std::string& url,
                                                 const std::stop_token& stop)
{
    net::HttpRequest request{
        .url = url, .headers = {{"Accept", "application/json"}}, .unixSocket = unixSocket_};
    NARTHEX_ASSIGN_OR_RETURN(net::HttpResponse response, client_.send(std::move(request), stop));
    if (response.status != 200) {
        // Perhaps another daemon stands there now: ask anew next time.
        version_.clear();
        return statusError(response);
    }
    return response;
}

absl::Status DockerApi::negotiate(const std::stop_token& stop)
{
    NARTHEX_ASSIGN_OR_RETURN(const net::HttpResponse ping, get(joinUrl(base_, "/_ping"), stop));
    const auto theirs = minorOf(ping.header("Api-Version"));
    if (!theirs) {
        version_ = kOldestVersion;
    } else {
        version_ = *theirs < *minorOf(kNewestVersion) ? std::string(ping.header("Api-Version"))
                                                      : std::string(kNewestVersion);
    }
    return absl::OkStatus();
}

absl::StatusOr<std::vector<Json>> DockerApi::list(const std::string& path,
                                                  const std::stop_token& stop,
                                                  const std::vector<DockerFilter>& filters)
{
    if (version_.empty()) {
        NARTHEX_RETURN_IF_ERROR(negotiate(stop));
    }
    net::Parameters query;
    if (!filters.empty()) {
        query.emplace_back("filters", filtersText(filters));
    }
    NARTHEX_ASSIGN_OR_RETURN(
        const net::HttpResponse response,
        get(joinUrl(base_, fmt::format("/v{}{}", version_, path), query), stop));
    NARTHEX_ASSIGN_OR_RETURN(const Json answer, Json::parse(response.body));
    return listIn(answer);
}

absl::StatusOr<DockerNetworks> DockerApi::networks(std::string_view prefix,
                                                   const std::stop_token& stop)
{
    NARTHEX_ASSIGN_OR_RETURN(const std::vector<Json> all, list("/networks", stop));
    DockerNetworks networks;
    for (const Json& network : all) {
        const auto name = [&](std::string_view part) {
            return fmt::format("__meta_{}_network_{}", prefix, part);
        };
        auto& labels = networks[network["Id"].text()];
        labels.emplace_back(name("id"), network["Id"].text());
        labels.emplace_back(name("name"), network["Name"].text());
        labels.emplace_back(name("scope"), network["Scope"].text());
        labels.emplace_back(name("internal"), network["Internal"].boolean() ? "true" : "false");
        labels.emplace_back(name("ingress"), network["Ingress"].boolean() ? "true" : "false");
        const auto own = network["Labels"].members();
        for (const auto& [key, value] : own) {
            labels.emplace_back(name("label_" + sanitizeLabelName(key)), value.text());
        }
    }
    return networks;
}

void setNetwork(TargetLabels& labels, const DockerNetworks& networks, const std::string& id)
{
    const auto found = networks.find(id);
    if (found == networks.end()) {
        return;
    }
    for (const auto& [name, value] : found->second) {
        labels.plain(name, value);
    }
}

void describeFilters(yaml::Fields& fields, std::vector<DockerFilter>& filters)
{
    if (!fields.reading() && filters.empty()) {
        fields.print("filters", YAML::Node(YAML::NodeType::Sequence));
        return;
    }
    fields.list("filters", filters);
}

void checkDockerHost(yaml::Fields& fields, const std::string& host)
{
    fields.check(!host.empty(), "host missing");
}

} // namespace narthex::discovery
