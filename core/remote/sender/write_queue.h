// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// One entry of remote_write: follows the log, spreads the samples over shards and sends them, in
// order for each series, for ever if need be. A shard is no thread: workers encode its batches,
// the loop carries them, timers wait for it. Full shards stop the reading of the log, which keeps
// what waits. Owner: RemoteStorage; work under way shares it. Threads: notify() from any; start(),
// replaceClient() and stop() one after another; LogSink is the watcher's thread; samples and shards
// are guarded by mutex_. Units: milliseconds. Errors: what is lost is counted and logged; status()
// says what is wrong now. Sources: write_queue.cpp (life, numbers), write_queue_input.cpp (from the
// log into shards), write_queue_lanes.cpp (out of them). Source: spec/remote.md, 2.
#pragma once

#include "core/base/log.h"
#include "core/base/timers.h"
#include "core/base/worker_pool.h"
#include "core/remote/sender/log_watcher.h"
#include "core/remote/sender/metrics.h"
#include "core/remote/sender/series_table.h"
#include "core/remote/sender/shard_count.h"
#include "core/remote/sender/write_client.h"

#include <absl/base/thread_annotations.h>
#include <absl/synchronization/mutex.h>

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace narthex::remote {

/// What queues work with; all of it outlives them.
struct SenderEnvironment
{
    net::HttpClient& client;
    base::WorkerPool& pool;
    base::Timers& timers;
    base::Logger log;
    std::filesystem::path walDirectory;
    /// What the targets say of their families now; may be empty.
    std::function<std::vector<FamilyText>()> families;
    /// The newest time that the store has taken, ms; absent: what the queue has seen counts.
    std::function<std::optional<std::int64_t>()> newestStored;
    /// Where credentials of clouds are found; null: nowhere.
    const discovery::ProviderEnvironment* cloud = nullptr;
};

struct QueueStatus
{
    std::string name;
    /// Without its password.
    std::string url;
    /// Empty: the last request was fine, or there was none.
    std::string lastError;
    /// Since when none was fine; absent: the last one was.
    std::optional<base::Timestamp> failingSince;
    /// Whether what failed is sent again.
    bool isRetried = false;
    std::uint64_t pending = 0;
    int shards = 0;
};

class WriteQueue final : private LogSink, public std::enable_shared_from_this<WriteQueue>
{
public:
    WriteQueue(const RemoteWriteConfig& config, const model::Labels& externalLabels,
               const SenderEnvironment& environment);
    ~WriteQueue() override;
    WriteQueue(const WriteQueue&) = delete;
    WriteQueue& operator=(const WriteQueue&) = delete;

    /// Sends what is stored from now on.
    void start();
    /// The log has grown.
    void notify() { watcher_.notify(); }
    /// Sends by this configuration from now on, which differs in secrets at most.
    void replaceClient(const RemoteWriteConfig& config);
    /// Sends what is in the log and in the shards, at most for so long; what is left then is lost,
    /// counted and logged.
    void stop(base::Duration flushDeadline);

    [[nodiscard]] const RemoteWriteConfig& config() const { return config_; }
    [[nodiscard]] QueueStatus status() const;
    [[nodiscard]] const QueueMetrics& metrics() const { return metrics_; }
    [[nodiscard]] QueueReading reading() const;

private:
    enum class LanePhase : std::uint8_t
    {
        Idle,
        /// With a worker, or on the wire.
        Working,
        /// For the next attempt.
        Waiting
    };
    /// A shard, or the way of the metadata: one request after the other. Guarded by mutex_, but
    /// for what belongs to the present request, which whoever works on it alone touches.
    struct Lane
    {
        explicit Lane(WriteVersion version) : encoder(version) {}
        std::unique_ptr<Batch> filling;
        base::Duration fillingSince;
        bool deadlineArmed = false;
        std::deque<std::unique_ptr<Batch>> full;
        LanePhase phase = LanePhase::Idle;
        /// Of the newest request; timers and answers of older ones find out by it.
        std::uint64_t round = 0;
        std::optional<net::RequestId> request;

        // The present request.
        std::unique_ptr<Batch> current;
        PayloadEncoder encoder;
        std::string body;
        PayloadCounts counts;
        int attempt = 0;
        base::Duration backoff;
        base::Duration begun;
        base::Duration attemptBegun;
    };
    using LanePtr = std::shared_ptr<Lane>;
    enum class Offer : std::uint8_t
    {
        Taken,
        Reshard,
        Stopped
    };

    // From the log into shards: the watcher's thread.
    void onSeries(std::uint64_t ref, std::string_view packedLabels, std::uint32_t segment) override;
    bool onSamples(std::span<const tsdb::WalSample> samples,
                   std::span<const std::int64_t> starts) override;
    bool onHistograms(std::span<const tsdb::WalHistogram> histograms) override;
    bool onExemplars(std::span<const tsdb::WalExemplar> exemplars) override;
    void onMetadata(std::span<const tsdb::WalMetadata> metadata) override;
    void onForgotten(std::uint32_t segment) override;
    void onIdle() override;
    void onEnd() override;
    /// The series if something of it at this time is to be sent; else null, and counted.
    const SentSeries* wanted(std::uint64_t ref, std::int64_t time, PendingKind kind);
    void countDrop(DropReason reason, PendingKind kind);
    [[nodiscard]] Batch& staged(std::uint64_t ref);
    void noteHighest(std::int64_t ms);
    bool offerStaged();
    Offer offer(std::size_t shard);
    [[nodiscard]] bool hasRoomLocked(const Lane& lane) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
    void putLocked(const LanePtr& lane, Batch& from, std::size_t first, std::size_t last)
        ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
    /// Goes on with another number of shards; what waited is spread over them, in order.
    void reshard();
    /// Takes all out of a lane whose request is not under way.
    static std::vector<std::unique_ptr<Batch>> emptyLane(Lane& lane);
    void reportUnknown();

    // Out of the shards.
    std::unique_ptr<Batch> newBatchLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
    void startIfIdleLocked(const LanePtr& lane) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
    void armDeadlineLocked(const LanePtr& lane, base::Duration in)
        ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
    void deadlineCame(const LanePtr& lane);
    void work(const LanePtr& lane);
    void encode(Lane& lane);
    /// Removes what has become too old; whether something was.
    bool dropOld(Lane& lane);
    void attempt(const LanePtr& lane);
    void answered(const LanePtr& lane, const WriteOutcome& outcome);
    void waitForRetry(const LanePtr& lane, const WriteOutcome& outcome);
    void retryDue(const LanePtr& lane, std::uint64_t round);
    void finishBatch(const LanePtr& lane, const WriteOutcome& outcome);
    void noteOutcome(const WriteOutcome& outcome);
    void logRefused(const Lane& lane, const WriteOutcome& outcome);
    /// Whether a minute has passed since `logged`, which then becomes now.
    bool isLogDueLocked(std::optional<base::Duration>& logged) const
        ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

    // Now and then.
    void countShardsLater();
    void countShards();
    void sendFamiliesLater();
    void sendFamilies();
    [[nodiscard]] bool isDrainedLocked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
    void giveUp();
    [[nodiscard]] std::vector<LanePtr> allLanesLocked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

    // Fixed after construction.
    const RemoteWriteConfig config_;
    const std::string name_;
    const std::string url_;
    const WriteVersion version_;
    const SenderEnvironment environment_;
    const std::size_t batchSize_;
    const std::size_t maxFull_;

    // Safe by itself.
    QueueMetrics metrics_;

    // Touched by the watcher's thread.
    SeriesTable table_;
    std::vector<Batch> staged_;
    std::uint64_t unknownSamples_ = 0;
    base::Duration unknownReported_;

    // Touched by the timer of the shards.
    ShardCounter shardCounter_;
    base::Duration lastCount_;

    mutable absl::Mutex mutex_;
    std::shared_ptr<WriteClient> client_ ABSL_GUARDED_BY(mutex_);
    std::vector<LanePtr> lanes_ ABSL_GUARDED_BY(mutex_);
    LanePtr familyLane_ ABSL_GUARDED_BY(mutex_);
    std::vector<std::unique_ptr<Batch>> spare_ ABSL_GUARDED_BY(mutex_);
    int working_ ABSL_GUARDED_BY(mutex_) = 0;
    std::optional<int> reshardTo_ ABSL_GUARDED_BY(mutex_);
    /// No new request is begun: shards are being changed.
    bool isHeld_ ABSL_GUARDED_BY(mutex_) = false;
    /// The log was read to its end: partial batches go at once.
    bool isDraining_ ABSL_GUARDED_BY(mutex_) = false;
    bool isGivenUp_ ABSL_GUARDED_BY(mutex_) = false;
    bool watcherEnded_ ABSL_GUARDED_BY(mutex_) = false;
    std::optional<base::Duration> lastSent_ ABSL_GUARDED_BY(mutex_);
    base::Duration noReshardUntil_ ABSL_GUARDED_BY(mutex_);
    std::string lastError_ ABSL_GUARDED_BY(mutex_);
    bool isRetried_ ABSL_GUARDED_BY(mutex_) = false;
    std::optional<base::Timestamp> failingSince_ ABSL_GUARDED_BY(mutex_);
    // Since the newest line of the log.
    std::optional<base::Duration> retryLogged_ ABSL_GUARDED_BY(mutex_);
    std::uint64_t retriesToLog_ ABSL_GUARDED_BY(mutex_) = 0;
    std::optional<base::Duration> refusalLogged_ ABSL_GUARDED_BY(mutex_);
    PayloadCounts lostToLog_ ABSL_GUARDED_BY(mutex_);

    /// Last: it is gone before what it tells.
    LogWatcher watcher_;
};

} // namespace narthex::remote
