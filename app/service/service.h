// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What both programs start: loop, pool, timers, engine, HTTP server, in this order, and stop in the
// reverse one. Owner: main. Threads: the thread of main; reload() from any.
#pragma once

#include "core/api/front.h"
#include "core/base/log.h"
#include "core/base/timers.h"
#include "core/base/worker_pool.h"
#include "core/engine/engine.h"
#include "core/net/http_server.h"
#include "core/net/io_loop.h"

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace narthex::app {

struct ServiceOptions
{
    engine::EngineOptions engine;
    /// "127.0.0.1:9090"; empty: no HTTP server.
    std::string listenAddress;
    /// More of them.
    std::vector<std::string> moreAddresses;
    /// Over all addresses; further ones wait.
    std::size_t maxConnections = net::HttpServerOptions{}.maxConnections;
    /// For a request to arrive, and for a connection without one.
    base::Duration readTimeout = base::Duration::fromMs(300'000);
    api::FrontOptions web;
    /// A port that cannot be had is an error of start(); otherwise a problem that the window shows.
    bool requireListener = true;
};

class Service
{
public:
    Service(ServiceOptions options, const base::LogSetup& log);
    ~Service();
    Service(const Service&) = delete;
    Service& operator=(const Service&) = delete;

    absl::Status start();
    /// Idempotent; also in the destructor.
    void stop();
    [[nodiscard]] engine::Engine& engine() { return *engine_; }
    /// "127.0.0.1:9090"; empty when it does not listen.
    [[nodiscard]] std::string listenAddress() const
    {
        return server_ ? server_->address() : std::string();
    }

private:
    absl::Status listen();
    /// Leaves a note in the data directory of where it is served, when it is open.
    void tellOthers(bool secure);
    void warnIfOpen(const std::vector<std::pair<std::string, std::uint16_t>>& addresses);

    const ServiceOptions options_;
    const base::Logger log_;
    net::IoLoop loop_;
    base::WorkerPool pool_;
    base::SystemTimers timers_;
    std::unique_ptr<engine::Engine> engine_;
    std::unique_ptr<api::Front> front_;
    std::unique_ptr<net::HttpServer> server_;
    std::uint64_t listener_ = 0;
    std::atomic<bool> told_{false};
};

} // namespace narthex::app
