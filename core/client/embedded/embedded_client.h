// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// MonitoringClient over the engine in this process.
// Owner: app; dies before the engine. Threads: every function from any thread; replies come on the
// engine's request pool.
#pragma once

#include "core/client/monitoring_client.h"
#include "core/engine/engine.h"

#include <memory>

namespace narthex::client {

class EmbeddedClient final : public MonitoringClient
{
public:
    /// `engine` outlives the client.
    explicit EmbeddedClient(engine::Engine& engine);
    /// Waits until every reply was given.
    ~EmbeddedClient() override;

    /// Where the HTTP API listens, for status(); empty: nowhere.
    void setListenAddress(std::string address);

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
    Subscription subscribe(std::function<void(Event)> onEvent) override;

private:
    template <typename T>
    void run(std::stop_token stop, Reply<T> reply,
             std::function<absl::StatusOr<T>(std::stop_token)> work);

    struct Pending;
    engine::Engine& engine_;
    const std::shared_ptr<Pending> pending_;
};

} // namespace narthex::client
