// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/discovery/kubernetes/labels.h"

#include <fmt/format.h>

namespace narthex::discovery::kubernetes {
namespace {

/// A slice of the other address family of a dual-stack service: its targets are those of the first.
bool isSecondary(const Json& slice, const Json& service)
{
    const Json spec = service["spec"];
    const std::string policy = spec["ipFamilyPolicy"].text();
    const Json families = spec["ipFamilies"];
    return (policy == "PreferDualStack" || policy == "RequireDualStack") &&
           families.at(0).isString() && families.at(0).text() != slice["addressType"].text();
}

void putEndpoint(model::LabelsBuilder& labels, const Json& endpoint, const RoleContext& context)
{
    const Json conditions = endpoint["conditions"];
    for (const char* condition : {"ready", "serving", "terminating"}) {
        put(labels, fmt::format("endpointslice_endpoint_conditions_{}", condition),
            conditions[condition].text());
    }
    const Json target = endpoint["targetRef"];
    const std::string node = endpoint["nodeName"].text();
    put(labels, "endpointslice_endpoint_hostname", endpoint["hostname"].text());
    put(labels, "endpointslice_address_target_kind", target["kind"].text());
    put(labels, "endpointslice_address_target_name", target["name"].text());
    put(labels, "endpointslice_endpoint_node_name", node);
    put(labels, "endpointslice_endpoint_zone", endpoint["zone"].text());
    const Json topology = endpoint["deprecatedTopology"];
    for (const auto& [key, value] : topology.members()) {
        const std::string name = sanitizeLabelName(key);
        put(labels, fmt::format("endpointslice_endpoint_topology_{}", name), value.text());
        put(labels, fmt::format("endpointslice_endpoint_topology_present_{}", name), "true");
    }
    putNode(labels, target["kind"].text() == "Node" ? target["name"].text() : node, context);
}

model::Labels entryOf(const std::string& address, const Json& endpoint, const Json& port,
                      SeenPods& pods, const RoleContext& context)
{
    model::LabelsBuilder labels;
    const std::string number = port["port"].text();
    labels.set(kAddressLabel, number.empty() ? address : joinHostPort(address, number));
    put(labels, "endpointslice_port", number);
    put(labels, "endpointslice_port_name", port["name"].text());
    put(labels, "endpointslice_port_protocol", port["protocol"].text());
    put(labels, "endpointslice_port_app_protocol", port["appProtocol"].text());
    putEndpoint(labels, endpoint, context);
    pods.put(labels, endpoint["targetRef"], number, {}, context);
    return labels.build();
}

} // namespace

std::optional<TargetGroup> makeEndpointSliceGroup(const Json& object, const RoleContext& context)
{
    const Json metadata = object["metadata"];
    const std::string nameSpace = metadata["namespace"].text();
    TargetGroup group;
    model::LabelsBuilder labels;
    put(labels, "endpointslice_address_type", object["addressType"].text());
    putObject(labels, "endpointslice", object);
    const Json service = putService(
        labels, nameSpace, metadata["labels"]["kubernetes.io/service-name"].text(), context);
    putNamespace(labels, nameSpace, context);
    group.labels = labels.build();
    if (isSecondary(object, service)) {
        return group;
    }
    SeenPods pods;
    const std::vector<Json> ports = object["ports"].items();
    for (const Json& endpoint : object["endpoints"].items()) {
        for (const Json& port : ports) {
            for (const std::string& address : endpoint["addresses"].texts()) {
                group.entries.push_back(entryOf(address, endpoint, port, pods, context));
            }
        }
    }
    pods.addRest(group, context);
    return group;
}

} // namespace narthex::discovery::kubernetes
