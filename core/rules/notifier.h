// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Takes the alerts of rules to external Alertmanagers: external labels, relabeling, every
// discovered Alertmanager of every configuration. Owner: core/engine. Threads: send() and the
// readers from any; apply(), update() and stop() from any, one after another. Errors: what does not
// arrive is counted and shown by status(). Source: spec/rules.md, 9.
#pragma once

#include "core/discovery/manager.h"
#include "core/rules/send_queue.h"

#include <absl/base/thread_annotations.h>
#include <absl/synchronization/mutex.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace narthex::exposition {
class TextWriter;
}

namespace narthex::rules {

struct NotifierOptions
{
    QueueLimits queues{};
    /// What waits at stop() is still sent.
    bool drainOnShutdown = true;
    /// How long stop() waits for that at most.
    base::Duration drainLimit = 10_s;
};

struct NotifierStatus
{
    std::vector<QueueStatus> active;
    /// URLs of Alertmanagers that relabeling dropped.
    std::vector<std::string> dropped;
};

/// An Alertmanager that gets alerts.
struct Recipient
{
    /// Where they are pushed to.
    std::string url;
    std::shared_ptr<const net::HttpClientConfig> access;
    /// What it knows an alert by; absent: relabeling drops that alert.
    std::optional<model::Labels> labels;
};

/// What discovery is to look for: "config-0", "config-1" … in the order of the configuration.
std::map<std::string, discovery::ServiceDiscovery> alertmanagerSets(const AlertingConfig& config);

class Notifier
{
public:
    Notifier(NotifierOptions options, const SendEnvironment& environment);
    /// stop().
    ~Notifier();
    Notifier(const Notifier&) = delete;
    Notifier& operator=(const Notifier&) = delete;

    /// Replaces all configurations. Those that are equal keep their queues; what waits in the
    /// others is dropped. Static Alertmanagers are there at once, others as `sets` says.
    void apply(const AlertingConfig& config, const model::Labels& externalLabels,
               const discovery::TargetSets& sets = {});
    /// Newly discovered Alertmanagers, by the names of alertmanagerSets().
    void update(const discovery::TargetSets& sets);
    /// Never waits.
    void send(const model::Alerts& alerts);
    /// Takes no more alerts; sends what waits if the options say so. Bounded by the drain limit.
    void stop();

    [[nodiscard]] NotifierStatus status() const;
    /// All Alertmanagers, and the labels that an alert with these has there.
    [[nodiscard]] std::vector<Recipient> recipients(const model::Labels& alert) const;
    void writeMetrics(exposition::TextWriter& out) const;

private:
    using Queue = std::shared_ptr<SendQueue>;
    struct Set
    {
        std::shared_ptr<const AlertmanagersConfig> config;
        std::map<std::string, Queue> queues; // by URL
        std::vector<std::string> dropped;
    };
    struct Global
    {
        model::Labels externalLabels;
        std::vector<relabel::Rule> rules;
        relabel::NameScheme scheme = relabel::NameScheme::Utf8;
    };

    /// Brings the queues of a set up to its targets; the queues that are gone.
    std::vector<Queue> sync(Set& set, const discovery::GroupList& groups) const;
    [[nodiscard]] std::vector<Queue> queues() const;
    /// What waits in them is dropped.
    void dismiss(const std::vector<Queue>& gone) ABSL_EXCLUSIVE_LOCKS_REQUIRED(applyMutex_);

    const NotifierOptions options_;
    const SendEnvironment environment_;

    /// Order of apply(), update() and stop().
    absl::Mutex applyMutex_;
    /// Queues that were closed and may have a request under way.
    std::vector<std::weak_ptr<SendQueue>> leaving_ ABSL_GUARDED_BY(applyMutex_);
    mutable absl::Mutex mutex_ ABSL_ACQUIRED_AFTER(applyMutex_);
    std::shared_ptr<const Global> global_ ABSL_GUARDED_BY(mutex_);
    std::vector<Set> sets_ ABSL_GUARDED_BY(mutex_);
    bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

} // namespace narthex::rules
