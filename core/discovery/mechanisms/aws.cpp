// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// aws_sd_configs: any of the AWS mechanisms, chosen by a role.
// Source: spec/discovery.md, section 7.
#include "core/discovery/aws_api.h"
#include "core/discovery/registry.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace narthex::discovery {
namespace {

struct Role
{
    std::string_view name;
    std::unique_ptr<Refresher> (*make)(const ProviderEnvironment&, AwsKeys);
    std::uint64_t requestConcurrency;
};

constexpr std::array<Role, 6> kRoles{{{"ec2", makeEc2Refresher, 1},
                                      {"ecs", makeEcsRefresher, 20},
                                      {"elasticache", makeElasticacheRefresher, 10},
                                      {"lightsail", makeLightsailRefresher, 1},
                                      {"msk", makeMskRefresher, 10},
                                      {"rds", makeRdsRefresher, 10}}};

const Role* findRole(std::string_view name)
{
    const auto* const found = std::find_if(kRoles.begin(), kRoles.end(),
                                           [name](const Role& role) { return role.name == name; });
    return found == kRoles.end() ? nullptr : found;
}

struct AwsConfig final : MechanismOf<AwsConfig>
{
    static constexpr std::string_view kMechanism = "aws";
    std::string role;
    AwsKeys keys;

    void describe(yaml::Fields& fields) override
    {
        fields.field("role", &role, yaml::Printing::Always);
        keys.access.describe(fields, false, yaml::Printing::UnlessEmpty);
        fields.field("refresh_interval", &keys.refreshInterval, yaml::Printing::Always);
        fields.field("port", &keys.port, yaml::Printing::Always);
        httpconfig::describe(fields, keys.access.http);
        fields.list("filters", keys.filters);
        fields.field("clusters", &keys.clusters);
        if (!fields.reading()) {
            return;
        }
        if (findRole(role) == nullptr) {
            fields.failAt("role", fmt::format("unknown AWS SD role \"{}\"", role));
        }
        // Unset means the role's value, also when it is written so.
        const AwsKeys unset;
        keys.port = keys.port == 0 ? unset.port : keys.port;
        keys.refreshInterval =
            keys.refreshInterval.ns == 0 ? unset.refreshInterval : keys.refreshInterval;
    }
    absl::StatusOr<Provider> makeProvider(const ProviderEnvironment& environment) const override
    {
        const Role* const found = findRole(role);
        AwsKeys own = keys;
        own.requestConcurrency = found->requestConcurrency;
        return Refreshing{.refresher = found->make(environment, std::move(own)),
                          .interval = keys.refreshInterval};
    }
    friend bool operator==(const AwsConfig&, const AwsConfig&) = default;
};

} // namespace

std::unique_ptr<MechanismConfig> makeAwsConfig() { return std::make_unique<AwsConfig>(); }

} // namespace narthex::discovery
