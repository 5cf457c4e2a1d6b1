// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/scrape/manager.h"

#include "core/base/status.h"

#include <algorithm>

namespace narthex::scrape {

ScrapeManager::ScrapeManager(ScrapeEnvironment environment, net::HttpClient& client)
    : environment_(std::move(environment)), client_(client)
{}

ScrapeManager::~ScrapeManager() { stop(); }

void ScrapeManager::apply(const std::vector<std::shared_ptr<const JobConfig>>& jobs,
                          const std::vector<InternalJob>& internal, std::uint64_t offsetSeed)
{
    absl::MutexLock applyLock(&applyMutex_);
    std::map<std::string, Pool> next;
    {
        absl::MutexLock lock(&mutex_);
        if (stopped_) {
            return;
        }
        next = pools_; // loops are shared
    }
    std::map<std::string, Pool> old = std::exchange(next, {});
    const auto place = [&](const std::shared_ptr<const JobConfig>& job, const TargetSet& set,
                           const SourceFactory& factory) {
        for (const std::string& failure : set.failures) {
            environment_.log->error("scrape: creating target failed job={} err=\"{}\"",
                                    job->jobName, failure);
            environment_.counters.syncFailed += 1;
        }
        Pool pool;
        if (auto existing = old.extract(job->jobName); !existing.empty()) {
            pool = std::move(existing.mapped());
        }
        sync(pool, job, set, factory, offsetSeed);
        next.emplace(job->jobName, std::move(pool));
    };
    for (const auto& job : jobs) {
        place(job, makeTargets(*job, job->discovery.staticGroups),
              [this, job] { return makeHttpSource(client_, job); });
    }
    for (const InternalJob& job : internal) {
        const discovery::TargetGroup group{
            .source = "internal",
            .entries = {model::Labels{{discovery::kAddressLabel, job.instance}}}};
        place(job.job, makeTargets(*job.job, {group}), job.makeSource);
    }
    std::vector<std::shared_ptr<ScrapeLoop>> gone;
    for (const auto& [name, pool] : old) {
        for (const auto& [hash, loop] : pool.loops) {
            gone.push_back(loop);
        }
    }
    {
        absl::MutexLock lock(&mutex_);
        pools_ = std::move(next);
    }
    end(gone);
}

void ScrapeManager::sync(Pool& pool, std::shared_ptr<const JobConfig> job, const TargetSet& set,
                         const SourceFactory& factory, std::uint64_t offsetSeed)
{
    // Targets come and go with the static groups; only a change of anything else needs new loops.
    const auto withoutTargets = [](const JobConfig& config) {
        JobConfig copy = config;
        copy.discovery = {};
        return copy;
    };
    const bool sameJob = pool.job && withoutTargets(*pool.job) == withoutTargets(*job);
    std::vector<std::shared_ptr<ScrapeLoop>> gone;
    std::map<std::uint64_t, std::shared_ptr<ScrapeLoop>> loops;
    std::vector<std::shared_ptr<ScrapeLoop>> fresh;
    for (const auto& target : set.targets) {
        const auto existing = pool.loops.find(target->hash);
        if (sameJob && existing != pool.loops.end()) {
            existing->second->setTarget(target);
            loops.emplace(target->hash, existing->second);
            pool.loops.erase(existing);
            continue;
        }
        auto loop = std::make_shared<ScrapeLoop>(environment_, job, target, factory(), offsetSeed);
        loops.emplace(target->hash, loop);
        fresh.push_back(std::move(loop));
    }
    for (const auto& [hash, loop] : pool.loops) {
        gone.push_back(loop);
    }
    std::string forced;
    if (job->targetLimit != 0 && loops.size() > job->targetLimit) {
        forced = fmt::format("target_limit exceeded (number of targets: {}, limit: {})",
                             loops.size(), job->targetLimit);
        environment_.counters.targetLimit += 1;
    }
    for (const auto& [hash, loop] : loops) {
        loop->setForcedError(forced);
    }
    end(gone);
    for (const auto& loop : fresh) {
        loop->start();
    }
    pool.job = std::move(job);
    pool.loops = std::move(loops);
    pool.dropped = set.dropped;
    if (const std::uint64_t keep = pool.job->keepDroppedTargets;
        keep != 0 && pool.dropped.size() > keep) {
        pool.dropped.resize(keep);
    }
}

// A target that is gone ends with markers at the time it was last due; one that came back meanwhile
// has newer samples, which win.
void ScrapeManager::end(const std::vector<std::shared_ptr<ScrapeLoop>>& loops)
{
    environment_.pool.parallelFor(loops.size(), [&](std::size_t i) {
        loops[i]->stop(false);
        const absl::Status status = loops[i]->endRun(environment_.timers.clock().now());
        if (!status.ok()) {
            environment_.log->warn("scrape: stale markers failed url={} err=\"{}\"",
                                   loops[i]->target()->url, base::messageOf(status));
        }
    });
}

void ScrapeManager::stop()
{
    absl::MutexLock applyLock(&applyMutex_);
    std::vector<std::shared_ptr<ScrapeLoop>> running = loops();
    {
        absl::MutexLock lock(&mutex_);
        stopped_ = true;
        pools_.clear();
    }
    for (const auto& loop : running) {
        loop->stop(true);
    }
}

std::vector<std::shared_ptr<ScrapeLoop>> ScrapeManager::loops() const
{
    absl::MutexLock lock(&mutex_);
    std::vector<std::shared_ptr<ScrapeLoop>> result;
    for (const auto& [name, pool] : pools_) {
        for (const auto& [hash, loop] : pool.loops) {
            result.push_back(loop);
        }
    }
    return result;
}

PoolStatus ScrapeManager::status() const
{
    PoolStatus result;
    for (const auto& loop : loops()) {
        result.active.push_back(loop->status());
    }
    absl::MutexLock lock(&mutex_);
    for (const auto& [name, pool] : pools_) {
        result.dropped.insert(result.dropped.end(), pool.dropped.begin(), pool.dropped.end());
    }
    return result;
}

ScrapeManager::Summary ScrapeManager::summary() const
{
    Summary result;
    for (const auto& loop : loops()) {
        switch (loop->health()) {
        case Health::Up:
            ++result.up;
            break;
        case Health::Down:
            ++result.down;
            break;
        case Health::Unknown:
            ++result.unknown;
            break;
        }
    }
    return result;
}

std::vector<Failure> ScrapeManager::failures() const
{
    std::vector<Failure> result;
    for (const auto& loop : loops()) {
        if (auto failure = loop->failure()) {
            result.push_back(*std::move(failure));
        }
    }
    return result;
}

std::map<std::string, std::vector<model::Metadata>> ScrapeManager::metadata() const
{
    std::map<std::string, std::vector<model::Metadata>> result;
    for (const auto& loop : loops()) {
        for (FamilyMetadata& family : loop->metadata()) {
            auto& entries = result[family.family];
            const auto at = std::lower_bound(entries.begin(), entries.end(), family.metadata);
            if (at == entries.end() || *at != family.metadata) {
                entries.insert(at, std::move(family.metadata));
            }
        }
    }
    return result;
}

absl::Status ScrapeManager::scrapeNow(std::string_view targetId, std::function<void()> done)
{
    for (const auto& loop : loops()) {
        if (loop->id() == targetId) {
            loop->scrapeNow(std::move(done));
            return absl::OkStatus();
        }
    }
    return base::notFound("no target with id {}", targetId);
}

} // namespace narthex::scrape
