// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// lightsail_sd_configs: virtual machines of Amazon Lightsail.
// Source: spec/discovery.md, section 9.
#include "core/base/status.h"
#include "core/discovery/aws_api.h"
#include "core/discovery/registry.h"

namespace narthex::discovery {
namespace {

struct LightsailConfig final : MechanismOf<LightsailConfig>
{
    static constexpr std::string_view kMechanism = "lightsail";
    AwsKeys keys;

    void describe(yaml::Fields& fields) override
    {
        keys.access.describe(fields, true, yaml::Printing::Always);
        fields.field("refresh_interval", &keys.refreshInterval, yaml::Printing::Always);
        fields.field("port", &keys.port, yaml::Printing::Always);
        httpconfig::describe(fields, keys.access.http);
    }
    absl::StatusOr<Provider> makeProvider(const ProviderEnvironment& environment) const override
    {
        return Refreshing{.refresher = makeLightsailRefresher(environment, keys),
                          .interval = keys.refreshInterval};
    }
    friend bool operator==(const LightsailConfig&, const LightsailConfig&) = default;
};

class LightsailRefresher final : public AwsRefresher
{
public:
    LightsailRefresher(const ProviderEnvironment& environment, AwsKeys keys)
        : AwsRefresher(environment, std::move(keys), "lightsail")
    {}

private:
    absl::StatusOr<std::vector<model::Labels>> discover(const AwsApi& api) override
    {
        const auto answer = api.json("lightsail", "Lightsail_20161128.GetInstances", "{}");
        if (!answer.ok()) {
            return base::annotate(answer.status(), "could not get instances");
        }
        std::vector<model::Labels> targets;
        for (const Json& instance : (*answer)["instances"].items()) {
            if (!instance["privateIpAddress"].text().empty()) {
                targets.push_back(target(instance, api.region()));
            }
        }
        return targets;
    }

    [[nodiscard]] model::Labels target(const Json& instance, const std::string& region) const
    {
        const std::string privateIp = instance["privateIpAddress"].text();
        model::LabelsBuilder labels;
        labels.set(kAddressLabel, joinHostPort(privateIp, keys_.port));
        meta(labels, "lightsail_availability_zone",
             instance["location"]["availabilityZone"].text());
        meta(labels, "lightsail_blueprint_id", instance["blueprintId"].text());
        meta(labels, "lightsail_bundle_id", instance["bundleId"].text());
        meta(labels, "lightsail_instance_name", instance["name"].text());
        meta(labels, "lightsail_instance_state", instance["state"]["name"].text());
        meta(labels, "lightsail_instance_support_code", instance["supportCode"].text());
        meta(labels, "lightsail_private_ip", privateIp);
        meta(labels, "lightsail_public_ip", instance["publicIpAddress"].text());
        meta(labels, "lightsail_region", region);
        if (const auto addresses = instance["ipv6Addresses"].texts(); !addresses.empty()) {
            meta(labels, "lightsail_ipv6_addresses", surrounded(addresses));
        }
        for (const Json& tag : instance["tags"].items()) {
            meta(labels, "lightsail_tag_" + sanitizeLabelName(tag["key"].text()),
                 tag["value"].text());
        }
        return labels.build();
    }
};

} // namespace

std::unique_ptr<Refresher> makeLightsailRefresher(const ProviderEnvironment& environment,
                                                  AwsKeys keys)
{
    return std::make_unique<LightsailRefresher>(environment, std::move(keys));
}

std::unique_ptr<MechanismConfig> makeLightsailConfig()
{
    return std::make_unique<LightsailConfig>();
}

} // namespace narthex::discovery
