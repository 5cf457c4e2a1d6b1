// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/histogram_layout.h"

#include "core/base/status.h"

#include <bit>
#include <cmath>
#include <limits>
#include <utility>

namespace narthex::tsdb {
namespace {

using model::Span;

constexpr int kZeroThresholdExponentMin = -242;
constexpr int kZeroThresholdExponentMax = 11;
constexpr int kZeroThresholdBias = 243;
/// Multiples of a thousandth up to here take at most four bytes as a bound.
constexpr double kShortBoundMax = 33554430;
constexpr std::int64_t kSchemaMin = -4;
constexpr std::int64_t kSchemaMax = 8;
constexpr std::int64_t kReservedSchemaMax = 52;

std::uint64_t bitsOf(double value) { return std::bit_cast<std::uint64_t>(value); }

void putZeroThreshold(BitWriter& out, double threshold)
{
    int exponent = 0;
    if (threshold == 0) {
        out.put(0, 8);
    } else if (std::frexp(threshold, &exponent) == 0.5 && exponent >= kZeroThresholdExponentMin &&
               exponent <= kZeroThresholdExponentMax) {
        out.put(static_cast<std::uint64_t>(exponent + kZeroThresholdBias), 8);
    } else {
        out.put(0xFF, 8);
        out.put(bitsOf(threshold), 64);
    }
}

double getZeroThreshold(BitReader& in)
{
    const auto byte = static_cast<int>(in.get(8));
    if (byte == 0) {
        return 0;
    }
    return byte == 0xFF ? std::bit_cast<double>(in.get(64))
                        : std::ldexp(0.5, byte - kZeroThresholdBias);
}

void putSpans(BitWriter& out, const std::vector<Span>& spans)
{
    out.putVarbitUint(spans.size());
    for (const Span& span : spans) {
        out.putVarbitUint(span.length);
        out.putVarbitInt(span.offset);
    }
}

absl::Status getSpans(BitReader& in, std::size_t chunkBytes, std::vector<Span>& spans)
{
    const std::uint64_t count = getVarbitUint(in);
    std::uint64_t buckets = 0;
    for (std::uint64_t i = 0; i < count && !in.overrun(); ++i) {
        const std::uint64_t length = getVarbitUint(in);
        const std::int64_t offset = getVarbitInt(in);
        // A bucket takes a bit at least: more cannot be in the chunk, and must not decide an
        // allocation.
        if (length > chunkBytes * 8 || (buckets += length) > chunkBytes * 8) {
            return base::dataLoss("histogram chunk of {} bytes claims a span of {} buckets",
                                  chunkBytes, length);
        }
        if (offset > std::numeric_limits<std::int32_t>::max() ||
            offset < (i == 0 ? std::numeric_limits<std::int32_t>::min() : 0)) {
            return base::dataLoss("histogram chunk has a span {} at offset {}", i, offset);
        }
        spans.push_back({static_cast<std::int32_t>(offset), static_cast<std::uint32_t>(length)});
    }
    return absl::OkStatus();
}

void putBound(BitWriter& out, double bound)
{
    const double thousandths = std::round(bound * 1000);
    if (bound * 1000 >= 0 && bound * 1000 <= kShortBoundMax && thousandths / 1000 == bound) {
        out.putVarbitUint(static_cast<std::uint64_t>(thousandths) + 1);
    } else {
        out.put(0, 1);
        out.put(bitsOf(bound), 64);
    }
}

double getBound(BitReader& in)
{
    const std::uint64_t field = getVarbitUint(in);
    return field == 0 ? std::bit_cast<double>(in.get(64)) : static_cast<double>(field - 1) / 1000;
}

/// Collects buckets in ascending order as spans.
class SpanBuilder
{
public:
    explicit SpanBuilder(std::vector<Span>& spans) : spans_(spans) {}

