// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Whether an edited text says what was meant and nothing else changed. Threads: any.
#pragma once

#include "core/yaml/edit.h"

#include <absl/status/status.h>

#include <cstdint>
#include <vector>

namespace narthex::yaml {

enum class Change : std::uint8_t
{
    Set,
    Insert,
    Remove
};

/// A place as keys and numbers only.
using PlainPath = std::vector<std::variant<std::string, std::size_t>>;

/// `what`: the YAML that stands at the place now (Set, Insert). Errors: FailedPrecondition.
absl::Status checkEdit(std::string_view before, std::string_view after, const PlainPath& place,
                       Change change, std::string_view what);

} // namespace narthex::yaml
