// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/features.h"

#include <algorithm>
#include <array>
#include <utility>

namespace narthex::promql {

bool enableFeature(Features& features, std::string_view name)
{
    constexpr std::array<std::pair<std::string_view, bool Features::*>, 7> kSwitches{
        {{"promql-experimental-functions", &Features::experimentalFunctions},
         {"promql-extended-range-selectors", &Features::extendedRangeSelectors},
         {"promql-binop-fill-modifiers", &Features::binopFillModifiers},
         {"promql-delayed-name-removal", &Features::delayedNameRemoval},
         {"promql-per-step-stats", &Features::perStepStats},
         {"type-and-unit-labels", &Features::typeAndUnitLabels},
         {"use-start-timestamps", &Features::useStartTimestamps}}};
    const auto found = std::find_if(kSwitches.begin(), kSwitches.end(),
                                    [&](const auto& entry) { return entry.first == name; });
    if (found == kSwitches.end()) {
        return name == "promql-duration-expr"; // always on
    }
    features.*(found->second) = true;
    return true;
}

} // namespace narthex::promql
