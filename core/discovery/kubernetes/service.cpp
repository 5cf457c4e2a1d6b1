// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/discovery/kubernetes/labels.h"

#include <fmt/format.h>

namespace narthex::discovery::kubernetes {
namespace {

std::string loadBalancerAddresses(const Json& service)
{
    std::vector<std::string> addresses;
    for (const Json& ingress : service["status"]["loadBalancer"]["ingress"].items()) {
        if (std::string address = ingress["ip"].text(); !address.empty()) {
            addresses.push_back(std::move(address));
        }
    }
    return addresses.empty() ? service["spec"]["loadBalancerIP"].text()
                             : fmt::format("{}", fmt::join(addresses, ","));
}

} // namespace

std::optional<TargetGroup> makeServiceGroup(const Json& object, const RoleContext& context)
{
    const std::string nameSpace = object["metadata"]["namespace"].text();
    const std::string name = object["metadata"]["name"].text();
    const Json spec = object["spec"];
    const std::string type = spec["type"].text();
    TargetGroup group;
    model::LabelsBuilder labels;
    putObject(labels, "service", object);
    putNamespace(labels, nameSpace, context);
    group.labels = labels.build();
    for (const Json& port : spec["ports"].items()) {
        model::LabelsBuilder entry;
        const std::string number = port["port"].text();
        entry.set(kAddressLabel, joinHostPort(fmt::format("{}.{}.svc", name, nameSpace), number));
        put(entry, "service_port_name", port["name"].text());
        put(entry, "service_port_number", number);
        put(entry, "service_port_protocol", port["protocol"].text());
        put(entry, "service_type", type);
        if (type == "ExternalName") {
            put(entry, "service_external_name", spec["externalName"].text());
        } else {
            put(entry, "service_cluster_ip", spec["clusterIP"].text());
        }
        if (type == "LoadBalancer") {
            put(entry, "service_loadbalancer_ip", loadBalancerAddresses(object));
        }
        group.entries.push_back(entry.build());
    }
    return group;
}

} // namespace narthex::discovery::kubernetes
