// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/discovery/kubernetes/labels.h"

namespace narthex::discovery::kubernetes {
namespace {

void warnOfLimit(const Json& object, const RoleContext& context)
{
    const std::string state =
        object["metadata"]["labels"]["endpoints.kubernetes.io/over-capacity"].text();
    if (state == "truncated" || state == "warning") {
        context.log->warn("discovery: kubernetes: an Endpoints object holds more than 1000 "
                          "addresses{}, please use role endpointslice endpoints={}",
                          state == "truncated" ? " and was cut" : "",
                          object["metadata"]["name"].text());
    }
}

model::Labels entryOf(const Json& address, const Json& port, bool ready, SeenPods& pods,
                      const RoleContext& context)
{
    model::LabelsBuilder labels;
    const std::string number = port["port"].text();
    const std::string protocol = port["protocol"].text();
    const Json target = address["targetRef"];
    const std::string node = address["nodeName"].text();
    labels.set(kAddressLabel, joinHostPort(address["ip"].text(), number));
    put(labels, "endpoint_port_name", port["name"].text());
    put(labels, "endpoint_port_protocol", protocol);
    put(labels, "endpoint_ready", ready ? "true" : "false");
    put(labels, "endpoint_address_target_kind", target["kind"].text());
    put(labels, "endpoint_address_target_name", target["name"].text());
    put(labels, "endpoint_node_name", node);
    put(labels, "endpoint_hostname", address["hostname"].text());
    if (!node.empty()) {
        putNode(labels, node, context);
    } else if (target["kind"].text() == "Node") {
        putNode(labels, target["name"].text(), context);
    }
    pods.put(labels, target, number, protocol, context);
    return labels.build();
}

} // namespace

std::optional<TargetGroup> makeEndpointsGroup(const Json& object, const RoleContext& context)
{
    const std::string nameSpace = object["metadata"]["namespace"].text();
    TargetGroup group;
    model::LabelsBuilder labels;
    putService(labels, nameSpace, object["metadata"]["name"].text(), context);
    putObject(labels, "endpoints", object);
    putNamespace(labels, nameSpace, context);
    group.labels = labels.build();
    warnOfLimit(object, context);

    SeenPods pods;
    for (const Json& subset : object["subsets"].items()) {
        for (const Json& port : subset["ports"].items()) {
            for (const Json& address : subset["addresses"].items()) {
                group.entries.push_back(entryOf(address, port, true, pods, context));
            }
            for (const Json& address : subset["notReadyAddresses"].items()) {
                group.entries.push_back(entryOf(address, port, false, pods, context));
            }
        }
    }
    pods.addRest(group, context);
    return group;
}

} // namespace narthex::discovery::kubernetes
