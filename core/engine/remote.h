// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Remote storage as the engine runs it: the queues of remote_write behind the open store, and the
// servers of remote_read beside it. Owner: Engine. Threads: notify(), problems(), writeMetrics()
// and queries from any; start(), apply() and stop() from any, one after another. Errors: of a
// configuration, before anything changes; what cannot be reached is a problem as long as it lasts.
// Source: spec/remote.md, 2 and 5.
#pragma once

#include "core/config/config.h"
#include "core/discovery/provider.h"
#include "core/engine/problems.h"
#include "core/remote/read_storage.h"
#include "core/remote/remote_storage.h"
#include "core/tsdb/db.h"

#include <absl/base/thread_annotations.h>
#include <absl/synchronization/mutex.h>

#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace narthex::engine {

using namespace base::literals;

struct RemoteOptions
{
    /// How long a queue that ends may go on sending.
    base::Duration flushDeadline = 1_min;
};

class Remote
{
public:
    struct Environment
    {
        net::HttpClient& client;
        base::WorkerPool& pool;
        base::Timers& timers;
        discovery::ProviderEnvironment cloud;
        base::Logger log;
        /// The store alone.
        const storage::Queryable& local;
        /// What the targets say of their families now.
        std::function<std::vector<remote::FamilyText>()> families;
    };

    Remote(RemoteOptions options, Environment environment);
    /// stop().
    ~Remote();
    Remote(const Remote&) = delete;
    Remote& operator=(const Remote&) = delete;

    /// Whether apply() would take it. Errors: InvalidArgument.
    static absl::Status check(const config::Config& config);
    /// Queues begin with start(), if it comes later.
    absl::Status apply(const config::Config& config);
    /// The store is open.
    absl::Status start(std::shared_ptr<const tsdb::Db> store);
    /// The log has grown.
    void notify() const;
    /// Queues send what there is, at most for the flush deadline.
    void stop();

    /// The store, and what is read from elsewhere.
    [[nodiscard]] const storage::Queryable& queryable() const { return reading_; }
    /// Receivers that have not taken anything for a while.
    [[nodiscard]] std::vector<Problem> problems() const;
    void writeMetrics(exposition::TextWriter& out) const;

private:
    [[nodiscard]] std::shared_ptr<remote::RemoteStorage> sending() const;
    /// The oldest time that the store has; absent: none, or it is not open.
    [[nodiscard]] std::optional<base::Timestamp> localStart() const;

    const RemoteOptions options_;
    const Environment environment_;
    remote::ReadStorage reading_;

    /// One change at a time.
    absl::Mutex applyMutex_;
    std::optional<std::vector<remote::RemoteWriteConfig>> writes_ ABSL_GUARDED_BY(applyMutex_);
    model::Labels externalLabels_ ABSL_GUARDED_BY(applyMutex_);
    bool stopped_ ABSL_GUARDED_BY(applyMutex_) = false;
    mutable absl::Mutex mutex_ ABSL_ACQUIRED_AFTER(applyMutex_);
    std::shared_ptr<const tsdb::Db> store_ ABSL_GUARDED_BY(mutex_);
    std::shared_ptr<remote::RemoteStorage> sending_ ABSL_GUARDED_BY(mutex_);
};

} // namespace narthex::engine
