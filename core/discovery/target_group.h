// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Groups of addresses that may be scraped: what every discovery mechanism produces, and the static
// one. Threads: values. Source: spec/scrape.md, From target group entry to target.
#pragma once

#include "core/model/labels.h"
#include "core/yaml/decode.h"

#include <string>
#include <vector>

namespace narthex::discovery {

inline constexpr std::string_view kAddressLabel = "__address__";

struct TargetGroup
{
    /// Unique within a job; stands in messages.
    std::string source;
    /// Own labels of each entry, with __address__.
    std::vector<model::Labels> entries;
    /// Labels that every entry gets unless it has them itself.
    model::Labels labels;
    friend bool operator==(const TargetGroup&, const TargetGroup&) = default;
};

/// Reads `static_configs`. Problems are reported in the value's document. An address with a '/' is
/// refused when `checkAddresses`.
std::vector<TargetGroup> decodeStaticConfigs(const yaml::Value& value, bool checkAddresses);

/// The written form of static groups.
YAML::Node printStaticConfigs(const std::vector<TargetGroup>& groups);

} // namespace narthex::discovery
