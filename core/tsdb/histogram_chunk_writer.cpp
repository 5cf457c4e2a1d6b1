// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// HistogramChunkWriter: when a chunk ends, how one is widened, and the bytes of a sample.
// Format: spec/tsdb.md, 3.2 to 3.5.
#include "core/base/status.h"
#include "core/tsdb/histogram_chunk.h"
#include "core/tsdb/histogram_decoder.h"
#include "core/tsdb/histogram_kinds.h"
#include "core/tsdb/histogram_layout.h"
#include "core/tsdb/start_time.h"
#include "core/tsdb/varbit.h"

#include <algorithm>
#include <limits>
#include <type_traits>
#include <utility>
#include <variant>

namespace narthex::tsdb {
namespace {

using model::CounterResetHint;
using model::Span;

/// The header with start times leaves this much for the count.
constexpr std::uint16_t kSamplesWithStarts = 0x3FFF;

struct Times
{
    std::int64_t time = 0;
    std::int64_t start = 0;
};

template <typename Kind>
constexpr ChunkEncoding encodingOf(bool hasStarts)
{
    if constexpr (std::is_same_v<Kind, Integers>) {
        return hasStarts ? ChunkEncoding::HistogramSt : ChunkEncoding::Histogram;
    } else {
        return hasStarts ? ChunkEncoding::FloatHistogramSt : ChunkEncoding::FloatHistogram;
    }
}

/// A chunk of one kind while it is written.
template <typename Kind>
class Chunk
{
public:
    using Histogram = typename Kind::Histogram;
    using Number = typename Kind::Number;

    Chunk(ChunkHeader header, std::int64_t time, const Histogram& first, std::int64_t start)
        : header_(header), hasStarts_(start != 0)
    {
        if (!first.isStale()) {
            layout_ = {first.schema, first.zeroThreshold, first.positiveSpans, first.negativeSpans,
                       first.customValues};
        }
        begin();
        put({time, start}, first, Kind::positive(first), Kind::negative(first));
    }

    [[nodiscard]] static const Histogram* of(const HistogramValue& value)
    {
        if constexpr (std::is_same_v<Kind, Integers>) {
            return value.integers.get();
        } else {
            return value.floats.get();
        }
    }

    [[nodiscard]] std::optional<ChunkHeader> needsNewChunk(const Histogram& now,
                                                           std::int64_t start) const;
    void append(const Times& times, const Histogram& value);
    [[nodiscard]] bool lastIs(const Histogram& value) const;

    [[nodiscard]] ChunkHeader header() const { return header_; }
    [[nodiscard]] ChunkEncoding encoding() const { return encodingOf<Kind>(hasStarts_); }
    [[nodiscard]] std::uint16_t samples() const { return samples_; }
    [[nodiscard]] std::string_view bytes() const { return out_.bytes(); }
    [[nodiscard]] std::int64_t firstTime() const { return firstTime_; }
    [[nodiscard]] std::int64_t lastTime() const { return time_.last; }
    [[nodiscard]] std::size_t bucketCount() const { return positive_.size() + negative_.size(); }
    [[nodiscard]] std::size_t memoryBytes() const
    {
        return out_.capacityBytes() +
               (positive_.capacity() + negative_.capacity()) * sizeof(typename Kind::Column) +
               (layout_.positiveSpans.capacity() + layout_.negativeSpans.capacity()) *
                   sizeof(Span) +
               layout_.customValues.capacity() * sizeof(double);
    }

private:
    /// One without samples, and with no layout yet.
    Chunk(ChunkHeader header, bool hasStarts) : header_(header), hasStarts_(hasStarts) {}

    void begin();
    void put(const Times& times, const Histogram& value, const std::vector<Number>& positive,
             const std::vector<Number>& negative);
    void putHeader();
    void widen(const SpanUnion& positive, const SpanUnion& negative, const Histogram& value);
    [[nodiscard]] bool lastIsStale() const { return model::isStale(sum_.value()); }
    template <typename Compare>
    [[nodiscard]] bool everyLast(const Histogram& now, Compare compare) const
    {
        return everyBucket<Kind>(
                   layout_.positiveSpans,
                   [this](std::size_t i) { return Kind::stored(positive_[i]); }, now.positiveSpans,
                   Kind::positive(now), compare) &&
               everyBucket<Kind>(
                   layout_.negativeSpans,
                   [this](std::size_t i) { return Kind::stored(negative_[i]); }, now.negativeSpans,
                   Kind::negative(now), compare);
    }

