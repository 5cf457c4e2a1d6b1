// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/scrape/synthetic_series.h"

#include <string_view>

namespace narthex::scrape {
namespace {

constexpr std::array<std::string_view, 8> kNames = {"up",
                                                    "scrape_duration_seconds",
                                                    "scrape_samples_scraped",
                                                    "scrape_samples_post_metric_relabeling",
                                                    "scrape_series_added",
                                                    "scrape_timeout_seconds",
                                                    "scrape_sample_limit",
                                                    "scrape_body_size_bytes"};
/// The others come with extra_scrape_metrics.
constexpr std::size_t kPlainSynthetic = 5;

} // namespace

void SyntheticSeries::append(PageSink& sink, const AppendOutcome& outcome, base::Timestamp time,
                             base::Duration timeout, base::Duration elapsed, bool fetched)
{
    const double bodySize = fetched ? static_cast<double>(outcome.bodyBytes)
                            : outcome.errorClass == ErrorClass::LimitExceeded ? -1.0
                                                                              : 0.0;
    const std::array<double, kCount> values = {outcome.status.ok() ? 1.0 : 0.0,
                                               elapsed.seconds(),
                                               static_cast<double>(outcome.samplesScraped),
                                               static_cast<double>(outcome.samplesAfterRelabeling),
                                               static_cast<double>(outcome.seriesAdded),
                                               timeout.seconds(),
                                               static_cast<double>(sink.job().sampleLimit),
                                               bodySize};
    const std::size_t count = sink.job().extraScrapeMetrics ? values.size() : kPlainSynthetic;
    for (std::size_t i = 0; i < count; ++i) {
        appendOne(sink, i, time, values[i]);
    }
}

void SyntheticSeries::appendOne(PageSink& sink, std::size_t which, base::Timestamp time,
                                double value)
{
    model::SeriesRef& ref = refs_[which];
    if (ref != model::kNoSeries &&
        sink.appender().append(ref, time, value) != storage::AppendResult::UnknownSeries) {
        return;
    }
    model::LabelsBuilder labels(sink.targetLabels());
    labels.set(model::kMetricName, kNames[which]);
    if (const auto fresh = sink.appender().seriesFor(labels.build()); fresh.ok()) {
        ref = *fresh;
        sink.appender().append(ref, time, value);
    }
}

void SyntheticSeries::markStale(PageSink& sink, base::Timestamp time)
{
    const std::size_t count = sink.job().extraScrapeMetrics ? kCount : kPlainSynthetic;
    for (std::size_t i = 0; i < count; ++i) {
        appendOne(sink, i, time, model::staleMarker());
    }
}

} // namespace narthex::scrape
