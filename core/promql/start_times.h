// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the start times of samples say about resets of a counter.
// Threads: pure functions. Units: milliseconds since the epoch; 0 is unknown.
// Source: spec/promql.md, Extrapolation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace narthex::promql {

struct StartedSample
{
    std::int64_t time = 0;
    std::int64_t start = 0;
};

/// The counter began anew between the two. A start at the sample before is a reset only when that
/// sample's own start is known: that is how deltas look.
constexpr bool startsAnew(StartedSample previous, StartedSample current)
{
    if (current.start == 0 || current.start >= current.time || current.start < previous.time) {
        return false;
    }
    if (current.start > previous.time) {
        return true;
    }
    return previous.start != 0 && previous.start < previous.time;
}

/// The current sample claims to have begun before the previous one, and not with it.
constexpr bool overlaps(StartedSample previous, StartedSample current)
{
    return current.start != 0 && current.start < previous.time && current.start != previous.start;
}

/// Sample i of two columns; `starts` may be empty.
inline StartedSample startedSample(std::span<const std::int64_t> times,
                                   std::span<const std::int64_t> starts, std::size_t i)
{
    return {times[i], starts.empty() ? 0 : starts[i]};
}

/// Between samples i - 1 and i.
inline bool startsAnewAt(std::span<const std::int64_t> times, std::span<const std::int64_t> starts,
                         std::size_t i)
{
    return !starts.empty() && startsAnew({times[i - 1], starts[i - 1]}, {times[i], starts[i]});
}

/// Some neighbours overlap.
bool anyOverlap(std::span<const std::int64_t> times, std::span<const std::int64_t> starts);

} // namespace narthex::promql
