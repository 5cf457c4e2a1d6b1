// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/discovery/kubernetes/labels.h"

namespace narthex::discovery::kubernetes {
namespace {

std::string containerId(const Json& pod, const Container& container)
{
    const Json status = pod["status"];
    const Json states = status[container.init ? "initContainerStatuses" : "containerStatuses"];
    for (const Json& state : states.items()) {
        if (state["name"].text() == container.object["name"].text()) {
            return state["containerID"].text();
        }
    }
    return {};
}

} // namespace

std::optional<TargetGroup> makePodGroup(const Json& object, const RoleContext& context)
{
    TargetGroup group;
    const std::string address = object["status"]["podIP"].text();
    if (address.empty()) {
        return group; // it is about to start, or was evicted
    }
    const std::string node = object["spec"]["nodeName"].text();
    if (context.attach.node && !context.lookup.find(Kind::Nodes, node).isObject()) {
        return group; // a node that the selector leaves out
    }
    model::LabelsBuilder labels;
    putPod(labels, object, context);
    putNode(labels, node, context);
    putNamespace(labels, object["metadata"]["namespace"].text(), context);
    group.labels = labels.build();

    for (const Container& container : containersOf(object)) {
        model::LabelsBuilder common;
        putContainer(common, container);
        put(common, "pod_container_id", containerId(object, container));
        const std::vector<Json> ports = container.object["ports"].items();
        if (ports.empty()) {
            // No port is declared: relabeling has to add one.
            common.set(kAddressLabel, address);
            group.entries.push_back(common.build());
        }
        for (const Json& port : ports) {
            model::LabelsBuilder entry = common;
            entry.set(kAddressLabel, joinHostPort(address, port["containerPort"].text()));
            putContainerPort(entry, port);
            group.entries.push_back(entry.build());
        }
    }
    return group;
}

} // namespace narthex::discovery::kubernetes
