// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/checkpoint.h"

#include "core/base/codec.h"
#include "core/base/file.h"
#include "core/base/status.h"
#include "core/tsdb/wal_batches.h"
#include "core/tsdb/wal_format.h"
#include "core/tsdb/wal_reader.h"
#include "core/tsdb/wal_records.h"

#include <algorithm>
#include <map>
#include <vector>

namespace narthex::tsdb {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kTemporarySuffix = ".tmp";

using KeepsSeries = absl::FunctionRef<bool(std::uint64_t ref, std::uint32_t lastSegment)>;

/// Copies what is still needed, record by record.
class CheckpointWriter
{
public:
    CheckpointWriter(WalWriter& writer, const CheckpointOptions& options, std::uint32_t last,
                     KeepsSeries keepsSeries)
        : writer_(writer), options_(options), last_(last), keepsSeries_(keepsSeries)
    {}

    absl::Status copy(const fs::path& segment)
    {
        NARTHEX_ASSIGN_OR_RETURN(const base::MappedFile file, base::MappedFile::open(segment));
        WalReader reader(file.bytes());
        while (true) {
            const auto found = reader.next();
            if (!found.ok()) {
                return base::annotate(found.status(), segment.string());
            }
            if (!*found) {
                return absl::OkStatus();
            }
            NARTHEX_RETURN_IF_ERROR(copyRecord(reader.record()));
        }
    }

    /// The newest metadata of each series, and whatever is not written yet.
    absl::Status finish()
    {
        std::vector<WalMetadata> metadata;
        for (auto& [ref, newest] : metadata_) {
            metadata.push_back({ref, std::move(newest)});
        }
        if (!metadata.empty()) {
            std::string record;
            writeMetadataRecord(record, metadata);
            NARTHEX_RETURN_IF_ERROR(log(record));
        }
        return flush();
    }

private:
    absl::Status copyRecord(std::string_view record)
    {
        switch (walRecordType(record)) {
        case WalRecordType::Series:
            return copySeries(record);
        case WalRecordType::Samples:
            return copyTimed<WalSample>(
                record, [](std::string_view r, auto& out) { return decodeSamples(r, out); },
                writeSamplesRecord);
        case WalRecordType::Histograms:
        case WalRecordType::FloatHistograms:
        case WalRecordType::CustomHistograms:
        case WalRecordType::CustomFloatHistograms:
        case WalRecordType::HistogramsV2:
        case WalRecordType::FloatHistogramsV2:
            return copyHistograms(record);
        case WalRecordType::Exemplars:
            return copyTimed<WalExemplar>(record, decodeExemplars, writeExemplarsRecord);
        case WalRecordType::Tombstones:
            return copyTombstones(record);
        case WalRecordType::Metadata:
            return noteMetadata(record);
        case WalRecordType::SamplesV2:
            return copyStartedSamples(record);
        case WalRecordType::MmapMarkers:
        case WalRecordType::Unknown:
            break;
        }
        return absl::OkStatus();
    }

    [[nodiscard]] bool keeps(std::uint64_t ref) const { return keepsSeries_(ref, last_); }

    absl::Status copySeries(std::string_view record)
    {
        std::string kept;
        beginRecord(kept, WalRecordType::Series);
        NARTHEX_RETURN_IF_ERROR(
            decodeSeries(record, [&](std::uint64_t ref, std::string_view labels) {
                if (keeps(ref)) {
                    appendSeriesEntry(kept, ref, labels);
                }
            }));
        return kept.size() > 1 ? log(kept) : absl::OkStatus();
    }

    /// Records whose entries have a time each.
    template <typename Entry, typename Decode, typename Write>
    absl::Status copyTimed(std::string_view record, Decode decode, Write write)
    {
        std::vector<Entry> entries;
        NARTHEX_RETURN_IF_ERROR(decode(record, entries));
        const auto isOld = [this](const Entry& e) { return e.time < options_.keepFromMs; };
        if (std::none_of(entries.begin(), entries.end(), isOld)) {
            return log(record);
        }
        std::erase_if(entries, isOld);
        if (entries.empty()) {
            return absl::OkStatus();
        }
        std::string kept;
        write(kept, entries);
        return log(kept);
    }

