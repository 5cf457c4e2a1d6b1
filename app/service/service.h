// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What both programs start: loop, pool, timers, engine, HTTP server, in this order, and stop in the
// reverse one. Owner: main. Threads: the thread of main; reload() from any.
#pragma once

#include "core/api/api.h"
#include "core/base/log.h"
#include "core/base/timers.h"
#include "core/base/worker_pool.h"
#include "core/engine/engine.h"
#include "core/net/http_server.h"
#include "core/net/io_loop.h"

#include <functional>
#include <memory>
#include <string>

namespace narthex::app {

struct ServiceOptions
{
    engine::EngineOptions engine;
    /// "127.0.0.1:9090"; empty: no HTTP server.
    std::string listenAddress;
    bool enableLifecycle = false;
    bool enableAdmin = false;
    /// Of the HTTP server: what may come in as samples.
    api::IngestOptions ingest;
    std::function<void()> onQuit;
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

    const ServiceOptions options_;
    const base::Logger log_;
    net::IoLoop loop_;
    base::WorkerPool pool_;
    base::SystemTimers timers_;
    std::unique_ptr<engine::Engine> engine_;
    std::unique_ptr<api::Api> api_;
    std::unique_ptr<net::HttpServer> server_;
};

} // namespace narthex::app
