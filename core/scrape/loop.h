// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Scrapes one target on time: fetch, parse and append on the pool, schedule the next.
// Owner: a pool of the manager. Threads: every function from any thread; one scrape at a time.
// Source: spec/scrape.md, sections 3, 6 and 8.
#pragma once

#include "core/base/log.h"
#include "core/base/timers.h"
#include "core/base/worker_pool.h"
#include "core/scrape/failure_log.h"
#include "core/scrape/page_appender.h"
#include "core/scrape/page_source.h"
#include "core/scrape/target.h"

#include <absl/base/thread_annotations.h>
#include <absl/synchronization/mutex.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace narthex::scrape {

enum class Health : std::uint8_t
{
    Unknown,
    Up,
    Down
};

struct ScrapeOutcome
{
    base::Timestamp time;
    base::Duration duration;
    Health health = Health::Unknown;
};

/// What is known of a target, for the API and the window.
struct TargetStatus
{
    std::shared_ptr<const Target> target;
    /// Stable over refreshes: job and hash.
    std::string id;
    Health health = Health::Unknown;
    std::string lastError;
    ErrorClass errorClass = ErrorClass::None;
    std::optional<base::Timestamp> lastScrape;
    base::Duration lastDuration;
    std::uint64_t samplesScraped = 0;
    std::uint64_t samplesAfterRelabeling = 0;
    std::uint64_t seriesAdded = 0;
    std::uint64_t bodyBytes = 0;
    /// Oldest first, bounded.
    std::vector<ScrapeOutcome> history;
};

/// What the metadata of a target's families takes: its texts.
struct MetadataSize
{
    std::size_t entries = 0;
    std::size_t bytes = 0;
};

/// A target that is down.
struct Failure
{
    std::string job;
    std::string instance;
    std::string error;
    base::Timestamp since;
};

/// Scrapes that begin a hair late keep the time at which they were due: equal distances compress
/// far better.
struct TimestampAlignment
{
    bool enabled = true;
    base::Duration tolerance = base::Duration::fromMs(2);
};

class ScrapeLoop;

/// Loops that are no longer wanted and have something to do yet: a scrape to end, stale markers to
/// write. Threads: any.
class LeavingLoops
{
public:
    void add(std::shared_ptr<ScrapeLoop> loop);
    void remove(const ScrapeLoop* loop);
    /// The program ends: cancels and waits for all of them, now and from now on.
    void abandonAll();

private:
    absl::Mutex mutex_;
    std::map<const ScrapeLoop*, std::shared_ptr<ScrapeLoop>> loops_ ABSL_GUARDED_BY(mutex_);
};

/// What loops share. All outlive them.
struct ScrapeEnvironment
{
    base::Timers& timers;
    base::WorkerPool& pool;
    storage::Appendable& store;
    ScrapeCounters& counters;
    base::Logger log;
    /// Called after each scrape, on a worker.
    std::function<void()> onScraped;
    StartTimes startTimes;
    bool typeAndUnitLabels = false;
    bool customBuckets = true;
    TimestampAlignment alignment;
    std::shared_ptr<LeavingLoops> leaving = std::make_shared<LeavingLoops>();
};

class ScrapeLoop : public std::enable_shared_from_this<ScrapeLoop>
{
public:
    /// `failureLog` may be null.
    ScrapeLoop(ScrapeEnvironment environment, std::shared_ptr<const JobConfig> job,
               std::shared_ptr<const Target> target, std::unique_ptr<PageSource> source,
               std::shared_ptr<FailureLog> failureLog, std::uint64_t offsetSeed);