    absl::Status copyStartedSamples(std::string_view record)
    {
        std::vector<WalSample> samples;
        std::vector<std::int64_t> starts;
        NARTHEX_RETURN_IF_ERROR(decodeSamples(record, samples, &starts));
        std::size_t kept = 0;
        for (std::size_t i = 0; i < samples.size(); ++i) {
            if (samples[i].time >= options_.keepFromMs) {
                samples[kept] = samples[i];
                starts[kept++] = starts[i];
            }
        }
        if (kept == 0) {
            return absl::OkStatus();
        }
        std::string rest;
        writeStartedSamplesRecord(rest, std::span(samples).first(kept),
                                  std::span(starts).first(kept));
        return log(rest);
    }

    absl::Status copyHistograms(std::string_view record)
    {
        std::vector<WalHistogram> samples;
        NARTHEX_RETURN_IF_ERROR(decodeHistograms(record, samples));
        std::erase_if(samples,
                      [this](const WalHistogram& s) { return s.time < options_.keepFromMs; });
        std::vector<std::string> records;
        appendHistogramRecords(records, samples);
        for (const std::string& kept : records) {
            NARTHEX_RETURN_IF_ERROR(log(kept));
        }
        return absl::OkStatus();
    }

    absl::Status copyTombstones(std::string_view record)
    {
        std::vector<WalTombstone> stones;
        NARTHEX_RETURN_IF_ERROR(decodeTombstones(record, stones));
        std::erase_if(stones, [this](const WalTombstone& stone) {
            return stone.maxTime < options_.keepFromMs || !keeps(stone.ref);
        });
        if (stones.empty()) {
            return absl::OkStatus();
        }
        std::string kept;
        writeTombstonesRecord(kept, stones);
        return log(kept);
    }

    absl::Status noteMetadata(std::string_view record)
    {
        std::vector<WalMetadata> metadata;
        NARTHEX_RETURN_IF_ERROR(decodeMetadata(record, metadata));
        for (WalMetadata& one : metadata) {
            if (keeps(one.ref)) {
                metadata_[one.ref] = std::move(one.metadata);
            }
        }
        return absl::OkStatus();
    }

    absl::Status log(std::string_view record)
    {
        pendingBytes_ += record.size();
        pending_.emplace_back(record);
        constexpr std::size_t kFlushBytes = std::size_t{1} << 20U;
        return pendingBytes_ > kFlushBytes ? flush() : absl::OkStatus();
    }

    absl::Status flush()
    {
        std::vector<WalRecord> framed;
        std::vector<std::string> buffers(pending_.size());
        for (std::size_t i = 0; i < pending_.size(); ++i) {
            framed.push_back(makeWalRecord(pending_[i], options_.compression, buffers[i]));
        }
        if (!framed.empty()) {
            NARTHEX_RETURN_IF_ERROR(writer_.log(framed));
        }
        pending_.clear();
        pendingBytes_ = 0;
        return absl::OkStatus();
    }

