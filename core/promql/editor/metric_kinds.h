// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which metrics suit which functions, by their types and, where none is known, by their names.
// Threads: pure functions.
#pragma once

#include "core/model/sample.h"
#include "core/promql/editor.h"

#include <optional>
#include <string_view>

namespace narthex::promql::editor {

enum class Wanted : std::uint8_t
{
    Anything,
    Counters,
    Gauges,
    Buckets
};

/// What the argument at the cursor should be.
Wanted wantedBy(const CompletionContext& context);
bool fits(Wanted wanted, std::string_view name, const std::optional<model::Metadata>& metadata);

/// `_total`, `_count`, `_sum`, `_bucket`.
bool endsLikeCounter(std::string_view name);

/// Short names that are seldom meant: they must not beat names of metrics.
bool isRareFunction(std::string_view name);

} // namespace narthex::promql::editor
