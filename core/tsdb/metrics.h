// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the store tells about itself under Prometheus' names.
// Owner: Db; blocks, compactor, logs and head count into it, the API writes it out. Threads: any.
// Units: as the names say. Format: spec/tsdb.md, 18. Self metrics.
#pragma once

#include "core/base/clock.h"
#include "core/base/time.h"
#include "core/exposition/instruments.h"

#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace narthex::tsdb {

using exposition::FixedHistogram;
using exposition::RecentSummary;
using MetricCounter = std::atomic<std::uint64_t>;

/// One write-ahead or write-behind log.
struct LogMetrics
{
    RecentSummary fsyncSeconds;
    MetricCounter pageFlushes{0};
    MetricCounter completedPages{0};
    MetricCounter truncations{0};
    MetricCounter truncationsFailed{0};
    MetricCounter recordPartWrites{0};
    MetricCounter recordPartBytes{0};
    MetricCounter recordBytesSaved{0};
};

/// By kind of sample.
struct TypedCount
{
    std::uint64_t floats = 0;
    std::uint64_t histograms = 0;
};

/// What the head, the logs and the exemplars know and the caller reads from them; each member is
/// the metric of its name.
struct HeadReading
{
    std::int64_t activeAppenders = 0;
    std::uint64_t appendersCreated = 0;
    std::uint64_t series = 0;
    std::uint64_t staleSeries = 0;
    std::uint64_t nativeHistogramSeries = 0;
    std::uint64_t nativeHistogramBuckets = 0;
    std::uint64_t seriesCreated = 0;
    std::uint64_t seriesRemoved = 0;
    std::uint64_t seriesNotFound = 0;
    std::uint64_t chunks = 0;
    std::uint64_t chunksCreated = 0;
    std::uint64_t chunksRemoved = 0;
    std::int64_t minTimeMs = 0;
    std::int64_t maxTimeMs = 0;
    TypedCount samplesAppended;
    TypedCount outOfOrderSamplesAppended;
    TypedCount outOfBoundSamples;
    TypedCount outOfOrderSamples;
    TypedCount tooOldSamples;
    std::uint64_t mmapChunks = 0;
    std::uint64_t mmapChunkCorruptions = 0;
    std::uint64_t snapshotReplayErrors = 0;
    std::uint64_t isolationLowWatermark = 0;
    std::uint64_t isolationHighWatermark = 0;
    std::uint64_t headChunksStorageBytes = 0;
    std::uint64_t walCorruptions = 0;
    std::uint64_t walReaderCorruptions = 0;
    double dataReplaySeconds = 0;
    TypedCount walUnknownRefs;
    TypedCount wblUnknownRefs;
    /// 1: closed in order before, 0: not, -1: no lock file.
    int cleanStart = 1;

    struct Log
    {
        std::uint64_t segmentCurrent = 0;
        std::uint64_t writesFailed = 0;
        std::uint64_t storageBytes = 0;
    };
    Log wal;
    Log wbl;
    std::string_view compression = "snappy";

    std::uint64_t exemplarsAppended = 0;
    std::uint64_t exemplarsInStorage = 0;
    std::uint64_t seriesWithExemplars = 0;
    double lastExemplarSeconds = 0;
    std::uint64_t exemplarsOutOfOrder = 0;
    std::uint64_t maxExemplars = 0;
};

/// What the blocks and the limits are now.
struct BlocksReading
{
    std::uint64_t loaded = 0;
    std::uint64_t symbolTableBytes = 0;
    std::uint64_t storageBytes = 0;
    std::int64_t lowestTimestampMs = 0;
    std::int64_t retentionMs = 0;
    std::uint64_t retentionBytes = 0;
    double retentionPercent = 0;
};

struct StoreMetrics
{
    // Blocks.
    MetricCounter reloads{0};
    MetricCounter reloadsFailed{0};
    MetricCounter compactionsTriggered{0};
    MetricCounter compactionsFailed{0};
    MetricCounter compactionsSkipped{0};
    MetricCounter timeRetentions{0};
    MetricCounter sizeRetentions{0};
    MetricCounter staleCompactionsTriggered{0};
    MetricCounter staleCompactionsFailed{0};
    MetricCounter selectedCompactionsTriggered{0};
    MetricCounter selectedCompactionsFailed{0};
    FixedHistogram tombstoneCleanupSeconds{FixedHistogram::exponential(0.005, 2, 12)};
    FixedHistogram staleCompactionSeconds{FixedHistogram::exponential(1, 2, 14)};
    FixedHistogram selectedCompactionSeconds{FixedHistogram::exponential(1, 2, 14)};
    // Compactor.
    MetricCounter compactions{0};
    MetricCounter populatingBlock{0};
    MetricCounter verticalCompactions{0};
    FixedHistogram compactionSeconds{FixedHistogram::exponential(1, 2, 14)};
    FixedHistogram chunkBytes{FixedHistogram::exponential(32, 1.5, 12)};
    FixedHistogram chunkSamples{FixedHistogram::exponential(4, 1.5, 12)};
    /// In milliseconds, whatever the name of the metric says: so Prometheus fills it.
    FixedHistogram chunkRange{FixedHistogram::exponential(100, 4, 10)};
    // Head: what is counted where it happens.
    MetricCounter headTruncations{0};
    MetricCounter headTruncationsFailed{0};
    MetricCounter checkpointCreations{0};
    MetricCounter checkpointCreationsFailed{0};
    MetricCounter checkpointDeletions{0};
    MetricCounter checkpointDeletionsFailed{0};
    RecentSummary headGcSeconds;
    RecentSummary walTruncateSeconds;
    /// How late accepted samples were, in seconds.
    FixedHistogram lateSeconds{{60, 600, 1800, 3600, 7200, 10800, 21600, 43200}};
    LogMetrics wal;
    LogMetrics wbl;

    /// Every metric of the store. `now`: the monotonic clock that the summaries were fed by.
    void write(exposition::TextWriter& out, const BlocksReading& blocks, const HeadReading& head,
               base::Duration now) const;
};

} // namespace narthex::tsdb