    /// Whether the bucket is another one than the last.
    bool add(std::int64_t index)
    {
        if (!spans_.empty() && index == next_ - 1) {
            return false;
        }
        std::int64_t gap = index - next_;
        // A gap that no offset can hold is bridged with empty spans.
        constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
        for (; gap > kMost; gap -= kMost) {
            spans_.push_back({static_cast<std::int32_t>(kMost), 0});
        }
        if (gap != 0 || spans_.empty()) {
            spans_.push_back({static_cast<std::int32_t>(gap), 0});
        }
        ++spans_.back().length;
        next_ = index + 1;
        return true;
    }

private:
    std::vector<Span>& spans_;
    std::int64_t next_ = 0;
};

/// The index in schema 8 of the bucket that has this one in a finer schema.
std::int64_t coarser(std::int64_t index, std::int32_t schema)
{
    return ((index - 1) >> static_cast<unsigned>(schema - kSchemaMax)) + 1;
}

void reduceBuckets(std::int32_t schema, std::vector<Span>& spans, std::vector<double>& buckets)
{
    std::vector<Span> reducedSpans;
    std::vector<double> reduced;
    SpanBuilder builder(reducedSpans);
    for (BucketCursor from(spans); !from.atEnd(); from.next()) {
        if (builder.add(coarser(from.index(), schema))) {
            reduced.push_back(0);
        }
        reduced.back() += buckets[from.position()];
    }
    spans = std::move(reducedSpans);
    buckets = std::move(reduced);
}

void reduceDeltas(std::int32_t schema, std::vector<Span>& spans, std::vector<std::int64_t>& deltas)
{
    std::vector<Span> reducedSpans;
    std::vector<std::int64_t> reduced; // absolute counts at first
    SpanBuilder builder(reducedSpans);
    std::int64_t count = 0;
    for (BucketCursor from(spans); !from.atEnd(); from.next()) {
        count = wrappingPlus(count, deltas[from.position()]);
        if (builder.add(coarser(from.index(), schema))) {
            reduced.push_back(0);
        }
        reduced.back() = wrappingPlus(reduced.back(), count);
    }
    for (std::size_t i = reduced.size(); i-- > 1;) {
        reduced[i] = wrappingMinus(reduced[i], reduced[i - 1]);
    }
    spans = std::move(reducedSpans);
    deltas = std::move(reduced);
}

} // namespace

std::size_t bucketsOf(const std::vector<Span>& spans)
{
    std::size_t count = 0;
    for (const Span& span : spans) {
        count += span.length;
    }
    return count;
}

void putLayout(BitWriter& out, const HistogramLayout& layout)
{
    putZeroThreshold(out, layout.zeroThreshold);
    out.putVarbitInt(layout.schema);
    putSpans(out, layout.positiveSpans);
    putSpans(out, layout.negativeSpans);
    if (layout.schema == model::kCustomBucketsSchema) {
        out.putVarbitUint(layout.customValues.size());
        for (const double bound : layout.customValues) {
            putBound(out, bound);
        }
    }
}

absl::Status getLayout(BitReader& in, std::size_t chunkBytes, HistogramLayout& layout)
{
    layout.zeroThreshold = getZeroThreshold(in);
    const std::int64_t schema = getVarbitInt(in);
    if (!isReadableSchema(schema)) {
        return base::dataLoss("unknown schema {} of a histogram", schema);
    }
    layout.schema = static_cast<std::int32_t>(schema);
    NARTHEX_RETURN_IF_ERROR(getSpans(in, chunkBytes, layout.positiveSpans));
    NARTHEX_RETURN_IF_ERROR(getSpans(in, chunkBytes, layout.negativeSpans));
    if (layout.schema == model::kCustomBucketsSchema) {
        const std::uint64_t count = getVarbitUint(in);
        for (std::uint64_t i = 0; i < count && !in.overrun(); ++i) {
            layout.customValues.push_back(getBound(in));
        }
    }
    return absl::OkStatus();
}

SpanUnion unite(const std::vector<Span>& a, const std::vector<Span>& b)
{
    SpanUnion result;
    SpanBuilder builder(result.spans);
    BucketCursor fromA(a);
    BucketCursor fromB(b);
    while (!fromA.atEnd() || !fromB.atEnd()) {
        const bool takeA = !fromA.atEnd() && (fromB.atEnd() || fromA.index() <= fromB.index());
        const bool takeB = !fromB.atEnd() && (fromA.atEnd() || fromB.index() <= fromA.index());
        builder.add(takeA ? fromA.index() : fromB.index());
        const auto position = static_cast<std::uint32_t>(result.buckets++);
        if (takeA) {
            result.fromA.push_back(position);
            fromA.next();
        }
        if (takeB) {
            result.fromB.push_back(position);
            fromB.next();
        }
    }
    return result;
}

bool isReadableSchema(std::int64_t schema)
{
    return (schema >= kSchemaMin && schema <= kReservedSchemaMax) ||
           schema == model::kCustomBucketsSchema;
}

bool isFineSchema(std::int32_t schema)
{
    return schema > kSchemaMax && schema <= kReservedSchemaMax;
}

bool spansFit(const std::vector<Span>& spans, std::size_t buckets)
{
    for (std::size_t i = 1; i < spans.size(); ++i) {
        if (spans[i].offset < 0) {
            return false;
        }
    }
    return bucketsOf(spans) == buckets;
}

bool isSound(const HistogramValue& value)
{
    const auto fit = [](const auto& histogram, const auto& positive, const auto& negative) {
        return histogram.isStale() || (spansFit(histogram.positiveSpans, positive.size()) &&
                                       spansFit(histogram.negativeSpans, negative.size()));
    };
    return value.floats
               ? fit(*value.floats, value.floats->positiveBuckets, value.floats->negativeBuckets)
               : fit(*value.integers, value.integers->positiveDeltas,
                     value.integers->negativeDeltas);
}

std::optional<HistogramValue> acceptHistogram(HistogramValue value)
{
    if (value.isStale()) {
        return value;
    }
    const std::int32_t schema = value.floats ? value.floats->schema : value.integers->schema;
    if (!isReadableSchema(schema) || !isSound(value)) {
        return std::nullopt;
    }
    if (!isFineSchema(schema)) {
        return value;
    }
    if (value.floats) {
        auto reduced = std::make_shared<model::FloatHistogram>(*value.floats);
        reduceFineSchema(*reduced);
        value.floats = std::move(reduced);
    } else {
        auto reduced = std::make_shared<model::IntegerHistogram>(*value.integers);
        reduceFineSchema(*reduced);
        value.integers = std::move(reduced);
    }
    return value;
}

void reduceFineSchema(model::FloatHistogram& histogram)
{
    if (isFineSchema(histogram.schema)) {
        reduceBuckets(histogram.schema, histogram.positiveSpans, histogram.positiveBuckets);
        reduceBuckets(histogram.schema, histogram.negativeSpans, histogram.negativeBuckets);
        histogram.schema = kSchemaMax;
    }
}

void reduceFineSchema(model::IntegerHistogram& histogram)
{
    if (isFineSchema(histogram.schema)) {
        reduceDeltas(histogram.schema, histogram.positiveSpans, histogram.positiveDeltas);
        reduceDeltas(histogram.schema, histogram.negativeSpans, histogram.negativeDeltas);
        histogram.schema = kSchemaMax;
    }
}

} // namespace narthex::tsdb
