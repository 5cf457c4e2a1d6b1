// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The switches of the query language. Threads: values. Source: spec/promql.md, Switches.
#pragma once

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

} // namespace narthex::promql
