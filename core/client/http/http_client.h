// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// MonitoringClient over the HTTP API of a server elsewhere: Prometheus, Thanos, Mimir, Cortex,
// VictoriaMetrics, another Narthex. What kind it is and what it offers is found out by asking.
// Owner: app. Threads: every function from any thread; replies come on the pool. Errors: as
// MonitoringClient, with the URL and what to check; what the server does not have is Unimplemented.
// Source: spec/http-api.md; spec/ui.md, 6.13.
#pragma once

#include "core/client/http/poller.h"
#include "core/client/http/server_link.h"
#include "core/client/monitoring_client.h"

#include <absl/base/thread_annotations.h>
#include <absl/synchronization/mutex.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace narthex::client {

struct HttpClientSettings
{
    /// "https://prometheus.example.org/path"
    std::string url;
    LinkSettings link;
    PollerOptions polling;
};

class HttpClient final : public MonitoringClient
{
public:
    /// All of it outlives the client.
    struct Environment
    {
        net::IoLoop& loop;
        base::WorkerPool& pool;
        base::Timers& timers;
    };

    HttpClient(HttpClientSettings settings, Environment environment);
    /// Cancels what is under way and waits until every reply was given. Not from the pool.
    ~HttpClient() override;

    void query(InstantQuery query, std::stop_token stop, Reply<QueryResult> reply) override;
    void queryRange(RangeQuery query, std::stop_token stop, Reply<QueryResult> reply) override;
    void series(SeriesFilter filter, std::stop_token stop,
                Reply<std::vector<model::Labels>> reply) override;
    void labelNames(SeriesFilter filter, std::stop_token stop,
                    Reply<std::vector<std::string>> reply) override;
    void labelValues(std::string label, SeriesFilter filter, std::stop_token stop,
                     Reply<std::vector<std::string>> reply) override;
    void metadata(std::string metric, std::stop_token stop,
                  Reply<std::vector<MetricMetadata>> reply) override;
    void targets(std::stop_token stop, Reply<Targets> reply) override;
    void buildInfo(std::stop_token stop, Reply<BuildInfo> reply) override;
    void status(std::stop_token stop, Reply<ServerStatus> reply) override;
    void scrapeNow(std::string targetId, std::stop_token stop, Reply<bool> reply) override;
    void reloadConfiguration(std::stop_token stop, Reply<bool> reply) override;
    void offers(std::stop_token stop, Reply<Offers> reply) override;
    void exemplars(ExemplarQuery query, std::stop_token stop,
                   Reply<std::vector<ExemplarSeries>> reply) override;
    void rules(std::stop_token stop, Reply<std::vector<RuleGroupInfo>> reply) override;
    void alertmanagers(std::stop_token stop, Reply<AlertmanagerTargets> reply) override;
    void storeStatus(std::size_t limit, std::stop_token stop, Reply<StoreStatus> reply) override;
    void blocks(std::stop_token stop, Reply<BlockList> reply) override;
    void runtimeInfo(std::stop_token stop, Reply<RuntimeInfo> reply) override;
    void configurationText(std::stop_token stop, Reply<std::string> reply) override;
    void flags(std::stop_token stop, Reply<Flags> reply) override;
    void deleteSeries(SeriesFilter filter, std::stop_token stop, Reply<bool> reply) override;
    void cleanTombstones(std::stop_token stop, Reply<bool> reply) override;
    void snapshot(bool skipHead, std::stop_token stop, Reply<std::string> reply) override;
    /// Polls: Status when the server comes or goes, Configuration when it read another one, the
    /// others with every answer.
    Subscription subscribe(std::function<void(Event)> onEvent) override;

private:
    /// `decode(response)` gives an absl::StatusOr<T>.
    template <typename T, typename Decode>
    void ask(Part part, LinkRequest request, std::string query, const std::stop_token& stop,
             Reply<T> reply, Decode decode);
    /// The same for JSON: `decode(data)` gives a T.
    template <typename T, typename Decode>
    void askData(Part part, LinkRequest request, const std::stop_token& stop, Reply<T> reply,
                 Decode decode);
    void askQuery(LinkRequest request, std::string query, const std::stop_token& stop,
                  Reply<QueryResult> reply);
    /// Says in one sentence which server does not have the part.
    template <typename T>
    void replyMissing(Part part, const std::stop_token& stop, absl::Status problem, Reply<T> reply);

    const HttpClientSettings settings_;
    base::Timers& timers_;

    absl::Mutex mutex_;
    /// What was found out; absent: not asked yet, or without success.
    std::optional<Offers> offers_ ABSL_GUARDED_BY(mutex_);

    /// Last: its replies use all of the above.
    ServerLink link_;
};

} // namespace narthex::client
