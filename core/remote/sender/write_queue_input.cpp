// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// WriteQueue: from the log into shards. Threads: the watcher's.
#include "core/remote/sender/write_queue.h"

#include <absl/time/time.h>

#include <algorithm>
#include <bit>

namespace narthex::remote {

using namespace base::literals;

namespace {

constexpr base::Duration kFirstWait = 5_ms;
constexpr base::Duration kBetweenReports = 1_min;

} // namespace

void WriteQueue::onSeries(std::uint64_t ref, std::string_view packedLabels, std::uint32_t segment)
{
    table_.store(ref, packedLabels, segment);
}

void WriteQueue::onMetadata(std::span<const tsdb::WalMetadata> metadata)
{
    for (const tsdb::WalMetadata& each : metadata) {
        table_.setMetadata(each.ref, each.metadata);
    }
}

void WriteQueue::onForgotten(std::uint32_t segment) { table_.forgetBefore(segment); }

void WriteQueue::onEnd()
{
    const absl::MutexLock lock(&mutex_);
    watcherEnded_ = true;
}

void WriteQueue::countDrop(DropReason reason, PendingKind kind)
{
    PayloadCounts counts;
    counts.add(kind);
    metrics_.dropped[static_cast<std::size_t>(reason)].add(counts);
}

const SentSeries* WriteQueue::wanted(std::uint64_t ref, std::int64_t time, PendingKind kind)
{
    const SentSeries* const series = table_.find(ref);
    if (series == nullptr) {
        ++unknownSamples_;
        countDrop(DropReason::UnknownSeries, kind);
        return nullptr;
    }
    if (series->isDropped) {
        countDrop(DropReason::DroppedSeries, kind);
        return nullptr;
    }
    const base::Duration limit = config_.queue.sampleAgeLimit;
    if (limit.ns > 0 && time < (environment_.timers.clock().now() - limit).ms) {
        countDrop(DropReason::TooOld, kind);
        return nullptr;
    }
    return series;
}

Batch& WriteQueue::staged(std::uint64_t ref)
{
    Batch& batch = staged_[ref % staged_.size()];
    if (batch.keepAlive == nullptr) {
        batch.keepAlive = table_.keepAlive();
    }
    return batch;
}

void WriteQueue::noteHighest(std::int64_t ms)
{
    const double seconds = static_cast<double>(ms) / 1000;
    if (seconds > metrics_.highestTime.load(std::memory_order_relaxed)) {
        metrics_.highestTime.store(seconds, std::memory_order_relaxed);
    }
}

bool WriteQueue::onSamples(std::span<const tsdb::WalSample> samples,
                           std::span<const std::int64_t> starts)
{
    metrics_.in.fetch_add(samples.size(), std::memory_order_relaxed);
    std::int64_t highest = kNoTime;
    for (std::size_t i = 0; i < samples.size(); ++i) {
        const tsdb::WalSample& sample = samples[i];
        const SentSeries* const series = wanted(sample.ref, sample.time, PendingKind::Sample);
        if (series == nullptr) {
            continue;
        }
        highest = std::max(highest, sample.time);
        staged(sample.ref)
            .items.push_back({.series = series,
                              .metadata = series->metadata,
                              .time = sample.time,
                              .valueBits = sample.valueBits,
                              .start = starts.empty() ? 0 : starts[i]});
    }
    if (highest != kNoTime) {
        noteHighest(highest);
    }
    return offerStaged();
}

bool WriteQueue::onHistograms(std::span<const tsdb::WalHistogram> histograms)
{
    metrics_.in.fetch_add(histograms.size(), std::memory_order_relaxed);
    for (const tsdb::WalHistogram& each : histograms) {
        const bool hasCustomBuckets = each.value.floats ? each.value.floats->usesCustomBuckets()
                                                        : each.value.integers->usesCustomBuckets();
        const SentSeries* const series = wanted(each.ref, each.time, PendingKind::Histogram);
        if (series == nullptr) {
            continue;
        }
        if (hasCustomBuckets && version_ == WriteVersion::V1) {
            countDrop(DropReason::CustomBuckets, PendingKind::Histogram);
            continue;
        }
        noteHighest(each.time);
        Batch& batch = staged(each.ref);
        batch.items.push_back({.series = series,
                               .metadata = series->metadata,
                               .time = each.time,
                               .start = each.start,
                               .extra = static_cast<std::uint32_t>(batch.histograms.size()),
                               .kind = PendingKind::Histogram});
        batch.histograms.push_back(each.value);
    }
    return offerStaged();
}

bool WriteQueue::onExemplars(std::span<const tsdb::WalExemplar> exemplars)
{
    metrics_.in.fetch_add(exemplars.size(), std::memory_order_relaxed);
    for (const tsdb::WalExemplar& each : exemplars) {
        const SentSeries* const series = wanted(each.ref, each.time, PendingKind::Exemplar);
        if (series == nullptr) {
            continue;
        }
        Batch& batch = staged(each.ref);
        batch.items.push_back({.series = series,
                               .metadata = series->metadata,
                               .time = each.time,
                               .valueBits = std::bit_cast<std::uint64_t>(each.value),
                               .extra = static_cast<std::uint32_t>(batch.exemplarLabels.size()),
                               .kind = PendingKind::Exemplar});
        batch.exemplarLabels.push_back(each.labels);
    }
    return offerStaged();
}

void WriteQueue::onIdle()
{
    bool due = false;
    {
        const absl::MutexLock lock(&mutex_);
        due = reshardTo_.has_value() && !isGivenUp_;
    }
    if (due) {
        reshard();
    }
    reportUnknown();
}

void WriteQueue::reportUnknown()
{
    const base::Duration now = environment_.timers.clock().monotonic();
    if (unknownSamples_ > 0 && now - unknownReported_ >= kBetweenReports) {
        environment_.log->warn("remote: samples of series that the log does not name are not sent "
                               "remote_name={} count={}",
                               name_, unknownSamples_);
        unknownSamples_ = 0;
        unknownReported_ = now;
    }
}

bool WriteQueue::offerStaged()
{
    for (std::size_t shard = 0; shard < staged_.size();) {
        if (staged_[shard].items.empty()) {
            ++shard;
            continue;
        }
        switch (offer(shard)) {
        case Offer::Taken:
            staged_[shard].clear();
            ++shard;
            break;
        case Offer::Reshard:
            reshard();
            shard = 0;
            break;
        case Offer::Stopped:
            for (Batch& batch : staged_) {
                metrics_.failed.add(batch.counts());
            }
            return false;
        }
    }
    return true;
}

bool WriteQueue::hasRoomLocked(const Lane& lane) const
{
    return !lane.filling || lane.filling->size() < batchSize_ || lane.full.size() < maxFull_;
}

// Waits while the shard is full: longer each time, as the metric of these waits is meant.
WriteQueue::Offer WriteQueue::offer(std::size_t shard)
{
    Batch& from = staged_[shard];
    std::size_t done = 0;
    base::Duration wait = kFirstWait;
    const absl::MutexLock lock(&mutex_);
    const LanePtr lane = lanes_[shard];
    while (done < from.items.size()) {
        if (isGivenUp_ || reshardTo_) {
            from.items.erase(from.items.begin(),
                             from.items.begin() + static_cast<std::ptrdiff_t>(done));
            return isGivenUp_ ? Offer::Stopped : Offer::Reshard;
        }
        if (hasRoomLocked(*lane)) {
            if (lane->filling && lane->filling->size() >= batchSize_) {
                lane->full.push_back(std::move(lane->filling));
            }
            const std::size_t before = lane->filling ? lane->filling->size() : 0;
            const std::size_t last = std::min(from.items.size(), done + batchSize_ - before);
            putLocked(lane, from, done, last);
            done = last;
            wait = kFirstWait;
            continue;
        }
        const auto canGoOn = [this, &lane]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
            return hasRoomLocked(*lane) || isGivenUp_ || reshardTo_.has_value();
        };
        if (!mutex_.AwaitWithTimeout(absl::Condition(&canGoOn), absl::Nanoseconds(wait.ns))) {
            metrics_.enqueueRetries.fetch_add(1, std::memory_order_relaxed);
            wait = std::min(wait * 2, std::max(config_.queue.maxBackoff, kFirstWait));
        }
    }
    return Offer::Taken;
}

