// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a discovery mechanism implements: it either answers "what is there now?" again and again
// (Refresher) or follows a server (Watcher). Both block on threads of their own; the manager starts
// and stops them. Threads: calls of one object come one at a time. Errors: a refresh is all or
// nothing; on an error the old groups stay. Source: spec/discovery.md, Discovery manager.
#pragma once

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/discovery/target_group.h"
#include "core/net/http_client.h"

#include <absl/status/statusor.h>

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <variant>
#include <vector>

namespace narthex::discovery {

class Metrics;

using TargetGroups = std::vector<TargetGroup>;

/// What mechanisms work with; all of it outlives them. The parts that fixed addresses of clouds
/// and this machine's files hide behind can be replaced by tests.
struct ProviderEnvironment
{
    net::HttpClient& http;
    const base::Clock& clock;
    base::Logger log;
    Metrics& metrics;
    /// The system resolver's file.
    std::string resolverFile = "/etc/resolv.conf";
    /// Of all name servers.
    std::uint16_t dnsPort = 53;
    /// Takes the place of a fixed base address ("https://api.hetzner.cloud"); empty in production.
    std::string apiBase;
    /// The environment variables, for credentials; tests give their own.
    std::function<std::string(const std::string& name)> variable;
    /// Where fixed paths of this machine begin ("/var/run/secrets/…"); empty in production.
    std::string rootDirectory;
    /// Where watchers say how one of their parts is doing (a path, a file): OK when it works again
    /// or is no longer looked at. Any thread; may be empty.
    std::function<void(std::string_view part, const absl::Status& status)> report;
};

/// environment.report(), if there is one.
void reportPart(const ProviderEnvironment& environment, std::string_view part,
                const absl::Status& status);

class Refresher
{
public:
    virtual ~Refresher() = default;
    /// All groups that are there now, or only those that changed: groups that are not mentioned
    /// stay, a group without entries removes the one of the same source. May block; returns within
    /// 5 s after `stop` is requested.
    virtual absl::StatusOr<TargetGroups> refresh(const std::stop_token& stop) = 0;
};

class Watcher
{
public:
    using Send = std::function<void(TargetGroups)>;
    virtual ~Watcher() = default;
    /// Runs until `stop` is requested, and returns within 5 s after that. `send` as refresh()'s
    /// result, from any thread.
    virtual void run(const std::stop_token& stop, const Send& send) = 0;
};

struct Refreshing
{
    std::unique_ptr<Refresher> refresher;
    base::Duration interval;
};

using Provider = std::variant<Refreshing, std::unique_ptr<Watcher>>;

/// Waits, unless `stop` is requested meanwhile. True: the time is over.
bool waitFor(base::Duration duration, const std::stop_token& stop);

} // namespace narthex::discovery
