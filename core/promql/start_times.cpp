// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/start_times.h"

namespace narthex::promql {

bool anyOverlap(std::span<const std::int64_t> times, std::span<const std::int64_t> starts)
{
    for (std::size_t i = 1; i < starts.size(); ++i) {
        if (overlaps({times[i - 1], starts[i - 1]}, {times[i], starts[i]})) {
            return true;
        }
    }
    return false;
}

} // namespace narthex::promql
