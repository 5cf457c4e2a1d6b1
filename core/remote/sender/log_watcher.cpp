// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/remote/sender/log_watcher.h"

#include "core/base/status.h"
#include "core/tsdb/wal_format.h"

#include <absl/time/time.h>

#include <algorithm>

namespace narthex::remote {
namespace {

using tsdb::WalRecordType;
using namespace base::literals;

/// New checkpoints are looked for, and the log is read even if nobody rang.
constexpr base::Duration kPollInterval = 5_s;
/// Commits come in bursts: one reading for all of them.
constexpr absl::Duration kBetweenReadings = absl::Milliseconds(5);

} // namespace

std::string_view walRecordTypeText(WalRecordType type)
{
    switch (type) {
    case WalRecordType::Series:
        return "series";
    case WalRecordType::Samples:
        return "samples";
    case WalRecordType::Tombstones:
        return "tombstones";
    case WalRecordType::Exemplars:
        return "exemplars";
    case WalRecordType::MmapMarkers:
        return "mmapmarkers";
    case WalRecordType::Metadata:
        return "metadata";
    case WalRecordType::Histograms:
        return "histogram_samples";
    case WalRecordType::FloatHistograms:
        return "float_histogram_samples";
    case WalRecordType::CustomHistograms:
        return "custom_buckets_histogram_samples";
    case WalRecordType::CustomFloatHistograms:
        return "custom_buckets_float_histogram_samples";
    case WalRecordType::SamplesV2:
        return "samples_v2";
    case WalRecordType::HistogramsV2:
        return "histogram_samples_v2";
    case WalRecordType::FloatHistogramsV2:
        return "float_histogram_samples_v2";
    case WalRecordType::Unknown:
        break;
    }
    return "unknown";
}

void LogWatcher::Bell::ring()
{
    const absl::MutexLock lock(&mutex);
    isRung.store(true, std::memory_order_release);
}

void LogWatcher::Bell::wake()
{
    const absl::MutexLock lock(&mutex);
    isWoken = true;
}

LogWatcher::LogWatcher(WatcherOptions options, LogSink& sink, base::Timers& timers,
                       base::Logger log)
    : options_(std::move(options)), sink_(sink), timers_(timers), log_(std::move(log))
{}

LogWatcher::~LogWatcher()
{
    requestFinish({});
    join();
    const absl::MutexLock lock(&bell_->mutex);
    bell_->isGone = true;
}

void LogWatcher::start()
{
    startMs_ = timers_.clock().now().ms;
    pollLater(timers_, bell_);
    thread_ = std::jthread([this] { run(); });
}

void LogWatcher::pollLater(base::Timers& timers, const std::weak_ptr<Bell>& bell)
{
    timers.schedule(kPollInterval, [&timers, bell] {
        const auto alive = bell.lock();
        if (!alive) {
            return;
        }
        {
            const absl::MutexLock lock(&alive->mutex);
            if (alive->isGone) {
                return;
            }
            alive->checkpointDue = true;
            alive->isRung.store(true, std::memory_order_release);
        }
        pollLater(timers, bell);
    });
}

// The flag is taken down before the log is read: what is written after that rings again.
void LogWatcher::notify()
{
    if (bell_->isRung.load(std::memory_order_acquire)) {
        counters_.notificationsSkipped.fetch_add(1, std::memory_order_relaxed);
        return;
    }
    bell_->ring();
}

void LogWatcher::wake() { bell_->wake(); }

void LogWatcher::requestFinish(base::Duration deadline)
{
    const absl::MutexLock lock(&bell_->mutex);
    bell_->deadline = bell_->isFinishing ? std::min(bell_->deadline, deadline) : deadline;
    bell_->isFinishing = true;
}

void LogWatcher::join()
{
    if (thread_.joinable()) {
        thread_.join();
    }
}

bool LogWatcher::isPastDeadline() const
{
    const absl::MutexLock lock(&bell_->mutex);
    return bell_->isFinishing && timers_.clock().monotonic() >= bell_->deadline;
}

void LogWatcher::run()
{
    follow();
    sink_.onEnd();
}

void LogWatcher::follow()
{
    readCheckpoint(true);
    const auto segments = tsdb::listWalSegments(options_.walDirectory);
    std::uint32_t first = checkpoint_ ? *checkpoint_ + 1 : 0;
    if (segments.ok() && !segments->empty()) {
        first = std::max(first, segments->front().number);
        tailFrom_ = segments->back().number;
    }
    tail_.emplace(options_.walDirectory, first);
    while (true) {
        bool isFinishing = false;
        bool checkpointDue = false;
        {
            const absl::MutexLock lock(&bell_->mutex);
            bell_->isRung.store(false, std::memory_order_release);
            bell_->isWoken = false;
            isFinishing = bell_->isFinishing;
            checkpointDue = std::exchange(bell_->checkpointDue, false);
        }
        if (!readAll()) {
            return;
        }
        if (checkpointDue) {
            readCheckpoint(false);
        }
        sink_.onIdle();
        if (isFinishing) {
            return; // it was before the reading, so all that there is was read
        }
        waitForMore();
    }
}

void LogWatcher::waitForMore()
{
    Bell& bell = *bell_;
    const absl::MutexLock lock(&bell.mutex);
    const auto isAwaited = [&bell]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(bell.mutex) {
        return bell.isWoken || bell.isFinishing;
    };
    if (bell.mutex.AwaitWithTimeout(absl::Condition(&isAwaited), kBetweenReadings)) {
        return;
    }
    const auto isRung = [&bell]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(bell.mutex) {
        return bell.isRung.load(std::memory_order_acquire) || bell.isWoken || bell.isFinishing;
    };
    bell.mutex.Await(absl::Condition(&isRung));
}

bool LogWatcher::readAll()
{
    while (!isPastDeadline()) {
        const absl::StatusOr<bool> found = tail_->next();
        counters_.currentSegment.store(tail_->segment(), std::memory_order_relaxed);
        if (!found.ok()) {
            log_->error("remote: part of the log cannot be read remote_name={} err=\"{}\"",
                        options_.name, base::messageOf(found.status()));
            if (absl::IsOutOfRange(found.status())) {
                readCheckpoint(false); // it names the series of what was missed
            } else if (!absl::IsDataLoss(found.status())) {
                return true; // tried again with the next ring
            }
            continue;
        }
        if (!*found) {
            return true;
        }
        if (!readRecord(tail_->record(), tail_->segment())) {
            return false;
        }
    }
    return false;
}

void LogWatcher::noteDecoding(const absl::Status& status, std::string_view what)
{
    if (status.ok()) {
        return;
    }
    counters_.decodeFailures.fetch_add(1, std::memory_order_relaxed);
    log_->error("remote: a record of the log is damaged remote_name={} kind={} err=\"{}\"",
                options_.name, what, base::messageOf(status));
}

bool LogWatcher::readRecord(std::string_view record, std::uint32_t segment)
{
    const WalRecordType type = tsdb::walRecordType(record);
    counters_.records[static_cast<std::size_t>(type)].fetch_add(1, std::memory_order_relaxed);
    switch (type) {
    case WalRecordType::Series:
        noteDecoding(tsdb::decodeSeries(record,
                                        [&](std::uint64_t ref, std::string_view labels) {
                                            sink_.onSeries(ref, labels, segment);
                                        }),
                     "series");
        return true;
    case WalRecordType::Samples:
    case WalRecordType::SamplesV2:
        return readSamples(record);
    case WalRecordType::Histograms:
    case WalRecordType::FloatHistograms:
    case WalRecordType::CustomHistograms:
    case WalRecordType::CustomFloatHistograms:
    case WalRecordType::HistogramsV2:
    case WalRecordType::FloatHistogramsV2:
        return !options_.histograms || readHistograms(record);
    case WalRecordType::Exemplars:
        return !options_.exemplars || readExemplars(record);
    case WalRecordType::Metadata:
        if (options_.metadata) {
            metadata_.clear();
            noteDecoding(tsdb::decodeMetadata(record, metadata_), "metadata");
            sink_.onMetadata(metadata_);
        }
        return true;
    case WalRecordType::Tombstones:
    case WalRecordType::MmapMarkers:
    case WalRecordType::Unknown:
        return true;
    }
    return true;
}

bool LogWatcher::readSamples(std::string_view record)
{
    samples_.clear();
    starts_.clear();
    const bool hasStarts = tsdb::walRecordType(record) == WalRecordType::SamplesV2;
    noteDecoding(tsdb::decodeSamples(record, samples_, hasStarts ? &starts_ : nullptr), "samples");
    std::size_t kept = 0;
    for (std::size_t i = 0; i < samples_.size(); ++i) {
        if (samples_[i].time > startMs_) {
            samples_[kept] = samples_[i];
            if (hasStarts) {
                starts_[kept] = starts_[i];
            }
            ++kept;
        }
    }
    if (kept == 0) {
        return true;
    }
    samples_.resize(kept);
    starts_.resize(hasStarts ? kept : 0);
    if (tail_->segment() < tailFrom_) {
        counters_.sentBeforeTail.fetch_add(kept, std::memory_order_relaxed);
    }
    return sink_.onSamples(samples_, starts_);
}

bool LogWatcher::readHistograms(std::string_view record)
{
    histograms_.clear();
    noteDecoding(tsdb::decodeHistograms(record, histograms_), "histograms");
    std::erase_if(histograms_, [this](const auto& each) { return each.time <= startMs_; });
    return histograms_.empty() || sink_.onHistograms(histograms_);
}

bool LogWatcher::readExemplars(std::string_view record)
{
    exemplars_.clear();
    noteDecoding(tsdb::decodeExemplars(record, exemplars_), "exemplars");
    std::erase_if(exemplars_, [this](const auto& each) { return each.time <= startMs_; });
    return exemplars_.empty() || sink_.onExemplars(exemplars_);
}

void LogWatcher::readCheckpoint(bool isFirst)
{
    const auto all = tsdb::listCheckpoints(options_.walDirectory);
    if (!all.ok() || all->empty() || all->back().number == checkpoint_) {
        return;
    }
    const tsdb::WalCheckpoint& newest = all->back();
    if (!isFirst && newest.number >= tail_->segment()) {
        return; // what it stands for was not read yet: later
    }
    tsdb::WalTail reader(newest.directory, 0);
    while (true) {
        const absl::StatusOr<bool> found = reader.next();
        if (!found.ok()) {
            log_->error("remote: part of a checkpoint cannot be read remote_name={} err=\"{}\"",
                        options_.name, base::messageOf(found.status()));
            if (!absl::IsDataLoss(found.status()) && !absl::IsOutOfRange(found.status())) {
                return; // the next one takes its place soon
            }
            continue;
        }
        if (!*found) {
            break;
        }
        const WalRecordType type = tsdb::walRecordType(reader.record());
        if (type == WalRecordType::Series || type == WalRecordType::Metadata) {
            readRecord(reader.record(), newest.number);
        }
    }
    checkpoint_ = newest.number;
    sink_.onForgotten(newest.number);
}

} // namespace narthex::remote
