// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// MonitoringClient over the engine in this process.
// Owner: app; dies before the engine, after every reply was given. Threads: every function from any
// thread; replies come on the engine's request pool.
#pragma once

#include "core/client/embedded/requests.h"
#include "core/client/monitoring_client.h"
#include "core/engine/engine.h"

#include <absl/base/thread_annotations.h>
#include <absl/synchronization/mutex.h>

#include <string>
#include <vector>

namespace narthex::client {

class EmbeddedClient final : public MonitoringClient
{
public:
    /// `engine` outlives the client.
    explicit EmbeddedClient(engine::Engine& engine);

    /// Where the HTTP API listens, for status(); empty: nowhere.
    void setListenAddress(std::string address);
    /// What the command line says, for flags().
    void setFlags(Flags flags);

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
    Subscription subscribe(std::function<void(Event)> onEvent) override;

private:
    engine::Engine& engine_;

    absl::Mutex mutex_;
    std::string listenAddress_ ABSL_GUARDED_BY(mutex_);
    Flags flags_ ABSL_GUARDED_BY(mutex_);

    /// Last: what runs uses all of the above; it waits for every reply.
    Requests requests_;
};

} // namespace narthex::client
