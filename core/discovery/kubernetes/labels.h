// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Labels that several roles give: of any object, and of pods and their containers.
// Threads: pure functions. Source: spec/discovery.md, section 10, Labels.
#pragma once

#include "core/discovery/kubernetes/roles.h"

namespace narthex::discovery::kubernetes {

/// Sets `__meta_kubernetes_<name>`; an empty value sets nothing.
void put(model::LabelsBuilder& labels, std::string_view name, std::string_view value);

/// <kind>_name, <kind>_label_*, <kind>_labelpresent_*, <kind>_annotation_*, …
void putObject(model::LabelsBuilder& labels, std::string_view kind, const Json& object);
/// Labels of the node or namespace of that name, if it is known.
void putNode(model::LabelsBuilder& labels, const std::string& name, const RoleContext& context);
void putNamespace(model::LabelsBuilder& labels, const std::string& name,
                  const RoleContext& context);
/// namespace and those of the service, if it is known; the service.
Json putService(model::LabelsBuilder& labels, const std::string& nameSpace, const std::string& name,
                const RoleContext& context);
void putPod(model::LabelsBuilder& labels, const Json& pod, const RoleContext& context);

struct Container
{
    Json object;
    bool init = false;
};
/// Normal ones, then init containers.
std::vector<Container> containersOf(const Json& pod);
/// pod_container_name, _image, _init.
void putContainer(model::LabelsBuilder& labels, const Container& container);
/// pod_container_port_name, _number, _protocol.
void putContainerPort(model::LabelsBuilder& labels, const Json& port);

/// The pods that a list of endpoints leads to, with the ports that were covered.
class SeenPods
{
public:
    /// Labels of the pod and of its container with that port; `port` may be empty. Null: none.
    void put(model::LabelsBuilder& labels, const Json& reference, const std::string& port,
             std::string_view protocol, const RoleContext& context);
    /// A target for each container port that no endpoint covers.
    void addRest(TargetGroup& group, const RoleContext& context) const;

private:
    struct Pod
    {
        std::string key;
        Json object;
        std::set<std::string> ports;
    };
    std::vector<Pod> pods_; // in the order they were met
};

} // namespace narthex::discovery::kubernetes
