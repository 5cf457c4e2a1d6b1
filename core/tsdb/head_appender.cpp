// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/head_appender.h"

#include "core/base/codec.h"
#include "core/base/status.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace narthex::tsdb {

using storage::AppendResult;
using storage::SeriesRef;

namespace {

/// Two varints and a value.
constexpr std::size_t kSampleBytesMax = 10 + 10 + 8;
constexpr std::size_t kRecordHeadBytes = 1 + 8 + 8;
/// A record of this many samples is some 200 KiB: it compresses well, and always fits a segment.
constexpr std::size_t kSamplesARecord = 16384;
constexpr std::size_t kPrefetch = 8;

char* putVarint(char* out, std::int64_t value)
{
    std::uint64_t rest = base::zigzag(value);
    while (rest >= 0x80) {
        *out++ = static_cast<char>(static_cast<unsigned char>(rest) | 0x80U);
        rest >>= 7U;
    }
    *out++ = static_cast<char>(rest);
    return out;
}

char* putU64(char* out, std::uint64_t value)
{
    value = __builtin_bswap64(value);
    std::memcpy(out, &value, 8);
    return out + 8;
}

std::uint64_t pageNumberOf(SeriesRef ref)
{
    return static_cast<std::uint64_t>(ref) / SeriesPage::kSeries;
}

} // namespace

absl::StatusOr<SeriesRef> HeadAppender::seriesFor(const model::Labels& labels)
{
    if (labels.empty()) {
        return base::invalidArgument("empty labelset: invalid sample");
    }
    std::string_view previous;
    for (const model::LabelView& label : labels) {
        if (label.name <= previous && !previous.empty()) {
            return base::invalidArgument("label name \"{}\" is not unique: invalid sample",
                                         label.name);
        }
        previous = label.name;
    }
    if (head_->journal() == nullptr) {
        return base::unavailable("the store is closed");
    }
    return SeriesRef{head_->seriesFor(labels.bytes())};
}

void HeadAppender::start(std::int64_t firstTime)
{
    if (!minValid_) {
        minValid_ = head_->beginBatch(firstTime);
    }
}

void HeadAppender::makeRoom(std::size_t samples)
{
    const std::size_t heads = samples / kSamplesARecord + 2;
    const std::size_t needed = logSize_ + samples * kSampleBytesMax + heads * kRecordHeadBytes;
    if (needed > logCapacity_) {
        const std::size_t capacity = std::max(needed, logCapacity_ * 2);
        auto larger = std::make_unique_for_overwrite<char[]>(capacity);
        std::copy_n(log_.get(), logSize_, larger.get());
        log_ = std::move(larger);
        logCapacity_ = capacity;
    }
    if (samples_.capacity() < samples_.size() + samples) {
        samples_.reserve(std::max(samples_.size() + samples, samples_.capacity() * 2));
    }
}

void HeadAppender::appendBatch(std::span<const SeriesRef> refs,
                               std::span<const base::Timestamp> times,
                               std::span<const double> values, std::span<AppendResult> results)
{
    if (refs.empty()) {
        return;
    }
    start(times.front().ms);
    makeRoom(refs.size());
    Tally tally;
    Run run;
    while (run.begin < refs.size()) {
        run.page = pageNumberOf(refs[run.begin]);
        run.end = run.begin + 1;
        while (run.end < refs.size() && pageNumberOf(refs[run.end]) == run.page) {
            ++run.end;
        }
        appendRun(run, refs, times, values, results, tally);
        run.begin = run.end;
    }
    count(tally);
}

AppendResult HeadAppender::judge(const HotSeries& series, std::int64_t time,
                                 std::uint64_t valueBits) const
{
    if (!series.has(HotSeries::Alive)) {
        return AppendResult::UnknownSeries;
    }
    if (time < *minValid_) {
        return AppendResult::OutOfBounds;
    }
    if (!series.has(HotSeries::HasSamples) || time > series.chunk.lastTime) [[likely]] {
        return AppendResult::Appended;
    }
    if (time < series.chunk.lastTime) {
        return AppendResult::OutOfOrder;
    }
    const bool same =
        valueBits == series.chunk.lastValue && !series.has(HotSeries::NewestIsHistogram);
    return same ? AppendResult::SameAgain : AppendResult::DuplicateTimestamp;
}

