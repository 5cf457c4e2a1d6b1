// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Builds the labels of one discovered target: `__address__` and meta labels with the prefix of a
// mechanism. Threads: a value. Source: spec/discovery.md, Target groups.
#pragma once

#include "core/discovery/api_client.h"

namespace narthex::discovery {

/// `TargetLabels("gce").set("zone", "z")` sets `__meta_gce_zone`. Empty values leave no label.
class TargetLabels
{
public:
    explicit TargetLabels(std::string_view prefix);

    TargetLabels& set(std::string_view name, std::string_view value);
    TargetLabels& set(std::string_view name, const std::string& value);
    TargetLabels& set(std::string_view name, const char* value);
    /// Its text().
    TargetLabels& set(std::string_view name, const Json& value);
    /// "true" or "false".
    TargetLabels& set(std::string_view name, bool value);
    /// `<name>_<key>`, the key sanitised.
    TargetLabels& keyed(std::string_view name, std::string_view key, std::string_view value);
    /// keyed() with the text() of each member.
    TargetLabels& members(std::string_view name, const Json& object);
    /// `,a,b,`, unless there are no items.
    TargetLabels& list(std::string_view name, const std::vector<std::string>& items,
                       std::string_view separator = ",");
    /// Any label, without the prefix.
    TargetLabels& plain(std::string_view name, std::string_view value);
    TargetLabels& address(std::string_view host, std::uint64_t port);

    [[nodiscard]] std::string_view get(std::string_view name) const;
    [[nodiscard]] model::Labels build() const { return labels_.build(); }

private:
    std::string prefix_;
    model::LabelsBuilder labels_;
};

} // namespace narthex::discovery
