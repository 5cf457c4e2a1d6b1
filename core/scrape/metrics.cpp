// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/scrape/metrics.h"

#include "core/exposition/text_writer.h"

namespace narthex::scrape {

void writeMetrics(exposition::TextWriter& out, const ScrapeCounters& counters, base::Duration now)
{
    const auto count = [&out](std::string_view name, std::string_view help,
                              const std::atomic<std::uint64_t>& value) {
        out.counter(name, help, static_cast<double>(value.load()));
    };
    count("prometheus_target_scrapes_sample_out_of_order_total",
          "Samples refused because newer ones of their series are there.", counters.outOfOrder);
    count("prometheus_target_scrapes_sample_duplicate_timestamp_total",
          "Samples refused because another value is there for their time.", counters.duplicate);
    count("prometheus_target_scrapes_sample_out_of_bounds_total",
          "Samples refused because their time is too far in the past or the future.",
          counters.outOfBounds);
    count("prometheus_target_scrapes_exemplar_out_of_order_total",
          "Samples whose exemplars were all refused because newer ones are there.",
          counters.exemplarOutOfOrder);
    count("prometheus_target_scrapes_exceeded_sample_limit_total",
          "Scrapes refused because of sample_limit.", counters.sampleLimit);
    count("prometheus_target_scrapes_exceeded_native_histogram_bucket_limit_total",
          "Scrapes refused because of native_histogram_bucket_limit.", counters.bucketLimit);
    count("prometheus_target_scrapes_exceeded_body_size_limit_total",
          "Scrapes refused because of body_size_limit.", counters.bodySizeLimit);
    count("prometheus_target_scrapes_cache_flush_forced_total",
          "Series caches emptied because failing scrapes kept filling them.",
          counters.cacheFlushForced);
    count("prometheus_target_scrape_pool_exceeded_label_limits_total",
          "Scrapes refused because of a limit of labels.", counters.labelLimit);
    count("prometheus_target_scrape_pool_exceeded_target_limit_total",
          "Syncs of a job that had more targets than target_limit.", counters.targetLimit);
    count("prometheus_target_scrape_pools_total", "Scrape pools created.", counters.pools);
    out.counter("prometheus_target_scrape_pools_failed_total", "Scrape pools not created.", 0);
    count("prometheus_target_scrape_pool_reloads_total", "Scrape pools with a new configuration.",
          counters.poolReloads);
    out.counter("prometheus_target_scrape_pool_reloads_failed_total",
                "Scrape pools whose new configuration was not applied.", 0);
    counters.detailed.write(out, now);
}

} // namespace narthex::scrape