AppendResult HeadAppender::judgeRepeated(HeadRef ref, std::int64_t time, std::uint64_t valueBits)
{
    for (; newestUpTo_ < samples_.size(); ++newestUpTo_) {
        newest_[samples_[newestUpTo_].ref] = samples_[newestUpTo_];
    }
    const auto found = newest_.find(ref);
    if (found == newest_.end() || time > found->second.time) {
        return AppendResult::Appended;
    }
    if (time < found->second.time) {
        return AppendResult::OutOfOrder;
    }
    return valueBits == found->second.valueBits ? AppendResult::SameAgain
                                                : AppendResult::DuplicateTimestamp;
}

/// Writes the sample behind the log's records; makeRoom has seen to the room.
inline void HeadAppender::encode(const PendingSample& sample)
{
    char* out = log_.get() + logSize_;
    if (samplesInRecord_ == 0) [[unlikely]] {
        recordStarts_.push_back(logSize_);
        baseRef_ = sample.ref;
        baseTime_ = sample.time;
        *out++ = static_cast<char>(WalRecordType::Samples);
        out = putU64(putU64(out, baseRef_), static_cast<std::uint64_t>(baseTime_));
    }
    out =
        putVarint(out, static_cast<std::int64_t>(sample.ref) - static_cast<std::int64_t>(baseRef_));
    out = putVarint(out, static_cast<std::int64_t>(static_cast<std::uint64_t>(sample.time) -
                                                   static_cast<std::uint64_t>(baseTime_)));
    out = putU64(out, sample.valueBits);
    logSize_ = static_cast<std::size_t>(out - log_.get());
    ++samplesInRecord_;
}

void HeadAppender::appendRun(const Run& run, std::span<const SeriesRef> refs,
                             std::span<const base::Timestamp> times, std::span<const double> values,
                             std::span<AppendResult> results, Tally& tally)
{
    constexpr std::uint64_t kPageEnd = std::uint64_t{1} << 24U;
    SeriesPage* page =
        run.page < kPageEnd ? head_->table().page(static_cast<std::uint32_t>(run.page)) : nullptr;
    if (page == nullptr) {
        std::fill(results.begin() + static_cast<std::ptrdiff_t>(run.begin),
                  results.begin() + static_cast<std::ptrdiff_t>(run.end),
                  AppendResult::UnknownSeries);
        return;
    }
    if (samplesInRecord_ > kSamplesARecord) {
        samplesInRecord_ = 0; // the next sample starts a record
    }
    absl::MutexLock lock(&page->mutex);
    for (std::size_t i = run.begin; i < run.end; ++i) {
        const auto ref = static_cast<HeadRef>(refs[i]);
        if (i + kPrefetch < run.end) {
            __builtin_prefetch(
                &page->hot[SeriesTable::positionOf(static_cast<HeadRef>(refs[i + kPrefetch]))], 1);
        }
        HotSeries& series = page->hot[SeriesTable::positionOf(ref)];
        const PendingSample sample{ref, times[i].ms, std::bit_cast<std::uint64_t>(values[i])};
        AppendResult result = judge(series, sample.time, sample.valueBits);
        // Nothing pending: this batch cannot have the series already.
        if (series.pending != 0 && result == AppendResult::Appended) [[unlikely]] {
            result = judgeRepeated(ref, sample.time, sample.valueBits);
        }
        results[i] = result;
        if (result != AppendResult::Appended) [[unlikely]] {
            tally.outOfOrder += result == AppendResult::OutOfOrder ? 1 : 0;
            tally.duplicate += result == AppendResult::DuplicateTimestamp ? 1 : 0;
            tally.tooOld += result == AppendResult::OutOfBounds ? 1 : 0;
            continue;
        }
        ++series.pending;
        if (series.has(HotSeries::NewestIsHistogram) && model::isStale(values[i])) [[unlikely]] {
            auto stale = std::make_shared<model::FloatHistogram>();
            stale->sum = values[i];
            histograms_.push_back({ref, sample.time, {std::move(stale), nullptr}});
            continue;
        }
        encode(sample);
        samples_.push_back(sample);
    }
}

AppendResult HeadAppender::appendHistogram(SeriesRef ref, base::Timestamp time,
                                           const model::FloatHistogram& histogram)
{
    return append(ref, time, {std::make_shared<const model::FloatHistogram>(histogram), nullptr});
}

AppendResult HeadAppender::appendHistogram(SeriesRef ref, base::Timestamp time,
                                           const model::IntegerHistogram& histogram)
{
    return append(ref, time, {nullptr, std::make_shared<const model::IntegerHistogram>(histogram)});
}

