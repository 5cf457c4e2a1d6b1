// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which silences on an external Alertmanager stand for the acknowledgement of some alerts: one for
// each, or for many one that lists the values of the only label in which they differ. Threads: pure
// functions. Errors: InvalidArgument when they differ in more. Source: spec/acknowledge.md, 5.
#pragma once

#include "core/model/matcher.h"

#include <absl/status/statusor.h>

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::alertmanager {

/// More alerts than this are put together.
inline constexpr std::size_t kMostSingleSilences = 20;

struct PlannedSilence
{
    model::Matchers matchers;
    /// Positions of the alerts that it is for.
    std::vector<std::size_t> alerts;
};

absl::StatusOr<std::vector<PlannedSilence>> planSilences(std::span<const model::Labels> alerts);

/// A text that an expression matches as it is.
std::string quoteForRegex(std::string_view text);

} // namespace narthex::alertmanager
