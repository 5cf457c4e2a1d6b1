// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/scrape/page_sink.h"

#include "core/base/status.h"
#include "core/exposition/text_parser.h"
#include "core/model/histogram_resolution.h"
#include "core/scrape/family_rules.h"
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
/// Pages for which metadata stays after its family has gone.
constexpr std::uint64_t kKeptFamilies = 10;

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
    std::array<std::int64_t, kBatch> starts;
    /// Whether any of the starts is known.
    bool isStarted = false;
    std::size_t size = 0;
};

PageSink::PageSink(AppenderSettings settings, storage::Appendable& store, ScrapeCounters& counters)
    : settings_(std::move(settings)),
      store_(store),
      counters_(counters),
      batch_(std::make_unique<Batch>())
{}

PageSink::~PageSink() = default;

void PageSink::inherit(PageSink&& other)
{
    cache_ = std::move(other.cache_);
    iteration_ = other.iteration_;
    starts_ = std::move(other.starts_);
    synthesis_ = std::move(other.synthesis_);
    lastSize_ = other.lastSize_;
}

void PageSink::begin(base::Timestamp time)
{
    ++iteration_;
    appender_ = store_.appender();
    time_ = time;
    batch_->size = 0;
    start_ = 0;
    scraped_ = kept_ = added_ = seen_ = 0;
    refused_ = false;
    failure_ = absl::OkStatus();
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
    const std::size_t entries = cache_.size() + cache_.familyCount();
    if (wholePage) {
        forgetUnseen();
        if (iteration_ % kKeptFamilies == 0) {
            cache_.forgetFamilies(iteration_ - kKeptFamilies);
        }
        lastSize_ = cache_.size() + cache_.familyCount();
        return;
    }
    // A target that fails again and again with other series each time must not fill the memory.
    constexpr std::size_t kSlack = 1000;
    if (entries > 2 * lastSize_ + kSlack) {
        forgetUnseen();
        counters_.cacheFlushForced += 1;
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
    if (settings_.typeAndUnitLabels) {
        setTypeAndUnit(family);
    }
    if (!finishLabels(job(), targetLabels(), builder_)) {
        const std::uint32_t index = cache_.add(raw);
        cache_.at(index).dropped = true;
        return index;
    }
    if (absl::Status status = checkLabels(job(), builder_); !status.ok()) {
        if (absl::IsResourceExhausted(status)) {
            counters_.labelLimit += 1;
        }
        return status;
    }
    NARTHEX_ASSIGN_OR_RETURN(const model::SeriesRef ref, appender_->seriesFor(builder_.build()));
    const std::uint32_t index = cache_.add(raw);
    CachedSeries& series = cache_.at(index);
    series.ref = ref;
    starts_.erase(index);
    synthesis_.forget(index);
    if (family != CachedSeries::kNoFamily &&
        belongs(builder_.get(model::kMetricName), cache_.familyAt(family))) {
        series.family = family;
        series.type = cache_.familyAt(family).metadata.type;
        series.cumulative = isCumulative(series.type, builder_);
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
    ownTime = timestampMs.has_value() && job().honorTimestamps;
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
    std::int64_t start = std::exchange(start_, 0);
    if (!time) {
        return;
    }
    if (settings_.startTimes.synthesize && cache_.at(index).cumulative) [[unlikely]] {
        if (!synthesize(index, value, *time, start)) {
            return;
        }
    }
    Batch& batch = *batch_;
    const std::size_t at = batch.size;
    batch.refs[at] = cache_.at(index).ref;
    batch.times[at] = *time;
    batch.values[at] = value;
    batch.series[at] = index;
    batch.ownTime[at] = ownTime;
    batch.starts[at] = start;
    batch.isStarted = batch.isStarted || start != 0;
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
    std::int64_t start = std::exchange(start_, 0);
    if (!time) {
        return;
    }
    const auto append = [&](Histogram value) {
        if (settings_.startTimes.synthesize && value.hint != model::CounterResetHint::Gauge &&
            !value.isStale() && !synthesize(index, value, *time, start)) {
            return;
        }
        const auto hand = [&] {
            appender_->useStartTimes({&start, 1});
            return appender_->appendHistogram(cache_.at(index).ref, *time, value);
        };
        AppendResult result = hand();
        if (result == AppendResult::UnknownSeries && renew(index)) {
            result = hand();
        }
        noteResult(index, result, ownTime);
    };
    if (job().bucketLimit == 0 && job().minBucketFactor <= 0) {
        append(histogram);
        return;
    }
    Histogram reduced = histogram;
    if (job().minBucketFactor > 0) {
        model::reduceTo(reduced, model::schemaForFactor(job().minBucketFactor));
    }
    if (job().bucketLimit != 0) {
        if (absl::Status status = model::limitBuckets(reduced, job().bucketLimit); !status.ok()) {
            failure_ = std::move(status);
            return;
        }
    }
    append(std::move(reduced));
}

void PageSink::setTypeAndUnit(std::uint32_t family)
{
    builder_.remove("__type__").remove("__unit__");
    if (family == CachedSeries::kNoFamily) {
        return;
    }
    const CachedFamily& entry = cache_.familyAt(family);
    if (!belongs(builder_.get(model::kMetricName), entry)) {
        return;
    }
    if (entry.metadata.type != model::MetricType::Unknown) {
        builder_.set("__type__", model::metricTypeText(entry.metadata.type));
    }
    builder_.set("__unit__", entry.metadata.unit);
}

bool PageSink::isFreshStart(std::uint32_t index, std::int64_t startMs)
{
    const CachedSeries& series = cache_.at(index);
    if (!settings_.startTimes.writeZero || startMs <= 0 || series.dropped || startMs >= time_.ms) {
        return false;
    }
    std::int64_t& last = starts_[index];
    if (std::exchange(last, startMs) == startMs) {
        return false;
    }
    return appender_->isNewerThanAll(series.ref, base::Timestamp{startMs});
}

void PageSink::addStart(std::uint32_t index, std::int64_t startMs)
{
    start_ = startMs;
    if (isFreshStart(index, startMs)) {
        appender_->append(cache_.at(index).ref, base::Timestamp{startMs}, 0);
    }
}

template <typename Histogram>
void PageSink::addStart(std::uint32_t index, std::int64_t startMs, const Histogram& shape)
{
    start_ = startMs;
    if (isFreshStart(index, startMs)) {
        Histogram empty;
        empty.schema = shape.schema;
        empty.zeroThreshold = shape.zeroThreshold;
        empty.customValues = shape.customValues;
        appender_->appendHistogram(cache_.at(index).ref, base::Timestamp{startMs}, empty);
    }
}

template void PageSink::addStart(std::uint32_t, std::int64_t, const model::IntegerHistogram&);
template void PageSink::addStart(std::uint32_t, std::int64_t, const model::FloatHistogram&);

template <typename Value>
bool PageSink::synthesize(std::uint32_t index, Value& value, base::Timestamp time,
                          std::int64_t& start)
{
    if (start != 0) {
        synthesis_.forget(index);
        return true;
    }
    auto counted = synthesis_.count(index, value, time.ms);
    if (!counted) {
        cache_.at(index).tracked = iteration_;
        return false;
    }
    value = std::move(counted->value);
    start = counted->startMs;
    return true;
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
    const bool ownTime = timestampMs.has_value() && job().honorTimestamps;
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
    const bool isStarted = std::exchange(batch.isStarted, false);
    if (isStarted) [[unlikely]] {
        appender_->useStartTimes(std::span(batch.starts).first(size));
    }
    appender_->appendBatch(std::span(batch.refs).first(size), std::span(batch.times).first(size),
                           std::span(batch.values).first(size),
                           std::span(batch.results).first(size));
    for (std::size_t i = 0; i < size; ++i) {
        AppendResult result = batch.results[i];
        if (result == AppendResult::UnknownSeries && renew(batch.series[i])) {
            if (isStarted) {
                appender_->useStartTimes({&batch.starts[i], 1});
            }
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
        synthesis_.forget(index); // what it counted from is not in the store
    } else if (!ownTime || job().trackTimestampsStaleness) {
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
    if (!finishLabels(job(), targetLabels(), labels)) {
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
