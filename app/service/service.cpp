// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/service/service.h"

#include "core/base/status.h"

namespace narthex::app {
namespace {

/// Links in alerts lead to where this program listens unless something else was said.
engine::EngineOptions withExternalUrl(engine::EngineOptions options,
                                      const std::string& listenAddress)
{
    if (options.alerting.externalUrl.empty() && !listenAddress.empty()) {
        options.alerting.externalUrl = "http://" + listenAddress;
    }
    return options;
}

} // namespace

Service::Service(ServiceOptions options, const base::LogSetup& log)
    : options_(std::move(options)),
      log_(log.logger("service")),
      engine_(std::make_unique<engine::Engine>(
          withExternalUrl(options_.engine, options_.listenAddress),
          engine::Engine::Environment{.loop = loop_, .pool = pool_, .timers = timers_, .log = log}))
{}

Service::~Service() { stop(); }

absl::Status Service::start()
{
    NARTHEX_RETURN_IF_ERROR(engine_->start());
    if (options_.listenAddress.empty()) {
        return absl::OkStatus();
    }
    const absl::Status listening = listen();
    if (!listening.ok()) {
        if (options_.requireListener) {
            return listening;
        }
        log_->warn("service: no HTTP interface err=\"{}\"", base::messageOf(listening));
        engine_->setProblem(
            "listener", engine::Severity::Warning, "listener",
            fmt::format(
                "{}: other programs cannot reach this one over HTTP; the window works without",
                base::messageOf(listening)));
    }
    return absl::OkStatus();
}

absl::Status Service::listen()
{
    NARTHEX_ASSIGN_OR_RETURN(const auto address, net::splitHostPort(options_.listenAddress));
    api_ = std::make_unique<api::Api>(*engine_,
                                      api::ApiOptions{.enableLifecycle = options_.enableLifecycle,
                                                      .enableAdmin = options_.enableAdmin,
                                                      .onQuit = options_.onQuit,
                                                      .ingest = options_.ingest});
    NARTHEX_ASSIGN_OR_RETURN(
        server_, net::HttpServer::start(loop_, {.address = address.first, .port = address.second},
                                        [this](net::ServerRequest request, net::Responder respond) {
                                            api_->handle(std::move(request), std::move(respond));
                                        }));
    log_->info("service: listening address={}", server_->address());
    const bool local = address.first.starts_with("127.") || address.first == "::1";
    if (!local) {
        log_->warn("service: the HTTP interface is reachable from other machines without "
                   "authentication address={}",
                   server_->address());
        engine_->setProblem(
            "listener.open", engine::Severity::Warning, "listener",
            fmt::format("{} is reachable from other machines, and nobody has to log in",
                        server_->address()));
    }
    return absl::OkStatus();
}

void Service::stop()
{
    server_.reset(); // no new requests
    engine_->stop();
}

} // namespace narthex::app
