// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/metrics.h"

#include "core/exposition/text_writer.h"

#include <algorithm>
#include <string>

namespace narthex::tsdb {
namespace {

using exposition::TextWriter;
using model::MetricType;

double number(std::uint64_t value) { return static_cast<double>(value); }

std::string named(std::string_view name) { return "prometheus_tsdb_" + std::string(name); }

/// Writes metrics whose names begin with the store's prefix.
class Page
{
public:
    explicit Page(TextWriter& out) : out_(out) {}
    void counter(std::string_view name, std::string_view help, std::uint64_t value)
    {
        out_.counter(named(name), help, number(value));
    }
    void gauge(std::string_view name, std::string_view help, double value)
    {
        out_.gauge(named(name), help, value);
    }
    void gauge(std::string_view name, std::string_view help, std::uint64_t value)
    {
        gauge(name, help, number(value));
    }
    void typed(std::string_view name, std::string_view help, const TypedCount& value)
    {
        out_.family(named(name), MetricType::Counter, help)
            .sample({{"type", "float"}}, number(value.floats))
            .sample({{"type", "histogram"}}, number(value.histograms));
    }
    /// A time in milliseconds and, under its own name, in seconds.
    void time(std::string_view name, std::string_view help, std::int64_t ms)
    {
        gauge(name, help, static_cast<double>(ms));
        gauge(std::string(name) + "_seconds", std::string(help) + " In seconds.",
              static_cast<double>(ms) / 1e3);
    }
    void histogram(std::string_view name, std::string_view help, const FixedHistogram& values)
    {
        values.write(out_, named(name), help);
    }
    void summary(std::string_view name, std::string_view help, const RecentSummary& values,
                 base::Duration now)
    {
        values.write(out_, named(name), help, now);
    }
    TextWriter& out() { return out_; }

private:
    TextWriter& out_;
};

void writeBlocks(Page& page, const StoreMetrics& m, const BlocksReading& now)
{
    page.gauge("blocks_loaded", "Blocks that are served.", now.loaded);
    page.gauge("symbol_table_size_bytes", "Memory of the symbols of all blocks.",
               now.symbolTableBytes);
    page.counter("reloads_total", "Times the list of blocks was read from disk.", m.reloads);
    page.counter("reloads_failures_total", "Times reading the list of blocks failed.",
                 m.reloadsFailed);
    page.counter("compactions_triggered_total", "Times the store looked for blocks to make.",
                 m.compactionsTriggered);
    page.counter("compactions_failed_total", "Compactions that ended with an error.",
                 m.compactionsFailed);
    page.counter("compactions_skipped_total", "Compactions left out because they are off.",
                 m.compactionsSkipped);
    page.counter("time_retentions_total", "Times blocks were deleted because of their age.",
                 m.timeRetentions);
    page.counter("size_retentions_total", "Times blocks were deleted because of their size.",
                 m.sizeRetentions);
    page.time("lowest_timestamp", "Oldest time that the store holds.", now.lowestTimestampMs);
    page.histogram("tombstone_cleanup_seconds", "Time to free the space of deleted samples.",
                   m.tombstoneCleanupSeconds);
    page.gauge("storage_blocks_bytes", "Bytes of all blocks on disk.", now.storageBytes);
    page.gauge("retention_limit_bytes", "Bytes the store may take, 0 for no limit.",
               now.retentionBytes);
    page.gauge("retention_limit_seconds", "How long samples are kept, 0 for ever.",
               static_cast<double>(now.retentionMs) / 1e3);
    page.gauge("retention_limit_percentage", "Share of the file system the store may take.",
               now.retentionPercent);
    page.counter("stale_series_compactions_triggered_total", "Early cuts of stale series begun.",
                 m.staleCompactionsTriggered);
    page.counter("stale_series_compactions_failed_total", "Early cuts of stale series that failed.",
                 m.staleCompactionsFailed);
    page.histogram("stale_series_compaction_duration_seconds", "Time of early cuts, stale series.",
                   m.staleCompactionSeconds);
    page.counter("selected_series_compactions_triggered_total",
                 "Early cuts of chosen series begun.", m.selectedCompactionsTriggered);
    page.counter("selected_series_compactions_failed_total",
                 "Early cuts of chosen series that failed.", m.selectedCompactionsFailed);
    page.histogram("selected_series_compaction_duration_seconds",
                   "Time of early cuts, chosen series.", m.selectedCompactionSeconds);
}

void writeCompactor(Page& page, const StoreMetrics& m)
{
    page.counter("compactions_total", "Blocks that were cut or merged, failures included.",
                 m.compactions);
    page.gauge("compaction_populating_block", "1 while a block is being filled.",
               m.populatingBlock.load());
    page.counter("vertical_compactions_total", "Merges of blocks that overlap.",
                 m.verticalCompactions);
    page.histogram("compaction_duration_seconds", "Time of one compaction.", m.compactionSeconds);
    page.histogram("compaction_chunk_size_bytes", "Size of chunks written by compactions.",
                   m.chunkBytes);
    page.histogram("compaction_chunk_samples", "Samples of chunks written by compactions.",
                   m.chunkSamples);
    page.histogram("compaction_chunk_range_seconds", "Time span of chunks written by compactions.",
                   m.chunkRange);
}

void writeHeadSeries(Page& page, const HeadReading& now)
{
    page.gauge("head_active_appenders", "Batches that are open.",
               static_cast<double>(now.activeAppenders));
    page.counter("head_appenders_created_total", "Batches begun.", now.appendersCreated);
    page.gauge("head_series", "Series in the head.", now.series);
    page.gauge("head_stale_series", "Series in the head whose last sample is stale.",
               now.staleSeries);
    page.gauge("head_native_histogram_series", "Series in the head of native histograms.",
               now.nativeHistogramSeries);
    page.gauge("head_native_histogram_buckets", "Buckets of the native histograms in the head.",
               now.nativeHistogramBuckets);
    page.counter("head_series_created_total", "Series that entered the head.", now.seriesCreated);
    page.counter("head_series_removed_total", "Series that left the head.", now.seriesRemoved);
    page.counter("head_series_not_found_total", "Requests for a series that is not in the head.",
                 now.seriesNotFound);
    page.gauge("head_chunks", "Chunks in the head.", now.chunks);
    page.counter("head_chunks_created_total", "Chunks begun in the head.", now.chunksCreated);
    page.counter("head_chunks_removed_total", "Chunks that left the head.", now.chunksRemoved);
    page.time("head_min_time", "Oldest time in the head.", now.minTimeMs);
    page.time("head_max_time", "Newest time in the head.", now.maxTimeMs);
}

void writeHeadSamples(Page& page, const StoreMetrics& m, const HeadReading& now)
{
    page.typed("head_samples_appended_total", "Samples taken in.", now.samplesAppended);
    page.typed("head_out_of_order_samples_appended_total", "Samples taken in out of order.",
               now.outOfOrderSamplesAppended);
    page.typed("out_of_bound_samples_total", "Samples refused: before what the head still takes.",
               now.outOfBoundSamples);
    page.typed("out_of_order_samples_total",
               "Samples refused: older than the newest of the series.", now.outOfOrderSamples);
    page.typed("too_old_samples_total", "Samples refused: beyond the out-of-order window.",
               now.tooOldSamples);
    page.histogram("sample_ooo_delta", "How late samples were that came out of order, in seconds.",
                   m.lateSeconds);
    page.gauge("isolation_low_watermark", "Oldest commit that a query may still not see.",
               now.isolationLowWatermark);
    page.gauge("isolation_high_watermark", "Newest commit.", now.isolationHighWatermark);
}

void writeHeadUpkeep(Page& page, const StoreMetrics& m, const HeadReading& head, base::Duration now)
{
    page.summary("head_gc_duration_seconds", "Time to drop old chunks and series from the head.",
                 m.headGcSeconds, now);
    page.counter("head_truncations_total", "Times old samples were dropped from the head.",
                 m.headTruncations);
    page.counter("head_truncations_failed_total", "Times that failed.", m.headTruncationsFailed);
    page.counter("checkpoint_creations_total", "Checkpoints begun.", m.checkpointCreations);
    page.counter("checkpoint_creations_failed_total", "Checkpoints that failed.",
                 m.checkpointCreationsFailed);
    page.counter("checkpoint_deletions_total", "Deletions of old checkpoints begun.",
                 m.checkpointDeletions);
    page.counter("checkpoint_deletions_failed_total", "Deletions of old checkpoints that failed.",
                 m.checkpointDeletionsFailed);
    page.counter("mmap_chunks_total", "Head chunks moved to disk.", head.mmapChunks);
    page.counter("mmap_chunk_corruptions_total", "Damaged head chunks found on disk.",
                 head.mmapChunkCorruptions);
    page.counter("snapshot_replay_error_total", "Head snapshots that could not be read.",
                 head.snapshotReplayErrors);
    page.gauge("head_chunks_storage_size_bytes", "Bytes of head chunks on disk.",
               head.headChunksStorageBytes);
    page.summary("wal_truncate_duration_seconds", "Time to shorten the log.", m.walTruncateSeconds,
                 now);
    page.counter("wal_corruptions_total", "Damage found in the log.", head.walCorruptions);
    page.gauge("data_replay_duration_seconds", "Time the last start took to read the log.",
               head.dataReplaySeconds);
    page.typed("wal_replay_unknown_refs_total", "Records of the log without their series.",
               head.walUnknownRefs);
    page.typed("wbl_replay_unknown_refs_total", "Records of the late log without their series.",
               head.wblUnknownRefs);
    page.gauge("clean_start", "1 after an orderly end, 0 after another, -1 without lock file.",
               static_cast<double>(head.cleanStart));
    page.counter("wal_reader_corruption_errors_total", "Damage met while following the log.",
                 head.walReaderCorruptions);
}

void writeLog(Page& page, const std::string& prefix, const LogMetrics& m,
              const HeadReading::Log& log, std::string_view compression, base::Duration now)
{
    page.summary(prefix + "fsync_duration_seconds", "Time of syncs of the log.", m.fsyncSeconds,
                 now);
    page.counter(prefix + "page_flushes_total", "Pages of the log written out.", m.pageFlushes);
    page.counter(prefix + "completed_pages_total", "Pages of the log filled.", m.completedPages);
    page.counter(prefix + "truncations_total", "Times the log was shortened.", m.truncations);
    page.counter(prefix + "truncations_failed_total", "Times shortening the log failed.",
                 m.truncationsFailed);
    page.gauge(prefix + "segment_current", "Number of the segment being written.",
               log.segmentCurrent);
    page.counter(prefix + "writes_failed_total", "Writes of the log that failed.",
                 log.writesFailed);
    page.gauge(prefix + "storage_size_bytes", "Bytes of the log on disk.", log.storageBytes);
    page.counter(prefix + "record_part_writes_total", "Parts of records written.",
                 m.recordPartWrites);
    page.counter(prefix + "record_parts_bytes_written_total", "Bytes of parts of records written.",
                 m.recordPartBytes);
    page.out()
        .family(named(prefix + "record_bytes_saved_total"), MetricType::Counter,
                "Bytes that compression of records saved.")
        .sample({{"compression", compression}}, number(m.recordBytesSaved));
}

void writeExemplars(Page& page, const HeadReading& now)
{
    page.counter("exemplar_exemplars_appended_total", "Exemplars taken in.", now.exemplarsAppended);
    page.gauge("exemplar_exemplars_in_storage", "Exemplars kept.", now.exemplarsInStorage);
    page.gauge("exemplar_series_with_exemplars_in_storage", "Series that have exemplars.",
               now.seriesWithExemplars);
    page.gauge("exemplar_last_exemplars_timestamp_seconds", "Time of the oldest exemplar kept.",
               now.lastExemplarSeconds);
    page.counter("exemplar_out_of_order_exemplars_total", "Exemplars refused: out of order.",
                 now.exemplarsOutOfOrder);
    page.gauge("exemplar_max_exemplars", "Exemplars that may be kept.", now.maxExemplars);
}

} // namespace

void StoreMetrics::write(TextWriter& out, const BlocksReading& blocks, const HeadReading& head,
                         base::Duration now) const
{
    Page page(out);
    writeBlocks(page, *this, blocks);
    writeCompactor(page, *this);
    writeHeadSeries(page, head);
    writeHeadSamples(page, *this, head);
    writeHeadUpkeep(page, *this, head, now);
    writeLog(page, "wal_", wal, head.wal, head.compression, now);
    writeLog(page, "out_of_order_wbl_", wbl, head.wbl, head.compression, now);
    writeExemplars(page, head);
}

} // namespace narthex::tsdb
