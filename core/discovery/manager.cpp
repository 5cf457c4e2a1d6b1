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

constexpr std::string_view kDiscovered = "prometheus_sd_discovered_targets";
constexpr std::string_view kLastUpdate = "prometheus_sd_last_update_timestamp_seconds";
constexpr std::string_view kRefreshFailures = "prometheus_sd_refresh_failures_total";
constexpr std::string_view kRefreshDuration = "prometheus_sd_refresh_duration_seconds";
constexpr std::string_view kRefreshHistogram = "prometheus_sd_refresh_duration_histogram_seconds";

// Providers that are no longer wanted get this long to end before new ones start. One that takes
// longer ends on its own: it holds up nobody.
constexpr base::Duration kGrace = base::Duration::fromMs(100);

/// One distinct configuration at work. Its thread ends before it dies.
struct Running
{
    // Fixed once it runs.
    std::string name;
    std::shared_ptr<const MechanismConfig> config;
    /// Of the metrics: the first set that asked for it.
    model::Labels labels;
    // Guarded by the manager's mutex.
    std::set<std::string> sets;
    std::map<std::string, std::shared_ptr<const TargetGroup>> groups; // by source
    ProviderStatus status;
    std::map<std::string, std::string> failing; // what watchers say of their parts
    bool failed = false;                        // could not be made: the next apply() tries again
    bool retired = false;                       // nobody asks for it any more
    bool ended = false;                         // its thread is about to return
    std::jthread thread;
};

base::Duration scaled(base::Duration duration, double by)
{
    return {static_cast<std::int64_t>(static_cast<double>(duration.ns) * by)};
}

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
    Impl(std::string name, const ProviderEnvironment& environment, Publish publish)
        : name_(std::move(name)),
          environment_(environment),
          publish_(std::move(publish)),
          metrics_(environment.metrics),
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
        std::vector<Running*> fresh;
        std::vector<Running*> gone;
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
            const TargetSets before = std::exchange(statics_, {});
            for (const auto& [set, discovery] : sets) {
                statics_[set] = shareStatics(before, set, discovery.staticGroups);
                for (const auto& config : discovery.configs) {
                    subscribe(set, config, old, fresh);
                }
            }
            metrics_.set("prometheus_sd_failed_configs", ownLabels(), 0);
            gone = retireLocked(std::move(old));
        }
        for (Running* provider : gone) {
            provider->thread.request_stop();
        }
        waitForEnds();
        reap();
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
            std::move(retired_.begin(), retired_.end(), std::back_inserter(all));
            retired_.clear();
            for (const auto& provider : all) {
                provider->retired = true;
            }
        }
        publisher_.request_stop();
        {
            const absl::MutexLock lock(&mutex_);
            wake_.SignalAll();
        }
        if (publisher_.joinable()) {
            publisher_.join();
        }
        for (const auto& provider : all) {
            provider->thread.request_stop();
        }
        all.clear(); // joins
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

