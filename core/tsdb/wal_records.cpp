// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/wal_records.h"

#include "core/base/codec.h"
#include "core/base/status.h"
#include "core/model/labels.h"

#include <bit>

namespace narthex::tsdb {
namespace {

void begin(std::string& record, WalRecordType type, std::uint64_t baseRef, std::int64_t baseTime)
{
    record.push_back(static_cast<char>(type));
    base::appendBigEndian(record, baseRef);
    base::appendBigEndian(record, static_cast<std::uint64_t>(baseTime));
}

std::int64_t distance(std::uint64_t a, std::uint64_t b) { return static_cast<std::int64_t>(a - b); }

void appendDouble(std::string& out, double value)
{
    base::appendBigEndian(out, std::bit_cast<std::uint64_t>(value));
}

void appendSpans(std::string& out, const std::vector<model::Span>& spans)
{
    base::appendUvarint(out, spans.size());
    for (const model::Span& span : spans) {
        base::appendVarint(out, span.offset);
        base::appendUvarint(out, span.length);
    }
}

void appendBuckets(std::string& out, const std::vector<double>& buckets)
{
    base::appendUvarint(out, buckets.size());
    for (const double bucket : buckets) {
        appendDouble(out, bucket);
    }
}

absl::Status damaged(std::string_view what)
{
    return base::dataLoss("WAL record of {} is damaged", what);
}

/// The end of the label list that starts at the reader, and whether it is a canonical set.
bool walkLabels(base::ByteReader& reader, std::uint64_t count)
{
    bool canonical = true;
    std::string_view previous;
    for (std::uint64_t i = 0; i < count && reader.ok(); ++i) {
        const std::string_view name = reader.uvarintString();
        const std::string_view value = reader.uvarintString();
        canonical = canonical && !value.empty() && (i == 0 || previous < name);
        previous = name;
    }
    return canonical;
}

std::string canonicalLabels(std::string_view packed)
{
    std::vector<model::LabelView> labels;
    base::ByteReader reader(packed);
    while (reader.remaining() > 0) {
        const std::string_view name = reader.uvarintString();
        labels.push_back({name, reader.uvarintString()});
    }
    return model::Labels::fromPairs(std::move(labels)).bytes();
}

std::vector<model::Span> readSpans(base::ByteReader& reader)
{
    std::vector<model::Span> spans;
    const std::uint64_t count = reader.uvarint();
    for (std::uint64_t i = 0; i < count && reader.ok(); ++i) {
        const std::int64_t offset = reader.varint();
        spans.push_back(
            {static_cast<std::int32_t>(offset), static_cast<std::uint32_t>(reader.uvarint())});
    }
    return spans;
}

double readDouble(base::ByteReader& reader) { return std::bit_cast<double>(reader.u64()); }

std::vector<double> readBuckets(base::ByteReader& reader, bool areDeltas)
{
    std::vector<double> buckets;
    const std::uint64_t count = reader.uvarint();
    std::int64_t absolute = 0;
    for (std::uint64_t i = 0; i < count && reader.ok(); ++i) {
        if (areDeltas) {
            absolute += reader.varint();
            buckets.push_back(static_cast<double>(absolute));
        } else {
            buckets.push_back(readDouble(reader));
        }
    }
    return buckets;
}

std::size_t bucketsOf(const std::vector<model::Span>& spans)
{
    std::size_t count = 0;
    for (const model::Span& span : spans) {
        count += span.length;
    }
    return count;
}

/// The payload H (integers) or F (floats).
std::shared_ptr<const model::FloatHistogram> readHistogram(base::ByteReader& reader, bool isInteger)
{
    auto histogram = std::make_shared<model::FloatHistogram>();
    histogram->hint = static_cast<model::CounterResetHint>(reader.u8() & 3U);
    histogram->schema = static_cast<std::int32_t>(reader.varint());
    histogram->zeroThreshold = readDouble(reader);
    histogram->zeroCount = isInteger ? static_cast<double>(reader.uvarint()) : readDouble(reader);
    histogram->count = isInteger ? static_cast<double>(reader.uvarint()) : readDouble(reader);
    histogram->sum = readDouble(reader);
    histogram->positiveSpans = readSpans(reader);
    histogram->negativeSpans = readSpans(reader);
    histogram->positiveBuckets = readBuckets(reader, isInteger);
    histogram->negativeBuckets = readBuckets(reader, isInteger);
    const bool fits = histogram->isStale() ||
                      (bucketsOf(histogram->positiveSpans) == histogram->positiveBuckets.size() &&
                       bucketsOf(histogram->negativeSpans) == histogram->negativeBuckets.size());
    if (!fits || histogram->usesCustomBuckets()) {
        reader.fail();
    }
    return histogram;
}

} // namespace

WalRecordType walRecordType(std::string_view record)
{
    constexpr auto kLast = static_cast<unsigned char>(WalRecordType::FloatHistograms);
    if (record.empty() || static_cast<unsigned char>(record.front()) > kLast) {
        return WalRecordType::Unknown;
    }
    return static_cast<WalRecordType>(record.front());
}

void appendSeriesEntry(std::string& record, std::uint64_t ref, std::string_view packedLabels)
{
    base::appendBigEndian(record, ref);
    std::uint64_t count = 0;
    for (base::ByteReader reader(packedLabels); reader.remaining() > 0; ++count) {
        reader.uvarintString();
        reader.uvarintString();
    }
    base::appendUvarint(record, count);
    record.append(packedLabels);
}

void beginSamples(std::string& record, std::uint64_t baseRef, std::int64_t baseTime)
{
    begin(record, WalRecordType::Samples, baseRef, baseTime);
}

void appendSampleEntry(std::string& record, std::uint64_t baseRef, std::int64_t baseTime,
                       const WalSample& sample)
{
    base::appendVarint(record, distance(sample.ref, baseRef));
    base::appendVarint(record, sample.time - baseTime);
    base::appendBigEndian(record, sample.valueBits);
}

void beginFloatHistograms(std::string& record, std::uint64_t baseRef, std::int64_t baseTime)
{
    begin(record, WalRecordType::FloatHistograms, baseRef, baseTime);
}

void appendFloatHistogramEntry(std::string& record, std::uint64_t baseRef, std::int64_t baseTime,
                               std::uint64_t ref, std::int64_t time,
                               const model::FloatHistogram& histogram)
{
    base::appendVarint(record, distance(ref, baseRef));
    base::appendVarint(record, time - baseTime);
    record.push_back(static_cast<char>(histogram.hint));
    base::appendVarint(record, histogram.schema);
    appendDouble(record, histogram.zeroThreshold);
    appendDouble(record, histogram.zeroCount);
    appendDouble(record, histogram.count);
    appendDouble(record, histogram.sum);
    appendSpans(record, histogram.positiveSpans);
    appendSpans(record, histogram.negativeSpans);
    appendBuckets(record, histogram.positiveBuckets);
    appendBuckets(record, histogram.negativeBuckets);
}

void appendTombstoneEntry(std::string& record, const WalTombstone& tombstone)
{
    base::appendBigEndian(record, tombstone.ref);
    base::appendVarint(record, tombstone.minTime);
    base::appendVarint(record, tombstone.maxTime);
}

absl::Status
decodeSeries(std::string_view record,
             absl::FunctionRef<void(std::uint64_t ref, std::string_view packedLabels)> onSeries)
{
    base::ByteReader reader(record.substr(1));
    while (reader.remaining() > 0) {
        const std::uint64_t ref = reader.u64();
        const std::uint64_t count = reader.uvarint();
        const std::string_view start = reader.rest();
        const bool canonical = walkLabels(reader, count);
        if (!reader.ok()) {
            return damaged("series");
        }
        const std::string_view packed = start.substr(0, start.size() - reader.remaining());
        if (canonical) {
            onSeries(ref, packed);
        } else {
            onSeries(ref, canonicalLabels(packed));
        }
    }
    return absl::OkStatus();
}

absl::Status decodeSamples(std::string_view record, std::vector<WalSample>& out)
{
    base::ByteReader reader(record.substr(1));
    if (reader.remaining() == 0) {
        return absl::OkStatus();
    }
    const std::uint64_t baseRef = reader.u64();
    const std::uint64_t baseTime = reader.u64();
    while (reader.remaining() > 0) {
        const auto ref = static_cast<std::uint64_t>(reader.varint());
        const auto time = static_cast<std::uint64_t>(reader.varint());
        const std::uint64_t bits = reader.u64();
        if (reader.ok()) {
            out.push_back({baseRef + ref, static_cast<std::int64_t>(baseTime + time), bits});
        }
    }
    return reader.ok() ? absl::OkStatus() : damaged("samples");
}

absl::Status decodeHistograms(std::string_view record, std::vector<WalHistogram>& out)
{
    const bool isInteger = walRecordType(record) == WalRecordType::Histograms;
    base::ByteReader reader(record.substr(1));
    if (reader.remaining() == 0) {
        return absl::OkStatus();
    }
    const std::uint64_t baseRef = reader.u64();
    const std::uint64_t baseTime = reader.u64();
    while (reader.remaining() > 0) {
        const auto ref = static_cast<std::uint64_t>(reader.varint());
        const auto time = static_cast<std::uint64_t>(reader.varint());
        auto histogram = readHistogram(reader, isInteger);
        if (reader.ok()) {
            out.push_back({baseRef + ref,
                           static_cast<std::int64_t>(baseTime + time),
                           {std::move(histogram), nullptr}});
        }
    }
    return reader.ok() ? absl::OkStatus() : damaged("histograms");
}

absl::Status decodeTombstones(std::string_view record, std::vector<WalTombstone>& out)
{
    base::ByteReader reader(record.substr(1));
    while (reader.remaining() > 0) {
        WalTombstone tombstone{.ref = reader.u64()};
        tombstone.minTime = reader.varint();
        tombstone.maxTime = reader.varint();
        if (reader.ok()) {
            out.push_back(tombstone);
        }
    }
    return reader.ok() ? absl::OkStatus() : damaged("tombstones");
}

} // namespace narthex::tsdb
