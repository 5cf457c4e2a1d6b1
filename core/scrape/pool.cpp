// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/scrape/pool.h"

#include "core/base/status.h"

#include <fmt/format.h>

#include <algorithm>

namespace narthex::scrape {
namespace {

/// Targets come and go with discovery; only a change of anything else needs new loops.
bool needsNewLoops(const JobConfig& before, const JobConfig& after)
{
    JobConfig a = before;
    JobConfig b = after;
    a.discovery = {};
    b.discovery = {};
    return !(a == b);
}

/// Whether series and lines that are known under one configuration are right under the other.
bool sharesCache(const JobConfig& before, const JobConfig& after)
{
    const auto reduced = [](const JobConfig& job) {
        JobConfig copy = job;
        copy.interval = {};
        copy.timeout = {};
        copy.sampleLimit = 0;
        copy.http = {};
        copy.discovery = {};
        copy.targetLimit = 0;
        copy.keepDroppedTargets = 0;
        copy.failureLogFile.clear();
        return copy;
    };
    return reduced(before) == reduced(after);
}

/// The job as makeTargets() sees it: relabeling and defaults of labels.
bool makesEqualTargets(const JobConfig& a, const JobConfig& b)
{
    return a.jobName == b.jobName && a.interval == b.interval && a.timeout == b.timeout &&
           a.metricsPath == b.metricsPath && a.scheme == b.scheme && a.params == b.params &&
           a.relabelRules == b.relabelRules && a.nameScheme == b.nameScheme &&
           a.scrapeNativeHistograms == b.scrapeNativeHistograms &&
           a.alwaysScrapeClassicHistograms == b.alwaysScrapeClassicHistograms &&
           a.convertClassicHistograms == b.convertClassicHistograms;
}

} // namespace

void ScrapePool::configure(std::shared_ptr<const JobConfig> job, SourceFactory factory,
                           std::shared_ptr<FailureLog> failureLog, std::uint64_t offsetSeed)
{
    factory_ = std::move(factory);
    failureLog_ = std::move(failureLog);
    offsetSeed_ = offsetSeed;
    const absl::MutexLock lock(&mutex_);
    if (job_ && !makesEqualTargets(*job_, *job)) {
        built_.clear();
    }
    job_ = std::move(job);
}

std::vector<ScrapePool::BuiltGroup> ScrapePool::build(const discovery::GroupList& groups)
{
    const std::shared_ptr<const JobConfig> config = job();
    absl::flat_hash_map<const discovery::TargetGroup*, std::size_t> known;
    for (std::size_t i = 0; i < built_.size(); ++i) {
        known.emplace(built_[i].group.get(), i);
    }
    std::vector<BuiltGroup> result(groups.size());
    std::vector<std::size_t> fresh;
    for (std::size_t i = 0; i < groups.size(); ++i) {
        const auto at = known.find(groups[i].get());
        if (at != known.end() && built_[at->second].group) {
            result[i] = std::move(built_[at->second]);
        } else {
            result[i].group = groups[i];
            fresh.push_back(i);
        }
    }
    environment_.pool.parallelFor(fresh.size(), [&](std::size_t i) {
        BuiltGroup& each = result[fresh[i]];
        each.set = makeTargets(*config, *each.group);
    });
    for (const std::size_t i : fresh) {
        for (const std::string& failure : result[i].set.failures) {
            environment_.log->error("scrape: creating target failed job={} err=\"{}\"",
                                    config->jobName, failure);
            environment_.counters.syncFailed += 1;
            environment_.counters.detailed.add("prometheus_target_sync_failed_total",
                                               model::Labels{{"scrape_job", config->jobName}});
        }
    }
    return result;
}

void ScrapePool::sync(const discovery::GroupList& groups)
{
    const base::Duration begin = environment_.timers.clock().monotonic();
    std::vector<BuiltGroup> built = build(groups);
    const std::shared_ptr<const JobConfig> config = job();
    const bool sameJob = loopsJob_ && !needsNewLoops(*loopsJob_, *config);
    if (loopsJob_ && !sameJob) {
        environment_.counters.poolReloads += 1;
    }
    const bool isReload = loopsJob_ && !sameJob;
    replace(built, sameJob);
    loopsJob_ = config;
    report(built);
    built_ = std::move(built);
    const base::Duration now = environment_.timers.clock().monotonic();
    const model::Labels labels{{"scrape_job", config->jobName}};
    environment_.counters.detailed.add("prometheus_target_scrape_pool_sync_total", labels);
    discovery::Metrics& metrics = environment_.counters.detailed;
    const double seconds = (now - begin).seconds();
    metrics.observe("prometheus_target_sync_length_seconds", labels, seconds, now);
    metrics.observeBuckets("prometheus_target_sync_length_histogram_seconds", labels, seconds);
    if (isReload) {
        metrics.observe("prometheus_target_reload_length_seconds",
                        model::Labels{{"interval", base::formatDuration(config->interval)}},
                        seconds, now);
    }
}

void ScrapePool::replace(const std::vector<BuiltGroup>& built, bool sameJob)
{
    const std::shared_ptr<const JobConfig> config = job();
    Loops old;
    {
        const absl::MutexLock lock(&mutex_);
        old = loops_;
    }
    Loops next;
    std::vector<std::shared_ptr<const Target>> missing;
    for (const BuiltGroup& group : built) {
        for (const auto& target : group.set.targets) {
            if (next.contains(target->hash)) {
                continue; // the same target in two groups
            }
            const auto existing = old.find(target->hash);
            if (sameJob && existing != old.end()) {
                existing->second->setTarget(target);
                next.emplace(target->hash, std::move(existing->second));
                old.erase(existing);
            } else {
                next.emplace(target->hash, nullptr);
                missing.push_back(target);
            }
        }
    }
    // Loops whose caches may go to new ones.
    Loops heirs;
    if (loopsJob_ && sharesCache(*loopsJob_, *config)) {
        for (const auto& [hash, loop] : old) {
            heirs.emplace(loop->target()->pageHash, loop);
        }
    }
    std::vector<std::function<void()>> starts;
    for (const auto& target : missing) {
        auto loop = std::make_shared<ScrapeLoop>(environment_, config, target, factory_(),
                                                 failureLog_, offsetSeed_);
        next[target->hash] = loop;
        const auto heir = heirs.find(target->pageHash);
        if (heir == heirs.end()) {
            starts.push_back([loop] { loop->start(); });
            continue;
        }
        const std::shared_ptr<ScrapeLoop> before = heir->second;
        old.erase(before->target()->hash);
        heirs.erase(heir);
        loop->expectPredecessor();
        starts.push_back(
            [before, loop] { before->stopThen([before, loop] { loop->startAfter(*before); }); });
    }
    limitTargets(next);
    {
        const absl::MutexLock lock(&mutex_);
        loops_ = std::move(next);
    }
    for (const auto& [hash, loop] : old) {
        loop->stopThen([loop = loop] { loop->endRunLater(); });
    }
    for (const auto& start : starts) {
        start();
    }
}

void ScrapePool::limitTargets(const Loops& loops)
{
    const std::uint64_t limit = job()->targetLimit;
    std::string forced;
    if (limit != 0 && loops.size() > limit) {
        forced = fmt::format("target_limit exceeded (number of targets: {}, limit: {})",
                             loops.size(), limit);
        environment_.counters.targetLimit += 1;
    }
    for (const auto& [hash, loop] : loops) {
        loop->setForcedError(forced);
    }
}

void ScrapePool::report(const std::vector<BuiltGroup>& built)
{
    const std::shared_ptr<const JobConfig> config = job();
    std::vector<DroppedTarget> dropped;
    std::uint64_t count = 0;
    const std::uint64_t keep = config->keepDroppedTargets;
    for (const BuiltGroup& group : built) {
        for (const DroppedTarget& target : group.set.dropped) {
            if (keep == 0 || count < keep) {
                dropped.push_back(target);
            }
            ++count;
        }
    }
    const absl::MutexLock lock(&mutex_);
    dropped_ = std::move(dropped);
    droppedCount_ = count;
    const model::Labels labels{{"scrape_job", config->jobName}};
    environment_.counters.detailed.set("prometheus_target_scrape_pool_targets", labels,
                                       static_cast<double>(loops_.size()));
    environment_.counters.detailed.set("prometheus_target_scrape_pool_target_limit", labels,
                                       static_cast<double>(config->targetLimit));
    // Labels are kept by the store alone: a pool has no table of symbols.
    environment_.counters.detailed.set("prometheus_target_scrape_pool_symboltable_items", labels,
                                       0);
}

void ScrapePool::stop()
{
    const std::vector<std::shared_ptr<ScrapeLoop>> running = loops();
    for (const auto& loop : running) {
        loop->stop(true);
    }
}

std::shared_ptr<const JobConfig> ScrapePool::job() const
{
    const absl::MutexLock lock(&mutex_);
    return job_;
}

std::vector<std::shared_ptr<ScrapeLoop>> ScrapePool::loops() const
{
    const absl::MutexLock lock(&mutex_);
    std::vector<std::shared_ptr<ScrapeLoop>> result;
    result.reserve(loops_.size());
    for (const auto& [hash, loop] : loops_) {
        result.push_back(loop);
    }
    return result;
}

std::vector<DroppedTarget> ScrapePool::dropped() const
{
    const absl::MutexLock lock(&mutex_);
    return dropped_;
}

std::uint64_t ScrapePool::droppedCount() const
{
    const absl::MutexLock lock(&mutex_);
    return droppedCount_;
}

} // namespace narthex::scrape
