// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The switches of the query language. Threads: values. Source: spec/promql.md, Switches.
#pragma once

#include <string_view>

namespace narthex::promql {

/// The language's switches (`--enable-feature`), all off as in Prometheus.
struct Features
{
    bool experimentalFunctions = false;
    bool extendedRangeSelectors = false;
    bool binopFillModifiers = false;
    bool delayedNameRemoval = false;
    bool perStepStats = false;
    bool typeAndUnitLabels = false;
    bool useStartTimestamps = false;
};

/// Switches on what `--enable-feature` names; false for a name that is no switch of the language.
bool enableFeature(Features& features, std::string_view name);

} // namespace narthex::promql
