// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The roles of kubernetes_sd_configs: what each makes of one object. One file a role. Threads: the
// functions are called by one follower at a time. Source: spec/discovery.md, section 10, Labels.
#pragma once

#include "core/discovery/api_client.h"
#include "core/discovery/kubernetes/config.h"
#include "core/discovery/kubernetes/object_cache.h"

namespace narthex::discovery::kubernetes {

struct RoleContext
{
    Lookup& lookup;
    const Attach& attach;
    const base::Logger& log;
};

/// Without a source. Absent: the group stays as it is.
using MakeGroup = std::optional<TargetGroup> (*)(const Json& object, const RoleContext& context);

std::optional<TargetGroup> makeNodeGroup(const Json& object, const RoleContext& context);
std::optional<TargetGroup> makePodGroup(const Json& object, const RoleContext& context);
std::optional<TargetGroup> makeServiceGroup(const Json& object, const RoleContext& context);
std::optional<TargetGroup> makeEndpointsGroup(const Json& object, const RoleContext& context);
std::optional<TargetGroup> makeEndpointSliceGroup(const Json& object, const RoleContext& context);
std::optional<TargetGroup> makeIngressGroup(const Json& object, const RoleContext& context);

struct RoleInfo
{
    /// As in the configuration.
    std::string_view name;
    Kind main;
    /// "pod/" of "pod/<namespace>/<name>"
    std::string_view source;
    MakeGroup make;
    /// Other kinds it always follows.
    bool withServicesAndPods;
    /// Whether attach_metadata.node means something.
    bool attachesNodes;
    /// Whether it gives labels of pods.
    bool givesPodLabels;
};
/// Null for a name that is none.
const RoleInfo* findRole(std::string_view name);

} // namespace narthex::discovery::kubernetes
