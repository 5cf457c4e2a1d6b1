// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// puppetdb_sd_configs: resources that a PuppetDB query finds. Source: spec/discovery.md,
// section 20.
#include "core/base/json_writer.h"
#include "core/base/number.h"
#include "core/base/status.h"
#include "core/discovery/group_file.h"
#include "core/discovery/refreshing.h"
#include "core/discovery/registry.h"
#include "core/discovery/target_labels.h"

#include <fmt/format.h>

namespace narthex::discovery {
namespace {

struct PuppetDbConfig final : MechanismOf<PuppetDbConfig>
{
    static constexpr std::string_view kMechanism = "puppetdb";
    base::Duration refreshInterval = 60_s;
    std::string url;
    std::string query;
    bool includeParameters = false;
    std::uint64_t port = 80;
    net::HttpClientConfig http;

    void describe(yaml::Fields& fields) override
    {
        httpconfig::describe(fields, http);
        fields.field("refresh_interval", &refreshInterval, yaml::Printing::Always);
        fields.field("url", &url, yaml::Printing::Always);
        fields.field("query", &query, yaml::Printing::Always);
        fields.field("include_parameters", &includeParameters, yaml::Printing::Always);
        fields.field("port", &port, yaml::Printing::Always);
        if (fields.reading()) {
            checkUrl(fields, url);
            fields.check(!query.empty(), "query missing");
            if (includeParameters) {
                fields.warn("include_parameters", "parameters may hold secrets, and everybody who "
                                                  "sees the targets sees them");
            }
        }
    }
    absl::StatusOr<Provider> makeProvider(const ProviderEnvironment& environment) const override;
    friend bool operator==(const PuppetDbConfig&, const PuppetDbConfig&) = default;
};

/// A plain value; empty for lists, hashes and null.
std::string plainText(const Json& value)
{
    return value.isNumber() ? base::formatFloatG(value.number()) : value.text();
}

/// Sets `parameter_<prefix><name>` for each parameter, hashes flattened. Hashes are no deeper than
/// the JSON parser allows.
void setParameters(TargetLabels& labels, const std::string& prefix, const Json& parameters)
{
    const auto all = parameters.members();
    for (const auto& [key, value] : all) {
        const std::string name = prefix + sanitizeLabelName(key);
        if (value.isObject()) {
            setParameters(labels, name + "_", value);
        } else if (value.isArray()) {
            std::vector<std::string> texts;
            for (const Json& item : value.items()) {
                texts.push_back(plainText(item));
            }
            labels.set("parameter_" + name, fmt::format("{}", fmt::join(texts, ",")));
        } else {
            labels.set("parameter_" + name, plainText(value));
        }
    }
}

class PuppetDbRefresher final : public Refresher
{
public:
    PuppetDbRefresher(const ProviderEnvironment& environment, const PuppetDbConfig& config)
        : client_(environment, config.http, config.refreshInterval),
          url_(joinUrl(config.url, "/pdb/query/v4")),
          config_(config)
    {}

    absl::StatusOr<TargetGroups> refresh(const std::stop_token& stop) override
    {
        NARTHEX_ASSIGN_OR_RETURN(const Json answer, ask(stop));
        if (!answer.isArray()) {
            return base::unavailable("unexpected answer: a list of resources is needed");
        }
        std::vector<model::Labels> entries;
        for (const Json& resource : answer.items()) {
            entries.push_back(labelsOf(resource));
        }
        return oneGroup(fmt::format("{}?query={}", url_, config_.query), std::move(entries));
    }

private:
    absl::StatusOr<Json> ask(const std::stop_token& stop)
    {
        std::string body;
        base::JsonWriter(body).beginObject().member("query", config_.query).endObject();
        NARTHEX_ASSIGN_OR_RETURN(const net::HttpResponse response,
                                 client_.send({.method = "POST",
                                               .url = url_,
                                               .headers = {{"Accept", "application/json"},
                                                           {"Content-Type", "application/json"}},
                                               .body = std::move(body)},
                                              stop));
        if (response.status != 200) {
            return statusError(response);
        }
        if (!isJsonType(response.header("Content-Type"))) {
            return base::unavailable("unsupported content type {}",
                                     response.header("Content-Type"));
        }
        return Json::parse(response.body);
    }

    [[nodiscard]] model::Labels labelsOf(const Json& resource) const
    {
        TargetLabels labels("puppetdb");
        labels.set("query", config_.query);
        for (const char* name : {"certname", "resource", "type", "title", "file", "environment"}) {
            labels.set(name, resource[name]);
        }
        labels.set("exported", resource["exported"].boolean())
            .list("tags", resource["tags"].texts())
            .address(resource["certname"].text(), config_.port);
        if (config_.includeParameters) {
            setParameters(labels, "", resource["parameters"]);
        }
        return labels.build();
    }

    ApiClient client_;
    const std::string url_;
    const PuppetDbConfig config_;
};

absl::StatusOr<Provider> PuppetDbConfig::makeProvider(const ProviderEnvironment& environment) const
{
    return refreshing<PuppetDbRefresher>(environment, *this);
}

} // namespace

std::unique_ptr<MechanismConfig> makePuppetDbConfig() { return std::make_unique<PuppetDbConfig>(); }

} // namespace narthex::discovery
