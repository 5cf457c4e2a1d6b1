// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// ec2_sd_configs: virtual machines of Amazon EC2.
// Source: spec/discovery.md, section 8.
#include "core/base/status.h"
#include "core/discovery/aws_api.h"
#include "core/discovery/refreshing.h"
#include "core/discovery/registry.h"

#include <absl/strings/numbers.h>

#include <algorithm>
#include <map>
#include <optional>

namespace narthex::discovery {
namespace {

constexpr char kVersion[] = "2016-11-15";
constexpr std::size_t kMaxInterfaces = 1024; // a device index beyond is damaged data

struct Ec2Config final : MechanismOf<Ec2Config>
{
    static constexpr std::string_view kMechanism = "ec2";
    AwsKeys keys;

    void describe(yaml::Fields& fields) override
    {
        keys.access.describe(fields, true, yaml::Printing::Always);
        fields.field("refresh_interval", &keys.refreshInterval, yaml::Printing::Always);
        fields.field("port", &keys.port, yaml::Printing::Always);
        fields.list("filters", keys.filters);
        httpconfig::describe(fields, keys.access.http);
        if (fields.reading()) {
            fields.check(
                std::none_of(keys.filters.begin(), keys.filters.end(),
                             [](const AwsFilter& filter) { return filter.values.empty(); }),
                "EC2 SD configuration filter values cannot be empty");
        }
    }
    absl::StatusOr<Provider> makeProvider(const ProviderEnvironment& environment) const override
    {
        return Refreshing{.refresher = makeEc2Refresher(environment, keys),
                          .interval = keys.refreshInterval};
    }
    friend bool operator==(const Ec2Config&, const Ec2Config&) = default;
};

struct Ipv6Addresses
{
    std::vector<std::string> all;
    /// At the index of their device; empty texts between.
    std::vector<std::string> primary;

    /// The one to scrape; empty: none.
    [[nodiscard]] std::string preferred() const
    {
        for (const auto* const list : {&primary, &all}) {
            for (const std::string& address : *list) {
                if (!address.empty()) {
                    return address;
                }
            }
        }
        return {};
    }
};

Ipv6Addresses ipv6Of(const pugi::xml_node& instance)
{
    Ipv6Addresses result;
    for (const pugi::xml_node& interface : instance.child("networkInterfaceSet").children("item")) {
        if (xmlText(interface, "subnetId").empty()) {
            continue;
        }
        for (const pugi::xml_node& item : interface.child("ipv6AddressesSet").children("item")) {
            const std::string address = xmlText(item, "ipv6Address");
            result.all.push_back(address);
            std::size_t device = 0;
            if (xmlText(item, "isPrimaryIpv6") == "true" &&
                absl::SimpleAtoi(xmlText(interface, "attachment/deviceIndex"), &device) &&
                device < kMaxInterfaces) {
                result.primary.resize(std::max(result.primary.size(), device + 1));
                result.primary[device] = address;
            }
        }
    }
    return result;
}

std::vector<std::string> subnetsOf(const pugi::xml_node& instance)
{
    std::vector<std::string> subnets;
    for (const pugi::xml_node& interface : instance.child("networkInterfaceSet").children("item")) {
        std::string subnet = xmlText(interface, "subnetId");
        if (!subnet.empty() && std::find(subnets.begin(), subnets.end(), subnet) == subnets.end()) {
            subnets.push_back(std::move(subnet));
        }
    }
    return subnets;
}

class Ec2Refresher final : public AwsRefresher
{
public:
    Ec2Refresher(const ProviderEnvironment& environment, AwsKeys keys)
        : AwsRefresher(environment, std::move(keys), "ec2")
    {}

private:
    absl::StatusOr<std::vector<model::Labels>> discover(const AwsApi& api) override
    {
        if (!zoneIds_) {
            readZones(api);
        }
        std::vector<model::Labels> targets;
        std::string nextToken;
        PageCount pages;
        do {
            NARTHEX_RETURN_IF_ERROR(pages.next());
            auto page = api.query("ec2", kVersion, "DescribeInstances", form(nextToken));
            if (!page.ok()) {
                return base::annotate(page.status(), "could not describe instances");
            }
            for (const pugi::xml_node& reservation :
                 (*page)->child("reservationSet").children("item")) {
                const std::string owner = xmlText(reservation, "ownerId");
                for (const pugi::xml_node& instance :
                     reservation.child("instancesSet").children("item")) {
                    addTarget(instance, owner, api.region(), targets);
                }
            }
            nextToken = xmlText(**page, "nextToken");
        } while (!nextToken.empty());
        return targets;
    }

