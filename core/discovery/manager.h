// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Runs the providers of all jobs and publishes the target groups of each. Equal configurations
// share a provider; a reload keeps those that stay. Owner: the engine; one for scraping, one for
// the notifier. Threads: apply() and stop() one at a time; publishing comes from a thread of the
// manager. Source: spec/discovery.md, Discovery manager.
#pragma once

#include "core/discovery/mechanism.h"
#include "core/discovery/metrics.h"

#include <map>
#include <set>

namespace narthex::discovery {

/// Groups are shared: one that did not change keeps its address from publish to publish.
using GroupList = std::vector<std::shared_ptr<const TargetGroup>>;
/// All groups of all sets, by the set's name; sets without targets are there, too.
using TargetSets = std::map<std::string, GroupList>;

/// How one provider is doing, for the window.
struct ProviderStatus
{
    /// "http/3"
    std::string name;
    std::string mechanism;
    /// Sets that use it.
    std::vector<std::string> sets;
    std::size_t groups = 0;
    std::size_t targets = 0;
    /// Empty: the last refresh was fine.
    std::string lastError;
    std::optional<base::Timestamp> lastSuccess;
    std::optional<base::Timestamp> lastAttempt;
};

class Manager
{
public:
    /// Called with the newest sets, one call at a time, from a thread of the manager.
    using Publish = std::function<void(std::shared_ptr<const TargetSets>)>;

    /// `name`: "scrape" or "notify", a label of the metrics. Managers may share
    /// `environment.metrics`.
    Manager(std::string name, const ProviderEnvironment& environment, Publish publish);
    /// stop().
    ~Manager();
    Manager(const Manager&) = delete;
    Manager& operator=(const Manager&) = delete;

    /// Replaces all sets. Providers whose configuration is still asked for keep running, new ones
    /// start, others are stopped, and their groups are gone at once. One publish follows at once.
    /// Waits for no provider (0.1 s for those that are stopped).
    void apply(const std::map<std::string, ServiceDiscovery>& sets);
    /// Ends all providers; nothing is published after this. Within some 5 s.
    void stop();

    [[nodiscard]] std::vector<ProviderStatus> status() const;
    /// The newest groups, published or not.
    [[nodiscard]] TargetSets current() const;

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace narthex::discovery
