// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/service/service.h"

#include "app/service/running_server.h"
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
    std::vector<std::pair<std::string, std::uint16_t>> addresses;
    NARTHEX_ASSIGN_OR_RETURN(auto first, net::splitHostPort(options_.listenAddress));
    addresses.push_back(std::move(first));
    for (const std::string& text : options_.moreAddresses) {
        NARTHEX_ASSIGN_OR_RETURN(auto address, net::splitHostPort(text));
        addresses.push_back(std::move(address));
    }
    api::FrontOptions web = options_.web;
    web.api.listenPort = fmt::format("{}", addresses.front().second);
    NARTHEX_ASSIGN_OR_RETURN(front_, api::Front::create(*engine_, std::move(web), log_));
    const net::HttpServerOptions options{.address = addresses.front().first,
                                         .port = addresses.front().second,
                                         .moreAddresses = {addresses.begin() + 1, addresses.end()},
                                         .tls = front_->tlsSource(),
                                         .idleTimeout = options_.readTimeout,
                                         .readTimeout = options_.readTimeout,
                                         .maxConnections = options_.maxConnections};
    NARTHEX_ASSIGN_OR_RETURN(
        server_, net::HttpServer::start(loop_, options,
                                        [this](net::ServerRequest request, net::Responder respond) {
                                            front_->handle(std::move(request), std::move(respond));
                                        }));
    front_->countConnections([this] { return server_->connections(); });
    for (const std::string& address : server_->addresses()) {
        log_->info("service: listening address={} tls={}", address, options.tls != nullptr);
    }
    warnIfOpen(addresses);
    tellOthers(options.tls != nullptr);
    return absl::OkStatus();
}

void Service::warnIfOpen(const std::vector<std::pair<std::string, std::uint16_t>>& addresses)
{
    if (front_->authenticates()) {
        return;
    }
    for (std::size_t i = 0; i < addresses.size(); ++i) {
        const std::string& host = addresses[i].first;
        if (host.starts_with("127.") || host == "::1") {
            continue;
        }
        const std::string address = server_->addresses()[i];
        log_->warn("service: the HTTP interface is reachable from other machines without "
                   "authentication address={}",
                   address);
        engine_->setProblem("listener.open", engine::Severity::Warning, "listener",
                            fmt::format("{} is reachable from other machines, and nobody has to "
                                        "log in: basic_auth_users in --web.config.file asks for "
                                        "passwords",
                                        address));
        return;
    }
}

void Service::tellOthers(bool secure)
{
    const std::string url = (secure ? "https://" : "http://") + server_->address();
    const auto tell = [this, url] {
        // Only whoever has the directory speaks for it.
        if (engine_->ready() && !told_.exchange(true)) {
            writeServerNote(options_.engine.dataDirectory, url);
        }
    };
    listener_ = engine_->changes().add([tell](engine::Change change) {
        if (change == engine::Change::Status) {
            tell();
        }
    });
    tell();
}

void Service::stop()
{
    if (listener_ != 0) {
        engine_->changes().remove(std::exchange(listener_, 0));
    }
    if (told_.exchange(false)) {
        removeServerNote(options_.engine.dataDirectory);
    }
    if (server_) {
        front_->countConnections(nullptr);
        server_.reset(); // no new requests
    }
    engine_->stop();
}

} // namespace narthex::app
