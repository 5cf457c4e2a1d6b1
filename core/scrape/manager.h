// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// All scrape pools: which targets exist, which loops run for them.
// Owner: core/engine. Threads: every function from any thread; configurations and targets are
// applied one at a time. Source: spec/scrape.md, sections 1 and 4.
#pragma once

#include "core/discovery/manager.h"
#include "core/scrape/failure_log.h"
#include "core/scrape/loop.h"
#include "core/scrape/pool.h"

#include <absl/base/thread_annotations.h>
#include <absl/synchronization/mutex.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace narthex::scrape {

/// A collector in this process that is scraped like a target.
struct InternalJob
{
    std::shared_ptr<const JobConfig> job;
    /// Address of its one target; becomes the instance.
    std::string instance;
    std::function<std::unique_ptr<PageSource>()> makeSource;
};

struct PoolStatus
{
    std::vector<TargetStatus> active;
    std::vector<DroppedTarget> dropped;
    /// Of each job; more than are listed when keep_dropped_targets is set.
    std::map<std::string, std::uint64_t> droppedCounts;
};

struct TargetMetadata
{
    std::shared_ptr<const Target> target;
    std::vector<FamilyMetadata> families;
};

class ScrapeManager
{
public:
    /// Targets from discovery are looked at this often at most.
    static constexpr base::Duration kDefaultReloadInterval = base::Duration::fromMs(5000);

    /// `client` outlives the manager.
    ScrapeManager(ScrapeEnvironment environment, net::HttpClient& client,
                  base::Duration reloadInterval = kDefaultReloadInterval);
    /// Stops everything, without stale markers.
    ~ScrapeManager();

    /// Replaces jobs by these. A job whose configuration is equal keeps its loops; targets that
    /// stay keep theirs. Targets that are gone end with stale markers. `sets`: the newest targets
    /// by job; a job that is not there has its static ones. Errors: log files that do not open;
    /// all else is applied.
    absl::Status apply(const std::vector<std::shared_ptr<const JobConfig>>& jobs,
                       const std::vector<InternalJob>& internal, std::uint64_t offsetSeed,
                       const discovery::TargetSets& sets = {});
    /// New targets; looked at now, or when the reload interval is over.
    void update(std::shared_ptr<const discovery::TargetSets> sets);
    /// Cancels what runs; bounded by the pool's work at hand.
    void stop();

    [[nodiscard]] PoolStatus status() const;
    /// Metadata of all families by name; entries unique and sorted.
    [[nodiscard]] std::map<std::string, std::vector<model::Metadata>> metadata() const;
    /// What each target says of its families, targets by job.
    [[nodiscard]] std::vector<TargetMetadata> targetMetadata() const;
    /// The counters, and what is counted when asked for.
    void writeMetrics(exposition::TextWriter& out) const;
    /// Errors: NotFound.
    absl::Status scrapeNow(std::string_view targetId, std::function<void()> done);
    struct Summary
    {
        std::uint32_t up = 0;
        std::uint32_t down = 0;
        std::uint32_t unknown = 0;
    };
    [[nodiscard]] Summary summary() const;
    /// Targets that are down, by job.
    [[nodiscard]] std::vector<Failure> failures() const;

private:
    void syncAll(const discovery::TargetSets& sets) ABSL_EXCLUSIVE_LOCKS_REQUIRED(applyMutex_);
    void tick();
    [[nodiscard]] std::vector<std::shared_ptr<ScrapePool>> pools() const;
    [[nodiscard]] std::vector<std::shared_ptr<ScrapeLoop>> loops() const;

    const ScrapeEnvironment environment_;
    net::HttpClient& client_;
    const base::Duration reloadInterval_;
    FailureLogs failureLogs_;

    absl::Mutex applyMutex_;
    mutable absl::Mutex mutex_ ABSL_ACQUIRED_AFTER(applyMutex_);
    std::map<std::string, std::shared_ptr<ScrapePool>> pools_ ABSL_GUARDED_BY(mutex_);
    /// Came while the reload interval was not over.
    std::shared_ptr<const discovery::TargetSets> waiting_ ABSL_GUARDED_BY(mutex_);
    std::optional<base::TimerId> timer_ ABSL_GUARDED_BY(mutex_);
    std::optional<base::Duration> lastSync_ ABSL_GUARDED_BY(mutex_);
    std::set<std::string> unknownJobs_ ABSL_GUARDED_BY(applyMutex_);
    /// Ticks that were handed to the pool and have not ended.
    int pendingTicks_ ABSL_GUARDED_BY(mutex_) = 0;
    bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

} // namespace narthex::scrape