    ChunkHeader header_;
    /// Whether each sample has room for a start time.
    bool hasStarts_;
    HistogramLayout layout_;
    BitWriter out_;
    std::uint16_t samples_ = 0;
    std::int64_t firstTime_ = 0;
    // Where the numbers stand.
    DeltaColumn time_;
    StartTimeWriter start_;
    typename Kind::Column count_;
    typename Kind::Column zeroCount_;
    XorColumn sum_;
    std::vector<typename Kind::Column> positive_;
    std::vector<typename Kind::Column> negative_;
};

template <typename Kind>
void Chunk<Kind>::begin()
{
    out_.put(0, 16);
    out_.put(static_cast<std::uint64_t>(header_), 8);
    putLayout(out_, layout_);
    positive_.resize(bucketsOf(layout_.positiveSpans));
    negative_.resize(bucketsOf(layout_.negativeSpans));
}

/// The rows of the table, in their order. Format: spec/tsdb.md, 3.5.
template <typename Kind>
std::optional<ChunkHeader> Chunk<Kind>::needsNewChunk(const Histogram& now,
                                                      std::int64_t start) const
{
    const bool gauge = now.hint == CounterResetHint::Gauge;
    if (gauge != (header_ == ChunkHeader::Gauge)) {
        return gauge ? ChunkHeader::Gauge : ChunkHeader::NoReset;
    }
    const ChunkHeader unknown = gauge ? ChunkHeader::Gauge : ChunkHeader::Unknown;
    const ChunkHeader reset = gauge ? ChunkHeader::Gauge : ChunkHeader::Reset;
    if (now.hint == CounterResetHint::Reset) {
        return reset;
    }
    const std::uint16_t most =
        hasStarts_ ? kSamplesWithStarts : std::numeric_limits<std::uint16_t>::max();
    const bool lacksStarts = start != 0 && !hasStarts_;
    if (samples_ == most || (lacksStarts && now.isStale())) {
        return gauge ? ChunkHeader::Gauge : ChunkHeader::NoReset;
    }
    if (now.isStale()) {
        return std::nullopt;
    }
    if (lastIsStale()) {
        return unknown;
    }
    if (!gauge && Kind::countWentBack(count_, now.count)) {
        return reset;
    }
    if (now.schema != layout_.schema || !sameInLayout(now.zeroThreshold, layout_.zeroThreshold)) {
        return unknown;
    }
    if (now.usesCustomBuckets() &&
        !std::equal(now.customValues.begin(), now.customValues.end(), layout_.customValues.begin(),
                    layout_.customValues.end(), sameInLayout)) {
        return reset;
    }
    if (gauge) {
        return lacksStarts ? std::optional(ChunkHeader::Gauge) : std::nullopt;
    }
    if (Kind::countWentBack(zeroCount_, now.zeroCount) ||
        !everyLast(now, [](Number before, Number after) { return !(after < before); })) {
        return reset;
    }
    return lacksStarts ? std::optional(ChunkHeader::NoReset) : std::nullopt;
}

template <typename Kind>
void Chunk<Kind>::append(const Times& times, const Histogram& value)
{
    if (value.isStale() || (value.positiveSpans == layout_.positiveSpans &&
                            value.negativeSpans == layout_.negativeSpans)) {
        put(times, value, Kind::positive(value), Kind::negative(value));
        return;
    }
    const SpanUnion positive = unite(layout_.positiveSpans, value.positiveSpans);
    const SpanUnion negative = unite(layout_.negativeSpans, value.negativeSpans);
    if (positive.addsToA() || negative.addsToA()) {
        widen(positive, negative, value);
    }
    if (!positive.addsToB() && !negative.addsToB()) {
        put(times, value, Kind::positive(value), Kind::negative(value));
        return;
    }
    std::vector<Number> widePositive;
    std::vector<Number> wideNegative;
    spread<Kind>(Kind::positive(value), positive.fromB, positive.buckets, widePositive);
    spread<Kind>(Kind::negative(value), negative.fromB, negative.buckets, wideNegative);
    put(times, value, widePositive, wideNegative);
}

/// Writes the chunk again with the buckets that it lacks.
template <typename Kind>
void Chunk<Kind>::widen(const SpanUnion& positive, const SpanUnion& negative,
                        const Histogram& value)
{
    Chunk old = std::move(*this);
    *this = Chunk(old.header_, old.hasStarts_);
    layout_ = std::move(old.layout_);
    // A sample that has all the buckets gives its own spans, as it wrote them.
    if (positive.addsToA()) {
        layout_.positiveSpans = positive.addsToB() ? positive.spans : value.positiveSpans;
    }
    if (negative.addsToA()) {
        layout_.negativeSpans = negative.addsToB() ? negative.spans : value.negativeSpans;
    }
    begin();
    HistogramDecoder decoder(encoding(), old.bytes());
    absl::Status status = decoder.open();
    NARTHEX_CHECK(status.ok());
    std::vector<Number> widePositive;
    std::vector<Number> wideNegative;
    for (std::uint16_t i = 0; i < old.samples_; ++i) {
        const absl::StatusOr<bool> found = decoder.next();
        NARTHEX_CHECK(found.ok() && *found);
        const auto sample = [&decoder] {
            if constexpr (std::is_same_v<Kind, Integers>) {
                return decoder.integers();
            } else {
                return decoder.floats();
            }
        }();
        if (sample->isStale()) {
            put({decoder.time(), decoder.startTime()}, *sample, widePositive, wideNegative);
            continue;
        }
        spread<Kind>(Kind::positive(*sample), positive.fromA, positive.buckets, widePositive);
        spread<Kind>(Kind::negative(*sample), negative.fromA, negative.buckets, wideNegative);
        put({decoder.time(), decoder.startTime()}, *sample, widePositive, wideNegative);
    }
}

template <typename Kind>
void Chunk<Kind>::put(const Times& times, const Histogram& value,
                      const std::vector<Number>& positive, const std::vector<Number>& negative)
{
    const bool first = samples_ == 0;
    const std::int64_t time = times.time;
    const std::int64_t before = time_.last;
    const bool stale = value.isStale();
    if (first) {
        out_.putVarbitInt(time);
        time_.start(time);
        firstTime_ = time;
    } else {
        time_.put(out_, time);
    }
    if (stale) {
        Kind::putNoCount(out_, count_, first);
        Kind::putNoCount(out_, zeroCount_, first);
    } else {
        Kind::putCount(out_, count_, value.count, first);
        Kind::putCount(out_, zeroCount_, value.zeroCount, first);
    }
    Floats::putCount(out_, sum_, value.sum, first);
    if (!stale) {
        NARTHEX_CHECK(positive.size() == positive_.size() && negative.size() == negative_.size());
        for (std::size_t i = 0; i < positive.size(); ++i) {
            Kind::putBucket(out_, positive_[i], positive[i], first);
        }
        for (std::size_t i = 0; i < negative.size(); ++i) {
            Kind::putBucket(out_, negative_[i], negative[i], first);
        }
    }
    if (hasStarts_) {
        start_.put(out_, samples_, time, before, times.start);
    }
    ++samples_;
    putHeader();
}

/// Without start times: u16 count, flag byte. With them: flag bits and 14 bits of count, byte of
/// the start times. Format: spec/tsdb.md, 3.2, 3.7.
template <typename Kind>
void Chunk<Kind>::putHeader()
{
    const auto high = static_cast<std::uint8_t>(samples_ >> 8U);
    out_.setByte(0, hasStarts_
                        ? static_cast<std::uint8_t>(high | static_cast<std::uint8_t>(header_))
                        : high);
    out_.setByte(1, static_cast<std::uint8_t>(samples_ & 0xFFU));
    if (hasStarts_) {
        out_.setByte(2, start_.header());
    }
}

template <typename Kind>
bool Chunk<Kind>::lastIs(const Histogram& value) const
{
    if (lastIsStale() || value.isStale()) {
        return lastIsStale() && value.isStale();
    }
    return value.schema == layout_.schema &&
           sameInLayout(value.zeroThreshold, layout_.zeroThreshold) &&
           Kind::sameCount(count_, value.count) && Kind::sameCount(zeroCount_, value.zeroCount) &&
           Floats::same(value.sum, sum_.value()) &&
           std::equal(value.customValues.begin(), value.customValues.end(),
                      layout_.customValues.begin(), layout_.customValues.end(), sameInLayout) &&
           everyLast(value, [](Number a, Number b) { return Kind::same(a, b); });
}

} // namespace

struct HistogramChunkWriter::State
{
    std::variant<Chunk<Integers>, Chunk<Floats>> chunk;

