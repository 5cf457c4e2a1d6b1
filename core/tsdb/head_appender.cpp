// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/head_appender.h"

#include "core/base/codec.h"
#include "core/base/status.h"
#include "core/tsdb/varbit.h"
#include "core/tsdb/wal_payload.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

namespace narthex::tsdb {

using storage::AppendResult;
using storage::SeriesRef;

namespace {

/// Two varints and a value.
constexpr std::size_t kSampleBytesMax = 10 + 10 + 8;
/// Another varint and a byte that says what it is.
constexpr std::size_t kStartBytesMax = 10 + 1;
constexpr std::size_t kRecordHeadBytes = 1 + 8 + 8;
/// A record of this many samples is some 200 KiB: it compresses well, and always fits a segment.
constexpr std::size_t kSamplesARecord = 16384;
constexpr std::size_t kPrefetch = 8;
/// Far above what anybody means to store, far below a segment of the log: a series that does not
/// fit there would keep every later one out.
constexpr std::size_t kLabelBytesMax = std::size_t{1} << 20U;

std::string longestLabel(const model::Labels& labels)
{
    std::string_view name;
    std::size_t bytes = 0;
    for (const model::LabelView& label : labels) {
        if (label.name.size() + label.value.size() > bytes) {
            bytes = label.name.size() + label.value.size();
            name = label.name;
        }
    }
    constexpr std::size_t kShown = 64;
    return fmt::format("\"{}\" with {} bytes", name.substr(0, kShown), bytes);
}

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

void HeadAppender::Tally::add(AppendResult result)
{
    outOfOrder += result == AppendResult::OutOfOrder ? 1 : 0;
    duplicate += result == AppendResult::DuplicateTimestamp ? 1 : 0;
    outOfBounds += result == AppendResult::OutOfBounds ? 1 : 0;
    tooOld += result == AppendResult::TooOld ? 1 : 0;
}

HeadAppender::HeadAppender(std::shared_ptr<Head> head) : head_(std::move(head))
{
    head_->counters().appenders.fetch_add(1, std::memory_order_relaxed);
    head_->counters().openAppenders.fetch_add(1, std::memory_order_relaxed);
}

HeadAppender::~HeadAppender()
{
    rollback();
    head_->counters().openAppenders.fetch_sub(1, std::memory_order_relaxed);
}

absl::StatusOr<SeriesRef> HeadAppender::seriesFor(const model::Labels& labels)
{
    HeadCounters& counters = head_->counters(); // nobody orders anything by them
    if (labels.empty()) {
        counters.invalidLabels.fetch_add(1, std::memory_order_relaxed);
        return base::invalidArgument("empty labelset: invalid sample");
    }
    if (labels.bytes().size() > kLabelBytesMax) {
        counters.oversizedLabels.fetch_add(1, std::memory_order_relaxed);
        return base::invalidArgument(
            "label set of {} bytes exceeds the limit of {}; the longest is {}: drop or shorten it "
            "by relabeling",
            labels.bytes().size(), kLabelBytesMax, longestLabel(labels));
    }
    std::string_view previous;
    for (const model::LabelView& label : labels) {
        if (label.name <= previous && !previous.empty()) {
            counters.invalidLabels.fetch_add(1, std::memory_order_relaxed);
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
        lateWindowMs_ = head_->lateWindowMs();
        minValid_ = head_->beginBatch(firstTime);
        BatchBuffers buffers = head_->buffers().take();
        samples_ = std::move(buffers.samples);
        log_ = std::move(buffers.log);
        logCapacity_ = buffers.logCapacity;
        compressed_ = std::move(buffers.compressed);
    }
}

void HeadAppender::makeRoom(std::size_t samples)
{
    const std::size_t heads = samples / kSamplesARecord + 2;
    const std::size_t each = kSampleBytesMax + (isStarted_ ? kStartBytesMax : 0);
    const std::size_t needed = logSize_ + samples * each + heads * kRecordHeadBytes;
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
    const std::span<const std::int64_t> starts = std::exchange(nextStarts_, {});
    if (!isStarted_ && !starts.empty()) {
        beginStarts();
    }
    makeRoom(refs.size());
    Tally tally;
    Run run;
    while (run.begin < refs.size()) {
        run.page = pageNumberOf(refs[run.begin]);
        run.end = run.begin + 1;
        while (run.end < refs.size() && pageNumberOf(refs[run.end]) == run.page) {
            ++run.end;
        }
        appendRun(run, refs, times, values, starts, results, tally);
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
    if (time < *minValid_ && lateWindowMs_ == 0) {
        return AppendResult::OutOfBounds;
    }
    if (series.has(HotSeries::HasSamples) && time <= series.chunk.lastTime) [[unlikely]] {
        if (time == series.chunk.lastTime) {
            const bool same =
                valueBits == series.chunk.lastValue && !series.has(HotSeries::NewestIsHistogram);
            return same ? AppendResult::SameAgain : AppendResult::DuplicateTimestamp;
        }
        return time < *minValid_ ? AppendResult::OutOfBounds : AppendResult::OutOfOrder;
    }
    return time < *minValid_ ? AppendResult::OutOfBounds : AppendResult::Appended;
}

AppendResult HeadAppender::judgeRepeated(const PendingSample& sample, bool isHistogram)
{
    const auto note = [this](HeadRef ref, const Newest& newest) {
        Newest& known = newest_[ref];
        if (newest.time >= known.time) {
            known = newest;
        }
    };
    for (; newestSamples_ < samples_.size(); ++newestSamples_) {
        const PendingSample& s = samples_[newestSamples_];
        note(s.ref, {s.time, s.valueBits, false});
    }
    for (; newestHistograms_ < histograms_.size(); ++newestHistograms_) {
        const PendingHistogram& s = histograms_[newestHistograms_];
        note(s.ref, {s.time, 0, true});
    }
    const auto found = newest_.find(sample.ref);
    if (found == newest_.end()) {
        return AppendResult::Appended;
    }
    const Newest& newest = found->second;
    if (sample.time > newest.time) {
        if (newest.isHistogram != isHistogram) {
            startBoundary();
        }
        return AppendResult::Appended;
    }
    if (sample.time < newest.time) {
        return AppendResult::OutOfOrder;
    }
    const bool same = !isHistogram && !newest.isHistogram && sample.valueBits == newest.valueBits;
    return same ? AppendResult::SameAgain : AppendResult::DuplicateTimestamp;
}

void HeadAppender::startBoundary()
{
    boundaries_.push_back({samples_.size(), histograms_.size(), recordStarts_.size()});
    samplesInRecord_ = 0; // the next sample starts a record
}

bool HeadAppender::isTakenLate(std::int64_t time, AppendResult& result) const
{
    if (lateWindowMs_ == 0 ||
        (result != AppendResult::OutOfOrder && result != AppendResult::OutOfBounds)) {
        return false;
    }
    const std::int64_t newest = std::max(head_->maxTime(), *minValid_);
    if (time < newest - lateWindowMs_) {
        result = AppendResult::TooOld;
        return false;
    }
    result = AppendResult::Appended;
    return true;
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

void HeadAppender::useStartTimes(std::span<const std::int64_t> starts)
{
    const bool isKnown =
        std::any_of(starts.begin(), starts.end(), [](std::int64_t t) { return t != 0; });
    nextStarts_ = isKnown && head_->storesStartTimes() ? starts : std::span<const std::int64_t>{};
}

/// From here on the batch's samples have start times, and are logged with them.
void HeadAppender::beginStarts()
{
    isStarted_ = true;
    startTimes_.assign(samples_.size(), 0);
    samplesInRecord_ = 0; // the next sample starts a record
}

/// As encode(), with the start time. Format: spec/tsdb.md, 8, type 11.
void HeadAppender::encodeStarted(const PendingSample& sample, std::int64_t startTime)
{
    char* out = log_.get() + logSize_;
    const auto ref = static_cast<std::int64_t>(sample.ref);
    if (samplesInRecord_ == 0) {
        recordStarts_.push_back(logSize_);
        baseTime_ = sample.time;
        baseStart_ = startTime;
        *out++ = static_cast<char>(WalRecordType::SamplesV2);
        out = putVarint(putVarint(putVarint(out, ref), sample.time), startTime);
    } else {
        out = putVarint(out, ref - static_cast<std::int64_t>(baseRef_));
        out = putVarint(out, wrappingMinus(sample.time, baseTime_));
        if (startTime == 0) {
            *out++ = static_cast<char>(WalStart::None);
        } else if (startTime == lastStart_) {
            *out++ = static_cast<char>(WalStart::AsBefore);
        } else {
            *out++ = static_cast<char>(WalStart::FromFirst);
            out = putVarint(out, wrappingMinus(startTime, baseStart_));
        }
    }
    out = putU64(out, sample.valueBits);
    baseRef_ = sample.ref; // the next one's distance counts from here
    lastStart_ = startTime;
    logSize_ = static_cast<std::size_t>(out - log_.get());
    ++samplesInRecord_;
}

void HeadAppender::appendRun(const Run& run, std::span<const SeriesRef> refs,
                             std::span<const base::Timestamp> times, std::span<const double> values,
                             std::span<const std::int64_t> starts, std::span<AppendResult> results,
                             Tally& tally)
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
            result = judgeRepeated(sample, false);
        }
        if (result != AppendResult::Appended ||
            (series.has(HotSeries::NewestIsHistogram) && model::isStale(values[i]))) [[unlikely]] {
            addUnlikely(*page, sample, starts.empty() ? 0 : starts[i], result);
            tally.add(result);
            results[i] = result;
            continue;
        }
        results[i] = result;
        ++series.pending;
        if (isStarted_) [[unlikely]] {
            startTimes_.push_back(starts.empty() ? 0 : starts[i]);
            encodeStarted(sample, startTimes_.back());
        } else {
            encode(sample);
        }
        samples_.push_back(sample);
    }
}

bool HeadAppender::isNewerThanAll(SeriesRef ref, base::Timestamp time) const
{
    constexpr std::uint64_t kPageEnd = std::uint64_t{1} << 24U;
    const std::uint64_t number = pageNumberOf(ref);
    SeriesPage* page =
        number < kPageEnd ? head_->table().page(static_cast<std::uint32_t>(number)) : nullptr;
    if (page == nullptr) {
        return false;
    }
    const absl::MutexLock lock(&page->mutex);
    const HotSeries& series = page->hot[SeriesTable::positionOf(static_cast<HeadRef>(ref))];
    return series.has(HotSeries::Alive) &&
           !(series.has(HotSeries::HasSamples) && time.ms <= series.chunk.lastTime);
}

// A sample that is refused, comes late, or ends a series of histograms.
void HeadAppender::addUnlikely(SeriesPage& page, const PendingSample& sample,
                               std::int64_t startTime, AppendResult& result)
{
    if (result == AppendResult::UnknownSeries) {
        head_->counters().seriesNotFound.fetch_add(1, std::memory_order_relaxed);
        return;
    }
    const std::uint32_t position = SeriesTable::positionOf(sample.ref);
    const bool isLate = isTakenLate(sample.time, result);
    if (result != AppendResult::Appended) {
        return;
    }
    ++page.hot[position].pending;
    if (isLate) {
        isStarted_ ? encodeStarted(sample, startTime) : encode(sample);
        late_.push_back({sample.ref, sample.time, sample.valueBits, {}, startTime});
        return;
    }
    const auto& writer = page.cold[position].histogram;
    HistogramValue stale;
    if (writer != nullptr && writer->encoding() == ChunkEncoding::FloatHistogram) {
        stale.floats = std::make_shared<const model::FloatHistogram>(
            model::FloatHistogram{.sum = model::staleMarker()});
    } else {
        stale.integers = std::make_shared<const model::IntegerHistogram>(
            model::IntegerHistogram{.sum = model::staleMarker()});
    }
    histograms_.push_back({sample.ref, sample.time, std::move(stale)});
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
    const std::span<const std::int64_t> starts = std::exchange(nextStarts_, {});
    const std::int64_t startTime = starts.empty() ? 0 : starts.front();
    const std::uint64_t number = static_cast<std::uint64_t>(ref);
    SeriesPage* page = number <= std::numeric_limits<HeadRef>::max()
                           ? head_->table().page(SeriesTable::pageOf(static_cast<HeadRef>(number)))
                           : nullptr;
    if (page == nullptr) {
        return AppendResult::UnknownSeries;
    }
    const PendingSample sample{static_cast<HeadRef>(number), time.ms, 0};
    if (auto accepted = acceptHistogram(std::move(value))) {
        value = *std::move(accepted);
    } else {
        return AppendResult::Unsupported; // a chunk of it could not be written, or not be read
    }
    const bool isCustom =
        value.floats ? value.floats->usesCustomBuckets() : value.integers->usesCustomBuckets();
    // Custom buckets would make 2.42 misread the directory.
    if (isCustom && head_->readableBy242()) {
        return AppendResult::Unsupported;
    }
    AppendResult result = AppendResult::Appended;
    bool isLate = false;
    {
        absl::MutexLock lock(&page->mutex);
        const std::uint32_t position = SeriesTable::positionOf(sample.ref);
        HotSeries& series = page->hot[position];
        result = judge(series, time.ms, 0);
        if (series.pending != 0 && result == AppendResult::Appended) {
            result = judgeRepeated(sample, true);
        }
        if (const auto& writer = page->cold[position].histogram;
            result == AppendResult::DuplicateTimestamp && writer != nullptr &&
            writer->lastTime() == time.ms && writer->lastIs(value)) {
            result = AppendResult::SameAgain;
        }
        isLate = isTakenLate(time.ms, result);
        series.pending += result == AppendResult::Appended ? 1 : 0;
    }
    if (isLate) {
        late_.push_back({sample.ref, time.ms, 0, std::move(value), startTime});
    } else if (result == AppendResult::Appended) {
        histograms_.push_back({sample.ref, time.ms, std::move(value), startTime});
    }
    Tally tally;
    tally.add(result);
    HeadCounters& counters = head_->counters(); // nobody orders anything by them
    counters.histogramsOutOfOrder.fetch_add(tally.outOfOrder, std::memory_order_relaxed);
    counters.samplesDuplicate.fetch_add(tally.duplicate, std::memory_order_relaxed);
    counters.histogramsOutOfBounds.fetch_add(tally.outOfBounds, std::memory_order_relaxed);
    counters.histogramsTooOld.fetch_add(tally.tooOld, std::memory_order_relaxed);
    return result;
}

bool HeadAppender::isAlive(SeriesRef ref) const
{
    const auto number = static_cast<std::uint64_t>(ref);
    return number <= std::numeric_limits<HeadRef>::max() &&
           head_->hasSeries(static_cast<HeadRef>(number));
}

storage::ExemplarResult HeadAppender::appendExemplar(SeriesRef ref, const model::Exemplar& exemplar)
{
    if (!isAlive(ref)) {
        return storage::ExemplarResult::UnknownSeries;
    }
    if (!exemplar.time) {
        return storage::ExemplarResult::Ignored;
    }
    const storage::ExemplarResult result = head_->exemplars().check(
        model::Labels::fromBytes(std::string(head_->table().labels(static_cast<HeadRef>(ref)))),
        exemplar);
    if (result == storage::ExemplarResult::Appended) {
        exemplars_.push_back({static_cast<HeadRef>(ref), exemplar});
    }
    return result;
}

void HeadAppender::updateMetadata(SeriesRef ref, const model::Metadata& metadata)
{
    if (isAlive(ref) && head_->metadata().differs(static_cast<HeadRef>(ref), metadata)) {
        metadata_.push_back({static_cast<HeadRef>(ref), metadata});
    }
}

} // namespace narthex::tsdb
