// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the query engine tells about itself under Prometheus' names. Owner: Engine. Threads: any.
// Units: seconds. Source: spec/promql.md, Limits, engine, statistics.
#pragma once

#include "core/exposition/instruments.h"
#include "core/promql/value.h"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace narthex::promql {

class EngineMetrics
{
public:
    /// A query that ended, well or not. `now` is monotonic.
    void observe(const Statistics& statistics, base::Duration now);
    void countLogFailure() { logFailures_.fetch_add(1, std::memory_order_relaxed); }

    /// What the engine knows at the time of writing.
    struct Reading
    {
        std::size_t active = 0;
        std::size_t maxConcurrent = 0;
        bool logEnabled = false;
        base::Duration now;
    };
    void write(exposition::TextWriter& out, const Reading& reading) const;

private:
    struct Slice
    {
        exposition::RecentSummary summary;
        exposition::FixedHistogram histogram{{0.01, 0.1, 1, 10}};
    };
    static constexpr std::size_t kSlices = 4;

    std::array<Slice, kSlices> slices_; // in the order of kSliceNames
    // Counters: relaxed, they order nothing.
    std::atomic<std::uint64_t> samples_{0};
    std::atomic<std::uint64_t> samplesRead_{0};
    std::atomic<std::uint64_t> logFailures_{0};
};

} // namespace narthex::promql
