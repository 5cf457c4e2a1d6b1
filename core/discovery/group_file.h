// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Target groups as they are written in files and web answers:
// `[{targets: ["host:port"], labels: {name: value}}]`. Threads: pure functions.
// Errors: InvalidArgument with the place. Source: spec/discovery.md, Target groups.
#pragma once

#include "core/discovery/mechanism.h"

#include <string_view>

namespace narthex::discovery {

enum class GroupFormat : std::uint8_t
{
    Json,
    Yaml
};

/// `name` (a file, a URL) stands in messages. Sources are left empty.
absl::StatusOr<TargetGroups> parseGroups(std::string_view text, GroupFormat format,
                                         const std::string& name);

/// Reports `URL is missing` and the like.
void checkUrl(yaml::Fields& fields, const std::string& url);

} // namespace narthex::discovery
