// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// curl's multi interface driven by Asio: curl says which sockets and which moment it waits for, we
// wait for them. Sockets stay registered between the requests of a connection, and handles keep
// their memory. Owner: HttpClient. Threads: the loop's only.
#pragma once

#include "core/net/io_loop.h"

#include <absl/container/flat_hash_map.h>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <curl/curl.h>

#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace narthex::net {

class CurlLoop
{
public:
    using Done = std::function<void(CURL*, CURLcode)>;

    /// `done` is told of every transfer that ended, and removes it.
    CurlLoop(IoLoop& loop, Done done);
    /// All transfers were removed.
    ~CurlLoop();
    CurlLoop(const CurlLoop&) = delete;
    CurlLoop& operator=(const CurlLoop&) = delete;

    /// A handle whose sockets belong to this loop.
    [[nodiscard]] CURL* newHandle();
    void add(CURL* easy);
    void remove(CURL* easy);

private:
    struct Watch;
    using Clock = std::chrono::steady_clock;

    void act(curl_socket_t socket, int events);
    void collect();
    void wakeAt(Clock::time_point time);
    void wakeNow();
    void arm(const std::shared_ptr<Watch>& watch);
    void fired(const std::shared_ptr<Watch>& watch, int select, int poll,
               const boost::system::error_code& error);
    void forget(curl_socket_t socket);

    static int onTimer(CURLM* multi, long timeoutMs, void* user);
    static int onSocket(CURL* easy, curl_socket_t socket, int events, void* user, void* perSocket);
    static curl_socket_t onOpen(void* user, curlsocktype purpose, curl_sockaddr* address);
    static int onClose(void* user, curl_socket_t socket);

    IoLoop& loop_;
    const Done done_;
    /// Gone with the loop: handlers that come later find out.
    const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
    CURLM* const multi_;
    boost::asio::steady_timer timer_;
    /// When curl wants to be called; absent: not at all.
    std::optional<Clock::time_point> wanted_;
    /// What timer_ waits for. It is moved only to come earlier: a wake-up too many costs less than
    /// setting the timer anew for every request.
    std::optional<Clock::time_point> armed_;
    bool wakePosted_ = false;
    absl::flat_hash_map<curl_socket_t, std::shared_ptr<Watch>> watches_;
};

} // namespace narthex::net
