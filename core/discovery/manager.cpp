// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/discovery/manager.h"

#include "core/base/status.h"

#include <absl/synchronization/mutex.h>
#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <thread>

namespace narthex::discovery {
namespace {

constexpr base::Duration kFirstPause = base::Duration::fromMs(100);
constexpr base::Duration kLongestPause = 5_s;
constexpr double kPauseGrowth = 1.5;
constexpr double kPauseJitter = 0.5;

double secondsOf(base::Duration duration) { return static_cast<double>(duration.ns) / 1e9; }

/// One distinct configuration at work. Its thread ends before it dies.
struct Running
{
    std::string name;
    std::shared_ptr<const MechanismConfig> config;
    std::set<std::string> sets;
    // Guarded by the manager's mutex.
    std::map<std::string, std::shared_ptr<const TargetGroup>> groups; // by source
    ProviderStatus status;
    std::jthread thread;
};

std::size_t countTargets(const GroupList& groups)
{
    std::size_t count = 0;
    for (const auto& group : groups) {
        count += group->entries.size();
    }
    return count;
}

} // namespace

class Manager::Impl
{
public:
    Impl(std::string name, base::Timers& timers, ProviderEnvironment environment, Publish publish)
        : name_(std::move(name)),
          timers_(timers),
          environment_{.http = environment.http,
                       .clock = environment.clock,
                       .log = environment.log,
                       .metrics = metrics_,
                       .resolverFile = environment.resolverFile,
                       .apiBase = environment.apiBase,
                       .variable = environment.variable,
                       .rootDirectory = environment.rootDirectory},
          publish_(std::move(publish)),
          publisher_([this](const std::stop_token& stop) { publishLoop(stop); })
    {
        const model::Labels labels = ownLabels();
        metrics_.set("prometheus_sd_failed_configs", labels, 0);
        metrics_.add("prometheus_sd_received_updates_total", labels, 0);
        metrics_.add("prometheus_sd_updates_delayed_total", labels, 0);
        metrics_.add("prometheus_sd_updates_total", labels, 0);
    }

    void apply(const std::map<std::string, ServiceDiscovery>& sets)
    {
        const absl::MutexLock applyLock(&applyMutex_);
        std::vector<std::unique_ptr<Running>> gone;
        std::vector<Running*> fresh;
        {
            const absl::MutexLock lock(&mutex_);
            if (stopped_) {
                return;
            }
            std::vector<std::unique_ptr<Running>> old = std::exchange(running_, {});
            failed_ = 0;
            for (const auto& provider : old) {
                provider->sets.clear();
            }
            statics_.clear();
            for (const auto& [set, discovery] : sets) {
                GroupList& groups = statics_[set];
                for (const TargetGroup& group : discovery.staticGroups) {
                    groups.push_back(std::make_shared<const TargetGroup>(group));
                }
                for (const auto& config : discovery.configs) {
                    subscribe(set, config, old, fresh);
                }
            }
            for (auto& provider : old) {
                if (provider) {
                    gone.push_back(std::move(provider));
                }
            }
            metrics_.set("prometheus_sd_failed_configs", ownLabels(), static_cast<double>(failed_));
        }
        stopAll(gone);
        for (Running* provider : fresh) {
            start(*provider);
        }
        changed(true);
    }

    void stop()
    {
        const absl::MutexLock applyLock(&applyMutex_);
        std::vector<std::unique_ptr<Running>> all;
        {
            const absl::MutexLock lock(&mutex_);
            stopped_ = true;
            all = std::exchange(running_, {});
        }
        publisher_.request_stop();
        {
            const absl::MutexLock lock(&mutex_);
            wake_.SignalAll();
        }
        stopAll(all);
        if (publisher_.joinable()) {
            publisher_.join();
        }
    }

    std::vector<ProviderStatus> status() const
    {
        const absl::MutexLock lock(&mutex_);
        std::vector<ProviderStatus> result;
        for (const auto& provider : running_) {
            ProviderStatus status = provider->status;
            status.name = provider->name;
            status.mechanism = provider->config->mechanism();
            status.sets.assign(provider->sets.begin(), provider->sets.end());
            status.groups = provider->groups.size();
            for (const auto& [source, group] : provider->groups) {
                status.targets += group->entries.size();
            }
            result.push_back(std::move(status));
        }
        return result;
    }