void WriteQueue::putLocked(const LanePtr& lane, Batch& from, std::size_t first, std::size_t last)
{
    if (!lane->filling) {
        lane->filling = newBatchLocked();
    }
    Batch& filling = *lane->filling;
    if (filling.empty()) {
        lane->fillingSince = environment_.timers.clock().monotonic();
    }
    const std::size_t before = filling.size();
    filling.take(from, first, last);
    PayloadCounts counts;
    if (filling.histograms.empty() && filling.exemplarLabels.empty()) {
        counts.samples = last - first;
    } else {
        for (std::size_t i = before; i < filling.size(); ++i) {
            counts.add(filling.items[i].kind);
        }
    }
    metrics_.pending.add(counts);
    if (filling.size() >= batchSize_) {
        if (lane->full.size() < maxFull_) {
            lane->full.push_back(std::move(lane->filling));
        }
        startIfIdleLocked(lane);
    } else if (!lane->deadlineArmed) {
        armDeadlineLocked(lane, config_.queue.batchSendDeadline);
    }
}

std::vector<std::unique_ptr<Batch>> WriteQueue::emptyLane(Lane& lane)
{
    std::vector<std::unique_ptr<Batch>> batches;
    const auto add = [&batches](std::unique_ptr<Batch> batch) {
        if (batch && !batch->empty()) {
            batches.push_back(std::move(batch));
        }
    };
    add(std::move(lane.current));
    for (auto& batch : lane.full) {
        add(std::move(batch));
    }
    add(std::move(lane.filling));
    lane.full.clear();
    lane.phase = LanePhase::Idle;
    ++lane.round;
    return batches;
}