    WalWriter& writer_;
    const CheckpointOptions& options_;
    const std::uint32_t last_;
    const KeepsSeries keepsSeries_;
    std::map<std::uint64_t, model::Metadata> metadata_;
    std::vector<std::string> pending_;
    std::size_t pendingBytes_ = 0;
};

absl::Status writeCheckpoint(const fs::path& directory, std::span<const fs::path> segments,
                             const CheckpointOptions& options, std::uint32_t last,
                             KeepsSeries keepsSeries)
{
    NARTHEX_RETURN_IF_ERROR(base::removePath(directory));
    NARTHEX_RETURN_IF_ERROR(base::makeDirectories(directory));
    const auto finish = [](const std::shared_ptr<AppendFile>& file) {
        base::ignore(file->sync(), "checked by the next write of the same disk");
        base::ignore(file->close(), "nothing is left to write");
    };
    NARTHEX_ASSIGN_OR_RETURN(
        const std::unique_ptr<WalWriter> writer,
        WalWriter::create(options.files, directory, 0, options.segmentBytes, finish));
    CheckpointWriter checkpoint(*writer, options, last, keepsSeries);
    for (const fs::path& segment : segments) {
        NARTHEX_RETURN_IF_ERROR(checkpoint.copy(segment));
    }
    NARTHEX_RETURN_IF_ERROR(checkpoint.finish());
    NARTHEX_RETURN_IF_ERROR(writer->close());
    return base::syncDirectory(directory);
}

/// Segments and checkpoints that the new checkpoint replaces.
absl::Status removeReplaced(const fs::path& walDirectory, std::span<const WalSegmentFile> segments,
                            std::span<const WalCheckpoint> checkpoints, std::uint32_t last)
{
    for (const WalSegmentFile& segment : segments) {
        if (segment.number <= last) {
            NARTHEX_RETURN_IF_ERROR(base::removePath(segment.path));
        }
    }
    for (const WalCheckpoint& checkpoint : checkpoints) {
        if (checkpoint.number < last) {
            NARTHEX_RETURN_IF_ERROR(base::removePath(checkpoint.directory));
        }
    }
    return base::syncDirectory(walDirectory);
}

} // namespace

absl::Status truncateWal(const fs::path& walDirectory, Journal& journal,
                         const CheckpointOptions& options, KeepsSeries keepsSeries)
{
    NARTHEX_ASSIGN_OR_RETURN(const std::vector<WalCheckpoint> checkpoints,
                             listCheckpoints(walDirectory));
    NARTHEX_ASSIGN_OR_RETURN(std::vector<WalSegmentFile> segments, listWalSegments(walDirectory));
    if (!checkpoints.empty()) {
        std::erase_if(segments, [&](const WalSegmentFile& s) {
            return s.number <= checkpoints.back().number;
        });
    }
    NARTHEX_RETURN_IF_ERROR(journal.startNextSegment().status());
    // The newest segment never counts; of the others two thirds, and more than one, so four there
    // must be.
    constexpr std::size_t kSegmentsNeeded = 4;
    if (segments.size() < kSegmentsNeeded) {
        return absl::OkStatus();
    }
    const std::uint32_t first = segments.front().number;
    const std::uint32_t last = first + (segments.back().number - 1 - first) * 2 / 3;

    std::vector<fs::path> sources;
    if (!checkpoints.empty()) {
        NARTHEX_ASSIGN_OR_RETURN(const std::vector<WalSegmentFile> old,
                                 listWalSegments(checkpoints.back().directory));
        for (const WalSegmentFile& segment : old) {
            sources.push_back(segment.path);
        }
    }
    for (const WalSegmentFile& segment : segments) {
        if (segment.number <= last) {
            sources.push_back(segment.path);
        }
    }
    const fs::path finished = walDirectory / ("checkpoint." + walSegmentName(last));
    fs::path temporary = finished;
    temporary += kTemporarySuffix;
    if (absl::Status status = writeCheckpoint(temporary, sources, options, last, keepsSeries);
        !status.ok()) {
        base::ignore(base::removePath(temporary), "removed at the next start");
        return base::annotate(status, "checkpoint");
    }
    NARTHEX_RETURN_IF_ERROR(base::renamePath(temporary, finished));
    NARTHEX_RETURN_IF_ERROR(base::syncDirectory(walDirectory));
    return removeReplaced(walDirectory, segments, checkpoints, last);
}

void removeUnfinishedCheckpoints(const fs::path& walDirectory)
{
    std::vector<fs::path> unfinished;
    std::error_code error;
    for (fs::directory_iterator it(walDirectory, error), end; !error && it != end;
         it.increment(error)) {
        const std::string name = it->path().filename().string();
        if (name.starts_with("checkpoint.") && name.ends_with(kTemporarySuffix)) {
            unfinished.push_back(it->path());
        }
    }
    for (const fs::path& path : unfinished) {
        base::ignore(base::removePath(path), "unfinished ones are never read");
    }
}

} // namespace narthex::tsdb
