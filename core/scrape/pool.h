// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The targets of one job and their loops. Owner: the manager. Threads: configure() and sync() one
// at a time, everything else from any thread. Source: spec/scrape.md, section 4.
#pragma once

#include "core/discovery/manager.h"
#include "core/scrape/failure_log.h"
#include "core/scrape/loop.h"

#include <absl/base/thread_annotations.h>
#include <absl/container/flat_hash_map.h>
#include <absl/synchronization/mutex.h>

#include <functional>
#include <memory>
#include <vector>

namespace narthex::scrape {

class ScrapePool
{
public:
    using SourceFactory = std::function<std::unique_ptr<PageSource>()>;

    explicit ScrapePool(const ScrapeEnvironment& environment) : environment_(environment) {}

    /// What the loops that sync() makes are to run with. A configuration that is not equal to the
    /// last one replaces all loops at the next sync(); the caches of series move over when
    /// interval, timeout, sample_limit and client settings are all that differ.
    void configure(std::shared_ptr<const JobConfig> job, SourceFactory factory,
                   std::shared_ptr<FailureLog> failureLog, std::uint64_t offsetSeed);
    /// These are the groups now. Does not wait for scrapes that run.
    void sync(const discovery::GroupList& groups);
    /// All targets are gone.
    void end() { sync({}); }
    /// Cancels what runs and waits; no stale markers.
    void stop();

    [[nodiscard]] std::shared_ptr<const JobConfig> job() const;
    [[nodiscard]] std::vector<std::shared_ptr<ScrapeLoop>> loops() const;
    [[nodiscard]] std::vector<DroppedTarget> dropped() const;
    [[nodiscard]] std::uint64_t droppedCount() const;

private:
    using Loops = absl::flat_hash_map<std::uint64_t, std::shared_ptr<ScrapeLoop>>; // by hash
    /// Targets of a group that does not change are made once.
    struct BuiltGroup
    {
        std::shared_ptr<const discovery::TargetGroup> group;
        TargetSet set;
    };

    [[nodiscard]] std::vector<BuiltGroup> build(const discovery::GroupList& groups);
    void replace(const std::vector<BuiltGroup>& built, bool sameJob);
    void report(const std::vector<BuiltGroup>& built);
    void limitTargets(const Loops& loops);

    const ScrapeEnvironment environment_;
    // Touched by configure() and sync().
    SourceFactory factory_;
    std::shared_ptr<FailureLog> failureLog_;
    std::uint64_t offsetSeed_ = 0;
    std::vector<BuiltGroup> built_;
    /// What the running loops were made with.
    std::shared_ptr<const JobConfig> loopsJob_;

    mutable absl::Mutex mutex_;
    std::shared_ptr<const JobConfig> job_ ABSL_GUARDED_BY(mutex_);
    Loops loops_ ABSL_GUARDED_BY(mutex_);
    std::vector<DroppedTarget> dropped_ ABSL_GUARDED_BY(mutex_);
    std::uint64_t droppedCount_ ABSL_GUARDED_BY(mutex_) = 0;
};

} // namespace narthex::scrape
