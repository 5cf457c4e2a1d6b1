// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The alerts on their way to one Alertmanager: a bounded queue, one request after the other. An
// Alertmanager that is slow or down delays nobody else. Owner: the notifier; requests under way
// share it. Threads: any. Errors: counted, kept as text, never returned: rules say their alerts
// again. Source: spec/rules.md, 9.3 to 9.5 and 9.7.
#pragma once

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/worker_pool.h"
#include "core/discovery/aws_credentials.h"
#include "core/exposition/instruments.h"
#include "core/model/alert.h"
#include "core/net/http_client.h"
#include "core/rules/alerting_config.h"

#include <absl/base/thread_annotations.h>
#include <absl/synchronization/mutex.h>

#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace narthex::rules {

/// An alert as its JSON; shared between queues.
using AlertText = std::shared_ptr<const std::string>;
/// {"labels", "annotations", "startsAt", "endsAt", "generatorURL"}
std::string alertJson(const model::Alert& alert, const model::Labels& labels);

struct QueueLimits
{
    /// Alerts that wait; the oldest go when there are more.
    std::size_t capacity = 10'000;
    /// Alerts in one request.
    std::size_t batchSize = 256;
};

/// What queues send with; all of it outlives them.
struct SendEnvironment
{
    net::HttpClient& client;
    base::WorkerPool& pool;
    const base::Clock& clock;
    base::Logger log;
    /// Where credentials of AWS are found, for `sigv4`; null: such requests fail.
    const discovery::ProviderEnvironment* aws = nullptr;
};

struct QueueStatus
{
    std::string url;
    std::size_t waiting = 0;
    std::uint64_t sent = 0;
    std::uint64_t errors = 0; // alerts in batches that failed
    std::uint64_t dropped = 0;
    /// Empty: the last request was fine, or there was none.
    std::string lastError;
    std::optional<base::Timestamp> lastSuccess;
};

class SendQueue : public std::enable_shared_from_this<SendQueue>
{
public:
    SendQueue(std::string url, std::shared_ptr<const AlertmanagersConfig> config,
              QueueLimits limits, const SendEnvironment& environment);

    [[nodiscard]] const std::string& url() const { return url_; }
    /// Never waits.
    void push(std::span<const AlertText> alerts);
    /// Nothing is taken any more. `drain`: what waits is still sent, else it counts as dropped.
    void close(bool drain);
    /// Nothing waits and no request is under way.
    [[nodiscard]] bool idle() const;
    /// Waits until idle(); at most so long, then what is left is dropped and the request cancelled.
    void finish(base::Duration atMost);

    [[nodiscard]] QueueStatus status() const;
    [[nodiscard]] const exposition::RecentSummary& latencySummary() const { return summary_; }
    [[nodiscard]] const exposition::FixedHistogram& latencyHistogram() const { return histogram_; }

private:
    void drop(std::size_t count) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
    /// On a worker: takes a batch and sends it; nothing waits then: ends.
    void sendNext();
    absl::Status sign(net::HttpRequest& request);
    void finished(std::size_t alerts, base::Duration began,
                  const absl::StatusOr<net::HttpResponse>& response);

    // Fixed after construction; safe by themselves.
    const std::string url_;
    const std::shared_ptr<const AlertmanagersConfig> config_;
    const std::shared_ptr<const net::HttpClientConfig> http_;
    const QueueLimits limits_;
    const SendEnvironment environment_;
    exposition::RecentSummary summary_;
    exposition::FixedHistogram histogram_{{0.01, 0.1, 1, 10}};
    // Touched by sendNext().
    std::optional<discovery::AwsCredentialChain> credentials_;

    mutable absl::Mutex mutex_;
    std::deque<AlertText> waiting_ ABSL_GUARDED_BY(mutex_);
    bool sending_ ABSL_GUARDED_BY(mutex_) = false;
    bool closed_ ABSL_GUARDED_BY(mutex_) = false;
    /// Counts requests: the id of one is noted only as long as it is the newest.
    std::uint64_t round_ ABSL_GUARDED_BY(mutex_) = 0;
    std::optional<net::RequestId> request_ ABSL_GUARDED_BY(mutex_);
    QueueStatus status_ ABSL_GUARDED_BY(mutex_);
};

} // namespace narthex::rules
