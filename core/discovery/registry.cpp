// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/discovery/registry.h"

#include "core/base/status.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace narthex::discovery {
namespace {

// One a line, by name.
constexpr Mechanism kMechanisms[] = {
    {"aiven", makeAivenConfig},
    {"aws", makeAwsConfig},
    {"azure", makeAzureConfig},
    {"consul", makeConsulConfig},
    {"digitalocean", makeDigitalOceanConfig},
    {"dns", makeDnsConfig},
    {"docker", makeDockerConfig},
    {"dockerswarm", makeDockerSwarmConfig},
    {"ec2", makeEc2Config},
    {"ecs", makeEcsConfig},
    {"elasticache", makeElasticacheConfig},
    {"eureka", makeEurekaConfig},
    {"file", makeFileConfig},
    {"gce", makeGceConfig},
    {"hetzner", makeHetznerConfig},
    {"http", makeHttpConfig},
    {"ionos", makeIonosConfig},
    {"kubernetes", makeKubernetesConfig},
    {"kuma", makeKumaConfig},
    {"lightsail", makeLightsailConfig},
    {"linode", makeLinodeConfig},
    {"marathon", makeMarathonConfig},
    {"msk", makeMskConfig},
    {"nerve", makeNerveConfig},
    {"nomad", makeNomadConfig},
    {"oci", makeOciConfig},
    {"openstack", makeOpenStackConfig},
    {"outscale", makeOutscaleConfig},
    {"ovhcloud", makeOvhCloudConfig},
    {"puppetdb", makePuppetDbConfig},
    {"rds", makeRdsConfig},
    {"scaleway", makeScalewayConfig},
    {"serverset", makeServersetConfig},
    {"stackit", makeStackitConfig},
    {"triton", makeTritonConfig},
    {"uyuni", makeUyuniConfig},
    {"vultr", makeVultrConfig},
};

} // namespace

std::span<const Mechanism> mechanisms() { return kMechanisms; }

void ServiceDiscovery::describe(yaml::Fields& fields, bool checkAddresses)
{
    if (const auto value = fields.take("static_configs")) {
        staticGroups = decodeStaticConfigs(*value, checkAddresses);
    }
    if (!fields.reading() && !staticGroups.empty()) {
        fields.print("static_configs", printStaticConfigs(staticGroups));
    }
    for (const Mechanism& mechanism : mechanisms()) {
        const std::string key = fmt::format("{}_sd_configs", mechanism.name);
        if (auto* const reader = dynamic_cast<yaml::FieldReader*>(&fields)) {
            if (const auto value = fields.take(key)) {
                for (const yaml::Value& element : value->elements()) {
                    if (element.isNull()) {
                        element.fail(fmt::format("empty or null section in {}", key));
                        continue;
                    }
                    auto config = mechanism.make();
                    yaml::FieldReader each(element, fmt::format("{}.SDConfig", mechanism.name),
                                           reader->directory(), reader->warnings());
                    config->describe(each);
                    each.finish();
                    configs.push_back(std::move(config));
                }
            }
            continue;
        }
        YAML::Node list(YAML::NodeType::Sequence);
        for (const auto& config : configs) {
            if (config->mechanism() == mechanism.name) {
                yaml::FieldPrinter printer;
                config->clone()->describe(printer);
                list.push_back(printer.node());
            }
        }
        if (list.size() != 0) {
            fields.print(key, list);
        }
    }
}

bool operator==(const ServiceDiscovery& a, const ServiceDiscovery& b)
{
    return a.staticGroups == b.staticGroups &&
           std::equal(a.configs.begin(), a.configs.end(), b.configs.begin(), b.configs.end(),
                      [](const auto& x, const auto& y) { return x->equals(*y); });
}

} // namespace narthex::discovery
