// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/snapshot_records.h"

#include "core/base/codec.h"
#include "core/base/status.h"
#include "core/tsdb/wal_payload.h"

#include <bit>
#include <utility>

namespace narthex::tsdb {
namespace {

/// Samples that once stood in front of the last one; always zeros now.
constexpr int kDummySamples = 3;
constexpr std::uint8_t kTombstonesVersion = 1;

void begin(std::string& record, SnapshotRecordType type)
{
    record.assign(1, static_cast<char>(type));
}

enum class Content
{
    Nothing,
    Floats,
    IntegerHistograms,
    FloatHistograms
};

Content contentOf(ChunkEncoding encoding)
{
    switch (encoding) {
    case ChunkEncoding::Xor:
    case ChunkEncoding::Xor2:
        return Content::Floats;
    case ChunkEncoding::Histogram:
    case ChunkEncoding::HistogramSt:
        return Content::IntegerHistograms;
    case ChunkEncoding::FloatHistogram:
    case ChunkEncoding::FloatHistogramSt:
        return Content::FloatHistograms;
    case ChunkEncoding::None:
        break;
    }
    return Content::Nothing;
}

/// u64 minimum, u64 maximum, encoding, length and bytes, then the last sample.
void appendChunk(std::string& record, const SnapshotChunk& chunk)
{
    base::appendBigEndian(record, static_cast<std::uint64_t>(chunk.minTime));
    base::appendBigEndian(record, static_cast<std::uint64_t>(chunk.maxTime));
    record.push_back(static_cast<char>(chunk.encoding));
    base::appendUvarintString(record, chunk.bytes);
    if (contentOf(chunk.encoding) != Content::Floats) {
        NARTHEX_CHECK(chunk.lastHistogram.has_value());
        appendHistogramPayload(record, *chunk.lastHistogram);
        return;
    }
    record.append(kDummySamples * 16, '\0');
    base::appendBigEndian(record, std::uint64_t{0});
    base::appendBigEndian(record, std::bit_cast<std::uint64_t>(chunk.lastValue));
}

absl::StatusOr<SnapshotChunk> readChunk(base::ByteReader& reader)
{
    SnapshotChunk chunk;
    chunk.minTime = static_cast<std::int64_t>(reader.u64());
    chunk.maxTime = static_cast<std::int64_t>(reader.u64());
    chunk.encoding = static_cast<ChunkEncoding>(reader.u8());
    chunk.bytes = reader.uvarintString();
    switch (contentOf(chunk.encoding)) {
    case Content::Floats:
        reader.bytes(kDummySamples * 16 + 8);
        chunk.lastValue = std::bit_cast<double>(reader.u64());
        break;
    case Content::IntegerHistograms:
        chunk.lastHistogram = readHistogramPayload(reader, true);
        break;
    case Content::FloatHistograms:
        chunk.lastHistogram = readHistogramPayload(reader, false);
        break;
    case Content::Nothing:
        return base::dataLoss("snapshot holds a chunk of encoding {}",
                              static_cast<int>(chunk.encoding));
    }
    if (!reader.ok() ||
        (contentOf(chunk.encoding) != Content::Floats && !chunk.lastHistogram.has_value())) {
        return base::dataLoss("snapshot record of a chunk is damaged");
    }
    return chunk;
}

} // namespace

SnapshotRecordType snapshotRecordType(std::string_view record)
{
    constexpr auto kLast = static_cast<unsigned char>(SnapshotRecordType::Exemplars);
    if (record.empty() || static_cast<unsigned char>(record.front()) > kLast) {
        return SnapshotRecordType::Unknown;
    }
    return static_cast<SnapshotRecordType>(record.front());
}

void encodeSnapshotSeries(std::string& record, const SnapshotSeries& series)
{
    begin(record, SnapshotRecordType::Series);
    base::appendBigEndian(record, series.ref);
    appendLabels(record, series.labels.bytes());
    base::appendBigEndian(record, std::uint64_t{0}); // once the chunk range
    base::appendUvarint(record, series.chunk ? 1 : 0);
    if (series.chunk) {
        appendChunk(record, *series.chunk);
    }
}

absl::StatusOr<SnapshotSeries> decodeSnapshotSeries(std::string_view record)
{
    SnapshotSeries series;
    base::ByteReader reader(record.substr(1));
    series.ref = reader.u64();
    readLabels(reader, series.labels);
    reader.u64();
    const bool hasChunk = reader.uvarint() != 0;
    if (!reader.ok() || series.labels.empty()) {
        return base::dataLoss("snapshot record of a series is damaged");
    }
    if (hasChunk) {
        NARTHEX_ASSIGN_OR_RETURN(series.chunk, readChunk(reader));
    }
    return series;
}

void encodeSnapshotTombstones(std::string& record, const DeletedRanges& deleted)
{
    std::string stones(1, static_cast<char>(kTombstonesVersion));
    for (const auto& [ref, intervals] : deleted) {
        for (const TimeInterval& interval : intervals) {
            base::appendUvarint(stones, ref);
            base::appendVarint(stones, interval.minTime);
            base::appendVarint(stones, interval.maxTime);
        }
    }
    begin(record, SnapshotRecordType::Tombstones);
    base::appendUvarintString(record, stones);
}

absl::StatusOr<DeletedRanges> decodeSnapshotTombstones(std::string_view record)
{
    base::ByteReader outer(record.substr(1));
    base::ByteReader reader(outer.uvarintString());
    const std::uint8_t version = reader.u8();
    if (!outer.ok() || !reader.ok() || version != kTombstonesVersion) {
        return base::dataLoss("snapshot record of tombstones has version {}, not {}", version,
                              kTombstonesVersion);
    }
    DeletedRanges deleted;
    while (reader.remaining() > 0) {
        const std::uint64_t ref = reader.uvarint();
        const std::int64_t minTime = reader.varint();
        const std::int64_t maxTime = reader.varint();
        if (minTime > maxTime) {
            reader.fail();
        }
        if (reader.ok()) {
            addInterval(deleted[ref], {minTime, maxTime});
        }
    }
    if (!reader.ok()) {
        return base::dataLoss("snapshot record of tombstones is damaged");
    }
    return deleted;
}

void encodeSnapshotExemplars(std::string& record, std::span<const WalExemplar> exemplars)
{
    NARTHEX_CHECK(!exemplars.empty() && exemplars.size() <= kSnapshotExemplarsMax);
    const WalExemplar& first = exemplars.front();
    begin(record, SnapshotRecordType::Exemplars);
    base::appendBigEndian(record, first.ref);
    base::appendBigEndian(record, static_cast<std::uint64_t>(first.time));
    for (const WalExemplar& exemplar : exemplars) {
        appendExemplarEntry(record, first.ref, first.time, exemplar.ref, exemplar.time,
                            exemplar.value, exemplar.labels.bytes());
    }
}

absl::Status decodeSnapshotExemplars(std::string_view record, std::vector<WalExemplar>& out)
{
    return decodeExemplars(record, out); // the same, but for the type byte
}

} // namespace narthex::tsdb
