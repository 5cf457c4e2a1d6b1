// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/discovery/group_file.h"

#include "core/base/status.h"
#include "core/base/utf8.h"
#include "core/discovery/json.h"

#include <fmt/format.h>

namespace narthex::discovery {
namespace {

absl::Status invalid(const std::string& name, std::size_t index, std::string_view what)
{
    return absl::InvalidArgumentError(fmt::format("{}: group {}: {}", name, index, what));
}

absl::StatusOr<TargetGroup> jsonGroup(const Json& json, const std::string& name, std::size_t index)
{
    if (json.isNull()) {
        return invalid(name, index, "nil target group item found");
    }
    if (!json.isObject()) {
        return invalid(name, index, "an object with targets and labels is needed");
    }
    TargetGroup group;
    model::LabelsBuilder labels;
    for (const auto& [key, value] : json.members()) {
        if (key == "targets" && (value.isArray() || value.isNull())) {
            for (const Json& target : value.items()) {
                if (!target.isString()) {
                    return invalid(name, index, "targets must be strings (\"host:port\")");
                }
                group.entries.push_back(model::Labels{{kAddressLabel, target.text()}});
            }
        } else if (key == "labels" && (value.isObject() || value.isNull())) {
            for (const auto& [label, text] : value.members()) {
                if (!text.isString() || label.empty() || !base::isValidUtf8(label)) {
                    return invalid(name, index,
                                   fmt::format("\"{}\" is not a valid label (names are not empty, "
                                               "values are strings)",
                                               label));
                }
                labels.set(label, text.text());
            }
        } else if (key == "targets" || key == "labels") {
            return invalid(name, index, fmt::format("wrong type of \"{}\"", key));
        } else {
            return invalid(name, index,
                           fmt::format("unknown field \"{}\" (targets and labels are known)", key));
        }
    }
    group.labels = labels.build();
    return group;
}

absl::StatusOr<TargetGroups> parseJson(std::string_view text, const std::string& name)
{
    auto json = Json::parse(text);
    if (!json.ok()) {
        return base::annotate(json.status(), name);
    }
    if (!json->isArray() && !json->isNull()) {
        return absl::InvalidArgumentError(
            fmt::format("{}: a list of target groups is needed", name));
    }
    TargetGroups groups;
    for (const Json& item : json->items()) {
        NARTHEX_ASSIGN_OR_RETURN(TargetGroup group, jsonGroup(item, name, groups.size()));
        groups.push_back(std::move(group));
    }
    return groups;
}

absl::StatusOr<TargetGroups> parseYaml(std::string_view text, const std::string& name)
{
    NARTHEX_ASSIGN_OR_RETURN(const auto document, yaml::Document::parse(name, std::string(text)));
    for (const yaml::Value& element : document->root().elements()) {
        if (element.isNull()) {
            element.fail("nil target group item found");
        }
    }
    NARTHEX_RETURN_IF_ERROR(document->status());
    TargetGroups groups = decodeStaticConfigs(document->root(), false);
    NARTHEX_RETURN_IF_ERROR(document->status());
    for (TargetGroup& group : groups) {
        group.source.clear();
    }
    return groups;
}

} // namespace

absl::StatusOr<TargetGroups> parseGroups(std::string_view text, GroupFormat format,
                                         const std::string& name)
{
    return format == GroupFormat::Json ? parseJson(text, name) : parseYaml(text, name);
}

void checkUrl(yaml::Fields& fields, const std::string& url)
{
    const std::size_t scheme = url.find("://");
    if (url.empty()) {
        fields.fail("URL is missing");
    } else if (url.substr(0, scheme) != "http" && url.substr(0, scheme) != "https") {
        fields.failAt("url", "URL scheme must be 'http' or 'https'");
    } else if (scheme + 3 >= url.size() || url[scheme + 3] == '/' || url[scheme + 3] == ':') {
        fields.failAt("url", "host is missing in URL");
    }
}

} // namespace narthex::discovery
