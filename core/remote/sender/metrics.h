// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a queue of remote write counts. Owner: WriteQueue. Threads: any; nobody orders anything by
// these. Source: spec/remote.md, 2.9.
#pragma once

#include "core/exposition/instruments.h"
#include "core/remote/sender/log_watcher.h"
#include "core/remote/sender/payload.h"

#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <vector>

namespace narthex::exposition {
class TextWriter;
}

namespace narthex::remote {

enum class DropReason : std::uint8_t
{
    TooOld,
    DroppedSeries,
    UnknownSeries,
    CustomBuckets
};
inline constexpr std::size_t kDropReasons = 4;
std::string_view dropReasonText(DropReason reason);

/// The four kinds of PayloadCounts.
struct KindCounters
{
    std::atomic<std::uint64_t> samples{0};
    std::atomic<std::uint64_t> histograms{0};
    std::atomic<std::uint64_t> exemplars{0};
    std::atomic<std::uint64_t> metadata{0};

    void add(const PayloadCounts& counts);
    void subtract(const PayloadCounts& counts);
    [[nodiscard]] PayloadCounts load() const;
};

struct QueueMetrics
{
    /// Attempts included.
    KindCounters sent;
    KindCounters failed;
    KindCounters retried;
    KindCounters pending;
    std::array<KindCounters, kDropReasons> dropped;
    std::atomic<std::uint64_t> enqueueRetries{0};
    std::atomic<std::uint64_t> bytes{0};
    std::atomic<std::uint64_t> metadataBytes{0};
    exposition::FixedHistogram batchSeconds{
        {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 60, 120, 300}};
    // Seconds since the epoch; 0: none yet.
    std::atomic<double> highestTime{0};
    std::atomic<double> highestSentTime{0};
    std::atomic<int> shards{0};
    std::atomic<double> desiredShards{0};
    // Totals that the number of shards comes from.
    std::atomic<std::uint64_t> in{0};
    std::atomic<std::uint64_t> out{0};
    std::atomic<std::int64_t> outNs{0};
};

/// One queue, for the page of metrics.
struct QueueReading
{
    std::string name;
    std::string url;
    const QueueMetrics* metrics = nullptr;
    const WatcherCounters* watcher = nullptr;
    double shardCapacity = 0;
    double minShards = 0;
    double maxShards = 0;
    double maxSamplesPerSend = 0;
    bool isV1 = true;
};

void writeQueueMetrics(const std::vector<QueueReading>& queues, exposition::TextWriter& out);

} // namespace narthex::remote
