// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/utf8.h"
#include "core/discovery/target_group.h"
#include "core/yaml/field_printer.h"

#include <fmt/format.h>

namespace narthex::discovery {
namespace {

TargetGroup decodeGroup(const yaml::Value& value, bool checkAddresses)
{
    TargetGroup group;
    yaml::Object object(value, "targetgroup.Group");
    if (const auto targets = object.take("targets")) {
        for (const yaml::Value& element : targets->elements()) {
            std::string address;
            if (!element.into(address)) {
                continue;
            }
            if (checkAddresses && address.find('/') != std::string::npos) {
                element.fail(fmt::format(
                    "{} is not a valid hostname (host:port is needed; path and scheme have keys of "
                    "their own: metrics_path, scheme)",
                    model::quote(address)));
                continue;
            }
            group.entries.push_back(model::Labels{{kAddressLabel, address}});
        }
    }
    std::map<std::string, std::string> labels;
    object.field("labels", labels);
    model::LabelsBuilder builder;
    for (const auto& [name, text] : labels) {
        if (name.empty() || !base::isValidUtf8(name)) {
            value.fail(fmt::format("{} is not a valid label name", model::quote(name)));
        } else if (!base::isValidUtf8(text)) {
            value.fail(fmt::format("{} is not a valid label value", model::quote(text)));
        } else {
            builder.set(name, text);
        }
    }
    group.labels = builder.build();
    object.finish();
    return group;
}

} // namespace

std::vector<TargetGroup> decodeStaticConfigs(const yaml::Value& value, bool checkAddresses)
{
    std::vector<TargetGroup> groups;
    for (const yaml::Value& element : value.elements()) {
        if (element.isNull()) {
            element.fail("empty or null section in static_configs");
            continue;
        }
        groups.push_back(decodeGroup(element, checkAddresses));
        groups.back().source = std::to_string(groups.size() - 1);
    }
    return groups;
}

YAML::Node printStaticConfigs(const std::vector<TargetGroup>& groups)
{
    YAML::Node list(YAML::NodeType::Sequence);
    for (const TargetGroup& group : groups) {
        YAML::Node node(YAML::NodeType::Map);
        YAML::Node targets(YAML::NodeType::Sequence);
        for (const model::Labels& entry : group.entries) {
            targets.push_back(yaml::stringNode(std::string(entry.get(kAddressLabel))));
        }
        node.force_insert("targets", targets);
        if (!group.labels.empty()) {
            YAML::Node labels(YAML::NodeType::Map);
            for (const model::LabelView label : group.labels) {
                labels.force_insert(std::string(label.name),
                                    yaml::stringNode(std::string(label.value)));
            }
            node.force_insert("labels", labels);
        }
        list.push_back(node);
    }
    return list;
}

} // namespace narthex::discovery
