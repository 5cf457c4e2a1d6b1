// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/discovery/kubernetes/labels.h"

#include <fmt/format.h>

#include <algorithm>

namespace narthex::discovery::kubernetes {
namespace {

std::string lower(std::string text)
{
    std::transform(text.begin(), text.end(), text.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return text;
}

void putMetadata(model::LabelsBuilder& labels, std::string_view kind, const Json& metadata)
{
    for (const auto& [member, label] :
         {std::pair{"labels", "label"}, std::pair{"annotations", "annotation"}}) {
        const Json entries = metadata[member];
        for (const auto& [key, value] : entries.members()) {
            const std::string name = sanitizeLabelName(key);
            put(labels, fmt::format("{}_{}_{}", kind, label, name), value.text());
            put(labels, fmt::format("{}_{}present_{}", kind, label, name), "true");
        }
    }
}

/// The owner that controls the object; null if there is none.
Json controllerOf(const Json& object)
{
    for (const Json& owner : object["metadata"]["ownerReferences"].items()) {
        if (owner["controller"].boolean()) {
            return owner;
        }
    }
    return {};
}

/// The name of the controller of what `key` names, if it is of that kind.
std::string controllerName(Kind kind, const std::string& key, std::string_view controllerKind,
                           const RoleContext& context)
{
    const Json owner = controllerOf(context.lookup.find(kind, key));
    return owner["kind"].text() == controllerKind ? owner["name"].text() : std::string();
}

void putController(model::LabelsBuilder& labels, const Json& pod, const RoleContext& context)
{
    const Json owner = controllerOf(pod);
    const std::string kind = owner["kind"].text();
    const std::string name = owner["name"].text();
    put(labels, "pod_controller_kind", kind);
    put(labels, "pod_controller_name", name);
    const std::string key = keyOf(pod["metadata"]["namespace"].text(), name);
    if (kind == "ReplicaSet" && context.attach.deployment) {
        put(labels, "pod_deployment_name",
            controllerName(Kind::ReplicaSets, key, "Deployment", context));
    } else if (kind == "Job") {
        put(labels, "pod_job_name", context.attach.job ? name : "");
        if (context.attach.cronJob) {
            put(labels, "pod_cronjob_name", controllerName(Kind::Jobs, key, "CronJob", context));
        }
    }
}

std::string readyOf(const Json& pod)
{
    for (const Json& condition : pod["status"]["conditions"].items()) {
        if (condition["type"].text() == "Ready") {
            return lower(condition["status"].text());
        }
    }
    return "unknown";
}

} // namespace

void put(model::LabelsBuilder& labels, std::string_view name, std::string_view value)
{
    if (!value.empty()) {
        meta(labels, fmt::format("kubernetes_{}", name), value);
    }
}

void putObject(model::LabelsBuilder& labels, std::string_view kind, const Json& object)
{
    const Json metadata = object["metadata"];
    put(labels, fmt::format("{}_name", kind), metadata["name"].text());
    putMetadata(labels, kind, metadata);
}

void putNode(model::LabelsBuilder& labels, const std::string& name, const RoleContext& context)
{
    if (context.attach.node && !name.empty()) {
        if (const Json node = context.lookup.find(Kind::Nodes, name); node.isObject()) {
            putObject(labels, "node", node);
        }
    }
}

void putNamespace(model::LabelsBuilder& labels, const std::string& name, const RoleContext& context)
{
    put(labels, "namespace", name);
    if (context.attach.nameSpace) {
        // Without its name: that is there.
        putMetadata(labels, "namespace", context.lookup.find(Kind::Namespaces, name)["metadata"]);
    }
}

Json putService(model::LabelsBuilder& labels, const std::string& nameSpace, const std::string& name,
                const RoleContext& context)
{
    if (name.empty()) {
        return {};
    }
    Json service = context.lookup.find(Kind::Services, keyOf(nameSpace, name));
    if (service.isObject()) {
        putObject(labels, "service", service);
    }
    return service;
}

void putPod(model::LabelsBuilder& labels, const Json& pod, const RoleContext& context)
{
    const Json status = pod["status"];
    put(labels, "pod_ip", status["podIP"].text());
    put(labels, "pod_ready", readyOf(pod));
    put(labels, "pod_phase", status["phase"].text());
    put(labels, "pod_node_name", pod["spec"]["nodeName"].text());
    put(labels, "pod_host_ip", status["hostIP"].text());
    put(labels, "pod_uid", pod["metadata"]["uid"].text());
    putObject(labels, "pod", pod);
    putController(labels, pod, context);
}

std::vector<Container> containersOf(const Json& pod)
{
    std::vector<Container> containers;
    const Json spec = pod["spec"];
    for (const Json& container : spec["containers"].items()) {
        containers.push_back({.object = container});
    }
    for (const Json& container : spec["initContainers"].items()) {
        containers.push_back({.object = container, .init = true});
    }
    return containers;
}

void putContainer(model::LabelsBuilder& labels, const Container& container)
{
    put(labels, "pod_container_name", container.object["name"].text());
    put(labels, "pod_container_image", container.object["image"].text());
    put(labels, "pod_container_init", container.init ? "true" : "false");
}

void putContainerPort(model::LabelsBuilder& labels, const Json& port)
{
    put(labels, "pod_container_port_name", port["name"].text());
    put(labels, "pod_container_port_number", port["containerPort"].text());
    put(labels, "pod_container_port_protocol", port["protocol"].text());
}

void SeenPods::put(model::LabelsBuilder& labels, const Json& reference, const std::string& port,
                   std::string_view protocol, const RoleContext& context)
{
    if (reference["kind"].text() != "Pod") {
        return;
    }
    const std::string key = keyOf(reference["namespace"].text(), reference["name"].text());
    auto pod =
        std::find_if(pods_.begin(), pods_.end(), [&](const Pod& each) { return each.key == key; });
    if (pod == pods_.end()) {
        const Json object = context.lookup.find(Kind::Pods, key);
        if (!object.isObject()) {
            return;
        }
        pod = pods_.insert(pods_.end(), {.key = key, .object = object});
    }
    pod->ports.insert(port);
    putPod(labels, pod->object, context);
    for (const Container& container : containersOf(pod->object)) {
        for (const Json& each : container.object["ports"].items()) {
            if (!port.empty() && each["containerPort"].text() == port) {
                putContainer(labels, container);
                putContainerPort(labels, each);
                if (!protocol.empty()) {
                    kubernetes::put(labels, "pod_container_port_protocol", protocol);
                }
                break;
            }
        }
    }
}

void SeenPods::addRest(TargetGroup& group, const RoleContext& context) const
{
    for (const Pod& pod : pods_) {
        const std::string address = pod.object["status"]["podIP"].text();
        if (address.empty()) {
            continue; // it is about to start, or was evicted
        }
        for (const Container& container : containersOf(pod.object)) {
            for (const Json& port : container.object["ports"].items()) {
                const std::string number = port["containerPort"].text();
                if (pod.ports.contains(number)) {
                    continue;
                }
                model::LabelsBuilder labels;
                labels.set(kAddressLabel, joinHostPort(address, number));
                putContainer(labels, container);
                putContainerPort(labels, port);
                putPod(labels, pod.object, context);
                group.entries.push_back(labels.build());
            }
        }
    }
}

} // namespace narthex::discovery::kubernetes
