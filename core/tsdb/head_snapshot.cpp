// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/head_snapshot.h"

#include "core/base/file.h"
#include "core/base/status.h"
#include "core/tsdb/block.h"
#include "core/tsdb/snapshot_records.h"
#include "core/tsdb/wal_reader.h"
#include "core/tsdb/wal_writer.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <limits>
#include <vector>

namespace narthex::tsdb {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "chunk_snapshot.";
constexpr std::string_view kTemporarySuffix = ".tmp";
constexpr std::size_t kFlushBytes = std::size_t{1} << 20U;

struct Found
{
    fs::path path;
    SnapshotPosition position;
};

/// "chunk_snapshot.000005.0000012345"
std::optional<SnapshotPosition> positionOf(std::string_view name)
{
    if (!name.starts_with(kPrefix)) {
        return std::nullopt;
    }
    name.remove_prefix(kPrefix.size());
    const std::size_t dot = name.find('.');
    if (dot == std::string_view::npos) {
        return std::nullopt;
    }
    const auto parse = [](std::string_view text, auto& out) {
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
        return error == std::errc{} && end == text.data() + text.size();
    };
    SnapshotPosition position;
    return parse(name.substr(0, dot), position.segment) &&
                   parse(name.substr(dot + 1), position.offset)
               ? std::optional(position)
               : std::nullopt;
}

/// Finished ones, oldest first.
std::vector<Found> listSnapshots(const fs::path& dataDirectory)
{
    std::vector<Found> found;
    std::error_code error;
    for (fs::directory_iterator it(dataDirectory, error), end; !error && it != end;
         it.increment(error)) {
        if (const auto position = positionOf(it->path().filename().string())) {
            found.push_back({it->path(), *position});
        }
    }
    std::sort(found.begin(), found.end(), [](const Found& a, const Found& b) {
        return std::pair(a.position.segment, a.position.offset) <
               std::pair(b.position.segment, b.position.offset);
    });
    return found;
}

/// Gathers records and writes them a mebibyte at a time.
class RecordSink
{
public:
    RecordSink(WalWriter& writer, WalCompression compression)
        : writer_(writer), compression_(compression)
    {}
    absl::Status add(const std::string& record)
    {
        bytes_ += record.size();
        records_.push_back(record);
        return bytes_ > kFlushBytes ? flush() : absl::OkStatus();
    }
    absl::Status flush()
    {
        std::vector<std::string> buffers(records_.size());
        std::vector<WalRecord> framed;
        for (std::size_t i = 0; i < records_.size(); ++i) {
            framed.push_back(makeWalRecord(records_[i], compression_, buffers[i]));
        }
        if (!framed.empty()) {
            NARTHEX_RETURN_IF_ERROR(writer_.log(framed));
        }
        records_.clear();
        bytes_ = 0;
        return absl::OkStatus();
    }

private:
    WalWriter& writer_;
    const WalCompression compression_;
    std::vector<std::string> records_;
    std::size_t bytes_ = 0;
};

absl::Status writeExemplars(const Head& head, RecordSink& sink)
{
    std::vector<WalExemplar> batch;
    std::string record;
    absl::Status status;
    const auto flush = [&] {
        if (!batch.empty()) {
            encodeSnapshotExemplars(record, batch);
            status.Update(sink.add(record));
            batch.clear();
        }
    };
    head.exemplars().forEach(
        [&](const model::Labels&, model::SeriesRef ref, const model::Exemplar& exemplar) {
            batch.push_back({static_cast<std::uint64_t>(ref),
                             exemplar.time.value_or(base::Timestamp{}).ms, exemplar.value,
                             exemplar.labels});
            if (batch.size() == kSnapshotExemplarsMax) {
                flush();
            }
        });
    flush();
    return status;
}

absl::Status writeRecords(const Head& head, RecordSink& sink)
{
    std::string record;
    DeletedRanges deleted;
    NARTHEX_RETURN_IF_ERROR(head.eachOpenChunk(
        [&](const SnapshotSeries& series, const TimeIntervals& hidden) -> absl::Status {
            if (!hidden.empty()) {
                deleted[series.ref] = hidden;
            }
            encodeSnapshotSeries(record, series);
            return sink.add(record);
        }));
    if (!deleted.empty()) {
        encodeSnapshotTombstones(record, deleted);
        NARTHEX_RETURN_IF_ERROR(sink.add(record));
    }
    NARTHEX_RETURN_IF_ERROR(writeExemplars(head, sink));
    return sink.flush();
}

/// A snapshot, read whole before any of it counts.
struct Contents
{
    struct Series
    {
        std::uint64_t ref = 0;
        model::Labels labels;
        std::vector<PendingSample> samples;
        std::vector<std::int64_t> starts; // of samples; may be empty
        std::vector<PendingHistogram> histograms;
    };
    std::vector<Series> series;
    DeletedRanges deleted;
    std::vector<WalExemplar> exemplars;
};

absl::Status addSeries(std::string_view record, Contents& contents)
{
    constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();
    constexpr std::int64_t kGreatest = std::numeric_limits<std::int64_t>::max();
    NARTHEX_ASSIGN_OR_RETURN(SnapshotSeries series, decodeSnapshotSeries(record));
    if (series.ref == 0 || series.ref > std::numeric_limits<HeadRef>::max()) {
        return base::dataLoss("series number {} is not one of ours", series.ref);
    }
    const auto ref = static_cast<HeadRef>(series.ref);
    Contents::Series& out = contents.series.emplace_back();
    out.ref = series.ref;
    out.labels = std::move(series.labels);
    if (!series.chunk) {
        return absl::OkStatus();
    }
    const StoredChunk chunk{series.chunk->encoding, series.chunk->bytes};
    if (chunk.encoding == ChunkEncoding::Xor || chunk.encoding == ChunkEncoding::Xor2) {
        storage::SampleColumns columns;
        NARTHEX_RETURN_IF_ERROR(decodeChunk(chunk, kLeast, kGreatest, columns));
        for (std::size_t i = 0; i < columns.times.size(); ++i) {
            out.samples.push_back(
                {ref, columns.times[i], std::bit_cast<std::uint64_t>(columns.values[i])});
        }
        columns.padStartTimes();
        out.starts = std::move(columns.startTimes);
        return absl::OkStatus();
    }
    std::vector<HistogramSample> samples;
    NARTHEX_RETURN_IF_ERROR(
        decodeHistogramSamples(chunk.encoding, chunk.data, kLeast, kGreatest, samples));
    for (HistogramSample& sample : samples) {
        out.histograms.push_back({ref, sample.time, std::move(sample.value), sample.start});
    }
    return absl::OkStatus();
}

absl::Status addRecord(std::string_view record, Contents& contents)
{
    switch (snapshotRecordType(record)) {
    case SnapshotRecordType::Series:
        return addSeries(record, contents);
    case SnapshotRecordType::Tombstones: {
        NARTHEX_ASSIGN_OR_RETURN(contents.deleted, decodeSnapshotTombstones(record));
        return absl::OkStatus();
    }
    case SnapshotRecordType::Exemplars:
        return decodeSnapshotExemplars(record, contents.exemplars);
    case SnapshotRecordType::Unknown:
        break;
    }
    return base::dataLoss("a record of an unknown type");
}

absl::StatusOr<Contents> readContents(const fs::path& directory)
{
    Contents contents;
    NARTHEX_ASSIGN_OR_RETURN(const std::vector<WalSegmentFile> segments,
                             listWalSegments(directory));
    for (const WalSegmentFile& segment : segments) {
        NARTHEX_ASSIGN_OR_RETURN(const base::MappedFile file, base::MappedFile::open(segment.path));
        WalReader reader(file.bytes());
        while (true) {
            const auto found = reader.next();
            if (!found.ok()) {
                return base::annotate(found.status(), segment.path.string());
            }
            if (!*found) {
                break;
            }
            NARTHEX_RETURN_IF_ERROR(addRecord(reader.record(), contents));
        }
    }
    return contents;
}

void apply(Contents contents, Head& head)
{
    for (Contents::Series& series : contents.series) {
        if (head.restoreSeries(series.ref, series.labels.bytes()) != series.ref) {
            continue; // the same labels twice: the log sorts that out
        }
        head.restore(series.samples, series.starts);
        head.restore(series.histograms);
    }
    for (const auto& [ref, intervals] : contents.deleted) {
        for (const TimeInterval& interval : intervals) {
            head.hide(static_cast<HeadRef>(ref), interval);
        }
    }
    for (WalExemplar& one : contents.exemplars) {
        const auto ref = static_cast<HeadRef>(one.ref);
        if (head.hasSeries(ref)) {
            head.addExemplar(ref, {.labels = std::move(one.labels),
                                   .value = one.value,
                                   .time = base::Timestamp{one.time}});
        }
    }
}

} // namespace

