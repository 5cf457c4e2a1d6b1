// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A session with ZooKeeper: reads nodes and leaves watches on them. Owner: a mechanism. Threads:
// one; the library has its own, which only fill an inbox. Errors: NotFound (no such node),
// Unavailable (connection or session lost, what else the server says), Cancelled.
// Format: libzookeeper_mt.
#pragma once

#include "core/base/time.h"

#include <absl/status/statusor.h>

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace narthex::discovery {

class ZooKeeperSession
{
public:
    /// `servers`: "host:port" each. Connects in the background, again and again.
    ZooKeeperSession(const std::vector<std::string>& servers, base::Duration timeout);
    ~ZooKeeperSession();
    ZooKeeperSession(const ZooKeeperSession&) = delete;
    ZooKeeperSession& operator=(const ZooKeeperSession&) = delete;

    /// Reads and watches: the next change gives one event, then no more until it is read again.
    absl::StatusOr<std::string> data(const std::string& path, const std::stop_token& stop);
    absl::StatusOr<std::vector<std::string>> children(const std::string& path,
                                                      const std::stop_token& stop);

    struct Event
    {
        /// Empty: the session expired, nothing is watched any more, and a new one was begun.
        std::string path;
    };
    /// Waits for an event. Absent: the time is over, or stopped.
    std::optional<Event> next(base::Duration atMost, const std::stop_token& stop);

private:
    struct Inbox;
    struct Handle;
    void open();

    const std::string servers_;
    const base::Duration timeout_;
    const std::shared_ptr<Inbox> inbox_;
    std::unique_ptr<Handle> handle_;
};

} // namespace narthex::discovery
