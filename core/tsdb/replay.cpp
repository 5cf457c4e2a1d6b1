// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/replay.h"

#include "core/base/file.h"
#include "core/base/status.h"
#include "core/tsdb/wal_reader.h"
#include "core/tsdb/wal_records.h"

#include <algorithm>
#include <fcntl.h>
#include <limits>
#include <utility>

namespace narthex::tsdb {
namespace {

/// Samples collected before the workers put them in, 24 MB: some ten for each of 100,000 series, so
/// that a series' memory is touched for several samples at a time.
constexpr std::size_t kBatchSamples = std::size_t{1} << 20U;
constexpr std::int64_t kLeastTime = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kGreatestTime = std::numeric_limits<std::int64_t>::max();

} // namespace

Replayer::Replayer(Head& head, base::WorkerPool& pool, base::Logger log,
                   std::function<void(const ReplayProgress&)> onProgress)
    : head_(head), pool_(pool), log_(std::move(log)), onProgress_(std::move(onProgress))
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
    if (startSegment_) {
        std::erase_if(segments,
                      [this](const WalSegmentFile& s) { return s.number < *startSegment_; });
    }
    // A checkpoint of before the start has nothing new.
    if (!checkpoints.empty() && startSegment_ && checkpoints.back().number < *startSegment_) {
        result_.nextSegment = std::max(result_.nextSegment, checkpoints.back().number + 1);
    } else if (!checkpoints.empty()) {
        startSegment_.reset();
        const WalCheckpoint& newest = checkpoints.back();
        NARTHEX_ASSIGN_OR_RETURN(checkpointSegments, listWalSegments(newest.directory));
        std::erase_if(segments,
                      [&newest](const WalSegmentFile& s) { return s.number <= newest.number; });
        result_.nextSegment = std::max(result_.nextSegment, newest.number + 1);
    }
    if (!segments.empty()) {
        progress_.firstSegment = segments.front().number;
        progress_.lastSegment = segments.back().number;
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
    NARTHEX_RETURN_IF_ERROR(replayLog(segments));
    flush();
    // Deletions count for what was there before them and for what replay brought back after them
    // alike: at the end.
    for (const WalTombstone& tombstone : tombstones_) {
        if (const HeadRef ref = resolve(tombstone.ref); ref != 0) {
            head_.hide(ref, {tombstone.minTime, tombstone.maxTime});
        }
    }
    return result_;
}

absl::StatusOr<ReplayResult> Replayer::runLate(const std::filesystem::path& wblDirectory,
                                               std::stop_token stop)
{
    result_ = {};
    stop_ = std::move(stop);
    isLateLog_ = true;
    NARTHEX_ASSIGN_OR_RETURN(const std::vector<WalSegmentFile> segments,
                             listWalSegments(wblDirectory));
    if (!segments.empty()) {
        result_.nextSegment = segments.back().number + 1;
    }
    for (const WalSegmentFile& segment : segments) {
        bytesTotal_ += segment.sizeBytes;
    }
    NARTHEX_RETURN_IF_ERROR(replayLog(segments));
    return result_;
}

absl::Status Replayer::replayLog(const std::vector<WalSegmentFile>& segments)
{
    for (std::size_t i = 0; i < segments.size(); ++i) {
        const absl::Status status = replaySegment(segments[i]);
        if (status.code() == absl::StatusCode::kDataLoss && !repairsDamage_) {
            ++result_.corruptions;
            log_->warn("wal: what follows the damage is left out segment={} error=\"{}\"",
                       segments[i].path.string(), base::messageOf(status));
            return absl::OkStatus();
        }
        if (status.code() == absl::StatusCode::kDataLoss) {
            log_->warn("wal: damaged segment is cut, the rest is set aside segment={} error=\"{}\"",
                       segments[i].path.string(), base::messageOf(status));
            return repair(segments, i);
        }
        NARTHEX_RETURN_IF_ERROR(status);
    }
    return absl::OkStatus();
}

absl::Status Replayer::replaySegment(const WalSegmentFile& segment)
{
    NARTHEX_ASSIGN_OR_RETURN(const base::MappedFile file, base::MappedFile::open(segment.path));
    const bool isStart = startSegment_ && segment.number == *startSegment_ && !isLateLog_;
    const std::uint64_t start = isStart ? startOffset_ : 0;
    WalReader reader(file.bytes(), std::min<std::uint64_t>(start, file.bytes().size()));
    validEnd_ = reader.validEnd();
    progress_.currentSegment = segment.number;
    ++result_.segments;
    while (true) {
        NARTHEX_ASSIGN_OR_RETURN(const bool found, reader.next());
        if (!found) {
            break;
        }
        ++result_.records;
        NARTHEX_RETURN_IF_ERROR(isLateLog_ ? onLateRecord(reader.record())
                                           : onRecord(reader.record()));
        validEnd_ = reader.validEnd();
        if (queued_ >= kBatchSamples) {
            flush();
            if (onProgress_ && bytesTotal_ > 0) {
                progress_.done = static_cast<double>(result_.bytes + reader.position()) /
                                 static_cast<double>(bytesTotal_);
                onProgress_(progress_);
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
        return onSeries(record);
    case WalRecordType::Samples:
    case WalRecordType::SamplesV2:
        return onSamples(record);
    case WalRecordType::Histograms:
    case WalRecordType::FloatHistograms:
    case WalRecordType::CustomHistograms:
    case WalRecordType::CustomFloatHistograms:
    case WalRecordType::HistogramsV2:
    case WalRecordType::FloatHistogramsV2:
        return onHistograms(record);
    case WalRecordType::Tombstones:
        return onTombstones(record);
    case WalRecordType::Exemplars:
        return onExemplars(record);
    case WalRecordType::Metadata:
        return onMetadata(record);
    // Markers stand in the write-behind log only.
    case WalRecordType::MmapMarkers:
    case WalRecordType::Unknown:
        break;
    }
    return absl::OkStatus();
}

absl::Status Replayer::onLateRecord(std::string_view record)
{
    switch (walRecordType(record)) {
    case WalRecordType::MmapMarkers:
        markers_.clear();
        NARTHEX_RETURN_IF_ERROR(decodeMmapMarkers(record, markers_));
        for (const WalMmapMarker& marker : markers_) {
            head_.restoreLateMarker(resolve(marker.ref), marker.chunkRef);
        }
        return absl::OkStatus();
    case WalRecordType::Samples:
    case WalRecordType::SamplesV2:
        decoded_.clear();
        decodedStarts_.clear();
        NARTHEX_RETURN_IF_ERROR(decodeSamples(record, decoded_, &decodedStarts_));
        for (std::size_t i = 0; i < decoded_.size(); ++i) {
            const WalSample& sample = decoded_[i];
            late_.push_back(
                {resolve(sample.ref), sample.time, sample.valueBits, {}, decodedStarts_[i]});
        }
        break;
    case WalRecordType::Histograms:
    case WalRecordType::FloatHistograms:
    case WalRecordType::CustomHistograms:
    case WalRecordType::CustomFloatHistograms:
    case WalRecordType::HistogramsV2:
    case WalRecordType::FloatHistogramsV2:
        decodedHistograms_.clear();
        NARTHEX_RETURN_IF_ERROR(decodeHistograms(record, decodedHistograms_));
        for (WalHistogram& sample : decodedHistograms_) {
            late_.push_back(
                {resolve(sample.ref), sample.time, 0, std::move(sample.value), sample.start});
        }
        break;
    case WalRecordType::Series:
    case WalRecordType::Tombstones:
    case WalRecordType::Exemplars:
    case WalRecordType::Metadata:
    case WalRecordType::Unknown:
        return absl::OkStatus();
    }
    result_.samples += late_.size();
    (late_.empty() || !late_.front().isHistogram() ? result_.unknownRefs
                                                   : result_.unknownHistogramRefs) +=
        head_.restoreLate(late_);
    late_.clear();
    return absl::OkStatus();
}

absl::Status Replayer::onSeries(std::string_view record)
{
    return decodeSeries(record, [this](std::uint64_t ref, std::string_view labels) {
        if (labels.empty()) {
            return;
        }
        const HeadRef existing = head_.restoreSeries(ref, labels);
        if (existing != ref && existing != 0) {
            aliases_[ref] = existing;
        }
    });
}

absl::Status Replayer::onTombstones(std::string_view record)
{
    const std::size_t before = tombstones_.size();
    NARTHEX_RETURN_IF_ERROR(decodeTombstones(record, tombstones_));
    // All of time: Prometheus 3.x has moved the series out of its head. It may come back later, so
    // this counts for what was there until now.
    for (std::size_t i = before; i < tombstones_.size();) {
        const WalTombstone stone = tombstones_[i];
        if (stone.minTime != kLeastTime || stone.maxTime != kGreatestTime) {
            ++i;
            continue;
        }
        tombstones_.erase(tombstones_.begin() + static_cast<std::ptrdiff_t>(i));
        flush();
        const HeadRef ref = resolve(stone.ref);
        if (const auto range = head_.clampToSamples(ref, {kLeastTime, kGreatestTime})) {
            head_.hide(ref, *range);
        }
    }
    return absl::OkStatus();
}

absl::Status Replayer::onExemplars(std::string_view record)
{
    exemplars_.clear();
    NARTHEX_RETURN_IF_ERROR(decodeExemplars(record, exemplars_));
    for (WalExemplar& one : exemplars_) {
        if (const HeadRef ref = resolve(one.ref); head_.hasSeries(ref)) {
            head_.addExemplar(ref, {.labels = std::move(one.labels),
                                    .value = one.value,
                                    .time = base::Timestamp{one.time}});
        } else {
            ++result_.unknownRefs;
        }
    }
    return absl::OkStatus();
}

absl::Status Replayer::onMetadata(std::string_view record)
{
    metadata_.clear();
    NARTHEX_RETURN_IF_ERROR(decodeMetadata(record, metadata_));
    for (WalMetadata& one : metadata_) {
        if (const HeadRef ref = resolve(one.ref); head_.hasSeries(ref)) {
            head_.metadata().set(ref, std::move(one.metadata));
        } else {
            ++result_.unknownRefs;
        }
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
    if (walRecordType(record) == WalRecordType::SamplesV2) {
        return onStartedSamples(record);
    }
    NARTHEX_RETURN_IF_ERROR(decodeSamples(record, decoded_));
    result_.samples += decoded_.size();
    for (const WalSample& sample : decoded_) {
        if (sample.time >= minValidMs_) {
            const HeadRef ref = resolve(sample.ref);
            const std::uint32_t page = SeriesTable::pageOf(ref);
            if (head_.table().page(page) == nullptr) {
                ++result_.unknownRefs;
                continue;
            }
            if (page >= queues_.size()) {
                queues_.resize(page + 1);
            }
            if (queues_[page].empty()) {
                queuedPages_.push_back(page);
            }
            queues_[page].push_back({ref, sample.time, sample.valueBits});
        }
    }
    queued_ += decoded_.size();
    return absl::OkStatus();
}

absl::Status Replayer::onStartedSamples(std::string_view record)
{
    decodedStarts_.clear();
    NARTHEX_RETURN_IF_ERROR(decodeSamples(record, decoded_, &decodedStarts_));
    result_.samples += decoded_.size();
    flush(); // older samples of the same series come first
    std::vector<PendingSample> samples;
    std::vector<std::int64_t> starts;
    for (std::size_t i = 0; i < decoded_.size(); ++i) {
        const WalSample& sample = decoded_[i];
        if (sample.time >= minValidMs_) {
            samples.push_back({resolve(sample.ref), sample.time, sample.valueBits});
            starts.push_back(decodedStarts_[i]);
        }
    }
    result_.unknownRefs += head_.restore(samples, starts);
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
            histograms_.push_back(
                {resolve(sample.ref), sample.time, std::move(sample.value), sample.start});
        }
    }
    result_.unknownHistogramRefs += head_.restore(histograms_);
    histograms_.clear();
    return absl::OkStatus();
}

void Replayer::flush()
{
    std::vector<std::uint64_t> unknown(queuedPages_.size());
    pool_.parallelFor(queuedPages_.size(), [&](std::size_t i) {
        std::vector<PendingSample>& queue = queues_[queuedPages_[i]];
        unknown[i] = head_.restore(queue);
        queue.clear();
    });
    for (const std::uint64_t count : unknown) {
        result_.unknownRefs += count;
    }
    queuedPages_.clear();
    queued_ = 0;
}

// What replay cannot read stays for whoever wants to look at it.
absl::Status Replayer::setAside(const std::filesystem::path& segment)
{
    const std::filesystem::path log = segment.parent_path();
    const std::filesystem::path target = log.parent_path() / "narthex.d" / "damaged";
    NARTHEX_RETURN_IF_ERROR(base::makeDirectories(target));
    const std::string stem =
        fmt::format("{}-{}", log.filename().string(), segment.filename().string());
    std::filesystem::path place = target / stem;
    std::error_code error;
    for (int i = 2; std::filesystem::exists(place, error); ++i) {
        place = target / fmt::format("{}.{}", stem, i);
    }
    std::filesystem::copy_file(segment, place, error);
    if (error) {
        return base::errnoStatus(error.value(),
                                 fmt::format("copy {} to {}", segment.string(), place.string()));
    }
    result_.setAside.push_back(place);
    return absl::OkStatus();
}

absl::Status Replayer::repair(const std::vector<WalSegmentFile>& segments, std::size_t damaged)
{
    ++result_.corruptions;
    for (std::size_t i = segments.size(); i-- > damaged;) {
        // A full disk must not keep the store from starting.
        base::ignore(setAside(segments[i].path), "the log says what was damaged");
    }
    for (std::size_t i = segments.size(); i-- > damaged + 1;) {
        NARTHEX_RETURN_IF_ERROR(base::removePath(segments[i].path));
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
