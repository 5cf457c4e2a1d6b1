// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/scrape/page_sink.h"

#include "core/base/status.h"
#include "core/exposition/text_parser.h"
#include "core/scrape/protobuf_page.h"
#include "core/scrape/sample_labels.h"

#include <fmt/format.h>

#include <algorithm>

namespace narthex::scrape {
namespace {

using storage::AppendResult;

constexpr base::Duration kFutureLimit = base::Duration::fromMs(10 * 60 * 1000);
/// Samples handed over at once: enough to spread the cost of a call, small enough to stay in the
/// first-level cache.
constexpr std::size_t kBatch = 512;

std::string_view without(std::string_view name, std::initializer_list<std::string_view> suffixes)
{
    for (const std::string_view suffix : suffixes) {
        if (name.ends_with(suffix)) {
            return name.substr(0, name.size() - suffix.size());
        }
    }
    return name;
}

/// Whether a series of this name is one of the family's, so that the family's metadata is its own.
bool belongs(std::string_view name, const CachedFamily& family)
{
    switch (family.metadata.type) {
    case model::MetricType::Counter:
        return without(name, {"_total"}) == without(family.name, {"_total"});
    case model::MetricType::Info:
        return without(name, {"_info"}) == without(family.name, {"_info"});
    case model::MetricType::Histogram:
        return without(name, {"_bucket", "_sum", "_count"}) == family.name;
    case model::MetricType::GaugeHistogram:
        return without(name, {"_bucket", "_gsum", "_gcount"}) == family.name;
    case model::MetricType::Summary:
        return without(name, {"_sum", "_count"}) == family.name;
    case model::MetricType::Gauge:
    case model::MetricType::StateSet:
    case model::MetricType::Unknown:
        break;
    }
    return name == family.name;
}

} // namespace

/// Samples on their way to the appender.
struct PageSink::Batch
{
    std::array<model::SeriesRef, kBatch> refs;
    std::array<base::Timestamp, kBatch> times;
    std::array<double, kBatch> values;
    std::array<AppendResult, kBatch> results;
    std::array<std::uint32_t, kBatch> series;
    std::array<bool, kBatch> ownTime;
    std::size_t size = 0;
};

PageSink::PageSink(std::shared_ptr<const JobConfig> job, model::Labels targetLabels,
                   storage::Appendable& store, ScrapeCounters& counters)
    : job_(std::move(job)),
      targetLabels_(std::move(targetLabels)),
      store_(store),
      counters_(counters),
      batch_(std::make_unique<Batch>())
{}

PageSink::~PageSink() = default;

void PageSink::begin(base::Timestamp time)
{
    ++iteration_;
    appender_ = store_.appender();
    time_ = time;
    batch_->size = 0;
    scraped_ = kept_ = added_ = seen_ = 0;
    refused_ = false;
    metadataChanged_ = false;
}

void PageSink::rollback()
{
    batch_->size = 0;
    appender_->rollback();
    appender_ = store_.appender();
}

absl::Status PageSink::commit()
{
    absl::Status status = appender_->commit();
    appender_.reset();
    if (status.ok()) {
        counters_.samples += kept_;
    }
    return status;
}

void PageSink::finish(bool wholePage)
{
    if (!wholePage || seen_ != cache_.size() || refused_) {
        markStale(time_);
    }
    if (wholePage) {
        forgetUnseen();
    }
}

absl::StatusOr<std::uint32_t>
PageSink::resolve(std::string_view raw, std::uint32_t family,
                  absl::FunctionRef<absl::Status(model::LabelsBuilder&)> labels)
{
    if (const auto known = cache_.find(raw)) {
        return *known;
    }
    NARTHEX_RETURN_IF_ERROR(labels(builder_));
    if (!finishLabels(*job_, targetLabels_, builder_)) {
        const std::uint32_t index = cache_.add(raw);
        cache_.at(index).dropped = true;
        return index;
    }
    if (absl::Status status = checkLabels(*job_, builder_); !status.ok()) {
        if (absl::IsResourceExhausted(status)) {
            counters_.labelLimit += 1;
        }
        return status;
    }
    NARTHEX_ASSIGN_OR_RETURN(const model::SeriesRef ref, appender_->seriesFor(builder_.build()));
    const std::uint32_t index = cache_.add(raw);
    CachedSeries& series = cache_.at(index);
    series.ref = ref;
    if (family != CachedSeries::kNoFamily &&
        belongs(builder_.get(model::kMetricName), cache_.familyAt(family))) {
        series.family = family;
        series.type = cache_.familyAt(family).metadata.type;
        appender_->updateMetadata(ref, cache_.familyAt(family).metadata);
    }
    ++added_;
    return index;
}

std::optional<base::Timestamp>
PageSink::admit(std::uint32_t index, std::optional<std::int64_t> timestampMs, bool& ownTime)
{
    CachedSeries& series = cache_.at(index);
    ++scraped_;
    const bool again = series.seen == iteration_;
    seen_ += again ? 0 : 1;
    series.seen = iteration_;
    if (series.dropped) {
        return std::nullopt;
    }
    ++kept_;
    ownTime = timestampMs.has_value() && job_->honorTimestamps;
    const base::Timestamp time = ownTime ? base::Timestamp{*timestampMs} : time_;
    if (again && !ownTime) {
        counters_.duplicate += 1;
        return std::nullopt;
    }
    if (time > time_ + kFutureLimit) {
        counters_.outOfBounds += 1;
        refused_ = true;
        return std::nullopt;
    }
    if (metadataChanged_) {
        noteMetadata(index);
    }
    return time;
}

void PageSink::noteMetadata(std::uint32_t index)
{
    const CachedSeries& series = cache_.at(index);
    if (series.family == CachedSeries::kNoFamily) {
        return;
    }
    const CachedFamily& family = cache_.familyAt(series.family);
    if (family.changed == iteration_) {
        appender_->updateMetadata(series.ref, family.metadata);
    }
}

void PageSink::add(std::uint32_t index, double value, std::optional<std::int64_t> timestampMs)
{
    bool ownTime = false;
    const std::optional<base::Timestamp> time = admit(index, timestampMs, ownTime);
    if (!time) {
        return;
    }
    Batch& batch = *batch_;
    const std::size_t at = batch.size;
    batch.refs[at] = cache_.at(index).ref;
    batch.times[at] = *time;
    batch.values[at] = value;
    batch.series[at] = index;
    batch.ownTime[at] = ownTime;
    if (++batch.size == kBatch) {
        flush();
    }
}

template <typename Histogram>
void PageSink::addHistogram(std::uint32_t index, const Histogram& histogram,
                            std::optional<std::int64_t> timestampMs)
{
    bool ownTime = false;
    const std::optional<base::Timestamp> time = admit(index, timestampMs, ownTime);
    if (!time) {
        return;
    }
    AppendResult result = appender_->appendHistogram(cache_.at(index).ref, *time, histogram);
    if (result == AppendResult::UnknownSeries && renew(index)) {
        result = appender_->appendHistogram(cache_.at(index).ref, *time, histogram);
    }
    noteResult(index, result, ownTime);
}

template void PageSink::addHistogram(std::uint32_t, const model::IntegerHistogram&,
                                     std::optional<std::int64_t>);
template void PageSink::addHistogram(std::uint32_t, const model::FloatHistogram&,
                                     std::optional<std::int64_t>);

void PageSink::addExemplars(std::uint32_t index, std::span<model::Exemplar> exemplars,
                            std::optional<std::int64_t> timestampMs, bool isHistogram)
{
    const CachedSeries& series = cache_.at(index);
    if (series.dropped || exemplars.empty()) {
        return;
    }
    const bool ownTime = timestampMs.has_value() && job_->honorTimestamps;
    for (model::Exemplar& exemplar : exemplars) {
        if (!exemplar.time && !isHistogram) {
            exemplar.time = ownTime ? base::Timestamp{*timestampMs} : time_;
        }
    }
    std::sort(exemplars.begin(), exemplars.end(),
              [](const model::Exemplar& a, const model::Exemplar& b) {
                  return std::tie(a.time, a.value, a.labels) < std::tie(b.time, b.value, b.labels);
              });
    std::size_t tried = 0;
    std::size_t outOfOrder = 0;
    for (const model::Exemplar& exemplar : exemplars) {
        if (exemplar.time) {
            ++tried;
            outOfOrder += appender_->appendExemplar(series.ref, exemplar) ==
                                  storage::ExemplarResult::OutOfOrder
                              ? 1
                              : 0;
        }
    }
    if (tried > 0 && outOfOrder == tried) {
        counters_.exemplarOutOfOrder += 1;
    }
}

template <typename Field, typename Value>
void PageSink::setMetadata(std::uint32_t family, Field model::Metadata::*field, const Value& value)
{
    CachedFamily& entry = cache_.familyAt(family);
    entry.seen = iteration_;
    if (entry.metadata.*field != value) {
        entry.metadata.*field = value;
        entry.changed = iteration_;
        metadataChanged_ = true;
    }
}

void PageSink::setType(std::uint32_t family, model::MetricType type)
{
    setMetadata(family, &model::Metadata::type, type);
}

void PageSink::setHelp(std::uint32_t family, std::string_view help)
{
    setMetadata(family, &model::Metadata::help, help);
}

void PageSink::setUnit(std::uint32_t family, std::string_view unit)
{
    setMetadata(family, &model::Metadata::unit, unit);
}

void PageSink::flush()
{
    Batch& batch = *batch_;
    const std::size_t size = std::exchange(batch.size, 0);
    if (size == 0) {
        return;
    }
    appender_->appendBatch(std::span(batch.refs).first(size), std::span(batch.times).first(size),
                           std::span(batch.values).first(size),
                           std::span(batch.results).first(size));
    for (std::size_t i = 0; i < size; ++i) {
        AppendResult result = batch.results[i];
        if (result == AppendResult::UnknownSeries && renew(batch.series[i])) {
            result =
                appender_->append(cache_.at(batch.series[i]).ref, batch.times[i], batch.values[i]);
        }
        noteResult(batch.series[i], result, batch.ownTime[i]);
    }
}

void PageSink::noteResult(std::uint32_t index, AppendResult result, bool ownTime)
{
    if (result != AppendResult::Appended && result != AppendResult::SameAgain) {
        count(result);
    } else if (!ownTime || job_->trackTimestampsStaleness) {
        cache_.at(index).tracked = iteration_;
    }
}

// The store has collected the series since the last page: it gets a new reference.
bool PageSink::renew(std::uint32_t index)
{
    CachedSeries& series = cache_.at(index);
    const std::string& raw = cache_.rawOf(index);
    model::LabelsBuilder labels;
    if (isProtobufKey(raw)) {
        labelsOfKey(raw, labels);
    } else {
        // The type decides how `le` and `quantile` are written.
        const std::string line =
            fmt::format("# TYPE x {}\n{} 0\n", model::metricTypeText(series.type), raw);
        exposition::TextParser again(line);
        if (series.type == model::MetricType::Histogram ||
            series.type == model::MetricType::Summary) {
            base::ignore(again.next().status(), "a line of our own");
        } else {
            again = exposition::TextParser(std::string_view(line).substr(line.find('\n') + 1));
        }
        if (!again.next().ok() || !again.labels(labels).ok()) {
            return false;
        }
    }
    if (!finishLabels(*job_, targetLabels_, labels)) {
        return false;
    }
    const auto ref = appender_->seriesFor(labels.build());
    if (ref.ok()) {
        series.ref = *ref;
    }
    return ref.ok();
}

void PageSink::count(AppendResult result)
{
    refused_ = true;
    switch (result) {
    case AppendResult::OutOfOrder:
        counters_.outOfOrder += 1;
        break;
    case AppendResult::DuplicateTimestamp:
        counters_.duplicate += 1;
        break;
    case AppendResult::OutOfBounds:
    case AppendResult::TooOld:
        counters_.outOfBounds += 1;
        break;
    case AppendResult::Unsupported:
    case AppendResult::UnknownSeries:
    case AppendResult::Appended:
    case AppendResult::SameAgain:
        break;
    }
}

void PageSink::forgetUnseen()
{
    if (seen_ == cache_.size()) {
        return;
    }
    for (std::uint32_t i = 0; i < cache_.all().size(); ++i) {
        const CachedSeries& series = cache_.at(i);
        if (series.used && series.seen != iteration_) {
            cache_.remove(i);
        }
    }
}

// A series that was there and is not any more ends with a marker.
void PageSink::markStale(base::Timestamp time)
{
    for (CachedSeries& series : cache_.all()) {
        if (!series.used || series.tracked == 0 || series.tracked == iteration_) {
            continue;
        }
        appender_->append(series.ref, time, model::staleMarker());
        series.tracked = 0;
    }
}

} // namespace narthex::scrape
