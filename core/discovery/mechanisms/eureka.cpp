// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// eureka_sd_configs: applications that register with Eureka. Source: spec/discovery.md, section 19.
#include "core/base/status.h"
#include "core/discovery/refreshing.h"
#include "core/discovery/registry.h"
#include "core/discovery/target_labels.h"

#include <fmt/format.h>

#include <pugixml.hpp>

namespace narthex::discovery {
namespace {

struct EurekaConfig final : MechanismOf<EurekaConfig>
{
    static constexpr std::string_view kMechanism = "eureka";
    std::string server;
    net::HttpClientConfig http;
    base::Duration refreshInterval = 30_s;

    void describe(yaml::Fields& fields) override
    {
        fields.field("server", &server);
        httpconfig::describe(fields, http);
        fields.field("refresh_interval", &refreshInterval, yaml::Printing::Always);
        if (!fields.reading()) {
            return;
        }
        const std::size_t scheme = server.find("://");
        if (server.empty()) {
            fields.fail("eureka_sd: empty or null eureka server");
        } else if (scheme == std::string::npos || scheme == 0 || scheme + 3 >= server.size() ||
                   server[scheme + 3] == '/') {
            fields.failAt("server", "eureka_sd: invalid eureka server URL");
        }
    }
    absl::StatusOr<Provider> makeProvider(const ProviderEnvironment& environment) const override;
    friend bool operator==(const EurekaConfig&, const EurekaConfig&) = default;
};

void setItems(TargetLabels& labels, std::string_view name, pugi::xml_node metadata)
{
    for (const pugi::xml_node item : metadata.children()) {
        if (item.type() == pugi::node_element) {
            labels.keyed(name, item.name(), item.child_value());
        }
    }
}

void setPort(TargetLabels& labels, const std::string& name, pugi::xml_node port)
{
    if (port) {
        labels.set(name, port.child_value());
        labels.set(name + "_enabled", port.attribute("enabled").as_bool());
    }
}

model::Labels entryOf(const std::string& app, pugi::xml_node instance)
{
    const auto text = [&](const char* name) { return std::string(instance.child_value(name)); };
    const pugi::xml_node port = instance.child("port");
    const std::string country = text("countryId");
    TargetLabels labels("eureka");
    labels.plain(kAddressLabel, joinHostPort(text("hostName"), port ? port.child_value() : "80"));
    labels.plain("instance", text("instanceId"));
    labels.set("app_name", app);
    labels.set("app_instance_hostname", text("hostName"));
    labels.set("app_instance_homepage_url", text("homePageUrl"));
    labels.set("app_instance_statuspage_url", text("statusPageUrl"));
    labels.set("app_instance_healthcheck_url", text("healthCheckUrl"));
    labels.set("app_instance_ip_addr", text("ipAddr"));
    labels.set("app_instance_vip_address", text("vipAddress"));
    labels.set("app_instance_secure_vip_address", text("secureVipAddress"));
    labels.set("app_instance_status", text("status"));
    labels.set("app_instance_country_id", country.empty() ? "0" : country);
    labels.set("app_instance_id", text("instanceId"));
    setPort(labels, "app_instance_port", port);
    setPort(labels, "app_instance_secure_port", instance.child("securePort"));
    const pugi::xml_node center = instance.child("dataCenterInfo");
    labels.set("app_instance_datacenterinfo_name", center.child_value("name"));
    setItems(labels, "app_instance_datacenterinfo_metadata", center.child("metadata"));
    setItems(labels, "app_instance_metadata", instance.child("metadata"));
    return labels.build();
}

class EurekaRefresher final : public Refresher
{
public:
    EurekaRefresher(const ProviderEnvironment& environment, const EurekaConfig& config)
        : client_(environment, config.http, config.refreshInterval),
          url_(joinUrl(config.server, "/apps"))
    {}

    absl::StatusOr<TargetGroups> refresh(const std::stop_token& stop) override
    {
        NARTHEX_ASSIGN_OR_RETURN(const net::HttpResponse response,
                                 client_.send({.url = url_}, stop));
        if (response.status < 200 || response.status > 299) {
            return statusError(response);
        }
        pugi::xml_document document;
        const auto parsed = document.load_buffer(response.body.data(), response.body.size());
        if (!parsed) {
            return base::unavailable("invalid XML at byte {}: {}", parsed.offset,
                                     parsed.description());
        }
        std::vector<model::Labels> entries;
        for (const pugi::xml_node app : document.document_element().children("application")) {
            for (const pugi::xml_node instance : app.children("instance")) {
                entries.push_back(entryOf(app.child_value("name"), instance));
            }
        }
        return oneGroup("eureka", std::move(entries));
    }

private:
    ApiClient client_;
    const std::string url_;
};

absl::StatusOr<Provider> EurekaConfig::makeProvider(const ProviderEnvironment& environment) const
{
    return refreshing<EurekaRefresher>(environment, *this);
}

} // namespace

std::unique_ptr<MechanismConfig> makeEurekaConfig() { return std::make_unique<EurekaConfig>(); }

} // namespace narthex::discovery
