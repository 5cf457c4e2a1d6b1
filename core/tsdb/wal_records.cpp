// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/wal_records.h"

#include "core/base/codec.h"
#include "core/base/status.h"
#include "core/model/labels.h"
#include "core/tsdb/varbit.h"
#include "core/tsdb/wal_payload.h"

#include <bit>
#include <utility>

namespace narthex::tsdb {
namespace {

constexpr std::string_view kUnitField = "UNIT";
constexpr std::string_view kHelpField = "HELP";

void begin(std::string& record, WalRecordType type, std::uint64_t baseRef, std::int64_t baseTime)
{
    record.push_back(static_cast<char>(type));
    base::appendBigEndian(record, baseRef);
    base::appendBigEndian(record, static_cast<std::uint64_t>(baseTime));
}

std::int64_t distance(std::uint64_t a, std::uint64_t b) { return static_cast<std::int64_t>(a - b); }

absl::Status damaged(std::string_view what)
{
    return base::dataLoss("WAL record of {} is damaged", what);
}

std::size_t packedSize(std::string_view text)
{
    std::size_t size = text.size() + 1;
    for (std::size_t rest = text.size(); rest >= 0x80; rest >>= 7U) {
        ++size;
    }
    return size;
}

/// Moves behind a list of labels; whether it has the bytes that a set of ours has: equal sets are
/// found by their bytes. Lengths can be written with more bytes than they need.
bool walkLabels(base::ByteReader& reader, std::uint64_t count)
{
    bool canonical = true;
    std::size_t size = 0;
    const std::size_t before = reader.remaining();
    std::string_view previous;
    for (std::uint64_t i = 0; i < count && reader.ok(); ++i) {
        const std::string_view name = reader.uvarintString();
        const std::string_view value = reader.uvarintString();
        canonical = canonical && !value.empty() && (i == 0 || previous < name);
        size += packedSize(name) + packedSize(value);
        previous = name;
    }
    return canonical && size == before - reader.remaining();
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

model::MetricType metricTypeOf(std::uint8_t byte)
{
    return byte <= static_cast<std::uint8_t>(model::MetricType::StateSet)
               ? static_cast<model::MetricType>(byte)
               : model::MetricType::Unknown;
}

/// Samples with start times: the first entry whole, later ones by their distance.
absl::Status decodeSamplesV2(base::ByteReader& reader, std::vector<WalSample>& out,
                             std::vector<std::int64_t>* starts)
{
    WalV2Reader prefix;
    while (reader.remaining() > 0) {
        prefix.read(reader);
        const std::uint64_t bits = reader.u64();
        if (reader.ok()) {
            out.push_back({prefix.ref, prefix.time, bits});
            if (starts != nullptr) {
                starts->push_back(prefix.start);
            }
        }
    }
    return reader.ok() ? absl::OkStatus() : damaged("samples");
}

} // namespace

bool readLabels(base::ByteReader& reader, model::Labels& labels)
{
    const std::uint64_t count = reader.uvarint();
    const std::string_view start = reader.rest();
    const bool canonical = walkLabels(reader, count);
    if (!reader.ok()) {
        return false;
    }
    std::string packed(start.substr(0, start.size() - reader.remaining()));
    labels = model::Labels::fromBytes(canonical ? std::move(packed) : canonicalLabels(packed));
    return true;
}

void appendLabels(std::string& record, std::string_view packedLabels)
{
    std::uint64_t count = 0;
    for (base::ByteReader reader(packedLabels); reader.remaining() > 0; ++count) {
        reader.uvarintString();
        reader.uvarintString();
    }
    base::appendUvarint(record, count);
    record.append(packedLabels);
}

WalRecordType walRecordType(std::string_view record)
{
    constexpr auto kLast = static_cast<unsigned char>(WalRecordType::FloatHistogramsV2);
    if (record.empty() || static_cast<unsigned char>(record.front()) > kLast) {
        return WalRecordType::Unknown;
    }
    return static_cast<WalRecordType>(record.front());
}

void beginRecord(std::string& record, WalRecordType type)
{
    record.assign(1, static_cast<char>(type));
}

void appendSeriesEntry(std::string& record, std::uint64_t ref, std::string_view packedLabels)
{
    base::appendBigEndian(record, ref);
    appendLabels(record, packedLabels);
}

void appendMmapMarkerEntry(std::string& record, const WalMmapMarker& marker)
{
    base::appendBigEndian(record, marker.ref);
    base::appendBigEndian(record, marker.chunkRef);
}

void appendMetadataEntry(std::string& record, const WalMetadata& metadata)
{
    base::appendUvarint(record, metadata.ref);
    record.push_back(static_cast<char>(metadata.metadata.type));
    base::appendUvarint(record, 2); // fields
    base::appendUvarintString(record, kUnitField);
    base::appendUvarintString(record, metadata.metadata.unit);
    base::appendUvarintString(record, kHelpField);
    base::appendUvarintString(record, metadata.metadata.help);
}

void beginSamples(std::string& record, std::uint64_t baseRef, std::int64_t baseTime)
{
    begin(record, WalRecordType::Samples, baseRef, baseTime);
}

void appendSampleEntry(std::string& record, std::uint64_t baseRef, std::int64_t baseTime,
                       const WalSample& sample)
{
    base::appendVarint(record, distance(sample.ref, baseRef));
    base::appendVarint(record, wrappingMinus(sample.time, baseTime));
    base::appendBigEndian(record, sample.valueBits);
}

void beginExemplars(std::string& record, std::uint64_t baseRef, std::int64_t baseTime)
{
    begin(record, WalRecordType::Exemplars, baseRef, baseTime);
}

void appendExemplarEntry(std::string& record, std::uint64_t baseRef, std::int64_t baseTime,
                         std::uint64_t ref, std::int64_t time, double value,
                         std::string_view packedLabels)
{
    base::appendVarint(record, distance(ref, baseRef));
    base::appendVarint(record, wrappingMinus(time, baseTime));
    base::appendBigEndian(record, std::bit_cast<std::uint64_t>(value));
    appendLabels(record, packedLabels);
}

WalRecordV2::WalRecordV2(std::string& record, WalRecordType type) : record_(record)
{
    beginRecord(record_, type);
}

/// The first entry: reference, time and start as they are. Later ones: reference from the entry
/// before, time from the first entry, a byte that says where the start comes from.
void WalRecordV2::addPrefix(std::uint64_t ref, std::int64_t time, std::int64_t start)
{
    if (isEmpty_) {
        base::appendVarint(record_, static_cast<std::int64_t>(ref));
        base::appendVarint(record_, time);
        base::appendVarint(record_, start);
        firstTime_ = time;
        firstStart_ = start;
        isEmpty_ = false;
    } else {
        base::appendVarint(record_, distance(ref, lastRef_));
        base::appendVarint(record_, wrappingMinus(time, firstTime_));
        if (start == 0) {
            record_.push_back(static_cast<char>(WalStart::None));
        } else if (start == lastStart_) {
            record_.push_back(static_cast<char>(WalStart::AsBefore));
        } else {
            record_.push_back(static_cast<char>(WalStart::FromFirst));
            base::appendVarint(record_, wrappingMinus(start, firstStart_));
        }
    }
    lastRef_ = ref;
    lastStart_ = start;
}

void WalRecordV2::add(const WalSample& sample, std::int64_t start)
{
    addPrefix(sample.ref, sample.time, start);
    base::appendBigEndian(record_, sample.valueBits);
}

void WalRecordV2::add(const WalHistogram& sample)
{
    addPrefix(sample.ref, sample.time, sample.start);
    appendHistogramPayload(record_, sample.value);
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

absl::Status decodeSamples(std::string_view record, std::vector<WalSample>& out,
                           std::vector<std::int64_t>* starts)
{
    base::ByteReader reader(record.substr(1));
    if (reader.remaining() == 0) {
        return absl::OkStatus();
    }
    if (walRecordType(record) == WalRecordType::SamplesV2) {
        return decodeSamplesV2(reader, out, starts);
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
    if (starts != nullptr) {
        starts->resize(out.size());
    }
    return reader.ok() ? absl::OkStatus() : damaged("samples");
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

absl::Status decodeExemplars(std::string_view record, std::vector<WalExemplar>& out)
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
        const auto value = std::bit_cast<double>(reader.u64());
        model::Labels labels;
        if (readLabels(reader, labels)) {
            out.push_back({baseRef + ref, static_cast<std::int64_t>(baseTime + time), value,
                           std::move(labels)});
        }
    }
    return reader.ok() ? absl::OkStatus() : damaged("exemplars");
}

absl::Status decodeMmapMarkers(std::string_view record, std::vector<WalMmapMarker>& out)
{
    base::ByteReader reader(record.substr(1));
    while (reader.remaining() > 0) {
        const std::uint64_t ref = reader.u64();
        const std::uint64_t chunkRef = reader.u64();
        if (reader.ok()) {
            out.push_back({ref, chunkRef});
        }
    }
    return reader.ok() ? absl::OkStatus() : damaged("m-map markers");
}

absl::Status decodeMetadata(std::string_view record, std::vector<WalMetadata>& out)
{
    base::ByteReader reader(record.substr(1));
    while (reader.remaining() > 0) {
        WalMetadata entry{.ref = reader.uvarint()};
        entry.metadata.type = metricTypeOf(reader.u8());
        const std::uint64_t fields = reader.uvarint();
        for (std::uint64_t i = 0; i < fields && reader.ok(); ++i) {
            const std::string_view name = reader.uvarintString();
            const std::string_view text = reader.uvarintString();
            if (name == kUnitField) {
                entry.metadata.unit = text;
            } else if (name == kHelpField) {
                entry.metadata.help = text;
            }
        }
        if (reader.ok()) {
            out.push_back(std::move(entry));
        }
    }
    return reader.ok() ? absl::OkStatus() : damaged("metadata");
}

} // namespace narthex::tsdb