    TargetSets current() const
    {
        const absl::MutexLock lock(&mutex_);
        TargetSets sets = statics_;
        for (const auto& provider : running_) {
            for (const std::string& set : provider->sets) {
                GroupList& groups = sets[set];
                for (const auto& [source, group] : provider->groups) {
                    groups.push_back(group);
                }
            }
        }
        return sets;
    }

    [[nodiscard]] base::Duration steady() const { return timers_.clock().monotonic(); }
    Metrics& metrics() { return metrics_; }

private:
    [[nodiscard]] model::Labels ownLabels() const { return model::Labels{{"name", name_}}; }

    // Keeps a running provider of an equal configuration, or makes a new one.
    void subscribe(const std::string& set, const std::shared_ptr<const MechanismConfig>& config,
                   std::vector<std::unique_ptr<Running>>& old, std::vector<Running*>& fresh)
        ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_)
    {
        const auto same = [&config](const std::unique_ptr<Running>& provider) {
            return provider && provider->config->equals(*config);
        };
        if (const auto at = std::find_if(running_.begin(), running_.end(), same);
            at != running_.end()) {
            (*at)->sets.insert(set);
            return;
        }
        if (const auto at = std::find_if(old.begin(), old.end(), same); at != old.end()) {
            (*at)->sets.insert(set);
            running_.push_back(std::move(*at));
            return;
        }
        auto provider = std::make_unique<Running>();
        provider->name = fmt::format("{}/{}", config->mechanism(), nextNumber_++);
        provider->config = config;
        provider->sets.insert(set);
        fresh.push_back(provider.get());
        running_.push_back(std::move(provider));
    }

    void start(Running& running)
    {
        auto provider = running.config->makeProvider(environment_);
        if (!provider.ok()) {
            environment_.log->error("discovery: Cannot create service discovery name={} err=\"{}\"",
                                    running.name, base::messageOf(provider.status()));
            const absl::MutexLock lock(&mutex_);
            running.status.lastError = std::string(base::messageOf(provider.status()));
            ++failed_;
            metrics_.set("prometheus_sd_failed_configs", ownLabels(), static_cast<double>(failed_));
            return;
        }
        auto shared = std::make_shared<Provider>(*std::move(provider));
        running.thread = std::jthread([this, &running, shared](const std::stop_token& stop) {
            if (auto* refreshing = std::get_if<Refreshing>(shared.get())) {
                refreshLoop(running, *refreshing, stop);
            } else {
                std::get<std::unique_ptr<Watcher>>(*shared)->run(
                    stop,
                    [this, &running](TargetGroups groups) { update(running, std::move(groups)); });
            }
        });
    }

    void refreshLoop(Running& running, const Refreshing& refreshing, const std::stop_token& stop)
    {
        const std::string mechanism(running.config->mechanism());
        const model::Labels labels{{"config", running.name}, {"mechanism", mechanism}};
        metrics_.add("prometheus_sd_refresh_failures_total", labels, 0);
        do {
            const base::Duration begin = steady();
            auto groups = refreshing.refresher->refresh(stop);
            if (stop.stop_requested()) {
                return;
            }
            metrics_.observe("prometheus_sd_refresh_duration_seconds", labels,
                             secondsOf(steady() - begin), steady());
            noteRefresh(running, groups.status());
            if (groups.ok()) {
                update(running, *std::move(groups));
            } else {
                metrics_.add("prometheus_sd_refresh_failures_total", labels);
                environment_.log->error(
                    "discovery: Unable to refresh target groups config={} err=\"{}\"", running.name,
                    base::messageOf(groups.status()));
            }
        } while (waitFor(refreshing.interval, stop));
    }

    void noteRefresh(Running& running, const absl::Status& status)
    {
        const absl::MutexLock lock(&mutex_);
        running.status.lastAttempt = environment_.clock.now();
        running.status.lastError = std::string(base::messageOf(status));
        if (status.ok()) {
            running.status.lastSuccess = running.status.lastAttempt;
        }
    }

    void update(Running& running, TargetGroups groups)
    {
        metrics_.add("prometheus_sd_received_updates_total", ownLabels());
        {
            const absl::MutexLock lock(&mutex_);
            for (TargetGroup& group : groups) {
                if (group.entries.empty()) {
                    running.groups.erase(group.source);
                    continue;
                }
                auto& stored = running.groups[group.source];
                if (!stored || !(*stored == group)) {
                    stored = std::make_shared<const TargetGroup>(std::move(group));
                }
            }
            running.status.lastSuccess = environment_.clock.now();
        }
        changed(false);
    }

