// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/remote/otlp/sample_sink.h"

#include "core/base/status.h"
#include "core/base/utf8.h"
#include "core/remote/append_text.h"

#include <algorithm>
#include <utility>

namespace narthex::remote::otlp {

using storage::AppendResult;

namespace {

constexpr std::int64_t kFutureLimitMs = 10 * 60 * 1000;

} // namespace

SampleSink::SampleSink(const SinkOptions& options, storage::Appendable& store, base::Timestamp now)
    : options_(options), maxTime_(now.ms + kFutureLimitMs), appender_(store.appender())
{}

absl::Status SampleSink::begin(const Place& place, const model::Metadata& metadata)
{
    if (place.time > maxTime_) {
        return base::invalidArgument("out of bounds: timestamp {} of {} is too far in the future",
                                     place.time, place.labels.toString());
    }
    for (const model::LabelView label : place.labels) {
        if (!base::isValidUtf8(label.name) || !base::isValidUtf8(label.value)) {
            return base::invalidArgument("label {} is not valid UTF-8", model::quote(label.name));
        }
    }
    NARTHEX_ASSIGN_OR_RETURN(ref_, appender_->seriesFor(place.labels));
    time_ = place.time;
    const bool isEmpty = metadata.type == model::MetricType::Unknown && metadata.unit.empty() &&
                         metadata.help.empty();
    withoutMetadata_ += isEmpty ? 1 : 0;
    if (options_.storeMetadata && !isEmpty) {
        appender_->updateMetadata(ref_, metadata);
    }
    return absl::OkStatus();
}

bool SampleSink::wantsZero(const Place& place) const
{
    return options_.writeStartZero && place.start > 0 && place.start < place.time &&
           appender_->isNewerThanAll(ref_, base::Timestamp{place.start});
}

absl::Status SampleSink::judged(const Place& place, AppendResult result)
{
    if (result == AppendResult::Appended || result == AppendResult::SameAgain) {
        return absl::OkStatus();
    }
    return base::invalidArgument("{} {} of {}", appendText(result), place.time,
                                 place.labels.toString());
}

absl::Status SampleSink::add(const Place& place, double value, const model::Metadata& metadata)
{
    NARTHEX_RETURN_IF_ERROR(begin(place, metadata));
    if (wantsZero(place)) {
        appender_->append(ref_, base::Timestamp{place.start}, 0);
    }
    appender_->useStartTimes({&place.start, 1});
    return judged(place, appender_->append(ref_, base::Timestamp{place.time}, value));
}

absl::Status SampleSink::add(const Place& place, const model::IntegerHistogram& histogram,
                             const model::Metadata& metadata)
{
    NARTHEX_RETURN_IF_ERROR(begin(place, metadata));
    if (wantsZero(place)) {
        appender_->appendHistogram(ref_, base::Timestamp{place.start},
                                   model::IntegerHistogram{.schema = histogram.schema,
                                                           .zeroThreshold = histogram.zeroThreshold,
                                                           .customValues = histogram.customValues});
    }
    appender_->useStartTimes({&place.start, 1});
    return judged(place, appender_->appendHistogram(ref_, base::Timestamp{place.time}, histogram));
}

void SampleSink::addExemplars(std::vector<model::Exemplar> exemplars)
{
    for (model::Exemplar& exemplar : exemplars) {
        exemplar.time = exemplar.time.value_or(base::Timestamp{time_});
    }
    std::stable_sort(
        exemplars.begin(), exemplars.end(),
        [](const model::Exemplar& a, const model::Exemplar& b) { return a.time->ms < b.time->ms; });
    for (const model::Exemplar& exemplar : exemplars) {
        const bool isLate =
            exemplar.time->ms <= maxTime_ &&
            appender_->appendExemplar(ref_, exemplar) == storage::ExemplarResult::OutOfOrder;
        outOfOrderExemplars_ += isLate ? 1 : 0;
    }
}

} // namespace narthex::remote::otlp
