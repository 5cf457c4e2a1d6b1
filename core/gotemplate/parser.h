// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Template texts to trees. Threads: pure functions. Errors: InvalidArgument
// `template: <name>:<line>: …` with the Position. Source: spec/rules.md, 10.
#pragma once

#include "core/base/status.h"
#include "core/gotemplate/tree.h"

#include <absl/functional/function_ref.h>

#include <span>
#include <string_view>

namespace narthex::gotemplate {

/// The template `name` first, then those that the text defines. `variables`: known in the template
/// itself besides `$`, in the slots behind it.
absl::StatusOr<std::vector<std::shared_ptr<const Tree>>>
parseTemplate(std::string_view name, std::string_view text, std::span<const std::string> variables,
              absl::FunctionRef<bool(std::string_view function)> known);

/// Where a byte of the source stands; columns count from 1.
base::Position positionIn(const Source& source, Place place);

} // namespace narthex::gotemplate
