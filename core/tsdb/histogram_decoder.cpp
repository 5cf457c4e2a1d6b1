// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/histogram_decoder.h"

#include "core/base/status.h"

#include <utility>

namespace narthex::tsdb {
namespace {

using model::CounterResetHint;

constexpr std::size_t kHeaderBytes = 3;
constexpr std::uint8_t kHeaderMask = 0xC0;
/// What a damaged chunk may make us allocate by a layout that it repeats for each sample.
constexpr std::uint64_t kLayoutBytesMax = std::uint64_t{256} << 20U;

bool holdsIntegers(ChunkEncoding encoding)
{
    return encoding == ChunkEncoding::Histogram || encoding == ChunkEncoding::HistogramSt;
}

bool holdsStartTimes(ChunkEncoding encoding)
{
    return encoding == ChunkEncoding::HistogramSt || encoding == ChunkEncoding::FloatHistogramSt;
}

} // namespace

HistogramDecoder::HistogramDecoder(ChunkEncoding encoding, std::string_view chunk)
    : in_(chunk.substr(std::min(chunk.size(), kHeaderBytes))),
      chunk_(chunk),
      isInteger_(holdsIntegers(encoding)),
      hasStartTimes_(holdsStartTimes(encoding))
{}

/// Without start times: u16 count, flag byte. With them: flag bits and 14 bits of count, byte of
/// the start times. Format: spec/tsdb.md, 3.2, 3.7.
absl::Status HistogramDecoder::open()
{
    if (chunk_.size() < kHeaderBytes) {
        return base::dataLoss("histogram chunk of {} bytes has no room for its header",
                              chunk_.size());
    }
    const auto first = base::loadBigEndian<std::uint16_t>(chunk_.data());
    const auto third = static_cast<std::uint8_t>(chunk_[2]);
    if (hasStartTimes_) {
        header_ = static_cast<ChunkHeader>((first >> 8U) & kHeaderMask);
        count_ = first & 0x3FFFU;
        start_.open(third);
    } else {
        header_ = static_cast<ChunkHeader>(third & kHeaderMask);
        count_ = first;
    }
    if (count_ == 0) {
        return absl::OkStatus(); // no sample, no layout
    }
    NARTHEX_RETURN_IF_ERROR(getLayout(in_, chunk_.size(), layout_));
    const std::size_t entries =
        layout_.positiveSpans.size() + layout_.negativeSpans.size() + layout_.customValues.size();
    if (entries * sizeof(double) * count_ > kLayoutBytesMax) {
        return base::dataLoss("histogram chunk of {} bytes claims {} samples with {} spans and "
                              "bounds each",
                              chunk_.size(), count_, entries);
    }
    positive_ = bucketsOf(layout_.positiveSpans);
    const std::size_t buckets = positive_ + bucketsOf(layout_.negativeSpans);
    if (isInteger_) {
        integerBuckets_.resize(buckets);
    } else {
        floatBuckets_.resize(buckets);
    }
    return absl::OkStatus();
}

absl::StatusOr<bool> HistogramDecoder::next()
{
    if (read_ == count_) {
        return false;
    }
    const std::int64_t before = time_.last;
    if (read_ == 0) {
        time_.start(getVarbitInt(in_));
    } else {
        time_.get(in_);
    }
    if (isInteger_) {
        readInteger();
    } else {
        readFloat();
    }
    if (hasStartTimes_) {
        start_.read(in_, read_, time_.last, before);
    }
    if (in_.overrun()) {
        return base::dataLoss("histogram chunk of {} bytes ends within sample {} of {}",
                              chunk_.size(), read_, count_);
    }
    ++read_;
    return true;
}

void HistogramDecoder::readInteger()
{
    const bool first = read_ == 0;
    if (first) {
        integerCount_.start(static_cast<std::int64_t>(getVarbitUint(in_)));
        integerZeroCount_.start(static_cast<std::int64_t>(getVarbitUint(in_)));
        sum_.last = in_.get(64);
    } else {
        integerCount_.get(in_);
        integerZeroCount_.get(in_);
        sum_.get(in_);
    }
    if (isStale()) {
        return;
    }
    for (DeltaColumn& bucket : integerBuckets_) {
        if (first) {
            bucket.start(getVarbitInt(in_));
        } else {
            bucket.get(in_);
        }
    }
}

void HistogramDecoder::readFloat()
{
    if (read_ == 0) {
        floatCount_.last = in_.get(64);
        floatZeroCount_.last = in_.get(64);
        sum_.last = in_.get(64);
        for (std::size_t i = 0; i < floatBuckets_.size() && !isStale(); ++i) {
            floatBuckets_[i].last = in_.get(64);
        }
        return;
    }
    floatCount_.get(in_);
    floatZeroCount_.get(in_);
    sum_.get(in_);
    for (std::size_t i = 0; i < floatBuckets_.size() && !isStale(); ++i) {
        floatBuckets_[i].get(in_);
    }
}

CounterResetHint HistogramDecoder::hint() const
{
    if (header_ == ChunkHeader::Gauge) {
        return CounterResetHint::Gauge;
    }
    return read_ <= 1 ? CounterResetHint::Unknown : CounterResetHint::NoReset;
}

std::shared_ptr<model::FloatHistogram> HistogramDecoder::floats() const
{
    auto result = std::make_shared<model::FloatHistogram>();
    result->sum = sum_.value();
    result->hint = hint();
    if (isStale()) {
        return result;
    }
    result->schema = layout_.schema;
    result->zeroThreshold = layout_.zeroThreshold;
    result->positiveSpans = layout_.positiveSpans;
    result->negativeSpans = layout_.negativeSpans;
    result->customValues = layout_.customValues;
    if (!isInteger_) {
        result->count = floatCount_.value();
        result->zeroCount = floatZeroCount_.value();
        result->positiveBuckets.reserve(positive_);
        result->negativeBuckets.reserve(floatBuckets_.size() - positive_);
        for (std::size_t i = 0; i < floatBuckets_.size(); ++i) {
            (i < positive_ ? result->positiveBuckets : result->negativeBuckets)
                .push_back(floatBuckets_[i].value());
        }
        return result;
    }
    result->count = static_cast<double>(static_cast<std::uint64_t>(integerCount_.last));
    result->zeroCount = static_cast<double>(static_cast<std::uint64_t>(integerZeroCount_.last));
    result->positiveBuckets.reserve(positive_);
    result->negativeBuckets.reserve(integerBuckets_.size() - positive_);
    std::int64_t absolute = 0;
    for (std::size_t i = 0; i < integerBuckets_.size(); ++i) {
        absolute = wrappingPlus(i == positive_ ? 0 : absolute, integerBuckets_[i].last);
        (i < positive_ ? result->positiveBuckets : result->negativeBuckets)
            .push_back(static_cast<double>(absolute));
    }
    return result;
}

std::shared_ptr<model::IntegerHistogram> HistogramDecoder::integers() const
{
    auto result = std::make_shared<model::IntegerHistogram>();
    result->sum = sum_.value();
    result->hint = hint();
    if (isStale()) {
        return result;
    }
    result->schema = layout_.schema;
    result->zeroThreshold = layout_.zeroThreshold;
    result->count = static_cast<std::uint64_t>(integerCount_.last);
    result->zeroCount = static_cast<std::uint64_t>(integerZeroCount_.last);
    result->positiveSpans = layout_.positiveSpans;
    result->negativeSpans = layout_.negativeSpans;
    result->customValues = layout_.customValues;
    result->positiveDeltas.reserve(positive_);
    result->negativeDeltas.reserve(integerBuckets_.size() - positive_);
    for (std::size_t i = 0; i < integerBuckets_.size(); ++i) {
        (i < positive_ ? result->positiveDeltas : result->negativeDeltas)
            .push_back(integerBuckets_[i].last);
    }
    return result;
}

} // namespace narthex::tsdb
