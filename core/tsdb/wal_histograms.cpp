// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Records of histograms: types 7 to 10, 12 and 13.
#include "core/base/codec.h"
#include "core/base/status.h"
#include "core/tsdb/histogram_layout.h"
#include "core/tsdb/wal_payload.h"
#include "core/tsdb/wal_records.h"

#include <bit>
#include <type_traits>
#include <utility>

namespace narthex::tsdb {
namespace {

using model::FloatHistogram;
using model::IntegerHistogram;
using model::Span;

void appendDouble(std::string& out, double value)
{
    base::appendBigEndian(out, std::bit_cast<std::uint64_t>(value));
}

void appendSpans(std::string& out, const std::vector<Span>& spans)
{
    base::appendUvarint(out, spans.size());
    for (const Span& span : spans) {
        base::appendVarint(out, span.offset);
        base::appendUvarint(out, span.length);
    }
}

void appendDoubles(std::string& out, const std::vector<double>& values)
{
    base::appendUvarint(out, values.size());
    for (const double value : values) {
        appendDouble(out, value);
    }
}

void appendDeltas(std::string& out, const std::vector<std::int64_t>& deltas)
{
    base::appendUvarint(out, deltas.size());
    for (const std::int64_t delta : deltas) {
        base::appendVarint(out, delta);
    }
}

void appendPayload(std::string& out, const FloatHistogram& histogram)
{
    out.push_back(static_cast<char>(histogram.hint));
    base::appendVarint(out, histogram.schema);
    appendDouble(out, histogram.zeroThreshold);
    appendDouble(out, histogram.zeroCount);
    appendDouble(out, histogram.count);
    appendDouble(out, histogram.sum);
    appendSpans(out, histogram.positiveSpans);
    appendSpans(out, histogram.negativeSpans);
    appendDoubles(out, histogram.positiveBuckets);
    appendDoubles(out, histogram.negativeBuckets);
    if (histogram.usesCustomBuckets()) {
        appendDoubles(out, histogram.customValues);
    }
}

void appendPayload(std::string& out, const IntegerHistogram& histogram)
{
    out.push_back(static_cast<char>(histogram.hint));
    base::appendVarint(out, histogram.schema);
    appendDouble(out, histogram.zeroThreshold);
    base::appendUvarint(out, histogram.zeroCount);
    base::appendUvarint(out, histogram.count);
    appendDouble(out, histogram.sum);
    appendSpans(out, histogram.positiveSpans);
    appendSpans(out, histogram.negativeSpans);
    appendDeltas(out, histogram.positiveDeltas);
    appendDeltas(out, histogram.negativeDeltas);
    if (histogram.usesCustomBuckets()) {
        appendDoubles(out, histogram.customValues);
    }
}

double readDouble(base::ByteReader& reader) { return std::bit_cast<double>(reader.u64()); }

std::vector<Span> readSpans(base::ByteReader& reader)
{
    std::vector<Span> spans;
    const std::uint64_t count = reader.uvarint();
    for (std::uint64_t i = 0; i < count && reader.ok(); ++i) {
        const std::int64_t offset = reader.varint();
        spans.push_back(
            {static_cast<std::int32_t>(offset), static_cast<std::uint32_t>(reader.uvarint())});
    }
    return spans;
}

std::vector<double> readDoubles(base::ByteReader& reader)
{
    std::vector<double> values;
    const std::uint64_t count = reader.uvarint();
    for (std::uint64_t i = 0; i < count && reader.ok(); ++i) {
        values.push_back(readDouble(reader));
    }
    return values;
}

std::vector<std::int64_t> readDeltas(base::ByteReader& reader)
{
    std::vector<std::int64_t> deltas;
    const std::uint64_t count = reader.uvarint();
    for (std::uint64_t i = 0; i < count && reader.ok(); ++i) {
        deltas.push_back(reader.varint());
    }
    return deltas;
}

void readNumbers(base::ByteReader& reader, IntegerHistogram& histogram)
{
    histogram.zeroCount = reader.uvarint();
    histogram.count = reader.uvarint();
    histogram.sum = readDouble(reader);
    histogram.positiveSpans = readSpans(reader);
    histogram.negativeSpans = readSpans(reader);
    histogram.positiveDeltas = readDeltas(reader);
    histogram.negativeDeltas = readDeltas(reader);
}

void readNumbers(base::ByteReader& reader, FloatHistogram& histogram)
{
    histogram.zeroCount = readDouble(reader);
    histogram.count = readDouble(reader);
    histogram.sum = readDouble(reader);
    histogram.positiveSpans = readSpans(reader);
    histogram.negativeSpans = readSpans(reader);
    histogram.positiveBuckets = readDoubles(reader);
    histogram.negativeBuckets = readDoubles(reader);
}

/// Null as readHistogramPayload says.
template <typename Histogram>
std::shared_ptr<const Histogram> readPayload(base::ByteReader& reader)
{
    auto histogram = std::make_shared<Histogram>();
    histogram->hint = static_cast<model::CounterResetHint>(reader.u8() & 3U);
    const std::int64_t schema = reader.varint();
    histogram->schema = static_cast<std::int32_t>(schema);
    histogram->zeroThreshold = readDouble(reader);
    readNumbers(reader, *histogram);
    if (schema == model::kCustomBucketsSchema) {
        histogram->customValues = readDoubles(reader);
    }
    if (!reader.ok() || !isReadableSchema(schema)) {
        return nullptr;
    }
    if (histogram->isStale()) {
        // Its other fields mean nothing, and nobody compares them.
        const double sum = histogram->sum;
        const model::CounterResetHint hint = histogram->hint;
        *histogram = {};
        histogram->sum = sum;
        histogram->hint = hint;
        return histogram;
    }
    HistogramValue value;
    if constexpr (std::is_same_v<Histogram, IntegerHistogram>) {
        value.integers = histogram;
    } else {
        value.floats = histogram;
    }
    if (!isSound(value)) {
        return nullptr;
    }
    reduceFineSchema(*histogram);
    return histogram;
}

void decodeEntries(base::ByteReader& reader, bool isInteger, std::vector<WalHistogram>& out)
{
    const std::uint64_t baseRef = reader.u64();
    const std::uint64_t baseTime = reader.u64();
    while (reader.remaining() > 0) {
        const std::uint64_t ref = baseRef + static_cast<std::uint64_t>(reader.varint());
        const std::uint64_t time = baseTime + static_cast<std::uint64_t>(reader.varint());
        if (auto value = readHistogramPayload(reader, isInteger)) {
            out.push_back({ref, static_cast<std::int64_t>(time), *std::move(value)});
        }
    }
}

void decodeEntriesV2(base::ByteReader& reader, bool isInteger, std::vector<WalHistogram>& out)
{
    WalV2Reader prefix;
    while (reader.remaining() > 0) {
        prefix.read(reader);
        if (auto value = readHistogramPayload(reader, isInteger)) {
            out.push_back({prefix.ref, prefix.time, *std::move(value), prefix.start});
        }
    }
}

} // namespace

void appendHistogramPayload(std::string& out, const HistogramValue& value)
{
    if (value.integers) {
        appendPayload(out, *value.integers);
    } else {
        appendPayload(out, *value.floats);
    }
}

std::optional<HistogramValue> readHistogramPayload(base::ByteReader& reader, bool isInteger)
{
    HistogramValue value;
    if (isInteger) {
        value.integers = readPayload<IntegerHistogram>(reader);
    } else {
        value.floats = readPayload<FloatHistogram>(reader);
    }
    return value.integers || value.floats ? std::optional(std::move(value)) : std::nullopt;
}

void WalV2Reader::read(base::ByteReader& reader)
{
    if (isFirst_) {
        isFirst_ = false;
        ref = static_cast<std::uint64_t>(reader.varint());
        time = firstTime_ = reader.varint();
        start = firstStart_ = reader.varint();
        return;
    }
    ref += static_cast<std::uint64_t>(reader.varint());
    time = wrappingPlus(firstTime_, reader.varint());
    const auto from = static_cast<WalStart>(reader.u8());
    if (from == WalStart::None) {
        start = 0;
    } else if (from != WalStart::AsBefore) {
        start = wrappingPlus(firstStart_, reader.varint());
    }
}

WalRecordType walHistogramType(const HistogramValue& value)
{
    if (value.integers) {
        return value.integers->usesCustomBuckets() ? WalRecordType::CustomHistograms
                                                   : WalRecordType::Histograms;
    }
    return value.floats->usesCustomBuckets() ? WalRecordType::CustomFloatHistograms
                                             : WalRecordType::FloatHistograms;
}

void beginHistograms(std::string& record, WalRecordType type, std::uint64_t baseRef,
                     std::int64_t baseTime)
{
    beginRecord(record, type);
    base::appendBigEndian(record, baseRef);
    base::appendBigEndian(record, static_cast<std::uint64_t>(baseTime));
}

void appendHistogramEntry(std::string& record, std::uint64_t baseRef, std::int64_t baseTime,
                          const WalHistogram& sample)
{
    base::appendVarint(record, static_cast<std::int64_t>(sample.ref - baseRef));
    base::appendVarint(record, wrappingMinus(sample.time, baseTime));
    appendHistogramPayload(record, sample.value);
}

void beginFloatHistograms(std::string& record, std::uint64_t baseRef, std::int64_t baseTime)
{
    beginHistograms(record, WalRecordType::FloatHistograms, baseRef, baseTime);
}

void appendFloatHistogramEntry(std::string& record, std::uint64_t baseRef, std::int64_t baseTime,
                               std::uint64_t ref, std::int64_t time,
                               const model::FloatHistogram& histogram)
{
    base::appendVarint(record, static_cast<std::int64_t>(ref - baseRef));
    base::appendVarint(record, wrappingMinus(time, baseTime));
    appendPayload(record, histogram);
}

absl::Status decodeHistograms(std::string_view record, std::vector<WalHistogram>& out)
{
    const WalRecordType type = walRecordType(record);
    const bool isInteger = type == WalRecordType::Histograms ||
                           type == WalRecordType::CustomHistograms ||
                           type == WalRecordType::HistogramsV2;
    base::ByteReader reader(record.substr(1));
    if (reader.remaining() == 0) {
        return absl::OkStatus();
    }
    if (type == WalRecordType::HistogramsV2 || type == WalRecordType::FloatHistogramsV2) {
        decodeEntriesV2(reader, isInteger, out);
    } else {
        decodeEntries(reader, isInteger, out);
    }
    return reader.ok() ? absl::OkStatus() : base::dataLoss("WAL record of histograms is damaged");
}

} // namespace narthex::tsdb