absl::Status writeHeadSnapshot(const fs::path& dataDirectory, const Head& head,
                               SnapshotPosition position, const SnapshotOptions& options)
{
    const std::vector<Found> older = listSnapshots(dataDirectory);
    const fs::path finished =
        dataDirectory / fmt::format("{}{:06}.{:010}", kPrefix, position.segment, position.offset);
    fs::path temporary = finished;
    temporary += kTemporarySuffix;
    NARTHEX_RETURN_IF_ERROR(base::removePath(temporary));
    NARTHEX_RETURN_IF_ERROR(base::makeDirectories(temporary));
    const auto finish = [](const std::shared_ptr<AppendFile>& file) {
        base::ignore(file->sync(), "a snapshot that is damaged is not used");
        base::ignore(file->close(), "nothing is left to write");
    };
    NARTHEX_ASSIGN_OR_RETURN(
        const std::unique_ptr<WalWriter> writer,
        WalWriter::create(options.files, temporary, 0, options.segmentBytes, finish));
    RecordSink sink(*writer, options.compression);
    NARTHEX_RETURN_IF_ERROR(writeRecords(head, sink));
    NARTHEX_RETURN_IF_ERROR(writer->close());
    NARTHEX_RETURN_IF_ERROR(base::syncDirectory(temporary));
    NARTHEX_RETURN_IF_ERROR(base::removePath(finished));
    NARTHEX_RETURN_IF_ERROR(base::renamePath(temporary, finished));
    NARTHEX_RETURN_IF_ERROR(base::syncDirectory(dataDirectory));
    for (const Found& one : older) {
        if (one.path != finished) {
            NARTHEX_RETURN_IF_ERROR(base::removePath(one.path));
        }
    }
    return absl::OkStatus();
}

LoadedSnapshot loadHeadSnapshot(const fs::path& dataDirectory, Head& head,
                                std::optional<std::uint32_t> lastSegment, const base::Logger& log)
{
    const std::vector<Found> found = listSnapshots(dataDirectory);
    if (found.empty() || !lastSegment || found.back().position.segment > *lastSegment) {
        return {};
    }
    absl::StatusOr<Contents> contents = readContents(found.back().path);
    if (!contents.ok()) {
        log->warn("tsdb: the snapshot of the head is not used, the log is replayed snapshot={} "
                  "error=\"{}\"",
                  found.back().path.string(), base::messageOf(contents.status()));
        return {.position = std::nullopt, .failed = true};
    }
    apply(*std::move(contents), head);
    return {.position = found.back().position, .failed = false};
}

} // namespace narthex::tsdb
