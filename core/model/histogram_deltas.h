// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Buckets that are stored as differences, worked on as counts. For sources of this module only.
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <vector>

namespace narthex::model {

/// Turns the differences into counts, lets `change` work on them, and turns them back.
template <typename Change>
void changeCounts(std::vector<std::int64_t>& deltas, const Change& change)
{
    std::int64_t count = 0;
    for (std::int64_t& delta : deltas) {
        delta = count += delta;
    }
    change(deltas);
    std::int64_t before = 0;
    for (std::int64_t& value : deltas) {
        const std::int64_t own = value;
        value -= before;
        before = own;
    }
}

} // namespace narthex::model