    [[nodiscard]] net::Parameters form(const std::string& nextToken) const
    {
        net::Parameters result;
        for (std::size_t i = 0; i < keys_.filters.size(); ++i) {
            const AwsFilter& filter = keys_.filters[i];
            result.emplace_back(fmt::format("Filter.{}.Name", i + 1), filter.name);
            for (std::size_t j = 0; j < filter.values.size(); ++j) {
                result.emplace_back(fmt::format("Filter.{}.Value.{}", i + 1, j + 1),
                                    filter.values[j]);
            }
        }
        if (!nextToken.empty()) {
            result.emplace_back("NextToken", nextToken);
        }
        return result;
    }

    /// Once: an account gets new zones rarely, and then a reload shows them.
    void readZones(const AwsApi& api)
    {
        const auto answer = api.query("ec2", kVersion, "DescribeAvailabilityZones", {});
        if (!answer.ok()) {
            environment_.log->debug("ec2: unable to describe availability zones error={}",
                                    base::messageOf(answer.status()));
            return;
        }
        zoneIds_.emplace();
        for (const pugi::xml_node& zone :
             (*answer)->child("availabilityZoneInfo").children("item")) {
            zoneIds_->emplace(xmlText(zone, "zoneName"), xmlText(zone, "zoneId"));
        }
    }

    void addTarget(const pugi::xml_node& instance, const std::string& owner,
                   const std::string& region, std::vector<model::Labels>& targets) const
    {
        const std::string vpc = xmlText(instance, "vpcId");
        const Ipv6Addresses ipv6 = vpc.empty() ? Ipv6Addresses{} : ipv6Of(instance);
        const std::string privateIp = xmlText(instance, "privateIpAddress");
        const std::string host = privateIp.empty() ? ipv6.preferred() : privateIp;
        if (host.empty()) {
            return;
        }
        model::LabelsBuilder labels;
        labels.set(kAddressLabel, joinHostPort(host, keys_.port));
        const auto copy = [&](std::string_view label, const char* path) {
            meta(labels, fmt::format("ec2_{}", label), xmlText(instance, path));
        };
        copy("instance_id", "instanceId");
        copy("private_ip", "privateIpAddress");
        copy("private_dns_name", "privateDnsName");
        copy("platform", "platform");
        copy("ami", "imageId");
        copy("availability_zone", "placement/availabilityZone");
        copy("instance_state", "instanceState/name");
        copy("instance_type", "instanceType");
        copy("instance_lifecycle", "instanceLifecycle");
        copy("architecture", "architecture");
        copy("vpc_id", "vpcId");
        copy("public_ip", "ipAddress");
        if (!xmlText(instance, "ipAddress").empty()) {
            copy("public_dns_name", "dnsName");
        }
        meta(labels, "ec2_region", region);
        meta(labels, "ec2_owner_id", owner);
        meta(labels, "ec2_default_ipv6_address", ipv6.preferred());
        if (zoneIds_) {
            const auto zone = zoneIds_->find(xmlText(instance, "placement/availabilityZone"));
            meta(labels, "ec2_availability_zone_id", zone == zoneIds_->end() ? "" : zone->second);
        }
        if (!ipv6.primary.empty()) {
            meta(labels, "ec2_primary_ipv6_addresses", surrounded(ipv6.primary));
        }
        if (!ipv6.all.empty()) {
            meta(labels, "ec2_ipv6_addresses", surrounded(ipv6.all));
        }
        if (!vpc.empty()) {
            copy("primary_subnet_id", "subnetId");
            meta(labels, "ec2_subnet_id", surrounded(subnetsOf(instance)));
        }
        for (const pugi::xml_node& tag : instance.child("tagSet").children("item")) {
            meta(labels, "ec2_tag_" + sanitizeLabelName(xmlText(tag, "key")),
                 xmlText(tag, "value"));
        }
        targets.push_back(labels.build());
    }

    std::optional<std::map<std::string, std::string>> zoneIds_;
};

} // namespace

std::unique_ptr<Refresher> makeEc2Refresher(const ProviderEnvironment& environment, AwsKeys keys)
{
    return std::make_unique<Ec2Refresher>(environment, std::move(keys));
}

std::unique_ptr<MechanismConfig> makeEc2Config() { return std::make_unique<Ec2Config>(); }

} // namespace narthex::discovery
