// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/discovery/kubernetes/labels.h"

#include <algorithm>

namespace narthex::discovery::kubernetes {
namespace {

/// Equal, or `*.` in the place of the host's first part.
bool matches(std::string_view pattern, std::string_view host)
{
    if (pattern == host) {
        return true;
    }
    const std::size_t dot = host.find('.');
    return pattern.starts_with("*.") && dot != std::string_view::npos &&
           pattern.substr(1) == host.substr(dot);
}

bool isSecured(const Json& ingress, const std::string& host)
{
    for (const Json& tls : ingress["spec"]["tls"].items()) {
        const std::vector<std::string> patterns = tls["hosts"].texts();
        if (std::any_of(patterns.begin(), patterns.end(),
                        [&](const std::string& pattern) { return matches(pattern, host); })) {
            return true;
        }
    }
    return false;
}

std::vector<std::string> pathsOf(const Json& rule)
{
    const Json http = rule["http"];
    if (http.isNull()) {
        return {"/"};
    }
    std::vector<std::string> paths;
    for (const Json& each : http["paths"].items()) {
        const std::string path = each["path"].text();
        paths.push_back(path.empty() ? "/" : path);
    }
    return paths;
}

} // namespace

std::optional<TargetGroup> makeIngressGroup(const Json& object, const RoleContext& context)
{
    TargetGroup group;
    model::LabelsBuilder labels;
    put(labels, "ingress_class_name", object["spec"]["ingressClassName"].text());
    putObject(labels, "ingress", object);
    putNamespace(labels, object["metadata"]["namespace"].text(), context);
    group.labels = labels.build();
    for (const Json& rule : object["spec"]["rules"].items()) {
        const std::string host = rule["host"].text();
        for (const std::string& path : pathsOf(rule)) {
            model::LabelsBuilder entry;
            entry.set(kAddressLabel, host);
            put(entry, "ingress_scheme", isSecured(object, host) ? "https" : "http");
            put(entry, "ingress_host", host);
            put(entry, "ingress_path", path);
            group.entries.push_back(entry.build());
        }
    }
    return group;
}

} // namespace narthex::discovery::kubernetes