    void start();
    /// This loop takes the place of another one of the same target: the other's stopThen() leads
    /// to startAfter().
    void expectPredecessor();
    /// Takes over the cache of series, health and history of a loop that has stopped, and starts.
    void startAfter(ScrapeLoop& predecessor);
    /// No scrape starts after this. Cancels a running one when `cancelRunning`; waits for it either
    /// way.
    void stop(bool cancelRunning);
    /// No scrape starts after this; `then` is called when the running one has ended, at once when
    /// there is none.
    void stopThen(std::function<void()> then);
    /// Writes stale markers for all series at the time of the next tick, when two more ticks and a
    /// tenth of the interval are over: a target that comes back meanwhile has newer samples, which
    /// win. Only after stopThen().
    void endRunLater();
    /// Ends at once whatever stopThen() and endRunLater() have begun; waits for it.
    void abandon();
    /// Scrapes besides the schedule; `done` is called after it, at once when one is running
    /// already.
    void scrapeNow(std::function<void()> done);
    /// An error that stands in for every scrape (target_limit); empty: none.
    void setForcedError(std::string error);
    /// Other discovered labels, same identity.
    void setTarget(std::shared_ptr<const Target> target);

    [[nodiscard]] TargetStatus status() const;
    [[nodiscard]] Health health() const;
    /// Since when and why the target is down; absent while it is not.
    [[nodiscard]] std::optional<Failure> failure() const;
    [[nodiscard]] const std::string& id() const { return id_; }
    [[nodiscard]] std::vector<FamilyMetadata> metadata() const;
    [[nodiscard]] MetadataSize metadataSize() const;
    [[nodiscard]] std::shared_ptr<const Target> target() const;

private:
    void scheduleNextLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
    void onTimer();
    void begin(base::Timestamp scheduled, std::function<void()> done);
    void process(FetchResult result, base::Timestamp time, base::Duration started,
                 const std::function<void()>& done);
    void logFailure(const FetchResult& result, base::Timestamp time);
    void writeEnd(base::Timestamp time);
    void record(const AppendOutcome& outcome, base::Timestamp time, base::Duration took);
    [[nodiscard]] base::Timestamp alignedLocked(base::Timestamp scheduled) const
        ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

    // Fixed after construction.
    const ScrapeEnvironment environment_;
    const std::shared_ptr<const JobConfig> job_;
    const std::uint64_t offsetSeed_;
    const base::Duration interval_;
    const base::Duration timeout_;
    const std::string id_;
    // Safe by itself.
    const std::unique_ptr<PageSource> source_;
    const std::shared_ptr<FailureLog> failureLog_;

    mutable absl::Mutex mutex_;
    std::shared_ptr<const Target> target_ ABSL_GUARDED_BY(mutex_);
    TargetStatus status_ ABSL_GUARDED_BY(mutex_);
    base::Timestamp healthSince_ ABSL_GUARDED_BY(mutex_);
    std::deque<ScrapeOutcome> history_ ABSL_GUARDED_BY(mutex_);
    std::vector<FamilyMetadata> metadata_ ABSL_GUARDED_BY(mutex_);
    std::string forcedError_ ABSL_GUARDED_BY(mutex_);
    std::optional<base::TimerId> timer_ ABSL_GUARDED_BY(mutex_);
    base::Timestamp nextScheduled_ ABSL_GUARDED_BY(mutex_);
    std::optional<base::Duration> lastBegin_ ABSL_GUARDED_BY(mutex_);
    std::optional<base::TimerId> endTimer_ ABSL_GUARDED_BY(mutex_);
    std::function<void()> then_ ABSL_GUARDED_BY(mutex_);
    bool running_ ABSL_GUARDED_BY(mutex_) = false;
    /// Scrapes whose last step (telling others) has not ended.
    int busy_ ABSL_GUARDED_BY(mutex_) = 0;
    bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
    /// A predecessor has not handed over yet.
    bool waiting_ ABSL_GUARDED_BY(mutex_) = false;
    /// Stale markers are being written.
    bool ending_ ABSL_GUARDED_BY(mutex_) = false;
    bool abandoned_ ABSL_GUARDED_BY(mutex_) = false;
    std::string buffer_ ABSL_GUARDED_BY(mutex_);

    // Touched by the one running scrape only (running_ hands it over).
    PageAppender appender_;
};

} // namespace narthex::scrape
