// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A MonitoringClient with invented, repeatable data: a laptop that scrapes sixteen targets in six
// jobs. Values depend on series and time alone, so two runs look the same. Owner: a test. Threads:
// any; replies come from its own worker.
#pragma once

#include "core/base/worker_pool.h"
#include "core/client/monitoring_client.h"

#include <absl/base/thread_annotations.h>
#include <absl/synchronization/mutex.h>

#include <atomic>
#include <map>

namespace narthex::test {

class FakeClient final : public client::MonitoringClient
{
public:
    FakeClient();
    ~FakeClient() override;

    /// Every request fails with this until it is OK again.
    void setFailure(absl::Status failure);
    void setTargets(client::Targets targets);
    void setStatus(client::ServerStatus status);
    [[nodiscard]] client::Targets targetsNow();
    /// No metrics at all, as after the first start.
    void setEmpty(bool empty) { empty_ = empty; }
    void setWithBattery(bool battery) { battery_ = battery; }
    /// Calls the subscribers on the worker.
    void raise(client::Event event);
    [[nodiscard]] int queryCount() const { return queries_; }
    [[nodiscard]] int scrapeCount() const { return scrapes_; }

    void query(client::InstantQuery query, std::stop_token stop,
               client::Reply<client::QueryResult> reply) override;
    void queryRange(client::RangeQuery query, std::stop_token stop,
                    client::Reply<client::QueryResult> reply) override;
    void series(client::SeriesFilter filter, std::stop_token stop,
                client::Reply<std::vector<model::Labels>> reply) override;
    void labelNames(client::SeriesFilter filter, std::stop_token stop,
                    client::Reply<std::vector<std::string>> reply) override;
    void labelValues(std::string label, client::SeriesFilter filter, std::stop_token stop,
                     client::Reply<std::vector<std::string>> reply) override;
    void metadata(std::string metric, std::stop_token stop,
                  client::Reply<std::vector<client::MetricMetadata>> reply) override;
    void targets(std::stop_token stop, client::Reply<client::Targets> reply) override;
    void buildInfo(std::stop_token stop, client::Reply<client::BuildInfo> reply) override;
    void status(std::stop_token stop, client::Reply<client::ServerStatus> reply) override;
    void scrapeNow(std::string targetId, std::stop_token stop, client::Reply<bool> reply) override;
    void reloadConfiguration(std::stop_token stop, client::Reply<bool> reply) override;
    client::Subscription subscribe(std::function<void(client::Event)> onEvent) override;

private:
    template <typename T, typename Make>
    void answer(std::stop_token stop, client::Reply<T> reply, Make make);

    absl::Mutex mutex_;
    absl::Status failure_ ABSL_GUARDED_BY(mutex_);
    client::Targets targets_ ABSL_GUARDED_BY(mutex_);
    client::ServerStatus status_ ABSL_GUARDED_BY(mutex_);
    std::map<int, std::function<void(client::Event)>> subscribers_ ABSL_GUARDED_BY(mutex_);
    int nextSubscriber_ ABSL_GUARDED_BY(mutex_) = 0;
    std::atomic<bool> empty_ = false;
    std::atomic<bool> battery_ = true;
    std::atomic<int> queries_ = 0;
    std::atomic<int> scrapes_ = 0;
    // Last: its tasks use the members above.
    base::WorkerPool worker_{1};
};

} // namespace narthex::test
