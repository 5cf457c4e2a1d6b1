// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/checkpoint.h"

#include "core/base/codec.h"
#include "core/base/file.h"
#include "core/base/status.h"
#include "core/tsdb/wal_format.h"
#include "core/tsdb/wal_reader.h"
#include "core/tsdb/wal_records.h"

#include <algorithm>
#include <vector>

namespace narthex::tsdb {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kTemporarySuffix = ".tmp";

class CheckpointWriter
{
public:
    CheckpointWriter(WalWriter& writer, const CheckpointOptions& options,
                     absl::FunctionRef<bool(std::uint64_t)> keepsSeries)
        : writer_(writer), options_(options), keepsSeries_(keepsSeries)
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

private:
    absl::Status copyRecord(std::string_view record)
    {
        switch (walRecordType(record)) {
        case WalRecordType::Series:
            return copySeries(record);
        case WalRecordType::Samples:
            return copySamples(record);
        case WalRecordType::Histograms:
        case WalRecordType::FloatHistograms: {
            // A record is one commit, mostly of one time: it stays whole as long as one sample of
            // it is needed.
            histograms_.clear();
            NARTHEX_RETURN_IF_ERROR(decodeHistograms(record, histograms_));
            const bool needed =
                std::any_of(histograms_.begin(), histograms_.end(), [this](const WalHistogram& s) {
                    return s.time >= options_.keepFromMs;
                });
            return needed ? log(record) : absl::OkStatus();
        }
        case WalRecordType::Exemplars: {
            constexpr std::size_t kTimeAt = 1 + 8;
            const bool needed = record.size() >= kTimeAt + 8 &&
                                static_cast<std::int64_t>(base::loadBigEndian<std::uint64_t>(
                                    record.data() + kTimeAt)) >= options_.keepFromMs;
            return needed ? log(record) : absl::OkStatus();
        }
        case WalRecordType::Tombstones:
        case WalRecordType::Metadata:
            return log(record);
        case WalRecordType::MmapMarkers:
        case WalRecordType::CustomHistograms:
        case WalRecordType::CustomFloatHistograms:
        case WalRecordType::SamplesV2:
        case WalRecordType::HistogramsV2:
        case WalRecordType::FloatHistogramsV2:
        case WalRecordType::Unknown:
            break;
        }
        return absl::OkStatus();
    }

    absl::Status copySeries(std::string_view record)
    {
        std::string kept(1, static_cast<char>(WalRecordType::Series));
        NARTHEX_RETURN_IF_ERROR(
            decodeSeries(record, [&](std::uint64_t ref, std::string_view labels) {
                if (keepsSeries_(ref)) {
                    appendSeriesEntry(kept, ref, labels);
                }
            }));
        return kept.size() > 1 ? log(kept) : absl::OkStatus();
    }

    absl::Status copySamples(std::string_view record)
    {
        samples_.clear();
        NARTHEX_RETURN_IF_ERROR(decodeSamples(record, samples_));
        const auto isOld = [this](const WalSample& s) { return s.time < options_.keepFromMs; };
        if (std::none_of(samples_.begin(), samples_.end(), isOld)) {
            return log(record);
        }
        std::erase_if(samples_, isOld);
        if (samples_.empty()) {
            return absl::OkStatus();
        }
        std::string kept;
        const WalSample base = samples_.front();
        beginSamples(kept, base.ref, base.time);
        for (const WalSample& sample : samples_) {
            appendSampleEntry(kept, base.ref, base.time, sample);
        }
        return log(kept);
    }

    absl::Status log(std::string_view record)
    {
        const WalRecord framed = makeWalRecord(record, options_.compress, compressed_);
        return writer_.log({&framed, 1});
    }

    WalWriter& writer_;
    const CheckpointOptions& options_;
    const absl::FunctionRef<bool(std::uint64_t)> keepsSeries_;
    std::vector<WalSample> samples_;
    std::vector<WalHistogram> histograms_;
    std::string compressed_;
};

absl::Status writeCheckpoint(const fs::path& directory, std::span<const fs::path> segments,
                             const CheckpointOptions& options,
                             absl::FunctionRef<bool(std::uint64_t)> keepsSeries)
{
    NARTHEX_RETURN_IF_ERROR(base::removeTree(directory));
    NARTHEX_RETURN_IF_ERROR(base::makeDirectories(directory));
    const auto finish = [](const std::shared_ptr<AppendFile>& file) {
        base::ignore(file->sync(), "checked by the next write of the same disk");
        base::ignore(file->close(), "nothing is left to write");
    };
    NARTHEX_ASSIGN_OR_RETURN(
        const std::unique_ptr<WalWriter> writer,
        WalWriter::create(options.files, directory, 0, options.segmentBytes, finish));
    CheckpointWriter checkpoint(*writer, options, keepsSeries);
    for (const fs::path& segment : segments) {
        NARTHEX_RETURN_IF_ERROR(checkpoint.copy(segment));
    }
    NARTHEX_RETURN_IF_ERROR(writer->close());
    return base::syncDirectory(directory);
}

/// Segments and checkpoints that the new checkpoint replaces.
absl::Status removeReplaced(const fs::path& walDirectory, std::span<const WalSegmentFile> segments,
                            std::span<const WalCheckpoint> checkpoints, std::uint32_t last)
{
    for (const WalSegmentFile& segment : segments) {
        if (segment.number <= last) {
            NARTHEX_RETURN_IF_ERROR(base::removeTree(segment.path));
        }
    }
    for (const WalCheckpoint& checkpoint : checkpoints) {
        if (checkpoint.number < last) {
            NARTHEX_RETURN_IF_ERROR(base::removeTree(checkpoint.directory));
        }
    }
    return base::syncDirectory(walDirectory);
}

} // namespace

absl::Status truncateWal(const fs::path& walDirectory, Journal& journal,
                         const CheckpointOptions& options,
                         absl::FunctionRef<bool(std::uint64_t ref)> keepsSeries)
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
    if (absl::Status status = writeCheckpoint(temporary, sources, options, keepsSeries);
        !status.ok()) {
        base::ignore(base::removeTree(temporary), "removed at the next start");
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
        base::ignore(base::removeTree(path), "unfinished ones are never read");
    }
}

} // namespace narthex::tsdb
