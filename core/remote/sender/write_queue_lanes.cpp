// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// WriteQueue: out of the shards, one request of each after the other.
#include "core/remote/sender/write_queue.h"

#include <algorithm>
#include <utility>

namespace narthex::remote {
namespace {

/// Batches that wait to be used again.
constexpr std::size_t kSpareBatches = 16;
constexpr std::size_t kLoggedBytes = 64 * 1024;
/// What repeats is counted meanwhile.
constexpr base::Duration kBetweenLogLines = base::Duration::fromMs(60'000);

PayloadCounts without(const PayloadCounts& counts, const PayloadCounts& written)
{
    return {.samples = counts.samples - written.samples,
            .histograms = counts.histograms - written.histograms,
            .exemplars = counts.exemplars - written.exemplars,
            .metadata = counts.metadata - written.metadata};
}

} // namespace

std::unique_ptr<Batch> WriteQueue::newBatchLocked()
{
    if (spare_.empty()) {
        auto batch = std::make_unique<Batch>();
        batch->items.reserve(batchSize_);
        return batch;
    }
    std::unique_ptr<Batch> batch = std::move(spare_.back());
    spare_.pop_back();
    return batch;
}

void WriteQueue::startIfIdleLocked(const LanePtr& lane)
{
    if (lane->phase != LanePhase::Idle || isGivenUp_ || (isHeld_ && lane != familyLane_)) {
        return;
    }
    if (!lane->full.empty()) {
        lane->current = std::move(lane->full.front());
        lane->full.pop_front();
    } else if (lane->filling && !lane->filling->empty()) {
        const base::Duration age = environment_.timers.clock().monotonic() - lane->fillingSince;
        const base::Duration deadline = config_.queue.batchSendDeadline;
        if (!isDraining_ && age < deadline && lane->filling->size() < batchSize_) {
            if (!lane->deadlineArmed) {
                armDeadlineLocked(lane, deadline - age);
            }
            return;
        }
        lane->current = std::move(lane->filling);
    } else {
        return;
    }
    lane->phase = LanePhase::Working;
    ++working_;
    environment_.pool.submit([self = shared_from_this(), lane] { self->work(lane); });
}

void WriteQueue::armDeadlineLocked(const LanePtr& lane, base::Duration in)
{
    lane->deadlineArmed = true;
    environment_.timers.schedule(in,
                                 [weak = weak_from_this(), weakLane = std::weak_ptr<Lane>(lane)] {
                                     const auto self = weak.lock();
                                     const auto found = weakLane.lock();
                                     if (self && found) {
                                         self->deadlineCame(found);
                                     }
                                 });
}

void WriteQueue::deadlineCame(const LanePtr& lane)
{
    const absl::MutexLock lock(&mutex_);
    lane->deadlineArmed = false;
    startIfIdleLocked(lane);
}

// Nobody else touches the lane's request while it is Working.
void WriteQueue::work(const LanePtr& lane)
{
    lane->begun = environment_.timers.clock().monotonic();
    lane->attempt = 0;
    lane->backoff = config_.queue.minBackoff;
    lane->counts = lane->current->counts();
    dropOld(*lane);
    encode(*lane);
    attempt(lane);
}

void WriteQueue::encode(Lane& lane)
{
    if (!lane.current->empty()) {
        lane.encoder.encodeCompressed(*lane.current, lane.body);
    }
}

bool WriteQueue::dropOld(Lane& lane)
{
    const base::Duration limit = config_.queue.sampleAgeLimit;
    if (limit.ns <= 0 || !lane.current->metadata.empty()) {
        return false;
    }
    const PayloadCounts dropped =
        lane.current->dropBefore((environment_.timers.clock().now() - limit).ms);
    if (dropped.total() == 0) {
        return false;
    }
    metrics_.dropped[static_cast<std::size_t>(DropReason::TooOld)].add(dropped);
    metrics_.pending.subtract(dropped);
    lane.counts = without(lane.counts, dropped);
    return true;
}

void WriteQueue::attempt(const LanePtr& lane)
{
    if (lane->current->empty()) {
        finishBatch(lane, {});
        return;
    }
    lane->attemptBegun = environment_.timers.clock().monotonic();
    metrics_.sent.add(lane->counts);
    std::shared_ptr<WriteClient> client;
    std::uint64_t round = 0;
    bool isGivenUp = false;
    {
        const absl::MutexLock lock(&mutex_);
        client = client_;
        round = ++lane->round;
        isGivenUp = isGivenUp_;
    }
    if (isGivenUp) {
        finishBatch(lane, {.result = WriteResult::Cancelled});
        return;
    }
    const auto id = client->send(lane->body, lane->attempt, lane->counts,
                                 [self = shared_from_this(), lane](const WriteOutcome& outcome) {
                                     self->answered(lane, outcome);
                                 });
    bool cancel = false;
    {
        // The answer, and the next request, may have come before.
        const absl::MutexLock lock(&mutex_);
        if (id && lane->round == round && lane->phase == LanePhase::Working) {
            lane->request = id;
            cancel = isGivenUp_;
        }
    }
    if (cancel) {
        client->cancel(*id);
    }
}

void WriteQueue::noteOutcome(const WriteOutcome& outcome)
{
    const absl::MutexLock lock(&mutex_);
    if (outcome.result == WriteResult::Delivered) {
        lastError_.clear();
        failingSince_.reset();
    } else if (outcome.result != WriteResult::Cancelled) {
        lastError_ = outcome.error;
        isRetried_ = outcome.result == WriteResult::Retry;
        if (!failingSince_) {
            failingSince_ = environment_.timers.clock().now();
        }
    }
}

void WriteQueue::answered(const LanePtr& lane, const WriteOutcome& outcome)
{
    const base::Duration took = environment_.timers.clock().monotonic() - lane->attemptBegun;
    metrics_.batchSeconds.observe(took.seconds());
    noteOutcome(outcome);
    if (outcome.result == WriteResult::Retry) {
        waitForRetry(lane, outcome);
    } else {
        finishBatch(lane, outcome);
    }
}

void WriteQueue::waitForRetry(const LanePtr& lane, const WriteOutcome& outcome)
{
    const base::Duration wait = outcome.retryAfter.ns > 0 ? outcome.retryAfter : lane->backoff;
    lane->backoff = std::min(wait * 2, config_.queue.maxBackoff);
    const PayloadCounts counts = lane->counts;
    std::uint64_t round = 0;
    std::optional<std::uint64_t> failures;
    {
        const absl::MutexLock lock(&mutex_);
        ++retriesToLog_;
        if (isLogDueLocked(retryLogged_)) {
            failures = std::exchange(retriesToLog_, 0);
        }
        noReshardUntil_ = environment_.timers.clock().monotonic() + wait * 2;
        lane->phase = LanePhase::Waiting;
        lane->request.reset();
        round = ++lane->round;
        --working_;
        ++lane->attempt;
    }
    if (failures) {
        environment_.log->warn("remote: sending failed, it is tried again remote_name={} url={} "
                               "count={} failures={} wait={}ms err=\"{}\"",
                               name_, url_, counts.total(), *failures, wait.ms(), outcome.error);
    }
    environment_.timers.schedule(
        wait, [weak = weak_from_this(), weakLane = std::weak_ptr<Lane>(lane), round] {
            const auto self = weak.lock();
            const auto found = weakLane.lock();
            if (self && found) {
                self->retryDue(found, round);
            }
        });
    metrics_.retried.add(counts);
}

void WriteQueue::retryDue(const LanePtr& lane, std::uint64_t round)
{
    {
        const absl::MutexLock lock(&mutex_);
        if (lane->round != round || lane->phase != LanePhase::Waiting || isGivenUp_ ||
            (isHeld_ && lane != familyLane_)) {
            return; // whoever holds it takes its batch
        }
        lane->phase = LanePhase::Working;
        ++working_;
    }
    environment_.pool.submit([self = shared_from_this(), lane] {
        if (self->dropOld(*lane)) {
            self->encode(*lane);
        }
        self->attempt(lane);
    });
}

bool WriteQueue::isLogDueLocked(std::optional<base::Duration>& logged) const
{
    const base::Duration now = environment_.timers.clock().monotonic();
    if (logged && now - *logged < kBetweenLogLines) {
        return false;
    }
    logged = now;
    return true;
}

void WriteQueue::logRefused(const Lane& lane, const WriteOutcome& outcome)
{
    std::optional<PayloadCounts> lost;
    {
        const absl::MutexLock lock(&mutex_);
        lostToLog_ += without(lane.counts, outcome.written);
        if (isLogDueLocked(refusalLogged_)) {
            lost = std::exchange(lostToLog_, {});
        }
    }
    if (lost) {
        environment_.log->error("remote: samples are lost, the receiver does not take them "
                                "remote_name={} url={} samples={} histograms={} exemplars={} "
                                "metadata={} err=\"{}\"",
                                name_, url_, lost->samples, lost->histograms, lost->exemplars,
                                lost->metadata, outcome.error);
    }
    if (config_.failedRequestLogging && version_ == WriteVersion::V2 &&
        environment_.log->should_log(spdlog::level::debug)) {
        environment_.log->debug("remote: failed request remote_name={} body=\"{}\"", name_,
                                describeBatch(*lane.current, kLoggedBytes));
    }
}

void WriteQueue::finishBatch(const LanePtr& lane, const WriteOutcome& outcome)
{
    const base::Duration now = environment_.timers.clock().monotonic();
    const bool isMetadata = !lane->current->metadata.empty();
    const PayloadCounts& counts = lane->counts;
    if (outcome.result == WriteResult::Refused) {
        logRefused(*lane, outcome);
    }
    if (!lane->current->empty()) {
        metrics_.failed.add(without(counts, outcome.written));
        (isMetadata ? metrics_.metadataBytes : metrics_.bytes)
            .fetch_add(lane->body.size(), std::memory_order_relaxed);
    }
    if (!isMetadata) {
        metrics_.pending.subtract(counts);
        metrics_.out.fetch_add(counts.total(), std::memory_order_relaxed);
        metrics_.outNs.fetch_add((now - lane->begun).ns, std::memory_order_relaxed);
    }
    const std::int64_t highest = lane->current->highestTime();
    const absl::MutexLock lock(&mutex_);
    if (highest != kNoTime && outcome.result != WriteResult::Cancelled) {
        metrics_.highestSentTime =
            std::max(metrics_.highestSentTime.load(), static_cast<double>(highest) / 1000);
    }
    lastSent_ = now;
    lane->current->clear();
    if (spare_.size() < kSpareBatches && !isMetadata) {
        spare_.push_back(std::move(lane->current));
    }
    lane->current.reset();
    lane->request.reset();
    lane->phase = LanePhase::Idle;
    ++lane->round;
    --working_;
    startIfIdleLocked(lane);
}

} // namespace narthex::remote
