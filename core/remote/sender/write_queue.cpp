// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/remote/sender/write_queue.h"

#include "core/yaml/field_printer.h"

#include <absl/time/time.h>

#include <algorithm>

namespace narthex::remote {

using namespace base::literals;

namespace {

std::size_t batchSizeOf(const RemoteWriteConfig& config)
{
    const auto size = static_cast<std::size_t>(config.queue.maxSamplesPerSend);
    return config.sendExemplars ? size + size / 10 : size;
}

} // namespace

WriteQueue::WriteQueue(const RemoteWriteConfig& config, const model::Labels& externalLabels,
                       const SenderEnvironment& environment)
    : config_(config),
      name_(config.nameOrHash()),
      url_(yaml::hidePassword(config.url)),
      version_(writeVersionOf(config)),
      environment_(environment),
      batchSize_(batchSizeOf(config)),
      maxFull_(
          std::max<std::size_t>(1, static_cast<std::size_t>(config.queue.capacity) / batchSize_)),
      table_(externalLabels, config.writeRelabelRules, config.nameScheme, version_),
      watcher_({.walDirectory = environment.walDirectory,
                .name = name_,
                .exemplars = config.sendExemplars,
                .histograms = config.sendNativeHistograms,
                .metadata = version_ == WriteVersion::V2},
               *this, environment.timers, environment.log)
{
    const absl::MutexLock lock(&mutex_);
    client_ = std::make_shared<WriteClient>(config_, environment_.client,
                                            environment_.timers.clock(), environment_.cloud);
    familyLane_ = std::make_shared<Lane>(version_);
    const auto count = static_cast<std::size_t>(config_.queue.minShards);
    for (std::size_t i = 0; i < count; ++i) {
        lanes_.push_back(std::make_shared<Lane>(version_));
    }
    staged_.resize(count);
    metrics_.shards = static_cast<int>(count);
    metrics_.desiredShards = static_cast<double>(count);
}

WriteQueue::~WriteQueue() = default;

void WriteQueue::start()
{
    environment_.log->info("remote: sending begins remote_name={} url={}", name_, url_);
    lastCount_ = environment_.timers.clock().monotonic();
    countShardsLater();
    if (config_.metadata.send && version_ == WriteVersion::V1 && environment_.families) {
        sendFamiliesLater();
    }
    watcher_.start();
}

void WriteQueue::replaceClient(const RemoteWriteConfig& config)
{
    auto fresh = std::make_shared<WriteClient>(config, environment_.client,
                                               environment_.timers.clock(), environment_.cloud);
    const absl::MutexLock lock(&mutex_);
    client_ = std::move(fresh);
}

std::vector<WriteQueue::LanePtr> WriteQueue::allLanesLocked() const
{
    std::vector<LanePtr> all = lanes_;
    all.push_back(familyLane_);
    return all;
}

bool WriteQueue::isDrainedLocked() const
{
    const std::vector<LanePtr> all = allLanesLocked();
    return std::all_of(all.begin(), all.end(), [](const LanePtr& lane) {
        return lane->phase == LanePhase::Idle && lane->full.empty() &&
               (!lane->filling || lane->filling->empty());
    });
}

void WriteQueue::stop(base::Duration flushDeadline)
{
    const base::Clock& clock = environment_.timers.clock();
    const base::Duration deadline = clock.monotonic() + flushDeadline;
    const absl::Time wallDeadline = absl::Now() + absl::Nanoseconds(flushDeadline.ns);
    watcher_.requestFinish(deadline);
    {
        const absl::MutexLock lock(&mutex_);
        const auto ended = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return watcherEnded_; };
        if (mutex_.AwaitWithDeadline(absl::Condition(&ended), wallDeadline)) {
            isDraining_ = true;
            // What is metadata only is not worth waiting for.
            familyLane_->full.clear();
            for (const LanePtr& lane : lanes_) {
                startIfIdleLocked(lane);
            }
            const auto drained = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
                return isDrainedLocked();
            };
            mutex_.AwaitWithDeadline(absl::Condition(&drained), wallDeadline);
        }
    }
    giveUp();
    watcher_.join();
    environment_.log->info("remote: sending ended remote_name={} url={}", name_, url_);
}

void WriteQueue::giveUp()
{
    std::vector<net::RequestId> requests;
    std::shared_ptr<WriteClient> client;
    {
        const absl::MutexLock lock(&mutex_);
        isGivenUp_ = true;
        client = client_;
        for (const LanePtr& lane : allLanesLocked()) {
            if (lane->request) {
                requests.push_back(*lane->request);
            }
        }
    }
    client->stop();
    for (const net::RequestId id : requests) {
        client->cancel(id);
    }
    PayloadCounts lost;
    {
        const absl::MutexLock lock(&mutex_);
        const auto quiet = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return working_ == 0; };
        mutex_.Await(absl::Condition(&quiet));
        for (const LanePtr& lane : allLanesLocked()) {
            for (const auto& batch : emptyLane(*lane)) {
                lost += batch->counts();
            }
        }
        metrics_.pending.subtract(
            {.samples = lost.samples, .histograms = lost.histograms, .exemplars = lost.exemplars});
        metrics_.failed.add(lost);
    }
    if (lost.total() > 0) {
        environment_.log->error("remote: not sent before the end remote_name={} url={} samples={} "
                                "histograms={} exemplars={}",
                                name_, url_, lost.samples, lost.histograms, lost.exemplars);
    }
}

