// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// All queues of remote write, as the configuration names them. Owner: core/engine. Threads:
// notify(), status() and writeMetrics() from any; apply() and stop() one after another, and they
// may take as long as the flush deadline. Errors: apply()'s, before anything is changed.
// Source: spec/remote.md, 2.8 and 2.9.
#pragma once

#include "core/remote/remote_config.h"
#include "core/remote/sender/write_queue.h"

#include <absl/base/thread_annotations.h>
#include <absl/status/status.h>
#include <absl/synchronization/mutex.h>

#include <memory>
#include <string>
#include <vector>

namespace narthex::remote {

/// What the store has taken since it was opened.
struct ReceivedTotals
{
    std::uint64_t samples = 0;
    std::uint64_t histograms = 0;
    std::uint64_t exemplars = 0;
    std::optional<base::Timestamp> newest;
};

class RemoteStorage
{
public:
    struct Options
    {
        /// How long a queue that ends may go on sending.
        base::Duration flushDeadline = 1_min;
    };

    RemoteStorage(Options options, const SenderEnvironment& environment);
    /// stop().
    ~RemoteStorage();
    RemoteStorage(const RemoteStorage&) = delete;
    RemoteStorage& operator=(const RemoteStorage&) = delete;

    /// Queues whose configuration and external labels are as before go on, with a client of their
    /// own made anew; the others end before new ones begin. Errors: of check().
    absl::Status apply(const std::vector<RemoteWriteConfig>& configs,
                       const model::Labels& externalLabels);
    /// The log has grown.
    void notify() const;
    /// Every queue sends what there is, all at once, at most for the flush deadline.
    void stop();

    [[nodiscard]] std::vector<QueueStatus> status() const;
    void writeMetrics(exposition::TextWriter& out, const ReceivedTotals& received) const;

private:
    struct Entry
    {
        /// What makes a queue another one.
        std::string key;
        std::shared_ptr<WriteQueue> queue;
    };
    using Entries = std::vector<Entry>;
    [[nodiscard]] std::shared_ptr<const Entries> entries() const;
    void endAll(const Entries& ended) const;

    const Options options_;
    const SenderEnvironment environment_;

    absl::Mutex applyMutex_;
    mutable absl::Mutex mutex_ ABSL_ACQUIRED_AFTER(applyMutex_);
    std::shared_ptr<const Entries> entries_ ABSL_GUARDED_BY(mutex_);
    bool stopped_ ABSL_GUARDED_BY(applyMutex_) = false;
};

/// Two sections that cannot be told apart. Errors: InvalidArgument, naming the URL.
absl::Status checkUnique(const std::vector<RemoteWriteConfig>& configs);
absl::Status checkUnique(const std::vector<RemoteReadConfig>& configs);

} // namespace narthex::remote
