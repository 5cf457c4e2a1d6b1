// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/scrape/manager.h"

#include "core/base/status.h"

#include <algorithm>
#include <array>

namespace narthex::scrape {
namespace {

constexpr std::string_view kMetadataEntries = "prometheus_target_metadata_cache_entries";
constexpr std::string_view kMetadataBytes = "prometheus_target_metadata_cache_bytes";
/// Gone with their job.
constexpr std::array kJobMetrics{
    std::string_view("prometheus_target_scrape_pool_targets"),
    std::string_view("prometheus_target_scrape_pool_target_limit"),
    std::string_view("prometheus_target_scrape_pool_symboltable_items"),
    std::string_view("prometheus_target_scrape_pool_sync_total"),
    std::string_view("prometheus_target_sync_length_seconds"),
    std::string_view("prometheus_target_sync_length_histogram_seconds"),
    std::string_view("prometheus_target_sync_failed_total"),
    kMetadataEntries,
    kMetadataBytes,
};

} // namespace

ScrapeManager::ScrapeManager(ScrapeEnvironment environment, net::HttpClient& client,
                             base::Duration reloadInterval)
    : environment_(std::move(environment)), client_(client), reloadInterval_(reloadInterval)
{}

ScrapeManager::~ScrapeManager() { stop(); }

absl::Status ScrapeManager::apply(const std::vector<std::shared_ptr<const JobConfig>>& jobs,
                                  const std::vector<InternalJob>& internal,
                                  std::uint64_t offsetSeed, const discovery::TargetSets& sets)
{
    const absl::MutexLock applyLock(&applyMutex_);
    std::map<std::string, std::shared_ptr<ScrapePool>> old;
    {
        const absl::MutexLock lock(&mutex_);
        if (stopped_) {
            return absl::OkStatus();
        }
        old = pools_;
    }
    std::set<std::string> logs;
    for (const auto& job : jobs) {
        logs.insert(job->failureLogFile);
    }
    const absl::Status logsOpened = failureLogs_.open(logs);
    std::map<std::string, std::shared_ptr<ScrapePool>> next;
    discovery::TargetSets groups = sets;
    const auto place = [&](const std::shared_ptr<const JobConfig>& job,
                           ScrapePool::SourceFactory factory) {
        auto& pool = next[job->jobName];
        if (const auto existing = old.extract(job->jobName); !existing.empty()) {
            pool = existing.mapped();
        } else {
            pool = std::make_shared<ScrapePool>(environment_);
            environment_.counters.pools += 1;
        }
        pool->configure(job, std::move(factory), failureLogs_.find(job->failureLogFile),
                        offsetSeed);
    };
    for (const auto& job : jobs) {
        place(job, [this, job] { return makeHttpSource(client_, job); });
        if (!groups.contains(job->jobName)) {
            auto& list = groups[job->jobName];
            for (const discovery::TargetGroup& group : job->discovery.staticGroups) {
                list.push_back(std::make_shared<const discovery::TargetGroup>(group));
            }
        }
    }
    for (const InternalJob& job : internal) {
        place(job.job, job.makeSource);
        groups[job.job->jobName] = {
            std::make_shared<const discovery::TargetGroup>(discovery::TargetGroup{
                .source = "internal",
                .entries = {model::Labels{{discovery::kAddressLabel, job.instance}}}})};
    }
    unknownJobs_.clear();
    {
        const absl::MutexLock lock(&mutex_);
        pools_ = std::move(next);
        waiting_.reset(); // older than `sets`
    }
    for (const auto& [name, pool] : old) {
        pool->end();
        for (const std::string_view metric : kJobMetrics) {
            environment_.counters.detailed.remove(metric, model::Labels{{"scrape_job", name}});
        }
    }
    syncAll(groups);
    return logsOpened;
}

// Pools that `sets` does not name are left alone: internal ones, and those of a newer
// configuration.
void ScrapeManager::syncAll(const discovery::TargetSets& sets)
{
    std::vector<std::pair<std::shared_ptr<ScrapePool>, const discovery::GroupList*>> work;
    {
        const absl::MutexLock lock(&mutex_);
        if (stopped_) {
            return;
        }
        lastSync_ = environment_.timers.clock().monotonic();
        for (const auto& [name, groups] : sets) {
            if (const auto pool = pools_.find(name); pool != pools_.end()) {
                work.emplace_back(pool->second, &groups);
            } else if (unknownJobs_.insert(name).second) {
                environment_.log->error(
                    "scrape: error reloading target set err=\"invalid config id:{}\"", name);
            }
        }
    }
    environment_.pool.parallelFor(work.size(),
                                  [&work](std::size_t i) { work[i].first->sync(*work[i].second); });
}

void ScrapeManager::update(std::shared_ptr<const discovery::TargetSets> sets)
{
    {
        const absl::MutexLock lock(&mutex_);
        if (stopped_) {
            return;
        }
        waiting_ = std::move(sets);
        if (timer_) {
            return; // the tick that comes takes them
        }
        const base::Duration now = environment_.timers.clock().monotonic();
        const base::Duration wait =
            lastSync_ ? *lastSync_ + reloadInterval_ - now : base::Duration{};
        if (wait.ns > 0) {
            timer_ = environment_.timers.schedule(wait, [this] {
                {
                    const absl::MutexLock timerLock(&mutex_);
                    ++pendingTicks_;
                }
                environment_.pool.submit([this] {
                    tick();
                    const absl::MutexLock taskLock(&mutex_);
                    --pendingTicks_;
                });
            });
            return;
        }
    }
    tick();
}

void ScrapeManager::tick()
{
    const absl::MutexLock applyLock(&applyMutex_);
    std::shared_ptr<const discovery::TargetSets> sets;
    {
        const absl::MutexLock lock(&mutex_);
        timer_.reset();
        sets = std::exchange(waiting_, nullptr);
    }
    if (sets) {
        syncAll(*sets);
    }
}

void ScrapeManager::stop()
{
    std::optional<base::TimerId> timer;
    {
        const absl::MutexLock lock(&mutex_);
        stopped_ = true;
        timer = std::exchange(timer_, std::nullopt);
    }
    if (timer) {
        environment_.timers.cancel(*timer);
    }
    std::map<std::string, std::shared_ptr<ScrapePool>> all;
    {
        const absl::MutexLock lock(&mutex_);
        mutex_.Await(absl::Condition(
            +[](ScrapeManager* self)
                 ABSL_NO_THREAD_SAFETY_ANALYSIS { return self->pendingTicks_ == 0; },
            this));
        all = std::exchange(pools_, {});
    }
    const absl::MutexLock applyLock(&applyMutex_);
    environment_.leaving->abandonAll();
    for (const auto& [name, pool] : all) {
        pool->stop();
    }
}

std::vector<std::shared_ptr<ScrapePool>> ScrapeManager::pools() const
{
    const absl::MutexLock lock(&mutex_);
    std::vector<std::shared_ptr<ScrapePool>> result;
    for (const auto& [name, pool] : pools_) {
        result.push_back(pool);
    }
    return result;
}

std::vector<std::shared_ptr<ScrapeLoop>> ScrapeManager::loops() const
{
    std::vector<std::shared_ptr<ScrapeLoop>> result;
    for (const auto& pool : pools()) {
        auto loops = pool->loops();
        std::move(loops.begin(), loops.end(), std::back_inserter(result));
    }
    return result;
}

PoolStatus ScrapeManager::status() const
{
    PoolStatus result;
    for (const auto& pool : pools()) {
        for (const auto& loop : pool->loops()) {
            result.active.push_back(loop->status());
        }
        auto dropped = pool->dropped();
        std::move(dropped.begin(), dropped.end(), std::back_inserter(result.dropped));
        result.droppedCounts[pool->job()->jobName] = pool->droppedCount();
    }
    std::sort(result.active.begin(), result.active.end(),
              [](const TargetStatus& a, const TargetStatus& b) {
                  return std::tie(a.target->job, a.target->url, a.id) <
                         std::tie(b.target->job, b.target->url, b.id);
              });
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

std::vector<TargetMetadata> ScrapeManager::targetMetadata() const
{
    std::vector<TargetMetadata> result;
    for (const auto& loop : loops()) {
        result.push_back({loop->target(), loop->metadata()});
    }
    return result;
}

void ScrapeManager::writeMetrics(exposition::TextWriter& out) const
{
    std::map<std::string, MetadataSize> sizes;
    for (const auto& loop : loops()) {
        const MetadataSize size = loop->metadataSize();
        MetadataSize& sum = sizes[loop->target()->job];
        sum.entries += size.entries;
        sum.bytes += size.bytes;
    }
    for (const auto& [job, size] : sizes) {
        const model::Labels labels{{"scrape_job", job}};
        environment_.counters.detailed.set(kMetadataEntries, labels,
                                           static_cast<double>(size.entries));
        environment_.counters.detailed.set(kMetadataBytes, labels, static_cast<double>(size.bytes));
    }
    scrape::writeMetrics(out, environment_.counters, environment_.timers.clock().monotonic());
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
