// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The groups that short jobs push: the last values of each, until they are replaced, deleted or
// wiped. Kept in memory and in the database, where they survive the end of the process.
// Owner: Engine. Threads: any; pushes are done one after another in the order of their coming.
// Errors: InvalidArgument (timestamps, inconsistencies, in the Pushgateway's words),
// ResourceExhausted (a limit), Unavailable (the queue is full). Source: spec/pushgateway.md.
#pragma once

#include "core/base/log.h"
#include "core/base/timers.h"
#include "core/base/worker_pool.h"
#include "core/exposition/metric_family.h"
#include "core/push/push_path.h"
#include "core/state/state_writer.h"

#include <absl/base/thread_annotations.h>
#include <absl/container/flat_hash_map.h>
#include <absl/functional/any_invocable.h>
#include <absl/synchronization/mutex.h>

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace narthex::push {

using exposition::MetricFamily;

/// The tables of this module.
std::span<const state::Migration> migrations();

struct PushOptions
{
    /// Refuse what does not fit to the rest, before it is stored.
    bool check = true;
    bool utf8Names = false;
    std::size_t mostGroups = 10'000;
    std::size_t mostSeries = 1'000'000;
    std::size_t queuePlaces = 1000;
};

enum class PushKind : std::uint8_t
{
    /// The whole group.
    Replace,
    /// The families that are named, the others stay.
    Merge,
    Delete,
    /// All groups.
    Wipe
};

struct PushRequest
{
    PushKind kind = PushKind::Merge;
    GroupingKey key;
    std::vector<MetricFamily> families;
};

struct StoredFamily
{
    MetricFamily family;
    base::Timestamp time;
};

struct PushGroup
{
    GroupingKey key;
    std::map<std::string, StoredFamily> families;
    /// Absent: never.
    std::optional<base::Timestamp> pushed;
    std::optional<base::Timestamp> failed;
    /// Why the last one failed.
    std::string error;

    /// As the gateway's own API says it: the times are equal at first.
    [[nodiscard]] bool lastPushSucceeded() const
    {
        return !failed || (pushed && *pushed >= *failed);
    }
};

class PushStore
{
public:
    /// All of it outlives the store.
    struct Environment
    {
        base::WorkerPool& pool;
        const base::Clock& clock;
        /// Null: groups do not survive.
        state::Database* database = nullptr;
        base::Logger log;
        /// The families of our own page, which pushes must fit to.
        std::function<std::vector<MetricFamily>()> ownFamilies;
        /// A group is there for the first time.
        std::function<void()> onFirstGroup;
    };

    PushStore(PushOptions options, Environment environment);
    /// stop().
    ~PushStore();
    PushStore(const PushStore&) = delete;
    PushStore& operator=(const PushStore&) = delete;

    /// Does what is queued and writes it; later requests are refused. The database may go then.
    void stop();

    /// Reads the groups of the database. Errors: DataLoss.
    absl::Status load();

    using Done = absl::AnyInvocable<void(absl::Status)>;
    /// `done` is called once, on a thread of the pool or on this one.
    void submit(PushRequest request, Done done);
    /// False: pushes wait without an end.
    [[nodiscard]] bool healthy() const;

    [[nodiscard]] const PushOptions& options() const { return options_; }
    [[nodiscard]] bool empty() const;
    /// In order of keys, with the two gauges of times.
    [[nodiscard]] std::vector<PushGroup> groups() const;
    /// One page: a family stands once, with the metrics of all groups, sorted. A family that does
    /// not fit to one of an earlier group is left out.
    [[nodiscard]] std::vector<MetricFamily> families() const;
    /// Families that were left out so far.
    [[nodiscard]] std::uint64_t leftOut() const { return leftOut_.load(); }

private:
    struct Name
    {
        model::MetricType type = model::MetricType::Unknown;
        std::size_t groups = 0;
    };
    struct Job
    {
        PushRequest request;
        Done done;
    };

    void run();
    absl::Status apply(PushRequest& request);
    void refuse(const PushRequest& request, const absl::Status& why)
        ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
    void store(PushRequest& request) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
    void erase(const GroupingKey& key) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
    void addToIndex(const PushGroup& group, const MetricFamily& family)
        ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
    void removeFromIndex(const PushGroup& group, const MetricFamily& family)
        ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
    absl::Status check(const PushRequest& request, const std::vector<MetricFamily>& own) const
        ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
    void checkName(const MetricFamily& family, const PushGroup* group,
                   std::vector<std::string>& errors) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
    void checkSeries(const MetricFamily& family, const PushGroup* group,
                     std::vector<std::string>& errors) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
    [[nodiscard]] const PushGroup* find(const GroupingKey& key) const
        ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
    absl::Status checkLimits(const PushRequest& request) const
        ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
    void saveGroup(const PushGroup& group, bool dropFamilies);
    void saveFamily(const GroupingKey& key, const StoredFamily& family);

    const PushOptions options_;
    const Environment environment_;
    state::StateWriter writer_;
    mutable std::atomic<std::uint64_t> leftOut_{0};

    mutable absl::Mutex queueMutex_;
    std::deque<Job> queue_ ABSL_GUARDED_BY(queueMutex_);
    bool running_ ABSL_GUARDED_BY(queueMutex_) = false;
    bool stopped_ ABSL_GUARDED_BY(queueMutex_) = false;

    mutable absl::Mutex mutex_ ABSL_ACQUIRED_AFTER(queueMutex_);
    std::map<GroupingKey, PushGroup> groups_ ABSL_GUARDED_BY(mutex_);
    absl::flat_hash_map<std::string, Name> names_ ABSL_GUARDED_BY(mutex_);
    /// Whose each series is, by the hash of its name and labels.
    absl::flat_hash_map<std::uint64_t, const PushGroup*> owners_ ABSL_GUARDED_BY(mutex_);
};

/// The time gauges of a group, as they stand on the page.
std::vector<MetricFamily> timeFamilies(const PushGroup& group);

/// The groups as the gateway's API gives them: a JSON list.
std::string groupsJson(const std::vector<PushGroup>& groups);

} // namespace narthex::push