    template <typename Body>
    auto visit(Body body) const
    {
        return std::visit(body, chunk);
    }
};

namespace {

CounterResetHint hintOf(const HistogramValue& value)
{
    return value.floats ? value.floats->hint : value.integers->hint;
}

std::variant<Chunk<Integers>, Chunk<Floats>> newChunk(ChunkHeader header,
                                                      const HistogramSample& first)
{
    NARTHEX_CHECK(isSound(first.value));
    if (first.value.integers) {
        return Chunk<Integers>(header, first.time, *first.value.integers, first.start);
    }
    return Chunk<Floats>(header, first.time, *first.value.floats, first.start);
}

} // namespace

HistogramChunkWriter::HistogramChunkWriter(ChunkHeader header, const HistogramSample& first)
    : state_(new State{newChunk(header, first)})
{}
HistogramChunkWriter::~HistogramChunkWriter() = default;
HistogramChunkWriter::HistogramChunkWriter(HistogramChunkWriter&&) noexcept = default;
HistogramChunkWriter& HistogramChunkWriter::operator=(HistogramChunkWriter&&) noexcept = default;

ChunkHeader HistogramChunkWriter::firstHeader(const HistogramValue& value)
{
    switch (hintOf(value)) {
    case CounterResetHint::Gauge:
        return ChunkHeader::Gauge;
    case CounterResetHint::Reset:
        return ChunkHeader::Reset;
    case CounterResetHint::Unknown:
    case CounterResetHint::NoReset:
        break;
    }
    return ChunkHeader::Unknown;
}

std::optional<ChunkHeader> HistogramChunkWriter::needsNewChunk(const HistogramSample& sample) const
{
    NARTHEX_CHECK(isSound(sample.value));
    return state_->visit([&sample](const auto& chunk) -> std::optional<ChunkHeader> {
        const auto* const histogram = chunk.of(sample.value);
        return histogram == nullptr ? firstHeader(sample.value)
                                    : chunk.needsNewChunk(*histogram, sample.start);
    });
}

ChunkHeader HistogramChunkWriter::headerAfter(const HistogramSample& sample) const
{
    const ChunkHeader otherwise =
        hintOf(sample.value) == CounterResetHint::Gauge ? ChunkHeader::Gauge : ChunkHeader::NoReset;
    return needsNewChunk(sample).value_or(otherwise);
}

void HistogramChunkWriter::append(const HistogramSample& sample)
{
    NARTHEX_CHECK(isSound(sample.value));
    std::visit(
        [&sample](auto& chunk) {
            const auto* const histogram = chunk.of(sample.value);
            NARTHEX_CHECK(histogram != nullptr);
            chunk.append({sample.time, sample.start}, *histogram);
        },
        state_->chunk);
}

ChunkEncoding HistogramChunkWriter::encoding() const
{
    return state_->visit([](const auto& chunk) { return chunk.encoding(); });
}

std::uint16_t HistogramChunkWriter::samples() const
{
    return state_->visit([](const auto& chunk) { return chunk.samples(); });
}

std::string_view HistogramChunkWriter::bytes() const
{
    return state_->visit([](const auto& chunk) { return chunk.bytes(); });
}

std::int64_t HistogramChunkWriter::firstTime() const
{
    return state_->visit([](const auto& chunk) { return chunk.firstTime(); });
}

std::int64_t HistogramChunkWriter::lastTime() const
{
    return state_->visit([](const auto& chunk) { return chunk.lastTime(); });
}

bool HistogramChunkWriter::lastIs(const HistogramValue& value) const
{
    NARTHEX_CHECK(isSound(value));
    return state_->visit([&value](const auto& chunk) {
        const auto* const histogram = chunk.of(value);
        return histogram != nullptr && chunk.lastIs(*histogram);
    });
}

std::size_t HistogramChunkWriter::bucketCount() const
{
    return state_->visit([](const auto& chunk) { return chunk.bucketCount(); });
}

std::size_t HistogramChunkWriter::memoryBytes() const
{
    return sizeof(State) + state_->visit([](const auto& chunk) { return chunk.memoryBytes(); });
}

} // namespace narthex::tsdb