AppendResult HeadAppender::append(SeriesRef ref, base::Timestamp time, HistogramValue value)
{
    start(time.ms);
    const std::uint64_t number = static_cast<std::uint64_t>(ref);
    SeriesPage* page = number <= std::numeric_limits<HeadRef>::max()
                           ? head_->table().page(SeriesTable::pageOf(static_cast<HeadRef>(number)))
                           : nullptr;
    if (page == nullptr) {
        return AppendResult::UnknownSeries;
    }
    const auto headRef = static_cast<HeadRef>(number);
    Tally tally;
    AppendResult result = AppendResult::Appended;
    {
        absl::MutexLock lock(&page->mutex);
        const std::uint32_t position = SeriesTable::positionOf(headRef);
        HotSeries& series = page->hot[position];
        result = judge(series, time.ms, 0);
        if (time.ms == series.chunk.lastTime && series.has(HotSeries::NewestIsHistogram) &&
            result == AppendResult::DuplicateTimestamp &&
            model::sameBits(*page->cold[position].histograms->back().value.asFloat(),
                            *value.asFloat())) {
            result = AppendResult::SameAgain;
        }
        // Custom buckets would make 2.42 misread the directory: they are refused until it may be
        // left behind.
        if (value.asFloat()->usesCustomBuckets() && result == AppendResult::Appended) {
            result = AppendResult::Unsupported;
        }
        series.pending += result == AppendResult::Appended ? 1 : 0;
    }
    if (result == AppendResult::Appended) {
        histograms_.push_back({headRef, time.ms, std::move(value)});
    }
    tally.outOfOrder += result == AppendResult::OutOfOrder ? 1 : 0;
    tally.duplicate += result == AppendResult::DuplicateTimestamp ? 1 : 0;
    tally.tooOld += result == AppendResult::OutOfBounds ? 1 : 0;
    count(tally);
    return result;
}

storage::ExemplarResult HeadAppender::appendExemplar(SeriesRef /*ref*/,
                                                     const model::Exemplar& /*exemplar*/)
{
    return storage::ExemplarResult::Ignored;
}

void HeadAppender::updateMetadata(SeriesRef /*ref*/, const model::Metadata& /*metadata*/) {}

absl::Status HeadAppender::writeLog()
{
    if (head_->journal() == nullptr) {
        return base::unavailable("the store is closed");
    }
    std::vector<WalRecord> records;
    compressed_.resize(std::max(compressed_.size(), recordStarts_.size() + 1));
    const bool compress = head_->journal()->compresses();
    for (std::size_t i = 0; i < recordStarts_.size(); ++i) {
        const std::size_t end = i + 1 < recordStarts_.size() ? recordStarts_[i + 1] : logSize_;
        const std::string_view payload(log_.get() + recordStarts_[i], end - recordStarts_[i]);
        records.push_back(makeWalRecord(payload, compress, compressed_[i]));
    }
    if (!histograms_.empty()) {
        const PendingHistogram& first = histograms_.front();
        histogramRecord_.clear();
        beginFloatHistograms(histogramRecord_, first.ref, first.time);
        for (const PendingHistogram& sample : histograms_) {
            appendFloatHistogramEntry(histogramRecord_, first.ref, first.time, sample.ref,
                                      sample.time, *sample.value.asFloat());
        }
        records.push_back(makeWalRecord(histogramRecord_, compress, compressed_.back()));
    }
    return head_->journal()->commit(records);
}

absl::Status HeadAppender::commit()
{
    if (absl::Status status = writeLog(); !status.ok()) {
        rollback();
        return status;
    }
    if (!samples_.empty() || !histograms_.empty()) {
        head_->insert(samples_, histograms_);
    }
    finishBatch();
    return absl::OkStatus();
}

void HeadAppender::rollback()
{
    head_->forget(samples_, histograms_);
    finishBatch();
}

void HeadAppender::finishBatch()
{
    if (minValid_) {
        head_->endBatch(*minValid_);
        minValid_.reset();
    }
    samples_.clear();
    histograms_.clear();
    newest_.clear();
    newestUpTo_ = 0;
    logSize_ = 0;
    recordStarts_.clear();
    samplesInRecord_ = 0;
}

void HeadAppender::count(const Tally& tally)
{
    if (tally.outOfOrder + tally.duplicate + tally.tooOld == 0) {
        return;
    }
    HeadCounters& counters = head_->counters(); // nobody orders anything by them
    counters.samplesOutOfOrder.fetch_add(tally.outOfOrder, std::memory_order_relaxed);
    counters.samplesDuplicate.fetch_add(tally.duplicate, std::memory_order_relaxed);
    counters.samplesTooOld.fetch_add(tally.tooOld, std::memory_order_relaxed);
}

} // namespace narthex::tsdb