QueueStatus WriteQueue::status() const
{
    const absl::MutexLock lock(&mutex_);
    return {.name = name_,
            .url = url_,
            .lastError = lastError_,
            .failingSince = failingSince_,
            .isRetried = isRetried_,
            .pending = metrics_.pending.load().total(),
            .shards = metrics_.shards.load()};
}

QueueReading WriteQueue::reading() const
{
    return {.name = name_,
            .url = url_,
            .metrics = &metrics_,
            .watcher = &watcher_.counters(),
            .shardCapacity = static_cast<double>(config_.queue.capacity),
            .minShards = static_cast<double>(config_.queue.minShards),
            .maxShards = static_cast<double>(config_.queue.maxShards),
            .maxSamplesPerSend = static_cast<double>(config_.queue.maxSamplesPerSend),
            .isV1 = version_ == WriteVersion::V1};
}

void WriteQueue::countShardsLater()
{
    environment_.timers.schedule(ShardCounter::kInterval, [weak = weak_from_this()] {
        if (const auto self = weak.lock()) {
            self->countShards();
        }
    });
}

void WriteQueue::countShards()
{
    const base::Duration now = environment_.timers.clock().monotonic();
    const auto stored =
        environment_.newestStored ? environment_.newestStored() : std::optional<std::int64_t>();
    const double newest =
        stored ? static_cast<double>(*stored) / 1000 : metrics_.highestTime.load();
    const double delay = newest - metrics_.highestSentTime.load();
    PayloadCounts dropped;
    for (const KindCounters& each : metrics_.dropped) {
        dropped += each.load();
    }
    const FlowTotals totals{.in = static_cast<double>(metrics_.in.load()),
                            .out = static_cast<double>(metrics_.out.load()),
                            .dropped = static_cast<double>(dropped.total()),
                            .outSeconds = static_cast<double>(metrics_.outNs.load()) / 1e9};
    const auto desired = shardCounter_.tick(totals, now - lastCount_, delay);
    lastCount_ = now;
    bool changes = false;
    if (desired) {
        metrics_.desiredShards = *desired;
        const int current = metrics_.shards.load();
        const int next =
            nextShardCount(*desired, current, delay, static_cast<int>(config_.queue.minShards),
                           static_cast<int>(config_.queue.maxShards));
        const absl::MutexLock lock(&mutex_);
        const bool isSending = lastSent_ && now - *lastSent_ <= ShardCounter::kInterval;
        changes = next != current && isSending && now >= noReshardUntil_ && !isGivenUp_;
        if (changes) {
            reshardTo_ = next;
        }
    }
    if (changes) {
        watcher_.wake();
    }
    countShardsLater();
}

void WriteQueue::sendFamiliesLater()
{
    environment_.timers.schedule(config_.metadata.sendInterval, [weak = weak_from_this()] {
        if (const auto self = weak.lock()) {
            {
                const absl::MutexLock lock(&self->mutex_);
                if (self->isGivenUp_ || self->isDraining_) {
                    return;
                }
                ++self->working_;
            }
            self->environment_.pool.submit([self] { self->sendFamilies(); });
            self->sendFamiliesLater();
        }
    });
}

void WriteQueue::sendFamilies()
{
    std::vector<FamilyText> families = environment_.families();
    std::sort(families.begin(), families.end());
    families.erase(std::unique(families.begin(), families.end()), families.end());
    const auto size =
        static_cast<std::size_t>(std::max<std::int64_t>(1, config_.metadata.maxSamplesPerSend));
    const absl::MutexLock lock(&mutex_);
    --working_;
    Lane& lane = *familyLane_;
    if (isGivenUp_ || isDraining_ || lane.phase != LanePhase::Idle || !lane.full.empty()) {
        return; // the last round is still on its way
    }
    for (std::size_t first = 0; first < families.size(); first += size) {
        const std::size_t last = std::min(families.size(), first + size);
        auto batch = std::make_unique<Batch>();
        batch->metadata.assign(
            std::make_move_iterator(families.begin() + static_cast<std::ptrdiff_t>(first)),
            std::make_move_iterator(families.begin() + static_cast<std::ptrdiff_t>(last)));
        lane.full.push_back(std::move(batch));
    }
    startIfIdleLocked(familyLane_);
}

} // namespace narthex::remote
