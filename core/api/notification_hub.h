// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the server tells its users of itself: that a reload failed, that it starts or stops; as a
// list, and live. Owner: Api. Threads: any. Source: spec/http-api.md, 7.
#pragma once

#include "core/engine/engine.h"
#include "core/exposition/text_writer.h"
#include "core/net/http_server.h"

#include <absl/base/thread_annotations.h>
#include <absl/synchronization/mutex.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace narthex::api {

struct ServerNotice
{
    std::string text;
    base::Timestamp since;
    /// False: it is over.
    bool active = true;
};

/// `{"text":…,"date":…,"active":…}`
std::string toJson(const ServerNotice& notice);

class NotificationHub
{
public:
    /// `engine` outlives the hub.
    NotificationHub(engine::Engine& engine, std::size_t mostSubscribers);
    /// Ends the streams.
    ~NotificationHub();
    NotificationHub(const NotificationHub&) = delete;
    NotificationHub& operator=(const NotificationHub&) = delete;

    /// Those in force.
    [[nodiscard]] std::vector<ServerNotice> list() const;
    /// Events of the server as they come, those in force first; absent: there are enough listeners.
    /// Threads: the stream is asked and destroyed by the server.
    [[nodiscard]] std::optional<net::BodyStream> subscribe();
    void writeMetrics(exposition::TextWriter& out) const;

private:
    struct State;
    class Subscriber;

    static std::vector<ServerNotice> noticesOf(const engine::Engine& engine);
    void look();

    engine::Engine& engine_;
    /// Shared with the streams, which may outlive the hub.
    const std::shared_ptr<State> state_;
    std::uint64_t listener_ = 0;
};

} // namespace narthex::api