void WriteQueue::reshard()
{
    const absl::MutexLock lock(&mutex_);
    isHeld_ = true;
    const auto quiet = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
        return isGivenUp_ || std::none_of(lanes_.begin(), lanes_.end(), [](const LanePtr& lane) {
                   return lane->phase == LanePhase::Working;
               });
    };
    mutex_.Await(absl::Condition(&quiet));
    isHeld_ = false;
    if (isGivenUp_) {
        return;
    }
    const auto count = static_cast<std::size_t>(*std::exchange(reshardTo_, std::nullopt));
    environment_.log->info("remote: number of shards changes remote_name={} from={} to={}", name_,
                           lanes_.size(), count);
    std::vector<LanePtr> before = std::exchange(lanes_, {});
    for (std::size_t i = 0; i < count; ++i) {
        lanes_.push_back(std::make_shared<Lane>(version_));
    }
    metrics_.shards = static_cast<int>(count);
    for (const LanePtr& lane : before) {
        for (const auto& batch : emptyLane(*lane)) {
            metrics_.pending.subtract(batch->counts());
            for (std::size_t i = 0; i < batch->items.size(); ++i) {
                const LanePtr& to = lanes_[batch->items[i].series->ref % count];
                if (to->filling && to->filling->size() >= batchSize_) {
                    to->full.push_back(std::move(to->filling)); // above the limit, for once
                }
                putLocked(to, *batch, i, i + 1);
            }
        }
    }
    std::vector<Batch> rest = std::exchange(staged_, std::vector<Batch>(count));
    for (Batch& batch : rest) {
        for (std::size_t i = 0; i < batch.items.size(); ++i) {
            staged(batch.items[i].series->ref).take(batch, i, i + 1);
        }
    }
    for (const LanePtr& lane : lanes_) {
        startIfIdleLocked(lane);
    }
}

} // namespace narthex::remote
