// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/rules/manager.h"

#include "core/base/status.h"

#include <utility>

namespace narthex::rules {

absl::StatusOr<std::vector<RuleFile>> loadRuleFiles(std::span<const std::string> paths,
                                                    const RuleFileOptions& options)
{
    std::vector<RuleFile> files;
    std::string problems;
    for (const std::string& path : paths) {
        if (auto file = loadRuleFile(path, options); file.ok()) {
            files.push_back(*std::move(file));
        } else {
            problems += problems.empty() ? "" : "\n";
            problems += base::messageOf(file.status());
        }
    }
    if (!problems.empty()) {
        return absl::InvalidArgumentError(problems);
    }
    return files;
}

std::map<std::string, GroupSpec> groupSpecs(const std::vector<RuleFile>& files,
                                            const GroupDefaults& defaults)
{
    const auto surroundings = std::make_shared<const AlertSurroundings>(defaults.surroundings);
    std::map<std::string, GroupSpec> specs;
    for (const RuleFile& file : files) {
        for (const RuleGroup& group : file.groups) {
            GroupSpec spec{.file = file.path, .definition = group, .surroundings = surroundings};
            spec.definition.interval = group.interval.value_or(defaults.interval);
            spec.definition.queryOffset = group.queryOffset.value_or(defaults.queryOffset);
            std::string key = spec.key();
            specs.insert_or_assign(std::move(key), std::move(spec));
        }
    }
    return specs;
}

RuleManager::RuleManager(ManagerOptions options, const Environment& environment)
    : options_(options),
      timers_(environment.timers),
      pool_(environment.pool),
      rules_{.queries = environment.queries,
             .reading = environment.reading,
             .writing = environment.writing,
             .clock = environment.timers.clock(),
             .sink = environment.sink,
             .log = environment.log,
             .metrics = &metrics_},
      concurrency_(options.maxConcurrentEvaluations),
      gaps_(environment.timers.clock())
{}

RuleManager::~RuleManager() { stop(); }

absl::Status RuleManager::load(std::span<const std::string> paths, const GroupDefaults& defaults)
{
    const auto files = loadRuleFiles(paths, defaults.files);
    if (!files.ok()) {
        rules_.log->error("rules: files are not loaded, the rules that were there stay in force "
                          "error={}",
                          base::messageOf(files.status()));
        return files.status();
    }
    for (const RuleFile& file : *files) {
        for (const std::string& warning : file.warnings) {
            rules_.log->warn("rules: {}", warning);
        }
    }
    apply(*files, defaults);
    return absl::OkStatus();
}

std::shared_ptr<Group> RuleManager::makeGroup(GroupSpec spec, Group* former, bool restore)
{
    const std::string key = spec.key();
    auto group = std::make_shared<Group>(std::move(spec), options_.groups,
                                         GroupEnvironment{.rules = rules_,
                                                          .timers = timers_,
                                                          .pool = pool_,
                                                          .concurrency = concurrency_,
                                                          .gaps = gaps_,
                                                          .metrics = metrics_},
                                         former != nullptr ? former->needsRestore() : restore);
    if (former != nullptr) {
        group->copyState(*former);
    }
    group->expectStale(takeRetired(key));
    return group;
}

void RuleManager::apply(const std::vector<RuleFile>& files, const GroupDefaults& defaults)
{
    const absl::MutexLock applying(&applyMutex_);
    Groups old;
    bool started = false;
    bool restore = false;
    {
        const absl::MutexLock lock(&mutex_);
        if (stopped_) {
            return;
        }
        old = groups_;
        started = started_;
        restore = options_.restoreNewGroups || !loadedOnce_;
        loadedOnce_ = true;
    }
    Groups next;
    std::vector<std::shared_ptr<Group>> fresh;
    for (auto& [key, spec] : groupSpecs(files, defaults)) {
        const auto found = old.find(key);
        if (found != old.end() && found->second->spec().sameAs(spec)) {
            next.emplace(key, found->second);
            continue;
        }
        Group* const former = found != old.end() ? found->second.get() : nullptr;
        if (former != nullptr) {
            former->stop();
        }
        fresh.push_back(next.emplace(key, makeGroup(spec, former, restore)).first->second);
    }
    std::vector<std::pair<std::string, std::shared_ptr<Group>>> gone;
    for (const auto& [key, group] : old) {
        if (!next.contains(key)) {
            gone.emplace_back(key, group);
        }
    }
    {
        const absl::MutexLock lock(&mutex_);
        groups_ = std::move(next);
    }
    for (const auto& [key, group] : gone) {
        group->stop();
        retire(key, *group);
    }
    if (started) {
        for (const auto& group : fresh) {
            group->start();
        }
    }
    rules_.log->info("rules: applied groups={} renewed={} removed={}", groups().size(),
                     fresh.size(), gone.size());
}

void RuleManager::retire(const std::string& key, const Group& group)
{
    std::vector<model::Labels> series = group.series();
    if (series.empty()) {
        return;
    }
    const absl::MutexLock lock(&mutex_);
    const base::TimerId timer = timers_.schedule(group.spec().interval() * 2, [this, key] {
        {
            const absl::MutexLock ticking(&mutex_);
            if (stopped_) {
                return;
            }
            ++ending_;
        }
        pool_.submit([this, key] { endRetired(key); });
    });
    retired_[key] = {.series = std::move(series),
                     .queryOffset = group.spec().definition.queryOffset.value_or(0_ns),
                     .timer = timer};
}

void RuleManager::endRetired(const std::string& key)
{
    Retired retired;
    {
        const absl::MutexLock lock(&mutex_);
        const auto found = retired_.find(key);
        if (found != retired_.end() && !stopped_) {
            retired = std::move(found->second);
            retired_.erase(found);
        }
    }
    if (!retired.series.empty()) {
        const absl::Status status = writeStaleMarkers(retired.series, rules_.writing,
                                                      timers_.clock().now() - retired.queryOffset);
        if (!status.ok()) {
            rules_.log->warn("rules: series of a removed group are not ended group={} error={}",
                             key, base::messageOf(status));
        }
    }
    const absl::MutexLock lock(&mutex_);
    --ending_;
}

std::vector<model::Labels> RuleManager::takeRetired(const std::string& key)
{
    std::optional<Retired> retired;
    {
        const absl::MutexLock lock(&mutex_);
        if (const auto found = retired_.find(key); found != retired_.end()) {
            retired = std::move(found->second);
            retired_.erase(found);
        }
    }
    if (!retired) {
        return {};
    }
    timers_.cancel(retired->timer);
    return std::move(retired->series);
}

ReloadDiff RuleManager::diff(const std::vector<RuleFile>& files,
                             const GroupDefaults& defaults) const
{
    std::map<std::string, GroupSpec> current;
    std::map<std::string, std::size_t> active;
    for (const auto& group : groups()) {
        current.emplace(group->spec().key(), group->spec());
        for (const auto& rule : group->rules().rules()) {
            if (const auto* alerting = dynamic_cast<const AlertingRule*>(rule.get())) {
                active[group->spec().key() + ";" + rule->identity()] += alerting->activeCount();
            }
        }
    }
    return reloadDiff(current, groupSpecs(files, defaults), active);
}

void RuleManager::start()
{
    const absl::MutexLock applying(&applyMutex_);
    {
        const absl::MutexLock lock(&mutex_);
        if (started_ || stopped_) {
            return;
        }
        started_ = true;
    }
    for (const auto& group : groups()) {
        group->start();
    }
}

void RuleManager::stop()
{
    const absl::MutexLock applying(&applyMutex_);
    std::map<std::string, Retired> retired;
    {
        const absl::MutexLock lock(&mutex_);
        stopped_ = true;
        retired.swap(retired_);
    }
    for (const auto& [key, each] : retired) {
        timers_.cancel(each.timer);
    }
    for (const auto& group : groups()) {
        group->stop();
    }
    const absl::MutexLock lock(&mutex_);
    const auto idle = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return ending_ == 0; };
    mutex_.Await(absl::Condition(&idle));
}

std::vector<std::shared_ptr<Group>> RuleManager::groups() const
{
    const absl::MutexLock lock(&mutex_);
    std::vector<std::shared_ptr<Group>> result;
    result.reserve(groups_.size());
    for (const auto& [key, group] : groups_) {
        result.push_back(group);
    }
    return result;
}

std::vector<GroupSnapshot> RuleManager::snapshot(bool withAlerts) const
{
    std::vector<GroupSnapshot> result;
    for (const auto& group : groups()) {
        result.push_back(group->snapshot(withAlerts));
    }
    std::sort(result.begin(), result.end(), [](const GroupSnapshot& a, const GroupSnapshot& b) {
        return std::tie(a.file, a.name) < std::tie(b.file, b.name);
    });
    return result;
}

void RuleManager::writeMetrics(exposition::TextWriter& out) const
{
    std::vector<NamedGroupStats> stats;
    for (const auto& group : groups()) {
        stats.push_back({group->spec().key(), group->stats()});
    }
    metrics_.write(out, stats, timers_.clock().monotonic());
}

} // namespace narthex::rules