    void changed(bool atOnce)
    {
        const absl::MutexLock lock(&mutex_);
        changed_ = true;
        atOnce_ = atOnce_ || atOnce;
        wake_.SignalAll();
    }

    // Publishes what is newest, less and less often while updates keep coming.
    void publishLoop(const std::stop_token& stop)
    {
        std::minstd_rand random(std::random_device{}());
        std::uniform_real_distribution<double> jitter(1 - kPauseJitter, 1 + kPauseJitter);
        double pause = secondsOf(kFirstPause);
        base::Duration lastSent;
        while (!stop.stop_requested()) {
            {
                const absl::MutexLock lock(&mutex_);
                while (!changed_ && !stop.stop_requested()) {
                    wake_.Wait(&mutex_);
                }
                const absl::Time end = absl::Now() + absl::Seconds(pause * jitter(random));
                while (!atOnce_ && !stop.stop_requested()) {
                    if (wake_.WaitWithDeadline(&mutex_, end)) {
                        break;
                    }
                }
                if (stop.stop_requested()) {
                    return;
                }
                changed_ = false;
                atOnce_ = false;
            }
            const base::Duration now = steady();
            pause = now - lastSent > kLongestPause
                        ? secondsOf(kFirstPause)
                        : std::min(pause * kPauseGrowth, secondsOf(kLongestPause));
            lastSent = now;
            auto sets = std::make_shared<const TargetSets>(current());
            noteSets(*sets);
            publish_(std::move(sets));
        }
    }

    void noteSets(const TargetSets& sets)
    {
        for (const std::string& set : known_) {
            if (!sets.contains(set)) {
                metrics_.remove("prometheus_sd_discovered_targets", setLabels(set));
            }
        }
        known_.clear();
        for (const auto& [set, groups] : sets) {
            known_.insert(set);
            metrics_.set("prometheus_sd_discovered_targets", setLabels(set),
                         static_cast<double>(countTargets(groups)));
        }
        metrics_.add("prometheus_sd_updates_total", ownLabels());
    }

    [[nodiscard]] model::Labels setLabels(const std::string& set) const
    {
        return model::Labels{{"config", set}, {"name", name_}};
    }

    static void stopAll(std::vector<std::unique_ptr<Running>>& providers)
    {
        for (const auto& provider : providers) {
            provider->thread.request_stop();
        }
        providers.clear(); // joins
    }

    const std::string name_;
    base::Timers& timers_;
    Metrics metrics_;
    const ProviderEnvironment environment_;
    const Publish publish_;
    std::set<std::string> known_; // the publisher's

    absl::Mutex applyMutex_;
    mutable absl::Mutex mutex_ ABSL_ACQUIRED_AFTER(applyMutex_);
    absl::CondVar wake_;
    std::vector<std::unique_ptr<Running>> running_ ABSL_GUARDED_BY(mutex_);
    TargetSets statics_ ABSL_GUARDED_BY(mutex_);
    std::uint64_t nextNumber_ ABSL_GUARDED_BY(mutex_) = 0;
    std::size_t failed_ ABSL_GUARDED_BY(mutex_) = 0;
    bool changed_ ABSL_GUARDED_BY(mutex_) = false;
    bool atOnce_ ABSL_GUARDED_BY(mutex_) = false;
    bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
    std::jthread publisher_;
};

Manager::Manager(std::string name, base::Timers& timers, ProviderEnvironment environment,
                 Publish publish)
    : impl_(std::make_unique<Impl>(std::move(name), timers, std::move(environment),
                                   std::move(publish)))
{}

Manager::~Manager() { stop(); }

void Manager::apply(const std::map<std::string, ServiceDiscovery>& sets) { impl_->apply(sets); }
void Manager::stop() { impl_->stop(); }
std::vector<ProviderStatus> Manager::status() const { return impl_->status(); }
TargetSets Manager::current() const { return impl_->current(); }
Metrics& Manager::metrics() { return impl_->metrics(); }

void Manager::writeMetrics(exposition::TextWriter& out) const
{
    impl_->metrics().write(out, impl_->steady());
}

} // namespace narthex::discovery
