// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/engine_metrics.h"

#include "core/exposition/text_writer.h"

#include <string_view>

namespace narthex::promql {
namespace {

using model::MetricType;

constexpr std::array<std::string_view, 4> kSliceNames{"queue_time", "prepare_time", "inner_eval",
                                                      "result_sort"};

} // namespace

void EngineMetrics::observe(const Statistics& statistics, base::Duration now)
{
    const std::array<base::Duration, kSlices> times{
        statistics.execQueueTime, statistics.queryPreparationTime, statistics.innerEvalTime,
        statistics.resultSortTime};
    for (std::size_t i = 0; i < kSlices; ++i) {
        slices_[i].summary.observe(now, times[i].seconds());
        slices_[i].histogram.observe(times[i].seconds());
    }
    samples_.fetch_add(statistics.totalQueryableSamples, std::memory_order_relaxed);
    samplesRead_.fetch_add(statistics.samplesRead, std::memory_order_relaxed);
}

void EngineMetrics::write(exposition::TextWriter& out, const Reading& reading) const
{
    out.gauge("prometheus_engine_queries", "Queries that run or wait.",
              static_cast<double>(reading.active));
    out.gauge("prometheus_engine_queries_concurrent_max", "Queries that may run at once.",
              static_cast<double>(reading.maxConcurrent));
    out.gauge("prometheus_engine_query_log_enabled", "Whether queries are logged to a file.",
              reading.logEnabled ? 1 : 0);
    out.counter("prometheus_engine_query_log_failures_total",
                "Queries that could not be written to the log.",
                static_cast<double>(logFailures_.load(std::memory_order_relaxed)));
    constexpr std::string_view kSummary = "prometheus_engine_query_duration_seconds";
    out.family(kSummary, MetricType::Summary, "Time of the parts of queries.");
    for (std::size_t i = 0; i < kSlices; ++i) {
        slices_[i].summary.writeSamples(out, kSummary, {{"slice", kSliceNames[i]}}, reading.now);
    }
    constexpr std::string_view kHistogram = "prometheus_engine_query_duration_histogram_seconds";
    out.family(kHistogram, MetricType::Histogram, "Time of the parts of queries.");
    for (std::size_t i = 0; i < kSlices; ++i) {
        slices_[i].histogram.writeSamples(out, kHistogram, {{"slice", kSliceNames[i]}});
    }
    out.counter("prometheus_engine_query_samples_total",
                "Samples that queries looked at, the whole window at each step.",
                static_cast<double>(samples_.load(std::memory_order_relaxed)));
    out.counter("prometheus_engine_query_samples_read_total", "Samples that queries read.",
                static_cast<double>(samplesRead_.load(std::memory_order_relaxed)));
}

} // namespace narthex::promql
