// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/replay.h"

#include "core/base/file.h"
#include "core/base/status.h"
#include "core/tsdb/wal_reader.h"
#include "core/tsdb/wal_records.h"

#include <algorithm>
#include <fcntl.h>
#include <utility>

namespace narthex::tsdb {
namespace {

/// Samples collected before the workers put them in: enough to keep them busy, 6 MB.
constexpr std::size_t kBatchSamples = 256 * 1024;

} // namespace

Replayer::Replayer(Head& head, base::WorkerPool& pool, base::Logger log,
                   std::function<void(double)> onProgress)
    : head_(head),
      pool_(pool),
      log_(std::move(log)),
      onProgress_(std::move(onProgress)),
      workers_(std::max<std::size_t>(1, pool.threadCount())),
      queues_(workers_)
{}

absl::StatusOr<ReplayResult> Replayer::run(const std::filesystem::path& walDirectory,
                                           std::int64_t minValidMs, std::stop_token stop)
{
    minValidMs_ = minValidMs;
    stop_ = std::move(stop);
    NARTHEX_ASSIGN_OR_RETURN(const std::vector<WalCheckpoint> checkpoints,
                             listCheckpoints(walDirectory));
    NARTHEX_ASSIGN_OR_RETURN(std::vector<WalSegmentFile> segments, listWalSegments(walDirectory));
    if (!segments.empty()) {
        result_.nextSegment = segments.back().number + 1;
    }
    std::vector<WalSegmentFile> checkpointSegments;
    if (!checkpoints.empty()) {
        const WalCheckpoint& newest = checkpoints.back();
        NARTHEX_ASSIGN_OR_RETURN(checkpointSegments, listWalSegments(newest.directory));
        std::erase_if(segments,
                      [&newest](const WalSegmentFile& s) { return s.number <= newest.number; });
        result_.nextSegment = std::max(result_.nextSegment, newest.number + 1);
    }
    for (const WalSegmentFile& segment : checkpointSegments) {
        bytesTotal_ += segment.sizeBytes;
    }
    for (const WalSegmentFile& segment : segments) {
        bytesTotal_ += segment.sizeBytes;
    }
    for (const WalSegmentFile& segment : checkpointSegments) {
        const absl::Status status = replaySegment(segment);
        if (!status.ok()) {
            return base::annotate(status, fmt::format("checkpoint {}", segment.path.string()));
        }
    }
    for (std::size_t i = 0; i < segments.size(); ++i) {
        const absl::Status status = replaySegment(segments[i]);
        if (status.code() == absl::StatusCode::kDataLoss && !repairsDamage_) {
            ++result_.corruptions;
            log_->warn("wal: what follows the damage is left out segment={} error=\"{}\"",
                       segments[i].path.string(), base::messageOf(status));
            break;
        }
        if (status.code() == absl::StatusCode::kDataLoss) {
            log_->warn("wal: damaged segment is cut segment={} error=\"{}\"",
                       segments[i].path.string(), base::messageOf(status));
            NARTHEX_RETURN_IF_ERROR(repair(segments, i));
            break;
        }
        NARTHEX_RETURN_IF_ERROR(status);
    }
    flush();
    // Deletions count for what was there before them and for what replay brought back after them
    // alike: at the end.
    for (const WalTombstone& tombstone : tombstones_) {
        if (const HeadRef ref = resolve(tombstone.ref); ref != 0) {
            NARTHEX_RETURN_IF_ERROR(
                head_.restoreDeletion(ref, tombstone.minTime, tombstone.maxTime));
        }
    }
    return result_;
}

absl::Status Replayer::replaySegment(const WalSegmentFile& segment)
{
    NARTHEX_ASSIGN_OR_RETURN(const base::MappedFile file, base::MappedFile::open(segment.path));
    WalReader reader(file.bytes());
    validEnd_ = 0;
    ++result_.segments;
    while (true) {
        NARTHEX_ASSIGN_OR_RETURN(const bool found, reader.next());
        if (!found) {
            break;
        }
        ++result_.records;
        NARTHEX_RETURN_IF_ERROR(onRecord(reader.record()));
        validEnd_ = reader.validEnd();
        if (queued_ >= kBatchSamples) {
            flush();
            if (onProgress_ && bytesTotal_ > 0) {
                onProgress_(static_cast<double>(result_.bytes + reader.position()) /
                            static_cast<double>(bytesTotal_));
            }
        }
        if (stop_.stop_requested()) {
            return base::cancelled("replay of {} was stopped", segment.path.string());
        }
    }
    result_.bytes += file.bytes().size();
    return absl::OkStatus();
}

absl::Status Replayer::onRecord(std::string_view record)
{
    switch (walRecordType(record)) {
    case WalRecordType::Series:
        return decodeSeries(record, [this](std::uint64_t ref, std::string_view labels) {
            if (labels.empty()) {
                return;
            }
            const HeadRef existing = head_.restoreSeries(ref, labels);
            if (existing != ref && existing != 0) {
                aliases_[ref] = existing;
            }
        });
    case WalRecordType::Samples:
        return onSamples(record);
    case WalRecordType::Histograms:
    case WalRecordType::FloatHistograms:
        return onHistograms(record);
    case WalRecordType::Tombstones:
        return decodeTombstones(record, tombstones_);
    // The head keeps neither exemplars nor metadata; markers stand in the out-of-order log only.
    case WalRecordType::Exemplars:
    case WalRecordType::MmapMarkers:
    case WalRecordType::Metadata:
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

HeadRef Replayer::resolve(std::uint64_t ref) const
{
    if (!aliases_.empty()) {
        if (const auto alias = aliases_.find(ref); alias != aliases_.end()) {
            return alias->second;
        }
    }
    return ref > std::numeric_limits<HeadRef>::max() ? 0 : static_cast<HeadRef>(ref);
}

absl::Status Replayer::onSamples(std::string_view record)
{
    decoded_.clear();
    NARTHEX_RETURN_IF_ERROR(decodeSamples(record, decoded_));
    result_.samples += decoded_.size();
    for (const WalSample& sample : decoded_) {
        if (sample.time >= minValidMs_) {
            const HeadRef ref = resolve(sample.ref);
            queues_[SeriesTable::pageOf(ref) % workers_].push_back(
                {ref, sample.time, sample.valueBits});
        }
    }
    queued_ += decoded_.size();
    return absl::OkStatus();
}

absl::Status Replayer::onHistograms(std::string_view record)
{
    decodedHistograms_.clear();
    NARTHEX_RETURN_IF_ERROR(decodeHistograms(record, decodedHistograms_));
    result_.samples += decodedHistograms_.size();
    // A series may change between the kinds: floats read so far come first.
    flush();
    for (WalHistogram& sample : decodedHistograms_) {
        if (sample.time >= minValidMs_) {
            histograms_.push_back({resolve(sample.ref), sample.time, std::move(sample.value)});
        }
    }
    result_.unknownRefs += head_.restore(histograms_);
    histograms_.clear();
    return absl::OkStatus();
}

void Replayer::flush()
{
    std::vector<std::uint64_t> unknown(workers_);
    pool_.parallelFor(workers_, [&](std::size_t i) {
        unknown[i] = head_.restore(queues_[i]);
        queues_[i].clear();
    });
    for (const std::uint64_t count : unknown) {
        result_.unknownRefs += count;
    }
    queued_ = 0;
}

absl::Status Replayer::repair(const std::vector<WalSegmentFile>& segments, std::size_t damaged)
{
    ++result_.corruptions;
    for (std::size_t i = segments.size(); i-- > damaged + 1;) {
        std::error_code error;
        std::filesystem::remove(segments[i].path, error);
        if (error) {
            return base::errnoStatus(error.value(),
                                     fmt::format("remove {}", segments[i].path.string()));
        }
    }
    result_.nextSegment = segments[damaged].number + 1;
    NARTHEX_ASSIGN_OR_RETURN(const base::File file,
                             base::File::open(segments[damaged].path, O_WRONLY));
    NARTHEX_RETURN_IF_ERROR(file.truncate(validEnd_));
    // Growing it again fills the page with zeros: padding.
    NARTHEX_RETURN_IF_ERROR(
        file.truncate((validEnd_ + kWalPageBytes - 1) / kWalPageBytes * kWalPageBytes));
    NARTHEX_RETURN_IF_ERROR(file.sync());
    return base::syncDirectory(segments[damaged].path.parent_path());
}

} // namespace narthex::tsdb
