// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Windows of `anchored` and `smoothed` selectors, whose samples reach beyond the edges: what stands
// at the edges, and the few functions that make sense of it.
// Threads: pure functions. Units: milliseconds. Errors: none; what cannot be worked out is an empty
// result and a note. Source: spec/promql.md, 4.9 and Extrapolation.
#pragma once

#include "core/promql/ast.h"
#include "core/promql/window.h"

#include <string>
#include <string_view>
#include <vector>

namespace narthex::promql {

enum class EdgeMode : std::uint8_t
{
    Plain,
    /// The newest sample at or before the left edge stands for the edge.
    Anchored,
    /// Both edges are interpolated between the neighbouring samples.
    Smoothed
};

/// Of a range selector, perhaps in parentheses; Plain for everything else.
EdgeMode edgeModeOf(const Expr& matrix);
std::string_view edgeModeText(EdgeMode mode);

/// What a function makes of such a window: `begin` and `end` are the edges, the samples are all
/// those inside the lookback around them. Null when the function has no meaning there.
WindowFunction findExtendedFunction(std::string_view name, EdgeMode mode);
/// "changes, delta, increase, rate, resets"
std::string extendedFunctionNames(EdgeMode mode);

/// The points of the bare selector: one at each edge, and the samples between. Empty when no sample
/// lies behind the left edge. The window has no histograms.
std::vector<Point> extendedPoints(const Window& window, EdgeMode mode);

/// The value at `time`: that of a sample, or between its neighbours, or the newest before.
/// `window` is the lookback on both sides.
WindowResult smoothedAt(const Window& window, std::int64_t time, NoteBits& notes);

} // namespace narthex::promql
