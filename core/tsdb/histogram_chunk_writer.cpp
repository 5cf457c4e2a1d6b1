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

/// A chunk of one kind while it is written.
template <typename Kind>
class Chunk
{
public:
    using Histogram = typename Kind::Histogram;
    using Number = typename Kind::Number;

    Chunk(ChunkHeader header, std::int64_t time, const Histogram& first) : header_(header)
    {
        if (!first.isStale()) {
            layout_ = {first.schema, first.zeroThreshold, first.positiveSpans, first.negativeSpans,
                       first.customValues};
        }
        begin();
        put(time, first, Kind::positive(first), Kind::negative(first));
    }

    [[nodiscard]] static const Histogram* of(const HistogramValue& value)
    {
        if constexpr (std::is_same_v<Kind, Integers>) {
            return value.integers.get();
        } else {
            return value.floats.get();
        }
    }

    [[nodiscard]] std::optional<ChunkHeader> needsNewChunk(const Histogram& now) const;
    void append(std::int64_t time, const Histogram& value);
    [[nodiscard]] bool lastIs(const Histogram& value) const;

    [[nodiscard]] ChunkHeader header() const { return header_; }
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
    explicit Chunk(ChunkHeader header) : header_(header) {}

    void begin();
    void put(std::int64_t time, const Histogram& value, const std::vector<Number>& positive,
             const std::vector<Number>& negative);
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
    HistogramLayout layout_;
    BitWriter out_;
    std::uint16_t samples_ = 0;
    std::int64_t firstTime_ = 0;
    // Where the numbers stand.
    DeltaColumn time_;
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
std::optional<ChunkHeader> Chunk<Kind>::needsNewChunk(const Histogram& now) const
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
    if (samples_ == std::numeric_limits<std::uint16_t>::max()) {
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
        return std::nullopt;
    }
    if (Kind::countWentBack(zeroCount_, now.zeroCount) ||
        !everyLast(now, [](Number before, Number after) { return !(after < before); })) {
        return reset;
    }
    return std::nullopt;
}

template <typename Kind>
void Chunk<Kind>::append(std::int64_t time, const Histogram& value)
{
    if (value.isStale() || (value.positiveSpans == layout_.positiveSpans &&
                            value.negativeSpans == layout_.negativeSpans)) {
        put(time, value, Kind::positive(value), Kind::negative(value));
        return;
    }
    const SpanUnion positive = unite(layout_.positiveSpans, value.positiveSpans);
    const SpanUnion negative = unite(layout_.negativeSpans, value.negativeSpans);
    if (positive.addsToA() || negative.addsToA()) {
        widen(positive, negative, value);
    }
    if (!positive.addsToB() && !negative.addsToB()) {
        put(time, value, Kind::positive(value), Kind::negative(value));
        return;
    }
    std::vector<Number> widePositive;
    std::vector<Number> wideNegative;
    spread<Kind>(Kind::positive(value), positive.fromB, positive.buckets, widePositive);
    spread<Kind>(Kind::negative(value), negative.fromB, negative.buckets, wideNegative);
    put(time, value, widePositive, wideNegative);
}

/// Writes the chunk again with the buckets that it lacks.
template <typename Kind>
void Chunk<Kind>::widen(const SpanUnion& positive, const SpanUnion& negative,
                        const Histogram& value)
{
    constexpr bool kInteger = std::is_same_v<Kind, Integers>;
    Chunk old = std::move(*this);
    *this = Chunk(old.header_);
    layout_ = std::move(old.layout_);
    // A sample that has all the buckets gives its own spans, as it wrote them.
    if (positive.addsToA()) {
        layout_.positiveSpans = positive.addsToB() ? positive.spans : value.positiveSpans;
    }
    if (negative.addsToA()) {
        layout_.negativeSpans = negative.addsToB() ? negative.spans : value.negativeSpans;
    }
    begin();
    HistogramDecoder decoder(kInteger ? ChunkEncoding::Histogram : ChunkEncoding::FloatHistogram,
                             old.bytes());
    absl::Status status = decoder.open();
    NARTHEX_CHECK(status.ok());
    std::vector<Number> widePositive;
    std::vector<Number> wideNegative;
    for (std::uint16_t i = 0; i < old.samples_; ++i) {
        const absl::StatusOr<bool> found = decoder.next();
        NARTHEX_CHECK(found.ok() && *found);
        const auto sample = [&decoder] {
            if constexpr (kInteger) {
                return decoder.integers();
            } else {
                return decoder.floats();
            }
        }();
        if (sample->isStale()) {
            put(decoder.time(), *sample, widePositive, wideNegative);
            continue;
        }
        spread<Kind>(Kind::positive(*sample), positive.fromA, positive.buckets, widePositive);
        spread<Kind>(Kind::negative(*sample), negative.fromA, negative.buckets, wideNegative);
        put(decoder.time(), *sample, widePositive, wideNegative);
    }
}

template <typename Kind>
void Chunk<Kind>::put(std::int64_t time, const Histogram& value,
                      const std::vector<Number>& positive, const std::vector<Number>& negative)
{
    const bool first = samples_ == 0;
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
    ++samples_;
    out_.setByte(0, static_cast<std::uint8_t>(samples_ >> 8U));
    out_.setByte(1, static_cast<std::uint8_t>(samples_ & 0xFFU));
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

std::variant<Chunk<Integers>, Chunk<Floats>> newChunk(ChunkHeader header, std::int64_t time,
                                                      const HistogramValue& value)
{
    NARTHEX_CHECK(isSound(value));
    if (value.integers) {
        return Chunk<Integers>(header, time, *value.integers);
    }
    return Chunk<Floats>(header, time, *value.floats);
}

} // namespace

HistogramChunkWriter::HistogramChunkWriter(ChunkHeader header, std::int64_t time,
                                           const HistogramValue& value)
    : state_(new State{newChunk(header, time, value)})
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

std::optional<ChunkHeader> HistogramChunkWriter::needsNewChunk(const HistogramValue& value) const
{
    NARTHEX_CHECK(isSound(value));
    return state_->visit([&value](const auto& chunk) -> std::optional<ChunkHeader> {
        const auto* const histogram = chunk.of(value);
        return histogram == nullptr ? firstHeader(value) : chunk.needsNewChunk(*histogram);
    });
}

ChunkHeader HistogramChunkWriter::headerAfter(const HistogramValue& value) const
{
    const ChunkHeader otherwise =
        hintOf(value) == CounterResetHint::Gauge ? ChunkHeader::Gauge : ChunkHeader::NoReset;
    return needsNewChunk(value).value_or(otherwise);
}

void HistogramChunkWriter::append(std::int64_t time, const HistogramValue& value)
{
    NARTHEX_CHECK(isSound(value));
    std::visit(
        [time, &value](auto& chunk) {
            const auto* const histogram = chunk.of(value);
            NARTHEX_CHECK(histogram != nullptr);
            chunk.append(time, *histogram);
        },
        state_->chunk);
}

ChunkEncoding HistogramChunkWriter::encoding() const
{
    return state_->chunk.index() == 0 ? ChunkEncoding::Histogram : ChunkEncoding::FloatHistogram;
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
