// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/remote/receiver/write_run.h"

#include "core/base/status.h"
#include "core/base/utf8.h"
#include "core/remote/append_text.h"
#include "core/remote/receiver/histogram_check.h"

#include <algorithm>
#include <utility>

namespace narthex::remote::receiver {

using storage::AppendResult;

namespace {

constexpr std::int64_t kFutureLimitMs = 10 * 60 * 1000;
/// Nobody's histogram has that many buckets; its numbers take up to sixteen times the memory.
constexpr std::size_t kHistogramBytesMax = std::size_t{1} << 20U;

} // namespace

WriteRun::WriteRun(const Surroundings& surroundings)
    : around_(surroundings),
      maxTime_(surroundings.now.ms + kFutureLimitMs),
      known_(surroundings.cache.table()),
      appender_(surroundings.store.appender())
{}

absl::StatusOr<model::SeriesRef> WriteRun::refOf(std::string_view series, const Fingerprint& print)
{
    const model::SeriesRef known = known_->find(print);
    if (known != model::kNoSeries) [[likely]] {
        return known;
    }
    NARTHEX_ASSIGN_OR_RETURN(const model::Labels labels, labelsOf(series));
    NARTHEX_ASSIGN_OR_RETURN(const model::SeriesRef ref, appender_->seriesFor(labels));
    around_.cache.put(print, ref);
    return ref;
}

absl::StatusOr<model::SeriesRef> WriteRun::renew(std::string_view series)
{
    NARTHEX_ASSIGN_OR_RETURN(const model::Labels labels, labelsOf(series));
    NARTHEX_ASSIGN_OR_RETURN(const model::SeriesRef ref, appender_->seriesFor(labels));
    around_.cache.put(fingerprintOf(series), ref);
    return ref;
}

bool WriteRun::add(std::string_view series, model::SeriesRef ref, std::int64_t time, double value,
                   std::int64_t start)
{
    if (time > maxTime_) [[unlikely]] {
        return flush() && refuse(series, fmt::format("out of bounds: timestamp {} is too far in "
                                                     "the future",
                                                     time));
    }
    const std::size_t at = batch_.size;
    batch_.refs[at] = ref;
    batch_.times[at] = base::Timestamp{time};
    batch_.values[at] = value;
    batch_.starts[at] = start;
    batch_.isStarted = batch_.isStarted || start != 0;
    batch_.series[at] = series;
    return ++batch_.size < kBatch || flush();
}

bool WriteRun::flush()
{
    const std::size_t size = std::exchange(batch_.size, 0);
    if (size == 0) {
        return true;
    }
    const std::span<AppendResult> results = std::span(batch_.results).first(size);
    if (std::exchange(batch_.isStarted, false)) {
        appender_->useStartTimes(std::span(batch_.starts).first(size));
    }
    appender_->appendBatch(std::span(batch_.refs).first(size), std::span(batch_.times).first(size),
                           std::span(batch_.values).first(size), results);
    for (std::size_t i = 0; i < size; ++i) {
        if (results[i] == AppendResult::Appended) [[likely]] {
            continue;
        }
        if (results[i] == AppendResult::UnknownSeries) {
            const auto ref = renew(batch_.series[i]);
            if (!ref.ok()) {
                return fail(ref.status());
            }
            appender_->useStartTimes({&batch_.starts[i], 1});
            results[i] = appender_->append(*ref, batch_.times[i], batch_.values[i]);
        }
        if (!note(batch_.series[i], batch_.times[i].ms, results[i])) {
            return false;
        }
    }
    written_.samples += static_cast<std::uint64_t>(
        std::count_if(results.begin(), results.end(), [](AppendResult result) {
            return result == AppendResult::Appended || result == AppendResult::SameAgain;
        }));
    return true;
}

bool WriteRun::note(std::string_view series, std::int64_t time, AppendResult result)
{
    if (result == AppendResult::Appended || result == AppendResult::SameAgain) {
        return true;
    }
    if (result == AppendResult::UnknownSeries) {
        return fail(base::unavailable("{} {}", appendText(result), nameOf(series)));
    }
    return refuse(series, fmt::format("{} {}", appendText(result), time));
}

template <typename Histogram>
bool WriteRun::appendHistogram(std::string_view series, model::SeriesRef& ref,
                               const Histogram& histogram)
{
    if (const absl::Status status = checkHistogram(histogram); !status.ok()) {
        return refuse(series, fmt::format("invalid histogram at {}: {}", histogram_.time,
                                          base::messageOf(status)));
    }
    const base::Timestamp time{histogram_.time};
    if (options().writeStartZero && histogram_.start != 0 && histogram_.start < time.ms &&
        appender_->isNewerThanAll(ref, base::Timestamp{histogram_.start})) {
        Histogram empty;
        empty.schema = histogram.schema;
        empty.zeroThreshold = histogram.zeroThreshold;
        empty.customValues = histogram.customValues;
        appender_->appendHistogram(ref, base::Timestamp{histogram_.start}, empty);
    }
    const auto hand = [&] {
        appender_->useStartTimes({&histogram_.start, 1});
        return appender_->appendHistogram(ref, time, histogram);
    };
    AppendResult result = hand();
    if (result == AppendResult::UnknownSeries) {
        const auto renewed = renew(series);
        if (!renewed.ok()) {
            return fail(renewed.status());
        }
        ref = *renewed;
        result = hand();
    }
    if (!note(series, histogram_.time, result)) {
        return false;
    }
    written_.histograms +=
        result == AppendResult::Appended || result == AppendResult::SameAgain ? 1 : 0;
    return true;
}

bool WriteRun::addHistogram(std::string_view series, model::SeriesRef& ref,
                            std::string_view message)
{
    if (!flush()) { // the series' samples before it come first
        return false;
    }
    if (message.size() > kHistogramBytesMax) {
        return refuse(series, fmt::format("invalid histogram: its {} bytes exceed the limit of {}",
                                          message.size(), kHistogramBytesMax));
    }
    try {
        readHistogramMessage({message.data(), message.size()}, histogram_);
    } catch (const protozero::exception& error) {
        return fail(base::invalidArgument("a histogram of {} is no such message: {}",
                                          nameOf(series), error.what()));
    }
    if (histogram_.time > maxTime_) {
        return refuse(series, fmt::format("out of bounds: timestamp {} is too far in the future",
                                          histogram_.time));
    }
    return histogram_.isFloat ? appendHistogram(series, ref, histogram_.floats)
                              : appendHistogram(series, ref, histogram_.integers);
}

void WriteRun::addStartZero(std::string_view series, model::SeriesRef ref, std::int64_t time,
                            std::int64_t start)
{
    const bool isKnown = zeroSeries_.data() == series.data() && zeroStart_ >= start;
    if (start <= 0 || start >= time || isKnown ||
        !appender_->isNewerThanAll(ref, base::Timestamp{start})) {
        return;
    }
    zeroSeries_ = series;
    // A later start counts only behind the sample that comes now.
    zeroStart_ = time;
    // It is no sample of the request: whatever becomes of it is not said.
    if (flush()) {
        appender_->append(ref, base::Timestamp{start}, 0);
    }
}

storage::ExemplarResult WriteRun::addExemplar(std::string_view series, model::SeriesRef& ref,
                                              const model::Exemplar& exemplar)
{
    storage::ExemplarResult result = appender_->appendExemplar(ref, exemplar);
    if (result == storage::ExemplarResult::UnknownSeries) {
        if (const auto renewed = renew(series); renewed.ok()) {
            ref = *renewed;
            result = appender_->appendExemplar(ref, exemplar);
        }
    }
    return result;
}

bool WriteRun::fail(absl::Status status)
{
    failure_ = std::move(status);
    return false;
}

bool WriteRun::failDecoding(std::string_view body, const char* at)
{
    const bool isInside = at >= body.data() && at <= body.data() + body.size();
    return fail(base::invalidArgument("the request is no such message: byte {} of {} begins no "
                                      "field that may stand there",
                                      isInside ? at - body.data() : 0, body.size()));
}

absl::StatusOr<model::Labels> WriteRun::checkedLabels(Labels& labels)
{
    std::sort(labels.begin(), labels.end());
    bool isNamed = false;
    for (std::size_t i = 0; i < labels.size(); ++i) {
        const model::LabelView& label = labels[i];
        const bool isName = label.name == model::kMetricName;
        isNamed = isNamed || (isName && !label.value.empty());
        if (label.name.empty() || !base::isValidUtf8(label.name) ||
            !base::isValidUtf8(label.value)) {
            return base::invalidArgument("label number {} has no name, or is not valid UTF-8",
                                         i + 1);
        }
        if (i > 0 && label.name == labels[i - 1].name) {
            return base::invalidArgument("the label {} stands there twice",
                                         model::quote(label.name));
        }
    }
    if (!isNamed) {
        return base::invalidArgument("there is no metric name (label {})", model::kMetricName);
    }
    return model::Labels::fromPairs(labels);
}

std::string WriteRun::nameOf(std::string_view series)
{
    constexpr std::size_t kShown = 1024;
    const auto labels = labelsOf(series);
    if (!labels.ok()) {
        return "{}";
    }
    std::string text = labels->toString();
    if (text.size() > kShown) {
        text.resize(kShown);
        while (!text.empty() && !base::isValidUtf8(text)) {
            text.pop_back();
        }
        text += "…";
    }
    return text;
}

} // namespace narthex::remote::receiver
