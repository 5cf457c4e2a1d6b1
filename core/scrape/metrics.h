// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What scraping counts of itself, for /metrics. Owner: the engine. Threads: any.
// Source: spec/scrape.md, Own metrics.
#pragma once

#include "core/base/time.h"
#include "core/discovery/metrics.h"

#include <atomic>
#include <cstdint>

namespace narthex::exposition {
class TextWriter;
}

namespace narthex::scrape {

struct ScrapeCounters
{
    std::atomic<std::uint64_t> outOfOrder{0};
    std::atomic<std::uint64_t> duplicate{0};
    std::atomic<std::uint64_t> outOfBounds{0};
    std::atomic<std::uint64_t> sampleLimit{0};
    std::atomic<std::uint64_t> bucketLimit{0};
    std::atomic<std::uint64_t> bodySizeLimit{0};
    std::atomic<std::uint64_t> labelLimit{0};
    std::atomic<std::uint64_t> targetLimit{0};
    std::atomic<std::uint64_t> syncFailed{0};
    std::atomic<std::uint64_t> samples{0};
    std::atomic<std::uint64_t> exemplarOutOfOrder{0};
    std::atomic<std::uint64_t> cacheFlushForced{0};
    std::atomic<std::uint64_t> pools{0};
    std::atomic<std::uint64_t> poolReloads{0};
    /// By job or interval, and what is rare.
    discovery::Metrics detailed{"Scraping."};
};

/// `now` on a steady clock.
void writeMetrics(exposition::TextWriter& out, const ScrapeCounters& counters, base::Duration now);

} // namespace narthex::scrape
