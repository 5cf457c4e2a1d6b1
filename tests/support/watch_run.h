// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A discovery mechanism that follows a server, running: what it sent, and waiting for it.
// Owner: the test; stopped when it goes out of scope. Threads: the test's.
#pragma once

#include "support/discovery_world.h"

#include <absl/base/thread_annotations.h>

#include <thread>

namespace narthex::tests {

class WatchRun
{
public:
    /// The newest group of each source; empty ones are those that were emptied.
    using State = std::map<std::string, discovery::TargetGroup>;

    /// Throws when the YAML does not read or the provider is none.
    WatchRun(DiscoveryWorld& world, std::string_view mechanism, const std::string& yamlText)
    {
        const auto config = DiscoveryWorld::read(mechanism, yamlText);
        if (!config.ok()) {
            throw std::runtime_error(config.status().ToString());
        }
        discovery::ProviderEnvironment environment = world.environment();
        environment.report = [this](std::string_view part, const absl::Status& status) {
            const absl::MutexLock lock(&mutex_);
            failing_.erase(std::string(part));
            if (!status.ok()) {
                failing_[std::string(part)] = std::string(status.message());
            }
        };
        auto provider = (*config)->makeProvider(environment);
        if (!provider.ok()) {
            throw std::runtime_error(provider.status().ToString());
        }
        watcher_ = std::move(std::get<std::unique_ptr<discovery::Watcher>>(*provider));
        thread_ = std::jthread([this](const std::stop_token& stop) {
            watcher_->run(stop,
                          [this](discovery::TargetGroups groups) { take(std::move(groups)); });
        });
    }
    ~WatchRun() { end(); }
    WatchRun(const WatchRun&) = delete;
    WatchRun& operator=(const WatchRun&) = delete;

    /// Stops; how long that took, in seconds.
    double end()
    {
        const absl::Time begin = absl::Now();
        thread_.request_stop();
        if (thread_.joinable()) {
            thread_.join();
        }
        return absl::ToDoubleSeconds(absl::Now() - begin);
    }

    /// Whether `holds` becomes true of the state in time.
    bool until(const std::function<bool(const State&)>& holds, double seconds = 10)
    {
        const absl::MutexLock lock(&mutex_);
        const absl::Time deadline = absl::Now() + absl::Seconds(seconds);
        while (!holds(state_)) {
            if (changed_.WaitWithDeadline(&mutex_, deadline)) {
                return holds(state_);
            }
        }
        return true;
    }
    /// Whether the group of that source gets this many entries in time.
    bool untilEntries(const std::string& source, std::size_t entries, double seconds = 10)
    {
        return until(
            [&](const State& state) {
                const auto found = state.find(source);
                return found != state.end() && found->second.entries.size() == entries;
            },
            seconds);
    }

    /// What is reported as failing, by part: its message.
    [[nodiscard]] std::map<std::string, std::string> failing() const
    {
        const absl::MutexLock lock(&mutex_);
        return failing_;
    }
    [[nodiscard]] State state() const
    {
        const absl::MutexLock lock(&mutex_);
        return state_;
    }
    /// Throws when nothing was sent for it.
    [[nodiscard]] discovery::TargetGroup group(const std::string& source) const
    {
        return state().at(source);
    }
    /// How often it sent something.
    [[nodiscard]] std::size_t sends() const
    {
        const absl::MutexLock lock(&mutex_);
        return sends_;
    }

private:
    void take(discovery::TargetGroups groups)
    {
        const absl::MutexLock lock(&mutex_);
        ++sends_;
        for (discovery::TargetGroup& group : groups) {
            const std::string source = group.source;
            state_[source] = std::move(group);
        }
        changed_.SignalAll();
    }

    std::unique_ptr<discovery::Watcher> watcher_;
    mutable absl::Mutex mutex_;
    absl::CondVar changed_;
    State state_ ABSL_GUARDED_BY(mutex_);
    std::size_t sends_ ABSL_GUARDED_BY(mutex_) = 0;
    std::map<std::string, std::string> failing_ ABSL_GUARDED_BY(mutex_);
    std::jthread thread_;
};

} // namespace narthex::tests
