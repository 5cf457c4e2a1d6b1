// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// All scrape pools: which targets exist, which loops run for them.
// Owner: core/engine. Threads: every function from any thread; apply() calls come one at a time.
// Source: spec/scrape.md, sections 1 and 4.
#pragma once

#include "core/scrape/loop.h"

#include <absl/base/thread_annotations.h>
#include <absl/synchronization/mutex.h>

#include <map>
#include <memory>
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
};

class ScrapeManager
{
public:
    /// `client` outlives the manager.
    ScrapeManager(ScrapeEnvironment environment, net::HttpClient& client);
    /// Stops everything, without stale markers.
    ~ScrapeManager();

    /// Replaces jobs by these. A job whose configuration is equal keeps its loops; targets that
    /// stay keep theirs. Targets that are gone end with stale markers.
    void apply(const std::vector<std::shared_ptr<const JobConfig>>& jobs,
               const std::vector<InternalJob>& internal, std::uint64_t offsetSeed);
    /// Cancels what runs; bounded by the pool's work at hand.
    void stop();

    [[nodiscard]] PoolStatus status() const;
    /// Metadata of all families by name; entries unique and sorted.
    [[nodiscard]] std::map<std::string, std::vector<model::Metadata>> metadata() const;
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
    struct Pool
    {
        std::shared_ptr<const JobConfig> job;
        std::map<std::uint64_t, std::shared_ptr<ScrapeLoop>> loops; // by the target's hash
        std::vector<DroppedTarget> dropped;
    };
    using SourceFactory = std::function<std::unique_ptr<PageSource>()>;

    void sync(Pool& pool, std::shared_ptr<const JobConfig> job, const TargetSet& set,
              const SourceFactory& factory, std::uint64_t offsetSeed);
    void end(const std::vector<std::shared_ptr<ScrapeLoop>>& loops);
    [[nodiscard]] std::vector<std::shared_ptr<ScrapeLoop>> loops() const;

    const ScrapeEnvironment environment_;
    net::HttpClient& client_;
    absl::Mutex applyMutex_;
    mutable absl::Mutex mutex_ ABSL_ACQUIRED_AFTER(applyMutex_);
    std::map<std::string, Pool> pools_ ABSL_GUARDED_BY(mutex_);
    bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

} // namespace narthex::scrape