private:
    [[nodiscard]] base::Duration steady() const { return environment_.clock.monotonic(); }
    [[nodiscard]] model::Labels ownLabels() const { return model::Labels{{"name", name_}}; }

    // Groups that did not change keep their address.
    static GroupList shareStatics(const TargetSets& before, const std::string& set,
                                  const TargetGroups& groups)
    {
        const auto known = before.find(set);
        GroupList result;
        for (std::size_t i = 0; i < groups.size(); ++i) {
            const bool same =
                known != before.end() && i < known->second.size() && *known->second[i] == groups[i];
            result.push_back(same ? known->second[i]
                                  : std::make_shared<const TargetGroup>(groups[i]));
        }
        return result;
    }

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
        if (const auto at = std::find_if(old.begin(), old.end(), same);
            at != old.end() && !(*at)->failed) {
            (*at)->sets.insert(set);
            running_.push_back(std::move(*at));
            return;
        }
        auto provider = std::make_unique<Running>();
        provider->name = fmt::format("{}/{}", config->mechanism(), nextNumber_++);
        provider->config = config;
        const std::string mechanism(config->mechanism());
        provider->labels = model::Labels{{"config", set}, {"mechanism", mechanism}};
        provider->sets.insert(set);
        fresh.push_back(provider.get());
        running_.push_back(std::move(provider));
    }

    // Lets go of their groups; the caller asks them to end.
    std::vector<Running*> retireLocked(std::vector<std::unique_ptr<Running>> providers)
        ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_)
    {
        std::vector<Running*> gone;
        for (auto& provider : providers) {
            if (!provider) {
                continue; // goes on
            }
            provider->retired = true;
            provider->ended = provider->ended || !provider->thread.joinable();
            metrics_.remove(kRefreshFailures, provider->labels);
            metrics_.remove(kRefreshDuration, provider->labels);
            gone.push_back(provider.get());
            retired_.push_back(std::move(provider));
        }
        return gone;
    }

    void waitForEnds()
    {
        const absl::MutexLock lock(&mutex_);
        const absl::Time deadline = absl::Now() + absl::Nanoseconds(kGrace.ns);
        const auto ended = [](const auto& provider) { return provider->ended; };
        while (!std::all_of(retired_.begin(), retired_.end(), ended)) {
            if (ended_.WaitWithDeadline(&mutex_, deadline)) {
                return;
            }
        }
    }

    // Lets go of retired providers whose threads have come to their end.
    void reap()
    {
        std::vector<std::unique_ptr<Running>> ended;
        {
            const absl::MutexLock lock(&mutex_);
            const auto at = std::partition(retired_.begin(), retired_.end(),
                                           [](const auto& each) { return !each->ended; });
            std::move(at, retired_.end(), std::back_inserter(ended));
            retired_.erase(at, retired_.end());
        }
        ended.clear(); // joins what has nothing left to do
    }

    void start(Running& running)
    {
        ProviderEnvironment environment = environment_;
        environment.report = [this, &running](std::string_view part, const absl::Status& status) {
            notePart(running, part, status);
        };
        auto provider = running.config->makeProvider(environment);
        if (!provider.ok()) {
            environment_.log->error("discovery: Cannot create service discovery name={} err=\"{}\"",
                                    running.name, base::messageOf(provider.status()));
            const absl::MutexLock lock(&mutex_);
            running.status.lastError = std::string(base::messageOf(provider.status()));
            running.failed = true;
            failed_ += running.sets.size();
            metrics_.set("prometheus_sd_failed_configs", ownLabels(), static_cast<double>(failed_));
            return;
        }
        auto shared = std::make_shared<Provider>(*std::move(provider));
        running.thread =
            std::jthread([this, &running, shared](const std::stop_token& stop) mutable {
                work(running, *shared, stop);
                shared.reset(); // before anybody hears of the end
                const absl::MutexLock lock(&mutex_);
                running.ended = true;
                ended_.SignalAll();
            });
    }

    void work(Running& running, Provider& provider, const std::stop_token& stop)
    {
        auto* const refreshing = std::get_if<Refreshing>(&provider);
        if (refreshing != nullptr) {
            refreshLoop(running, *refreshing, stop);
            return;
        }
        try {
            std::get<std::unique_ptr<Watcher>>(provider)->run(
                stop,
                [this, &running](TargetGroups groups) { update(running, std::move(groups)); });
        } catch (const std::exception& error) {
            environment_.log->error("discovery: provider ended name={} err=\"{}\"", running.name,
                                    error.what());
            noteRefresh(running, base::internalError("{}", error.what()));
        }
    }

    static absl::StatusOr<TargetGroups> refresh(Refresher& refresher, const std::stop_token& stop)
    {
        try {
            return refresher.refresh(stop);
        } catch (const std::exception& error) {
            return base::internalError("{}", error.what());
        }
    }

    void refreshLoop(Running& running, const Refreshing& refreshing, const std::stop_token& stop)
    {
        const std::string mechanism(running.config->mechanism());
        metrics_.add(kRefreshFailures, running.labels, 0);
        do {
            const base::Duration begin = steady();
            auto groups = refresh(*refreshing.refresher, stop);
            if (stop.stop_requested()) {
                return;
            }
            const base::Duration end = steady();
            metrics_.observe(kRefreshDuration, running.labels, (end - begin).seconds(), end);
            metrics_.observeBuckets(kRefreshHistogram, model::Labels{{"mechanism", mechanism}},
                                    (end - begin).seconds());
            noteRefresh(running, groups.status());
            if (groups.ok()) {
                update(running, *std::move(groups));
            } else {
                metrics_.add(kRefreshFailures, running.labels);
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

    void notePart(Running& running, std::string_view part, const absl::Status& status)
    {
        const absl::MutexLock lock(&mutex_);
        if (status.ok()) {
            running.failing.erase(std::string(part));
        } else {
            running.failing[std::string(part)] = std::string(base::messageOf(status));
        }
        running.status.lastAttempt = environment_.clock.now();
        running.status.lastError = running.failing.empty() ? "" : running.failing.begin()->second;
        if (running.failing.size() > 1) {
            running.status.lastError += fmt::format(" (and {} more)", running.failing.size() - 1);
        }
    }

    void update(Running& running, TargetGroups groups)
    {
        metrics_.add("prometheus_sd_received_updates_total", ownLabels());
        {
            const absl::MutexLock lock(&mutex_);
            if (running.retired) {
                return;
            }
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
        base::Duration pause = kFirstPause;
        base::Duration lastSent;
        while (waitForChange(pause, lastSent, stop) && rest(scaled(pause, jitter(random)), stop)) {
            auto sets = std::make_shared<const TargetSets>(current());
            noteSets(*sets);
            const base::Duration begin = steady();
            publish_(std::move(sets));
            lastSent = steady();
            pause = std::min(scaled(pause, kPauseGrowth), kLongestPause);
            if (lastSent - begin > pause && isWaiting()) {
                metrics_.add("prometheus_sd_updates_delayed_total", ownLabels());
            }
            reap();
        }
    }

    // False: stopped. After a quiet time the pause is the first one again.
    bool waitForChange(base::Duration& pause, base::Duration lastSent, const std::stop_token& stop)
    {
        const absl::MutexLock lock(&mutex_);
        while (!changed_ && !stop.stop_requested()) {
            wake_.Wait(&mutex_);
        }
        if (steady() - lastSent > kLongestPause) {
            pause = kFirstPause;
        }
        return !stop.stop_requested();
    }

    // Lets more changes come together, unless the one that waits is urgent. False: stopped.
    bool rest(base::Duration pause, const std::stop_token& stop)
    {
        const absl::MutexLock lock(&mutex_);
        const absl::Time end = absl::Now() + absl::Nanoseconds(pause.ns);
        while (!atOnce_ && !stop.stop_requested()) {
            if (wake_.WaitWithDeadline(&mutex_, end)) {
                break;
            }
        }
        changed_ = false;
        atOnce_ = false;
        return !stop.stop_requested();
    }

    bool isWaiting() const
    {
        const absl::MutexLock lock(&mutex_);
        return changed_;
    }

    void noteSets(const TargetSets& sets)
    {
        for (const std::string& set : known_) {
            if (!sets.contains(set)) {
                metrics_.remove(kDiscovered, setLabels(set));
                metrics_.remove(kLastUpdate, setLabels(set));
            }
        }
        known_.clear();
        const double now = environment_.clock.now().seconds();
        for (const auto& [set, groups] : sets) {
            known_.insert(set);
            metrics_.set(kDiscovered, setLabels(set), static_cast<double>(countTargets(groups)));
            metrics_.set(kLastUpdate, setLabels(set), now);
        }
        metrics_.add("prometheus_sd_updates_total", ownLabels());
    }

    [[nodiscard]] model::Labels setLabels(const std::string& set) const
    {
        return model::Labels{{"config", set}, {"name", name_}};
    }

    const std::string name_;
    const ProviderEnvironment environment_;
    const Publish publish_;
    Metrics& metrics_;
    std::set<std::string> known_; // the publisher's

    absl::Mutex applyMutex_;
    mutable absl::Mutex mutex_ ABSL_ACQUIRED_AFTER(applyMutex_);
    absl::CondVar wake_;  // changed_, atOnce_, or the publisher is to stop
    absl::CondVar ended_; // of a retired provider
    std::vector<std::unique_ptr<Running>> running_ ABSL_GUARDED_BY(mutex_);
    std::vector<std::unique_ptr<Running>> retired_ ABSL_GUARDED_BY(mutex_);
    TargetSets statics_ ABSL_GUARDED_BY(mutex_);
    std::uint64_t nextNumber_ ABSL_GUARDED_BY(mutex_) = 0;
    std::size_t failed_ ABSL_GUARDED_BY(mutex_) = 0;
    bool changed_ ABSL_GUARDED_BY(mutex_) = false;
    bool atOnce_ ABSL_GUARDED_BY(mutex_) = false;
    bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
    std::jthread publisher_;
};

Manager::Manager(std::string name, const ProviderEnvironment& environment, Publish publish)
    : impl_(std::make_unique<Impl>(std::move(name), environment, std::move(publish)))
{}

Manager::~Manager() { stop(); }

void Manager::apply(const std::map<std::string, ServiceDiscovery>& sets) { impl_->apply(sets); }
void Manager::stop() { impl_->stop(); }
std::vector<ProviderStatus> Manager::status() const { return impl_->status(); }
TargetSets Manager::current() const { return impl_->current(); }

} // namespace narthex::discovery
