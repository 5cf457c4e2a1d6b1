// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// All rule groups: loading and reloading them as a whole, running them, and what there is to see of
// them. Owner: core/engine. Threads: apply(), load(), start() and stop() one at a time; they wait
// for rules that run. Everything else from any thread. Errors: InvalidArgument with every finding
// of every file; the rules that were there run on then.
// Source: spec/rules.md, 2, 5, 6 and 15.
#pragma once

#include "core/rules/group.h"
#include "core/rules/reload_diff.h"

#include <absl/base/thread_annotations.h>
#include <absl/synchronization/mutex.h>

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace narthex::rules {

struct ManagerOptions
{
    GroupOptions groups{};
    /// rules.max-concurrent-evals; with groups.concurrent.
    std::size_t maxConcurrentEvaluations = 4;
    /// Restore alerts of groups that a reload adds, too, not only those of the start.
    bool restoreNewGroups = false;
};

/// What files leave open.
struct GroupDefaults
{
    base::Duration interval = 1_min;
    base::Duration queryOffset{};
    AlertSurroundings surroundings{};
    RuleFileOptions files{};
};

/// All files. Errors: the findings of all of them.
absl::StatusOr<std::vector<RuleFile>> loadRuleFiles(std::span<const std::string> paths,
                                                    const RuleFileOptions& options);

/// The groups of the files by their key, with the defaults filled in.
std::map<std::string, GroupSpec> groupSpecs(const std::vector<RuleFile>& files,
                                            const GroupDefaults& defaults);

class RuleManager
{
public:
    struct Environment
    {
        const promql::Engine& queries;
        const storage::Queryable& reading;
        storage::Appendable& writing;
        base::Timers& timers;
        /// Rules block on queries here.
        base::WorkerPool& pool;
        /// Where alerts go: the notifier, the Alertmanager of this process.
        AlertSink sink;
        base::Logger log;
    };

    /// Everything in `environment` outlives the manager.
    RuleManager(ManagerOptions options, const Environment& environment);
    /// stop().
    ~RuleManager();
    RuleManager(const RuleManager&) = delete;
    RuleManager& operator=(const RuleManager&) = delete;

    /// Reads the files and applies them, or changes nothing.
    absl::Status load(std::span<const std::string> paths, const GroupDefaults& defaults);
    /// These are the groups now. Groups that are equal run on untouched; changed ones take over the
    /// state of their rules; series of removed ones end after two of their intervals.
    void apply(const std::vector<RuleFile>& files, const GroupDefaults& defaults);
    /// What apply() would do.
    [[nodiscard]] ReloadDiff diff(const std::vector<RuleFile>& files,
                                  const GroupDefaults& defaults) const;

    /// The store is ready: groups run from now on.
    void start();
    /// Waits for rules that run; writes no stale markers. Nothing runs after it.
    void stop();

    /// In order of file, then name.
    [[nodiscard]] std::vector<GroupSnapshot> snapshot(bool withAlerts = true) const;
    /// Oldest first.
    [[nodiscard]] std::vector<Gap> gaps() const { return gaps_.gaps(); }
    void writeMetrics(exposition::TextWriter& out) const;
    /// As they are now, in order of key.
    [[nodiscard]] std::vector<std::shared_ptr<Group>> groups() const;

private:
    using Groups = std::map<std::string, std::shared_ptr<Group>>; // by key
    struct Retired
    {
        std::vector<model::Labels> series;
        base::Duration queryOffset;
        base::TimerId timer{};
    };

    std::shared_ptr<Group> makeGroup(GroupSpec spec, Group* former, bool restore);
    void retire(const std::string& key, const Group& group);
    void endRetired(const std::string& key);
    [[nodiscard]] std::vector<model::Labels> takeRetired(const std::string& key);

    // Fixed after construction; safe by themselves.
    const ManagerOptions options_;
    base::Timers& timers_;
    base::WorkerPool& pool_;
    RuleMetrics metrics_;
    const RuleEnvironment rules_;
    ConcurrencyLimit concurrency_;
    GapLog gaps_;

    /// One reload at a time.
    absl::Mutex applyMutex_;
    mutable absl::Mutex mutex_ ABSL_ACQUIRED_AFTER(applyMutex_);
    Groups groups_ ABSL_GUARDED_BY(mutex_);
    std::map<std::string, Retired> retired_ ABSL_GUARDED_BY(mutex_);
    int ending_ ABSL_GUARDED_BY(mutex_) = 0; // tasks that end series
    bool started_ ABSL_GUARDED_BY(mutex_) = false;
    bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
    bool loadedOnce_ ABSL_GUARDED_BY(mutex_) = false;
};

} // namespace narthex::rules
