// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/discovery/aws_labels.h"

#include "core/discovery/api_client.h"

namespace narthex::discovery {
namespace {

std::string valueOf(pugi::xml_node node, const XmlLabel& entry)
{
    std::string value = xmlText(node, entry.path);
    if (entry.kind == XmlLabel::Time) {
        if (const std::size_t dot = value.find('.'); dot != std::string::npos) {
            value.erase(dot, value.find_first_not_of("0123456789", dot + 1) - dot);
        }
    }
    return value;
}

} // namespace

void setXmlLabels(model::LabelsBuilder& labels, std::string_view prefix, pugi::xml_node node,
                  std::span<const XmlLabel> table)
{
    for (const XmlLabel& entry : table) {
        meta(labels, fmt::format("{}{}", prefix, entry.label), valueOf(node, entry));
    }
}

void setXmlListLabels(model::LabelsBuilder& labels, std::string_view prefix, pugi::xml_node list,
                      std::span<const XmlLabel> table)
{
    std::size_t index = 0;
    for (const pugi::xml_node& item : list.children()) {
        for (const XmlLabel& entry : table) {
            meta(labels, fmt::format("{}{}_{}", prefix, entry.label, index), valueOf(item, entry));
        }
        ++index;
    }
}

void setXmlTags(model::LabelsBuilder& labels, std::string_view prefix, pugi::xml_node list)
{
    for (const pugi::xml_node& tag : list.children()) {
        meta(labels, fmt::format("{}{}", prefix, sanitizeLabelName(xmlText(tag, "Key"))),
             xmlText(tag, "Value"));
    }
}

} // namespace narthex::discovery
