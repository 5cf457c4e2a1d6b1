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

} // namespace

std::optional<TargetGroup> makeNodeGroup(const Json& object, const RoleContext& context)
{
    const Json status = object["status"];
    const std::string name = object["metadata"]["name"].text();
    std::map<std::string, std::string> addresses; // the first of each type
    for (const Json& address : status["addresses"].items()) {
        addresses.try_emplace(address["type"].text(), address["address"].text());
    }
    std::optional<std::string> host;
    for (const char* type :
         {"InternalIP", "InternalDNS", "ExternalIP", "ExternalDNS", "LegacyHostIP", "Hostname"}) {
        if (const auto found = addresses.find(type); found != addresses.end() && !host) {
            host = found->second;
        }
    }
    if (!host) {
        context.log->warn("discovery: kubernetes: No node address found node={}", name);
        return std::nullopt;
    }
    model::LabelsBuilder entry;
    const auto port = status["daemonEndpoints"]["kubeletEndpoint"]["Port"].integer();
    entry.set(kAddressLabel, joinHostPort(*host, std::to_string(port)));
    entry.set("instance", name);
    for (const auto& [type, address] : addresses) {
        put(entry, fmt::format("node_address_{}", sanitizeLabelName(type)), address);
    }
    model::LabelsBuilder labels;
    put(labels, "node_provider_id", object["spec"]["providerID"].text());
    for (const Json& condition : status["conditions"].items()) {
        put(labels,
            fmt::format("node_condition_{}", sanitizeLabelName(lower(condition["type"].text()))),
            lower(condition["status"].text()));
    }
    putObject(labels, "node", object);
    return TargetGroup{.entries = {entry.build()}, .labels = labels.build()};
}

} // namespace narthex::discovery::kubernetes
