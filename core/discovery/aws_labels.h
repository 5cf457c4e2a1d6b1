// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Tables that turn the elements of Amazon's XML answers into labels. Threads: pure functions.
// Source: spec/discovery.md, section 9.
#pragma once

#include "core/discovery/aws_xml.h"
#include "core/model/labels.h"

#include <span>

namespace narthex::discovery {

struct XmlLabel
{
    enum Kind : std::uint8_t
    {
        Text,
        /// Without fractions of a second.
        Time
    };
    std::string_view label;
    /// "Endpoint/Address"
    const char* path;
    Kind kind = Text;
};

/// `__meta_<prefix><label>` of each element that `node` has.
void setXmlLabels(model::LabelsBuilder& labels, std::string_view prefix, pugi::xml_node node,
                  std::span<const XmlLabel> table);
/// The same with `_<index>` behind, for the elements of a list.
void setXmlListLabels(model::LabelsBuilder& labels, std::string_view prefix, pugi::xml_node list,
                      std::span<const XmlLabel> table);
/// `__meta_<prefix><key>` of `<Tag><Key>…</Key><Value>…</Value></Tag>`.
void setXmlTags(model::LabelsBuilder& labels, std::string_view prefix, pugi::xml_node list);

} // namespace narthex::discovery
