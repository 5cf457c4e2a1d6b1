// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/remote/sender/metrics.h"

#include "core/exposition/text_writer.h"

#include <absl/functional/function_ref.h>
#include <fmt/format.h>

namespace narthex::remote {
namespace {

using exposition::TextWriter;
using model::MetricType;

using Value = absl::FunctionRef<double(const QueueReading&)>;

class FamilyWriter
{
public:
    FamilyWriter(const std::vector<QueueReading>& queues, TextWriter& out)
        : queues_(queues), out_(out)
    {}

    void write(std::string_view name, MetricType type, std::string_view help, Value value)
    {
        out_.family(fmt::format("prometheus_remote_storage_{}", name), type, help);
        for (const QueueReading& queue : queues_) {
            out_.sample({{"remote_name", queue.name}, {"url", queue.url}}, value(queue));
        }
    }
    void counter(std::string_view name, std::string_view help, Value value)
    {
        write(name, MetricType::Counter, help, value);
    }
    void gauge(std::string_view name, std::string_view help, Value value)
    {
        write(name, MetricType::Gauge, help, value);
    }

private:
    const std::vector<QueueReading>& queues_;
    TextWriter& out_;
};

using Counter = std::atomic<std::uint64_t> KindCounters::*;
struct Kind
{
    std::string_view name;
    Counter counter;
};
constexpr Kind kKinds[] = {{"samples", &KindCounters::samples},
                           {"histograms", &KindCounters::histograms},
                           {"exemplars", &KindCounters::exemplars},
                           {"metadata", &KindCounters::metadata}};

double loaded(const KindCounters& counters, Counter kind)
{
    return static_cast<double>((counters.*kind).load(std::memory_order_relaxed));
}

void writeKinds(FamilyWriter& families)
{
    for (const Kind& kind : kKinds) {
        families.counter(
            fmt::format("{}_total", kind.name),
            fmt::format("Sent {}, attempts included.", kind.name),
            [&](const QueueReading& queue) { return loaded(queue.metrics->sent, kind.counter); });
        families.counter(
            fmt::format("{}_failed_total", kind.name),
            fmt::format("Lost {}: the receiver refused them.", kind.name),
            [&](const QueueReading& queue) { return loaded(queue.metrics->failed, kind.counter); });
        families.counter(fmt::format("{}_retried_total", kind.name),
                         fmt::format("{} that were sent again.", kind.name),
                         [&](const QueueReading& queue) {
                             return loaded(queue.metrics->retried, kind.counter);
                         });
        if (kind.name != "metadata") {
            families.gauge(fmt::format("{}_pending", kind.name),
                           fmt::format("{} that wait in shards.", kind.name),
                           [&](const QueueReading& queue) {
                               return loaded(queue.metrics->pending, kind.counter);
                           });
        }
    }
}

void writeDropped(const std::vector<QueueReading>& queues, TextWriter& out)
{
    for (const Kind& kind : kKinds) {
        if (kind.name == "metadata") {
            continue;
        }
        out.family(fmt::format("prometheus_remote_storage_{}_dropped_total", kind.name),
                   MetricType::Counter, "Read from the log and not to be sent.");
        for (const QueueReading& queue : queues) {
            for (std::size_t reason = 0; reason < kDropReasons; ++reason) {
                out.sample({{"reason", dropReasonText(static_cast<DropReason>(reason))},
                            {"remote_name", queue.name},
                            {"url", queue.url}},
                           loaded(queue.metrics->dropped[reason], kind.counter));
            }
        }
    }
}

void writeShards(FamilyWriter& families)
{
    families.gauge("shards", "Shards that send.",
                   [](const QueueReading& queue) { return queue.metrics->shards.load(); });
    families.gauge("shards_min", "Fewest shards.",
                   [](const QueueReading& queue) { return queue.minShards; });
    families.gauge("shards_max", "Most shards.",
                   [](const QueueReading& queue) { return queue.maxShards; });
    families.gauge("shards_desired", "Shards that the flow of samples asks for.",
                   [](const QueueReading& queue) { return queue.metrics->desiredShards.load(); });
    families.gauge("shard_capacity", "Samples that a shard holds.",
                   [](const QueueReading& queue) { return queue.shardCapacity; });
    families.gauge("max_samples_per_send", "Samples in a request at most.",
                   [](const QueueReading& queue) { return queue.maxSamplesPerSend; });
}

void writeFlow(FamilyWriter& families)
{
    const auto number = [](const std::atomic<std::uint64_t>& counter) {
        return static_cast<double>(counter.load(std::memory_order_relaxed));
    };
    families.counter(
        "enqueue_retries_total", "Times that a full shard made the reader of the log wait.",
        [&](const QueueReading& queue) { return number(queue.metrics->enqueueRetries); });
    families.counter("bytes_total", "Bytes of samples that were sent, compressed.",
                     [&](const QueueReading& queue) { return number(queue.metrics->bytes); });
    families.counter(
        "metadata_bytes_total", "Bytes of metadata that were sent, compressed.",
        [&](const QueueReading& queue) { return number(queue.metrics->metadataBytes); });
    families.gauge("queue_highest_timestamp_seconds", "Newest time that went into the queue.",
                   [](const QueueReading& queue) { return queue.metrics->highestTime.load(); });
    families.gauge("queue_highest_sent_timestamp_seconds", "Newest time that was sent.",
                   [](const QueueReading& queue) { return queue.metrics->highestSentTime.load(); });
}

void writeWatchers(const std::vector<QueueReading>& queues, TextWriter& out)
{
    out.family("prometheus_wal_watcher_records_read_total", MetricType::Counter,
               "Records of the log that were read.");
    for (const QueueReading& queue : queues) {
        for (std::size_t type = 0; type < queue.watcher->records.size(); ++type) {
            const std::uint64_t count = queue.watcher->records[type].load();
            if (count > 0) {
                out.sample({{"consumer", queue.name},
                            {"type", walRecordTypeText(static_cast<tsdb::WalRecordType>(type))}},
                           static_cast<double>(count));
            }
        }
    }
    const auto family = [&](std::string_view name, MetricType type, std::string_view help,
                            auto value) {
        out.family(fmt::format("prometheus_wal_watcher_{}", name), type, help);
        for (const QueueReading& queue : queues) {
            out.sample({{"consumer", queue.name}}, static_cast<double>(value(*queue.watcher)));
        }
    };
    family("record_decode_failures_total", MetricType::Counter, "Damaged records.",
           [](const WatcherCounters& counters) { return counters.decodeFailures.load(); });
    family("samples_sent_pre_tailing_total", MetricType::Counter,
           "Samples that were sent before the end of the log was reached.",
           [](const WatcherCounters& counters) { return counters.sentBeforeTail.load(); });
    family("current_segment", MetricType::Gauge, "Segment of the log that is read.",
           [](const WatcherCounters& counters) { return counters.currentSegment.load(); });
    family("notifications_skipped_total", MetricType::Counter,
           "Commits that came while an earlier one was still to be read.",
           [](const WatcherCounters& counters) { return counters.notificationsSkipped.load(); });
}

} // namespace

std::string_view dropReasonText(DropReason reason)
{
    switch (reason) {
    case DropReason::TooOld:
        return "too_old";
    case DropReason::DroppedSeries:
        return "dropped_series";
    case DropReason::UnknownSeries:
        return "unintentionally_dropped_series";
    case DropReason::CustomBuckets:
        return "nhcb_in_rw1_not_supported";
    }
    return "";
}

void KindCounters::add(const PayloadCounts& counts)
{
    samples.fetch_add(counts.samples, std::memory_order_relaxed);
    histograms.fetch_add(counts.histograms, std::memory_order_relaxed);
    exemplars.fetch_add(counts.exemplars, std::memory_order_relaxed);
    metadata.fetch_add(counts.metadata, std::memory_order_relaxed);
}

void KindCounters::subtract(const PayloadCounts& counts)
{
    samples.fetch_sub(counts.samples, std::memory_order_relaxed);
    histograms.fetch_sub(counts.histograms, std::memory_order_relaxed);
    exemplars.fetch_sub(counts.exemplars, std::memory_order_relaxed);
    metadata.fetch_sub(counts.metadata, std::memory_order_relaxed);
}

PayloadCounts KindCounters::load() const
{
    return {.samples = samples.load(std::memory_order_relaxed),
            .histograms = histograms.load(std::memory_order_relaxed),
            .exemplars = exemplars.load(std::memory_order_relaxed),
            .metadata = metadata.load(std::memory_order_relaxed)};
}

void writeQueueMetrics(const std::vector<QueueReading>& queues, TextWriter& out)
{
    if (queues.empty()) {
        return;
    }
    FamilyWriter families(queues, out);
    writeKinds(families);
    writeDropped(queues, out);
    writeFlow(families);
    writeShards(families);
    out.family("prometheus_remote_storage_sent_batch_duration_seconds", MetricType::Histogram,
               "How long requests with samples took.");
    for (const QueueReading& queue : queues) {
        queue.metrics->batchSeconds.writeSamples(
            out, "prometheus_remote_storage_sent_batch_duration_seconds",
            {{"remote_name", queue.name}, {"url", queue.url}});
    }
    writeWatchers(queues, out);
}

} // namespace narthex::remote
