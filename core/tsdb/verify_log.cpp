// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/codec.h"
#include "core/base/file.h"
#include "core/base/hash.h"
#include "core/base/status.h"
#include "core/tsdb/block.h"
#include "core/tsdb/verify_parts.h"
#include "core/tsdb/wal_format.h"
#include "core/tsdb/wal_reader.h"
#include "core/tsdb/wal_records.h"

#include <algorithm>
#include <utility>

namespace narthex::tsdb {
namespace {

namespace fs = std::filesystem;

std::string remedyFor(LogKind kind)
{
    switch (kind) {
    case LogKind::WriteAhead:
    case LogKind::OutOfOrder:
        return "a server that opens the directory keeps what stands before the damage and cuts off "
               "the rest; copy the directory first if the rest matters";
    case LogKind::Checkpoint:
        return "a server does not start with it: restore the checkpoint from a backup, or move the "
               "wal folder away and lose what is in no block yet";
    case LogKind::HeadSnapshot:
        return "remove the folder: the log is replayed instead";
    }
    return {};
}

template <typename Entry>
absl::Status decodes(std::string_view record,
                     absl::Status (*decode)(std::string_view, std::vector<Entry>&))
{
    std::vector<Entry> entries;
    return decode(record, entries);
}

/// What can be said of a record beyond its checksum.
absl::Status checkRecord(std::string_view record)
{
    switch (walRecordType(record)) {
    case WalRecordType::Series: {
        absl::Status status;
        const auto check = [&status](std::uint64_t ref, std::string_view labels) {
            if (labels.empty() && status.ok()) {
                status = base::dataLoss("series {} has no labels", ref);
            }
        };
        const absl::Status decoded = decodeSeries(record, check);
        return decoded.ok() ? status : decoded;
    }
    case WalRecordType::Samples:
    case WalRecordType::SamplesV2:
        return decodes<WalSample>(
            record, [](std::string_view r, auto& out) { return decodeSamples(r, out); });
    case WalRecordType::Tombstones:
        return decodes<WalTombstone>(record, decodeTombstones);
    case WalRecordType::Histograms:
    case WalRecordType::FloatHistograms:
    case WalRecordType::CustomHistograms:
    case WalRecordType::CustomFloatHistograms:
    case WalRecordType::HistogramsV2:
    case WalRecordType::FloatHistogramsV2:
        return decodes<WalHistogram>(record, decodeHistograms);
    case WalRecordType::Exemplars:
        return decodes<WalExemplar>(record, decodeExemplars);
    case WalRecordType::MmapMarkers:
        return decodes<WalMmapMarker>(record, decodeMmapMarkers);
    case WalRecordType::Metadata:
        return decodes<WalMetadata>(record, decodeMetadata);
    case WalRecordType::Unknown:
        break;
    }
    return absl::OkStatus();
}

void verifySegment(const WalSegmentFile& segment, LogKind kind, VerifyReport& report,
                   const std::stop_token& stop)
{
    const auto file = base::MappedFile::open(segment.path);
    if (!file.ok()) {
        report.add(segment.path, std::string(base::messageOf(file.status())), remedyFor(kind));
        return;
    }
    ++report.counts.logSegments;
    report.counts.bytes += file->bytes().size();
    WalReader reader(file->bytes());
    while (!stop.stop_requested()) {
        const auto found = reader.next();
        if (!found.ok()) {
            report.add(segment.path, std::string(base::messageOf(found.status())), remedyFor(kind));
            return;
        }
        if (!*found) {
            return;
        }
        ++report.counts.logRecords;
        if (kind == LogKind::HeadSnapshot) {
            continue; // records of another kind
        }
        if (const absl::Status status = checkRecord(reader.record()); !status.ok()) {
            report.add(segment.path,
                       fmt::format("record before offset {}: {}", reader.validEnd(),
                                   base::messageOf(status)),
                       remedyFor(kind));
            return;
        }
    }
}

// Format: spec/tsdb.md, 9. chunks_head.
// | u64 series | u64 mint | u64 maxt | encoding | uvarint length | data | CRC32C of all before |
constexpr std::string_view kHeadHeader{"\x01\x30\xBC\x91\x01\0\0\0", 8};
constexpr std::size_t kHeadEntryMinBytes = 34;
constexpr std::uint8_t kOutOfOrderBit = 0x80;
constexpr std::string_view kHeadRemedy =
    "a server that opens the directory deletes this file and later ones, and replays the log "
    "instead; nothing is to be done";

bool allZero(std::string_view bytes)
{
    return std::all_of(bytes.begin(), bytes.end(), [](char c) { return c == '\0'; });
}

absl::Status checkHeadChunk(std::string_view bytes, std::size_t at, std::size_t& next)
{
    base::ByteReader reader(bytes.substr(at));
    reader.u64(); // the series
    const auto minTime = static_cast<std::int64_t>(reader.u64());
    const auto maxTime = static_cast<std::int64_t>(reader.u64());
    const std::uint8_t encoding = reader.u8();
    const std::string_view data = reader.uvarintString();
    const std::size_t checked = bytes.size() - at - reader.remaining();
    const std::uint32_t expected = reader.u32();
    if (!reader.ok()) {
        return base::dataLoss("chunk at offset {} runs past the end of the file", at);
    }
    next = bytes.size() - reader.remaining();
    if (const std::uint32_t actual = base::crc32c(bytes.substr(at, checked)); actual != expected) {
        return base::dataLoss("chunk at offset {}: checksum is {:#x}, file says {:#x}", at, actual,
                              expected);
    }
    storage::SampleColumns columns;
    const auto kind = static_cast<ChunkEncoding>(encoding & ~unsigned{kOutOfOrderBit});
    const absl::Status status = decodeChunk({kind, data}, INT64_MIN, INT64_MAX, columns);
    if (!status.ok()) {
        return base::annotate(status, fmt::format("chunk at offset {}", at));
    }
    const auto& times = columns.times.empty() ? columns.histogramTimes : columns.times;
    const bool ascending =
        std::adjacent_find(times.begin(), times.end(), std::greater_equal<>()) == times.end();
    if (!ascending || times.empty() || times.front() != minTime || times.back() != maxTime) {
        return base::dataLoss("chunk at offset {} does not hold samples from {} to {}", at, minTime,
                              maxTime);
    }
    return absl::OkStatus();
}

void verifyHeadFile(const fs::path& path, bool isLast, VerifyReport& report,
                    const std::stop_token& stop)
{
    const auto file = base::MappedFile::open(path);
    const auto damage = [&](std::string what) {
        report.add(path, std::move(what), std::string(kHeadRemedy));
    };
    if (!file.ok()) {
        damage(std::string(base::messageOf(file.status())));
        return;
    }
    const std::string_view bytes = file->bytes();
    report.counts.bytes += bytes.size();
    if (isLast && (bytes.size() < 4 || allZero(bytes.substr(0, 4)))) {
        report.notes.push_back(
            fmt::format("{}: empty, removed when a server opens the directory", path.string()));
        return;
    }
    if (!bytes.starts_with(kHeadHeader)) {
        damage("header at offset 0 is not that of a head chunk file");
        return;
    }
    for (std::size_t at = kHeadHeader.size(); at < bytes.size() && !stop.stop_requested();) {
        const std::string_view rest = bytes.substr(at);
        if (rest.size() < kHeadEntryMinBytes ? allZero(rest) : allZero(rest.substr(0, 24))) {
            if (!allZero(rest)) {
                damage(fmt::format("bytes behind the last chunk at offset {} are not zero", at));
            }
            return;
        }
        std::size_t next = 0;
        if (const absl::Status status = checkHeadChunk(bytes, at, next); !status.ok()) {
            damage(std::string(base::messageOf(status)));
            return;
        }
        ++report.counts.headChunks;
        at = next;
    }
}

} // namespace

void verifyLog(const fs::path& directory, LogKind kind, VerifyReport& report,
               const std::stop_token& stop)
{
    const auto segments = listWalSegments(directory);
    if (!segments.ok()) {
        report.add(directory, std::string(base::messageOf(segments.status())), remedyFor(kind));
        return;
    }
    for (const WalSegmentFile& segment : *segments) {
        verifySegment(segment, kind, report, stop);
    }
}

void verifyHeadChunks(const fs::path& directory, VerifyReport& report, const std::stop_token& stop)
{
    const auto files = listWalSegments(directory); // the same kind of names, with fewer digits
    if (!files.ok()) {
        report.add(directory, std::string(base::messageOf(files.status())),
                   std::string(kHeadRemedy));
        return;
    }
    for (const WalSegmentFile& file : *files) {
        verifyHeadFile(file.path, &file == &files->back(), report, stop);
    }
}

} // namespace narthex::tsdb
